"""The dense side of ranked search: vectors of documents and words, learnt from the snapshot's own texts.

Documents: TF-IDF of stems, projected on the strongest directions (latent semantic analysis; Deerwester 1990). Words:
which stems stand near which (positive pointwise mutual information in a window, factorised; Levy 2014), to find words
that are used alike. Both are fitted once for a snapshot, with a fixed seed, and lie beside the index as arrays that are
read from disk where they are needed.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Numbers = NDArray[np.int64]

from trialpanorama.search.documents import documents, documents_sql, number_of, ranked_text
from trialpanorama.search.words import stem_analyzer

VERSION = 1
"""Changes with what is fitted; vectors of another version are made anew."""
FOLDER = "dense"
DIMENSIONS = 200
MOST_FITTED = 30_000
"""Documents that the directions are learnt from; of a larger snapshot, as many at equal distances."""
MOST_STEMS = 50_000
LEAST_DOCUMENTS = 2
"""Documents that a stem has to be in."""
LEAST_FOR_WORD = 5
"""Documents that a stem has to be in to have a vector as a word."""
WINDOW = 5
"""Stems on each side that count as near."""
_SMOOTHING = 0.75
"""Exponent of the context counts, so that rare words do not seem near to everything (Levy 2015)."""
_BATCH = 2_000

Progress = Callable[[str, int, int], None]
"""Told what is being done, and for how many documents of how many; of what cannot be counted, 0 of 0."""

_LINKS = """
    SELECT 'paper:' || head_id, 'trial:' || tail_id FROM relations
    WHERE tail_type = 'trial' AND relation_type IN ('cited_by', 'result_of', 'background_of', 'derived_from')
    UNION SELECT 'paper:' || paper_id, 'trial:' || study_id FROM papers WHERE study_id IS NOT NULL
    UNION SELECT 'paper:' || paper_id, 'paper:' || unnest(cited_pmids) FROM papers
    ORDER BY ALL"""
"""Papers of trials, and what papers cite. What a review includes is no link: it is what searches are judged by."""


class Dense:
    """Vectors of a snapshot's documents and stems, open for searching."""

    def __init__(self, folder: Path) -> None:
        import numpy as np

        self.numbers: Numbers = np.load(folder / "numbers.npy")
        """The number of each document (`index.number_of`), in the order of the rows."""
        self._order = np.argsort(self.numbers)
        self._sorted = self.numbers[self._order]
        self._vectors: Floats = np.load(folder / "vectors.npy", mmap_mode="r")
        self._directions: Floats = np.load(folder / "directions.npy", mmap_mode="r")
        self._words: Floats = np.load(folder / "words.npy", mmap_mode="r")
        self._weights: Floats = np.load(folder / "weights.npy")
        self._links: Numbers = np.load(folder / "links.npy", mmap_mode="r")
        self._stems: list[str] = json.loads((folder / "stems.json").read_text(encoding="utf-8"))
        self._places = {stem: place for place, stem in enumerate(self._stems)}

    @staticmethod
    def is_ready(folder: Path, snapshot: str) -> bool:
        """Whether the vectors of a snapshot are there."""
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(state == {"version": VERSION, "snapshot": snapshot})

    def rows(self, numbers: Numbers) -> Numbers:
        """The rows of documents that are given by their numbers."""
        import numpy as np

        found: Numbers = self._order[np.searchsorted(self._sorted, numbers)]
        return found

    def scores(self, weights: Mapping[str, float]) -> Floats:
        """How alike each document is to weighted stems (cosine, -1 to 1), in the order of the rows."""
        import numpy as np

        places, values = self._known(weights)
        vector = _normal(values @ self._directions[places]) if places else np.zeros(self._vectors.shape[1], np.float32)
        found: Floats = self._vectors @ vector.astype(np.float32)
        return found

    def alike(self, weights: Mapping[str, float], most: int) -> dict[str, float]:
        """The stems used most like these together, with how alike they are (cosine, above 0)."""
        import numpy as np

        places, values = self._known(weights)
        if not places:
            return {}
        scores = self._words @ _normal(values @ self._words[places])
        scores[places] = 0
        best = np.argsort(-scores, kind="stable")[:most]
        return {self._stems[place]: float(scores[place]) for place in best if scores[place] > 0}

    def neighbours(self, row: int) -> Numbers:
        """The rows of documents that are linked to one: its papers, its trials, what it cites and what cites it."""
        import numpy as np

        first, last = np.searchsorted(self._links[:, 0], [row, row + 1])
        found: Numbers = self._links[first:last, 1]
        return found

    def _known(self, weights: Mapping[str, float]) -> tuple[list[int], Floats]:
        import numpy as np

        known = {self._places[stem]: weight for stem, weight in weights.items() if stem in self._places}
        places = sorted(known)
        values = np.array([known[place] for place in places], dtype=np.float32) * self._weights[places]
        return places, values


def fit(
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    snapshot: str,
    progress: Progress = lambda stage, done, total: None,
) -> None:
    """Fit the vectors of a snapshot and write them to a folder.

    Time grows with the documents; memory does so by their numbers and links alone, as texts are read in batches. What
    is learnt from a sample bounds the rest (200 thousand documents of 240 words: two minutes, 2.6 GB on one core).
    """
    import numpy as np
    from numpy.lib.format import open_memmap

    finished, folder = folder, folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    keys = connection.execute(
        f"SELECT kind || ':' || id FROM ({documents_sql(connection)}) ORDER BY kind, id"
    ).fetchall()
    numbers = np.array([number_of(key) for (key,) in keys], dtype=np.int64)
    np.save(folder / "numbers.npy", numbers)
    rows = {key: row for row, (key,) in enumerate(keys)}
    linked = [(rows[one], rows[two]) for one, two in connection.execute(_LINKS).fetchall() if {one, two} <= rows.keys()]
    both = sorted({*linked, *((two, one) for one, two in linked)})
    np.save(folder / "links.npy", np.array(both, dtype=np.int64).reshape(-1, 2))
    del keys, rows, linked, both

    cut = stem_analyzer().analyze
    known: dict[str, int] = {}
    step = max(-(-len(numbers) // MOST_FITTED), 1)
    sample: list[Numbers] = []
    for row in itertools.islice(documents(connection), 0, None, step):
        if len(sample) % _BATCH == 0:
            progress("texts", len(sample) * step, len(numbers))
        stems_of = cut(ranked_text(row))
        sample.append(np.array([known.setdefault(stem, len(known)) for stem in stems_of], dtype=np.int64))
    progress("texts", len(numbers), len(numbers))
    held = np.zeros(len(known), dtype=np.int64)
    for text in sample:
        held[np.unique(text)] += 1
    kept = np.flatnonzero(held >= LEAST_DOCUMENTS)
    kept = np.sort(kept[np.argsort(-held[kept], kind="stable")][:MOST_STEMS])
    place = np.full(len(known), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    held = held[kept]
    names = list(known)
    stems = [names[one] for one in kept]
    (folder / "stems.json").write_text(json.dumps(stems, ensure_ascii=False), encoding="utf-8")
    weights = np.log(1 + (len(sample) - held + 0.5) / (held + 0.5)).astype(np.float32)
    np.save(folder / "weights.npy", weights)
    texts = [place[text] for text in sample]

    progress("directions", 0, 0)
    directions = _directions(_weighted(texts, weights))
    np.save(folder / "directions.npy", directions)
    progress("words", 0, 0)
    np.save(folder / "words.npy", _words(texts, held))
    every: Iterator[Numbers] = iter(texts)
    if step > 1:
        places = {stem: at for at, stem in enumerate(stems)}
        every = (
            np.array([places.get(stem, -1) for stem in cut(ranked_text(row))], dtype=np.int64)
            for row in documents(connection)
        )
    vectors = open_memmap(
        folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(len(numbers), directions.shape[1])
    )
    for first in range(0, len(numbers), _BATCH):
        progress("documents", first, len(numbers))
        batch = list(itertools.islice(every, _BATCH))
        vectors[first : first + len(batch)] = _normal(_weighted(batch, weights) @ directions)
    progress("documents", len(numbers), len(numbers))
    vectors.flush()
    (folder / "state.json").write_text(json.dumps({"version": VERSION, "snapshot": snapshot}), encoding="utf-8")
    shutil.rmtree(finished, ignore_errors=True)
    folder.rename(finished)


def _weighted(texts: Sequence[Numbers], weights: Floats) -> Any:
    """TF-IDF of texts (logarithmic counts, rows of length 1), as a sparse matrix of documents by stems."""
    import numpy as np
    from scipy import sparse

    indices, values, ends = [], [], [0]
    for text in texts:
        stems, counts = np.unique(text[text >= 0], return_counts=True)
        row = (1 + np.log(counts)) * weights[stems]
        indices.append(stems)
        values.append(row / max(float(np.linalg.norm(row)), 1e-9))
        ends.append(ends[-1] + len(stems))
    parts = np.concatenate(values or [np.zeros(0)]), np.concatenate(indices or [np.zeros(0, np.int64)]), np.array(ends)
    return sparse.csr_matrix(parts, shape=(len(texts), len(weights)), dtype=np.float32)


def _directions(matrix: Any) -> Floats:
    """The strongest directions of a matrix of documents by stems, as stems by dimensions.

    Each is divided by the root of its strength, which keeps the few strongest from covering the others.
    """
    import numpy as np

    _, strengths, stems = _decompose(matrix)
    return (stems / np.sqrt(np.maximum(strengths, 1e-6))[:, None]).T.astype(np.float32)


def _words(texts: Sequence[Numbers], held: Numbers) -> Floats:
    """Vectors of the stems, rows of length 1, from which stand near which; zero for those that are too rare."""
    import numpy as np
    from scipy import sparse

    if not len(held):
        return np.zeros((0, 1), dtype=np.float32)
    gap = np.full(WINDOW, -1, dtype=np.int64)
    run = np.concatenate([part for text in texts for part in (text, gap)] or [gap])
    run[(run >= 0) & (held[run] < LEAST_FOR_WORD)] = -1
    size = len(held)
    counts = sparse.csr_matrix((size, size), dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        one, two = run[:-distance], run[distance:]
        both = (one >= 0) & (two >= 0)
        pairs = (np.ones(int(both.sum()), dtype=np.float32), (one[both], two[both]))
        counts = counts + sparse.coo_matrix(pairs, shape=(size, size)).tocsr()
    pairs_ = (counts + counts.T).tocoo()
    total = np.asarray(pairs_.sum(1)).ravel()
    context = total**_SMOOTHING
    context /= max(float(context.sum()), 1e-9)
    information = np.log(np.maximum(pairs_.data, 1e-9) / np.maximum(total[pairs_.row] * context[pairs_.col], 1e-12))
    positive = information > 0
    parts = (information[positive].astype(np.float32), (pairs_.row[positive], pairs_.col[positive]))
    left, strengths, _ = _decompose(sparse.csr_matrix(parts, shape=(size, size)))
    return _normal(left * np.sqrt(strengths))


def _decompose(matrix: Any) -> tuple[Floats, Floats, Floats]:
    import numpy as np
    from sklearn.utils.extmath import randomized_svd

    # few texts have few directions that are not their own words again
    dimensions = min(DIMENSIONS, max(2, min(matrix.shape) // 10), *matrix.shape)
    if dimensions == 0 or matrix.nnz == 0:
        empty = np.zeros((matrix.shape[0], 1), np.float32)
        return empty, np.zeros(1, np.float32), np.zeros((1, matrix.shape[1]), np.float32)
    found: tuple[Floats, Floats, Floats] = randomized_svd(matrix, dimensions, n_iter=5, random_state=0)
    return found


def _normal(vectors: Any) -> Floats:
    """Vectors brought to length 1; a vector of zeros stays so."""
    import numpy as np

    found: Floats = (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)).astype(np.float32)
    return found
