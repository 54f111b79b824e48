"""Other linkers on the same lexicon and the same texts: F1 on the audited mentions, and how much they read a second.

Called by `_mentions.py --peers`; each runs as a process of an interpreter that has it (requirements-peers.txt):

    python benchmarks/_peers.py WORKER INPUT OUTPUT

Settings are each tool's own defaults. drug-named-entity-recognition and medical-named-entity-recognition look up runs
of up to 2 and up to 5 tokens (spaCy's English tokenizer); they are given our lexicon in place of their dictionary, and
the first also runs with its own (`as shipped`). QuickUMLS gets the lexicon as MRCONSO.RRF and MRSTY.RRF and matches
approximately (Jaccard of 3-grams of at least 0.7, windows of 5 tokens), with spaCy's tokenizer and stop words and
without a tagger, whose model is no package. scispaCy's CandidateGenerator takes a whole mention; the nearest concept is
linked from a similarity of 0.7 on (as its EntityLinker does); its index is built with efConstruction 200 in place of
2,000, which takes hours.
Speed: megabytes a second of reading, in one fixed order, of mentions (`texts`) and of whole eligibility criteria
(`prose`; scispaCy takes each for one mention), after the audited mentions have been linked; preparation is not in it.
Ratios are of processor seconds.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = {
    "drug-named-entity-recognition": "drug-named-entity-recognition",
    "drug-named-entity-recognition as shipped": "drug-named-entity-recognition",
    "medical-named-entity-recognition": "medical-named-entity-recognition",
    "quickumls": "quickumls",
    "scispacy": "scispacy",
}
KINDS = {
    "drug": (
        "drug-named-entity-recognition",
        "drug-named-entity-recognition as shipped",
        "quickumls",
        "scispacy",
    ),
    "condition": ("medical-named-entity-recognition", "quickumls", "scispacy"),
}

Worker = Callable[[Sequence[str]], list[list[str]]]


# --- in the other interpreter


def _tokenizer() -> Callable[[str], list[str]]:
    import spacy

    blank = spacy.blank("en")
    return lambda text: [token.text for token in blank(text) if not token.is_space]


def _drugs(lexicon: Mapping[str, str], folder: Path, is_shipped: bool = False) -> Worker:
    from drug_named_entity_recognition import drugs_finder

    tokens = _tokenizer()
    if not is_shipped:
        drugs_finder.drug_variant_to_canonical.clear()
        drugs_finder.drug_canonical_to_data.clear()
        drugs_finder.drug_variant_to_variant_data.clear()
        for name, id in lexicon.items():
            drugs_finder.drug_variant_to_canonical[" ".join(tokens(name))] = [id]
            drugs_finder.drug_canonical_to_data[id] = {"name": id}

    def ids(match: Mapping[str, Any]) -> list[str]:
        if not is_shipped:
            return [match["name"]]
        return [f"DRUGBANK:{match['drugbank_id']}"] if match.get("drugbank_id") else [f"NAME:{match.get('name')}"]

    return lambda texts: [
        [id for match, *_ in drugs_finder.find_drugs(tokens(text)) for id in ids(match)] for text in texts
    ]


def _shipped_drugs(lexicon: Mapping[str, str], folder: Path) -> Worker:
    return _drugs(lexicon, folder, is_shipped=True)


def _diseases(lexicon: Mapping[str, str], folder: Path) -> Worker:
    from medical_named_entity_recognition import disease_finder

    tokens = _tokenizer()
    disease_finder.disease_variant_to_canonical.clear()
    disease_finder.disease_canonical_to_data.clear()
    disease_finder.disease_variant_to_variant_data.clear()
    for name, id in lexicon.items():
        disease_finder.disease_variant_to_canonical[" ".join(tokens(name))] = [id]
        disease_finder.disease_canonical_to_data[id] = {"name": id}
    return lambda texts: [[match["name"] for match, *_ in disease_finder.find_diseases(tokens(text))] for text in texts]


def _quickumls(lexicon: Mapping[str, str], folder: Path) -> Worker:
    import nltk
    import spacy
    from quickumls import QuickUMLS, constants, install

    codes = {id: f"C{number:07d}" for number, id in enumerate(sorted(set(lexicon.values())), 1)}
    ids = {code: id for id, code in codes.items()}
    rows = []
    for name, id in lexicon.items():
        cells = dict.fromkeys(constants.HEADERS_MRCONSO, "x")
        cells |= {"cui": codes[id], "lat": "ENG", "ispref": "Y", "str": name.replace("|", " ")}
        rows.append("|".join(cells.values()) + "|\n")
    (folder / "MRCONSO.RRF").write_text("".join(rows), encoding="utf-8")
    styles = [
        "|".join((dict.fromkeys(constants.HEADERS_MRSTY, "x") | {"cui": code, "sty": "T047"}).values()) + "|\n"
        for code in ids
    ]
    (folder / "MRSTY.RRF").write_text("".join(styles), encoding="utf-8")
    store = folder / "quickumls"
    store.mkdir()
    for flag, value in (("lowercase.flag", ""), ("language.flag", "ENG"), ("database_backend.flag", "unqlite")):
        (store / flag).write_text(value)

    class Options:
        language, lowercase, normalize_unicode = "ENG", True, False

    extracted = install.extract_from_mrconso(str(folder / "MRCONSO.RRF"), str(folder / "MRSTY.RRF"), Options)
    install.parse_and_encode_ngrams(
        extracted, str(store / "umls-simstring.db"), str(store / "cui-semtypes.db"), database_backend="unqlite"
    )

    # what would be fetched: the English model and the list of stop words
    spacy.load = lambda name: spacy.blank("en")
    nltk.corpus.stopwords = type("Words", (), {"words": lambda *_: list(spacy.blank("en").Defaults.stop_words)})()
    matcher = QuickUMLS(str(store), accepted_semtypes=None)
    return lambda texts: [[ids[group[0]["cui"]] for group in matcher.match(text)] for text in texts]


def _scispacy(lexicon: Mapping[str, str], folder: Path) -> Worker:
    import nmslib
    import numpy
    from scispacy.candidate_generation import CandidateGenerator
    from scispacy.linking_utils import Entity, KnowledgeBase
    from sklearn.feature_extraction.text import TfidfVectorizer

    names: dict[str, list[str]] = {}
    for name, id in lexicon.items():
        names.setdefault(id, []).append(name)
    kb = KnowledgeBase([Entity(id, given[0], given) for id, given in names.items()])
    # as scispacy.candidate_generation.create_tfidf_ann_index does, which refuses a scipy of today
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), min_df=10, dtype=numpy.float32)
    aliases = list(kb.alias_to_cuis)
    vectors = vectorizer.fit_transform(aliases)
    kept = numpy.asarray(vectors.sum(axis=1) != 0).reshape(-1)
    aliases = [alias for alias, keep in zip(aliases, kept, strict=True) if keep]
    index = nmslib.init(method="hnsw", space="cosinesimil_sparse", data_type=nmslib.DataType.SPARSE_VECTOR)
    index.addDataPointBatch(vectors[kept])
    index.createIndex({"M": 100, "indexThreadQty": 2, "efConstruction": 200, "post": 0})
    index.setQueryTimeParams({"efSearch": 200})
    generator = CandidateGenerator(index, vectorizer, aliases, kb)

    def link(texts: Sequence[str]) -> list[list[str]]:
        found = []
        for candidates in generator([text.lower() for text in texts], 30):
            best = max(candidates, key=lambda one: max(one.similarities), default=None)
            found.append([best.concept_id] if best and max(best.similarities) >= 0.7 else [])
        return found

    return link


WORKERS: dict[str, Callable[[Mapping[str, str], Path], Worker]] = {
    "drug-named-entity-recognition": _drugs,
    "drug-named-entity-recognition as shipped": _shipped_drugs,
    "medical-named-entity-recognition": _diseases,
    "quickumls": _quickumls,
    "scispacy": _scispacy,
}


def speed(link: Worker, texts: Sequence[str], seconds: float) -> dict[str, Any]:
    """How fast these texts are read, as many as come within the time (20 at a time)."""
    size, start, processor = 0, time.perf_counter(), time.process_time()
    for first in range(0, len(texts), 20):
        batch = texts[first : first + 20]
        link(batch)
        size += sum(len(text.encode()) for text in batch)
        if time.perf_counter() - start > seconds:
            break
    return rate(size, time.perf_counter() - start, time.process_time() - processor)


def rate(size: int, seconds: float, processor_seconds: float) -> dict[str, Any]:
    """Megabytes a second, of the clock and of the processor (which other work on the machine does not slow down)."""
    return {
        "megabytes": size / 1e6,
        "megabytes_per_second": size / 1e6 / seconds,
        "megabytes_per_processor_second": size / 1e6 / processor_seconds,
    }


def work(name: str, given: Path, answer: Path) -> None:
    """Prepare one linker, link the audited mentions, and time it."""
    task = json.loads(given.read_text(encoding="utf-8"))
    folder = given.parent / f"{given.stem} work"
    folder.mkdir()
    start = time.perf_counter()
    link = WORKERS[name](task["lexicon"], folder)
    prepared = time.perf_counter() - start
    result = {
        "answers": link(task["judged"]),
        "prepare_seconds": prepared,
        "version": importlib.metadata.version(PACKAGES[name]),
    }
    for texts in ("texts", "prose"):
        result[texts] = speed(link, task[texts], task["seconds"])
    answer.write_text(json.dumps(result), encoding="utf-8")


# --- in this interpreter


def run(tasks: Mapping[str, Any], concepts: Any, python: str, seconds: float, scratch: Path) -> dict[str, Any]:
    """By kind and linker: F1 with precision and recall, speed, and how many times faster the package is."""
    import _mentions

    same = _mentions.Sameness(concepts)
    result: dict[str, Any] = {}
    for kind, task in tasks.items():
        judged = task["judged"]
        inputs = [_mentions.Text(one["text"], one["type"]) for one in judged]
        start = time.perf_counter()
        linker = _mentions.PACKAGE[kind](concepts)
        own = _figures(_mentions.audit(judged, linker(inputs), same))
        linker([_mentions.Text(". ".join(one.text for one in inputs))])  # prose needs tables of its own
        own["prepare_seconds"] = time.perf_counter() - start
        for texts in ("texts", "prose"):
            read = [_mentions.Text(text) for text in task[texts]]
            start, processor = time.perf_counter(), time.process_time()
            linker(read)
            size = sum(len(one.text.encode()) for one in read)
            own[texts] = rate(size, time.perf_counter() - start, time.process_time() - processor)
        result[kind] = {"package": own}
        for number, name in enumerate(KINDS[kind]):
            given = scratch / f"{kind} {number}.json"
            given.write_text(
                json.dumps(
                    {key: task[key] for key in ("lexicon", "texts", "prose")}
                    | {"seconds": seconds}
                    | {"judged": [one["text"] for one in judged]}
                ),
                encoding="utf-8",
            )
            answer = given.with_suffix(".answer")
            try:
                done = subprocess.run(
                    [python, __file__, name, str(given), str(answer)], capture_output=True, text=True, check=False
                )
            except OSError as error:
                result[kind][name] = {"skipped": f"{python}: {error.strerror}"}
                continue
            if not answer.exists():
                result[kind][name] = {"skipped": (done.stderr.strip().splitlines() or ["no answer"])[-1]}
                continue
            facts = json.loads(answer.read_text(encoding="utf-8"))
            found = [_mentions.Found(tuple(dict.fromkeys(ids))) for ids in facts.pop("answers")]
            facts |= _figures(_mentions.audit(judged, found, same))
            measure = "megabytes_per_processor_second"
            for texts in ("texts", "prose"):
                facts[texts]["package_times_as_fast"] = own[texts][measure] / facts[texts][measure]
            result[kind][name] = facts
    return result


def _figures(audited: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "precision": audited["precision"]["value"],
        "recall": audited["recall"]["value"],
        "f1": audited["f1"],
        "mentions": audited["mentions"],
    }


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
