"""The statements of sample sizes that were read by hand: what the file may hold, and where it points in real texts."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from trialpanorama.record import Record
from trialpanorama.sources.pmc import SOURCE

FILE = Path(__file__).resolve().parent.parent / "benchmarks" / "judged" / "power_statements.json"
DESIGNS = {
    *("two_means", "paired_means", "one_mean", "crossover_means", "cluster_means", "repeated_measures", "anova"),
    *("two_proportions", "paired_proportions", "one_proportion", "cluster_proportions", "survival", "correlation"),
    *("noninferiority_means", "noninferiority_proportions", "equivalence_means", "equivalence_proportions", "other"),
}
FRACTIONS = (
    *("alpha", "power", "proportion_1", "proportion_2", "risk_difference", "relative_reduction", "relative_difference"),
    *("event_probability", "event_rate_1", "event_rate_2", "correlation", "icc", "drop_out"),
)
POSITIVE = (
    *("sd", "sd_2", "effect_size", "hazard_ratio", "rate_months", "median_1", "median_2", "margin", "cluster_size"),
    *("between_cluster_cv", "design_effect", "allocation_ratio", "arms", "n_total", "n_per_arm", "n_events"),
    *("n_clusters", "follow_up_months"),
)


def _read() -> dict[str, Any]:
    file: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return file


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_statements_hold_values_in_range_and_no_text() -> None:
    file = _read()
    statements = file["statements"]
    assert len(statements) >= 75
    assert sum(one["complete"] for one in statements) >= 60
    assert len({one["id"] for one in statements}) == len(statements)
    for one in statements:
        assert set(one) == set(file["fields"]), one["id"]
        assert one["id"].startswith(one["pmcid"] + "#")
        assert int(one["pmcid"].removeprefix("PMC")) % 2 == 0, "odd articles are those that readers are written on"
        assert one["design"] in DESIGNS
        assert one["basis"] in {"planned", "given", "future"}
        assert one["sides"] in {None, 1, 2}
        assert one["effect_size_kind"] in {None, "cohen_d", "unnamed"}
        assert (one["effect_size"] is None) == (one["effect_size_kind"] is None)
        assert one["unit_asked"] in {"total", "per_arm", "events", "clusters"}
        assert 0 <= one["start"] < one["end"]
        assert all(one[field] is None or 0 < one[field] < 1 for field in FRACTIONS), one["id"]
        assert all(one[field] is None or one[field] > 0 for field in POSITIVE), one["id"]
        assert one["power"] is not None
        assert not (one["complete"] and one["design"] == "other")
        assert one["complete"] == (one["incomplete_because"] is None)
        assert one["gold"]["unit"] in {"total", "per_arm", "events"}
        assert one["gold"]["rule"] in {"final", "bare"}
        assert one["gold"]["value"] >= 5
        before = one["n_before_drop_out"]
        assert before is None or (before["value"] > 0 and before["unit"] in {"total", "per_arm"})
        if one["gold"]["rule"] == "final" and before and before["unit"] == one["gold"]["unit"]:
            assert before["value"] <= one["gold"]["value"]
        for other in (two for two in statements if two["id"] in one["overlaps"]):
            assert other["pmcid"] == one["pmcid"]
            assert one["id"] in other["overlaps"]
        # the longest string is a note in the reader's own words
        assert max(len(value) for value in one.values() if isinstance(value, str)) < 300


def test_every_article_that_was_read_has_statements_or_a_reason() -> None:
    file = _read()
    counted: dict[str, int] = {}
    for one in file["statements"]:
        counted[one["pmcid"]] = counted.get(one["pmcid"], 0) + 1
    for article in file["articles"]:
        assert article["statements"] == counted.pop(article["pmcid"], 0)
        assert article["statements"] or article["left_out"]
    assert not counted
    counts = file["counts"]
    assert counts["statements"] == len(file["statements"])
    assert counts["articles_read"] == len(file["articles"])
    assert counts["complete"] == sum(one["complete"] for one in file["statements"])


def test_real_statements_stand_where_the_file_says(shared_data: Path) -> None:
    places: dict[str, list[dict[str, Any]]] = {}
    for one in _read()["statements"]:
        places.setdefault(one["pmcid"], []).append(one)
    (jats,) = SOURCE.formats
    with zipfile.ZipFile(shared_data / "pubmed" / "pmc_jats_fulltext.zip") as archive:
        for name in archive.namelist():
            if statements := places.pop(Path(name).stem, []):
                (record,) = jats.read(io.BytesIO(archive.read(name)))
                assert isinstance(record, Record)
                assert record.paper is not None
                for one in statements:
                    text = record.paper.sections[one["section"]].text
                    assert _sha256(text) == one["section_sha256"], one["id"]
                    assert _sha256(text[one["start"] : one["end"]]) == one["statement_sha256"], one["id"]
    assert not places
