"""Fetching: every source's fetcher against every fault of a server on this machine; what is kept, resumed, refused.

Time passes on a clock that the tests turn. The only real waits are those for a server that has fallen silent (a tenth
of a second each).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.replay import Asked, Fault, Replay, Reply, Service, services

from trialpanorama import sources
from trialpanorama.errors import FetchFailed, Refused
from trialpanorama.ingest import Piece, find_inputs, read_piece
from trialpanorama.record import Record, Reject
from trialpanorama.sources import Source
from trialpanorama.sources._fetching import Clock, FetchLog, Wanted, fetch

FETCHED = [name for name, source in sources.sources().items() if source.fetch]
RUNS = [(name, number) for name, service in services().items() for number in range(len(service.runs))]
FAULTS = (
    Fault("cut", after=1),
    Fault("cut", after=100),
    Fault("cut", after=-1),
    Fault("reset", after=50),
    Fault("busy"),
    Fault("busy", times=2, retry_after="Thu, 01 Jan 2026 00:02:00 GMT"),
    Fault("down", times=3),
    Fault("web_page"),
    Fault("changed"),
    Fault("changed_unsaid"),
    Fault("too_long"),
    Fault("too_short"),
)
MORE_FAULTS = (Fault("stall", after=30), Fault("stall", after=0), Fault("cut", times=3, after=200))


class TurnedClock(Clock):
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.waits.append(seconds)


def fetch_from(replay: Replay, source: Source, wanted: Wanted, folder: Path, **details: Any) -> FetchLog:
    """A fetch from a replayed service, with a clock that takes no time and small limits."""
    settings = {"clock": TurnedClock(), "timeout_s": 0.1, "read_bytes": 2**22, "save_bytes": 2**22} | details
    return fetch(source, wanted, folder, mirror=replay.url, **settings)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a fetched folder, without what `fetch` says of it."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "fetch.json"}


def once(name: str, number: int, folder: Path, fault: Fault | None = None) -> tuple[FetchLog, Replay]:
    service = services()[name]
    with Replay(service, fault) as replay:
        log = fetch_from(replay, sources.source(name), service.runs[number].wanted, folder)
    return log, replay


_UNDISTURBED: dict[tuple[str, int], dict[str, bytes]] = {}


def undisturbed(name: str, number: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that a run gives when nothing goes wrong."""
    if (name, number) not in _UNDISTURBED:
        folder = tmp_path_factory.mktemp("undisturbed") / "out"
        once(name, number, folder)
        _UNDISTURBED[name, number] = contents(folder)
    return _UNDISTURBED[name, number]


# --- every source


@pytest.mark.parametrize("name", list(sources.sources()))
def test_a_source_is_fetched_or_says_why_not(name: str) -> None:
    source = sources.source(name)
    assert (source.fetch is None) != (source.no_fetch is None)
    if source.fetch is None:
        assert source.no_fetch.endswith(".")
        return
    assert source.fetch.terms.endswith(".")
    assert source.fetch.queries.endswith(".")
    assert source.fetch.hosts
    assert all(host == host.lower() and "/" not in host for host in source.fetch.hosts)
    assert 0 < source.fetch.requests_per_minute <= 600


def test_every_fetcher_has_a_service_that_plays_its_register() -> None:
    assert sorted(services()) == sorted(FETCHED)


@pytest.mark.parametrize(("name", "number"), RUNS)
def test_what_is_fetched_is_what_the_register_has(name: str, number: int, tmp_path: Path) -> None:
    run = services()[name].runs[number]
    log, replay = once(name, number, tmp_path)
    assert log.complete
    assert log.retries == 0
    assert log.requests == len(replay.asked)
    assert len({asked.key for asked in replay.asked}) == len(replay.asked), "an address was asked for twice"
    told = json.loads((tmp_path / "fetch.json").read_bytes())
    assert told["complete"] is True
    for file, data in contents(tmp_path).items():
        assert told["files"][file]["bytes"] == len(data)
        assert told["files"][file]["sha256"] == hashlib.sha256(data).hexdigest()
        assert told["files"][file]["url"].startswith("https://")
    outcomes = [outcome for file in find_inputs([tmp_path]) for outcome in read_piece(Piece(file))]
    assert [outcome for outcome in outcomes if isinstance(outcome, Reject)] == []
    assert sorted(outcome.id for outcome in outcomes if isinstance(outcome, Record)) == sorted(run.ids)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.after}x{fault.times}")
@pytest.mark.parametrize("name", list(services()))
def test_a_fault_changes_nothing(
    name: str, fault: Fault, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log, _ = once(name, 0, tmp_path / "out", fault)
    assert log.complete
    assert contents(tmp_path / "out") == undisturbed(name, 0, tmp_path_factory)
    assert log.retries >= fault.times


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [*FAULTS, *MORE_FAULTS], ids=lambda fault: f"{fault.kind}-{fault.after}x{fault.times}"
)
@pytest.mark.parametrize(("name", "number"), RUNS)
def test_a_fault_changes_nothing_whatever_is_asked(
    name: str, number: int, fault: Fault, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    once(name, number, tmp_path / "out", fault)
    assert contents(tmp_path / "out") == undisturbed(name, number, tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), RUNS)
def test_a_cut_after_any_byte_changes_nothing(
    name: str, number: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = undisturbed(name, number, tmp_path_factory)
    longest = max([400, *map(len, expected.values())])
    for after in range(0, min(longest, 4_000), max(1, min(longest, 4_000) // 60)):
        once(name, number, tmp_path / str(after), Fault("cut", after=after))
        assert contents(tmp_path / str(after)) == expected


@pytest.mark.parametrize("name", list(services()))
def test_an_endless_answer_ends_with_one_clear_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"gives more than [\d,]+ bytes and does not end"):
        once(name, 0, tmp_path / "out", Fault("endless", times=99))
    assert all(path.stat().st_size < 2**16 for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", list(services()))
def test_a_page_that_stays_is_named_with_address_and_title(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        FetchFailed, match=r"^https://\S+: \S+ gives a web page instead of data \(Down for maintenance\)"
    ):
        once(name, 0, tmp_path / "out", Fault("web_page", times=99))


@pytest.mark.parametrize("name", list(services()))
def test_a_run_that_fails_anywhere_is_gone_on_with(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The server refuses everything from its n-th answer on, for every n; each run goes on from the last."""
    service, source = services()[name], sources.source(name)
    given: Counter[str] = Counter()
    log: FetchLog | None = None
    for allowed in itertools.count():
        left = itertools.count(allowed, -1)

        def answer(asked: Asked, left: Iterator[int] = left) -> Reply:
            if next(left) <= 0:
                return Reply(b"no more today", status=403)
            reply = service.answer(asked)
            given[repr(asked.key)] += 1
            return reply

        with Replay(Service(answer, ())) as replay, contextlib.suppress(Refused):
            log = fetch_from(replay, source, service.runs[0].wanted, tmp_path)
            break
    assert log is not None
    assert log.complete
    assert contents(tmp_path) == undisturbed(name, 0, tmp_path_factory)
    kept = {urlsplit(file.url).path + "?" + urlsplit(file.url).query for file in log.files.values()}
    again = [key for key, times in given.items() if times > 1]
    assert not [key for key in again if any(address in key for address in kept)]
    with Replay(service) as replay:
        assert fetch_from(replay, source, service.runs[0].wanted, tmp_path).complete
    assert replay.asked == []
