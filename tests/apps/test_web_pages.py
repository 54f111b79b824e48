"""The web pages: each answers as HTML, JSON and CSV, from the facts of the command of the same name."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
from starlette.testclient import TestClient

from tests.apps.conftest import Done
from trialpanorama.apps.web import MENU, create_app
from trialpanorama.apps.web.documents import csv_text
from trialpanorama.apps.web.drawing import forest, power_curve, ticks
from trialpanorama.apps.web.pages import PAGES, result_plots

Command = Callable[..., Done]
JSON_BUT_NOT_TABLES = {"/sql"}


@pytest.fixture(scope="module")
def client(warehouse: Path) -> Iterator[TestClient]:
    with TestClient(create_app(warehouse), base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture(scope="module")
def a_trial(client: TestClient) -> str:
    hits = client.get("/search.json", params={"q": "FICTIONAL[ti]", "kind": "trial"}).json()["hits"]
    return str(hits[0]["id"])


class _Tags(HTMLParser):
    """What a test looks for in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.all if tag in tags]


def _addresses(a_trial: str) -> list[str]:
    return [
        "/", "/search", "/search?q=FICTIONAL[ti]", f"/trial?id={a_trial}", "/neighbours", f"/neighbours?id={a_trial}",
        "/overdue", "/sizing", "/sizing/t-test", "/sizing/t-test?difference=5&sd=12", "/runs", "/dictionary",
        "/dictionary?table=studies", "/problems", "/sql", "/api",
        "/designs", "/designs?condition=asthma", "/outcome", "/searches",
    ]  # fmt: skip


def test_every_page_is_whole_and_says_that_the_trials_are_fictional(client: TestClient, a_trial: str) -> None:
    for address in _addresses(a_trial):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), address
        tags = _Tags(answer.text)
        assert "FICTIONAL" in answer.text
        assert len(tags.of("h1")) == 1, address
        assert [len(tags.of(one)) for one in ("main", "header", "footer")] == [1, 1, 1]
        assert tags.of("html") == [{"lang": "en"}]
        assert tags.of("a")[0] == {"class": "skip", "href": "#content"}


def test_no_page_has_a_script_or_style_of_its_own_or_needs_another_host(client: TestClient, a_trial: str) -> None:
    for address in _addresses(a_trial):
        tags = _Tags(client.get(address).text)
        assert not tags.of("script", "style", "iframe", "object", "img")
        for name, attributes in tags.all:
            assert "style" not in attributes, (address, name)
            assert not [one for one in attributes if one.startswith("on")], (address, name)
        assert {one["href"] for one in tags.of("link")} == {"/static/style.css", "/static/icon.svg"}
    assert "url(" not in client.get("/static/style.css").text
    assert "@import" not in client.get("/static/style.css").text


def test_every_field_has_a_label_and_every_id_stands_once(client: TestClient, a_trial: str) -> None:
    for address in _addresses(a_trial):
        tags = _Tags(client.get(address).text)
        labelled = {one["for"] for one in tags.of("label")}
        for one in tags.of("input", "select", "textarea"):
            assert one.get("type") == "hidden" or one.get("id") in labelled, (address, one)
        ids = [attributes["id"] for _, attributes in tags.all if "id" in attributes]
        assert len(ids) == len(set(ids)), address
        said = {
            x for _, a in tags.all for k in ("aria-labelledby", "aria-describedby") for x in (a.get(k) or "").split()
        }
        assert said <= set(ids), address


def test_no_link_of_any_page_is_dead(client: TestClient, a_trial: str) -> None:
    looked_at: set[str] = set()
    for address in _addresses(a_trial):
        for one in _Tags(client.get(address).text).of("a"):
            target = urljoin(address, one["href"] or "").partition("#")[0]
            if target in looked_at or not target:
                continue
            looked_at.add(target)
            assert client.get(target).status_code == 200, (address, target)
    assert len(looked_at) > 100


def test_a_page_is_json_with_the_facts_of_its_command(client: TestClient, command: Command, warehouse: Path) -> None:
    trial = client.get("/search.json?q=FICTIONAL[ti]&kind=trial").json()["hits"][0]["id"]
    for address, arguments in {
        "/atlas.json": ["atlas"],
        "/problems.json": ["problems"],
        "/overdue.json?limit=50": ["overdue"],
        f"/trial.json?id={trial}": ["show", trial],
        f"/neighbours.json?id={trial}&limit=50": ["neighbours", trial],
    }.items():
        page, facts = client.get(address).json(), command(*arguments, "--json", "-w", warehouse).json
        sources = (page.pop("sources", None), facts.pop("sources", None))  # in another order
        assert {name: page[name] for name in facts} == facts, address
        assert sources[1] is None or len(sources[0]) == len(sources[1])


def test_a_search_finds_what_the_command_finds(client: TestClient, command: Command, warehouse: Path) -> None:
    query = "FICTIONAL[ti] AND random*"
    page = client.get("/search.json", params={"q": query, "size": 20}).json()
    facts = command("search", query, "--json", "--facets", "--highlight", "-w", warehouse).json
    assert {name: page[name] for name in facts} == facts
    second = client.get("/search.json", params={"q": query, "size": 7, "page": 2}).json()
    assert [hit["id"] for hit in second["hits"]] == [hit["id"] for hit in facts["hits"][7:14]]
    assert "<mark>FICTIONAL</mark>" in client.get("/search", params={"q": query}).text


def test_limits_of_a_search_narrow_it_and_its_csv_has_every_hit(client: TestClient) -> None:
    everything = client.get("/search.json?q=FICTIONAL[ti]").json()
    for field, counts in everything["facets"].items():
        if field == "year":
            continue
        value, count = next(iter(counts.items()))
        narrowed = client.get("/search.json", params={"q": "FICTIONAL[ti]", field: value}).json()
        assert narrowed["total"] == count, field
    before = client.get("/search.json?q=FICTIONAL[ti]&before=2015-01-01").json()
    assert 0 < before["total"] < everything["total"]
    assert all(hit["date"] < "2015-01-01" for hit in before["hits"])
    rows = list(csv.DictReader(io.StringIO(client.get("/search.csv?q=FICTIONAL[ti]").text)))
    assert len(rows) == everything["total"]
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_slip_in_a_search_is_mended_when_asked_for(client: TestClient) -> None:
    refused = client.get("/search?q=(FICTIONAL")
    (link,) = [one["href"] or "" for one in _Tags(refused.text).of("a") if "repair" in (one["href"] or "")]
    mended = client.get(link)
    assert mended.status_code == 200
    assert "parenthesis" in mended.text
    assert client.get("/search.json?q=(FICTIONAL&repair=true").json()["total"] > 80


def test_a_search_is_written_down_for_a_paper(client: TestClient) -> None:
    answer = client.get("/search/record.md?q=FICTIONAL[ti]&before=2020-01-01")
    assert answer.headers["content-disposition"] == 'attachment; filename="search-record.md"'
    assert "before 2020-01-01" in answer.text
    assert f"Found: {client.get('/search.json?q=FICTIONAL[ti]&before=2020-01-01').json()['total']}" in answer.text


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/search?q=(a", 400, "parenthesis is not closed"),
        ("/search?q=a&before=yesterday", 400, "is not a day"),
        ("/search?q=a&page=0", 422, "page"),
        ("/search?q=a&syntax=klingon", 422, "syntax"),
        ("/trial?id=NCT00000000", 404, "NCT00000000"),
        ("/trial", 422, "id"),
        ("/neighbours?id=nobody-knows-it", 400, "nobody-knows-it"),
        ("/dictionary?table=studie", 404, "studies"),
        ("/problems?source=nobody", 404, "nobody"),
        ("/sizing/t-test?difference=5&sd=-1", 400, "sd is -1"),
        ("/sizing/t-test?difference=5", 400, "Needed, too: sd"),
        ("/sizing/t-test?sd=x", 422, "sd"),
        ("/samples?log=../../etc/passwd", 400, "no folder of runs"),
        ("/nothing", 404, "Not Found"),
    ],
)
def test_a_mistake_gets_one_clear_line(client: TestClient, address: str, status: int, said: str) -> None:
    path, _, query = address.partition("?")
    for form in ("", ".json", ".csv"):
        answer = client.get(f"{path}{form}?{query}")
        assert answer.status_code == status, form
        assert said in answer.text.replace("&#34;", '"'), form
        assert "Traceback" not in answer.text
        assert "--" not in answer.text or "samples" in path or not form, "an option of the command line"
    json_answer = client.get(f"{path}.json?{query}").json()
    assert "problem" in json_answer or "error" in json_answer


def test_a_trial_says_who_says_what_and_when(client: TestClient, warehouse: Path) -> None:
    from trialpanorama.warehouse import Warehouse

    with Warehouse.open(warehouse).connect() as connection:
        row = connection.execute(
            "SELECT study_id FROM disagreements JOIN studies USING (study_id) WHERE number_of_records > 1 LIMIT 1"
        ).fetchone()
    assert row is not None
    facts = client.get("/trial.json", params={"id": row[0]}).json()
    text = client.get("/trial", params={"id": row[0]}).text
    differing = [name for name, found in facts["fields"].items() if not found["agree"]]
    assert text.count('<tr class="differs">') == len(differing) > 0
    assert "Why they are held for one trial" in text
    dates = [one["date"] for one in facts["timeline"]]
    assert dates == sorted(dates)
    assert len(_Tags(text).of("time")) == len(dates) > 0
    table = list(csv.DictReader(io.StringIO(client.get("/trial.csv", params={"id": row[0]}).text)))
    assert {line["field"] for line in table if line["do_registers_agree"] == "False"} == set(differing)


def test_posted_results_are_plotted_on_scales_that_fit_them(client: TestClient, warehouse: Path) -> None:
    ratio = {
        "number": "1.1",
        "outcome": "death",
        "estimate_type": "Hazard Ratio (HR)",
        "unit_of_measure": "months",
        "estimate": 0.5,
    }
    change = {
        "number": "2.1",
        "outcome": "pain",
        "estimate_type": "Mean Difference (Net)",
        "unit_of_measure": "points",
        "estimate": -2,
    }
    ends = {"ci_lower": 0.25, "ci_upper": 1.0}
    plots = result_plots([ratio | ends, change | {"ci_lower": -3.0, "ci_upper": None}])
    assert [(one["title"], one["is_log"]) for one in plots] == [
        ("Ratios", True),
        ("Mean Difference (Net) in points", False),
    ]
    line = plots[0]["plot"]["rows"][0]
    # on a logarithmic scale a half stands in the middle between a quarter and one
    assert line["x"] - line["low"] == pytest.approx(line["high"] - line["x"], abs=0.3)
    assert plots[0]["plot"]["null"] == line["high"]
    assert plots[1]["plot"]["rows"][0]["high"] is None
    assert forest([{"label": "x", "value": -1.0, "low": None, "high": None}], is_log=True, null=1.0) is None
    from trialpanorama.warehouse import Warehouse

    with Warehouse.open(warehouse).connect() as connection:
        row = connection.execute("SELECT study_id FROM results WHERE estimate IS NOT NULL LIMIT 1").fetchone()
    if row is not None:
        text = client.get("/trial", params={"id": row[0]}).text
        assert 'class="plot forest"' in text


def test_a_calculation_is_the_command_s_and_draws_its_curve(client: TestClient, command: Command) -> None:
    page = client.get("/sizing/t-test.json?difference=5&sd=12&power=0.9").json()
    facts = command("power", "t-test", "--difference", "5", "--sd", "12", "--power", "0.9", "--curve", "--json").json
    assert {name: page[name] for name in facts} == facts
    assert page["n_total"] == 246
    plot = power_curve(page["curve"], page["n_total"], page["power"])
    assert plot is not None
    assert len(plot["line"].split()) == len(page["curve"])
    text = client.get("/sizing/t-test?difference=5&sd=12&power=0.9").text
    assert plot["line"] in text
    rows = list(csv.DictReader(io.StringIO(client.get("/sizing/t-test.csv?difference=5&sd=12&power=0.9").text)))
    assert [float(row["power"]) for row in rows] == [point["power"] for point in page["curve"]]


def test_every_calculation_has_a_form_with_all_its_parameters(client: TestClient) -> None:
    from trialpanorama.power import METHODS

    for name, known in METHODS.items():
        fields = {one.get("id") for one in _Tags(client.get(f"/sizing/{name}").text).of("input")}
        assert set(known.parameters) <= fields, name


def test_ticks_are_round_numbers_within_their_ends() -> None:
    assert ticks(0.0, 1.0) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(-3.2, 7.9, 4) == [0, 5]
    assert ticks(5.0, 5.0) == [5.0]


def test_a_query_in_sql_is_answered_behind_the_fence(client: TestClient) -> None:
    program = {"x-requested-by": "test"}

    def ask(sql: str, form: str = ".json") -> Any:
        return client.post(f"/sql{form}", data={"sql": sql}, headers=program)

    assert ask("SELECT 1 AS one, [1, 2] AS list").json()["rows"] == [{"one": 1, "list": [1, 2]}]
    assert ask("SELECT 1 AS one, [1, 2] AS list", ".csv").text == 'one,list\r\n1,"[1,2]"\r\n'
    cut = ask("SELECT * FROM range(600)", "")
    assert "there are more" in cut.text
    assert len(_Tags(cut.text).of("tr")) == 501
    for refused in ("DROP VIEW studies", "SELECT * FROM '/etc/passwd'", "SELECT 1; SELECT 2", "", "SELECT nothing"):
        answer = ask(refused)
        assert answer.status_code == 400, refused
        assert answer.json()["problem"]
        assert "--seconds" not in answer.text


def test_no_text_reaches_a_spreadsheet_as_a_formula(client: TestClient) -> None:
    for start in "=+-@\t\r\n":
        cell = next(csv.reader(io.StringIO(csv_text((["x"], [[f"{start}1+1"]])).partition("\r\n")[2], newline="")))[0]
        assert cell == f"'{start}1+1"
    assert csv_text((["=x"], [[-1.5, None, "a", ["=1"]]])) == '\'=x\r\n-1.5,,a,"[""=1""]"\r\n'
    sql = "SELECT '=HYPERLINK(1)' AS \"@x\""
    answer = client.post("/sql.csv", data={"sql": sql}, headers={"x-requested-by": "test"})
    assert answer.text == "'@x\r\n'=HYPERLINK(1)\r\n"


def test_what_records_say_is_never_markup(client: TestClient) -> None:
    for address in ('/search?q="<script>alert(1)</script>"', "/trial?id=<script>alert(1)</script>"):
        assert "<script>" not in client.get(address).text
    answer = client.post("/sql", data={"sql": "SELECT '<b>x</b>' AS t"}, headers={"x-requested-by": "test"})
    assert "&lt;b&gt;x&lt;/b&gt;" in answer.text
    assert "<b>x" not in answer.text


def test_openapi_describes_every_address_that_pages_name(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    json.dumps(described)
    for page in PAGES.values():
        assert f"/{page.name}.json" in described["paths"]
        assert (f"/{page.name}.csv" in described["paths"]) == (page.rows is not None)
    asked = {one["name"]: one for one in described["paths"]["/search.json"]["get"]["parameters"]}
    assert asked["q"]["description"].startswith("The search")
    assert asked["page"]["schema"]["maximum"] == 50
    assert set(MENU) - {"sql"} <= set(PAGES)
    assert not re.search(r"https?://(?!127)", json.dumps(described))


def test_a_new_build_is_shown_without_a_new_start(warehouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    shutil.copytree(warehouse, folder)
    with TestClient(create_app(folder), base_url="http://127.0.0.1") as client:
        assert client.get("/atlas.json").json()["tool_version"] != "later"
        shutil.copytree(folder, tmp_path / "staged")
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        later = json.dumps(manifest | {"tool_version": "later", "snapshot": "another"})
        (tmp_path / "staged" / "manifest.json").write_text(later, encoding="utf-8")
        folder.rename(tmp_path / "old")
        (tmp_path / "staged").rename(folder)
        after = client.get("/atlas.json").json()
        assert (after["tool_version"], after["snapshot"]) == ("later", "another")
        shutil.rmtree(folder)
        gone = client.get("/")
        assert (gone.status_code, gone.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert gone.text.startswith("There is no warehouse at")
