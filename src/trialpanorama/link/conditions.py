"""Conditions: what a registry or a text calls a disease, symptom or health problem, and the concept that it means.

A condition name goes through a cascade, and the first step that answers wins: the vocabulary's own name; the same
words in another order or with words that mean the same ("renal" and "kidney", "cancer" and "neoplasm"); without words
that do not change which disease it is ("stage III", "recurrent"); its parts, where every word that is left over is
harmless; its misspelt words put right. A part of a name is linked only if nothing beside it makes it a narrower
disease: "pulmonary arterial hypertension" is not hypertension. Whole texts are searched for all names at once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import nlargest
from itertools import combinations
from math import fsum, log

import msgspec

from trialpanorama.link._condition_words import (
    ARTICLES,
    BREAKS,
    COURSE,
    ENDINGS,
    GENERIC,
    ITSELF,
    KEPT,
    KINDS,
    MARKERS,
    MEANT,
    NOISE,
    RECEPTORS,
    SAME,
    SURGERY,
    SYSTEMS,
    TIES,
    TOO_BROAD,
    TREATMENTS,
    TRIED,
    TUMORS,
    UNLINKED_KINDS,
    WEAK,
    WHEN,
    WHO,
)
from trialpanorama.link._context import TRIGGERS, Said, abbreviations, is_short_for, said_before, said_behind
from trialpanorama.link._links import Candidate, Link
from trialpanorama.link._matching import Matcher
from trialpanorama.link._names import (
    COMMON_WORDS,
    JOINING,
    is_unsafe,
    key_of_words,
    needs_capitals,
    normalise,
    slip_between,
    sounds,
    spellings,
    tokens,
    variants,
    words,
)
from trialpanorama.ontologies import Concept, Concepts

NAMING = ("preferred", "exact", "abbreviation")
"""The kinds of names that mean the concept itself, the likeliest first."""
REMEMBERED = 200_000
"""Answers that are kept, since the same names come again and again."""
NOT_ITS_OWN = 50
"""Added to the rank of a name that no vocabulary has as such."""
LONG_TEXT = 300
"""Code points from which a text is prose to be searched, and no longer the name of a condition."""


_VOLUNTEERS = re.compile(
    r"\bhealthy (?:\w+ ){0,2}(?:volunteer|subject|participant|people|person|individual|control|donor)\b"
)
VOCABULARIES = {"MESH": 0, "MONDO": 1, "DOID": 2}

_HARD = re.compile(
    r"(?<!#\d\d)(?<!&amp)(?<!&quot)(?<!&[lg]t);(?![^()]*\))|[\n\r•|]+|<br\s*/?>|_x000d_"
    r"|(?:^|(?<=\s))\(?\d{1,2}[.)]\s|(?:^|\s)[#*]+\s?",
    re.IGNORECASE,
)
_DASH = re.compile(r"\s[-–—/]\s")
_CODE = re.compile(
    r"\bHealth Condition \d+:|\bnull-|(?<![\w-])[A-TV-Z]\d{3}-"
    r"|\bICD[- ]?(?:9|10|11|O)?(?:[- ]?(?:CM|GM))?(?:\s+code)?(?:\s+of)?\s*[:#]?\s*"
    r"|\b(?:MedDRA|SNOMED|MeSH)\s+version:?\s*[\d.]+|\bLevel:?\s*\w+|\bClassification code:?\s*\d+|\bTerm:\s*"
    r"|\bSystem Organ Class:?\s*[\d -]+.*$|\bTherapeutic area:.*$"
    r"|(?<![\w-])[A-TV-Z]\d\d(?:\.\d{1,2})?(?:[-–][A-Z]?\d\d(?:\.\d)?)?(?![\w-])\s*[-:–]?"
    r"|\bU07\.[12]\b\s*[-:–]?|\b10\d{6}\b",
    re.IGNORECASE,
)
_CODED = re.compile(r"[0-9:]|(?i:ICD|null-)")
_MESH_TREE = re.compile(r"THERAPEUTIC AREA:.*$")
_ICD = re.compile(r"(?<![A-Z0-9])[A-Z]\d\d(?:\.\d{1,2})?(?![0-9])")
_STAGE = re.compile(r"(?:\d[a-e]?\d?|i{1,3}[a-e]?\d?|iv[a-e]?\d?|v|[a-e]\d?|t\d[a-d]?|n\d[a-d]?|m\d|x)$")
_TNM = re.compile(r"(?:t\d[a-d]?|n\d[a-d]?|m\d[a-c]?|ajcc|figo|tnm|v\d|uicc|ecog|nyha|asa)$")
_DEFINED = re.compile(r" ?[(\[]([A-Z][A-Za-z0-9-]{1,9})[)\]]")
_EXPLAINING = ("(", "[", "with", "by", "caused", "due", "including", "secondary", "from", "of", "to", "for")
_MARK = re.compile(r"[,;:/()\[\]]")
_ASIDE = re.compile(r"\([^()]*\)")
_PREPOSITIONS = frozenset(("and", "or", "with", "in", "of", "to", "for", "by", "at", "on", "from", "the", "a", "an"))
_CAUSED = re.compile(r"(?:disease|disorder|syndrome|pathy|injury|toxicity|itis|osis)$")
"""What has a cause of its own ("drug-induced hepatitis") is another disease; a symptom stays what it is."""
KINDS_ALONE = ("procedure", "behaviour", "population", "other")
"""Kinds of things, other than diseases, that a name may be about together with words that leave it what it is."""
_OPENED = re.compile(r"[(\[]")
_CLOSED = {"(": ")", "[": "]"}
_MEANT_ENDING = re.compile(r"(?:itis|osis|emia|uria|oma|pathy|algia|ectomy|plasty|otomy|penia|cytosis|plegia|paresis)$")
_ABSTRACT = re.compile(r"(?:ion|ity|y|al|ic|ism|ment|ness|ance|ence|th|er|or|ing)$")
_ADJECTIVE = re.compile(r"(?:al|ic|ous|ar|ive|ary|oid|ent|ant|eal|ose|ile|ing|type|form)$")


class _Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a name means."""

    concept_id: str
    name: str
    """As the vocabulary writes it."""
    kind: str
    rank: int
    """Which of several that have the same name is meant: the smallest."""


class _Answer(msgspec.Struct, frozen=True, gc=False):
    entry: _Entry
    method: str
    score: float


@lru_cache(maxsize=1 << 16)
def _folded(part: str) -> str:
    """A word, or the one that stands for all that mean the same inside a name."""
    return SAME.get(part) or (SAME.get(part[:-2], part[:-2]) if part.endswith("ical") else part)


def _key_same(parts: Sequence[str]) -> str:
    """The words with those that mean the same folded, whatever their order."""
    return key_of_words(map(_folded, parts))


class _Postings:
    """In which names each word occurs."""

    MANY = 250
    """Names beyond which a word tells too little to look through them all."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted(key for key in keys if key)
        self._names: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(self._keys):
            for part in set(key.split()):
                self._names[part].append(number)
        self._weight = {part: log((len(self._keys) + 1) / len(names)) for part, names in self._names.items()}
        # the exact sum, since a set has its words in another order in each process
        self._whole = [fsum(self._weight[part] for part in set(key.split())) for key in self._keys]

    def nearest(self, parts: Sequence[str]) -> list[tuple[float, str]]:
        """Up to six names that share rare words with these, the likest first, with their likeness."""
        weight, unknown = self._weight, log(len(self._keys) + 1)
        distinct = set(parts)
        known = sorted((part for part in distinct if part in weight), key=lambda part: (-weight[part], part))
        whole = fsum(weight.get(part, unknown) for part in distinct)
        shares: dict[int, float] = {}
        for part in known[:4]:
            names, more = self._names[part], weight[part]
            if shares and len(names) > self.MANY:
                break
            for number in names[: 4 * self.MANY]:
                shares[number] = shares.get(number, 0.0) + more
        of_name = self._whole
        scored = [(2 * share / (whole + of_name[number]), -number) for number, share in shares.items()]
        return [(round(score, 3), self._keys[-number]) for score, number in nlargest(6, scored) if score > 0.2]


class _Lexicon(msgspec.Struct, frozen=True):
    """What the names of the vocabularies mean, as it is kept between processes."""

    entries: list[_Entry]
    exact: dict[str, int]
    """The entry that a normalised name means."""
    sorted: dict[str, int]
    """The same, whatever the order of the words."""
    same: dict[str, int]
    """The same, with the words that mean the same folded."""
    joined: dict[str, int]
    """The same, of longer names without their spaces."""
    ambiguous: dict[str, list[int]]
    """All that an abbreviation means."""
    vocabulary: dict[str, int]
    """How many names each word is in."""
    of_drugs: set[str]
    """The words of drugs' names."""
    spelt: dict[str, str]
    """The words of each name, by what it is in small letters."""
    sizes: dict[str, int]
    """Of each folded word, the numbers of words of the names that it is in: bit 3 for names of three."""
    named: dict[str, str]
    """The name of each concept."""
    anatomy: set[str]
    """The words of parts of the body."""
    drugs: set[str]
    """Drugs of one word."""
    preferred: dict[str, str]
    """The concept that each condition's is linked to."""
    codes: dict[str, str]
    """The concept that each code of ICD-10 means, "" where it means several."""


class _Surfaces(msgspec.Struct, frozen=True):
    """The names that running text is searched for, as they are kept between processes."""

    names: list[str]
    meanings: list[int]
    """The entry that each name means."""
    entries: list[_Entry]


def _meanings(lexicon: _Lexicon, index: dict[str, int]) -> dict[str, _Entry]:
    entries = lexicon.entries
    return {key: entries[number] for key, number in index.items()}


class _Reader:
    """Makes a lexicon of the concepts' names."""

    def __init__(self, concepts: Concepts) -> None:
        self._concepts = concepts
        self._exact: dict[str, _Entry] = {}
        self._sorted: dict[str, _Entry] = {}
        self._same: dict[str, _Entry] = {}
        self._joined: dict[str, _Entry] = {}
        self._ambiguous: dict[str, list[_Entry]] = defaultdict(list)
        self._vocabulary: dict[str, int] = defaultdict(int)
        self._of_drugs: set[str] = set()
        self._spelt: dict[str, str] = {}
        self._sizes: dict[str, int] = defaultdict(int)
        self._named: dict[str, str] = {}
        self._anatomy: set[str] = set()
        self._drugs: set[str] = set()
        self._preferred: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._read()

    def lexicon(self) -> _Lexicon:
        numbers: dict[_Entry, int] = {}

        def numbered(index: dict[str, _Entry]) -> dict[str, int]:
            return {key: numbers.setdefault(entry, len(numbers)) for key, entry in index.items()}

        exact, by_order, same, joined = map(numbered, (self._exact, self._sorted, self._same, self._joined))
        ambiguous = {
            key: [numbers.setdefault(entry, len(numbers)) for entry in entries]
            for key, entries in self._ambiguous.items()
        }
        return _Lexicon(
            [*numbers], exact, by_order, same, joined, ambiguous, self._vocabulary, self._of_drugs, self._spelt,
            self._sizes, self._named, self._anatomy, self._drugs, self._preferred, self._codes,
        )  # fmt: skip

    def _read(self) -> None:
        for concept in self._concepts.all():
            vocabulary = VOCABULARIES.get(concept.id.partition(":")[0])
            if concept.is_obsolete:
                continue
            if vocabulary is None or (concept.kind != "condition" and vocabulary):
                if concept.kind == "drug":
                    preferred = self._concepts.preferred(concept.id, "drug")
                    self._of_drugs.update(words(concept.name))
                    _put(self._exact, normalise(concept.name), _Entry(preferred, concept.name, "drug", 200))
                continue
            kind = _kind(concept)
            if kind == "anatomy":
                self._anatomy.update(words(concept.name))
            elif kind == "drug" and " " not in concept.name:
                self._drugs.add(normalise(concept.name))
            self._named[concept.id] = concept.name
            self._add(concept, kind, vocabulary)
            for reference in concept.cross_references:
                prefix, _, code = reference.partition(":")
                if prefix in ("ICD10CM", "ICD10", "ICD10WHO"):
                    preferred = self._concepts.preferred(concept.id, "condition")
                    # a code that several concepts share is a class of diseases, and says none of them
                    self._codes[code] = preferred if self._codes.get(code, preferred) == preferred else ""

    def _add(self, concept: Concept, kind: str, vocabulary: int) -> None:
        id = concept.id
        if kind == "condition":
            id = self._preferred.setdefault(id, self._concepts.preferred(id, "condition"))
        for name in concept.names:
            if name.kind not in NAMING:
                continue
            rank = (kind != "condition") * 100 + vocabulary * 10 + NAMING.index(name.kind)
            entry = _Entry(id, name.text, kind, rank)
            parts = words(name.text)
            if not parts:
                continue
            key = " ".join(parts)
            if MEANT.get(key, id) != id and MEANT[key] in self._concepts:
                continue
            for part in parts:
                self._vocabulary[part] += 1
            self._spelt[name.text.lower()] = key
            same = _key_same(parts).split()
            for part in same:
                self._sizes[part] |= 1 << len(same)
            _put(self._exact, key, entry)
            _put(self._sorted, key_of_words(parts), entry)
            if kind == "condition" or (kind in ("procedure", "population", "behaviour") and "pathology" not in parts):
                _put(self._same, " ".join(same), entry)
            if len(key) > 7:
                _put(self._joined, key.replace(" ", ""), entry)
            if kind == "condition" and name.text.isupper() and len(name.text) <= 5:
                self._ambiguous[key].append(entry)


class ConditionLinker:
    """Links the conditions of records, and those that texts speak of, to MeSH, MONDO and the Disease Ontology."""

    def __init__(self, concepts: Concepts) -> None:
        self._concepts = concepts
        lexicon = concepts.kept("conditions", _Lexicon, lambda: _Reader(concepts).lexicon())
        self._exact = _meanings(lexicon, lexicon.exact)
        self._sorted = _meanings(lexicon, lexicon.sorted)
        self._same = _meanings(lexicon, lexicon.same)
        self._joined = _meanings(lexicon, lexicon.joined)
        self._ambiguous = {key: [lexicon.entries[number] for number in of] for key, of in lexicon.ambiguous.items()}
        self._vocabulary = lexicon.vocabulary
        self._spelt = lexicon.spelt
        self._in_names = {*self._vocabulary, *lexicon.of_drugs}
        self._sizes = lexicon.sizes
        self._named = lexicon.named
        self._anatomy = lexicon.anatomy
        self._drugs = lexicon.drugs
        self._preferred = lexicon.preferred
        self._codes = lexicon.codes
        self._answers: dict[str, _Answer | None] = {}
        self._linked: dict[tuple[str, str], list[Link]] = {}
        self._broader: dict[str, frozenset[str]] = {}
        self._matcher: Matcher | None = None
        self._spelling: dict[str, dict[int, list[str]]] | None = None
        self._respelt: dict[str, tuple[str, float]] = {}
        self._postings: _Postings | None = None

    # ------------------------------------------------------------------------------------------------- one whole name
    def _lookup(self, parts: Sequence[str]) -> _Answer | None:
        """What exactly these words mean."""
        key = " ".join(parts)
        if key not in self._answers:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            self._answers[key] = self._looked_up(key, parts)
        return self._answers[key]

    def _looked_up(self, key: str, parts: Sequence[str]) -> _Answer | None:
        if entry := self._exact.get(key):
            return _Answer(entry, "exact", 1.0)
        if "positive" in parts and "negative" in parts:
            return None  # in another order each may be of the other
        if self._may_be_a_name(parts):
            if entry := self._sorted.get(key_of_words(parts)):
                return _Answer(entry, "reordered", 0.97)
            if entry := self._same.get(_key_same(parts)):
                return _Answer(entry, "variant", 0.94)
        if len(key) > 7 and (entry := self._joined.get(key.replace(" ", ""))):
            return _Answer(entry, "variant", 0.94)
        return None

    def _may_be_a_name(self, parts: Sequence[str]) -> bool:
        """Whether there is a number of words that names with each of these words have, and these are as many."""
        sizes, common, count = self._sizes, -1, 0
        for part in parts:
            if part not in JOINING:
                count += 1
                common &= sizes.get(_folded(part), 0)
                if not common:
                    return False
        return bool(common >> count & 1)

    def _resolve(self, parts: Sequence[str], is_loose: bool = True) -> _Answer | None:
        """What these words mean as a whole, and what they mean without those that do not change it."""
        if answer := self._known(parts):
            return answer
        if answer := self._rewritten(parts):
            return answer
        if not is_loose:
            return None
        removable = [index for index, part in enumerate(parts) if _is_modifier(parts, index)]
        removable = removable[:7]
        others: list[set[int]] = []
        """The words without which the rest is the name of something that may not be meant, nor anything shorter."""
        for size in range(1, len(removable) + 1):
            best: tuple[float, _Answer] | None = None
            for chosen in combinations(removable, size):
                rest = [part for index, part in enumerate(parts) if index not in chosen]
                while rest and rest[-1] in _PREPOSITIONS:
                    rest.pop()
                while rest and rest[0] in _PREPOSITIONS:
                    rest.pop(0)
                if not rest or any(other.issubset(chosen) for other in others):
                    continue
                if (answer := self._known(rest) or self._rewritten(rest)) is None:
                    continue
                is_operation = (
                    answer.entry.kind in KINDS_ALONE
                    and all(parts[i] in ROUND_ABOUT and parts[i] not in MARKERS for i in chosen)
                    and not all(part in ROUND_ABOUT for part in rest)
                    and not (answer.entry.kind == "other" and any(parts[i] in WHO for i in chosen))  # "moon children"
                )
                if answer.entry.kind != "condition" and not is_operation:
                    others.append(set(chosen))  # "extremely low birth weight" is no birth weight
                    continue
                if " ".join(rest) in TOO_BROAD or (not is_operation and any(parts[i] in SURGERY for i in chosen)):
                    continue
                if _is_generic(rest) and any(parts[i] == "metastatic" or parts[i] in WHEN for i in chosen):
                    continue
                weak = sum(parts[index] in WEAK for index in chosen)
                score = 0.92 - 0.02 * (size - 1) - 0.06 * weak
                if best is None or score > best[0]:
                    best = (score, answer)
            if best:
                return _Answer(best[1].entry, "stripped", round(max(best[0], 0.6), 3))
        return None

    def _known(self, parts: Sequence[str]) -> _Answer | None:
        answer = self._lookup(parts)
        if answer and answer.entry.kind == "organism":
            # a register that names a germ as the condition means the disease that it causes
            for ending in ("infection", "disease"):
                infection = self._lookup([*parts, ending])
                if infection and infection.entry.kind == "condition" and not self._is_of_animals(infection.entry):
                    return _Answer(infection.entry, "variant", 0.9)
        return answer

    def _is_of_animals(self, entry: _Entry) -> bool:
        """Whether a disease is one of animals alone, which a dog or a horse in a trial does not stand for."""
        concept = self._concepts.get(entry.concept_id)
        trees = concept.attributes.get("tree_numbers", "").split(";") if concept else [""]
        return all(tree.startswith("C22") for tree in trees)

    def _rewritten(self, parts: Sequence[str]) -> _Answer | None:
        """The same with another ending: "Crohn" is "Crohn disease", "asthma disorder" is asthma."""
        if len(parts) > 1 and parts[-1] in ENDINGS:
            before = parts[:-1]
            if all(map(_is_role, before)):
                return None  # "adult disease" is not the ADULT syndrome
            for other in ENDINGS[:3] if parts[-1] in ENDINGS[:3] else ():
                if (
                    other != parts[-1]
                    and (answer := self._lookup([*before, other]))
                    and answer.entry.kind == "condition"
                ):
                    return _Answer(answer.entry, "variant", 0.9)
            if (answer := self._lookup(before)) and answer.entry.kind == "condition":
                return _Answer(answer.entry, "variant", 0.9)
        elif len(parts) > 1 or (parts and self._may_be_a_stem(parts[0])):
            stem = " ".join(parts)
            for ending in ENDINGS[:3]:
                entry = self._exact.get(f"{stem} {ending}")
                if entry and entry.kind == "condition" and not self._is_of_animals(entry):
                    return _Answer(entry, "variant", 0.88)
        if len(parts) > 1 and parts[-1].isdigit() and (answer := self._lookup([*parts[:-1], "type", parts[-1]])):
            return _Answer(answer.entry, "variant", 0.92)
        if len(parts) > 2 and parts[-1].isdigit() and (answer := self._lookup([*parts[:-2], parts[-1]])):
            return _Answer(answer.entry, "variant", 0.92)
        for index, part in enumerate(parts):
            if part in ("carcinoma", "cancer") and len(parts) > 1:
                swapped = [*parts[:index], "neoplasm" if part == "carcinoma" else "carcinoma", *parts[index + 1 :]]
                if (answer := self._lookup(swapped)) and answer.entry.kind == "condition":
                    return _Answer(answer.entry, "variant", 0.86)
        if "nonhodgkin" in parts and len(parts) > 3 and "lymphoma" in parts:
            rest = [part for part in parts if part != "nonhodgkin"]
            if answer := self._known(rest):
                return _Answer(answer.entry, "variant", 0.88)
        if "malignant" in parts and len(parts) > 2 and any(SAME.get(part) == "neoplasm" for part in parts):
            return self._lookup([part for part in parts if part != "malignant"])
        if len(parts) == 2 and parts[0] in SYSTEMS:
            return self._lookup([parts[0], "system", parts[1]])
        return None

    def _may_be_a_stem(self, part: str) -> bool:
        """Whether one word may stand for a disease that is named after it: "Crohn", but not "young" or "Kaposi"."""
        if _ABSTRACT.search(part) or part in self._anatomy or part in COMMON_WORDS | WHO | COURSE:
            return False
        meant = {self._exact[name].concept_id for tumor in sorted(TUMORS) if (name := f"{part} {tumor}") in self._exact}
        own = {self._exact[name].concept_id for ending in ENDINGS[:3] if (name := f"{part} {ending}") in self._exact}
        return meant <= own

    # ------------------------------------------------------------------------------------------------------ the texts
    def link(self, texts: Sequence[str], contexts: Sequence[str] | None = None) -> list[list[Link]]:
        """The conditions that each text names; a name for which nothing was found gives one Link without a concept.

        Texts are names of conditions; longer ones than LONG_TEXT are read as running text, which `find` is for.
        `contexts`: beside each text the other words of its record, such as its titles, which may define abbreviations.
        """
        found: list[list[Link]] = [[] for _ in texts]
        long = [index for index, text in enumerate(texts) if len(text) > LONG_TEXT]
        for index, links in zip(long, self.find([texts[index] for index in long]), strict=True):
            found[index] = links
        for index, text in enumerate(texts):
            if len(text) > LONG_TEXT or not text.strip():
                continue
            context = contexts[index] if contexts is not None and _SHOUTED.search(text) else ""
            key = (text, context)
            if key not in self._linked:
                if len(self._linked) >= REMEMBERED:
                    self._linked.clear()
                self._linked[key] = (None if context else self._as_written(text)) or self._name(text, context)
            found[index] = list(self._linked[key])
        return found

    # ---------------------------------------------------------------------------------------------- a condition's name
    def _as_written(self, text: str) -> list[Link] | None:
        """The link of a text that is a vocabulary's name letter by letter, as most are: nothing need be taken apart."""
        name = self._spelt.get(text.lower())
        if name is None or "healthy" in name or _CODED.search(text):
            return None
        parts = name.split()
        answer = self._known(parts)
        if answer is None or self._is_doubtful(answer, parts, text):
            return None
        return [self._link(text, 0, len(text), answer)]

    def _name(self, text: str, context: str) -> list[Link]:
        plain = _CODE.sub(lambda match: " " * len(match[0]), text) if _CODED.search(text) else text
        whole = tokens(plain)
        parts = [token[0] for token in whole]
        if plain != text and (entry := self._exact.get(normalise(text))) and entry.kind == "condition":
            return [self._link(text, 0, len(text), _Answer(entry, "exact", 1.0))]  # a name with a code in it
        if "healthy" in parts and (link := self._healthy(text, parts)):
            return [link]
        links: list[Link] = []
        if whole:
            defined = self._defined(context, text) if context else {}
            answer = self._abbreviated(text[whole[0][1] : whole[-1][2]], defined, context)
            if answer is None and (answer := self._known(parts)) and self._is_doubtful(answer, parts, text):
                answer = None
            if answer:
                return [self._link(text, whole[0][1], whole[-1][2], answer)]
            pieces = list(_pieces(_HARD, plain, 0, len(plain)))
            if len(pieces) == 1:
                links = self._understood(text, plain, *pieces[0], whole, defined, context)
            else:
                links = self._all_of(text, plain, pieces, defined, context)
        if not links and (answer := self._coded(text)):
            links = [self._link(text, 0, len(text), answer)]
        if links:
            return self._without_broader(text, _apart(links))
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        return [
            Link(
                start=start, end=end, text=text[start:end], concept_id=None, method="none", score=0.0,
                candidates=self._nearest(parts), kind=_kind_of_words(parts),
            )
        ]  # fmt: skip

    def _all_of(
        self, text: str, plain: str, pieces: Sequence[tuple[int, int]], defined: dict[str, _Answer], context: str
    ) -> list[Link]:
        """The links of all pieces; where one was not understood, of the others those that can do without it."""
        found = [self._piece(text, plain, start, end, defined, context) for start, end in pieces]
        if all(found):
            return [link for links in found for link in links]
        return [link for links in found for link in links if self._stands_alone(link)]

    def _stands_alone(self, link: Link) -> bool:
        """Whether a piece says something although others beside it were not understood."""
        return link.kind == "condition" and not _is_generic(words(link.text))

    def _without_broader(self, text: str, links: list[Link]) -> list[Link]:
        """Each concept once, and none that says broadly what a parenthesis says exactly: "lung disease (COPD)"."""
        kept: list[Link] = []
        for link, following in zip(links, [*links[1:], None], strict=True):
            if any(link.concept_id == earlier.concept_id for earlier in kept):
                continue
            is_explained = following is not None and text[link.end : following.start].strip(" -:") in ("(", "")
            if is_explained and following and link.concept_id in self._above(following.concept_id or ""):
                continue
            kept.append(link)
        return kept

    def _above(self, id: str) -> frozenset[str]:
        """All broader concepts, in whichever vocabulary says so."""
        if id not in self._broader:
            same = self._concepts.equivalents(id) | {id}
            above = {ancestor for one in same for ancestor, _ in self._concepts.ancestors(one)} - same
            preferred = {self._preferred.get(one) or self._concepts.preferred(one, "condition") for one in above}
            self._broader[id] = frozenset(preferred - {id})
        return self._broader[id]

    def _piece(
        self, text: str, plain: str, start: int, end: int, defined: dict[str, _Answer], context: str
    ) -> list[Link]:
        """The links of one piece of a name; none if it is not understood."""
        toks = [(part, low + start, high + start) for part, low, high in tokens(plain[start:end])]
        return self._understood(text, plain, start, end, toks, defined, context) if toks else []

    def _understood(
        self,
        text: str,
        plain: str,
        start: int,
        end: int,
        toks: list[tuple[str, int, int]],
        defined: dict[str, _Answer],
        context: str,
    ) -> list[Link]:
        parts = [token[0] for token in toks]
        low, high = toks[0][1], toks[-1][2]
        if answer := self._abbreviated(text[low:high], defined, context):
            return [self._link(text, low, high, answer)]
        outer, inner = _around_parentheses(plain, toks)
        if inner and outer:
            answer = self._resolve([token[0] for token in outer])
            if answer and not self._is_doubtful(answer, [token[0] for token in outer], text[low:high]):
                within = [token[0] for token in inner]
                written = text[inner[0][1] : inner[-1][2]]
                other = None if is_short_for(written, text[low : inner[0][1]]) else self._resolve(within)
                if other and other.method == "exact" and outer[-1][0] in ENDINGS and other.entry.kind == "condition":
                    return [self._link(text, inner[0][1], inner[-1][2], other)]  # "coronavirus infection (COVID-19)"
                agrees = other is None or other.entry.concept_id == answer.entry.concept_id
                is_short = bool(_SHORTENED.match(written))
                harmless = all(_is_harmless(within, index) for index in range(len(within)))
                if agrees and (other or is_short or harmless or not _is_generic([token[0] for token in outer])):
                    return [self._link(text, low, high, answer)]
        if inner and outer and outer[-1][1] > inner[0][1]:  # what stands around it is one phrase
            around = self._covered(text, plain, outer, defined)
            aside = self._covered(text, plain, inner, defined)
            if around or aside:
                return _apart([*around, *aside])
            toks, parts = outer, [token[0] for token in outer]
        if len(toks) > 2 and _is_initials(text[toks[-1][1] : toks[-1][2]], parts[:-1]):
            toks = toks[:-1]
            parts = parts[:-1]
        if (answer := self._resolve(parts)) and not self._is_doubtful(answer, parts, text[low:high]):
            return [self._link(text, low, high, answer)]
        fewer = _without_markers(text, toks)
        if fewer and (answer := self._resolve(fewer)) and answer.entry.kind == "condition":
            return [self._link(text, low, high, _Answer(answer.entry, "stripped", round(answer.score * 0.92, 3)))]
        smaller = list(_pieces(_DASH, plain, start, end))
        if len(smaller) > 1:
            return self._all_of(text, plain, smaller, defined, context)
        if links := self._covered(text, plain, toks, defined):
            return links
        corrected, likeness = self._corrected(parts, [text[start:end] for _, start, end in toks])
        if likeness < 1.0:
            again = [(part, token[1], token[2]) for part, token in zip(corrected, toks, strict=True)]
            if (answer := self._resolve(corrected)) and answer.entry.kind == "condition":
                return [self._link(text, low, high, _Answer(answer.entry, "fuzzy", round(answer.score * likeness, 3)))]
            return [
                msgspec.structs.replace(link, method="fuzzy", score=round(link.score * likeness, 3))
                for link in self._covered(text, plain, again, defined)
            ]
        return []

    def _covered(
        self, text: str, plain: str, toks: list[tuple[str, int, int]], defined: dict[str, _Answer]
    ) -> list[Link]:
        """The names inside a piece, longest first, where what stands beside them leaves their meaning as it is."""
        parts = [token[0] for token in toks][:80]
        toks = toks[:80]
        spans: list[tuple[int, int, _Answer]] = []
        taken = [0] * len(parts)
        """The number of the name that each word belongs to, from 1."""
        is_joiner = [part in JOINERS for part in parts]
        unknown = [index for index, part in enumerate(parts) if part not in self._in_names and part not in SAME]
        for length in range(min(len(parts), 10), 0, -1):
            for first in range(len(parts) - length + 1):
                last = first + length - 1
                if is_joiner[first] or (is_joiner[last] and parts[last] != "a"):  # "hemophilia A"
                    continue
                if any(taken[first : last + 1]):
                    continue
                part = parts[first : last + 1]
                if any(first <= index <= last for index in unknown) and "".join(part) not in self._joined:
                    continue  # a name has all its words, or is written in one
                written = text[toks[first][1] : toks[first + length - 1][2]]
                if any(written.count(mark) != written.count(_CLOSED[mark]) for mark in _CLOSED):
                    continue
                meant = defined.get(written) if length <= 3 else None
                answer = meant or self._known(part)
                if answer is None or (answer.entry.kind not in SPOKEN_OF and length == 1):
                    continue
                if answer.method != "exact" and (not BREAKS.isdisjoint(part) or _MARK.search(written)):
                    continue
                if (
                    length == 1
                    and not meant
                    and (len(part[0]) < 3 or part[0] in TOO_BROAD or part[0] in COMMON_WORDS - GENERIC)
                ):
                    continue
                if self._is_doubtful(answer, part, written):
                    continue
                spans.append((first, first + length, answer))
                taken[first : first + length] = [len(spans)] * length
        if not spans:
            return []
        spans.sort(key=lambda span: span[0])
        phrases = _phrases(plain, parts, toks, taken)
        good: list[tuple[int, int, _Answer]] = []
        understood = [self._is_understood(parts, low, high, spans, taken) for low, high, _ in phrases]
        for number, (low, high, separator) in enumerate(phrases):
            inside = [span for span in spans if low <= span[0] < high]
            following = phrases[number + 1] if number + 1 < len(phrases) else None
            if not inside:
                if following and separator in ("and", "or", ",", "/", "&") and not understood[number]:
                    good += self._shared_head(parts, low, high, spans, following)
                continue
            if not understood[number]:
                if NOT_THERE.isdisjoint(parts[max(0, low - 3) : high]):
                    good += [span for span in inside if span[2].entry.concept_id in ITSELF]
                continue
            is_explained = following is not None and separator in _EXPLAINING  # "infection with ..."
            if is_explained or len(inside) > 1 or not _is_bare(parts, low, high, inside[0][:2]):
                inside = [span for span in inside if not self._says_little(parts, span)]
            if following and not understood[number + 1]:
                rest = parts[following[0] : following[1]]
                is_where = separator == "in" and any(part in self._anatomy for part in rest)
                if separator in TIES or (is_where and any(self._is_symptom(span[2].entry) for span in inside)):
                    continue
                if separator == "," and len(phrases) == 2 and len(rest) < 4 and _ADJECTIVE.search(rest[-1]):
                    continue
            before = phrases[number - 1] if number else None
            if before and before[2] == "induced" and not understood[number - 1]:
                inside = [span for span in inside if not _CAUSED.search(parts[span[1] - 1])]
            good += inside
        if all(understood) and not any(span[2].entry.kind == "condition" for span in good):
            bare = [
                (first, last, answer)
                for low, high, _ in phrases
                for first, last, answer in good
                if low <= first < high
                and answer.entry.kind in KINDS_ALONE
                and all(first <= n < last or parts[n] in ROUND_ABOUT or parts[n] in COURSE for n in range(low, high))
            ]
            return [self._link(text, toks[first][1], toks[last - 1][2], answer) for first, last, answer in bare]
        links = []
        for first, last, answer in good:
            if answer.entry.kind != "condition":
                continue
            is_negated = any(part in ("without", "no", "not") for part in parts[max(0, first - 2) : first])
            is_history = parts[max(0, first - 2) : first] == ["history", "of"] or parts[max(0, first - 1)] == "prior"
            found = _Answer(answer.entry, answer.method, round(answer.score * 0.9, 3))
            link = self._link(text, toks[first][1], toks[last - 1][2], found)
            links.append(msgspec.structs.replace(link, is_negated=is_negated, is_history=is_history))
        present = [link for link in links if not link.is_negated]
        return present or links

    def _is_understood(
        self, parts: list[str], low: int, high: int, spans: list[tuple[int, int, _Answer]], taken: list[int]
    ) -> bool:
        """Whether all words of a phrase are known, and none makes a condition in it a narrower one."""
        inside = [span for span in spans if low <= span[0] < high]
        last = max((span[1] for span in inside if span[2].entry.kind == "condition"), default=low)
        for first, _, answer in inside:
            kind = answer.entry.kind
            if kind == "anatomy" or (first < last and kind not in ("condition", "population")):
                return False
        return all(
            taken[index] or _is_harmless(parts, index) or (index >= last and parts[index] in self._drugs)
            for index in range(low, high)
        )

    def _says_little(self, parts: list[str], span: tuple[int, int, _Answer]) -> bool:
        """Whether a part of a name is a broad word, in whatever language: "Infektion"."""
        entry = span[2].entry
        return _is_generic(parts[span[0] : span[1]]) or (
            entry.kind == "condition" and normalise(self._named.get(entry.concept_id, "")) in ONE_WORD
        )

    def _is_symptom(self, entry: _Entry) -> bool:
        """Whether a concept is a sign or symptom, or so broad that where it is makes it another."""
        concept = self._concepts.get(entry.concept_id)
        return concept is not None and "C23" in concept.attributes.get("tree_numbers", "")

    def _shared_head(
        self,
        parts: list[str],
        low: int,
        high: int,
        spans: list[tuple[int, int, _Answer]],
        following: tuple[int, int, str],
    ) -> list[tuple[int, int, _Answer]]:
        """ "breast" in "breast and ovarian cancer": the words that it shares with what is coordinated with it."""
        behind = [span for span in spans if following[0] <= span[0] < following[1]]
        if not behind or high - low > 3:
            return []
        last = behind[-1][1]
        for length in (1, 2):
            head = parts[max(behind[-1][0], last - length) : last]
            answer = self._known([*parts[low:high], *head])
            if answer and answer.entry.kind == "condition":
                return [(low, high, answer)]
        return []

    # ------------------------------------------------------------------------------------------------- abbreviations
    def _abbreviated(self, written: str, defined: dict[str, _Answer], context: str) -> _Answer | None:
        """What an abbreviation means by the record's other words: their definition, or words with its initials."""
        if written in defined:
            return defined[written]
        if not context or not written.isupper() or not 2 <= len(written) <= 6:
            return None
        short = normalise(written)
        entries = self._ambiguous.get(short, ())
        if len({entry.concept_id for entry in entries}) == 1:
            return None  # the vocabularies know what it means
        parts = words(context)
        for first in range(len(parts) - len(short) + 1):
            long = parts[first : first + len(short)]
            answer = self._known(long) if "".join(part[0] for part in long) == short else None
            if answer and answer.entry.kind == "condition":
                return _Answer(answer.entry, "abbreviation", 0.85)
        return None

    def _defined(self, *texts: str) -> dict[str, _Answer]:
        found: dict[str, _Answer] = {}
        for text in texts:
            for abbreviation in abbreviations(text):
                if answer := self._resolve(words(abbreviation.long)):
                    found.setdefault(
                        abbreviation.short, _Answer(answer.entry, "abbreviation", round(answer.score * 0.95, 3))
                    )
        return found

    def _is_ambiguous(self, key: str) -> bool:
        """Whether an abbreviation stands for several conditions."""
        return len({entry.concept_id for entry in self._ambiguous.get(key, ())}) > 1

    def _is_doubtful(self, answer: _Answer, parts: Sequence[str], written: str) -> bool:
        """An abbreviation that stands for several things, or is written as the word that it also is."""
        if len(written) < 5 and written.isupper() and answer.entry.kind != "condition":
            return not answer.entry.name.isupper()
        name = answer.entry.name
        is_short = len(name) <= 5 and sum(c.isupper() for c in name) > 1
        if is_short and len(parts) == 1 and written.lower() not in (name.lower(), f"{name.lower()}s"):
            return True  # MET is not MetS
        if len(parts) == 1 and _is_other_short(written, name.partition(" ")[0]):
            return True  # POEM is not POEMS
        if len(parts) > 2 or not name.isupper():
            return False
        if self._is_ambiguous(" ".join(parts)):
            return True
        return needs_capitals(answer.entry.name) and not any(c.isupper() for c in written)

    def _coded(self, text: str) -> _Answer | None:
        """What a code of the text (ICD-10) means by the vocabularies' cross-references."""
        if any(not _is_role(part) for part in words(_CODE.sub(" ", text)) if len(part) > 4):
            return None  # the words say more than the code, or something else
        codes = _ICD.findall(_MESH_TREE.sub("", text.upper()))
        found = {self._codes[code] for code in codes if code in self._codes}
        if len(found) != 1 or (concept := self._concepts.get(found.pop())) is None:
            return None
        return _Answer(_Entry(concept.id, concept.name, "condition", 0), "code", 0.8)

    def _healthy(self, text: str, parts: list[str]) -> Link | None:
        rest = [
            part
            for part in parts
            if part not in WHO and part not in ("healthy", "normal", "human", "control", "donor", "of")
        ]
        rest = [part for part in rest if part not in JOINERS and not part.isdigit()]
        if rest and not _VOLUNTEERS.search(" ".join(parts)):
            return None
        entry = self._exact.get("healthy volunteer")
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        return Link(
            start=start, end=end, text=text[start:end], concept_id=entry.concept_id if entry else None,
            method="variant" if entry else "none", score=0.95 if entry else 0.0, matched=entry.name if entry else "",
            kind="population",
        )  # fmt: skip

    def _link(self, text: str, start: int, end: int, answer: _Answer) -> Link:
        entry = answer.entry
        for opened, closed in _CLOSED.items():
            if text.count(opened, start, end) > text.count(closed, start, end):
                place = text.find(closed, end)
                end = place + 1 if place >= 0 and not text[end:place].strip() else end
        return Link(
            start=start, end=end, text=text[start:end], concept_id=entry.concept_id, method=answer.method,
            score=answer.score, matched=entry.name, kind=entry.kind,
        )  # fmt: skip

    # -------------------------------------------------------------------------------------------- misspelt and unknown
    def _corrected(self, parts: list[str], written: Sequence[str]) -> tuple[list[str], float]:
        """Each word that no name has put right, where one that is has nearly its letters; and the least likeness.

        An abbreviation ("HFmrEF") is not put right: one letter makes it another.
        """
        likeness = 1.0
        corrected = []
        for part, as_written in zip(parts, written, strict=True):
            is_short = not as_written.isupper() and any(c.isupper() for c in as_written[1:])
            if len(part) > 5 and part.isalpha() and not is_short and part not in self._in_names and not _is_role(part):
                if part not in self._respelt:
                    if len(self._respelt) >= REMEMBERED:
                        self._respelt.clear()
                    self._respelt[part] = self._put_right(part)
                part, alike = self._respelt[part]
                likeness = min(likeness, alike)
            corrected.append(part)
        return corrected, likeness

    def _put_right(self, word: str) -> tuple[str, float]:
        """The word of a name that this is by a slip of the pen, and how nearly; itself where there is none.

        The likeliest slip counts, and of several words that it makes the one that is in most names.
        """
        from rapidfuzz import fuzz, process
        from rapidfuzz.distance import OSA

        if self._spelling is None:
            self._spelling = defaultdict(lambda: defaultdict(list))
            for known in sorted(self._vocabulary):
                if len(known) > 4 and known.isalpha():
                    self._spelling[sounds(known)[:1]][len(known)].append(known)
        of_length = self._spelling[sounds(word)[:1]]
        found: list[tuple[int, int, str]] = []
        for length in range(len(word) - 2, len(word) + 3):
            for other, _, _ in process.extract(
                word, of_length[length], scorer=OSA.distance, score_cutoff=3, limit=None
            ):
                slip = slip_between(word, other)
                if slip is not None and not _opposed(word, other):
                    found.append((slip, -self._vocabulary[other], other))
        if not found:
            return word, 1.0
        best = min(found)[2]
        return best, round(max(fuzz.ratio(word, best), 84.0)) / 100

    def _nearest(self, parts: Sequence[str]) -> list[Candidate]:
        """The three concepts whose names share most with these words, the rare ones counting more."""
        if self._postings is None:
            self._postings = _Postings(key for key, entry in self._sorted.items() if entry.kind == "condition")
        best: dict[str, Candidate] = {}
        for score, key in self._postings.nearest([part for part in parts if part not in JOINERS]):
            id = self._sorted[key].concept_id
            if id not in best:
                best[id] = Candidate(id, self._named.get(id) or self._sorted[key].name, score)
        return list(best.values())[:3]

    # ------------------------------------------------------------------------------------------------- running text
    def _surfaces(self) -> _Surfaces:
        """Every way in which a condition's name is looked for in running text, with what it means."""
        chosen: dict[str, _Entry] = {}
        for concept in self._concepts.all():
            vocabulary = VOCABULARIES.get(concept.id.partition(":")[0])
            if vocabulary is None or concept.is_obsolete or _kind(concept) != "condition":
                continue
            for name in concept.names:
                key = normalise(name.text)
                entry = self._exact.get(key)
                if name.kind not in NAMING or is_unsafe(name.text) or key in TOO_BROAD:
                    continue
                if entry is None or entry.kind != "condition" or self._is_ambiguous(key):
                    continue
                if ", " not in name.text:
                    _choose(chosen, name.text, entry)
                if vocabulary == 0 or name.kind == "preferred":
                    derived = _Entry(entry.concept_id, name.text, entry.kind, entry.rank + NOT_ITS_OWN)
                    for form in variants(name.text):
                        if ", " not in form and self._exact.get(normalise(form), entry).concept_id == entry.concept_id:
                            _choose(chosen, form, derived)
        numbers: dict[_Entry, int] = {}
        meanings = [numbers.setdefault(entry, len(numbers)) for entry in chosen.values()]
        return _Surfaces([*chosen], meanings, [*numbers])

    def names_in_text(self) -> list[str]:
        """What running texts are searched for: names of conditions in all their spellings, and words that deny them."""
        self.matcher()
        return self._names

    def matcher(self) -> Matcher:
        """The search for `names_in_text`, made when it is first needed."""
        if self._matcher is None:
            surfaces = self._concepts.kept("condition-names", _Surfaces, self._surfaces)
            self._entries = [surfaces.entries[number] for number in surfaces.meanings]
            self._names = [*surfaces.names, *TRIGGERS]
            self._matcher = Matcher(self._names)
        return self._matcher

    def find(self, texts: Sequence[str]) -> list[list[Link]]:
        """The conditions that running texts of any length speak of, all names looked for at once."""
        found: list[list[Link]] = [[] for _ in texts]
        if not texts:
            return found
        matcher = self.matcher()
        entries, triggers, many = self._entries, list(TRIGGERS.values()), len(self._entries)
        matches = matcher.find(texts)
        current, text, said, links = -1, "", list[Said](), list[Link]()
        for index, start, end, name in zip(
            matches.text.tolist(), matches.start.tolist(), matches.end.tolist(), matches.name.tolist(), strict=True
        ):
            if index != current:
                current, text, said, links = index, texts[index], [], found[index]
            if name >= many:
                trigger = Said(start, end, triggers[name - many])
                said.append(trigger)
                if links and trigger.trigger in ("negated before", "history before"):
                    negated, history = said_behind(text, links[-1].end, trigger)
                    links[-1] = msgspec.structs.replace(
                        links[-1],
                        is_negated=links[-1].is_negated or negated,
                        is_history=links[-1].is_history or history,
                    )
                continue
            if end - start == 3 and _is_emphasis(text, start, end):
                continue
            entry = entries[name]
            negated, history = said_before(text, start, said) if said else (False, False)
            is_own = entry.rank < NOT_ITS_OWN
            links.append(
                Link(
                    start, end, text[start:end], entry.concept_id, "exact" if is_own else "variant",
                    0.95 if is_own else 0.9, entry.name, [], negated, history,
                )
            )  # fmt: skip
        return [
            self._with_abbreviations(text, links) if links and "(" in text else links
            for text, links in zip(texts, found, strict=True)
        ]

    def _with_abbreviations(self, text: str, links: list[Link]) -> list[Link]:
        """Also the other mentions of the abbreviations that the text defines for its conditions."""
        meant: dict[str, Link] = {}
        for link in links:
            if (behind := _DEFINED.match(text, link.end)) and is_short_for(behind[1], link.text):
                meant.setdefault(behind[1], link)
        if not meant:
            return links
        links = [link for link in links if link.text not in meant or link.concept_id == meant[link.text].concept_id]
        taken = {link.start for link in links}
        for short, link in meant.items():
            for match in re.finditer(rf"(?<!\w){re.escape(short)}(?!\w)", text):
                if match.start() not in taken:
                    links.append(
                        Link(match.start(), match.end(), short, link.concept_id, "abbreviation", 0.9, link.matched)
                    )
        return _apart(links)


# ---------------------------------------------------------------------------------------------------------------- rules
JOINERS = (
    BREAKS | TIES | frozenset(["the", "a", "an", "his", "her", "their", "our", "this", "these", "those", "nec", "nos"])
)
ROUND_ABOUT = (WHO | SURGERY | NOISE) - {"care", "therapy", "treatment"}
"""Words that may stand beside the name of a procedure without making it another one."""
SPOKEN_OF = ("condition", "procedure", "behaviour")
"""Kinds whose names of one word are looked for inside others."""
ONE_WORD = frozenset(name for name in GENERIC if " " not in name)
"""The broadest of the broad names: "infection"."""
NOT_THERE = frozenset(("negative", "free", "no", "not", "without"))
_BLOOD = re.compile(r"(?i:leuk|lymph|\bblast|marrow|remission|relaps|lineage)|NLL|[AC]ML|MDS|Ph[+-]")
_EMPHASIS = re.compile(
    r"(?<=[A-Z]{3} )ALL(?= [A-Z]{3})|ALL(?= [A-Z]{5})|"
    r"ALL(?=\s+(?:of|the|these|those|following|stages?|have|must|are|(?:\w+\s+)?(?:patients|subjects|participants|"
    r"women|men|children|adults|criteria))\b)"
)
"""A determiner in capitals, which is also written as the short name of a leukemia is."""
_SHOUTED = re.compile(r"\b[A-Z][A-Z0-9-]{1,6}\b")
_SHORTENED = re.compile(r"[A-Za-z]?[A-Z][A-Za-z0-9&/+-]{0,9}s?$")
_OPPOSED = (
    ("hyper", "hypo"),
    ("inter", "intra"),
    ("pre", "pro"),
    ("ante", "anti"),
    ("macro", "micro"),
    ("sub", "supra"),
)


def _is_other_short(written: str, name: str) -> bool:
    """Whether one of two abbreviations has an S more, and a capital one: SAIDs and SAIDS, HIES and HIE."""
    if written.lower().rstrip("s") != name.lower().rstrip("s") or not written[:-1].isupper():
        return False
    return written.endswith("S") != name.endswith("S") and name[:-1].isupper()


def _is_emphasis(text: str, start: int, end: int) -> bool:
    """Whether "ALL" is no leukemia here: told by the words behind it in a text that speaks of nothing of the blood."""
    return text[start:end] == "ALL" and bool(_EMPHASIS.match(text, start)) and not _BLOOD.search(text)


def _put(index: dict[str, _Entry], key: str, entry: _Entry) -> None:
    kept = index.get(key)
    if kept is None or (entry.rank, entry.concept_id) < (kept.rank, kept.concept_id):
        index[key] = entry


def _choose(chosen: dict[str, _Entry], name: str, entry: _Entry) -> None:
    """Let all spellings of a name mean this, where they mean nothing likelier."""
    for surface in spellings(name):
        written = surface if needs_capitals(surface) else surface.lower()
        kept = chosen.get(written)
        if kept is None or entry.rank < kept.rank:
            chosen[written] = entry


def _kind(concept: Concept) -> str:
    if concept.kind == "condition":
        return "condition"
    trees = concept.attributes.get("tree_numbers", "").split(";")
    for branch, kind in KINDS:
        if any(tree.startswith(branch) for tree in trees):
            return kind
    return "anatomy" if any(tree.startswith("A") for tree in trees) else concept.kind


def _is_role(part: str) -> bool:
    return part in WHO or part in COURSE or part in WHEN or part in WEAK or part in NOISE or part in JOINERS


def _belongs(parts: Sequence[str], index: int) -> bool:
    """Whether a word that mostly says nothing is of the name: "man" in "stone man syndrome", "hemophilia A and B"."""
    if parts[index] in WHO:
        return index > 0 and parts[index + 1 : index + 2] == ["syndrome"]
    behind = parts[index + 1 : index + 3]
    return parts[index] == "a" and len(behind) == 2 and behind[0] in ("and", "or") and len(behind[1]) == 1


def _is_modifier(parts: Sequence[str], index: int) -> bool:
    """Whether a word of a name may be left out without making it another disease."""
    part = parts[index]
    if _belongs(parts, index):
        return False
    if part in WHO or part in COURSE or part in WEAK or part in WHEN or part in SURGERY or _TNM.match(part):
        return True
    before = parts[index - 1] if index else ""
    if part == "primary":
        return parts[-1] == "syndrome" or any(SAME.get(other) == "neoplasm" or other in TUMORS for other in parts)
    if part in NOISE and (index > 0 or len(parts) > 1) and part not in KEPT:
        return True
    behind_stage = index > 0 and any(
        earlier in ("stage", "grade", "ajcc") for earlier in parts[max(0, index - 4) : index]
    )
    if behind_stage and _STAGE.match(part):
        return True
    following = parts[index + 1] if index + 1 < len(parts) else ""
    if (part in TREATMENTS and following in TRIED) or (part in TRIED and before in TREATMENTS):
        return True
    if (part in ("t", "n", "m", "v") and following.isdigit()) or (part.isdigit() and before in ("t", "n", "m", "v")):
        return True
    if part in ("with", "in", "the", "a", "an", "and", "or", "of", "to", "for"):
        return bool(before in WHO | COURSE | NOISE) or part in ("the", "a", "an")
    return False


def _is_harmless(parts: Sequence[str], index: int) -> bool:
    """Whether a word beside the name of a disease leaves it that disease."""
    part = parts[index]
    if _belongs(parts, index):
        return False
    if not part.isascii() or _is_role(part) or _TNM.match(part):  # what is in another script says the same again
        return True
    if any(earlier in ("stage", "grade", "age", "aged", "class") for earlier in parts[max(0, index - 3) : index]):
        return bool(_STAGE.match(part)) or part.isdigit()
    before, following = parts[index - 1] if index else "", parts[index + 1] if index + 1 < len(parts) else ""
    if (part in TREATMENTS and following in TRIED) or (part in TRIED and before in TREATMENTS):
        return True
    if (part in ("t", "n", "m", "v") and following.isdigit()) or (part.isdigit() and before in ("t", "n", "m", "v")):
        return True
    return part.isdigit() and index == 0


def _is_generic(parts: Sequence[str]) -> bool:
    return " ".join(parts) in GENERIC or all(part in NOISE or SAME.get(part) == "neoplasm" for part in parts)


def _is_initials(short: str, parts: Sequence[str]) -> bool:
    """Whether capitals behind some words are their abbreviation: "acute respiratory distress syndrome ARDS"."""
    return len(short) > 2 and short.isupper() and short.lower() == "".join(part[0] for part in parts)[-len(short) :]


def _is_bare(parts: Sequence[str], low: int, high: int, span: tuple[int, int]) -> bool:
    """Whether beside a name there stands only who has it, and how far."""
    return all(span[0] <= index < span[1] or parts[index] in WHO | COURSE for index in range(low, high))


def _opposed(one: str, other: str) -> bool:
    """Whether two words differ in what turns their meaning round."""
    for first, second in _OPPOSED:
        if {first, second} == {next((p for p in (first, second) if word.startswith(p)), "") for word in (one, other)}:
            return True
    ending = _MEANT_ENDING.search(one)
    return one[0] != other[0] or (ending is not None and not other.endswith(ending[0]))


def _pieces(between: re.Pattern[str], text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The parts of a text between what separates them, without empty ones."""
    for match in between.finditer(text, low, high):
        if text[low : match.start()].strip():
            yield low, match.start()
        low = match.end()
    if text[low:high].strip():
        yield low, high


def _without_markers(text: str, toks: list[tuple[str, int, int]]) -> list[str]:
    """The words without the genes by which a tumor is told from others of its kind ("EGFR mutation positive")."""
    parts = [token[0] for token in toks]
    marks = [index for index, part in enumerate(parts) if part in MARKERS]
    if not marks:
        return []
    gone = set(marks)
    for mark in marks:
        for index in range(mark - 1, max(mark - 4, -1), -1):
            written = text[toks[index][1] : toks[index][2]]
            if not (parts[index] in RECEPTORS or written.isupper() or any(c.isdigit() for c in written)):
                break
            gone.add(index)
    return [part for index, part in enumerate(parts) if index not in gone]


def _around_parentheses(
    text: str, toks: list[tuple[str, int, int]]
) -> tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]]:
    """The words outside and inside the first parentheses."""
    match = _OPENED.search(text, toks[0][1], toks[-1][2])
    if match is None:
        return toks, []
    opened = match.start()
    closed = text.find(_CLOSED[match[0]], opened, toks[-1][2] + 1)
    closed = closed if closed >= 0 else toks[-1][2]
    inner = [token for token in toks if opened < token[1] < closed]
    return [token for token in toks if not opened < token[1] < closed], inner


def _phrases(
    text: str, parts: list[str], toks: list[tuple[str, int, int]], taken: list[int]
) -> list[tuple[int, int, str]]:
    """The words between those that join and those marks that separate: first, last + 1, and what stands behind."""
    found: list[tuple[int, int, str]] = []
    low = 0
    for index, part in enumerate(parts):
        if not taken[index] and (part in BREAKS or part in TIES):
            if index > low:
                found.append((low, index, part))
            elif found and found[-1][2] in TIES and part not in ARTICLES:  # "due to" is "due"
                found[-1] = (*found[-1][:2], part)
            low = index + 1
        elif index > low:
            between = _ASIDE.sub("", text[toks[index - 1][2] : toks[index][1]])
            mark = next((mark for mark in ",/()[]:&+" if mark in between), "")
            if mark and not (taken[index] and taken[index] == taken[index - 1]):
                found.append((low, index, mark))
                low = index
    if low < len(parts):
        found.append((low, len(parts), ""))
    return found


def _apart(links: list[Link]) -> list[Link]:
    """Links in their order, of those that overlap the first and longest, of a concept named twice both."""
    kept: list[Link] = []
    for link in sorted(links, key=lambda link: (link.start, -link.end)):
        if not kept or link.start >= kept[-1].end:
            kept.append(link)
    return kept


def _kind_of_words(parts: Sequence[str]) -> str:
    for kind, of in UNLINKED_KINDS:
        if of.intersection(parts):
            return kind
    return "condition"
