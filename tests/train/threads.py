"""A fixture for tests that compute with PyTorch, whose threads on a busy machine wait for one another mostly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread during a test; the test is skipped where PyTorch is missing."""
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
