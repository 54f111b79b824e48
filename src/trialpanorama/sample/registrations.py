"""What the registers say about a fictional trial: where it is registered, under which names, with how much mess."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from trialpanorama.sample import mess as messing
from trialpanorama.sample._drawing import pick
from trialpanorama.sample.lexicon import EUROPE
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import DAY, MARK, SNAPSHOT, Registration, Trial
from trialpanorama.sample.registers import home_register, ictrp_id, register_id

_CROSS_REGISTERED = 0.19
_OPTIONAL_FIELDS = (
    "detailed_description", "secondary_outcomes", "masking", "allocation", "purpose", "locations", "maximum_age",
    "completion", "size", "collaborators", "arm_descriptions", "official_title",
)  # fmt: skip


def registrations(seed: int, trial: Trial, mess: Mess) -> list[Registration]:
    """The registrations of a trial, the first one first."""
    rng = Random(f"{seed}/{trial.index}/registrations")
    home = home_register(seed, trial.index)
    names = [home]
    if trial.study_type != "EXPANDED_ACCESS" and rng.random() < _CROSS_REGISTERED:
        for _ in range(1 + int(rng.random() < 0.15)):
            other = _other_register(rng, trial, names)
            if other:
                names.append(other)
    made = [_registration(rng, seed, trial, mess, name, first=not at) for at, name in enumerate(names)]
    if len(made) > 1:
        draw = rng.random()
        for one, second in pairwise(made):
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
        for registration in made:
            if rng.random() < 0.7:
                registration.secondary_ids.append(("EXTENSION", parent_id))
    for registration in made:
        if rng.random() < 0.15:
            is_own = registration.register == "ClinicalTrials.gov"  # which has the code in a field of its own
            code = f"FICTIONAL-{rng.randint(1000, 99999)}" if is_own else trial.protocol_code
            registration.secondary_ids.append(("ORG", code))
    return made


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
    return pick(rng, options) if options else None


def _registration(rng: Random, seed: int, trial: Trial, mess: Mess, name: str, first: bool) -> Registration:
    condition = trial.condition
    conditions = [pick(rng, condition.mentions)]
    if trial.second_condition:
        conditions.append(pick(rng, trial.second_condition.mentions))
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
        registered += rng.randint(-20, 400) * DAY
        if rng.random() < mess.drifting_date and mess.drifting_date_days:
            dates = [messing.drift(day, mess.drifting_date_days, rng) for day in dates]
            dates.sort()
    registered = min(registered, SNAPSHOT - 10 * DAY)
    status, is_current = trial.status, True
    if rng.random() < mess.status_lag and status not in ("RECRUITING", "NOT_YET_RECRUITING", "AVAILABLE"):
        is_current = False
        status = "RECRUITING" if rng.random() < 0.6 else "ACTIVE_NOT_RECRUITING"
        if name == "ClinicalTrials.gov" and (SNAPSHOT - trial.completion).days > 730:
            status = "UNKNOWN"
    updated = min(max(dates[2] if is_current else dates[0], registered) + int(rng.expovariate(1 / 120)) * DAY, SNAPSHOT)
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
