"""Kept searches: what a newer snapshot has that an older had not, as page, JSON, CSV and feed."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

pytest.importorskip("fastapi", reason="the web extra is not installed")
from starlette.testclient import TestClient

from trialpanorama import sample
from trialpanorama.apps.web import create_app, saved
from trialpanorama.apps.web.safety import SCRIPT_HEADER
from trialpanorama.apps.web.site import Site
from trialpanorama.build import build

ATOM = "{http://www.w3.org/2005/Atom}"
HEADERS = {SCRIPT_HEADER: "1"}


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    sample.write(folder, 40, 5)
    return folder / "registries"


@pytest.fixture(scope="module")
def built(registries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "W"
    build([registries / "clinicaltrials_gov"], folder, workers=1)
    return folder


@pytest.fixture
def warehouse(built: Path, tmp_path: Path) -> Path:
    """A copy for one test, beside which searches are kept."""
    shutil.copytree(built, tmp_path / "W")
    return tmp_path / "W"


@pytest.fixture
def client(warehouse: Path) -> Iterator[TestClient]:
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1", headers=HEADERS) as opened:
        yield opened


def entries(client: TestClient, id: str) -> list[str]:
    answer = client.get(f"/searches/{id}/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    return [str(one.findtext(f"{ATOM}content")) for one in etree.fromstring(answer.content).iter(f"{ATOM}entry")]


def test_a_newer_snapshot_is_compared_with_what_was_found_before(
    client: TestClient, warehouse: Path, registries: Path
) -> None:
    kept = client.post("/searches.json", data={"q": "FICTIONAL[ti]", "kind": "trial", "name": "  all\tof them "})
    assert kept.status_code == 201, kept.text
    first = kept.json()
    assert (first["name"], first["new"], first["total"] > 0) == ("all of them", 0, True)
    assert entries(client, first["id"]) == []
    before = {hit["id"] for hit in client.get(first["address"].replace("?", ".json?") + "&size=5000").json()["hits"]}

    build([registries / "isrctn", registries / "anzctr"], warehouse, workers=1)
    (now,) = client.get("/searches.json").json()["searches"]
    after = {hit["id"] for hit in client.get(first["address"].replace("?", ".json?") + "&size=5000").json()["hits"]}
    assert after - before
    assert now["total"] == len(after)
    assert now["new"] == len(after - before)
    assert set(entries(client, first["id"])) == after - before
    (row,) = csv.DictReader(io.StringIO(client.get("/searches.csv").text))
    assert int(row["new"]) == now["new"]
    page = client.get("/searches").text
    assert all(id in page for id in sorted(after - before)[:5])

    assert client.post(f"/searches/{first['id']}/seen.json").json()["new"] == 0
    assert len(entries(client, first["id"])) == now["new"], "a feed forgets nothing"
    client.post(f"/searches/{first['id']}/delete.json")
    assert client.get("/searches.json").json()["searches"] == []


def test_what_is_kept_survives_a_restart(client: TestClient, warehouse: Path) -> None:
    id = client.post("/searches.json", data={"q": "FICTIONAL[ti]"}).json()["id"]
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1") as again:
        (one,) = again.get("/searches.json").json()["searches"]
    assert (one["id"], one["name"]) == (id, "FICTIONAL[ti]")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"q": " "}, "give q"),
        ({"q": "(asthma"}, "parenthes"),
        ({"q": "asthma", "before": "2024-13-40"}, "2024-13-40"),
        ({"q": "asthma", "syntax": "latin"}, "syntax"),
    ],
)
def test_a_search_that_cannot_be_run_is_not_kept(client: TestClient, asked: dict[str, str], says: str) -> None:
    answer = client.post("/searches.json", data=asked)
    assert answer.status_code in (400, 422)
    assert says in answer.text
    assert client.get("/searches.json").json()["searches"] == []


def test_there_is_an_end_to_what_is_kept(client: TestClient, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 1)
    assert client.post("/searches.json", data={"q": "asthma"}).status_code == 201
    assert "Delete one" in client.post("/searches.json", data={"q": "asthma"}).text
    assert client.post("/searches/0123456789abcdef/seen.json").status_code in (400, 404)
    (Site(warehouse).folder / "searches" / "0123456789abcdef.json").write_bytes(b"{")
    assert len(client.get("/searches.json").json()["searches"]) == 1


def test_the_form_needs_its_field(warehouse: Path) -> None:
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1") as opened:
        assert opened.post("/searches", data={"q": "asthma"}).status_code == 403
        assert not opened.get("/searches.json").json()["searches"]
