"""How well registrations of one study are found to be one: generated records with known truth, and real ones.

    python benchmarks/_resolution.py [DATA] [--warehouse DIR] [--pairs FILE] [--json]
    python benchmarks/_resolution.py --seed N [--trials N] [--hidden]     one development collection
    python benchmarks/_resolution.py --tune                               the settings of Splink and dedupe
    python benchmarks/_resolution.py --more second [--hidden]             more frozen collections, all methods, paired
    python benchmarks/_resolution.py --more second --only SEED            of these, only the seeds that are named

The generated collection is that of `judged/resolution_frozen.json`; everything was chosen on its development seeds.
Those of --more are named in `judged/resolution_frozen_2.json`.

with ids   the records as they are
hidden     no id is left: secondary ids, protocol codes, aliases, references, web addresses and every registry number
           in a text are removed, and a registration's own id is replaced by one that says nothing

Scores are over pairs of registrations with different ids. Intervals are 95 %: of shares by Wilson, of F1 by bootstrap
over groups of registrations that truth or the method connects.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import importlib.util
import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import metadata
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import numpy as np

import _resolution_rivals as rivals
import trialpanorama.resolve as resolving
from _resolution_rivals import Compared, Pair, Scorer, Task
from trialpanorama import engine, identifiers, ingest, sample, sources
from trialpanorama.record import Record
from trialpanorama.resolve import blocking, features, resolve
from trialpanorama.warehouse import lines_table, write_parquet

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
JUDGED = Path(__file__).resolve().parent / "judged"
FROZEN = json.loads((JUDGED / "resolution_frozen.json").read_text())
MORE = json.loads((JUDGED / "resolution_frozen_2.json").read_text())["collections"]
RESAMPLES = 2_000
RANDOM_PAIRS = 20_000

Row = dict[str, Any]


# --- generated records


def generated(
    folder: Path, seed: int, trials: int, mess: Mapping[str, Any] = FROZEN["mess"]
) -> tuple[list[Row], dict[str, str]]:
    """The Records of a generated collection, and the trial of each registration's id."""
    sample.write(folder, trials, seed, sample.Mess(**mess))
    inputs = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    rows: list[Row] = []
    for unit in ingest.plan(ingest.find_inputs(inputs), folder, keep_contacts=False):
        for piece in unit.pieces:
            for outcome in ingest.read_piece(piece):
                if isinstance(outcome, Record):
                    rows.append(msgspec.json.decode(ingest.record_line(outcome, keep_contacts=False)))
    truth = {
        identifiers.trial_key(record["id"]): trial["trial"]
        for trial in json.loads((folder / "truth.json").read_bytes())["trials"]
        for record in trial["records"]
    }
    return rows, truth


def is_registration(row: Row) -> bool:
    """Whether a Record is of a registration, not of a publication or review."""
    return bool(row.get("kind", "REGISTRATION") == "REGISTRATION")


# --- hiding ids

_REMOVED = {"identifiers", "references", "links", "url", "place", "notes", "content_sha256", "results"}
"""Fields that are dropped: they hold ids, or (posted results) long tables that no method looks at."""
_TOKEN = re.compile(r"[\w./-]*\d[\w./-]*")


def opaque(key: str) -> str:
    """An id that says nothing, not even by its order; the same for all Records of one registration."""
    return "X" + hashlib.sha256(f"hidden {key}".encode()).hexdigest()[:16]


def own_numbers(rows: Iterable[Row]) -> set[str]:
    """Protocol codes and all other numbers that Records give for their study, in lower case."""
    said = (i["id"].casefold() for row in rows if is_registration(row) for i in row.get("identifiers", ()))
    return {number for number in said if len(number) > 3 and any(c.isdigit() for c in number)}


def hide(rows: Iterable[Row]) -> list[Row]:
    """The same Records without any id; raises ValueError if one is left."""
    rows = list(rows)
    numbers = own_numbers(rows)

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        if not isinstance(value, str) or len(value) < 4:
            return value
        for found in reversed(identifiers.find(value)):
            value = value[: found.start] + value[found.end :]
        return _TOKEN.sub(lambda match: "" if _bare(match[0]) in numbers else match[0], value)

    hidden = []
    for row in rows:
        shown = {name: clean(value) for name, value in row.items() if name not in _REMOVED}
        shown["record_id"], shown["id"] = opaque(row["record_id"]), row["id"]
        if is_registration(row):
            shown["id"] = opaque(identifiers.trial_key(row["id"], row.get("register")))
            shown["identifiers"] = [{"id": shown["id"], "register": row.get("register"), "role": "primary"}]
        hidden.append(shown)
    if left := left_over(hidden, numbers):
        raise ValueError(f"{len(left)} ids are left in the hidden Records: {sorted(left)[:5]}")
    return hidden


def left_over(rows: Iterable[Row], numbers: Collection[str]) -> set[str]:
    """Registry numbers, and others of `numbers`, that are anywhere in the Records but as a publication's own id."""
    left: set[str] = set()
    with_blanks = [number for number in numbers if not _TOKEN.fullmatch(number)]
    for row in rows:
        text = json.dumps(row if is_registration(row) else {**row, "id": ""}, ensure_ascii=False)
        left.update(found.id for found in identifiers.find(text))
        left.update(token for token in map(_bare, _TOKEN.findall(text)) if token in numbers)
        if with_blanks:
            folded = text.casefold()
            left.update(number for number in with_blanks if number in folded)
    return left


def _bare(token: str) -> str:
    return token.strip("./-_").casefold()


# --- resolving and scoring


def write_records(rows: Iterable[Row], path: Path) -> None:
    """Rows of Records as one Parquet file."""
    write_parquet(lines_table(Record, b"\n".join(map(msgspec.json.encode, rows))), path)


def groups_of(records: str, folder: Path) -> dict[str, str]:
    """Run `resolve` on a Parquet file (or glob) of Records: the Trial of each registration's id."""
    folder.mkdir(parents=True, exist_ok=True)
    with connection(records) as con:
        resolve(con, folder)
        rows = con.execute(
            f"""SELECT DISTINCT r.id, r.register, t.study_id FROM records r
                JOIN read_parquet('{folder}/trial_records.parquet') t USING (record_id)
                WHERE coalesce(kind, 'REGISTRATION') = 'REGISTRATION'"""
        ).fetchall()
    return {identifiers.trial_key(id, register): study for id, register, study in rows}


def connection(records: str) -> duckdb.DuckDBPyConnection:
    """A database with what `resolve` reads."""
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET memory_limit = '2GB'; SET threads = 2")
    con.execute(f"CREATE VIEW records AS SELECT * FROM read_parquet('{records}')")
    con.execute("CREATE TABLE source_licences (source VARCHAR, is_open BOOLEAN)")
    con.executemany(
        "INSERT INTO source_licences VALUES (?, ?)", [(s.name, s.is_open) for s in sources.sources().values()]
    )
    return con


def pairs_within(group_of: Mapping[str, str]) -> set[Pair]:
    """Every pair of ids that are in one group."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key, group in group_of.items():
        groups[group].append(key)
    return {pair for keys in groups.values() for pair in combinations(sorted(keys), 2)}


class Scores(NamedTuple):
    """Pairwise scores, each as (value, low, high), and what they were counted from."""

    precision: tuple[float, float, float]
    recall: tuple[float, float, float]
    f1: tuple[float, float, float]
    found: int
    true: int
    right: int


def score(found: set[Pair], true: set[Pair]) -> Scores:
    """Pairwise precision, recall and F1 with 95 % intervals."""
    right = found & true
    # pairs that share a registration stand or fall together, so that groups are drawn and not pairs
    leader = components(found | true)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for place, pairs in enumerate((right, found, true)):
        for a, _ in pairs:
            counts[leader[a]][place] += 1
    units = np.array([counts[name] for name in sorted(counts)] or [[0, 0, 0]])
    rng = np.random.default_rng(0)
    drawn = np.array([units[rng.integers(len(units), size=len(units))].sum(axis=0) for _ in range(RESAMPLES)])
    f1s = 2 * drawn[:, 0] / np.maximum(drawn[:, 1] + drawn[:, 2], 1)
    low, high = (float(value) for value in np.quantile(f1s, (0.025, 0.975)))
    f1 = 2 * len(right) / max(len(found) + len(true), 1)
    return Scores(
        wilson(len(right), len(found)), wilson(len(right), len(true)), (f1, low, high),
        len(found), len(true), len(right),
    )  # fmt: skip


def lead(ours: set[Pair], other: set[Pair], true: set[Pair]) -> tuple[float, float, float]:
    """By how much the F1 of `ours` is greater, with a 95 % interval: paired bootstrap over groups of registrations."""
    leader = components(ours | other | true)
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 5)
    for place, pairs in enumerate((ours & true, ours, other & true, other, true)):
        for a, _ in pairs:
            counts[leader[a]][place] += 1
    units = np.array([counts[name] for name in sorted(counts)] or [[0] * 5])
    rng = np.random.default_rng(0)
    drawn = np.array([units[rng.integers(len(units), size=len(units))].sum(axis=0) for _ in range(RESAMPLES)])

    def difference(sums: np.ndarray) -> np.ndarray:
        mine, yours = (2 * sums[:, at] / np.maximum(sums[:, at + 1] + sums[:, 4], 1) for at in (0, 2))
        found: np.ndarray = mine - yours
        return found

    low, high = np.quantile(difference(drawn), (0.025, 0.975))
    return float(difference(units.sum(axis=0, keepdims=True))[0]), float(low), float(high)


def wilson(right: int, of: int) -> tuple[float, float, float]:
    """A share with its 95 % interval."""
    if of == 0:
        return (0.0, 0.0, 1.0)
    share, z = right / of, 1.959964
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5 / (1 + z * z / of)
    return (share, max(middle - half, 0.0), min(middle + half, 1.0))


def components(pairs: Iterable[Pair]) -> dict[str, str]:
    """The first id of each connected component, for every id in it."""
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            leader[key] = key = leader[leader[key]]
        return key

    for a, b in pairs:
        one, other = sorted((find(a), find(b)))
        leader[other] = one
    return {key: find(key) for key in leader}


# --- what is compared, for Splink and dedupe

ASSERTED = ("alias", "mutual_id", "bridge", "secondary_id", "common_id", "utn", "ambiguous", "none")
"""How the ids of two registrations link them, as one more field beside those that `resolve` compares."""
KNOWN: dict[str, tuple[str, ...]] = {**features.LEVELS, "asserted": ASSERTED}


def compared(records: str, true: set[Pair]) -> Task:
    """What `resolve` compares: its candidate pairs, and those that ids link, with their levels; and random pairs."""
    with connection(records) as con:
        resolving.registrations(con)
        for statement in (resolving._TARGETS, resolving._NAMED, resolving._PAIRS):
            con.execute(statement)
        rarity = blocking.block(con)
        prepared = {key: features.prepare(profile, rarity) for key, profile in blocking.profiles(con).items()}
        linked = con.execute("SELECT key_a, key_b, CASE WHEN is_ambiguous THEN 'ambiguous' ELSE method END FROM pairs")
        asserted = {_ordered(a, b): how for a, b, how in linked.fetchall()}
        blocked = {_ordered(a, b) for a, b in con.execute("SELECT key_a, key_b FROM candidates").fetchall()}
    registers = {key: one.profile.register for key, one in prepared.items()}
    rng, keys = random.Random(0), sorted(prepared)
    drawn = {_ordered(*rng.sample(keys, 2)) for _ in range(RANDOM_PAIRS)}
    different = [(a, b) for a, b in sorted(drawn) if registers[a] != registers[b]]

    def levels(pairs: list[Pair]) -> Compared:
        values: dict[str, list[str]] = {field: [] for field in KNOWN}
        for a, b in pairs:
            found = features.compare(prepared[a], prepared[b], rarity).levels | {
                "asserted": asserted.get((a, b), "none")
            }
            for field, level in found.items():
                values[field].append(level)
        return Compared(pairs, values)

    return Task(levels(sorted(blocked | set(asserted))), levels(different), registers, true)


def _ordered(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


# --- what is run


class Setting(NamedTuple):
    """One generated collection, with or without its ids: where its Records lie, and which pairs are one trial."""

    records: Path
    true: set[Pair]


def prepare_settings(
    folder: Path, seed: int, trials: int, mess: Mapping[str, Any] = FROZEN["mess"]
) -> dict[bool, Setting]:
    """Generate a collection and write its Records as they are (False) and with all ids hidden (True)."""
    rows, truth = generated(folder / "sample", seed, trials, mess)
    write_records(rows, folder / "records.parquet")
    write_records(hide(rows), folder / "hidden.parquet")
    return {
        False: Setting(folder / "records.parquet", pairs_within(truth)),
        True: Setting(folder / "hidden.parquet", pairs_within({opaque(key): trial for key, trial in truth.items()})),
    }


def prepare(folder: Path, seed: int, trials: int, hidden: bool) -> Setting:
    """One of the two."""
    return prepare_settings(folder, seed, trials)[hidden]


def development(seed: int, trials: int, hidden: bool) -> None:
    """Score one collection; with what was missed and what was wrong, so that it can be looked at."""
    if seed == FROZEN["seed"]:
        raise SystemExit(f"Seed {seed} is kept for the last run. Give one of {FROZEN['development_seeds']}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = prepare(folder, seed, trials, hidden)
        begun = time.perf_counter()
        found = pairs_within(groups_of(str(made.records), folder / "tables"))
        seconds = time.perf_counter() - begun
        titles = connection(str(made.records)).execute(
            "SELECT id, register, any_value(public_title), any_value(scientific_title) FROM records GROUP BY ALL"
        )
        known = {identifiers.trial_key(id, register): (register, a, b) for id, register, a, b in titles.fetchall()}
    for kind, pairs in (("wrong", found - made.true), ("missed", made.true - found)):
        print(f"{kind}: {len(pairs)}")
        for a, b in sorted(pairs)[:20]:
            print(f"  {a} {known[a]}\n  {b} {known[b]}\n")
    figures = keys("resolve", "", score(found, made.true))
    print("\n".join(f"{key:<30} {value}" for key, value in figures.items()))
    print(f"resolve took {seconds:.1f} s")


RIVALS: dict[str, dict[str, Callable[[list[Task]], Scorer]]] = {
    "splink": {
        "u from random pairs": lambda labelled: rivals.splink(KNOWN, "random"),
        "u from candidates": lambda labelled: rivals.splink(KNOWN, "candidates"),
    },
    "dedupe": {
        "ordinal levels": lambda labelled: rivals.dedupe(KNOWN, "ordinal", labelled),
        "one-hot levels": lambda labelled: rivals.dedupe(KNOWN, "one-hot", labelled),
    },
}
"""What is run beside `resolve`, in each of the settings that were tried."""
TRIED = JUDGED / "resolution_tuning.json"
DEVELOPMENT_TRIALS = 3_000


class Development(NamedTuple):
    """A generated collection on which choices are made."""

    seed: int
    trials: int
    mess: dict[str, Any]


_ROUGH: dict[str, Any] = FROZEN["mess"] | {
    "typo_rate": 0.06, "dropped_secondary_id": 0.4, "mutual_secondary_id": 0.13, "reworded_title": 0.5,
    "drifting_date": 0.3, "drifting_date_days": 60, "status_lag": 0.15, "missing_field": 0.1, "doubled_entity": 0.04,
    "mojibake": 0.03,
}  # fmt: skip
_WILD: dict[str, Any] = FROZEN["mess"] | {
    "typo_rate": 0.12, "dropped_secondary_id": 0.6, "mutual_secondary_id": 0.1, "reworded_title": 0.75,
    "drifting_date": 0.55, "drifting_date_days": 120, "status_lag": 0.3, "missing_field": 0.2, "doubled_entity": 0.08,
    "mojibake": 0.08, "contact_in_text": 0.1, "lost_comparison_sign": 0.4,
}  # fmt: skip
LABELLED = (
    Development(11, DEVELOPMENT_TRIALS, FROZEN["mess"]),
    Development(12, DEVELOPMENT_TRIALS, FROZEN["mess"]),
    Development(16, FROZEN["trials"], _WILD),
    Development(17, FROZEN["trials"], _ROUGH),
)
"""From these dedupe and the weights of `resolve` are learnt. No mess is that of the frozen `messier`."""
CHOOSING = (
    Development(13, DEVELOPMENT_TRIALS, FROZEN["mess"]),
    Development(14, DEVELOPMENT_TRIALS, FROZEN["mess"]),
    Development(18, FROZEN["trials"], _WILD),
)
"""On these the settings of Splink and dedupe are chosen."""
FEATURES = "with secondary outcomes"
"""What was compared when a setting of the rivals was tried: another set of fields needs other thresholds."""


def development_settings(folder: Path, collection: Development) -> dict[bool, Setting]:
    """A development collection, with ids (False) and without (True)."""
    return prepare_settings(folder / str(collection.seed), *collection)


def development_tasks(folder: Path, collections: Iterable[Development]) -> dict[bool, list[Task]]:
    """What is compared in development collections, with ids (False) and without (True)."""
    tasks: dict[bool, list[Task]] = {False: [], True: []}
    for collection in collections:
        for hidden, made in development_settings(folder, collection).items():
            tasks[hidden].append(compared(str(made.records), made.true))
    return tasks


def tune(folder: Path) -> None:
    """Try every setting of the rivals on development collections, and write down what came of it."""
    tasks = development_tasks(folder, LABELLED + CHOOSING)
    tried = []
    for hidden, made in tasks.items():
        labelled, choosing = made[: len(LABELLED)], made[len(LABELLED) :]
        for name, settings in installed().items():
            for setting, train in settings.items():
                scorer = train(labelled)
                for guarded in (False, True):
                    threshold, f1 = rivals.best_threshold(scorer, choosing, guarded)
                    tried.append(
                        {"method": name, "ids": "hidden" if hidden else "given", "setting": setting,
                         "guarded": guarded, "threshold": round(threshold, 4), "f1": round(f1, 5), "features": FEATURES}
                    )  # fmt: skip
                    print(tried[-1], flush=True)
    before = json.loads(TRIED.read_text())
    document = {
        "what": before["what"],
        "versions": {name: metadata.version(name) for name in installed()},
        "tried": [*before["tried"], *tried],
    }
    _write_lines(TRIED, document, "tried")


def installed() -> dict[str, dict[str, Callable[[list[Task]], Scorer]]]:
    """The rivals that are installed."""
    return {name: settings for name, settings in RIVALS.items() if importlib.util.find_spec(name)}


def chosen(name: str, hidden: bool) -> dict[str, Any]:
    """The best of the settings that were tried."""
    ids = "hidden" if hidden else "given"
    tried = [one for one in json.loads(TRIED.read_text())["tried"] if (one["method"], one["ids"]) == (name, ids)]
    latest = tried[-1]["features"]
    tried = [one for one in tried if one["features"] == latest]
    best: dict[str, Any] = max(enumerate(tried), key=lambda item: (item[1]["f1"], item[0]))[1]
    return best


def frozen(folder: Path, scorers: Mapping[tuple[str, bool], Scorer]) -> dict[str, Any]:
    """Score `resolve`, and what is installed beside it, on the frozen collection, with ids and without."""
    figures: dict[str, Any] = {}
    for hidden, made in prepare_settings(folder, FROZEN["seed"], FROZEN["trials"]).items():
        suffix = "_hidden" if hidden else ""
        begun = time.perf_counter()
        found = pairs_within(groups_of(str(made.records), folder / f"tables{suffix}"))
        figures[f"resolve_seconds{suffix}"] = round(time.perf_counter() - begun, 1)
        figures |= keys("pair", suffix, score(found, made.true))
        beside = {name: scorer for (name, of_hidden), scorer in scorers.items() if of_hidden == hidden}
        if beside:
            task = compared(str(made.records), made.true)
            figures[f"candidate_pairs{suffix}"] = len(task.candidates.pairs)
            figures[f"candidate_recall{suffix}"] = len(set(task.candidates.pairs) & made.true) / len(made.true)
            for name, scorer in beside.items():
                setting = chosen(name, hidden)
                pairs = rivals.cluster(task, scorer(task), setting["threshold"], setting["guarded"])
                figures |= keys(name, suffix, score(pairs, made.true))
    log_run(figures)
    return figures


def more(folder: Path, name: str, hidden: bool, only: Collection[int] = ()) -> dict[str, Any]:
    """Score all methods on the seeds of a further frozen collection together; by how much `resolve` is ahead."""
    collection = MORE[name]
    seeds = [seed for seed in collection["seeds"] if seed in only or not only]
    mess = collection["mess"] if isinstance(collection["mess"], dict) else FROZEN["mess"]
    tasks = development_tasks(folder / "development", LABELLED)[hidden]
    scorers = {rival: settings[chosen(rival, hidden)["setting"]](tasks) for rival, settings in installed().items()}
    true: set[Pair] = set()
    found: dict[str, set[Pair]] = {method: set() for method in ("pair", *scorers)}
    for seed in seeds:
        made = prepare_settings(folder / str(seed), seed, collection["trials"], mess)[hidden]
        task = compared(str(made.records), made.true)
        pairs = {"pair": pairs_within(groups_of(str(made.records), folder / f"tables{seed}"))}
        for rival, scorer in scorers.items():
            setting = chosen(rival, hidden)
            pairs[rival] = rivals.cluster(task, scorer(task), setting["threshold"], setting["guarded"])
        true |= of_seed(seed, made.true)
        for method, some in pairs.items():
            found[method] |= of_seed(seed, some)
    figures = {"collection": name, "seeds": seeds} | compare_methods(found, true, hidden)
    log_run(figures)
    return figures


def of_seed(seed: int, pairs: Iterable[Pair]) -> set[Pair]:
    """Pairs of one collection, told from those of others that have the same ids."""
    return {(f"{seed} {a}", f"{seed} {b}") for a, b in pairs}


def compare_methods(found: Mapping[str, set[Pair]], true: set[Pair], hidden: bool) -> dict[str, Any]:
    """The scores of each method, and how far `pair` (this package) is ahead of each other one."""
    suffix = "_hidden" if hidden else ""
    figures: dict[str, Any] = {}
    for method, pairs in found.items():
        figures |= keys(method, suffix, score(pairs, true))
        if method != "pair":
            ahead = lead(found["pair"], pairs, true)
            figures[f"{method}_f1_behind{suffix}"] = [round(value, 4) for value in ahead]
    return figures


RUNS = JUDGED / "resolution_runs.json"


def log_run(figures: Mapping[str, Any]) -> None:
    """Write down that the frozen collection was scored, at which commit and with which outcome."""
    git = ["git", "-C", str(JUDGED), "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return  # not a checkout: nobody's record
    runs = json.loads(RUNS.read_text())["runs"] if RUNS.exists() else []
    kept = {
        key: value
        for key, value in figures.items()
        if key.startswith(("pair_", "collection", "seeds", "note", *RIVALS)) and "interval" not in key
    }
    document = {
        "what": "Every run on the frozen collections, in their order; without a name: that of resolution_frozen.json.",
        "runs": [*runs, {"commit": commit, **kept}],
    }
    _write_lines(RUNS, document, "runs")


def keys(name: str, suffix: str, scores: Scores) -> dict[str, Any]:
    """Scores as entries of a JSON document."""
    entries: dict[str, Any] = {}
    for what in ("precision", "recall", "f1"):
        value, low, high = getattr(scores, what)
        entries[f"{name}_{what}{suffix}"] = round(value, 4)
        entries[f"{name}_{what}{suffix}_interval"] = [round(low, 4), round(high, 4)]
    return entries | {f"{name}_found{suffix}": scores.found, f"{name}_true{suffix}": scores.true}


# --- real records


def real_records(data: Path, folder: Path) -> str:
    """Read the real registrations into Parquet files; where they lie, as a pattern."""
    files = ingest.find_inputs([data / "registries"])
    units = ingest.plan(files, folder, keep_contacts=False)
    for _ in engine.run(ingest.read_unit, units, engine.default_workers()):
        pass
    return str(folder / "records" / "*" / "*.parquet")


def real(records: str, folder: Path) -> tuple[dict[Pair, dict[str, Any]], dict[Pair, dict[str, Any]]]:
    """Pairs of registrations of two registers that `resolve` holds to be one study, and those that it refused.

    Each with the method, score and evidence of the link; a pair that only others connect has the method "through".
    """
    group_of = groups_of(records, folder)
    with connection(records) as con:
        con.execute(f"CREATE VIEW links AS SELECT * FROM read_parquet('{folder}/trial_links.parquet')")
        rows = con.execute(
            """SELECT id_a, register_a, id_b, register_b, method, score, is_accepted, reason, evidence FROM links
               WHERE register_a <> register_b ORDER BY is_accepted, score, id_a, id_b"""
        ).fetchall()
        register_of = {
            identifiers.trial_key(id, register): register
            for id, register in con.execute("SELECT DISTINCT id, register FROM records").fetchall()
        }
    refused: dict[Pair, dict[str, Any]] = {}
    found: dict[Pair, dict[str, Any]] = {
        (a, b): {"method": "through"} for a, b in pairs_within(group_of) if register_of[a] != register_of[b]
    }
    for id_a, register_a, id_b, register_b, method, value, is_accepted, reason, evidence in rows:
        pair = _ordered(identifiers.trial_key(id_a, register_a), identifiers.trial_key(id_b, register_b))
        said = {"method": method, "score": value, "reason": reason, "evidence": evidence}
        if pair in found and is_accepted:
            found[pair] = said
        elif pair not in found:
            refused[pair] = said
    return found, refused


BY_IDS = ("alias", "mutual_id", "bridge", "secondary_id", "common_id", "utn")


def real_figures(
    records: str, folder: Path, data: Path, scorers: Mapping[tuple[str, bool], Scorer], listing: Path | None
) -> dict[str, Any]:
    """How many pairs are found in real files, and how many of those that were judged are right."""
    found, refused = real(records, folder)
    if listing:
        lines = [{"a": a, "b": b, **said} for (a, b), said in sorted(found.items())]
        listing.write_text("".join(json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in lines))
    judged = {_ordered(one["a"], one["b"]): one for one in json.loads((JUDGED / "pairs.json").read_text())["pairs"]}
    methods = Counter("ids" if said["method"] in BY_IDS else said["method"] for said in found.values())
    figures: dict[str, Any] = {
        "real_pairs_found": len(found),
        "real_pairs_found_by": dict(sorted(methods.items())),
        "real_pairs_refused": len(refused),
    }
    figures |= _judged("real_pair", set(found), judged)
    for kind, by_ids in (("ids", True), ("similarity", False)):
        some = {pair for pair, said in found.items() if (said["method"] in BY_IDS) == by_ids}
        figures |= {k: v for k, v in _judged(f"real_pair_{kind}", some, judged).items() if "precision" in k}
    near = [judged[pair]["judged"] for pair in refused if pair in judged]
    figures |= _share("real_near_miss_same", near.count("same"), len(near) - near.count("cannot_tell"))
    figures |= into_value(data, found, records)
    if scorers:
        task = compared(records, set())
        for (name, hidden), scorer in scorers.items():
            if not hidden:
                setting = chosen(name, hidden)
                pairs = rivals.cluster(task, scorer(task), setting["threshold"], setting["guarded"])
                pairs = {(a, b) for a, b in pairs if task.registers[a] != task.registers[b]}
                figures[f"{name}_real_pairs_found"] = len(pairs)
                # those drawn for it stand for all that only it finds; the others were judged because others found them
                drawn = {pair for pair in pairs if judged.get(pair, {}).get("drawn") == name}
                figures |= _judged(f"{name}_real_pair", pairs - drawn, judged)
                alone = [judged[pair]["judged"] for pair in drawn]
                figures |= _share(f"{name}_real_pair_precision_of_not_judged", alone.count("same"), len(alone))
    return figures


def _judged(name: str, found: set[Pair], judged: Mapping[Pair, dict[str, Any]]) -> dict[str, Any]:
    """Precision over the judged pairs that were found, and which share of those judged to be the same was found."""
    verdicts = Counter(judged[pair]["judged"] for pair in found if pair in judged)
    same = {pair for pair, one in judged.items() if one["judged"] == "same"}
    return (
        _share(f"{name}_precision", verdicts["same"], verdicts["same"] + verdicts["different"])
        | {f"{name}_cannot_tell": verdicts["cannot_tell"], f"{name}_not_judged": len(found - set(judged))}
        | _share(f"{name}_recall_of_judged", len(same & found), len(same))
    )


def _share(name: str, right: int, of: int) -> dict[str, Any]:
    value, low, high = wilson(right, of)
    return {name: round(value, 4) if of else None, f"{name}_interval": [round(low, 4), round(high, 4)], f"{name}_n": of}


def into_value(data: Path, found: Mapping[Pair, Any], records: str) -> dict[str, Any]:
    """Cross-registrations that IntoValue found, where both registrations are here, and how many are found."""
    path = data / "links" / "intovalue_cross_registrations.csv.gz"
    if not path.exists():
        return {}
    with connection(records) as con:
        here = {
            identifiers.trial_key(id, register)
            for id, register in con.execute("SELECT DISTINCT id, register FROM records").fetchall()
        }
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        said = {
            _ordered(identifiers.trial_key(row["id"]), identifiers.trial_key(row["crossreg_trn"]))
            for row in csv.DictReader(file)
        }
    true = {(a, b) for a, b in said if a in here and b in here and a != b}
    return _share("intovalue_recall", len(true & set(found)), len(true))


def _write_lines(path: Path, document: dict[str, Any], last: str) -> None:
    """A JSON document whose last entry, a list, has one line for each item."""
    head = json.dumps({key: value for key, value in document.items() if key != last}, indent=1)[:-2]
    lines = ",\n".join(f"  {json.dumps(item)}" for item in document[last])
    path.write_text(f'{head},\n "{last}": [\n{lines}\n ]\n}}\n')


def benchmark(data: Path, records: str | None, listing: Path | None) -> dict[str, Any]:
    """Every figure: the frozen collection, and the real records where there are any."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scorers: dict[tuple[str, bool], Scorer] = {}
        if installed():
            for hidden, tasks in development_tasks(folder, LABELLED).items():
                for rival, settings in installed().items():
                    scorers[rival, hidden] = settings[chosen(rival, hidden)["setting"]](tasks)
        figures: dict[str, Any] = {
            "not_installed": sorted(set(RIVALS) - set(installed())),
            "versions": {rival: metadata.version(rival) for rival in installed()},
        }
        figures |= frozen(folder / "frozen", scorers)
        if records or (data / "registries").is_dir():
            figures |= real_figures(records or real_records(data, folder), folder / "real", data, scorers, listing)
        else:
            figures["real"] = f"skipped: no {data / 'registries'}"
    return figures


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--warehouse", type=Path, help="a warehouse of the real files, instead of reading them")
    parser.add_argument("--pairs", type=Path, help="list every pair found in real files here, with its evidence")
    parser.add_argument("--seed", type=int, help="score only this generated collection, for development")
    parser.add_argument("--trials", type=int, default=DEVELOPMENT_TRIALS)
    parser.add_argument("--hidden", action="store_true", help="with --seed: without ids")
    parser.add_argument("--tune", action="store_true", help="try the settings of Splink and dedupe again")
    parser.add_argument("--more", choices=MORE, help="score a further frozen collection (with --hidden: without ids)")
    parser.add_argument("--only", type=int, action="append", default=[], help="with --more: this seed; may be repeated")
    options = parser.parse_args()
    if options.more:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(more(Path(name), options.more, options.hidden, options.only), indent=1))
        return
    records = str(options.warehouse / "records" / "*" / "*.parquet") if options.warehouse else None
    if options.seed is not None:
        development(options.seed, options.trials, options.hidden)
        return
    if options.tune:
        with tempfile.TemporaryDirectory() as name:
            tune(Path(name))
        return
    figures = benchmark(options.data, records, options.pairs)
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{key:<40} {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
