"""The design desk: a page of similar trials and their designs, and drafts put together from what they have."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
import itertools

from starlette.testclient import TestClient

from trialpanorama import power
from trialpanorama.apps.web import MENU, create_app
from trialpanorama.apps.web.design_desk import assemble, detectable, power_plot
from trialpanorama.apps.web.safety import SCRIPT_HEADER
from trialpanorama.designs import draft_of, draft_text, read_draft, template
from trialpanorama.errors import UserError

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
ASKED = "/designs?condition=Asthma&intervention=Budesonide&phase=2"
PROGRAM = {SCRIPT_HEADER: "tests"}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "audit.jsonl"


@pytest.fixture(scope="module")
def client(warehouse: Path, audit: Path) -> Iterator[TestClient]:
    with TestClient(create_app(warehouse, audit=audit), base_url="http://127.0.0.1") as opened:
        yield opened


class _Page(HTMLParser):
    """Tags of a page with their attributes, and what stands in its text area."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.area = ""
        self._is_in_area = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_in_area = tag == "textarea"

    def handle_endtag(self, tag: str) -> None:
        self._is_in_area = False

    def handle_data(self, data: str) -> None:
        if self._is_in_area:
            self.area += data

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def _sent(client: TestClient, path: str, fields: Mapping[str, str], file: tuple[str, bytes] | None = None) -> Any:
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
    if file:
        parts.append(("files", file))
    return client.post(path, files=parts, headers=PROGRAM)


def test_the_page_stands_in_the_menu_and_says_how_to_begin(client: TestClient) -> None:
    assert "designs" in MENU
    page = client.get("/designs")
    assert page.status_code == 200
    assert "Design desk" in page.text
    assert 'aria-current="page"' in page.text
    assert client.get("/designs.json").json()["similar"] == []


def test_similar_trials_and_their_designs_are_shown(client: TestClient) -> None:
    answer = client.get(ASKED)
    assert answer.status_code == 200
    facts = client.get(ASKED.replace("?", ".json?")).json()
    assert facts["compares_words"]  # the index was made
    for one in facts["similar"]:
        assert f"/trial?id={one['study_id'].replace('/', '%2F')}" in answer.text
    for said in ("What became of it", "Median", "What a trial of that size can detect", "FICTIONAL", "<svg"):
        assert said in answer.text
    rows = list(csv.DictReader(io.StringIO(client.get(ASKED.replace("?", ".csv?")).text)))
    assert [row["study_id"] for row in rows] == [one["study_id"] for one in facts["similar"]]
    assert json.loads(rows[0]["shared"])["conditions"] == ["Asthma"]


def test_the_page_keeps_the_house_rules(client: TestClient) -> None:
    drafted = _sent(client, "/designs", {"draft": template()})
    assembled = _sent(client, "/designs/draft", {"base": "conditions: [Asthma]"})
    for answer in (client.get("/designs"), client.get(ASKED), drafted, assembled):
        page = _Page(answer.text)
        assert len(page.of("h1")) == 1
        assert not page.of("script", "style", "iframe", "img")
        assert not [1 for _, attributes in page.tags if "style" in attributes]
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        labelled = {one["for"] for one in page.of("label")}
        for one in page.of("input", "select", "textarea"):
            assert one.get("type") == "hidden" or one.get("id") in labelled, one
        for form in page.of("form"):
            assert form["method"] == "get" or form["enctype"] == "multipart/form-data"
        assert len(page.of("form")) - len([1 for one in page.of("form") if one["method"] == "get"]) == len(
            [1 for one in page.of("input") if one.get("name") == "csrf"]
        )
        dead = {
            one["href"]: code
            for one in page.of("a")
            if (one["href"] or "").startswith("/") and (code := client.get(one["href"] or "").status_code) != 200
        }
        assert dead == {}


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/designs?condition=Asthma&before=soon", 400, "is not a day"),
        ("/designs?condition=Asthma&phase=7", 422, "phase"),
        ("/designs?condition=Asthma&count=1000", 422, "count"),
        ("/designs?condition=Qqqq", 200, "No trial here shares"),
        ("/designs.csv?condition=Asthma&before=soon", 400, "is not a day"),
    ],
)
def test_what_cannot_be_answered_is_said(client: TestClient, address: str, status: int, said: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_a_draft_may_be_typed_or_sent_as_a_file(client: TestClient) -> None:
    typed = _sent(client, "/designs.json", {"draft": template()}).json()
    assert typed["draft"]["title"].startswith("Verolimab")
    xml = (FIXTURES / "clinicaltrials_gov" / "one_study.xml").read_bytes()
    sent = _sent(client, "/designs.json", {"draft": ""}, ("study.xml", xml)).json()
    assert sent["draft"]["id"].startswith("NCT99")
    page = _Page(_sent(client, "/designs", {"draft": template()}).text)
    assert read_draft(page.area.encode(), "draft.yaml") == read_draft(template().encode(), "draft.yaml")
    assert _sent(client, "/designs.csv", {"draft": template()}).text.startswith("study_id,")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "draft.yaml", "choose a file, or write a draft"),
        (b"%PDF-1.7", "protocol.pdf", "PDF"),
        (b"title: A", "draft.yaml", "did you mean public_title?"),
        (b"a: " + b"[" * 50_000, "draft.yaml", "lists in lists"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><clinical_study>&b;</clinical_study>", "a.xml", "entities"),
        (b"PK\x03\x04broken", "a.zip", "no study that can be read"),
    ],
)
def test_what_is_no_draft_is_refused(client: TestClient, content: bytes, name: str, said: str) -> None:
    for form in ("", ".json"):
        answer = _sent(client, f"/designs{form}", {}, (name, content))
        assert answer.status_code == 400
        assert said in answer.text.replace("&#39;", "'")


def test_what_was_typed_stays_when_it_cannot_be_read(client: TestClient) -> None:
    page = _Page(_sent(client, "/designs", {"draft": "title: <b>mine</b>"}).text)
    assert page.area.strip() == "title: <b>mine</b>"


def test_a_form_of_another_site_is_refused_and_no_draft_is_written_down(client: TestClient, audit: Path) -> None:
    secret = template().replace("Verolimab", "Secretumab")
    assert client.post("/designs", files={"draft": (None, secret)}).status_code == 403
    assert _sent(client, "/designs", {"draft": secret}).status_code == 200
    assert _sent(client, "/designs/draft", {"base": secret, "include_0": "Secretumab before"}).status_code == 200
    written = audit.read_text(encoding="utf-8")
    assert "/designs" in written
    assert "Secretumab" not in written


def test_what_is_chosen_on_the_page_becomes_a_draft(client: TestClient) -> None:
    page = _Page(client.get(ASKED).text)
    fields = {
        one["name"] or "": one.get("value") or ""
        for one in page.of("input")
        if one.get("name") in ("base", "enrollment_target", "minimum_age_years")
    }
    arms = next(one for one in page.of("input") if one.get("id") == "arms-1")
    fields["arms"] = arms["value"] or ""
    for prefix in ("endpoint", "include", "exclude"):
        box = next(one for one in page.of("input") if one.get("name") == f"{prefix}_0")
        fields[f"{prefix}_0"] = box["value"] or ""
    fields["masking"] = "DOUBLE"
    answer = _sent(client, "/designs/draft", fields)
    assert answer.status_code == 200
    record = read_draft(_Page(answer.text).area.encode(), "draft.yaml")
    assert [one.name for one in record.conditions] == ["Asthma"]
    assert (record.masking, record.phases) == ("DOUBLE", ["PHASE2"])
    assert record.arms
    assert record.outcomes[0].measure == json.loads(fields["endpoint_0"])["measure"]
    assert fields["include_0"] in (record.inclusion_criteria or "")
    assert str(record.enrollment_target) == fields["enrollment_target"]
    # as a file, and back
    for form in ("yaml", "json"):
        file = _sent(client, f"/designs/draft.{form}", {"draft": _Page(answer.text).area})
        assert file.headers["content-disposition"] == f'attachment; filename="draft.{form}"'
        assert read_draft(file.content, f"draft.{form}") == record


def test_arms_are_made_of_a_pattern() -> None:
    base = "interventions: [Fictumab, {name: Placebo tablet, type: DRUG}]"
    draft = assemble({"base": base, "arms": "2 experimental, 1 placebo comparator, 1 no intervention"})
    assert [(one.label, one.type, one.intervention_names) for one in draft.arms] == [
        ("Fictumab 1", "EXPERIMENTAL", ["Fictumab"]),
        ("Fictumab 2", "EXPERIMENTAL", ["Fictumab"]),
        ("Placebo tablet", "PLACEBO_COMPARATOR", ["Placebo tablet"]),
        ("No intervention", "NO_INTERVENTION", []),
    ]
    without = assemble({"base": "interventions: [Fictumab]", "arms": "1 experimental, 1 placebo comparator"})
    assert [one.name for one in without.interventions] == ["Fictumab", "Placebo"]


@pytest.mark.parametrize(
    "fields",
    [
        {"base": "nonsense"},
        {"base": "conditions: [A]", "arms": "many experimental"},
        {"base": "conditions: [A]", "arms": "999999 experimental"},
        {"base": "conditions: [A]", "masking": "SOME"},
        {"base": "conditions: [A]", "enrollment_target": "-5"},
        {"base": "conditions: [A]", "endpoint_0": "FEV1"},
        {"base": "conditions: [A]", "endpoint_0": '{"measure": 5}'},
    ],
)
def test_a_form_that_was_tampered_with_is_refused(client: TestClient, fields: dict[str, str]) -> None:
    with pytest.raises(UserError):
        assemble(fields)
    for form in ("", ".json", ".yaml"):
        assert _sent(client, f"/designs/draft{form}", fields).status_code == 400


def test_choices_are_added_to_what_a_draft_has() -> None:
    base = draft_text(draft_of(read_draft(template().encode(), "draft.yaml")))
    endpoint = json.dumps({"measure": "FEV1", "time_frame": None})
    draft = assemble({"base": base, "exclude_3": "Current smoker", "exclude_7": "Pregnancy", "endpoint_2": endpoint})
    assert draft.exclusion_criteria == ["Current smoker", "Pregnancy"]
    assert [one.measure for one in draft.outcomes] == ["Annual rate of exacerbations", "FEV1"]
    assert len(draft.arms) == 2
    assert draft.enrollment_target == 240


def test_what_can_be_detected_is_what_the_calculator_says() -> None:
    known = detectable({"n": 3, "low": 60.0, "median": 100.4, "high": 300.0})
    assert known is not None
    assert known["sizes"] == [60, 100, 300]
    row = known["rows"][1]
    assert row["difference_0.8"] == pytest.approx(power.t_test(sd=1, n_total=100, power=0.8).effect["difference"])
    assert power.proportions(control=0.5, treatment=row["proportion_0.9"], n_total=100).power == pytest.approx(0.9)
    for difference, points in known["curves"].items():
        for n, reached in points[::6]:
            sized = power.t_test(difference=float(difference), sd=1, n_total=int(n))
            assert reached == pytest.approx(sized.power, abs=2e-4)
    assert detectable({"n": 0, "low": None, "median": None, "high": None}) is None
    few = detectable({"n": 1, "low": 1.0, "median": 1.0, "high": 1.0})
    assert few is not None
    assert (few["sizes"], few["rows"][0]["proportion_0.8"]) == ([4], None)


def test_the_plot_stays_in_its_frame_and_its_labels_apart() -> None:
    known = detectable({"n": 3, "low": 400.0, "median": 1_000.0, "high": 5_000.0})
    assert known is not None
    plot = power_plot(known)
    assert plot is not None
    for line in plot["lines"]:
        for x, y in re.findall(r"([\d.]+),([\d.]+)", line["points"]):
            assert plot["left"] <= float(x) <= plot["right"]
            assert plot["top"] <= float(y) <= plot["bottom"]
    heights = sorted(line["label"][1] for line in plot["lines"])
    assert all(after - before >= 14 for before, after in itertools.pairwise(heights))
    assert len(plot["sizes"]) == 3


def test_the_openapi_document_tells_how_a_draft_is_sent(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/designs.json"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(body["properties"]) == {"draft", "files"}
    asked = {one["name"]: one for one in paths["/designs"]["get"]["parameters"]}
    assert all(one["description"] for one in asked.values())
    assert {"/designs/draft", "/designs/draft.yaml", "/designs/draft.json"} <= set(paths)
