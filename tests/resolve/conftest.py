"""Registrations that say enough to be compared, and what resolving them gives."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trialpanorama.record import Condition, Country, Identifier, Intervention, Outcome, PartialDate, Record, Sponsor
from trialpanorama.resolve import resolve
from trialpanorama.warehouse import records_table

Study = Callable[..., Record]
Resolved = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def study() -> Study:
    """Makes a registration of one and the same study, but for what is given."""

    def make(id: str, register: str, *named: Identifier, **changes: Any) -> Record:
        fields: dict[str, Any] = {
            "public_title": "Zarvolimab for glowing fever in Fictionland",
            "scientific_title": "A randomised placebo controlled study of zarvolimab in adults with glowing fever",
            "sponsors": [Sponsor("Fictional University of Fairport")],
            "conditions": [Condition("Glowing fever")],
            "interventions": [Intervention("Zarvolimab"), Intervention("Placebo")],
            "outcomes": [Outcome("PRIMARY", "Days with glow at week 12")],
            "enrollment_target": 120,
            "start_date": PartialDate("2090-03-01"),
            "countries": [Country("France")],
            "phases": ["PHASE3"],
            "study_type": "INTERVENTIONAL",
            "allocation": "RANDOMIZED",
            "sex": "ALL",
            "record_id": f"{register}:{id}",
        }
        return Record(
            id=id, register=register, source="clinicaltrials_gov" if register == "clinicaltrials_gov" else "ictrp",
            licence="free", identifiers=list(named), **fields | changes,
        )  # fmt: skip

    return make


@pytest.fixture
def crowd(study: Study) -> list[Record]:
    """Other studies, so that some words are common and others are not."""
    subjects = ("humming knee", "silver cough", "paper elbow", "velvet ear", "marble toe", "copper nose")
    drugs = ("quenolast", "birotane", "sumicept", "dralozine", "vexomab", "tilorast")
    return [
        study(
            f"NCT990001{number:02d}", "clinicaltrials_gov",
            public_title=f"{drug.title()} for {subject}",
            scientific_title=f"A study of {drug} in adults with {subject}",
            conditions=[Condition(subject)], interventions=[Intervention(drug)], enrollment_target=31 + number,
            sponsors=[Sponsor(f"Fictional Hospital of {drug}")],
            start_date=PartialDate(f"2085-{1 + number % 12:02d}-09"),
            outcomes=[Outcome("PRIMARY", f"Pain of the {subject}")],
        )
        for number, (subject, drug) in enumerate((s, d) for s in subjects for d in drugs)
    ]  # fmt: skip


@pytest.fixture
def resolved(tmp_path: Path) -> Iterator[Resolved]:
    """Resolves Records in a random order, and gives a connection to the outcome."""
    opened = []

    def run(records: Sequence[Record], folder: str = "now", seed: int = 0, **given: Any) -> duckdb.DuckDBPyConnection:
        shuffled = list(records)
        random.Random(seed).shuffle(shuffled)
        out = tmp_path / folder
        out.mkdir(exist_ok=True)
        con = duckdb.connect()
        opened.append(con)
        con.execute("SET threads = 1")
        con.register("records", records_table(shuffled))
        con.execute("CREATE TABLE source_licences AS FROM (VALUES ('clinicaltrials_gov', true)) t(source, is_open)")
        if given.get("previous"):
            given["previous"] = tmp_path / given["previous"]
        for name in resolve(con, out, **given):
            con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM '{out}/{name}.parquet'")
        return con

    yield run
    for con in opened:
        con.close()
