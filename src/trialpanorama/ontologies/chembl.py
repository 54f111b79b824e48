"""ChEMBL: names of molecules, with brand names and research codes, from its SQLite database or from two of its tables.

Of its millions of molecules only those are kept that have a name; the others are numbers from assays.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from trialpanorama.ontologies import Concept, Name, NameKind, Part, Release, ReleaseFile, Vocabulary, distinct_names
from trialpanorama.ontologies._tables import header, rows

_MAGIC = b"SQLite format 3\x00"
_MOLECULES = ("molregno", "pref_name", "chembl_id")
_FACTS = ("max_phase", "first_approval", "molecule_type")
"""Columns of molecule_dictionary that are kept as they are, where the release has them."""
_SYNONYMS = ("molregno", "syn_type", "synonyms")
_HIERARCHY = ("molregno", "parent_molregno")
_KINDS: dict[str, NameKind] = {"TRADE_NAME": "brand", "RESEARCH_CODE": "code"}
_VERSION = re.compile(r"(?i)chembl[_ ]?(\d+)")


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    if "archive" in parts:
        raise parts["archive"][0].unusable(
            "is the packed database", "Unpack it (tar -xzf FILE), and add the file chembl_NN.db that is in it."
        )
    if "database" in parts:
        return _read_database(parts["database"][0])
    molecules, synonyms = parts["molecule-dictionary"][0], parts.get("molecule-synonyms", ())
    match = _VERSION.search(molecules.label)
    return Release(
        version=match[1] if match else None,
        concepts=list(
            _concepts(
                _table(molecules, _MOLECULES),
                (row for file in synonyms for row in _table(file, _SYNONYMS)),
                (row for file in parts.get("molecule-hierarchy", ()) for row in _table(file, _HIERARCHY)),
            )
        ),
    )


def _table(file: ReleaseFile, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    return rows(file, columns, _delimiter(file.head(4096)))


def _delimiter(head: bytes) -> str:
    return "\t" if b"\t" in head.split(b"\n", 1)[0] else ","


def _read_database(file: ReleaseFile) -> Release:
    with file.path.open("rb") as raw:
        if raw.read(len(_MAGIC)) != _MAGIC:
            raise file.unusable("is a database in an archive", "Unpack it, and add the file chembl_NN.db.")
    head = file.head(100)
    page = int.from_bytes(head[16:18], "big")
    size, expected = file.path.stat().st_size, (65_536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    if size < expected:
        raise file.unusable(f"has {size:,} bytes where {expected:,} are expected: it is cut short")
    with closing(sqlite3.connect(f"{file.path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        try:
            version, created = database.execute("select name, creation_date from version").fetchone() or (None, None)
            return Release(
                version=version and _VERSION.sub(r"\1", version),
                date=created and str(created)[:10],
                concepts=list(
                    _concepts(
                        _select(database, "molecule_dictionary", _MOLECULES, _FACTS),
                        _select(database, "molecule_synonyms", _SYNONYMS),
                        _select(database, "molecule_hierarchy", _HIERARCHY),
                    )
                ),
            )
        except sqlite3.DatabaseError as error:
            raise file.unusable(f"is no database of ChEMBL that is known here ({error})") from None


def _select(
    database: sqlite3.Connection, table: str, needed: Sequence[str], wanted: Sequence[str] = ()
) -> Iterator[dict[str, str]]:
    there = {row[1] for row in database.execute(f"pragma table_info({table})")}
    columns = [*needed, *(column for column in wanted if column in there)]
    for row in database.execute(f"select {', '.join(columns)} from {table} order by {needed[0]}"):
        yield {column: "" if value is None else str(value) for column, value in zip(columns, row, strict=True)}


def _concepts(
    molecules: Iterable[Mapping[str, str]],
    synonyms: Iterable[Mapping[str, str]],
    hierarchy: Iterable[Mapping[str, str]],
) -> Iterator[Concept]:
    known: dict[str, dict[str, NameKind]] = defaultdict(dict)
    for row in synonyms:
        if row["synonyms"]:
            known[row["molregno"]].setdefault(row["synonyms"], _KINDS.get(row["syn_type"], "exact"))
    parents = {row["molregno"]: row["parent_molregno"] for row in hierarchy}
    named = [row for row in molecules if row["pref_name"] or known.get(row["molregno"])]
    ids = {row["molregno"]: f"CHEMBL.COMPOUND:{row['chembl_id']}" for row in named}
    for row in named:
        number = row["molregno"]
        synonymous = known.get(number, {})
        name = row["pref_name"] or next(iter(synonymous))
        attributes = {column: row[column] for column in _FACTS if row.get(column)}
        parent = parents.get(number)
        if parent and parent != number and parent in ids:
            attributes["salt_of"] = ids[parent]
        yield Concept(
            id=ids[number],
            name=name,
            kind="drug",
            names=distinct_names(name, (Name(text, kind) for text, kind in synonymous.items())),
            parents=[attributes["salt_of"]] if "salt_of" in attributes else [],
            attributes=attributes,
        )


def _is_table(columns: Sequence[str]) -> Callable[[bytes, str], bool]:
    return lambda head, name: set(columns) <= set(header(head, _delimiter(head)))


VOCABULARY = Vocabulary(
    name="chembl",
    prefix="CHEMBL.COMPOUND",
    title="ChEMBL",
    home_page="https://www.ebi.ac.uk/chembl",
    licence="CC BY-SA 3.0",
    is_open=True,
    how_to_get="Download chembl_NN_sqlite.tar.gz (about 5 GB) from ftp.ebi.ac.uk/pub/databases/chembl/ChEMBLdb/latest, "
    "unpack it and add chembl_NN.db; or export its tables molecule_dictionary and molecule_synonyms with a header.",
    parts=(
        Part(
            name="database",
            meaning="chembl_NN.db: the release as an SQLite database, unpacked",
            recognise=lambda head, name: (
                head.startswith(_MAGIC) and ("chembl" in name.lower() or b"molecule_dictionary" in head)
            ),
        ),
        Part(
            name="archive",
            meaning="chembl_NN_sqlite.tar.gz: the same, packed; it has to be unpacked first",
            recognise=lambda head, name: head[257:262] == b"ustar" and name.lower().startswith("chembl"),
        ),
        Part(
            name="molecule-dictionary",
            meaning="molecule_dictionary.tsv or .csv: the table of that name, with a header",
            recognise=_is_table(_MOLECULES),
        ),
        Part(
            name="molecule-synonyms",
            meaning="molecule_synonyms.tsv or .csv: the table of that name, with a header",
            recognise=_is_table(_SYNONYMS),
            is_supplement=True,
        ),
        Part(
            name="molecule-hierarchy",
            meaning="molecule_hierarchy.tsv or .csv: which molecule is a salt of which",
            recognise=_is_table(_HIERARCHY),
            is_supplement=True,
        ),
    ),
    read=_read,
    no_fetch="The names are released inside of databases of 5 GB and more only.",
)
