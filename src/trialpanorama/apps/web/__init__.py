"""The web pages of a warehouse, on this machine: `trialpanorama serve`.

Every page is thin over the function of the command of the same name. Pages are HTML without scripts, the same facts are
`.json`, and what is a table is `.csv`. Nothing is asked of another machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from trialpanorama.apps.web import design_desk, documents, outcomes, pages, safety, saved, uploads
from trialpanorama.apps.web.pages import PAGES, Ask, Page
from trialpanorama.apps.web.site import Site
from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

MENU = (
    "atlas", "search", "neighbours", "sizing", "designs", "outcome", "runs", "overdue", "problems", "dictionary", "sql",
)  # fmt: skip
"""Pages in the order of the menu."""
_FORMS = {"html": "", "json": ".json", "csv": ".csv"}


def create_app(
    warehouse: Path | Site,
    *,
    logs: Path | None = None,
    token: str | None = None,
    hosts: tuple[str, ...] | None = ("127.0.0.1", "localhost", "[::1]"),
    audit: Path | None = None,
) -> safety.Safety:
    """The pages of a warehouse as an ASGI application, behind its guards (see `safety.Safety`).

    Raises UserError where there is no warehouse, or the web extra is not installed.
    """
    try:
        from fastapi import FastAPI
    except ImportError:
        raise UserError("The pages need more libraries. Install them: pip install 'trialpanorama[web]'") from None
    from trialpanorama import __version__

    site = warehouse if isinstance(warehouse, Site) else Site(warehouse, logs)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(site.close)

    app = FastAPI(
        lifespan=lifespan,
        title="TrialPanorama",
        version=__version__,
        description="A warehouse of clinical trials, as its pages show it.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        # the library would send addresses of pages to another machine if the environment names one
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    _add_pages(app, site)
    _add_sizing(app, site)
    _add_sql(app, site)
    _add_rest(app, site)
    _add_errors(app, site)
    design_desk.add(app, site, _respond, _route)
    outcomes.add(app, site, _respond, _route)
    saved.add(app, site, _respond, _route)
    return safety.Safety(
        app,
        token=token,
        hosts=hosts,
        audit=audit,
        take_files=functools.partial(uploads.receive_form, site.jobs.uploads),
        takes_files=(*design_desk.TAKES_FILES, *outcomes.TAKES_FILES),
    )


def serve(
    warehouse: Path, *, host: str, port: int, token: str | None, logs: Path | None, say: Callable[[str], None]
) -> None:
    """Serve the pages until Ctrl-C; where others can reach them, behind a token that is told once.

    Raises UserError for a token that can be guessed, or an address that cannot be had.
    """
    is_private = safety.is_loopback(host)
    if token is not None and len(token) < safety.LEAST_TOKEN:
        raise UserError(f"The token is too short: give at least {safety.LEAST_TOKEN} characters, or leave out --token.")
    is_made = token is None and not is_private
    token = secrets.token_urlsafe(24) if is_made else token
    site = Site(warehouse, logs, say=say)
    app = create_app(
        site,
        token=token,
        audit=_audit_log(site.folder, say),
        hosts=("127.0.0.1", "localhost", "[::1]") if is_private else None,
    )
    import uvicorn

    site.prepare()
    outcomes.prepare(site)
    say(f"http://{f'[{host}]' if ':' in host else host}:{port}/ shows {warehouse}. Stop it with Ctrl-C.")
    if is_made:
        say(f"Others can reach it, and need this token, which is not shown again: {token}")
    settings = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, server_header=False, timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(settings)
    try:
        server.run()
    except SystemExit:
        raise UserError(f"The address {host}:{port} cannot be had. Give another: --port {port + 1}") from None


def _audit_log(folder: Path, say: Callable[[str], None]) -> Path | None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "audit.jsonl"
        path.open("a").close()
    except OSError as error:
        say(f"Forms that are sent are not written down: {folder} cannot be written to ({error.strerror}).")
        return None
    return path


# --- answers


def _respond(request: Request, site: Site, form: str, name: str, facts: pages.Facts, **more: Any) -> Response:
    """Facts in one of their forms; a mistake of the user's among them is status 400."""
    from fastapi import Response

    status = 400 if "problem" in facts else 200
    if form == "json":
        return Response(documents.json_bytes(facts), status, media_type="application/json")
    if form == "csv":
        if "problem" in facts:
            return Response(f"{facts['problem']}\n", status, media_type="text/plain")
        attached = {"content-disposition": f'attachment; filename="{name}.csv"'}
        return Response(documents.csv_text(more["rows"](facts)), media_type="text/csv", headers=attached)
    template = more.pop("template")
    text = documents.html(template, facts=facts, **_context(request, site, name), **more)
    return Response(text, status, media_type="text/html")


def _title(name: str) -> str:
    return PAGES[name].title if name in PAGES else "SQL"


class _Asked(dict[str, str]):
    """What was asked; empty where a parameter was left out."""

    def __missing__(self, name: str) -> str:
        return ""


def _context(request: Request, site: Site, name: str) -> dict[str, Any]:
    """What every template is told."""
    asked = _Asked(request.query_params)
    path = request.url.path

    def here(**changed: Any) -> str:
        """This page with other parameters."""
        return documents.link(path, **(asked | changed))

    manifest = site.warehouse.manifest
    return {
        "menu": [
            (PAGES[one].title if one in PAGES else "SQL", "/" if one == "atlas" else f"/{one}", one) for one in MENU
        ],
        "name": name,
        "is_fictional": manifest.is_fictional,
        "snapshot": manifest.snapshot,
        "built": manifest.built[:10],
        "asked": asked,
        "here": here,
        "link": documents.link,
        "as_form": lambda form, **changed: documents.link(
            ("/atlas" if path == "/" else path) + f".{form}", **(asked | changed)
        ),
        "csrf": request.scope["state"]["csrf"],
        "has_token": request.scope["state"]["has_token"],
        "sources": [source.name for source in manifest.sources],
    }


def _query(site_function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a page's function as FastAPI reads them."""
    from fastapi import Query

    hints = get_type_hints(site_function, include_extras=True)
    found = []
    for name, parameter in inspect.signature(site_function).parameters.items():
        if name == "site":
            continue
        hint = hints[name]
        ask = next(one for one in hint.__metadata__ if isinstance(one, Ask))
        is_text = hint.__origin__ is str
        bounds = {"max_length": ask.most} if is_text else {"ge": ask.least, "le": ask.most}
        query = Query(description=ask.meaning, **{k: v for k, v in bounds.items() if v is not None})  # type: ignore[arg-type]  # bounds of either kind
        found.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=parameter.default,
                annotation=Annotated[hint.__origin__, query],
            )
        )  # fmt: skip
    return found


_OF_FORMS: dict[int | str, dict[str, Any]] = {
    202: {"description": "It was taken in, and is worked on"},
    303: {"description": "It is done: the page to go on with"},
    403: {"description": f"Sent without the header {safety.SCRIPT_HEADER}, or the field of the form"},
    413: {"description": "It is larger than what is taken"},
    415: {"description": "It is sent as something else than a form"},
}


def _route(
    app: FastAPI, path: str, form: str, answer: Callable[..., Response], parameters: list[inspect.Parameter],
    *, title: str, meaning: str, name: str, method: str = "GET", **more: Any,
) -> None:  # fmt: skip
    """Add an address; `answer` is called with the request and what was asked."""
    from fastapi import Request, Response

    def endpoint(request: Request, **given: Any) -> Response:
        return answer(request, **given)

    first = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    endpoint.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]  # what FastAPI reads
    endpoint.__annotations__ = {one.name: one.annotation for one in (first, *parameters)}
    kinds = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
    app.add_api_route(
        path, endpoint, methods=[method], summary=title, description=meaning, response_class=Response,
        operation_id=f"{name}_{form}",
        responses={
            200: {"description": meaning, "content": {kinds[form]: {}}},
            400: {"description": "What was asked cannot be answered: one line says why"},
            404: {"description": "There is no such thing here"},
            422: {"description": "A parameter is not what it should be: one line says which"},
            **(_OF_FORMS if method == "POST" else {}),
        },
        **more,
    )  # fmt: skip


def _add_pages(app: FastAPI, site: Site) -> None:
    for page in PAGES.values():
        parameters = _query(page.facts)
        for form, ending in _FORMS.items():
            if form == "csv" and page.rows is None:
                continue
            path = "/" if page.name == "atlas" and form == "html" else f"/{page.name}{ending}"
            _route(
                app, path, form, _page_answer(site, page, form), parameters,
                title=page.title, meaning=page.meaning, name=page.name,
            )  # fmt: skip


def _page_answer(site: Site, page: Page, form: str) -> Callable[..., Response]:
    def answer(request: Request, **given: Any) -> Response:
        if form == "csv" and page.name == "search" and "size" not in request.query_params:
            given |= {"page": 1, "size": pages.MOST_EXPORTED}
        key = (page.name, *sorted(given.items()))
        facts = (
            site.remember(key, lambda: page.facts(site, **given)) if page.is_remembered else page.facts(site, **given)
        )
        more: dict[str, Any] = {"rows": page.rows, "template": page.template} if form != "json" else {}
        if form == "html":
            more |= page.drawn(facts)
        if form == "html" and page.name == "trial" and facts["kind"] == "trial":
            more["plots"] = pages.result_plots(facts["results"])
        return _respond(request, site, form, page.name, facts, **more)

    return answer


def _add_sizing(app: FastAPI, site: Site) -> None:
    """A form for each calculation, from what it says of its parameters."""
    from fastapi import Query

    from trialpanorama.power import METHODS

    kinds: Mapping[str, type] = {"number": float, "count": int, "word": str, "numbers": str}
    for known in METHODS.values():
        parameters = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None,
                annotation=Annotated[kinds[one.kind] | None, Query(description=one.meaning)],
            )
            for name, one in known.parameters.items()
        ]  # fmt: skip
        for form, ending in _FORMS.items():
            _route(
                app, f"/sizing/{known.name}{ending}", form, _sizing_answer(site, known.name, form), parameters,
                title=known.title, meaning=f"Sample size or power: {known.title}", name=f"sizing_{known.name}",
            )  # fmt: skip


def _sizing_answer(site: Site, method: str, form: str) -> Callable[..., Response]:
    from trialpanorama.power import METHODS

    def answer(request: Request, **given: Any) -> Response:
        known = {name: value for name, value in given.items() if value is not None}
        key = ("sizing", method, *sorted(known.items()))
        facts = site.remember(key, lambda: pages.sizing(method, known))
        if form == "csv" and not known:
            facts = facts | {"problem": "Nothing is given: fill in the form of the page."}
        more: dict[str, Any] = {"rows": pages.sizing_rows, "template": "sizing_method.html"} if form != "json" else {}
        if form == "html":
            more |= {"method": METHODS[method], "plot": pages.sizing_curve(facts), "empty": inspect.Parameter.empty}
        return _respond(request, site, form, "sizing", facts, **more)

    return answer


def _add_sql(app: FastAPI, site: Site) -> None:
    from fastapi import Form, Request, Response

    def shown(request: Request) -> Response:
        facts: pages.Facts = {"sql": request.query_params.get("sql", ""), "columns": [], "rows": None, "is_cut": False}
        return _respond(request, site, "html", "sql", facts, template="sql.html")

    shown.__annotations__ = {"request": Request}
    said = "Ask the warehouse in SQL: one SELECT statement, read-only, time, memory and rows bounded"
    app.add_api_route("/sql", shown, methods=["GET"], summary="SQL", description=said, response_class=Response)
    for form, ending in _FORMS.items():

        def answer(request: Request, sql: str = "", *, form: str = form) -> Response:
            facts = pages.sql(site, sql, form)
            if form == "json" and "problem" not in facts:
                facts = facts | {"rows": [dict(zip(facts["columns"], row, strict=False)) for row in facts["rows"]]}
            return _respond(
                request, site, form, "sql", facts,
                **({} if form == "json" else {"template": "sql.html", "rows": lambda f: (f["columns"], f["rows"])}),
            )  # fmt: skip

        signature = [
            inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request),
            inspect.Parameter(
                "sql", inspect.Parameter.KEYWORD_ONLY, default="",
                annotation=Annotated[str, Form(description="A SELECT statement", max_length=50_000)],
            ),
        ]  # fmt: skip
        answer.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # what FastAPI reads
        answer.__annotations__ = {one.name: one.annotation for one in signature}
        app.add_api_route(
            f"/sql{ending}", answer, methods=["POST"], summary="SQL", description=said, response_class=Response,
            operation_id=f"sql_{form}",
            responses={
                400: {"description": "The query cannot be answered: one line says why"},
                403: {"description": f"Sent without the header {safety.SCRIPT_HEADER}, or the field of the form"},
            },
        )  # fmt: skip


def _add_rest(app: FastAPI, site: Site) -> None:
    """The record of a search, the list of addresses, signing in, and how pages look."""
    from fastapi import Request, Response
    from fastapi.responses import FileResponse, RedirectResponse

    def record(request: Request, **asked: Any) -> Response:
        if not asked["q"].strip():
            raise UserError("There is no search to write down: give q.")
        text = pages.prisma(site, asked)
        attached = {"content-disposition": 'attachment; filename="search-record.md"'}
        return Response(text, media_type="text/markdown; charset=utf-8", headers=attached)

    _route(
        app, "/search/record.md", "html", record, _query(pages.search),
        title="Record of a search", meaning="A search written down for a paper (PRISMA-S), as Markdown", name="record",
    )  # fmt: skip

    def addresses(request: Request) -> Response:
        described = app.openapi()["paths"]
        facts = {
            "addresses": [
                {"path": path, "method": method.upper(), "meaning": one.get("description", ""),
                 "parameters": [(p["name"], p.get("description", "")) for p in one.get("parameters", ())]}
                for path, methods in described.items() if path.endswith((".json", ".csv", ".md"))
                for method, one in methods.items()
            ]
        }  # fmt: skip
        return _respond(request, site, "html", "api", facts, template="api.html")

    def login(request: Request) -> Response:
        following = _inside(request.query_params.get("next", "/"))
        return _respond(request, site, "html", "login", {"next": following, "is_wrong": False}, template="login.html")

    def signed_in(request: Request) -> Response:
        following = _inside(request.query_params.get("next", "/"))
        if request.scope["state"].get("signed_in"):
            return RedirectResponse(following, 303)
        facts = {"next": following, "is_wrong": True}
        return Response(
            documents.html("login.html", facts=facts, **_context(request, site, "login")), 401, media_type="text/html"
        )

    def style(request: Request) -> Response:
        return FileResponse(documents.FOLDER / "static" / "style.css", media_type="text/css")

    def icon(request: Request) -> Response:
        return FileResponse(documents.FOLDER / "static" / "icon.svg", media_type="image/svg+xml")

    def script(request: Request) -> Response:
        return FileResponse(documents.FOLDER / "static" / "progress.js", media_type="text/javascript")

    for path, answer, method in (
        ("/api", addresses, "GET"),
        ("/login", login, "GET"),
        ("/login", signed_in, "POST"),
        ("/static/style.css", style, "GET"),
        ("/static/icon.svg", icon, "GET"),
        ("/static/progress.js", script, "GET"),
    ):
        answer.__annotations__ = {"request": Request}
        app.add_api_route(path, answer, methods=[method], include_in_schema=False, response_class=Response)


def _inside(address: str) -> str:
    """An address of this site, and no other, to go to."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"


def _add_errors(app: FastAPI, site: Site) -> None:
    """Every error as one clear line, in the form that was asked for."""
    from fastapi import Response
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    def said(request: Request, status: int, why: str) -> Response:
        why = " ".join(why.split())
        if request.url.path.endswith(".json"):
            return Response(documents.json_bytes({"error": why}), status, media_type="application/json")
        if request.url.path.endswith((".csv", ".md")):
            return Response(f"{why}\n", status, media_type="text/plain")
        try:
            context = _context(request, site, "error")
        except UserError as error:  # the warehouse itself is gone
            return Response(f"{error}\n", status, media_type="text/plain")
        text = documents.html("error.html", facts={"why": why, "status": status}, **context)
        return Response(text, status, media_type="text/html")

    async def of_user(request: Request, error: Exception) -> Response:
        return said(request, 404 if str(error).startswith("No ") else 400, str(error))

    async def of_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, safety.Refusal)
        return said(request, error.status, error.why)

    async def of_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        one = error.errors()[0]
        return said(request, 422, f'The parameter "{one["loc"][-1]}" is not right: {one["msg"]}.')

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return said(request, error.status_code, f"{error.detail}: {request.url.path[:200]}")

    async def of_us(request: Request, error: Exception) -> Response:
        return said(request, 500, f"Unexpected {type(error).__name__}; the terminal where this runs tells the story.")

    app.add_exception_handler(UserError, of_user)
    app.add_exception_handler(safety.Refusal, of_refusal)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(Exception, of_us)
