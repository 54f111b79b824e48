"""Ranked search: from a question in plain words, or a patient's description, to papers and trials, the best first.

No language model takes part. Three rankings: `bm25` (the words themselves), `dense` (what the text is about, by
vectors learnt from the snapshot) and `fused`, which puts several together by reciprocal ranks (Cormack 2009): the words
with others that are used alike, the vectors, and what is linked to the best of them.

With a sentence encoder (extra `embed`) there are two more: `embedded` (its vectors alone), and `hybrid`, which is
`fused` with these as one ranking more.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.search.dense import FOLDER, Dense, Progress, fit
from trialpanorama.search.embedding import Embeddings, Encoder, embed
from trialpanorama.search.index import Found, Index, Limits
from trialpanorama.search.making import FOLDER as INDEX_FOLDER
from trialpanorama.search.making import making
from trialpanorama.search.patients import ailments
from trialpanorama.search.tree import Search, Text
from trialpanorama.search.words import question_stems
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    from trialpanorama.search.dense import Floats, Numbers

RANKINGS = ("bm25", "dense", "fused")
ENCODED = ("embedded", "hybrid")
"""Rankings that need an encoder."""
BEST = "fused"
"""The ranking that measured best on judgements that took no part in choosing it (docs/decisions/0007)."""

_DEPTH = 1_000
"""Documents that each ranking hands to the fusion."""
_RANK_OFFSET = 60
"""What is added to a rank before it is inverted (Cormack 2009)."""
_MORE_STEMS, _MORE_WEIGHT = 10, 0.5
"""Stems that are used like the question's, and their weight at most, where a stem of the question has 1."""
_LINKS_FROM, _LINKS_WEIGHT = 20, 0.5
"""The best documents whose links are followed, and the weight of that ranking."""
_EMBEDDED_WEIGHT = 1.0
"""The weight of the encoder's ranking, where the words have 2 and the snapshot's own vectors 1."""
_FEW = 20_000
"""Documents within limits, up to which they are listed before they are ranked by their vectors."""


class Ranked:
    """The index and vectors of a warehouse, open for ranked searches."""

    def __init__(self, index: Index, dense: Dense, embeddings: Embeddings | None = None) -> None:
        self.index = index
        self._dense = dense
        self._embeddings = embeddings
        self._encoded = dense.rows(embeddings.numbers) if embeddings else None
        """The row of each document in the order of the embeddings."""

    @staticmethod
    def is_ready(warehouse: Warehouse) -> bool:
        """Whether the index and vectors of this warehouse's snapshot are there."""
        return Index.is_ready(warehouse) and Dense.is_ready(warehouse.path / INDEX_FOLDER / FOLDER, warehouse.snapshot)

    @classmethod
    def open(
        cls, warehouse: Warehouse, encoder: Encoder | None = None, progress: Progress = lambda stage, done, total: None
    ) -> Ranked:
        """The index and vectors of this warehouse's snapshot, made if need be; those of an encoder, if one is given.

        To encode a large snapshot takes hours without a GPU; `progress` is told what is made, and how many documents of
        all are done.
        """
        index = Index.open(warehouse, lambda done, total: progress("index", done, total))
        folder = warehouse.path / INDEX_FOLDER / FOLDER
        if not Dense.is_ready(folder, warehouse.snapshot):
            with making(warehouse):
                if not Dense.is_ready(folder, warehouse.snapshot):
                    with warehouse.connect() as connection:
                        fit(
                            folder,
                            connection,
                            warehouse.snapshot,
                            lambda stage, done, total: progress(f"vectors ({stage})", done, total),
                        )
        dense = Dense(folder)
        if encoder is None:
            return cls(index, dense)
        folder = Embeddings.folder(warehouse.path / INDEX_FOLDER, encoder)
        if not Embeddings.is_ready(folder, warehouse.snapshot):
            with making(warehouse):
                if not Embeddings.is_ready(folder, warehouse.snapshot):
                    with warehouse.connect() as connection:
                        embed(
                            folder,
                            connection,
                            warehouse.snapshot,
                            encoder,
                            lambda done, total: progress("embeddings", done, total),
                        )
        return cls(index, dense, Embeddings(folder, encoder))

    @staticmethod
    def ready(warehouse: Warehouse) -> tuple[str, ...]:
        """The rankings that a warehouse can answer by at once, as what they need has been made."""
        if not Ranked.is_ready(warehouse):
            return RANKINGS[:1]
        made = Embeddings.made(warehouse.path / INDEX_FOLDER, warehouse.snapshot)
        return RANKINGS + ENCODED if made else RANKINGS

    @staticmethod
    def open_ready(warehouse: Warehouse, ranking: str) -> Ranked:
        """What a ranking needs, opened once for a snapshot: for those who cannot wait until it is made.

        Raises UnknownName for a ranking that does not exist, UserError that says how what is missing is made.
        """
        if ranking not in RANKINGS + ENCODED:
            raise UnknownName("ranking", ranking, RANKINGS + ENCODED)
        if ranking not in (ready := Ranked.ready(warehouse)):
            needs = "vectors of a sentence encoder" if ranking in ENCODED else "vectors"
            option = " --embed" if ranking in ENCODED else ""
            raise UserError(
                f"The ranking {ranking} needs {needs}, which snapshot {warehouse.snapshot} does not have (but what "
                f"{', '.join(ready)} need). Make them: trialpanorama index{option} -w {warehouse.path}"
            )
        encoder = Embeddings.made(warehouse.path / INDEX_FOLDER, warehouse.snapshot) if ranking in ENCODED else None
        with _opening:
            return _opened(warehouse.path, warehouse.snapshot, encoder)

    def search(self, text: str, limits: Limits = Limits(), *, ranking: str = BEST, most: int = 100) -> Found:  # noqa: B008
        """The `most` best documents for a question (title, background, objectives, criteria as one text).

        With a patient among the limits the text is their description, and trials are searched for what ails them.
        A score is BM25, a cosine, or a sum of inverted ranks; those of one score stand in the order of kind and id.
        Raises UnknownName for a ranking that does not exist, UserError for one that needs an encoder if none was given.
        """
        if ranking not in RANKINGS + ENCODED:
            raise UnknownName("ranking", ranking, RANKINGS + ENCODED)
        if ranking in ENCODED and self._embeddings is None:
            raise UserError(f"The ranking {ranking} needs a sentence encoder: give one to Ranked.open.")
        if limits.patient:
            text = ailments(text)
        if ranking == "bm25":
            return self.index.search(Search("plain", Text(text)), limits, most=most)
        depth = most if ranking in ("dense", "embedded") else max(most, _DEPTH)
        if ranking == "dense":
            found = self._by_vectors(question_stems(text), limits, depth)
        else:
            encoded = self._by_encoder(text, limits, depth) if ranking in ENCODED else {}
            found = encoded if ranking == "embedded" else self._fused(question_stems(text), limits, depth, encoded)
        best = {int(self._dense.numbers[row]): score for row, score in itertools.islice(found.items(), most)}
        notes: tuple[str, ...] = ()
        if ranking in ENCODED and self._embeddings:
            encoder = self._embeddings.encoder
            notes = (f"Vectors are those of the encoder {encoder.name}, weights {encoder.digest[:16]}",)
        return Found(self.index.snapshot, self.index.count(limits), self.index.show(best), notes, ranking)

    def _fused(
        self, words: Mapping[str, float], limits: Limits, most: int, encoded: Mapping[int, float]
    ) -> dict[int, float]:
        rankings: list[tuple[float, Mapping[int, float]]]
        if limits.patient:
            rankings = [
                (1.0, self._by_words(words, limits, most)),
                (1.0, self._by_words(words, limits, most, field="topic")),
                (1.0, self._by_vectors(words, limits, most)),
            ]
        else:
            more = self._dense.alike(words, _MORE_STEMS)
            words = {**words, **{stem: _MORE_WEIGHT * alike for stem, alike in more.items()}}
            rankings = [
                (2.0, self._by_words(words, limits, most)),
                (1.0, self._by_vectors(words, limits, most)),
            ]
        if encoded:
            rankings.append((_EMBEDDED_WEIGHT, encoded))
        fused = _fuse(rankings)
        linked = self._linked(fused, limits)
        return _fuse([*rankings, (_LINKS_WEIGHT, linked)]) if linked else fused

    def _by_words(
        self, words: Mapping[str, float], limits: Limits, most: int, field: str = "stems"
    ) -> dict[int, float]:
        numbers, scores = self.index.rank(words, limits, most=most, field=field)
        return _in_order(self._dense.rows(numbers), scores, most)

    def _by_vectors(self, words: Mapping[str, float], limits: Limits, most: int) -> dict[int, float]:
        return self._in_limits(self._dense.scores(words), limits, most)

    def _by_encoder(self, text: str, limits: Limits, most: int) -> dict[int, float]:
        import numpy as np

        if self._embeddings is None:
            return {}
        scores = np.empty(len(self._dense.numbers), dtype=np.float32)
        scores[self._encoded] = self._embeddings.scores(text)
        return self._in_limits(scores, limits, most)

    def _in_limits(self, scores: Floats, limits: Limits, most: int) -> dict[int, float]:
        """The best rows within limits by the scores of all of them."""
        import numpy as np

        if limits == Limits():
            return _in_order(np.arange(len(scores)), scores, most)
        within = self.index.count(limits)
        if within <= _FEW:
            rows = self._dense.rows(self.index.within(limits, within))
            return _in_order(rows, scores[rows], most)
        # more and more of the best, until enough of them are within the limits
        wanted = 2 * most
        while True:
            best = np.array(list(_in_order(np.arange(len(scores)), scores, wanted)), dtype=np.int64)
            rows = self._dense.rows(self.index.within(limits, wanted, self._dense.numbers[best].tolist()))
            if len(rows) >= min(most, within) or wanted >= len(scores):
                return _in_order(rows, scores[rows], most)
            wanted *= 4

    def _linked(self, ranking: Mapping[int, float], limits: Limits) -> dict[int, float]:
        """What is linked to the best of a ranking, by the places of those it is linked to."""
        import numpy as np

        scores: dict[int, float] = {}
        for place, row in enumerate(itertools.islice(ranking, _LINKS_FROM), 1):
            for other in self._dense.neighbours(row).tolist():
                scores[other] = scores.get(other, 0.0) + 1 / (_RANK_OFFSET + place)
        if not scores:
            return {}
        numbers = self._dense.numbers[list(scores)]
        allowed = self._dense.rows(self.index.within(limits, len(scores), numbers.tolist()))
        return _in_order(allowed, np.array([scores[row] for row in allowed.tolist()]), len(scores))


_opening = threading.Lock()


@lru_cache(maxsize=2)
def _opened(path: Path, snapshot: str, encoder: str | None) -> Ranked:
    """The index and vectors that a snapshot has; one encoder and one without are kept."""
    warehouse = Warehouse.open(path)
    folder = path / INDEX_FOLDER
    index, dense = Index.open(warehouse), Dense(folder / FOLDER)
    if encoder is None:
        return Ranked(index, dense)
    loaded = Encoder(encoder)
    if not Embeddings.is_ready(made := Embeddings.folder(folder, loaded), snapshot):
        raise UserError(
            f"The encoder {encoder} is no longer the one by which the vectors were made. Make them anew: trialpanorama "
            f"index --embed --encoder {encoder} -w {path}"
        )
    return Ranked(index, dense, Embeddings(made, loaded))


def _fuse(rankings: Iterable[tuple[float, Mapping[int, float]]]) -> dict[int, float]:
    """Rankings with their weights, put together by reciprocal ranks."""
    scores: dict[int, float] = {}
    for weight, ranking in rankings:
        for place, row in enumerate(ranking, 1):
            scores[row] = scores.get(row, 0.0) + weight / (_RANK_OFFSET + place)
    return dict(sorted(scores.items(), key=lambda one: (-one[1], one[0])))


def _in_order(rows: Numbers, scores: Floats, most: int) -> dict[int, float]:
    """The best rows with their scores, those of one score in the order of rows."""
    import numpy as np

    if most < len(rows):
        least = np.partition(scores, len(scores) - most)[len(scores) - most] if most else np.inf
        rows, scores = rows[scores >= least], scores[scores >= least]
    order = np.lexsort((rows, -scores))[:most]
    return dict(zip(rows[order].tolist(), scores[order].tolist(), strict=True))
