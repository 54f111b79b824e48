"""Biomarkers in titles, conditions, criteria and outcomes: genes, proteins and others, and their part in a study.

Genes are found by HGNC's symbols and aliases, in the case in which HGNC writes them. A symbol of two letters or one
that is also a word or another abbreviation (MET, KIT, AR) counts only beside a word such as "mutation" or "expression".
A gene that a drug is named after ("EGFR inhibitor") or that is itself given ("recombinant IL-2") is no marker. Other
markers are those of a list of our own (ontologies/builtin/markers.tsv).

The part that a marker plays is told by the glossary of the FDA and NIH (BEST: Biomarkers, EndpointS, and other Tools):
susceptibility/risk, diagnostic, monitoring, prognostic, predictive, pharmacodynamic/response, safety or surrogate
endpoint. It is told by rules, from where the marker is mentioned and the words beside it, which are given with it; no
rule can know what the study's authors had in mind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import resources

import msgspec

from trialpanorama.link._context import COMPARES, TRIGGERS, Said, said_before
from trialpanorama.link._links import Link
from trialpanorama.link._matching import Matcher, fold
from trialpanorama.link._names import COMMON_WORDS
from trialpanorama.ontologies import Concepts

PLACES = ("title", "condition", "criteria", "primary outcome", "outcome")
"""Where a text may stand in a record."""
PARTS = (
    "susceptibility/risk", "diagnostic", "monitoring", "prognostic", "predictive", "pharmacodynamic/response", "safety",
    "surrogate endpoint",
)  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OTHER_MEANINGS = _words(
    """ABL ACE ADA AFP AGT AIM ALB ALK APC APP AR ARC BAD BAX BID BLM CAD CALR CAMP CAT CBL CDR CIC CLOCK COPE CP CRP
    DCC DMD EED EGF ENG EPO ER ERA ETS F2 F5 F8 F9 FAS FH FIT FUS GC GLA GRN HP IDS IMPACT INS KIT LARGE LEP LPA MAF
    MARS MB MET MICE MIF MPL MPO MYB NGF NODAL NOS OTC PAH PAM PC PCNA PGF PGR PIGS POLE PR PRL PTH RAN REL REN REST
    RET RHO SDS SET SHE SHH SHOX SMO SMS SON SPAST SPRING SRI STAR STEM TANK TAT TEC TF TG TH TPO TRAP TREX TTR WAS
    WARS"""
)
"""Symbols that are as often another abbreviation or a word."""
_ALSO_GIVEN = _words(
    "csf2 csf3 epo hgf il2 il12b il7 il10 il11 ifng tnf ngf fgf2 egf gh1 igf1 pth testosterone cortisol ins"
)
"""Genes and markers whose products are given as drugs too, by symbol or name in small letters."""
_ENZYME_OF_DRUGS = re.compile(r"CYP\d\w*|P-?gp|ABCB1|ABCG2|SLCO\w+|UGT1A\w+", re.IGNORECASE)
"""What interacts with drugs: named for that far oftener than measured."""
_ONLY_BESIDE = {
    "ADA": re.compile(r"deficien|\bSCID\b|activity|\bgene\b", re.IGNORECASE),
    "DCC": re.compile(r"\bgene\b|\bloss\b|delet|express", re.IGNORECASE),
}
"""Symbols that mean something else (antibodies against a drug, an assay) but for these words beside them."""
_NEVER_BESIDE = {"EGFR": re.compile(r"filtration|\d ?m[lL]\b|\bm[lL] ?/ ?min|\brenal\b|dialysis")}
"""Symbols that mean something else (how much the kidneys filter) beside these words."""
_IS_MARKER = re.compile(
    r"\b(?:genes?|mutat\w*|mutants?|variants?|express\w*|overexpress\w*|amplif\w*|fusions?|rearrang\w*|translocat\w*|"
    r"wild[- ]?type|deletions?|del|exons?|alleles?|polymorphisms?|genotyp\w*|haplotyp\w*|copy number|methylat\w*|"
    r"(?<!HIV[- ])(?:positive|negative)|status|altered|alterations?|aberrations?|inactivat\w*|loss|deficien\w*|"
    r"carriers?|metaboli[sz]ers?|germline|somatic|receptors?|levels?|concentrations?|serum|plasma|proteins?|IHC|FISH|biomarkers?)\b|/(?:PR|PgR|HER2)\b",
    re.IGNORECASE,
)
_IS_TARGET = re.compile(
    r"(?:\s?[(\[][\w/ -]{1,12}[)\]]|[)\]])?(?:/\w{2,8})?[\s-]*(?:(?:and|or) \w{1,8} )?"
    r"(?:(?:tyrosine )?kinase |receptor |signal(?:l)?ing |pathway |monoclonal |specific |-?targeted? |"
    r"(?:strong|potent|moderate|weak|selective|sensitive),? (?:and |or )?)*"
    r"(?:inhibitors?|antagonists?|agonists?|blockers?|modulators?|inducers?|substrates?|based|containing|"
    r"antibod(?:y|ies)|blockade|blocking|TKIs?|(?:peptide )?vaccines?|"
    r"CAR\b|CAR-T\w*|analogs?|analogues?|therap(?:y|ies)|directed|targeted|targeting|inhibition|"
    r"gene (?:therapy|transfer)|KLH|conjugates?|cell selection)\b",
    re.IGNORECASE,
)
_IS_GIVEN = re.compile(
    r"\banti[- ]{0,2}$|\b(?:hypersensitivity|allergy) to $|\b(?:inhibit|induc|block|target)(?:es|e|s|ing)? (?:the )?$|"
    r"\b(?:antibod(?:y|ies)|vaccines?|ligands?) (?:directed (?:against|to|at)|against|for|targeting) (?:the )?$|"
    r"\b(?:inhibitors?|inducers?|substrates?|(?:ant)?agonists?|blockers?|modulators?) (?:of|for) (?:the )?$|"
    r"\b(?:recombinant|ALVAC|vaccinia|fowlpox|adenovir\w+|rh|pegylated)(?:[- ](?:human )?)?$",
    re.IGNORECASE,
)
_LET_PASS = 2
"""Words between a word that denies and the marker that it denies, at most; one that belongs to "of" counts for none."""
_OTHER_THING = re.compile(r"[()\[\],;:\n]|[.?!]\s|[a-z0-9)%] +[A-Z][a-z]")
"""What turns to another thing between them: also a sentence that begins without a full stop before it."""
_GOES_ON = re.compile(r"[\s,/]*(?:and/or|and|or|nor)?[\s,/]*", re.IGNORECASE)
"""Between the markers of one list."""
_NEAR = 45
"""Characters to either side in which words tell something about a marker."""
_CLAUSE = re.compile(r"[.;\n]\s|\n")

_STATE = (
    r"mutat\w+|mutants?|(?<!HIV)(?<!HIV[- ])-?(?:positive|negative)|[+](?!\w)|amplifi\w+|over-?express\w+|expressing|"
    r"expression(?: level)?|"
    r"rearrange\w+|fusions?|translocat\w+|wild[- ]?type|exon \d+|deletions?|V600\w*|T790M|L858R|G12C|status|refractory|"
    r"high|low|altered|alterations?|methylated|unmethylated|deficient|(?:TPS|CPS|score) ?(?:>=|≥|>)"
)
_CHANGE = (
    r"changes?(?: from baseline)?|from baseline|reduc\w+|decreas\w+|increas\w+|declin\w+|suppress\w+|normali[sz]\w+|"
    r"responses?|lowering|elevat\w+|improve\w+|concentrations?|levels?"
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (part, re.compile(pattern, re.IGNORECASE))
    for part, pattern in (
        (
            "susceptibility/risk",
            r"risk of develop\w+|risk (?:allele|factor)s?|carriers?|germline|predispos\w+|suscepti\w+|family history|"
            r"at risk|hereditary|familial",
        ),
        ("prognostic", r"prognos\w+|risk stratif\w+|stratif\w+|predicts? (?:survival|outcome|mortality)"),
        (
            "diagnostic",
            r"diagnos\w+|confirmed by|confirmation of|detect(?:ed|ion)(?: of)?|screen(?:ing)? for|"
            r"\bsensitivity|\bspecificity",
        ),
        (
            "safety",
            r"safety|toxicit\w+|adverse|hepatotoxic\w*|nephrotoxic\w*|upper limits? of normal|ULN\b|organ function|"
            r"tolerab\w+",
        ),
        (
            "monitoring",
            r"monitor\w*|serial(?:ly)?|follow(?:ed|ing)? up|surveillance|during treatment|relapse|recurrence",
        ),
    )
)
_HAS_STATE = re.compile(rf"(?:{_STATE})", re.IGNORECASE)
_HAS_CHANGE = re.compile(rf"\b(?:{_CHANGE})\b", re.IGNORECASE)
_HAS_LIMIT = re.compile(
    r"[<>≤≥=]|\b(?:greater|less|more|at least|no more|below|above|within normal|elevated|normal)\b", re.IGNORECASE
)
_USES = {
    "surrogate": "surrogate endpoint", "safety": "safety", "diagnostic": "diagnostic", "prognostic": "prognostic",
    "predictive": "predictive", "monitoring": "monitoring", "susceptibility": "susceptibility/risk",
}  # fmt: skip


class _Marker(msgspec.Struct, frozen=True):
    """What a name stands for."""

    name: str
    """The name, as it is written in its list."""
    concept_id: str | None
    is_gene: bool
    is_ambiguous: bool
    """It needs a word beside it that says it is a gene or is measured."""
    is_cased: bool
    """It counts only as it is written, but for hyphens."""
    used_for: str = ""


class BiomarkerLinker:
    """Links biomarkers to genes and other concepts, and tells their part in the study."""

    def __init__(self, concepts: Concepts) -> None:
        markers: dict[str, _Marker] = {}
        symbols: dict[str, str] = {}
        for concept in concepts.all("gene"):
            if concept.is_obsolete:
                continue
            symbol = concept.attributes.get("symbol", concept.name)
            symbols[symbol] = concept.id
            for name in concept.names:
                if name.kind in ("preferred", "exact", "abbreviation") and len(name.text) > 1:
                    is_word = " " in name.text and any(c.islower() for c in name.text)
                    is_ambiguous = _is_ambiguous(name.text) or symbol.lower() in _ALSO_GIVEN
                    marker = _Marker(name.text, concept.id, True, is_ambiguous, not is_word)
                    key = _key(name.text)
                    # an approved symbol is never another gene's alias
                    if name.text == symbol or key not in markers:
                        markers[key] = marker
        self._read_list(concepts, symbols, markers)
        self._markers = list(markers.values())
        self._triggers = list(TRIGGERS.values())
        self._matcher = Matcher([marker.name for marker in self._markers] + list(TRIGGERS))

    def _read_list(self, concepts: Concepts, symbols: dict[str, str], markers: dict[str, _Marker]) -> None:
        lines = (resources.files("trialpanorama.ontologies") / "builtin" / "markers.tsv").read_text(encoding="utf-8")
        rows = [line.split("\t") for line in lines.splitlines() if line and not line.startswith("#")]
        wanted = {row[2] for row in rows} - symbols.keys()
        headings = {heading: id for heading, id in concepts.headings("MESH:") if heading in wanted}
        for name, others, meant, used_for in rows:
            concept_id = symbols.get(meant) or headings.get(meant)
            for text in [name, *(other for other in others.split("|") if other)]:
                is_short = text.isupper() and len(text) <= 4
                is_ambiguous = (is_short and text in _OTHER_MEANINGS) or text.lower() in _ALSO_GIVEN
                markers[_key(text)] = _Marker(text, concept_id, meant in symbols, is_ambiguous, is_short, used_for)

    def link(self, texts: Sequence[str], places: Sequence[str | None] | None = None) -> list[list[Link]]:
        """The biomarkers of each text, in order, of kind biomarker; `qualifier` is their part in the study.

        `places`: where each text stands (one of PLACES), None if that is not known. `matched` gives the name and, in
        brackets, the words that the part was told by; without such words the part is told by the place alone.
        """
        asked = list(zip(texts, places, strict=True)) if places is not None else [(text, None) for text in texts]
        distinct = sorted(set(asked), key=lambda pair: (pair[0], pair[1] or ""))
        found = self._matcher.find([text for text, _ in distinct])
        hits: dict[int, list[tuple[int, int, _Marker]]] = defaultdict(list)
        said: dict[int, list[Said]] = defaultdict(list)
        columns = (found.text.tolist(), found.start.tolist(), found.end.tolist(), found.name.tolist())
        for index, start, end, name in zip(*columns, strict=True):
            if name >= len(self._markers):
                said[index].append(Said(start, end, self._triggers[name - len(self._markers)]))
            else:
                hits[index].append((start, end, self._markers[name]))
        made = {
            pair: list(_links(*pair, hits.get(index, []), said.get(index, []))) for index, pair in enumerate(distinct)
        }
        return [made[pair] for pair in asked]


def _key(text: str) -> str:
    return " ".join(fold(text).decode("latin-1").lower().split())


def _is_ambiguous(name: str) -> bool:
    """Whether a symbol says too little by itself: two letters, a word, another abbreviation."""
    return (
        len(name) <= 2
        or (name.isalpha() and len(name) <= 3)
        or name in _OTHER_MEANINGS
        or name.lower() in COMMON_WORDS
        or _ENZYME_OF_DRUGS.fullmatch(name) is not None
    )


def _links(text: str, place: str | None, hits: list[tuple[int, int, _Marker]], said: list[Said]) -> Iterator[Link]:
    before: Link | None = None
    for start, end, marker in hits:
        words = text[start:end]
        if marker.is_cased and _plain(words) != _plain(marker.name):
            continue
        if _IS_GIVEN.search(text, max(0, start - 45), start) or (marker.is_gene and _IS_TARGET.match(text, end)):
            continue
        low, high = _clause(text, start, end)
        if marker.is_ambiguous and not _is_said(text, low, start, end, high):
            continue
        if words in _NEVER_BESIDE and _NEVER_BESIDE[words].search(text, low, high):
            continue
        if words in _ONLY_BESIDE and not _ONLY_BESIDE[words].search(text, low, high):
            continue
        part, because = _part(text, place, marker, low, start, end, high)
        triggers = [trigger for trigger in said if trigger.end <= start][-5:]
        _, history = said_before(text, start, triggers)
        goes_on = before is not None and _GOES_ON.fullmatch(text, before.end, start) is not None
        negated = (goes_on and before is not None and before.is_negated) or _is_denied(text, start, triggers)
        method = (
            "context" if marker.is_ambiguous else "abbreviation" if words.isupper() and not marker.is_gene else "exact"
        )
        before = Link(
            start, end, words, marker.concept_id, method, 0.8 if marker.is_ambiguous else 0.95,
            f"{marker.name} ({because})" if because else marker.name, [], negated, history, "biomarker", part,
        )  # fmt: skip
        yield before


def _is_denied(text: str, start: int, triggers: list[Said]) -> bool:
    """Whether the words right before a marker deny it; a marker further on in the sentence has its own limits."""
    for trigger in reversed(triggers):
        between = text[trigger.end : start]
        words = between.removesuffix(" ").rpartition(" of ")[2].split()
        if _OTHER_THING.search(text, max(0, trigger.end - 1), start + 2) or len(words) > _LET_PASS:
            return False
        if trigger.trigger == "end":
            return False
        if trigger.trigger == "negated":
            return COMPARES.match(text, trigger.end) is None
    return False


def _is_said(text: str, low: int, start: int, end: int, high: int) -> bool:
    """Whether the words beside a symbol of several meanings say that it is a marker here."""
    if text.startswith("+", end):
        return True
    # in brackets it stands for the words before, which are looked up themselves
    is_abbreviation = text[start - 1 : start] == "(" and text.startswith(")", end)
    return not is_abbreviation and bool(_IS_MARKER.search(text, low, start) or _IS_MARKER.search(text, end, high))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _clause(text: str, start: int, end: int) -> tuple[int, int]:
    """How far to either side the words belong to a marker."""
    low = max(0, start - _NEAR)
    for match in _CLAUSE.finditer(text, low, start):
        low = match.end()
    high = min(len(text), end + _NEAR)
    behind = _CLAUSE.search(text, end, high)
    return low, behind.start() if behind else high


def _part(text: str, place: str | None, marker: _Marker, low: int, start: int, end: int, high: int) -> tuple[str, str]:
    """The part of a marker by the BEST glossary, "" if nothing tells it, and the words that tell it."""

    def found(pattern: re.Pattern[str]) -> str:
        match = pattern.search(text, end, high) or pattern.search(text, low, start)
        return " ".join(match[0].strip(" -").split()) if match else ""

    is_outcome = place in ("primary outcome", "outcome")
    for part, pattern in _RULES:
        if because := found(pattern):
            return part, because
    if is_outcome:
        if place == "primary outcome" and marker.used_for == "surrogate":
            return "surrogate endpoint", "primary outcome"
        if marker.used_for == "safety":
            return "safety", found(_HAS_CHANGE)
        return "pharmacodynamic/response", found(_HAS_CHANGE)
    if marker.is_gene or marker.used_for == "predictive":
        if because := found(_HAS_STATE):
            return "predictive", because
    elif marker.used_for == "safety" and (because := found(_HAS_LIMIT)):
        return "safety", because
    if marker.used_for in _USES and marker.used_for != "surrogate":
        return _USES[marker.used_for], ""
    if place == "criteria" and (because := found(_HAS_LIMIT)):
        return "diagnostic", because
    if because := found(_HAS_CHANGE):
        return "pharmacodynamic/response", because
    return "", ""
