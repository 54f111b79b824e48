"""Replies kept as they come, so that a run that was ended, killed or cut off asks for nothing twice.

Each run writes the replies that it receives into a file of its own, one line each, before they are read or scored. The
same run begun again takes them from there. The file goes when every sample has a reply: the log has them then.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class _Line(msgspec.Struct, frozen=True):
    """One reply."""

    id: str
    """Of the sample."""
    prompt: str
    """Hash of what was asked."""
    output: msgspec.Raw
    """Inspect's ModelOutput."""


def digest(text: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Replies:
    """The replies of one run: those of earlier attempts at it, and those that come now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[tuple[str, str], bytes] = {}
        if path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    one = msgspec.json.decode(line, type=_Line)
                except msgspec.MsgspecError:
                    continue  # the line that was being written when the run was killed
                self._found[one.id, one.prompt] = bytes(one.output)
        self.kept = len(self._found)
        """How many there were at the start."""

    def get(self, id: str, prompt: str) -> bytes | None:
        """The reply to a sample as JSON; none unless exactly this was asked."""
        return self._found.get((id, digest(prompt)))

    def keep(self, id: str, prompt: str, output: str) -> None:
        """Write down a reply, given as JSON."""
        line = _Line(id, digest(prompt), msgspec.Raw(output.encode()))
        self._found[id, line.prompt] = output.encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # One write of a whole line at the end of the file: it stands there even if the process is killed right after.
        with self._path.open("ab", buffering=0) as file:
            file.write(self._ended(file.tell()) + msgspec.json.encode(line) + b"\n")

    def _ended(self, size: int) -> bytes:
        """What ends a line that an earlier attempt was killed within."""
        if not size:
            return b""
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"

    def discard(self) -> None:
        """Forget all of them."""
        self._path.unlink(missing_ok=True)
        self._found.clear()


def replies_of(log_dir: Path, settings: Mapping[str, Any]) -> Replies:
    """The replies of the run with these settings (model, task, snapshot, generation options), in a folder of logs."""
    return Replies(
        log_dir / ".replies" / f"{digest(msgspec.json.encode(settings, order='deterministic').decode())}.jsonl"
    )
