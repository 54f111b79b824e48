"""Draw the condition and drug mentions on which linking is judged; ids, positions and hashes, never text.

    python benchmarks/_mentions_sample.py WAREHOUSE
    python benchmarks/_mentions_sample.py WAREHOUSE --second VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --third VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --fourth
    python benchmarks/_mentions_sample.py WAREHOUSE --fifth VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --sixth VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --seventh VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --sixth-conditions VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --other-conditions VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --other-drugs VOCABULARIES
    python benchmarks/_mentions_sample.py WAREHOUSE --keywords VOCABULARIES

One Record per registration (the one last updated or exported, ties by record_id), then 300 entries of `conditions` and
300 of `interventions` that may be drugs, uniformly over such entries. The same warehouse gives the same sample.

The second sample holds 150 further entries of each, drawn uniformly, and 100 distinct texts of those that the linkers
of the day leave without a concept (with the store VOCABULARIES; none that is set apart as no drug), shuffled together.
Which is which stands in a file of its own, so that the judge does not know. The same linkers give the same sample.

The third sample holds 100 distinct texts of conditions that the linker of its day leaves without a concept, none that
is in the other samples, and of those alone whose SHA-256 ends in an odd digit: the others were read while names and
words were added to the linker, these were not.

The fourth sample holds 200 entries of each kind, drawn uniformly from all that are in none of the other samples. It was
drawn before more names and rules were added. The fifth holds 100 distinct texts of conditions and 60 of interventions
that the linkers leave without a concept after that (none that is set apart as no drug), none of the other samples, of
those alone whose SHA-256 ends in an odd digit.

The sixth sample holds 100 distinct texts of interventions, drawn like the fifth after still more names and rules; the
seventh 60, drawn after what the sixth had shown was mended. The sixth of conditions holds 100 distinct texts, or all
that there are, drawn like the fifth after still more names, headings and rules; with it, without ids, go all names of
conditions in the data sets of trials' outcomes (in the data folder) that the warehouse lacks, that the linker leaves
without a concept and whose SHA-256 ends in an odd digit.

Two more were drawn before names were added that nobody took from any text, and judged before they were added: the
names of drugs in those data sets, likewise; and 150 keywords of registrations that are no name of a condition or an
intervention there, that neither linker gives a concept, nor the linker of drugs sets apart, and whose SHA-256 ends in
an odd digit.
"""

from __future__ import annotations

import argparse
import ast
import csv
import gzip
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 20261121
SIZE = 300
SECOND_SEED = 20261122
SECOND_SIZES = {"uniform": 150, "unlinked": 100}
THIRD_SEED = 20261123
THIRD_SIZE = 100
FOURTH_SEED = 20261124
FOURTH_SIZE = 200
FIFTH_SEED = 20261125
FIFTH_SIZES = {"condition": 100, "drug": 60}
SIXTH_SEED = 20261126
SIXTH_SIZES = {"drug": 100}
SEVENTH_SEED = 20261127
SEVENTH_SIZES = {"drug": 60}
NAMES = {"condition": "conditions", "drug": "drugs"}
FIELDS = {"condition": "conditions", "drug": "interventions"}
TYPES = ("DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT", "GENETIC", "DIETARY_SUPPLEMENT")
"""Intervention types that may name a drug; so may an entry without a type (the prose of ICTRP)."""

MENTIONS = """
with newest as (
    select * from read_parquet($records, union_by_name = true)
    where kind = 'REGISTRATION' and not coalesce(is_fictional, false)
    qualify row_number() over (
        partition by coalesce(register, source), id
        order by greatest(coalesce(last_updated_date.date, ''), coalesce(exported_date.date, '')) desc, record_id
    ) = 1
)
select source, coalesce(register, source) as register, id, record_id, 'conditions' as field, position,
       conditions[position].name as text, null as type
from newest, unnest(range(1, len(conditions) + 1)) as p(position)
union all
select source, coalesce(register, source), id, record_id, 'interventions', position,
       interventions[position].name, interventions[position].type
from newest, unnest(range(1, len(interventions) + 1)) as p(position)
where interventions[position].type is null or list_contains($types, interventions[position].type)
order by field, register, id, position
"""
"""Every mention of a registration's newest Record; `position` counts from 1 in the Record's list."""


def mentions(warehouse: Path) -> list[dict[str, Any]]:
    """All mentions of a warehouse in a fixed order, as source, register, id, record_id, field, position, text, type."""
    import duckdb

    cursor = duckdb.connect().execute(
        MENTIONS, {"records": str(warehouse / "records/*/*.parquet"), "types": list(TYPES)}
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sha256(text: str) -> str:
    """The hash that stands in the place of a mention's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def committed(mention: dict[str, Any]) -> dict[str, Any]:
    """A mention as it is committed."""
    of = {key: mention[key] for key in ("source", "register", "id", "record_id", "field", "position")}
    return of | {"sha256": sha256(mention["text"])}


def draw(found: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """The sample of one field, as it is committed."""
    of_field = [mention for mention in found if mention["field"] == field]
    chosen = sorted(random.Random(f"{SEED} {field}").sample(range(len(of_field)), min(SIZE, len(of_field))))
    return [committed(of_field[n]) for n in chosen]


def draw_second(
    found: list[dict[str, Any]], field: str, is_unlinked: Callable[[list[dict[str, Any]]], list[bool]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The second sample of one field, and the stratum of each of its mentions; `is_unlinked` asks a linker."""
    first = {(one["register"], one["id"], one["position"]) for one in draw(found, field)}
    others = [
        mention
        for mention in found
        if mention["field"] == field and (mention["register"], mention["id"], mention["position"]) not in first
    ]
    chance = random.Random(f"{SECOND_SEED} {field}")
    uniform = chance.sample(range(len(others)), min(SECOND_SIZES["uniform"], len(others)))
    taken = set(uniform)
    of_text: dict[str, int] = {}
    for n, unlinked in enumerate(is_unlinked(others)):
        if unlinked and n not in taken:
            of_text.setdefault(others[n]["text"], n)
    rest = sorted(of_text.values())
    unlinked_ones = chance.sample(rest, min(SECOND_SIZES["unlinked"], len(rest)))
    chosen = [(n, "uniform") for n in uniform] + [(n, "unlinked") for n in unlinked_ones]
    chance.shuffle(chosen)
    return [committed(others[n]) for n, _ in chosen], [stratum for _, stratum in chosen]


def write(path: Path, head: dict[str, Any], sample: list[dict[str, Any]]) -> None:
    """One line for each mention."""
    lines = ",\n  ".join(json.dumps(mention) for mention in sample)
    path.write_text(f'{json.dumps(head)[:-1]}, "mentions": [\n  {lines}\n]}}\n')


def second(found: list[dict[str, Any]], store: Path, judged: Path) -> None:
    """Write judged/mentions_conditions_2.json, mentions_drugs_2.json and mentions_2_strata.json."""
    import _mentions
    from trialpanorama.ontologies import load

    concepts = load(store)
    strata: dict[str, list[str]] = {}
    for kind, field, name in (("condition", "conditions", "conditions"), ("drug", "interventions", "drugs")):
        linker = _mentions.PACKAGE[kind](concepts)

        def is_unlinked(mentions: list[dict[str, Any]], linker: _mentions.Linker = linker) -> list[bool]:
            texts = sorted({_mentions.Text(one["text"], one["type"]) for one in mentions}, key=repr)
            answers = dict(zip(texts, linker(texts), strict=True))
            each = (answers[_mentions.Text(one["text"], one["type"])] for one in mentions)
            return [not answer.concepts and not answer.is_apart for answer in each]

        sample, strata[name] = draw_second(found, field, is_unlinked)
        write(
            judged / f"mentions_{name}_2.json",
            {"what": f"A second sample of {field}, in two strata", "seed": SECOND_SEED},
            sample,
        )
    (judged / "mentions_2_strata.json").write_text(json.dumps(strata) + "\n")


def third(found: list[dict[str, Any]], store: Path, judged: Path) -> None:
    """Write judged/mentions_conditions_3.json."""
    import _mentions
    from trialpanorama.ontologies import load

    earlier = {
        one["sha256"]
        for name in ("mentions_conditions.json", "mentions_conditions_2.json")
        for one in json.loads((judged / name).read_text())["mentions"]
    }
    of_text: dict[str, dict[str, Any]] = {}
    for mention in found:
        hashed = sha256(mention["text"])
        if mention["field"] == "conditions" and int(hashed[-1], 16) % 2 and hashed not in earlier:
            of_text.setdefault(mention["text"], mention)
    texts = sorted(of_text)
    answers = _mentions.condition_linker(load(store))([_mentions.Text(text) for text in texts])
    unlinked = [text for text, answer in zip(texts, answers, strict=True) if text.strip() and not answer.concepts]
    chosen = random.Random(f"{THIRD_SEED} conditions").sample(unlinked, min(THIRD_SIZE, len(unlinked)))
    write(
        judged / "mentions_conditions_3.json",
        {"what": "A third sample of conditions, left unlinked", "seed": THIRD_SEED, "population": len(unlinked)},
        [committed(of_text[text]) for text in chosen],
    )


def earlier(judged: Path, kind: str, last: int) -> list[dict[str, Any]]:
    """The mentions of the samples of a kind up to this one."""
    names = [f"mentions_{NAMES[kind]}.json", *(f"mentions_{NAMES[kind]}_{n}.json" for n in range(2, last + 1))]
    return [
        one for name in names if (judged / name).exists() for one in json.loads((judged / name).read_text())["mentions"]
    ]


def fourth(found: list[dict[str, Any]], judged: Path) -> None:
    """Write judged/mentions_conditions_4.json and mentions_drugs_4.json."""
    for kind, field in FIELDS.items():
        drawn = {(one["register"], one["id"], one["position"]) for one in earlier(judged, kind, 3)}
        others = [
            mention
            for mention in found
            if mention["field"] == field and (mention["register"], mention["id"], mention["position"]) not in drawn
        ]
        chosen = random.Random(f"{FOURTH_SEED} {field}").sample(others, min(FOURTH_SIZE, len(others)))
        write(
            judged / f"mentions_{NAMES[kind]}_4.json",
            {"what": f"A fourth, uniform sample of {field}", "seed": FOURTH_SEED, "population": len(others)},
            [*map(committed, chosen)],
        )


def unlinked(
    found: list[dict[str, Any]], store: Path, judged: Path, number: int, seed: int, sizes: dict[str, int]
) -> None:
    """Write judged/mentions_conditions_N.json and mentions_drugs_N.json, of texts that the linkers leave unlinked."""
    import _mentions
    from trialpanorama.ontologies import load

    concepts = load(store)
    for kind, size in sizes.items():
        field = FIELDS[kind]
        drawn = {one["sha256"] for one in earlier(judged, kind, number - 1)}
        of_text: dict[_mentions.Text, dict[str, Any]] = {}
        for mention in found:
            hashed = sha256(mention["text"])
            if (
                mention["field"] == field
                and int(hashed[-1], 16) % 2
                and hashed not in drawn
                and mention["text"].strip()
            ):
                of_text.setdefault(_mentions.Text(mention["text"], mention["type"]), mention)
        texts = sorted(of_text, key=repr)
        answers = _mentions.PACKAGE[kind](concepts)(texts)
        left = [
            text for text, answer in zip(texts, answers, strict=True) if not answer.concepts and not answer.is_apart
        ]
        chosen = random.Random(f"{seed} {field}").sample(left, min(size, len(left)))
        write(
            judged / f"mentions_{NAMES[kind]}_{number}.json",
            {"what": f"Sample {number} of {field}, left unlinked", "seed": seed, "population": len(left)},
            [committed(of_text[text]) for text in chosen],
        )


def in_outcomes(outcomes: Path, columns: tuple[str, ...]) -> set[str]:
    """The names in these columns of the data sets of trials' outcomes: a text, or a list as Python writes it."""
    names: set[str] = set()
    csv.field_size_limit(10**9)
    for path in sorted(outcomes.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                said = next((row[column] for column in columns if row.get(column)), "[]")
                names.update(ast.literal_eval(said) if said.startswith("[") else [said])
    return names


def other(found: list[dict[str, Any]], store: Path, judged: Path, kind: str, outcomes: Path) -> None:
    """Write the hashes of unlinked names that the warehouse lacks: judged/conditions_other.json or drugs_other.json."""
    import _mentions
    from trialpanorama.ontologies import load

    known = {mention["text"].lower() for mention in found if mention["field"] == FIELDS[kind]}
    names = in_outcomes(outcomes, {"condition": ("diseases", "condition"), "drug": ("drugs",)}[kind])
    texts = sorted(name for name in names if name.lower() not in known and int(sha256(name)[-1], 16) % 2)
    type = {"condition": None, "drug": "DRUG"}[kind]
    answers = _mentions.PACKAGE[kind](load(store))([_mentions.Text(text, type) for text in texts])
    left = [text for text, one in zip(texts, answers, strict=True) if not one.concepts and not one.is_apart]
    head = {"what": f"Names of {NAMES[kind]} of other data sets, left unlinked", "population": len(texts)}
    write(judged / f"{NAMES[kind]}_other.json", head, [{"sha256": sha256(text)} for text in left])


KEYWORDS = """
select distinct word from (
    select unnest(keywords) as word from read_parquet($records, union_by_name = true)
    where kind = 'REGISTRATION' and not coalesce(is_fictional, false)
)
where trim(word) <> '' order by word
"""
KEYWORDS_SEED = 20261128
KEYWORDS_SIZE = 150


def keywords(warehouse: Path, found: list[dict[str, Any]]) -> list[str]:
    """The keywords that name no condition or intervention of the warehouse and whose SHA-256 ends in an odd digit."""
    import duckdb

    known = {mention["text"].lower() for mention in found}
    rows = duckdb.connect().execute(KEYWORDS, {"records": str(warehouse / "records/*/*.parquet")}).fetchall()
    return [word for (word,) in rows if word.lower() not in known and int(sha256(word)[-1], 16) % 2]


def draw_keywords(warehouse: Path, found: list[dict[str, Any]], store: Path, judged: Path) -> None:
    """Write judged/keywords.json."""
    import _mentions
    from trialpanorama.ontologies import load

    concepts, texts = load(store), keywords(warehouse, found)
    conditions = _mentions.condition_linker(concepts)([_mentions.Text(text) for text in texts])
    drugs = _mentions.drug_linker(concepts)([_mentions.Text(text, "DRUG") for text in texts])
    left = [
        text
        for text, condition, drug in zip(texts, conditions, drugs, strict=True)
        if not condition.concepts and not drug.concepts and not drug.is_apart
    ]
    chosen = random.Random(KEYWORDS_SEED).sample(left, min(KEYWORDS_SIZE, len(left)))
    head = {"what": "Keywords left unlinked", "seed": KEYWORDS_SEED, "population": len(left)}
    write(judged / "keywords.json", head, [{"sha256": sha256(text)} for text in chosen])


def main() -> None:
    """Write benchmarks/judged/mentions_conditions.json and mentions_drugs.json, or those of a later sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--second", type=Path, metavar="VOCABULARIES", help="draw the second sample, with this store")
    parser.add_argument("--third", type=Path, metavar="VOCABULARIES", help="draw the third sample, with this store")
    parser.add_argument("--fourth", action="store_true", help="draw the fourth sample")
    parser.add_argument("--fifth", type=Path, metavar="VOCABULARIES", help="draw the fifth sample, with this store")
    parser.add_argument("--sixth", type=Path, metavar="VOCABULARIES", help="draw the sixth sample, with this store")
    parser.add_argument("--seventh", type=Path, metavar="VOCABULARIES", help="draw the seventh sample, with this store")
    parser.add_argument(
        "--sixth-conditions", type=Path, metavar="VOCABULARIES", help="draw the sixth sample of conditions"
    )
    parser.add_argument("--other-conditions", type=Path, metavar="VOCABULARIES", help="draw from the outcome data sets")
    parser.add_argument("--other-drugs", type=Path, metavar="VOCABULARIES", help="draw from the outcome data sets")
    parser.add_argument("--keywords", type=Path, metavar="VOCABULARIES", help="draw from the keywords")
    arguments = parser.parse_args()
    found = mentions(arguments.warehouse)
    judged = Path(__file__).parent / "judged"
    if arguments.fourth:
        return fourth(found, judged)
    if arguments.fifth:
        return unlinked(found, arguments.fifth, judged, 5, FIFTH_SEED, FIFTH_SIZES)
    if arguments.sixth:
        return unlinked(found, arguments.sixth, judged, 6, SIXTH_SEED, SIXTH_SIZES)
    if arguments.sixth_conditions:
        return unlinked(found, arguments.sixth_conditions, judged, 6, SIXTH_SEED, {"condition": 100})
    for kind, store in (("condition", arguments.other_conditions), ("drug", arguments.other_drugs)):
        if store:
            import _mentions

            return other(found, store, judged, kind, _mentions.DATA / "outcomes")
    if arguments.keywords:
        return draw_keywords(arguments.warehouse, found, arguments.keywords, judged)
    if arguments.seventh:
        return unlinked(found, arguments.seventh, judged, 7, SEVENTH_SEED, SEVENTH_SIZES)
    if arguments.third:
        return third(found, arguments.third, judged)
    if arguments.second:
        return second(found, arguments.second, judged)
    for field, name in (("conditions", "mentions_conditions"), ("interventions", "mentions_drugs")):
        sample = draw(found, field)
        population = sum(mention["field"] == field for mention in found)
        write(
            judged / f"{name}.json",
            {"what": f"A uniform sample of {field}", "seed": SEED, "population": population},
            sample,
        )
        print(f"{name}: {len(sample)} of {population}")


if __name__ == "__main__":
    main()
