"""How good the criteria and the domains of endpoints are, by judgements on drawn samples of real records.

    python benchmarks/_criteria.py draw WAREHOUSE [--seed N]    draw the samples (ids, offsets and hashes; no text)
    python benchmarks/_criteria.py score WAREHOUSE              score the judgements against what is said now
    python benchmarks/_criteria.py census WAREHOUSE             shares over all records

A sample is drawn record by record, uniformly, and within a record uniformly among its criteria or outcome measures. A
criterion is held by the code point where it began when it was drawn; whether it is split right, and whether its numbers
and its negation are right, was judged by reading the text. Figures come with Wilson intervals of 95 %.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import duckdb

from trialpanorama.link._criteria_split import split
from trialpanorama.link.criteria import FIELDS, Constraint, CriteriaParser
from trialpanorama.link.endpoints import EndpointLinker
from trialpanorama.ontologies._store import load

JUDGED = Path(__file__).parent / "judged"
_NAMES = tuple(name for name, _ in FIELDS)


def sha256(text: str) -> str:
    """The hash by which a text is recognised without being kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def wilson(right: int, of: int) -> str:
    """A share with its interval, as text."""
    if not of:
        return "-"
    z = NormalDist().inv_cdf(0.975)
    share = right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * ((share * (1 - share) + z * z / (4 * of)) / of) ** 0.5 / (1 + z * z / of)
    return f"{right}/{of} = {share:.3f} ({middle - half:.3f} to {middle + half:.3f})"


def records(warehouse: Path, columns: str) -> list[tuple[Any, ...]]:
    """Columns of all records, in a fixed order."""
    rows: list[tuple[Any, ...]] = duckdb.execute(
        f"select {columns} from read_parquet('{warehouse}/records/*/*.parquet') order by record_id"
    ).fetchall()
    return rows


def eligibility(warehouse: Path) -> dict[str, tuple[str | None, ...]]:
    """The texts of each record that has any, by record id."""
    rows = records(warehouse, f"record_id, source, register, id, {', '.join(_NAMES)}")
    return {row[0]: row[1:] for row in rows if any(row[4:])}


def measures(warehouse: Path) -> dict[str, tuple[Any, ...]]:
    """The outcome measures of each record that has any, by record id."""
    rows = records(warehouse, "record_id, source, register, id, [o.measure for o in outcomes]")
    return {row[0]: row[1:] for row in rows if row[4]}


def pieces(texts: tuple[str | None, ...]) -> Iterator[tuple[str, int, int, str]]:
    """The criteria of a record: field, start, end and text."""
    whole = texts[0]
    for (name, side), text in zip(FIELDS, texts, strict=True):
        if text and not (name != _NAMES[0] and whole and text in whole):
            for item in split(text, side):
                yield name, item.start, item.end, text[item.start : item.end]


def draw(warehouse: Path, seed: int) -> None:
    """Draw both samples and write them without judgements."""
    chance = random.Random(seed)
    texts = eligibility(warehouse)
    criteria: list[dict[str, Any]] = []
    for record_id in chance.sample(sorted(texts), 200):
        source, register, id, *said = texts[record_id]
        found = list(pieces(tuple(said)))
        if found and len(criteria) < 60:
            field, start, _, text = chance.choice(found)
            criteria.append(
                {
                    "source": source,
                    "register": register,
                    "id": id,
                    "record_id": record_id,
                    "field": field,
                    "start": start,
                    "sha256": sha256(text),
                }
            )
    outcomes = measures(warehouse)
    endpoints = []
    for record_id in chance.sample(sorted(outcomes), 120):
        source, register, id, said = outcomes[record_id]
        position = chance.randrange(len(said))
        endpoints.append(
            {
                "source": source,
                "register": register,
                "id": id,
                "record_id": record_id,
                "position": position + 1,
                "sha256": sha256(said[position]),
            }
        )
    write("criteria.json", "A sample of criteria of real records", seed, criteria)
    write("endpoints.json", "A sample of outcome measures of real records", seed, endpoints)


def write(name: str, what: str, seed: int, drawn: list[dict[str, Any]]) -> None:
    """One line for each judged thing."""
    lines = ",\n".join("  " + json.dumps(one, ensure_ascii=False) for one in drawn)
    (JUDGED / name).write_text(f'{{"what": "{what}", "seed": {seed}, "drawn": [\n{lines}\n]}}\n', encoding="utf-8")


def read(name: str) -> list[dict[str, Any]]:
    """The drawn things with their judgements."""
    drawn: list[dict[str, Any]] = json.loads((JUDGED / name).read_text(encoding="utf-8"))["drawn"]
    return drawn


def score(warehouse: Path) -> None:
    """Print how often what is said now agrees with the judgements."""
    concepts = load()
    linker = EndpointLinker(concepts)
    outcomes = measures(warehouse)
    for name in ("endpoints.json", "endpoints_later.json"):
        score_endpoints(linker, outcomes, name)
    parser = CriteriaParser(concepts)
    texts = eligibility(warehouse)
    splits = sides = negations = mentions = placed = 0
    told = read("criteria.json")
    for one in told:
        found = parser.parse(*texts[one["record_id"]][3:])
        start, end = one["criterion"] or (one["start"], one["start"])
        inside = [c for c in found if c.field == one["field"] and c.start <= start < max(c.end, c.start + 1)]
        if one["criterion"] is None:
            splits += not inside
            continue
        placed += 1
        # a full stop or semicolon more or less does not matter
        splits += any(c.start == start and abs(c.end - end) <= 2 for c in inside)
        sides += any(c.is_inclusion == one["is_inclusion"] for c in inside)
        for c in inside:
            for part in c.constraints:
                if start <= part.entity_start < end and part.kind not in ("age", "time", "other"):
                    mentions += 1
                    is_negated = any(part.entity_start <= place < part.entity_end for place in one["negated"])
                    negations += part.is_negated == is_negated
    print(f"criteria, split right:    {wilson(splits, len(told))}")
    print(f"criteria, side right:     {wilson(sides, placed)}")
    print(f"mentions, negation right: {wilson(negations, mentions)}")
    for name in ("criteria.json", "criteria_numbers.json"):
        score_limits(parser, texts, name)


def score_limits(parser: CriteriaParser, texts: dict[str, tuple[str | None, ...]], name: str) -> None:
    """Print how often the limits of a sample's criteria are right."""
    right = said = given = 0
    for one in read(name):
        start = one["start"]
        end = (one.get("criterion") or (start, start + 1))[1]
        found = parser.parse(*texts[one["record_id"]][3:])
        limits = {
            limit
            for c in found
            if c.field == one["field"] and c.start <= start < c.end
            for part in c.constraints
            if (part.entity_start <= end or "criterion" not in one) and (limit := limit_of(part)) is not None
        }
        meant = {tuple(limit) for limit in one.get("numbers", [])}
        right += len(meant & limits)
        said += len(meant)
        given += len(limits)
    print(f"{name}: limits that are said and given right: {wilson(right, said)}")
    print(f"  limits that are given and right:     {wilson(right, given)}")


def score_endpoints(linker: EndpointLinker, outcomes: dict[str, tuple[Any, ...]], name: str) -> None:
    """Print how often the domains of a sample's measures are right."""
    judged = [one for one in read(name) if "domain" in one]
    areas = {number: area_of(number) for number in range(1, 39)}
    told = found = right = first = area = missing = kept = none = 0
    for one in judged:
        said = outcomes.get(one["record_id"], (None, None, None, []))[3]
        text = said[one["position"] - 1] if len(said) >= one["position"] else ""
        if sha256(text) != one["sha256"]:
            missing += 1
            continue
        link = linker.link([text], [None])[0][0]
        number = int(link.concept_id.rpartition(":")[2]) if link.concept_id else None
        if one["domain"] is None:
            none += 1
            kept += number is None or number in one["also"]
            continue
        told += 1
        if number is not None:
            meant = [one["domain"], *one["also"]]
            found += 1
            first += number == one["domain"]
            right += number in meant
            area += areas[number] in {areas[domain] for domain in meant}
    print(f"{name}: {missing} of {len(judged)} are no longer as they were judged")
    print(f"  of those with a domain, given one: {wilson(found, told)}")
    print(f"  the first choice, of those given:  {wilson(first, found)}")
    print(f"  one that fits, of those given:     {wilson(right, found)}")
    print(f"  core area right, of those given:   {wilson(area, found)}")
    print(f"  one that fits, of all:             {wilson(right, told)}")
    print(f"  none given where none can be told: {wilson(kept, none)}")


def limit_of(part: Constraint) -> tuple[str | None, float | None, float | None, str | None] | None:
    """A constraint's limit as the judgements write it."""
    if part.time_value is not None:
        is_least = part.comparator in (">", ">=")
        value = part.time_value
        return part.comparator, value if is_least else None, None if is_least else value, part.time_unit
    if part.low is None and part.high is None:
        return None
    unit = "a" if part.kind == "age" and part.unit is None else part.unit
    return part.comparator, part.low, part.high, unit


def area_of(domain: int) -> str:
    """The core area of a domain of Dodd 2018."""
    if domain == 1:
        return "death"
    if domain <= 24:
        return "physiological"
    return "life impact" if domain <= 33 else "resource use" if domain <= 37 else "adverse events"


_VALUE = r"\d+(?:[.,]\d+)*"
_MEASURE = (
    r"(?:years?|months?|weeks?|days?|hours?|%|kg(?:/m2)?|mg(?:/dl)?|g/dl|mm(?:ol/l|hg)?|x\s?uln|ml/min|"
    r"/?(?:mm3|[uµ]l)|[iu]u?/l)"
)
_EXPRESSION = re.compile(
    rf"(?:[<>≤≥]\s?=?\s?|\b(?:at least|(?:more|less|greater|older|younger) than|over|under|above|"
    rf"below) ){_VALUE}\s?{_MEASURE}?|"
    rf"\b{_VALUE}\s?{_MEASURE}?\s?(?:-|–|to)\s?{_VALUE}\s?{_MEASURE}\b|\b{_VALUE}\s?{_MEASURE}\b",
    re.IGNORECASE,
)
"""What counts as a numeric expression; independent of how the parser finds them."""


def census(warehouse: Path) -> None:
    """Print shares over all records."""
    texts = eligibility(warehouse)
    chance = random.Random(20261121)
    both: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    number = 0
    for source, register, _, *said in texts.values():
        sides = set()
        for (_, side), text in zip(FIELDS, said, strict=True):
            for item in split(text, side) if text else []:
                sides.add(item.is_inclusion)
                number += 1
        named = str(register or source)
        all_of[named] += 1
        both[named] += {True, False} <= sides
    print(f"records: {len(texts)}; criteria a record: {number / len(texts):.1f}")
    print(f"records with both kinds: {wilson(sum(both.values()), len(texts))}")
    for register, count in all_of.most_common(12):
        print(f"  {register}: {wilson(both[register], count)}")
    parser = CriteriaParser(load())
    some = chance.sample(sorted(texts), min(1500, len(texts)))
    parsed = expressions = constraints = criteria = 0
    for found in parser.parse_many([tuple(texts[one][3:]) for one in some]):  # type: ignore[misc]
        for criterion in found:
            criteria += 1
            constraints += len(criterion.constraints)
            written = len(_EXPRESSION.findall(criterion.text))
            given = sum(
                one.low is not None or one.high is not None or one.time_value is not None
                for one in criterion.constraints
            )
            expressions += written
            parsed += min(written, given)
    print(f"of {len(some)} records: {constraints / criteria:.2f} constraints a criterion")
    print(f"numeric expressions given as limits: {wilson(parsed, expressions)}")


def main() -> None:
    """Draw, score or count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("draw", "score", "census"))
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--seed", type=int, default=20261121)
    said = parser.parse_args()
    if said.what == "draw":
        if any(
            "split" in one or "domain" in one
            for name in ("criteria.json", "endpoints.json")
            for one in (read(name) if (JUDGED / name).exists() else [])
        ):
            sys.exit("The samples are judged already; draw others elsewhere.")
        draw(said.warehouse, said.seed)
    elif said.what == "score":
        score(said.warehouse)
    else:
        census(said.warehouse)


if __name__ == "__main__":
    main()
