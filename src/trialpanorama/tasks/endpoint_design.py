"""Which primary endpoint belongs to this trial; which of several do; write them.

The options are primary endpoints of four trials that are alike (see `_distractors`): the same condition, else a
related one, phase and kind of intervention, and near in wording.
"""

from __future__ import annotations

from trialpanorama.tasks._design import DesignTask, FreeDesignTask, SeveralDesignsTask
from trialpanorama.tasks._distractors import Facts, keys
from trialpanorama.tasks._trials import Trial

_LONGEST, _LONGEST_FRAME = 400, 80
_SAYS_NOTHING = keys(
    "baseline change day days week weeks month months year years time study treatment group patients "
    "primary outcome measure measurement endpoint endpoints clinical efficacy"
)


def _facts(trial: Trial) -> Facts | str:
    if not trial.primary:
        return "no primary endpoint"
    usable = [
        (measure, f"{measure} (time frame: {frame})" if frame and len(frame) <= _LONGEST_FRAME else measure)
        for measure, frame in trial.primary
        if len(keys(measure) - _SAYS_NOTHING) > 1 and len(measure) <= _LONGEST
    ]
    if not usable:
        return "no endpoint of two words or more"
    return Facts(
        stem=trial.start,
        option=usable[0][1],
        items=[measure for measure, _ in usable],
        phrases=[measure for measure, _ in usable],
        elsewhere=trial.measures,
        form=(usable[0][0] != usable[0][1],),
    )


class EndpointDesign(DesignTask):
    """Choose the primary endpoint."""

    name = "endpoint_design"
    version = 3
    title = "Endpoint design"
    meaning = "Which of four primary endpoints belongs to the trial described; the others come from similar trials."
    question = "Which of these is a primary endpoint of this trial?"
    facts = staticmethod(_facts)


class EndpointDesignAll(SeveralDesignsTask):
    """Choose all primary endpoints."""

    name = "endpoint_design_all"
    version = 2
    title = "Endpoint design, all that apply"
    meaning = "Which of up to eight primary endpoints belong to the trial described; the others are of similar trials."
    question = "Which of these are primary endpoints of this trial?"
    facts = staticmethod(_facts)


class EndpointDesignFree(FreeDesignTask):
    """Write the primary endpoints."""

    name = "endpoint_design_free"
    version = 2
    title = "Endpoint design, in free text"
    meaning = "Write the primary endpoints of the trial described; matched with the registered ones by their words."
    question = "Write the primary endpoints of this trial: what is measured, one item for each."
    facts = staticmethod(_facts)


TASK = EndpointDesign()
VARIANTS = (EndpointDesignAll(), EndpointDesignFree())
