"""The index: papers and trials of one snapshot on disk, searched by the trees of `tree` and by plain words.

It is made of the warehouse's tables, lies beside them in the folder `index`, and is brought up to date by what changed.
Words are matched as they are written (lower case, accents folded); ranking by plain words also uses their stems.
Headings are indexed with all that stands above them in the tree of the MeSH that was installed when the index was made,
so that an exploded one is a single look-up; a trial also has the headings that its words were linked to.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.search import headings, to_text
from trialpanorama.search._names import LANGUAGES, QUALIFIERS
from trialpanorama.search.making import (
    ANY_AGE,
    FACETS,
    FOLDER,
    VALUES,
    WORDS,
    Made,
    is_ready,
    make,
    making,
    open_documents,
)
from trialpanorama.search.patients import Patient
from trialpanorama.search.translation import Translation, translate
from trialpanorama.search.tree import AUTOMATIC, And, Heading, Near, Node, Not, Or, Range, Search, Text
from trialpanorama.search.words import WILDCARD, question_stems, word_pattern, word_tokens, words_of_stem
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import numpy as np
    import tantivy
    from numpy.typing import NDArray

_MOST_VALUES = 100
"""Values of a facet that are counted, the commonest."""
RANKED_FIELDS: dict[str, dict[str, float]] = {
    "stems": {"abstract": 1.0, "title": 0.5, "heading_word": 0.5, "keyword": 0.5, "substance": 0.5},
    "topic": {"title": 1.0, "heading_word": 1.0, "keyword": 1.0},
}
"""The fields by whose words documents are ranked, with their weights: by all they say, or by what they are about."""
_MOST_STEMS_KEPT = 50_000
"""Stems whose words are remembered."""
_MORE = 50
"""Documents that are looked at beyond those that were asked for, so that ties among the last are seen."""

SEARCHED_FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "abstract": ("abstract",),
    "title_abstract": ("title", "abstract", "keyword"),
    "title_abstract_text": ("title", "abstract"),
    "text": ("title", "abstract", "keyword", "heading_word", "substance"),
    "all": WORDS,
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

_MOST_COMBINATIONS = 400
"""Phrases that one part of a search may be taken apart into; beyond that it is refused rather than slow."""
_MOST_PATTERNS = 5_000
"""Words with wildcards, each in each of its fields."""
_MOST_STATES = 500
"""Of a pattern, as `_states` counts them; the index refuses some 1,000."""
_LEAST_STEM = 2
"""Letters before a truncation sign."""


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
    """How many were found; of the rankings that leave nothing out (all but bm25), how many are within the limits."""
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
        import numpy as np

        self._schema = index.schema
        self._searcher = index.searcher()
        self.snapshot = snapshot
        # read now, as a newer index may take this one's place on disk while it is open
        self._headings = (folder / "headings.json").read_bytes()
        self._order: NDArray[np.int64] = np.load(folder / "order.npy", mmap_mode="r")
        """The numbers of all documents in their order, and for each its place in the order of ids."""
        self._words_of = functools.lru_cache(_MOST_STEMS_KEPT)(functools.partial(words_of_stem, self._searcher))

    @property
    def documents(self) -> int:
        """How many papers and trials it holds."""
        return int(self._searcher.num_docs)

    @functools.cached_property
    def names(self) -> headings.Names:
        """The MeSH headings and their entry terms, as they were when the index was made."""
        return msgspec.json.decode(self._headings, type=headings.Names)

    @staticmethod
    def is_ready(warehouse: Warehouse) -> bool:
        """Whether the index of this warehouse's snapshot is there."""
        return is_ready(warehouse)

    @classmethod
    def open(cls, warehouse: Warehouse, progress: Callable[[int, int], None] = lambda done, total: None) -> Index:
        """The index of this warehouse's snapshot, made or brought up to date if need be, as `bring_up_to_date` does."""
        cls.bring_up_to_date(warehouse, progress)
        folder, index = open_documents(warehouse.path / FOLDER)
        return cls(index, warehouse.snapshot, folder)

    @classmethod
    def bring_up_to_date(
        cls, warehouse: Warehouse, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Made | None:
        """Put into the index what is new or changed in this warehouse's snapshot; None if there was nothing to do.

        It is made with the MeSH that is installed then, which stays its own until the snapshot changes. `progress` is
        told how many documents of how many were indexed. Raises UserError where the warehouse's folder cannot be
        written to.
        """
        if not cls.is_ready(warehouse):
            with making(warehouse):
                if not cls.is_ready(warehouse):  # else another process made it meanwhile
                    with warehouse.connect() as connection:
                        return make(warehouse.path / FOLDER, connection, warehouse.snapshot, progress)
        return None

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
        if meant.syntax == "plain" and isinstance(meant.tree, Text):
            query = self._ranked(question_stems(meant.tree.words), RANKED_FIELDS["stems"])
        else:
            query = _Compiler(self._schema, meant, notes).query()
        query = _all(query, *self._limits(limits))
        best, total = self._best(query, most)
        hits = [self._hit(address, score) for score, address in best]
        answer = Found(self.snapshot, total, tuple(hits), tuple(notes))
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
        """The numbers of documents that hold any of these stems, and their BM25 with weights: `most` of the best.

        They are ranked by all that they say (`stems`), or by what they are about (`topic`).
        """
        import numpy as np

        best, _ = self._best(_all(self._ranked(weights, RANKED_FIELDS[field]), *self._limits(limits)), most)
        scores = np.array([score for score, _ in best], dtype=np.float32)
        return self._numbers(address for _, address in best), scores

    def within(self, limits: Limits, most: int, numbers: Iterable[int] | None = None) -> NDArray[np.int64]:
        """The numbers of documents within limits, at most so many; of these numbers, if they are given."""
        import tantivy

        queries = self._limits(limits)
        if numbers is not None:
            queries.append(tantivy.Query.term_set_query(self._schema, "number", list(numbers)))
        found = self._run(_all(*queries) if queries else _everything(), max(most, 1))
        return self._numbers(address for _, address in found.hits)

    def count(self, limits: Limits) -> int:
        """How many documents are within limits."""
        queries = self._limits(limits)
        return _count(self._run(_all(*queries), 1)) if queries else self.documents

    def show(self, scores: Mapping[int, float]) -> tuple[Hit, ...]:
        """Documents, given by their numbers, as hits in the same order."""
        import tantivy

        query = tantivy.Query.term_set_query(self._schema, "number", list(scores))
        result = self._run(query, max(len(scores), 1))
        addresses = [address for _, address in result.hits]
        places = dict(zip(self._numbers(addresses).tolist(), addresses, strict=True))
        return tuple(self._hit(places[number], score) for number, score in scores.items())

    def _ranked(self, weights: Mapping[str, float], fields: Mapping[str, float]) -> tantivy.Query:
        """Any of the words that have these stems, each counted as if it were its stem.

        Only words are indexed. A stem is as rare as all its words together (in the field that has most of them), and
        each of its words is weighted so that it is no rarer.
        """
        import tantivy

        queries = []
        for stem, weight in weights.items():
            words = {field: self._words_of(field, stem) for field in fields}
            rarity = self._rarity(max(sum(held.values()) for held in words.values()))
            for field, held in words.items():
                for word, documents in held.items():
                    query = tantivy.Query.term_query(self._schema, field, word, "freq")
                    boost = weight * fields[field] * rarity / self._rarity(documents)
                    queries.append(tantivy.Query.boost_query(query, boost))
        return _any(queries)

    def _rarity(self, documents: int) -> float:
        """The inverse document frequency of BM25."""
        others = max(self.documents - documents, 0)
        return math.log(1 + (others + 0.5) / (documents + 0.5))

    def _best(self, query: tantivy.Query, most: int) -> tuple[list[tuple[float, tantivy.DocAddress]], int]:
        """The best documents with their scores, those of one score by id; and how many there are in all."""
        if not most:
            return [], _count(self._run(query, 1))
        depth = most + _MORE
        while True:
            result = self._run(query, depth)
            total = _count(result)
            found = [(round(float(score), 4), address) for score, address in result.hits]
            least = found[most - 1][0] if len(found) > most else 0.0
            if len(found) == total or found[-1][0] < least:
                break
            depth = min(10 * depth, total)  # there are more of the last score: which of them come first?
        found = [one for one in found if one[0] >= least]
        places = self._places([address for _, address in found])
        order = sorted(range(len(found)), key=lambda at: (-found[at][0], places[at]))
        return [found[at] for at in order[:most]], total

    def _places(self, addresses: list[tantivy.DocAddress]) -> list[int]:
        """The places of documents in the order of their ids."""
        import numpy as np

        numbers, places = self._order
        found: list[int] = places[np.searchsorted(numbers, self._numbers(addresses))].tolist()
        return found

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

    def _numbers(self, addresses: Iterable[tantivy.DocAddress]) -> NDArray[np.int64]:
        import numpy as np

        return np.array(self._searcher.fast_field_values("number", [*addresses]), dtype=np.int64)

    def _hit(self, address: tantivy.DocAddress, score: float) -> Hit:
        document = self._searcher.doc(address)
        kind, _, id = str(document.get_first("key")).partition(":")
        day = str(document.get_first("published") or "").zfill(8)
        date = f"{day[:4]}-{day[4:6]}-{day[6:]}" if day.strip("0") else None
        return Hit(id, kind, str(document.get_first("title") or ""), date, round(score, 6))

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
            for name, low, high in (("minimum_age", 0, days), ("maximum_age", days, ANY_AGE)):
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


# --- from a tree to a query


class _Compiler:
    """Puts the tree of a search into the index's own queries."""

    def __init__(self, schema: tantivy.Schema, search: Search, notes: list[str]) -> None:
        self._schema, self._search, self._notes = schema, search, notes
        self._patterns = 0

    def query(self) -> tantivy.Query:
        """The whole search."""
        return self._node(self._search.tree)

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

        if WILDCARD.search(value):
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
            if name in VALUES:
                value = QUALIFIERS.get(words.lower(), words.lower()) if name == "qualifier" else words.lower()
                queries.append(self._value(name, LANGUAGES.get(value, value) if name == "language" else value))
            else:
                queries.append(self._phrase(name, word_tokens(words), 0))
        return _any(queries)

    def _author(self, words: str) -> tantivy.Query:
        """`smith ja`: the last name, and initials that begin so."""
        tokens = word_tokens(words)
        if len(tokens) > 1 and len(tokens[-1]) <= 3 and not WILDCARD.search(tokens[-1]):
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
        has_wildcard = any(WILDCARD.search(token) or "|" in token for token in tokens)
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
        names = dict.fromkeys(name for field in fields for name in SEARCHED_FIELDS.get(field, ()) if name in WORDS)
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
    return len(token) + sum(25 * int(found[1:] or 1) for found in WILDCARD.findall(token))


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
