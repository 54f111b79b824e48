"""What searching finds, how fast it is, and what it understands.

    python benchmarks/search.py [PART...] [--warehouse DIR] [--documents N] [--queries N] [--json]

PART is any of (all but embedded, if none is named):

boolean      every boolean query of CLEF-TAR 2017, SIGIR 2017 and ielab: how many are read, strictly and with repairs,
             printed and read again as the same tree; and, with --warehouse, how long each takes to be answered
indexing     generated documents of 230 words and of 100: how many a second are indexed, beside what tantivy takes for
             one bare field of the same texts in the same run; and again when nothing and when a hundredth has changed
speed        generated documents of 230 words: how long one core takes for the best 100, and how many a second are
             indexed, with bm25s, SQLite FTS5 and DuckDB FTS in the same run on the same texts; with --warehouse also
             the nDCG of each
judged       the questions of Cohen 2006 (each topic's title, among all papers of the warehouse) and the patients of
             TREC 2021 and 2022 (among the judged trials that the warehouse has): bm25, dense and fused, 95 % intervals
             over topics (percentile bootstrap), and paired differences to bm25
embedded     the same questions, with an encoder (extra embed) besides: embedded and hybrid, paired with fused too; all
             documents are encoded first (an hour or more on one core; a run that was stopped goes on where it was)
environment  queries by two processes, twice: how long they take, and whether all answers are the same

`judged`, `embedded` and `environment` need a warehouse of the real files; `embedded` is measured if it is named:
trialpanorama build ../shared/data/registries ../shared/data/pubmed ../shared/data/reviews
The settings of ranked search were chosen on Cohen 2006 and the patients of SIGIR 2016; docs/decisions/0007 says what
had been seen of TREC by then.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import statistics
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from trialpanorama.build import build
from trialpanorama.errors import UserError
from trialpanorama.search import QueryError, headings, parse, to_text
from trialpanorama.search._names import FUNCTION_WORDS
from trialpanorama.search.documents import documents, ranked_text
from trialpanorama.search.embedding import Encoder
from trialpanorama.search.index import Index, Limits
from trialpanorama.search.making import FOLDER, MEMORY_MB, writer_threads
from trialpanorama.search.patients import ailments, read_patient
from trialpanorama.search.ranked import ENCODED, RANKINGS, Ranked
from trialpanorama.search.words import analyzer, question_stems, stem_analyzer
from trialpanorama.warehouse import Warehouse

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SEED = 20
RESAMPLES = 10_000
TRACKS = {"TREC 2021 (not chosen on)": "trec_2021", "TREC 2022 (not chosen on)": "trec_2022"}

# --- boolean queries


def published_queries() -> Iterator[tuple[str, str]]:
    """Every boolean query of the three collections, with the collection it is of."""
    reviews = DATA / "reviews"
    with zipfile.ZipFile(reviews / "clef_tar_2017.zip") as archive:
        for name in sorted(archive.namelist()):
            if "/topics/" in name and not name.endswith("/"):
                text = archive.read(name).decode("utf-8", "replace")
                yield "CLEF-TAR 2017", text.split("Query:", 1)[1].split("Pids:")[0].strip("\n ")
    with zipfile.ZipFile(reviews / "sigir2017.zip") as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("queries_unannotated.json"))
        for query in json.loads(archive.read(name)):
            yield "SIGIR 2017", query["query"]
    with zipfile.ZipFile(reviews / "ielab_seed.zip") as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("overall_collection.jsonl"))
        for line in archive.read(name).decode("utf-8").splitlines():
            topic = json.loads(line)
            yield from (("ielab", topic[key]) for key in ("query", "edited_search") if topic.get(key))


def measure_boolean(warehouse: Warehouse | None) -> dict[str, Any]:
    """How many published queries are read, and come back the same after printing."""
    facts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("queries", "strict", "read", "same"), 0))
    index = Index.open(warehouse) if warehouse else None
    seconds, refused = [], 0
    for collection, query in published_queries():
        one = facts[collection]
        one["queries"] += 1
        try:
            parse(query)
            one["strict"] += 1
        except QueryError:
            pass
        try:
            search = parse(query, repairs=True)
        except QueryError:
            continue
        one["read"] += 1
        one["same"] += parse(to_text(search), search.syntax).tree == search.tree
        if index:
            start = time.perf_counter()
            try:
                index.search(search)
            except UserError:
                refused += 1
            seconds.append(time.perf_counter() - start)
    total = {key: sum(one[key] for one in facts.values()) for key in ("queries", "strict", "read", "same")}
    timed = {}
    if seconds:
        timed = {"median_seconds": statistics.median(seconds), "longest_seconds": max(seconds), "refused": refused}
    return {"collections": dict(facts), "all": total, **timed}


# --- speed


def generate(
    number: int, seed: int, *, length: int = 230, letters_of_word: tuple[int, int] = (4, 12)
) -> Iterator[tuple[str, str]]:
    """Titles and abstracts of made-up words, their frequencies as steep as those of English (Zipf)."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(generator.choice(letters, size)) for size in generator.integers(*letters_of_word, 60_000)]
    shares = 1 / (np.arange(len(words)) + 20.0)
    shares /= shares.sum()
    for first in range(0, number, 1_000):
        chosen = generator.choice(len(words), size=(min(1_000, number - first), length), p=shares)
        for row in chosen:
            # a text is about something: its title's words come back in it
            row[60:70] = row[:10]
            yield (" ".join(words[one] for one in row[:10]), " ".join(words[one] for one in row[10:]))


def generated_warehouse(folder: Path, texts: Sequence[tuple[str, str]]) -> Warehouse:
    """A warehouse whose papers have these titles and abstracts (only its papers are made; nothing else is in it)."""
    article = (
        '<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">1</PMID><Article><ArticleTitle>FICTIONAL'
        "</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    )
    folder.mkdir(exist_ok=True)
    (folder / "one.xml").write_text(f"<PubmedArticleSet>{article}</PubmedArticleSet>", encoding="utf-8")
    build([folder / "one.xml"], folder / "W", workers=1)
    warehouse = Warehouse.open(folder / "W")
    write_papers(warehouse, texts)
    return warehouse


def write_papers(warehouse: Warehouse, texts: Sequence[tuple[str, str]]) -> None:
    """Give a warehouse as many papers as there are titles and abstracts, each like its first one."""
    papers = warehouse.path / "tables" / "papers.parquet"
    connection = duckdb.connect()
    titles, abstracts = zip(*texts, strict=True)
    made = pa.table({"row": range(len(texts)), "title": titles, "abstract": abstracts})
    connection.register("made", made)
    connection.execute(
        f"""COPY (SELECT p.* REPLACE ((10000000 + m.row)::VARCHAR AS paper_id, m.title AS title,
                m.abstract AS abstract, (10000000 + m.row)::VARCHAR AS record_id)
            FROM (FROM read_parquet('{papers}') LIMIT 1) p CROSS JOIN made m ORDER BY m.row)
            TO '{papers}.part' (FORMAT parquet)"""
    )
    Path(f"{papers}.part").replace(papers)


class Engine:
    """One engine under comparison: texts in once, then the best for a query, by BM25 over stems."""

    def __init__(self, name: str, version: str, search: Callable[[str, int], list[str]], seconds: float) -> None:
        self.name, self.version, self.search, self.seconds = name, version, search, seconds


class Clock:
    """Seconds since it was made: of the wall, and of all processors in this process together."""

    def __init__(self) -> None:
        self._wall, self._processors = time.perf_counter(), time.process_time()

    def stop(self, documents: int, megabytes: float) -> dict[str, Any]:
        """What was done meanwhile, as rates."""
        wall, processors = time.perf_counter() - self._wall, time.process_time() - self._processors
        return {
            "seconds": round(wall, 2),
            "processor_seconds": round(processors, 2),
            "documents_per_second": round(documents / wall),
            "documents_per_processor_second": round(documents / processors),
            "megabytes_per_second": round(megabytes / wall, 1),
        }


def index_bare(folder: Path, texts: Sequence[tuple[str, str]]) -> None:
    """One field of words with their places and nothing else, by tantivy itself, on as many threads as ours."""
    import tantivy

    folder.mkdir()
    schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="words").build()
    index = tantivy.Index(schema, path=str(folder))
    index.register_tokenizer("words", analyzer())
    threads = writer_threads(len(texts))
    writer = index.writer(heap_size=threads * MEMORY_MB * 2**20, num_threads=threads)
    for title, abstract in texts:
        document = tantivy.Document()
        document.add_text("text", f"{title} {abstract}")
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def measure_indexing(number: int) -> dict[str, Any]:
    """How fast generated documents are indexed, made anew and brought up to date, beside bare tantivy."""
    facts: dict[str, Any] = {"documents": number, "threads": writer_threads(number), "texts": []}
    headings.tree()  # is read once a process
    with tempfile.TemporaryDirectory() as place:
        warehouse = generated_warehouse(Path(place), [("", "")])
        for length, letters in ((230, (4, 12)), (100, (3, 9))):
            texts = list(generate(number, SEED, length=length, letters_of_word=letters))
            megabytes = sum(len(title) + len(abstract) + 1 for title, abstract in texts) / 1e6
            one: dict[str, Any] = {"words": length, "bytes": round(1e6 * megabytes / number)}
            clock = Clock()
            index_bare(Path(place) / f"bare{length}", texts)
            one["bare"] = clock.stop(number, megabytes)
            shutil.rmtree(warehouse.path / FOLDER, ignore_errors=True)
            write_papers(warehouse, texts)
            clock = Clock()
            Index.bring_up_to_date(warehouse)
            one["ours"] = clock.stop(number, megabytes)
            of_bare = (one["bare"][name] / one["ours"][name] for name in ("seconds", "processor_seconds"))
            one["of_bare"], one["of_bare_by_processor"] = (round(ratio, 3) for ratio in of_bare)
            files = [path for path in (warehouse.path / FOLDER).rglob("*") if path.is_file()]
            one["index_megabytes"] = round(sum(file.stat().st_size for file in files) / 1e6, 1)
            changed = [(title, f"{text} changed" if at % 100 == 0 else text) for at, (title, text) in enumerate(texts)]
            for name, now in (("nothing_changed", texts), ("a_hundredth_changed", changed)):
                write_papers(warehouse, now)
                forget_snapshot(warehouse)
                clock = Clock()
                made = Index.bring_up_to_date(warehouse)
                one[name] = clock.stop(number, megabytes) | {"indexed": made.indexed if made else None}
            facts["texts"].append(one)
    return facts


def forget_snapshot(warehouse: Warehouse) -> None:
    """Make a warehouse's index one of another snapshot, as a build on more inputs does."""
    path = warehouse.path / FOLDER / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"snapshot": ""}), encoding="utf-8")


def our_engine(warehouse: Warehouse) -> Engine:
    """TrialPanorama's own index, made of a warehouse."""
    start = time.perf_counter()
    index = Index.open(warehouse)
    seconds = time.perf_counter() - start

    def search(query: str, most: int) -> list[str]:
        return [hit.id for hit in index.search(parse(query, "plain"), most=most).hits]

    return Engine("trialpanorama", "", search, seconds)


def bm25s_engine(ids: Sequence[str], texts: Sequence[str]) -> Engine | str:
    """bm25s, given the stems that our index makes; its scores lie in memory."""
    try:
        bm25s = importlib.import_module("bm25s")
    except ImportError:
        return "bm25s is not installed here: pip install bm25s"
    cut = stem_analyzer().analyze
    start = time.perf_counter()
    engine = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    engine.index([cut(text) for text in texts], show_progress=False)
    seconds = time.perf_counter() - start

    def search(query: str, most: int) -> list[str]:
        stems = [stem for stem in question_stems(query) if stem in engine.vocab_dict]
        if not stems:
            return []
        found, scores = engine.retrieve([stems], k=min(most, len(ids)), show_progress=False)
        return [ids[at] for at, score in zip(found[0], scores[0], strict=True) if score > 0]

    return Engine("bm25s", bm25s.__version__, search, seconds)


def sqlite_engine(ids: Sequence[str], texts: Sequence[str]) -> Engine | str:
    """SQLite's FTS5 with its Porter stemmer, in memory."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(id UNINDEXED, body, tokenize='porter unicode61')")
    except sqlite3.OperationalError as error:
        return f"SQLite has no FTS5 here ({error})"
    start = time.perf_counter()
    connection.executemany("INSERT INTO t VALUES (?, ?)", zip(ids, texts, strict=True))
    connection.execute("INSERT INTO t(t) VALUES ('optimize')")
    connection.commit()
    seconds = time.perf_counter() - start
    cut = plain_words()

    def search(query: str, most: int) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in dict.fromkeys(cut(query)))
        rows = connection.execute("SELECT id FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?", (words, most))
        return [id for (id,) in rows]

    return Engine("SQLite FTS5", sqlite3.sqlite_version, search, seconds)


def duckdb_engine(ids: Sequence[str], texts: Sequence[str]) -> Engine | str:
    """DuckDB's full-text extension with its English stemmer, in memory, on one thread."""
    connection = duckdb.connect(config={"threads": 1})
    wheel = importlib.util.find_spec("duckdb_extension_fts")  # the package duckdb-extension-fts holds the extension
    places = [*Path(str(wheel.origin)).parent.rglob("fts.duckdb_extension")] if wheel else []
    try:
        connection.execute(f"LOAD '{places[0]}'" if places else "LOAD fts")
    except duckdb.Error:
        return (
            f"no extension fts for DuckDB {duckdb.__version__} here: pip install duckdb-extension-fts, "
            "with the DuckDB of the same version"
        )
    connection.register("texts", pa.table({"id": list(ids), "body": list(texts)}))
    connection.execute("CREATE TABLE t AS FROM texts")
    start = time.perf_counter()
    connection.execute("PRAGMA create_fts_index('t', 'id', 'body', stemmer='english', stopwords='english')")
    seconds = time.perf_counter() - start

    def search(query: str, most: int) -> list[str]:
        rows = connection.execute(
            """SELECT id FROM (SELECT id, fts_main_t.match_bm25(id, ?) AS score FROM t) WHERE score IS NOT NULL
               ORDER BY score DESC, id LIMIT ?""",
            (query, most),
        )
        return [id for (id,) in rows.fetchall()]

    return Engine("DuckDB FTS", duckdb.__version__, search, seconds)


def plain_words() -> Callable[[str], list[str]]:
    """What cuts a query into words that FTS5 takes as they are, without the commonest English ones, as ours does."""
    import tantivy

    without = tantivy.Filter.custom_stopword(sorted(FUNCTION_WORDS))
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for one in (tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(), without):
        builder = builder.filter(one)
    return builder.build().analyze


def others(ids: Sequence[str], texts: Sequence[str]) -> Iterator[Engine | str]:
    """The engines that we are compared with, each made when it is asked for."""
    yield bm25s_engine(ids, texts)
    yield sqlite_engine(ids, texts)
    yield duckdb_engine(ids, texts)


def measure_speed(number: int, warehouse: Warehouse | None) -> dict[str, Any]:
    """Indexing and latency of each engine on the same generated texts, and what each finds of what was judged."""
    facts: dict[str, Any] = {"documents": number, "engines": [], "left_out": []}
    texts = list(generate(number, SEED))
    chooser = random.Random(SEED)
    queries = []
    for _ in range(300):
        words = chooser.choice(texts)[0].split()
        queries.append(" ".join(chooser.sample(words, chooser.randint(2, 8))))
    with tempfile.TemporaryDirectory() as folder:
        ours = our_engine(generated_warehouse(Path(folder), texts))
        ids = [str(10_000_000 + at) for at in range(number)]
        bodies = [f"{title} {title} {abstract}" for title, abstract in texts]
        engines: list[Engine] = [ours]
        for other in others(ids, bodies):
            engines.append(other) if isinstance(other, Engine) else facts["left_out"].append(other)
        times: dict[str, list[float]] = {engine.name: [] for engine in engines}
        for query in [*queries[:20], *queries]:  # the first ones warm up
            for engine in engines:  # in turn, so that what else the machine does meets all of them
                start = time.perf_counter()
                engine.search(query, 100)
                times[engine.name].append(time.perf_counter() - start)
    for engine in engines:
        taken = sorted(times[engine.name][20:])
        facts["engines"].append(
            {
                "name": engine.name,
                "version": engine.version,
                "documents_per_second": round(number / engine.seconds),
                "median_ms": round(1e3 * statistics.median(taken), 2),
                "p99_ms": round(1e3 * taken[math.ceil(0.99 * len(taken)) - 1], 2),
            }
        )
    if warehouse:
        facts["found"] = compare_found(warehouse)
    return facts


def compare_found(warehouse: Warehouse) -> dict[str, dict[str, list[float]]]:
    """nDCG@100 of each engine, and how far it is ahead of ours, over the questions of Cohen 2006 and TREC's patients.

    Every engine searches all documents of the warehouse for the same words: a title, or what ails a patient.
    """
    with warehouse.connect() as connection:
        rows = [(row["id"], ranked_text(row)) for row in documents(connection)]
        topics = [*cohen(connection), *(topic for name in TRACKS.values() for topic in patients(connection, name)[0])]
    ids, texts = zip(*rows, strict=True)
    engines = [our_engine(warehouse), *(one for one in others(ids, texts) if isinstance(one, Engine))]
    scores = {
        engine.name: [
            ndcg(engine.search(ailments(topic.text) if topic.is_patient else topic.text, 100), topic.judged, 100)
            for topic in topics
        ]
        for engine in engines
    }
    ours = scores["trialpanorama"]
    return {
        name: {"ndcg_100": interval(one), "ahead_of_ours": interval([a - b for a, b in zip(one, ours, strict=True)])}
        for name, one in scores.items()
    }


# --- judged questions


class Topic:
    """A question with its judgements; those of `least` and above are relevant."""

    def __init__(self, text: str, judged: dict[str, int], least: int, is_patient: bool) -> None:
        self.text, self.judged, self.is_patient = text, judged, is_patient
        self.relevant = {id for id, grade in judged.items() if grade >= least}


def cohen(connection: duckdb.DuckDBPyConnection) -> list[Topic]:
    """The eleven topics of Cohen 2006: the title as question; what was included is relevant."""
    rows = connection.execute(
        """SELECT coalesce(r.title, r.review_id), list(DISTINCT s.report_id) FILTER (s.decision = 'INCLUDED'),
               list(DISTINCT s.report_id)
           FROM reviews r JOIN review_studies s USING (review_id) SEMI JOIN papers p ON p.paper_id = s.report_id
           WHERE array_to_string(r.collections, ' ') ILIKE '%cohen%' GROUP BY r.review_id, r.title ORDER BY 1"""
    ).fetchall()
    topics = []
    for title, included, every in rows:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title)
        judged = dict.fromkeys(every, 0) | dict.fromkeys(included or [], 1)
        topics.append(Topic(words.removeprefix("COHEN2006-"), judged, 1, is_patient=False))
    return [topic for topic in topics if topic.relevant]


def patients(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[list[Topic], set[str]]:
    """The topics of a TREC clinical trials track that have an eligible trial here; and all its judged trials of here.

    Grades as in the track: 0 not relevant, 1 excluded, 2 eligible; only eligible ones count as relevant.
    """
    known = dict(connection.execute("SELECT id, study_id FROM identifiers WHERE role <> 'mentioned'").fetchall())
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    with zipfile.ZipFile(DATA / "trec" / "trialgpt_queries_qrels.zip") as archive:
        queries = [json.loads(line) for line in archive.read(f"dataset/{name}/queries.jsonl").splitlines()]
        for line in archive.read(f"dataset/{name}/qrels/test.tsv").decode().splitlines()[1:]:
            topic, id, grade = line.split("\t")
            if id in known:
                judged[topic][known[id]] = max(int(grade), judged[topic].get(known[id], 0))
    topics = [Topic(one["text"], judged[one["_id"]], 2, is_patient=True) for one in queries]
    return [topic for topic in topics if topic.relevant], {id for one in judged.values() for id in one}


def ndcg(found: Sequence[str], judged: Mapping[str, int], most: int) -> float:
    """Normalised discounted cumulative gain of the first `most`; the grade is the gain, and 0 without one."""
    gain = sum(judged.get(id, 0) / math.log2(place + 2) for place, id in enumerate(found[:most]))
    grades = sorted(judged.values(), reverse=True)[:most]
    return gain / sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def bpref(found: Sequence[str], topic: Topic) -> float:
    """How seldom what was judged not relevant stands before what is (Buckley 2004, as in trec_eval)."""
    others = len(topic.judged) - len(topic.relevant)
    bound, before, total = min(len(topic.relevant), others), 0, 0.0
    for id in found:
        if id in topic.relevant:
            total += 1 - (min(before, bound) / bound if bound else 0)
        elif id in topic.judged:
            before += 1
    return total / len(topic.relevant)


def measures(found: Sequence[str], topic: Topic) -> dict[str, float]:
    """All measures of one ranking."""
    return {
        "ndcg_10": ndcg(found, topic.judged, 10),
        "ndcg_100": ndcg(found, topic.judged, 100),
        "bpref": bpref(found, topic),
        "recall_100": len(topic.relevant & {*found[:100]}) / len(topic.relevant),
    }


def interval(values: Sequence[float]) -> list[float]:
    """Mean and 95 % percentile bootstrap interval over topics."""
    generator = np.random.default_rng(SEED)
    one = np.array(values)
    means = one[generator.integers(0, len(one), (RESAMPLES, len(one)))].mean(axis=1)
    return [round(float(value), 4) for value in (one.mean(), *np.quantile(means, [0.025, 0.975]))]


def ahead(scores: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """How far one ranking is ahead of another on the same topics, by each measure."""
    return {one: interval([a[one] - b[one] for a, b in zip(scores, others, strict=True)]) for one in scores[0]}


def measure_judged(warehouse: Warehouse, encoder: Encoder | None = None) -> dict[str, Any]:
    """What each ranking finds of what people judged; those of an encoder too, if one is given."""
    ranked = Ranked.open(warehouse, encoder)
    rankings = RANKINGS + ENCODED if encoder else RANKINGS
    with warehouse.connect() as connection:
        collections: dict[str, tuple[list[Topic], set[str] | None]] = {
            "Cohen 2006 (settings were chosen on it)": (cohen(connection), None),
            "SIGIR 2016 patients (settings were chosen on it)": patients(connection, "sigir"),
            **{title: patients(connection, name) for title, name in TRACKS.items()},
        }
    facts: dict[str, Any] = {}
    for name, (topics, pool) in collections.items():
        scores: dict[str, list[dict[str, float]]] = {}
        rows = [*rankings, *(["bm25 of any age and sex"] if pool else [])]
        for row in rows:
            scores[row] = []
            for topic in topics:
                patient = read_patient(topic.text) if topic.is_patient and row in rankings else None
                limits = Limits(only={"kind": "trial" if topic.is_patient else "paper"}, patient=patient)
                most = ranked.index.documents if topic.is_patient else 1_000
                ranking = row if row in rankings else "bm25"
                found = [hit.id for hit in ranked.search(topic.text, limits, ranking=ranking, most=most).hits]
                if pool is not None:
                    found = [id for id in found if id in pool]
                scores[row].append(measures(found, topic))
        names = [*scores["bm25"][0]]
        facts[name] = {
            "topics": len(topics),
            "pool": len(pool) if pool is not None else "all papers",
            "scores": {row: {one: interval([s[one] for s in scores[row]]) for one in names} for row in rows},
            "ahead_of_bm25": {row: ahead(scores[row], scores["bm25"]) for row in rows[1:]},
            "ahead_of_fused": {row: ahead(scores[row], scores["fused"]) for row in rows if row in ENCODED},
        }
    return facts


# --- as an environment


def answer(folder: str, queries: Sequence[tuple[str, str, str]]) -> str:
    """Answer queries in this process; a hash of all answers."""
    ranked = Ranked.open(Warehouse.open(folder))
    digest = hashlib.sha256()
    for kind, query, before in queries:
        limits = Limits(before=before)
        if kind == "boolean":
            found = ranked.index.search(parse(query), limits, most=100)
        else:
            found = ranked.search(query, limits, ranking=kind, most=100)
        digest.update(repr([(hit.id, hit.score) for hit in found.hits]).encode())
    return digest.hexdigest()


def measure_environment(warehouse: Warehouse, number: int) -> dict[str, Any]:
    """Queries of words from titles, a third each boolean, bm25 and fused, each with a date, by two processes, twice."""
    ranked = Ranked.open(warehouse)
    with warehouse.connect() as connection:
        rows = connection.execute("SELECT title FROM papers WHERE length(title) > 40 ORDER BY paper_id").fetchall()
    chooser = random.Random(SEED)
    queries = []
    for at in range(number):
        words = [word for word in chooser.choice(rows)[0].split() if word.isalpha() and len(word) > 3][:8] or ["trial"]
        kind = ("boolean", "bm25", "fused")[at % 3]
        text = " AND ".join(f"({word.lower()}[tiab] OR {word.lower()}s[tiab])" for word in words[:3])
        queries.append((kind, text if kind == "boolean" else " ".join(words), str(chooser.randint(1995, 2022))))
    del ranked  # made by now, if it was not; each process opens its own
    jobs = [(str(warehouse.path), queries[0::2]), (str(warehouse.path), queries[1::2])]
    seconds, answers = [], []
    for _ in range(2):
        start = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            answers.append(pool.starmap(answer, jobs))
        seconds.append(round(time.perf_counter() - start, 1))
    return {"queries": number, "processes": 2, "seconds": seconds, "same_answers": answers[0] == answers[1]}


# --- printing


def show(facts: Mapping[str, Any]) -> str:
    """All that was measured, for a terminal."""
    out = io.StringIO()
    if "boolean" in facts:
        for name, one in [*facts["boolean"]["collections"].items(), ("all", facts["boolean"]["all"])]:
            print(
                f"{name:<14} {one['queries']:>4} queries: {one['strict']} read strictly, {one['read']} with repairs, "
                f"{one['same']} the same after printing", file=out
            )  # fmt: skip
        if "median_seconds" in facts["boolean"]:
            timed = facts["boolean"]
            print(
                f"answered: median {1e3 * timed['median_seconds']:.0f} ms, longest {timed['longest_seconds']:.2f} s, "
                f"{timed['refused']} refused", file=out
            )  # fmt: skip
    for one in facts.get("indexing", {}).get("texts", []):
        print(
            f"\n{facts['indexing']['documents']:,} generated documents of {one['words']} words "
            f"({one['bytes']:,} bytes), {facts['indexing']['threads']} threads; index {one['index_megabytes']} MB, "
            f"{one['of_bare']:.2f} of bare tantivy's speed, {one['of_bare_by_processor']:.2f} by processor time",
            file=out,
        )
        for name in ("ours", "bare", "nothing_changed", "a_hundredth_changed"):
            rate = one[name]
            print(
                f"{name.replace('_', ' '):<20} {rate['documents_per_second']:>8,} documents/s, "
                f"{rate['documents_per_processor_second']:>8,} a second of one processor, "
                f"{rate['megabytes_per_second']:>6.1f} MB/s", file=out
            )  # fmt: skip
    if "speed" in facts:
        speed = facts["speed"]
        print(f"\n{speed['documents']:,} generated documents, the best 100, one core", file=out)
        for one in speed["engines"]:
            print(
                f"{one['name'] + ' ' + one['version']:<22} {one['documents_per_second']:>8,} documents/s"
                f"  median {one['median_ms']:>8.2f} ms  p99 {one['p99_ms']:>8.2f} ms", file=out
            )  # fmt: skip
        for name, one in speed.get("found", {}).items():
            mean, low, high = one["ndcg_100"]
            ahead = (
                ""
                if name == "trialpanorama"
                else ", ahead of ours by {:.3f} [{:.3f}, {:.3f}]".format(*one["ahead_of_ours"])
            )
            print(f"{name:<22} nDCG@100 of what was judged {mean:.3f} [{low:.3f}, {high:.3f}]{ahead}", file=out)
        for one in speed["left_out"]:
            print(f"left out: {one}", file=out)
    for name, one in [*facts.get("judged", {}).items(), *facts.get("embedded", {}).items()]:
        print(f"\n{name}: {one['topics']} topics, pool: {one['pool']}", file=out)
        for title, key in (("", "scores"), (" - bm25", "ahead_of_bm25"), (" - fused", "ahead_of_fused")):
            table = one[key]
            for row, values in table.items():
                shown = "  ".join(
                    f"{key} {mean:.3f} [{low:.3f}, {high:.3f}]" for key, (mean, low, high) in values.items()
                )
                print(f"{row + title:<31} {shown}", file=out)
    if "environment" in facts:
        one = facts["environment"]
        same = "the same" if one["same_answers"] else "NOT the same"
        print(f"\n{one['queries']:,} queries on 2 processes: {one['seconds']} s, answers {same}", file=out)
    return out.getvalue()


def main() -> None:
    """Measure and print."""
    parts = ("boolean", "indexing", "speed", "judged", "environment", "embedded")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(parts)}; else all but the last")
    parser.add_argument("--warehouse", type=Path, help="of the real files; for the parts that need one")
    parser.add_argument("--encoder", help="of embedded: a folder or a name on the model hub; else the one installed")
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    wanted = options.parts or parts[:-1]
    if not {*wanted} <= {*parts}:
        parser.error(f"a part is one of {', '.join(parts)}")
    warehouse = Warehouse.open(options.warehouse) if options.warehouse else None
    facts: dict[str, Any] = {}
    if "boolean" in wanted:
        facts["boolean"] = measure_boolean(warehouse)
    if "indexing" in wanted:
        facts["indexing"] = measure_indexing(options.documents)
    if "speed" in wanted:
        facts["speed"] = measure_speed(options.documents, warehouse)
    if {"judged", "environment", "embedded"} & {*wanted}:
        if warehouse is None:
            parser.error("judged, embedded and environment need --warehouse")
        if "judged" in wanted:
            facts["judged"] = measure_judged(warehouse)
        if "environment" in wanted:
            facts["environment"] = measure_environment(warehouse, options.queries)
        if "embedded" in wanted:
            facts["embedded"] = measure_judged(warehouse, Encoder(options.encoder))
    print(json.dumps(facts, indent=1) if options.json else show(facts))


if __name__ == "__main__":
    main()
