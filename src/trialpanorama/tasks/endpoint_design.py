"""Which primary endpoint belongs to this trial; which of several do; write them.

The options are primary endpoints of four trials that are alike (see `_distractors`): the same condition, else a
related one, phase and kind of intervention, and near in wording. No two of them are of one general kind (survival,
response, toxicity, dose ...), or the same once time frames and what is given are not told: both could be right.
"""

from __future__ import annotations

import re

from trialpanorama.tasks._design import DesignTask, FreeDesignTask, SeveralDesignsTask
from trialpanorama.tasks._distractors import Facts, keys
from trialpanorama.tasks._trials import Trial

_LONGEST, _LONGEST_FRAME = 400, 80
_SAYS_NOTHING = keys(
    "baseline change day days week weeks month months year years time study treatment group patients "
    "primary outcome measure measurement endpoint endpoints clinical efficacy"
)


_KINDS = {
    "survival": r"\boverall survival\b|^\W*(?:median )?survival\b|\bsurvival (?:rate|time|at|probability)\b|\bOS\b"
    r"|\bmortality\b|\bdeaths?\b|\bdied\b|\bcase fatality",
    "time without": r"\b(?:progression|event|disease|relapse|recurrence|failure|metasta\w+)[- ]free\b|\b[PEDR]FS\b"
    r"|\btime to (?:\w+ )?(?:progression|relapse|recurrence|treatment failure)\b",
    "response": r"\brespon(?:se|ders?)\b(?=.{0,40}\brate|.{0,40}\brecist|\W*$)|\b(?:complete|partial|objective|clinical"
    r"|tumou?r|overall|pathologic\w*|confirmed|antitumou?r) (?:response|remission|activity)\b|\b[OC]RR?\b",
    "dose": r"\bmaxim\w+[- ]tolerated dose|\bMTD\b|\bdose[- ]limiting|\bDLTs?\b|\brecommended (?:phase|dose)",
    "harm": r"\bsafety\b|\btolerab\w+|\btoxicit\w+|\btoxic effects?\b|\badverse (?:events?|effects?|reactions?)"
    r"|\bside[- ]effects?\b",
    "course in the body": r"\bpharmacokinetic|\bAUC|\bC ?max\b|\bbioavailab",
    "virus": r"\bnegative (?:conver|transform|test|change)\w*|\bviral (?:load|clearance|negative|shedding|nucleic)"
    r"|\bPCR\b|\bvirus negative",
    "infection": r"\b(?:incidence|rate|number|cases?|confirm\w*|symptomatic|prevent\w*)\b.{0,40}"
    r"\b(?:covid|sars|infect)",
    "improvement": r"\bclinical (?:improvement|recovery|cure|status|classification|efficacy)|\btime to (?:clinical )?"
    r"(?:improvement|recovery)|\bcure rate",
    "hospital": r"\bhospitali[sz]ation|\blength of (?:hospital )?stay|\bICU\b|\bintensive care|\bventilat",
    "drug use": r"\b(?:drug|cocaine|opiate|opioid|heroin|alcohol|substance|nicotine|tobacco)\W+"
    r"(?:use|abstinence|consum)|\burine toxicology|\babstinence\b",
    "erection": r"\bIIEF|\berectile function\b|\bsexual (?:function|encounter)|\bSEP\b",
    "quality of life": r"\bquality of life\b|\bSF-?(?:36|12)\b|\bEQ-?5D",
}
"""Endpoints that a trial of nearly any drug in its field may have, by what they measure."""
_KIND_OF = {kind: re.compile(rf"(?i){rule}") for kind, rule in _KINDS.items()}


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
        said=usable[0][0],
        kinds=frozenset(kind for kind, rule in _KIND_OF.items() if rule.search(usable[0][0])),
        form=(usable[0][0] != usable[0][1],),
    )


class EndpointDesign(DesignTask):
    """Choose the primary endpoint."""

    name = "endpoint_design"
    version = 4
    title = "Endpoint design"
    meaning = "Which of four primary endpoints belongs to the trial described; the others come from similar trials."
    question = "Which of these is a primary endpoint of this trial?"
    facts = staticmethod(_facts)


class EndpointDesignAll(SeveralDesignsTask):
    """Choose all primary endpoints."""

    name = "endpoint_design_all"
    version = 3
    title = "Endpoint design, all that apply"
    meaning = "Which of up to eight primary endpoints belong to the trial described; the others are of similar trials."
    question = "Which of these are primary endpoints of this trial?"
    facts = staticmethod(_facts)


class EndpointDesignFree(FreeDesignTask):
    """Write the primary endpoints."""

    name = "endpoint_design_free"
    version = 3
    title = "Endpoint design, in free text"
    meaning = "Write the primary endpoints of the trial described; matched with the registered ones by their words."
    question = "Write the primary endpoints of this trial: what is measured, one item for each."
    facts = staticmethod(_facts)


TASK = EndpointDesign()
VARIANTS = (EndpointDesignAll(), EndpointDesignFree())
