"""Asking a language model for JSON of one form: the requests, what they cost, and the replies kept on disk.

What the extractor of mentions and the wording of questions share. Nothing here knows what is asked. Replies are kept
under model, instructions and text, so that nothing is paid for twice and a run that was ended goes on; a request
without an answer is a value that says why (`OUTCOMES`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

from trialpanorama.errors import UserError

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

Outcome = Literal[
    "answered", "cut_off", "no_json", "other_schema", "refused", "timed_out", "failed", "not_asked"
]  # fmt: skip
OUTCOMES: dict[Outcome, str] = {
    "answered": "the model answered in the form that was asked for",
    "cut_off": "the reply ended before it was complete, even for a short part of the text",
    "no_json": "the reply was no JSON, twice",
    "other_schema": "the reply was JSON of another form, twice",
    "refused": "the model or its filter refused",
    "timed_out": "no reply came in time, after all repetitions",
    "failed": "the server could not be reached or reported an error, after all repetitions",
    "not_asked": "the text was not sent: the limit of tokens was reached, or the model kept failing",
}

GIVE_UP_AFTER = 10
"""Requests that fail one after the other before the rest is not asked any more."""

_ON_THIS_MACHINE = {
    "hf", "vllm", "sglang", "ollama", "llama-cpp-python", "transformer_lens", "nnterp", "mockllm", "none",
}  # fmt: skip
"""Inspect's providers that run the model here where no other address is given."""
_AGAIN = "That could not be read ({why}). Reply with the JSON object alone, in the form that was described."

Result = TypeVar("Result")
Reply = TypeVar("Reply", bound=msgspec.Struct)


class Usage(msgspec.Struct):
    """What requests cost, in tokens as the server counts them."""

    requests: int = 0
    input_tokens: int = 0
    """All that were sent, those included that the server had cached."""
    cached_input_tokens: int = 0
    """Those of them that the server had cached."""
    output_tokens: int = 0

    def add(self, other: Usage) -> None:
        """Count what another request cost."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Said(msgspec.Struct, frozen=True):
    """A reply as it is kept."""

    outcome: Outcome
    completion: str = ""
    detail: str = ""


class Destination(NamedTuple):
    """Where texts go."""

    host: str
    is_local: bool


class Form(msgspec.Struct, frozen=True):
    """What is asked for: the instructions, and the JSON that a reply has to be."""

    name: str
    """What servers that enforce a schema are told that it is called."""
    system: str
    """The instructions."""
    schema: dict[str, Any]
    """JSON Schema of a reply: every field required, every object closed, as servers that enforce a schema want it."""
    reply: type[msgspec.Struct]
    """The same as a type; what does not convert to it is another form."""


class Asker:
    """Asks one model for replies of one form.

    `model` is one of Inspect's model names, or a model object. `cache` is the folder in which replies are kept; without
    one every text is paid for again. `max_tokens` bounds what is sent and received together. `timeout_s` is the time
    for one request, which is sent again up to `retries` times where the server is busy, fails or does not answer. To be
    closed after use (`with`), and not to be called where an event loop is running.
    """

    def __init__(
        self,
        model: str | Model,
        form: Form,
        *,
        cache: Path | None = None,
        max_tokens: int | None = None,
        timeout_s: int = 120,
        retries: int = 3,
        connections: int = 8,
    ) -> None:
        self._is_ours = isinstance(model, str)
        self.model = open_model(model) if isinstance(model, str) else model
        self.form = form
        self.connections = connections
        self.prompt_hash = _hash(form.system, msgspec.json.encode(form.schema).decode(), _AGAIN)[:16]
        self._cache = cache
        self._max_tokens = max_tokens
        self._timeout_s, self._retries = timeout_s, retries
        self._runner = asyncio.Runner()
        self._spent = 0
        self._reserved = 0
        self._failures: list[str] = []
        """Details of the requests that failed since the last that did not."""

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            self._runner.run(self.model.api.aclose())
        self._runner.close()

    @property
    def name(self) -> str:
        """The model's name with its provider."""
        return str(self.model)

    def run(self, asking: Coroutine[Any, Any, Result]) -> Result:
        """Run what awaits replies to its end."""
        return self._runner.run(asking)

    def estimate(self, text: str) -> int:
        """About how many tokens would be sent for a text; none where its reply is kept."""
        return 0 if self.kept(text) else tokens(self.form.system) + tokens(text)

    async def ask(self, text: str, room: int, usage: Usage) -> Said:
        """Ask about a text, once more where the reply cannot be read; `room` is the most tokens of a reply.

        `usage` is told what it cost. The reply is not kept: see `keep`. Raises UserError for what every further request
        would fail of, such as a refused key.
        """
        from inspect_ai.model import (
            ChatMessageAssistant,
            ChatMessageSystem,
            ChatMessageUser,
            GenerateConfig,
            ResponseSchema,
        )
        from inspect_ai.util import JSONSchema

        schema = JSONSchema.model_validate(self.form.schema)
        config = GenerateConfig(
            temperature=0,
            max_tokens=room,
            response_schema=ResponseSchema(name=self.form.name, json_schema=schema, strict=True),
            attempt_timeout=self._timeout_s,
            max_retries=self._retries,
            max_connections=self.connections,
        )
        messages: list[Any] = [ChatMessageSystem(content=self.form.system), ChatMessageUser(content=text)]
        said = Said("not_asked")
        for _ in range(2):
            if len(self._failures) >= GIVE_UP_AFTER:
                return Said("not_asked", detail=f"{GIVE_UP_AFTER} requests failed in a row: {self._failures[-1]}")
            need = room + sum(tokens(message.text) for message in messages)
            if self._max_tokens is not None and self._spent + self._reserved + need > self._max_tokens:
                return Said("not_asked", detail=f"the limit of {self._max_tokens:,} tokens was reached")
            self._reserved += need
            try:
                output = await self.model.generate(messages, config=config)
            except Exception as error:
                said = _failure(error, self.name)
                self._failures.append(said.detail)
                usage.add(Usage(requests=1))
                return said
            finally:
                self._reserved -= need
            self._failures.clear()
            cost = _usage(output)
            usage.add(cost)
            self._spent += cost.input_tokens + cost.output_tokens
            said = _said(output, self.form.reply)
            if said.outcome not in ("no_json", "other_schema"):
                break
            again = ChatMessageUser(content=_AGAIN.format(why=said.detail))
            messages = [*messages, ChatMessageAssistant(content=said.completion or "-"), again]
        return said

    def kept(self, text: str) -> Said | None:
        """The reply about a text that was kept from before; none where there is none that can be read."""
        place = self._place(text)
        try:
            said = msgspec.json.decode(place.read_bytes(), type=Said) if place else None
            if said is not None and said.outcome == "answered":
                read(said.completion, self.form.reply)
        except (OSError, msgspec.DecodeError):
            return None
        return said

    def keep(self, text: str, said: Said) -> None:
        """Keep a reply; a run that is ended in the middle leaves the whole file or none."""
        if place := self._place(text):
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=place.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(said))
            os.replace(part, place)

    def _place(self, text: str) -> Path | None:
        if self._cache is None:
            return None
        key = _hash(self.name, self.prompt_hash, text)
        return self._cache / key[:2] / f"{key}.json"


def read(completion: str, reply: type[Reply]) -> Reply:
    """The reply that a completion is; raises msgspec.DecodeError where it is none of this form."""
    return msgspec.json.decode(_json(completion), type=reply)


def tokens(text: str) -> int:
    """About how many tokens a text has, rather more than fewer: three ASCII characters each, one of any other."""
    ascii_characters = sum(character.isascii() for character in text)
    return ascii_characters // 3 + len(text) - ascii_characters + 1


def open_model(name: str) -> Model:
    """The model of one of Inspect's names (openai/gpt-4o, ollama/...); raises UserError where it cannot be had."""
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model import get_model

    if "/" not in name:
        raise UserError(f'A model is PROVIDER/NAME, not "{name}". Examples: openai/gpt-4o, ollama/qwen3, vllm/...')
    try:
        return get_model(name, memoize=False)
    except PrerequisiteError as error:
        message = re.sub(r"\[/?[a-z ]+\]", "", str(error.message))
        raise UserError(" ".join(message.split()).removeprefix("ERROR: ")) from None
    except (ValueError, ImportError, LookupError) as error:
        raise UserError(f'There is no model "{name}": {error} Examples: openai/gpt-4o, ollama/qwen3.') from None


def destination(model: Model) -> Destination:
    """The host that texts are sent to, and whether it is this machine."""
    provider = str(model).partition("/")[0]
    host = urlsplit(str(model.api.base_url or "")).hostname
    if host is None:
        is_here = provider in _ON_THIS_MACHINE
        return Destination("this machine" if is_here else f"the servers of {provider}", is_here)
    try:
        return Destination(host, ip_address(host).is_loopback)
    except ValueError:
        return Destination(host, host == "localhost")


def _failure(error: BaseException, model: str) -> Said:
    """Why a request failed; raises UserError for what every further one would fail of."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    what = f"{type(chain[-1]).__name__}: {' '.join(str(chain[-1]).split())}"[:300]
    if any(getattr(one, "status_code", None) in (401, 403, 404) for one in chain):
        raise UserError(f"{model} cannot be used: {what}") from None
    is_late = any("Timeout" in type(one).__name__ for one in chain)
    return Said("timed_out" if is_late else "failed", detail=what)


def _usage(output: ModelOutput) -> Usage:
    used = output.usage
    if used is None:
        return Usage(requests=1)
    cached = used.input_tokens_cache_read or 0
    sent = used.input_tokens + cached + (used.input_tokens_cache_write or 0)
    return Usage(requests=1, input_tokens=sent, cached_input_tokens=cached, output_tokens=used.output_tokens)


def _said(output: ModelOutput, reply: type[msgspec.Struct]) -> Said:
    """What a reply amounts to."""
    text = output.completion
    if output.error or not output.choices:
        return Said("failed", text, (output.error or "a reply without content")[:300])
    content = output.message.content
    is_refusal = not isinstance(content, str) and any(getattr(part, "refusal", None) for part in content)
    if is_refusal or output.stop_reason == "content_filter":
        return Said("refused", text, " ".join(text.split())[:300] or "filtered")
    if output.stop_reason in ("max_tokens", "model_length"):
        return Said("cut_off", detail=f"the reply ended with {output.stop_reason}")
    try:
        value = msgspec.json.decode(_json(text))
    except (msgspec.DecodeError, RecursionError) as error:
        return Said("no_json", text, str(error))
    try:
        msgspec.convert(value, reply)
    except msgspec.ValidationError as error:
        return Said("other_schema", text, str(error))
    return Said("answered", text)


def _json(text: str) -> str:
    """The JSON of a reply, without the fence that models like to put around it."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(.*?)\s*```\s*", text, re.DOTALL | re.IGNORECASE)
    return fenced[1] if fenced else text


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
