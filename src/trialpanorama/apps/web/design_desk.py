"""For those who plan a trial: how similar trials were designed, power at their sizes, a draft to take away."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec

from trialpanorama.apps.web.drawing import ticks
from trialpanorama.apps.web.pages import Ask, Facts, Rows, page
from trialpanorama.apps.web.site import Site
from trialpanorama.apps.web.uploads import LARGEST_FILE, MB, Received
from trialpanorama.errors import UserError
from trialpanorama.vocabulary import Allocation, ArmType, InterventionModel, Masking, Purpose, Sex

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

    from trialpanorama.designs import Draft
    from trialpanorama.record import Record

TAKES_FILES = (
    "/designs", "/designs.json", "/designs.csv", "/designs/draft", "/designs/draft.json", "/designs/draft.yaml",
)  # fmt: skip
COUNT, MOST = 20, 100
"""Similar trials, and at most."""
_MOST_ITEMS = 40
"""Endpoints, and criteria, that a draft can be given at once."""
_COLUMNS = ("study_id", "score", "title", "phases", "enrollment", "status", "why_stopped", "primary_endpoint_met",
            "shared", "registration_date", "start_date", "completion_date", "sponsor")  # fmt: skip


def _rows(facts: Facts) -> Rows:
    return _COLUMNS, [[one.get(name) for name in _COLUMNS] for one in facts["similar"]]


@page("designs", "Design desk", rows=_rows, drawn=lambda facts: drawn(facts))
def designs(
    site: Site,
    condition: Annotated[str, Ask("What it is about; several with semicolons between them", most=2_000)] = "",
    intervention: Annotated[str, Ask("What is tested; several likewise", most=2_000)] = "",
    phase: Annotated[Literal["", "1", "1/2", "2", "2/3", "3", "4"], Ask("Its phase")] = "",
    count: Annotated[int, Ask("How many similar trials", 1, MOST)] = COUNT,
    before: Annotated[str, Ask("Only what was registered, and known, before this day (2024-12-31)", most=10)] = "",
) -> Facts:
    """Trials that are like a planned one: what became of them, and how they were designed."""
    from trialpanorama.apps.designing import described

    if not (condition.strip() or intervention.strip()):
        return {"draft": None, "similar": [], "summary": None}
    record = described(_several(condition), _several(intervention), [phase] if phase else [])
    return found(site, record, count, before)


def _several(text: str) -> list[str]:
    return [name for part in re.split(r"[;\n]", text) if (name := part.strip())]


def found(site: Site, record: Record, count: int = COUNT, before: str = "") -> Facts:
    """Similar trials, their designs, what a trial of their size can detect, and the draft as text."""
    from trialpanorama.apps.designing import day, designs_facts
    from trialpanorama.designs import draft_of, draft_text

    with contextlib.suppress(UserError):  # where it cannot be made, words are not compared
        _ = site.index
    try:
        facts = designs_facts(site.reading, record, count, day(before))
    except UserError as error:
        return {"draft": None, "similar": [], "summary": None, "problem": str(error)}
    return facts | {
        "detectable": detectable(facts["summary"]["figures"]["enrollment"]),
        "draft_text": draft_text(draft_of(record)),
        "suggested": _suggested(facts["summary"]),
    }


def drawn(facts: Facts) -> dict[str, Any]:
    """What the page shows beside the facts: a plot, and figures in words."""
    from trialpanorama.apps.designing import limits_text, number
    from trialpanorama.designs import Figure

    known = facts.get("detectable")
    return {
        "plot": power_plot(known) if known else None,
        "figure": number,
        "limits": lambda found: limits_text(msgspec.convert(found, list[Figure])),
        "choices": _CHOICES,
        "most_mb": LARGEST_FILE // MB,
    }


# --- power at the sizes of similar trials

DIFFERENCES = (0.2, 0.5, 0.8)
"""Small, medium and large differences of means, in standard deviations (Cohen 1988, section 2.2.3)."""
_POWERS = (0.8, 0.9)
_POINTS = 25
"""Of a curve."""
_LABEL = 14.0
"""Height of a line's label in the plot."""


def detectable(size: Mapping[str, Any]) -> Facts | None:
    """What trials of the quartiles of a size could detect, and power curves; two arms of the same size, alpha 0.05."""
    from trialpanorama import power

    if not size["n"]:
        return None
    sizes = sorted({max(round(size[name]), 4) for name in ("low", "median", "high")})
    rows = [
        {"n_total": n}
        | {f"difference_{wanted:g}": _least(power.t_test, "difference", n, wanted, sd=1) for wanted in _POWERS}
        | {
            f"proportion_{wanted:g}": _least(power.proportions, "treatment", n, wanted, control=0.5)
            for wanted in _POWERS
        }
        for n in sizes
    ]
    first, last = max(sizes[0] // 2, 4), max(sizes[-1] * 5 // 4, 20)
    drawn_at = sorted({first + (last - first) * step // (_POINTS - 1) for step in range(_POINTS)})
    curves = {
        f"{difference:g}": [
            [n, round(power.t_test(difference=difference, sd=1, n_total=n).power or 0.0, 4)] for n in drawn_at
        ]
        for difference in DIFFERENCES
    }
    return {"sizes": sizes, "rows": rows, "curves": curves, "alpha": 0.05}


def _least(calculation: Callable[..., Any], name: str, n_total: int, wanted: float, **given: float) -> float | None:
    """The least effect that so many participants find with a power; None where they are too few for any."""
    try:
        return float(calculation(n_total=n_total, power=wanted, **given).effect[name])
    except UserError:
        return None


def power_plot(known: Mapping[str, Any]) -> dict[str, Any] | None:
    """Power (0 to 1) against size, a line for each difference, and the sizes of similar trials."""
    lines = {name: points for name, points in known["curves"].items() if len(points) > 1}
    if not lines:
        return None
    left, top, width, height = 46, 12, 560, 240
    ends = [n for points in lines.values() for n, _ in points]
    low, high = min(ends), max(ends)

    def place(n: float, power: float) -> tuple[float, float]:
        return round(left + width * (n - low) / (high - low), 1), round(top + height * (1 - power), 1)

    ends_at = sorted((place(*points[-1])[1], name) for name, points in lines.items())
    labels: dict[str, float] = {}
    for y, name in ends_at:  # so that no label stands on another
        labels[name] = max(y, max(labels.values(), default=y - _LABEL) + _LABEL)
    return {
        "width": left + width + 60,
        "height": top + height + 44,
        "left": left,
        "right": left + width,
        "top": top,
        "bottom": top + height,
        "lines": [
            {"name": name, "points": " ".join(f"{x},{y}" for x, y in (place(n, p) for n, p in points)),
             "label": (place(*points[-1])[0], labels[name]), "kind": kind}
            for kind, (name, points) in enumerate(lines.items())
        ],
        "across": [(place(tick, 0)[0], f"{tick:,.0f}") for tick in ticks(low, high, 6)],
        "up": [(place(low, tick)[1], f"{tick:g}") for tick in (0, 0.2, 0.4, 0.6, 0.8, 1)],
        "sizes": [(place(n, 0)[0], n) for n in known["sizes"] if low <= n <= high],
    }  # fmt: skip


# --- a draft from what was chosen

_CHOICES: Mapping[str, Sequence[str]] = {
    "allocation": get_args(Allocation),
    "intervention_model": get_args(InterventionModel),
    "masking": get_args(Masking),
    "primary_purpose": get_args(Purpose),
    "sex": get_args(Sex),
}
"""Features of a design, and what each may be."""


def _suggested(summary: Mapping[str, Any]) -> Facts:
    """What most of the similar trials have, to begin with; no figure that fewer than half of them state."""
    figures = summary["figures"]
    whole: Facts = {
        name: round(figures[of]["median"]) if 2 * figures[of]["n"] >= len(summary["trials"]) > 0 else None
        for name, of in (
            ("enrollment_target", "enrollment"),
            ("minimum_age_years", "minimum_age_years"),
            ("maximum_age_years", "maximum_age_years"),
        )
    }
    return whole | {name: (summary["features"].get(name) or [{"name": ""}])[0]["name"] for name in _CHOICES}


class _Endpoint(msgspec.Struct):
    measure: str
    time_frame: str | None = None


def assemble(fields: Mapping[str, str]) -> Draft:
    """The draft of a form: what it began with (`base`), and what was chosen; raises UserError for what is none."""
    from trialpanorama.designs import DraftOutcome, draft_of, read_draft

    draft = draft_of(read_draft(fields.get("base", "").encode(), "draft.yaml"))
    changed: dict[str, Any] = {name: word for name in _CHOICES if (word := fields.get(name, ""))}
    for name in ("enrollment_target", "minimum_age_years", "maximum_age_years"):
        if text := fields.get(name, "").strip():
            if not text.isdecimal() or len(text) > 7:
                raise UserError(f"{name.replace('_', ' ')} is no whole number: {text[:20]}")
            changed[name] = int(text)
    said = {place: _chosen(fields, place) for place in ("endpoint", "include", "exclude")}
    try:
        endpoints = [msgspec.json.decode(text, type=_Endpoint) for text in said["endpoint"]]
    except msgspec.MsgspecError:
        raise UserError("An endpoint of the form is not one of the page. Load the page again.") from None
    added = [DraftOutcome(type="PRIMARY", measure=one.measure, time_frame=one.time_frame) for one in endpoints]
    draft = msgspec.structs.replace(
        draft,
        outcomes=[*draft.outcomes, *added],
        inclusion_criteria=[*dict.fromkeys([*draft.inclusion_criteria, *said["include"]])],
        exclusion_criteria=[*dict.fromkeys([*draft.exclusion_criteria, *said["exclude"]])],
    )
    if pattern := fields.get("arms", ""):
        draft = _with_arms(draft, pattern)
    try:
        return msgspec.convert(msgspec.to_builtins(draft) | changed, type(draft))
    except msgspec.ValidationError as error:
        raise UserError(f"The form has a value that a draft cannot have: {error}.") from None


def _chosen(fields: Mapping[str, str], name: str) -> list[str]:
    return [text for n in range(_MOST_ITEMS) if (text := fields.get(f"{name}_{n}", "").strip())]


def _with_arms(draft: Draft, pattern: str) -> Draft:
    """A draft with arms by a pattern, such as "1 experimental, 1 placebo comparator"."""
    from trialpanorama.designs import DraftArm, DraftIntervention

    kinds: dict[str, ArmType] = {kind.replace("_", " ").lower(): kind for kind in get_args(ArmType)}
    tested = [one.name for one in draft.interventions if "placebo" not in one.name.lower()]
    placebo = next((one.name for one in draft.interventions if "placebo" in one.name.lower()), "Placebo")
    arms: list[DraftArm] = []
    for part in pattern.split(", "):
        count, _, word = part.partition(" ")
        if word not in kinds or not count.isdecimal() or not 0 < int(count) <= 20:
            raise UserError(f'"{pattern[:80]}" is no pattern of arms, such as: 1 experimental, 1 placebo comparator')
        kind, many = kinds[word], int(count)
        for number in range(1, many + 1):
            own = {"EXPERIMENTAL": tested, "PLACEBO_COMPARATOR": [placebo]}.get(kind, [])
            name = {"EXPERIMENTAL": " and ".join(tested), "PLACEBO_COMPARATOR": placebo}.get(kind) or word.capitalize()
            label = f"{name} {number}" if many > 1 else name
            arms.append(DraftArm(label=label, type=kind, intervention_names=own))
    interventions = list(draft.interventions)
    if any(arm.type == "PLACEBO_COMPARATOR" for arm in arms) and placebo not in [one.name for one in interventions]:
        interventions.append(DraftIntervention(name=placebo))
    return msgspec.structs.replace(draft, arms=arms, interventions=interventions)


# --- addresses


class _Answers:
    """What is answered to forms that are sent with a draft."""

    def __init__(self, site: Site, respond: Callable[..., Response]) -> None:
        self._site, self._respond = site, respond

    def similar(self, request: Request, form: str) -> Response:
        """Trials that are like a draft that was uploaded or typed."""
        received = _received(request)
        try:
            facts = found(self._site, _record(received))
        except UserError as error:
            typed = received.fields.get("draft", "")
            facts = {"draft": None, "similar": [], "summary": None, "problem": str(error), "draft_text": typed}
        facts["is_sent"] = True
        more: dict[str, Any] = {} if form == "json" else {"template": "designs.html", "rows": _rows}
        return self._respond(
            request, self._site, form, "designs", facts, **more, **(drawn(facts) if form == "html" else {})
        )

    def draft(self, request: Request, form: str) -> Response:
        """The draft of a form: to read and change, or as a file."""
        from fastapi import Response

        from trialpanorama.designs import draft_of, draft_text

        received = _received(request)
        fields = received.fields
        is_typed = bool(fields.get("draft", "").strip())
        draft = draft_of(_record(received)) if is_typed else assemble(fields)
        if form == "html":
            return self._respond(
                request, self._site, form, "designs", {"draft_text": draft_text(draft)}, template="design_draft.html"
            )
        kind: Literal["json", "yaml"] = "json" if form == "json" else "yaml"
        attached = {"content-disposition": f'attachment; filename="draft.{kind}"'}
        return Response(draft_text(draft, kind), media_type=f"application/{kind}", headers=attached)


def _received(request: Request) -> Received:
    received: Received = request.scope["state"]["received"]
    request.scope["state"]["written_down"] = {"files": str(len(received.files))}
    return received


def _record(received: Received) -> Record:
    """The study that was uploaded, or else typed."""
    from trialpanorama.designs import read_draft

    files = [one for one in received.files if one.size]
    if len(files) > 1:
        raise UserError("There are several files: give one.")
    if files:
        (one,) = files
        if one.size > LARGEST_FILE:
            raise UserError(f'"{one.name[:80]}" is too large: a draft may have {LARGEST_FILE // MB} MB.')
        return read_draft(one.path.read_bytes(), one.name or "upload")
    text = received.fields.get("draft", "").replace("\r\n", "\n")
    if not text.strip():
        raise UserError("Nothing was sent: choose a file, or write a draft.")
    return read_draft(text.encode(), "draft")


_FIELDS: Mapping[str, str] = {
    "draft": "A draft that was typed, in YAML or JSON",
    "base": "The draft that choices are added to",
    "arms": "Pattern of arms: 1 experimental, 1 placebo comparator",
    "enrollment_target": "Participants",
    "minimum_age_years": "Least age",
    "maximum_age_years": "Greatest age",
    **{name: f"One of {', '.join(values)}" for name, values in _CHOICES.items()},
}


def _body(*names: str, has_file: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "string", "description": _FIELDS[name]} for name in names}
    if has_file:
        properties["files"] = {
            "type": "string",
            "format": "binary",
            "description": "A trial in any registry's format, or a draft",
        }
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def add(app: FastAPI, site: Site, respond: Callable[..., Response], route: Callable[..., None]) -> None:
    """Add the addresses of drafts: `respond` gives facts in one of their forms, `route` adds an address."""
    answers = _Answers(site, respond)
    meaning = "Trials that are like a draft that is sent, and how they were designed"
    for form, ending in (("html", ""), ("json", ".json"), ("csv", ".csv")):
        route(
            app, f"/designs{ending}", form, functools.partial(answers.similar, form=form), [], title="Design desk",
            meaning=meaning, name="designs_of_draft", method="POST", openapi_extra=_body("draft", has_file=True),
        )  # fmt: skip
    for form, ending in (("html", ""), ("json", ".json"), ("yaml", ".yaml")):
        route(
            app, f"/designs/draft{ending}", "html" if form == "yaml" else form,
            functools.partial(answers.draft, form=form), [], title="Design desk",
            meaning="A draft put together from choices, or one that was typed, as a file",
            name=f"draft_as_{form}", method="POST", openapi_extra=_body(*_FIELDS, has_file=False),
        )  # fmt: skip
