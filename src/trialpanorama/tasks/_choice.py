"""Questions with lettered options: one of them belongs to the trial. Shared by the design tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from trialpanorama.tasks import LabelTask, Metric, Sample, Unreadable
from trialpanorama.tasks._replies import json_objects, spoken, words
from trialpanorama.tasks._scores import macro_f1, share
from trialpanorama.tasks._trials import Start, describe

Letter = Literal["A", "B", "C", "D"]
LETTERS: tuple[Letter, ...] = get_args(Letter)


class Choice(msgspec.Struct, frozen=True):
    """A trial and the options to choose from."""

    trial: Start
    options: list[str]
    """Texts of A, B, C and D."""
    asked: str = ""
    """Description and question in words of their own, as published items have them; then `trial` says nothing."""


class Chosen(msgspec.Struct, frozen=True):
    """The option that was chosen."""

    answer: Letter


_KEYS = ("answer", "answer_choice", "choice", "option", "letter")
_LEAD = r"(?:option|choice|answer)?"
_LONE = re.compile(rf"(?is)^\W*{_LEAD}\W*([A-D])\W*$")
_HEADED = re.compile(r"(?s)^\W*(?:[Oo]ption|OPTION|[Cc]hoice)?\W*([A-Da-d])\s*[).:\]–—-]+\W*(\S.*)$")
_STATED = re.compile(
    r"(?:(?i:answer(?:\s+choice)?|choice|correct\s+option|best\s+option|option)(?i:\s+is|\s+would\s+be|\s*:|\s*=)"
    r"[\s*_\"'`(\[{]*(?i:option\s+)?)([A-D])(?![A-Za-z0-9'])"
)
_MARKED = re.compile(r"(?<![A-Za-z0-9])(?:\(([A-D])\)|\[([A-D])\]|\*\*([A-D])\*\*|\\boxed\{([A-D])\})")
_SEVERAL = re.compile(r"(?<![A-Za-z0-9])[A-D]\W*(?:,|/|;|&|\bor\b|\band\b)\W*(?:option\s+)?[A-D](?![A-Za-z0-9'])")
_AMBIGUOUS = "several different options"


class ChoiceTask(LabelTask[Choice, Chosen]):
    """What all tasks with lettered options have in common."""

    question: str
    """What is asked about the trial."""
    inputs = Choice
    answer = Chosen
    metrics = (
        Metric(
            "accuracy",
            "Accuracy",
            "higher",
            "Share of samples whose right option was chosen; an unreadable reply is wrong",
            lambda c: share(c["correct"]),
            1 / len(LETTERS),
        ),
        Metric(
            "macro_f1",
            "Macro F1",
            "higher",
            "F1 of each letter, averaged: lower than accuracy where a model prefers a position",
            lambda c: macro_f1(c["gold"], c["chosen"]),
            1 / len(LETTERS),
        ),
    )

    def prompt(self, sample: Sample[Choice, Chosen]) -> str:
        """The trial's description, the question and the options."""
        options = "\n".join(f"{letter}. {text}" for letter, text in self.options(sample).items())
        asked = sample.inputs.asked or (
            f"Below is a clinical trial as it was planned.\n\n<trial>\n{describe(sample.inputs.trial)}\n</trial>\n\n"
            f"{self.question}"
        )
        return (
            f"{asked}\n\n{options}\n\n"
            'End your reply with one JSON object and nothing after it:\n{"answer": the letter of your choice}'
        )

    def reply(self, answer: Chosen) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Choice, Chosen]) -> Chosen | Unreadable:
        """The letter of a reply: in JSON, alone, in a sentence that states it, or as the text of one option."""
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        options = [words(option) for option in sample.inputs.options]
        values = [item[key] for item in json_objects(text) for key in _KEYS if key in item]
        letters = {_letter(value, options) for value in values}
        if not letters and (short := _letter(text, options)):
            letters = {short}
        if not letters:
            stated = list(_STATED.finditer(text))
            letters = {found.group(1) for found in stated}
            if any(_SEVERAL.match(text, found.start(1)) for found in stated) or (not stated and _SEVERAL.search(text)):
                return Unreadable(_AMBIGUOUS)
            letters = (
                letters or {next(filter(None, found)) for found in _MARKED.findall(text)} or {_quoted(text, options)}
            )
        if len(letters) > 1:
            return Unreadable(_AMBIGUOUS)
        (letter,) = letters
        return Chosen(letter) if letter in LETTERS else Unreadable("no option is named, or letter and text disagree")

    def score(self, answer: Chosen | Unreadable, sample: Sample[Choice, Chosen]) -> dict[str, float]:
        """Whether the letter is right; `gold` and `chosen` are places from 0, -1 for none."""
        chosen = answer.answer if isinstance(answer, Chosen) else None
        return {
            "correct": float(chosen == sample.gold.answer),
            "unreadable": float(chosen is None),
            "gold": float(LETTERS.index(sample.gold.answer)),
            "chosen": float(LETTERS.index(chosen)) if chosen else -1.0,
        }

    def text(self, sample: Sample[Choice, Chosen]) -> str:
        """The trial's description."""
        return sample.inputs.asked or describe(sample.inputs.trial)

    def labels(self, sample: Sample[Choice, Chosen]) -> Sequence[str]:
        """The letters."""
        return LETTERS

    def label(self, sample: Sample[Choice, Chosen]) -> str:
        """The right letter."""
        return sample.gold.answer

    def options(self, sample: Sample[Choice, Chosen]) -> Mapping[str, str]:
        """The text of each letter."""
        return dict(zip(LETTERS, sample.inputs.options, strict=True))

    def decide(self, probabilities: Mapping[str, float], priors: Mapping[str, float]) -> Chosen:
        """The likeliest option; the first of equals."""
        return Chosen(max(LETTERS, key=lambda letter: probabilities.get(letter, 0.0)))


def _letter(value: object, options: Sequence[str]) -> str | None:
    """The letter that a short text stands for; none where it names several or none, `?` where it contradicts itself."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        return None
    if lone := _LONE.match(value):
        return lone.group(1).upper()
    if words(value) in options:
        return LETTERS[options.index(words(value))] if options.count(words(value)) == 1 else None
    if headed := _HEADED.match(value):
        letter, rest = headed.group(1).upper(), words(headed.group(2))
        # "A. text" must go with the text of A; a text of another option contradicts it.
        if rest in options:
            return letter if options.index(rest) == "ABCD".index(letter) else "?"
        if not _SEVERAL.search(value) and not _HEADED.match(headed.group(2)) and "\n" not in value.strip():
            return letter
    return None


def _quoted(text: str, options: Sequence[str]) -> str | None:
    """The one option whose text is in the reply; options that are part of another that is there do not count."""
    said = f" {words(text)} "
    there = [place for place, option in enumerate(options) if option and f" {option} " in said]
    longest = [
        place
        for place in there
        if not any(f" {options[place]} " in f" {options[other]} " for other in there if other != place)
    ]
    return LETTERS[longest[0]] if len(longest) == 1 else None
