"""The page of outcome forecasts: uploads taken in or refused, jobs that survive kills, forecasts, deletion."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
from starlette.testclient import TestClient

from tests.apps.forecasts import fit_small
from trialpanorama.apps.web import create_app, uploads, worker
from trialpanorama.apps.web.jobs import MOST_TRIES, Jobs
from trialpanorama.apps.web.safety import LARGEST_BODY, SCRIPT_POLICY
from trialpanorama.apps.web.site import Site
from trialpanorama.designs import template

PROGRAM = {"x-requested-by": "test"}
DRAFT = template().encode()
CHANGED = template().replace("masking: DOUBLE", "masking: NONE").replace("target: 240", "target: 30").encode()


@pytest.fixture(scope="module")
def fitted(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit_small(warehouse, tmp_path_factory.mktemp("fitted"))


@pytest.fixture(scope="module")
def site(fitted: Path) -> Site:
    return Site(fitted)


@pytest.fixture(scope="module")
def audit(site: Site) -> Path:
    return site.folder / "audit.jsonl"


@pytest.fixture(scope="module")
def client(site: Site, audit: Path) -> Iterator[TestClient]:
    app = create_app(site, audit=audit)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
        yield opened


def _archive(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _send(client: TestClient, *files: tuple[str, bytes], ending: str = ".json", **fields: str) -> Any:
    parts = [("files", file) for file in files or (("", b""),)]  # a file field that was left empty, as browsers send it
    return client.post(f"/outcome{ending}", files=parts, data=fields, headers=PROGRAM, follow_redirects=False)


def _accepted(client: TestClient, *files: tuple[str, bytes], **fields: str) -> str:
    answer = _send(client, *files, **fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _registered(id: str, size: int) -> bytes:
    """A fictional trial as ClinicalTrials.gov gives it."""
    about = {
        "identificationModule": {"nctId": id, "briefTitle": f"FICTIONAL trial of verolimab in {size} adults"},
        "statusModule": {"overallStatus": "RECRUITING"},
        "conditionsModule": {"conditions": ["Asthma"]},
        "designModule": {"studyType": "INTERVENTIONAL", "enrollmentInfo": {"count": size, "type": "ESTIMATED"}},
    }
    return json.dumps({"protocolSection": about}).encode()


def _done(client: TestClient, id: str, seconds: float = 90) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = client.get(f"/outcome/{id}.json").json()
        if found["job"]["state"] == "done":
            return found
        time.sleep(0.1)
    pytest.fail(f"the upload {id} is not done: {found['job']}")


# --- forecasts


@pytest.fixture(scope="module")
def one(client: TestClient) -> str:
    """A draft that was uploaded and forecast."""
    id = _accepted(client, ("asthma.yaml", DRAFT))
    _done(client, id)
    return id


def test_a_draft_gets_a_page_with_its_forecast_and_reasons(client: TestClient, one: str) -> None:
    found = client.get(f"/outcome/{one}.json").json()["forecast"]
    low, high = found["interval"]
    assert 0 <= low <= found["probability"] <= high <= 1
    assert found["fictional"]
    assert sum(found["classes"].values()) == pytest.approx(1)
    text = client.get(f"/outcome/{one}").text
    assert f"{found['probability'] * 100:.0f}" in text
    for part in ("What moved it", "If it is stopped", "Similar trials", "What if?", "FICTIONAL"):
        assert part in text
    assert len(found["similar"]) == 10
    assert text.count('<a href="/trial?id=') == 10
    assert "/static/progress.js" not in text
    same = client.get(f"/outcome/{one}/0.json").json()["forecast"]
    assert same == found


def test_a_form_without_script_leads_to_the_page(client: TestClient) -> None:
    page = client.get("/outcome")
    assert "<script" not in page.text
    csrf = (re.search('name="csrf" value="([0-9a-f]+)"', page.text) or [""])[1]
    parts = {"files": ("asthma.yaml", DRAFT), "labels": ("", b"")}
    sent = client.post("/outcome", files=parts, data={"csrf": csrf}, follow_redirects=False)
    assert sent.status_code == 303
    assert re.fullmatch("/outcome/[0-9a-f]{16}", sent.headers["location"])
    shown = client.get(sent.headers["location"])
    assert shown.status_code == 200
    id = sent.headers["location"].rpartition("/")[2]
    _done(client, id)
    typed = client.post("/outcome", files={"files": ("", b"")}, data={"csrf": csrf, "draft": DRAFT.decode()})
    assert typed.status_code == 200
    assert "typed.yaml" in typed.text
    assert "Verolimab" not in (client.get("/outcome.json").text)  # nothing of a draft but the names of files


def test_two_drafts_are_compared(client: TestClient, one: str) -> None:
    id = _accepted(client, base=one, draft=CHANGED.decode(), compare="1")
    change = _done(client, id)["job"]["summary"]
    first, second = (client.get(f"/outcome/{id}/{n}.json").json()["forecast"]["probability"] for n in (0, 1))
    assert change["difference"] == pytest.approx(second - first, abs=1e-5)
    assert change["interval"][0] <= change["difference"] <= change["interval"][1]
    text = client.get(f"/outcome/{id}").text
    assert f"{change['difference'] * 100:+.1f}" in text
    assert "Two drafts compared" in text


def test_a_batch_has_a_line_for_each_file_and_an_evaluation(client: TestClient) -> None:
    members = {f"trials/{n:02}.json": _registered(f"NCT0999{n:04}", n + 9) for n in range(12)}
    members["trials/=cmd.xml"] = b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"
    labels = "nct_id,label\n" + "".join(f"NCT0999{n:04},{n % 2}\n" for n in range(12)) + "NCT09999999,1\n"
    answer = client.post(
        "/outcome.json",
        files=[("files", ("trials.zip", _archive(members))), ("labels", ("labels.csv", labels.encode()))],
        headers=PROGRAM,
    )
    assert answer.status_code == 202, answer.text
    id = answer.json()["id"]
    found = _done(client, id)
    assert (found["job"]["total"], found["job"]["done"], found["job"]["failed"]) == (13, 13, 1)
    evaluation = found["job"]["summary"]
    assert (evaluation["n"], evaluation["successes"], evaluation["without_forecast"]) == (12, 6, 1)
    probabilities = {row["id"]: row["probability"] for row in found["drafts"]}
    brier = sum((probabilities[f"NCT0999{n:04}"] - n % 2) ** 2 for n in range(12)) / 12
    by_name = {metric["name"]: metric for metric in evaluation["metrics"]}
    assert by_name["brier"]["value"] == pytest.approx(brier)
    assert by_name["brier"]["low"] <= brier <= by_name["brier"]["high"]
    assert by_name["auroc"]["floor"] == 0.5
    rows = list(csv.DictReader(io.StringIO(client.get(f"/outcome/{id}.csv").text)))
    assert [row["name"] for row in rows] == list(members)
    refused = next(row for row in rows if row["problem"])
    assert refused["name"] == "trials/=cmd.xml"
    assert "is no study" in refused["problem"]
    text = client.get(f"/outcome/{id}").text
    assert "Against the labels" in text
    assert client.get(f"/outcome/{id}/12").status_code == 200


def test_progress_comes_as_events_until_the_end(client: TestClient) -> None:
    id = _accepted(client, *[(f"{n}.yaml", DRAFT) for n in range(6)])
    page = client.get(f"/outcome/{id}")
    if "/static/progress.js" in page.text:  # else it is done already
        assert page.headers["content-security-policy"] == SCRIPT_POLICY
        assert '<noscript><meta http-equiv="refresh"' in page.text
    with client.stream("GET", f"/outcome/{id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        said = [line for line in stream.iter_lines() if line]
    assert said[-2] == "event: done"
    assert json.loads(said[-1].removeprefix("data: ")) == {"done": 6, "failed": 0, "total": 6, "state": "done"}
    steps = [json.loads(line[6:])["done"] for line in said if line.startswith("data: ")]
    assert steps == sorted(steps)
    after = client.get(f"/outcome/{id}")
    assert "script-src" not in after.headers["content-security-policy"]


def test_without_a_fitted_forecast_it_says_what_to_run(warehouse: Path) -> None:
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1") as client:
        page = client.get("/outcome")
        assert "trialpanorama outcome fit" in page.text
        assert "<form" not in page.text
        answer = _send(client, ("asthma.yaml", DRAFT))
        assert answer.status_code == 400
        assert "trialpanorama outcome fit" in answer.json()["error"]


# --- what is refused


def _bomb(size: int) -> bytes:
    return _archive({"trial.xml": b" " * size})


def _lying(content: bytes) -> bytes:
    """An archive that says that it unpacks to 10 bytes."""
    archive = bytearray(_bomb(uploads.LARGEST_FILE + 1))
    place = archive.rindex(b"PK\x01\x02")
    archive[place + 24 : place + 28] = struct.pack("<I", 10)
    return bytes(archive)


def _linked() -> bytes:
    info = zipfile.ZipInfo("trial.xml")
    info.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def _encrypted() -> bytes:
    archive = bytearray(_archive({"trial.yaml": DRAFT}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(mark) + place] |= 1
    return bytes(archive)


GOOD = _archive({"trial.yaml": DRAFT})
ENTITIES = b"<!DOCTYPE l [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]><clinical_study><brief_title>&j;</brief_title></clinical_study>"  # fmt: skip
OUTSIDE = b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:/etc/passwd">]><clinical_study><id>&a;</id></clinical_study>'
HOSTILE = {
    "entity bomb": ("a.xml", ENTITIES, 400),
    "entity of another file": ("a.xml", OUTSIDE, 400),
    "truncated XML": ("a.xml", b"<?xml version='1.0'?><clinical_study><id_info>", 400),
    "XML of something else": ("a.xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 400),
    "deep XML": ("a.xml", b"<a>" * 100_000, 400),
    "deep JSON": ("a.json", b"[" * 200_000, 400),
    "malformed JSON": ("a.json", b'{"protocolSection": {"identificationModule"', 400),
    "JSON of something else": ("a.json", b'{"a": 1}', 400),
    "YAML bomb": ("a.yaml", b"a: &a [x,x]\nb: &b [*a,*a]\nconditions: [*b,*b]", 400),
    "YAML of Python": ("a.yaml", b"public_title: !!python/object/apply:os.system ['true']", 400),
    "no bytes": ("a.xml", b"", 400),
    "image": ("a.xml", b"\x89PNG\r\n\x1a\n" + bytes(100), 400),
    "PDF": ("a.pdf", b"%PDF-1.7\n" + bytes(100), 400),
    "program": ("a.exe", b"MZ" + bytes(1000), 400),
    "web page": ("a.html", b"<!doctype html><title>x</title>", 400),
    "random bytes": ("a.xml", random.Random(7).randbytes(5_000), 400),
    "other encoding": ("a.yaml", DRAFT.decode().encode("utf-16"), 400),
    "gzip bomb": ("a.xml.gz", gzip.compress(bytes(80 * 2**20), 1), 400),
    "too large": ("a.xml", b"<a>" + b" " * uploads.LARGEST_FILE, 413),
    "zip bomb": ("a.zip", _bomb(uploads.LARGEST_FILE + 1), 413),
    "zip bomb that lies": ("a.zip", _lying(GOOD), 400),
    "many members": ("a.zip", _archive({f"{n}.xml": b"" for n in range(uploads.MOST_FILES + 1)}, 0), 413),
    "archive in an archive": ("a.zip", _archive({"b.zip": GOOD}), 400),
    "encrypted": ("a.zip", _encrypted(), 400),
    "empty archive": ("a.zip", _archive({}), 400),
    "damaged archive": ("a.zip", GOOD[:-40], 400),
    "flipped archive": ("a.zip", GOOD[:60] + bytes([GOOD[60] ^ 255]) + GOOD[61:], 400),
    "archive behind an image": ("a.gif", b"GIF89a" + GOOD, 400),
    "page behind an archive": ("a.zip", GOOD + b"<script>alert(1)</script>", 400),
    "archive behind an archive's head": ("a.zip", b"PK\x03\x04" + GOOD, 400),
    "spreadsheet": ("a.xlsx", _archive({"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<a/>"}), 415),
    "link": ("a.zip", _linked(), 400),
    "member that leads out": ("a.zip", _archive({"../a.yaml": DRAFT}), 400),
    "member with a whole path": ("a.zip", _archive({"/etc/a.yaml": DRAFT}), 400),
    "name that leads out": ("../../a.yaml", DRAFT, 400),
    "name with a whole path": ("/etc/passwd", DRAFT, 400),
    "name that leads out backwards": ("..\\..\\a.yaml", DRAFT, 400),
    "name that turns around": ("a\u202elmay.exe", DRAFT, 400),
    "long name": ("a" * 300 + ".yaml", DRAFT, 400),
    "only entity bombs": ("a.zip", _archive({"a.xml": ENTITIES, "b.xml": ENTITIES}), 400),
}


def _kept(site: Site) -> set[str]:
    return {path.name for path in site.jobs.uploads.iterdir()}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_what_is_hostile_is_refused_in_one_line_and_not_kept(client: TestClient, site: Site, name: str) -> None:
    file, content, status = HOSTILE[name]
    before = len(site.jobs.all())
    began = time.monotonic()
    answer = _send(client, (file, content))
    assert answer.status_code == status, answer.text
    said = answer.json()["error"] if answer.text.startswith("{") else answer.text.strip()
    assert 20 < len(said) < 600, said
    assert "\n" not in said
    assert "Traceback" not in said
    assert str(site.jobs.folder) not in said
    assert len(site.jobs.all()) == before
    assert not [one for one in _kept(site) if one.startswith(".part-")]
    assert len(_kept(site)) == before
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "labels",
    [b"nct_id,label\n=HYPERLINK(1),1\n", b"nct_id,label\nNCT09990001,maybe\n", b"nct_id,label\nNCT09990001,=1+1\n",
     b"a,b\n1,2\n", b"", b"\x00\xff\xfe", b"nct_id,label\n" + b"x" * 500_000, b"PK\x03\x04", DRAFT],
)  # fmt: skip
def test_labels_that_are_none_are_refused(client: TestClient, site: Site, labels: bytes) -> None:
    before = _kept(site)
    parts = [("files", ("a.yaml", DRAFT)), ("labels", ("labels.csv", labels))]
    answer = client.post("/outcome.json", files=parts, headers=PROGRAM)
    assert answer.status_code == 400
    assert 20 < len(answer.json()["error"]) < 600
    assert str(site.jobs.folder) not in answer.text
    assert _kept(site) == before


@pytest.mark.parametrize(
    ("fields", "files", "status"),
    [
        ({}, [], 400),
        ({"model": "nobody"}, [("files", ("a.yaml", DRAFT))], 404),
        ({"model": "../forecast"}, [("files", ("a.yaml", DRAFT))], 404),
        ({"base": "0" * 16, "compare": "1"}, [("files", ("a.yaml", DRAFT))], 404),
        ({"base": "../../etc/passwd", "compare": "1"}, [("files", ("a.yaml", DRAFT))], 404),
        ({"compare": "1"}, [("files", ("a.yaml", DRAFT))], 400),
        ({}, [("other", ("a.yaml", DRAFT))], 400),
        ({}, [("labels", ("a.csv", b"nct_id,label\nNCT09990001,1\n"))], 400),
        ({"draft": "x" * (uploads.LARGEST_FIELD + 1)}, [], 413),
        ({f"f{n}": "" for n in range(101)}, [], 400),
    ],
)
def test_a_form_that_says_too_little_or_too_much_is_refused(
    client: TestClient, site: Site, fields: dict[str, str], files: list[Any], status: int
) -> None:
    before = _kept(site)
    answer = client.post("/outcome.json", files=files or {"files": ("", b"")}, data=fields, headers=PROGRAM)
    assert answer.status_code == status, answer.text
    assert _kept(site) == before


def test_a_body_that_is_no_form_is_refused(client: TestClient, site: Site) -> None:
    before = _kept(site)
    form = "multipart/form-data; boundary=x"
    part = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.yaml"\r\n\r\n'
    for kind, body, status in (
        ("application/x-www-form-urlencoded", b"draft=x", 415),
        ("multipart/form-data", b"--x", 415),
        (form, b"no form at all", 400),
        (form, part + DRAFT, 400),  # it ends in the middle
        (form, b"--x\r\n\r\n\r\n--x--", 400),
        (form, b"--x\r\ncontent-disposition: form-data\r\n\r\n\r\n--x--", 400),
        ("multipart/form-data; boundary=" + "x" * 300, b"--", 400),
    ):
        answer = client.post("/outcome.json", content=body, headers=PROGRAM | {"content-type": kind})
        assert answer.status_code == status, (kind, body, answer.text)
        assert _kept(site) == before
    strangers = client.post("/sql", content=part + b"x", headers=PROGRAM | {"content-type": form})
    assert strangers.status_code == 415  # files are taken where they are expected
    unsigned = client.post("/outcome", content=part + DRAFT + b"\r\n--x--", headers={"content-type": form})
    assert unsigned.status_code == 403
    assert _kept(site) == before


def test_a_gigabyte_is_refused_and_never_kept(client: TestClient, site: Site) -> None:
    before, most = _kept(site), 0
    head = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.xml"\r\n\r\n'
    piece = b"x" * 2**20

    def gigabyte() -> Iterator[bytes]:
        nonlocal most
        yield head
        for _ in range(1_024):
            most = max(most, sum(path.stat().st_size for path in site.jobs.uploads.rglob("*") if path.is_file()))
            yield piece

    kind = PROGRAM | {"content-type": "multipart/form-data; boundary=x"}
    said = client.post("/outcome.json", content=b"", headers=kind | {"content-length": str(2**30)})
    assert (said.status_code, "128 MB" in said.text) == (413, True)
    unsaid = client.post("/outcome.json", content=gigabyte(), headers=kind)
    assert (unsaid.status_code, "128 MB" in unsaid.text) == (413, True)
    assert most <= uploads.LARGEST_UPLOAD + 2**20 + sum(
        path.stat().st_size for path in site.jobs.uploads.rglob("*") if path.is_file()
    )
    assert _kept(site) == before


def test_a_full_disk_is_said_and_nothing_is_kept(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = _kept(site)
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "_make_durable", full)
        answer = _send(client, ("a.yaml", DRAFT))
        assert (answer.status_code, "No space left" in answer.text) == (507, True)
    assert _kept(site) == before
    monkeypatch.setattr("trialpanorama.apps.web.jobs.MOST_KEPT", 10)
    assert "delete some" in _send(client, ("a.yaml", DRAFT)).json()["error"]
    assert _kept(site) == before


# --- what is deleted, and written down


def test_a_deleted_upload_leaves_nothing_but_a_line_in_the_audit_log(
    client: TestClient, site: Site, audit: Path
) -> None:
    mark = b"Zquelimab-4711"
    draft = DRAFT.replace(b"Verolimab", mark)
    id = _accepted(client, ("secret-name.yaml", draft))
    _done(client, id)
    compared = _accepted(client, base=id, draft=draft.decode(), compare="1")
    _done(client, compared)

    def said() -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in site.folder.rglob("*")
            if path.is_file() and "lookup" not in path.name
        }  # fmt: skip

    assert any(mark in content for content in said().values())
    for one in (id, compared):
        assert client.post(f"/outcome/{one}/delete.json", headers=PROGRAM).json() == {"deleted": [one]}
        assert client.get(f"/outcome/{one}").status_code == 404
        assert client.post(f"/outcome/{one}/delete", headers=PROGRAM).status_code == 404
    for name, content in said().items():
        assert mark not in content, name
        assert b"secret-name" not in content, name
    lines = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    taken = [line for line in lines if line["fields"].get("upload") == id]
    assert [(line["path"], line["status"], line["fields"]["files"]) for line in taken] == [("/outcome.json", 202, "1")]
    assert [line["path"] for line in lines if line["fields"].get("deleted") == id] == [f"/outcome/{id}/delete.json"]


def test_all_uploads_are_deleted_at_once(warehouse: Path, fitted: Path, tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "web")
    assert jobs.all() == []
    for n in range(3):
        jobs.accept(_received(jobs, f"{n}"), [("000000", None, "a.yaml")], model="x")
    site = Site(fitted)
    site.jobs = jobs
    with TestClient(create_app(site), base_url="http://127.0.0.1") as client:
        assert len(client.get("/outcome.json").json()["jobs"]) == 3
        assert client.post("/outcome/delete", data={"csrf": "0"}, follow_redirects=False).status_code == 403
        assert client.post("/outcome/delete", headers=PROGRAM, follow_redirects=False).status_code == 303
        assert client.get("/outcome.json").json()["jobs"] == []
    assert list(jobs.uploads.iterdir()) == []


# --- the queue


def _received(jobs: Jobs, name: str, content: bytes = DRAFT) -> uploads.Received:
    folder = jobs.uploads / f".part-{name}"
    folder.mkdir(parents=True)
    (folder / "000000").write_bytes(content)
    return uploads.Received(folder, {}, [uploads.UploadedFile("files", "a.yaml", folder / "000000", len(content))])


def test_a_job_is_held_by_one_worker_and_taken_up_when_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path)
    id = jobs.accept(_received(jobs, "a"), [("000000", None, f"{n}") for n in range(3)], model="x")
    assert jobs.claim("one") is not None
    assert jobs.claim("two") is None
    first = jobs.begin(id, "one")
    assert first is not None
    jobs.put(id, first.position, facts={"probability": 0.5})
    assert jobs.begin(id, "two") is None
    assert (second := jobs.begin(id, "one")) is not None
    monkeypatch.setattr("trialpanorama.apps.web.jobs.LEASE", -1.0)  # the worker gives no sign of life
    again = jobs.claim("two")
    assert again is not None
    assert (again.done, again.total) == (1, 3)
    assert jobs.begin(id, "one") is None
    taken_up = jobs.begin(id, "two")
    assert taken_up is not None
    assert taken_up.position == second.position
    # the draft on which both died is left out
    assert MOST_TRIES == 2
    third = jobs.begin(id, "two")
    assert third is not None
    assert third.position == 2
    assert "left out" in str(jobs.drafts(id)[1].problem)


def test_what_a_killed_server_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    kept = jobs.accept(_received(jobs, "kept"), [("000000", None, "a")], model="x")
    _received(jobs, "young")
    old = _received(jobs, "old").folder
    for path in (*old.iterdir(), old):
        os.utime(path, (0, 0))
    (jobs.uploads / ("f" * 16)).mkdir()
    os.utime(jobs.uploads / ("f" * 16), (0, 0))
    jobs.sweep()
    assert {path.name for path in jobs.uploads.iterdir()} == {kept, ".part-young"}


def test_an_error_of_a_worker_is_one_line_of_its_draft(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(tmp_path)
    model = str(fitted.with_name("warehouse.models") / "forecast")
    id = jobs.accept(_received(jobs, "a"), [("000000", None, "a.yaml"), ("000000", None, "b.yaml")], model=model)
    gone = jobs.accept(_received(jobs, "b"), [("000000", None, "a.yaml")], model=str(tmp_path / "nowhere"))
    from trialpanorama.forecast import Forecast

    predict = Forecast.predict

    def fails(self: Any, record: Any, *rest: Any, source: str, **more: Any) -> Any:
        if source == "a.yaml":
            raise RuntimeError("a secret of the machine")
        return predict(self, record, *rest, source=source, **more)

    monkeypatch.setattr(Forecast, "predict", fails)
    worker._Worker(jobs, fitted).work_off()
    first, second = jobs.drafts(id)
    assert first.problem == "Unexpected RuntimeError while reading it."
    assert second.facts is not None
    assert "outcome fit" in str(jobs.drafts(gone)[0].problem)
    assert not jobs.is_busy()


# --- kills


class _Server:
    """`trialpanorama serve` in a process of its own."""

    def __init__(self, warehouse: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "trialpanorama.apps.cli", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen([*command, "-w", str(warehouse)], stderr=subprocess.DEVNULL)
        self._wait_for(lambda: self.get("/outcome.json") is not None)

    def _wait_for(self, is_so: Callable[[], bool], seconds: float = 90) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < until, "it takes too long"
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return json.loads(answer.read())

    def get(self, path: str) -> Any:
        try:
            return self.ask("GET", path)
        except OSError:
            return None

    def upload(self, name: str, content: bytes) -> str:
        head = f'--x\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        return str(self.ask("POST", "/outcome.json", body, content_type=kind, x_requested_by="test")["id"])

    def begin_upload(self, content: bytes) -> socket.socket:
        """An upload of which only a part is sent."""
        opened = socket.create_connection(("127.0.0.1", self.port))
        opened.sendall(
            b"POST /outcome.json HTTP/1.1\r\nhost: 127.0.0.1\r\nx-requested-by: test\r\ncontent-length: 99999\r\n"
            b"content-type: multipart/form-data; boundary=x\r\n\r\n--x\r\ncontent-disposition: form-data; "
            b'name="files"; filename="half.yaml"\r\n\r\n' + content
        )
        return opened

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system kills in another way")
def test_a_killed_server_loses_nothing_that_it_acknowledged(fitted: Path) -> None:
    folder = fitted.with_name("warehouse.web")
    batch = _archive({f"{n}.yaml": DRAFT.replace(b"240", str(100 + n).encode()) for n in range(60)})
    server = _Server(fitted)
    try:
        working = server.upload("batch.zip", batch)
        server._wait_for(lambda: server.get(f"/outcome/{working}.json")["job"]["done"] >= 3)
        half = server.begin_upload(DRAFT)
        server._wait_for(lambda: any((folder / "uploads").glob(".part-*/000000")))
        waiting = server.upload("asthma.yaml", DRAFT)  # acknowledged, and at once
        server.kill()
        half.close()
    finally:
        server.process.kill()
    with sqlite3.connect(folder / "jobs.sqlite") as queue:
        before = queue.execute(
            "SELECT position, facts FROM drafts WHERE job = ? AND facts IS NOT NULL", (working,)
        ).fetchall()
        assert queue.execute("SELECT state FROM jobs WHERE id = ?", (waiting,)).fetchone() is not None
    assert len(before) >= 3
    (left,) = (folder / "uploads").glob(".part-*")
    for path in (*left.iterdir(), left):
        os.utime(path, (0, 0))
    again = _Server(fitted)
    try:
        for id, total in ((working, 60), (waiting, 1)):
            again._wait_for(lambda id=id: again.get(f"/outcome/{id}.json")["job"]["state"] == "done", 240)
            job = again.get(f"/outcome/{id}.json")["job"]
            assert (job["total"], job["done"], job["failed"]) == (total, total, 0)
        assert not list((folder / "uploads").glob(".part-*"))
    finally:
        again.process.terminate()
        again.process.wait(60)
    with sqlite3.connect(folder / "jobs.sqlite") as queue:
        after = dict(queue.execute("SELECT position, facts FROM drafts WHERE job = ?", (working,)).fetchall())
        tries = queue.execute("SELECT position, tries FROM drafts WHERE job = ?", (working,)).fetchall()
    assert all(after[position] == facts for position, facts in before)  # what was finished stands
    assert [n for position, n in tries if position in dict(before)] == [1] * len(before)


@pytest.mark.slow
def test_a_killed_worker_is_replaced(client: TestClient, site: Site) -> None:
    id = _accepted(client, *[(f"{n}.yaml", DRAFT) for n in range(8)])
    until = time.monotonic() + 60
    while client.get(f"/outcome/{id}.json").json()["job"]["done"] < 2:
        assert time.monotonic() < until
    process = site.worker._process
    assert process is not None
    process.kill()
    process.wait()
    found = _done(client, id)
    assert (found["job"]["done"], found["job"]["failed"]) == (8, 0)


# --- what the description of the addresses promises


def _ask_everything(site: Site, examples: int) -> tuple[dict[str, int], list[str]]:
    """Every address asked with made-up values that its description allows: how many were, and which faults came."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings

    faults: list[str] = []
    asked: dict[str, int] = {}
    described = schemathesis.openapi.from_asgi("/openapi.json", create_app(site, hosts=None))

    def asking(operation: Any) -> Callable[[], None]:
        @settings(
            max_examples=examples, derandomize=True, deadline=None, database=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=PROGRAM)
            asked[operation.label] = asked.get(operation.label, 0) + 1
            if answer.status_code >= 500:
                faults.append(f"{answer.status_code} {case.as_curl_command()[:500]}")

        return ask  # type: ignore[no-any-return]

    for found in described.get_all_operations():
        asking(found.ok())()
    return asked, faults


@pytest.mark.slow
def test_no_described_address_fails_on_what_its_description_allows(site: Site) -> None:
    asked, faults = _ask_everything(site, 3)
    assert faults == []
    assert len(asked) > 100
    assert {"POST /outcome.json", "GET /outcome/{id}/{position}.json", "GET /search.csv"} <= set(asked)


@pytest.mark.verify
def test_no_described_address_fails_on_much_of_what_its_description_allows(site: Site) -> None:
    asked, faults = _ask_everything(site, 100)
    assert faults == []
    assert sum(asked.values()) > 3_000


def test_small_forms_stay_small(client: TestClient) -> None:
    answer = client.post(
        "/outcome/delete", content=b"a=" + b"x" * LARGEST_BODY,
        headers=PROGRAM | {"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert answer.status_code == 413
