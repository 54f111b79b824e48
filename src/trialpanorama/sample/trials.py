"""Making a fictional trial: who runs it, what it compares, what becomes of it, and how it is told.

A trial is made from the seed and its index alone, so that any part of a sample can be made again, in any order.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from trialpanorama.sample._drawing import in_sentence, pick, share, some
from trialpanorama.sample.lexicon import (
    AREAS,
    BIOLOGICALS,
    CITIES,
    CITIES_OF,
    CONDITIONS,
    GENERAL_EXCLUSION,
    GENERAL_INCLUSION,
    HOME_COUNTRIES,
    PLACES,
    SPONSORS,
    STRICT_INCLUSION,
    WHY_STOPPED,
    Condition,
)
from trialpanorama.sample.model import DAY, SNAPSHOT, STOPPED, Arm, Intervention, Trial
from trialpanorama.sample.registers import home_register

_MONTH_DAYS = 30.44


@lru_cache(maxsize=4)  # an extension needs its parent again
def _first_of_its_kind(seed: int, index: int) -> Trial:
    return _make(seed, index, None)


def invent(seed: int, index: int) -> Trial:
    """The trial with this index, not registered anywhere yet; a few are extensions of the trial before."""
    if index % 30 == 17 and Random(f"{seed}/extension/{index}").random() < 0.75:
        parent = _first_of_its_kind(seed, index - 1)
        if parent.study_type == "INTERVENTIONAL" and parent.status not in STOPPED:
            return _make(seed, index, parent)
    return _make(seed, index, None)


def _article(word: str) -> str:
    return "An" if word[:1] in "AEIOU" else "A"


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
_MASKINGS = ((0.34, "NONE"), (0.42, "SINGLE"), (0.70, "DOUBLE"), (0.82, "TRIPLE"), (1.0, "QUADRUPLE"))
_PURPOSES = (
    (0.72, "TREATMENT"), (0.82, "PREVENTION"), (0.87, "SUPPORTIVE_CARE"), (0.90, "DIAGNOSTIC"), (0.94, "BASIC_SCIENCE"),
    (0.97, "HEALTH_SERVICES_RESEARCH"), (1.0, "OTHER"),
)  # fmt: skip
_WHY_SUSPENDED = (
    "Pending review by the data monitoring committee", "Paused for a protocol amendment", "Drug supply interrupted",
)  # fmt: skip
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


def _make(seed: int, index: int, parent: Trial | None) -> Trial:
    rng = Random(f"{seed}/{index}")
    draw = rng.random
    condition = parent.condition if parent else CONDITIONS[int(draw() ** 1.15 * len(CONDITIONS))]
    home = home_register(seed, index)
    is_european = home in ("EUCTR", "CTIS")
    study_type = "INTERVENTIONAL"
    if not parent:
        kind = draw()
        if home == "ClinicalTrials.gov" and kind > 0.994:
            study_type = "EXPANDED_ACCESS"
        elif not is_european and kind < 0.17:
            study_type = "OBSERVATIONAL"
    interventional = study_type == "INTERVENTIONAL"
    with_drug = bool(parent) or study_type == "EXPANDED_ACCESS" or is_european or draw() < 0.7
    phases: tuple[str, ...] = ()
    if interventional:
        at = draw()
        phases = next(value for limit, value in _PHASES if at < limit) if with_drug else ("NA",)
    lead = phases[-1] if phases else "NA"

    country = pick(rng, HOME_COUNTRIES[home])
    sponsor_class = parent.sponsor_class if parent else share(rng, _SPONSOR_SHARE)
    if sponsor_class in ("NIH", "FED") and country != "United States":
        sponsor_class = "OTHER"
    industry = sponsor_class == "INDUSTRY"
    planned = _planned(rng, lead, study_type, industry)
    sites = _sites(rng, country, industry, lead, planned)
    allocation, model, arm_count = _design(rng, lead, interventional, parent is not None)
    masking = _masking(rng, model, with_drug) if interventional else None
    weeks = (4, 8, 12, 16, 24, 26, 48, 52)[int(draw() * 8)]
    interventions, arms, named = _arms(rng, condition, parent, study_type, with_drug, arm_count, masking, phases, weeks)
    minimum_age, maximum_age = _ages(rng)
    inclusion, exclusion, strict = _criteria(rng, condition, minimum_age, maximum_age)

    start = datetime.date(2005, 1, 1) + int(7305 * draw() ** 0.75) * DAY
    if home == "CTIS":  # which opened in 2022
        start = datetime.date(2022, 2, 1) + int(1060 * draw()) * DAY
    if parent:
        start = min(parent.completion, datetime.date(2024, 12, 31)) + rng.randint(1, 60) * DAY
    registered = start - int(rng.gauss(20, 45)) * DAY
    if draw() < 0.12:
        registered = start + rng.randint(30, 700) * DAY
    has_dmc = draw() < (0.55 if lead in ("PHASE3", "PHASE2") else 0.2)
    odds = (
        -2.75
        + 1.0 * condition.risk
        + 1.5 * _PHASE_RISK[lead]
        + 1.3 * _SPONSOR_RISK[sponsor_class]
        + 1.0 * strict
        - 0.30 * math.log(planned / 100)
        + 0.25 * (len(sites) > 8)
        + 0.60 * (model == "SINGLE_GROUP")
        - 0.60 * (masking in ("TRIPLE", "QUADRUPLE"))
        - 0.25 * (arm_count > 2)
        + 0.05 * (min(len(exclusion), 15) - 7)
        - 0.90 * (not interventional)
        + rng.gauss(0, 0.5)
    )
    weights = _reason_weights(lead, condition, industry, strict, has_dmc, with_drug)
    fate = _fate(rng, study_type, odds, weights, start, _TYPICAL_MONTHS[lead], planned)

    primary, secondary = _outcomes(rng, condition, phases, study_type, interventions[0].concept, weeks)
    mention = pick(rng, condition.mentions)
    if parent and " With " in parent.brief_title:
        mention = parent.brief_title.split(" With ")[-1]
    brief, official, reworded = _titles(
        rng, named, mention, arms, phases, masking, allocation, model, study_type, parent
    )
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
        purpose=share(rng, _PURPOSES) if interventional else None,
        arms=arms,
        interventions=interventions,
        sponsor=parent.sponsor if parent else _sponsor(rng, sponsor_class),
        sponsor_class=sponsor_class,
        collaborators=[
            (_sponsor(rng, kind), kind)
            for kind in ("INDUSTRY" if draw() < 0.4 else "OTHER" for _ in range((draw() < 0.25) + (draw() < 0.05)))
        ],
        protocol_code=f"FIC-{pick(rng, PLACES)[:3].upper()}-{index % 997:03d}-{rng.randint(100, 999)}",
        acronym=pick(rng, _ACRONYM_PARTS) + pick(rng, _ACRONYM_PARTS) if draw() < 0.24 else "",
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
        sex=condition.sex if draw() < 0.9 else "ALL",
        healthy=lead in ("PHASE1", "EARLY_PHASE1") and draw() < 0.25,
        primary_outcomes=primary,
        secondary_outcomes=secondary,
        sites=sites,
        has_dmc=has_dmc,
        planned=planned,
        actual=fate.actual,
        registered=min(registered, SNAPSHOT - 10 * DAY),
        start=start,
        primary_completion=fate.primary_completion,
        completion=fate.completion,
        status=fate.status,
        fate="stopped" if fate.reason else "completed",
        reason=fate.reason if fate.status in STOPPED else None,
        why_stopped=fate.why_stopped,
        effect=rng.gauss(0.25, 0.25),
        has_results=draw() < {"COMPLETED": 0.42 if industry else 0.16, "TERMINATED": 0.15}.get(fate.status, 0.0),
        parent=parent,
    )
    _tell(rng, trial, mention, named)
    return trial


def _sponsor(rng: Random, kind: str) -> str:
    return pick(rng, SPONSORS[kind]).format(pick(rng, PLACES))


def _planned(rng: Random, phase: str, study_type: str, industry: bool) -> int:
    """Planned size; two in three are round numbers."""
    typical, spread = _TYPICAL_SIZE[phase] * (1.4 if industry else 1.0), 0.75
    if study_type == "OBSERVATIONAL":
        typical, spread = 220, 1.1
    planned = int(typical * math.exp(rng.gauss(0, spread)))
    return max(6, planned if rng.random() < 0.35 else round(planned, -1))


def _masking(rng: Random, model: str | None, with_drug: bool) -> str:
    if model == "SINGLE_GROUP" or not with_drug:
        return "NONE" if rng.random() < 0.72 else "SINGLE"
    return share(rng, _MASKINGS)


def _ages(rng: Random) -> tuple[int | None, int | None]:
    if rng.random() < 0.06:
        return None, None
    minimum = (18, 18, 18, 18, 18, 20, 40, 50, 12, 6)[int(rng.random() * 10)]
    if minimum < 18:
        return minimum, 17
    return minimum, (None, None, None, 65, 70, 75, 80, 85, 99)[int(rng.random() * 9)]


@dataclass(slots=True)
class _Fate:
    """What becomes of a trial; the reason is that of stopping, even if it happens after the snapshot."""

    reason: str | None
    actual: int
    primary_completion: datetime.date
    completion: datetime.date
    status: str
    why_stopped: str | None


def _fate(
    rng: Random,
    study_type: str,
    odds: float,
    weights: tuple[float, ...],
    start: datetime.date,
    typical_months: int,
    planned: int,
) -> _Fate:
    draw = rng.random
    months = max(2.0, typical_months * math.exp(rng.gauss(0, 0.45)))
    stops = study_type != "EXPANDED_ACCESS" and draw() < 1 / (1 + math.exp(-odds))
    reason = rng.choices(_REASONS, weights)[0] if stops else None
    fraction = 0.15 + 0.8 * draw() if stops else 0.9 + 0.5 * draw()
    primary_completion = start + int(months * _MONTH_DAYS * fraction) * DAY
    completion = primary_completion + int(months * _MONTH_DAYS * 0.25 * draw()) * DAY
    if not stops:
        actual = max(4, int(planned * rng.gauss(0.98, 0.12)))
        final = "COMPLETED"
    elif reason in ("enrollment issues", "feasibility", "regulatory/approval") and draw() < 0.38:
        actual, final = 0, "WITHDRAWN"
    else:
        share_reached = fraction * (0.25 if reason == "enrollment issues" else 0.6) * (0.5 + draw())
        actual, final = max(1, int(planned * share_reached)), "TERMINATED"
    status = _status(rng, study_type, start, completion, final)
    why: str | None = None
    if reason and status in STOPPED and draw() < 0.92:
        why = pick(rng, WHY_STOPPED[reason]).format(n=max(1, actual), m=max(2, int(months * fraction)))
        if actual and why.startswith("No participants"):
            why = "Low accrual"
    elif status == "SUSPENDED":
        why = pick(rng, _WHY_SUSPENDED)
    return _Fate(reason, actual, primary_completion, completion, status, why)


def _status(rng: Random, study_type: str, start: datetime.date, completion: datetime.date, final: str) -> str:
    """The status on the day of the snapshot."""
    if study_type == "EXPANDED_ACCESS":
        return "AVAILABLE" if completion > SNAPSHOT else "NO_LONGER_AVAILABLE"
    if completion <= SNAPSHOT:
        return final
    if start > SNAPSHOT:
        return "NOT_YET_RECRUITING"
    odd = rng.random()
    if odd < 0.08:
        return "SUSPENDED" if odd < 0.04 else "ENROLLING_BY_INVITATION"
    elapsed = (SNAPSHOT - start).days / (completion - start).days
    return "RECRUITING" if elapsed < 0.65 else "ACTIVE_NOT_RECRUITING"


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
    model = share(rng, ((0.84, "PARALLEL"), (0.92, "CROSSOVER"), (0.95, "FACTORIAL"), (1.0, "SEQUENTIAL")))
    allocation = "RANDOMIZED" if model in ("CROSSOVER", "FACTORIAL") or rng.random() < 0.88 else "NON_RANDOMIZED"
    return allocation, model, 4 if model == "FACTORIAL" else 2 + int(rng.random() < 0.22) + int(rng.random() < 0.07)


def _arms(
    rng: Random, condition: Condition, parent: Trial | None, study_type: str, with_drug: bool, count: int,
    masking: str | None, phases: tuple[str, ...], weeks: int,
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
        named = concept = pick(rng, condition.drugs)
        kind = "BIOLOGICAL" if named in BIOLOGICALS else "DRUG"
        if phases and phases[0] in ("EARLY_PHASE1", "PHASE1", "PHASE2") and rng.random() < 0.35:
            named, concept = f"FIC-{rng.randint(1000, 9999)}", None
    else:
        kind, named = area.other[int(rng.random() * len(area.other))]
    dose = (
        f"{pick(rng, _DOSES)} {pick(rng, _ROUTES)} {pick(rng, _FREQUENCY)}"
        if with_drug
        else "as described in the manual"
    )
    text = f"{named} {dose} for {weeks} weeks"
    synonyms = [f"{named} hydrochloride"] if with_drug and concept and kind == "DRUG" and rng.random() < 0.2 else []
    if concept is None and with_drug:
        synonyms = [f"FIC {named[4:]}"] if rng.random() < 0.3 else []
    label = named[:1].upper() + named[1:]
    first = Intervention(kind, label if rng.random() < 0.5 else named, concept, text, synonyms, [label])
    arms = [Arm(label, "EXPERIMENTAL", f"Participants receive {text}.", [first.name])]
    interventions = [first]
    if study_type == "OBSERVATIONAL":
        arms[0].label = label = f"{pick(rng, condition.mentions)} cohort"
        arms[0].description = "Participants who fulfil the criteria and are followed in routine care."
        first.arms = [label]
        if count > 1:
            arms.append(Arm("Control group", "OTHER", "Matched participants without the disease.", []))
        return interventions, arms, named
    if count > 1:
        if masking in ("DOUBLE", "TRIPLE", "QUADRUPLE") and with_drug and rng.random() < 0.75:
            text = f"Matching placebo for {weeks} weeks"
            other = Intervention("DRUG", "Placebo", None, text, [], ["Placebo"])
            control = Arm("Placebo", "PLACEBO_COMPARATOR", "Participants receive a matching placebo.", ["Placebo"])
        elif with_drug and len(condition.drugs) > 1 and rng.random() < 0.6:
            rival = pick(rng, tuple(drug for drug in condition.drugs if drug != concept))
            other = Intervention(
                "BIOLOGICAL" if rival in BIOLOGICALS else "DRUG",
                rival,
                rival,
                f"{rival} {pick(rng, _DOSES)} {pick(rng, _FREQUENCY)}",
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
    rng: Random, condition: Condition, minimum: int | None, maximum: int | None
) -> tuple[list[str], list[str], int]:
    area = AREAS[condition.area]
    ages = f"Age {minimum} years or older" if maximum is None else f"Age >= {minimum} and <= {maximum} years"
    inclusion = [ages] if minimum else []
    mention = pick(rng, condition.mentions)
    inclusion.append(f"Diagnosis of {mention.lower() if rng.random() < 0.3 else mention}")
    inclusion += some(rng, area.inclusion, min(len(area.inclusion), 1 + int(rng.random() * 3)))
    inclusion += some(rng, GENERAL_INCLUSION, int(rng.random() * 4))
    for _ in range(min(40, int(rng.lognormvariate(1.2, 1.0)))):
        lab, sign, limits, unit = _LABS[int(rng.random() * len(_LABS))]
        inclusion.append(f"{lab} {sign} {limits[int(rng.random() * len(limits))]} {unit} {pick(rng, _WHEN)}")
    strict = int(rng.random() < 0.22) + int(rng.random() < 0.08)
    for line in some(rng, STRICT_INCLUSION, strict):
        inclusion.insert(int(rng.random() * len(inclusion)) + 1, line)
    exclusion = some(rng, area.exclusion, 1 + int(rng.random() * len(area.exclusion)))
    exclusion += some(rng, GENERAL_EXCLUSION, 1 + int(rng.random() * len(GENERAL_EXCLUSION)))
    for _ in range(min(25, int(rng.lognormvariate(0.3, 1.2)))):
        lab, sign, limits, unit = _LABS[int(rng.random() * len(_LABS))]
        opposite = "<" if sign == ">=" else ">"
        exclusion.append(f"{lab} {opposite} {limits[int(rng.random() * len(limits))]} {unit} {pick(rng, _WHEN)}")
    if rng.random() < 0.2:
        exclusion += [
            f"{other} that needs treatment"
            for other in some(
                rng, ("Diabetes", "Hypertension", "Epilepsy", "Gout", "Active infection", "Severe depression"), 2
            )
        ]
    return inclusion, exclusion, strict


_REASONS = ("enrollment issues", "feasibility", "lack of efficacy", "regulatory/approval", "safety issues", "other")


def _reason_weights(
    phase: str, condition: Condition, industry: bool, strict: int, has_dmc: bool, with_drug: bool
) -> tuple[float, ...]:
    """How likely each of _REASONS is, if the trial stops."""
    late = phase in ("PHASE2", "PHASE3")
    return (
        0.50 + 0.35 * strict + 0.15 * (not industry),
        0.22 + 0.15 * industry,
        (0.12 + 0.25 * late * has_dmc) if with_drug else 0.03,
        0.05 + 0.04 * (phase == "PHASE4"),
        (0.05 + 0.10 * (phase in ("PHASE1", "EARLY_PHASE1")) + 0.06 * (condition.area == "oncology"))
        if with_drug
        else 0.02,
        0.10,
    )


def _outcomes(
    rng: Random, condition: Condition, phases: tuple[str, ...], study_type: str, drug: str | None, weeks: int
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Primary and secondary outcomes, which depend on disease, phase, drug and length of treatment."""
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
        if drug in condition.drugs and rng.random() < 0.6:  # each drug has an outcome it is usually judged by
            at = condition.drugs.index(drug) % len(condition.endpoints)
        measure, frame = condition.endpoints[at]
        if frame.endswith(" weeks") and frame[0].isdigit() and rng.random() < 0.75:
            frame = f"{weeks} weeks"
        primary.append((measure, frame))
        for extra in condition.endpoints:
            if extra[0] != measure and rng.random() < 0.18:
                primary.append(extra)
    taken = {measure for measure, _ in primary}
    rest = [pair for pair in (*condition.endpoints, *area.endpoints) if pair[0] not in taken]
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
    people, setting = pick(rng, _POPULATIONS), pick(rng, _SETTINGS)
    rival = arms[-1].label if len(arms) > 1 else ""
    if study_type == "OBSERVATIONAL":
        place = pick(rng, PLACES)
        brief = pick(
            rng,
            (
                f"{title} in Routine Care of {mention}",
                f"Outcomes of {people} With {mention}{setting}",
                f"{mention} Registry of {place}",
            ),
        )
        kind = pick(rng, ("Prospective", "Retrospective", "Multicenter"))
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
    brief = pick(
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
    aim = pick(
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
    kind = pick(rng, ("Study", "Trial", "Clinical Trial"))
    subject = f"{title}{versus} in {people} With {mention}{setting}"
    official = f"{_article(design[0])} {', '.join(design)} {kind} {aim} {subject}"
    reworded = pick(
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
    verb = pick(rng, ("find out whether", "learn if", "determine whether", "test whether"))
    measure = in_sentence(trial.primary_outcomes[0][0]) if trial.primary_outcomes else "access to treatment"
    lines = [
        f"The purpose of this study is to {verb} {named} is useful for people with {mention}.",
        f"The main outcome is {measure}.",
    ]
    if rng.random() < 0.6:
        lines.append(pick(rng, _BACKGROUND).format(mention=mention, named=named))
    if rng.random() < 0.4:
        lines += [text.format(mention=mention, named=named) for text in some(rng, _BACKGROUND, 2)]
    if rng.random() < 0.5:
        sites = "one site" if len(trial.sites) == 1 else f"{len(trial.sites)} sites"
        lines.append(f"About {trial.planned} participants will take part at {sites}.")
    if rng.random() < 0.4:
        lines += [text.format(a=4, b=12, c=24) for text in some(rng, _PROCEDURES, 2)]
    trial.summary = " ".join(lines)
    if rng.random() < 0.4:
        return
    weeks = {"a": 2 + int(rng.random() * 5), "b": 8 + int(rng.random() * 8), "c": 24 + int(rng.random() * 24)}
    parts = [" ".join(some(rng, _BACKGROUND, 2)).format(mention=mention, named=named)]
    if len(trial.arms) > 1:
        parts.append(
            "Participants are assigned to one of these groups:\n\n"
            + "\n".join(f"* {arm.label}: {arm.description}" for arm in trial.arms)
        )
    parts.append(" ".join(some(rng, _PROCEDURES, 2 + int(rng.random() * 4))).format(**weeks))
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
        parts.append("Statistics: " + " ".join(some(rng, _ANALYSIS, 1 + int(rng.random() * 3))))
    for visit in range(int(rng.lognormvariate(0.2, 1.0))):
        parts.append(
            f"Visit {visit + 1}: " + " ".join(some(rng, _PROCEDURES, 2 + int(rng.random() * 3))).format(**weeks)
        )
    trial.description = "\n\n".join(parts)
