"""The watch on the command line: text, one JSON document, and a feed that feed readers can follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.apps.conftest import Done
from tests.apps.test_cli import assert_one_line
from tests.test_changes import row, three_months, write
from trialpanorama.apps.changes import atom_feed
from trialpanorama.build import build
from trialpanorama.changes import Change, Changes, Step, TrialChanges, changes
from trialpanorama.warehouse import Warehouse

pytestmark = pytest.mark.slow

Command = Callable[..., Done]

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_months(tmp_path_factory.mktemp("watched")).path


def test_the_text_says_what_changed_from_when_to_when(command: Command, watched: Path) -> None:
    done = command("changes", "--since", "2030-02", "--until", "2030-02", "--warehouse", watched)
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "FICTIONAL" in done.out
    assert "NCT99000001 FICTIONAL trial 1" in text
    assert "2030-01-10 -> 2030-02-10 NCT99000001 in ictrp" in text
    assert '* status RECRUITING -> UNKNOWN ("Not recruiting")' in text
    assert "[-18-]{+16+}" in text
    assert "- Fever score at week 12 + Walked distance" in text
    assert "first_seen new: registered 2019-01-20" in text
    assert "NCT99000004" not in text
    assert "(--all)" in text
    everything = command("changes", "--since", "2030-02", "--until", "2030-02", "--all", "--warehouse", watched).out
    assert "NCT99000004" in everything
    assert "(--all)" not in everything


def test_a_cut_list_says_so(command: Command, watched: Path) -> None:
    done = command("changes", "--since", "2030", "--limit", "2", "--warehouse", watched)
    assert "the first 2 of" in done.out
    assert len(re.findall(r"^NCT", done.out, re.MULTILINE)) == 2


def test_json_is_one_document_with_everything_in_it(command: Command, watched: Path) -> None:
    facts = command("changes", "--since", "2030-02", "--query", "gloaming", "--json", "--warehouse", watched).json
    assert facts.keys() == {
        "since", "until", "query", "snapshot", "is_fictional", "versioned", "first_known", "last_known", "matching",
        "total", "by_field", "trials",
    }  # fmt: skip
    assert (facts["query"], facts["matching"], facts["total"]) == ("gloaming", 8, len(facts["trials"]))
    for trial in facts["trials"]:
        assert trial.keys() == {"study_id", "title", "matters", "steps"}
        for step in trial["steps"]:
            assert step.keys() == {"source", "register", "id", "url", "before", "when", "changes"}
            for change in step["changes"]:
                assert change.keys() == {"field", "matters", "old", "new", "removed", "added", "difference"}


def test_nothing_and_one_version_are_said_in_one_line(command: Command, watched: Path, tmp_path: Path) -> None:
    later = command("changes", "--since", "2031", "--warehouse", watched)
    assert (later.code, later.out.count("\n")) == (0, 1)
    assert "from 2030-01-10 to 2030-03-10" in later.out
    build([write(tmp_path / "only.csv", [row(1)], "1/10/2030")], tmp_path / "W", workers=1)
    done = command("changes", "--since", "2020", "--warehouse", tmp_path / "W")
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert "only one version" in done.out
    assert command("changes", "--since", "2020", "--json", "--warehouse", tmp_path / "W").json["versioned"] == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("changes --warehouse {w}", ["--since", "changes --help"]),
        ("changes --since tomorrow --warehouse {w}", ["tomorrow", "2025-04-01"]),
        ("changes --since 2030 --until 2030-02-30 --warehouse {w}", ["2030-02-30"]),
        ("changes --since 2030-03 --until 2030-02 --warehouse {w}", ["--until"]),
        ("changes --sinse 2030 --warehouse {w}", ["--since"]),
        ("changes --since 2030 --limit 0 --warehouse {w}", ["--limit"]),
        ("changes --since 2030 --query - --warehouse {w}", ["query"]),
        ("changes --since 2030", ["trialpanorama build"]),
    ],
)
def test_a_mistake_gets_one_line(line: str, words: list[str], command: Command, watched: Path) -> None:
    assert_one_line(command(*line.format(w=watched).split()), 2, *words)


def test_a_feed_that_cannot_be_written_is_one_line(command: Command, watched: Path, tmp_path: Path) -> None:
    done = command("changes", "--since", "2030", "--atom", tmp_path / "no" / "feed.xml", "--warehouse", watched)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "feed.xml" in done.err


def check_feed(data: bytes) -> ElementTree.Element:
    """What RFC 4287 asks of a feed and of each entry."""
    feed = ElementTree.fromstring(data)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            (child,) = element.findall(f"{ATOM}{name}")
            assert child.text
            assert child.text.strip()
        assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", element.findtext(f"{ATOM}id", ""))
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated", "")).tzinfo is not None
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None, "else each entry would need one"
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    newest = max((entry.findtext(f"{ATOM}updated", "") for entry in entries), default=None)
    assert newest is None or newest == feed.findtext(f"{ATOM}updated")
    for entry in entries:
        content = entry.find(f"{ATOM}content")
        assert content is not None
        assert content.get("type") == "html"
        ElementTree.fromstring(f"<div>{content.text}</div>")
        for link in entry.findall(f"{ATOM}link"):
            assert link.get("href", "").startswith("https://")
            assert link.get("rel") == "alternate"
    return feed


def test_the_feed_is_valid_and_says_what_the_json_says(command: Command, watched: Path, tmp_path: Path) -> None:
    done = command("changes", "--since", "2030-02", "--json", "--atom", tmp_path / "feed.xml", "--warehouse", watched)
    feed = check_feed((tmp_path / "feed.xml").read_bytes())
    said = [step for trial in done.json["trials"] for step in trial["steps"]]
    entries = feed.findall(f"{ATOM}entry")
    assert f"({len(said)} entries)" in done.err
    assert [entry.findtext(f"{ATOM}updated") for entry in entries] == [f"{step['when']}T00:00:00Z" for step in said]
    for entry, step in zip(entries, said, strict=True):
        assert step["id"] in entry.findtext(f"{ATOM}content", "")
        terms = [category.get("term") for category in entry.findall(f"{ATOM}category")]
        assert terms == [change["field"] for change in step["changes"]]
        (link,) = entry.findall(f"{ATOM}link")
        assert link.get("href") == step["url"]


def _ids(found: Changes) -> list[str]:
    feed = check_feed(atom_feed(found))
    return [entry.findtext(f"{ATOM}id", "") for entry in feed.findall(f"{ATOM}entry")]


def test_an_entry_keeps_its_id_in_every_feed_and_after_every_build(watched: Path, tmp_path: Path) -> None:
    opened = Warehouse.open(watched)
    before = _ids(changes(opened, "2030-02"))
    assert set(_ids(changes(opened, "2030", query="gloaming"))) < set(before)
    later = tmp_path / "april.csv"
    write(later, [row(1, Target_size="60"), row(2)], "4/10/2030")
    grown = tmp_path / "W"
    build([*(watched.parent / name for name in ("march.csv", "january.csv", "february.csv")), later], grown, workers=1)
    after = _ids(changes(Warehouse.open(grown), "2030-02"))
    assert set(before) < set(after)


def test_what_texts_hold_cannot_break_the_feed() -> None:
    evil = "a < b & c > \"d\" ]]> <script>alert('x')</script> \x00\x0b\ufffe\ud7ff \U0001f9ea"
    step = Step(
        source="ictrp",
        register=None,
        id=evil,
        url="javascript:alert(1)",
        before=None,
        when="2030-02-10",
        changes=[
            Change("status", True, old=evil, new=evil),
            Change("conditions", False, removed=[evil], added=[evil]),
            Change("eligibility", True, old="x", new="y", difference=evil),
        ],
    )
    found = Changes(
        since="2030",
        until=None,
        query=evil,
        snapshot="",
        is_fictional=True,
        versioned=1,
        first_known=None,
        last_known=None,
        matching=1,
        total=1,
        by_field={},
        trials=[TrialChanges(study_id=evil, title=evil, matters=True, steps=[step])],
    )
    feed = check_feed(atom_feed(found))
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}link") is None
    assert "<script>" not in entry.findtext(f"{ATOM}content", "")
    assert "\U0001f9ea" in entry.findtext(f"{ATOM}title", "")


def test_the_feed_of_nothing_is_a_feed(watched: Path) -> None:
    feed = check_feed(atom_feed(changes(Warehouse.open(watched), "2031-05")))
    assert feed.findtext(f"{ATOM}updated") == "2031-05-01T00:00:00Z"
    assert feed.findall(f"{ATOM}entry") == []


def test_the_sample_has_something_to_watch(command: Command, warehouse: Path) -> None:
    facts = command("changes", "--since", "2025-04-01", "--json", "--warehouse", warehouse).json
    assert facts["versioned"] > 0
    assert facts["total"] > 0
    assert facts["is_fictional"]
