"""The form of a task's reply as a JSON Schema that providers of structured output accept."""

from __future__ import annotations

from typing import Any

import msgspec

from trialpanorama.tasks import AnySample, AnyTask

_KEPT = ("type", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern")


def reply_schema(task: AnyTask, sample: AnySample) -> dict[str, Any] | None:
    """The JSON Schema of a task's replies: every object closed, every field required, as strict servers want it.

    None where the task's reply is not simply its answer as JSON, or where its form cannot be said so strictly.
    """
    try:
        if msgspec.json.decode(task.reply(sample.gold), type=task.answer) != sample.gold:
            return None
        whole = msgspec.json.schema(task.answer)
        return _closed(whole, whole.get("$defs", {}))
    except (msgspec.MsgspecError, TypeError, _Unsayable):
        return None


class _Unsayable(Exception):
    """A part of an answer that a closed schema has no words for."""


def _closed(part: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return _closed(named[part["$ref"].rpartition("/")[2]], named)
    found = {key: part[key] for key in _KEPT if key in part}
    if "anyOf" in part:
        return found | {"anyOf": [_closed(choice, named) for choice in part["anyOf"]]}
    if "enum" in part:
        kinds = {type(value) for value in part["enum"]}
        return found | {"type": "string" if kinds == {str} else "integer"}
    match part.get("type"):
        case "object":
            if "properties" not in part:
                raise _Unsayable
            fields = {name: _closed(field, named) for name, field in part["properties"].items()}
            return found | {"properties": fields, "required": list(fields), "additionalProperties": False}
        case "array":
            if not isinstance(part.get("items"), dict):
                raise _Unsayable
            return found | {"items": _closed(part["items"], named)}
        case "string" | "integer" | "number" | "boolean" | "null":
            return found
    raise _Unsayable
