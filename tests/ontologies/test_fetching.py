"""Every vocabulary that is fetched, from a server on this machine that plays its publisher."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES
from tests.replay import Asked, Fault, FaultKind, Replay, Reply, Service, TurnedClock, contents
from trialpanorama.errors import Refused, UserError
from trialpanorama.fetching import FetchLog, Wanted, fetch
from trialpanorama.ontologies import install, load, vocabularies, vocabulary

YEAR = datetime.now(UTC).year
FETCHED = [name for name, of in vocabularies().items() if of.fetch]


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def _gzipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def _files(name: str) -> dict[str, bytes]:
    """What a publisher has, by the last part of its address."""
    folder = FIXTURES / name
    if name == "rxnorm":
        return {"RxNorm_full_prescribe_current.zip": _zipped(folder)}
    if name == "mesh":
        return {f"{file}{YEAR}.gz": _gzipped(folder / f"{file}2099.xml") for file in ("desc", "supp")}
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if name == "drugcentral":
        files["drug.target.interaction.tsv.gz"] = _gzipped(folder / "drug.target.interaction.tsv")
        files.setdefault("EMA_Approved.csv", files["FDA_Approved.csv"])
    return files


def _service(name: str) -> Service:
    files = _files(name)

    def answer(asked: Asked) -> Reply:
        body = files.get(asked.path.rsplit("/", 1)[-1])
        return Reply(b"", status=404) if body is None else Reply(body, headers={"ETag": '"1"'})

    return Service(answer, runs=())


def _fetch(replay: Replay, name: str, folder: Path, query: str = "") -> FetchLog:
    return fetch(vocabulary(name), Wanted(query), folder, mirror=replay.url, clock=TurnedClock(), timeout_s=0.1)


@pytest.mark.parametrize("name", FETCHED)
def test_a_fetched_release_can_be_installed_as_it_is(name: str, tmp_path: Path) -> None:
    with Replay(_service(name)) as replay:
        log = _fetch(replay, name, tmp_path / "files")
        asked = len(replay.asked)
        _fetch(replay, name, tmp_path / "files")
    assert log.complete
    assert len(replay.asked) == asked, "what is there is not asked for again"
    installed = [one.name for one in install([tmp_path / "files"], tmp_path / "store")]
    assert installed == [name]
    assert len(load(tmp_path / "store", only=[name])) > 0


@pytest.mark.parametrize("name", FETCHED)
def test_every_address_is_a_secure_one_of_the_hosts(name: str, tmp_path: Path) -> None:
    of = vocabulary(name).fetch
    assert of is not None
    assert of.hosts
    assert of.terms
    assert not of.takes_since
    with Replay(_service(name)) as replay:
        log = _fetch(replay, name, tmp_path)
    for file in log.files.values():
        assert file.url.startswith(tuple(f"https://{host}/" for host in of.hosts))


@pytest.mark.parametrize("kind", ["cut", "web_page", "busy", "down"])
def test_a_fault_of_the_network_leaves_the_same_files(kind: FaultKind, tmp_path: Path) -> None:
    for name, fault in (("a", None), ("b", Fault(kind, times=2, after=100))):
        with Replay(_service("mesh"), fault) as replay:
            _fetch(replay, "mesh", tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != {}


def test_the_newest_year_is_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    with Replay(_service("mesh")) as replay:
        _fetch(replay, "mesh", tmp_path / "newest")
        assert [asked.path.rsplit("/", 1)[-1] for asked in replay.asked] == [
            f"desc{YEAR + 1}.gz", f"desc{YEAR}.gz", f"supp{YEAR}.gz",
        ]  # fmt: skip
        _fetch(replay, "mesh", tmp_path / "named", str(YEAR))
        with pytest.raises(Refused):
            _fetch(replay, "mesh", tmp_path / "missing", "1999")
        with pytest.raises(UserError, match="--query 2026 names the year"):
            _fetch(replay, "mesh", tmp_path / "words", "asthma")
    assert sorted(contents(tmp_path / "newest")) == [f"desc{YEAR}.gz", f"supp{YEAR}.gz"]
    assert contents(tmp_path / "newest") == contents(tmp_path / "named")


@pytest.mark.parametrize("name", vocabularies())
def test_a_vocabulary_is_fetched_or_says_why_not(name: str) -> None:
    of = vocabulary(name)
    assert (of.fetch is None) != (of.no_fetch is None)
    assert of.no_fetch is None or of.no_fetch.endswith(".")
