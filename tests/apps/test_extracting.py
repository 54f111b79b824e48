"""Extraction over a warehouse: what is said before, what is written, what is counted, how it goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fake_model import FakeServer, completion, mention, mentions
from trialpanorama.apps.extracting import announcement, extract_facts, put_extraction
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.link.llm import PROSE
from trialpanorama.tables import TABLES
from trialpanorama.warehouse import Warehouse

MODEL = "openai-api/fake/tiny"
STORE = Path("no-such-store")


@pytest.fixture(scope="module")
def opened(warehouse: Path) -> Warehouse:
    return Warehouse.open(warehouse)


def long_words(request: dict[str, Any], number: int) -> Any:
    """Says that the first word of a text is a condition, and that something is one that is not there."""
    text = re.findall(r"<text>\n(.*)\n</text>", request["messages"][-1]["content"], re.DOTALL)[0]
    return mentions(mention(text.split()[0], start=-1), mention("a thing that nobody wrote"))


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as con:
        return con.execute(sql.format(f"read_parquet('{path}')")).fetchall()


def test_a_dry_run_sends_nothing(
    server: FakeServer, opened: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = extract_facts(opened, MODEL, STORE, kinds=["drug"], out=tmp_path, dry_run=True)
    assert server.requests == []
    assert not list(tmp_path.iterdir())
    assert facts["texts"] > 50
    assert facts["places"] >= facts["texts"]
    assert facts["estimated_tokens"] > 100 * facts["texts"]
    assert (facts["host"], facts["is_local"], facts["kinds"]) == ("127.0.0.1", True, ["drug"])
    some = extract_facts(
        opened, MODEL, STORE, kinds=["drug"], fields=["public_title"], limit=7, out=tmp_path, dry_run=True
    )
    assert some["texts"] == 7
    assert some["estimated_tokens"] < facts["estimated_tokens"]
    put_extraction(facts)
    printed = capsys.readouterr()
    assert f"{facts['texts']:,}" in printed.out
    assert "127.0.0.1" in printed.err


def test_what_is_written_names_its_words_model_and_prompt(
    server: FakeServer, opened: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = long_words
    facts = extract_facts(opened, MODEL, STORE, kinds=["condition"], limit=40, out=tmp_path)
    folder = Path(facts["folder"])
    assert facts["outcomes"]["answered"] == facts["texts"] == 40
    assert facts["usage"] == {
        "requests": 40,
        "input_tokens": 20_000,
        "cached_input_tokens": 16_000,
        "output_tokens": 1600,
    }
    assert facts["checks"]["invented"] == facts["mentions"] == facts["checks"]["moved"] == 40
    assert {file.name for file in folder.iterdir()} == set(facts["files"])
    assert json.loads((folder / "extraction.json").read_text(encoding="utf-8")) == facts
    of_mentions = next(table for table in TABLES if table.name == "mentions")
    columns = [name for name, *_ in rows(folder / "mentions.parquet", "DESCRIBE FROM {}")]
    assert columns == [*(column.name for column in of_mentions.columns), "model", "prompt_hash"]
    found = rows(
        folder / "mentions.parquet",
        "SELECT record_id, field, position, text, text_start, text_end, method, model, prompt_hash, source FROM {}",
    )
    assert len(found) >= 40
    with opened.connect() as con:
        for record, field, position, text, start, end, method, model, prompt, source in found:
            said = {"interventions": f"interventions[{position}].name"}.get(field, field)
            if field == "eligibility_criteria":
                continue
            [(whole,)] = con.execute(f"SELECT {said} FROM records WHERE record_id = ?", [record]).fetchall()
            assert whole[start:end] == text
            assert (method, model, prompt) == ("llm", MODEL, facts["prompt_hash"])
            assert source
    texts = rows(folder / "texts.parquet", "SELECT outcome, mentions, left_out, requests FROM {}")
    assert set(texts) == {("answered", 1, 1, 1)}
    put_extraction(facts)
    printed = capsys.readouterr().out
    assert "40 mentions" in printed
    assert "40 invented" in printed


def test_failures_are_rows_and_are_asked_again(server: FakeServer, opened: Warehouse, tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Any:
        return long_words(request, number) if number % 3 else completion(None, refusal="No.")

    server.answer = answer
    first = extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=12, out=tmp_path, connections=1)
    refused = first["outcomes"]["refused"]
    assert (first["outcomes"]["answered"], refused) == (8, 4)
    file = Path(first["folder"]) / "texts.parquet"
    by_outcome = dict(rows(file, "SELECT outcome, count(*) FROM {} GROUP BY 1"))
    assert by_outcome["refused"] >= refused
    assert rows(file, "SELECT DISTINCT detail FROM {} WHERE outcome = 'refused'") == [("No.",)]
    server.answer = long_words
    before = len(server.requests)
    again = extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=12, out=tmp_path)
    assert len(server.requests) - before == refused
    assert again["outcomes"]["answered"] == 12
    assert again["kept_share"] == pytest.approx(8 / 12)
    assert again["estimated_tokens"] < first["estimated_tokens"]


def test_a_run_that_was_ended_goes_on(
    server: FakeServer, opened: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialpanorama.link.llm._AT_A_TIME", 5)
    whole = extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=20, out=tmp_path / "whole")

    def answer(request: dict[str, Any], number: int) -> Any:
        if number > 20 + 12:
            return 401, {"error": {"message": "the key has run out"}}
        return mentions()

    server.answer = answer
    with pytest.raises(UserError, match="run out"):
        extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=20, out=tmp_path / "ended", connections=1)
    assert not list((tmp_path / "ended").rglob("*.parquet"))
    server.answer = lambda request, number: mentions()
    before = len(server.requests)
    ended = extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=20, out=tmp_path / "ended", connections=1)
    assert len(server.requests) - before == 20 - 12
    assert ended["outcomes"] == whole["outcomes"]
    for name in ("mentions", "texts"):
        sql = "SELECT * EXCLUDE (kept_pieces, requests, input_tokens, cached_input_tokens, output_tokens) FROM {}"
        sql = sql if name == "texts" else "FROM {}"
        assert rows(Path(ended["folder"]) / f"{name}.parquet", sql) == rows(
            Path(whole["folder"]) / f"{name}.parquet", sql
        )


def test_the_limit_of_tokens_is_kept(server: FakeServer, opened: Warehouse, tmp_path: Path) -> None:
    facts = extract_facts(opened, MODEL, STORE, kinds=["drug"], out=tmp_path, max_tokens=9_000)
    spent = facts["usage"]["input_tokens"] + facts["usage"]["output_tokens"]
    assert 0 < spent <= 9_000
    assert facts["outcomes"]["not_asked"] == facts["texts"] - facts["outcomes"]["answered"] > 0


def test_another_machine_has_to_be_agreed_to(
    server: FakeServer, opened: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_BASE_URL", "https://models.example.org/v1")
    asked: list[str] = []
    with pytest.raises(UserError, match="--yes"):
        extract_facts(opened, MODEL, STORE, kinds=["drug"], limit=3, out=tmp_path)
    with pytest.raises(UserError, match="Nothing was sent"):
        extract_facts(
            opened, MODEL, STORE, kinds=["drug"], limit=3, out=tmp_path, confirm=lambda q: bool(asked.append(q))
        )
    assert len(asked) == 1
    assert server.requests == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"kinds": ["endpoint"]}, UnknownName), ({"fields": ["sponsors"]}, UnknownName), ({"model": "tiny"}, UserError)],
    ids=["kind", "field", "model"],
)
def test_mistakes(
    server: FakeServer, opened: Warehouse, tmp_path: Path, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        extract_facts(opened, wrong.pop("model", MODEL), STORE, out=tmp_path, **wrong)
    assert server.requests == []


def test_restricted_texts_are_announced() -> None:
    facts = {
        "texts": 10, "restricted_texts": 4, "estimated_tokens": 5_000, "max_tokens": 9_000, "model": "x/y", "host": "h",
    }  # fmt: skip
    assert "4 of them" in announcement(facts)
    assert "at most 9,000" in announcement(facts)
    assert "pass" not in announcement(facts | {"restricted_texts": 0})
    assert set(PROSE) >= {"public_title", "brief_summary", "eligibility_criteria", "interventions"}
