"""The pages: for each what may be asked, the facts that answer, and which of them make a table.

The facts are those of the commands, so that a page, its JSON and the command of the same name say the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec

from trialpanorama.apps.web.drawing import forest, power_curve
from trialpanorama.apps.web.site import SQL_MEMORY_MB, SQL_SECONDS, Site
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.search import Search
    from trialpanorama.search.index import Index
    from trialpanorama.search.ranked import Ranked

Facts = dict[str, Any]
Rows = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""Column names and rows."""


class Ask(NamedTuple):
    """What a parameter of a page means, and its bounds."""

    meaning: str
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Page:
    """A page: `/name` for a person, `/name.json` and (where it is a table) `/name.csv` for a program."""

    name: str
    title: str
    meaning: str
    facts: Callable[..., Facts]
    template: str
    rows: Callable[[Facts], Rows] | None = None
    is_in_menu: bool = True
    is_remembered: bool = True
    """Whether the same question has the same answer as long as the warehouse is the same."""
    drawn: Callable[[Facts], dict[str, Any]] = lambda facts: {}
    """What the page for a person shows beside the facts, such as plots of them."""


PAGES: dict[str, Page] = {}
"""Every page by name, in the order of the menu."""


def page(
    name: str,
    title: str,
    *,
    template: str = "",
    rows: Callable[[Facts], Rows] | None = None,
    is_in_menu: bool = True,
    is_remembered: bool = True,
    drawn: Callable[[Facts], dict[str, Any]] = lambda facts: {},
) -> Callable[[Callable[..., Facts]], Callable[..., Facts]]:
    """Make a page of a function that answers with facts; a `problem` among them is the user's mistake."""

    def register(facts: Callable[..., Facts]) -> Callable[..., Facts]:
        meaning = (facts.__doc__ or "").splitlines()[0]
        PAGES[name] = Page(
            name, title, meaning, facts, template or f"{name}.html", rows, is_in_menu, is_remembered, drawn
        )
        return facts

    return register


def _objects(key: str, columns: Sequence[str]) -> Callable[[Facts], Rows]:
    """The rows of a list of objects among the facts."""
    return lambda facts: (columns, [[one.get(name) for name in columns] for one in facts.get(key, ())])


# --- atlas


@page(
    "atlas",
    "Atlas",
    rows=_objects("sources", ("name", "title", "records", "rejects", "newest", "licence", "is_open")),
)
def atlas(site: Site) -> Facts:
    """What the warehouse holds, from which sources, and how fresh it is."""
    from trialpanorama.apps.graph import overdue_facts
    from trialpanorama.apps.show import atlas_facts

    facts = atlas_facts(site.warehouse)
    due = overdue_facts(site.warehouse, limit=1)
    facts["overdue"] = {name: due[name] for name in ("total", "rule", "until")}
    facts["sources"] = sorted(facts["sources"], key=lambda source: -source["records"])
    return facts


# --- search

PAGE_SIZE, DEEPEST, MOST_EXPORTED = 20, 50, 5_000
"""Hits of a page, pages, and hits of a CSV file."""
Ranking = Literal["bm25", "dense", "fused", "embedded", "hybrid"]


@page("search", "Search", rows=_objects("hits", ("id", "kind", "date", "score", "title")))
def search(
    site: Site,
    q: Annotated[str, Ask("The search: words, or the query language of PubMed or Ovid", most=100_000)] = "",
    syntax: Annotated[
        Literal["auto", "pubmed", "ovid", "plain"], Ask("Its language; plain ranks by any of the words")
    ] = "auto",
    ranking: Annotated[
        Ranking,
        Ask(
            "What plain words rank by: themselves, what texts are about, or both; by a sentence encoder, or all of "
            "these (`rankings` of an answer: those whose vectors have been made). All but bm25 leave nothing out"
        ),
    ] = "bm25",
    before: Annotated[str, Ask("Only what was published or registered before this day (2024-12-31)", most=10)] = "",
    kind: Annotated[Literal["", "paper", "trial"], Ask("Only papers, or only trials")] = "",
    register: Annotated[str, Ask("Only trials of this register", most=100)] = "",
    status: Annotated[str, Ask("Only trials of this status", most=100)] = "",
    phase: Annotated[str, Ask("Only trials of this phase", most=100)] = "",
    repair: Annotated[bool, Ask("Mend slips (an open parenthesis, a doubled operator), and say which")] = False,
    page: Annotated[int, Ask("Which page of what is found", 1, DEEPEST)] = 1,
    size: Annotated[int, Ask("How many on a page", 1, MOST_EXPORTED)] = PAGE_SIZE,
) -> Facts:
    """Papers and trials that a search finds, with the words marked and what is found counted."""
    from trialpanorama.apps.searching import found_facts, look, mark
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits

    rankings = list(site.rankings)
    if not q.strip():
        return {"query": "", "hits": [], "total": None, "rankings": rankings}
    try:
        read = parse(q, syntax, repairs=repair)
        named = {"kind": kind, "register": register, "status": status, "phase": phase}
        limits = Limits(_day(before), {name: value for name, value in named.items() if value})
        index = _ranking_index(site, read, ranking)
        found = look(index, read, limits, most=page * size, ranking=ranking, facets=True)
        found = msgspec.structs.replace(found, hits=found.hits[(page - 1) * size :])
        if size <= 100:
            found = mark(site.reading, index, read, found)
    except UserError as error:
        problem, can_repair, _ = str(error).partition(" --repair")
        facts = {"query": q, "hits": [], "total": None, "rankings": rankings, "problem": problem}
        return facts | {"can_repair": bool(can_repair)}
    pages = -(-found.total // size)
    facts = found_facts(q, read, found, limits) | {"rankings": rankings}
    return facts | {"page": page, "pages": min(pages, DEEPEST), "size": size}


def _ranking_index(site: Site, read: Search, ranking: str) -> Index | Ranked:
    """What a search with a ranking is made in; raises UserError where it has to be made first."""
    from trialpanorama.search.ranked import Ranked

    if ranking == "bm25":
        return site.index
    if read.syntax != "plain":
        raise UserError("Only plain words are ranked in different ways: choose plain as the language, or bm25.")
    return Ranked.open_ready(site.warehouse, ranking)


def _day(text: str) -> str | None:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        raise UserError(f'"{text}" is not a day: write it as 2024-12-31.') from None


def prisma(site: Site, query: dict[str, Any]) -> str:
    """The record of a search for a paper (PRISMA-S), as Markdown."""
    from trialpanorama.apps.searching import look, search_record
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits

    read = parse(query["q"], query["syntax"], repairs=query["repair"])
    only = {name: query[name] for name in ("kind", "register", "status", "phase") if query[name]}
    limits = Limits(_day(query["before"]), only)
    ranking = query["ranking"] or "bm25"
    found = look(_ranking_index(site, read, ranking), read, limits, most=0, ranking=ranking)
    return search_record(site.warehouse, query["q"], read, found, limits)


# --- trial


def _trial_rows(facts: Facts) -> Rows:
    if facts["kind"] != "trial":
        return ("field", "value"), list(facts["publication"].items())
    ids = {record["record_id"]: record["id"] for record in facts["records"]}
    rows = [
        [name, found["agree"], ids[record], value]
        for name, found in facts["fields"].items()
        for record, value in found["says"].items()
    ]
    return ("field", "do_registers_agree", "record", "value"), rows


@page("trial", "Trial", rows=_trial_rows, is_in_menu=False)
def trial(
    site: Site,
    id: Annotated[str, Ask("A registry number, a PMID, a trial id or a record id", most=200)],
) -> Facts:
    """One trial or paper: merged values, which register says what, why they are one, papers, dates, results."""
    from trialpanorama.apps.show import show_facts

    warehouse = site.reading
    facts = show_facts(warehouse, id)
    if facts["kind"] != "trial":
        return facts
    with warehouse.connect() as connection:
        cursor = connection.execute(_RESULTS, {"id": facts["id"]})
        names = [column[0] for column in cursor.description or ()]
        facts["results"] = [_numbered(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    facts["timeline"] = _timeline(facts)
    return facts


def _numbered(result: Facts) -> Facts:
    """A posted result with a number by which the plot and the table name it: that of the outcome, and its analysis."""
    numbers = (result["outcome_position"], result["analysis_position"])
    return result | {"number": ".".join(str(one) for one in numbers if one is not None)}


_RESULTS = """
    SELECT outcome_position, analysis_position, outcomes AS outcome, endpoint_type, time_frame, group_titles,
        measure_type, unit_of_measure, statistical_method, estimate_type, estimate, ci_percent, ci_lower, ci_upper,
        p_value, p_value_inequality, p_value_raw, record_id
    FROM results WHERE study_id = $id ORDER BY record_id, outcome_position, analysis_position NULLS FIRST"""
_MOMENTS = {
    "first_submitted_date": "first submitted",
    "registration_date": "registered",
    "start_date": "started",
    "primary_completion_date": "primary completion",
    "completion_date": "completed",
    "results_posted_date": "results posted",
    "last_updated_date": "last updated",
}

_PLANNED = ("start_date", "primary_completion_date", "completion_date")
"""Of other days "estimated" says that the register was not sure of the past."""


def _timeline(facts: Facts) -> list[Facts]:
    """What happened when: the dates of the trial, and its papers."""
    study = facts["study"]
    shown = {"YEAR": 4, "MONTH": 7}
    moments = [
        {
            "date": str(study[name])[: shown.get(str(study.get(f"{name}_precision")).upper(), 10)],
            "what": what,
            "is_planned": name in _PLANNED and str(study.get(f"{name}_type")).upper() in ("ESTIMATED", "ANTICIPATED"),
            "paper": None,
        }
        for name, what in _MOMENTS.items()
        if study.get(name)
    ]
    moments += [
        {"date": str(one["date"]), "what": "paper published", "is_planned": False, "paper": one["id"]}
        for one in facts["publications"]
        if one["date"]
    ]
    return sorted(moments, key=lambda moment: moment["date"])


_RATIOS = ("ratio", "hazard", "odds", "risk", "rate")
_NOT_RATIOS = ("difference", "slope", "reduction", "percent")


def result_plots(results: Sequence[Facts]) -> list[Facts]:
    """Plots of posted estimates: one of all ratios on a logarithmic scale, one for each unit of differences."""
    groups: dict[tuple[str, bool], list[Facts]] = {}
    for one in results:
        if one["estimate"] is None:
            continue
        kind = (one["estimate_type"] or "").lower()
        is_ratio = any(word in kind for word in _RATIOS) and not any(word in kind for word in _NOT_RATIOS)
        title = "Ratios" if is_ratio else " in ".join(filter(None, [one["estimate_type"], one["unit_of_measure"]]))
        row = {
            "label": f"{one['number']} {one['outcome'] or ''}",
            "value": one["estimate"],
            "low": one["ci_lower"],
            "high": one["ci_upper"],
        }
        groups.setdefault((title or "Estimates", is_ratio), []).append(row)
    plots = []
    for (title, is_ratio), rows in sorted(groups.items(), key=lambda group: (not group[0][1], -len(group[1]))):
        null = 1.0 if is_ratio else 0.0 if "difference" in title.lower() else None
        drawn = forest(rows, is_log=is_ratio, null=null)
        if drawn:
            plots.append({"title": title, "is_log": is_ratio, "plot": drawn})
    return plots


# --- graph


def _neighbour_rows(facts: Facts) -> Rows:
    rows = [
        [one["edge"]["relation"], one["direction"], one["node"]["id"], one["node"]["type"], one["node"]["name"],
         one["edge"]["score"], one["edge"]["date"]]
        for one in facts.get("neighbours", ())
    ]  # fmt: skip
    return ("relation", "direction", "id", "type", "name", "score", "date"), rows


@page("neighbours", "Graph", rows=_neighbour_rows)
def neighbours(
    site: Site,
    id: Annotated[str, Ask("A trial, paper, concept (MESH:D003924), sponsor ...", most=300)] = "",
    type: Annotated[str, Ask("Only nodes of this type", most=50)] = "",
    relation: Annotated[str, Ask("Only along this relation", most=50)] = "",
    limit: Annotated[int, Ask("How many", 1, 1_000)] = 100,
) -> Facts:
    """What stands next to a trial, paper, drug, condition or sponsor, and on what evidence."""
    from trialpanorama.apps.graph import neighbours_facts

    if not id.strip():
        return {"neighbours": [], "node": None}
    try:
        return neighbours_facts(
            site.reading, id.strip(), types=[type] if type else None, relations=[relation] if relation else None,
            limit=limit,
        )  # fmt: skip
    except UserError as error:
        return {"neighbours": [], "node": None, "problem": str(error)}


@page(
    "overdue",
    "Overdue results",
    rows=_objects(
        "trials",
        ("study_id", "completed", "due", "days_overdue", "is_seen_after_due", "sponsor", "sponsor_class", "title"),
    ),
)
def overdue(
    site: Site,
    months: Annotated[int, Ask("After so many months results are due", 0, 600)] = 12,
    limit: Annotated[int, Ask("How many", 1, 5_000)] = 100,
) -> Facts:
    """Trials that ended long ago without posted results or a known paper of results."""
    from trialpanorama.apps.graph import overdue_facts

    return overdue_facts(site.warehouse, months=months, limit=limit)


# --- sample size


@page("sizing", "Sample size", rows=_objects("methods", ("name", "title")))
def sizing_methods(site: Site) -> Facts:
    """Calculations of sample size and power, each with its formula and source."""
    from trialpanorama.power import METHODS

    return {"methods": [{"name": known.name, "title": known.title} for known in METHODS.values()]}


def sizing(name: str, given: dict[str, Any]) -> Facts:
    """A calculation with what is given of its parameters, and the power at other sizes."""
    from trialpanorama.apps.sizing import read_value, sizing_facts
    from trialpanorama.power import METHODS, curve

    known = METHODS[name]
    facts: Facts = {"method": name, "title": known.title, "given": given}
    if not given:
        return facts
    try:
        missing = [name for name, one in known.parameters.items() if one.is_required and name not in given]
        if missing:
            raise UserError(f"Needed, too: {', '.join(one.replace('_', ' ') for one in missing)}.")
        read = {
            name: read_value(known, name, value) if isinstance(value, str) else value for name, value in given.items()
        }
        found = known.size(**read)
        points = curve(name, **read) if known.build is not None else None
    except UserError as error:
        return facts | {"problem": _without_dashes(str(error))}
    return facts | sizing_facts(found, rows=None, points=points, belief=None)


def _without_dashes(message: str) -> str:
    """A message of the command line, whose options are fields here."""
    import re

    return re.sub(r"--([a-z][a-z-]*)", lambda option: option[1].replace("-", " "), message)


def sizing_curve(facts: Facts) -> Facts | None:
    """The plot of a calculation."""
    if not facts.get("curve"):
        return None
    size = facts["events"] if "events" in facts["curve"][0] else facts["n_total"]
    return power_curve(facts["curve"], size, facts["power"])


def sizing_rows(facts: Facts) -> Rows:
    """The power curve as a table; of a calculation without one its result."""
    if facts.get("curve"):
        return list(facts["curve"][0]), [list(point.values()) for point in facts["curve"]]
    names = ("method", "n_total", "n_per_arm", "events", "power", "formula")
    return names, [[facts.get(name) for name in names]]


# --- runs

_RUN = ("task", "version", "model", "split", "title", "arrow", "value", "low", "high", "n", "failed", "refused",
        "unreadable", "truncated", "floor", "is_fictional", "snapshot", "log")  # fmt: skip


@page("runs", "Runs", rows=_objects("rows", _RUN), is_remembered=False)
def runs(site: Site) -> Facts:
    """What models and baselines scored on the tasks, each figure with its interval and floor."""
    try:
        rows, unread = site.runs.table(site.check_runs())
    except UserError as error:
        return {"rows": [], "is_fictional": False, "nothing": str(error)}
    said = [msgspec.to_builtins(row) | {"log": _log(row.log)} for row in rows]
    viewer = shlex.join(["inspect", "view", "--log-dir", str(site.runs_folder)])
    return {"rows": said, "is_fictional": any(row.is_fictional for row in rows), "unread": unread, "viewer": viewer}


def _log(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


SAMPLES = 20
"""Of a page."""


@page(
    "samples",
    "Samples of a run",
    rows=_objects("samples", ("id", "outcome", "gold", "answer", "reply", "error", "why_unreadable", "reward")),
    is_in_menu=False,
    is_remembered=False,
)
def samples(
    site: Site,
    log: Annotated[str, Ask("The run: the name of its log", most=300)],
    outcome: Annotated[str, Ask("Only samples that ended so: wrong, answered, unreadable, failed ...", most=30)] = "",
    page: Annotated[int, Ask("Which page", 1, 100_000)] = 1,
) -> Facts:
    """What a model was asked in a run, what it replied, and what would have been right."""
    one = site.runs.one(site.check_runs(), log)
    chosen = [sample for sample in one.samples if not outcome or outcome == _verdict(sample)]
    counts: dict[str, int] = {}
    for sample in one.samples:
        counts[_verdict(sample)] = counts.get(_verdict(sample), 0) + 1
    return {
        "log": log,
        "task": one.task,
        "model": one.model,
        "split": one.split,
        "is_fictional": one.is_fictional,
        "outcome": outcome,
        "outcomes": counts,
        "total": len(chosen),
        "page": page,
        "pages": -(-len(chosen) // SAMPLES),
        "samples": [
            msgspec.to_builtins(sample) | {"verdict": _verdict(sample)}
            for sample in chosen[(page - 1) * SAMPLES : page * SAMPLES]
        ],
    }


def _verdict(sample: Any) -> str:
    """How a sample ended, in a word."""
    if sample.scores is None:
        return "failed"
    if sample.outcome != "answered":
        return str(sample.outcome)
    return "right" if sample.scores.get("correct") == 1 else "wrong"


# --- dictionary, problems, SQL


def _dictionary_rows(facts: Facts) -> Rows:
    columns = ("name", "type", "meaning", "unit", "values")
    rows = [
        [table["name"], *(column[name] for name in columns)] for table in facts["tables"] for column in table["columns"]
    ]
    return ("table", *columns), rows


@page("dictionary", "Dictionary", rows=_dictionary_rows)
def dictionary(site: Site, table: Annotated[str, Ask("One table; all if it is left out", most=100)] = "") -> Facts:
    """What every table and column means, with units and allowed values."""
    from trialpanorama.apps.pages import dictionary as every_table
    from trialpanorama.errors import UnknownName

    tables = site.remember("tables", every_table)
    if table and table not in tables:
        raise UnknownName("table", table, tables)
    names = list(tables)
    return {"table": table, "names": names, "tables": [tables[name] for name in ([table] if table else names)]}


def _problem_rows(facts: Facts) -> Rows:
    rows = [
        ["reject", one["source"], one["reason"], one["count"], one["meaning"], place["file"], place["member"]]
        for one in facts["rejects_by_reason"]
        for place in one["places"] or [{"file": None, "member": None}]
    ]
    rows += [
        ["note", one["source"], one["field"], one["count"], one["note"], place["file"], place["member"]]
        for one in facts["notes_by_field"]
        for place in one["places"] or [{"file": None, "member": None}]
    ]
    return ("what", "source", "reason_or_field", "count", "meaning", "file", "member"), rows


@page("problems", "Problems", rows=_problem_rows)
def problems(
    site: Site,
    source: Annotated[str, Ask("Of one source", most=100)] = "",
    places: Annotated[int, Ask("How many places to name for each kind", 0, 100)] = 3,
) -> Facts:
    """What could not be read, and values that are doubtful or were kept as text, with their places."""
    from trialpanorama.apps.show import problems_facts

    facts = problems_facts(site.warehouse, source or None, places=places)
    return facts | {"sources": [one.name for one in site.warehouse.manifest.sources]}


SQL_ROWS = {"html": 500, "json": 20_000, "csv": 20_000}
"""Rows of an answer to a query, by what they are shown as."""


def sql(site: Site, query: str, form: str) -> Facts:
    """The answer to one SELECT statement, behind the fence of the warehouse."""
    from trialpanorama.apps.show import cells

    facts: Facts = {"sql": query, "columns": [], "rows": [], "is_cut": False}
    if not query.strip():
        return facts | {"problem": "The query is empty: write a SELECT statement."}
    if not site.queries.acquire(timeout=SQL_SECONDS):
        return facts | {"problem": "Other queries are running. Try again when they are done."}
    try:
        most = SQL_ROWS[form]
        found = site.warehouse.query(
            query, seconds=SQL_SECONDS, memory_mb=SQL_MEMORY_MB, max_rows=most + 1, max_result_mb=64
        )
    except UserError as error:
        return facts | {"problem": _without_limits(str(error))}
    finally:
        site.queries.release()
    is_cut = found.num_rows > most
    return facts | {"columns": found.column_names, "rows": cells(found.slice(0, most)), "is_cut": is_cut}


def _without_limits(message: str) -> str:
    """A message of the command line, whose options this page does not have."""
    return message.partition(" Raise the limit:")[0].partition(" Tables and columns:")[0].partition(" See:")[0]
