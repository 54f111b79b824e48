"""The one file that sends a model away: to a model hub, when asked, with a token of the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from trialpanorama.errors import UserError

TOKEN = "HF_TOKEN"
ENDPOINT = "HF_ENDPOINT"
"""Variables of the environment: the token to write with, and the hub where it is not huggingface.co."""
_HUB = "https://huggingface.co"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent, and where to."""

    name: str
    """OWNER/MODEL."""
    host: str
    files: list[Path]
    """The weights, the tokenizer and the model card: no checkpoint, no log, no sample."""
    bytes: int


def upload_of(run: Path, name: str) -> Upload:
    """What the upload of a finished run would send; nothing is sent yet.

    Raises UserError for a name that is none, a folder without a model or a card, and where the environment has no
    token.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f'A model of the hub is called OWNER/MODEL, not "{name}".')
    card = run / "README.md"
    folder = run / "model"
    files = sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
    if not any(path.suffix in (".safetensors", ".bin") for path in files):
        raise UserError(f"{run} is no finished run: {folder} holds no weights.")
    if not card.is_file():
        raise UserError(f"{run} has no model card. Write it: trialpanorama train card {run}")
    if not os.environ.get(TOKEN):
        raise UserError(f"Set ${TOKEN} to a token of the hub that may write. It is taken from nowhere else.")
    files = [path for path in files if path.name != card.name] + [card]
    host = urlsplit(os.environ.get(ENDPOINT) or _HUB).netloc
    return Upload(name=name, host=host, files=files, bytes=sum(path.stat().st_size for path in files))


def push(upload: Upload) -> str:
    """Send a model, in one commit, to a repository that is private unless it was there before; its address.

    Raises UserError where the hub refuses, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=os.environ.get(ENDPOINT) or _HUB, token=os.environ[TOKEN])
    added = [CommitOperationAdd(path_in_repo=path.name, path_or_fileobj=str(path)) for path in upload.files]
    try:
        made = api.create_repo(upload.name, private=True, exist_ok=True)
        api.create_commit(upload.name, added, commit_message="Upload a model with its card")
    except HfHubHTTPError as why:
        raise UserError(f"{upload.host} refuses {upload.name}: {_first_line(why)}") from None
    except Exception as why:  # whatever the client's transport raises
        raise UserError(f"{upload.host} cannot be reached: {_first_line(why)}") from why
    return str(made)


def _first_line(why: Exception) -> str:
    return next(filter(None, map(str.strip, str(why).splitlines())), type(why).__name__)
