"""Vocabularies from the command line: what is there, what was added, fetched or removed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.console import Reporter, put, say, table
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.fetching import State
    from trialpanorama.ontologies import Installed, Vocabulary

_IN_USE = {"installed": "installed", "built_in": "built-in", "damaged": "DAMAGED", None: "no"}


def vocabulary_facts(store: Path) -> list[dict[str, Any]]:
    """Every vocabulary that can be read: what is in use of it, where that comes from, how the rest is to be had."""
    from trialpanorama.ontologies import vocabularies

    return [_facts(of, store) for of in vocabularies().values()]


def _facts(of: Vocabulary, store: Path) -> dict[str, Any]:
    from trialpanorama.ontologies._store import available, describe

    path = available(store).get(of.name)
    state, installed = None, None
    if path is not None:
        try:
            installed = describe(path)
            state = "built_in" if installed.is_built_in else "installed"
        except UserError:
            state = "damaged"
    return {
        "name": of.name,
        "title": of.title,
        "prefix": of.prefix,
        "home_page": of.home_page,
        "licence": of.licence,
        "is_open": of.is_open,
        "how_to_get": of.how_to_get,
        "fetched": of.fetch is not None,
        "no_fetch": of.no_fetch,
        "terms": of.fetch.terms if of.fetch else None,
        "parts": [{"name": part.name, "meaning": part.meaning} for part in of.parts],
        "state": state,
        "version": installed.version if installed else None,
        "concepts": installed.concepts if installed else None,
        "installed": (installed.installed or None) if installed else None,
        "inputs": msgspec.to_builtins(installed.inputs) if installed else [],
    }


def put_vocabularies(facts: Sequence[dict[str, Any]], store: Path) -> None:
    """Print the list of vocabularies."""
    rows = [
        [
            one["name"],
            one["title"],
            _IN_USE[one["state"]],
            one["version"],
            one["concepts"],
            one["is_open"],
            one["fetched"],
            one["licence"],
        ]
        for one in facts
    ]
    put(table(["vocabulary", "title", "in use", "version", "concepts", "open", "fetched", "licence"], rows, widest=44))
    say(f"Installed ones lie in {store}. More of one: trialpanorama vocabularies list NAME")


def put_vocabulary(facts: dict[str, Any]) -> None:
    """Print what is known of one vocabulary."""
    put(f"{facts['title']} ({facts['name']})")
    put(f"  {'home page':<10} {facts['home_page']}")
    put(f"  {'licence':<10} {facts['licence']}")
    put(f"  {'passed on':<10} {'by export' if facts['is_open'] else 'only with export --include-restricted'}")
    put(f"  {'in use':<10} {_IN_USE[facts['state']]}" + (f", {facts['version']}" if facts["version"] else ""))
    put(f"  {'get it':<10} {facts['how_to_get']}")
    if facts["fetched"]:
        put(f"  {'fetch':<10} trialpanorama vocabularies fetch {facts['name']}")
        put(f"  {'terms':<10} {facts['terms']}")
    else:
        put(f"  {'fetch':<10} no: {facts['no_fetch']}")
    put("")
    put(table(["file", "meaning"], [[part["name"], part["meaning"]] for part in facts["parts"]], widest=200))


def add_vocabularies(
    paths: Sequence[Path], store: Path, *, version: str | None = None, force: bool = False
) -> list[dict[str, Any]]:
    """Install the releases that files and folders hold; returns what was installed."""
    from trialpanorama.ontologies import install

    with Reporter() as reporter:
        reporter.update("vocabularies", 0, detail="reading")
        return [_installed_facts(one) for one in install(paths, store, version=version, force=force, warn=say)]


def _installed_facts(installed: Installed) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(installed)
    return facts


def put_installed(facts: Sequence[dict[str, Any]]) -> None:
    """Print what was installed."""
    for one in facts:
        what = f"{one['concepts']:,} concepts" + (f", {one['mechanisms']:,} mechanisms" if one["mechanisms"] else "")
        put(f"{one['name']} {one['version']}: {what}, of {', '.join(file['name'] for file in one['inputs'])}")
    if facts:
        say("Next: trialpanorama build, which links what is there anew.")


def fetch_vocabulary(
    name: str, store: Path, *, out: Path | None = None, query: str = "", mirror: str | None = None
) -> list[dict[str, Any]]:
    """Fetch the release of a vocabulary and install it; the files are kept if `out` says where."""
    from trialpanorama.fetching import Wanted, fetch
    from trialpanorama.ontologies import vocabulary

    of = vocabulary(name)
    if of.fetch is None:
        raise UserError(
            f"{of.title} is not fetched: {of.no_fetch} {of.how_to_get} Then: trialpanorama vocabularies add PATH"
        )
    folder = out or store / f"{name}.fetch"
    with Reporter() as reporter:

        def progress(state: State) -> None:
            reporter.update(name, state.done, state.total, state.unit, state.detail)

        fetch(of, Wanted(query.strip()), folder, mirror=mirror, progress=progress)
    try:
        return add_vocabularies([folder], store)
    finally:
        if out is None:  # whole, and of no more use: the next fetch is to ask for what is new then
            shutil.rmtree(folder)


def remove_vocabulary(name: str, store: Path) -> str:
    """Remove an installed vocabulary; returns what is used from now on, in a sentence."""
    from trialpanorama.ontologies._store import BUILT_IN, available, remove

    remove(name, store)
    left = available(store).get(name)
    if left is not None and left.parent == BUILT_IN:
        return f"{name} is removed; the built-in lexicon of it is used now."
    return f"{name} is removed; nothing of it is built in."
