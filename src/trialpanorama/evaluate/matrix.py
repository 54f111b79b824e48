"""Which models are asked, and how: names on the command line, or a file that lists them; and what their tokens cost."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.evaluate.results import Price, check_date


class Contestant(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A model as it takes part: an entry of a model-matrix file."""

    model: str
    """`baseline/NAME`, or one of Inspect's names."""
    name: str = ""
    """What tables call it; as `model` unless given."""
    base_url: str | None = None
    """Where it is served, if not where its provider usually is."""
    args: dict[str, Any] = {}
    """Arguments of Inspect's provider."""
    config: dict[str, Any] = {}
    """Inspect's generation options: temperature, max_tokens, reasoning_effort, max_connections ..."""
    system_prompt: str | None = None
    structured: bool | None = None
    """Whether it is given a schema for its reply; as the run says unless given."""
    cutoff: str | None = None
    """When its training data ends: a day, month or year."""
    price: Price | None = None

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name or self.model


class _Matrix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: list[Contestant]


def read_matrix(path: str | os.PathLike[str]) -> list[Contestant]:
    """The entries of a model-matrix file: YAML, TOML or JSON with a list `models`; UserError if it is faulty."""
    matrix: _Matrix = _read(Path(path), _Matrix, "a list `models`, each with at least a `model`")
    found = matrix.models
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(
                f'{path} has several entries that tables would call "{label}". Give each a `name` of its own.'
            )
    for one in found:
        if one.cutoff is not None:
            check_date(one.cutoff)
    if not found:
        raise UserError(f"{path} lists no model.")
    return found


def read_prices(path: str | os.PathLike[str]) -> dict[str, Price]:
    """Prices by the model's name: YAML, TOML or JSON, US dollars per million tokens; UserError for a faulty one."""
    expected = "for each model `input` and `output`, in US dollars per million tokens"
    found: dict[str, Price] = _read(Path(path), dict[str, Price], expected)
    return found


def priced(contestants: Sequence[Contestant], prices: Mapping[str, Price]) -> list[Contestant]:
    """The same models with the prices that a table gives for their names."""
    return [
        msgspec.structs.replace(one, price=one.price or prices.get(one.label) or prices.get(one.model))
        for one in contestants
    ]


def _read(path: Path, kind: Any, expected: str) -> Any:
    decoders: dict[str, Callable[[bytes], Any]] = {".json": msgspec.json.decode, ".toml": msgspec.toml.decode}
    decode = decoders.get(path.suffix.lower(), msgspec.yaml.decode)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return msgspec.convert(_plain(decode(content)), kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}. It should hold {expected}.") from None


def _plain(value: Any) -> Any:
    """YAML and TOML read an unquoted date as one, and a year as a number: here both are texts."""
    if isinstance(value, dict):
        return {
            key: str(inner) if key == "cutoff" and inner is not None else _plain(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value
