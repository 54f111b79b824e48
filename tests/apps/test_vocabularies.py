"""Vocabularies from the command line: the list, what was added, fetched and removed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES
from tests.replay import Asked, Replay, Reply, Service
from trialpanorama.apps.vocabularies import (
    add_vocabularies,
    fetch_vocabulary,
    put_installed,
    put_vocabularies,
    put_vocabulary,
    remove_vocabulary,
    vocabulary_facts,
)
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.ontologies import vocabularies

DOID = FIXTURES / "doid" / "doid.obo"


def _facts(name: str, store: Path) -> dict[str, object]:
    return next(one for one in vocabulary_facts(store) if one["name"] == name)


def test_every_vocabulary_is_listed_with_what_is_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = vocabulary_facts(tmp_path)
    assert [one["name"] for one in facts] == list(vocabularies())
    assert {one["state"] for one in facts} == {"built_in", None}
    add_vocabularies([DOID], tmp_path)
    (tmp_path / "mesh.parquet").write_bytes(b"nothing")
    facts = vocabulary_facts(tmp_path)
    states = {one["name"]: one["state"] for one in facts}
    assert (states["doid"], states["mesh"], states["mondo"], states["atc"]) == (
        "installed", "damaged", "built_in", None,
    )  # fmt: skip
    put_vocabularies(facts, tmp_path)
    listed = capsys.readouterr()
    lines = {line.split()[0]: line for line in listed.out.splitlines()[2:]}
    assert "2099-01-31" in lines["doid"]
    assert "DAMAGED" in lines["mesh"]
    assert str(tmp_path) in listed.err


@pytest.mark.parametrize("name", vocabularies())
def test_one_vocabulary_says_how_it_is_got(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = _facts(name, tmp_path)
    put_vocabulary(facts)
    shown = capsys.readouterr().out
    of = vocabularies()[name]
    assert of.licence in shown
    assert of.how_to_get in shown
    assert (f"vocabularies fetch {name}" in shown) == (of.fetch is not None)
    assert all(part.name in shown for part in of.parts)


def test_what_was_added_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = add_vocabularies([DOID], tmp_path / "store", version="mine")
    put_installed(facts)
    assert capsys.readouterr().out == "doid mine: 4 concepts, of doid.obo\n"
    assert facts[0]["inputs"][0]["part"] == "obo"


def test_a_release_is_fetched_and_installed_and_its_files_are_kept_where_asked(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(DOID.read_bytes()) if asked.path.endswith("/doid.obo") else Reply(b"", status=404)

    store = tmp_path / "store"
    with Replay(Service(answer, runs=())) as replay:
        (facts,) = fetch_vocabulary("doid", store, mirror=replay.url)
        assert facts["version"] == "2099-01-31"
        assert [path.name for path in store.iterdir()] == ["doid.parquet"]
        fetch_vocabulary("doid", store, out=tmp_path / "files", mirror=replay.url)
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["doid.obo", "fetch.json"]


def test_a_fetched_file_that_is_no_release_leaves_the_old_one(tmp_path: Path) -> None:
    cut = gzip.compress(DOID.read_bytes())[:-9]
    add_vocabularies([DOID], tmp_path)
    with Replay(Service(lambda asked: Reply(cut), runs=())) as replay, pytest.raises(UserError, match="cut short"):
        fetch_vocabulary("doid", tmp_path, mirror=replay.url)
    assert _facts("doid", tmp_path)["concepts"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["doid.parquet"]


def test_what_is_not_fetched_says_why_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not fetched: .* Then: trialpanorama vocabularies add PATH"):
        fetch_vocabulary("meddra", tmp_path)
    with pytest.raises(UnknownName, match="meddra"):
        fetch_vocabulary("medra", tmp_path)


def test_removing_goes_back_to_what_is_built_in(tmp_path: Path) -> None:
    add_vocabularies([DOID], tmp_path)
    assert "built-in" in remove_vocabulary("doid", tmp_path)
    assert _facts("doid", tmp_path)["state"] == "built_in"
    with pytest.raises(UnknownName):
        remove_vocabulary("doid", tmp_path)
