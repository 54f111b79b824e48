"""Which eligibility criteria belong to this trial; which of several do; write them.

An option is a part of a trial's criteria: up to three that let people in and three that keep them out, drawn at
random from those that are particular to it (not age, sex, pregnancy, consent, performance status or limits of
laboratory values, which fit any trial). The description leaves out all criteria, ages and sex, and the options do not
name what is given.
"""

from __future__ import annotations

import random
import re

import msgspec

from trialpanorama.link._criteria_split import split
from trialpanorama.tasks import SEED
from trialpanorama.tasks._design import DesignTask, FreeDesignTask, SeveralDesignsTask
from trialpanorama.tasks._distractors import Facts
from trialpanorama.tasks._trials import Trial

_MOST_READ = 6_000
"""Characters of a trial's criteria that are read: the longest texts take as long as hundreds of others."""
_SHORTEST, _LONGEST, _MOST_OF_A_SIDE = 20, 250, 3
_OF_ANY_TRIAL = re.compile(
    r"(?i)\bconsent|\byears?\b.*\b(?:old|age)|\bage[ds]?\b|\bmales?\b|\bfemales?\b|\bpregnan|\blactat|contracept"
    r"|\bbreast-?feed|\bwilling|\bable to\b|\bperformance status|\bkarnofsky|\bzubrod|\becog\b|\blife expectancy"
    r"|\binvestigational\b|\bparticipat\w+ in (?:another|other|any)\b"
    r"|\b(?:creatinine|bilirubin|s?[ag]ot|s?gpt|ast|alt|transaminases?|wbc|platelets?|h(?:a?e)moglobin|hematocrit"
    r"|(?:absolute )?(?:neutrophil|granulocyte|leu[ck]ocyte)s?|anc|alkaline phosphatase|inr|albumin)\b"
    r"[^;]*(?:\d|\bnormal\b|\blimit|\buln\b)"
)
_SAYS_NOTHING = re.compile(r"(?i)(?:^|:\s*)(?:see\b.{0,40}|not specified|not applicable|none)\W*$|:$")
"""A heading, and what points elsewhere: "Renal: See Disease Characteristics", "Surgery: Not specified"."""


def _facts(trial: Trial) -> Facts | str:
    start = trial.start
    if not start.criteria:
        return "no criteria"
    text = start.criteria[:_MOST_READ]
    sides: dict[bool, list[str]] = {True: [], False: []}
    for item in split(text, None):
        said = " ".join(text[item.start : item.end].split())
        if not _SHORTEST <= len(said) <= _LONGEST or _SAYS_NOTHING.search(said):
            continue
        if item.is_inclusion is not None and not _OF_ANY_TRIAL.search(said) and said not in sides[item.is_inclusion]:
            sides[item.is_inclusion].append(said)
    if sum(map(len, sides.values())) < 2:
        return "fewer than two criteria that are particular and on one side"
    draw = random.Random(f"{SEED}:{trial.study_id}")
    chosen = {
        side: [found[place] for place in sorted(draw.sample(range(len(found)), min(len(found), _MOST_OF_A_SIDE)))]
        for side, found in sides.items()
    }
    return Facts(
        stem=msgspec.structs.replace(
            start, criteria=None, minimum_age_years=None, maximum_age_years=None, sex=None, healthy_volunteers=None
        ),
        option=" ".join(
            f"{_HEADS[side]}: {'; '.join(said.rstrip('.;,') for said in found)}."
            for side, found in chosen.items()
            if found
        ),
        items=[f"{_HEADS[side]}: {said}" for side, found in sides.items() for said in found],
        parts=[f"{_HEADS[side]}: {said}" for side, found in chosen.items() for said in found],
        phrases=[said for found in sides.values() for said in found],
        form=(bool(sides[True]), bool(sides[False])),
    )


_HEADS = {True: "Included", False: "Excluded"}


class EligibilityDesign(DesignTask):
    """Choose the eligibility criteria."""

    name = "eligibility_design"
    version = 3
    title = "Eligibility design"
    meaning = (
        "Which of four sets of eligibility criteria belongs to the trial described; the others are of others like it."
    )
    question = "Which of these are eligibility criteria of this trial?"
    facts = staticmethod(_facts)


class EligibilityDesignAll(SeveralDesignsTask):
    """Choose all criteria."""

    name = "eligibility_design_all"
    version = 3
    title = "Eligibility design, all that apply"
    meaning = (
        "Which of up to eight eligibility criteria belong to the trial described; the others are of others like it."
    )
    question = "Which of these are eligibility criteria of this trial?"
    facts = staticmethod(_facts)


class EligibilityDesignFree(FreeDesignTask):
    """Write the criteria."""

    name = "eligibility_design_free"
    version = 3
    title = "Eligibility design, in free text"
    meaning = "Write the eligibility criteria of the trial described; matched with the registered ones by their words."
    question = (
        "Write the eligibility criteria that are particular to this trial (not age, sex, pregnancy, consent, "
        "performance status or limits of laboratory values), one item for each, beginning with "
        '"Included:" or "Excluded:".'
    )
    facts = staticmethod(_facts)


TASK = EligibilityDesign()
VARIANTS = (EligibilityDesignAll(), EligibilityDesignFree())
