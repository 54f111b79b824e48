"""One fitted forecast for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.forecast.made import Made, made


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A forecast fitted on fictional trials."""
    return made(tmp_path_factory.mktemp("forecast"))
