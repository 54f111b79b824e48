"""Whatever happens to the bytes of a file, its reader gives Records and Rejects, and gives them soon.

Short and fixed here; `make verify` goes on for TRIALPANORAMA_FUZZ_SECONDS on each format, on real files too.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import time
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from trialpanorama import ingest, sources
from trialpanorama.record import Record, Reject

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FORMATS = [(source.name, format.name) for source in sources.sources().values() for format in source.formats]
COLLECTIONS = [(source.name, c.name) for source in sources.sources().values() for c in source.collections]
SPLICES = (
    b"\x00", b"\xff\xfe", b'"', b"\\", b"{", b"]", b"<", b">", b"</", b"]]>", b"<![CDATA[", b"&", b"&#1;", b"&amp;lt;",
    b"\n", b"\r\n", b",", b"|", b"PMID- ", b"NULL", b"1e999", b"-1", b"9" * 40, b"\xc3", "\u2028\ufeff".encode(),
    b" " * 500,
)  # fmt: skip
REAL_FOLDERS = {"reviews": "reviews", "pubmed": "pubmed", "pmc": "pubmed"}
"""Where real files lie that are not in `registries/SOURCE`."""
LARGEST_SEED = 400_000
LIMIT_SECONDS = 20
"""Far more than any of these small inputs takes; only a reader that hangs comes near."""


def seeds(source: str, format: str) -> list[bytes]:
    """The fixtures in this format."""
    files = (path for path in sorted(FIXTURES.joinpath(source).iterdir()) if not path.name.endswith(".golden.json"))
    return _recognised(source, format, (_plain(path.read_bytes()) for path in files if path.is_file()))


def real_seeds(source: str, format: str, shared_data: Path) -> list[bytes]:
    """Real files in this format, and members of archives; of a large one its beginning."""
    folder = shared_data / REAL_FOLDERS.get(source, f"registries/{source}")
    return _recognised(source, format, _contents(folder) if folder.is_dir() else ())


def _recognised(source: str, format: str, contents: Iterable[bytes]) -> list[bytes]:
    reader = next(f for f in sources.source(source).formats if f.name == format)
    return [data for data in contents if len(data) <= LARGEST_SEED and reader.recognise(data[: sources.HEAD_BYTES])]


@cache
def _contents(folder: Path) -> tuple[bytes, ...]:
    return tuple(data for path in sorted(folder.rglob("*")) if path.is_file() for data in _members(path))


def _plain(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _members(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if not ingest.is_zip_archive(file):
            data = _plain(file.read())
            yield data if data.startswith(b"PK") else data[:LARGEST_SEED]
            return
        with zipfile.ZipFile(file) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            by_kind: dict[str, list[zipfile.ZipInfo]] = {}
            for info in files:  # some of each kind, from all over the archive
                by_kind.setdefault(Path(info.filename).suffix, []).append(info)
            for kind in by_kind.values():
                for info in kind[:: max(1, len(kind) // 25)]:
                    with archive.open(info) as member:
                        yield member.read(LARGEST_SEED)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes after a few accidents: cut, doubled, moved, overwritten, spliced."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        size = min(chance.choice((1, 3, 20, 300, 5_000)), len(data))
        piece = data[at : at + size]
        accident = chance.randrange(5)
        if accident == 0:
            data = data[:at] + data[at + size :]
        elif accident == 1:
            data = data[:at] + piece + data[at:]
        elif accident == 2:
            data = data[:at] + chance.choice(SPLICES) + data[at:]
        elif accident == 3:
            data = data[:at] + bytes(chance.randrange(256) for _ in range(min(len(piece), 8))) + data[at + 8 :]
        else:
            data = data[:at] if chance.random() < 0.3 else data[at:] + data[:at]
    return data


def check(source: str, format: str, data: bytes) -> int:
    """Read damaged bytes; fails on anything but Records and Rejects, and on a reader that takes too long."""
    reader = next(f for f in sources.source(source).formats if f.name == format)
    begun = time.process_time()
    outcomes = list(reader.outcomes(io.BytesIO(data), "fuzz.txt"))
    assert time.process_time() - begun < LIMIT_SECONDS
    for outcome in outcomes:
        assert isinstance(outcome, Record | Reject)
        assert not (isinstance(outcome, Reject) and outcome.reason == "reader_fault"), outcome.detail
        assert isinstance(outcome, Reject) or outcome.id
    return len(outcomes)


@pytest.mark.parametrize(("source", "format"), FORMATS)
def test_damaged_files_give_records_and_rejects(source: str, format: str) -> None:
    chance = random.Random(f"{source}/{format}")
    given = seeds(source, format)
    assert given, "no fixture in this format"
    slow = format.endswith("xlsx")
    for _ in range(40 if slow else 250):
        check(source, format, mutated(chance.choice(given), chance))


@pytest.mark.slow
@pytest.mark.parametrize(("source", "format"), FORMATS)
def test_real_damaged_files_give_records_and_rejects(source: str, format: str, shared_data: Path) -> None:
    given = real_seeds(source, format, shared_data)
    if not given:
        pytest.skip(f"no real file of {source} in {format}")
    chance = random.Random(f"real {source}/{format}")
    for _ in range(40 if format.endswith("xlsx") else 150):
        data = chance.choice(given)
        if len(data) > 60_000 and not data.startswith(b"PK"):  # a piece of it, or the time goes into undamaged entries
            begin = chance.randrange(len(data) - 50_000)
            data = data[:2_000] + data[begin : begin + 50_000]
        check(source, format, mutated(data, chance))


@pytest.mark.verify
@pytest.mark.parametrize(("source", "format"), FORMATS)
def test_real_damaged_files_for_long(source: str, format: str, request: pytest.FixtureRequest) -> None:
    given = seeds(source, format)
    if os.environ.get("TRIALPANORAMA_DATA") or (Path(__file__).parents[3] / "shared" / "data").is_dir():
        given += real_seeds(source, format, request.getfixturevalue("shared_data"))
    chance = random.Random()
    end = time.monotonic() + float(os.environ.get("TRIALPANORAMA_FUZZ_SECONDS", "60"))
    examples = 0
    while time.monotonic() < end:
        data = mutated(chance.choice(given), chance)
        examples += 1
        try:
            check(source, format, data)
        except Exception as error:
            kept = Path(request.config.rootpath) / f"fuzz-{source}-{format}"
            kept.write_bytes(data)
            raise AssertionError(f"{error}; the input is kept in {kept.name}") from error
    print(f"{source} {format}: {examples} examples from {len(given)} files")


# --- collections


def unpacked(source: str, collection: str) -> list[dict[str, bytes]]:
    """The fixtures of a collection: folders with its members."""
    found = []
    for folder in sorted(path for path in FIXTURES.joinpath(source).iterdir() if path.is_dir()):
        members = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        chosen = sources.choose_collection(list(members), lambda name, given=members: given[name])  # type: ignore[misc]
        if chosen and chosen[1].name == collection:
            found.append(members)
    return found


def check_collection(source: str, path: Path, parts: int) -> int:
    """Read a damaged archive or folder through ingest, part by part; none of its parts may fault or hang."""
    begun = time.process_time()
    count = 0
    for found in ingest.find_inputs([path]):
        for part in range(parts):
            for outcome in ingest.read_piece(ingest.Piece(found, part=part, parts=parts)):
                count += 1
                assert not (isinstance(outcome, Reject) and outcome.reason == "reader_fault"), outcome.detail
                assert isinstance(outcome, Reject) or outcome.id
    assert time.process_time() - begun < LIMIT_SECONDS
    assert count
    return count


def damaged_collection(members: dict[str, bytes], chance: random.Random, folder: Path) -> Path:
    """Damage to some members, or to the zip that they are in."""
    in_zip = chance.random() < 0.6
    members = dict(members)
    if not in_zip or chance.random() < 0.7:
        for name in chance.sample(sorted(members), chance.randint(1, 8)):
            members[name] = mutated(members[name], chance)
    if chance.random() < 0.2:
        del members[chance.choice(sorted(members))]
    if not in_zip:
        for name, data in members.items():
            (folder / name).write_bytes(data)
        return folder
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    data = buffer.getvalue()
    (folder / "collection.zip").write_bytes(mutated(data, chance) if chance.random() < 0.5 else data)
    return folder / "collection.zip"


@pytest.mark.parametrize(("source", "collection"), COLLECTIONS)
def test_damaged_collections_give_records_and_rejects(source: str, collection: str, tmp_path: Path) -> None:
    chance = random.Random(f"{source}/{collection}")
    given = unpacked(source, collection)
    assert given, "no fixture of this collection"
    for example in range(300):
        folder = tmp_path / str(example)
        folder.mkdir()
        check_collection(source, damaged_collection(chance.choice(given), chance, folder), chance.choice((1, 1, 2)))


@pytest.mark.verify
@pytest.mark.parametrize(("source", "collection"), COLLECTIONS)
def test_damaged_collections_for_long(source: str, collection: str, tmp_path: Path) -> None:
    chance = random.Random()
    given = unpacked(source, collection)
    end = time.monotonic() + float(os.environ.get("TRIALPANORAMA_FUZZ_SECONDS", "60"))
    examples = 0
    while time.monotonic() < end:
        folder = tmp_path / str(examples)
        folder.mkdir()
        check_collection(source, damaged_collection(chance.choice(given), chance, folder), chance.choice((1, 2, 3)))
        shutil.rmtree(folder)  # what failed stays in the test's folder
        examples += 1
    print(f"{source} {collection}: {examples} examples")
