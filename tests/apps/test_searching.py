"""Searching from the command line: how a query is read, what it finds, and how it is written down."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.conftest import Done

Command = Callable[..., Done]


def test_parse_only_needs_no_warehouse_and_says_how_a_query_is_read(command: Command) -> None:
    done = command("search", "a[ti] OR b[ti] AND c[ti]", "--parse-only", "--json")
    assert done.code == 0
    assert {"syntax", "tree", "printed"} <= set(done.json)
    assert (done.json["syntax"], done.json["printed"]) == ("pubmed", "(a[ti] OR b[ti]) AND c[ti]")
    assert done.json["tree"]["type"] == "and"
    assert command("search", "exp Pain/ or ache*.tw.", "--parse-only").out == "ovid: exp Pain/ or ache*.tw.\n"


def test_a_query_may_come_from_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1. a.ti.\n2. b.ti.\n3. 1 and 2\n"))
    assert command("search", "-", "--parse-only", "--json").json["printed"] == "a.ti. and b.ti."


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("(aspirin", ["parenthesis", "character 1", "--repair"]),
        ("aspirin[tiabb]", ["[tiabb]", "[tiab]"]),
        ("*", ["no word"]),
        ("aspirin\x07", ["control character"]),
        ("x " * 60_000, ["characters, more than"]),
    ],
)
def test_a_query_that_cannot_be_read_gets_one_line_with_its_place(
    query: str, words: list[str], command: Command
) -> None:
    done = command("search", query, "--parse-only")
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert "Traceback" not in done.err
    assert all(word in done.err for word in words)


def test_a_search_lists_what_it_finds_and_its_keys_stay(command: Command, warehouse: Path) -> None:
    done = command("search", "FICTIONAL[ti]", "--json", "-k", "5", "-w", warehouse)
    assert done.code == 0
    assert {"query", "syntax", "snapshot", "before", "total", "hits"} <= set(done.json)
    assert done.json["total"] > 80
    assert len(done.json["hits"]) == 5
    assert {"id", "kind", "title", "date", "score"} <= set(done.json["hits"][0])
    trials = command("search", "FICTIONAL[ti]", "--json", "--kind", "trial", "-k", "0", "-w", warehouse).json["total"]
    papers = command("search", "FICTIONAL[ti]", "--json", "--kind", "paper", "-k", "0", "-w", warehouse).json["total"]
    assert trials + papers == done.json["total"]
    earlier = command("search", "FICTIONAL[ti]", "--json", "--before", "2015", "-w", warehouse).json
    assert earlier["before"] == "2015"
    assert 0 < earlier["total"] < done.json["total"]
    assert all(hit["date"] < "2015" for hit in earlier["hits"])
    shown = command("search", "FICTIONAL[ti]", "-w", warehouse)
    assert f"{done.json['total']:,} found in snapshot" in shown.out


def test_words_that_were_taken_for_headings_are_said(command: Command, warehouse: Path, tmp_path: Path) -> None:
    query, heading = "high blood pressure", '"Hypertension"[mh]'
    read = command("search", query, "--parse-only", "--json").json
    assert read["printed"] == query
    assert read["translated"].startswith(f"{heading} OR ")
    assert command("search", query, "--parse-only").out.splitlines()[1] == f"looked for as: {read['translated']}"
    unknown = command("search", '"Fictional Ailments"[mh]', "--parse-only")
    assert "No heading of MeSH" in unknown.err
    record = tmp_path / "search.md"
    done = command("search", query, "--json", "--record", record, "-w", warehouse)
    assert done.json["translations"] == [{"words": query, "meaning": read["translated"]}]
    assert done.json["vocabulary"].startswith("MeSH ")
    written = record.read_text(encoding="utf-8")
    assert f"## Query as looked for, by {done.json['vocabulary']}" in written
    assert f"- `{query}` was taken for `{read['translated']}`" in written
    plain = command("search", query, "--syntax", "plain", "--parse-only", "--json").json
    assert (plain["translated"], plain["translations"]) == (None, [])


def test_what_is_found_is_counted_and_its_words_are_marked(command: Command, warehouse: Path) -> None:
    without = command("search", "FICTIONAL[ti]", "--json", "-k", "2", "-w", warehouse).json
    assert without["facets"] == {}
    assert all(hit["highlights"] == [] for hit in without["hits"])
    done = command("search", "FICTIONAL[ti]", "--json", "--facets", "--highlight", "-k", "2", "-w", warehouse).json
    assert sum(done["facets"]["kind"].values()) == done["total"] == without["total"]
    for value, count in done["facets"]["status"].items():
        one = command("search", "FICTIONAL[ti]", "--status", value, "--json", "-k", "0", "-w", warehouse).json
        assert one["total"] == count
    for hit, other in zip(done["hits"], without["hits"], strict=True):
        title = hit["highlights"][0]
        assert (hit["id"], title["field"], title["text"]) == (other["id"], "title", hit["title"])
        assert {title["text"][start:end].lower() for start, end in title["marks"]} == {"fictional"}
    shown = command("search", "FICTIONAL[ti]", "--facets", "--highlight", "-k", "2", "-w", warehouse).out
    assert "**FICTIONAL**" in shown
    assert "register" in shown
    refused = command("search", "fictional", "--syntax", "plain", "--facets", "-w", warehouse)
    assert (refused.code, "--ranking bm25" in refused.err) == (2, True)


def test_a_search_is_written_down_for_a_paper(command: Command, warehouse: Path, tmp_path: Path) -> None:
    record = tmp_path / "search.md"
    query = "1. fictional.ti.\n2. random*.tw.\n3. 1 and 2"
    done = command("search", query, "--record", record, "--before", "2020", "--json", "-w", warehouse)
    text = record.read_text(encoding="utf-8")
    for expected in (
        done.json["snapshot"], f"Found: {done.json['total']:,}", "before 2020", "FICTIONAL", "    2. random*.tw.",
        "    fictional.ti. and random*.tw.", "ClinicalTrials.gov",
    ):  # fmt: skip
        assert expected in text


def test_plain_words_are_ranked_in_three_ways_the_same_each_time(command: Command, warehouse: Path) -> None:
    question = (
        "search",
        "randomized trials of hypertension treatment",
        "--syntax",
        "plain",
        "-k",
        "10",
        "-w",
        warehouse,
    )
    answers = {}
    for ranking in ("bm25", "dense", "fused"):
        done = command(*question, "--ranking", ranking, "--json")
        assert (done.code, done.json["ranking"], len(done.json["hits"])) == (0, ranking, 10)
        assert command(*question, "--ranking", ranking, "--json").json == done.json
        answers[ranking] = [hit["id"] for hit in done.json["hits"]]
    assert answers["bm25"] != answers["dense"]
    assert command(*question, "--json").json["ranking"] == "fused"


def test_trials_are_searched_for_a_patient(command: Command, warehouse: Path, tmp_path: Path) -> None:
    described = "A 30-year-old woman with hypertension and diabetes, no cancer"
    done = command(
        "search", described, "--patient", "--json", "--record", tmp_path / "r.md", "-k", "20", "-w", warehouse
    )
    assert done.code == 0
    assert done.json["patient"] == {"age_years": 30.0, "sex": "FEMALE"}
    hits = [hit["id"] for hit in done.json["hits"]]
    assert len(hits) == 20
    listed = ", ".join(f"'{id}'" for id in hits)
    sql = f"""SELECT count(*) AS n, count(*) FILTER (coalesce(minimum_age_years, 0) <= 30
        AND coalesce(maximum_age_years, 200) >= 30 AND coalesce(sex, 'ALL') <> 'MALE') AS taken
        FROM studies WHERE study_id IN ({listed})"""
    assert command("query", sql, "--json", "-w", warehouse).json[0] == {"n": 20, "taken": 20}
    assert "take a patient 30 years old, female" in (tmp_path / "r.md").read_text(encoding="utf-8")
    shown = command("search", "An infant aged 3 months", "--patient", "-w", warehouse)
    assert "a patient 0.25 years old." in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("aspirin[ti]", "--ranking", "fused"),
        ("aspirin", "--syntax", "plain", "--ranking", "best"),
        ("a man", "--patient", "--kind", "paper"),
        ("a man", "--patient", "--syntax", "pubmed"),
    ],
)
def test_what_cannot_be_ranked_is_said_in_one_line(
    arguments: tuple[str, ...], command: Command, warehouse: Path
) -> None:
    done = command("search", *arguments, "-w", warehouse)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
