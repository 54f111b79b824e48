"""The docs say what the code says, name only commands that exist, and no committed file names a machine."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import trialpanorama
from trialpanorama.apps.cli import app
from trialpanorama.apps.pages import PAGES

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES_BY_HAND = [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_rendered_pages_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "stale: run `make docs`"


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_docs_with_every_option(path: tuple[str, ...]) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {' '.join(path)}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section
    for parameter in COMMANDS[path].params:
        for option in parameter.opts if parameter.param_type_name == "option" else []:
            assert re.search(rf"[` ]{option}[`, ]", section[1]), option


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        assert parameter.help, parameter.name


def _command_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES_BY_HAND:
        for block in re.findall(r"```(?:bash|sh|console)[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip().startswith("trialpanorama "):
                    found.append((page.relative_to(REPOSITORY).as_posix(), line.strip()))
    return found


@pytest.mark.parametrize(("page", "line"), _command_lines())
def test_command_lines_in_the_docs_exist(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if words[0].startswith("-"):
        return
    path = next((p for p in (tuple(words[:2]), tuple(words[:1])) if p in COMMANDS), None)
    assert path, f"{page}: no command {words[0]}"
    options = {option for parameter in COMMANDS[path].params for option in parameter.opts} | {"--help", "--debug"}
    for word in words[len(path) :]:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in options, f"{page}: {word}"


def test_the_readme_shows_commands() -> None:
    assert [line for page, line in _command_lines() if page == "README.md"]


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_the_site_is_built_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(tmp_path / "site"): path.read_text() for path in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    for path, page in pages.items():
        assert not re.search(r"<(?:script|img|iframe|link rel=.stylesheet.)[^>]* (?:src|href)=.https?:", page), path


def test_every_page_is_in_the_sites_navigation() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert re.search(rf"[ :]{page.relative_to(DOCS).as_posix()}$", navigation, re.MULTILINE), page


def test_modules_named_in_the_architecture_exist() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Where things are")[1].split("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    modules = [name.rstrip("/") for row in rows for name in re.findall(r"`([a-z_/]+)`", row)]
    package = REPOSITORY / "src" / "trialpanorama"
    present = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(modules) == present - {"__init__"}


def test_the_changelog_has_this_version() -> None:
    assert f"## {trialpanorama.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_constraints_are_versions_and_nothing_else() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert "torch==2.13.0" in pins
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][A-Za-z0-9.]*", pin), pin
        assert not re.match(r"nvidia|cuda|triton", pin), pin


MACHINE_WORDS = [
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.~$}/-])/(?:work|root|opt|home|tmp)/\w",
        r"\b(?:pypi|pythonhosted|pytorch)\.\w+(?:\.\w+)?/\w",
        r"file:/{2,}\w",
    )
]


def _committed_files() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_no_committed_file_names_a_machine() -> None:
    files = _committed_files()
    if not files:
        pytest.skip("not a git checkout")
    found = []
    for name in files:
        path = REPOSITORY / name
        if not path.is_file() or path == Path(__file__).resolve():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {match[0]}" for word in MACHINE_WORDS for match in word.finditer(text)]
    assert found == []


@pytest.mark.parametrize("text", ["see /home/" + "someone", "--index https://pypi." + "org/simple", "file:/" + "/opt"])
def test_a_machine_word_is_found(text: str) -> None:
    assert any(word.search(text) for word in MACHINE_WORDS)
