"""The page of outcome forecasts: drafts are uploaded, forecast by the worker, compared, evaluated, and deleted."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from trialpanorama.apps.web import documents
from trialpanorama.apps.web.jobs import Draft, Job
from trialpanorama.apps.web.pages import Facts, Rows, page
from trialpanorama.apps.web.safety import Refusal
from trialpanorama.apps.web.site import Site
from trialpanorama.apps.web.uploads import (
    LARGEST_FILE,
    LARGEST_UNPACKED,
    LARGEST_UPLOAD,
    MB,
    MOST_FILES,
    Received,
    UploadedFile,
    is_archive,
    members,
    read_content,
    sync,
)
from trialpanorama.errors import UnknownName, UserError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

TAKES_FILES = ("/outcome", "/outcome.json")
SHOWN = 100
"""Drafts on a page of a job."""
PATIENCE = 1.6
"""Seconds for which the page of a single draft waits for its forecast, rather than showing that it is on its way."""
LONGEST_STREAM = 600
"""Seconds of progress in one answer; a page that still listens asks again."""
_LOOKED_AT = 20
"""Files of an upload of which one has to be a study, for the rest to be looked at by the worker."""
_OUTCOMES = ("success", "failed_efficacy", "failed_safety", "failed_enrolment", "business_or_other")
_COLUMNS = ("position", "name", "id", "title", "probability", "low", "high", "risk_of_stopping",
            *(f"p_{name}" for name in _OUTCOMES), "fictional", "problem")  # fmt: skip


def models(site: Site) -> dict[str, Path]:
    """The fitted forecasts that can be asked, by name, the usual one first."""
    from trialpanorama.forecast import find_model

    usual = find_model(warehouse=site.path)
    beside = sorted(path.parent for path in usual.parent.glob("*/card.json"))
    return {folder.name: folder for folder in (usual, *beside) if (folder / "card.json").is_file()}


def prepare(site: Site) -> None:
    """Take up what an earlier server left, and read the usual forecast before its first user asks."""
    site.jobs.sweep()
    if fitted := models(site):
        site.worker.wake(soon_asked=str(next(iter(fitted.values()))))


# --- facts


@page("outcome", "Outcome", is_remembered=False)
def outcome(site: Site) -> Facts:
    """What will become of a planned trial: drafts to forecast, and the forecasts so far."""
    facts: Facts = {
        "models": list(models(site)),
        "jobs": [_job_facts(job) for job in site.jobs.all()],
        "limits": {
            "upload_mb": LARGEST_UPLOAD // MB, "file_mb": LARGEST_FILE // MB, "unpacked_mb": LARGEST_UNPACKED // MB,
            "files": MOST_FILES,
        },
    }  # fmt: skip
    try:
        _require_model(site)
    except UserError as error:
        facts["nothing"] = str(error)
    return facts


def _require_model(site: Site) -> None:
    from trialpanorama.forecast import Forecast

    if not models(site):
        Forecast.open(warehouse=site.path)  # which says what to run


def _job_facts(job: Job) -> Facts:
    facts: Facts = msgspec.to_builtins(job)
    return facts | {"model": Path(job.model).name}


def _row(draft: Draft) -> Facts:
    """A draft as a line of its job's table."""
    found = draft.facts or {}
    low, high = found.get("interval") or (None, None)
    classes = found.get("classes") or {}
    values = (
        draft.position, draft.name, found.get("id"), found.get("title"), found.get("probability"), low, high,
        (found.get("completion") or {}).get("risk"), *(classes.get(name) for name in _OUTCOMES),
        found.get("fictional"), draft.problem,
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _rows(facts: Facts) -> Rows:
    return _COLUMNS, [[one[name] for name in _COLUMNS] for one in facts["drafts"]]


def _job(site: Site, id: str) -> Job:
    job = site.jobs.get(id)
    if job is None:
        raise UserError("No upload has this address: it was deleted, or never was.")
    if job.state != "done":
        site.worker.keep_going()
    return job


def _draft(site: Site, id: str, position: int) -> Facts:
    """One forecast, with what is needed to ask again."""
    job = _job(site, id)
    found = next(iter(site.jobs.drafts(id, position, 1)), None)
    if found is None or found.position != position:
        raise UserError(f"No draft of this upload has the number {position}.")
    facts: Facts = {"job": _job_facts(job), "position": position, "name": found.name, "models": list(models(site))}
    if found.problem is not None:
        return facts | {"refused": found.problem}
    return facts | {"forecast": found.facts}


# --- taking drafts in


def take(site: Site, received: Received) -> str:
    """Queue the drafts of a form that was sent; returns the id of the job.

    Raises UserError or Refusal for what cannot be read, in which case nothing is kept.
    """
    _require_model(site)
    fitted = models(site)
    model = received.fields.get("model") or next(iter(fitted))
    if model not in fitted:
        raise UnknownName("fitted forecast", model, fitted)
    unknown = {one.field for one in received.files} - {"files", "labels"}
    if unknown:
        raise Refusal(400, f'Files are sent as "files" or "labels", not as "{min(unknown)[:80]}".')
    files = [one for one in received.files if one.field == "files"]
    files = [*_base(site, received), *files, *_typed(received)]
    labels = _labels([one for one in received.files if one.field == "labels"])
    drafts = [draft for one in files for draft in _drafts(one)]
    if not drafts:
        raise UserError("There is no draft: choose a file, or type one.")
    if len(drafts) > MOST_FILES:
        raise Refusal(413, f"An upload may have {MOST_FILES:,} drafts at most: send them as several.")
    is_comparison = bool(received.fields.get("compare"))
    if is_comparison and len(drafts) != 2:
        raise UserError(f"Two drafts are compared, and this upload has {len(drafts):,}.")
    _look(received.folder, drafts, must_all_be_read=is_comparison)
    kept = received._replace(files=[*files, *(one for one in received.files if one.field == "labels")])
    sync(received.folder)
    id = site.jobs.accept(
        kept, drafts, model=str(fitted[model]), kind="compare" if is_comparison else "forecast", labels=labels
    )
    site.worker.wake()
    return id


def _typed(received: Received) -> list[UploadedFile]:
    """A draft that was typed."""
    text = received.fields.get("draft", "").replace("\r\n", "\n")
    if not text.strip():
        return []
    return [_written(received, "typed.yaml", text.encode())]


def _base(site: Site, received: Received) -> list[UploadedFile]:
    """The draft of an earlier upload (JOB or JOB.POSITION) that this one is compared with."""
    said = received.fields.get("base", "")
    if not said:
        return []
    id, _, position = said.partition(".")
    number = int(position) if position.isdecimal() and len(position) < 8 else 0
    found = next(iter(site.jobs.drafts(id, number, 1)), None)
    if found is None or found.position != number:
        raise UserError("No upload has the draft that this is to be compared with: it was deleted, or never was.")
    content = read_content(site.jobs.uploads / id / found.file, found.member)
    return [_written(received, found.name, content)]


def _written(received: Received, name: str, content: bytes) -> UploadedFile:
    path = received.folder / f"{MOST_FILES + len(list(received.folder.iterdir())):06}"
    path.write_bytes(content)
    sync(path)
    return UploadedFile("files", name, path, len(content))


def _drafts(one: UploadedFile) -> list[tuple[str, str | None, str]]:
    """File, member of an archive, and name of each draft of an uploaded file."""
    if is_archive(one.path):
        names = members(one.path)
        if "[Content_Types].xml" in names:
            raise Refusal(415, f'"{one.name[:80]}" is a document of an office program, not a trial.')
        return [(one.path.name, member, member) for member in names]
    if one.size > LARGEST_FILE:
        raise Refusal(413, f'"{one.name[:80]}" is too large: a draft may have {LARGEST_FILE // MB} MB.')
    return [(one.path.name, None, one.name or "unnamed")]


def _look(folder: Path, drafts: Sequence[tuple[str, str | None, str]], *, must_all_be_read: bool) -> None:
    """Refuse what holds no study; of many drafts each has its own line in the end."""
    from trialpanorama.designs import read_draft

    problems = []
    for file, member, name in drafts[:_LOOKED_AT]:
        try:
            read_draft(read_content(folder / file, member), name)
        except UserError as error:
            if len(drafts) == 1 or must_all_be_read:
                raise
            problems.append(str(error))
        else:
            if not must_all_be_read:
                return
    if problems:
        raise UserError(f"None of the first {len(problems)} files is a study. The first: {problems[0]}")


def _labels(files: Sequence[UploadedFile]) -> dict[str, int]:
    """Of each trial whether it succeeded, from a CSV file with the columns nct_id and label."""
    from trialpanorama.tasks._outcome_labels import read_labels, success_of

    if not files:
        return {}
    if len(files) > 1:
        raise UserError("There are several files of labels: give one.")
    (one,) = files
    if one.size > LARGEST_FILE:
        raise Refusal(413, f'"{one.name[:80]}" is too large: labels may have {LARGEST_FILE // MB} MB.')
    try:
        read = read_labels([one.path])
    except UserError as error:
        raise UserError(str(error).replace(str(one.path), f'"{one.name[:80]}"')) from None
    found = {trial.nct_id: success_of(trial.label) for trial in read.trials}
    wrong = next((trial for trial in read.trials if found[trial.nct_id] is None), None)
    if wrong is not None:
        raise UserError(f'The label "{wrong.label[:40]}" of {wrong.nct_id} is neither 1 (success) nor 0 (failure).')
    if read.left_out:
        (why, count), *_ = read.left_out.most_common()
        raise UserError(f'"{one.name[:80]}" has rows that cannot be used, {count:,} of them: {why}.')
    return {id: int(label == "success") for id, label in found.items()}


# --- addresses


class _Answers:
    """What is answered at the addresses of uploads."""

    def __init__(self, site: Site, respond: Callable[..., Response]) -> None:
        self._site, self._respond = site, respond

    def upload(self, request: Request, form: str) -> Response:
        from fastapi import Response
        from fastapi.responses import RedirectResponse

        received: Received = request.scope["state"]["received"]
        said = {"files": str(len(received.files)), "bytes": str(sum(one.size for one in received.files))}
        request.scope["state"]["written_down"] = said
        self._site.jobs.sweep()
        try:
            id = take(self._site, received)
        except OSError as error:
            raise UserError(f"The upload cannot be kept: {error.strerror or type(error).__name__}.") from None
        said["upload"] = id
        if form == "html":
            return RedirectResponse(f"/outcome/{id}", 303)
        answer = {"id": id, "address": f"/outcome/{id}"}
        return Response(documents.json_bytes(answer), 202, media_type="application/json")

    def show(self, request: Request, form: str, id: str, page: int = 1) -> Response:
        job = _job(self._site, id)
        until = time.monotonic() + PATIENCE
        while form == "html" and job.total <= 2 and job.state != "done" and time.monotonic() < until:
            time.sleep(0.05)
            job = _job(self._site, id)
        if job.state != "done":
            request.scope["state"]["has_script"] = form == "html"
        elif job.total == 1 and form != "csv":
            return self.draft(request, form, id, 0)
        first, most = ((page - 1) * SHOWN, SHOWN) if form == "html" else (0, -1)
        facts: Facts = {
            "job": _job_facts(job),
            "drafts": [_row(draft) for draft in self._site.jobs.drafts(id, first, most)],
            "page": page,
            "pages": -(-job.total // SHOWN),
        }
        return self._respond(
            request, self._site, form, "outcome", facts, **_shown(form, "outcome_job.html"), **_table(form)
        )

    def draft(self, request: Request, form: str, id: str, position: int) -> Response:
        facts = _draft(self._site, id, position)
        return self._respond(request, self._site, form, "outcome", facts, **_shown(form, "outcome_draft.html"))

    def delete(self, request: Request, form: str, id: str = "") -> Response:
        from fastapi import Response
        from fastapi.responses import RedirectResponse

        ids = [_job(self._site, id).id] if id else [job.id for job in self._site.jobs.all()]
        gone = [one for one in ids if self._site.jobs.delete(one)]
        request.scope["state"]["written_down"] = {"deleted": " ".join(gone)}
        if form == "html":
            return RedirectResponse("/outcome", 303)
        return Response(documents.json_bytes({"deleted": gone}), media_type="application/json")

    def events(self, request: Request, form: str, id: str) -> Response:
        from fastapi.responses import StreamingResponse

        _job(self._site, id)
        return StreamingResponse(self._progress(id, request), media_type="text/event-stream")

    async def _progress(self, id: str, request: Request) -> AsyncIterator[bytes]:
        """How far a job is, whenever that changes, until it is done."""
        said = None
        until = time.monotonic() + LONGEST_STREAM
        while time.monotonic() < until and not await request.is_disconnected():
            try:
                job = await asyncio.to_thread(_job, self._site, id)
            except UserError:  # it was deleted
                yield b"event: done\ndata: {}\n\n"
                return
            facts = {"done": job.done, "failed": job.failed, "total": job.total, "state": job.state}
            if facts != said:
                said = facts
                event = b"done" if job.state == "done" else b"progress"
                yield b"event: " + event + b"\ndata: " + msgspec.json.encode(facts) + b"\n\n"
            if job.state == "done":
                return
            await asyncio.sleep(0.3)


def _shown(form: str, template: str) -> dict[str, Any]:
    return {} if form == "json" else {"template": template}


def _table(form: str) -> dict[str, Any]:
    return {} if form == "json" else {"rows": _rows}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "model": {"type": "string", "description": "Which fitted forecast; the usual one if left out"},
                        "draft": {"type": "string", "description": "A draft that was typed, in YAML or JSON"},
                        "base": {"type": "string", "description": "A draft of an earlier upload, to compare with"},
                        "compare": {"type": "string", "description": "Anything: compare the two drafts"},
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Trials in any registry's format, drafts in YAML, or zip archives of them",
                        },
                        "labels": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV with the columns nct_id and label (1: success), to evaluate with",
                        },
                    },
                }
            }
        },
    }
}


def add(app: FastAPI, site: Site, respond: Callable[..., Response], route: Callable[..., None]) -> None:
    """Add the addresses of uploads: `respond` gives facts in one of their forms, `route` adds an address."""
    from fastapi import Path as Part
    from fastapi import Query

    def parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)

    id = parameter("id", Annotated[str, Part(description="The upload", pattern="^[0-9a-f]{16}$")])
    position = parameter("position", Annotated[int, Part(description="Which of its drafts, from 0", ge=0, le=9_999)])
    number = parameter("page", Annotated[int, Query(description="Which page", ge=1, le=9_999)], 1)
    answers = _Answers(site, respond)
    every, html, both = ("json", "csv", "html"), ("html",), ("json", "html")
    for path, method, forms, answer, parameters, name, meaning in (
        ("", "POST", both, answers.upload, [], "upload", "Have drafts forecast; the answer says where"),
        ("/delete", "POST", both, answers.delete, [], "delete_all", "Delete every upload, with its forecasts"),
        ("/{id}/delete", "POST", both, answers.delete, [id], "delete", "Delete an upload, with its forecasts"),
        ("/{id}/events", "GET", html, answers.events, [id], "events", "How far an upload is: server-sent events"),
        ("/{id}/{position}", "GET", both, answers.draft, [id, position], "draft", "The forecast of one draft"),
        ("/{id}", "GET", every, answers.show, [id, number], "job", "An upload: how far it is, and its forecasts"),
    ):
        for form in forms:
            ending = "" if form == "html" else f".{form}"
            route(
                app, f"/outcome{path}{ending}", form, functools.partial(answer, form=form), parameters,
                title="Outcome", meaning=meaning, name=f"outcome_{name}", method=method,
                **({"openapi_extra": _BODY} if name == "upload" else {}),
            )  # fmt: skip
