"""What changed, as text for a terminal and as an Atom feed for a feed reader."""

from __future__ import annotations

import html
import os
import re
import uuid
from pathlib import Path
from typing import Any

from trialpanorama.apps.show import FICTIONAL
from trialpanorama.changes import Change, Changes, Step, TrialChanges, first_day
from trialpanorama.errors import UserError

_WIDEST = 300
"""Characters of a value in a terminal, and in an entry of a feed."""


def changes_text(found: Changes, *, everything: bool) -> str:
    """What changed, trial by trial, for a terminal."""
    if not found.versioned and not found.by_field:
        known = _span(found.first_known, found.last_known)
        return (
            f"The warehouse has only one version of every record (known {known}), so nothing can have changed: "
            "build newer files into it, as often as you like."
        )
    period = f"since {found.since}" + (f" until {found.until}" if found.until else "")
    about = f" among the {found.matching:,} trials that the query finds" if found.matching is not None else ""
    if not found.by_field:
        known = _span(found.first_known, found.last_known)
        return f"Nothing changed {period}{about}. The warehouse's versions were known {known}."
    others = f", and {found.others:,} that hardly matter" + ("" if everything or not found.others else " (--all)")
    lines = [
        f"Changes {period}{about}: {found.mattering:,} that matter{others}; {found.total:,} trials are listed."
        + (f" {FICTIONAL}" if found.is_fictional else ""),
        "  " + ", ".join(f"{name} {count:,}" for name, count in found.by_field.items()),
    ]
    for trial in found.trials:
        lines += ["", f"{trial.study_id}  {_clipped(trial.title or '', 110)}"]
        for step in trial.steps:
            lines.append(f"  {step.before or 'not known'} -> {step.when}  {step.id} in {step.source}")
            for change in step.changes:
                first, *more = _lines(change)
                mark = "*" if change.matters else " "
                lines.append(f"  {mark} {change.field:<24} {first}")
                lines += [f"{'':29}{line}" for line in more]
    if len(found.trials) < found.total:
        lines += ["", f"These are the first {len(found.trials):,} of {found.total:,} trials: see --limit and --query."]
    return "\n".join(lines)


def _span(first: str | None, last: str | None) -> str:
    return f"on {first}" if first == last else f"from {first} to {last}"


def _lines(change: Change) -> list[str]:
    """A change in one line, or a line for each member that left or joined a list."""
    if change.difference:
        return [_clipped(change.difference)]
    if change.removed or change.added:
        return [
            f"{sign} {_clipped(member)}"
            for sign, members in (("-", change.removed), ("+", change.added))
            for member in members
        ]
    if change.old is None:
        return [f"new: {_clipped(change.new or '')}"]
    return [f"{_clipped(change.old)} -> {_clipped(change.new) if change.new else 'nothing'}"]


def _clipped(text: str, longest: int = _WIDEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


# --- the feed

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def atom_feed(found: Changes) -> bytes:
    """The changes as an Atom 1.0 feed (RFC 4287): an entry for each record and version.

    An entry's id is made of source, register, id and day, so that it is the same in every feed and after every build;
    `updated` is the day on which the newer version was known.
    """
    from lxml import etree

    def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        element = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = _NOT_IN_XML.sub("", text) if text is not None else None
        return element

    entries = [(trial, step) for trial in found.trials for step in trial.steps]
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})  # type: ignore[dict-item]  # the stubs know named prefixes only
    about = f" for {found.query}" if found.query else ""
    add(feed, "id", _urn("feed", found.query or ""))
    add(feed, "title", f"Clinical trials: what changed{about}" + (" (FICTIONAL)" if found.is_fictional else ""))
    add(feed, "updated", _instant(max((step.when for _, step in entries), default=first_day(found.since))))
    add(add(feed, "author"), "name", "TrialPanorama")
    add(feed, "generator", "TrialPanorama")
    for trial, step in entries:
        entry = add(feed, "entry")
        of_paper = trial.study_id if any(change.field == "publication" for change in step.changes) else ""
        add(entry, "id", _urn(step.source, step.register or "", step.id, step.when, of_paper))
        add(entry, "title", _entry_title(trial, step))
        add(entry, "updated", _instant(step.when))
        if step.url and step.url.startswith(("https://", "http://")):
            add(entry, "link", rel="alternate", href=_NOT_IN_XML.sub("", step.url))
        for field in dict.fromkeys(change.field for change in step.changes):
            add(entry, "category", term=field)
        add(entry, "content", _entry_html(step), type="html")
    return etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _urn(*parts: str) -> str:
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, chr(10).join(('trialpanorama changes', *parts)))}"


def _instant(day: str) -> str:
    return f"{day}T00:00:00Z"


def _entry_title(trial: TrialChanges, step: Step) -> str:
    fields = ", ".join(change.field for change in step.changes)
    return f"{trial.study_id} ({fields}): {_clipped(trial.title or '', 150)}"


def _entry_html(step: Step) -> str:
    said = f"{step.id} in {step.source}: {step.before or 'not known'} to {step.when}"
    rows = [
        f"<dt>{html.escape(change.field)}</dt>" + "".join(f"<dd>{html.escape(line)}</dd>" for line in _lines(change))
        for change in step.changes
    ]
    return f"<p>{html.escape(said)}</p><dl>{''.join(rows)}</dl>"


def write_feed(found: Changes, path: Path) -> int:
    """Write the feed in one step, so that a reader never meets half of it; returns how many entries it has."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(atom_feed(found))
        partial.replace(path)
    except OSError as error:
        raise UserError(f"The feed cannot be written to {path}: {error.strerror}.") from None
    return sum(len(trial.steps) for trial in found.trials)
