"""What is derived from the vocabularies and kept between processes: the same whether it was kept or not."""

from __future__ import annotations

import hashlib
import os
import tempfile
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest

from trialpanorama.ontologies import Concepts, _kept, load
from trialpanorama.ontologies._kept import ENVIRONMENT_VARIABLE, cache_folder, kept

NOWHERE = Path("no such folder")


class Derived(msgspec.Struct):
    of: dict[str, list[int]]


class Times:
    """How often something was made."""

    def __init__(self, value: int = 1) -> None:
        self.count = 0
        self.value = value

    def __call__(self) -> Derived:
        self.count += 1
        return Derived({"ä": [self.value]})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_is_made_once_for_all_that_it_is_made_of(folder: Path) -> None:
    make = Times()
    assert [kept("one", "a", Derived, make) for _ in range(3)] == [Derived({"ä": [1]})] * 3
    assert make.count == 1
    assert kept("one", "b", Derived, Times(2)).of == {"ä": [2]}  # of other vocabularies
    assert kept("two", "a", Derived, Times(3)).of == {"ä": [3]}
    assert kept("one", "a", Derived, Times(4)).of == {"ä": [1]}
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"short", b"flipped", b"of another shape"])
def test_a_damaged_file_is_made_again(folder: Path, damage: bytes) -> None:
    kept("one", "a", Derived, Times())
    (path,) = folder.iterdir()
    if damage == b"flipped":
        damage = path.read_bytes().replace(b"\x01", b"\x02")
        assert damage != path.read_bytes()
    elif damage == b"of another shape":
        content = msgspec.msgpack.encode({"of": "nothing"})
        damage = hashlib.sha256(content).digest() + content
    path.write_bytes(damage)
    make = Times()
    for _ in range(2):  # the second time it is mended
        assert kept("one", "a", Derived, make).of == {"ä": [1]}
        assert make.count == 1


@pytest.mark.parametrize("place", ["a file", "full", "no home"])
def test_a_folder_that_cannot_be_written_costs_only_time(
    folder: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*of: object, **settings: object) -> None:
        raise RuntimeError("no home") if place == "no home" else OSError(28, "No space left on device")

    if place == "a file":
        folder.write_text("in the way")
    elif place == "full":
        monkeypatch.setattr(tempfile, "NamedTemporaryFile", fails)
    else:
        for variable in (ENVIRONMENT_VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(Path, "home", fails)
    assert kept("one", "a", Derived, Times(1)).of == {"ä": [1]}
    assert kept("one", "a", Derived, Times(2)).of == {"ä": [2]}


def test_code_that_changed_since_the_process_began_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _kept._code.cache_clear()
    monkeypatch.setattr(_kept, "_BEGAN", 0.0)
    kept("one", "a", Derived, Times())
    assert not folder.exists()
    _kept._code.cache_clear()


def test_only_the_newest_files_stay(folder: Path) -> None:
    for number in range(_kept._HELD + 3):
        kept("one", str(number), Derived, Times(number))
        for path in folder.iterdir():  # so that none is as old as another
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))
    assert len(list(folder.iterdir())) == _kept._HELD
    assert kept("one", str(_kept._HELD + 2), Derived, Times(-1)).of == {"ä": [_kept._HELD + 2]}
    assert kept("one", "0", Derived, Times(-1)).of == {"ä": [-1]}


def _keep(number: int) -> list[int]:
    return kept("one", str(number % 2), Derived, Times(number % 2)).of["ä"]


def test_processes_at_once_never_read_half_a_file() -> None:
    with get_context("fork").Pool(4) as pool:
        assert pool.map(_keep, range(200), chunksize=1) == [[number % 2] for number in range(200)]


def test_the_folder_is_the_users_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "trialpanorama"


def test_concepts_are_equivalent_whether_that_was_kept_or_not(folder: Path) -> None:
    made, again = load(NOWHERE, only=["mondo", "doid"]), load(NOWHERE, only=["mondo", "doid"])
    ids = [concept.id for concept in made.all()]
    assert [made.equivalents(id) for id in ids] == [again.equivalents(id) for id in ids]
    assert sum(len(made.equivalents(id)) > 1 for id in ids) > 1000
    names = [path.name.partition("-")[0] for path in folder.iterdir()]
    assert names == ["equivalents"]
    assert load(NOWHERE, only=["mondo"]).equivalents("MONDO:0005148") == {"MONDO:0005148"}
    assert len(list(folder.iterdir())) == 2  # other vocabularies, another file


def test_concepts_that_were_not_loaded_keep_nothing(folder: Path) -> None:
    assert Concepts([]).equivalents("MESH:D003924") == frozenset()
    assert not folder.exists()
