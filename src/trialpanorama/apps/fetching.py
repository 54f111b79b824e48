"""Fetching from the command line: the wanted, the progress, the summary."""

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trialpanorama.apps.console import Reporter, put, say
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from trialpanorama.fetching import FetchLog, State


def fetch_files(
    name: str, folder: Path, *, query: str = "", since: str | None = None, mirror: str | None = None
) -> FetchLog:
    """Fetch from a source into a folder, showing progress; raises UserError for a date or an address that is none."""
    from trialpanorama.fetching import Wanted, fetch
    from trialpanorama.sources import source

    wanted = Wanted(query.strip(), _day(since) if since else None)
    if mirror and (urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).hostname):
        raise UserError(f"{mirror} is no address. Give scheme and host: --mirror https://mirror.example.org")
    with Reporter() as reporter:
        is_asked = False

        def progress(state: State) -> None:
            nonlocal is_asked
            is_asked = True
            reporter.update(name, state.done, state.total, state.unit, state.detail)

        log = fetch(source(name), wanted, folder, mirror=mirror, progress=progress)
    if not is_asked:
        say(f"Complete since {log.finished}: nothing was left to fetch.")
    return log


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f'"{text}" is no date. Write year, month and day: --since 2026-01-31') from None


def fetch_facts(log: FetchLog, folder: Path) -> dict[str, Any]:
    """What a fetch brought and what it took."""
    from trialpanorama.sources import source

    fetched = source(log.source).fetch
    return {
        "source": log.source,
        "query": log.query,
        "since": log.since.isoformat() if log.since else None,
        "folder": str(folder),
        "complete": log.complete,
        "started": log.started,
        "finished": log.finished,
        "files": len(log.files),
        "file_bytes": sum(file.bytes for file in log.files.values()),
        "records": log.records,
        "announced": log.total,
        "unit": log.unit,
        "requests": log.requests,
        "retries": log.retries,
        "network_bytes": log.bytes,
        "waited_s": round(log.waited_s, 1),
        "missing": log.missing,
        "takes_since": fetched is not None and fetched.takes_since,
    }


def put_summary(facts: dict[str, Any]) -> None:
    """Print what came, what it took, and what is missing."""
    what = [f"{facts['files']:,} files"]
    if facts["records"] is not None:
        what.append(f"{facts['records']:,} {facts['unit']}")
    what.append(f"{facts['file_bytes'] / 1e6:,.1f} MB")
    put(f"{facts['source']}: {', '.join(what)} in {facts['folder']}")
    put(
        f"  {facts['requests']:,} requests, {facts['retries']:,} repeated, "
        f"{facts['network_bytes'] / 1e6:,.1f} MB over the network, {facts['waited_s']:,.0f} s waited"
    )
    for missing in facts["missing"][:20]:
        put(f"  missing: {missing}")
    if len(facts["missing"]) > 20:
        put(f"  missing: and {len(facts['missing']) - 20:,} more, see fetch.json")


def say_next(facts: dict[str, Any]) -> None:
    """Say what to type now, and later for what is new."""
    if facts["files"]:
        say(f"Next: trialpanorama build {shlex.quote(facts['folder'])}")
    if facts["takes_since"] and facts["since"] is None:
        asked = f" --query {shlex.quote(facts['query'])}" if facts["query"] else ""
        began = facts["started"][:10]
        say(f"Later: trialpanorama fetch {facts['source']}{asked} --since {began} --out DIR brings what is new.")
