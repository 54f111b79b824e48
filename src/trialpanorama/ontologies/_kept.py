"""What is derived from the vocabularies at some cost, kept between processes in a cache folder.

Nothing but time depends on it. A file is named after all that it was made of: the content of the vocabularies, our own
lists, and the code. It is plain data under a hash; where it is missing, damaged or cannot be written, what it would
hold is made again. Files are written aside and renamed, so that processes that make the same at once do not meet.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
ENVIRONMENT_VARIABLE = "TRIALPANORAMA_CACHE"
_HELD = 6
"""Files of one name that are kept, the newest: those of other vocabularies, and of other versions of the code."""
_BEGAN = time.time()
_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """Where derived data is kept: $TRIALPANORAMA_CACHE, else one in the user's cache folder; None without a home."""
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(given)
    with contextlib.suppress(RuntimeError):  # no home
        base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
        return Path(base) / "trialpanorama"
    return None


def kept(name: str, made_of: str, of: type[T], make: Callable[[], T]) -> T:
    """What `make` gives, which a process before may have made; `made_of` stands for all that is read to make it.

    `of`, its type, is one that msgspec can write and read. Its module tells whose code makes it: that of its folder.
    """
    code = _code(Path(sys.modules[of.__module__].__file__ or "").parent)
    folder = cache_folder()
    if folder is None or not code:
        return make()
    key = hashlib.sha256(f"{made_of} {code}".encode()).hexdigest()[:32]
    path = folder / f"{name}-{key}.msgpack"
    found = _read(path, of)
    if found is None:
        found = make()
        # a folder that is full, or that may not be written to, costs time and nothing else
        with contextlib.suppress(OSError):
            _write(path, msgspec.msgpack.encode(found))
            _make_room(folder, name)
    return found


@cache
def _code(folder: Path) -> str:
    """What tells the code and the lists of this folder and of the lexicon from those of another version.

    It is empty where a file was written after this process began: what runs here may be older than what it says.
    """
    own = Path(__file__).parent
    digest = hashlib.sha256(sys.version.encode())
    for of in sorted({folder, own, own / "builtin"}):
        for path in sorted(of.iterdir()):
            if path.suffix in (".py", ".tsv", ".txt"):
                digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
                if path.stat().st_mtime > _BEGAN:
                    return ""
    return digest.hexdigest()


def _read(path: Path, of: type[T]) -> T | None:
    try:
        written = path.read_bytes()
        if hashlib.sha256(content := memoryview(written)[_DIGEST:]).digest() == written[:_DIGEST]:
            return msgspec.msgpack.decode(content, type=of)
    except (OSError, msgspec.MsgspecError):
        pass
    return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as part:
        try:
            part.write(hashlib.sha256(content).digest())
            part.write(content)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    Path(part.name).replace(path)


def _make_room(folder: Path, name: str) -> None:
    def age(path: Path) -> float:
        try:
            return -path.stat().st_mtime
        except FileNotFoundError:  # another process made room at the same time
            return 0.0

    for path in sorted(folder.glob(f"{name}-*"), key=age)[_HELD:]:
        path.unlink(missing_ok=True)
