"""How fast conditions and drugs are found in text, beside the bare search for the same names.

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

from trialpanorama.link.conditions import ConditionLinker
from trialpanorama.link.drugs import DrugLinker
from trialpanorama.ontologies import load


def real_texts(warehouse: Path, megabytes: float) -> tuple[list[str], list[str]]:
    """The criteria of a warehouse's registrations, and the names of their conditions."""
    import duckdb

    records = f"read_parquet('{warehouse / 'records' / '*' / '*.parquet'}', union_by_name = true)"
    query = f"""
        select coalesce(eligibility_criteria, inclusion_criteria), list_transform(conditions, lambda one: one.name)
        from (select * from {records} where kind = 'REGISTRATION' order by record_id)
    """
    criteria: list[str] = []
    names: list[str] = []
    size = 0.0
    with duckdb.connect() as connection:
        reader = connection.execute(query)
        while size < megabytes and (row := reader.fetchone()):
            criteria += [row[0]] if row[0] else []
            names += row[1] or []
            size += (len(row[0] or "") + sum(map(len, row[1] or []))) / 1e6
    return criteria, names


def real_interventions(warehouse: Path, megabytes: float) -> list[tuple[str, str | None]]:
    """The names and types of the interventions of the registrations that `real_texts` takes."""
    import duckdb

    records = f"read_parquet('{warehouse / 'records' / '*' / '*.parquet'}', union_by_name = true)"
    query = f"""
        select coalesce(eligibility_criteria, inclusion_criteria), list_transform(conditions, lambda one: one.name),
            list_transform(interventions, lambda one: [one.name, one.type])
        from (select * from {records} where kind = 'REGISTRATION' order by record_id)
    """
    names: list[tuple[str, str | None]] = []
    size = 0.0
    with duckdb.connect() as connection:
        reader = connection.execute(query)
        while size < megabytes and (row := reader.fetchone()):
            names += [(name, type) for name, type in row[2] or [] if name]
            size += (len(row[0] or "") + sum(map(len, row[1] or []))) / 1e6
    return names


def measure(criteria: Sequence[str], names: Sequence[str], linker: ConditionLinker) -> dict[str, float]:
    """Megabytes a second of each, and how many times as long as the bare search the linker takes."""
    import ahocorasick_rs

    linker.link(["wobbling xqzzy"])  # builds what is built once
    patterns = linker.names_in_text()
    bare = ahocorasick_rs.AhoCorasick([pattern.lower() for pattern in patterns])
    texts = [*criteria, *names]
    small, small_criteria = [text.lower() for text in texts], [text.lower() for text in criteria]
    matcher = linker.matcher()
    seconds = {
        "bare": _best(lambda: [bare.find_matches_as_indexes(text) for text in small]),
        "matcher": _best(lambda: matcher.find(texts)),
        "bare_criteria": _best(lambda: [bare.find_matches_as_indexes(text) for text in small_criteria]),
        "linker_criteria": _best(lambda: linker.find(criteria)),
        "linker_names": _best(lambda: linker.link(names), 1),
    }
    seconds["linker"] = seconds["linker_criteria"] + seconds["linker_names"]
    megabytes, of_criteria = sum(map(len, texts)) / 1e6, sum(map(len, criteria)) / 1e6
    return {
        "megabytes": round(megabytes, 2),
        "criteria_megabytes": round(of_criteria, 2),
        "condition_names": len(names),
        "patterns": len(patterns),
        "bare_megabytes_per_second": round(megabytes / seconds["bare"], 1),
        "matcher_megabytes_per_second": round(megabytes / seconds["matcher"], 1),
        "linker_megabytes_per_second": round(megabytes / seconds["linker"], 1),
        "linker_criteria_megabytes_per_second": round(of_criteria / seconds["linker_criteria"], 1),
        "condition_names_per_second": round(len(names) / seconds["linker_names"]),
        "matcher_to_bare": round(seconds["matcher"] / seconds["bare"], 2),
        "linker_to_bare_on_criteria": round(seconds["linker_criteria"] / seconds["bare_criteria"], 2),
        "linker_to_bare": round(seconds["linker"] / seconds["bare"], 2),
    }


def measure_drugs(
    criteria: Sequence[str], names: Sequence[tuple[str, str | None]], linker: DrugLinker
) -> dict[str, float]:
    """The same of the linker of drugs: `criteria` names only, as prose; `names` are interventions with their types.

    `whole_criteria` also looks for what only resembles a name, in texts short enough for it.
    """
    import ahocorasick_rs

    linker.link(["wobbling xqzzyvir 5 mg"], ["DRUG"])  # builds what is built once
    bare = ahocorasick_rs.AhoCorasick([name.lower() for name in linker.names_in_text()])
    texts, types = [text for text, _ in names], [type for _, type in names]
    small, small_criteria = [text.lower() for text in texts], [text.lower() for text in criteria]
    seconds = {
        "bare_criteria": _best(lambda: [bare.find_matches_as_indexes(text) for text in small_criteria]),
        "bare_names": _best(lambda: [bare.find_matches_as_indexes(text) for text in small]),
        "criteria": _best(lambda: linker.find(criteria)),
        "whole_criteria": _best(lambda: linker.link(criteria)),
        "names": _best(lambda: linker.link(texts, types), 1),
    }
    of_criteria = sum(map(len, criteria)) / 1e6
    bare_seconds = seconds["bare_criteria"] + seconds["bare_names"]
    return {
        "criteria_megabytes": round(of_criteria, 2),
        "intervention_names": len(names),
        "patterns": len(linker.names_in_text()),
        "criteria_megabytes_per_second": round(of_criteria / seconds["criteria"], 1),
        "whole_criteria_megabytes_per_second": round(of_criteria / seconds["whole_criteria"], 1),
        "intervention_names_per_second": round(len(names) / seconds["names"]),
        "criteria_to_bare": round(seconds["criteria"] / seconds["bare_criteria"], 2),
        "whole_criteria_to_bare": round(seconds["whole_criteria"] / seconds["bare_criteria"], 2),
        "linker_to_bare": round((seconds["criteria"] + seconds["names"]) / bare_seconds, 2),
        "whole_linker_to_bare": round((seconds["whole_criteria"] + seconds["names"]) / bare_seconds, 2),
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
    concepts = load(arguments.vocabularies)
    criteria, names = real_texts(arguments.warehouse, arguments.megabytes)
    figures = measure(criteria, names, ConditionLinker(concepts))
    of_drugs = real_interventions(arguments.warehouse, arguments.megabytes)
    drugs = measure_drugs(criteria, of_drugs, DrugLinker(concepts))
    figures |= {f"drug_{name}": figure for name, figure in drugs.items()}
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, figure in figures.items():
            print(f"{name:32} {figure}")


if __name__ == "__main__":
    main()
