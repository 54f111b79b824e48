"""A fictional trial, its registrations and its papers: all that is true of it, before any format is chosen.

A trial is made from the seed and its index alone, so that any part of a sample can be made again, in any order.
"""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from random import Random

from trialpanorama.sample import mess as messing
from trialpanorama.sample.lexicon import (
    AREAS,
    BIOLOGICALS,
    CITIES,
    CITIES_OF,
    CONDITIONS,
    EUROPE,
    GENERAL_EXCLUSION,
    GENERAL_INCLUSION,
    HOME_COUNTRIES,
    PLACES,
    SPONSORS,
    STRICT_INCLUSION,
    WHY_STOPPED,
    Condition,
)
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.registers import WINDOW, home_register, ictrp_id, pmid, register_id

SNAPSHOT = datetime.date(2025, 6, 30)
"""The day on which the fictional registries were exported."""
MARK = "(FICTIONAL)"
"""Ends the public title of every record and the title of every article."""
KEYWORD = "FICTIONAL RECORD"

_DAY = datetime.timedelta(days=1)
_MONTH_DAYS = 30.44
_STOPPED = ("TERMINATED", "WITHDRAWN")
_CROSS_REGISTERED = 0.19
_OPTIONAL_FIELDS = (
    "detailed_description", "secondary_outcomes", "masking", "allocation", "purpose", "locations", "maximum_age",
    "completion", "size", "collaborators", "arm_descriptions", "official_title",
)  # fmt: skip


@dataclass(slots=True)
class Arm:
    """A group of participants that is treated alike."""

    label: str
    type: str
    description: str
    interventions: list[str]


@dataclass(slots=True)
class Intervention:
    """Something given or done; `concept` is the generic drug, or none for what no vocabulary knows."""

    type: str
    name: str
    concept: str | None
    description: str
    other_names: list[str]
    arms: list[str]


@dataclass(slots=True)
class Registration:
    """What one register says about a trial, mess included; it becomes one record, or several (countries, versions)."""

    register: str
    id: str
    public_title: str
    scientific_title: str
    conditions: list[str]
    sponsor: str
    status: str
    is_current: bool
    """Whether the status and the actual figures are the true ones (false: the register lags behind)."""
    registered: datetime.date
    start: datetime.date
    primary_completion: datetime.date
    completion: datetime.date
    updated: datetime.date
    countries: list[str]
    secondary_ids: list[tuple[str, str]] = field(default_factory=list)
    """Kind (a register, EXTENSION for the parent's id, ORG) and id as typed."""
    missing: frozenset[str] = frozenset()
    contact: tuple[str, str, str] | None = None
    """Name, e-mail address, telephone number."""
    contact_in_text: str = ""
    ids: list[str] = field(default_factory=list)
    """The ids of the records this becomes, as an export prints them."""


@dataclass(slots=True)
class Paper:
    """An article about a trial, or a review of several."""

    pmid: str
    kind: str
    """results, protocol, secondary, review, book, or unrelated."""
    trials: list[int]
    databank_ids: list[tuple[str, str]]
    abstract_ids: list[str]
    published: datetime.date
    subject: Trial | None = field(repr=False, compare=False)  # which holds this paper
    condition: Condition


@dataclass(slots=True)
class Trial:
    """One fictional trial."""

    index: int
    condition: Condition
    second_condition: Condition | None
    study_type: str
    phases: tuple[str, ...]
    allocation: str | None
    model: str | None
    masking: str | None
    who_masked: tuple[str, ...]
    purpose: str | None
    arms: list[Arm]
    interventions: list[Intervention]
    sponsor: str
    sponsor_class: str
    collaborators: list[tuple[str, str]]
    protocol_code: str
    acronym: str
    brief_title: str
    official_title: str
    reworded_title: str
    summary: str
    description: str
    inclusion: list[str]
    exclusion: list[str]
    strict: int
    minimum_age: int | None
    maximum_age: int | None
    sex: str
    healthy: bool
    primary_outcomes: list[tuple[str, str]]
    secondary_outcomes: list[tuple[str, str]]
    sites: list[int]
    """Places in lexicon.CITIES; a city may have several sites."""
    has_dmc: bool
    planned: int
    actual: int | None
    registered: datetime.date
    start: datetime.date
    primary_completion: datetime.date
    completion: datetime.date
    status: str
    fate: str
    """What becomes of it, even if after the snapshot: completed or stopped."""
    reason: str | None
    why_stopped: str | None
    effect: float
    """True standardised effect of the experimental arm."""
    has_results: bool
    parent: Trial | None
    registrations: list[Registration] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    reviews: list[Paper] = field(default_factory=list)

    @property
    def countries(self) -> list[str]:
        """Countries of its sites, in their order."""
        return list(dict.fromkeys(CITIES[site][3] for site in self.sites))

    @property
    def name(self) -> str:
        """Its name in truth.json."""
        return f"FT{self.index:06d}"


@dataclass(slots=True)
class Window:
    """So many consecutive trials, with the articles about them."""

    trials: list[Trial]
    articles: list[Paper]


def window(seed: int, number: int, size: int, mess: Mess) -> Window:
    """Make the trials from `number * WINDOW` on (at most WINDOW of them) and the articles about them."""
    first = number * WINDOW
    trials = [make_trial(seed, first + place, mess) for place in range(size)]
    articles: list[Paper] = []
    for trial in trials:
        for paper in _papers(seed, trial):
            if len(articles) == WINDOW - 20:  # the rest is for reviews
                break
            paper.pmid = pmid(number, len(articles))
            articles.append(paper)
            trial.papers.append(paper)
    rng = Random(f"{seed}/window/{number}")
    by_condition: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.papers or trial.status in _STOPPED:
            by_condition[trial.condition.mesh].append(trial)
    groups = sorted(by_condition.values(), key=lambda group: (-len(group), group[0].index))
    for group in groups[:6]:
        if len(group) > 1:
            _add_article(articles, number, _review(rng, group[:12]), group[:12])
    for _ in range(max(1, size // 25)):
        kind = "unrelated" if rng.random() < 0.9 else "book"
        day = SNAPSHOT - rng.randint(1, 6000) * _DAY
        _add_article(
            articles, number, Paper("", kind, [], [], [], day, None, CONDITIONS[rng.randrange(len(CONDITIONS))]), []
        )
    return Window(trials, articles)


def _add_article(articles: list[Paper], number: int, paper: Paper, reviewed: list[Trial]) -> None:
    paper.pmid = pmid(number, len(articles))
    articles.append(paper)
    for trial in reviewed:
        trial.reviews.append(paper)


def make_trial(seed: int, index: int, mess: Mess) -> Trial:
    """One trial with its registrations."""
    trial = _core(seed, index)
    trial.registrations = _registrations(seed, trial, mess)
    return trial


# --- the trial itself


@lru_cache(maxsize=4)  # an extension needs its parent again
def _core_cached(seed: int, index: int) -> Trial:
    return _make_core(seed, index, None)


def _core(seed: int, index: int) -> Trial:
    if index % 30 == 17 and Random(f"{seed}/extension/{index}").random() < 0.75:
        parent = _core_cached(seed, index - 1)
        if parent.study_type == "INTERVENTIONAL" and parent.status not in _STOPPED:
            return _make_core(seed, index, parent)
    return _make_core(seed, index, None)


def in_sentence(text: str) -> str:
    """The text with a small first letter, unless it begins with an abbreviation or a code."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _article(word: str) -> str:
    return "An" if word[:1] in "AEIOU" else "A"


def _pick(rng: Random, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.random() * len(options))]


def _some(rng: Random, options: Sequence[str], count: int) -> list[str]:
    """So many different ones, in a random order (several times as fast as Random.sample)."""
    pool = list(options)
    for at in range(count):
        other = at + int(rng.random() * (len(pool) - at))
        pool[at], pool[other] = pool[other], pool[at]
    return pool[:count]


_PHASES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.02, ("EARLY_PHASE1",)),
    (0.17, ("PHASE1",)),
    (0.23, ("PHASE1", "PHASE2")),
    (0.49, ("PHASE2",)),
    (0.53, ("PHASE2", "PHASE3")),
    (0.77, ("PHASE3",)),
    (0.97, ("PHASE4",)),
    (1.0, ("NA",)),
)
_TYPICAL_SIZE = {"EARLY_PHASE1": 18, "PHASE1": 32, "PHASE2": 75, "PHASE3": 320, "PHASE4": 120, "NA": 90}
_TYPICAL_MONTHS = {"EARLY_PHASE1": 12, "PHASE1": 15, "PHASE2": 30, "PHASE3": 38, "PHASE4": 24, "NA": 22}
_PHASE_RISK = {"EARLY_PHASE1": 0.2, "PHASE1": 0.0, "PHASE2": 0.6, "PHASE3": 0.2, "PHASE4": 0.0, "NA": -0.5}
_PHASE_WORDS = {
    "EARLY_PHASE1": "Early Phase 1", "PHASE1": "Phase 1", "PHASE2": "Phase 2", "PHASE3": "Phase 3", "PHASE4": "Phase 4",
}  # fmt: skip
_SPONSOR_SHARE: tuple[tuple[float, str], ...] = (
    (0.27, "INDUSTRY"),
    (0.93, "OTHER"),
    (0.945, "NIH"),
    (0.955, "FED"),
    (0.975, "OTHER_GOV"),
    (0.99, "NETWORK"),
    (1.0, "INDIV"),
)
_SPONSOR_RISK = {
    "INDUSTRY": 0.55,
    "OTHER": 0.0,
    "NIH": -0.4,
    "FED": 0.3,
    "OTHER_GOV": -0.5,
    "NETWORK": 0.2,
    "INDIV": -0.2,
}
_WHO = {
    "NONE": (),
    "SINGLE": ("OUTCOMES_ASSESSOR",),
    "DOUBLE": ("PARTICIPANT", "INVESTIGATOR"),
    "TRIPLE": ("PARTICIPANT", "INVESTIGATOR", "OUTCOMES_ASSESSOR"),
    "QUADRUPLE": ("PARTICIPANT", "CARE_PROVIDER", "INVESTIGATOR", "OUTCOMES_ASSESSOR"),
}
_POPULATIONS = (
    "Patients", "Adults", "Participants", "Subjects", "Older Adults", "Adult Patients", "Hospitalized Patients",
    "Outpatients",
)  # fmt: skip
_SETTINGS = (
    "", "", "", " in Primary Care", " After Hospital Discharge", " Not Controlled on Standard Therapy", " at High Risk",
    " Previously Treated With at Least One Line of Therapy", " in a Community Setting", " With Renal Impairment",
    " and Overweight", " Aged 60 Years and Older", " of Recent Onset", " in a Tertiary Center",
)  # fmt: skip
_DOSES = ("2.5 mg", "5 mg", "10 mg", "20 mg", "50 mg", "100 mg", "150 mg", "200 mg", "500 mg", "1000 mg")
_FREQUENCY = (
    "once daily",
    "twice daily",
    "three times a day",
    "once weekly",
    "every 2 weeks",
    "every 3 weeks",
    "as a single dose",
)
_ROUTES = ("orally", "by mouth", "intravenously", "subcutaneously")
_ACRONYM_PARTS = (
    "FIC",
    "ALT",
    "NOR",
    "VER",
    "SOL",
    "MIR",
    "TAN",
    "LUX",
    "ORI",
    "PRO",
    "RES",
    "CAL",
    "DEN",
    "STAR",
    "IMP",
    "VITA",
    "EMBER",
    "OPT",
)
_LABS = (
    ("Haemoglobin", ">=", (8, 9, 10, 11), "g/dL"),
    ("Serum creatinine", "<=", (1.2, 1.5, 2.0, 2.5), "mg/dL"),
    ("Platelet count", ">=", (50, 75, 100, 150), "x 10^9/L"),
    ("Total bilirubin", "<=", (1.5, 2, 3), "times the upper limit of normal"),
    ("Aspartate aminotransferase", "<=", (2, 2.5, 3, 5), "times the upper limit of normal"),
    ("Body mass index", ">=", (18, 18.5, 20), "kg/m2"),
    ("Serum albumin", ">=", (2.5, 2.8, 3.0, 3.5), "g/dL"),
    ("Systolic blood pressure", "<=", (140, 160, 180), "mmHg"),
    ("White blood cell count", ">=", (2.0, 3.0, 3.5), "x 10^9/L"),
    ("Oxygen saturation", ">=", (90, 92, 94), "% on room air"),
)
_WHEN = (
    "at screening",
    "within 14 days before enrolment",
    "within 28 days of the first dose",
    "at baseline",
    "on two occasions",
)


def _share(rng: Random, table: tuple[tuple[float, str], ...]) -> str:
    draw = rng.random()
    return next(value for limit, value in table if draw < limit)


def _make_core(seed: int, index: int, parent: Trial | None) -> Trial:
    rng = Random(f"{seed}/{index}")
    draw = rng.random
    condition = parent.condition if parent else CONDITIONS[int(draw() ** 1.15 * len(CONDITIONS))]
    home = home_register(seed, index)
    study_type = "INTERVENTIONAL"
    if not parent:
        kind = draw()
        if home == "ClinicalTrials.gov" and kind > 0.994:
            study_type = "EXPANDED_ACCESS"
        elif home not in ("EUCTR", "CTIS") and kind < 0.17:
            study_type = "OBSERVATIONAL"
    interventional = study_type == "INTERVENTIONAL"
    with_drug = bool(parent) or study_type == "EXPANDED_ACCESS" or home in ("EUCTR", "CTIS") or draw() < 0.7

    # who runs it, where
    country = _pick(rng, HOME_COUNTRIES[home])
    sponsor_class = parent.sponsor_class if parent else _share(rng, _SPONSOR_SHARE)
    if sponsor_class in ("NIH", "FED") and country != "United States":
        sponsor_class = "OTHER"
    sponsor = parent.sponsor if parent else _pick(rng, SPONSORS[sponsor_class]).format(_pick(rng, PLACES))
    phases: tuple[str, ...] = ()
    if interventional:
        phases = ("NA",)
        if with_drug:
            share = draw()
            phases = next(value for limit, value in _PHASES if share < limit)
    lead = phases[-1] if phases else "NA"
    industry = sponsor_class == "INDUSTRY"
    planned = max(6, int(math.exp(rng.gauss(math.log(_TYPICAL_SIZE[lead] * (1.4 if industry else 1.0)), 0.75))))
    if study_type == "OBSERVATIONAL":
        planned = max(10, int(math.exp(rng.gauss(math.log(220), 1.1))))
    planned = planned if draw() < 0.35 else max(6, round(planned, -1))
    sites = _sites(rng, country, industry, lead, planned)

    # what is compared
    allocation, model, arm_count = _design(rng, lead, interventional, parent is not None)
    masking: str | None = None
    if interventional:
        if model == "SINGLE_GROUP" or not with_drug:
            masking = "NONE" if draw() < 0.72 else "SINGLE"
        else:
            masking = _share(
                rng, ((0.34, "NONE"), (0.42, "SINGLE"), (0.70, "DOUBLE"), (0.82, "TRIPLE"), (1.0, "QUADRUPLE"))
            )
    interventions, arms, named = _arms(rng, condition, parent, study_type, with_drug, arm_count, masking, phases)

    # who may take part
    minimum_age: int | None = (18, 18, 18, 18, 18, 20, 40, 50, 12, 6)[int(draw() * 10)]
    if draw() < 0.06:
        minimum_age = None
    maximum_age = (None, None, None, 65, 70, 75, 80, 85, 99)[int(draw() * 9)] if (minimum_age or 0) >= 18 else 17
    if minimum_age is None:
        maximum_age = None
    inclusion, exclusion, strict = _criteria(rng, condition, minimum_age, maximum_age, with_drug)

    # when, and what becomes of it
    start = datetime.date(2005, 1, 1) + int(7305 * draw() ** 0.75) * _DAY
    if home == "CTIS":  # which opened in 2022
        start = datetime.date(2022, 2, 1) + int(1060 * draw()) * _DAY
    if parent:
        start = min(parent.completion, datetime.date(2024, 12, 31)) + rng.randint(1, 60) * _DAY
    registered = start - int(rng.gauss(20, 45)) * _DAY
    if draw() < 0.12:
        registered = start + rng.randint(30, 700) * _DAY
    months = max(2.0, math.exp(rng.gauss(math.log(_TYPICAL_MONTHS[lead]), 0.45)))
    dmc = draw() < (0.55 if lead in ("PHASE3", "PHASE2") else 0.2)
    odds = (
        -2.85
        + 1.35 * condition.risk
        + _PHASE_RISK[lead]
        + _SPONSOR_RISK[sponsor_class]
        + 1.05 * strict
        - 0.30 * math.log(planned / 100)
        + 0.25 * (len(sites) > 8)
        + 0.35 * (model == "SINGLE_GROUP")
        - 0.35 * (masking in ("TRIPLE", "QUADRUPLE"))
        - 0.25 * (arm_count > 2)
        + 0.05 * (min(len(exclusion), 15) - 7)
        + rng.gauss(0, 0.25)
    )
    stops = study_type != "EXPANDED_ACCESS" and draw() < 1 / (
        1 + math.exp(-odds + (0.9 if not interventional else 0.0))
    )
    reason = _reason(rng, lead, condition, industry, strict, dmc, with_drug) if stops else None
    if stops:
        fraction = 0.15 + 0.8 * draw()
        withdrawn = reason in ("enrollment issues", "feasibility", "regulatory/approval") and draw() < 0.38
    else:
        withdrawn = False
        fraction = 0.9 + 0.5 * draw()
    primary_completion = start + int(months * _MONTH_DAYS * fraction) * _DAY
    completion = primary_completion + int(months * _MONTH_DAYS * 0.25 * draw()) * _DAY
    over = completion <= SNAPSHOT
    if withdrawn:
        actual = 0
    elif stops:
        actual = max(1, int(planned * fraction * (0.25 if reason == "enrollment issues" else 0.6) * (0.5 + draw())))
    else:
        actual = max(4, int(planned * rng.gauss(0.98, 0.12)))
    if study_type == "EXPANDED_ACCESS":
        status = "AVAILABLE" if not over else "NO_LONGER_AVAILABLE"
    elif over:
        status = ("WITHDRAWN" if withdrawn else "TERMINATED") if stops else "COMPLETED"
    elif start > SNAPSHOT:
        status = "NOT_YET_RECRUITING"
    else:
        elapsed = (SNAPSHOT - start).days / max(1, (completion - start).days)
        status = "RECRUITING" if elapsed < 0.65 else "ACTIVE_NOT_RECRUITING"
        if draw() < 0.04:
            status = "SUSPENDED"
        elif draw() < 0.04:
            status = "ENROLLING_BY_INVITATION"
    why = None
    if status in _STOPPED and reason and draw() < 0.92:
        why = _pick(rng, WHY_STOPPED[reason]).format(n=max(1, actual), m=max(2, int(months * fraction)))
        if actual and why.startswith("No participants"):
            why = "Low accrual"
    elif status == "SUSPENDED":
        reason = None
        why = _pick(
            rng,
            (
                "Pending review by the data monitoring committee",
                "Paused for a protocol amendment",
                "Drug supply interrupted",
            ),
        )
    if status not in _STOPPED:
        reason = None

    # what it measures and how it is told
    primary, secondary = _outcomes(rng, condition, phases, study_type)
    mention = (
        parent.brief_title.split(" With ")[-1]
        if parent and " With " in parent.brief_title
        else _pick(rng, condition.mentions)
    )
    mention = mention.removesuffix(" " + MARK)
    brief, official, reworded = _titles(
        rng, named, mention, arms, phases, masking, allocation, model, study_type, parent
    )
    acronym = (_pick(rng, _ACRONYM_PARTS) + _pick(rng, _ACRONYM_PARTS)) if draw() < 0.24 else ""
    trial = Trial(
        index=index,
        condition=condition,
        second_condition=CONDITIONS[int(draw() * len(CONDITIONS))] if draw() < 0.14 else None,
        study_type=study_type,
        phases=phases,
        allocation=allocation,
        model=model,
        masking=masking,
        who_masked=_WHO[masking] if masking and draw() < 0.85 else (),
        purpose=_share(
            rng,
            (
                (0.72, "TREATMENT"),
                (0.82, "PREVENTION"),
                (0.87, "SUPPORTIVE_CARE"),
                (0.9, "DIAGNOSTIC"),
                (0.94, "BASIC_SCIENCE"),
                (0.97, "HEALTH_SERVICES_RESEARCH"),
                (1.0, "OTHER"),
            ),
        )
        if interventional
        else None,
        arms=arms,
        interventions=interventions,
        sponsor=sponsor,
        sponsor_class=sponsor_class,
        collaborators=[
            (_pick(rng, SPONSORS["INDUSTRY" if draw() < 0.4 else "OTHER"]).format(_pick(rng, PLACES)), "")
            for _ in range(int(draw() < 0.25) + int(draw() < 0.05))
        ],
        protocol_code=f"FIC-{_pick(rng, PLACES)[:3].upper()}-{index % 997:03d}-{rng.randint(100, 999)}",
        acronym=acronym,
        brief_title=brief,
        official_title=official,
        reworded_title=reworded,
        summary="",
        description="",
        inclusion=inclusion,
        exclusion=exclusion,
        strict=strict,
        minimum_age=minimum_age,
        maximum_age=maximum_age,
        sex=condition.sex if condition.sex == "ALL" or draw() < 0.9 else "ALL",
        healthy=lead in ("PHASE1", "EARLY_PHASE1") and draw() < 0.25,
        primary_outcomes=primary,
        secondary_outcomes=secondary,
        sites=sites,
        has_dmc=dmc,
        planned=planned,
        actual=actual,
        registered=registered,
        start=start,
        primary_completion=primary_completion,
        completion=completion,
        status=status,
        fate="stopped" if stops else "completed",
        reason=reason,
        why_stopped=why,
        effect=rng.gauss(0.25, 0.25),
        has_results=(status == "COMPLETED" and draw() < (0.42 if industry else 0.16))
        or (status == "TERMINATED" and draw() < 0.15),
        parent=parent,
    )
    trial.collaborators = [
        (name, "INDUSTRY" if name.startswith(_INDUSTRY_NAMES) or "Pharmaceuticals" in name else "OTHER")
        for name, _ in trial.collaborators
    ]
    _tell(rng, trial, mention, named)
    return trial


_INDUSTRY_NAMES = ("Fictional Pharma", "Fictional Therapeutics", "Fictional Biotech", "Fictional Laboratories")


def _sites(rng: Random, country: str, industry: bool, phase: str, planned: int) -> list[int]:
    home = CITIES_OF[country]
    count = 1
    if rng.random() < (0.62 if industry else 0.22):
        count = min(planned, 2 + int(rng.lognormvariate(3.0 if industry and phase == "PHASE3" else 1.6, 1.0)), 250)
    abroad = industry and count > 4 and rng.random() < 0.7
    return sorted(
        int(rng.random() * len(CITIES)) if abroad and k % 3 else home[int(rng.random() * len(home))]
        for k in range(count)
    )


def _design(rng: Random, phase: str, interventional: bool, extension: bool) -> tuple[str | None, str | None, int]:
    if not interventional:
        return None, None, 1 + int(rng.random() < 0.3)
    if extension:
        return "NA", "SINGLE_GROUP", 1
    single = (
        rng.random()
        < {"EARLY_PHASE1": 0.5, "PHASE1": 0.45, "PHASE2": 0.4, "PHASE3": 0.12, "PHASE4": 0.25, "NA": 0.22}[phase]
    )
    if single:
        return ("NA" if rng.random() < 0.8 else "NON_RANDOMIZED"), "SINGLE_GROUP", 1
    model = _share(rng, ((0.84, "PARALLEL"), (0.92, "CROSSOVER"), (0.95, "FACTORIAL"), (1.0, "SEQUENTIAL")))
    allocation = "RANDOMIZED" if model in ("CROSSOVER", "FACTORIAL") or rng.random() < 0.88 else "NON_RANDOMIZED"
    return allocation, model, 4 if model == "FACTORIAL" else 2 + int(rng.random() < 0.22) + int(rng.random() < 0.07)


def _arms(
    rng: Random, condition: Condition, parent: Trial | None, study_type: str, with_drug: bool, count: int,
    masking: str | None, phases: tuple[str, ...],
) -> tuple[list[Intervention], list[Arm], str]:  # fmt: skip
    """Interventions, arms, and the name of the experimental intervention."""
    area = AREAS[condition.area]
    concept: str | None = None
    if parent:
        kind, named, concept = (
            parent.interventions[0].type,
            parent.interventions[0].name,
            parent.interventions[0].concept,
        )
    elif with_drug:
        named = concept = _pick(rng, condition.drugs)
        kind = "BIOLOGICAL" if named in BIOLOGICALS else "DRUG"
        if phases and phases[0] in ("EARLY_PHASE1", "PHASE1", "PHASE2") and rng.random() < 0.35:
            named, concept = f"FIC-{rng.randint(1000, 9999)}", None
    else:
        kind, named = area.other[int(rng.random() * len(area.other))]
    dose = (
        f"{_pick(rng, _DOSES)} {_pick(rng, _ROUTES)} {_pick(rng, _FREQUENCY)}"
        if with_drug
        else "as described in the manual"
    )
    weeks = (4, 8, 12, 16, 24, 26, 48, 52)[int(rng.random() * 8)]
    text = f"{named} {dose} for {weeks} weeks"
    synonyms = [f"{named} hydrochloride"] if with_drug and concept and kind == "DRUG" and rng.random() < 0.2 else []
    if concept is None and with_drug:
        synonyms = [f"FIC {named[4:]}"] if rng.random() < 0.3 else []
    label = named[:1].upper() + named[1:]
    first = Intervention(kind, label if rng.random() < 0.5 else named, concept, text, synonyms, [label])
    arms = [Arm(label, "EXPERIMENTAL", f"Participants receive {text}.", [first.name])]
    interventions = [first]
    if study_type == "OBSERVATIONAL":
        arms[0].label = label = f"{_pick(rng, condition.mentions)} cohort"
        arms[0].description = "Participants who fulfil the criteria and are followed in routine care."
        first.arms = [label]
        if count > 1:
            arms.append(Arm("Control group", "OTHER", "Matched participants without the disease.", []))
        return interventions, arms, named
    if count > 1:
        if masking in ("DOUBLE", "TRIPLE", "QUADRUPLE") and with_drug and rng.random() < 0.75:
            other = Intervention(
                kind if kind == "DRUG" else "DRUG",
                "Placebo",
                None,
                f"Matching placebo for {weeks} weeks",
                [],
                ["Placebo"],
            )
            control = Arm("Placebo", "PLACEBO_COMPARATOR", "Participants receive a matching placebo.", ["Placebo"])
        elif with_drug and len(condition.drugs) > 1 and rng.random() < 0.6:
            rival = _pick(rng, tuple(drug for drug in condition.drugs if drug != concept))
            other = Intervention(
                "BIOLOGICAL" if rival in BIOLOGICALS else "DRUG",
                rival,
                rival,
                f"{rival} {_pick(rng, _DOSES)} {_pick(rng, _FREQUENCY)}",
                [],
                [rival.capitalize()],
            )
            control = Arm(rival.capitalize(), "ACTIVE_COMPARATOR", f"Participants receive {rival}.", [rival])
        else:
            other = Intervention("OTHER", "Usual care", None, "Care as usual at the site", [], ["Usual care"])
            control = Arm(
                "Usual care",
                "NO_INTERVENTION" if rng.random() < 0.4 else "OTHER",
                "Participants receive usual care.",
                ["Usual care"],
            )
        interventions.append(other)
        for extra in range(2, count):
            name = f"{label} {('high dose', 'combination')[extra - 2]}"
            arms.append(
                Arm(
                    name,
                    "EXPERIMENTAL",
                    f"Participants receive {named} at another dose or in combination.",
                    [first.name],
                )
            )
            first.arms.append(name)
        arms.append(control)
    return interventions, arms, named


def _criteria(
    rng: Random, condition: Condition, minimum: int | None, maximum: int | None, with_drug: bool
) -> tuple[list[str], list[str], int]:
    area = AREAS[condition.area]
    ages = f"Age {minimum} years or older" if maximum is None else f"Age >= {minimum} and <= {maximum} years"
    inclusion = [ages] if minimum else []
    mention = _pick(rng, condition.mentions)
    inclusion.append(f"Diagnosis of {mention.lower() if rng.random() < 0.3 else mention}")
    inclusion += _some(rng, area.inclusion, min(len(area.inclusion), 1 + int(rng.random() * 3)))
    inclusion += _some(rng, GENERAL_INCLUSION, int(rng.random() * 4))
    for _ in range(min(40, int(rng.lognormvariate(1.2, 1.0)))):
        lab, sign, limits, unit = _LABS[int(rng.random() * len(_LABS))]
        inclusion.append(f"{lab} {sign} {limits[int(rng.random() * len(limits))]} {unit} {_pick(rng, _WHEN)}")
    strict = int(rng.random() < 0.22) + int(rng.random() < 0.08)
    for line in _some(rng, STRICT_INCLUSION, strict):
        inclusion.insert(int(rng.random() * len(inclusion)) + 1, line)
    exclusion = _some(rng, area.exclusion, 1 + int(rng.random() * len(area.exclusion)))
    exclusion += _some(rng, GENERAL_EXCLUSION, 1 + int(rng.random() * len(GENERAL_EXCLUSION)))
    for _ in range(min(25, int(rng.lognormvariate(0.3, 1.2)))):
        lab, sign, limits, unit = _LABS[int(rng.random() * len(_LABS))]
        opposite = "<" if sign == ">=" else ">"
        exclusion.append(f"{lab} {opposite} {limits[int(rng.random() * len(limits))]} {unit} {_pick(rng, _WHEN)}")
    if rng.random() < 0.2:
        exclusion += [
            f"{other} that needs treatment"
            for other in _some(
                rng, ("Diabetes", "Hypertension", "Epilepsy", "Gout", "Active infection", "Severe depression"), 2
            )
        ]
    return inclusion, exclusion, strict


_REASONS = ("enrollment issues", "feasibility", "lack of efficacy", "regulatory/approval", "safety issues", "other")


def _reason(
    rng: Random, phase: str, condition: Condition, industry: bool, strict: int, dmc: bool, with_drug: bool
) -> str:
    late = phase in ("PHASE2", "PHASE3")
    weights = (
        0.50 + 0.35 * strict + 0.15 * (not industry),
        0.22 + 0.15 * industry,
        (0.12 + 0.25 * late * dmc) if with_drug else 0.03,
        0.05 + 0.04 * (phase == "PHASE4"),
        (0.05 + 0.10 * (phase in ("PHASE1", "EARLY_PHASE1")) + 0.06 * (condition.area == "oncology"))
        if with_drug
        else 0.02,
        0.10,
    )
    return rng.choices(_REASONS, weights)[0]


def _outcomes(
    rng: Random, condition: Condition, phases: tuple[str, ...], study_type: str
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    if study_type == "EXPANDED_ACCESS":
        return [], []
    area = AREAS[condition.area]
    early = bool(phases) and phases[0] in ("EARLY_PHASE1", "PHASE1")
    primary: list[tuple[str, str]] = []
    if early and rng.random() < 0.6:
        primary.append(
            ("Number of participants with dose-limiting toxicities", "28 days")
            if condition.area == "oncology"
            else ("Number of participants with treatment-emergent adverse events", "Up to 12 weeks")
        )
        if rng.random() < 0.4:
            primary.append(("Maximum plasma concentration", "0 to 72 hours after dose"))
    else:
        at = min(int(rng.expovariate(1.1)), len(condition.endpoints) - 1)
        primary.append(condition.endpoints[at])
        for extra in condition.endpoints:
            if extra != primary[0] and rng.random() < 0.18:
                primary.append(extra)
    rest = [pair for pair in (*condition.endpoints, *area.endpoints) if pair not in primary]
    rng.shuffle(rest)
    secondary = rest[: min(len(rest), int(rng.lognormvariate(0.9, 0.9)))]
    if secondary and rng.random() < 0.4:
        secondary.append(
            ("Number of participants with adverse events", "Through study completion, an average of 1 year")
        )
    return primary, secondary


def _titles(
    rng: Random, named: str, mention: str, arms: list[Arm], phases: tuple[str, ...], masking: str | None,
    allocation: str | None, model: str | None, study_type: str, parent: Trial | None,
) -> tuple[str, str, str]:  # fmt: skip
    title = named[:1].upper() + named[1:]
    people, setting = _pick(rng, _POPULATIONS), _pick(rng, _SETTINGS)
    rival = arms[-1].label if len(arms) > 1 else ""
    if study_type == "OBSERVATIONAL":
        place = _pick(rng, PLACES)
        brief = _pick(
            rng,
            (
                f"{title} in Routine Care of {mention}",
                f"Outcomes of {people} With {mention}{setting}",
                f"{mention} Registry of {place}",
            ),
        )
        kind = _pick(rng, ("Prospective", "Retrospective", "Multicenter"))
        official = f"A {kind} Cohort Study of {people} With {mention}{setting} Treated With {title} in {place}"
        return brief, official, f"Cohort of {mention}{setting}: the Role of {title} in {place}"
    if parent:
        brief = f"Long-Term Extension of a Study of {title} in {people} With {mention}"
        official = (
            f"An Open-Label Extension Study to Evaluate the Long-Term Safety of {title} in {people} With {mention} "
            f"Who Completed Study {parent.protocol_code}"
        )
        return brief, official, f"Long-Term Safety of {title} for {mention}: an Open Extension"
    versus = f" Versus {rival}" if rival else ""
    brief = _pick(
        rng,
        (
            f"{title} in {people} With {mention}{setting}",
            f"{title}{versus} for {mention}{setting}",
            f"A Study of {title} in {people} With {mention}{setting}",
            f"Efficacy and Safety of {title} for the Treatment of {mention}{setting}",
            f"Effect of {title}{versus} in {mention}",
            f"Trial of {title} for {mention}{setting}",
        ),
    )
    words = [_PHASE_WORDS[phase] for phase in phases if phase in _PHASE_WORDS]
    design = [f"{'/'.join(words)}" if len(words) < 2 else f"{words[0]}/{words[1][-1]}"] if words else []
    if allocation == "RANDOMIZED":
        design.append("Randomized")
    design += {"NONE": ["Open-Label"], "SINGLE": ["Single-Blind"], None: []}.get(masking, ["Double-Blind"])
    if rival == "Placebo":
        design.append("Placebo-Controlled")
    elif rival:
        design.append("Controlled")
    if model == "CROSSOVER":
        design.append("Crossover")
    elif model == "SINGLE_GROUP":
        design.append("Single-Arm")
    aim = _pick(
        rng,
        (
            "to Evaluate the Efficacy and Safety of",
            "to Assess the Effect of",
            "of",
            "Comparing the Efficacy of",
            "Investigating",
        ),
    )
    design = design or ["Open-Label"]
    kind = _pick(rng, ("Study", "Trial", "Clinical Trial"))
    subject = f"{title}{versus} in {people} With {mention}{setting}"
    official = f"{_article(design[0])} {', '.join(design)} {kind} {aim} {subject}"
    reworded = _pick(
        rng,
        (
            f"Treatment of {mention}{setting} With {title}: a {', '.join(design[-2:]).lower()} trial",
            f"{', '.join(design)} trial of {in_sentence(title)} for {people.lower()} who have {mention}{setting}",
            f"Clinical investigation of {title}{versus.replace('Versus', 'versus')} in {mention}{setting}",
        ),
    )
    return brief, official, reworded


_BACKGROUND = (
    "{mention} remains a common reason for disability, and many patients do not reach the goals of treatment.",
    "Earlier work suggested that {named} may help in {mention}, but its size of effect is uncertain.",
    "Current options for {mention} are limited by side effects and by poor adherence.",
    "There is no agreement on the best sequence of treatments for {mention}.",
    "Small uncontrolled series have reported benefits of {named} that were never confirmed.",
)
_PROCEDURES = (
    "Visits take place at screening, at baseline and at weeks {a}, {b} and {c}.",
    "Blood samples are taken before the first dose and at each visit.",
    "Participants keep a diary and bring it to each visit.",
    "Assessors who do not know the assigned group collect the outcomes.",
    "Follow-up continues for {b} weeks after the end of treatment.",
    "Imaging is repeated every {a} weeks until the disease progresses.",
    "Safety is reviewed at each visit, and serious adverse events are reported within 24 hours.",
    "An optional substudy stores plasma for later analysis of markers of inflammation.",
)
_ANALYSIS = (
    "The primary analysis follows the intention-to-treat principle.",
    "Missing values are handled by multiple imputation.",
    "A mixed model for repeated measures compares the groups.",
    "Time-to-event outcomes are compared by a stratified log-rank test.",
    "One interim analysis is planned after half of the participants have completed the study.",
)


def _tell(rng: Random, trial: Trial, mention: str, named: str) -> None:
    """Fill the summary and the detailed description."""
    verb = _pick(rng, ("find out whether", "learn if", "determine whether", "test whether"))
    measure = in_sentence(trial.primary_outcomes[0][0]) if trial.primary_outcomes else "access to treatment"
    lines = [
        f"The purpose of this study is to {verb} {named} is useful for people with {mention}.",
        f"The main outcome is {measure}.",
    ]
    if rng.random() < 0.6:
        lines.append(_pick(rng, _BACKGROUND).format(mention=mention, named=named))
    if rng.random() < 0.4:
        lines += [text.format(mention=mention, named=named) for text in _some(rng, _BACKGROUND, 2)]
    if rng.random() < 0.5:
        sites = "one site" if len(trial.sites) == 1 else f"{len(trial.sites)} sites"
        lines.append(f"About {trial.planned} participants will take part at {sites}.")
    if rng.random() < 0.4:
        lines += [text.format(a=4, b=12, c=24) for text in _some(rng, _PROCEDURES, 2)]
    trial.summary = " ".join(lines)
    if rng.random() < 0.4:
        return
    weeks = {"a": 2 + int(rng.random() * 5), "b": 8 + int(rng.random() * 8), "c": 24 + int(rng.random() * 24)}
    parts = [" ".join(_some(rng, _BACKGROUND, 2)).format(mention=mention, named=named)]
    if len(trial.arms) > 1:
        parts.append(
            "Participants are assigned to one of these groups:\n\n"
            + "\n".join(f"* {arm.label}: {arm.description}" for arm in trial.arms)
        )
    parts.append(" ".join(_some(rng, _PROCEDURES, 2 + int(rng.random() * 4))).format(**weeks))
    if len(trial.arms) > 1 and rng.random() < 0.5:
        power, z_power = ((80, 0.842), (85, 1.036), (90, 1.282))[int(rng.random() * 3)]
        alpha, z_alpha = ((0.05, 1.960), (0.05, 1.960), (0.025, 2.241))[int(rng.random() * 3)]
        dropout = 5 + int(rng.random() * 4) * 5
        difference = (z_power + z_alpha) / math.sqrt(trial.planned * (1 - dropout / 100) / 4)
        parts.append(
            f"Sample size: {trial.planned} participants give {power}% power to detect a standardised difference of "
            f"{difference:.2f} in the primary outcome at a two-sided significance level of {alpha}, allowing for a "
            f"dropout rate of {dropout}%."
        )
    if rng.random() < 0.6:
        parts.append("Statistics: " + " ".join(_some(rng, _ANALYSIS, 1 + int(rng.random() * 3))))
    for visit in range(int(rng.lognormvariate(0.2, 1.0))):
        parts.append(
            f"Visit {visit + 1}: " + " ".join(_some(rng, _PROCEDURES, 2 + int(rng.random() * 3))).format(**weeks)
        )
    trial.description = "\n\n".join(parts)


# --- its registrations


def _registrations(seed: int, trial: Trial, mess: Mess) -> list[Registration]:
    rng = Random(f"{seed}/{trial.index}/registrations")
    home = home_register(seed, trial.index)
    names = [home]
    if trial.study_type != "EXPANDED_ACCESS" and rng.random() < _CROSS_REGISTERED:
        for _ in range(1 + int(rng.random() < 0.15)):
            other = _other_register(rng, trial, names)
            if other:
                names.append(other)
    registrations = [_registration(rng, seed, trial, mess, name, first=not at) for at, name in enumerate(names)]
    if len(registrations) > 1:
        draw = rng.random()
        for one, second in pairwise(registrations):
            if draw < mess.dropped_secondary_id:
                break
            mutual = draw < mess.dropped_secondary_id + mess.mutual_secondary_id
            if mutual or rng.random() < 0.7:
                _quote(rng, second, one)
                if mutual:
                    _quote(rng, one, second)
            else:
                _quote(rng, one, second)
    if trial.parent:
        parent_home = home_register(seed, trial.parent.index)
        parent_id = register_id(seed, parent_home, trial.parent.index)
        for registration in registrations:
            if rng.random() < 0.7:
                registration.secondary_ids.append(("EXTENSION", parent_id))
    for registration in registrations:
        if rng.random() < 0.15:
            registration.secondary_ids.append(
                (
                    "ORG",
                    trial.protocol_code
                    if registration.register != "ClinicalTrials.gov"
                    else f"FICTIONAL-{rng.randint(1000, 99999)}",
                )
            )
    return registrations


def _other_register(rng: Random, trial: Trial, taken: list[str]) -> str | None:
    options: list[str] = []
    interventional = trial.study_type == "INTERVENTIONAL"
    if "ClinicalTrials.gov" not in taken:
        options += ["ClinicalTrials.gov"] * 6
    for country in trial.countries:
        if country in EUROPE and interventional:
            options += ["EUCTR", "EUCTR"] + (["CTIS"] if trial.start.year > 2020 else [])
        by_country = {
            "Germany": "DRKS",
            "United Kingdom": "ISRCTN",
            "China": "ChiCTR",
            "Japan": "jRCT",
            "India": "CTRI",
            "Australia": "ANZCTR",
            "New Zealand": "ANZCTR",
        }.get(country)
        if by_country:
            options.append(by_country)
    if not options:
        options = ["ISRCTN", "EUCTR" if interventional else "ISRCTN"]
    options = [name for name in options if name not in taken]
    return _pick(rng, options) if options else None


def _registration(rng: Random, seed: int, trial: Trial, mess: Mess, name: str, first: bool) -> Registration:
    condition = trial.condition
    conditions = [_pick(rng, condition.mentions)]
    if trial.second_condition:
        conditions.append(_pick(rng, trial.second_condition.mentions))
    conditions = [messing.maybe_typo(text, mess.typo_rate, rng) for text in conditions]
    public, scientific = trial.brief_title, trial.official_title
    if not first and rng.random() < mess.reworded_title:
        public, scientific = (
            (trial.reworded_title, scientific) if rng.random() < 0.5 else (public, trial.reworded_title)
        )
    public = messing.maybe_typo(public, mess.typo_rate, rng)
    scientific = messing.maybe_typo(scientific, mess.typo_rate, rng)
    dates = [trial.start, trial.primary_completion, trial.completion]
    registered = trial.registered
    if not first:
        registered += rng.randint(-20, 400) * _DAY
        if rng.random() < mess.drifting_date and mess.drifting_date_days:
            dates = [messing.drift(day, mess.drifting_date_days, rng) for day in dates]
            dates.sort()
    registered = min(registered, SNAPSHOT - 10 * _DAY)
    status, is_current = trial.status, True
    if rng.random() < mess.status_lag and status not in ("RECRUITING", "NOT_YET_RECRUITING", "AVAILABLE"):
        is_current = False
        status = "RECRUITING" if rng.random() < 0.6 else "ACTIVE_NOT_RECRUITING"
        if name == "ClinicalTrials.gov" and (SNAPSHOT - trial.completion).days > 730:
            status = "UNKNOWN"
    updated = min(
        max(dates[2] if is_current else dates[0], registered) + int(rng.expovariate(1 / 120)) * _DAY, SNAPSHOT
    )
    id = register_id(seed, name, trial.index)
    countries = trial.countries
    ids = [ictrp_id(name, id)]
    if name == "EUCTR":
        codes = [EUROPE[country] for country in countries if country in EUROPE] or ["DE"]
        ids = [ictrp_id(name, id, code) for code in codes[: 1 + min(3, int(rng.expovariate(0.7)))]]
    missing = frozenset(field for field in _OPTIONAL_FIELDS if rng.random() < mess.missing_field)
    contact = None
    if rng.random() < mess.contact_field:
        contact = (f"Fictional Contact {rng.randint(1, 999)}", messing.email(rng), messing.telephone(rng))
    return Registration(
        register=name,
        id=id,
        public_title=f"{public} {MARK}",
        scientific_title=scientific,
        conditions=conditions,
        sponsor=_sponsor_typo(trial.sponsor, mess.typo_rate, rng),
        status=status,
        is_current=is_current,
        registered=registered,
        start=dates[0],
        primary_completion=dates[1],
        completion=dates[2],
        updated=updated,
        countries=countries,
        missing=missing,
        contact=contact,
        contact_in_text=messing.contact_sentence(rng) if rng.random() < mess.contact_in_text else "",
        ids=ids,
    )


def _sponsor_typo(name: str, rate: float, rng: Random) -> str:
    """A slip in the sponsor's name, but never in the word that says it is fictional."""
    head, word, tail = name.partition("Fictional")
    return head + word + messing.maybe_typo(tail, rate, rng)


def _quote(rng: Random, where: Registration, whom: Registration) -> None:
    id = whom.id
    if whom.register == "CTIS" and rng.random() < 0.5:
        id = id[:-3]  # without the number of the submission
    elif whom.register == "jRCT" and rng.random() < 0.3:
        id = f"JPRN-{id}"
    where.secondary_ids.append((whom.register, id))


# --- articles

_DATABANKS = {
    "ClinicalTrials.gov": "ClinicalTrials.gov", "ISRCTN": "ISRCTN", "ANZCTR": "ANZCTR", "ChiCTR": "ChiCTR",
    "CRIS": "CRiS", "CTRI": "CTRI", "DRKS": "DRKS", "EUCTR": "EudraCT", "IRCT": "IRCT", "jRCT": "JPRN",
    "UMIN": "UMIN-CTR", "PACTR": "PACTR", "ReBEC": "ReBec", "RPCEC": "RPCEC", "SLCTR": "SLCTR", "TCTR": "TCTR",
    "REPEC": "REPEC",
}  # fmt: skip


def _papers(seed: int, trial: Trial) -> list[Paper]:
    rng = Random(f"{seed}/{trial.index}/papers")
    kinds: list[str] = []
    if rng.random() < 0.07 and trial.study_type == "INTERVENTIONAL" and trial.status != "WITHDRAWN":
        kinds.append("protocol")
    if rng.random() < {"COMPLETED": 0.42, "TERMINATED": 0.14}.get(trial.status, 0.0):
        kinds.append("results")
        if rng.random() < 0.15:
            kinds.append("secondary")
    papers: list[Paper] = []
    for kind in kinds:
        day = trial.start + rng.randint(60, 500) * _DAY
        if kind != "protocol":
            day = trial.completion + rng.randint(120, 900) * _DAY
        if day > SNAPSHOT:
            continue
        databank: list[tuple[str, str]] = []
        abstract: list[str] = []
        registrations = trial.registrations if rng.random() < 0.3 else trial.registrations[:1]
        for registration in registrations:
            bank = _DATABANKS.get(registration.register)
            draw = rng.random()
            if bank and draw < 0.68:
                databank.append((bank, registration.id))
            if 0.4 < draw < 0.92:
                abstract.append(registration.id)
        papers.append(Paper("", kind, [trial.index], databank, abstract, day, trial, trial.condition))
    return papers


def _review(rng: Random, group: list[Trial]) -> Paper:
    ids = [(registration.register, registration.id) for trial in group for registration in trial.registrations[:1]]
    in_databank = rng.random() < 0.35
    databank = [(_DATABANKS[register], id) for register, id in ids if register in _DATABANKS] if in_databank else []
    abstract = [] if in_databank or rng.random() < 0.3 else [id for _, id in ids]
    day = min(
        SNAPSHOT,
        max((paper.published for trial in group for paper in trial.papers), default=SNAPSHOT)
        + rng.randint(90, 900) * _DAY,
    )
    return Paper("", "review", [trial.index for trial in group], databank, abstract, day, None, group[0].condition)
