"""The reason rules against judgements of sponsors' own words, which were read without knowing what the rules say.

The judged words are kept as hashes: 90 drawn at random from stopped trials of ClinicalTrials.gov, 40 from the TOP
benchmark, none of them looked at while the rules were written.
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

from trialpanorama.tasks.trial_completion import REASONS, reason_of


def _words(folder: Path) -> Iterator[str]:
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


def test_real_words_are_classed_as_a_reader_classes_them(shared_data: Path) -> None:
    judged: dict[str, str] = json.loads((Path(__file__).parent / "reasons_judged.json").read_text())
    assert set(judged.values()) == set(REASONS)
    found: dict[str, tuple[str, str]] = {}
    for words in _words(shared_data):
        folded = " ".join(words.split())
        key = hashlib.sha256(folded.encode()).hexdigest()[:16]
        if key in judged:
            found[key] = (folded, judged[key])
    assert len(found) >= 0.95 * len(judged)
    wrong = [(words, reason, reason_of(words)) for words, reason in found.values() if reason_of(words) != reason]
    assert 1 - len(wrong) / len(found) >= 0.88, wrong
