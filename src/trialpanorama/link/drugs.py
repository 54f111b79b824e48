"""Drugs in the names of interventions, and in any text: each part of a name becomes a link, a drug or what else it is.

A name is searched for the names of all drugs at once. What is found is widened over a salt ("metformin hydrochloride"),
dropped where the words around it make it something else (a placebo for metformin, an insulin pump, a vaccine against
what is named), and kept otherwise. What is left of a name, without doses, forms, routes and schedules, is looked up
again: as a development code, in another spelling, with small mistakes allowed. Else it stays a mention that no concept
was found for.

Prose (an intervention that has no type) gives no such mention unless something says that it is a drug: a dose, a form,
a code, or the ending of an international nonproprietary name.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from importlib import resources

import msgspec

from trialpanorama.link import _drug_words as said_of
from trialpanorama.link._context import REACH, TRIGGERS, Said, abbreviations, said_before, said_behind
from trialpanorama.link._links import Candidate, Link
from trialpanorama.link._matching import LikeNames, Matcher, fold
from trialpanorama.link._names import COMMON_WORDS, uninverted
from trialpanorama.ontologies import Concept, Concepts, Mechanism

GIVEN_AS_DRUGS = frozenset({"DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT", "GENETIC", "DIETARY_SUPPLEMENT"})
"""Types of intervention whose name is read as that of a drug; others have their kind from their type."""
_KIND_OF_TYPE = {
    "DEVICE": "device", "PROCEDURE": "procedure", "RADIATION": "radiation", "BEHAVIORAL": "behavioural",
    "DIAGNOSTIC_TEST": "diagnostic", "OTHER": "other", "DIETARY_SUPPLEMENT": "dietary",
}  # fmt: skip
_LONGEST_NAME = 600
_SHORT_ENTRY = 120
_LONG_NAME = 10
"""Letters of a name that is no vocabulary's preferred one ("paracetamol") and is known with one mistake."""
_LONGEST_PROSE = 300
"""Characters; in a longer text only names are looked for, and what is left of it is not looked at."""

_SURENESS = {"preferred": 0, "exact": 1, "brand": 2, "abbreviation": 3, "code": 3, "related": 4}
"""Kinds of names that are used, the surest first."""
_METHODS = {"brand": "brand", "abbreviation": "abbreviation", "code": "code"}
_VOCABULARY_ORDER = ("DRUGBANK", "RXCUI", "CHEMBL.COMPOUND", "DrugCentral", "EMA.SUBSTANCE", "MESH")
_BRANDS = ("BN", "Brand")
_MEDICINES = ("D27", "D26.310", "D20.215.894")
"""Branches of MeSH with groups of medicines and vaccines; its other chemicals are more often measured than given."""
_FORMS_OF_MEDICINES = "D26.255"
_THERAPIES = ("E02", "E04")
"""Branches of MeSH that hold what is done to patients."""
_COUNTED = ("A10", "A11.1", "A11.2", "A11.872", "A12", "A16")
"""Branches of MeSH with cells and fluids that are more often counted or drawn than given."""
_PLANTS = "B01.650.940.800"
_FAMILY = re.compile(r"(?:aceae|ales|idae|phyta|opsida|sperms) ?$|^.{1,4}$|^Tobacco$")
_DRUG_THERAPIES = frozenset(
    {"E02.319", "E02.319.155", "E02.319.170", "E02.319.310.075", "E02.319.452", "E02.319.452.150", "E02.319.499",
     "E02.319.913"}
)  # fmt: skip
"""Treatments of MeSH that stand for the drugs that are given: chemotherapy, hormone replacement, thrombolysis ..."""
_APPROVALS = ("fda_approved", "ema_approved", "pmda_approved")

_PLACEBO_NAMES = (
    "placebo", "placebos", "plazebo", "sham", "sham comparator", "sham control", "dummy", "dummy pill", "sugar pill",
    "inert substance", "inactive substance", "inactive drug", "inactive comparator", "vehicle", "vehicle control",
    "placebo comparator", "placebo control", "scheinmedikament",
)  # fmt: skip
_MARKS = (("®", " "), ("™", " "), ("©", " "), ("ß", "β"))
"""Marks that are no letters, and a letter that is written for another."""

# ----------------------------------------------------------------------------------------------------------- patterns
_DOSE = (
    r"\d[\d.,]*\s*(?:-\s*)?(?:mg|mcg|µg|μg|ug|(?:micro|milli)?grams?|g|gr|ml|cc|iu|i\.u\.|ui|units?|u|miu|mmol|meq|ppm|percent)\b"
    r"(?!/(?:d?l|ml|mm|µl|μl))|\d\s*%"
)
_DOSE_OR_FORM = re.compile(
    rf"{_DOSE}|\b(?:{said_of.FORMS}|injectable|infusions?|powder|inhaler|supplement(?:s|ation|ed)?|bolus|drip|"
    r"intravenous(?:ly)?|subcutaneous(?:ly)?|intramuscular(?:ly)?|orally)\b",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_GIVEN_BEHIND = re.compile(rf"[\s(\[,:]*(?:{_DOSE}|(?:oral |soft |gel )?(?:{said_of.FORMS})\b)", re.IGNORECASE)
_GIVEN_BEFORE = re.compile(
    rf"(?:{_DOSE}|\b(?:{said_of.FORMS})|\b(?:tab|cap|amp|inj)\.?)\s*(?:of\s+|:\s*)?(?:the\s+)?$", re.IGNORECASE
)
_AMOUNT_OF = re.compile(
    rf"(?:{_DOSE}|\b(?:doses?|injections?|infusions?|transfusions?|administration|vials?|ampoules?|units))\s+(?:of\s+)?$",
    re.IGNORECASE,
)
_STEM = re.compile(rf"(?:{said_of.STEMS})$", re.IGNORECASE)
_TAKEN = re.compile(
    r"\b(?:herb\w*|medicines?|mouthwash|gargl\w+|puffs?|micrograms?|soup|tea|syrup|remed(?:y|ies)|extracts?|boil\w*|garlic|"
    r"capsules?|plants?|vitamin\w*)\b",
    re.IGNORECASE,
)
"""Words by which an entry may be about something that is taken."""
_SYSTEMATIC = re.compile(r"(?:mab|nib|vir|cept|ciclib|parib|sertib|lisib|leucel|gene)$")
"""Endings of families whose members differ by a letter or two."""
_ORDINARY = re.compile(
    r"(?:ly|ic|al|ous|ive|ing|ed|ment|ity|ated|able|ible|ness|ism|ist|ary|ory|uble|cytes?)$", re.IGNORECASE
)
"""Endings of ordinary words, which are no misspelt drugs."""
_VOWELS = re.compile("[aeiouy]")
_CODE = re.compile(
    r"(?<![\w-])(?!(?:COVID|SARS|NCT|DRKS|EUCTR|ISRCTN|CTRI|PHQ|GAD|SF|EQ|STAI|HIV|HCV|HBV|HPV|IL|FFP|PCR|CT|MRI|PET|ICD|"
    r"DSM|ASA|Q\d|H\d|CD\d|N95|B12|D3|T\d|M\d|nCoV|Day|Phase|Part|Group|Arm|Cohort|Week|Month|Stage|Type|Grade|Visit|Step|"
    r"Dose|Vitamin|Omega|IN|AT|OF|AND|FOR|ON|TO|BY|OR|WITH|Study|Period|Cycle|Version|Covid|Regimen|Level|Test|Treatment|Sequence|Figure|Table|No)"
    r"[- ]?\d*\b)"
    r"(?:[A-Z]{1,6}[- ]?\d{2,8}(?:[-.,]\d{1,4})?[A-Za-z]{0,3}\d{0,3}|"
    r"[A-Z][A-Za-z]{0,5}-?[A-Z]{0,4}-?\d{2,8}[A-Za-z]{0,3}|"
    r"[A-Z]{2,5}[a-z]?-[A-Z]?\d{2,6}[A-Za-z]{0,3}|Lu AF?\d{4,6}|\d{2,4}[A-Z]{1,3}\d{2,4})(?![\w-])"
)
"""A sponsor's development code: letters of a house and a number ("MK-3475", "HCP1303", "PF-06651600")."""
_SMALL_CODE = re.compile(
    r"(?<![\w-])(?!(?:mg|mcg|ml|iu|at|in|of|to|no|day|dose)\b)[a-z]{2,6}[- ]?\d{3,8}[a-z]?(?![\w-])"
)
"""A code in small letters, which counts only where a vocabulary has it."""
_RADICAL_BEFORE = re.compile(
    r"(?:fluoro|chloro|bromo|iodo|methyl|ethyl|hydroxy|deoxy|amino|nitro|acetyl|oxo|hydro|keto|cyclo|thio|aza|phospho|benzyl|"
    r"butyryl)-(?:\d+-)?$",
    re.IGNORECASE,
)
"""Part of a chemical's name before the name of another: 2-fluoro-2-deoxyglucose."""
_CODE_GOES_ON = re.compile(r"[A-Z]{2,6}-\d{2}")
_CODE_BEHIND = re.compile(r"[- ]\d+[A-Z]")
_KINDS_OF_MANY = (
    "cells",
    "cell",
    "vaccine",
    "vaccines",
    "antibody",
    "antibodies",
    "plasma",
    "Cells",
    "Cell",
    "Vaccines",
)
"""Ends of names that stand for any of a kind, where a code or another name before them tells which."""
_NUMBER = re.compile(
    r"[\d.,x×*^~<>=±µμ-]+[a-zA-Zµμ%]{0,4}\d?|(?:day|d|q)\d+(?:-\d+)?h?|\d+(?:st|nd|rd|th)|[ivx]{1,4}|x\d+|\d+[a-z]{1,6}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_](?:[\w'’®™-]*[\w®™])?")
_NAME_OR_WORD = re.compile(rf"[A-Za-z]{{6,}}(?=\d)|{_WORD.pattern}")
"""A word, or a name to which its dose is glued: "hydroxychloroquine200mg"."""
_TRADEMARK = re.compile(r"[®™©]|\((?:R|TM)\)")

_JOINS = said_of.FUNCTION_WORDS | {"and", "or", "with", "plus", "versus", "vs", "including", "containing", "then"}
_WORD_BEFORE = re.compile(r"([^\W_][\w'’-]*) $")
_WORD_BEHIND = re.compile(r" ([^\W_][\w'’-]*)")
_FROM = re.compile(r" (?:from|obtained from|of|derived from|collected from)\b", re.IGNORECASE)
"""What follows the noun that an entry is about: "plasma from a donor"."""
_AMOUNT = re.compile(r"\d[\d.,]*(?:mg|mcg|g|ml|iu|x)?", re.IGNORECASE)
_NOT_BEHIND = "|".join(sorted(said_of.FUNCTION_WORDS | {"and", "or", "with", "plus"}))
_IDENTITY_BEHIND = re.compile(
    rf"[\s:-]*(?:(?!(?:{_NOT_BEHIND})\b)[^\W_][\w'’]*[\s-]+){{0,2}}(?P<head>{said_of.CHANGES})\b", re.IGNORECASE
)
_GLUED_BEHIND = re.compile(rf"-(?:{said_of.GLUED})\b", re.IGNORECASE)
_PREFIXES = ("anti", "non", "pro", "pre", "post", "nor", "des", "iso", "neo", "pseudo")
_GLUED_BEFORE = (*(f"{prefix}{mark}" for prefix in _PREFIXES for mark in "- "), "against ")
_GOES_ON = frozenset(" -:")
"""What stands behind a name that words behind it may still belong to."""
_THERAPY_HEAD = re.compile(
    r"\b(?:vaccin(?:e|ation)s?|antibod(?:y|ies)|cells?|lymphocytes?|plasma|serum|globulins?|immunoglobulins?|inhibitors?|"
    r"antagonists?|agonists?|blockers?|toxoids?|exosomes?|antisense|oligonucleotides?|immunotoxins?|antivenoms?|antitoxins?)\b",
    re.IGNORECASE,
)
_VACCINE = re.compile(r"\bvaccin(?:e|es|ation|ations)\b", re.IGNORECASE)
_PLACEBO_FOR = re.compile(
    rf"[\s:(\[–-]*(?:(?:{said_of.LIKE}|to|of|for|the|a|match(?:ed|ing)?\s+with|containing|filled\s+with|made\s+of|de|del|pour|für|zu)\b[\s)(\[:-]*)*",
    re.IGNORECASE,
)
_PLACEBO_BEHIND = re.compile(rf"[\s)\]®™-]*(?:(?:{said_of.LIKE})\b[\s(\[-]*)*", re.IGNORECASE)
_LIKE = re.compile(rf"{said_of.LIKE}|to|of|for|the|a", re.IGNORECASE)
_BESIDE_PLACEBO = re.compile(r"[+&,;|•]|\b(?:and|or|plus|with|then|followed)\b", re.IGNORECASE)
_REACH = 80
"""Characters between a placebo and the drug that it imitates."""
_ALSO_PLACEBO = re.compile(r"\s*(?:[\d.,]+\s*m?c?g\s*)?(?:/|-|\+|&|and)\s*(?:[\d.,]+\s*m?c?g\s*)?", re.IGNORECASE)

_SPLIT = re.compile(
    r"[;\n\r\t|•·:+&，；、：（）＋／]|(?<!\d),|,(?!\d)|(?<=\s)[-–—](?=\s)|/|(?:(?<=\s)|^|(?<=[a-z]{3}))[(\[]|[)\]](?=[\s\W]|$)|\.(?=\s|$)|"
    r"(?<![\w-])(?:and|or|with|plus|versus|vs|followed by|then|compared (?:to|with)|combined with|added to|including|"
    r"such as|containing|y|con|und|mit|oder|et|avec|ou|com|e)(?![\w-])",
    re.IGNORECASE,
)
_ONE_THING = re.compile(r"(?!.*\b(?:and|plus|versus|vs|then)\b)[^+&,;\n•|]{0,30}", re.IGNORECASE)
"""What may stand between two parts of one name: "rgp120/HIV-1", not "A + B"."""
_APPOSED = re.compile(
    r"[®™]?\s*[(\[]\s*(?:INN|also known as|aka|formerly|code|generic name)?[:\s]*(?:[\w®™-]+,\s*)?", re.IGNORECASE
)
_BESIDE = re.compile(r"\s*(?:[+/,&(]|->|and|plus|or)\s*", re.IGNORECASE)
_MEMBERS = re.compile(
    r"[\s:,]*(?:[(\[]|such as|including|like|e\.g\.,?|namely)\s*(?:e\.g\.,?\s*|such as\s+|like\s+)?", re.IGNORECASE
)
"""What stands between a group of medicines and those of them that are given: "antivirals (oseltamivir)"."""
_GAP = re.compile(r"[\s().\[\]'’\"®™-]{2,}")
_SAID_AGAIN = re.compile(r"[\w\s-]{0,20}[(\[]\s*")
_SALT_WORD = re.compile(r"(?:\s|-|\s?\()([A-Za-z]{3,20})\)?")
_BEFORE_SALT = frozenset(" -(")
_LEADING_SALT = re.compile(
    r"\b(?:(?:chlorhydrate|clorhidrato|cloridrato|hydrochloride|sul(?:f|ph)ate|sulfato|di?fosfato|fosfato|phosphate|acetat[eo]|"
    r"tartrat[eo]|citrat[eo]|mesylate|mesilato|maleat[eo]|fumarat[eo]|succinat[eo])\s+(?:de\s+|d['’]|of\s+)|"
    r"(?:mono|di)?(?:sodium|potassium|calcium)\s+)$",
    re.IGNORECASE,
)
_LEADS = ("sodium ", "potassium ", "calcium ", " de ", " of ", " d'", " d’")
_MEASURED = re.compile(
    r"\b(?:levels?|concentrations?|measurements?|titers?|control)$|^blood (?:sugar|glucose)", re.IGNORECASE
)
"""Names of a substance by what is measured of it."""
_QUALIFIER = re.compile(r"\s*\((?:human|medication|drug)\)$|,\s*human$", re.IGNORECASE)
_RADIOACTIVE = "Ac|At|Bi|Br|C|Co|Cr|Cu|F|Fe|Ga|Gd|H|Ho|I|In|Kr|Lu|N|O|P|Pb|Ra|Rb|Re|Se|Sm|Sr|Tc|Th|Tl|Xe|Y|Zr"
_OF_SEVERAL = re.compile(r",|\b(?:and|or|other|others|various|combinations?|excl|incl|agents for)\b", re.IGNORECASE)
_ISOTOPE = re.compile(rf"\s+(?:\((?:\d{{1,3}}m?(?:{_RADIOACTIVE}))\)|(?:{_RADIOACTIVE})[- ]\d{{1,3}}m?)$")
"""What a tracer's name ends with: "florbetaben (18F)", "flortaucipir F-18"."""
_NO_SINGULAR = ("ss", "us", "is", "ates", "ites", "ides", "ols", "enes", "anes", "Antithrombins")
"""Headings of derivatives, of which the singular is one substance: succinates, alcohols."""
_GREEK = (("alpha", "α"), ("alfa", "α"), ("beta", "β"), ("gamma", "γ"))
_SPELLINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ("ph", "f"), ("th", "t"), ("rh", "r"), ("ch", "c"), ("k", "c"), ("qu(?=[ei])", "c"), ("ae|oe", "e"), ("y", "i"),
        ("j", "i"), ("z", "s"), ("x", "s"), ("(?<=[a-z])h", ""), (r"([a-z])\1", r"\1"), ("(?:um|a|e|o|i|u)$", ""),
        (r"([a-z])\1", r"\1"),
    )
)  # fmt: skip


@lru_cache(maxsize=1 << 16)
def spelling_key(name: str) -> str:
    """A drug's name without what differs between languages: ciclosporin, cyclosporine and ciclosporina give the same.

    Greek and Latin spellings (ph, th, y, ae), k and c, z and s, double letters, and a last vowel or Latin ending.
    """
    for pattern, replacement in _SPELLINGS:
        name = pattern.sub(replacement, name)
    return name


class _Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a name in the automaton stands for."""

    kind: str
    """drug, class, combination, placebo or procedure; a word that negates has its trigger."""
    name: str
    """The name, as its vocabulary writes it."""
    concept_id: str | None = None
    method: str = "exact"
    score: float = 1.0
    rank: tuple[int, int, bool, str] = (9, 9, True, "")
    """How sure the name is, the vocabulary's place, whether marks had to be left out of it, the concept."""
    is_weak: bool = False
    """It needs words around it that say it is given to someone."""
    components: tuple[tuple[str, str], ...] = ()
    """Of a combination: concept and name of each drug."""


class _Hit(msgspec.Struct, gc=False):
    """An entry at a place of a text, and how it changed on the way to a link."""

    start: int
    end: int
    entry: _Entry
    method: str
    score: float
    key: str
    """The words that were found, as the matcher compares them."""
    is_absorbed: bool = False
    """It belongs to another hit: the drug that a placebo imitates."""


class _Lexicon(msgspec.Struct, frozen=True):
    """What the names of the vocabularies stand for, as it is kept between processes."""

    entries: dict[str, _Entry]
    """What each name stands for, by its key."""
    written: list[str]
    """The names in the order of their keys, as the matcher is given them."""
    same: dict[str, list[str]]
    """The concepts whose names are linked to each."""
    therapies: set[str]
    """Treatments that stand for the drugs that are given."""


class _Spellings(msgspec.Struct, frozen=True):
    """Which name is meant by each `spelling_key`, as it is kept between processes."""

    of: dict[str, str]


class _Reader:
    """Makes a lexicon of the concepts' names."""

    def __init__(self, concepts: Concepts) -> None:
        self._concepts = concepts
        self._same: dict[str, list[str]] = defaultdict(list)
        self._therapies: set[str] = set()
        self._drugs = [concept for concept in concepts.all("drug") if not concept.is_obsolete]
        self._bank = _names_of_drugbank(self._drugs)
        self._broad = {parent for concept in self._drugs for parent in concept.parents}

    def lexicon(self) -> _Lexicon:
        entries = self._read()
        written = [entry.name if _key(entry.name) == key else key for key, entry in sorted(entries.items())]
        return _Lexicon(entries, written, self._same, self._therapies)

    def _targets(self, concept: Concept) -> list[str]:
        """The concepts that its names are linked to: its ingredients, each in the first vocabulary that has it."""
        said = concept.attributes.get("ingredient") or concept.attributes.get("salt_of") or ""
        ingredients = [id for id in said.split(";") if id in self._concepts]
        return list(dict.fromkeys(self._first(id) for id in ingredients or [concept.id]))

    def _is_group(self, concept: Concept) -> bool:
        """Whether a concept is a group of medicines, not one of them: by its place in MeSH or ATC."""
        if concept.id.startswith("ATC:"):
            return len(concept.id) < len("ATC:A10BA02")
        if not concept.id.startswith("MESH:") or self._first(concept.id) != concept.id:
            return False
        is_medicine = any(tree.startswith(_MEDICINES) for tree in _trees(concept))
        return is_medicine or concept.kind != "drug" or concept.id in self._broad

    def _first(self, id: str) -> str:
        """The same drug in the first vocabulary that has it: by cross-reference, by name, or without its salt."""
        first = self._concepts.preferred(id, "drug")
        concept = self._concepts.get(id)
        if concept is None or concept.kind != "drug" or _precedence(first) == 0:
            return first
        key = _key(_QUALIFIER.sub("", uninverted(concept.name)))
        while key:
            if key in self._bank:
                return self._bank[key]
            key, _, salt = key.rpartition(" ")
            if salt not in said_of.SALTS or key in said_of.ELEMENTS:
                break
        return first

    def _read(self) -> dict[str, _Entry]:
        entries: dict[str, _Entry] = {}
        rivals: dict[str, set[str]] = defaultdict(set)
        for concept in self._drugs:
            if _is_form(concept):
                continue
            targets = self._targets(concept)
            if "ingredient" not in concept.attributes and "salt_of" not in concept.attributes:
                self._same[targets[0]].append(concept.id)
            for key, entry in _entries_of(concept, targets, self._is_group(concept)):
                if entry.rank < entries.get(key, _NO_ENTRY).rank:
                    entries[key] = entry
                rivals[key].update(targets)
        for key, entry in entries.items():
            # an abbreviation that means several drugs means none, unless nothing else is said
            if len(rivals[key]) > 1 and entry.rank[0] > 0 and len(key) <= 5:
                entries[key] = msgspec.structs.replace(entry, is_weak=True)
        self._read_everyday(entries)
        self._read_combinations(entries)
        for concept in self._concepts.all("procedure"):
            if not concept.is_obsolete and concept.attributes.get("tree_numbers", "").startswith(_THERAPIES):
                if not _DRUG_THERAPIES.isdisjoint(_trees(concept)):
                    self._therapies.add(concept.id)
                for name in concept.names:
                    for text, _ in _spelt(name.text, concept.id):
                        key = _key(text)
                        if len(key) > 6 and name.kind in _SURENESS and not said_of.NOISE.issuperset(key.split()):
                            entries.setdefault(key, _Entry("procedure", text, concept.id))
        for concept in self._concepts.all("other"):
            # a plant in the name of a drug is what is given; its families are no plant that anyone takes
            if concept.attributes.get("tree_numbers", "").startswith(_PLANTS) and not _FAMILY.search(concept.name):
                entry = _Entry("class", concept.name, concept.id, "exact", 0.95, is_weak=True)
                entries.setdefault(_key(concept.name), entry)
        for text in _PLACEBO_NAMES:
            entries[_key(text)] = _Entry("placebo", text)
        return entries

    def _read_everyday(self, entries: dict[str, _Entry]) -> None:
        named = ((text, *of) for texts, *of in _table("everyday_drugs.tsv") for text in texts.split("|"))
        for text, id, name in named:
            key = _key(text)
            concept = self._concepts.get(id)
            if concept is not None:
                target, kind = self._targets(concept)[0], "class" if self._is_group(concept) else "drug"
            elif (known := entries.get(_key(name))) is not None and known.concept_id:
                target, kind = known.concept_id, known.kind
            else:
                continue
            trees = concept.attributes.get("tree_numbers", "") if concept is not None else ""
            is_genus = trees.startswith(_PLANTS) and " " not in key and key == _key(name)
            is_weak = is_genus or trees.startswith(_COUNTED) or _is_weak(text, key)
            entries[key] = _Entry(kind, text, target, "variant", 0.98, (1, 0, False, target), is_weak)

    def _read_combinations(self, entries: dict[str, _Entry]) -> None:
        for names, drugs in _table("regimens.tsv"):
            found = [entries.get(_key(drug)) for drug in drugs.split("|")]
            parts = tuple((part.concept_id, part.name) for part in found if part is not None and part.concept_id)
            if len(parts) == len(found):
                for name in names.split("|"):
                    entries[_key(name)] = _Entry("combination", name, None, "combination", 0.95, components=parts)


class DrugLinker:
    """Links the drugs of interventions, and of any text, to the drugs of the vocabularies that are loaded."""

    def __init__(self, concepts: Concepts) -> None:
        self._concepts = concepts
        lexicon = concepts.kept("drugs", _Lexicon, lambda: _Reader(concepts).lexicon())
        self._entries = lexicon.entries
        self._same = lexicon.same
        self._therapies = lexicon.therapies
        patterns = sorted(self._entries)
        self._patterns = [*patterns, *TRIGGERS]
        self._by_pattern = [self._entries[pattern] for pattern in patterns]
        self._by_pattern += [_Entry("trigger", text, method=trigger) for text, trigger in TRIGGERS.items()]
        self._matcher = Matcher([*lexicon.written, *TRIGGERS])

    @cached_property
    def _safe(self) -> dict[str, _Entry]:
        """Names that may be looked up in another spelling or with mistakes."""
        return {
            key: entry
            for key, entry in self._entries.items()
            if entry.kind == "drug" and not entry.is_weak and len(key) >= 6 and key.replace(" ", "").isalpha()
        }

    @cached_property
    def _by_spelling(self) -> dict[str, _Entry]:
        spellings = self._concepts.kept("drug-spellings", _Spellings, self._spellings)
        return {spelling: self._entries[key] for spelling, key in spellings.of.items()}

    def _spellings(self) -> _Spellings:
        found: dict[str, str] = {}
        several: set[str] = set()
        joined = [(key.replace(" ", ""), key) for key in self._safe if " " in key and len(key) > 11]
        for written, key in [*((key, key) for key in self._safe), *joined]:
            spelling = spelling_key(written)
            entry, other = self._safe[key], self._safe[found.setdefault(spelling, key)]
            if other.concept_id != entry.concept_id:
                if entry.rank[0] == other.rank[0]:
                    several.add(spelling)
                elif entry.rank < other.rank:
                    found[spelling] = key
        return _Spellings(
            {spelling: key for spelling, key in found.items() if spelling not in several and len(spelling) > 4}
        )

    @cached_property
    def _by_code(self) -> dict[str, _Entry]:
        """Names with digits, by their letters and digits alone: "MK 3475" and "mk-3475" are one code."""
        found: dict[str, _Entry] = {}
        for key, entry in self._entries.items():
            code = key.replace(" ", "")
            if entry.kind == "drug" and 4 <= len(code) <= 20 and not code.isalpha() and not code.isdigit():
                found.setdefault(code, entry)
        return found

    @cached_property
    def _by_letter(self) -> dict[str, LikeNames]:
        """Names that candidates and mistaken spellings are sought among, by first letter."""
        found: dict[str, list[str]] = defaultdict(list)
        for key, entry in self._entries.items():
            if entry.kind in ("drug", "class") and 4 <= len(key) <= 60:
                found[key[0]].append(key)
        return {letter: LikeNames(names) for letter, names in found.items()}

    # ---------------------------------------------------------------------------------------------------------- links
    def names_in_text(self) -> list[str]:
        """The names that texts are searched for, as the search compares them."""
        return [pattern for pattern in self._patterns if pattern]

    def link(self, texts: Sequence[str], types: Sequence[str | None] | None = None) -> list[list[Link]]:
        """The links of each text, in order; `types` are those of the interventions (DRUG ...), None for prose.

        Lines below a type are other names that the Record gives the entry: where its own name tells no
        drug, and they tell one alone, it is that.
        """
        hints = types if types is not None else [None] * len(texts)
        asked = [(text, *_told(hint)) for text, hint in zip(texts, hints, strict=True)]
        distinct = sorted(set(asked), key=lambda one: (one[0], one[1] or "", one[2]))
        hits, said = self._hits([text for text, *_ in distinct])
        made = {one: self._link(one[0], one[1], hits.get(at, []), said.get(at, [])) for at, one in enumerate(distinct)}
        unknown = {one: place for one in distinct if one[2] and (place := _one_unlinked_drug(made[one])) is not None}
        if not unknown:
            return [made[one] for one in asked]
        others = sorted({name for _, _, names in unknown for name in names})
        known = dict(zip(others, map(self._sole_drug, others, self.link(others, ["DRUG"] * len(others))), strict=True))
        for one, place in unknown.items():
            told = [link for name in one[2] if (link := known[name]) is not None]
            if len({link.concept_id for link in told}) == 1:
                made[one][place] = msgspec.structs.replace(
                    made[one][place], concept_id=told[0].concept_id, method="other_name", score=0.85,
                    matched=told[0].matched, candidates=[],
                )  # fmt: skip
        return [made[one] for one in asked]

    def _sole_drug(self, name: str, links: list[Link]) -> Link | None:
        """The one drug, no group of them, that a name is about beside its dose and form; None for any other name."""
        if len(links) != 1 or links[0].concept_id is None or links[0].kind != "drug" or links[0].is_negated:
            return None
        (link,) = links
        entry = self._entries.get(_key(link.matched))
        rest = _WORD.findall(name[: link.start]) + _WORD.findall(name[link.end :])
        return link if (entry is None or entry.kind == "drug") and all(map(_is_noise, rest)) else None

    def find(self, texts: Sequence[str]) -> list[list[Link]]:
        """The links of the drugs that prose names, in order; what only resembles a name is not looked for."""
        distinct = sorted(set(texts))
        hits, said = self._hits(distinct)
        made = {
            text: self._named(text, None, hits.get(at, []), said.get(at, []))[0] for at, text in enumerate(distinct)
        }
        return [sorted(made[text], key=_place) for text in texts]

    def _hits(self, texts: Sequence[str]) -> tuple[dict[int, list[_Hit]], dict[int, list[Said]]]:
        """Where names and words that negate stand in each text that has any."""
        closed = [_closed(_without_marks(text)) for text in texts]
        found = self._matcher.find([text for text, _ in closed])
        hits: dict[int, list[_Hit]] = {}
        said: dict[int, list[Said]] = {}
        columns = (found.text.tolist(), found.start.tolist(), found.end.tolist(), found.name.tolist())
        by_pattern, patterns = self._by_pattern, self._patterns
        for at, start, end, name in zip(*columns, strict=True):
            entry = by_pattern[name]
            if gaps := closed[at][1]:
                start, end = gaps[start], gaps[end - 1] + 1
                end += _is_open(texts[at], start, end)
            if entry.kind == "trigger":
                said.setdefault(at, []).append(Said(start, end, TRIGGERS[entry.name]))
            elif entry.kind != "procedure" or len(texts[at]) <= _LONGEST_NAME:
                hits.setdefault(at, []).append(_Hit(start, end, entry, entry.method, entry.score, patterns[name]))
        return hits, said

    def _named(self, text: str, type: str | None, hits: list[_Hit], said: list[Said]) -> tuple[list[Link], list[_Hit]]:
        """The links of the names that stand in a text for what they say, and what they were made of."""
        if not hits:
            return [], hits
        hits = _with_placebos(text, _with_salts(text, hits))
        kept = [hit for hit in hits if not hit.is_absorbed and self._stands(text, hit, type, hits)]
        kept = [hit for hit, behind in zip(kept, [*kept[1:], None], strict=False) if not _is_told(text, hit, behind)]
        if any(hit.entry.kind == "class" for hit in kept):
            members = [hit.key for hit in kept if hit.entry.kind == "drug" and " " in hit.key]
            kept = [hit for hit in kept if not (members and _is_said_narrower(hit, members))]
        links = [link for hit in kept for link in _links_of(text, hit, said)]
        if any(text.startswith((" (", "("), hit.end) or text.startswith("(", hit.start - 1) for hit in kept):
            links += _abbreviated(text, links)
        return links, kept

    def _link(self, text: str, type: str | None, hits: list[_Hit], said: list[Said]) -> list[Link]:
        if type in GIVEN_AS_DRUGS and ", " in text and (natural := uninverted(text.strip())) != text.strip():
            entry = self._entries.get(_key(natural))
            if entry is not None and entry.kind in ("drug", "class"):
                return [_linked(text, *_trimmed(text, 0, len(text)), entry, "reordered", 0.97)]
        links, kept = self._named(text, type, hits, said)
        if len(text) <= (_LONGEST_PROSE if type is None else _LONGEST_NAME):
            links += self._rest(text, type, kept, links)
        if type in GIVEN_AS_DRUGS and not any(link.kind == "drug" for link in links):
            links = [
                msgspec.structs.replace(link, kind="drug") if link.concept_id in self._therapies else link
                for link in links
            ]
        is_named = any(link.kind != "drug" for link in links) or (type in GIVEN_AS_DRUGS and links)
        if type is not None and not is_named:
            start, end = _trimmed(text, 0, len(text))
            if start < end:
                links.append(_unlinked(text, start, end, "none", _KIND_OF_TYPE.get(type, "other")))
        if type is None and not links and (kind := _kind_without_drug(text)):
            links.append(_unlinked(text, *_trimmed(text, 0, len(text)), "none", kind))
        return sorted(links, key=_place)

    def _stands(self, text: str, hit: _Hit, type: str | None, hits: list[_Hit]) -> bool:
        """Whether a hit means what it says, or the words around it make it something else."""
        entry = hit.entry
        if entry.kind == "placebo":
            return entry.name != "vehicle" or type in GIVEN_AS_DRUGS or "placebo" in text.lower()
        if entry.is_weak and not (type in GIVEN_AS_DRUGS or (type is None and _may_be_given(text, hit, hits))):
            return False
        if entry.method == "abbreviation" and not _may_abbreviate(text, hit, hits):
            return False
        if text.startswith("-", hit.start - 1) and _RADICAL_BEFORE.search(text, max(0, hit.start - 15), hit.start):
            return False
        is_glued = text.startswith("-", hit.end) and _GLUED_BEHIND.match(text, hit.end)
        if is_glued or text[max(0, hit.start - 10) : hit.start].lower().endswith(_GLUED_BEFORE):
            return False
        if (
            entry.method != "code"
            and text.startswith("-", hit.end)
            and _CODE_GOES_ON.match(text, hit.start, hit.end + 9)
        ):
            return False
        is_of_many = entry.name.endswith(_KINDS_OF_MANY) and hit.key.count(" ") <= 2
        if (entry.kind == "class" or is_of_many) and not _is_whole_group(text, hit, type):
            return False
        if (
            entry.kind != "procedure"
            and text[hit.end : hit.end + 1] in _GOES_ON
            and (head := _IDENTITY_BEHIND.match(text, hit.end, hit.end + 60))
        ):
            place = head.start("head")
            if head["head"].lower().startswith("concentration") and _is_noise(text[: head.start("head")].split()[-1]):
                return not entry.is_weak or _is_given(text, hit, type, hits)
            is_covered = any(other.start <= place < other.end for other in hits)
            # a noun that repeats what the name says changes nothing: "BCG vaccine vaccination"
            if not is_covered and head["head"].lower()[:6] not in entry.name.lower():
                return False
        return not entry.is_weak or _is_given(text, hit, type, hits)

    # ----------------------------------------------------------------------------------- where no name was found
    def _rest(self, text: str, type: str | None, kept: list[_Hit], known: list[Link]) -> list[Link]:
        """Links and mentions in the stretches that no name was found in."""
        is_drug = type in GIVEN_AS_DRUGS
        taken = [(link.start, link.end) for link in known]
        has_drug = any(link.kind == "drug" for link in known)
        links: list[Link] = []
        unknown: list[tuple[int, int]] = []
        aside: list[tuple[int, int]] = []
        for start, end, is_aside in _stretches(text, taken):
            if any(low < end and start < high for low, high in taken):
                continue
            if kind := _other_kind(text[start:end], is_drug):
                if not (is_aside and (has_drug or unknown)):
                    links.append(_unlinked(text, *_trimmed(text, start, end), "exact", kind))
                continue
            if (type is not None and not is_drug) or (core := _core(text, start, end)) is None:
                continue
            if (is_drug and (found := self._vaccines(text, start, end))) or (
                found := self._again(text, *core, is_drug or _is_dose_beside(text, *core))
            ):
                links += found
                has_drug = True
            elif named := _apposed(text, *core, kept):
                links.append(named)
            elif not is_aside:
                unknown.append(core)
            elif not has_drug:
                aside.append(core)
        if kept and all(hit.entry.kind == "placebo" for hit in kept):
            unknown, aside = (
                [place for place in places if not any(_is_imitated(text, *place, hit) for hit in kept)]
                for places in (unknown, aside)
            )
        if is_drug:
            unknown = _as_one(text, unknown or ([] if has_drug or links else aside[:1]))
        for low, high in unknown:
            # what brackets behind it say in names that are known: "MCN (methylene blue, vitamin C)"
            if any(hit.entry.kind != "placebo" and _SAID_AGAIN.fullmatch(text, high, hit.start) for hit in kept):
                continue
            if _is_mention(text, low, high, type, bool(kept)):
                method = "code" if _CODE.fullmatch(text, low, high) else "none"
                kind = "dietary" if type == "DIETARY_SUPPLEMENT" else "drug"
                links.append(_unlinked(text, low, high, method, kind, self._nearest(text[low:high])))
        return links

    def _vaccines(self, text: str, start: int, end: int) -> list[Link]:
        """A vaccine by what it is against, in words that no vocabulary has: "live Vero cell-derived H5N1 vaccine"."""
        if not _VACCINE.search(text, start, end):
            return []
        names = (name for against, name in said_of.VACCINES if against.search(text, start, end))
        known = (entry for name in names if (entry := self._entries.get(_key(name))) and entry.concept_id)
        return [_linked(text, *_trimmed(text, start, end), entry, "reordered", 0.85) for entry in known]

    def _again(self, text: str, low: int, high: int, is_drug: bool) -> list[Link]:
        """Look up once more: as a code, in another spelling, with small mistakes."""
        patterns = (_CODE, _SMALL_CODE) if is_drug else (_CODE,)
        places = [match.span() for pattern in patterns for match in pattern.finditer(text, low, high)]
        links: list[Link] = []
        for start, end in [*places, (low, high)] if is_drug else places:
            if any(link.start < end and start < link.end for link in links):
                continue
            entry = self._by_code.get(_key(text[start:end]).replace(" ", ""))
            if entry is not None:
                links.append(_linked(text, start, end, entry, "code", 0.95))
        if not links:
            whole = [(low, high)] if is_drug and " " in text[low:high] else []
            for start, end in [*whole, *(word.span() for word in _NAME_OR_WORD.finditer(text, low, high))]:
                if not any(link.start < end and start < link.end for link in links) and (
                    link := self._respelt(text, start, end, is_drug)
                ):
                    links.append(link)
        return [_with_salt(text, link) for link in links if not _is_turned(text, link)]

    def _respelt(self, text: str, start: int, end: int, is_drug: bool) -> Link | None:
        key = _key(_TRADEMARK.sub("", text[start:end]))
        if len(key) < 6 or not key.replace(" ", "").isalpha() or key in said_of.NOISE:
            return None
        if key in self._entries:
            glued = self._entries[key]
            is_safe = glued.concept_id is not None and not glued.is_weak and text[end : end + 1].isdigit()
            return _linked(text, start, end, glued, glued.method, glued.score) if is_safe else None
        entry = self._by_spelling.get(spelling_key(key)) if min(map(len, key.split())) > 3 else None
        if entry is not None and (is_drug or len(key) >= 7):
            return _linked(text, start, end, entry, "variant", 0.92)
        if " " not in key and (len(key) < 8 or _ORDINARY.search(key) or not (is_drug or _STEM.search(key))):
            return None
        guess = self._guess(key)
        return _linked(text, start, end, guess[0], "fuzzy", guess[1]) if guess else None

    def _guess(self, key: str) -> tuple[_Entry, float] | None:
        """The one name that a misspelt word must be, and the likeness; None where two drugs are about as near."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        allowed = 1 if len(key) < 10 or " " in key or _SYSTEMATIC.search(key) else 2
        if (names := self._by_letter.get(key[0])) is None:
            return None
        near = process.extract(
            key, names.within(key, allowed + 1), scorer=OSA.distance, score_cutoff=allowed + 1, limit=12
        )
        near = sorted(near, key=lambda found: (found[1], found[0]))
        if not near:
            return None
        best, distance, _ = near[0]
        entry = self._safe.get(best)
        if entry is None or distance > allowed or best.count(" ") != key.count(" "):
            return None
        if entry.rank[0] > (distance == 1 and len(key) >= _LONG_NAME):
            return None
        if any(len(word) < 7 for word, other in zip(key.split(), best.split(), strict=True) if word != other):
            return None
        bones = _VOWELS.sub("", key)
        for other, far, _ in near:
            # a name as near, or one letter further unless only a vowel was mistaken: either may be meant
            is_rival = far == distance or (far == distance + 1 and bones != _VOWELS.sub("", best))
            if is_rival and self._entries[other].concept_id != entry.concept_id:
                return None
        if key[:2] != best[:2] and key[-3:] != best[-3:]:
            return None
        return entry, round(1 - distance / max(len(key), len(best)), 3)

    def _nearest(self, said: str) -> list[Candidate]:
        from rapidfuzz import process
        from rapidfuzz.distance import JaroWinkler

        key = _key(said)
        if len(key) < 3:
            return []
        if (names := self._by_letter.get(key[0])) is None:
            return []
        near = process.extract(key, names.like(key, 0.8), scorer=JaroWinkler.similarity, score_cutoff=0.8, limit=9)
        found: dict[str, Candidate] = {}
        for name, score, _ in sorted(near, key=lambda item: (-item[1], item[0])):
            entry = self._entries[name]
            if entry.concept_id and entry.concept_id not in found:
                concept = self._concepts.get(entry.concept_id)
                found[entry.concept_id] = Candidate(
                    entry.concept_id, concept.name if concept else entry.name, round(score, 3)
                )
        return list(found.values())[:3]

    # ------------------------------------------------------------------------------------- mechanisms and approval
    def same(self, concept_id: str) -> list[str]:
        """The concepts of all vocabularies that are the same drug, by cross-reference or by name, in order."""
        same = {concept_id, *self._concepts.equivalents(concept_id), *self._same.get(concept_id, ())}
        return sorted(same, key=lambda id: (_precedence(id), id))

    def mechanisms(self, concept_id: str) -> Iterator[Mechanism]:
        """The targets of a linked drug, as each vocabulary that knows it gives them: rows of the drug_moa table."""
        for id in self.same(concept_id):
            yield from self._concepts.mechanisms(id)

    def columns(self, concept_id: str) -> dict[str, str | float | bool | None]:
        """The columns of the published `drugs` table that a linked drug fills; None for what no vocabulary says.

        rx_normalized_name, rx_source, rx_mapping_id (RXCUI), drugbank_name, drugbank_id, drugbank_mesh_id,
        fda_approved, ema_approved, pmda_approved, and drug_moa_id (the concept whose mechanisms are known).
        """
        same = [concept for id in self.same(concept_id) if (concept := self._concepts.get(id))]
        first: dict[str, Concept] = {}
        for concept in same:
            first.setdefault(concept.id.partition(":")[0], concept)
        rx, bank, mesh = first.get("RXCUI"), first.get("DRUGBANK"), first.get("MESH")
        columns: dict[str, str | float | bool | None] = {
            "rx_normalized_name": rx.name if rx else None,
            "rx_source": "RxNorm" if rx else None,
            "rx_mapping_id": float(rx.id.partition(":")[2]) if rx else None,
            "drugbank_name": bank.name if bank else None,
            "drugbank_id": bank.id.partition(":")[2] if bank else None,
            "drugbank_mesh_id": mesh.id.partition(":")[2] if mesh else None,
        }
        for agency in _APPROVALS:
            said = [concept.attributes[agency] for concept in same if agency in concept.attributes]
            columns[agency] = "true" in said if said else None
        columns["drug_moa_id"] = next(
            (concept.id for concept in same if next(self._concepts.mechanisms(concept.id), None)), None
        )
        return columns


# ------------------------------------------------------------------------------------------------- names of concepts
_NO_ENTRY = _Entry("drug", "")


def _closed(text: str) -> tuple[str, list[int]]:
    """A name in which brackets and dots leave one space, as in the matcher's patterns, and where its letters stood.

    "St. John's wort" and "vaccine (live) oral" are found then. Commas keep names apart. Long texts stay as they are.
    """
    if len(text) > _LONGEST_NAME or not _GAP.search(text):
        return text, []
    kept: list[int] = []
    pieces: list[str] = []
    last = 0
    for gap in _GAP.finditer(text):
        kept += range(last, gap.start() + 1)
        pieces.append(text[last : gap.start() + 1])
        last = gap.end()
    kept += range(last, len(text))
    return "".join([*pieces, text[last:]]), kept


def _is_open(text: str, start: int, end: int) -> bool:
    """Whether the bracket that closes one inside a name stands right behind it."""
    brackets = {")": "(", "]": "["}.get(text[end : end + 1])
    return brackets is not None and text.count(brackets, start, end) > text.count(text[end], start, end)


def _without_marks(text: str) -> str:
    if not text.isascii():
        for mark, replacement in _MARKS:
            text = text.replace(mark, replacement)
    return text


@lru_cache(maxsize=1 << 16)
def _key(text: str) -> str:
    """What the matcher compares: words in small letters, without marks, one space between them."""
    return b" ".join(fold(_without_marks(text)).lower().split()).decode("latin-1")


def _names_of_drugbank(drugs: list[Concept]) -> dict[str, str]:
    """The DrugBank entry of each name: where it is the preferred one, else of the entry with the lowest number."""
    found: dict[str, tuple[int, bool, str]] = {}
    for concept in drugs:
        if concept.id.startswith(f"{_VOCABULARY_ORDER[0]}:"):
            for name in concept.names:
                if name.kind in ("preferred", "exact"):
                    key = _key(name.text)
                    rank = (_SURENESS[name.kind], name.text.lower() != key, concept.id)
                    found[key] = min(found.get(key, rank), rank)
    return {key: id for key, (_, _, id) in found.items()}


def _table(name: str) -> list[tuple[str, ...]]:
    text = (resources.files("trialpanorama.ontologies") / "builtin" / name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines() if line and not line.startswith("#")]


def _precedence(id: str) -> int:
    prefix = id.partition(":")[0]
    return _VOCABULARY_ORDER.index(prefix) if prefix in _VOCABULARY_ORDER else len(_VOCABULARY_ORDER)


def _trees(concept: Concept) -> list[str]:
    said = concept.attributes.get("tree_numbers")
    return said.split(";") if said else []


def _is_form(concept: Concept) -> bool:
    """Whether a concept is a dosage form, such as tablets."""
    trees = _trees(concept)
    return bool(trees) and all(tree.startswith(_FORMS_OF_MEDICINES) for tree in trees)


def _is_weak(text: str, key: str) -> bool:
    """Whether a name says too little by itself: a food, a laboratory value, a few letters."""
    letters = key.replace(" ", "")
    return (
        key in said_of.WEAK_NAMES
        or key in said_of.WEAK_PHRASES
        or len(letters) <= 3
        or (len(letters) <= 4 and (" " in key or text.islower()))
    )


def _entries_of(concept: Concept, targets: list[str], is_group: bool) -> Iterator[tuple[str, _Entry]]:
    """The names of a concept with what they stand for, by their keys."""
    kind = "class" if is_group else "drug" if len(targets) == 1 else "combination"
    target = targets[0]
    # a chemical that MeSH alone has, and a name that its vocabulary warns of
    is_medicine = any(tree.startswith(_MEDICINES) for tree in _trees(concept))
    is_weak = (target.startswith("MESH:") and not is_medicine) or "is_common_word" in concept.attributes
    is_salt, is_brand = "salt_of" in concept.attributes, concept.attributes.get("term_type") in _BRANDS
    names = [(name.text, name.kind) for name in concept.names]
    if "ingredient" in concept.attributes and not is_brand and concept.attributes.get("term_type") != "MIN":
        # a product with its strength and form: only its brand is a name of the drug
        names = [(concept.attributes["brand"], "brand")] if "brand" in concept.attributes else []
    if target.startswith("ATC:"):
        # places in the classification rather than names: "other antibiotics", "lopinavir and ritonavir"
        names = [(text, name_kind) for text, name_kind in names if not _OF_SEVERAL.search(text)]
    for text, name_kind in names:
        if name_kind not in _SURENESS or (name_kind == "related" and not concept.id.startswith("DRUGBANK:")):
            continue
        if _MEASURED.search(text):
            continue
        if is_brand:
            name_kind = "brand"
        method = "salt" if is_salt and name_kind in ("preferred", "exact") else _METHODS.get(name_kind, "exact")
        for spelt, step in _spelt(text, concept.id):
            key = _key(spelt)
            if len(key) < 2 or len(key) > 150 or key.isdigit() or key in said_of.NEVER_NAMES:
                continue
            rank = (_SURENESS[name_kind] + step, _precedence(target), spelt.lower() != key, target)
            weak = is_weak or name_kind == "related" or _is_weak(spelt, key)
            if kind == "combination":
                parts = tuple((id, id) for id in targets)
                yield key, _Entry(kind, spelt, None, "combination", 0.97, rank, weak, parts)
            else:
                method_here, score = (method, 1.0) if step == 0 else ("variant", 0.95)
                yield key, _Entry(kind, spelt, target, method_here, score, rank, weak)


def _spelt(text: str, id: str) -> Iterator[tuple[str, int]]:
    """The name, then other ways to write it, with how far each is from it."""
    yield text, 0
    if (plain := _QUALIFIER.sub("", text)) != text and len(plain) > 4:
        yield plain, 1
    if (cold := _ISOTOPE.sub("", text)) != text and len(cold) > 4:
        yield cold, 2
    if id.startswith("MESH:"):
        natural = uninverted(text)
        yield natural, 1
        for name in (text, natural):
            if name.endswith("s") and not name.endswith(_NO_SINGULAR) and len(name) > 6:
                yield name[:-1], 1
    lower = text.lower()
    for british, american in (("sulph", "sulf"), ("oestr", "estr")):
        if british in lower:
            yield lower.replace(british, american), 1
        elif american in lower:
            yield lower.replace(american, british), 1
    if len(text) <= 20:
        if re.search(r"[A-Za-z]{2,}[- ]\d{2,}", text):
            yield re.sub(r"(?<=[A-Za-z])[- ](?=\d)", "", text), 1
        elif re.fullmatch(r"[A-Za-z]{2,6}\d{2,}[A-Za-z]?", text):
            yield re.sub(r"(?<=[A-Za-z])(?=\d)", "-", text, count=1), 1
    if "alfa" in text:
        yield text.replace("alfa", "alpha"), 1
    if "cells " in text:
        yield text.replace("cells ", "cell "), 1
    for word, letter in _GREEK:
        if word in text:
            yield text.replace(word, letter), 1
            yield text.replace(f"{word}-", letter), 1


# ------------------------------------------------------------------------------------------------- around a name
def _told(hint: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The type and the other names of an entry, of what stands beside its name."""
    if hint is None:
        return None, ()
    type, *names = hint.split("\n")
    return type or None, tuple(name for name in names if name.strip())


def _one_unlinked_drug(links: list[Link]) -> int | None:
    """The place of the only drug among links, if it has no concept."""
    drugs = [place for place, link in enumerate(links) if link.kind == "drug"]
    return drugs[0] if len(drugs) == 1 and links[drugs[0]].concept_id is None else None


def _linked(text: str, start: int, end: int, entry: _Entry, method: str, score: float) -> Link:
    return Link(start, end, text[start:end], entry.concept_id, method, score, entry.name, kind="drug")


def _unlinked(text: str, start: int, end: int, method: str, kind: str, candidates: Sequence[Candidate] = ()) -> Link:
    score = 0.9 if method == "exact" else 0.0
    return Link(start, end, text[start:end], None, method, score, kind=kind, candidates=list(candidates))


def _place(link: Link) -> tuple[int, int, str, str]:
    return link.start, link.end, link.concept_id or "", link.kind


def _links_of(text: str, hit: _Hit, said: list[Said]) -> Iterator[Link]:
    entry, words = hit.entry, text[hit.start : hit.end]
    negated, history = _asserted(text, hit.start, hit.end, said) if said else (False, False)
    if entry.kind == "combination":
        for id, name in entry.components:
            because = entry.name if id == name else f"{entry.name}: {name}"
            yield Link(hit.start, hit.end, words, id, hit.method, hit.score, because, [], negated, history, "drug")
    else:
        kind = "drug" if entry.kind == "class" else entry.kind
        yield Link(
            hit.start, hit.end, words, entry.concept_id, hit.method, hit.score, entry.name, [], negated, history, kind
        )


def _is_told(text: str, hit: _Hit, behind: _Hit | None) -> bool:
    """Whether a group of medicines stands only for those that are named right behind it."""
    if behind is None or hit.entry.kind != "class":
        return False
    is_same = behind.entry.concept_id == hit.entry.concept_id
    is_member = behind.entry.kind in ("drug", "combination") or is_same
    return is_member and _MEMBERS.fullmatch(text, hit.end, behind.start) is not None


def _is_said_narrower(hit: _Hit, members: list[str]) -> bool:
    """Whether a group of medicines says again what a member's name says: "alpha-interferon (vials of interferon)"."""
    return hit.entry.kind == "class" and any(member.endswith(f" {hit.key}") for member in members)


def _asserted(text: str, start: int, end: int, said: list[Said]) -> tuple[bool, bool]:
    """Whether the text says that what stands here is absent, and that it is past."""
    place = bisect_right(said, start, key=lambda trigger: trigger.end)
    negated = history = False
    if place and start - said[place - 1].end <= REACH:
        negated, history = said_before(text, start, said[max(0, place - 5) : place])
    if place < len(said) and end <= said[place].start <= end + REACH:
        behind = said_behind(text, end, said[place])
        negated, history = negated or behind[0], history or behind[1]
    return negated, history


def _abbreviated(text: str, links: list[Link]) -> list[Link]:
    """The abbreviations that a text defines for its drugs, there and later: "hydroxychloroquine (HCQ) ... HCQ"."""
    found: list[Link] = []
    taken = [(link.start, link.end) for link in links]
    for short in abbreviations(text):
        meant = [link for link in links if link.kind == "drug" and short.start <= link.start and link.end == short.end]
        if len(meant) != 1 or meant[0].start - short.start > 12:
            continue
        for match in re.finditer(rf"(?<![\w-]){re.escape(short.short)}(?![\w-])", text):
            if not any(low < match.end() and match.start() < high for low, high in taken):
                found.append(
                    msgspec.structs.replace(
                        meant[0], start=match.start(), end=match.end(), text=match[0], method="abbreviation", score=0.95
                    )
                )
                taken.append(match.span())
    return found


def _with_placebos(text: str, hits: list[_Hit]) -> list[_Hit]:
    """Give each placebo the drug that it imitates: "placebo to prednisone", "enalapril matching placebo"."""
    for place, hit in enumerate(hits):
        if hit.entry.kind != "placebo":
            continue
        if hit.entry.name == "vehicle" and text[max(0, hit.start - 3) : hit.start].lower() == "in ":
            hit.is_absorbed = True  # what is given is in it
            continue
        before = hits[place - 1] if place else hit
        if (
            not before.is_absorbed
            and before.entry.kind != "placebo"
            and hit.start - before.end <= _REACH
            and _PLACEBO_BEHIND.fullmatch(text, before.end, hit.start)
        ):
            before.is_absorbed = True
            hit.start = before.start
        joined = _PLACEBO_FOR
        for behind in hits[place + 1 :]:
            is_far = behind.start - hit.end > _REACH
            if is_far or behind.entry.kind == "placebo" or not joined.fullmatch(text, hit.end, behind.start):
                break
            behind.is_absorbed = True
            hit.end = behind.end
            joined = _ALSO_PLACEBO
    return hits


def _with_salts(text: str, hits: list[_Hit]) -> list[_Hit]:
    """Widen each drug over its salt, which may itself have been found as a name ("losartan potassium")."""
    kept: list[_Hit] = []
    for hit in hits:
        before = kept[-1] if kept else None
        if before is not None and hit.start < before.end:
            continue
        key = hit.key
        if hit.entry.kind == "drug" and key not in said_of.ELEMENTS:
            if (
                key in said_of.CARRIERS
                and (behind := _SALT_WORD.match(text, hit.end))
                and behind[1].lower() in said_of.ACTIVE_ACIDS
            ):
                # named after what it carries: arginine butyrate, dextran sulfate
                continue
            is_behind_element = before is not None and before.key in said_of.ELEMENTS
            if before is not None and is_behind_element and hit.start - before.end == 1:
                if not said_of.ELEMENTS.isdisjoint(key.split()):
                    # another substance than either: bismuth potassium citrate
                    kept.pop()
                    continue
                if key.endswith(("ate", "ite")):
                    kept.pop()
                    hit.start, hit.method, hit.score = before.start, "salt", min(hit.score, 0.95)
            end = _behind_salt(text, hit.end)
            if end > hit.end:
                hit.end, hit.method, hit.score = end, "salt", min(hit.score, 0.97)
            is_led = text[max(0, hit.start - 10) : hit.start].lower().endswith(_LEADS)
            leading = _LEADING_SALT.search(text, max(0, hit.start - 30), hit.start) if is_led else None
            if leading and (not kept or kept[-1].end <= leading.start()):
                hit.start, hit.method, hit.score = leading.start(), "salt", min(hit.score, 0.95)
        kept.append(hit)
    return kept


def _behind_salt(text: str, end: int) -> int:
    """Where the salt behind a drug's name ends."""
    while (
        text[end : end + 1] in _BEFORE_SALT
        and (word := _SALT_WORD.match(text, end))
        and word[1].lower() in said_of.SALTS
    ):
        behind = word.end()
        if ("(" in word[0]) != word[0].endswith(")") or (
            behind < len(text) and (text[behind].isalnum() or text[behind] == "-")
        ):
            break
        end = behind
    return end


def _with_salt(text: str, link: Link) -> Link:
    end = _behind_salt(text, link.end)
    return msgspec.structs.replace(link, end=end, text=text[link.start : end]) if end > link.end else link


def _is_turned(text: str, link: Link) -> bool:
    """Whether the words around a name make it something else."""
    is_prefixed = text[max(0, link.start - 10) : link.start].lower().endswith(_GLUED_BEFORE)
    return bool(is_prefixed or _GLUED_BEHIND.match(text, link.end) or _IDENTITY_BEHIND.match(text, link.end))


def _is_number(word: str) -> bool:
    return bool(_NUMBER.fullmatch(word))


@lru_cache(maxsize=1 << 16)
def _is_noise(word: str) -> bool:
    return said_of.NOISE.issuperset(_key(word).split()) or (_is_number(word) and not _CODE.fullmatch(word))


def _is_whole_group(text: str, hit: _Hit, type: str | None) -> bool:
    """Whether a group of medicines is meant, not a member that the words beside it tell: "anti-CD20 antibodies"."""
    start = hit.start
    if ")" in text[start : hit.end] and text.startswith("(", start - 1):
        start -= 1
    before, behind = _WORD_BEFORE.search(text, max(0, start - 40), start), _WORD_BEHIND.match(text, hit.end)
    word = before[1] if before else ""
    is_part = bool(word) and word.lower() not in _JOINS and not _is_noise(word)
    is_strict = type in GIVEN_AS_DRUGS and hit.entry.kind == "class"
    if is_part and (is_strict or not word.isalpha() or word.isupper()):
        return False
    return not (behind and any(c.isdigit() for c in behind[1]) and not _AMOUNT.fullmatch(behind[1]))


def _may_abbreviate(text: str, hit: _Hit, hits: list[_Hit]) -> bool:
    """Whether a vocabulary's abbreviation may be meant: it has its capitals, and if short stands alone or by a drug.

    Where it is all that an entry says it may be in small letters.
    """
    said = text[hit.start : hit.end]
    if (said.istitle() and said != hit.entry.name) or _CODE_BEHIND.match(text, hit.end):
        return False
    is_small = said.islower()
    if len(said) > 3 and not is_small:
        return True
    is_alone = len(text) <= _SHORT_ENTRY and all(
        _is_noise(word) for word in _WORD.findall(text[: hit.start]) + _WORD.findall(text[hit.end :])
    )
    if is_small:
        return is_alone and len(said) > 3 and said not in COMMON_WORDS
    is_beside_drug = any(
        other.entry.kind == "drug"
        and other.entry.method != "abbreviation"
        and (_BESIDE.fullmatch(text, other.end, hit.start) or _BESIDE.fullmatch(text, hit.end, other.start))
        for other in hits
    )
    return len(said) > 2 and (is_alone or is_beside_drug)


def _is_dose_beside(text: str, low: int, high: int) -> bool:
    """Whether a dose or a form stands right before or behind some words."""
    return bool(_GIVEN_BEHIND.match(text, high) or _GIVEN_BEFORE.search(text[max(0, low - 25) : low]))


@lru_cache(maxsize=1 << 16)
def _may_be_form(word: str) -> bool:
    """Whether a word may be a form of medicine, or the beginning of one."""
    return word.lower() == "oral" or _DOSE_OR_FORM.search(word) is not None


def _is_dosed(text: str, hit: _Hit) -> bool:
    """Whether a dose or a form stands near a name."""
    start, end = max(0, hit.start - 20), hit.end + 25
    if not (_DIGIT.search(text, start, end) or any(map(_may_be_form, _WORD.findall(text, start, end)))):
        return False
    return _DOSE_OR_FORM.search(text, start, end) is not None


def _may_be_given(text: str, hit: _Hit, hits: list[_Hit]) -> bool:
    """Whether an entry without a type may give what a name of several meanings stands for."""
    if _is_dosed(text, hit) or (text.startswith("of ", hit.start - 3) and _is_amount_before(text, hit)):
        return True
    return len(text) <= _SHORT_ENTRY and _is_alone(text, hit, hits)


def _is_amount_before(text: str, hit: _Hit) -> bool:
    """Whether so much of it is given: "three doses of", "200 micrograms"."""
    return (
        text.startswith(" ", hit.start - 1) and _AMOUNT_OF.search(text[max(0, hit.start - 30) : hit.start]) is not None
    )


def _is_alone(text: str, hit: _Hit, hits: list[_Hit]) -> bool:
    """Whether an entry consists of names, one of which this is; a food or a laboratory value alone may be measured."""
    is_ambiguous = hit.key in said_of.WEAK_NAMES or hit.key in said_of.WEAK_PHRASES
    if len(text) > _SHORT_ENTRY or is_ambiguous or any(hit.key in words for _, words in said_of.WITHOUT_DRUG):
        return False
    place = 0
    for other in hits:
        if other.entry.kind == "procedure":
            return False
        if not all(map(_is_noise, _WORD.findall(text[place : other.start]))):
            return False
        place = other.end
    return all(map(_is_noise, _WORD.findall(text[place:])))


def _is_given(text: str, hit: _Hit, type: str | None, hits: list[_Hit]) -> bool:
    """Whether a name of several meanings, in prose beside a dose, stands for something that is given here."""
    is_drug = type in GIVEN_AS_DRUGS or (type is None and _is_alone(text, hit, hits))
    start, end = _stretch(text, hit.start, hit.end)
    words = _WORD.findall(text[start : hit.start]) + _WORD.findall(text[hit.end : end])
    others = [word for word in words if not _is_noise(word) and _key(word) not in said_of.FUNCTION_WORDS]
    said = text[hit.start : hit.end]
    is_short = len(hit.key) <= 3
    is_head = not hit.start and bool(_FROM.match(text, hit.end))
    if is_drug and (not others or is_head):
        return not is_short or not said.islower() or said == hit.entry.name
    if _is_amount_before(text, hit):
        return not is_short or not said.islower()
    near = text[max(start, hit.start - 20) : min(end, hit.end + 25)]
    is_dosed = _DOSE_OR_FORM.search(near) or _GIVEN_BEHIND.match(text, hit.end)
    return not is_short and len(others) <= 3 and bool(is_dosed)


def _stretch(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch between two separators that a place lies in, at most 80 characters to either side."""
    low = max(0, start - 80)
    for match in _SPLIT.finditer(text, low, start):
        low = match.end()
    high = min(len(text), end + 80)
    behind = _SPLIT.search(text, end, high)
    return low, behind.start() if behind else high


def _stretches(text: str, taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    """The stretches between separators that lie in nothing taken; whether each stands in brackets."""
    start, depth = 0, 0
    for match in _SPLIT.finditer(text):
        if any(low < match.end() and match.start() < high for low, high in taken):
            continue
        if start < match.start():
            yield start, match.start(), depth > 0
        depth = max(0, depth + (match[0] in "([") - (match[0] in ")]"))
        start = match.end()
    if start < len(text):
        yield start, len(text), depth > 0


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not (text[start].isalnum() or text[start] in "(["):
        start += 1
    while start < end and not (text[end - 1].isalnum() or text[end - 1] in ")]%®™"):
        end -= 1
    return start, end


def _core(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A stretch without the doses, forms and schedules at its ends, up to its first function word."""
    names: list[tuple[int, int]] = []
    for word in _WORD.finditer(text, start, end):
        if _key(word[0]) in said_of.FUNCTION_WORDS:
            if names:
                break
        elif not _is_noise(word[0]):
            code = _CODE.match(text, word.start(), end) or _SMALL_CODE.match(text, word.start(), end)
            names.append(code.span() if code and code.end() > word.end() else word.span())
    return (names[0][0], names[-1][1]) if names else None


def _as_one(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Unknown words of one part of a name as one mention: "ALVAC-HIV MN120TMG", "rgp120/HIV-1"."""
    found: list[tuple[int, int]] = []
    for low, high in places:
        if found and _ONE_THING.fullmatch(text, found[-1][1], low):
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def _other_kind(said: str, is_drug: bool) -> str | None:
    """What a stretch without a drug's name is, where its words say so."""
    if len(said) > 120:
        return None
    for kind, pattern in said_of.OTHER_KINDS:
        if pattern.search(said) and not (
            is_drug and (kind == "dietary" or (kind != "other" and _THERAPY_HEAD.search(said)))
        ):
            return kind
    return None


@lru_cache(maxsize=1 << 16)
def _is_of_medicine(word: str) -> bool:
    """Whether a word says that something is given, or has the ending of a drug's name."""
    if any(pattern.search(word) for pattern in (_DOSE_OR_FORM, _THERAPY_HEAD, _TAKEN)):
        return True
    return len(word) >= 7 and bool(_STEM.search(word)) and not _ORDINARY.search(word)


def _kind_without_drug(text: str) -> str | None:
    """What an entry without a type is in which nothing was found; None where it may name a drug after all."""
    if len(text) > _LONGEST_NAME or not (words := _WORD.findall(text)):
        return None
    if len(text) <= _LONGEST_PROSE and all(
        _is_noise(word) or said_of.LABELS.issuperset(_key(word).split()) for word in words
    ):
        return "other"
    said = {word.lower() for word in words}
    kind = next((kind for kind, of_kind in said_of.WITHOUT_DRUG if not of_kind.isdisjoint(said)), None)
    if kind is None or any(map(_is_of_medicine, words)):
        return None
    return None if _CODE.search(text) or _DOSE_OR_FORM.search(text) or _TRADEMARK.search(text) else kind


def _apposed(text: str, low: int, high: int, kept: list[_Hit]) -> Link | None:
    """A code or brand beside the name of the drug that it is: "Vazegepant (BHV-3500)", "BMS-936558 (nivolumab)"."""
    said = text[low:high]
    is_brand = bool(_TRADEMARK.search(text, low, high + 4)) or (said.isupper() and len(said) >= 5 and said.isalpha())
    if not is_brand and not _CODE.fullmatch(said):
        return None
    for hit in kept:
        is_beside = _APPOSED.fullmatch(text, hit.end, low) or _APPOSED.fullmatch(text, high, hit.start)
        # nothing else may be named before: in "A/ritonavir (A-001)" the code may be that of either
        is_first = all(_is_noise(word) for word in _WORD.findall(text[: min(low, hit.start)]))
        if hit.entry.kind == "drug" and is_beside and is_first:
            return _linked(text, low, high, hit.entry, "context", 0.85)
    return None


def _is_imitated(text: str, low: int, high: int, placebo: _Hit) -> bool:
    """Whether a placebo imitates what unknown words name: "placebo (QZX-12)", "QZX-12 matching placebo"."""
    if high <= placebo.start:
        return _PLACEBO_BEHIND.fullmatch(text, high, placebo.start) is not None
    between = text[placebo.end : low]
    is_joined = between[:1] == "/" or _BESIDE_PLACEBO.search(between)
    return not is_joined and all(map(_is_noise_or_like, _WORD.findall(between)))


@lru_cache(maxsize=1 << 12)
def _is_noise_or_like(word: str) -> bool:
    return _is_noise(word) or _LIKE.fullmatch(word) is not None


def _is_mention(text: str, low: int, high: int, type: str | None, has_hits: bool) -> bool:
    """Whether words that no name was found in are those of a drug nevertheless."""
    said = text[low:high]
    words = _WORD.findall(said)
    if len(said) < 2 or not any(c.isalpha() for c in said):
        return False
    if type in GIVEN_AS_DRUGS:
        says_something = any(len(word) > 1 and not said_of.GENERIC.issuperset(_key(word).split()) for word in words)
        return says_something and len(words) <= (4 if has_hits else 12)
    if _CODE.fullmatch(said):
        return True
    if len(words) > 5 or not said[0].isalpha() or any(_key(word) in said_of.ORDINARY_WORDS for word in words):
        return False
    if _THERAPY_HEAD.search(said):
        return len(words) > 1
    if len(words) > 3:
        return False
    if any(_STEM.search(word) and len(word) >= 7 for word in words):
        return True
    return _is_dose_beside(text, low, high)
