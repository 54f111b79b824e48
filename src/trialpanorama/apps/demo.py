"""The whole way in one command, on fictional trials; and the two long commands that it shares with the command line."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trialpanorama import __version__
from trialpanorama.apps.console import Reporter, put, say
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.warehouse import Manifest


def write_sample(directory: Path, *, trials: int, seed: int) -> None:
    """Write fictional registry files, showing progress."""
    from trialpanorama import sample

    with Reporter() as reporter:
        sample.write(directory, trials, seed, progress=lambda done: reporter.update("sample", done, trials, "trials"))


def build_warehouse(
    inputs: Sequence[Path],
    warehouse: Path,
    *,
    workers: int | None = None,
    keep_contacts: bool = False,
    replace: bool = False,
) -> Manifest:
    """Build a warehouse, showing progress."""
    from trialpanorama.build import Progress, build

    with Reporter() as reporter:

        def progress(state: Progress) -> None:
            if state.unit == "bytes":
                detail = f"{state.records:,} records, {state.rejects:,} rejects"
                reporter.update(state.stage, state.done / 1e6, state.total / 1e6, "MB", detail)
            else:
                reporter.update(state.stage, state.done, state.total)

        return build(
            inputs, warehouse, workers=workers, keep_contacts=keep_contacts, replace=replace, progress=progress
        )


class _Made(msgspec.Struct, frozen=True):
    """What a demo folder was made of; a demo of the same goes on in it."""

    trialpanorama: str
    trials: int
    seed: int


def run_demo(directory: Path, *, trials: int, seed: int) -> None:
    """Fictional registry files, warehouse, atlas, tasks, baselines, results table, report."""
    from trialpanorama import tasks
    from trialpanorama.apps.show import FICTIONAL, atlas_facts, atlas_text
    from trialpanorama.warehouse import Warehouse

    registers, folder = directory / "registers", directory / "warehouse"
    _prepare(directory, _Made(__version__, trials, seed))
    if not (directory / "truth.json").exists():
        write_sample(directory, trials=trials, seed=seed)
    build_warehouse([registers], folder)
    warehouse = Warehouse.open(folder)
    put(atlas_text(atlas_facts(warehouse)) + "\n")
    tasks.build(warehouse)
    put(FICTIONAL)
    say(f"Next: trialpanorama show ID --warehouse {shlex.quote(str(folder))}")


def _prepare(directory: Path, made: _Made) -> None:
    """Make the demo's folder, or empty one that an earlier demo left; nobody else's folder is touched."""
    mark = directory / "demo.json"
    if directory.exists() and any(directory.iterdir()):
        try:
            earlier = msgspec.json.decode(mark.read_bytes(), type=_Made)
        except (OSError, msgspec.MsgspecError):
            raise UserError(
                f"{directory} exists and is not the folder of an earlier demo. Name another: trialpanorama demo DIR"
            ) from None
        if earlier == made:
            return
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    mark.write_bytes(msgspec.json.encode(made))
