"""The graph of trials, papers, reviews, drugs, conditions ...: what stands next to a node, what joins two, and exports.

The edges are the rows of `relations`; nothing is kept in memory but what was asked for. Hubs (a country, a broad
condition, a large sponsor) join everything with everything and so say nothing: paths do not go through them.
"""

from __future__ import annotations

import csv
import itertools
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.link.sponsors import sponsor_id
from trialpanorama.relations import CORRECTION_PREDICATE, NODE_TYPES, RELATIONS, Relation
from trialpanorama.warehouse import sql_text

if TYPE_CHECKING:
    import duckdb

GraphFormat = Literal["parquet", "graphml", "kgx", "neo4j"]
Shared = Literal["drug", "condition", "review", "sponsor", "biomarker", "country"]

HUB = 300
"""A node with more edges than this is not gone through on the way from one node to another."""

MOST_VISITED = 200_000
"""Nodes that a search for paths looks at, at most."""

_RELATION = {relation.name: relation for relation in RELATIONS}
_TYPE = {type.name: type for type in NODE_TYPES}


class Node(msgspec.Struct, frozen=True):
    """A node: its id, its type (of `relations.NODE_TYPES`) and its name."""

    id: str
    type: str
    name: str | None = None


class Edge(msgspec.Struct, frozen=True):
    """An edge as it stands in `relations`."""

    head_id: str
    relation: str
    tail_id: str
    method: str | None
    score: float | None
    date: str | None
    """ISO 8601, of the document that says so."""
    evidence: list[dict[str, str | None]]
    vocabulary_version: str | None = None
    """The release of the terminology that the concept of the edge is of, if one is."""


class Neighbour(msgspec.Struct, frozen=True):
    """A node beside another, and the edge between them."""

    node: Node
    direction: Literal["out", "in"]
    """out: the edge begins at the node that was asked for."""
    edge: Edge


class Neighbours(msgspec.Struct):
    """What stands next to a node."""

    node: Node
    total: int
    by_relation: dict[str, int]
    """Edges of each relation, before the limit."""
    neighbours: list[Neighbour]


class PathFound(msgspec.Struct):
    """A way from one node to another."""

    nodes: list[Node]
    edges: list[Edge]
    """One fewer than nodes; either may be read against its direction."""
    rarity: float
    """Bits: how seldom nodes like those in between are met; paths are listed from the rarest on."""


class SharingTrial(msgspec.Struct):
    """A trial that shares something with another."""

    trial: Node
    score: float
    """Bits: how rare what they share is, added up."""
    shared: list[Node]


# --- nodes by whatever a user types


def find_node(con: duckdb.DuckDBPyConnection, text: str) -> Node:
    """The node that a text names: a registry id of any of its Records, a PMID, a CURIE, the name of a concept or words
    that a Record has for it, a country or a sponsor as any register writes it.

    Raises UnknownName, with the nearest names, where there is none.
    """
    text = " ".join(text.split())
    tried = [text, text.removeprefix("PMID:").strip(), identifiers.trial_key(text)]
    found = identifiers.normalise(text)
    if found:
        tried.append(found.id)
    for one in dict.fromkeys(filter(None, tried)):
        if rows := con.execute(_NODE_OF_ID, [one]).fetchall():
            return Node(*rows[0])
    if rows := con.execute(_NODE_OF_IDENTIFIER, {"ids": tried}).fetchall():
        return Node(*rows[0])
    named = [id for sql in (_NODE_OF_NAME, _NODE_OF_WORDS) for (id,) in con.execute(sql, [text]).fetchall()]
    written = {"country": vocabulary.country(text) or text, "sponsor": sponsor_id(text)}
    named += [f"{type}:{said.replace(' ', '_')}" for type, said in written.items()]
    for id in named:
        if rows := con.execute(_NODE_OF_ID, [id]).fetchall():
            return Node(*rows[0])
    near = [name for (name,) in con.execute(_NEAR_MISSES, [text]).fetchall()]
    raise UnknownName("node", text, near, "trialpanorama search WORDS")


def _names(which: str = "true") -> str:
    """Ids and names of everything that has one, from the rows of which this is true."""
    return f"""
    SELECT study_id AS id, title AS name FROM studies WHERE kind = 'registration' AND {which}
    UNION ALL SELECT paper_id, title FROM papers WHERE {which}
    UNION ALL SELECT review_id, title FROM reviews WHERE {which}
    UNION ALL SELECT concept_id, name FROM concepts WHERE {which}
    UNION ALL SELECT 'sponsor:' || replace(sponsor_id, ' ', '_'), min(normalized_name)
        FROM sponsors WHERE {which} GROUP BY 1
    UNION ALL SELECT id, min(name) FROM (
        SELECT unnest(CASE WHEN accession IS NULL THEN ['target:' || replace(target_name, ' ', '_')]
            ELSE ['UniProtKB:' || trim(a) FOR a IN string_split_regex(accession, '[|;,]')] END) AS id,
            target_name AS name
        FROM drug_moa WHERE {which}) GROUP BY id"""


_ENDS = """
    SELECT head_id AS id, head_type AS type, is_open FROM relations
    UNION ALL SELECT tail_id, tail_type, is_open FROM relations"""

_NAME_OF = """coalesce(n.name, CASE WHEN e.type IN ('country', 'sponsor', 'target')
    THEN replace(split_part(e.id, ':', 2), '_', ' ') END)"""

_NODE_OF_ID = f"""
    WITH e AS (SELECT id, min(type) AS type FROM (
            SELECT head_id AS id, head_type AS type FROM relations WHERE head_id = $1
            UNION ALL SELECT tail_id, tail_type FROM relations WHERE tail_id = $1
            UNION ALL SELECT study_id, 'trial' FROM studies WHERE study_id = $1 AND kind = 'registration'
            UNION ALL SELECT paper_id, 'publication' FROM papers WHERE paper_id = $1)
        GROUP BY id)
    SELECT e.id, e.type, {_NAME_OF} FROM e LEFT JOIN (SELECT * FROM ({_names()}) WHERE id = $1) n USING (id)"""

_NODE_OF_IDENTIFIER = """
    SELECT study_id, 'trial', title FROM studies WHERE kind = 'registration' AND study_id IN (
        SELECT study_id FROM identifiers
        WHERE list_contains($ids, id) AND role IN ('primary', 'alias', 'secondary', 'bridge'))
    ORDER BY study_id LIMIT 1"""

_NODE_OF_NAME = f"""
    WITH degree AS (SELECT id, min(type) AS type, count(*) AS edges FROM ({_ENDS}) GROUP BY id)
    SELECT e.id FROM degree e LEFT JOIN (
            SELECT * FROM ({_names()}) UNION ALL SELECT concept_id, unnest(names) FROM concepts) n USING (id)
    WHERE e.type NOT IN ('trial', 'publication') AND (lower(n.name) = lower($1) OR lower({_NAME_OF}) = lower($1)
        OR lower(e.id) = lower($1))
    ORDER BY edges DESC, id LIMIT 1"""

_NODE_OF_WORDS = """
    SELECT concept_id FROM mentions WHERE concept_id IS NOT NULL AND lower(text) = lower($1)
    GROUP BY concept_id QUALIFY 2 * count(*) > sum(count(*)) OVER ()"""
"""What the words mostly mean where a Record has them, such as a brand name that no terminology lists."""

_NEAR_MISSES = """
    SELECT name FROM (
        SELECT study_id AS name FROM studies WHERE kind = 'registration'
        UNION SELECT name FROM concepts UNION SELECT DISTINCT normalized_name FROM sponsors
        UNION SELECT replace(substr(tail_id, 9), '_', ' ') FROM relations WHERE tail_type = 'country')
    ORDER BY jaro_winkler_similarity(lower(name), lower($1)) DESC, name LIMIT 3"""


def _nodes(con: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[str, str]]) -> dict[str, Node]:
    """Nodes by id, with their names."""
    pairs = dict(wanted)
    if not pairs:
        return {}
    sql = f"SELECT id, name FROM ({_names()}) n WHERE id IN (SELECT unnest($ids))"
    names: dict[str, str | None] = dict(con.execute(sql, {"ids": sorted(pairs)}).fetchall())
    said = {
        id: id.partition(":")[2].replace("_", " ")
        for id, type in pairs.items()
        if type in ("country", "sponsor", "target")
    }
    return {id: Node(id, type, names.get(id) or said.get(id)) for id, type in sorted(pairs.items())}


def _check(kind: str, names: Sequence[str] | None, known: Iterable[str]) -> None:
    known = list(known)
    for name in names or ():
        if name not in known:
            raise UnknownName(kind, name, known)


def _relations_known(con: duckdb.DuckDBPyConnection) -> list[str]:
    said = [name for (name,) in con.execute("SELECT DISTINCT relation_type FROM relations").fetchall()]
    return sorted({*_RELATION, *said})


# --- what stands next to a node

_ORDER = (
    "coalesce(list_position(["
    + ", ".join(f"'{relation.name}'" for relation in sorted(RELATIONS, key=lambda relation: relation.is_weak))
    + "], relation_type), 99)"
)
"""Relations in the order of their list, those that say little last."""

_RELATIONS = "(FROM relations UNION ALL BY NAME SELECT NULL::VARCHAR AS vocabulary_version WHERE false)"
"""The edges, also of a warehouse of a version that did not write this column."""
_EDGE = "head_id, relation_type, tail_id, method, score, CAST(date AS VARCHAR), evidence, vocabulary_version"


def neighbours(
    con: duckdb.DuckDBPyConnection,
    id: str,
    *,
    types: Sequence[str] | None = None,
    relations: Sequence[str] | None = None,
    limit: int = 50,
) -> Neighbours:
    """What stands next to a node, of the types and relations that are named.

    They come relation by relation, those that say little last; best scores first, then the newest, then by id.

    Raises UnknownName for a node, type or relation that is not there.
    """
    _check("type of node", types, _TYPE)
    _check("relation", relations, _relations_known(con) if relations else ())
    node = find_node(con, id)
    beside = f"""
        SELECT *, tail_id AS other, tail_type AS other_type, 'out' AS direction FROM {_RELATIONS} WHERE head_id = $id
        UNION ALL SELECT *, head_id, head_type, 'in' FROM {_RELATIONS} WHERE tail_id = $id AND head_id <> $id"""
    chosen = f"""SELECT * FROM ({beside}) WHERE ($types IS NULL OR list_contains($types, other_type))
        AND ($relations IS NULL OR list_contains($relations, relation_type))"""
    asked: dict[str, Any] = {
        "id": node.id, "types": list(types) if types else None, "relations": list(relations) if relations else None,
    }  # fmt: skip
    counts = dict(
        con.execute(f"SELECT relation_type, count(*) FROM ({chosen}) GROUP BY 1 ORDER BY 2 DESC, 1", asked).fetchall()
    )
    rows = con.execute(
        f"""SELECT other, other_type, direction, {_EDGE} FROM ({chosen})
        ORDER BY {_ORDER}, relation_type, score DESC NULLS LAST, date DESC NULLS LAST, other, direction
        LIMIT {int(limit)}""",
        asked,
    ).fetchall()
    named = _nodes(con, [(other, type) for other, type, *_ in rows])
    return Neighbours(
        node,
        sum(counts.values()),
        counts,
        [Neighbour(named[other], direction, Edge(*edge)) for other, _, direction, *edge in rows],
    )


# --- what joins two nodes


def paths(
    con: duckdb.DuckDBPyConnection,
    a: str,
    b: str,
    *,
    max_length: int = 4,
    limit: int = 10,
    relations: Sequence[str] | None = None,
) -> list[PathFound]:
    """The shortest ways from one node to another, of at most `max_length` edges: the rarest nodes in between first.

    Edges are gone along in both directions. Without `relations`, those that say little (background papers, excluded
    reports, ids named in passing) are left out; nodes with more than `HUB` edges, and countries, are not gone through.
    """
    if not 1 <= max_length <= 6:
        raise UserError(f"Paths of {max_length} edges cannot be searched. Type: --max-length with 1 to 6")
    if relations:
        _check("relation", relations, _relations_known(con))
    start, goal = find_node(con, a), find_node(con, b)
    if start.id == goal.id:
        raise UserError(f"{a} and {b} are the same node, {start.id}. Name two different ones.")
    allowed = list(relations) if relations else None
    # whoever reached each node, one step nearer to the start and to the goal
    reached: tuple[dict[str, set[str]], dict[str, set[str]]] = ({start.id: set()}, {goal.id: set()})
    frontiers = [{start.id}, {goal.id}]
    degrees: dict[str, int] = {}
    for _ in range(max_length):
        side = 0 if len(frontiers[0]) <= len(frontiers[1]) else 1
        ends = {start.id, goal.id}
        through = {id for id in frontiers[side] if id in ends or not _is_hub(con, id, degrees)}
        found: dict[str, set[str]] = {}
        for one, other in _steps(con, through, allowed):
            if other not in reached[side]:
                found.setdefault(other, set()).add(one)
        reached[side].update(found)
        frontiers[side] = set(found)
        meeting = {id for id in found if id in reached[1 - side]}
        meeting = {id for id in meeting if id in ends or not _is_hub(con, id, degrees)}
        if meeting:
            return _told(con, _joined(meeting, *reached, most=1_000), degrees, allowed, limit)
        if not found or sum(map(len, reached)) > MOST_VISITED:
            break
    return []


def _steps(con: duckdb.DuckDBPyConnection, ids: set[str], allowed: list[str] | None) -> list[tuple[str, str]]:
    """Every edge at these nodes, as pairs of one of them and the node beside it."""
    if not ids:
        return []
    where = _allowed(allowed)
    return con.execute(
        f"""WITH wanted AS (SELECT unnest($ids) AS id)
        SELECT DISTINCT head_id, tail_id FROM relations SEMI JOIN wanted ON id = head_id WHERE {where}
        UNION SELECT DISTINCT tail_id, head_id FROM relations SEMI JOIN wanted ON id = tail_id WHERE {where}
        ORDER BY ALL""",
        {"ids": sorted(ids)},
    ).fetchall()


def _allowed(relations: list[str] | None) -> str:
    if relations is None:
        weak = ", ".join(f"'{relation.name}'" for relation in RELATIONS if relation.is_weak)
        return f"relation_type NOT IN ({weak})"
    return "relation_type IN (" + ", ".join(map(sql_text, relations)) + ")"


def _is_hub(con: duckdb.DuckDBPyConnection, id: str, degrees: dict[str, int]) -> bool:
    if id.startswith("country:"):
        return True
    if id not in degrees:
        _count_edges(con, [id], degrees)
    return degrees[id] > HUB


def _count_edges(con: duckdb.DuckDBPyConnection, ids: Iterable[str], degrees: dict[str, int]) -> None:
    wanted = sorted(set(ids) - degrees.keys())
    degrees.update(dict.fromkeys(wanted, 0))
    sql = "SELECT id, count(*) FROM (SELECT head_id AS id FROM relations UNION ALL SELECT tail_id FROM relations) "
    degrees.update(con.execute(f"{sql} WHERE id IN (SELECT unnest($ids)) GROUP BY id", {"ids": wanted}).fetchall())


def _joined(
    meeting: set[str], before: dict[str, set[str]], after: dict[str, set[str]], *, most: int
) -> list[tuple[str, ...]]:
    """The ways through the nodes where both searches met, at most so many."""

    def ways(id: str, reached: dict[str, set[str]]) -> list[tuple[str, ...]]:
        if not reached[id]:
            return [(id,)]
        return [(*way, id) for nearer in sorted(reached[id]) for way in ways(nearer, reached)][:most]

    found: list[tuple[str, ...]] = []
    for id in sorted(meeting):
        for first in ways(id, before):
            found += [(*first, *reversed(rest[:-1])) for rest in ways(id, after)]
            if len(found) >= most:
                return found
    return found


def _told(
    con: duckdb.DuckDBPyConnection,
    ways: list[tuple[str, ...]],
    degrees: dict[str, int],
    allowed: list[str] | None,
    limit: int,
) -> list[PathFound]:
    """The rarest ways with names, and of each step its best edge."""
    _count_edges(con, {id for way in ways for id in way[1:-1]}, degrees)

    (everything,) = con.execute("SELECT count(*) FROM relations").fetchone() or (1,)

    def rarity(way: tuple[str, ...]) -> float:
        return round(sum(math.log2(everything / degrees[id]) for id in way[1:-1]), 3)

    best = sorted(ways, key=lambda way: (len(way), -rarity(way), way))[:limit]
    pairs = sorted({pair for way in best for pair in itertools.pairwise(way)})
    edges: dict[tuple[str, str], Edge] = {}
    types: dict[str, str] = {}
    rows = con.execute(
        f"""WITH steps AS (SELECT unnest($ones) AS one, unnest($others) AS other)
        SELECT one, other, head_type, tail_type, {_EDGE} FROM {_RELATIONS} JOIN steps
            ON head_id = one AND tail_id = other OR head_id = other AND tail_id = one
        WHERE {_allowed(allowed)} ORDER BY score DESC NULLS LAST, relation_type, head_id""",
        {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs]},
    ).fetchall()
    for one, other, head_type, tail_type, *edge in rows:
        edges.setdefault((one, other), Edge(*edge))
        types |= {edge[0]: head_type, edge[2]: tail_type}
    named = _nodes(con, types.items())
    return [
        PathFound([named[id] for id in way], [edges[pair] for pair in itertools.pairwise(way)], rarity(way))
        for way in best
    ]


# --- trials that share something

_SHARED_BY: dict[Shared, tuple[str, ...]] = {
    "drug": ("tests_drug",),
    "condition": ("studies_condition",),
    "sponsor": ("sponsored_by",),
    "biomarker": ("measures_biomarker", "involves_biomarker"),
    "country": ("recruits_in",),
    "review": (),
}


def sharing(
    con: duckdb.DuckDBPyConnection, id: str, what: Shared, *, limit: int = 20
) -> tuple[int, list[SharingTrial]]:
    """Trials that share a drug, condition, review, sponsor, biomarker or country with this one, and how many.

    What few trials have in common counts more: each shared thing adds log2(trials / trials that have it), and the
    trials are ranked by the sum, then by id.
    """
    if what not in get_args(Shared):
        raise UnknownName("thing to share", what, get_args(Shared))
    node = find_node(con, id)
    if node.type != "trial":
        raise UserError(f"{id} is a {node.type}, and only trials are compared. See: trialpanorama neighbours {id}")
    listed = ", ".join(f"'{name}'" for name in _SHARED_BY[what])
    held = f"""SELECT DISTINCT head_id AS study_id, tail_id AS thing, tail_type AS type FROM relations
        WHERE relation_type IN ({listed})"""
    if what == "review":
        held = """SELECT DISTINCT study_id, review_id AS thing, 'review' AS type
            FROM (SELECT review_id, unnest(study_ids) AS study_id FROM review_studies WHERE decision = 'INCLUDED')
            UNION SELECT tail_id, head_id, 'review' FROM relations
                WHERE relation_type = 'includes' AND head_type = 'review' AND tail_type = 'trial'"""
    rows = con.execute(
        f"""WITH held AS ({held}),
        mine AS (SELECT thing, type FROM held WHERE study_id = $id),
        sizes AS (SELECT thing, count(*) AS trials FROM held SEMI JOIN mine USING (thing) GROUP BY thing),
        everything AS (SELECT greatest(count(DISTINCT study_id), 2) AS trials FROM held),
        bits AS (
            SELECT thing, CAST(round(1000 * log2(e.trials / s.trials)) AS BIGINT) AS bits FROM sizes s, everything e),
        other AS (SELECT study_id, thing, type, bits FROM held JOIN mine USING (thing, type) JOIN bits USING (thing)
            WHERE study_id <> $id)
        SELECT study_id, sum(bits) / 1000.0, list({{'id': thing, 'type': type}} ORDER BY bits DESC, thing)
        FROM other GROUP BY study_id ORDER BY 2 DESC, 1""",
        {"id": node.id},
    ).fetchall()
    best = rows[:limit]
    named = _nodes(con, [(one["id"], one["type"]) for *_, things in best for one in things])
    trials = _nodes(con, [(study, "trial") for study, *_ in best])
    return len(rows), [
        SharingTrial(trials[study], score, [named[one["id"]] for one in things]) for study, score, things in best
    ]


# --- exports


def _node_rows(include_closed: bool) -> str:
    """Every node once, with its type and name; a name is left out where its source may not be passed on."""
    which = "true" if include_closed else "is_open"
    return f"""
        SELECT e.id, e.type, {_NAME_OF} AS name
        FROM (SELECT id, min(type) AS type FROM ({_ENDS}) WHERE {which} GROUP BY id) e
            LEFT JOIN (SELECT id, min(name) AS name FROM ({_names(which)}) GROUP BY id) n USING (id)
        ORDER BY e.id"""


def _edge_rows(include_closed: bool) -> str:
    return f"""
        SELECT head_id, head_type, tail_id, tail_type, relation_type, method, score, date, evidence,
            vocabulary_version, record_id, source, licence, is_open
        FROM {_RELATIONS} WHERE {"true" if include_closed else "is_open"} ORDER BY head_id, tail_id, relation_type"""


def export_graph(
    con: duckdb.DuckDBPyConnection, out: Path, format: GraphFormat, *, include_closed: bool = False
) -> dict[str, int]:
    """Write the graph into a new or empty folder; returns how many nodes and edges.

    parquet: nodes.parquet, edges.parquet. graphml: graph.graphml, as networkx reads it. kgx: nodes.tsv and edges.tsv in
    Biolink's terms (https://biolink.github.io/kgx/kgx_format.html). neo4j: nodes.csv and edges.csv for `neo4j-admin
    database import full --nodes nodes.csv --relationships edges.csv`. Rows of sources whose terms do not allow passing
    them on are left out unless `include_closed`. The same warehouse gives the same bytes.
    """
    if format not in get_args(GraphFormat):
        raise UnknownName("graph format", format, get_args(GraphFormat))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder. Name a new one.")
    out.mkdir(parents=True, exist_ok=True)
    nodes, edges = _node_rows(include_closed), _edge_rows(include_closed)
    if format == "parquet":
        for name, sql in (("nodes", nodes), ("edges", edges)):
            place = sql_text(out / f"{name}.parquet")
            con.execute(f"COPY ({sql}) TO {place} (FORMAT parquet, COMPRESSION zstd)")
    elif format == "graphml":
        _write_graphml(con, nodes, edges, out / "graph.graphml")
    elif format == "kgx":
        _write_rows(con, nodes, out / "nodes.tsv", KGX_NODE_COLUMNS, _kgx_node, "\t")
        _write_rows(con, edges, out / "edges.tsv", KGX_EDGE_COLUMNS, _kgx_edge, "\t")
    else:
        _write_rows(con, nodes, out / "nodes.csv", _NEO4J_NODE_COLUMNS, _neo4j_node, ",")
        _write_rows(con, edges, out / "edges.csv", _NEO4J_EDGE_COLUMNS, _neo4j_edge, ",")
    return {
        name: (con.execute(f"SELECT count(*) FROM ({sql})").fetchone() or (0,))[0]
        for name, sql in (("nodes", nodes), ("edges", edges))
    }


_AT_A_TIME = 5_000


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """Rows as they come, so that a graph larger than memory can be written."""
    cursor = con.execute(sql)
    columns = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(_AT_A_TIME):
        for row in rows:
            yield dict(zip(columns, row, strict=True))


def _line(value: Any) -> str:
    """A value on one line without tabs; "" for unknown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).split())


def _write_rows(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    path: Path,
    columns: Sequence[str],
    values: Callable[[dict[str, Any]], Sequence[Any]],
    separator: Literal["\t", ","],
) -> None:
    """Rows under a header; tab-separated ones without quotes, as KGX reads them, others with."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in itertools.chain([columns], (values(row) for row in _rows(con, sql))):
            if separator == "\t":
                file.write("\t".join(map(_line, row)) + "\n")
            else:
                writer.writerow(map(_line, row))


def _places(evidence: list[dict[str, Any]] | None) -> str:
    """Evidence as text: field: what stands there (Record); ..."""
    said = (f"{e['field']}: {e['id'] or ''} ({e['record_id'] or ''})" for e in evidence or ())
    return "; ".join(one.replace(" ()", "") for one in said)


# GraphML, in the dialect of networkx

_GRAPHML = "http://graphml.graphdrawing.org/xmlns"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GRAPHML_KEYS = (
    ("node", "type", "string"), ("node", "name", "string"), ("edge", "relation", "string"),
    ("edge", "method", "string"), ("edge", "score", "double"), ("edge", "date", "string"),
    ("edge", "evidence", "string"), ("edge", "vocabulary_version", "string"),
    ("edge", "record_id", "string"), ("edge", "source", "string"), ("edge", "licence", "string"),
    ("edge", "is_open", "boolean"),
)  # fmt: skip


def _write_graphml(con: duckdb.DuckDBPyConnection, nodes: str, edges: str, path: Path) -> None:
    """A directed graph with typed attributes, written row by row: `networkx.read_graphml` reads it.

    Every edge has an id; networkx makes a MultiDiGraph of it where two nodes have several edges.
    """
    keys = {(of, name): f"d{number}" for number, (of, name, _) in enumerate(_GRAPHML_KEYS)}

    def said(value: Any) -> str:
        return escape(_NOT_IN_XML.sub("", _line(value)), {'"': "&quot;"})

    def attributes(of: str, row: dict[str, Any]) -> str:
        values = ((name, row[name]) for kind, name, _ in _GRAPHML_KEYS if kind == of)
        return "".join(
            f'<data key="{keys[of, name]}">{said(value)}</data>' for name, value in values if value is not None
        )

    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"<?xml version='1.0' encoding='utf-8'?>\n<graphml xmlns=\"{_GRAPHML}\">\n")
        for (of, name), key in keys.items():
            type = next(type for kind, called, type in _GRAPHML_KEYS if (kind, called) == (of, name))
            file.write(f'<key id="{key}" for="{of}" attr.name="{name}" attr.type="{type}"/>\n')
        file.write('<graph edgedefault="directed">\n')
        for row in _rows(con, nodes):
            file.write(f'<node id="{said(row["id"])}">{attributes("node", row)}</node>\n')
        for number, row in enumerate(_rows(con, edges)):
            row |= {"relation": row["relation_type"], "evidence": _places(row["evidence"])}
            ends = f'source="{said(row["head_id"])}" target="{said(row["tail_id"])}"'
            file.write(f'<edge id="{number}" {ends}>{attributes("edge", row)}</edge>\n')
        file.write("</graph>\n</graphml>\n")


# KGX: CURIEs, Biolink classes and predicates

KGX_NODE_COLUMNS = ("id", "category", "name", "type", "provided_by")
KGX_EDGE_COLUMNS = (
    "id", "subject", "predicate", "object", "category", "knowledge_level", "agent_type", "primary_knowledge_source",
    "original_predicate", "publications", "has_confidence_score", "method", "date", "evidence",
    "vocabulary_version", "source", "licence",
)  # fmt: skip
_INFORES = {
    "clinicaltrials_gov": "infores:clinicaltrials", "aact": "infores:clinicaltrials", "pubmed": "infores:pubmed",
    "pmc": "infores:pmc", "drugcentral": "infores:drugcentral", "chembl": "infores:chembl", "mondo": "infores:mondo",
    "doid": "infores:disease-ontology",
}  # fmt: skip
"""Sources that the registry of information resources knows under another name
(https://biolink.github.io/information-resource-registry)."""

_CURIE = re.compile(r"[A-Za-z_][\w.-]*:[^\s|]+")
_PREFIXES = {"clinicaltrials_gov": "clinicaltrials", "isrctn": "ISRCTN", "euctr": "EUCTR", "ctis": "CTIS"}


def curie(id: str, type: str) -> str:
    """A node's id as a CURIE: PMID:1, clinicaltrials:NCT99000001; `trialpanorama:` for what nobody else names."""
    if type == "trial":
        found = identifiers.normalise(id)
        if found and not id.isdigit():
            return f"{_PREFIXES.get(found.register, found.register.upper())}:{quote(id, safe='/-._')}"
    if type in ("trial", "publication", "review"):
        if id.isdigit():
            return f"PMID:{id}"
        if re.fullmatch(r"PMC\d+", id):
            return f"PMC:{id}"
        if id.startswith("10."):
            return f"doi:{quote(id, safe='/-._;()')}"
    elif type not in ("country", "sponsor") and not id.startswith("target:") and _CURIE.fullmatch(id):
        return id
    return f"trialpanorama:{quote(id, safe='-._')}"


def infores(source: str | None) -> str:
    """The resource that an edge is of, which Biolink wants for each; registers that nobody listed by our own word."""
    if source is None:
        return "infores:trialpanorama"
    return _INFORES.get(source) or "infores:" + re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")


def _kgx_node(row: dict[str, Any]) -> Sequence[Any]:
    type = _TYPE.get(row["type"], _TYPE["other"])
    return curie(row["id"], row["type"]), type.category, row["name"], row["type"], "trialpanorama"


def _kgx_edge(row: dict[str, Any]) -> Sequence[Any]:
    relation = _RELATION.get(row["relation_type"]) or Relation(row["relation_type"], "", CORRECTION_PREDICATE)
    head, tail = curie(row["head_id"], row["head_type"]), curie(row["tail_id"], row["tail_type"])
    id = uuid.uuid5(uuid.NAMESPACE_OID, "\n".join((head, row["relation_type"], tail)))
    level = "prediction" if relation.agent == "data_analysis_pipeline" else "knowledge_assertion"
    publication = (
        head if row["head_type"] in ("publication", "review") and head.startswith(("PMID:", "PMC:", "doi:")) else ""
    )
    return (
        f"urn:uuid:{id}", head, relation.predicate, tail, "biolink:Association", level, relation.agent,
        infores(row["source"]), row["relation_type"], publication, row["score"], row["method"], row["date"],
        _places(row["evidence"]), row["vocabulary_version"], row["source"], row["licence"],
    )  # fmt: skip


# Neo4j: headers of `neo4j-admin database import`

_NEO4J_NODE_COLUMNS = ("id:ID", "name", "type", ":LABEL")
_NEO4J_EDGE_COLUMNS = (
    ":START_ID", ":END_ID", ":TYPE", "method", "score:double", "date:date", "evidence", "vocabulary_version",
    "record_id", "source", "licence", "is_open:boolean",
)  # fmt: skip


def _neo4j_node(row: dict[str, Any]) -> Sequence[Any]:
    return row["id"], row["name"], row["type"], row["type"].title().replace("_", "")


def _neo4j_edge(row: dict[str, Any]) -> Sequence[Any]:
    type = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", row["relation_type"]).upper()
    return (
        row["head_id"], row["tail_id"], type, row["method"], row["score"], row["date"], _places(row["evidence"]),
        row["vocabulary_version"], row["record_id"], row["source"], row["licence"], row["is_open"],
    )  # fmt: skip
