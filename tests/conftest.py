"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parent.parent


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
