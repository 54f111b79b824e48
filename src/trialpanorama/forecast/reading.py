"""What a forecast may look at: a Record as it was known at the trial's start, and the parts of it that a model knows.

The fields are those that `tasks._trials.SHOWN` allows, read from a Record as the tables read them from a warehouse: no
status, no reason of a stop, no result, no enrolment, no date, no site. What is not copied here cannot reach a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.record import Record
from trialpanorama.tasks._trials import Arm, Intervention, Mask, Start

LEAST_TOLD = 0.05
"""A field that fewer of the trials tell is not read: a draft that tells it would be unlike all that was learnt from."""
_PARTS = ("type", "description")
"""Of interventions: what label files do not tell."""


def start_of(record: Record) -> Start:
    """What a Record tells of its study's start; raises UserError where that is nothing to go by."""
    if record.kind != "REGISTRATION":
        raise UserError(
            f"{record.id} is a publication. A forecast is made for a trial: give its registry entry or its protocol."
        )
    mask = Mask(
        [record.id, *(one.id for one in record.identifiers), *(one.raw for one in record.identifiers if one.raw)],
        record.acronym,
    )
    lead = next((one for one in record.sponsors if one.role == "LEAD"), None)
    masking = record.masking or (None if record.is_masked is None else "MASKED" if record.is_masked else "NONE")
    start = Start(
        title=mask(record.public_title or record.scientific_title) or "",
        scientific_title=mask(record.scientific_title),
        trial_type=record.study_type,
        phases=sorted(record.phases),
        allocation=record.allocation,
        intervention_model=record.intervention_model,
        observational_model=record.observational_model,
        time_perspective=record.time_perspective,
        masking=masking,
        masked_roles=list(record.masked_roles),
        primary_purpose=record.primary_purpose,
        number_of_arms=record.number_of_arms,
        minimum_age_years=record.minimum_age_years,
        maximum_age_years=record.maximum_age_years,
        sex=record.sex,
        healthy_volunteers=record.healthy_volunteers,
        criteria=_criteria(record, mask),
        lead_sponsor=mask(lead.name) if lead else None,
        lead_sponsor_class=lead.sponsor_class if lead else None,
        has_dmc=record.has_dmc,
        conditions=[name for one in record.conditions if (name := mask(one.name))],
        interventions=[
            Intervention(name, one.type, mask(one.description))
            for one in record.interventions
            if (name := mask(one.name))
        ],
        arms=[
            Arm(
                mask(arm.label),
                arm.type,
                mask(arm.description),
                [
                    name
                    for one in record.interventions
                    if (one.name in arm.intervention_names or arm.label in one.arm_labels) and (name := mask(one.name))
                ],
            )
            for arm in record.arms
        ],
    )
    if not (start.title or start.conditions or start.interventions or start.criteria):
        raise UserError(
            f"{record.id} holds neither a title nor conditions, interventions or criteria: there is nothing to go by. "
            "Fill in a draft: trialpanorama predict --help"
        )
    return start


def _criteria(record: Record, mask: Mask) -> str | None:
    if record.eligibility_criteria:
        return mask(record.eligibility_criteria)
    parts = (("Inclusion criteria", record.inclusion_criteria), ("Exclusion criteria", record.exclusion_criteria))
    return "\n".join(f"{head}:\n{mask(text)}" for head, text in parts if text) or None


def fields_told(starts: Iterable[Start]) -> frozenset[str]:
    """The fields that enough of these trials tell; of interventions also `interventions.type`, `.description`."""
    told: Counter[str] = Counter()
    many = 0
    for start in starts:
        many += 1
        told.update(name for name in Start.__struct_fields__ if getattr(start, name) not in (None, "", []))
        told.update(f"interventions.{part}" for part in _PARTS if any(getattr(i, part) for i in start.interventions))
    return frozenset(name for name, times in told.items() if times >= LEAST_TOLD * many)


def restricted(start: Start, told: Collection[str]) -> Start:
    """A trial's start with only these fields."""
    empty = Start(title="")
    unread = {name: getattr(empty, name) for name in Start.__struct_fields__ if name not in told}
    dropped = {part: None for part in _PARTS if f"interventions.{part}" not in told}
    if dropped and "interventions" in told:
        unread["interventions"] = [msgspec.structs.replace(one, **dropped) for one in start.interventions]
    return msgspec.structs.replace(start, **unread)
