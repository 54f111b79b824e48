"""Fetching: every source's fetcher against every fault of a server on this machine; what is kept, resumed, refused.

Time passes on a clock that the tests turn. The only real waits are those for a server that has fallen silent (a tenth
of a second each).
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import itertools
import json
import logging
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay import (
    ERROR_PAGE,
    Asked,
    Fault,
    Replay,
    Reply,
    Service,
    TurnedClock,
    contents,
    fetch_from,
    services,
)

from trialpanorama import fetching, sources
from trialpanorama.errors import FetchFailed, Refused, UserError
from trialpanorama.fetching import Fetch, FetchLog, Session, State, Wanted
from trialpanorama.ingest import Piece, find_inputs, read_piece
from trialpanorama.record import Record, Reject
from trialpanorama.sources import Source

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
    Fault("changed_unsaid", times=2),
    Fault("too_long"),
    Fault("too_short"),
)
MORE_FAULTS = (Fault("stall", after=30), Fault("stall", after=0), Fault("cut", times=3, after=200))


def once(name: str, number: int, folder: Path, fault: Fault | None = None, every: int = 1) -> tuple[FetchLog, Replay]:
    """One run of a service, with a fault of every n-th address."""
    service = services()[name]
    with Replay(service, lambda addresses: fault if addresses % every == 0 else None) as replay:
        log = fetch_from(replay, sources.source(name), service.runs[number].wanted, folder)
    return log, replay


class Undisturbed(NamedTuple):
    """What a run gives when nothing goes wrong."""

    files: dict[str, bytes]
    requests: int

    @property
    def every(self) -> int:
        """How many addresses share one fault, so that the longest runs do not have hundreds."""
        return 1 + self.requests // 40


_UNDISTURBED: dict[tuple[str, int], Undisturbed] = {}


def undisturbed(name: str, number: int, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    if (name, number) not in _UNDISTURBED:
        folder = tmp_path_factory.mktemp("undisturbed") / "out"
        log, _ = once(name, number, folder)
        _UNDISTURBED[name, number] = Undisturbed(contents(folder), log.requests)
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


@pytest.mark.parametrize("name", [name for name in FETCHED if not sources.source(name).fetch.takes_since])
def test_a_source_without_since_says_so_before_it_asks(name: str, tmp_path: Path) -> None:
    with Replay(services()[name]) as replay, pytest.raises(UserError, match="since"):
        fetch_from(replay, sources.source(name), Wanted(since=date(2026, 1, 1)), tmp_path)
    assert replay.asked == []
    assert "--since" in sources.source(name).fetch.queries


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
    expected = undisturbed(name, 0, tmp_path_factory)
    log, _ = once(name, 0, tmp_path / "out", fault, expected.every)
    assert log.complete
    assert contents(tmp_path / "out") == expected.files
    assert log.retries >= (1 if fault.kind == "changed_unsaid" else fault.times)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "number", "fault"),
    # every fault of the first run was had above; of the others each meets every third
    [
        (name, number, fault)
        for place, (name, number) in enumerate(RUNS)
        for order, fault in enumerate([*FAULTS, *MORE_FAULTS])
        if fault in MORE_FAULTS or (number and (place + order) % 3 == 0)
    ],
    ids=lambda one: f"{one.kind}-{one.after}x{one.times}" if isinstance(one, Fault) else str(one),
)
def test_a_fault_changes_nothing_whatever_is_asked(
    name: str, number: int, fault: Fault, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = undisturbed(name, number, tmp_path_factory)
    once(name, number, tmp_path / "out", fault, expected.every)
    assert contents(tmp_path / "out") == expected.files


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), RUNS)
def test_a_cut_after_any_byte_changes_nothing(
    name: str, number: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = undisturbed(name, number, tmp_path_factory)
    longest = max([400, *map(len, expected.files.values())])
    for after in range(0, longest, max(1, longest // 8)):
        once(name, number, tmp_path / str(after), Fault("cut", after=after), expected.every)
        assert contents(tmp_path / str(after)) == expected.files


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", list(services()))
def test_fault_upon_fault_changes_nothing(
    name: str, seed: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Half of all answers are disturbed, each in its own way."""
    random = Random(seed)

    def fault(number: int) -> Fault | None:
        chosen = random.choice([*FAULTS, *MORE_FAULTS[:1]])
        return replace(chosen, times=99, after=random.randrange(300)) if random.random() < 0.5 else None

    service = services()[name]
    with Replay(service, fault) as replay:
        for _ in range(20):  # eight faults of eight end a run, and the next goes on
            with contextlib.suppress(FetchFailed):
                fetch_from(replay, sources.source(name), service.runs[0].wanted, tmp_path)
                break
    assert contents(tmp_path) == undisturbed(name, 0, tmp_path_factory).files


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
    for allowed in itertools.count(0, 1 + undisturbed(name, 0, tmp_path_factory).requests // 8):
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
    assert contents(tmp_path) == undisturbed(name, 0, tmp_path_factory).files
    kept = {urlsplit(file.url).path + "?" + urlsplit(file.url).query for file in log.files.values()}
    again = [key for key, times in given.items() if times > 1]
    assert not [key for key in again if any(address in key for address in kept)]
    with Replay(service) as replay:
        assert fetch_from(replay, source, service.runs[0].wanted, tmp_path).complete
    assert replay.asked == []


# --- one file, looked at closely


BODY = b"<set>" + b"".join(b"<entry>%d</entry>" % number for number in range(6)) + b"</set>"
PAGE = '{"studies": [{"a": "Fieber \\"}] ü"}], "next": null}'.encode()


def one_file(asked: Asked) -> Reply:
    """A file that can be resumed, one that cannot, and a page of an interface."""
    headers = {"/file.xml": {"ETag": '"one"'}, "/dated.xml": {"Last-Modified": "Fri, 02 Jan 2026 00:00:00 GMT"},
               "/weak.xml": {"ETag": 'W/"one"'}}  # fmt: skip
    if asked.path in ("/file.xml", "/dated.xml", "/weak.xml", "/plain.xml"):
        return Reply(BODY, "text/xml", headers=headers.get(asked.path, {}))
    if asked.path == "/page":
        return Reply(PAGE, "application/json")
    if asked.path == "/teapot":
        return Reply(b"<html><title>No &amp; never</title></html>", "text/html", 418)
    return Reply(b"Unknown field   `foo`\n", status=400)


def a_source(run: Callable[[Session, Wanted], None]) -> Source:
    fetched = Fetch(run, hosts=("a.example", "b.example"), terms="x.", queries="x.", requests_per_minute=30)
    return Source("made_up", "Made up", "https://a.example", "none", True, (), "x.", (), fetch=fetched)


def saving(name: str) -> Source:
    return a_source(lambda session, wanted: void(session.save(name, f"https://a.example/{name}", kind="xml")))


def void(_: object) -> None:
    """A fetcher returns nothing."""


READING = a_source(lambda session, wanted: void(session.read("https://a.example/page", name="page.json")))
SERVICE = Service(one_file, ())


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_file_cut_after_any_byte_is_gone_on_with(kind: Any, tmp_path: Path) -> None:
    for after in range(len(BODY)):
        with Replay(SERVICE, Fault(kind, after=after, times=1)) as replay:
            log = fetch_from(replay, saving("file.xml"), Wanted(), tmp_path / str(after))
        assert contents(tmp_path / str(after)) == {"file.xml": BODY}
        assert log.files["file.xml"].sha256 == hashlib.sha256(BODY).hexdigest()
        assert log.files["file.xml"].etag == '"one"'
        first, second = replay.asked
        assert "range" not in first.headers
        if kind == "cut" and after:  # a reset can take bytes with it that were on their way
            assert second.headers["range"] == f"bytes={after}-"
            assert second.headers["if-range"] == '"one"'
            assert log.bytes == len(BODY)


def test_a_page_cut_after_any_byte_is_read_again(tmp_path: Path) -> None:
    for after in range(len(PAGE)):
        for kind in ("cut", "too_short"):
            fault = Fault("cut", after=after) if kind == "cut" else Fault("too_short", after=after)
            with Replay(SERVICE, fault) as replay:
                fetch_from(replay, READING, Wanted(), tmp_path / f"{kind}{after}")
            assert contents(tmp_path / f"{kind}{after}") == {"page.json": PAGE}


@pytest.mark.parametrize("name", ["file.xml", "dated.xml", "weak.xml", "plain.xml"])
@pytest.mark.parametrize("kind", ["cut", "too_long", "too_short", "stall"])
def test_a_file_with_and_without_a_validator(name: str, kind: Any, tmp_path: Path) -> None:
    with Replay(SERVICE, Fault(kind, after=70)) as replay:
        fetch_from(replay, saving(name), Wanted(), tmp_path)
    assert contents(tmp_path) == {name: BODY}
    ranges = [asked.headers.get("range") for asked in replay.asked]
    assert (ranges[1] is not None) == (name in ("file.xml", "dated.xml") and kind != "too_short")


def test_the_rest_of_another_file_is_never_put_behind_the_first(tmp_path: Path) -> None:
    """The server ignores If-Range, and gives the rest of what the file is by then."""
    with Replay(SERVICE, Fault("changed_unsaid", times=2)) as replay:
        fetch_from(replay, saving("file.xml"), Wanted(), tmp_path)
    assert contents(tmp_path) == {"file.xml": BODY}
    assert [asked.headers.get("if-range") for asked in replay.asked] == [None, '"older"', None]


def test_a_server_that_always_cuts_is_outlasted_as_long_as_bytes_come(tmp_path: Path) -> None:
    with Replay(SERVICE, Fault("cut", after=5, times=999)) as replay:
        log = fetch_from(replay, saving("file.xml"), Wanted(), tmp_path)
    assert contents(tmp_path) == {"file.xml": BODY}
    assert len(replay.asked) == len(BODY) // 5 + 1 > 2 * fetching.ATTEMPTS
    assert log.bytes == len(BODY)


def test_a_server_that_gives_the_rest_in_pieces_is_asked_for_each(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        if not start:
            return one_file(asked)
        piece, size = BODY[start : start + 40], len(BODY)
        headers = {"ETag": '"one"', "Content-Range": f"bytes {start}-{start + len(piece) - 1}/{size}"}
        return Reply(piece, "text/xml", 206, headers)

    with Replay(Service(answer, ()), Fault("cut", after=20)) as replay:
        fetch_from(replay, saving("file.xml"), Wanted(), tmp_path)
    assert contents(tmp_path) == {"file.xml": BODY}
    assert len(replay.asked) == 1 + -(-(len(BODY) - 20) // 40)


def test_a_web_page_in_between_costs_nothing_of_what_is_there(tmp_path: Path) -> None:
    pages = iter([one_file, lambda asked: Reply(ERROR_PAGE, "text/html"), one_file])
    source = a_source(lambda session, wanted: void(session.save("file.txt", "https://a.example/file.xml", kind="text")))
    with Replay(Service(lambda asked: next(pages)(asked), ()), Fault("cut", after=70)) as replay:
        fetch_from(replay, source, Wanted(), tmp_path)
    assert contents(tmp_path) == {"file.txt": BODY}
    assert [asked.headers.get("range") for asked in replay.asked] == [None, "bytes=70-", "bytes=70-"]


def test_a_cut_that_never_ends_is_given_up_with_one_line(tmp_path: Path) -> None:
    with (
        Replay(SERVICE, Fault("cut", after=20, times=999)) as replay,
        pytest.raises(FetchFailed, match="8 times") as caught,
    ):
        fetch_from(replay, saving("plain.xml"), Wanted(), tmp_path)
    assert str(caught.value).startswith("https://a.example/plain.xml: ")
    assert "the same command goes on" in str(caught.value)
    assert len(replay.asked) == 8


def test_a_stopped_download_goes_on_in_the_next_run(tmp_path: Path) -> None:
    with Replay(SERVICE, Fault("cut", after=77, times=1)) as replay:

        def stop(state: State) -> None:
            if replay.asked:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch_from(replay, saving("file.xml"), Wanted(), tmp_path, progress=stop)
        have = (tmp_path / "file.xml.part").stat().st_size
        assert 0 < have <= 77
        log = fetch_from(replay, saving("file.xml"), Wanted(), tmp_path)
    assert replay.asked[-1].headers["range"] == f"bytes={have}-"
    assert log.complete
    assert contents(tmp_path) == {"file.xml": BODY}


def test_a_wrong_checksum_is_never_kept(tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.save("f", "https://a.example/file.xml", md5="0" * 32)))
    with Replay(SERVICE) as replay, pytest.raises(FetchFailed, match="checksum"):
        fetch_from(replay, source, Wanted(), tmp_path)
    assert contents(tmp_path).keys() <= {"fetch.json.part"}


@pytest.mark.parametrize(
    ("kind", "whole", "broken"),
    [
        ("json", b'\xef\xbb\xbf{"a": [1]}\n', b'{"a": {"b": 1}'),
        ("json", b"[]", b""),
        ("xml", b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]>\n<!-- c --><a b="1"><a/></a>\n', b"<a><b></b>"),
        ("xml", b"<a/>", b"<a>"),
        ("xml", b"<a>x</a>\n<!-- b --> <!-- c -->\n", b"<a>x<!-- b -->"),
        ("xml", b"<a><b/></a>", b"<a><b/>"),
        ("gzip", gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0), gzip.compress(b"one", mtime=0)[:-1]),
        ("gzip", gzip.compress(b"", mtime=0), b""),
        ("html", b"<html>x</HTML>\n", b"<html>x"),
        ("text", b"", None),
    ],
)
def test_what_is_whole(kind: Any, whole: bytes, broken: bytes | None) -> None:
    assert fetching._is_whole(io.BytesIO(whole), kind)
    assert broken is None or not fetching._is_whole(io.BytesIO(broken), kind)


def test_a_zip_without_its_end_is_not_whole() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", b"FICTIONAL " * 100)
    assert fetching._is_whole(file, "zip")
    assert not fetching._is_whole(io.BytesIO(file.getvalue()[:-10]), "zip")


@pytest.mark.parametrize(
    ("head", "is_page"),
    [
        (ERROR_PAGE, True),
        (b"\xef\xbb\xbf \n<!-- x --><HTML lang='en'>", True),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', True),
        (b"<htmlish/>", False),
        (b'{"text": "<html>"}', False),
        (b"<!DOCTYPE PubmedArticleSet SYSTEM 'x'>", False),
    ],
)
def test_a_web_page_is_known_by_its_beginning(head: bytes, is_page: bool) -> None:
    assert (fetching._PAGE.match(head) is not None) == is_page


def test_looking_at_a_page_takes_no_time_whatever_it_says() -> None:
    began = time.process_time()
    for head in (b"<!---->" * 300, b"<?xml?>" * 300, b"<!-- " * 400, b"<!DOCTYPE [" * 200 + b"]>", b"<title>" * 300):
        fetching._PAGE.match(head)
        fetching.page_title(head)
        fetching._is_whole(io.BytesIO(head), "xml")
        fetching._is_whole(io.BytesIO(b"<a>" + head), "xml")
    assert time.process_time() - began < 1


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"bytes [0-9*-]+/[0-9*]+"), st.binary(max_size=60))
def test_no_header_and_no_body_can_stop_a_look_at_it(value: str, body: bytes) -> None:
    seconds = fetching._retry_after(value, datetime(2026, 1, 1, tzinfo=UTC))
    assert seconds is None or seconds >= 0
    length = fetching._length({"content-length": value})
    assert length is None or str(length) == value.lstrip("0") or length == 0
    part = fetching.Part("https://a.example", etag='"one"', total=100)
    assert fetching._goes_on(part, 10, 206, {"content-range": value}) in (True, False)
    for kind in ("json", "xml", "gzip", "zip", "html", "text"):
        assert fetching._is_whole(io.BytesIO(body), kind) in (True, False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "content_range", "etag", "expected"),
    [
        (206, "bytes 10-99/100", None, True),
        (206, "bytes 10-99/*", '"one"', True),
        (206, "bytes 11-99/100", '"one"', False),
        (206, "bytes 10-99/100", '"two"', False),
        (206, "bytes 10-119/120", '"one"', False),
        (206, "", '"one"', False),
        (206, "bytes */100", '"one"', False),
        (416, "bytes */10", '"one"', True),
        (416, "bytes */100", '"one"', False),
        (416, "bytes */*", '"one"', False),
    ],
)
def test_what_goes_on_where_a_part_ends(status: int, content_range: str, etag: str | None, expected: bool) -> None:
    part = fetching.Part("https://a.example", etag='"one"', total=100)
    headers = {"content-range": content_range} | ({"etag": etag} if etag else {})
    assert fetching._goes_on(part, 10, status, headers) is expected


@pytest.mark.parametrize(
    ("status", "error"), [(206, FetchFailed), (204, FetchFailed), (304, FetchFailed), (416, Refused)]
)
def test_an_answer_to_what_was_not_asked_is_not_kept(status: int, error: type[Exception], tmp_path: Path) -> None:
    service = Service(lambda asked: Reply(BODY, "text/xml", status), ())
    for number, source in enumerate((READING, saving("file.xml"))):
        with Replay(service) as replay, pytest.raises(error, match=str(status)):
            fetch_from(replay, source, Wanted(), tmp_path / str(number))
        assert contents(tmp_path / str(number)).keys() <= {"fetch.json.part"}


# --- manners


def test_requests_keep_the_pace_of_each_host(tmp_path: Path) -> None:
    clock = TurnedClock()
    log = FetchLog("", "made_up", "", None, "")
    session = Session(tmp_path, log, hosts=("a.example",), requests_per_minute=30, clock=clock)
    for address in ("https://a.example/1", "https://a.example/2", "https://b.example/1", "https://a.example/3"):
        session._keep_pace(address)
    assert clock.waits == [2.0, 2.0]
    clock.seconds += 60
    session._keep_pace("https://a.example/4")
    session.pace(60)
    session._keep_pace("https://a.example/5")
    session._keep_pace("https://a.example/6")
    assert clock.waits == [2.0, 2.0, 2.0, 1.0]
    assert log.waited_s == 7.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0", 0.0), ("Thu, 01 Jan 2026 00:01:30 GMT", 90.0), ("Thu, 01 Jan 2026 00:01:30 -0000", 90.0),
     ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0), ("soon", None), ("", None), ("-5", None), ("Thu, 99 Foo", None)],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    assert fetching._retry_after(value, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


def test_the_server_says_how_long_to_wait(tmp_path: Path) -> None:
    clock = TurnedClock()
    with Replay(SERVICE, Fault("busy", times=2, retry_after="33")) as replay:
        fetch_from(replay, READING, Wanted(), tmp_path, clock=clock)
    assert clock.waits == [33.0, 33.0]


def test_without_a_word_of_the_server_waits_grow(tmp_path: Path) -> None:
    clock = TurnedClock()
    with Replay(SERVICE, Fault("down", times=5)) as replay:
        fetch_from(replay, READING, Wanted(), tmp_path, clock=clock)
    assert clock.waits == [1, 2, 4, 8, 16]


def test_who_asks_for_too_much_patience_is_told_so(tmp_path: Path) -> None:
    with (
        Replay(SERVICE, Fault("busy", retry_after="7200")) as replay,
        pytest.raises(FetchFailed, match="in 120 minutes"),
    ):
        fetch_from(replay, READING, Wanted(), tmp_path)


def test_who_asks_says_so_and_gives_no_address_of_a_person(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        fetch_from(replay, READING, Wanted(), tmp_path)
    headers = replay.asked[0].headers
    assert headers["user-agent"].startswith("TrialPanorama/")
    assert "@" not in str(headers)
    assert "cookie" not in headers


def test_only_get_and_post() -> None:
    assert {fetching._Request("https://a.example", json=json, form=form).method
            for json, form in ((None, None), ({}, None), (None, {}))} == {"GET", "POST"}  # fmt: skip


def test_a_post_says_what_it_is(tmp_path: Path) -> None:
    def run(session: Session, wanted: Wanted) -> None:
        session.read("https://a.example/page", json={"a": ["ü", 1]}, headers={"X-Made-Up": "1"})
        session.read("https://a.example/page", form={"b": "c d"}, params={"e": ["f", "g"]})

    with Replay(SERVICE) as replay:
        fetch_from(replay, a_source(run), Wanted(), tmp_path)
    first, second = replay.asked
    assert (first.method, first.json, first.headers["content-type"]) == ("POST", {"a": ["ü", 1]}, "application/json")
    assert (second.method, second.form, second.parameters) == ("POST", {"b": "c d"}, {"e": "g"})
    assert first.headers["x-made-up"] == "1"


# --- errors


def test_a_refusal_is_one_line_with_what_where_and_what_next(tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://a.example/x", params={"q": "foo bar"})))
    with Replay(SERVICE) as replay, pytest.raises(Refused) as caught:
        fetch_from(replay, source, Wanted(), tmp_path)
    assert caught.value.status == 400
    assert str(caught.value) == (
        "https://a.example/x?q=foo+bar answers 400 Bad Request: Unknown field `foo`. Nothing that was fetched is lost. "
        "What can be asked for: trialpanorama sources made_up"
    )
    source = a_source(lambda session, wanted: void(session.read("https://a.example/teapot")))
    with Replay(SERVICE) as replay, pytest.raises(Refused, match=r"answers 418 I'm a Teapot: No & never\. "):
        fetch_from(replay, source, Wanted(), tmp_path)
    assert len(replay.asked) == 1


def test_a_long_address_is_cut_in_messages(tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://a.example/x", params={"ids": "9" * 5_000})))
    with Replay(SERVICE) as replay, pytest.raises(Refused) as caught:
        fetch_from(replay, source, Wanted(), tmp_path)
    assert len(str(caught.value)) < 500
    assert len(replay.asked[0].parameters["ids"]) == 5_000


def test_a_disk_that_takes_nothing_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "page.json.part")

    with Replay(SERVICE) as replay:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", full)
            with pytest.raises(UserError, match=r"page\.json\.part: No space left on device\. "):
                fetch_from(replay, READING, Wanted(), tmp_path)
        assert fetch_from(replay, READING, Wanted(), tmp_path).complete


@pytest.mark.parametrize("prefix", ["", "/mirrors/one/"])
def test_a_mirror_stands_for_every_host_and_redirects_stay_in_it(prefix: str, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        assert asked.path.startswith(prefix)
        path = asked.path.removeprefix(prefix.rstrip("/"))
        if path == "/from":
            return Reply(b"", status=302, headers={"Location": f"{prefix.rstrip('/')}/page"})
        return one_file(replace(asked, path=path))

    source = a_source(lambda session, wanted: void(session.read("https://b.example/from", name="x.json")))
    with Replay(Service(answer, ())) as replay:
        fetching.fetch(source, Wanted(), tmp_path, mirror=replay.url + prefix, clock=TurnedClock())
    assert contents(tmp_path) == {"x.json": PAGE}


def redirecting(location: str, status: int = 302) -> Service:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/from":
            return Reply(b"", status=status, headers={"Location": location})
        return Reply(json.dumps([asked.method, asked.path]).encode(), "application/json")

    return Service(answer, ())


@pytest.mark.parametrize(
    ("location", "where"), [("/to", "/to"), ("https://b.example/to?x=1", "/to"), ("https://a.example/to", "/to")]
)
def test_a_redirect_to_a_host_of_the_source_is_followed(location: str, where: str, tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://a.example/from", name="x.json")))
    with Replay(redirecting(location)) as replay:
        log = fetch_from(replay, source, Wanted(), tmp_path)
    assert contents(tmp_path) == {"x.json": f'["GET", "{where}"]'.encode()}
    assert log.files["x.json"].url == "https://a.example/from"


@pytest.mark.parametrize(
    "location",
    ["https://c.example/to", "http://a.example/to", "ftp://a.example/to", "https://a.example.c.example/", "/from"],
)
def test_a_redirect_anywhere_else_is_not_followed(location: str, tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://a.example/from", name="x.json")))
    with Replay(redirecting(location)) as replay, pytest.raises(FetchFailed, match="leads "):
        fetch_from(replay, source, Wanted(), tmp_path)
    assert {asked.path for asked in replay.asked} == {"/from"}


@pytest.mark.parametrize(("status", "method"), [(303, "GET"), (302, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirected_post(status: int, method: str, tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://a.example/from", json={}, name="x.json")))
    with Replay(redirecting("/to", status)) as replay:
        fetch_from(replay, source, Wanted(), tmp_path)
    assert contents(tmp_path) == {"x.json": f'["{method}", "/to"]'.encode()}


def test_a_host_that_the_source_does_not_name_is_never_asked(tmp_path: Path) -> None:
    source = a_source(lambda session, wanted: void(session.read("https://c.example/page")))
    with Replay(SERVICE) as replay, pytest.raises(FetchFailed, match="no https address of this source"):
        fetch_from(replay, source, Wanted(), tmp_path)
    assert replay.asked == []


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        pass
    with pytest.raises(FetchFailed, match="connect error"):
        fetch_from(replay, READING, Wanted(), tmp_path)


def test_an_answer_that_drips_counts_as_stalled(tmp_path: Path) -> None:
    clock = TurnedClock()
    session = Session(tmp_path, FetchLog("", "", "", None, ""), hosts=(), requests_per_minute=1, clock=clock)

    def drops() -> Iterator[bytes]:
        while True:
            clock.seconds += 20
            yield b"x" * 100

    with pytest.raises(fetching._Again, match="drips"):
        list(session._body(drops()))


def test_an_answer_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = TurnedClock()

    def later(clock: TurnedClock = clock) -> float:
        clock.seconds += 10
        return clock.seconds

    monkeypatch.setattr(clock, "now", later)
    with Replay(SERVICE, Fault("endless")) as replay, pytest.raises(FetchFailed, match="not end within 15 minutes"):
        fetch_from(replay, READING, Wanted(), tmp_path, clock=clock, read_bytes=2**30)


# --- the folder


def test_nothing_is_fetched_twice(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        first = fetch_from(replay, READING, Wanted(), tmp_path)
        again = fetch_from(replay, READING, Wanted(), tmp_path)
    assert len(replay.asked) == 1
    assert again == first


def test_retries_are_not_logged_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Replay(SERVICE, Fault("down", times=3)) as replay:
        fetch_from(replay, READING, Wanted(), tmp_path)
    assert capfd.readouterr() == ("", "")
    assert len(logging.getLogger("stamina").handlers) <= 2


def test_a_file_that_is_gone_or_was_changed_is_fetched_again(tmp_path: Path) -> None:
    for damage in (Path.unlink, lambda path: path.write_bytes(b"short")):
        with Replay(SERVICE) as replay:
            fetch_from(replay, READING, Wanted(), tmp_path)
            asked = len(replay.asked)
            damage(tmp_path / "page.json")
            assert fetch_from(replay, READING, Wanted(), tmp_path).complete
        assert len(replay.asked) == asked + 1
        assert contents(tmp_path) == {"page.json": PAGE}


def test_another_fetch_does_not_get_the_same_folder(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        fetch_from(replay, READING, Wanted("fever"), tmp_path)
        for wanted in (Wanted("ague"), Wanted("fever", date(2026, 1, 1)), Wanted()):
            with pytest.raises(UserError, match=r'belongs to another fetch \(made_up --query "fever"\)\. Name another'):
                fetch_from(replay, READING, wanted, tmp_path)
        assert len(replay.asked) == 1


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with Replay(SERVICE) as replay, pytest.raises(UserError, match="no fetch has written"):
        fetch_from(replay, READING, Wanted(), tmp_path)
    with Replay(SERVICE) as replay, pytest.raises(UserError, match="is a file"):
        fetch_from(replay, READING, Wanted(), tmp_path / "notes.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]


def test_two_fetches_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    def run(session: Session, wanted: Wanted) -> None:
        with pytest.raises(UserError, match="Another fetch works in"):
            fetch_from(replay, READING, Wanted(), tmp_path)

    with Replay(SERVICE) as replay:
        fetch_from(replay, a_source(run), Wanted(), tmp_path)


def test_a_source_that_is_not_fetched_says_why(tmp_path: Path) -> None:
    with (
        Replay(SERVICE) as replay,
        pytest.raises(UserError, match=r"ictrp is not fetched: WHO .* trialpanorama sources ictrp"),
    ):
        fetch_from(replay, sources.source("ictrp"), Wanted(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def two_pages(session: Session, wanted: Wanted) -> None:
    session.expect(2, "pages")
    for number in (1, 2):
        session.read("https://a.example/page", params={"n": number}, name=f"in/page-{number}.json")
        session.count(f"in/page-{number}.json", number)
        session.remember("last", number)
        session.lacks(f"something of {number}")
    if session.recall("stop") is None:
        session.remember("stop", True)
        session.read("https://a.example/teapot")


def test_a_kill_at_any_byte_of_the_journal_loses_at_most_the_last_step(tmp_path: Path) -> None:
    """The journal is cut where a kill could cut it; what it still says is there is not asked for again."""
    log = FetchLog("", "made_up", "", None, "")
    (tmp_path / "whole").mkdir()
    fetching.write_log(tmp_path / "whole", log)
    with Replay(SERVICE) as replay:
        session = Session(
            tmp_path / "whole",
            log,
            hosts=("a.example",),
            requests_per_minute=60,
            mirror=replay.url,
            clock=TurnedClock(),
        )
        with pytest.raises(Refused):
            two_pages(session, Wanted())
    journal = (tmp_path / "whole" / "fetch.json.part").read_bytes()
    lines = journal.splitlines(keepends=True)
    ends = list(itertools.accumulate(map(len, lines)))
    for at in range(0, len(journal) + 1, 11):
        folder = tmp_path / str(at)
        shutil.copytree(tmp_path / "whole", folder)
        (folder / "fetch.json.part").write_bytes(journal[:at])
        kept = sum(
            b'"file"' in line and b'"records"' not in line
            for line, end in zip(lines, ends, strict=True)
            if end - 1 <= at
        )
        with Replay(SERVICE) as replay:
            with contextlib.suppress(Refused):
                fetch_from(replay, a_source(two_pages), Wanted(), folder)
            assert sum(asked.path == "/page" for asked in replay.asked) == 2 - kept
            log = fetch_from(replay, a_source(two_pages), Wanted(), folder)
        assert log.complete
        assert log.records == 3
        assert log.missing == ["something of 1", "something of 2"]
        assert contents(folder) == {"in/page-1.json": PAGE, "in/page-2.json": PAGE}
        assert (log.parts, log.memory) == ({}, {})


def test_a_kill_between_the_journal_and_the_name_loses_nothing(tmp_path: Path) -> None:
    with Replay(SERVICE) as replay:
        fetch_from(replay, READING, Wanted(), tmp_path)
        (tmp_path / "page.json").rename(tmp_path / "page.json.part")
        assert fetch_from(replay, READING, Wanted(), tmp_path).complete
    assert len(replay.asked) == 1
    assert contents(tmp_path) == {"page.json": PAGE}


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "", "x.part", "fetch.json", ".hidden", "a//b", "a b", "ü"])
def test_a_file_cannot_be_named_out_of_the_folder(name: str, tmp_path: Path) -> None:
    url = "https://a.example/page"
    for run in (
        lambda session, wanted: void(session.keep(name, b"x", url)),
        lambda session, wanted: void(session.read(url, name=name)),
        lambda session, wanted: void(session.save(name, url)),
    ):
        with Replay(SERVICE) as replay, pytest.raises(ValueError, match="no name for a file"):
            fetch_from(replay, a_source(run), Wanted(), tmp_path)
        assert replay.asked == []


def test_a_build_reads_no_fetch_json_and_no_parts(tmp_path: Path) -> None:
    for name in ("fetch.json", "fetch.json.part", "in/a.json", "in/b.json.part", "in/deep/c.xml.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [Path(file.path).name for file in find_inputs([tmp_path])] == ["a.json"]
    (tmp_path / "fetch.json").unlink()
    assert len(find_inputs([tmp_path])) == 4


def test_progress_is_said_and_never_goes_back(tmp_path: Path) -> None:
    states: list[State] = []
    with Replay(SERVICE, Fault("busy")) as replay, contextlib.suppress(Refused):
        fetch_from(replay, a_source(two_pages), Wanted(), tmp_path, progress=states.append)
    assert [state.done for state in states] == sorted(state.done for state in states)
    assert states[-1].done == 3
    assert {state.total for state in states} == {None, 2}
    assert any("again in 7 s" in state.detail and "429" in state.detail for state in states)
