"""The taxonomy of outcomes: built in, and from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialpanorama.errors import UserError
from trialpanorama.ontologies import install, load

AREAS = {"death": 1, "physiological-clinical": 23, "life-impact": 9, "resource-use": 4, "adverse-events": 1}
"""How many of the 38 domains each of the five areas has (Dodd 2018, table 3)."""


def _table(rows: list[str]) -> str:
    return "number,area,domain\n" + "".join(f"{row}\n" for row in rows)


def test_the_built_in_taxonomy_is_whole(tmp_path: Path) -> None:
    comet = load(tmp_path, only=["comet"])
    domains = [concept for concept in comet.all("outcome") if concept.parents]
    assert sorted(int(concept.attributes["number"]) for concept in domains) == list(range(1, 39))
    assert {area: sum(f"COMET:{area}" in domain.parents for domain in domains) for area in AREAS} == AREAS
    mortality = comet.get("COMET:1")
    assert mortality is not None
    assert mortality.name == "Mortality/survival"
    assert comet.ancestors("COMET:25") == [("COMET:life-impact", 1)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{n},Area,Domain {n}" for n in range(1, 30)], "has 29 domains, the taxonomy has 38"),
        ([f"{n},Area,Domain {n}" for n in [*range(1, 38), 37]], "no numbered domain"),
        (["one,Area,Domain"], "no numbered domain"),
        (["1,Area"], "cells in line 2"),
    ],
    ids=["short", "twice", "word", "cells"],
)
def test_a_table_that_is_not_whole_is_an_error(rows: list[str], message: str, tmp_path: Path) -> None:
    file = tmp_path / "domains.csv"
    file.write_text(_table(rows))
    with pytest.raises(UserError, match=f"domains.csv: .*{message}"):
        install([file], tmp_path / "store")
