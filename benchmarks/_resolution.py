"""How well registrations of one study are found to be one: generated records with known truth, and real ones.

    python benchmarks/_resolution.py [--seed N --trials N [--hidden]]

With --seed, one generated collection is scored and nothing else is run: for development, on the seeds of
`judged/resolution_frozen.json`.

with ids   the records as they are
hidden     no id is left: secondary ids, protocol codes, aliases, references, web addresses and every registry number
           in a text are removed, and a registration's own id is replaced by one that says nothing

Scores are over pairs of registrations with different ids. Intervals are 95 %: of shares by Wilson, of F1 by bootstrap
over groups of registrations that truth or the method connects.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import numpy as np
from trialpanorama import identifiers, ingest, sample, sources
from trialpanorama.record import Record
from trialpanorama.resolve import resolve
from trialpanorama.warehouse import lines_table, write_parquet

JUDGED = Path(__file__).resolve().parent / "judged"
FROZEN = json.loads((JUDGED / "resolution_frozen.json").read_text())
RESAMPLES = 2_000

Pair = tuple[str, str]
Row = dict[str, Any]


# --- generated records


def generated(folder: Path, seed: int, trials: int) -> tuple[list[Row], dict[str, str]]:
    """The Records of a generated collection, and the trial of each registration's id."""
    sample.write(folder, trials, seed, sample.Mess(**FROZEN["mess"]))
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
    return row.get("kind", "REGISTRATION") == "REGISTRATION"


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


# --- what is run


class Setting(NamedTuple):
    """One generated collection, with or without its ids: where its Records lie, and which pairs are one trial."""

    records: Path
    true: set[Pair]


def prepare(folder: Path, seed: int, trials: int, hidden: bool) -> Setting:
    """Generate a collection and write its Records as one Parquet file."""
    rows, truth = generated(folder / "sample", seed, trials)
    if hidden:
        rows, truth = hide(rows), {opaque(key): trial for key, trial in truth.items()}
    write_records(rows, folder / "records.parquet")
    return Setting(folder / "records.parquet", pairs_within(truth))


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
    for name, pairs in (("wrong", found - made.true), ("missed", made.true - found)):
        print(f"{name}: {len(pairs)}")
        for a, b in sorted(pairs)[:20]:
            print(f"  {a} {known[a]}\n  {b} {known[b]}\n")
    _show(score(found, made.true))
    print(f"resolve took {seconds:.1f} s")


def _show(scores: Scores) -> None:
    for name in ("precision", "recall", "f1"):
        value, low, high = getattr(scores, name)
        print(f"{name:<10} {value:.4f} [{low:.4f}, {high:.4f}]")
    print(f"{scores.right} right of {scores.found} found; {scores.true} are true")


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--hidden", action="store_true")
    options = parser.parse_args()
    if options.seed is not None:
        development(options.seed, options.trials, options.hidden)


if __name__ == "__main__":
    main()
