"""Fixtures that every test may use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialpanorama import engine

_REPOSITORY = Path(__file__).resolve().parent.parent


_LONGEST = ("test_demo.py", "test_changes.py", "test_unreliable.py", "test_build.py")
"""Files that take longest: they begin first, so that no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; the order within a file stays."""
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real registry files ($TRIALPANORAMA_DATA or ../shared/data); the test is skipped without it."""
    folder = Path(os.environ.get("TRIALPANORAMA_DATA") or _REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set TRIALPANORAMA_DATA to a folder that has it")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _no_installed_vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests link with the built-in lexicon, whatever is installed on the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIALPANORAMA_VOCABULARIES", str(tmp_path_factory.mktemp("vocabularies")))
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
