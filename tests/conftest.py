"""Fixtures that every test may use."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_model import FakeServer
from trialpanorama import engine, link, sample
from trialpanorama.build import build

_REPOSITORY = Path(__file__).resolve().parent.parent
Once = Callable[[str, Callable[[Path], object]], Path]


_LONGEST = (
    "test_demo.py", "test_build.py", "test_unreliable.py", "test_changes_real.py", "test_tables.py", "test_grpo.py",
    "test_reviews.py", "test_pages.py", "test_web_outcomes.py", "test_runs.py", "test_changes.py", "test_fuzz.py",
    "test_benchmark_training.py", "test_models.py", "test_launch.py", "test_fetching.py", "test_ictrp.py",
    "test_cli.py", "test_resolve.py", "test_sft.py", "test_training.py", "test_literature.py",
)  # fmt: skip
"""Files that take longest: they begin first, so that no worker is left alone with one of them at the end."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the many processes that tests start find the package compiled
for library in ("OMP", "OPENBLAS", "MKL"):  # threads that wait for each other busily, where every core has a worker
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# Looking for garbage as often as usual, among all that is loaded here, takes a twelfth of the time of the tests.
gc.set_threshold(50_000, 20, 100)


_SLOW = {
    ".": "benchmark_training build changes changes_real ingest tables tables_reviews",
    "apps": "cli demo evaluating extracting fetch forecasting mcp power_command rankings searching training web_design "
    "web_outcomes web_pages web_reading web_runs web_saved wording",
    "baselines": "baselines calculator forecaster models retriever",
    "browser": "pages",
    "evaluate": "asking runs unreliable",
    "flaws": "choice evaluation house",
    "forecast": "evaluating fitting",
    "link": "conditions criteria graph literature llm",
    "ontologies": "builtin_drugs hostile real",
    "resolve": "aliases resolve",
    "sample": "sample",
    "search": "benchmark embedding highlights index query",
    "sources": "fetching fuzz ictrp reviews",
    "tasks": "design evidence_summary exports study_search trial_completion trials",
    "train": "experiments grpo launch rewards runs sft",
}
"""Files of each folder whose tests take more than some seconds together: `make check` leaves them out, as it does
single tests that are marked so."""
_SLOW_FILES = {
    Path(__file__).parent / folder / f"test_{name}.py" for folder, names in _SLOW.items() for name in names.split()
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even load a file of which `make check` wants no test."""
    return True if collection_path in _SLOW_FILES and "not slow" in config.option.markexpr else None


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: it is not looked through for garbage."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """At the end it is taken apart as usual: libraries tell of what was left."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, the order within a file stays; mark those that `make check` leaves out."""
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
    for item in items:
        if item.path in _SLOW_FILES:
            item.add_marker("slow")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A model server on this machine, which Inspect knows as openai-api/fake/NAME."""
    fake = FakeServer()
    monkeypatch.setenv("FAKE_BASE_URL", fake.url)
    monkeypatch.setenv("FAKE_API_KEY", "none")
    yield fake
    fake.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real registry files ($TRIALPANORAMA_DATA or ../shared/data); the test is skipped without it."""
    folder = Path(os.environ.get("TRIALPANORAMA_DATA") or _REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set TRIALPANORAMA_DATA to a folder that has it")
    return folder


def _common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a folder when the first worker asks for it, and for all of them; tests read there and never write."""
    common = _common(tmp_path_factory)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, partial = common / name, common / f"{name}.part"
        with (common / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                make(partial)
                partial.rename(folder)
        return folder

    return made


@contextlib.contextmanager
def unlinked() -> Iterator[None]:
    """Builds name no conditions, drugs and criteria, for tests of what is the same whether or not they do.

    What finds them takes many seconds to load, and most of the time of a build.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "_linker", lambda kind, store, fingerprint: None)
        patch.setattr(link, "_links_of", lambda task: link._found_rows(task.kind, []))
        patch.setattr(link, "_criteria_of", lambda task: link._criteria_rows([]))
        yield


@pytest.fixture(scope="session")
def resolved_sample(once: Once) -> Path:
    """A `sample` of 1,500 fictional trials with its truth, and a `warehouse` of it in which no words are linked."""

    def make(folder: Path) -> None:
        sample.write(folder / "sample", 1_500, 11)
        with unlinked():
            build([one for one in (folder / "sample").iterdir() if one.is_dir()], folder / "warehouse", workers=1)

    return once("resolved_sample", make)


@pytest.fixture(scope="session")
def real_topics(shared_data: Path, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a warehouse of the eleven topics of Cohen 2006, in which no words are linked."""

    def make(folder: Path) -> None:
        with unlinked():
            build([shared_data / "reviews" / "cohen2006_eleven_topics.zip"], folder / "warehouse", workers=1)

    copy = tmp_path_factory.mktemp("topics") / "warehouse"
    shutil.copytree(once("real_topics", make) / "warehouse", copy)  # the first search makes an index in it
    return copy


@pytest.fixture(autouse=True, scope="session")
def _no_installed_vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests link with the built-in lexicon, whatever is installed on the machine; what is derived of it, all share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIALPANORAMA_VOCABULARIES", str(tmp_path_factory.mktemp("vocabularies")))
        patch.setenv("TRIALPANORAMA_CACHE", str(_common(tmp_path_factory) / "derived"))
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_worker() -> Iterator[None]:
    """Builds read and link in this process unless a test says otherwise: its linkers are loaded once, not per build."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "default_workers", lambda: 1)
        yield


@pytest.fixture(autouse=True, scope="module")
def _no_loop_left_running() -> Iterator[None]:
    """A module that leaves an event loop running breaks whichever module its worker takes up next: it fails itself."""
    yield
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    pytest.fail("an event loop still runs at the end of this module")
