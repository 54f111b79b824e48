"""Eligibility criteria one by one: who is let in or kept out, and the limits that each criterion sets.

Each criterion gives its constraints: a disease, a drug, something measured with its limits and unit, an age, a
performance status, pregnancy, consent and so on. Diseases and drugs are found by their linkers in the whole text, so
that abbreviations that it defines are known; all else by a table of names. A number belongs to what is measured before
it in its clause, a period ("within 4 weeks") to the disease, drug or treatment beside it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from trialpanorama.link._context import COMPARES, REACH, REACH_BACK, TRIGGERS, Said, Trigger, abbreviations
from trialpanorama.link._criteria_split import Item, split
from trialpanorama.link._criteria_words import MEASURED, NAMES, SCORED, TERMS, set_of
from trialpanorama.link._matching import Matcher
from trialpanorama.link._names import normalise
from trialpanorama.link._quantities import TIMES, Comparator, Quantities, Quantity
from trialpanorama.link.conditions import ConditionLinker
from trialpanorama.link.drugs import DrugLinker
from trialpanorama.ontologies.ucum import Units

if TYPE_CHECKING:
    from trialpanorama.link._links import Link
    from trialpanorama.ontologies import Concepts

Field = Literal["eligibility_criteria", "inclusion_criteria", "exclusion_criteria"]
FIELDS: tuple[tuple[Field, bool | None], ...] = (
    ("eligibility_criteria", None),
    ("inclusion_criteria", True),
    ("exclusion_criteria", False),
)
"""The fields of a Record that hold criteria, and whether what stands in them lets people in."""


class Constraint(msgspec.Struct, frozen=True, gc=False):
    """One thing that a criterion asks: what it is about, and the limits."""

    entity: str
    """The words that say what it is about; "" where a limit stands alone."""
    entity_start: int
    entity_end: int
    """Code points into the field's text."""
    concept_id: str | None
    kind: str
    """condition, drug, measurement, score, age, sex, performance status, life expectancy, pregnancy, contraception,
    consent, language, compliance, participation, treatment, substance use, administrative, population, time, other;
    allergy: an allergy, intolerance or contraindication, or the drug or treatment that it is to; exception: what the
    criterion does not speak of ("except skin cancer"), neither asked for nor kept out."""
    comparator: Comparator | None = None
    """Of the value or the time, which are never given together; None where no sign says it (also where it was lost)."""
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    """UCUM; of low and high."""
    unit_raw: str = ""
    time_value: float | None = None
    time_unit: str | None = None
    """UCUM: how long, or how long ago ("within 4 weeks")."""
    is_negated: bool = False
    is_history: bool = False
    method: str = "none"
    score: float = 0.0
    matched: str = ""


class Criterion(msgspec.Struct, frozen=True, gc=False):
    """One criterion of a study."""

    position: int
    """From 1 over all fields of the record."""
    is_inclusion: bool | None
    """Whether it lets people in or keeps them out; None if it cannot be told."""
    text: str
    start: int
    end: int
    """Code points: the field's text[start:end] is `text`."""
    field: Field
    constraints: list[Constraint] = []


class _Mention(msgspec.Struct, gc=False):
    """Something a text speaks of, before numbers are given to it."""

    start: int
    end: int
    kind: str
    concept_id: str | None
    method: str
    score: float
    matched: str
    unit: str
    name: str
    is_negated: bool = False
    is_history: bool = False
    is_exception: bool = False


_REFUSED = re.compile(
    r"\b(?:unable|inability|unwilling\w*|refus\w*|incapable|incapacity|lack|failure|cannot|can't)\b[^.;]{0,60}$",
    re.IGNORECASE,
)
_EXCEPTIONS = (
    "except", "except for", "excepting", "excluding", "other than", "with the exception of", "with exception of",
    "with the exceptions of", "with exceptions of", "exception of", "exceptions", "exceptions are", "apart from",
    "aside from", "save for", "not including", "unless", "except in case of", "besides", "except for patients with",
    "with or without", "with and without", "with/without", "whether or not", "regardless of", "irrespective of",
)  # fmt: skip
"""What leads to things that a criterion leaves out of what it says."""
_INCLUDING = re.compile(r"\bincluding(?:,? but not limited to)?,?|\bsuch as\b|\be\.g\.,?", re.IGNORECASE)
_NEAR = 12
"""Code points between a word that denies and a measurement that it denies."""
_OTHERWISE = re.compile(
    r"\s(?:\w+ly )?(?:well )?(?:surviv|respon[ds]|tolerat|achiev|control|improv|complet)\w*", re.IGNORECASE
)
"""Behind "no" and "not" these say how somebody fares with a thing, which is there: "does not respond to metformin"."""
_NOT_LIMITED = re.compile(r",?\s+(?:are |is )?not (?:necessarily )?(?:limited|restricted) to\b", re.IGNORECASE)
_LABELS = re.compile(r"(?:Biologic therapy|Chemotherapy|Endocrine therapy|Radiotherapy|Surgery):(?=\s)", re.IGNORECASE)
"""Headings of a form, in front of the one criterion that stands under each."""
_SAMPLES = re.compile(r"\b(?:marrow|needle|fluid|joint|cyst|tracheal|bronchial|gastric)\W{1,3}$", re.IGNORECASE)
"""What is aspirated to be looked at: no disease."""
_JOINED_TO = {"vaccination": re.compile(r"[ -](?:virus[ -])?"), "surgery": re.compile(r"[ -]")}
"""Treatments that take the disease right before them into their name, and what may stand between the two."""
_SPOKEN_OF = frozenset(("drug", "treatment", "procedure", "device"))
_ALLERGIC = re.compile(
    r"\b(?:(?:allerg|hypersensitiv|intoleran|anaphyla)\w*|(?:adverse|allergic) reactions?)\b(?:\s+[\w-]+){0,3}?\s+"
    r"(?:to|towards?|against)\b(?P<between>[^.;:\n]{0,100})$"
    r"|\bcontra-?indicat(?:ions?|ed)\b(?:\s+[\w-]+){0,3}?\s+(?:to|towards?|against|for|of|with)\b(?P<of>[^.;:\n]{0,100})$"
    r"|\bcontra-?indicat(?:es?|ing)\b(?P<verb>[^.;:\n]{0,100})$",
    re.IGNORECASE,
)
"""An allergy, an intolerance or a contraindication, up to the thing it is to."""
_IS_CONTRAINDICATED = re.compile(
    r"(?:\s+(?:therapy|treatment|or|and|[\w-]+ therapy)){0,4},?\s+(?:is|are|was|would be|may be)\s+(?:\w+ly\s+)?"
    r"contra-?indicated\b|[\s-](?:allerg(?:y|ies)|hypersensitivity|intolerance)\b",
    re.IGNORECASE,
)
_ANOTHER_MATTER = re.compile(
    r"\b(?:(?:or|and|nor)\s+(?:any\s+|in\s+)?(?:current\w*|concurrent\w*|concomitant\w*|prior|previous\w*|recent\w*|"
    r"ongoing|use|treatment|therapy|receiv\w+|taking|on|history|patients|subjects|who|need\w*|requir\w+|known|has|"
    r"have|had|with)|requiring|treated|receiving|taking|who|that|which|despite|within|except|but|unless|no|not|without)\b|\)",
    re.IGNORECASE,
)
"""Behind an allergy these begin to speak of something else."""
_NEW_SENTENCE = re.compile(
    r"(?<=[a-z0-9)%])(?<!\bor)(?<!\band)(?<!\bto)(?<!\bof)(?<!\bfor)(?<!\bwith)(?<!\bany)(?<!\bthe) +[A-Z][a-z]"
)
"""The beginning of a sentence that no full stop stands before; names of drugs may have capitals too."""
_TWICE = re.compile(r"[^,;.:()]{0,40}")
_AND = re.compile(r"\b(?:and|or|nor|and/or|who|which|that|if|in|for|with)\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_LIST = re.compile(r"[\w\s'’%+/,()\[\]&.:≥≤<>=-]*")
_SEPARATES = re.compile(r"[,/(\[&)]|\b(?:or|and|nor)\b", re.IGNORECASE)
_BETWEEN = 8
"""Words between two things of one list, at most: "infection requiring antibiotics, or severe heart failure"."""
_LISTED, _CUES = 6, 12
"""How many things and how many words that deny or except are looked at before a thing."""
_CLAUSE_ENDS = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\beg)(?<!\bie)(?<!\bvs)(?<!\betc)[.;](?:\s|$)|\n"
    r"|(?<!\bas)(?<!following)(?<!including)(?<!\bof)(?<!such as)(?<!conditions)(?<!diseases)(?<!disorders)"
    r"(?<!condition)(?<!disease)(?<!disorder)(?<!illness):\s"
)
"""Ends of clauses; a colon ends none that a list of what it says follows ("defined as:")."""
_SENTENCE_ENDS = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\beg)(?<!\bie)(?<!\bvs)(?<!\betc)[.;](?:\s|$)|\n")
_THOSE = re.compile(
    r"^\s*(?:for |in )?(?:those|patients|subjects|participants|people|individuals|persons|women|men)\s+"
    r"(?:who|that|with|on)\b",
    re.IGNORECASE,
)
"""Who is excepted, in front of what they have: "except those who take"."""
_ANEW = re.compile(
    r",\s*(?:histologically|cytologically|pathologically|biopsy|confirmed|proven|documented|diagnosed|measurable|adequate|"
    r"must|able|willing|age[ds]?|patients|subjects|participants|normal)\b",
    re.IGNORECASE,
)
"""Behind a comma these begin to say something else."""
_AFRESH = re.compile(
    r"(?<=[a-z0-9)%*]) +(?:Negative|Fertile|Other|Prior|Previous|Concurrent|Not|No|Must|Able|Willing|At least|Adequate|"
    r"Normal|See|Recovered|More than|Patients|Women|Men|Any|All|Age|Only|Curatively|Documented) (?=[a-z])"
)
"""Beginnings of sentences that no full stop stands before, as registers that lost their bullets write them."""
_HEAD = 14
"""Code points of a thing in which such a beginning may lie: "Negative pregnancy test"."""
_RELATIVE = re.compile(r"\b(?:that|which|who|requir\w+|treated with|such as|including|e\.g)\b", re.IGNORECASE)
"""What turns from a thing that is excepted to what the criterion itself says."""
_BREAKS = re.compile(
    r"\b(?:must|should|shall|will|able|willing|patients?|subjects?|participants?|women|men|is|are|has|have|who|with|at "
    r"least|normal|adequate|measurable|confirmed|proven|documented|diagnos\w+|eligible|histolog\w+|cytolog\w+|age[ds]?|"
    r"but|however|unless|except|no|not|without|prior|previous|history)\b",
    re.IGNORECASE,
)
_KEPT_OUT = re.compile(
    r"\b(?:is|are|was|were|be)\s+(?:not\s+(?:be\s+)?(?:eligible|allowed|permitted|included|enrolled|acceptable)|excluded|"
    r"ineligible|prohibited|forbidden)\b|\bnot (?:eligible|allowed|permitted)\b",
    re.IGNORECASE,
)
_LET_IN = re.compile(
    r"\b(?:is|are|was|were|be|may be|can be|will be)\s+"
    r"(?:not\s+(?:be\s+)?(?:excluded|ineligible)|eligible|allowed|permitted|acceptable|included|enrolled)\b|"
    r"\bnot (?:excluded|exclusionary)\b",
    re.IGNORECASE,
)
_TESTED_NEGATIVE = re.compile(
    r"[\s-]{0,2}(?:(?:(?:surface )?antigen|test|tests|serology|antibody|antibodies|infection|status|rna|dna)\s+){0,2}"
    r"(?:is |are |was )?negative\b|[\s-](?:naive|naïve)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\bnegative\s+(?:(?!and\b|or\b|in\b)[\w/-]+\s+){0,4}$", re.IGNORECASE)
_PURPOSE = re.compile(r"(?:\s+[\w-]+){0,3}\s+(?:for|of)\s+(?:[\w-]+\s+){0,3}", re.IGNORECASE)
"""Between a treatment and the disease that it is given for."""
_REFUSABLE = frozenset(("consent", "compliance", "language", "contraception"))
_COORDINATED = re.compile(
    r"[\s,/()&\[\]+]*(?:(?:and/or|and|or|plus|as well as|either|both|serum|total)[\s,/()&]*){0,2}$", re.IGNORECASE
)
_CLAUSE = re.compile(r";|[.。](?=\s|$)")
_NO_AGE_BEFORE = re.compile(
    r"\b(?:for|since|within|past|last|previous|during|duration|history|survival|expectancy|after|before|interval|"
    r"next|every|over the|"
    r"period|diagnos\w+|follow\w*|remission|free|prior|experience|postmenopausal|menopausal|stable|amenorrh\w+)\b",
    re.IGNORECASE,
)
_NO_AGE_BEHIND = re.compile(
    r"\s*[,)]?\s*(?:before|prior|ago|after|since|from|post|of (?!age)|duration|following|history|experience|"
    r"or (?:longer|more) (?:of|since)|"
    r"earlier|preceding|previously|disease|follow)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:type|grade|stage|phase|class|cohort|group|part|visit)\s*$", re.IGNORECASE)
_AGE_BEHIND = re.compile(
    r"\s*[-(]?\s*(?:of age|old\b|-old|years? old|in age|or older|and older|or over|and over|or above|and above|"
    r"or younger)",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"\b(?:older|younger|aged?|old)\b|\b(?:adults?|patients?|subjects?|participants?|males?|females?|women|men|"
    r"people|persons?|"
    r"individuals|children|volunteers?)\s*\(?(?:who are |between |from |over |above |under |"
    r"below )?\(?\W{0,3}(?:or equal to )?\d",
    re.IGNORECASE,
)
_AGE_SAID = re.compile(r"\b(?:older|younger|aged|adults?|children|elderly)\b", re.IGNORECASE)
_AGO = re.compile(
    r"\s*(?:prior|before|ago|preceding|earlier|of (?:screening|enrol\w+|study|randomi[sz]ation|baseline|inclusion|"
    r"first))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_][\w'’%+-]*")
_GAP = re.compile(r"[\s:(/]{0,4}")
_PLAIN = set_of(
    "a an and any are as at be been being by each either for from has have having if in is least must no not of "
    "on or patient patients should subjects than that the their this those to was were where which who will with "
    "within without following score value level more less one two only participants also but can may minimum "
    "maximum up"
)
"""Words that do not say what a limit is about."""
_WORDS_BEHIND = re.compile(r"\s*(?:of the\s+|of\s+|the\s+)?(?P<words>[A-Za-z][\w'’-]+(?: [A-Za-z][\w'’-]+){0,2})")
_GENERAL = frozenset(("WHO performance status", "grade"))
_OF_A_LIST = re.compile(
    r"\s*(?:\(\d+\)\s*)?(?:or more |additional |other )?(?:(?:of (?:the (?:following|above|below)|these|those|them)|"
    r"criteri\w+|following)\b|of\s*:)",
    re.IGNORECASE,
)
_SAID_BEFORE: dict[Comparator, str] = {
    ">=": r"≥|>\s?=|=\s?>|at least|(?:greater|more) than or equal to|(?:no|not) less than|minimum(?: of)?",
    "<=": r"≤|<\s?=|=\s?<|at most|less than or equal to|(?:no|not) (?:more|greater|higher|worse) than|up to|maximum",
    ">": r">|(?:greater|more|higher|worse) than|above|over|exceeding",
    "<": r"<|(?:less|lower) than|below|under",
}
_SIGN_BEFORE = tuple(
    (sign, re.compile(rf"(?:(?<!\w)|(?=\W))(?:{said})\s*(?:an?\s+)?$", re.IGNORECASE))
    for sign, said in _SAID_BEFORE.items()
)
"""A sign in front of what is measured: "> grade 2", "at least stage III"."""
_REACH = 400
"""Code points to either side of a number in which it may find what it is said of."""
_SHORT = 6
"""Letters of an abbreviation, at most."""
_NEOPLASIA = re.compile(r"[\s-]*(?:syndromes?|type|[12]|I{1,2}[AB]?)\b", re.I)
"""What follows where MEN is multiple endocrine neoplasia."""
_FAR = 90
"""Code points between what is measured and its number."""


class _Headings(msgspec.Struct, frozen=True):
    """The concepts that our own terms are headed by, as they are kept between processes."""

    ids: dict[str, str]


def _headings(concepts: Concepts) -> _Headings:
    wanted = {normalise(term.heading): term.heading for term in TERMS if term.heading}
    found = ((wanted.get(normalise(heading)), id) for heading, id in concepts.headings("MESH:"))
    return _Headings({heading: id for heading, id in found if heading})


class CriteriaParser:
    """Makes criteria and their constraints of the eligibility texts of records."""

    def __init__(
        self, concepts: Concepts, conditions: ConditionLinker | None = None, drugs: DrugLinker | None = None
    ) -> None:
        self._concepts = concepts
        self._conditions = conditions or ConditionLinker(concepts)
        self._drugs = drugs or DrugLinker(concepts)
        self._quantities = Quantities(Units(concepts))
        triggers = list(dict.fromkeys([*TRIGGERS, *_EXCEPTIONS]))
        self._triggers: list[Trigger] = ["exception" if cue in _EXCEPTIONS else TRIGGERS[cue] for cue in triggers]
        self._matcher = Matcher([*NAMES, *triggers])
        self._headings = concepts.kept("criteria-headings", _Headings, lambda: _headings(concepts)).ids

    def parse(self, text: str | None, inclusion: str | None = None, exclusion: str | None = None) -> list[Criterion]:
        """The criteria of one record's three texts, in order."""
        return self.parse_many([(text, inclusion, exclusion)])[0]

    def parse_many(self, records: Sequence[tuple[str | None, str | None, str | None]]) -> list[list[Criterion]]:
        """The criteria of many records, each with its whole text, inclusion and exclusion criteria.

        A text that only repeats a part of the whole one is not read again.
        """
        texts: list[tuple[int, int, str]] = []
        for at, (whole, *parts) in enumerate(records):
            for field, text in enumerate((whole, *parts)):
                if text and text.strip() and not (field and whole and text in whole):
                    texts.append((at, field, text))
        written = [text for _, _, text in texts]
        mentions, cues = self._mentions(written)
        found: list[list[Criterion]] = [[] for _ in records]
        for (at, field, text), known, said in zip(texts, mentions, cues, strict=True):
            name, is_inclusion = FIELDS[field]
            items = split(text, is_inclusion)
            for item, inside in _dealt(items, known):
                inside = _without_label(text, item, inside)
                _assert(text, item, inside, [cue for cue in said if item.start <= cue.start and cue.end <= item.end])
                _set_apart(text, item, inside)
                numbers = list(self._quantities.find(text, item.start, item.end))
                found[at].append(
                    Criterion(
                        len(found[at]) + 1,
                        item.is_inclusion,
                        text[item.start : item.end],
                        item.start,
                        item.end,
                        name,
                        list(_constraints(text, item, inside, numbers, known)),
                    )
                )
        return found

    def rows(self, criteria: Sequence[Criterion]) -> Iterator[dict[str, object]]:
        """One row for each constraint, and one for a criterion without any, as the table `criteria` has them."""
        for criterion in criteria:
            for part, constraint in enumerate(criterion.constraints or [_NO_CONSTRAINT], 1):
                concept = self._concepts.get(constraint.concept_id) if constraint.concept_id else None
                is_empty = constraint is _NO_CONSTRAINT
                yield {
                    "position": criterion.position,
                    "part": part,
                    "is_inclusion": criterion.is_inclusion,
                    "text": criterion.text,
                    "start": criterion.start,
                    "end": criterion.end,
                    "entity": constraint.entity or None,
                    "entity_start": None if is_empty else constraint.entity_start,
                    "entity_end": None if is_empty else constraint.entity_end,
                    "concept_id": constraint.concept_id,
                    "concept_name": concept.name if concept else None,
                    "kind": None if is_empty else constraint.kind,
                    "comparator": constraint.comparator,
                    "low": constraint.low,
                    "high": constraint.high,
                    "unit": constraint.unit,
                    "unit_raw": constraint.unit_raw or None,
                    "time_value": constraint.time_value,
                    "time_unit": constraint.time_unit,
                    "is_negated": None if is_empty else constraint.is_negated,
                    "is_history": None if is_empty else constraint.is_history,
                    "method": None if is_empty else constraint.method,
                    "score": None if is_empty else constraint.score,
                    "matched": constraint.matched or None,
                    "field": criterion.field,
                }

    # ------------------------------------------------------------------------------------------------------- mentions
    def _mentions(self, texts: Sequence[str]) -> tuple[list[list[_Mention]], list[list[Said]]]:
        """What each text speaks of, in order and without overlaps, and the words by which it denies and excepts."""
        own, said = self._terms(texts)
        conditions = self._conditions.find(texts)
        drugs = self._drugs.link(texts, [None] * len(texts))
        found = []
        for at in range(len(texts)):
            linked = [_linked(link) for link in (*conditions[at], *drugs[at]) if link.concept_id]
            longest = _longest([*own[at], *_as_defined(texts[at], own[at], linked)])
            found.append(_joined_to_treatments(texts[at], longest))
        return found, said

    def _terms(self, texts: Sequence[str]) -> tuple[list[list[_Mention]], list[list[Said]]]:
        matches = self._matcher.find(texts)
        own: list[list[_Mention]] = [[] for _ in texts]
        said: list[list[Said]] = [[] for _ in texts]
        columns = (matches.text.tolist(), matches.start.tolist(), matches.end.tolist(), matches.name.tolist())
        for at, start, end, name in zip(*columns, strict=True):
            text = texts[at]
            if name >= len(NAMES):
                trigger = self._triggers[name - len(NAMES)]
                is_limit = trigger == "negated" and (COMPARES.match(text, end) or _OTHERWISE.match(text, end))
                if not (is_limit or _NOT_LIMITED.match(text, end) or text.endswith("limited to", start, end)):
                    said[at].append(Said(start, end, trigger))
                continue
            term = TERMS[name]
            if term.kind == "sex" and text.startswith("MEN", start) and _NEOPLASIA.match(text, end):
                continue
            own[at].append(
                _Mention(
                    start, end, term.kind, self._headings.get(term.heading), "table", 0.9, NAMES[name], term.unit,
                    term.name,
                )
            )  # fmt: skip
        return own, said


_NO_CONSTRAINT = Constraint("", 0, 0, None, "")


def _linked(link: Link) -> _Mention:
    return _Mention(
        link.start, link.end, link.kind, link.concept_id, link.method, link.score, link.matched, "",
        link.concept_id or "",
    )  # fmt: skip


def _assert(text: str, item: Item, mentions: list[_Mention], cues: list[Said]) -> None:
    """Say of each thing in a criterion whether it is absent, past, or what the criterion excepts.

    The nearest word that denies or excepts counts; two that deny one thing cancel each other ("must not have had no");
    what stands in brackets that are closed before a thing does not reach it, and a list goes on as it began.
    """
    taken = [(one.start, one.end) for one in mentions]
    cues = [cue for cue in cues if not any(low <= cue.start < high for low, high in _around(taken, cue.start))]
    starts = [cue.start for cue in cues]
    for at, one in enumerate(mentions):
        if one.kind == "sex":  # "non-pregnant women" are women
            continue
        place = bisect_left(starts, one.start)
        before = cues[max(0, place - _CUES) : place]
        negated, history, excepted = _said_of(text, one, before)
        if not (negated or excepted) and (first := _listed_with(text, mentions, at)) is not None:
            negated, history = first.is_negated, history or first.is_history
            excepted = first.is_exception and not _RELATIVE.search(text, first.end, one.start)
        if negated and one.kind == "condition" and _is_purpose(text, mentions, at):
            negated = False
        if _is_refused(text, one):
            negated = True
        if one.kind in MEASURED:  # "no pneumonia, age over 55" denies no age
            negated = bool(before) and before[-1].trigger == "negated" and one.start - before[-1].end < _NEAR
            history = excepted = False
        else:
            behind = next((cue for cue in cues[place : place + 1] if 0 <= cue.start - one.end <= REACH_BACK), None)
            if behind is not None and not _CLAUSE_ENDS.search(text, one.end, behind.start):
                history |= behind.trigger == "history before"
                is_kept_out = "exclu" in text[behind.start : behind.end].lower()
                negated |= behind.trigger == "negated before" and not (is_kept_out and item.is_inclusion is not None)
            if _TESTED_NEGATIVE.match(text, one.end) or _is_negative(text, one):
                negated = True
            told = _KEPT_OUT if item.is_inclusion else _LET_IN if item.is_inclusion is False else None
            found = told.search(text, one.end, min(item.end, one.end + 2 * REACH)) if told else None
            if found and _CLAUSE_ENDS.search(text, one.end, found.start()) is None:
                negated, excepted = (not negated, excepted) if item.is_inclusion else (negated, True)
        one.is_history, one.is_exception = history, excepted and not negated
        # an exception is neither asked for nor denied, whatever leads to its list
        one.is_negated = item.is_negated if one.is_exception else negated


def _without_label(text: str, item: Item, mentions: list[_Mention]) -> list[_Mention]:
    """The things of a criterion without the heading before it: "Radiotherapy: No prior radiotherapy" asks for none."""
    label = _LABELS.match(text, item.start, item.end)
    if label is None or all(one.kind in MEASURED or one.start < label.end() for one in mentions):
        return mentions
    return [one for one in mentions if one.start >= label.end()]


def _set_apart(text: str, item: Item, mentions: list[_Mention]) -> None:
    """Make an allergy of a drug or treatment that a criterion names only as what somebody must not be given."""
    allergy: _Mention | None = None
    for one in mentions:
        if one.kind == "allergy" and one.method == "table":
            allergy = one
        if one.kind not in _SPOKEN_OF or one.is_exception:
            continue
        before = _ALLERGIC.search(text, max(item.start, one.start - 160), one.start)
        if before is not None:
            group = next(name for name in ("between", "of", "verb") if before[name] is not None)
            is_other = _ANOTHER_MATTER.search(before[group])
            if is_other or _NEW_SENTENCE.search(text, before.start(group), one.start + 2):
                continue
            if allergy is not None and before.start() <= allergy.start:
                one.is_negated, one.is_history = allergy.is_negated, allergy.is_history
        elif not _IS_CONTRAINDICATED.match(text, one.end, item.end):
            continue
        one.kind = "allergy"


def _around(places: list[tuple[int, int]], place: int) -> list[tuple[int, int]]:
    """The last of some places that begins at another or before it."""
    at = bisect_right(places, place, key=lambda one: one[0])
    return places[max(0, at - 1) : at]


def _is_refused(text: str, one: _Mention) -> bool:
    return one.kind in _REFUSABLE and _REFUSED.search(text, max(0, one.start - 80), one.start) is not None


def _is_purpose(text: str, mentions: list[_Mention], at: int) -> bool:
    """Whether a disease is only what a treatment is for: who had no chemotherapy for a cancer may have that cancer."""
    before = mentions[at - 1] if at else None
    return (
        before is not None
        and before.kind in _SPOKEN_OF
        and before.is_negated
        and _PURPOSE.fullmatch(text, before.end, mentions[at].start) is not None
    )


def _is_negative(text: str, one: _Mention) -> bool:
    return one.kind in ("condition", "pregnancy") and bool(_NEGATIVE.search(text[max(0, one.start - 40) : one.start]))


def _said_of(text: str, one: _Mention, cues: list[Said]) -> tuple[bool, bool, bool]:
    """Whether the words before a thing deny it, call it past, or except it."""
    history = False
    decided: Said | None = None
    for cue in reversed(cues):
        if one.start - cue.end > 3 * REACH:
            break
        between = text[cue.end : one.start]
        is_glued = cue.end - cue.start == 3 and text[cue.start : cue.end].lower() == "non"
        if between.count(")") > between.count("(") or (is_glued and len(between) > 1):
            continue
        ends = _SENTENCE_ENDS if cue.trigger == "exception" else _CLAUSE_ENDS
        is_far = len(between) - _neutral(between) > REACH
        if is_far or cue.trigger == "end" or ends.search(between) or _ANEW.search(between):
            break
        if cue.trigger == "negated" and _AFRESH.search(text, cue.end, one.start + _HEAD):
            break
        if cue.trigger == "history":
            history = True
        elif decided is not None and cue.trigger in ("negated", "exception"):
            link = text[cue.end : decided.start]
            if cue.trigger == decided.trigger == "negated" and _TWICE.fullmatch(link) and not _AND.search(link):
                return False, history, False
            break
        elif cue.trigger == "negated" or (cue.trigger == "exception" and not _RELATIVE.search(_THOSE.sub("", between))):
            decided = cue
    what = decided.trigger if decided is not None else ""
    return what == "negated", history, what == "exception"


def _neutral(between: str) -> int:
    """Letters of "including, but not limited to", which put nothing between a word and what it denies."""
    found = _INCLUDING.search(between)
    return len(found[0]) if found else 0


def _listed_with(text: str, mentions: list[_Mention], at: int) -> _Mention | None:
    """What stands before a thing in the same list, outside brackets that are closed before it."""
    end = mentions[at].start
    for other in reversed(mentions[max(0, at - _LISTED) : at]):
        between = text[other.end : end]
        if len(between) > 2 * REACH or _AFRESH.search(text, other.end - 1, end + _HEAD):
            return None
        if other.kind in MEASURED or other.kind == "sex" or between.count(")") > between.count("("):
            continue
        plain = _IN_BRACKETS.sub("", between)
        goes_on = _LIST.fullmatch(plain) and _SEPARATES.search(plain) and not _BREAKS.search(plain)
        return other if goes_on and len(plain.split()) <= _BETWEEN and not _CLAUSE_ENDS.search(between) else None
    return None


def _as_defined(text: str, own: list[_Mention], linked: list[_Mention]) -> list[_Mention]:
    """Without abbreviations that the text itself makes of other things: "total body irradiation (TBI)" is no injury."""
    short = {word for one in linked if (word := text[one.start : one.end]).isupper() and len(word) <= _SHORT}
    if not short or "(" not in text:
        return linked
    others = {
        defined.short
        for defined in abbreviations(text)
        if defined.short in short
        and any(one.start < defined.end and one.end > defined.start for one in own)
        and not any(one.start < defined.end and one.end > defined.start for one in linked)
    }
    return [one for one in linked if text[one.start : one.end] not in others]


def _joined_to_treatments(text: str, mentions: list[_Mention]) -> list[_Mention]:
    """Each vaccination and operation with the disease in its name, which nobody is said to have; no samples."""
    kept: list[_Mention] = []
    for one in mentions:
        if (
            kept
            and kept[-1].kind == "condition"
            and one.name in _JOINED_TO
            and not (text[kept[-1].start].islower() and text[one.start].isupper())  # there a sentence begins
            and _JOINED_TO[one.name].fullmatch(text, kept[-1].end, one.start)
        ):
            one.start = kept.pop().start
        is_sample = one.kind == "condition" and text.startswith(("aspiration", "Aspiration"), one.start)
        if not (is_sample and _SAMPLES.search(text, max(0, one.start - 20), one.start)):
            kept.append(one)
    return kept


def _longest(mentions: list[_Mention]) -> list[_Mention]:
    """Of mentions that overlap the longest; at the same words, what is measured before what is linked."""
    mentions.sort(key=lambda one: (one.start - one.end, one.method != "table", one.start))
    taken: set[int] = set()
    kept = []
    for mention in mentions:
        if taken.isdisjoint((mention.start, mention.end - 1)):
            taken.update(range(mention.start, mention.end))
            kept.append(mention)
    kept.sort(key=lambda one: one.start)
    return kept


def _dealt(items: Sequence[Item], mentions: Sequence[_Mention]) -> Iterator[tuple[Item, list[_Mention]]]:
    """Each item with the mentions that stand in it; both are in order."""
    place = 0
    for item in items:
        while place < len(mentions) and mentions[place].start < item.start:
            place += 1
        first = place
        while place < len(mentions) and mentions[place].end <= item.end:
            place += 1
        yield item, list(mentions[first:place])


def _constraints(
    text: str, item: Item, mentions: list[_Mention], quantities: list[Quantity], all_mentions: Sequence[_Mention]
) -> Iterator[Constraint]:
    """What a criterion asks: its mentions with the numbers that belong to them, and numbers that belong to none."""
    borders = [item.start, *(match.start() for match in _CLAUSE.finditer(text, item.start, item.end)), item.end]
    lead = (
        [one for one in all_mentions if item.lead[0] <= one.start and one.end <= item.lead[1] and one.kind in MEASURED]
        if item.lead[1]
        else []
    )
    starts = [one.start for one in mentions]
    values: dict[int, list[Quantity]] = defaultdict(list)
    times: dict[int, Quantity] = {}
    found: list[Constraint] = []
    before: tuple[list[int], Quantity] | None = None
    for quantity in quantities:
        low = max(borders[bisect_right(borders, quantity.start) - 1], quantity.start - _REACH)
        ahead = bisect_left(borders, quantity.end)
        high = min(borders[ahead] if ahead < len(borders) else item.end, quantity.end + _REACH)
        inside = [at for at in range(bisect_left(starts, low), bisect_right(starts, high)) if mentions[at].end <= high]
        is_time = quantity.unit in TIMES
        is_age = is_time and _is_age(text, low, mentions, inside, quantity)
        if is_time and quantity.comparator in (None, "<", "<=") and _AGO.match(text, quantity.end):
            quantity.is_within = True
        owners = _owners(text, mentions, inside, quantity, is_time)
        if before and owners in ([], before[0]) and _is_restated(text, before[1], quantity):
            owners = before[0]
            if quantity.comparator is None and not quantity.is_lost:
                quantity.comparator, quantity.low, quantity.high = _as_before(before[1], quantity)
        if not owners and not is_time and quantity.is_told:
            owners = [
                at for at in inside if 0 <= quantity.start - mentions[at].end < 3 and mentions[at].kind == "condition"
            ]
        if owners:
            if not (quantity.is_told or quantity.is_lost or quantity.unit) and not any(
                (mentions[at].kind in SCORED or mentions[at].kind == "age")
                and 0 <= quantity.start - mentions[at].end < 25
                for at in inside
            ):
                continue
            for at in owners:
                values[at].append(quantity)
            before = (owners, quantity)
        elif is_age:
            found.append(_alone(text, quantity, "age", item))
        elif is_time and (nearest := _beside(mentions, inside, quantity)) is not None:
            for at in _together(text, mentions, nearest):
                times.setdefault(at, quantity)
        elif lead and (quantity.is_told or quantity.is_lost or quantity.unit or lead[-1].kind in SCORED):
            found.append(_constraint(text, lead[-1], quantity, None, item))
        elif quantity.is_told or quantity.is_lost:
            if _OF_A_LIST.match(text, quantity.end):
                continue
            kind = "time" if is_time else "age" if _is_bare_age(text, quantity, item) else "other"
            found.append(_alone(text, quantity, kind, item))
        elif is_time:
            found.append(_alone(text, quantity, "time", item))
    told = {mentions[at].name for at in values}
    for at, mention in enumerate(mentions):
        for value in values.get(at, []):
            found.append(_constraint(text, mention, value, None, item))
        is_empty = (
            mention.kind == "age" or mention.kind in SCORED or mention.name in told
        )  # "SGOT" of "AST (SGOT) < 30"
        if at in times or not is_empty:
            found.append(_constraint(text, mention, None, times.get(at), item))
    found.sort(key=lambda one: one.entity_start)
    yield from dict.fromkeys(_split_pressure(found))


def _owners(text: str, mentions: list[_Mention], inside: list[int], quantity: Quantity, is_time: bool) -> list[int]:
    """What a number was measured of: the nearest thing before it that such a number can be said of, else behind it."""

    def fits(at: int) -> bool:
        mention = mentions[at]
        if mention.kind not in MEASURED:
            return False
        if mention.kind == "age" and mention.end <= quantity.start:
            said = text[mention.end : quantity.start]
            if (is_time and _NO_AGE_BEFORE.search(said)) or _NUMBERED.search(said):
                return False
        takes_time = mention.unit in TIMES or mention.unit == "ms"
        if is_time or quantity.unit == "ms":
            return takes_time and not quantity.is_within
        if takes_time and quantity.unit not in (None, "{ULN}", "%"):
            return False
        if mention.kind in SCORED:
            return quantity.unit in (None, "{score}", "%") or (
                mention.name == "pain score" and quantity.unit in ("mm", "cm")
            )
        return True

    measured = [at for at in inside if mentions[at].kind in MEASURED]
    before = [
        at
        for at in measured
        if mentions[at].end <= quantity.start and quantity.start - mentions[at].end < _FAR and fits(at)
    ]
    within = [at for at in measured if quantity.start <= mentions[at].start < quantity.end and fits(at)]
    behind = [
        at
        for at in measured
        if mentions[at].start >= quantity.end and mentions[at].start - quantity.end < 24 and fits(at)
    ]
    if within and not (before and mentions[before[-1]].kind == mentions[within[-1]].kind):
        return within[-1:]
    if behind and mentions[behind[0]].kind == "age" and mentions[behind[0]].start - quantity.end < 3:
        return behind[:1]
    if before:
        chosen = before[-1:]
        for earlier in reversed(before[:-1]):
            gap = text[mentions[earlier].end : mentions[chosen[0]].start]
            is_alike = mentions[earlier].kind == mentions[chosen[0]].kind and (
                mentions[earlier].unit == mentions[chosen[0]].unit or quantity.unit == "{ULN}"
            )
            if not is_alike or len(gap) > 24 or not _COORDINATED.match(gap):
                break
            chosen.insert(0, earlier)
        return _distinct(mentions, chosen)
    if behind and re.fullmatch(r"\s*(?:of|for|in|on|by|the|[(])?\s*", text[quantity.end : mentions[behind[0]].start]):
        return behind[:1]
    return []


def _distinct(mentions: list[_Mention], chosen: list[int]) -> list[int]:
    """One mention of each thing: "AST (SGOT)" is one, and so is "performance status ECOG grade"."""
    names: dict[str, int] = {}
    for at in chosen:
        names.setdefault(mentions[at].name, at)
    if len(names) > 1 and mentions[chosen[-1]].kind in SCORED:
        names = {name: at for name, at in names.items() if name not in _GENERAL} or names
    return sorted(names.values())


def _is_restated(text: str, before: Quantity, quantity: Quantity) -> bool:
    """Whether a number says the same once more in another unit, or goes on about the same thing."""
    between = text[before.end : quantity.start]
    return (
        len(between) < 30
        and re.fullmatch(
            r"\s*[(\[,/]?\s*(?:or|and|=|i\.e\.,?|equivalent to|but|to|and/or)?\s*(?:is|are)?\s*[(\[]?\s*",
            between,
            re.IGNORECASE,
        )
        is not None
        and (quantity.unit in TIMES) == (before.unit in TIMES)
    )


def _as_before(before: Quantity, quantity: Quantity) -> tuple[Comparator | None, float | None, float | None]:
    value = quantity.low
    if before.comparator in (">", ">="):
        return before.comparator, value, None
    if before.comparator in ("<", "<="):
        return before.comparator, None, value
    return quantity.comparator, quantity.low, quantity.high


def _beside(mentions: list[_Mention], inside: list[int], quantity: Quantity) -> int | None:
    """What a period belongs to: the nearest thing before it, else behind it."""
    usable = [
        at
        for at in inside
        if mentions[at].kind not in (*MEASURED, "sex", "consent", "population") and not mentions[at].is_exception
    ]
    before = [at for at in usable if mentions[at].end <= quantity.start]
    behind = [at for at in usable if mentions[at].start >= quantity.end]
    return before[-1] if before else behind[0] if behind else None


def _together(text: str, mentions: list[_Mention], at: int) -> list[int]:
    """What is coordinated with a mention before it: "stroke or infarction within 6 months"."""
    chosen = [at]
    while at and len(gap := text[mentions[at - 1].end : mentions[at].start]) < 24 and _COORDINATED.match(gap):
        at -= 1
        chosen.append(at)
    return chosen


def _is_age(text: str, low: int, mentions: list[_Mention], inside: list[int], quantity: Quantity) -> bool:
    """Whether a period is an age although nothing calls it so."""
    if quantity.is_within or quantity.unit not in ("a", "mo", "wk", "d"):
        return False
    said = text[quantity.start : quantity.end]
    if _AGE_BEHIND.match(text, quantity.end) or re.search(r"\b(?:older|younger|old|of age)\b", said, re.IGNORECASE):
        return True
    if quantity.unit != "a":
        return False
    before = text[max(low, quantity.start - 40) : quantity.start]
    if _NO_AGE_BEFORE.search(before) or _NO_AGE_BEHIND.match(text, quantity.end):
        return False
    if _AGE_SAID.search(before):
        return True
    others = [
        at
        for at in inside
        if mentions[at].end <= quantity.start and mentions[at].kind not in ("sex", "population", "treatment")
    ]
    return not others and (quantity.is_told or quantity.is_lost) and max(quantity.low or 0, quantity.high or 0) >= 12


def _is_bare_age(text: str, quantity: Quantity, item: Item) -> bool:
    """Whether a number without a unit is an age: "adults over 18"."""
    if quantity.unit is not None or not 12 <= max(quantity.low or 0, quantity.high or 0) <= 110:
        return False
    return bool(_PEOPLE.search(text[max(item.start, quantity.start - 30) : quantity.end]))


def _constraint(
    text: str, mention: _Mention, quantity: Quantity | None, time: Quantity | None, item: Item
) -> Constraint:
    comparator: Comparator | None = None
    low = high = None
    unit: str | None = None
    raw = ""
    if quantity is not None:
        comparator, low, high, unit, raw = (
            quantity.comparator,
            quantity.low,
            quantity.high,
            quantity.unit,
            quantity.unit_raw,
        )
        if unit is None and mention.kind in ("age", "score", "performance status"):
            unit = mention.unit or None
        if unit == "deg" and mention.unit == "Cel" and 30 <= (low if low is not None else high or 0) <= 45:
            unit = "Cel"  # "38 degrees": the scale goes without saying
        if quantity.is_lost or comparator is None:
            comparator = "=" if mention.kind in SCORED and not quantity.is_lost else None
            if comparator and mention.end <= quantity.start:
                comparator, low, high = _by_sign_before(text, item, mention, low, high)
    elif time is not None:
        comparator = "<=" if time.is_within else time.comparator
    return Constraint(
        text[mention.start : mention.end],
        mention.start,
        mention.end,
        mention.concept_id,
        "exception" if mention.is_exception else mention.kind,
        comparator,
        low,
        high,
        unit,
        raw,
        _length(time),
        time.unit if time else None,
        mention.is_negated != item.is_negated,
        mention.is_history or item.is_history,
        mention.method,
        mention.score if quantity is None or quantity.is_told else round(mention.score * 0.8, 3),
        mention.matched,
    )


def _by_sign_before(
    text: str, item: Item, mention: _Mention, low: float | None, high: float | None
) -> tuple[Comparator, float | None, float | None]:
    """A grade or score with the sign that stands in front of its name; without one it is that score itself."""
    before = text[max(item.start, mention.start - 30) : mention.start]
    for sign, said in _SIGN_BEFORE:
        if said.search(before):
            return (sign, low, None) if sign.startswith(">") else (sign, None, high)
    return "=", low, high


def _length(time: Quantity | None) -> float | None:
    if time is None:
        return None
    return time.high if time.high is not None else time.low


def _alone(text: str, quantity: Quantity, kind: str, item: Item) -> Constraint:
    """A limit that nothing known stands beside; the words before it, or behind it, say what it is about."""
    start = end = quantity.start
    if kind == "other":
        if quantity.unit in ("kg/m2", "mL/min/{1.73_m2}", "mL/min"):
            kind = "measurement"
        start, end = _words_beside(text, quantity, item)
    if kind == "time":
        return Constraint(
            "", start, end, None, kind, "<=" if quantity.is_within else quantity.comparator,
            time_value=_length(quantity), time_unit=quantity.unit, is_negated=item.is_negated,
            is_history=item.is_history, method="number", score=0.5,
        )  # fmt: skip
    return Constraint(
        text[start:end], start, end, None, kind, quantity.comparator, quantity.low, quantity.high, quantity.unit,
        quantity.unit_raw, None, None, item.is_negated, item.is_history, "number", 0.8 if kind == "age" else 0.5,
    )  # fmt: skip


def _words_beside(text: str, quantity: Quantity, item: Item) -> tuple[int, int]:
    """Where the words stand that say what a limit is about: before it, else behind it."""
    low = max(item.start, quantity.start - 60)
    words = [(low + word.start(), low + word.end()) for word in _WORD.finditer(text[low : quantity.start])]
    kept: list[tuple[int, int]] = []
    for start, end in reversed(words):
        border = kept[0][0] if kept else quantity.start
        is_plain = text[start:end].lower() in _PLAIN
        if (is_plain and kept) or len(kept) == 5 or not _GAP.fullmatch(text, end, border):
            break
        if not is_plain:
            kept.insert(0, (start, end))
    if kept:
        return kept[0][0], kept[-1][1]
    found = _WORDS_BEHIND.match(text, quantity.end, item.end)
    if found and found["words"].split()[0].lower() not in _PLAIN:
        return found.span("words")
    return quantity.start, quantity.start


def _split_pressure(found: list[Constraint]) -> Iterator[Constraint]:
    """A blood pressure of 140/90 is two limits: the systolic and the diastolic one."""
    for constraint in found:
        if constraint.unit_raw == "/" or (
            constraint.comparator != "between"
            and constraint.low
            and constraint.high
            and constraint.low != constraint.high
        ):
            for value in (constraint.low, constraint.high):
                is_upper = constraint.comparator in ("<", "<=")
                yield msgspec.structs.replace(
                    constraint,
                    low=None if is_upper else value,
                    high=value if is_upper or constraint.comparator in ("=", None) else None,
                    unit=constraint.unit or "mm[Hg]",
                    unit_raw=constraint.unit_raw.strip("/"),
                )
        else:
            yield constraint
