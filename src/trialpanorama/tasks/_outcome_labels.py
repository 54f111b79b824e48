"""Files that say which trials succeeded: read by the names of their columns, and joined by trial id.

Three kinds are known: TOP's (one row a trial; names and codes as Python reprs, some inside reprs), CTO's (ids and
labels), and TrialBench's (descriptions in one file, labels in another, whose rows stand in another order). Columns are
taken by name from an allow-list: what tells the end of a trial (`status`, `why_stop`, dates, results) is never read.
Nor are TOP's molecules: 6.9 % of the trials that were checked carry the SMILES of a platinum complex that none of
their drugs is; and its ICD codes, which are looked up from the disease's name and say no more than that.
"""

from __future__ import annotations

import ast
import csv
import datetime
import gzip
import io
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from trialpanorama import vocabulary
from trialpanorama.errors import UserError
from trialpanorama.tasks._trials import Intervention, PlanMask, Start

ID_COLUMNS = ("nctid", "nct_id", "nct id", "nct number", "nct", "study_id", "id", "")
"""Names of the column of trial ids, in lower case; TrialBench's has no name."""
LABEL_COLUMNS = ("label", "labels", "outcome", "y", "failure_reason", "pred")
"""Names of the column of labels, the most trusted first: CTO's files hold a weak label beside the one made by hand."""
SHOWN_COLUMNS = {
    "title": ("brief_title",),
    "scientific_title": ("official_title",),
    "trial_type": ("study_type",),
    "phases": ("phase",),
    "conditions": ("diseases", "condition", "conditions"),
    "interventions": ("drugs", "intervention/intervention_name", "interventions"),
    "intervention_types": ("intervention/intervention_type",),
    "criteria": ("criteria", "eligibility/criteria/textblock"),
    "allocation": ("study_design_info/allocation",),
    "intervention_model": ("study_design_info/intervention_model",),
    "masking": ("study_design_info/masking",),
    "primary_purpose": ("study_design_info/primary_purpose",),
    "number_of_arms": ("number_of_arms",),
    "minimum_age": ("eligibility/minimum_age",),
    "maximum_age": ("eligibility/maximum_age",),
    "healthy_volunteers": ("eligibility/healthy_volunteers",),
    "has_dmc": ("oversight_info/has_dmc",),
}
"""The columns that a sample may be made of, by what they tell; every other one is left unread."""

_MOST_BYTES = 2**30
_MOST_CELL, _MOST_DEPTH, _MOST_NAMES = 400_000, 6, 500
"""Characters of a cell that are parsed, brackets within brackets, and names that a cell gives."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A trial of label files."""

    nct_id: str
    label: str
    """As the file has it."""
    start: Start | None = None
    """What the files tell of its start, masked; none where they hold no description."""


class LabelFiles(msgspec.Struct, kw_only=True):
    """What label files hold, each trial once."""

    trials: list[Labelled]
    left_out: Counter[str]
    """Trials and rows that cannot be used, by reason."""


def read_labels(paths: Sequence[Path]) -> LabelFiles:
    """The labelled trials of CSV files (plain or .gz), in the order of their first row.

    All files are joined by trial id, wherever their rows stand. An id with two different labels has none. Raises
    UserError for a file without ids, and where no file has labels.
    """
    labels: dict[str, str] = {}
    described: dict[str, Start] = {}
    contradicted: set[str] = set()
    left_out: Counter[str] = Counter()
    order: dict[str, None] = {}
    has_labels = False
    for path in paths:
        head, rows = _rows(path)
        id_column = next((name for name in ID_COLUMNS if name in head), None)
        if id_column is None:
            raise UserError(
                f"{path} has no column of trial ids (nctid, nct_id ...). Rows are joined by id, never by their order: "
                "add the ids."
            )
        label_column = next((name for name in LABEL_COLUMNS if name in head), None)
        columns = {
            field: name for field, names in SHOWN_COLUMNS.items() if (name := next((n for n in names if n in head), ""))
        }
        if label_column is None and not columns:
            raise UserError(f"{path} has neither labels ({', '.join(LABEL_COLUMNS)}) nor descriptions of trials.")
        has_labels |= label_column is not None
        for row in rows:
            nct_id = _nct(row.get(id_column))
            if nct_id is None:
                left_out["no NCT number"] += 1
                continue
            order[nct_id] = None
            label = (row.get(label_column) or "").strip() if label_column is not None else ""
            if label and labels.setdefault(nct_id, label) != label:
                contradicted.add(nct_id)
            if columns and nct_id not in described:
                told = {field: row.get(name) or "" for field, name in columns.items()}
                if (start := _start(nct_id, told)) is not None:
                    described[nct_id] = start
    if not has_labels:
        raise UserError(
            f"No file has a column of labels ({', '.join(LABEL_COLUMNS)}): give the file of labels beside "
            f"{paths[0] if paths else 'the descriptions'}."
        )
    found = []
    for nct_id in order:
        if nct_id in contradicted:
            left_out["two different labels"] += 1
        elif nct_id not in labels:
            left_out["no label"] += 1
        else:
            found.append(Labelled(nct_id=nct_id, label=labels[nct_id], start=described.get(nct_id)))
    return LabelFiles(trials=found, left_out=left_out)


REASON_COLUMNS = ("why_stop", "why_stopped", "failure_reason")
"""Names of the column of the words on why a trial stopped, in lower case: a label of failed trials, and never shown."""


def read_reasons(paths: Sequence[Path]) -> dict[str, str]:
    """Why trials stopped, by NCT number, as label files say it; of those alone that have such a column."""
    found: dict[str, str] = {}
    for path in paths:
        head, rows = _rows(path)
        id_column = next((name for name in ID_COLUMNS if name in head), None)
        reason_column = next((name for name in REASON_COLUMNS if name in head), None)
        if id_column is None or reason_column is None:
            continue
        for row in rows:
            nct_id, words = _nct(row.get(id_column)), (row.get(reason_column) or "").strip()
            if nct_id is not None and words:
                found.setdefault(nct_id, words)
    return found


def success_of(label: str) -> Literal["success", "failure"] | None:
    """Success or failure, as label files write them (1, 0, 1.0, true, "success" ...); none for anything else."""
    word = label.strip().lower().removesuffix(".0")
    return "success" if word in _SUCCESS else "failure" if word in _FAILURE else None


_SUCCESS = frozenset({"1", "true", "yes", "success", "succeeded", "positive"})
_FAILURE = frozenset({"0", "false", "no", "failure", "failed", "negative"})


def names_of(cell: str) -> list[str]:
    """The names in a cell: plain text is one name, a Python repr of lists (also inside reprs) gives those in it.

    Only literals are read, never run; what is too long or too deep is taken for text. Empty names and None are no
    names.
    """
    found: list[str] = []

    def add(text: str, depth: int) -> None:
        text = text.strip()
        if depth < _MOST_DEPTH and text[:1] in ("[", "(", "'", '"') and (items := _literal(text)) is not None:
            for item in items:
                if len(found) < _MOST_NAMES:
                    add(item if isinstance(item, str) else "" if item is None else repr(item), depth + 1)
        elif text and text.lower() not in ("none", "nan"):
            found.append(re.sub(r"\s+", " ", text))

    add(cell[:_MOST_CELL], 0)
    return found


def _literal(text: str) -> Sequence[object] | None:
    depth = 0
    for sign in re.findall(r"[\[(\])]", text):
        depth += 1 if sign in "[(" else -1
        if depth > 50:
            return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else None


def _rows(path: Path) -> tuple[frozenset[str], Iterator[Mapping[str, str]]]:
    """The columns of a file in lower case, and its rows."""
    try:
        with path.open("rb") as file:
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            content = (gzip.GzipFile(fileobj=file) if packed else file).read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if len(content) > _MOST_BYTES:
        raise UserError(f"{path} holds more than {_MOST_BYTES:,} bytes; cut it into parts.")
    csv.field_size_limit(2**27)
    text = content.decode("utf-8-sig", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    head = [name.strip().lower() for name in next(reader, [])]

    def read() -> Iterator[Mapping[str, str]]:
        try:
            for cells in reader:
                if cells:
                    yield dict(zip(head, cells, strict=False))
        except csv.Error as error:
            raise UserError(f"{path} is no CSV file: line {reader.line_num}: {error}") from None

    return frozenset(head), read()


def _nct(text: str | None) -> str | None:
    found = re.fullmatch(r"\s*(NCT\d{8})\s*", text or "", re.IGNORECASE)
    return found.group(1).upper() if found else None


# --- descriptions

_YES = {"yes": True, "no": False, "accepts healthy volunteers": True}


def _start(nct_id: str, told: Mapping[str, str]) -> Start | None:
    mask = PlanMask([nct_id])
    said = {field: re.sub(r"\s+", " ", text).strip() for field, text in told.items()}
    arms = re.fullmatch(r"\s*(\d{1,3})(?:\.0+)?\s*", told.get("number_of_arms", ""))
    types = [vocabulary.intervention_type(name) for name in names_of(told.get("intervention_types", ""))]
    given = [name for text in names_of(told.get("interventions", "")) if (name := mask(text))]
    # The types belong to the names one by one, or to none of them.
    kinds = types if len(types) == len(given) else [None] * len(given)
    start = Start(
        title=mask(told.get("title")) or "",
        scientific_title=mask(told.get("scientific_title")),
        trial_type=vocabulary.study_type(said.get("trial_type")),
        phases=list(vocabulary.phases(said.get("phases"))),
        allocation=vocabulary.allocation(said.get("allocation")),
        intervention_model=vocabulary.intervention_model(said.get("intervention_model")),
        masking=vocabulary.masking(said.get("masking")),
        masked_roles=list(vocabulary.masked_roles(said.get("masking"))),
        primary_purpose=vocabulary.primary_purpose(said.get("primary_purpose")),
        number_of_arms=int(arms.group(1)) if arms else None,
        minimum_age_years=vocabulary.age_years(said.get("minimum_age")),
        maximum_age_years=vocabulary.age_years(said.get("maximum_age"), is_maximum=True),
        healthy_volunteers=_YES.get(said.get("healthy_volunteers", "").lower()),
        criteria=mask(_unfolded(told.get("criteria", ""))),
        has_dmc=_YES.get(said.get("has_dmc", "").lower()),
        conditions=[name for text in names_of(told.get("conditions", "")) if (name := mask(text))],
        interventions=[Intervention(name, kind) for name, kind in zip(given, kinds, strict=True)],
    )
    return start if start != Start(title="") else None


_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")


def _unfolded(text: str) -> str:
    """A text of the legacy XML with a line an item and none of its indents."""
    lines: list[str] = []
    after_blank = True
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not after_blank and not _ITEM.match(line):
            lines[-1] += " " + stripped
        elif stripped:
            lines.append(stripped)
        after_blank = not stripped
    return "\n".join(lines)


# --- dates

_NUMBERED: tuple[tuple[int, str], ...] = (
    (0, "1999-09-20"), (3_000, "1999-11-01"), (5_500, "2000-05-25"), (8_800, "2001-01-17"), (22_000, "2001-08-12"),
    (44_800, "2002-09-01"), (56_000, "2003-03-06"), (81_600, "2004-04-15"), (95_300, "2004-10-30"),
    (119_000, "2005-07-03"), (134_000, "2005-08-22"), (200_900, "2005-09-13"), (243_000, "2005-10-15"),
    (270_000, "2005-12-23"), (417_000, "2006-12-29"), (587_000, "2008-01-05"), (816_000, "2008-12-31"),
    (1_041_000, "2009-12-30"), (1_267_000, "2010-12-25"), (1_502_000, "2011-12-29"), (1_759_000, "2013-01-01"),
    (2_025_000, "2013-12-30"), (2_328_000, "2014-12-30"), (2_645_000, "2016-01-01"), (3_007_000, "2016-12-30"),
    (3_389_000, "2018-01-02"), (3_791_000, "2019-01-01"), (4_216_000, "2019-12-31"), (4_691_000, "2020-12-30"),
    (5_174_000, "2021-12-30"), (5_670_000, "2023-01-02"), (6_187_000, "2023-12-31"), (6_755_000, "2024-12-31"),
)  # fmt: skip
"""NCT numbers and when they were given out: they rise with the day of registration."""


def registered_about(nct_id: str) -> str:
    """About when an NCT number was given out, ISO 8601: right to a few weeks from December 2005 on.

    A stand-in where a label file has no dates. It orders and dates samples, and is never shown or a feature.
    """
    number = int(nct_id[3:])
    place = min(max(bisect_right(_NUMBERED, (number, "9999")), 1), len(_NUMBERED) - 1)
    (low, before), (high, after) = _NUMBERED[place - 1 : place + 1]
    first, last = datetime.date.fromisoformat(before), datetime.date.fromisoformat(after)
    days = (last - first).days * (number - low) / (high - low)
    # Numbers beyond the last known one go on at its pace, for a few years at most.
    return (first + datetime.timedelta(days=min(days, 3_650))).isoformat()
