"""A small fictional warehouse, and a command line to look at it with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Once
from trialpanorama.apps.cli import run


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def inputs(once: Once) -> list[Path]:
    """Fictional registry files, and a file that is none."""
    from trialpanorama import sample

    def make(folder: Path) -> None:
        sample.write(folder / "sample", 80, 3)
        (folder / "notes.txt").write_text("Not a registry's file.\n", encoding="utf-8")

    folder = once("inputs", make)
    return [folder / "sample" / "registries", folder / "sample" / "pubmed", folder / "notes.txt"]


@pytest.fixture(scope="session")
def warehouse(inputs: list[Path], once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse built from them: each worker has a copy, beside which and in which some commands write."""
    from trialpanorama.build import build

    folder = tmp_path_factory.mktemp("built") / "warehouse"
    shutil.copytree(once("built", lambda made: build(inputs, made / "warehouse", workers=1)) / "warehouse", folder)
    return folder


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """Runs a command line in an empty folder, without a warehouse of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIALPANORAMA_WAREHOUSE", raising=False)

    def call(*arguments: str | Path) -> Done:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call
