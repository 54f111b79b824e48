"""Designs from the command line: trials that are like a planned one, what became of them, how they were designed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialpanorama.apps.console import Reporter, put, put_json, say, table
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.designs import Common, Figure, Similar
    from trialpanorama.record import Record
    from trialpanorama.warehouse import Warehouse

MOST = 200
"""Similar trials that are looked for."""


def described(
    conditions: Sequence[str] = (),
    interventions: Sequence[str] = (),
    phases: Sequence[str] = (),
    enrollment: int | None = None,
) -> Record:
    """A draft from a few words; raises UserError for a phase that does not exist, and where nothing is said."""
    from trialpanorama import vocabulary
    from trialpanorama.designs import Draft, DraftIntervention, record_of

    known: list[vocabulary.Phase] = []
    for word in phases:
        if not (found := vocabulary.phases(word)):
            raise UserError(f'"{word}" is no phase. Write 1, 2, 3 or 4, or 1/2 for a combined one.')
        known += found
    if not (conditions or interventions):
        raise UserError("Nothing is said of the trial: give a file, a condition or an intervention.")
    return record_of(
        Draft(
            conditions=list(conditions),
            interventions=[DraftIntervention(name=name) for name in interventions],
            phases=known,
            enrollment_target=enrollment,
        )
    )


def read_file(path: Path) -> Record:
    """The draft in a file; raises UserError where there is none."""
    from trialpanorama.designs import read_draft

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}). Write a draft: trialpanorama designs template > draft.yaml"
        ) from None
    return read_draft(content, path.name)


def make_index(warehouse: Warehouse) -> None:
    """Make the search index, by which words are ranked, if it is not there; where it cannot be, words do not count."""
    from trialpanorama.search.index import Index

    if not Index.is_ready(warehouse):
        try:
            with Reporter() as reporter:
                reporter.update("index", 0)
                Index.open(warehouse)
        except UserError as error:
            say(f"Words are not compared: {error}")


def designs_facts(warehouse: Warehouse, record: Record, count: int, before: str | None = None) -> dict[str, Any]:
    """Similar trials and how they were designed, as JSON."""
    import msgspec

    from trialpanorama.designs import similar, summary
    from trialpanorama.search.index import Index

    found = similar(warehouse, record, count, before)
    return {
        "draft": {
            "id": record.id,
            "title": record.public_title or record.scientific_title,
            "conditions": [one.name for one in record.conditions],
            "interventions": [one.name for one in record.interventions],
            "phases": record.phases,
            "is_fictional": record.is_fictional,
        },
        "snapshot": warehouse.snapshot,
        "is_fictional": warehouse.manifest.is_fictional,
        "before": before,
        "compares_words": Index.is_ready(warehouse),
        "similar": [msgspec.to_builtins(one) for one in found],
        "summary": msgspec.to_builtins(summary(warehouse, found)),
    }


# --- in a terminal

_SHOWN = 10
"""Rows of a list."""


def designs_text(facts: dict[str, Any]) -> str:
    """The same for a terminal."""
    import msgspec

    from trialpanorama.apps.show import FICTIONAL
    from trialpanorama.designs import Designs, Similar

    found = [msgspec.convert(one, Similar) for one in facts["similar"]]
    designs = msgspec.convert(facts["summary"], Designs)
    lines = [FICTIONAL] if facts["is_fictional"] else []
    if not found:
        return "\n".join([*lines, "No trial here shares a condition, an intervention or words with it."])
    rows = [
        [one.study_id, one.score, _and(one.shared.conditions), _and(one.shared.interventions), became(one), one.title]
        for one in found
    ]
    lines += [table(["trial", "score", "conditions", "interventions", "what became of it", "title"], rows, widest=44)]
    lines += ["", f"{len(found)} trials: {_counts(designs.ended)}", ""]
    lines += [
        table(
            ["figure", "n", "first quartile", "median", "third quartile", "unit"],
            [[_words(one.name), one.n, *map(number, (one.low, one.median, one.high)), one.unit]
             for one in designs.figures.values()],
        )
    ]  # fmt: skip
    for title, commons in (
        ("Arms", designs.arms),
        ("Comparators", designs.comparators),
        ("Primary endpoints", designs.endpoints),
    ):
        if commons:
            rows = [[one.name, share(one), next(iter(one.examples), None)] for one in commons[:_SHOWN]]
            lines += ["", title, table(["", "trials", "such as"], rows, widest=90)]
    for name, commons in designs.features.items():
        if commons:
            lines += ["", f"{_words(name).capitalize()}: {_and(f'{_words(one.name)} {share(one)}' for one in commons)}"]
    if designs.criteria:
        rows = [
            [side(one), one.kind, one.name, share(one), limits_text(one.limits), next(iter(one.examples), None)]
            for one in designs.criteria[: 2 * _SHOWN]
        ]
        lines += ["", "Eligibility", table(["", "about", "what", "trials", "limits", "such as"], rows, widest=60)]
    return "\n".join(lines)


def became(one: Similar) -> str:
    """What became of a trial, in a few words."""
    met = {True: "primary endpoint met", False: "primary endpoint not met", None: None}[one.primary_endpoint_met]
    return "; ".join(filter(None, (_words(one.status) if one.status else None, met, one.why_stopped)))


def side(one: Common) -> str:
    """Whether a criterion lets people in or keeps them out."""
    return {True: "includes", False: "excludes", None: ""}[one.is_inclusion]


def share(one: Common) -> str:
    """So many of so many trials."""
    return f"{one.n}/{one.of}"


def number(value: float | None) -> str:
    """A figure over trials as it is read."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


_UNITS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "{ULN}": "× upper limit of normal"}
"""Units of UCUM that are read better as words."""


def limits_text(limits: Iterable[Figure]) -> str:
    """The limits of a criterion: median and quartiles, with the unit."""
    signs = {"low": "from", "high": "up to"}
    return "; ".join(
        f"{signs[one.name]} {number(one.median)} {_UNITS.get(one.unit, one.unit.strip('{}'))}"
        + (f" ({number(one.low)} to {number(one.high)})" if one.low != one.high else "")
        for one in limits
    )


def _and(names: Iterable[str]) -> str:
    return ", ".join(names)


def _counts(counts: dict[str, int]) -> str:
    return _and(f"{count} {_words(name)}" for name, count in counts.items())


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def designs(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|template]",
            help="A planned trial: a registry's file, or a draft in YAML or JSON. template prints a draft to fill in.",
        ),
    ] = None,
    condition: Annotated[
        list[str] | None, typer.Option("--condition", "-c", metavar="NAME", help="Instead of a file; several times.")
    ] = None,
    intervention: Annotated[
        list[str] | None, typer.Option("--intervention", "-i", metavar="NAME", help="The same; several times.")
    ] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", metavar="N", help="1, 2, 3, 4 or 1/2.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", min=1, max=MOST, help="How many trials.")] = 20,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was registered, and known, before: 2024-12-31.")
    ] = None,
    warehouse: Annotated[
        Path | None,
        typer.Option(
            "--warehouse", "-w", metavar="DIR", help="The warehouse; else $TRIALPANORAMA_WAREHOUSE, else ./warehouse."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find trials that are like a planned one: what became of them; their arms, criteria, endpoints and sizes."""
    from trialpanorama.warehouse import Warehouse

    if file is not None and str(file) == "template":
        from trialpanorama.designs import template

        put(template())
        return
    if file is not None and (condition or intervention or phase):
        raise UserError("Give a file, or --condition, --intervention and --phase; not both.")
    record = read_file(file) if file is not None else described(condition or (), intervention or (), phase or ())
    opened = Warehouse.open(warehouse)
    make_index(opened)
    facts = designs_facts(opened, record, count, day(before))
    put_json(facts) if json else put(designs_text(facts))


def day(text: str | None) -> str | None:
    """A day as it was typed; raises UserError for anything else."""
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        raise UserError(f'"{text}" is not a day: write it as 2024-12-31.') from None
