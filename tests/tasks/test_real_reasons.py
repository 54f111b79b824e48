"""The reason rules against judgements of sponsors' own words, which were read without knowing what the rules say.

The judged words are kept as hashes. First sample: 90 drawn at random from stopped trials of ClinicalTrials.gov, 40 from
the TOP benchmark, none of them looked at while the rules were written. Second: all 387 distinct words that the first
left of these files, judged when the rules stood; `benchmarks/stop_reasons.py` gives the figures.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialpanorama.tasks.trial_completion import REASONS, reason_of


def words(folder: Path) -> Iterator[str]:
    registry = folder / "registries" / "clinicaltrials_gov"
    for name in ("AllPublicXML_part.zip", "edge_cases_xml.zip"):
        with zipfile.ZipFile(registry / name) as archive:
            for info in archive.infolist():
                for found in re.findall(rb"<why_stopped>(.*?)</why_stopped>", archive.read(info), re.DOTALL):
                    yield html.unescape(found.decode("utf-8", "replace"))
    for path in (*registry.glob("*.json.zip"), *registry.glob("aact*.zip")):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield from _json_words(archive.read(info))
    for path in (*registry.glob("*.json.gz"), *registry.glob("*.json")):
        yield from _json_words(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    csv.field_size_limit(10**8)
    for path in sorted((folder / "outcomes").glob("top_*.csv.gz")):
        for row in csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))):
            yield (row.get("why_stop") or "").lower()


def _json_words(content: bytes) -> Iterator[str]:
    for found in re.findall(rb'"[wW]hyStopped"\s*:\s*("(?:[^"\\]|\\.)*")', content):
        yield json.loads(found)


def judged(sample: str) -> dict[str, str]:
    """The classes that a reader gave to a sample's words (reasons_judged, reasons_judged_2), by the words' hash."""
    file = json.loads((Path(__file__).parent / f"{sample}.json").read_text(encoding="utf-8"))
    classes: dict[str, str] = file.get("judged", file)
    return classes


def found(folder: Path, classes: dict[str, str]) -> dict[str, str]:
    """The judged words that stand in the real files, by their hash."""
    folded = (" ".join(said.split()) for said in words(folder))
    hashed = ((hashlib.sha256(said.encode()).hexdigest()[:16], said) for said in folded)
    return {key: said for key, said in hashed if key in classes}


# the second sample has many words that name no reason, on which the rules are weakest
@pytest.mark.parametrize(("sample", "least"), [("reasons_judged", 0.88), ("reasons_judged_2", 0.83)])
def test_real_words_are_classed_as_a_reader_classes_them(sample: str, least: float, shared_data: Path) -> None:
    classes = judged(sample)
    assert set(classes.values()) == set(REASONS)
    said = found(shared_data, classes)
    assert len(said) >= 0.95 * len(classes)
    wrong = [(said[key], classes[key], reason_of(said[key])) for key in said if reason_of(said[key]) != classes[key]]
    assert 1 - len(wrong) / len(said) >= least, wrong


def test_two_readers_class_words_alike() -> None:
    first = judged("reasons_judged")
    second = json.loads((Path(__file__).parent / "reasons_judged_2.json").read_text(encoding="utf-8"))
    again = second["reread_of_the_first"]
    assert set(again) == set(first)
    assert not set(first) & set(second["judged"])
    assert set(second["unsure"]) <= set(second["judged"])
    assert sum(again[key] == first[key] for key in first) >= 0.95 * len(first)
