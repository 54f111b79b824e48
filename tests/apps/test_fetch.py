"""The fetch command: what it prints, its exit codes, and that a killed one goes on where it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.apps.conftest import Done
from tests.replay import Asked, Fault, Replay, Reply, Service, clinicaltrials_gov, contents, fetch_from, pubmed
from trialpanorama import fetching, sources
from trialpanorama.fetching import Wanted

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.Clock, "sleep", lambda clock, seconds: None)


def test_fetch_build_and_what_to_type_next(command: Command) -> None:
    with Replay(clinicaltrials_gov.SERVICE, Fault("busy")) as replay:
        done = command("fetch", "clinicaltrials_gov", "--query", "fever", "--out", "in here", "--mirror", replay.url)
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first.startswith("clinicaltrials_gov: 3 files, 8 studies, 0.0 MB in in here")
    assert second == "  6 requests, 3 repeated, 0.0 MB over the network, 21 s waited"
    assert "clinicaltrials_gov: 8 studies, 3 files, 0.0 MB in " in done.err
    assert "Next: trialpanorama build 'in here'" in done.err
    assert "Later: trialpanorama fetch clinicaltrials_gov --query fever --since 20" in done.err
    built = command("build", "in here")
    assert "8 inputs = 8 records + 0 rejects" in built.out


def test_the_same_command_again_fetches_nothing(command: Command) -> None:
    with Replay(pubmed.SERVICE) as replay:
        line = ("fetch", "pubmed", "--query", "updatefiles", "--out", "out", "--mirror", replay.url, "--json")
        first = command(*line).json
        asked = len(replay.asked)
        again = command(*line)
        assert len(replay.asked) == asked
    assert again.json == first
    assert "nothing was left to fetch" in again.err


def test_the_json_document(command: Command) -> None:
    with Replay(pubmed.SERVICE) as replay:
        done = command(
            *("fetch", "pubmed", "--query", "fictional OR flumblebug", "--since", "2020-01-08", "--out", "out"),
            *("--mirror", replay.url, "--json"),
        )
    facts = done.json
    expected = {"source": "pubmed", "query": "fictional OR flumblebug", "since": "2020-01-08", "folder": "out",
                "complete": True, "files": 1, "records": 2, "announced": 2, "unit": "articles", "requests": 2,
                "retries": 0}  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert facts["file_bytes"] == (Path("out") / "articles-000001.xml").stat().st_size
    assert facts["network_bytes"] > facts["file_bytes"]
    assert facts["missing"] == ['PubMed does not know "flumblebug" and left it out of the search']
    assert facts.keys() >= {"started", "finished", "waited_s"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fetch clinicaltrials --out out", "Close: clinicaltrials_gov"),
        ("fetch ictrp --out out", "ictrp is not fetched: WHO"),
        ("fetch pubmed --out out", "--query baseline"),
        ("fetch pubmed --query x --since yesterday --out out", '"yesterday" is no date'),
        ("fetch pubmed --query x --since 2026-02-30 --out out", "--since 2026-01-31"),
        ("fetch pubmed --query x --mirror here --out out", "here is no address"),
        ("fetch pubmed --query x", "Missing option '--out'"),
        ("fetch pubmed --query https://example.org/?term=x --out out", "example.org is not PubMed"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(line: str, expected: str, command: Command) -> None:
    done = command(*line.split())
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert expected in done.err


def test_a_folder_of_another_query_is_refused(command: Command) -> None:
    with Replay(pubmed.SERVICE) as replay:
        mirror = ("--out", "out", "--mirror", replay.url)
        command("fetch", "pubmed", "--query", "fictional", *mirror)
        done = command("fetch", "pubmed", "--query", "other", *mirror)
    assert done.code == 2
    assert done.err.splitlines() == [
        'Error: out belongs to another fetch (pubmed --query "fictional"). Name another folder: --out DIR'
    ]


def test_a_refusal_of_the_register_is_exit_code_2(command: Command) -> None:
    service = Service(lambda asked: Reply(b"`query.term`: unbalanced", status=400), ())
    with Replay(service) as replay:
        done = command("fetch", "clinicaltrials_gov", "--query", "(((", "--out", "out", "--mirror", replay.url)
    assert done.code == 2
    assert "answers 400 Bad Request: `query.term`: unbalanced." in done.err.splitlines()[-1]
    assert done.err.splitlines()[-1].endswith("trialpanorama sources clinicaltrials_gov")


def test_a_register_that_is_down_is_exit_code_1(command: Command) -> None:
    with Replay(clinicaltrials_gov.SERVICE, Fault("down", times=99)) as replay:
        done = command("fetch", "clinicaltrials_gov", "--out", "out", "--mirror", replay.url)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("Error: https://clinicaltrials.gov/api/v2/studies?")
    assert "clinicaltrials.gov answers 500 Internal Server Error, 8 times." in done.err


def test_without_a_network_the_user_hears_so_soon(command: Command) -> None:
    begun = time.monotonic()
    done = command("fetch", "umin", "--out", "f", "--mirror", "http://127.0.0.1:9")
    assert done.code == 1
    assert "127.0.0.1 cannot be reached" in done.err
    assert "Is there a network?" in done.err
    assert time.monotonic() - begun < 60  # not the minutes for which a server that was there is waited for


def test_sources_say_whether_and_how_they_are_fetched(command: Command) -> None:
    listed = {facts["name"]: facts for facts in command("sources", "--json").json}
    assert listed["ictrp"]["fetch"] is None
    assert listed["ictrp"]["no_fetch"].startswith("WHO ")
    assert listed["pubmed"]["no_fetch"] is None
    assert listed["pubmed"]["fetch"]["hosts"] == ["eutils.ncbi.nlm.nih.gov", "ftp.ncbi.nlm.nih.gov"]
    assert listed["pubmed"]["fetch"]["requests_per_minute"] == 180
    assert (listed["pubmed"]["fetch"]["takes_since"], listed["aact"]["fetch"]["takes_since"]) == (True, False)
    assert "fetch      trialpanorama fetch pubmed --out DIR" in command("sources", "pubmed").out
    assert "fetch      no: WHO " in command("sources", "ictrp").out
    assert "fetched" in command("sources").out.splitlines()[0]


# --- stopped from outside


class Slow:
    """A register whose answers wait from the third request on, and a command that fetches from it."""

    def __init__(self, folder: Path, service: Service = clinicaltrials_gov.SERVICE) -> None:
        self.gate = threading.Event()
        self.replay = Replay(service, gate=self.gate)
        self.folder = folder

    def start(self) -> subprocess.Popen[str]:
        line = ["fetch", "clinicaltrials_gov", "--out", str(self.folder), "--mirror", self.replay.url, "--json"]
        code = "import sys\nfrom trialpanorama.apps.cli import run\nsys.exit(run(sys.argv[1:]))"
        return subprocess.Popen(
            [sys.executable, "-c", code, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_for(self, requests: int, process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + 60
        while len(self.replay.asked) < requests and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        assert len(self.replay.asked) >= requests

    def go_on(self) -> Any:
        """Open the gate and run the command to its end; its document."""
        self.gate.set()
        process = self.start()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return json.loads(out)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_command_goes_on_and_fetches_nothing_twice(how: signal.Signals, tmp_path: Path) -> None:
    slow = Slow(tmp_path / "out")
    with slow.replay as replay:
        process = slow.start()
        slow.wait_for(3, process)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 130
            assert "Interrupted. What is finished is kept; go on with: trialpanorama fetch clinicaltrials_gov" in err
            assert "Traceback" not in err
        assert sorted(contents(slow.folder)) == ["fetch.json.part", "studies-000001.json", "studies-000002.json"]
        facts = slow.go_on()
    assert (facts["complete"], facts["records"], facts["files"]) == (True, 8, 3)
    tokens = [asked.parameters.get("pageToken") for asked in replay.asked]
    assert tokens[2] == tokens[3]
    assert len(set(tokens)) == 3
    with Replay(clinicaltrials_gov.SERVICE) as again:
        other = Slow(tmp_path / "other")
        other.replay = again
        other.go_on()
    assert contents(slow.folder) == contents(tmp_path / "other")


@pytest.mark.verify
def test_a_command_that_is_killed_again_and_again_ends_with_the_same_files(tmp_path: Path) -> None:
    random = Random(5)

    def answer(asked: Asked) -> Reply:
        time.sleep(0.2)
        return clinicaltrials_gov.answer(asked, page_size=1)

    slow = Slow(tmp_path / "out", Service(answer, ()))
    slow.gate.set()
    kills = 0
    with slow.replay as replay:
        while True:
            process = slow.start()
            asked = len(replay.asked)
            slow.wait_for(asked + 1, process)
            try:
                process.wait(timeout=random.uniform(0, 0.8))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
        facts = slow.go_on()
    assert kills > 2
    assert (facts["complete"], facts["records"], facts["files"]) == (True, 8, 8)
    times = Counter(asked.parameters.get("pageToken") for asked in replay.asked)
    assert sum(times.values()) <= 8 + kills, "more than the one request that a kill cut off was repeated"
    with Replay(Service(lambda asked: clinicaltrials_gov.answer(asked, page_size=1), ())) as whole:
        fetch_from(whole, sources.source("clinicaltrials_gov"), Wanted(), tmp_path / "whole")
    assert contents(slow.folder) == contents(tmp_path / "whole")
