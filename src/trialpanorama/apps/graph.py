"""The graph from the command line: what stands beside a node, what joins two, exports, and results that are overdue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.apps.console import table
from trialpanorama.apps.show import FICTIONAL
from trialpanorama.link import graph, literature
from trialpanorama.link.graph import GraphFormat, Node, Shared
from trialpanorama.warehouse import Warehouse


def _head(warehouse: Warehouse) -> dict[str, Any]:
    return {"snapshot": warehouse.snapshot, "is_fictional": warehouse.manifest.is_fictional}


def _fictional(facts: dict[str, Any]) -> list[str]:
    return [FICTIONAL] if facts["is_fictional"] else []


def _label(node: dict[str, Any]) -> str:
    """A node in a line: its id, type and name."""
    return f"{node['id']} ({node['type']})" + (f" {node['name']}" if node["name"] else "")


# --- neighbours


def neighbours_facts(
    warehouse: Warehouse,
    id: str,
    *,
    types: Sequence[str] | None = None,
    relations: Sequence[str] | None = None,
    share: Shared | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """What stands next to a node, as JSON; with `share`, the trials that have one of these in common with it."""
    with warehouse.connect() as con:
        if share is not None:
            total, found = graph.sharing(con, id, share, limit=limit)
            node: Node = graph.find_node(con, id)
            said = {"node": node, "share": share, "total": total, "trials": found}
        else:
            said = msgspec.structs.asdict(graph.neighbours(con, id, types=types, relations=relations, limit=limit))
    return _head(warehouse) | {name: msgspec.to_builtins(value) for name, value in said.items()}


def neighbours_text(facts: dict[str, Any]) -> str:
    """The same for a terminal."""
    lines = [_label(facts["node"]), *_fictional(facts)]
    if "share" in facts:
        lines.append(f"{facts['total']:,} other trials share a {facts['share']}, the rarest first")
        rows = [
            [
                one["trial"]["id"],
                one["score"],
                "; ".join(n["name"] or n["id"] for n in one["shared"]),
                one["trial"]["name"],
            ]
            for one in facts["trials"]
        ]
        return "\n".join([*lines, "", table(["trial", "bits", "shared", "title"], rows)] if rows else lines)
    counts = ", ".join(f"{name} {count:,}" for name, count in facts["by_relation"].items())
    lines.append(f"{facts['total']:,} edges" + (f": {counts}" if counts else ""))
    rows = [
        [
            ("" if one["direction"] == "out" else "< ") + one["edge"]["relation"],
            one["node"]["id"],
            one["node"]["type"],
            one["edge"]["score"],
            one["edge"]["date"],
            one["node"]["name"],
        ]
        for one in facts["neighbours"]
    ]
    if rows:
        lines += ["", table(["relation", "id", "type", "score", "date", "name"], rows)]
    if len(rows) < facts["total"]:
        lines += ["", f"These are the first {len(rows):,} of {facts['total']:,}: see --limit, --type and --relation."]
    return "\n".join(lines)


# --- paths


def paths_facts(
    warehouse: Warehouse,
    a: str,
    b: str,
    *,
    max_length: int = 4,
    limit: int = 10,
    relations: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The shortest ways from one node to another, as JSON."""
    with warehouse.connect() as con:
        found = graph.paths(con, a, b, max_length=max_length, limit=limit, relations=relations)
        ends = {"a": graph.find_node(con, a), "b": graph.find_node(con, b)}
    facts = {name: msgspec.to_builtins(node) for name, node in ends.items()}
    return _head(warehouse) | facts | {"max_length": max_length, "paths": msgspec.to_builtins(found)}


def paths_text(facts: dict[str, Any]) -> str:
    """The same for a terminal: one line for each node, with the edge that leads to it."""
    lines = [*_fictional(facts)]
    if not facts["paths"]:
        return "\n".join(
            [
                *lines,
                f"Nothing joins {facts['a']['id']} and {facts['b']['id']} in {facts['max_length']} edges. "
                "Go further: --max-length N (up to 6)",
            ]
        )
    for number, path in enumerate(facts["paths"], 1):
        lines += [
            "",
            f"{number}. {len(path['edges'])} edges, {path['rarity']:.1f} bits",
            f"   {_label(path['nodes'][0])}",
        ]
        for node, edge in zip(path["nodes"][1:], path["edges"], strict=True):
            arrow = f"--{edge['relation']}->" if edge["tail_id"] == node["id"] else f"<-{edge['relation']}--"
            lines.append(f"   {arrow} {_label(node)}")
    return "\n".join(lines).lstrip("\n")


# --- exports


def export_facts(
    warehouse: Warehouse, format: GraphFormat, out: Path, *, include_restricted: bool = False
) -> dict[str, Any]:
    """Write the graph into a folder, and say what was written."""
    with warehouse.connect() as con:
        counts = graph.export_graph(con, out, format, include_closed=include_restricted)
        (left_out,) = con.execute("SELECT count(*) FROM relations WHERE NOT coalesce(is_open, false)").fetchone() or (
            0,
        )
    written = sorted(path.name for path in out.iterdir())
    return (
        _head(warehouse)
        | counts
        | {
            "format": format,
            "folder": str(out),
            "files": written,
            "edges_left_out": 0 if include_restricted else left_out,
        }
    )


def export_text(facts: dict[str, Any]) -> str:
    """The same for a terminal."""
    lines = [f"{facts['folder']}: {facts['nodes']:,} nodes, {facts['edges']:,} edges in {', '.join(facts['files'])}"]
    if facts["edges_left_out"]:
        lines.append(
            f"{facts['edges_left_out']:,} edges were left out: the terms of their sources do not let them be passed on "
            "(--include-restricted)"
        )
    return "\n".join([*lines, *_fictional(facts)])


# --- overdue


def overdue_facts(
    warehouse: Warehouse,
    *,
    months: int = 12,
    limit: int = 50,
    until: str | None = None,
    lacking: literature.Lacking = "both",
) -> dict[str, Any]:
    """Trials whose results are overdue, as JSON, with the rule that was applied."""
    with warehouse.connect() as con:
        newest, total, found = literature.overdue(con, months=months, limit=limit, until=until, lacking=lacking)
    return _head(warehouse) | {
        "rule": literature.overdue_rule(months, lacking),
        "months": months,
        "lacking": lacking,
        "until": newest,
        "total": total,
        "trials": msgspec.to_builtins(found),
    }


def overdue_text(facts: dict[str, Any]) -> str:
    """The same for a terminal."""
    lines = [f"{facts['total']:,} trials by {facts['until']}. {facts['rule']}", *_fictional(facts)]
    rows = [
        [
            one["study_id"],
            one["completed"],
            one["due"],
            one["days_overdue"],
            "" if one["is_seen_after_due"] else "last seen before it was due",
            "posted" if one["has_results"] else "",
            ", ".join(f"{what} {count}" for what, count in one["other_papers"].items()),
            one["sponsor"],
            one["title"],
        ]
        for one in facts["trials"]
    ]
    if rows:
        columns = [
            "trial",
            "completed",
            "due",
            "days",
            "doubt",
            "results",
            "other papers" if facts["lacking"] != "results" else "papers",
            "sponsor",
            "title",
        ]
        lines += ["", table(columns, rows, widest=50)]
        classes = Counter(one["sponsor_class"] or "not said" for one in facts["trials"])
        lines += ["", "Of these, by class of sponsor: " + ", ".join(f"{k} {n}" for k, n in classes.most_common())]
    if len(rows) < facts["total"]:
        lines.append(f"These are the {len(rows):,} longest overdue: see --limit.")
    return "\n".join(lines)
