"""Reading what models write: JSON wherever it stands in a reply, without ever guessing."""

from __future__ import annotations

import json
import re
from typing import Any

_MOST = 60_000
_MOST_OBJECTS = 200
_OPEN_THOUGHT = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_CLOSED_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_LATEX = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:bf|rm|sf|tt)|mbox)\s*\{([^{}]*)\}")
"""How words are written within formulas."""
_END = {name: re.compile(f"</{name}>", re.IGNORECASE) for name in ("think", "thinking", "reasoning")}


def spoken(reply: str) -> str:
    """The reply without its thoughts, words of formulas as words; empty where it was cut off while still thinking."""
    # Half of a pair of surrogates is no character, and no index or file takes it.
    text = _without_thoughts(reply.encode(errors="replace").decode())
    # A chat template may open the thought itself, so that only its end is in the reply.
    text = _CLOSED_THOUGHT.split(text)[-1]
    if _OPEN_THOUGHT.search(text):
        return ""
    return _LATEX.sub(r"\1", text.strip()[-_MOST:])


def _without_thoughts(text: str) -> str:
    """The text with a blank for each thought; one pass, as a model may open thoughts without end."""
    parts: list[str] = []
    endless: set[str] = set()
    kept = place = 0
    while opened := _OPEN_THOUGHT.search(text, place):
        name = opened[1].lower()
        closed = None if name in endless else _END[name].search(text, opened.end())
        if closed:
            parts += [text[kept : opened.start()], " "]
            kept = place = closed.end()
        else:
            endless.add(name)
            place = opened.end()
    return "".join(parts) + text[kept:]


class _Contradiction(ValueError):
    """One object gives one key two values."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        folded = key.strip().lower().replace(" ", "_")
        if folded in found and found[folded] != value:
            raise _Contradiction(folded)
        found[folded] = value
    return found


def json_objects(text: str) -> list[dict[str, Any]]:
    """Every outermost JSON object in a text, in order, keys in lower case; one that contradicts itself is left out.

    Texts in it may break over lines.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object, strict=False)
    found: list[dict[str, Any]] = []
    place, tried = text.find("{"), 0
    while place >= 0 and tried < _MOST_OBJECTS:
        tried += 1
        try:
            value, after = decoder.raw_decode(text, place)
            json.dumps(value, ensure_ascii=False).encode()  # raises for half of a pair of surrogates
            found.append(value)
            place = after
        except (ValueError, RecursionError):
            place += 1
        place = text.find("{", place)
    return found


_LABELLED = re.compile(r"[\s*_#>•-]*+([A-Za-z]{3,20})[\s*_]*+:(.*)")


def labelled(text: str, keys: frozenset[str]) -> dict[str, Any]:
    """What lines such as `**Outcome:** complete` give for these keys; nothing where one is given two values."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if (label := _LABELLED.fullmatch(line)) and (key := label[1].lower()) in keys:
            value = label[2].strip(" \t*_`\"'.")
            if found.setdefault(key, value) != value:
                return {}
    return found


_ONE_WORD = re.compile(r"(?i)^\W*(?:(?:the\s+)?(?:outcome|answer|prediction)\W*(?:is\W+)?)?(\w+)\W*$")


def one_word(text: str) -> str | None:
    """The word, in lower case, of a reply that is one word, as "Success" or "The outcome is: success."."""
    found = _ONE_WORD.match(text)
    return found.group(1).lower() if found else None


def words(text: str) -> str:
    """A text in lower case, with single blanks and nothing but letters and digits."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def probability_of(given: object) -> float | None:
    """A probability that a reply gives as a number from 0 to 1, such a number as text, or per cent; else none."""
    if isinstance(given, bool):
        return None
    scale = 1.0
    if isinstance(given, str):
        text = re.sub(r"(?i)\s*(?:%|per\s?cent)$", "%", given.strip())
        if text.endswith("%"):
            text, scale = text[:-1], 100.0
        if not re.fullmatch(r"\s*(?:\d+(?:\.\d*)?|\.\d+)\s*", text):
            return None
        given = float(text)
    if not isinstance(given, int | float):
        return None
    # Compared before it is divided: an integer of JSON may be too large for a float.
    return float(given) / scale if 0 <= given <= scale else None
