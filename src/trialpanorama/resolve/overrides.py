"""A person's word on which registrations are one study: one decision a line, which beats ids, likeness and guards.

```
NCT99000001 = DRKS99000001          # one study, although no id says so
NCT99000002 != 2090-000001-10       # two studies, although one names the other
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from trialpanorama import identifiers
from trialpanorama.errors import UserError


class Override(msgspec.Struct, frozen=True):
    """One decision: two ids, as `trialpanorama.identifiers` prints them, and whether they are one study."""

    a: str
    b: str
    is_same: bool
    why: str = ""
    """What stands behind the #."""
    place: str = ""
    """File and line."""

    @property
    def keys(self) -> tuple[str, str]:
        """What the Records of either share, in alphabetical order."""
        one, other = sorted(map(identifiers.trial_key, (self.a, self.b)))
        return one, other


def read_overrides(path: Path) -> list[Override]:
    """The decisions of a file, in its order; blank lines and those that begin with # say nothing.

    Raises UserError, with the file and line, for a line that is no decision and for two that contradict each other.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}). Give a text file of lines such as {_LINE}."
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text in UTF-8. Save it as UTF-8, with lines such as {_LINE}.") from None
    made: list[Override] = []
    for number, line in enumerate(text.splitlines(), start=1):
        decision, _, why = line.partition("#")
        if decision.strip():
            made.append(_override(decision.strip(), why.strip(), f"{path}, line {number}"))
    _check(made)
    return made


_LINE = "NCT99000001 = DRKS99000001"


def _override(decision: str, why: str, place: str) -> Override:
    sign = "!=" if "!=" in decision else "="
    sides = [side.strip() for side in decision.split(sign)]
    if len(sides) != 2 or not all(sides):
        raise UserError(
            f'{place}: "{decision[:80]}" is no decision. Type two ids with = or != between, such as {_LINE}.'
        )
    ids = []
    for side in sides:
        found = identifiers.normalise(side)
        if found is None or not identifiers.REGISTERS[found.register].is_trial_register:
            raise UserError(f'{place}: "{side[:60]}" is no id of a trial register. Type one such as NCT99000001.')
        ids.append(found.id)
    made = Override(ids[0], ids[1], sign == "=", why, place)
    if made.keys[0] == made.keys[1]:
        raise UserError(
            f"{place}: {ids[0]} and {ids[1]} are one registration, which cannot be joined or undone. Take out the line."
        )
    return made


def _check(overrides: Sequence[Override]) -> None:
    """Raise UserError where what is held to be one study, over any number of lines, is also held to be two."""
    one = groups(override.keys for override in overrides if override.is_same)
    for override in overrides:
        a, b = override.keys
        if not override.is_same and one.get(a, a) == one.get(b, b):
            joined = [o for o in overrides if o.is_same and one[o.keys[0]] == one[a]]
            direct = next((o for o in joined if o.keys == override.keys), None)
            by = direct.place if direct else " and ".join(o.place for o in joined[:2])
            raise UserError(
                f"{override.place} says that {override.a} and {override.b} are two studies, but by {by} they are one. "
                "Take out one of the lines."
            )


def groups(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """For every key of some pairs, the first key of all that the pairs connect it with."""
    first: dict[str, str] = {}

    def find(key: str) -> str:
        while first.setdefault(key, key) != key:
            key = first[key]
        return key

    for a, b in pairs:
        one, other = sorted((find(a), find(b)))
        first[other] = one
    return {key: find(key) for key in first}
