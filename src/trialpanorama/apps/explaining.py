"""`trialpanorama explain`: why two registrations are held to be one trial, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trialpanorama.apps.console import put, put_json

if TYPE_CHECKING:
    from trialpanorama.resolve.explain import Explanation, Reason, Step
    from trialpanorama.warehouse import Warehouse


def explain_command(warehouse: Warehouse, a: str, b: str, json: bool) -> None:
    """Print what a warehouse knows of whether two ids are one trial."""
    from trialpanorama.resolve.explain import explain

    connection = warehouse.connect()
    try:
        found = explain(connection, a, b)
    finally:
        connection.close()
    put_json(msgspec.to_builtins(found) | {"snapshot": warehouse.snapshot}) if json else put(explanation_text(found))


def explanation_text(found: Explanation) -> str:
    """The same for a person: each link with what either side says, and what that is worth."""
    if found.is_one and not found.path:
        return f"{found.id_a} and {found.id_b} are one trial ({found.study_a}): their records share one id."
    if found.is_one:
        links = "by one link" if len(found.path) == 1 else f"by a chain of {len(found.path)} links"
        lines = [f"{found.id_a} and {found.id_b} are one trial ({found.study_a}), {links}."]
        return "\n".join(lines + [line for step in found.path for line in ("", *_step_lines(step))])
    lines = [f"{found.id_a} (trial {found.study_a}) and {found.id_b} (trial {found.study_b}) are two trials."]
    if found.refused:
        lines.append("Between them was looked at, and refused:")
        lines += [line for step in found.refused for line in ("", *_step_lines(step))]
    elif found.compared_now:
        is_one_register = found.compared_now.reason == "same_register"
        lines += [
            "They are both of one register, so that nothing but an id or a person joins them. Compared now, they give:"
            if is_one_register
            else "They have too little in common for a build to compare them. Compared now, they give:",
            "",
            *_step_lines(found.compared_now),
        ]
    else:
        lines.append("One of them is known from a publication alone, which is never compared.")
    lines += ["", f"If that is wrong, a line of an overrides file sets it right: {found.id_a} = {found.id_b}  # why"]
    return "\n".join(lines)


_REASONS = {
    "same_register": "it would join two different studies of one register",
    "follow_on_study": "only one of the titles says extension, pilot, part 2 ...",
    "ambiguous_id": "many registrations of one register name that id",
    "ambiguous_match": "another registration of that register is nearly as like",
    "too_little_evidence": "too little evidence",
    "override": "a person says that they are two",
}


def _step_lines(step: Step) -> list[str]:
    is_likeness = step.method in ("title", "similar")
    strength = f"probability {step.score:.3f}" if is_likeness else f"strength {step.score:.2f}"
    refused = f"; refused: {_REASONS[step.reason]}" if step.reason else ""
    lines = [f"{step.id_a} - {step.id_b}: {step.method}, {strength}{refused}"]
    width = max((len(_label(reason)) for reason in step.evidence), default=0)
    for reason in step.evidence:
        said = _said(reason)
        if reason.weight is None:
            lines.append(f"  {_label(reason):<{width}}  {said}")
        else:
            lines.append(
                f"  {_label(reason):<{width}}  {reason.weight:>+6.2f}  {_bar(reason.weight):<13}  {said}".rstrip()
            )
    weights = [reason.weight for reason in step.evidence if reason.weight is not None]
    if weights:
        total = sum(weights)
        lines.append(f"  {'together':<{width}}  {total:>+6.2f}  {'bits of log-odds'}")
    return lines


def _label(reason: Reason) -> str:
    return "before comparing" if reason.field == "prior" else reason.field.replace("_", " ")


def _said(reason: Reason) -> str:
    one, other = _clip(reason.value_a), _clip(reason.value_b)
    return one if one == other else f"{one or '-'} | {other or '-'}"


def _clip(value: str | None, longest: int = 60) -> str:
    text = " ".join((value or "").split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _bar(weight: float) -> str:
    """A bar to the left of the middle for what speaks against, to the right for what speaks for; a cell is a bit."""
    cells = min(6, round(abs(weight)))
    return (" " * (6 - cells) + "#" * cells + "|") if weight < 0 else (" " * 6 + "|" + "#" * cells)
