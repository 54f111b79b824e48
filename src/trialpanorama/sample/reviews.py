"""Systematic reviews of the fictional trials, in the formats of test collections, screening programs and lists.

A review includes the reports of results of its trials, and leaves out their protocols on the full text; some papers
that its search found are irrelevant. Papers of one trial are reports of one study. Each format is written into a zip
with one member a review, in whose name the review's own PMID stands.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from trialpanorama.sample import pubmed
from trialpanorama.sample._drawing import in_sentence
from trialpanorama.sample._files import Archive
from trialpanorama.sample._native import Article
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import MARK, Paper, Trial
from trialpanorama.sample.registers import WINDOW

_FIRST_PMID = 99_000_000
_RANGE = 1_000_000


class Reviews:
    """A zip with one member a review; entries without content are further inputs of the member before them."""

    def __init__(self, path: Path, format: str) -> None:
        self._archive = Archive(path, format)
        self.path, self.format, self.inputs, self.rejects = path, format, 0, 0

    def add(self, entry: tuple[str, str | None]) -> str:
        """Write one member (name and content), or count an input that stands in the last one."""
        name, content = entry
        self.inputs += 1
        return name if content is None else self._archive.add((name, content))

    def close(self) -> None:
        """Finish the archive."""
        self._archive.close()


def cochrane_number(pmid: str) -> str:
    """The number of a review: the CD (or ED, MR) range of 99nnnn, the same for the same PMID."""
    window, place = divmod(int(pmid) - _FIRST_PMID, WINDOW)
    return f"{('CD', 'ED', 'MR')[place % 3]}99{(window * 2 + place // 3 % 2) % 10_000:04d}"


class _Candidate:
    """A paper that the review's search found, and what became of it."""

    def __init__(self, paper: Paper, trial: Trial) -> None:
        self.paper, self.trial = paper, trial
        self.is_included = paper.kind in ("results", "secondary")
        self.study = f"{trial.name} {trial.completion.year}"


def _candidates(reviewed: list[Trial]) -> list[_Candidate]:
    return [_Candidate(paper, trial) for trial in reviewed for paper in trial.papers]


def _irrelevant(paper: Paper, reviewed: list[Trial]) -> list[str]:
    """PMIDs of other papers that the search found; some of them nobody has written."""
    own = {one.pmid for trial in reviewed for one in trial.papers} | {paper.pmid}
    rng = Random(f"irrelevant/{paper.pmid}")
    drawn = dict.fromkeys(str(_FIRST_PMID + rng.randrange(_RANGE)) for _ in range(3 + 2 * len(reviewed)))
    return [pmid for pmid in drawn if pmid not in own]


def _search(paper: Paper, reviewed: list[Trial]) -> tuple[str, ...]:
    """Lines of Ovid's language."""
    drugs = dict.fromkeys(item.name.lower() for trial in reviewed for item in trial.interventions)
    last = len(drugs) + 2
    return (
        f"1. exp {paper.condition.heading}/",
        f"2. {paper.condition.mentions[0].lower()}$.ti,ab.",
        *(f"{at}. {drug}.tw." for at, drug in enumerate(drugs, 3)),
        f"{last + 1}. 1 or 2",
        f"{last + 2}. or/3-{last}" if len(drugs) > 1 else f"{last + 2}. {last}",
        f"{last + 3}. {last + 1} and {last + 2}",
    )


def _pubmed_search(paper: Paper) -> str:
    return f'("{paper.condition.heading}"[Mesh] OR {paper.condition.mentions[0].lower()}[tiab]) AND trial*[tiab]'


def _title(paper: Paper) -> str:
    return f"Interventions for {in_sentence(paper.condition.heading)}: a review {MARK}"


def _topic(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    found = [one.paper.pmid for one in _candidates(reviewed)] + _irrelevant(paper, reviewed)
    lines = [
        f"Topic: {cochrane_number(paper.pmid)} ",
        "",
        f"Title: {_title(paper)} ",
        "",
        "Query: ",
        *_search(paper, reviewed),
        "",
        "Pids: ",
        *(f"    {pmid} " for pmid in found),
    ]
    yield f"2025-TAR/testing/topics/{paper.pmid}", "\n".join(lines) + "\n"


def _judgements(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    grades = [(one.paper.pmid, 2 if one.is_included else 1) for one in _candidates(reviewed)]
    grades += [(pmid, 0) for pmid in _irrelevant(paper, reviewed)]
    number = cochrane_number(paper.pmid)
    text = "".join(f"{number}     0  {pmid:<12} {grade}  \n" for pmid, grade in grades)
    yield f"2025-TAR/testing/qrels/{paper.pmid}.FICTIONAL.combined.qrels", text


_COLUMNS = (
    *("review_id", "review_title", "record_id", "pmid", "doi", "title", "authors", "abstract", "year", "journal"),
    *("study", "label_included", "label_abstract_screening", "exclusion_reason"),
)


def _labelled(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    number, title = cochrane_number(paper.pmid), _title(paper)
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(_COLUMNS)
    candidates, others = _candidates(reviewed), _irrelevant(paper, reviewed)
    for count, one in enumerate(candidates, 1):
        article = pubmed.article(one.paper, [one.trial], mess)
        doi = f"10.99999/fictional.{one.paper.pmid}"
        authors = "; ".join(f"{initials} Fictional" for _, initials in article.authors)
        abstract, year = _abstract(article), f"{one.paper.published.year}.0"
        said = ("1", "1", "") if one.is_included else ("0", "1", "wrong publication type")
        own = (count, one.paper.pmid, doi, article.title, authors, abstract, year, article.journal[0], one.study)
        table.writerow((number, title, *own, *said))
    for count, other in enumerate(others, len(candidates) + 1):
        row = (count, "", f"10.99999/irrelevant.{other}", f"A letter on another matter {MARK}", "", "", "", "", "")
        table.writerow((number, title, *row, "0", "0", ""))
    yield f"{paper.pmid}_labelled.csv", buffer.getvalue()
    yield from ((paper.pmid, None) for _ in (*candidates, *others))


def _abstract(article: pubmed.Article) -> str:
    return "\n".join(f"{label}: {text}" if label else text for label, text in article.sections)


def _references(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    entries: list[str] = []
    for one in _candidates(reviewed):
        article, day = pubmed.article(one.paper, [one.trial], mess), one.paper.published
        tags = [
            ("TY", "JOUR"),
            ("TI", article.title),
            *(("AU", f"Fictional, {name}") for name, _ in article.authors),
            ("PY", f"{day.year}/{day.month:02}/{day.day:02}/"),
            ("JF", article.journal[0]),
            ("JA", article.journal[1]),
            ("VL", str(article.volume)),
            ("IS", str(day.month)),
            ("SP", str(article.page)),
            ("EP", str(article.page + 9)),
            *([("AB", _abstract(article))] if article.sections else []),
            ("AN", one.paper.pmid),
            ("DB", "PubMed"),
            ("DO", f"10.99999/fictional.{one.paper.pmid}"),
            ("N1", "ASReview_relevant" if one.is_included else "ASReview_irrelevant"),
            ("ER", ""),
        ]
        entries.append("".join(f"{tag}  - {text}\n" for tag, text in tags))
    for other in _irrelevant(paper, reviewed):
        title = f"A letter on another matter {MARK}"
        entries.append(
            f"TY  - JOUR\nT1  - {title}\nPY  - 2020\nDO  - 10.99999/irrelevant.{other}\n"
            "N1  - ASReview_irrelevant\nER  - \n"
        )
    yield f"{paper.pmid}_{cochrane_number(paper.pmid)}/references.ris", "\n".join(entries)
    yield from ((paper.pmid, None) for _ in entries)


def _list_of_included(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    included = [one.paper.pmid for one in _candidates(reviewed) if one.is_included]
    if included:
        name = f"{paper.pmid}_FICTIONAL/{cochrane_number(paper.pmid)}_included.txt"
        yield name, "".join(f"{pmid}\n" for pmid in included)


def _seed_topic(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str | None]]:
    included = [one.paper.pmid for one in _candidates(reviewed) if one.is_included]
    until = paper.published
    topic: dict[str, Any] = {
        "id": paper.pmid,
        "link_to_review": f"https://pubmed.ncbi.nlm.nih.gov/{paper.pmid}/",
        "title": _title(paper),
        "search_name": f"{paper.condition.heading} trials",
        "Date_from": "01/01/1946",
        "Date_to": f"{until.day:02}/{until.month:02}/{until.year}",
        "query": _pubmed_search(paper),
        "seed_studies": included[:2],
        "included_studies": included,
        "edited_search": _pubmed_search(paper),
    }
    yield f"ielab/{paper.pmid}_collection.jsonl", json.dumps(topic) + "\n"


def _format(
    name: str,
    path: str,
    entries: Callable[[Paper, list[Trial], Mess], Iterator[tuple[str, str | None]]],
    share: int = 50,
) -> Article:
    return Article(kinds=("review",), format=name, path=path, open=Reviews, entries=entries, share=share)


ARTICLES = (
    _format("clef-tar-topic", "reviews/clef_tar_topics_{:03d}.zip", _topic, 70),
    _format("qrels", "reviews/clef_tar_qrels_{:03d}.zip", _judgements, 70),
    _format("labelled-table", "reviews/labelled_{:03d}.zip", _labelled),
    _format("ris", "reviews/references_{:03d}.zip", _references),
    _format("pmid-list", "reviews/included_{:03d}.zip", _list_of_included),
    _format("ielab-seed-topics", "reviews/ielab_{:03d}.zip", _seed_topic),
)
