"""Searches that are kept: what each finds in a newer snapshot that it did not find before, as a page and as a feed."""

from __future__ import annotations

import functools
import inspect
import re
import secrets
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from trialpanorama.apps.web import documents
from trialpanorama.apps.web.pages import Facts, Rows, page
from trialpanorama.apps.web.site import Site
from trialpanorama.apps.web.uploads import sync
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

MOST, MOST_HITS, MOST_IN_FEED = 100, 5_000, 200
"""Searches that are kept, hits of each that are known by their ids, and entries of a feed."""
_ID = re.compile("[0-9a-f]{16}")
_LIMITS = ("kind", "register", "status", "phase")
_ATOM = "http://www.w3.org/2005/Atom"
_lock = threading.Lock()


class Saved(msgspec.Struct, kw_only=True):
    """A search that is kept, and what it has found so far."""

    id: str
    name: str
    asked: dict[str, str]
    """Query, language and limits, as the search page takes them."""
    snapshot: str
    """In which it was last run."""
    since: str
    """The day on which the snapshot was built in which it was kept; ISO 8601."""
    total: int
    known: dict[str, str]
    """Ids of the hits so far, each with the day on which the first snapshot was built that had it; empty for those of
    the beginning."""
    unseen: list[str] = []
    """Those that were not there when somebody last looked."""


def _folder(site: Site) -> Path:
    return site.folder / "searches"


def _write(site: Site, saved: Saved) -> None:
    folder = _folder(site)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder / f".{saved.id}"
        partial.write_bytes(msgspec.json.encode(saved))
        sync(partial)
        partial.replace(folder / f"{saved.id}.json")
        sync(folder)
    except OSError as error:
        raise UserError(f"The search cannot be kept in {folder}: {error.strerror}.") from None


def _all(site: Site) -> list[Saved]:
    """The kept searches by name, each brought up to the snapshot that is shown."""
    found = []
    with _lock:
        for path in sorted(_folder(site).glob("*.json")):
            try:
                one = msgspec.json.decode(path.read_bytes(), type=Saved)
            except (OSError, msgspec.DecodeError):
                continue  # deleted meanwhile, or not ours
            if one.snapshot != site.warehouse.snapshot and _run(site, one):
                _write(site, one)
            found.append(one)
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


def _one(site: Site, id: str) -> Saved:
    for one in _all(site):
        if one.id == id:
            return one
    raise UserError(f"No search {id} is kept here.")


def _run(site: Site, saved: Saved) -> bool:
    """Run it in the snapshot that is shown, and note what it had not found before; False where it cannot be run."""
    from trialpanorama.apps.searching import look
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits

    try:
        read = parse(saved.asked["q"], saved.asked["syntax"])
        limits = Limits(saved.asked["before"] or None, {n: saved.asked[n] for n in _LIMITS if saved.asked[n]})
        found = look(site.index, read, limits, most=MOST_HITS, ranking="bm25")
    except UserError:
        return False
    day = site.warehouse.manifest.built[:10]
    new = [hit.id for hit in found.hits if hit.id not in saved.known]
    saved.known |= dict.fromkeys(new, day)
    saved.unseen += new
    saved.snapshot, saved.total = found.snapshot, found.total
    return True


def _rows(facts: Facts) -> Rows:
    names = ("id", "name", "query", "total", "new", "since", "address")
    return names, [[one[name] for name in names] for one in facts["searches"]]


@page("searches", "Kept searches", rows=_rows, is_in_menu=False, is_remembered=False)
def searches(site: Site) -> Facts:
    """The searches that are kept, and how much each finds that was not there when somebody last looked."""
    return {"searches": [_facts(one) for one in _all(site)], "most": MOST}


def _facts(saved: Saved) -> Facts:
    return {
        "id": saved.id,
        "name": saved.name,
        "query": saved.asked["q"],
        "limits": {name: value for name, value in saved.asked.items() if value and name not in ("q", "syntax")},
        "total": saved.total,
        "new": len(saved.unseen),
        "newest": saved.unseen[:20],
        "since": saved.since,
        "address": documents.link("/search", **saved.asked),
        "feed": f"/searches/{saved.id}/feed.atom",
    }


def keep(site: Site, name: str, asked: dict[str, str]) -> Saved:
    """Keep a search under a name; raises UserError for one that cannot be run, or where too many are kept."""
    from trialpanorama.apps.searching import look
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits

    if not asked["q"].strip():
        raise UserError("There is no search to keep: give q.")
    kept = _all(site)
    if len(kept) >= MOST:
        raise UserError(f"{MOST} searches are kept, and no more can be. Delete one of them first.")
    read = parse(asked["q"], asked["syntax"])  # what cannot be read is refused here, with its place
    limits = Limits(asked["before"] or None, {n: asked[n] for n in _LIMITS if asked[n]})
    look(site.index, read, limits, most=0, ranking="bm25")
    saved = Saved(
        id=secrets.token_hex(8), name=" ".join(name.split()) or asked["q"][:80], asked=asked, snapshot="",
        since=site.warehouse.manifest.built[:10], total=0, known={},
    )  # fmt: skip
    _run(site, saved)
    saved.known, saved.unseen = dict.fromkeys(saved.known, ""), []
    with _lock:
        _write(site, saved)
    return saved


def feed(site: Site, saved: Saved) -> bytes:
    """What a search has found since it was kept, as an Atom 1.0 feed (RFC 4287), the latest first."""
    from lxml import etree

    def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        element = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text) if text else None
        return element

    later = sorted(((day, id) for id, day in saved.known.items() if day), reverse=True)[:MOST_IN_FEED]
    titles = _titles(site, [id for _, id in later])
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})  # type: ignore[dict-item]  # the stubs know named prefixes only
    add(root, "id", _urn(saved.id))
    add(root, "title", saved.name + (" (FICTIONAL)" if site.warehouse.manifest.is_fictional else ""))
    add(root, "updated", f"{later[0][0] if later else saved.since}T00:00:00Z")
    add(add(root, "author"), "name", "TrialPanorama")
    for day, id in later:
        entry = add(root, "entry")
        add(entry, "id", _urn(saved.id, id))
        add(entry, "title", titles.get(id) or id)
        add(entry, "updated", f"{day}T00:00:00Z")
        add(entry, "content", id)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _urn(*parts: str) -> str:
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, chr(10).join(('trialpanorama search', *parts)))}"


def _titles(site: Site, ids: list[str]) -> dict[str, str]:
    with site.reading.connect() as connection:
        return dict(
            connection.execute(
                """SELECT study_id, title FROM studies WHERE study_id IN (SELECT unnest($ids))
                   UNION ALL SELECT paper_id, title FROM papers WHERE paper_id IN (SELECT unnest($ids))""",
                {"ids": ids},
            ).fetchall()
        )


def add(app: FastAPI, site: Site, respond: Callable[..., Response], route: Callable[..., None]) -> None:
    """Add the addresses at which searches are kept, marked as seen, deleted, and followed by a feed reader."""
    from fastapi import Form, Response
    from fastapi import Path as Part
    from fastapi.responses import RedirectResponse

    def done(form: str, facts: Facts, status: int = 200) -> Response:
        if form == "html":
            return RedirectResponse("/searches", 303)
        return Response(documents.json_bytes(facts), status, media_type="application/json")

    def save(request: Request, form: str, name: str, **asked: str) -> Response:
        saved = keep(site, name, {field.removeprefix("only_"): value for field, value in asked.items()})
        request.scope["state"]["written_down"] = {"search": saved.id}
        return done(form, _facts(saved), 201)

    def seen(request: Request, form: str, id: str) -> Response:
        saved = _one(site, id)
        saved.unseen = []
        with _lock:
            _write(site, saved)
        return done(form, _facts(saved))

    def delete(request: Request, form: str, id: str) -> Response:
        saved = _one(site, id)
        (_folder(site) / f"{saved.id}.json").unlink(missing_ok=True)
        request.scope["state"]["written_down"] = {"deleted": saved.id}
        return done(form, {"deleted": saved.id})

    def follow(request: Request, form: str, id: str) -> Response:
        return Response(feed(site, _one(site, id)), media_type="application/atom+xml")

    def parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)

    def field(name: str, meaning: str, most: int, **more: Any) -> inspect.Parameter:
        return parameter(name, Annotated[str, Form(description=meaning, max_length=most, **more)], "")

    fields = [
        field("name", "What to call it; else its first words", 200),
        field("q", "The search", 100_000),
        parameter(
            "syntax", Annotated[str, Form(description="Its language", pattern="^(auto|pubmed|ovid|plain)$")], "auto"
        ),
        field("before", "Only what is dated before this day", 10, pattern=r"^(\d{4}-\d{2}-\d{2})?$"),
        # pydantic's models have a `register` of their own, so that the fields need other names inside
        *(field(f"only_{name}", f"Only of this {name}", 100, alias=name) for name in _LIMITS),
    ]
    id = parameter("id", Annotated[str, Part(description="The search", pattern=f"^{_ID.pattern}$")])
    both = ("json", "html")
    for path, method, forms, answer, parameters, name, meaning in (
        ("", "POST", both, save, fields, "save", "Keep a search"),
        ("/{id}/seen", "POST", both, seen, [id], "seen", "Take what a search found as seen"),
        ("/{id}/delete", "POST", both, delete, [id], "delete", "Keep a search no longer"),
        ("/{id}/feed.atom", "GET", ("html",), follow, [id], "feed", "What a search found since it was kept, as Atom"),
    ):
        for form in forms:
            ending = "" if form == "html" else f".{form}"
            route(
                app, f"/searches{path}{ending}", form, functools.partial(answer, form=form), parameters,
                title="Kept searches", meaning=meaning, name=f"searches_{name}", method=method,
            )  # fmt: skip
