"""Where a model's files lie: a folder, or a name on the model hub; and what is wrong with them, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trialpanorama.errors import UserError

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def place_of(name: str | Path, option: str, such_as: str) -> str:
    """The folder that a user names, or the name on the model hub; raises UserError for what can be neither.

    `option` is how it was named, to be followed by a folder, such as "--set model=".
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path)
    if path.exists():
        raise UserError(f"{name} is a file. Name the folder of a model.")
    if not HUB_NAME.fullmatch(str(name)):
        raise UserError(
            f"There is no model folder {name}. Name one ({option}DIR), or a model on the hub such as {such_as}."
        )
    return str(name)


@contextmanager
def explained(place: str, option: str) -> Iterator[None]:
    """Turns what the libraries raise for a model that cannot be read into one sentence; `option` as of `place_of`."""
    try:
        yield
    except UserError:
        raise
    except Exception as why:
        kinds = {type(cause).__name__ for cause in causes(why)}
        detail = " ".join(str(why).split())[:200]
        if Path(place).is_dir():
            raise UserError(f"The model in {place} cannot be read ({type(why).__name__}: {detail}).") from why
        if "GatedRepoError" in kinds:
            raise UserError(
                f"{place} asks for its licence to be accepted: do so on its page on the model hub, then sign in (hf "
                "auth login)."
            ) from why
        if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError"}:
            raise UserError(f"{place} is no folder here, and the model hub has no model of that name.") from why
        if kinds & {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectTimeout"}:
            raise UserError(
                f"{place} is no folder here, and the model hub cannot be reached. Where there is a network, type: hf "
                f"download {place} --local-dir DIR; then give the folder: {option}DIR"
            ) from why
        raise UserError(f"The model {place} cannot be had ({type(why).__name__}: {detail}).") from why


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
