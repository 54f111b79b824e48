"""How fast conditions are found in text, beside the bare search for the same names.

    python benchmarks/_matching.py WAREHOUSE [--megabytes 5] [--json]

In one run, on the same texts (the criteria and condition names of a warehouse, in the order of the records' ids) and
with the same names: `bare` is the default call of ahocorasick_rs (`AhoCorasick(names).find_matches_as_indexes(text)`,
text by text, in small letters beforehand); `matcher` also keeps whole words, the longest at each place and the capitals
of abbreviations; `linker` is all of it, from texts to links with negation and defined abbreviations, by a linker that
has seen no name before. It is also measured on the criteria and on the names alone: a name goes through its whole
cascade, which no bare search does. Megabytes are millions of code points; figures are of processor time, since other
work on the machine would count in wall time, and the best of three where the first answer is not kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trialpanorama.link.conditions import LONG_TEXT, ConditionLinker
from trialpanorama.ontologies import load


def real_texts(warehouse: Path, megabytes: float) -> list[str]:
    """Texts of a warehouse's registrations: of each the whole criteria, then the names of its conditions."""
    import duckdb

    records = f"read_parquet('{warehouse / 'records' / '*' / '*.parquet'}', union_by_name = true)"
    query = f"""
        select unnest(
            [coalesce(eligibility_criteria, inclusion_criteria)] || list_transform(conditions, lambda one: one.name)
        ) from (select * from {records} where kind = 'REGISTRATION' order by record_id)
    """
    texts: list[str] = []
    size = 0.0
    with duckdb.connect() as connection:
        reader = connection.execute(query)
        while size < megabytes and (row := reader.fetchone()):
            if row[0]:
                texts.append(row[0])
                size += len(row[0]) / 1e6
    return texts


def measure(texts: Sequence[str], linker: ConditionLinker) -> dict[str, float]:
    """Megabytes a second of each, and how many times as long as the bare search the linker takes."""
    import ahocorasick_rs

    linker.link(["x" * 1000, "wobbling xqzzy"])  # builds what is built once
    names = linker.names_in_text()
    bare = ahocorasick_rs.AhoCorasick([name.lower() for name in names])
    small = [text.lower() for text in texts]
    matcher = linker.matcher()
    megabytes = sum(map(len, texts)) / 1e6
    seconds = {
        "bare": _best(lambda: [bare.find_matches_as_indexes(text) for text in small]),
        "matcher": _best(lambda: matcher.find(texts)),
    }
    prose = [text for text in texts if len(text) > LONG_TEXT]
    names_only = [text for text in texts if len(text) <= LONG_TEXT]
    small_prose = [text.lower() for text in prose]
    bare_prose = _best(lambda: [bare.find_matches_as_indexes(text) for text in small_prose])
    linker_prose = _best(lambda: linker.link(prose))
    linker_names = _best(lambda: linker.link(names_only), 1)
    seconds["linker"] = linker_prose + linker_names
    figures = {f"{name}_megabytes_per_second": round(megabytes / spent, 1) for name, spent in seconds.items()}
    return {
        "megabytes": round(megabytes, 2),
        "texts": len(texts),
        "names": len(names),
        **figures,
        "matcher_to_bare": round(seconds["matcher"] / seconds["bare"], 2),
        "linker_to_bare": round(seconds["linker"] / seconds["bare"], 2),
        "linker_to_bare_on_criteria": round(linker_prose / bare_prose, 2),
        "condition_names_per_second": round(len(names_only) / linker_names),
    }


def _best(run: Callable[[], object], repeats: int = 3) -> float:
    spent = []
    for _ in range(repeats):
        before = time.process_time()
        run()
        spent.append(time.process_time() - before)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--vocabularies", type=Path, help="folder of installed vocabularies")
    parser.add_argument("--megabytes", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    linker = ConditionLinker(load(arguments.vocabularies))
    figures = measure(real_texts(arguments.warehouse, arguments.megabytes), linker)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, figure in figures.items():
            print(f"{name:32} {figure}")


if __name__ == "__main__":
    main()
