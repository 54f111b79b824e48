"""Resolution of fictional registries, held against what is known to be true of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest

from trialpanorama.identifiers import trial_key
from trialpanorama.warehouse import Warehouse

Pair = tuple[str, str]


@pytest.mark.slow
def test_all_that_ids_can_join_is_joined_and_nothing_else(resolved_sample: Path) -> None:
    truth = json.loads((resolved_sample / "sample" / "truth.json").read_text())["trials"]
    with Warehouse.open(resolved_sample / "warehouse").connect() as con:
        rows = con.execute(
            "SELECT id, register, study_id FROM records JOIN trial_records USING (record_id) WHERE register <> 'pubmed'"
        ).fetchall()
    found = {trial_key(id, register): study for id, register, study in rows}
    keys = {trial["trial"]: {trial_key(record["id"]) for record in trial["records"]} for trial in truth}

    def pairs(groups: Iterable[set[str]]) -> set[Pair]:
        return {pair for group in groups for pair in combinations(sorted(group), 2)}

    joined = pairs({key for key in found if found[key] == study} for study in set(found.values()))
    same = pairs(keys.values())
    reachable = pairs(
        group
        for trial in truth
        for group in _connected(
            keys[trial["trial"]], [(trial_key(a["by"]), trial_key(a["id"])) for a in trial["asserted_ids"]]
        )
    )
    assert set().union(*keys.values()) == set(found)
    assert joined - same == set()
    assert reachable - joined == set()
    assert len(reachable) > 50
    assert any(trial["extension_of"] for trial in truth)


def _connected(keys: set[str], edges: list[Pair]) -> list[set[str]]:
    groups = [{key} for key in keys]
    for edge in edges:
        touched = [group for group in groups if group & set(edge)]
        groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    return groups
