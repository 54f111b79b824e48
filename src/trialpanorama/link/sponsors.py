"""Who sponsors a trial: one organisation for the spellings that registers have of it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from trialpanorama.link._context import is_short_for
from trialpanorama.vocabulary import SponsorClass, sponsor_class_from_name

_LONGEST = 400
"""Characters of a name that are looked at: names are shorter, what is longer is a text in the wrong field."""
_LEGAL_FORM = (
    r"incorporated|inc|llc|l\.l\.c|llp|lp|ltd|limited|pvt|private limited|pty|plc|corp|corporation|co|company|gmbh"
    r"(?: ?& ?co(?:\. ?| )?kg(?:aa)?)?|kgaa|kg|ag|se|e\. ?v|sa|s\.a|sas|s\.a\.s|sarl|srl|s\.r\.l|spa|s\.p\.a|nv|n\.v|bv"
    r"|b\.v|ab|a/s|as|aps|oy|oyj|kk|k\.k|sl|s\.l|slu|s\.l\.u|sp\. z o\. ?o|kft|d\.o\.o|ltda|s\.a\. de c\.v|sdn bhd"
    r"|bhd|co\. ?,? ?ltd"
)
_ENDING = re.compile(rf"[\s,]+(?:{_LEGAL_FORM})\.?\s*$", re.I)
_IN_BRACKETS = re.compile(r"\s*[\[(][^()\[\]]{0,200}[\])]\s*$")
_SHORT_BEHIND = re.compile(r"\s+[-–,]\s+([A-Z][A-Za-z]{1,9})\s*$")
_TRAILING_PLACE = re.compile(
    r"\s*,\s*(?:usa|u\.s\.a\.?|us|uk|united states(?: of america)?|united kingdom|germany|france|italy|spain"
    r"|china|p\.? ?r\.? china|japan|india|iran|egypt|canada|australia|switzerland|netherlands|denmark"
    r"|the netherlands|sweden|norway|belgium|austria|brazil|mexico|korea|republic of korea"
    r"|south korea|taiwan|thailand|turkey|pakistan|israel)\s*$",
    re.I,
)
_PART_OF = re.compile(
    r"^(?:(?:dept|department|division|section|faculty|school|clinic|chair|institute|centre|center|unit|laborator(?:y|ies)|"
    r"r ?& ?d|research (?:and|&) development)\b[^,]{0,120},\s*)+(?=.*\b(?:universit|hospital|college|klinik|hôpital|"
    r"hopital|ospedale|azienda|institut))",
    re.I,
)
_ARTICLE = re.compile(r"^the\s+", re.I)
_LETTERS = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
"""What has no plain letter under its mark."""
_NOT_A_LETTER = re.compile(r"[^\w]+")
_SAME = {
    "centre": "center", "hopital": "hospital", "university hospital of": "university hospital",
    "pharma": "pharmaceuticals", "pharmaceutical": "pharmaceuticals", "laboratory": "laboratories", "saint": "st",
    "univ": "university", "hosp": "hospital", "and": "", "of": "", "the": "", "for": "", "de": "", "la": "", "du": "",
}  # fmt: skip
_ALSO_CALLED = {
    "f hoffmann roche": "hoffmann roche", "roche": "hoffmann roche", "roche pharmaceuticals": "hoffmann roche",
    "msd": "merck sharp dohme", "merck sharp dohme research laboratories": "merck sharp dohme",
    "gsk": "glaxosmithkline", "glaxo smithkline": "glaxosmithkline",
    "nci": "national cancer institute", "nhlbi": "national heart lung blood institute",
    "niaid": "national institute allergy infectious diseases", "nih": "national institutes health",
    "bms": "bristol myers squibb", "eli lilly company": "eli lilly", "lilly": "eli lilly",
    "astra zeneca": "astrazeneca", "sanofi aventis": "sanofi", "pfizer pharmaceuticals": "pfizer",
    "novartis pharmaceuticals": "novartis", "bayer pharmaceuticals": "bayer",
    "bayer healthcare pharmaceuticals": "bayer",
}  # fmt: skip
"""Other names of organisations that sponsor thousands of trials, as keys."""
_NAMESAKES = (
    (re.compile(r"merck\s*(?:&|and)\s*co\b", re.I), "merck sharp dohme"),
    (re.compile(r"merck\s+(?:kgaa|serono|healthcare)\b", re.I), "merck kgaa"),
)
"""Organisations that only their legal form tells from others, and their keys."""
_DANGLING = re.compile(r"[\s,]+(?:and|und|et|y|e)$", re.I)
"""What joined a name to the legal form behind it: Eli Lilly and Company."""


@lru_cache(100_000)
def cleaned(name: str) -> str:
    """The name without legal form, article, department, abbreviation and country: `Pfizer Inc.` is Pfizer."""
    text = _plain(name[:_LONGEST]) or " ".join(name[:_LONGEST].split()) or name[:_LONGEST]
    while True:
        shorter = _PART_OF.sub("", _ARTICLE.sub("", text), count=1)
        for pattern in (_IN_BRACKETS, _TRAILING_PLACE):
            shorter = _plain(pattern.sub("", shorter))
        if (short := _SHORT_BEHIND.search(shorter)) and is_short_for(short[1], shorter[: short.start()]):
            shorter = _plain(shorter[: short.start()])
        if (bare := _plain(_ENDING.sub("", shorter))) != shorter:
            shorter = _plain(_DANGLING.sub("", bare))
        if shorter == text or len(shorter) < 2:
            return text
        text = shorter


def _plain(text: str) -> str:
    """Without what surrounds a name: spaces, quotation marks, stops."""
    return " ".join(text.replace("®", "").split()).strip(" \"'“”.,;&-")


def class_of_name(name: str, is_lead: bool) -> SponsorClass | None:
    """The class that a name's words tell; of who is not the lead sponsor, two mere words are taken for no person."""
    found = sponsor_class_from_name(name)
    return found if is_lead or found != "INDIV" else None


@lru_cache(100_000)
def sponsor_id(name: str) -> str:
    """What the spellings of one organisation have in common: its telling words, without case and accents."""
    for pattern, known in _NAMESAKES:
        if pattern.match(name.strip()):
            return known
    key = _key(name)
    while (shorter := _key(key)) != key and len(shorter) < len(key):  # a legal form that stood before "of"
        key = shorter
    return key


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKD", cleaned(name)).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "").replace("’", "")
    plain = plain.translate(_LETTERS)
    words = [_SAME.get(word, word) for word in _NOT_A_LETTER.sub(" ", plain).split()]
    key = " ".join(filter(None, words)) or plain.strip() or name
    return _ALSO_CALLED.get(key, key)
