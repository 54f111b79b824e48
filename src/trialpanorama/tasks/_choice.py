"""Questions with lettered options, of which one is right or any number are; and the reader of letters.

What is read as the choice of an option, in a JSON object (keys `answer`, `answer_choice`, `choice`, `option`, `letter`
and their plurals) or in text:
- a letter, in either case, with any marks around it: `B`, `(b)`, `**B**`, `B.`, `Option B`, `["B"]`
- a letter and text: `B. text`, unless the text is that of another option (where several may be right, only if it is
  that of the option, or begins it)
- the text of one option, in any case and with any punctuation
- in a sentence, a capital letter that is stated (`The answer is B`), else called right (`Option B is correct`), else
  marked (`(B)`, `**B**`, `\boxed{B}`)
Where any number may be right also lists of these: in JSON, one a line, or with commas, `and` or `/` between letters;
an empty list or `none` chooses nothing. Whatever names two different answers is unreadable, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from trialpanorama.tasks import LabelTask, Metric, Sample, Task, Unreadable
from trialpanorama.tasks._replies import json_objects, spoken, words
from trialpanorama.tasks._scores import macro_f1, share
from trialpanorama.tasks._trials import Start, describe

Letter = Literal["A", "B", "C", "D"]
LETTERS: tuple[Letter, ...] = get_args(Letter)
ManyLetter = Literal["A", "B", "C", "D", "E", "F", "G", "H"]
MANY_LETTERS: tuple[ManyLetter, ...] = get_args(ManyLetter)


class Choice(msgspec.Struct, frozen=True):
    """A trial and the options to choose from."""

    trial: Start
    options: list[str]
    """Texts of A, B, C ..."""
    asked: str = ""
    """Description and question in words of their own, as published items have them; then `trial` says nothing."""


class Chosen(msgspec.Struct, frozen=True):
    """The option that was chosen."""

    answer: Letter


class ChosenSeveral(msgspec.Struct, frozen=True):
    """The options that were chosen, in their order."""

    answer: list[ManyLetter]


_KEYS = ("answer", "answer_choice", "choice", "option", "letter")
_LEAD = r"(?:option|choice|answer)?"
# Possessive at the start: a reply of nothing but marks would be read for minutes.
_LONE = re.compile(rf"(?is)^\W*+{_LEAD}+\W*+([A-D])\W*$")
_HEADED = re.compile(r"(?s)^\W*+(?:[Oo]ption|OPTION|[Cc]hoice)?+\W*+([A-Da-d])\s*[).:\]–—-]+\W*(\S.*)$")
_STATED = re.compile(
    r"(?:(?:(?i:answer(?:\s+choice)?|choice|correct\s+option|best\s+option|option)(?i:\s+is|\s+would\s+be|\s*:|\s*=)"
    r"|答案\s*[是为：:])[\s*_\"'`(\[{]*(?i:option\s+)?)([A-D])(?![A-Za-z0-9'])"
)
_RIGHT = re.compile(
    # A letter after any other word may be part of a name: "Vitamin D is the best choice", "Group B is right".
    r"(?m)(?:^|[.,;:!?(\[]|\b(?i:options?|choice|answer|so|and|but|therefore|thus|hence|only|then|because)\s)"
    r"[ \t*_(\[]{0,6}+([A-D])[*_)\].]{0,6}+\s{1,3}+"
    r"(?i:is\s+(?:the\s+(?:correct|right|best)\s+(?:answer|option|choice|one)|correct|right))"
    r"(?![\w-])(?!\s+(?i:for|in|only|if|when|about|to|that)\b)"
)
_DENIES = re.compile(r"(?i)\b(?:not|never|neither|cannot|if|whether|why|unless|says?)\b|n['’]t\b")
_MARKED = re.compile(r"(?<![A-Za-z0-9])(?:\(([A-D])\)|\[([A-D])\]|\*\*([A-D])\*\*|\\boxed\{\W*([A-D])\W*\})")
_SEVERAL = re.compile(r"(?<![A-Za-z0-9])[A-D]\W*(?:,|/|;|&|\bor\b|\band\b)\W*(?:option\s+)?[A-D](?![A-Za-z0-9'])")
_AMBIGUOUS = "several different options"


class ChoiceTask(LabelTask[Choice, Chosen]):
    """What all tasks with lettered options have in common."""

    question: str
    """What is asked about the trial."""
    note: str = ""
    """What a reader must know of the description."""
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
        return (
            f"{_asked(sample.inputs, self.note, self.question)}\n\n{_listed(self.options(sample))}\n\n"
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
            stated = list(_STATED.finditer(text)) or [
                found for found in _RIGHT.finditer(text) if not _DENIES.search(_sentence_before(text, found))
            ]
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

    def wording(self, sample: Sample[Choice, Chosen]) -> str:
        """The trial's description and the question."""
        return sample.inputs.asked or f"{describe(sample.inputs.trial)}\n\n{self.question}"

    def worded(self, sample: Sample[Choice, Chosen], text: str) -> Sample[Choice, Chosen]:
        """The sample with description and question in other words."""
        return msgspec.structs.replace(sample, inputs=Choice(Start(title=""), sample.inputs.options, asked=text))

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


def _sentence_before(text: str, found: re.Match[str]) -> str:
    return re.split(r"[.!?\n]", text[max(0, found.start(1) - 300) : found.start(1)])[-1]


class SeveralChoicesTask(Task[Choice, ChosenSeveral]):
    """What all tasks with lettered options of which any number are right have in common."""

    question: str
    """What is asked about the trial."""
    note: str = ""
    """What a reader must know of the description."""
    inputs = Choice
    answer = ChosenSeveral
    metrics = (
        Metric(
            "accuracy",
            "Exact match",
            "higher",
            "Share of samples of which all right options and no others were chosen; an unreadable reply is wrong",
            lambda c: share(c["correct"]),
        ),
        Metric(
            "f1",
            "F1 of options",
            "higher",
            "Mean over samples of the harmonic mean of precision and recall of the options chosen; an unreadable reply "
            "counts 0",
            lambda c: share(c["f1"]),
        ),
        Metric(
            "option_accuracy",
            "Accuracy of options",
            "higher",
            "Share of options rightly chosen or rightly left, averaged over samples; an unreadable reply counts 0",
            lambda c: share(c["option_accuracy"]),
        ),
    )

    def prompt(self, sample: Sample[Choice, ChosenSeveral]) -> str:
        """The trial's description, the question and the options."""
        return (
            f"{_asked(sample.inputs, self.note, self.question)} Any number of them may be.\n\n"
            f"{_listed(self.options(sample))}\n\n"
            "End your reply with one JSON object and nothing after it:\n"
            '{"answer": [the letters of all that are right]}'
        )

    def reply(self, answer: ChosenSeveral) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Choice, ChosenSeveral]) -> ChosenSeveral | Unreadable:
        """The letters of a reply: in JSON, alone, in a sentence that states them, or as the texts of options."""
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        options = [words(option) for option in sample.inputs.options]
        values = [item[key] for item in json_objects(text) for key in (*_KEYS, *_PLURAL_KEYS) if key in item]
        found = {_letters(value, options) for value in values}
        if not found and (whole := _letters(text, options)) is not None:
            found = {whole}
        if not found:
            found = {_letters(stated[1], options) for stated in _STATED_SEVERAL.finditer(text)}
        if len(found) > 1:
            return Unreadable("several different answers")
        letters = next(iter(found), None)
        if letters is None:
            return Unreadable("no options are named, or a letter and its text disagree")
        return ChosenSeveral([letter for letter in MANY_LETTERS if letter in letters])

    def score(self, answer: ChosenSeveral | Unreadable, sample: Sample[Choice, ChosenSeveral]) -> dict[str, float]:
        """Whether all letters are right, and how near the choice is."""
        right = set(sample.gold.answer)
        chosen = set(answer.answer) if isinstance(answer, ChosenSeveral) else set()
        is_unreadable = isinstance(answer, Unreadable)
        of_all = len(sample.inputs.options)
        return {
            "correct": float(chosen == right and not is_unreadable),
            "unreadable": float(is_unreadable),
            "f1": 2 * len(chosen & right) / (len(chosen) + len(right)),
            "option_accuracy": 0.0 if is_unreadable else 1 - len(chosen ^ right) / of_all,
        }

    def wording(self, sample: Sample[Choice, ChosenSeveral]) -> str:
        """The trial's description and the question."""
        return sample.inputs.asked or f"{describe(sample.inputs.trial)}\n\n{self.question}"

    def worded(self, sample: Sample[Choice, ChosenSeveral], text: str) -> Sample[Choice, ChosenSeveral]:
        """The sample with description and question in other words."""
        return msgspec.structs.replace(sample, inputs=Choice(Start(title=""), sample.inputs.options, asked=text))

    def text(self, sample: Sample[Choice, ChosenSeveral]) -> str:
        """The trial's description."""
        return sample.inputs.asked or describe(sample.inputs.trial)

    def options(self, sample: Sample[Choice, ChosenSeveral]) -> Mapping[str, str]:
        """The text of each letter."""
        return dict(zip(MANY_LETTERS, sample.inputs.options, strict=False))


def _asked(inputs: Choice, note: str, question: str) -> str:
    lead = f"Below is a clinical trial as it was planned. {note}".rstrip()
    return inputs.asked or f"{lead}\n\n<trial>\n{describe(inputs.trial)}\n</trial>\n\n{question}"


def _listed(options: Mapping[str, str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in options.items())


_PLURAL_KEYS = ("answers", "answer_choices", "choices", "options", "letters")
_ONE = r"(?:[Oo]ptions?\s+)?[\s*_\"'`(\[{]*([A-Ha-h])(?![A-Za-z0-9'])[\s*_\"'`)\]}.]*"
_BETWEEN = re.compile(r"(?i)(?:\s*(?:,|;|/|&|\n|(?<![a-z])and(?![a-z]))\s*)+")
_ONLY_ONE = re.compile(_ONE)
_LEADING = re.compile(
    r"(?i)^\W*(?:(?:the\s+)?(?:correct\s+|right\s+)?(?:options?|answers?|choices?)\W*(?:is|are)?\W+)?"
)
_STATED_SEVERAL = re.compile(
    r"(?i:(?:answers?(?:\s+choices?)?|choices?|correct\s+options?|options?)(?:\s+(?:is|are|would\s+be)|\s*[:=]))"
    r"\s*([*_\"'`(\[{]*[A-H](?![A-Za-z0-9'])(?:[\s,;/&*_\"'`()\[\]{}]|\band\b|\b[A-H](?![A-Za-z0-9']))*)"
)
_HEADED_OF_MANY = re.compile(r"(?s)^\W*+(?:[Oo]ption|OPTION|[Cc]hoice)?+\W*+([A-Ha-h])\s*[).:\]–—-]+\W*(\S.*)$")
_NOTHING = frozenset(["none", "none of the above", "none of them", "none of these"])


def _letters(value: object, options: Sequence[str]) -> frozenset[str] | None:
    """The letters that a value names; none where it names anything else, or a letter that is not there."""
    if isinstance(value, list):
        named = [_letters(item, options) if isinstance(item, str) else None for item in value]
        if any(one is None or len(one) != 1 for one in named):
            return None
        return frozenset(letter for one in named if one for letter in one)
    if not isinstance(value, str):
        return None
    plain = words(value)
    if plain in _NOTHING:
        return frozenset()
    known = MANY_LETTERS[: len(options)]
    if options.count(plain) == 1:
        return frozenset([MANY_LETTERS[options.index(plain)]])
    parts = [part for part in _BETWEEN.split(_LEADING.sub("", value).strip().strip(".")) if part.strip()]
    if parts and all(_ONLY_ONE.fullmatch(part) for part in parts):
        letters = frozenset(found[1].upper() for part in parts if (found := _ONLY_ONE.fullmatch(part)))
        return letters if letters <= set(known) else None
    lines = [line for line in value.splitlines() if line.strip()]
    if len(lines) > 1:
        return _letters(lines, options)
    if headed := _HEADED_OF_MANY.match(value):
        letter, rest = headed[1].upper(), words(headed[2])
        # What stands beside a letter may be a comment that rejects it, unless it is the option's text or begins it.
        if letter in known and f"{options[MANY_LETTERS.index(letter)]} ".startswith(f"{rest} "):
            return frozenset([letter])
    return None


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
