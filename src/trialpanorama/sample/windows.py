"""A window: so many consecutive trials with their registrations, and the papers and reviews about them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from random import Random

from trialpanorama.sample.lexicon import CONDITIONS
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import DAY, SNAPSHOT, STOPPED, Paper, Trial
from trialpanorama.sample.registers import WINDOW, pmid
from trialpanorama.sample.registrations import registrations
from trialpanorama.sample.trials import invent


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
        if trial.papers or trial.status in STOPPED:
            by_condition[trial.condition.mesh].append(trial)
    groups = sorted(by_condition.values(), key=lambda group: (-len(group), group[0].index))
    for group in groups[:6]:
        if len(group) > 1:
            _add_article(articles, number, _review(rng, group[:12]), group[:12])
    for _ in range(max(1, size // 25)):
        kind = "unrelated" if rng.random() < 0.9 else "book"
        day = SNAPSHOT - rng.randint(1, 6000) * DAY
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
    trial = invent(seed, index)
    trial.registrations = registrations(seed, trial, mess)
    return trial


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
        day = trial.start + rng.randint(60, 500) * DAY
        if kind != "protocol":
            day = trial.completion + rng.randint(120, 900) * DAY
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
        + rng.randint(90, 900) * DAY,
    )
    return Paper("", "review", [trial.index for trial in group], databank, abstract, day, None, group[0].condition)
