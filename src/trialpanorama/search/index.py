"""The index: papers and trials of one snapshot on disk, searched by the trees of `tree` and by plain words.

It is made of the warehouse's tables, lies beside them in the folder `index`, and is brought up to date by what changed.
Words are matched as they are written (lower case, accents folded); ranking by plain words also uses their stems.
Headings are indexed with all that stands above them in the tree of the MeSH that was installed when the index was made,
so that an exploded one is a single look-up; a trial also has the headings that its words were linked to.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.search import headings, to_text
from trialpanorama.search._names import FUNCTION_WORDS, LANGUAGES, QUALIFIERS
from trialpanorama.search.patients import Patient
from trialpanorama.search.translation import Translation, translate
from trialpanorama.search.tree import AUTOMATIC, And, Heading, Near, Node, Not, Or, Range, Search, Text
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import tantivy
    from numpy.typing import NDArray

VERSION = 4
"""Changes with what is indexed; an index of another version is made anew."""
FOLDER = "index"

FACETS = ("kind", "register", "status", "phase", "year")
"""What documents that were found are counted by."""
_MOST_VALUES = 100
"""Values of a facet that are counted, the commonest."""
_WORDS = ("title", "abstract", "keyword", "heading_word", "substance", "author", "journal", "other")
"""Fields of words."""
_VALUES = (
    "heading", "major_heading", "heading_above", "qualified_heading", "qualifier", "publication_type", "language",
    "id", "country", "register", "status", "phase", "kind", "source", "sex",
)  # fmt: skip
"""Fields of whole values, in lower case."""

SEARCHED_FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "abstract": ("abstract",),
    "title_abstract": ("title", "abstract", "keyword"),
    "title_abstract_text": ("title", "abstract"),
    "text": ("title", "abstract", "keyword", "heading_word", "substance"),
    "all": _WORDS,
    "heading_word": ("heading_word",),
    "keyword": ("keyword",),
    "substance": ("substance",),
    "registry_number": ("substance",),
    "pharmacological_action": ("heading_word",),
    "author": ("author",),
    "corporate_author": ("author",),
    "affiliation": ("other",),
    "journal": ("journal",),
    "grant": ("other",),
    "place": ("other",),
    "heading": ("heading",),
    "major_heading": ("major_heading",),
    "subheading": ("qualifier",),
    "publication_type": ("publication_type",),
    "language": ("language",),
    "id": ("id",),
    "registration": ("id",),
}
"""Where each field of a tree is looked for."""

_LINKED = """
    said AS (
        SELECT DISTINCT study_id, concept_id FROM mentions
        WHERE field IN ('conditions', 'interventions') AND kind IN ('condition', 'drug', 'procedure', 'behaviour')
            AND concept_id IS NOT NULL AND NOT coalesce(is_negated, false) AND NOT coalesce(is_history, false)),
    same AS (
        SELECT concept_id, concept_id AS mesh FROM concepts WHERE starts_with(concept_id, 'MESH:')
        UNION SELECT concept_id, unnest([x FOR x IN cross_references IF starts_with(x, 'MESH:')]) FROM concepts
        UNION SELECT concept_id, 'MESH:' || drugbank_mesh_id FROM drug_concepts WHERE drugbank_mesh_id IS NOT NULL),
    higher AS (
        SELECT a.concept_id, s.mesh FROM concept_ancestors a JOIN same s ON s.concept_id = a.ancestor_id
            ANTI JOIN (FROM same WHERE starts_with(mesh, 'MESH:D')) d ON d.concept_id = a.concept_id),
    linked_ AS (
        SELECT study_id, list(DISTINCT s.mesh ORDER BY s.mesh) FILTER (s.mesh IS NOT NULL) AS linked,
            list(DISTINCT h.mesh ORDER BY h.mesh) FILTER (h.mesh IS NOT NULL) AS linked_above
        FROM said LEFT JOIN same s USING (concept_id) LEFT JOIN higher h USING (concept_id) GROUP BY study_id)"""
"""The MeSH headings that the conditions and interventions of a trial were linked to.

Of a concept without a heading of its own (a rarer disease, a supplementary record) it is those of what stands above it.
What is denied, past, or only asked of participants is no heading.
"""
_UNLINKED = "linked_ AS (SELECT '' AS study_id, NULL::VARCHAR[] AS linked, NULL::VARCHAR[] AS linked_above WHERE false)"
_PAPER_TEXT = "concat_ws(' ', p.abstract, p.vernacular_title)"
_TRIAL_TEXT = "concat_ws(' ', s.abstract, s.inclusion_criteria, s.exclusion_criteria, s.eligibility_criteria)"
_DOCUMENTS = f"""
    WITH LINKED,
    headings AS (
        SELECT r.record_id,
            list(DISTINCT lower(m.term)) FILTER (NOT m.is_ancestor) AS heading,
            list(DISTINCT lower(m.term)) FILTER (NOT m.is_ancestor AND m.is_major) AS major_heading,
            list(DISTINCT lower(m.term)) AS heading_above,
            list(DISTINCT lower(q)) FILTER (q IS NOT NULL) AS qualifier,
            list(DISTINCT lower(m.term) || '/' || lower(q)) FILTER (q IS NOT NULL) AS qualified_heading
        FROM (SELECT record_id, unnest(mesh_terms) AS m FROM records) r
            LEFT JOIN LATERAL (SELECT unnest(m.qualifiers) AS q) ON true
        GROUP BY r.record_id),
    papers_ AS (
        SELECT 'paper' AS kind, paper_id AS id, p.title,
            {_PAPER_TEXT} AS abstract, p.keywords AS keyword,
            p.chemicals AS substance, p.authors AS author,
            [p.journal, p.journal_abbreviation, p.issn] AS journal, NULL::VARCHAR[] AS other,
            p.publication_types AS publication_type, p.languages AS language,
            list_concat([paper_id, p.doi, p.pmcid], p.registry_ids) AS ids, NULL::VARCHAR[] AS country,
            NULL::VARCHAR[] AS register, NULL AS status, NULL::VARCHAR[] AS phase, p.source,
            p.first_published_date AS published, NULL AS sex,
            NULL AS minimum_age_years, NULL AS maximum_age_years, NULL::VARCHAR[] AS linked,
            NULL::VARCHAR[] AS linked_above, h.* EXCLUDE (record_id)
        FROM papers p LEFT JOIN headings h USING (record_id)),
    conditions_ AS (SELECT study_id, list(condition_name ORDER BY position) AS names FROM conditions GROUP BY 1),
    interventions_ AS (
        SELECT t.study_id, list(DISTINCT r.i.name) AS names
        FROM trial_records t JOIN (SELECT record_id, unnest(interventions) AS i FROM records) r USING (record_id)
        GROUP BY 1),
    trial_headings AS (
        SELECT t.study_id, list_distinct(flatten(list(h.heading))) AS heading,
            list_distinct(flatten(list(h.major_heading))) AS major_heading,
            list_distinct(flatten(list(h.heading_above))) AS heading_above,
            list_distinct(flatten(list(h.qualifier))) AS qualifier,
            list_distinct(flatten(list(h.qualified_heading))) AS qualified_heading
        FROM trial_records t JOIN headings h USING (record_id) GROUP BY 1),
    ids_ AS (SELECT study_id, list(DISTINCT id) AS ids FROM identifiers WHERE role <> 'mentioned' GROUP BY 1),
    trials_ AS (
        SELECT 'trial' AS kind, s.study_id AS id, concat_ws(' / ', s.public_title,
                nullif(s.scientific_title, s.public_title), s.acronym) AS title,
            {_TRIAL_TEXT} AS abstract,
            list_concat(s.keywords, c.names) AS keyword, d.names AS substance, NULL::VARCHAR[] AS author,
            NULL::VARCHAR[] AS journal, list_concat([s.sponsor], s.collaborators) AS other,
            ['Clinical Trial Registration'] AS publication_type, NULL::VARCHAR[] AS language,
            list_concat([s.study_id], i.ids) AS ids, s.countries AS country, s.registers AS register,
            s.recruitment_status AS status, s.phases AS phase, s.source,
            coalesce(s.registration_date, s.first_submitted_date, s.start_date) AS published, s.sex,
            s.minimum_age_years, s.maximum_age_years, l.linked, l.linked_above, h.* EXCLUDE (study_id)
        FROM studies s LEFT JOIN conditions_ c USING (study_id) LEFT JOIN interventions_ d USING (study_id)
            LEFT JOIN trial_headings h USING (study_id) LEFT JOIN ids_ i USING (study_id)
            LEFT JOIN linked_ l USING (study_id)
        WHERE s.kind = 'registration')
    SELECT * FROM papers_ UNION ALL BY NAME SELECT * FROM trials_ ORDER BY kind, id"""


def documents_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """Every document of a snapshot, in one order; a warehouse of an older version has no links."""
    names = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'mentions'"
    is_linked = connection.execute(names).fetchone() != (0,)
    return _DOCUMENTS.replace("LINKED", _LINKED if is_linked else _UNLINKED, 1)


_MOST_COMBINATIONS = 400
"""Phrases that one part of a search may be taken apart into; beyond that it is refused rather than slow."""
_MOST_PATTERNS = 5_000
"""Words with wildcards, each in each of its fields."""
_MOST_STATES = 500
"""Of a pattern, as `_states` counts them; the index refuses some 1,000."""
_LEAST_STEM = 2
"""Letters before a truncation sign."""
_ANY_AGE = 99_999_999
"""The greatest age (days) where a trial states none."""


class Highlight(msgspec.Struct, frozen=True):
    """A title, or a piece of an abstract, with words of the search in it."""

    field: str
    """title or abstract."""
    text: str
    marks: tuple[tuple[int, int], ...]
    """Where the words begin and end in the text, in characters from 0."""


class Facet(msgspec.Struct, frozen=True):
    """How many of the documents that were found have each value."""

    field: str
    """kind, register, status, phase or year."""
    counts: tuple[tuple[str, int], ...]
    """Values with their counts: years from the earliest, others from the commonest."""


class Hit(msgspec.Struct, frozen=True):
    """A paper or trial that was found."""

    id: str
    kind: str
    """paper or trial."""
    title: str
    date: str | None
    """First published, or registered (ISO 8601)."""
    score: float
    """What it was ranked by: BM25 of the words, a cosine, or a sum of inverted ranks; higher is better."""
    highlights: tuple[Highlight, ...] = ()
    """Where the words of the search stand, if that was asked for."""


class Found(msgspec.Struct, frozen=True):
    """What a search found in a snapshot."""

    snapshot: str
    total: int
    """How many were found; of the rankings that leave nothing out (dense, fused), how many are within the limits."""
    hits: tuple[Hit, ...]
    """The best first; of the same score, by id."""
    notes: tuple[str, ...] = ()
    """What the index could not do as it was asked, and what it did instead."""
    ranking: str = "bm25"
    """What the hits are ordered by."""
    translated: str | None = None
    """The search as it was looked for, in its own language; None of a ranking."""
    translations: tuple[Translation, ...] = ()
    """Its parts that were looked for as something else: words as headings, entry terms by the heading's name."""
    vocabulary: str | None = None
    """The release of MeSH that the index was made with."""
    facets: tuple[Facet, ...] = ()
    """Counts of all that was found, if they were asked for."""


class Limits(msgspec.Struct, frozen=True):
    """What all that is found has to meet."""

    before: str | None = None
    """Published or registered before this date (ISO 8601), that day left out."""
    only: Mapping[str, str] = {}
    """Values that it has: kind (paper or trial), register, status, phase, country, source."""
    patient: Patient | None = None
    """A trial that would take this patient by age and sex."""


class Index:
    """The index of a warehouse, open for searching."""

    def __init__(self, index: tantivy.Index, snapshot: str, folder: Path) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()
        self.snapshot = snapshot
        self._folder = folder

    @property
    def documents(self) -> int:
        """How many papers and trials it holds."""
        return int(self._searcher.num_docs)

    @functools.cached_property
    def names(self) -> headings.Names:
        """The MeSH headings and their entry terms, as they were when the index was made."""
        return msgspec.json.decode((self._folder / "headings.json").read_bytes(), type=headings.Names)

    @staticmethod
    def is_ready(warehouse: Warehouse) -> bool:
        """Whether the index of this warehouse's snapshot is there."""
        state = _state(warehouse.path / FOLDER)
        return (state.get("version"), state.get("snapshot")) == (VERSION, warehouse.snapshot)

    @classmethod
    def open(cls, warehouse: Warehouse) -> Index:
        """The index of this warehouse's snapshot, made or brought up to date if need be.

        It is made with the MeSH that is installed then, which stays its own until the snapshot changes. Raises
        UserError where the warehouse's folder cannot be written to.
        """
        folder = warehouse.path / FOLDER
        if not cls.is_ready(warehouse):
            with making(warehouse):
                if not cls.is_ready(warehouse):  # else another process made it meanwhile
                    with warehouse.connect() as connection:
                        _make(folder, connection, warehouse.snapshot)
        return cls(_open(folder), warehouse.snapshot, folder)

    def search(
        self,
        search: Search,
        limits: Limits = Limits(),  # noqa: B008
        *,
        most: int = 100,
        facets: bool = False,
    ) -> Found:
        """Papers and trials that a search finds within limits, the best `most`; with `facets`, counts of all of them.

        Raises UserError where a part of it would take too long to look for.
        """
        # plain words need no headings, which take longer to read than most searches take
        translated = translate(search, self.names) if search.syntax != "plain" else None
        meant = translated.search if translated else search
        notes: list[str] = list(meant.notes)
        query = _Compiler(self._schema, meant, notes).query()
        query = _all(query, *self._limits(limits))
        # some more than asked for, so that those of the last score are divided by id and not by chance
        result = self._run(query, most + 50 if most else 1)
        found = [(round(float(score), 6), address) for score, address in (result.hits if most else ())]
        least = found[most - 1][0] if 0 < most <= len(found) else 0.0
        hits = [self._hit(address, score) for score, address in found if score >= least]
        hits.sort(key=lambda hit: (-hit.score, hit.id))
        answer = Found(self.snapshot, _count(result), tuple(hits[:most]), tuple(notes))
        if facets:
            answer = msgspec.structs.replace(answer, facets=self._facets(query))
        if translated is None:
            return answer
        return msgspec.structs.replace(
            answer,
            translated=to_text(meant),
            translations=translated.translations,
            vocabulary=self.names.release,
        )

    def meaning(self, search: Search) -> Search:
        """A search as it is looked for here."""
        return translate(search, self.names).search

    def rank(
        self, weights: Mapping[str, float], limits: Limits, *, most: int, field: str = "stems"
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The numbers of documents that hold any of these stems, and their BM25 with weights: `most` of the best."""
        import numpy as np

        query = _all(_weighted(self._schema, field, weights), *self._limits(limits))
        result = self._run(query, most)
        return self._numbers(result), np.array([score for score, _ in result.hits], dtype=np.float32)

    def within(self, limits: Limits, most: int, numbers: Iterable[int] | None = None) -> NDArray[np.int64]:
        """The numbers of documents within limits, at most so many; of these numbers, if they are given."""
        import tantivy

        queries = self._limits(limits)
        if numbers is not None:
            queries.append(tantivy.Query.term_set_query(self._schema, "number", list(numbers)))
        return self._numbers(self._run(_all(*queries) if queries else _everything(), max(most, 1)))

    def count(self, limits: Limits) -> int:
        """How many documents are within limits."""
        queries = self._limits(limits)
        return _count(self._run(_all(*queries), 1)) if queries else self.documents

    def show(self, scores: Mapping[int, float]) -> tuple[Hit, ...]:
        """Documents, given by their numbers, as hits in the same order."""
        import tantivy

        query = tantivy.Query.term_set_query(self._schema, "number", list(scores))
        result = self._run(query, max(len(scores), 1))
        places = dict(zip(self._numbers(result).tolist(), result.hits, strict=True))
        return tuple(self._hit(places[number][1], score) for number, score in scores.items())

    def _run(self, query: tantivy.Query, most: int) -> tantivy.SearchResult:
        try:
            return self._searcher.search(query, most)
        except ValueError as error:
            if "expansions" in str(error):
                raise UserError(
                    "Words that are cut short stand for too many words inside a phrase. Write more letters of them."
                ) from None
            raise

    def _facets(self, query: tantivy.Query) -> tuple[Facet, ...]:
        terms = {name: {"terms": {"field": name, "size": _MOST_VALUES}} for name in FACETS if name != "year"}
        years = {"histogram": {"field": "published", "interval": 10_000, "min_doc_count": 1}}
        found = self._searcher.aggregate(query, {**terms, "year": years})
        facets = []
        for name in FACETS:
            counts = [(bucket["key"], int(bucket["doc_count"])) for bucket in found[name]["buckets"]]
            if name == "year":
                # what has no date stands at 0
                counts = [(f"{int(day) // 10_000:04d}", count) for day, count in sorted(counts) if day >= 10_000]
            else:
                is_code = name in ("status", "phase")
                counts = [(value.upper() if is_code else value, count) for value, count in counts]
                counts.sort(key=lambda one: (-one[1], one[0]))
            facets.append(Facet(name, tuple(counts)))
        return tuple(facets)

    def _numbers(self, result: tantivy.SearchResult) -> NDArray[np.int64]:
        import numpy as np

        addresses = [address for _, address in result.hits]
        return np.array(self._searcher.fast_field_values("number", addresses), dtype=np.int64)

    def _hit(self, address: tantivy.DocAddress, score: float) -> Hit:
        document = self._searcher.doc(address)
        key, shown, date = (str(document.get_first(name) or "") for name in ("key", "shown", "date"))
        kind, _, id = key.partition(":")
        return Hit(id, kind, shown, date or None, round(score, 6))

    def _limits(self, limits: Limits) -> list[tantivy.Query]:
        """Queries that all have to hold and add nothing to a score."""
        import tantivy

        queries = [
            tantivy.Query.term_query(self._schema, name, value.lower(), "basic") for name, value in limits.only.items()
        ]
        if limits.before is not None:
            queries.append(_range(self._schema, None, _last_day_before(limits.before)))
        patient = limits.patient
        if patient and patient.age_years is not None:
            days = round(patient.age_years * 365.25)
            for name, low, high in (("minimum_age", 0, days), ("maximum_age", days, _ANY_AGE)):
                queries.append(
                    tantivy.Query.range_query(self._schema, name, tantivy.FieldType.Integer, low, high, True, True)
                )
        if patient and patient.sex:
            other = "male" if patient.sex == "FEMALE" else "female"
            queries.append(_but(_everything(), tantivy.Query.term_query(self._schema, "sex", other, "basic")))
        return [tantivy.Query.const_score_query(query, 0.0) for query in queries]


def _count(result: Any) -> int:
    """How many documents were found (the library's types leave it out)."""
    return int(result.count or 0)


# --- making it


@contextlib.contextmanager
def making(warehouse: Warehouse) -> Iterator[None]:
    """Hold a warehouse's index alone while it is made, others wait; raises UserError if it cannot be written."""
    try:
        lock = (warehouse.path / "index.lock").open("w")
    except OSError as error:
        raise UserError(
            f"The index of {warehouse.path} cannot be made there ({error.strerror}). Searching has to write to the "
            "warehouse's folder once for each snapshot: make it writable, or copy the warehouse."
        ) from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:
            pass
        yield


def _state(folder: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in _WORDS:
        builder.add_text_field(name, tokenizer_name="words")
    for name in _VALUES:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=name in FACETS)
    for name in ("stems", "topic"):
        builder.add_text_field(name, tokenizer_name="stems", index_option="freq")
    for name in ("published", "minimum_age", "maximum_age", "number"):
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in ("key", "shown", "date"):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def _open(folder: Path) -> tantivy.Index:
    import tantivy

    try:
        index = tantivy.Index.open(str(folder / "documents"))
    except ValueError as error:
        raise UserError(
            f"The index in {folder} cannot be read ({error}). Delete that folder and search again."
        ) from None
    _register(index)
    index.reload()
    return index


def _analyzer(*more: tantivy.Filter) -> tantivy.TextAnalyzer:
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for one in (tantivy.Filter.remove_long(100), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(), *more):
        builder = builder.filter(one)
    return builder.build()


def stem_analyzer() -> tantivy.TextAnalyzer:
    """What cuts a text into stems: words without endings, lower case, accents folded, without the commonest."""
    import tantivy

    return _analyzer(tantivy.Filter.stopword("english"), tantivy.Filter.stemmer("english"))


def question_stems(text: str) -> dict[str, float]:
    """The stems that a question looks for, with weights that grow with the logarithm of how often it says them."""
    import tantivy

    without = tantivy.Filter.custom_stopword(sorted(FUNCTION_WORDS))
    counts = Counter(_analyzer(without, tantivy.Filter.stemmer("english")).analyze(text))
    return {stem: 1 + math.log(count) for stem, count in counts.items()}


def number_of(key: str) -> int:
    """The number of a document, from its kind and id: 62 bits, so that two never share one."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) >> 2


def documents(connection: duckdb.DuckDBPyConnection, condition: str = "") -> Iterator[dict[str, Any]]:
    """The documents of a snapshot in the order of kind and id, those that meet an SQL condition."""
    rows = connection.execute(f"SELECT d.* FROM ({documents_sql(connection)}) d {condition} ORDER BY d.kind, d.id")
    names = [column[0] for column in rows.description or ()]
    while batch := rows.fetchmany(2_000):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def abstracts(connection: duckdb.DuckDBPyConnection, hits: Iterable[Hit]) -> dict[tuple[str, str], str]:
    """The texts in which hits are searched beside their titles, by kind and id."""
    ids = [hit.id for hit in hits]
    rows = connection.execute(
        f"""SELECT 'paper', p.paper_id, {_PAPER_TEXT} FROM papers p WHERE p.paper_id IN (SELECT unnest($ids))
            UNION ALL SELECT 'trial', s.study_id, {_TRIAL_TEXT} FROM studies s
            WHERE s.kind = 'registration' AND s.study_id IN (SELECT unnest($ids))""",
        {"ids": ids},
    ).fetchall()
    return {(kind, id): text for kind, id, text in rows}


def ranked_text(row: Mapping[str, Any]) -> str:
    """The text of a document by which it is ranked; its title counts twice."""
    title = row["title"] or ""
    texts = [title, title, row["abstract"], *(row["heading"] or ()), *(row["keyword"] or ()), *(row["substance"] or ())]
    return " ".join(text for text in texts if text)


def _register(index: tantivy.Index) -> None:
    index.register_tokenizer("words", _analyzer())
    index.register_tokenizer("stems", stem_analyzer())


def _make(folder: Path, connection: duckdb.DuckDBPyConnection, snapshot: str) -> None:
    """Bring the index up to date: documents that changed are replaced, those that are gone removed."""
    import tantivy

    tree = headings.tree()
    state = _state(folder)
    if (state.get("version"), state.get("vocabulary")) != (VERSION, tree.digest):
        shutil.rmtree(folder, ignore_errors=True)
    place = folder / "documents"
    place.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").unlink(missing_ok=True)  # until all is done, the next search begins again
    known = folder / "contents.parquet"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW documents_ AS {documents_sql(connection)}")
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE contents_ AS
            SELECT kind || ':' || id AS key, md5(to_json(d)::VARCHAR) AS content FROM documents_ d"""
    )
    old = f"read_parquet('{known}')" if known.exists() else "(SELECT '' AS key, '' AS content WHERE false)"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE changed_ AS SELECT key FROM contents_ ANTI JOIN {old} o USING (key, content)"""
    )
    index = _open(folder) if any(place.glob("meta.json")) else tantivy.Index(_schema(), path=str(place))
    _register(index)
    writer = index.writer(heap_size=128 * 2**20, num_threads=1)  # one thread: the same documents give the same index
    for (key,) in connection.execute(f"SELECT key FROM {old} o ANTI JOIN contents_ USING (key, content)").fetchall():
        writer.delete_documents_by_term("key", key)
    for row in documents(connection, "SEMI JOIN changed_ c ON c.key = d.kind || ':' || d.id"):
        writer.add_document(_document(row, tree))
    writer.commit()
    writer.wait_merging_threads()
    connection.execute(f"COPY (SELECT * FROM contents_ ORDER BY key) TO '{known}.part' (FORMAT parquet)")
    Path(f"{known}.part").replace(known)
    given = connection.execute(
        "SELECT DISTINCT lower(m.term) FROM (SELECT unnest(mesh_terms) AS m FROM records) ORDER BY 1"
    ).fetchall()
    others = {
        headings.key(term): term for (term,) in given if term and headings.key(term) and not tree.names.heading(term)
    }
    names = msgspec.structs.replace(tree.names, others=others)
    (folder / "headings.json").write_bytes(msgspec.json.encode(names))
    unfinished = folder / "state.json.part"
    unfinished.write_text(
        json.dumps({"version": VERSION, "snapshot": snapshot, "vocabulary": tree.digest}), encoding="utf-8"
    )
    unfinished.replace(folder / "state.json")


def _document(row: dict[str, Any], tree: headings.Tree) -> tantivy.Document:
    import tantivy

    document = tantivy.Document()
    title, abstract = row["title"] or "", row["abstract"] or ""
    key = f"{row['kind']}:{row['id']}"
    document.add_text("key", key)
    document.add_integer("number", number_of(key))
    document.add_text("shown", title)
    document.add_text("date", str(row["published"]) if row["published"] else "")
    document.add_text("title", title)
    document.add_text("abstract", abstract)
    given = list(row["heading"] or ())
    named = {name for heading in given for name in (heading, tree.indexed(heading))}
    named.update(tree.by_id[id] for id in row["linked"] or () if id in tree.by_id)
    higher = {name for heading in row["heading_above"] or () for name in (heading, tree.indexed(heading))}
    higher.update(tree.by_id[id] for id in row["linked_above"] or () if id in tree.by_id)
    higher.update(named)
    higher.update(above for name in tuple(higher) for above in tree.above.get(name, ()))
    words = {
        "keyword": row["keyword"], "substance": row["substance"], "author": row["author"], "journal": row["journal"],
        "other": [*(row["other"] or ()), *(row["country"] or ())], "heading_word": given,
    }  # fmt: skip
    for name, texts in words.items():
        for text in texts or ():
            if text:
                document.add_text(name, text)
    document.add_text("stems", ranked_text(row))
    document.add_text("topic", " ".join(text for text in (title, *given, *(row["keyword"] or ())) if text))
    values = {
        "heading": named, "major_heading": [*map(tree.indexed, row["major_heading"] or ())], "heading_above": higher,
        "qualified_heading": [
            f"{tree.indexed(heading)}/{qualifier}"
            for heading, _, qualifier in (pair.rpartition("/") for pair in row["qualified_heading"] or ())
        ],
        "qualifier": row["qualifier"], "id": row["ids"],
        "publication_type": row["publication_type"], "language": row["language"], "country": row["country"],
        "register": row["register"], "status": [row["status"]], "phase": row["phase"], "kind": [row["kind"]],
        "source": [row["source"]], "sex": [row["sex"]],
    }  # fmt: skip
    for name, texts in values.items():
        for text in sorted({text.lower() for text in texts or () if text}):
            document.add_text(name, text)
    document.add_integer("published", int(str(row["published"]).replace("-", "")) if row["published"] else 0)
    youngest, oldest = row["minimum_age_years"], row["maximum_age_years"]
    document.add_integer("minimum_age", round(youngest * 365.25) if youngest else 0)
    document.add_integer("maximum_age", round(oldest * 365.25) if oldest else _ANY_AGE)
    return document


# --- from a tree to a query


class _Compiler:
    """Puts the tree of a search into the index's own queries."""

    def __init__(self, schema: tantivy.Schema, search: Search, notes: list[str]) -> None:
        self._schema, self._search, self._notes = schema, search, notes
        self._patterns = 0

    def query(self) -> tantivy.Query:
        """The whole search."""
        if self._search.syntax == "plain" and isinstance(self._search.tree, Text):
            return self._ranked(self._search.tree.words)
        return self._node(self._search.tree)

    def _ranked(self, words: str) -> tantivy.Query:
        """Any of the words, by their stems."""

        return _weighted(self._schema, "stems", question_stems(words))

    def _pattern(self, token: str) -> str:
        """A pattern of the index for a word with wildcards; each is compared with all words of a field."""
        self._patterns += 1
        if self._patterns > _MOST_PATTERNS:
            raise UserError(
                f"Words that are cut short would be looked for {_MOST_PATTERNS:,} times, each in each of its fields. "
                "Divide the search, or name fewer fields."
            )
        if "|" not in token and _states(token) > _MOST_STATES:
            raise UserError(f'"{token[:40]}" has too many signs for missing letters. Write more of its letters.')
        return word_pattern(token)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def _node(self, node: Node) -> tantivy.Query:
        if isinstance(node, And):
            return _all(*(self._node(part) for part in node.parts))
        if isinstance(node, Or):
            return _any([self._node(part) for part in node.parts])
        if isinstance(node, Not):
            return _but(self._node(node.first), self._node(node.second))
        if isinstance(node, Heading):
            return self._heading(node)
        if isinstance(node, Range):
            if node.field != "date_published":
                self._note("Dates of entry into the database are not indexed: dates of publication are taken instead")
            return _range(self._schema, node.first, node.last)
        if isinstance(node, Near):
            return self._near(node)
        return self._text(node)

    # --- headings

    def _heading(self, node: Heading) -> tantivy.Query:
        name = node.name.lower()
        if node.qualifiers:
            names = [QUALIFIERS.get(one.lower(), one.lower()) for one in node.qualifiers]
            pairs = [self._value("qualified_heading", f"{name}/{qualifier}") for qualifier in names]
            return _any(pairs)
        if node.is_major:
            if node.is_exploded:
                self._note("Main topics are found by the heading itself, not by those below it")
            return self._value("major_heading", name)
        return self._value("heading_above" if node.is_exploded else "heading", name)

    def _value(self, field: str, value: str) -> tantivy.Query:
        """A whole value, which may end in a truncation sign."""
        import tantivy

        if _WILDCARD.search(value):
            return tantivy.Query.regex_query(self._schema, field, self._pattern(value.lower()))
        return tantivy.Query.term_query(self._schema, field, value.lower(), "basic")

    # --- words

    def _text(self, node: Text) -> tantivy.Query:
        if node.fields == (AUTOMATIC,):
            if self._search.syntax == "ovid":
                return self._text(msgspec.structs.replace(node, fields=("text",)))
            return self._words_in("all", node.words)
        return _any([self._words_in(field, node.words) for field in node.fields])

    def _words_in(self, field: str, words: str) -> tantivy.Query:
        if field == "filter":
            return self._filter(words)
        if field in ("date_published", "date_entered"):
            self._note(f'"{words}" depends on the day of the search and is left out')
            return _everything()
        if field == "author":
            return self._author(words)
        queries = []
        for name in SEARCHED_FIELDS[field]:
            if name in _VALUES:
                value = QUALIFIERS.get(words.lower(), words.lower()) if name == "qualifier" else words.lower()
                queries.append(self._value(name, LANGUAGES.get(value, value) if name == "language" else value))
            else:
                queries.append(self._phrase(name, word_tokens(words), 0))
        return _any(queries)

    def _author(self, words: str) -> tantivy.Query:
        """`smith ja`: the last name, and initials that begin so."""
        tokens = word_tokens(words)
        if len(tokens) > 1 and len(tokens[-1]) <= 3 and not _WILDCARD.search(tokens[-1]):
            tokens[-1] += "*"
        return self._phrase("author", tokens, 0)

    def _phrase(self, field: str, tokens: list[str], slop: int) -> tantivy.Query:
        import tantivy

        if not tokens:
            return _nothing()
        for token in tokens:
            if len(tokens) == 1 and "*" in token and len(token.strip("*?#")) < _LEAST_STEM:
                raise UserError(
                    f'"{token}" would match almost any word: write at least {_LEAST_STEM} letters beside it.'
                )
        has_wildcard = any(_WILDCARD.search(token) or "|" in token for token in tokens)
        if len(tokens) == 1:
            if has_wildcard:
                return tantivy.Query.regex_query(self._schema, field, self._pattern(tokens[0]))
            return tantivy.Query.term_query(self._schema, field, tokens[0], "position")
        if has_wildcard:
            patterns: list[Any] = [self._pattern(token) for token in tokens]
            return tantivy.Query.regex_phrase_query(self._schema, field, patterns, slop=slop)
        words: list[Any] = list(tokens)
        return tantivy.Query.phrase_query(self._schema, field, words, slop=slop)

    def _filter(self, words: str) -> tantivy.Query:
        """Ready-made parts of PubMed and limits of Ovid, as far as the index knows them."""
        low = " ".join(words.lower().replace("[", " ").replace("]", " ").split()).removesuffix(" only")
        language = LANGUAGES.get(low.removesuffix(" language"))
        if language:
            return self._value("language", language)
        if low in ("human", "humans", "animal", "animals", "female", "male"):
            return self._value("heading", low if low in ("female", "male") else low.removesuffix("s") + "s")
        if low.endswith((" trial", " study", "review", "analysis", "guideline", "letter", "editorial")):
            return self._value("publication_type", low)
        self._note(f'The limit "{words}" is not known here and is left out')
        return _everything()

    # --- words near each other

    def _near(self, node: Near) -> tantivy.Query:
        fields = node.fields
        if fields == (AUTOMATIC,):
            fields = ("text",) if self._search.syntax == "ovid" else ("all",)
        phrases = self._near_phrases(node)
        names = dict.fromkeys(name for field in fields for name in SEARCHED_FIELDS.get(field, ()) if name in _WORDS)
        queries = [self._phrase(name, tokens, slop) for name in names for tokens, slop in phrases]
        return _any(queries)

    def _near_phrases(self, node: Near) -> list[tuple[list[str], int]]:
        """Every order and choice of words that the parts allow, with the gaps that may stand between them."""
        choices = [_together(self._choices(part)) for part in node.parts]
        number = 1
        for choice in choices:
            number *= max(len(choice), 1)
        orders = [tuple(range(len(choices)))]
        if not node.is_ordered:
            orders = (
                list(itertools.permutations(range(len(choices)))) if len(choices) <= 4 else [orders[0], orders[0][::-1]]
            )
        if number * len(orders) > _MOST_COMBINATIONS:
            raise UserError(
                f"Words near each other can stand in {number * len(orders):,} ways, more than the "
                f"{_MOST_COMBINATIONS:,} that are looked for. Take fewer alternatives on each side."
            )
        gaps = (node.distance - 1) * (len(choices) - 1)
        found = []
        for chosen in itertools.product(*choices):
            inner = sum(slop for _, slop in chosen)
            for order in orders:
                found.append(([token for place in order for token in chosen[place][0]], gaps + inner))
        return found

    def _choices(self, part: Node) -> list[tuple[list[str], int]]:
        if isinstance(part, Text):
            return [(word_tokens(part.words), 0)] if word_tokens(part.words) else []
        if isinstance(part, Or):
            return [choice for one in part.parts for choice in self._choices(one)]
        if isinstance(part, Near):
            return self._near_phrases(part)
        if isinstance(
            part, And
        ):  # all of them near the others: each pair would have to be; the words in a row are near enough
            self._note("AND between words that stand near others is read as near")
            return self._near_phrases(Near(part.parts, 3))
        raise UserError(
            "Only words (with OR, or near each other) can stand near other words; no headings, dates or NOT."
        )


def _states(token: str) -> int:
    """About how many states a pattern has: one a letter, and some twenty for each letter that a sign stands for."""
    return len(token) + sum(25 * int(found[1:] or 1) for found in _WILDCARD.findall(token))


def _together(choices: list[tuple[list[str], int]]) -> list[tuple[list[str], int]]:
    """Single words as few choices, `a|b`, that the index looks for in one pass each; runs of words stay as they are."""
    single = dict.fromkeys(tokens[0] for tokens, slop in choices if len(tokens) == 1 and not slop)
    others = [choice for choice in choices if len(choice[0]) > 1 or choice[1]]
    packed: list[list[str]] = []
    room = 0
    for token in single:
        if _states(token) > room:
            packed.append([])
            room = _MOST_STATES
        packed[-1].append(token)
        room -= _states(token)
    return [*((["|".join(one)], 0) for one in packed), *others]


def _all(*queries: tantivy.Query) -> tantivy.Query:
    import tantivy

    if len(queries) == 1:
        return queries[0]
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries]) if queries else _nothing()


def _any(queries: list[tantivy.Query]) -> tantivy.Query:
    import tantivy

    if len(queries) == 1:
        return queries[0]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries]) if queries else _nothing()


def _weighted(schema: tantivy.Schema, field: str, weights: Mapping[str, float]) -> tantivy.Query:
    """Any of these stems, each with its weight."""
    import tantivy

    terms = {stem: tantivy.Query.term_query(schema, field, stem, "freq") for stem in weights}
    return _any([tantivy.Query.boost_query(term, weights[stem]) for stem, term in terms.items()])


def _but(query: tantivy.Query, other: tantivy.Query) -> tantivy.Query:
    import tantivy

    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, other)])


def _everything() -> tantivy.Query:
    import tantivy

    return tantivy.Query.const_score_query(tantivy.Query.all_query(), 0.0)


def _nothing() -> tantivy.Query:
    import tantivy

    return tantivy.Query.empty_query()


def _range(schema: tantivy.Schema, first: str | None, last: str | None) -> tantivy.Query:
    """Dates from the beginning of the first to the end of the last; what has no date is in no range."""
    import tantivy

    low = int(((first or "0000-01-01").replace("-", "") + "0101")[:8]) if first else 1
    high = int(((last or "9999-12-31").replace("-", "") + "1231")[:8]) if last else 99_991_231
    if last and len(last) == 7:
        high = int(last.replace("-", "") + "31")
    query = tantivy.Query.range_query(schema, "published", tantivy.FieldType.Integer, low, high, True, True)
    return tantivy.Query.const_score_query(query, 0.0)


def _last_day_before(day: str) -> str:
    import datetime

    try:
        whole = datetime.date.fromisoformat((day + "-01-01")[:10] if len(day) == 4 else (day + "-01")[:10])
    except ValueError:
        raise UserError(f'"{day}" is no date. Write --before 2019, 2019-05 or 2019-05-31.') from None
    return (whole - datetime.timedelta(days=1)).isoformat()


_WILDCARD = re.compile(r"[*?#]|\$\d")
_TOKEN = re.compile(r"(?:[^\W_]|[*?#]|\$\d)+")


def word_tokens(words: str) -> list[str]:
    """Words as the index cuts them, with their wildcards."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", words.replace("ß", "ss")).encode("ascii", "ignore").decode() or words
    return [token.lower() for token in _TOKEN.findall(plain) if token.strip("*?#")]


def word_pattern(token: str) -> str:
    """A word with wildcards, or one of several (`a|b`), as a regular expression of the index."""
    if "|" in token:
        return f"({'|'.join(map(word_pattern, token.split('|')))})"
    signs = {"*": ".*", "?": ".?", "#": "."}

    def piece(found: re.Match[str]) -> str:
        return f".{{0,{found[1]}}}" if found[1] else signs.get(found[2], re.escape(found[2]))

    return re.sub(r"\$(\d)|(.)", piece, token)
