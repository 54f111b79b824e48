"""IRCT's walk over its numbers: where it ends, what it remembers, what it refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.replay import Asked, Replay, Reply, Service, contents, fetch_from
from tests.replay.irct import PUBLIC, SERVICE

from trialpanorama.errors import Refused, UserError
from trialpanorama.fetching import Wanted
from trialpanorama.sources import irct


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(irct, "_AT_ONCE", 20)
    monkeypatch.setattr(irct, "_EMPTY_AT_THE_END", 3)


def test_the_whole_registry_ends_where_no_trials_come_any_more(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        log = fetch_from(replay, irct.SOURCE, Wanted(), tmp_path)
    assert log.complete
    assert log.records == len(PUBLIC)
    assert log.missing == []
    assert len(replay.asked) == 6 * 20 + 3 * 20  # six files with trials, three without
    assert sorted(contents(tmp_path)) == [f"irct-{first:06d}.xml" for first in range(1, 110, 20)]
    whole = b"".join(contents(tmp_path).values())
    assert all(f"<trial_id>{id}</trial_id>".encode() in whole for id in PUBLIC.values())


def test_a_gap_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in [number for number in PUBLIC if 20 < number <= 60]:
        monkeypatch.delitem(PUBLIC, number)
    with Replay(SERVICE) as replay:
        log = fetch_from(replay, irct.SOURCE, Wanted(), tmp_path)
    assert log.records == len(PUBLIC)
    assert "irct-000021.xml" not in contents(tmp_path)


def test_what_is_known_of_files_and_gaps_is_not_asked_for_again(tmp_path: Path) -> None:
    def closed(asked: Asked) -> Reply:
        return Reply(b"", status=403) if asked.path == "/trial/150/xml" else SERVICE.answer(asked)

    wanted = Wanted(query="101-160")
    with Replay(Service(closed, ())) as replay, pytest.raises(Refused):
        fetch_from(replay, irct.SOURCE, wanted, tmp_path)
    assert len(replay.asked) == 50
    with Replay(SERVICE) as replay:
        log = fetch_from(replay, irct.SOURCE, wanted, tmp_path)
    assert [asked.path for asked in replay.asked] == [f"/trial/{number}/xml" for number in range(141, 161)]
    assert log.missing == ["the last of these numbers: no trial is public under them"]
    assert log.records == len([number for number in PUBLIC if number > 100])


@pytest.mark.parametrize("query", ["cancer", "7-3", "https://en.irct.ir/search/result?query=cancer", "12345678"])
def test_what_is_no_number_is_refused_with_an_example(query: str, tmp_path: Path) -> None:
    with Replay(SERVICE) as replay, pytest.raises(UserError, match="80000-80200"):
        fetch_from(replay, irct.SOURCE, Wanted(query=query), tmp_path / "out")
    assert replay.asked == []


def test_there_is_nothing_to_tell_changes_by(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay, pytest.raises(UserError, match="--since"):
        fetch_from(replay, irct.SOURCE, Wanted(since=date(2026, 1, 1)), tmp_path / "out")
