"""Draw the condition and drug mentions on which linking is judged; ids, positions and hashes, never text.

    python benchmarks/_mentions_sample.py WAREHOUSE

One Record per registration (the one last updated or exported, ties by record_id), then 300 entries of `conditions` and
300 of `interventions` that may be drugs, uniformly over such entries. The same warehouse gives the same sample.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from pathlib import Path
from typing import Any

SEED = 20261121
SIZE = 300
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


def draw(found: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """The sample of one field, as it is committed."""
    of_field = [mention for mention in found if mention["field"] == field]
    chosen = sorted(random.Random(f"{SEED} {field}").sample(range(len(of_field)), min(SIZE, len(of_field))))
    return [
        {key: of_field[n][key] for key in ("source", "register", "id", "record_id", "field", "position")}
        | {"sha256": sha256(of_field[n]["text"])}
        for n in chosen
    ]


def main() -> None:
    """Write benchmarks/judged/mentions_conditions.json and mentions_drugs.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse", type=Path)
    found = mentions(parser.parse_args().warehouse)
    judged = Path(__file__).parent / "judged"
    for field, name in (("conditions", "mentions_conditions"), ("interventions", "mentions_drugs")):
        sample = draw(found, field)
        population = sum(mention["field"] == field for mention in found)
        what = {"what": f"A uniform sample of {field}", "seed": SEED, "population": population, "mentions": sample}
        lines = ",\n  ".join(json.dumps(mention) for mention in sample)
        head = json.dumps({key: value for key, value in what.items() if key != "mentions"})[:-1]
        (judged / f"{name}.json").write_text(f'{head}, "mentions": [\n  {lines}\n]}}\n')
        print(f"{name}: {len(sample)} of {population}")


if __name__ == "__main__":
    main()
