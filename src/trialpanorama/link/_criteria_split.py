"""Where the criteria of an eligibility text begin and end, and which of them let people in or keep them out.

Registers hold criteria as one text with headings, or as two; as bullets, numbers, paragraphs, hard-wrapped lines, or
one run of sentences. Headings decide on which side a criterion stands; marks at the beginning of lines, and numbers
that count up within a line, decide where it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

_LONGEST = 200_000
"""Characters of one text that are read; the longest eligibility text of a register that is known has 20,000."""

Side = Literal["in", "out", "both"]


class Item(msgspec.Struct, frozen=True, gc=False):
    """One criterion of a text."""

    start: int
    end: int
    is_inclusion: bool | None
    is_negated: bool = False
    """The words that lead to the list in which it stands deny what it says ("none of the following:")."""
    is_history: bool = False
    """They say that it is past ("history of:")."""
    lead: tuple[int, int] = (0, 0)
    """Where those words stand ("Age:"), if any."""


# ------------------------------------------------------------------------------------------------------------- headings
_IN = (
    r"inclusions?(?:[ \t_-]*(?:criteri(?:a|on|ums?|as)|requirements?))?|inclusive[ \t]+criteria|"
    r"entry[ \t]+criteria|selection[ \t]+criteria|"
    r"crit[eéè]res?[ \t]+d[e'’´ ][ \t]*inclusion|criterios?[ \t]+(?:de[ \t]+)?inclusi[oó]n|"
    r"crit[eé]rios?[ \t]+(?:de[ \t]+)?inclus[aã]o|criteri(?:o)?[ \t]+(?:di[ \t]+)?inclusione|"
    r"einschlu(?:ss|ß)-?kriteri(?:en|um)|inclusie-?[ \t]?criteri(?:a|um)|in[kc]lusions-?kriteri(?:er|en|a|um)|"
    r"mukaanottokriteerit|kryteria[ \t]+w[łl][ąa]czenia|krit[eé]ria[ \t]+(?:pro[ \t]+)?za[rř]azen[ií]|"
    r"beválasztási[ \t]+kritériumok|критери[йия]+[ \t]+включения|критерії[ \t]+включення|"
    r"критерии[ \t]+за[ \t]+включване|"
    r"(?:(?:入选|入選|纳入|納入|入组|入組|选择|選択|適格|参加)[ \t]*(?:标准|標準|基準|条件))|(?:선정|포함)[ \t]*기준|"
    r"(?:çalışmaya[ \t]+)?dahil[ \t]+(?:edil?me|olma)[ \t]+kriterleri|معیارهای[ \t]+ورود"
)
_OUT = (
    r"exclusions?(?:[ \t_-]*(?:criteri(?:a|on|ums?|as)|requirements?))?|exclusive[ \t]+criteria|"
    r"(?:non|not)[ -]?(?:inclusion|eligibility)[ \t]+criteri(?:a|on)|ineligibility(?:[ \t]+criteria)?|"
    r"crit[eéè]res?[ \t]+d[e'’´ ][ \t]*(?:non[ -]?inclusion|exclusion)|"
    r"criterios?[ \t]+(?:de[ \t]+)?(?:exclusi[oó]n|no[ \t]+inclusi[oó]n)|"
    r"crit[eé]rios?[ \t]+(?:de[ \t]+)?(?:exclus[aã]o|n[aã]o[ -]inclus[aã]o)|criteri(?:o)?[ \t]+(?:di[ \t]+)?esclusione|"
    r"ausschlu(?:ss|ß)-?kriteri(?:en|um)|exclusie-?[ \t]?criteri(?:a|um)|e(?:ks|x)[kc]lusions-?kriteri(?:er|en|a|um)|"
    r"poissulkukriteerit|kryteria[ \t]+wy[łl][ąa]czenia|krit[eé]ria[ \t]+(?:pro[ \t]+)?vy[lř][ou][uč]?[čc]?en[ií]|"
    r"kizárási[ \t]+kritériumok|критери[йия]+[ \t]+(?:исключения|невключения|не[ \t]+включения)|"
    r"критерії[ \t]+виключення|"
    r"критерии[ \t]+за[ \t]+изключване|"
    r"(?:(?:排除|除外|剔除)[ \t]*(?:标准|標準|基準|条件))|(?:제외|배제)[ \t]*기준|"
    r"(?:çalışma[ \t]*)?(?:dışı|dışlama|hariç)[ \t]+(?:bırakılma[ \t]+|tutulma[ \t]+)?kriterleri|معیارهای[ \t]+خروج"
)
_PREFIX = (
    r"(?:(?:key|main|major|principal|primary|general|specific|additional|other|common|core|basic|study|subjects?|"
    r"patients?|participants?|donors?|recipients?|controls?|cases?|the|and|for|of|all|phase|part|cohort|groups?|"
    r"arm|stage|"
    r"healthy|volunteers?|trial|screening|randomi[sz]ation|protocol|summary|\d{1,2}[ab]?|[ivx]{1,4}|[a-z])[ \t:]+){0,4}"
)
_BOTH = rf"(?:{_IN})[ \t]*(?:/|and|&|or|,|und|et|y|e)[ \t]*(?:{_OUT})|eligibility(?:[ \t]+criteria)?"
_OPENING = r"^[-*#•·●▪=_>~ \t]{0,20}+(?:\(?(?:\d{1,2}|[ivx]{1,4}|[a-z])[.)][ \t]*+[*]{0,3}+)?+"
_AT_LINE = re.compile(
    rf"{_OPENING}{_PREFIX}(?:(?P<both>{_BOTH})|(?P<out>{_OUT})|(?P<into>{_IN}))"
    r"(?:[ \t]*(?:\([^()\n]{0,80}\)|\[[^\[\]\n]{0,80}\]))?"
    r"(?:[ \t]+(?:for|of|in|to|are|is|include[sd]?|were|at|as|criteria|part|group|cohort|phase|arm|during|"
    r"-)\b[^\n:：.;]{0,70}?)?"
    r"[ \t]*[\]*_=]{0,5}[ \t]*(?:[:：]+|[-–—](?=[ \t])|(?=\r?$)|\.(?=[ \t]*\r?$))[*_]{0,3}",
    re.IGNORECASE | re.MULTILINE,
)
_INSIDE = re.compile(
    rf"(?<=[\s.;,)!])(?:(?i:key|main|major|principal|general|specific)[ \t]+)?"
    rf"(?=[A-Z\u0400-\uffff])(?i:(?P<both>{_BOTH})|(?P<out>{_OUT})|(?P<into>{_IN}))"
    r"(?:[ \t]*\([^()\n]{0,80}\))?[ \t]*(?:[:：]|[-–—](?=[ \t]?[A-Z(]))",
)
_BEGINNING = re.compile(
    r"(?:[-*#•][ \t]*)?(?P<side>Included|Includes?|Excluded|Excludes?|Exclude)[ \t]*[:：]", re.IGNORECASE
)
_PARTS = re.compile(
    r"\b(?:DISEASE CHARACTERISTICS|PATIENT CHARACTERISTICS|PRIOR CONCURRENT THERAPY|PROTOCOL ENTRY CRITERIA)[ \t]*:"
    r"|--[^\n-][^\n]{0,60}?--"
)
"""Headings of the cancer register that was merged into ClinicalTrials.gov, and of others that came with it."""
_LABEL = re.compile(
    r"(?<=\s)(?:Age|Sex|Gender|Performance status|Life expectancy|Menopausal status|H(?:a)?ematopoietic|Hepatic|Renal|"
    r"Cardiovascular|Pulmonary|Neurologic(?:al)?|Other|Biologic therapy|Chemotherapy|Endocrine therapy|"
    r"Radiotherapy|Surgery|"
    r"Immunologic|Menopausal Status|Hormone receptor status):(?=\s)"
    r"|(?<=[\w)%] )(?=(?:No (?:other|prior|concurrent|active|history|evidence|known|more|serious|uncontrolled|"
    r"[a-z]{4,})|At least \d|More than \d|Must |See |Prior [a-z]|Concurrent [a-z]|Recovered )[^A-Z])"
)
_TRAILER = re.compile(
    r"^[ \t]*(?:Are the trial subjects under 18\?|Number of subjects for this age range|F\.1\.\d)[^\n]*$", re.MULTILINE
)
_NOTHING = re.compile(
    r"(?:no(?:ne|t)?|n[./]?a|not (?:applicable|available|provided|specified)|no (?:eligibility|exclusion|"
    r"inclusion) criteria|"
    r"and|or|and/or|see above|nil|no limit|[\w ]{0,40}:\s*(?:not specified|see disease characteristics)?|"
    r"please refer to .{0,60})[ .;:]*",
    re.IGNORECASE,
)
_KEEPS_OUT = re.compile(
    r"\b(?:(?:are|is|be|were|was) (?:not (?:be )?(?:eligible|included|allowed|permitted|enrolled)|excluded|ineligible)|"
    r"excluded (?:if|from|are)|exclude[sd]?|not eligible|ineligible|not allowed)\b|[:\s]excluded:?$",
    re.IGNORECASE,
)
_LETS_IN = re.compile(
    r"\b(?:(?:will|can|may) be (?:included|enrolled|recruited)|(?:are|is|be) eligible|were included|"
    r"are included|must (?:have|be|meet)|eligible (?:patients|subjects|participants))\b",
    re.IGNORECASE,
)

# ---------------------------------------------------------------------------------------------------------------- items
_LINE = re.compile(r"[^\r\n]+")
_MARK = re.compile(
    r"[ \t\u3000]*(?P<mark>"
    r"[-–—*•·●○▪■□◦‣►➢➤✓✔~#>◆※\uf0b7\uf0a7]+(?=[^\d>=<-]|\d|[<>])"
    r"|(?:No\.|Nr\.?)?[(（\[]?(?P<number>\d{1,2})(?:\.\d{1,2}){0,3}[ \t]?[.)）\]、．]+[:：-]?(?!\d)"
    r"|[(（]?(?:[a-zA-Z]|[ivxIVX]{2,5})[.)）](?=\s)|[(（](?:[a-zA-Z]|[ivxIVX]{2,5})[)）]"
    r"|(?P<circled>[\u2460-\u2473])"
    r"|(?P<dashed>\d{1,2})[ \t]?[-–:][ \t]*(?=[A-Za-z(])"
    r"|(?:I|E|IC|EC|INC|EXC)[ -]?\d{1,2}[.:)]?(?=\s)"
    r")[ \t\u3000]*"
)
_TIGHT = re.compile(r"[ \t]*(?P<number>\d{1,2})[.、．)](?=\d)")
_WITHIN = re.compile(
    r"(?P<before>[.;,:。；，、：)）]?)(?P<gap>\s{0,3})[(（]?(?P<number>\d{1,2})(?P<sign>[)）]?[.)、．）]|[)）])(?P<digit>\d?)"
    r"|(?P<circled>[\u2460-\u2473])"
)
_BULLET_WITHIN = re.compile(r"(?:(?<=[.;:])|(?<=[.;:] )|(?<=\s\s))[ \t]*[-–•*][ \t]+(?=\S)|[ \t]*[•●▪►➢\uf0b7][ \t]*")
_DASH_WITHIN = re.compile(r"\s+[-–•]\s+(?=[A-Z][a-z])")
_MANY_DASHES = 3
"""Dashes before capitals in one line that are bullets, whatever stands before them."""
_SENTENCE = re.compile(
    r"(?:(?<=[^\s.][a-z0-9)%\]])|(?<=[A-Z]{2}))(?:\.(?=\s+[A-Z(])|[。；;])\s*|;\s*",
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.?g|i\.?e|vs|approx|dr|prof|no|etc|incl|max|min|resp|al|cf|st|ca|sp|spp|fig|exp))$", re.I
)
_SCAFFOLD = re.compile(
    r"\bfollowing\b|\bas (?:follows|defined)\b|\bcriteria\b|\bbelow\b|\beither\b|\bany of\b", re.IGNORECASE
)
_DENIES = re.compile(
    r"\b(?:none of|no (?:evidence|history|known|current|prior|previous|signs?)|without|absence of|free (?:of|from)|"
    r"must not (?:have|be)|do(?:es)? not have|not have|neither|negative for|no)\b(?!\s+(?:more|less|later|longer|"
    r"greater)\b)"
    r"[^.;,()]{0,80}[:：]$",
    re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:history|previous|prior)\b[^.;,()]{0,60}[:：]$", re.IGNORECASE)
_JOINED_TO_NEXT = re.compile(r"[,;]\s*(?:and|or|and/or)\s*$", re.IGNORECASE)
_JOINS = re.compile(
    r"(?:,|\b(?:and|or|with|of|the|a|to|for|in|by|than|from|including|as|at|on|is|are))$", re.IGNORECASE
)


class _Line(msgspec.Struct, gc=False):
    start: int
    """Of what follows the mark."""
    end: int
    mark: str
    """What kind of mark it has: "" none, "1" a number, "a" a letter, else the bullet itself."""
    number: int
    indent: int
    after_blank: bool
    length: int


def split(text: str, is_inclusion: bool | None) -> list[Item]:
    """The criteria of a text in order; the flag says what they are where no heading says it (None: cannot be told)."""
    text = text[:_LONGEST]
    if trailer := _TRAILER.search(text):
        text = text[: trailer.start()]
    items: list[Item] = []
    for start, end, side, is_register in _sections(text, is_inclusion):
        for item in _items(text, start, end, side, is_register):
            if not _NOTHING.fullmatch(text, item.start, item.end):
                items.append(item)
    return items


def _sections(text: str, is_inclusion: bool | None) -> list[tuple[int, int, bool | None, bool]]:
    """Stretches of a text below one heading each: start, end, what its criteria are, whether it is a form."""
    headings: list[tuple[int, int, bool | None, bool]] = []
    for pattern in (_AT_LINE, _INSIDE):
        for match in pattern.finditer(text):
            side = None if match["both"] else match["into"] is not None
            headings.append((match.start(), match.end(), side, False))
    if (first := _BEGINNING.match(text.lstrip())) and not headings:
        shift = len(text) - len(text.lstrip())
        headings.append((shift, shift + first.end(), first["side"].lower().startswith("in"), False))
    is_form = False
    for match in _PARTS.finditer(text):
        is_form |= not match[0].startswith("-")
        headings.append((match.start(), match.end(), True if is_form else None, not match[0].startswith("-")))
    headings.sort()
    sides = [side for _, _, side, _ in headings if side is not None]
    side = is_inclusion
    if side is None and sides and sides[0] is False:
        side = True  # what stands before the criteria that keep people out lets them in
    following: list[bool | None] = []
    ahead: bool | None = None
    for _, _, one, _ in reversed(headings):
        following.append(ahead)
        ahead = one if one is not None else ahead
    found: list[tuple[int, int, bool | None, bool]] = []
    place, form = 0, False
    for (start, end, new, is_register), later in zip(headings, reversed(following), strict=True):
        if start < place:
            continue
        found.append((place, start, side, form))
        if new is not None or text[start : start + 2] != "--":
            side = new if new is not None else (True if later is False else is_inclusion)
        place, form = end, is_register
    found.append((place, len(text), side, form))
    return found


def _items(text: str, start: int, end: int, side: bool | None, is_register: bool) -> Iterator[Item]:
    lines = list(_lines(text, start, end))
    if not lines:
        return
    if is_register and len(lines) <= 3:
        for line in lines:
            for low, high in _cut(
                text,
                line.start,
                line.end,
                [(m.start(), m.start()) for m in _LABEL.finditer(text, line.start, line.end)],
            ):
                yield from _trimmed(text, low, high, side)
        return
    joined = _joined(text, lines)
    is_bare = not any(line.mark for line in joined)
    told = side
    lead: _Line | None = None
    denies = past = False
    for at, line in enumerate(joined):
        following = joined[at + 1] if at + 1 < len(joined) else None
        if lead is not None and _closes(line, lead):
            lead, denies, past, told = None, False, False, side
        written = text[line.start : line.end].rstrip()
        if following is not None and written.endswith((":", "：")) and len(written) < 400:
            lead = line
            denies, past = bool(_DENIES.search(written)), bool(_PAST.search(written))
            told = _told(written, side)
            if len(written.split()) <= 6 or (len(written) < 160 and _SCAFFOLD.search(written)):
                continue
            yield from _trimmed(text, line.start, line.end, told)
            continue
        cuts = _counted(text, line) or _bulleted(text, line)
        if not cuts and is_bare and len(joined) <= 2:
            cuts = _sentences(text, line)
        for low, high in _cut(text, line.start, line.end, cuts):
            here = told if told is not None else _told(text[low:high], None)
            yield from _trimmed(text, low, high, here, denies, past, (lead.start, lead.end) if lead else (0, 0))


def _told(written: str, side: bool | None) -> bool | None:
    """What a sentence itself says about who is let in."""
    if side is not True and _KEEPS_OUT.search(written):
        return False
    if side is None and _LETS_IN.search(written):
        return True
    return side


def _closes(line: _Line, lead: _Line) -> bool:
    """Whether a line no longer stands in the list that a line led to."""
    if lead.mark:
        return line.mark == lead.mark and line.indent <= lead.indent
    return not line.mark and line.after_blank and line.indent <= lead.indent


def _lines(text: str, start: int, end: int) -> Iterator[_Line]:
    before = start
    number = 0
    for match in _LINE.finditer(text, start, end):
        written = match[0]
        if not written.strip():
            continue
        gap = text[before : match.start()]
        after_blank = gap.count("\n") > 1
        before = match.end()
        mark, place, own = "", match.start() + len(written) - len(written.lstrip()), 0
        if found := _MARK.match(text, match.start(), match.end()):
            digits = found["number"] or found["dashed"]
            own = int(digits) if digits else ord(found["circled"]) - 0x245F if found["circled"] else 0
            sign = found["mark"].strip()
            if not (digits and found["dashed"] and own not in (1, number + 1)):
                mark = "1" if own else "a" if sign.strip("()（）.").isalnum() else sign[0]
                place = found.end()
        elif (found := _TIGHT.match(text, match.start(), match.end())) and int(found["number"]) == number + 1:
            mark, own, place = "1", number + 1, found.end()
        number = own or number
        indent = len(written) - len(written.lstrip(" \t"))
        yield _Line(place, match.end(), mark, own, indent, after_blank, len(written.rstrip()))


def _joined(text: str, lines: list[_Line]) -> list[_Line]:
    """Lines that continue the one before are made one with it."""
    longest = max(line.length for line in lines)
    has_marks = any(line.mark for line in lines)
    full = sum(line.length > longest - 12 for line in lines)
    is_wrapped = 60 <= longest <= 105 and full > 1 and (has_marks or full * 3 > len(lines) > 3)
    bare = [text[line.start] for line in lines if not line.mark]
    starts_small = not has_marks and sum(first.islower() for first in bare) * 2 > len(bare)
    found: list[_Line] = []
    length = 0
    for line in lines:
        if (
            found
            and not line.mark
            and _continues(text, found[-1], line, length, longest, is_wrapped, has_marks, starts_small)
        ):
            found[-1].end = line.end
        else:
            found.append(line)
        length = line.length
    return found


def _continues(
    text: str,
    before: _Line,
    line: _Line,
    length: int,
    longest: int,
    is_wrapped: bool,
    has_marks: bool,
    starts_small: bool,
) -> bool:
    first = text[line.start]
    ending = text[max(before.start, before.end - 12) : before.end].rstrip()
    is_small = first.islower() or first in "()]%,;<>≥≤=&+"
    if _JOINS.search(ending) and (is_small or not line.after_blank):
        return True
    if line.after_blank:
        goes_on = bool(before.mark) if has_marks else not starts_small and length > 60
        return is_small and goes_on and not ending.endswith((".", ";", ":"))
    if is_wrapped:
        space = text.find(" ", line.start, line.end)
        word = (space if space >= 0 else line.end) - line.start
        was_full = length + 1 + word > longest - 3 or length > longest - 10
        return was_full and (is_small or bool(before.mark) or not ending.endswith((".", ";", ":")))
    return is_small and bool(before.mark) and not starts_small and not ending.endswith((".", ";", ":"))


def _counted(text: str, line: _Line) -> list[tuple[int, int]]:
    """Numbers within a line that count up from its own one, or from 1."""
    expected = line.number + 1 if line.number else 1
    first = expected
    cuts: list[tuple[int, int]] = []
    for match in _WITHIN.finditer(text, line.start, line.end):
        if match["circled"]:
            value = ord(match["circled"]) - 0x245F
        else:
            value = int(match["number"])
            if match["digit"] and not match["before"]:
                continue
            place = match.start()
            is_open = (
                bool(match["before"]) or place == line.start or (match["gap"] and not match["sign"].startswith("."))
            )
            if not is_open or (match["before"] in (",", "、") and match["sign"] == "."):
                continue
            if not match["before"] and place > line.start and _JOINS.search(text, max(line.start, place - 12), place):
                continue
        if value == expected:
            end = match.end() - (1 if match["digit"] else 0)
            cuts.append((match.end("before") if match["before"] else match.start(), end))
            expected += 1
    if first == 1 and not line.number and len(cuts) < 2:
        return []
    return cuts


def _bulleted(text: str, line: _Line) -> list[tuple[int, int]]:
    if line.mark not in ("", "-", "•", "●"):
        return []
    dashes = [match.span() for match in _DASH_WITHIN.finditer(text, line.start, line.end)]
    if len(dashes) >= _MANY_DASHES:
        return dashes
    cuts = [match.span() for match in _BULLET_WITHIN.finditer(text, line.start, line.end)]
    return cuts if len(cuts) > 1 or line.mark else []


def _sentences(text: str, line: _Line) -> list[tuple[int, int]]:
    """Ends of sentences, and semicolons, outside brackets."""
    cuts: list[tuple[int, int]] = []
    depth, place = 0, line.start
    for match in _SENTENCE.finditer(text, line.start, line.end):
        between = text[place : match.start()]
        depth = max(0, depth + between.count("(") - between.count(")"))
        place = match.start()
        if depth and len(between) < 400:
            continue
        depth = 0
        if text[match.start()] == "." and _ABBREVIATED.search(text[max(line.start, match.start() - 8) : match.start()]):
            continue
        cuts.append((match.start() + (text[match.start()] in ".。"), match.end()))
    return cuts


def _cut(text: str, start: int, end: int, cuts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    place = start
    for low, high in cuts:
        yield place, max(place, low)
        place = high
    yield place, end


def _trimmed(
    text: str,
    start: int,
    end: int,
    side: bool | None,
    is_negated: bool = False,
    is_history: bool = False,
    lead: tuple[int, int] = (0, 0),
) -> Iterator[Item]:
    """The criterion without the spaces and separators around it; none if nothing is left."""
    if joined := _JOINED_TO_NEXT.search(text, max(start, end - 16), end):
        end = joined.start()
    while start < end and (text[start].isspace() or text[start] in ",;、；*_"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;、；*_"):
        end -= 1
    if any(text[place].isalnum() for place in range(start, end)):
        yield Item(start, end, side, is_negated, is_history, lead)
