"""Same thing? The words of Records become concepts of terminologies, and every link keeps the words that justify it.

The stage asks a linker for each kind of thing (`conditions`, `drugs`, `biomarkers`, `endpoints`, `adverse_events`) what
the texts of a Trial mention. Linkers are pure: a text that stands in many Records is read once, by any worker, with one
outcome. The terms that a register attached itself are never shown to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import msgspec

from trialpanorama import engine, ontologies
from trialpanorama.link._links import Candidate, Link
from trialpanorama.link.codes import explain_codes
from trialpanorama.link.criteria import FIELDS
from trialpanorama.link.literature import link_papers
from trialpanorama.link.sponsors import class_of_name, cleaned, sponsor_id
from trialpanorama.tables import MEMBER, MEMBER_NAMES, MEMBERS, TABLES, best, write_table
from trialpanorama.warehouse import sql_text

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from trialpanorama.link.criteria import CriteriaParser
    from trialpanorama.link.drugs import DrugLinker
    from trialpanorama.ontologies import Concept, Concepts

__all__ = ["Candidate", "Link", "link"]


class Linker(Protocol):
    """What finds the mentions of one kind of thing."""

    def link(self, texts: Sequence[str], hints: Sequence[str | None]) -> list[list[Link]]:
        """The mentions of each text, in order; a hint is what the Record says beside it, such as its type."""


class _Reading(NamedTuple):
    """A field of Records that a linker reads."""

    kind: str
    """The linker."""
    field: str
    hint: str = "hint"
    """SQL: what the linker is told beside the text."""


def _items(field: str, said: str, hint: str, has: str) -> str:
    """SQL of the items of a list of the Record, one row each."""
    return f"""
        SELECT {MEMBER_NAMES}, position, {said} AS text, {hint} AS hint
        FROM (SELECT {MEMBER}, coalesce(r.public_title, r.scientific_title) AS title, unnest({field}) AS said,
                generate_subscripts({field}, 1) AS position FROM {best(has)})"""


def _whole(text: str, has: str) -> str:
    """SQL of a text that the Record has once."""
    return f"SELECT {MEMBER}, 1 AS position, {text} AS text, NULL AS hint FROM {best(has)}"


_CRITERIA = (
    "coalesce(r.eligibility_criteria, nullif(concat_ws(chr(10), r.inclusion_criteria, r.exclusion_criteria), ''))"
)
_EVENTS = """list_concat(coalesce(r.results.adverse_events.serious_events, []),
    coalesce(r.results.adverse_events.other_events, []))"""
_GIVEN = """CASE WHEN len(said.other_names) > 0
    THEN concat(said.type, chr(10), array_to_string(said.other_names, chr(10)))
    ELSE said.type END"""
"""The type of an intervention, and its other names below it."""
_TEXTS = {
    "conditions": _items("r.conditions", "said.name", "coalesce(title, '')", "len(r.conditions) > 0"),
    "interventions": _items("r.interventions", "said.name", _GIVEN, "len(r.interventions) > 0"),
    "outcomes": _items("r.outcomes", "said.measure", "said.type", "len(r.outcomes) > 0"),
    "adverse_events": _items(_EVENTS, "said.term", "said.organ_system", f"len({_EVENTS}) > 0"),
    "public_title": _whole("r.public_title", "r.public_title IS NOT NULL"),
    "scientific_title": _whole("r.scientific_title", "r.scientific_title IS NOT NULL"),
    "eligibility_criteria": _whole(_CRITERIA, f"{_CRITERIA} IS NOT NULL"),
}
"""SQL of the texts of each field: study_id, ..., is_open, position, text, hint."""

_READINGS = (
    _Reading("condition", "conditions"),
    _Reading("drug", "interventions"),
    _Reading("endpoint", "outcomes"),
    _Reading("adverse_event", "adverse_events"),
    _Reading("biomarker", "conditions", "'condition'"),
    _Reading("biomarker", "outcomes", "CASE hint WHEN 'PRIMARY' THEN 'primary outcome' ELSE 'outcome' END"),
    _Reading("biomarker", "public_title", "'title'"),
    _Reading("biomarker", "scientific_title", "'title'"),
    _Reading("biomarker", "eligibility_criteria", "'criteria'"),
)

_AT_A_TIME = 20_000
"""Texts that a linker is given at once: each worker holds so many, and no more."""
_CRITERIA_AT_A_TIME = 1_000
"""Records whose criteria are taken apart at once."""
_WORTH_A_WORKER = 30_000_000
"""Characters from which on starting further processes, each with its own lexicon, saves time."""


def link(con: duckdb.DuckDBPyConnection, out: Path, store: Path | None = None, workers: int = 1) -> dict[str, int]:
    """Write mentions, their concepts, sponsors and the links of papers into `out`; returns each table's rows.

    `con` has the relations `records` and `source_licences`; `out` has trial_records. `store` is the folder of installed
    terminologies; the built-in lexicon stands in for those that are not there. The outcome depends on the Records and
    on the versions of the terminologies alone.
    """
    place = sql_text(out / "trial_records.parquet")
    con.execute(f"CREATE OR REPLACE TEMP VIEW trial_records AS SELECT * FROM read_parquet({place})")
    con.execute(MEMBERS)
    for field, sql in _TEXTS.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE said_{field} AS {sql}")
    con.register("rows_of_python", _found_rows("", []))
    con.execute("CREATE OR REPLACE TEMP TABLE found AS FROM rows_of_python")
    fingerprint = _fingerprint(store)
    concepts = _concepts(store, fingerprint)
    for kind in dict.fromkeys(reading.kind for reading in _READINGS):
        _find(con, kind, out / ".texts.part", store, workers)
    explain_codes(con)
    _find_criteria(con, out / ".texts.part", store, workers)
    _put_concepts(con, concepts, cast("DrugLinker", _linker("drug", store, fingerprint)))
    con.create_function("cleaned", cleaned, ["VARCHAR"], "VARCHAR")
    con.create_function("sponsor_id", sponsor_id, ["VARCHAR"], "VARCHAR")
    con.create_function(
        "class_of_name", class_of_name, ["VARCHAR", "BOOLEAN"], "VARCHAR", null_handling=cast("Any", "special")
    )
    tables = {table.name: table for table in TABLES}
    counts = {name: write_table(con, tables[name], sql, out) for name, sql in _QUERIES.items()}
    counts |= link_papers(con, out)
    con.remove_function("cleaned")
    con.remove_function("sponsor_id")
    con.remove_function("class_of_name")
    for name in (
        *(f"said_{field}" for field in _TEXTS),
        *_from_python(),
        "said_criteria",
        "criteria_found",
        "found",
        "members",
    ):
        con.execute(f"DROP TABLE {name}")
    return counts


def _fingerprint(store: Path | None) -> str:
    """What tells the terminologies of a store from those that it held before."""
    held = [
        (of.name, of.version, of.concepts, [file.sha256 for file in of.inputs]) for of in ontologies.releases(store)
    ]
    return msgspec.json.encode(held).decode()


@lru_cache(maxsize=1)
def _concepts(store: Path | None, fingerprint: str) -> Concepts:
    """What is in the store; `fingerprint` changes with it."""
    return ontologies.load(store)


@lru_cache(maxsize=5)
def _linker(kind: str, store: Path | None, fingerprint: str) -> Linker:
    """The linker of a kind, which a process makes once."""
    from trialpanorama.link.adverse_events import AdverseEventLinker
    from trialpanorama.link.biomarkers import BiomarkerLinker
    from trialpanorama.link.conditions import ConditionLinker
    from trialpanorama.link.drugs import DrugLinker
    from trialpanorama.link.endpoints import EndpointLinker

    concepts = _concepts(store, fingerprint)
    if kind == "adverse_event":
        return AdverseEventLinker(concepts, cast(ConditionLinker, _linker("condition", store, fingerprint)))
    makers: dict[str, Callable[[Concepts], Any]] = {
        "biomarker": BiomarkerLinker,
        "condition": ConditionLinker,
        "drug": DrugLinker,
        "endpoint": EndpointLinker,
    }
    return cast(Linker, makers[kind](concepts))


class _Task(NamedTuple):
    """Some of the texts that a linker has to read: a row group of a Parquet file with `text` and `hint`."""

    kind: str
    store: Path | None
    fingerprint: str
    texts: Path
    row_group: int


def _find(con: duckdb.DuckDBPyConnection, kind: str, scratch: Path, store: Path | None, workers: int) -> None:
    """Put what a linker finds in the distinct texts of its fields into `found`."""
    import pyarrow.parquet

    texts = " UNION ".join(
        f"SELECT DISTINCT text, {reading.hint} AS hint FROM said_{reading.field} WHERE text IS NOT NULL"
        for reading in _READINGS
        if reading.kind == kind
    )
    place = sql_text(scratch)
    con.execute(f"COPY (FROM ({texts}) ORDER BY ALL) TO {place} (FORMAT parquet, ROW_GROUP_SIZE {_AT_A_TIME})")
    ((characters,),) = con.execute(f"SELECT coalesce(sum(length(text)), 0) FROM read_parquet({place})").fetchall()
    fingerprint = _fingerprint(store)
    groups = pyarrow.parquet.read_metadata(scratch).num_row_groups
    tasks = [_Task(kind, store, fingerprint, scratch, group) for group in range(groups)]
    for rows in engine.run(_links_of, tasks, workers if characters > _WORTH_A_WORKER else 1):
        con.register("rows_of_python", rows)
        con.execute("INSERT INTO found FROM rows_of_python")
    con.unregister("rows_of_python")
    scratch.unlink()


def _links_of(task: _Task) -> pa.Table:
    """Every mention in the texts of a task."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(task.texts) as file:
        texts, hints = (column.to_pylist() for column in file.read_row_group(task.row_group).columns)
    links = _linker(task.kind, task.store, task.fingerprint).link(texts, hints)
    return _found_rows(task.kind, list(zip(texts, hints, links, strict=True)))


def _find_criteria(con: duckdb.DuckDBPyConnection, scratch: Path, store: Path | None, workers: int) -> None:
    """Take the distinct eligibility texts apart, into `criteria_found`."""
    import pyarrow.parquet

    names = [name for name, _ in FIELDS]
    texts = ", ".join(f"r.{name}" for name in names)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE said_criteria AS
        SELECT {MEMBER}, {texts}, md5(to_json([{texts}])::VARCHAR) AS said
        FROM {best(f"coalesce({texts}) IS NOT NULL")}""")
    place = sql_text(scratch)
    distinct = ", ".join(f"any_value({name}) AS {name}" for name in names)
    con.execute(
        f"COPY (SELECT said, {distinct} FROM said_criteria GROUP BY said ORDER BY said) TO {place} "
        f"(FORMAT parquet, ROW_GROUP_SIZE {_CRITERIA_AT_A_TIME})"
    )
    ((characters,),) = con.execute(
        f"SELECT coalesce(sum(length(concat({', '.join(names)}))), 0) FROM read_parquet({place})"
    ).fetchall()
    fingerprint = _fingerprint(store)
    groups = pyarrow.parquet.read_metadata(scratch).num_row_groups
    tasks = [_Task("criteria", store, fingerprint, scratch, group) for group in range(groups)]
    con.register("rows_of_python", _criteria_rows([]))
    con.execute("CREATE OR REPLACE TEMP TABLE criteria_found AS FROM rows_of_python")
    for rows in engine.run(_criteria_of, tasks, workers if characters > _WORTH_A_WORKER else 1):
        con.register("rows_of_python", rows)
        con.execute("INSERT INTO criteria_found FROM rows_of_python")
    con.unregister("rows_of_python")
    scratch.unlink()


@lru_cache(maxsize=1)
def _parser(store: Path | None, fingerprint: str) -> CriteriaParser:
    """What takes criteria apart, which a process makes once."""
    from trialpanorama.link.conditions import ConditionLinker
    from trialpanorama.link.criteria import CriteriaParser
    from trialpanorama.link.drugs import DrugLinker

    return CriteriaParser(
        _concepts(store, fingerprint),
        cast(ConditionLinker, _linker("condition", store, fingerprint)),
        cast(DrugLinker, _linker("drug", store, fingerprint)),
    )


def _criteria_of(task: _Task) -> pa.Table:
    """The criteria of the texts of a task."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(task.texts) as file:
        said, *texts = (column.to_pylist() for column in file.read_row_group(task.row_group).columns)
    parser = _parser(task.store, task.fingerprint)
    parsed = parser.parse_many(list(zip(*texts, strict=True)))
    rows = [{"said": key} | row for key, criteria in zip(said, parsed, strict=True) for row in parser.rows(criteria)]
    return _criteria_rows(rows)


def _criteria_rows(rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    kinds = {
        pa.int64(): "position part start end entity_start entity_end",
        pa.float64(): "low high time_value score",
        pa.bool_(): "is_inclusion is_negated is_history",
        pa.string(): "said field text entity concept_id kind comparator unit unit_raw time_unit method matched",
    }
    named = [(name, kind) for kind, names in kinds.items() for name in names.split()]
    return pa.Table.from_pylist(rows, pa.schema(named))


def _found_rows(kind: str, found: Sequence[tuple[str, str | None, list[Link]]]) -> pa.Table:
    """Mentions as a table: which linker found them in which text, and what each link says."""
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    candidate = pa.struct([("concept_id", text), ("name", text), ("score", number)])
    schema = pa.schema(
        [
            ("linker", text),
            ("said", text),
            ("hint", text),
            ("part", pa.int64()),
            ("kind", text),
            ("text", text),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("concept_id", text),
            ("method", text),
            ("score", number),
            ("matched", text),
            ("qualifier", text),
            ("is_negated", pa.bool_()),
            ("is_history", pa.bool_()),
            ("candidates", pa.list_(candidate)),
        ]
    )
    rows = [
        {"linker": kind, "said": said, "hint": hint, "part": part}
        | {name: getattr(one, name) for name in _LINK_COLUMNS}
        | {
            "matched": one.matched or None,
            "qualifier": one.qualifier or None,
            "candidates": [msgspec.structs.asdict(near) for near in one.candidates],
        }
        for said, hint, links in found
        for part, one in enumerate(links, 1)
    ]
    return pa.Table.from_pylist(rows, schema)


_LINK_COLUMNS = ("kind", "text", "start", "end", "concept_id", "method", "score", "is_negated", "is_history")


def _put_concepts(con: duckdb.DuckDBPyConnection, concepts: Concepts, drugs: DrugLinker) -> None:
    """Put what the terminologies say of the linked concepts into temporary tables, those of `_from_python`."""
    import pyarrow as pa

    used = con.execute("SELECT concept_id FROM found UNION SELECT concept_id FROM criteria_found").fetchall()
    above = {id: concepts.ancestors(id) for id in sorted(id for (id,) in used if id)}
    known = sorted({*above, *(ancestor for ancestors in above.values() for ancestor, _ in ancestors)})
    linked = [id for id in above if (concept := concepts.get(id)) and concept.kind == "drug"]
    rows: dict[str, list[dict[str, Any]]] = {
        "linked_concepts": [_concept_row(concept, concepts) for id in known if (concept := concepts.get(id))],
        "linked_ancestors": [
            {"concept_id": id, "ancestor_id": ancestor, "depth": depth}
            for id, ancestors in above.items()
            for ancestor, depth in ancestors
        ],
        "linked_drugs": [_drug_row(id, concepts, drugs) for id in linked],
        "linked_targets": [
            msgspec.structs.asdict(target) | {"drug_moa_id": target.drug_id, "vocabulary": concepts.installed(of).name}
            for of in sorted({same for id in linked for same in drugs.same(id) if same in concepts})
            for target in concepts.mechanisms(of)
        ],
    }
    for name, schema in _from_python().items():
        con.register("rows_of_python", pa.Table.from_pylist(rows[name], schema))
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM rows_of_python")
        con.unregister("rows_of_python")


def _concept_row(concept: Concept, concepts: Concepts) -> dict[str, Any]:
    release = concepts.installed(concept.id)
    return {
        "concept_id": concept.id,
        "name": concept.name,
        "kind": concept.kind,
        "names": [name.text for name in concept.names],
        "parents": concept.parents,
        "cross_references": concept.cross_references,
        "attributes": [{"name": name, "value": value} for name, value in sorted(concept.attributes.items())],
        "vocabulary": release.name,
        "vocabulary_version": release.version,
        "source": release.name,
        "licence": release.licence,
        "is_open": release.is_open,
    }


def _drug_row(id: str, concepts: Concepts, drugs: DrugLinker) -> dict[str, Any]:
    releases = {concepts.installed(same).name: concepts.installed(same) for same in drugs.same(id) if same in concepts}
    return drugs.columns(id) | {
        "concept_id": id,
        "source": "; ".join(sorted(releases)),
        "licence": "; ".join(sorted({release.licence for release in releases.values()})),
        "is_open": all(release.is_open for release in releases.values()),
    }


def _from_python() -> dict[str, Any]:
    """The temporary tables that Python fills, with their schemas."""
    import pyarrow as pa

    text, number, yes = pa.string(), pa.float64(), pa.bool_()
    attribute = pa.struct([("name", text), ("value", text)])
    lists = {"names": pa.list_(text), "parents": pa.list_(text), "cross_references": pa.list_(text)}
    lists["attributes"] = pa.list_(attribute)
    named = {
        "linked_concepts": "concept_id name kind names parents cross_references attributes vocabulary "
        "vocabulary_version source licence is_open",
        "linked_ancestors": "concept_id ancestor_id depth",
        "linked_drugs": "concept_id drug_moa_id rx_normalized_name rx_mapping_id drugbank_name drugbank_id "
        "drugbank_mesh_id fda_approved ema_approved pmda_approved source licence is_open",
        "linked_targets": "drug_moa_id vocabulary " + " ".join(ontologies.Mechanism.__struct_fields__),
    }
    numbers = ("rx_mapping_id", "act_value")
    kinds = {"depth": pa.int64(), "moa": yes} | lists | dict.fromkeys(numbers, number)
    return {
        table: pa.schema(
            [(name, kinds.get(name, yes if name.endswith(("_approved", "_open")) else text)) for name in names.split()]
        )
        for table, names in named.items()
    }


def _mentions_sql() -> str:
    return " UNION ALL ".join(
        f"""
        SELECT s.study_id, s.study_source, s.record_id, s.source, s.licence,
            s.is_open AND coalesce(c.is_open, true) AS is_open, f.kind, '{reading.field}' AS field, s.position, f.part,
            f.text, f.start AS text_start, f."end" AS text_end, f.concept_id, c.name AS concept_name, c.vocabulary,
            c.vocabulary_version, f.method, f.score, f.matched, f.qualifier, f.is_negated, f.is_history, f.candidates
        FROM (SELECT * REPLACE ({reading.hint} AS hint) FROM said_{reading.field}) s
            JOIN found f ON f.said = s.text AND f.hint IS NOT DISTINCT FROM s.hint AND f.linker = '{reading.kind}'
            LEFT JOIN linked_concepts c USING (concept_id)"""
        for reading in _READINGS
    )


_QUERIES = {
    "mentions": _mentions_sql(),
    "criteria": f"""
        SELECT {MEMBER_NAMES.replace("is_open", "s.is_open AND coalesce(c.is_open, true) AS is_open")},
            f.* EXCLUDE (said), f."start" AS text_start, f."end" AS text_end, c.name AS concept_name, c.vocabulary,
            c.vocabulary_version
        FROM said_criteria s JOIN criteria_found f USING (said)
            LEFT JOIN (SELECT * EXCLUDE (source, licence) FROM linked_concepts) c USING (concept_id)""",
    "concepts": "FROM linked_concepts",
    "concept_ancestors": """
        SELECT l.concept_id, ancestor_id, a.name AS ancestor_name, depth, a.vocabulary_version, a.source, a.licence,
            a.is_open
        FROM linked_ancestors l JOIN linked_concepts a ON a.concept_id = ancestor_id""",
    "drug_concepts": "FROM linked_drugs",
    "drug_moa": """
        SELECT t.* REPLACE (CAST(moa AS DOUBLE) AS moa), vocabulary AS source, c.licence, c.is_open
        FROM linked_targets t
            JOIN (SELECT DISTINCT source, licence, is_open FROM linked_concepts) c ON c.source = vocabulary""",
    "sponsors": f"""
        WITH said AS (
            SELECT {MEMBER_NAMES}, position, said.role AS role, said.name AS sponsor_name,
                said.sponsor_class AS sponsor_class,
                CASE WHEN said.sponsor_class_raw IS NOT NULL THEN 'register'
                    WHEN said.sponsor_class IS NOT NULL THEN 'name' END AS class_method
            FROM (SELECT {MEMBER}, unnest(r.sponsors) AS said, generate_subscripts(r.sponsors, 1) AS position
                  FROM {best("len(r.sponsors) > 0")})
            WHERE said.name IS NOT NULL),
        names AS (
            SELECT sponsor_name, cleaned(sponsor_name) AS name, sponsor_id(sponsor_name) AS sponsor_id, n
            FROM (SELECT sponsor_name, count(*) AS n FROM said GROUP BY 1)),
        commonest AS (
            SELECT sponsor_id, name AS normalized_name
            FROM (SELECT sponsor_id, name, sum(n) AS n FROM names GROUP BY ALL)
            QUALIFY row_number() OVER (PARTITION BY sponsor_id ORDER BY n DESC, name) = 1),
        given AS (
            SELECT said.*, sponsor_id, normalized_name
            FROM said JOIN (SELECT sponsor_name, sponsor_id FROM names) USING (sponsor_name)
                JOIN commonest USING (sponsor_id)),
        registered AS (
            SELECT sponsor_id, sponsor_class AS usual_class FROM given
            WHERE class_method = 'register' AND sponsor_class <> 'UNKNOWN' GROUP BY sponsor_id, sponsor_class
            QUALIFY row_number() OVER (PARTITION BY sponsor_id ORDER BY count(*) DESC, sponsor_class) = 1),
        classed AS (
            SELECT * REPLACE (CASE WHEN class_method = 'register' THEN sponsor_class ELSE coalesce(usual_class,
                    sponsor_class, class_of_name(sponsor_name, coalesce(role, 'LEAD') = 'LEAD')) END AS sponsor_class,
                CASE WHEN class_method = 'register' THEN class_method
                    WHEN usual_class IS NOT NULL THEN 'organisation' ELSE 'name' END AS class_method)
            FROM given LEFT JOIN registered USING (sponsor_id))
        SELECT * REPLACE (CASE WHEN sponsor_class IS NOT NULL THEN class_method END AS class_method)
        FROM classed""",
}
