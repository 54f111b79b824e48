"""How much slower ClinicalTrials.gov is read into Records than its bytes are merely parsed, on one core.

    python benchmarks/ingest.py [FOLDER] [--rounds N] [--trials N]

FOLDER holds legacy XML or API v2 JSON, as files, .gz or .zip; without one, a fictional sample of N trials is written
and read. All measures are taken in one process, in turn, piece by piece and round after round, in CPU seconds, and the
least of each piece counts, so that other load on the machine weighs little and on all alike. The Records are dropped.

bare parse    legacy XML: lxml without id collection and blank text; JSON: msgspec into the reader's own types
hash          SHA-256 of every entry, its provenance
take out      legacy XML: tag and text of every element, once; JSON: cut sets into studies, take the API's escapes away
fold          legacy XML: white space of those texts (JSON: comes folded)
read          the whole reader: cutting, hashing, parsing, folding text and words, dates, posted results

The first four are done with no field of a Record filled; their sum over the bare parse is printed as the floor.
The ratio depends on how the interpreter was built: one without profile-guided optimisation (as pyenv builds it unless
told otherwise) is a tenth slower at everything but the bare parse, which is C of the libraries' own.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import platform
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from lxml import etree

from trialpanorama import sample
from trialpanorama.record import Record
from trialpanorama.sources import HEAD_BYTES, clinicaltrials_gov
from trialpanorama.sources._clinicaltrials_gov import Study
from trialpanorama.sources._reading import Entry, fold, json_values, unwrap

LIMITS = {"legacy-xml": 2.5, "api-v2-json": 2.0}
"""How many times the bare parse the reader may take."""


def contents(folder: Path) -> Iterator[bytes]:
    """The content of every file below the folder, out of its archive."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield from (archive.read(member) for member in archive.infolist() if not member.is_dir())
        elif path.is_file():
            data = path.read_bytes()
            yield gzip.decompress(data) if path.suffix == ".gz" else data


def parse_xml(documents: Iterable[bytes]) -> None:
    """What any reader of XML has to do at least."""
    parser = etree.XMLParser(collect_ids=False, remove_blank_text=True)
    for document in documents:
        etree.fromstring(document, parser)


def decode_json(documents: Iterable[bytes]) -> None:
    """What any typed reader of JSON has to do at least."""
    one = msgspec.json.Decoder(Study)
    many = msgspec.json.Decoder(list[Study])
    lines = one.decode_lines
    for document in documents:
        if is_one(document):
            one.decode(document)
        elif document.lstrip().startswith(b"["):
            many.decode(document)
        else:
            lines(document)


def take_out_of_xml(documents: Iterable[bytes]) -> None:
    """Parse, and take tag and text of every element out of the tree."""
    parser = etree.XMLParser(collect_ids=False, remove_blank_text=True)
    for document in documents:
        for element in etree.fromstring(document, parser).iter():
            _ = element.tag, element.text


def fold_xml(documents: Iterable[bytes]) -> None:
    """The same, and fold the white space of the texts: of several lines, or of one."""
    parser = etree.XMLParser(collect_ids=False, remove_blank_text=True)
    for document in documents:
        for element in etree.fromstring(document, parser).iter():
            if element.tag is not etree.Comment and (text := element.text):
                unwrap(text) if "\n" in text else fold(text)


def is_one(document: bytes) -> bool:
    """Whether a JSON document is a single study."""
    return not document.lstrip().startswith(b"[") and b'\n{"protocolSection"' not in document


def take_out_of_json(documents: Iterable[bytes]) -> None:
    """Cut sets into studies, and take the escapes away."""
    for document in documents:
        entries = [Entry(document, 1)] if is_one(document) else json_values(io.BytesIO(document), ("studies",))
        for entry in entries:
            if isinstance(entry, Entry):
                clinicaltrials_gov._ESCAPE.sub(b"", entry.data)


def hash_all(documents: Iterable[bytes]) -> None:
    """The provenance of every entry."""
    for document in documents:
        hashlib.sha256(document, usedforsecurity=False).digest()


def read_all(format: str, documents: Iterable[bytes]) -> int:
    """Read everything with the reader; how many Records there were."""
    (reader,) = (f.read for f in clinicaltrials_gov.SOURCE.formats if f.name == format)
    return sum(isinstance(outcome, Record) for document in documents for outcome in reader(io.BytesIO(document)))


def least_seconds(
    documents: list[bytes], measures: dict[str, Callable[[list[bytes]], object]], rounds: int
) -> dict[str, float]:
    """CPU seconds of each measure: small pieces are measured in turn, and the least of each piece is summed."""
    total = dict.fromkeys(measures, 0.0)
    for piece in pieces(documents):
        least = dict.fromkeys(measures, float("inf"))
        for _ in range(rounds):
            for name, measure in measures.items():
                begun = time.process_time()
                measure(piece)
                least[name] = min(least[name], time.process_time() - begun)
        for name, seconds in least.items():
            total[name] += seconds
    return total


def pieces(documents: list[bytes], least_bytes: int = 500_000) -> Iterator[list[bytes]]:
    """Documents in groups of at least so many bytes: some hundredths of a second, in which little else happens."""
    piece: list[bytes] = []
    size = 0
    for document in documents:
        piece.append(document)
        size += len(document)
        if size >= least_bytes:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def report(format: str, documents: list[bytes], rounds: int) -> None:
    """Measure one format and print its table."""
    records = read_all(format, documents)
    parse = parse_xml if format == "legacy-xml" else decode_json
    measures: dict[str, Callable[[list[bytes]], object]]
    measures = {"bare parse": parse, "hash": hash_all, "read": lambda piece: read_all(format, piece)}
    is_xml = format == "legacy-xml"
    measures |= {"take out": take_out_of_xml, "fold": fold_xml} if is_xml else {"take out": take_out_of_json}
    seconds = least_seconds(documents, measures, rounds)
    size = sum(map(len, documents)) / 1e6
    whole, bare = seconds["read"], seconds["bare parse"]
    parts = {"bare parse": bare, "hash": seconds["hash"], "take out": seconds["take out"] - (bare if is_xml else 0)}
    if is_xml:
        parts["fold"] = seconds["fold"] - seconds["take out"]
    floor = sum(parts.values())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{format}: {records:,} records, {size:,.1f} MB, least of {rounds} rounds, {python}")
    for name, part in [*parts.items(), ("make the Record", whole - floor)]:
        print(f"  {name:<16} {part:8.3f} s  {part / whole:6.1%}")
    print(f"  {'read':<16} {whole:8.3f} s  {records / whole:,.0f} records/s, {size / whole:,.0f} MB/s")
    print(f"  read / bare parse = {whole / bare:.2f} (wanted: {LIMITS[format]} or less; floor: {floor / bare:.2f})")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--trials", type=int, default=3_000)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder
        if folder is None:
            folder = Path(temporary)
            sample.write(folder, trials=chosen.trials, seed=1)
            print(f"a sample of {chosen.trials:,} fictional trials")
        found: dict[str, list[bytes]] = {}
        for data in contents(folder):
            for format in clinicaltrials_gov.SOURCE.formats:
                if format.name in LIMITS and format.recognise(data[:HEAD_BYTES]):
                    found.setdefault(format.name, []).append(data)
    for name, documents in sorted(found.items()):
        report(name, _well_formed(name, documents), chosen.rounds)


def _well_formed(format: str, documents: list[bytes]) -> list[bytes]:
    """Without what a bare parser would stumble over (sets of several studies, damaged files)."""
    kept = []
    for document in documents:
        try:
            (parse_xml if format == "legacy-xml" else decode_json)([document])
        except (etree.XMLSyntaxError, msgspec.DecodeError):
            continue
        kept.append(document)
    return kept


if __name__ == "__main__":
    main()
