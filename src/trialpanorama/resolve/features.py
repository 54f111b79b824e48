"""What two registrations have in common: each field compared, and told in a level such as `same`, `near` or `differs`.

Levels, not numbers, so that one weight per level says what it is worth (`weights.json`) and a reader can follow it. A
field that one of the two does not give is `missing` and says nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from trialpanorama.resolve.titles import is_number, marks, words

MISSING = "missing"

LEVELS: dict[str, tuple[str, ...]] = {
    "title": ("same", "near", "high", "fair", "contained", "low", "none"),
    "title_shared": ("much", "some", "little"),
    "second_title": ("near", "fair", "differs"),
    "title_words": ("none", "one_side", "both_sides"),
    "title_numbers": ("same", "none", "one_side", "differ"),
    "title_contrast": ("none", "contrast"),
    "title_subject": ("none", "differs"),
    "title_marks": ("same", "none", "differ"),
    "acronym": ("same", "differs"),
    "code": ("same", "sibling", "differs"),
    "sponsor": ("same", "similar", "collaborator", "related", "differs"),
    "conditions": ("same", "some", "differ"),
    "interventions": ("same", "some", "differ"),
    "outcomes": ("same", "some", "differ"),
    "secondary": ("same", "much", "little"),
    "criteria": ("same", "much", "little"),
    "size": ("same", "round", "near", "double", "differs", "far"),
    "start": ("day", "same", "month", "quarter", "year", "differs", "far"),
    "completion": ("day", "same", "month", "quarter", "year", "differs", "far"),
    "countries": ("several", "same", "some", "differ"),
    "phase": ("same", "overlap", "differs"),
    "study_type": ("same", "differs"),
    "design": ("same", "some", "differs"),
    "ages": ("both", "same", "some", "differs"),
    "sex": ("same", "differs"),
}
"""Each field and its levels, from the most alike to the least; `missing` stands beside them."""

ABOUT_TITLES = ("title_shared", "second_title", "title_words", "title_numbers", "title_contrast", "title_subject")
"""Fields that say more about the two titles that are most alike; they count only where those are alike at all."""


class Profile(NamedTuple):
    """What is compared of one registration, over all Records of its id."""

    key: str
    register: str | None
    titles: tuple[str, ...] = ()
    acronyms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    """Numbers that sponsors and others give to the study, outside of registers."""
    sponsors: tuple[str, ...] = ()
    collaborators: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    interventions: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    """Primary outcome measures."""
    sizes: tuple[int, ...] = ()
    """Planned and reached enrolment, in participants."""
    countries: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    start: str | None = None
    """ISO 8601 date, month or year."""
    completion: str | None = None
    study_type: str | None = None
    sex: str | None = None
    design: tuple[str | None, ...] = ()
    """Allocation, masking, primary purpose, intervention model."""
    ages: tuple[float | None, ...] = ()
    """Least and greatest age, in years."""
    criteria: str | None = None
    """Who may take part: the beginning of the criteria."""
    secondary: str | None = None
    """Secondary outcome measures: the beginning of their list."""


class Comparison(NamedTuple):
    """The level of each field; the two titles that are most alike, with the words that only one of them has."""

    levels: dict[str, str]
    title_a: str = ""
    title_b: str = ""
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


class Prepared(NamedTuple):
    """A profile made ready to be compared many times; sets of words, numbers and plain names."""

    profile: Profile
    titles: tuple[Title, ...]
    marks: frozenset[str]
    acronyms: frozenset[str]
    codes: frozenset[str]
    stems: frozenset[str]
    leads: tuple[str, ...]
    names: frozenset[str]
    """Words of the sponsors' names that few names have."""
    helpers: tuple[str, ...]
    conditions: frozenset[str]
    interventions: frozenset[str]
    outcomes: frozenset[str]
    start: When | None
    completion: When | None
    countries: frozenset[str]
    phases: frozenset[str]
    criteria: tuple[int, ...]
    """A sample of the pairs of words of the criteria."""
    secondary: tuple[int, ...]
    """The same of the secondary outcomes."""


class Title(NamedTuple):
    """A title, its words, the numbers among them, and the weight of all its words together."""

    text: str
    words: frozenset[str]
    numbers: frozenset[str]
    weight: float


class When(NamedTuple):
    """A date as it was written, and the day in the middle of what it leaves open."""

    text: str
    day: int


class Rarity:
    """How much a word of a title tells: 1 for a word that few titles have, towards 0 for one that stands in all."""

    def __init__(self, titles: int, frequency: Mapping[str, int]) -> None:
        """`frequency` says in how many of so many registrations' titles a word stands; words not in it are rare."""
        self._titles, self._frequency = max(titles, 1), frequency
        self._known: dict[str, float] = {}

    def __call__(self, word: str) -> float:
        weight = self._known.get(word)
        if weight is None:
            share = min(1.0, (self._frequency.get(word, 0) + 1) / self._titles)
            weight = self._known[word] = max(_LEAST, min(1.0, math.log(share) / math.log(_RARE)))
        return weight


_RARE = 0.0005
"""A word in so small a share of titles, or a smaller one, tells all that a word can tell."""
_LEAST = 0.02


def said(profile: Profile, field: str) -> str | None:
    """What a registration says in a field, for a person."""
    value: object = getattr(profile, _SAYS.get(field, field), None)
    if isinstance(value, tuple):
        value = "; ".join(str(part) for part in value if part is not None)
    return str(value)[:_SHOWN] if value else None


_SHOWN = 500


_SAYS = {"acronym": "acronyms", "code": "codes", "sponsor": "sponsors", "size": "sizes", "phase": "phases"}


def prepare(profile: Profile, rarity: Callable[[str], float]) -> Prepared:
    """Cut the texts of a profile into what is compared."""
    codes = frozenset(map(_plain, profile.codes)) - {""}
    leads = tuple(map(_institution, profile.sponsors))
    return Prepared(
        profile=profile._replace(
            criteria=(profile.criteria or "")[:_SHOWN] or None, secondary=(profile.secondary or "")[:_SHOWN] or None
        ),
        titles=tuple(_title(text, rarity) for text in profile.titles if words(text)),
        marks=marks(*profile.titles),
        acronyms=frozenset(map(_plain, profile.acronyms)) - {""},
        codes=codes,
        stems=frozenset(map(_stem, codes)) - {""},
        leads=leads,
        names=frozenset(word for name in leads for word in name.split() if _is_telling(word, rarity)),
        helpers=tuple(map(_institution, profile.collaborators)),
        conditions=frozenset[str]().union(*(_tokens(_folded(name)) for name in profile.conditions)),
        interventions=frozenset[str]().union(*map(_tokens, profile.interventions)),
        outcomes=frozenset[str]().union(*map(_tokens, profile.outcomes)),
        start=_when(profile.start),
        completion=_when(profile.completion),
        countries=frozenset(profile.countries),
        phases=frozenset(profile.phases),
        criteria=_sampled(profile.criteria),
        secondary=_sampled(profile.secondary),
    )


def compare(a: Prepared, b: Prepared, rarity: Callable[[str], float]) -> Comparison:
    """Compare every field of two registrations; the order of the two changes nothing but which title is whose."""
    title = _titles(a, b, rarity)
    one, other = a.profile, b.profile
    title.levels.update(
        acronym=_acronym(a, b),
        code=_code(a, b),
        sponsor=_sponsor(a, b),
        conditions=_overlap(a.conditions, b.conditions),
        interventions=_overlap(a.interventions, b.interventions),
        outcomes=_overlap(a.outcomes, b.outcomes),
        secondary=_samples(a.secondary, b.secondary),
        criteria=_samples(a.criteria, b.criteria),
        size=_size(one.sizes, other.sizes),
        start=_gap(a.start, b.start),
        completion=_gap(a.completion, b.completion),
        countries=_countries(a.countries, b.countries),
        phase=_sets(a.phases, b.phases, ("same", "overlap", "differs")),
        study_type=_equal(one.study_type, other.study_type),
        design=_parts(one.design, other.design),
        ages=_ages(one.ages, other.ages),
        sex=_equal(one.sex, other.sex),
    )
    return title


# --- titles

_CONTRASTS: tuple[tuple[str, ...], ...] = (
    (r"child(?:ren)?|p(?:a)?ediatric|infants?|neonates?|newborns?|adolescents?|boys|girls", r"adults?|elderly|older"),
    (r"healthy|volunteers", r"patients"),
    (r"women|female|females|pregnant", r"men|male|males"),
    (r"mild", r"moderate", r"severe|critical"),
    (r"early|first", r"late|advanced|second|relapsed|refractory", r"third"),
    (r"low|lower", r"high|higher"),
    (r"acute", r"chronic", r"maintenance"),
    (r"single", r"multiple|repeated"),
    (r"fasted|fasting", r"fed"),
    (r"hepatic", r"renal"),
    (r"outpatients?|ambulatory", r"inpatients?|hospitali[sz]ed"),
    (r"prevention|prophylaxis|prophylactic", r"treatment"),
    (r"naive", r"experienced|failed"),
    (r"oral", r"intravenous", r"subcutaneous", r"inhaled|nebuli[sz]ed", r"topical"),
    (r"monotherapy", r"combination|add"),
)
_CONTRAST_OF = [[re.compile(f"(?:{side})") for side in group] for group in _CONTRASTS]


@lru_cache(100_000)
def _sides(word: str) -> tuple[tuple[int, int], ...]:
    """The groups of opposites in which a word stands, and on which side."""
    return tuple(
        (group, side)
        for group, sides in enumerate(_CONTRAST_OF)
        for side, pattern in enumerate(sides)
        if pattern.fullmatch(word)
    )


def _title(text: str, rarity: Callable[[str], float]) -> Title:
    said = frozenset(_NUMERALS.get(word, word) for word in words(_folded(text)))
    return Title(text, said, frozenset(filter(is_number, said)), sum(map(rarity, sorted(said))))


_NUMERALS = {"ii": "2", "iii": "3", "iv": "4"}

# The disease that had no name when its first trials were registered, and got four.
_COVID = re.compile(
    r"\b(?:covid(?:[-_ ]?(?:20)?19)?|sars[- ]?cov(?:id)?[- ]?(?:2|19)|(?:20)?19[- ]?n[- ]?cov|n[- ]?cov(?:[- ]?2019)?"
    r"|ncp"
    r"|(?:(?:novel|new) )?corona ?virus(?: (?:disease|infectious disease|pneumonia|infection))*(?:[- ](?:20)?19)?)\b"
)


def _folded(text: str) -> str:
    """The text in lower case, with one name for COVID-19."""
    plain = text.casefold()
    return _COVID.sub("covid", plain) if "cov" in plain or "corona" in plain or "ncp" in plain else plain


def _titles(a: Prepared, b: Prepared, rarity: Callable[[str], float]) -> Comparison:
    if not a.titles or not b.titles:
        return Comparison(dict.fromkeys(("title", *ABOUT_TITLES, "title_marks"), MISSING))
    matches = [_match(one, other, rarity) for one in a.titles for other in b.titles]
    best = max(
        matches, key=lambda match: (match.similarity, match.containment, *sorted((match.one.text, match.other.text)))
    )
    levels = dict.fromkeys(ABOUT_TITLES, MISSING)
    levels["title"] = _title_level(best.similarity, best.containment)
    levels["title_marks"] = "none" if not a.marks and not b.marks else "same" if a.marks & b.marks else "differ"
    if levels["title"] not in ("low", "none"):
        seconds = [m.similarity for m in matches if m.one is not best.one and m.other is not best.other]
        unmatched = sum(any(_tells(word, rarity) for word in side) for side in (best.left, best.right))
        levels.update(
            title_shared=_bin(best.shared, ((5.0, "much"), (2.5, "some")), "little"),
            second_title=_bin(max(seconds), ((0.8, "near"), (0.5, "fair")), "differs") if seconds else MISSING,
            title_words=("none", "one_side", "both_sides")[unmatched],
            title_numbers=_numbers(best.one.numbers, best.other.numbers),
            title_contrast="contrast" if _contrasting(best.left, best.right) else "none",
            title_subject="differs" if _other_subject(a, b, best) else "none",
        )
    return Comparison(levels, best.one.text, best.other.text, tuple(sorted(best.left)), tuple(sorted(best.right)))


_TELLING = 0.45
"""A word of at least this weight, in one title only, may be the drug, disease or place that sets two studies apart."""


_OF_ANY_STUDY = frozenset(
    words(
        """
        a active acute adaptive after all allocated among an and arm arms as assess assessed assessing assessment at
        being between blind blinded by care center centers centre centres clinical comparative compare compared
        comparing comparison control controlled design designed determine different disease dose double during effect
        effective effectiveness effects efficacy evaluate evaluated evaluating evaluation evidence exploratory first
        following for from group groups human impact improve in infected infection initiated international
        intervention interventional into investigate investigating investigation investigational investigator is its
        label management masked method multi multicenter multicentre multicentric multinational national new novel of
        on open or outcome outcomes parallel participants patient patients people phase placebo pragmatic prospective
        randomised randomization randomized randomly receiving research role safety single standard studies study
        subjects suffering the their therapy to tolerability treated treating treatment treatments trial trials two
        under undergoing use used using usual versus vs which who with within without
        """
    )
)
"""Words of titles that tell how a study is done and not which it is; registers add and drop them at will."""


def _tells(word: str, rarity: Callable[[str], float]) -> bool:
    return word not in _OF_ANY_STUDY and rarity(word) >= _TELLING


class _Match(NamedTuple):
    one: Title
    other: Title
    similarity: float
    containment: float
    shared: float
    """Weight of the words in common."""
    left: set[str]
    right: set[str]


def _match(one: Title, other: Title, rarity: Callable[[str], float]) -> _Match:
    """Twice the weight of the words in common over the weight of all; a slip of the keyboard is forgiven."""
    left, right = set(one.words - other.words), set(other.words - one.words)
    common = one.weight - sum(map(rarity, sorted(left)))
    if left and right and 4 * common > one.weight + other.weight:
        for word in sorted(left):
            twin = _slip(word, right)
            if twin:
                left.discard(word)
                right.discard(twin)
                common += (rarity(word) + rarity(twin)) / 2
    similarity = min(1.0, 2 * common / (one.weight + other.weight))
    containment = min(1.0, common / min(one.weight, other.weight))
    return _Match(one, other, similarity, containment, common, left, right)


def _slip(word: str, others: set[str]) -> str | None:
    """The word of `others` that differs by one letter, as a slip of the keyboard or another spelling does."""
    size = len(word)
    if size < 5 or not word.isalpha():
        return None
    first, last = word[:2], word[-2:]
    near = [
        other
        for other in others
        if size - 2 < len(other) < size + 2
        and (other[:2] == first or other[-2:] == last)
        and len(other) >= 5
        and _one_letter(word, other)
    ]
    return min(near, default=None)


@lru_cache(100_000)
def _one_letter(one: str, other: str) -> bool:
    """Whether one letter is left out, put in, changed, or swapped with its neighbour; numbers are never slips."""
    from rapidfuzz.distance import OSA

    return other.isalpha() and OSA.distance(one, other, score_cutoff=1) <= 1


def _title_level(similarity: float, containment: float) -> str:
    if similarity >= 0.55 or containment < 0.85:
        steps = ((0.97, "same"), (0.88, "near"), (0.75, "high"), (0.55, "fair"), (0.35, "low"))
        return _bin(similarity, steps, "none")
    return "contained"


def _numbers(mine: frozenset[str], yours: frozenset[str]) -> str:
    if mine == yours:
        return "same" if mine else "none"
    return "differ" if mine - yours and yours - mine else "one_side"


def _contrasting(left: set[str], right: set[str]) -> bool:
    mine = {place for word in left for place in _sides(word)}
    yours = {place for word in right for place in _sides(word)}
    return any(group == other and side != opposite for group, side in mine for other, opposite in yours)


def _other_subject(a: Prepared, b: Prepared, match: _Match) -> bool:
    """Whether each title names a drug, or a disease, of its own study that the other study does not have."""
    kinds = ((a.interventions, b.interventions), (a.conditions, b.conditions))
    return any((mine - yours) & match.left and (yours - mine) & match.right for mine, yours in kinds)


# --- the other fields


def _acronym(a: Prepared, b: Prepared) -> str:
    if a.acronyms & b.acronyms:
        return "same"
    for one, other in ((a, b), (b, a)):
        if any(_says(title.text, name) for name in one.acronyms if len(name) > 2 for title in other.titles):
            return "same"
    return "differs" if a.acronyms and b.acronyms else MISSING


def _says(title: str, acronym: str) -> bool:
    """Whether a title says the acronym, in capitals as acronyms are."""
    plain = _NO_WORD.sub("", title)
    return acronym in plain and re.search(rf"(?<!\w){re.escape(acronym)}(?!\w)", plain) is not None


_NO_WORD = re.compile(r"[^\w\s]")


def _code(a: Prepared, b: Prepared) -> str:
    if not a.codes or not b.codes:
        return MISSING
    return "same" if a.codes & b.codes else "sibling" if a.stems & b.stems else "differs"


def _stem(code: str) -> str:
    """A protocol code without its last number, where something that tells remains."""
    stem = re.sub(r"\d+\D?$", "", code)
    return stem if len(stem) >= 3 else ""


_LEGAL = frozenset(
    (
        "the",
        "of",
        "and",
        "for",
        "a",
        "an",
        "inc",
        "ltd",
        "llc",
        "plc",
        "gmbh",
        "ag",
        "sa",
        "nv",
        "bv",
        "co",
        "corp",
        "corporation",
        "company",
        "limited",
        "kg",
        "spa",
        "srl",
        "as",
        "ab",
        "aps",
        "pharma",
        "pharmaceutical",
        "pharmaceuticals",
        "research",
        "development",
        "r",
        "d",
        "de",
        "la",
    )
)


@lru_cache(100_000)
def _institution(name: str) -> str:
    said = words(name)
    return " ".join([word for word in said if word not in _LEGAL] or said)


def _sponsor(a: Prepared, b: Prepared) -> str:
    if not a.leads or not b.leads:
        return MISSING
    one, other = a.profile, b.profile
    pairs = [(lead, name) for lead in a.leads for name in b.leads]
    # names are made after templates too: a Hospital of Fairport is no Hospital of Redcliff, however alike the names
    alike = [_alike(lead, name) for lead, name in pairs if not _of_two_places(lead, name, a.names, b.names)]
    score = max(alike, default=0.0)
    if score >= 92:
        return "same"
    if score >= 75 or any(_within(lead, name) or _abbreviates(lead, name) for lead, name in pairs):
        return "similar"
    crossed = ((a.leads, b.helpers), (b.leads, a.helpers))
    if any(_alike(lead, helper) >= 92 for leads, helpers in crossed for lead in leads for helper in helpers):
        return "collaborator"
    if a.names & b.names:
        return "related"
    # where a register wants a person, the other names the institution
    if any(map(_is_person, (*one.sponsors, *other.sponsors))):
        return MISSING
    crossed = ((one.sponsors, other.sponsors), (other.sponsors, one.sponsors))
    if any(any(map(_may_be_person, mine)) and all(map(_is_institution, yours)) for mine, yours in crossed):
        return MISSING
    return "differs"


def _is_telling(word: str, rarity: Callable[[str], float]) -> bool:
    return len(word) > 3 and word not in _INSTITUTIONAL and rarity(word) >= _TELLING


@lru_cache(100_000)
def _is_institution(name: str) -> bool:
    return not _INSTITUTIONAL.isdisjoint(words(name))


def _may_be_person(name: str) -> bool:
    """Whether a name is of two or three words, none of which is of an institution."""
    said = words(name)
    return len(said) in (2, 3) and not _is_institution(name) and _LEGAL.isdisjoint(said)


_INSTITUTIONAL = frozenset(
    (
        "academy",
        "agency",
        "assistance",
        "association",
        "biotech",
        "biotechnology",
        "care",
        "center",
        "central",
        "centre",
        "centro",
        "clinic",
        "clinical",
        "college",
        "council",
        "department",
        "education",
        "faculty",
        "first",
        "foundation",
        "fundación",
        "fundacion",
        "general",
        "group",
        "health",
        "healthcare",
        "hopital",
        "hopitaux",
        "hospices",
        "hospital",
        "hospitals",
        "institut",
        "institute",
        "instituto",
        "international",
        "laboratories",
        "laboratory",
        "medical",
        "medicine",
        "ministry",
        "national",
        "network",
        "people",
        "province",
        "public",
        "regional",
        "school",
        "science",
        "sciences",
        "second",
        "service",
        "services",
        "society",
        "state",
        "technology",
        "therapeutics",
        "third",
        "traditional",
        "trust",
        "universidad",
        "universitaire",
        "universite",
        "university",
        "universitario",
    )
)


@lru_cache(100_000)
def _alike(one: str, other: str) -> float:
    """How alike two names are, whatever the order of their words and with slips of the keyboard forgiven, 0 to 100."""
    from rapidfuzz.fuzz import token_sort_ratio

    return 100.0 if one == other or not any(_apart(one, other)) else token_sort_ratio(one, other)


@lru_cache(100_000)
def _apart(one: str, other: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words that only one of two names has."""
    mine, yours = set(one.split()), set(other.split())
    left, right = mine - yours, yours - mine
    for word in sorted(left) if right else ():
        twin = _slip(word, right)
        if twin:
            left.discard(word)
            right.discard(twin)
    return frozenset(left), frozenset(right)


def _of_two_places(one: str, other: str, mine: frozenset[str], yours: frozenset[str]) -> bool:
    """Whether each of two names has telling words, and they share none."""
    left, right = _apart(one, other)
    return (
        not left.isdisjoint(mine)
        and not right.isdisjoint(yours)
        and mine.intersection(one.split()) <= left
        and yours.intersection(other.split()) <= right
    )


@lru_cache(100_000)
def _is_person(name: str) -> bool:
    return not _PERSON.isdisjoint(words(name))


_PERSON = frozenset(("dr", "prof", "professor", "md", "phd", "pd"))


def _within(one: str, other: str) -> bool:
    mine, yours = set(one.split()), set(other.split())
    return min(len(mine), len(yours)) > 0 and (mine <= yours or yours <= mine)


def _abbreviates(one: str, other: str) -> bool:
    """Whether one of two names is, or holds in a word, the initials of the other."""
    short, long = sorted((one, other), key=lambda name: len(name.split()))
    initials = "".join(word[0] for word in long.split())
    return any(len(word) >= 3 and initials.startswith(word) for word in (*short.split(), short.replace(" ", "")))


_EMPTY = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "group",
        "in",
        "mg",
        "ml",
        "of",
        "on",
        "or",
        "placebo",
        "control",
        "the",
        "to",
        "treatment",
        "drug",
        "with",
        "vs",
        "versus",
        "study",
        "standard",
        "care",
        "usual",
        "patients",
        "disease",
        "device",
        "procedure",
        "behavioral",
        "biological",
        "other",
        "none",
    )
)


@lru_cache(100_000)
def _tokens(name: str) -> frozenset[str]:
    return frozenset(word for word in words(name) if word not in _EMPTY and (len(word) > 1 or word.isdigit()))


def _overlap(one: frozenset[str], other: frozenset[str]) -> str:
    if not one or not other:
        return MISSING
    left, right = one - other, set(other - one)
    common = len(one) - len(left)
    for word in sorted(left) if right else ():
        twin = _slip(word, right)
        if twin:
            right.discard(twin)
            common += 1
    share = common / min(len(one), len(other))
    return _bin(share, ((0.75, "same"), (0.2, "some")), "differ")


def _size(mine: Sequence[int], yours: Sequence[int]) -> str:
    ratios = [max(one, other) / min(one, other) for one in mine for other in yours if one > 0 and other > 0]
    if not ratios:
        return MISSING
    common = set(mine) & set(yours)
    if any(size % 10 for size in common):  # many studies are of 50 or 120 participants, few of 87
        return "same"
    return _bin(-min(ratios), ((-1, "round"), (-1.15, "near"), (-2, "double"), (-5, "differs")), "far")


def _gap(one: When | None, other: When | None) -> str:
    """How far two dates are apart, beyond what the less precise of them leaves open."""
    if not one or not other:
        return MISSING
    precision = min(len(one.text), len(other.text))
    if one.text[:precision] == other.text[:precision]:
        if precision == 10:  # the first and the last of a month may stand for the month
            return "day" if 1 < int(one.text[8:]) < 28 and one.text[8:] != "15" else "same"
        return {7: "month"}.get(precision, "year")
    days = abs(one.day - other.day) - {4: 180, 7: 15}.get(precision, 0)
    return _bin(-days, ((-31, "month"), (-92, "quarter"), (-366, "year"), (-1096, "differs")), "far")


@lru_cache(100_000)
def _when(date: str | None) -> When | None:
    if not date:
        return None
    with contextlib.suppress(ValueError):  # a date that a register made up, such as 2020-02-31
        middle = date + {4: "-07-01", 7: "-15"}.get(len(date), "")
        return When(date, datetime.date.fromisoformat(middle).toordinal())
    return None


def _sets(one: frozenset[str], other: frozenset[str], levels: tuple[str, str, str]) -> str:
    if not one or not other:
        return MISSING
    return levels[0] if one == other else levels[1] if one & other else levels[2]


def _countries(one: frozenset[str], other: frozenset[str]) -> str:
    return "several" if one == other and len(one) > 1 else _sets(one, other, ("same", "some", "differ"))


def _ages(mine: Sequence[float | None], yours: Sequence[float | None]) -> str:
    return "both" if mine == yours and mine and None not in mine else _parts(mine, yours)


def _sampled(text: str | None) -> tuple[int, ...]:
    """The pairs of neighbouring words with the least checksums: a sample that is the same wherever the pair stands."""
    said = words(_folded(text)) if text else ()
    found = {crc32(f"{one} {other}".encode()) for one, other in pairwise(said)}
    return tuple(sorted(found)[:_SAMPLE])


_SAMPLE = 64


def _samples(mine: Sequence[int], yours: Sequence[int]) -> str:
    """Which share of the pairs of words of the shorter text the longer has, as far as the samples tell."""
    if min(len(mine), len(yours)) < _LEAST_SAMPLE:
        return MISSING
    # a full sample holds every pair up to its greatest checksum, and only so far can the two be compared
    limit = min((side[-1] for side in (mine, yours) if len(side) == _SAMPLE), default=max(mine[-1], yours[-1]))
    one, other = ({value for value in side if value <= limit} for side in (mine, yours))
    least = min(len(one), len(other))
    if least < _LEAST_SAMPLE:
        return MISSING
    return _bin(len(one & other) / least, ((0.8, "same"), (0.5, "much")), "little")


_LEAST_SAMPLE = 8


def _equal(one: str | None, other: str | None) -> str:
    if one is None or other is None:
        return MISSING
    return "same" if one == other else "differs"


def _parts(mine: Sequence[object], yours: Sequence[object]) -> str:
    both = [(one, other) for one, other in zip(mine, yours, strict=False) if one is not None and other is not None]
    if not both:
        return MISSING
    agreeing = sum(one == other for one, other in both)
    return "same" if agreeing == len(both) else "some" if agreeing else "differs"


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).upper()


def _bin(value: float, steps: Sequence[tuple[float, str]], otherwise: str) -> str:
    return next((level for least, level in steps if value >= least), otherwise)
