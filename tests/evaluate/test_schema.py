"""The form of replies as a JSON Schema."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

import msgspec
import pytest

from tests.fake_model import is_strict
from tests.handmade import many_trials, warehouse
from trialpanorama import tasks
from trialpanorama.evaluate.schema import _closed, reply_schema
from trialpanorama.warehouse import Warehouse


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return warehouse(tmp_path_factory.mktemp("schema") / "w", many_trials(120))


def _allows(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value keeps to a schema, for the few words that ours use."""
    if "anyOf" in schema:
        return any(_allows(choice, value) for choice in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    match schema["type"]:
        case "object":
            fields = schema["properties"]
            return set(value) == set(fields) and all(_allows(fields[key], value[key]) for key in fields)
        case "array":
            return isinstance(value, list) and all(_allows(schema["items"], item) for item in value)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
    return False


@pytest.mark.parametrize("name", list(tasks.tasks() | tasks.variants()))
def test_the_answers_of_every_task_have_a_strict_schema(name: str) -> None:
    whole = msgspec.json.schema(tasks.task(name).answer)
    assert is_strict(_closed(whole, whole["$defs"]))


@pytest.mark.parametrize("name", ["trial_completion", "endpoint_design", "sample_size"])
def test_right_replies_keep_to_the_schema_of_their_task(name: str, opened: Warehouse) -> None:
    chosen = tasks.task(name)
    samples = tasks.load(opened, chosen, "train")
    schema = reply_schema(chosen, samples[0])
    assert schema is not None
    assert is_strict(schema)
    for sample in samples[:50]:
        assert _allows(schema, msgspec.json.decode(chosen.reply(sample.gold)))


class _Inner(msgspec.Struct, frozen=True):
    name: str
    share: float | None = None


class _Answer(msgspec.Struct, frozen=True):
    inner: list[_Inner]
    kind: Literal["a", "b"]
    count: int = 0


class _Open(msgspec.Struct, frozen=True):
    counts: dict[str, int]


def _schema(gold: Any, reply: str | None = None) -> dict[str, Any] | None:
    task: Any = SimpleNamespace(answer=type(gold), reply=lambda answer: reply or msgspec.json.encode(answer).decode())
    sample: Any = SimpleNamespace(gold=gold)
    return reply_schema(task, sample)


def test_every_object_is_closed_and_every_field_required() -> None:
    schema = _schema(_Answer([_Inner("x")], "a"))
    assert schema is not None
    assert is_strict(schema)
    assert schema["required"] == ["inner", "kind", "count"]
    assert schema["properties"]["kind"] == {"enum": ["a", "b"], "type": "string"}
    assert "default" not in str(schema)


def test_what_a_closed_schema_cannot_say_has_none() -> None:
    assert _schema(_Open({"a": 1})) is None, "any key may be there"
    assert _schema(_Answer([], "a"), reply="A") is None, "the reply is not the answer as JSON"
    assert _schema(_Answer([], "a"), reply='{"inner": [], "kind": "b"}') is None, "it is another answer"
