"""Formats of single registers and of the literature that are written beside the exports which carry everything.

Adding one is adding a file to this folder with a tuple `NATIVES`, or `ARTICLES`; the folder is walked.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trialpanorama.sample._files import Output
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import Paper, Registration, Trial


@dataclass(frozen=True, slots=True)
class Native:
    """A register's own format."""

    register: str
    """A name of `registers.REGISTERS`."""
    source: str
    """The source that reads it."""
    format: str
    path: str
    """Where it is written, `{}` is the number of the part: registries/isrctn/isrctn_{:03d}.xml."""
    open: Callable[[Path, str], Output]
    """Begin a file, given its path and the format's name."""
    entries: Callable[[Trial, Registration, Mess], Iterator[tuple[str, Any]]]
    """What a registration becomes: for each record its id as the file prints it, and what `Output.add` takes."""
    share: int = 60
    """Percent of the register's registrations that are written so."""
    alone: int = 50
    """Percent of these that stand in no other export."""
    is_beside: bool = False
    """Whether it is written for every registration that has something to put in it, beside whatever else it is in."""


@dataclass(frozen=True, slots=True)
class Article:
    """A format of the literature that some articles are written in, beside PubMed."""

    kinds: tuple[str, ...]
    """The kinds of `Paper` that are."""
    format: str
    path: str
    open: Callable[[Path, str], Output]
    entries: Callable[[Paper, list[Trial], Mess], Iterator[Any]]
    """What an article (with the trials it is about, or reviews) becomes: what `Output.add` takes, none if nothing."""
    share: int = 40
    """Percent of these articles that are written so."""


@cache
def natives() -> dict[str, tuple[Native, ...]]:
    """The formats of each register, in alphabetical order of their files."""
    found: dict[str, tuple[Native, ...]] = {}
    for one in _walk("NATIVES"):
        found[one.register] = (*found.get(one.register, ()), one)
    return found


@cache
def article_formats() -> tuple[Article, ...]:
    """The formats of the literature, in alphabetical order of their files."""
    return tuple(_walk("ARTICLES"))


def _walk(name: str) -> list[Any]:
    package = __name__.rpartition(".")[0]
    folder = importlib.import_module(package)
    modules = sorted(m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_"))
    return [one for module in modules for one in getattr(importlib.import_module(f"{package}.{module}"), name, ())]
