"""Which arms belong to this trial; which of several groups do; write them.

An option is the whole set of groups: what kind each is and what it receives. The description leaves out arms,
interventions and the number of arms, and does not name what the options name.
"""

from __future__ import annotations

import msgspec

from trialpanorama.tasks._design import DesignTask, FreeDesignTask, SeveralDesignsTask
from trialpanorama.tasks._distractors import Facts, keys
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Arm, Trial

_MOST_ARMS, _LONGEST = 6, 300
_FEWEST_KEYS = 5


def _facts(trial: Trial) -> Facts | str:
    arms = trial.start.arms
    if not arms:
        return "no arms"
    if len(arms) > _MOST_ARMS:
        return "more than six arms"
    items = [_said(arm) for arm in arms]
    option = " ".join(f"({place}) {item}" for place, item in enumerate(items, 1))
    if len(keys(option)) < _FEWEST_KEYS:
        return "arms of fewer than five words"
    return Facts(
        stem=msgspec.structs.replace(trial.start, arms=[], interventions=[], number_of_arms=None),
        option=option,
        items=items,
        phrases=[text for arm in arms for text in (arm.label, arm.description, *arm.interventions) if text],
        form=(any(arm.type for arm in arms), len(arms) > 1),
        hides_interventions=False,
    )


def _said(arm: Arm) -> str:
    """A group on one line: its kind, label and description, and what it receives where these do not say so."""
    parts = [arm.label or "unnamed"]
    if arm.description:
        text = " ".join(arm.description.split())
        parts.append(text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " ...")
    said = words(" ".join(parts))
    if given := [name for name in arm.interventions if words(name) not in said]:
        parts.append(f"[{'; '.join(given)}]")
    kind = f"{arm.type.replace('_', ' ').lower()}: " if arm.type else ""
    return f"{kind}{'. '.join(parts)}"


class ArmDesign(DesignTask):
    """Choose the set of arms."""

    name = "arm_design"
    version = 3
    title = "Arm design"
    meaning = "Which of four sets of arms belongs to the trial described; the others come from similar trials."
    question = "Which of these sets of arms is that of this trial?"
    facts = staticmethod(_facts)


class ArmDesignAll(SeveralDesignsTask):
    """Choose all arms."""

    name = "arm_design_all"
    version = 3
    title = "Arm design, all that apply"
    meaning = "Which of up to eight arms belong to the trial described; the others come from similar trials."
    question = "Which of these are arms of this trial?"
    facts = staticmethod(_facts)


class ArmDesignFree(FreeDesignTask):
    """Write the arms."""

    name = "arm_design_free"
    version = 3
    title = "Arm design, in free text"
    meaning = "Write the arms of the trial described; matched with the registered ones by their words."
    question = "Write the arms of this trial: the kind of each group, its label and what each receives, one item each."
    facts = staticmethod(_facts)


TASK = ArmDesign()
VARIANTS = (ArmDesignAll(), ArmDesignFree())
