"""What a model's own replies are worth while it learns from them: the task's reward, and a little for their form.

`functions` are what TRL's GRPOTrainer takes: plain functions of replies and of the columns of a data set, one for each
task, by its name, and `form`. None of them raises: a reply that is no answer is worth 0, and a sample that cannot be
judged (its snapshot is not there, say) is None, which the trainer skips.

The form is paid for what the task's prompt asks, and for nothing else: tags that a chat template or a parser may have
put there earn nothing, and a thought is neither asked for nor paid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn, Protocol

import msgspec

from trialpanorama.tasks import AnySample, AnyTask, Unreadable, task

FORM = "form"
"""The name of the reward for the form, beside those of the tasks."""

Completion = str | Sequence[Mapping[str, Any]]
"""A reply as TRL hands it over: a text, or the messages of one."""


class Reward(Protocol):
    """A reward function as TRL calls it; `task` and `sample` are columns of the data set."""

    __name__: str

    def __call__(
        self, *, completions: Sequence[Completion], task: Sequence[str], sample: Sequence[str], **rest: Any
    ) -> list[float | None]:
        """The worth of each reply; None where this function has nothing to say of it."""


class Judged(msgspec.Struct, frozen=True):
    """What one reply comes to."""

    answer: str | None
    """What was read in it, in the form that the prompt asks for; none where it is no answer."""
    why: str | None
    """Why it is none."""
    gold: str
    """The right answer, in the same form."""
    scores: dict[str, float]
    reward: float
    """The task's own, 0 to 1."""
    form: float
    """1 where the reply has the form that was asked for, else 0."""


def said(completion: Completion) -> str:
    """The text of a reply; empty where a message has none."""
    if isinstance(completion, str):
        return completion
    return "".join(text for message in completion if isinstance(text := message.get("content"), str))


@lru_cache(maxsize=4096)
def decoded(name: str, sample: str) -> tuple[AnyTask, AnySample]:
    """A task, and a sample of it from its JSON; once for a prompt."""
    chosen = task(name)
    return chosen, chosen.decode(sample)


@lru_cache(maxsize=4096)
def judge(name: str, sample: str, reply: str) -> Judged:
    """What a reply to a sample (as JSON) of a task is worth.

    Raises, UserError among others, where the sample cannot be judged whatever the reply.
    """
    chosen, asked = decoded(name, sample)
    try:
        answer = chosen.read(reply, asked)
    except Exception as fault:  # a fault of the reader must not end a run of days
        answer = Unreadable(f"the reader failed: {fault!r}")
    scores = chosen.score(answer, asked)
    understood = None if isinstance(answer, Unreadable) else chosen.reply(answer)
    return Judged(
        answer=understood,
        why=answer.why if isinstance(answer, Unreadable) else None,
        gold=chosen.reply(asked.gold),
        scores=scores,
        reward=chosen.reward(scores),
        form=float(understood is not None and not scores["unreadable"] and in_form(reply, understood)),
    )


def judged(name: str, sample: str, completion: Completion) -> Judged | None:
    """As `judge`; none where the sample cannot be judged."""
    try:
        return judge(name, sample, said(completion))
    except Exception:  # whatever is wrong with the sample or its snapshot: the trainer skips it, and it is counted
        return None


_THOUGHT = re.compile(r"\s*+(?:<think>)?+(?:(?!</?think>).)*+</think>", re.DOTALL)
"""One thought at the very start; a chat template may have opened it."""
_TAG = re.compile(r"(?i)</?(?:think|thinking|reasoning|answer)>")


def in_form(reply: str, understood: str) -> bool:
    """Whether a reply ends with the one JSON object that was asked for, as the task itself writes what it understood.

    Before it there may be one thought and words, but no other brace and no further tag.
    """
    thought = _THOUGHT.match(reply)
    spoken = reply[thought.end() :] if thought else reply
    start = spoken.find("{")
    if start < 0 or _TAG.search(spoken):
        return False
    try:
        found = json.loads(spoken[start:], object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return bool(found == json.loads(understood))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def functions(names: Iterable[str]) -> list[Reward]:
    """The reward functions of a run on these tasks: one for each, by its name, then `form`.

    That of a task says nothing (None) of replies to other tasks; `form` also logs which share of replies was
    `unreadable`, and which could not be judged (`unjudged`).
    """
    return [*(_of_task(name) for name in sorted(names)), _form]


def _of_task(name: str) -> Reward:
    def reward(
        *, completions: Sequence[Completion], task: Sequence[str], sample: Sequence[str], **rest: Any
    ) -> list[float | None]:
        found = (
            judged(name, one, reply) if own == name else None
            for reply, own, one in zip(completions, task, sample, strict=True)
        )
        return [one.reward if one else None for one in found]

    reward.__name__ = name
    return reward


def _form(
    *,
    completions: Sequence[Completion],
    task: Sequence[str],
    sample: Sequence[str],
    log_metric: Callable[[str, float], None] | None = None,
    **rest: Any,
) -> list[float | None]:
    found = [judged(name, one, reply) for reply, name, one in zip(completions, task, sample, strict=True)]
    if log_metric and found:
        log_metric("unjudged", sum(one is None for one in found) / len(found))
        log_metric("unreadable", sum(one is not None and one.answer is None for one in found) / len(found))
    return [one.form if one else None for one in found]


_form.__name__ = FORM
