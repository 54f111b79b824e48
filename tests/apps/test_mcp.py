"""The tools for language models, asked by the protocol's own client: in this process, and over standard input."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("mcp", reason="the mcp extra is not installed")
from trialpanorama.apps import mcp
from trialpanorama.apps.mcp import MOST_CHARACTERS, TOOLS, ask, bounded
from trialpanorama.designs import template
from trialpanorama.errors import UserError
from trialpanorama.search.index import Index
from trialpanorama.warehouse import Warehouse

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


class Said(NamedTuple):
    """What a tool answered."""

    is_error: bool
    text: str
    facts: dict[str, Any]


def _with_client(server: Any, do: Callable[[Any], Awaitable[Any]]) -> Any:
    from mcp import Client

    async def run() -> Any:
        async with Client(server) as client:
            return await do(client)

    return asyncio.run(run())


def _call(server: Any, name: str, **arguments: Any) -> Said:
    async def do(client: Any) -> Said:
        answer = await client.call_tool(name, arguments)
        return Said(answer.is_error, answer.content[0].text, answer.structured_content or {})

    said: Said = _with_client(server, do)
    return said


@pytest.fixture(scope="module")
def server(warehouse: Path) -> Any:
    Index.open(Warehouse.open(warehouse))
    return mcp.create_server(warehouse)


@pytest.fixture(scope="module")
def a_trial(warehouse: Path) -> Any:
    """A trial with posted results: its id and title."""
    with Warehouse.open(warehouse).connect() as con:
        row = con.execute(
            """SELECT s.study_id, s.title FROM studies s SEMI JOIN results r USING (study_id)
               WHERE s.study_id LIKE 'NCT%' ORDER BY 1 LIMIT 1"""
        ).fetchone()
    assert row is not None
    return row


def test_every_tool_says_what_it_is_what_it_takes_and_that_it_writes_nothing(server: Any) -> None:
    async def do(client: Any) -> Any:
        return client.instructions, (await client.list_tools()).tools

    instructions, tools = _with_client(server, do)
    assert "FICTIONAL" in instructions
    assert {one.name for one in tools} == set(TOOLS)
    for one in tools:
        assert one.annotations.read_only_hint is True
        assert one.annotations.destructive_hint is False
        assert one.annotations.open_world_hint is False
        assert one.title
        assert len(one.description) > 150
        assert one.input_schema["type"] == "object"
        assert one.input_schema["additionalProperties"] is False
        assert all(said.get("description") for said in one.input_schema["properties"].values()), one.name
        assert all(said["description"] for said in one.output_schema["properties"].values())
    schema = next(one.input_schema for one in tools if one.name == "search")
    assert (schema["required"], schema["properties"]["limit"]["maximum"]) == (["query"], 50)


def test_search_finds_and_counts(server: Any) -> None:
    said = _call(server, "search", query="FICTIONAL[ti]", syntax="pubmed", kind="trial", limit=3)
    assert not said.is_error
    assert json.loads(said.text) == said.facts
    assert len(said.facts["hits"]) == 3 < said.facts["total"]
    assert {hit["kind"] for hit in said.facts["hits"]} == {"trial"}
    assert sum(said.facts["counts"]["kind"].values()) == said.facts["total"]
    assert said.facts["is_fictional"] is True
    early = _call(server, "search", query="FICTIONAL[ti]", syntax="pubmed", before="2015-01-01")
    assert 0 < early.facts["total"] < said.facts["total"] + 1_000
    assert all(hit["date"] < "2015-01-01" for hit in early.facts["hits"])


def test_a_trial_is_read_with_its_arms_endpoints_and_results(server: Any, a_trial: Any) -> None:
    id, title = a_trial
    facts = _call(server, "trial", id=id).facts
    assert (facts["id"], facts["study"]["public_title"]) == (id, title)
    assert facts["arms"]
    assert facts["endpoints"]
    assert facts["results"]
    assert id in [one["id"] for one in facts["records"]]
    assert {"record_ids", "licence"}.isdisjoint(facts["study"])
    paper = _call(server, "search", query="FICTIONAL", kind="paper", limit=1).facts["hits"][0]["id"]
    assert _call(server, "trial", id=paper).facts["kind"] == "publication"


def test_similar_designs_of_words_and_of_a_draft(server: Any, warehouse: Path) -> None:
    facts = _call(server, "similar_designs", conditions=["Asthma"], phases=["2"], count=4).facts
    assert len(facts["similar"]) == 4
    assert facts["figures"]["enrollment"]["n"] > 0
    assert "trials" not in facts["figures"]["enrollment"]
    assert sum(facts["ended"].values()) == 4
    drafted = _call(server, "similar_designs", draft=template()).facts
    assert drafted["draft"]["title"].startswith("Verolimab")
    xml = (FIXTURES / "clinicaltrials_gov" / "one_study.xml").read_text(encoding="utf-8")
    assert _call(server, "similar_designs", draft=xml).facts["draft"]["id"].startswith("NCT99")


def test_sample_sizes_are_those_of_the_calculator(server: Any) -> None:
    from trialpanorama import power

    facts = _call(server, "sample_size", method="t-test", parameters={"difference": 5, "sd": 12, "power": 0.9}).facts
    expected = power.t_test(difference=5, sd=12, power=0.9)
    assert facts["n_per_arm"] == list(expected.n_per_arm) == [123, 123]
    assert facts["formula"]
    assert facts["steps"]
    typed = _call(server, "sample_size", method="t_test", parameters={"difference": "5", "sd": "12", "n_total": 100})
    assert typed.facts["power"] == pytest.approx(power.t_test(difference=5, sd=12, n_total=100).power)
    listed = _call(server, "sample_size").facts["methods"]
    assert {one["name"] for one in listed} == set(power.METHODS)
    assert "(needed)" in listed[0]["parameters"]["sd"]


def test_candidates_are_ranked_and_the_unknown_named(server: Any) -> None:
    best = _call(server, "rank_candidates", question="inhaled treatment of asthma", kind="trial", limit=10).facts
    ids = [one["id"] for one in best["ranked"]]
    assert len(ids) == 10
    scores = [one["score"] for one in best["ranked"]]
    assert scores == sorted(scores, reverse=True)
    again = _call(
        server, "rank_candidates", question="inhaled treatment of asthma", ids=[*reversed(ids), "NCT00000000"]
    ).facts
    assert [one["id"] for one in again["ranked"]] == ids
    assert [one["score"] for one in again["ranked"]] == pytest.approx(scores, abs=1e-3)
    assert again["unknown"] == ["NCT00000000"]
    assert again["ranking"] == "bm25"


def test_any_number_of_a_trial_names_it_as_a_candidate(server: Any, warehouse: Path) -> None:
    with Warehouse.open(warehouse).connect() as con:
        row = con.execute(
            "SELECT id, study_id FROM identifiers WHERE role = 'secondary' AND register IS NOT NULL AND id <> study_id"
            " ORDER BY 1 LIMIT 1"
        ).fetchone()
    assert row is not None
    facts = _call(server, "rank_candidates", question="any trial", ids=[row[0]]).facts
    assert [one["id"] for one in facts["ranked"]] == [row[1]]


def test_a_forecast_without_a_fitted_model_says_what_to_run(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIALPANORAMA_MODEL", raising=False)
    said = _call(server, "outcome", conditions=["Asthma"])
    assert said.is_error
    assert "trialpanorama outcome fit" in said.text


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("search", {}, "The parameter query is missing"),
        ("search", {"query": "a", "limit": 500}, "The parameter limit is not right: Expected `int` <= 50"),
        ("search", {"query": "a", "most": 5}, "There is no parameter most"),
        ("search", {"query": "(a AND", "syntax": "pubmed"}, "character"),
        ("search", {"query": "a", "before": "soon"}, '"soon" is not a day'),
        ("trial", {"id": "NCT00000000"}, "No trial or publication"),
        ("similar_designs", {}, "Nothing is said of the trial"),
        ("similar_designs", {"draft": "nonsense"}, "is no study that can be read"),
        ("similar_designs", {"draft": template(), "conditions": ["Asthma"]}, "not both"),
        ("sample_size", {"method": "t-tset"}, "Close: t-test"),
        ("sample_size", {"method": "t-test", "parameters": {"difference": 5}}, "t-test needs sd, too"),
        ("sample_size", {"method": "t-test", "parameters": {"sdd": 5}}, "Close: sd"),
        ("sample_size", {"method": "t-test", "parameters": {"sd": [1.0]}}, "sd of t-test is a number"),
        ("sample_size", {"method": "t-test", "parameters": {"sd": 1, "n_total": 10.5}}, "is a whole number"),
        ("rank_candidates", {"question": "a b c", "ids": ["x"] * 501}, "The parameter ids is not right"),
        ("delete", {}, 'No tool is called "delete"'),
    ],
)
def test_a_mistake_is_a_tool_error_of_one_line(
    server: Any, name: str, arguments: Mapping[str, Any], words: str
) -> None:
    said = _call(server, name, **arguments)
    assert said.is_error
    assert words in said.text
    assert "\n" not in said.text
    assert "Traceback" not in said.text


def test_a_fault_of_ours_is_a_line_too_and_the_server_goes_on(
    server: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Any, warehouse: Any) -> Any:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(mcp.Trial, "answer", broken)
    said = _call(server, "trial", id="NCT99000001")
    assert said.is_error
    assert "RuntimeError" in said.text
    assert "secret" not in said.text
    assert "a secret of the server" in capsys.readouterr().err
    assert not _call(server, "search", query="a").is_error


def test_answers_are_bounded_and_say_that_they_were_cut() -> None:
    whole = {"a": "short", "b": [1, 2, 3]}
    assert bounded(dict(whole)) == whole
    long = bounded({"text": "x" * 100_000, "rows": [{"name": "y" * 1_000} for _ in range(1_000)]})
    assert len(json.dumps(long)) <= MOST_CHARACTERS
    assert "cut" in long
    assert long["text"].endswith("…")
    names = [f"name {number}" for number in range(40)]
    with pytest.raises(UserError, match="too long"):
        bounded({one: {other: dict.fromkeys(names, "z" * 30) for other in names} for one in names})


def test_nothing_of_the_warehouse_is_changed_and_no_connection_is_opened(
    warehouse: Path, a_trial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a connection was opened")

    Index.open(Warehouse.open(warehouse))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = {path: path.stat().st_mtime_ns for path in warehouse.rglob("*") if path.is_file()}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("search", {"query": "asthma"}),
        ("trial", {"id": a_trial[0]}),
        ("similar_designs", {"conditions": ["Asthma"]}),
        ("rank_candidates", {"question": "asthma", "ids": [a_trial[0]]}),
        ("rank_candidates", {"question": "asthma"}),
    ]
    for name, arguments in asked:
        assert ask(warehouse, name, arguments)["snapshot"]
    assert {path: path.stat().st_mtime_ns for path in warehouse.rglob("*") if path.is_file()} == before


def test_over_standard_input_in_a_process_of_its_own(warehouse: Path, tmp_path: Path) -> None:
    from mcp.client.stdio import StdioServerParameters, stdio_client

    async def run() -> Any:
        from mcp import Client

        program = StdioServerParameters(
            command=sys.executable, args=["-m", "trialpanorama.apps.cli", "mcp", "--warehouse", str(warehouse)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        with (tmp_path / "messages").open("w", encoding="utf-8") as messages:
            async with Client(stdio_client(program, errlog=messages)) as client:
                tools = (await client.list_tools()).tools
                found = await client.call_tool("search", {"query": "asthma", "limit": 2})
                wrong = await client.call_tool("search", {"query": ""})
                return client.server_info, tools, found, wrong

    info, tools, found, wrong = asyncio.run(run())
    assert info.name == "trialpanorama"
    assert len(tools) == len(TOOLS)
    assert len(found.structured_content["hits"]) == 2
    assert wrong.is_error
    said = (tmp_path / "messages").read_text(encoding="utf-8")
    assert "Tools over" in said
    assert "Traceback" not in said


def test_without_a_warehouse_it_ends_with_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trialpanorama.apps.cli", "mcp", "--warehouse", str(tmp_path / "none")],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no warehouse" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_forecast_of_a_fitted_model_is_the_forecast(warehouse: Path, tmp_path: Path) -> None:
    from tests.apps.forecasts import fit_small
    from trialpanorama.designs import read_draft
    from trialpanorama.forecast import Forecast

    copy = fit_small(warehouse, tmp_path)
    facts = ask(copy, "outcome", {"draft": template()})
    expected = Forecast.open(warehouse=copy).predict(read_draft(template().encode(), "draft"), Warehouse.open(copy))
    assert facts["probability"] == pytest.approx(expected.probability)
    assert facts["fictional"] is True
    assert facts["model"]["is_fictional"] is True
    assert facts["reasons"]
    assert facts["similar"]
    assert len(json.dumps(facts)) <= MOST_CHARACTERS * 1.2


def test_without_the_library_it_says_what_to_install(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    with pytest.raises(UserError, match=r"pip install 'trialpanorama\[mcp\]'"):
        mcp.create_server(warehouse)
