"""The world's clinical-trial registries as one linked database, with research questions and models on top.

The public names are fetched when they are first used, so that `import trialpanorama` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialpanorama.errors import TrialPanoramaError, UserError
    from trialpanorama.record import Record, Reject
    from trialpanorama.sources import Source
    from trialpanorama.warehouse import Manifest, Warehouse

__version__ = "0.9.0"

_HOMES = {
    "Manifest": "warehouse",
    "Record": "record",
    "Reject": "record",
    "Source": "sources",
    "TrialPanoramaError": "errors",
    "UserError": "errors",
    "Warehouse": "warehouse",
}

__all__ = [
    "Manifest",
    "Record",
    "Reject",
    "Source",
    "TrialPanoramaError",
    "UserError",
    "Warehouse",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
