"""What readers of systematic reviews share: articles as a review lists them, what was decided on them, and by whom.

A `Citation` is one line of a reference list. `publication` makes the Record of the article out of it, `Gathered` the
Record of the review that all citations of a file belong to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator

import msgspec

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    AbstractSection,
    Author,
    Identifier,
    Note,
    Paper,
    PartialDate,
    Place,
    Record,
    Review,
    ReviewedStudy,
    TextSection,
)
from trialpanorama.sources._reading import block, fold

# --- which review a file is about


class Collection(msgspec.Struct, frozen=True):
    """A test collection of systematic reviews, and the terms under which it is given."""

    name: str
    prefix: str
    """What its topics' numbers get in front, where they are no ids of their own."""
    licence: str


CLEF = Collection("CLEF-TAR", "CLEF-TAR", "MIT (CLEF eHealth TAR)")
SIGIR = Collection("SIGIR 2017", "SIGIR2017", "none stated (ielab/SIGIR2017-SysRev-Collection)")
IELAB = Collection("ielab seed studies", "IELAB-SEED", "MIT (ielab/sysrev-seed-collection)")
COHEN = Collection("Cohen 2006", "COHEN2006", "MIT (asreview/systematic-review-datasets)")
CSMED = Collection("CSMeD", "CSMED", "CC BY-SA 4.0 (CSMeD)")
EVIDENCE = Collection("Evidence inference", "EVIDENCE-INFERENCE", "MIT (jayded/evidence-inference)")
OWN = Collection("", "REVIEW", "The user's own project; publishers may hold rights in abstracts")

_NAMED = (
    (re.compile(r"(?i)sigir[ _-]?2017|(?:^|/)variants/\d+/(?:train|test)ing/"), SIGIR),
    (re.compile(r"(?i)ielab|sysrev-seed|(?:^|/)candidate_documents\.res|_snowballing_candidates"), IELAB),
    (re.compile(r"(?i)(?:^|/)20\d\d-TAR/|clef[ _-]?(?:ehealth)?[ _-]?(?:tar)?[ _-]?20\d\d|CLEF"), CLEF),
    (re.compile(r"(?i)csmed"), CSMED),
    (re.compile(r"(?i)cohen[ _-]?2006"), COHEN),
    (re.compile(r"(?i)evidence[ _-]?inference|(?:^|/)(?:train|validation|test)_article_ids"), EVIDENCE),
)
COHEN_TOPICS = {
    name.lower(): name
    for name in (
        *("ACEInhibitors", "ADHD", "Antihistamines", "AtypicalAntipsychotics", "BetaBlockers"),
        *("CalciumChannelBlockers", "Estrogens", "NSAIDS", "Opiods", "OralHypoglycemics", "ProtonPumpInhibitors"),
        *("SkeletalMuscleRelaxants", "Statins", "Triptans", "UrinaryIncontinence"),
    )
}
"""The fifteen topics of Cohen 2006, as that collection spells them."""
_PART = re.compile(r"(?i)(?:^|[/._-])(train|test|validation|valid|dev)(?:ing)?(?=[/._-])")
_PARTS = {"train": "training", "test": "testing", "valid": "validation", "dev": "validation"}
_YEAR = re.compile(r"(20\d\d)-TAR|(?i:clef)[A-Za-z_-]*(20\d\d)")
_COCHRANE = re.compile(r"(?i)(?<![A-Za-z0-9])(?:CD|ED|MR)\d{6}(?!\d)")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9]+")


def stem(name: str) -> str:
    """The name of a file without folders and ending."""
    base = name.replace("\\", "/").rpartition("/")[2]
    return base.partition(".")[0] if base.startswith(("train.", "test.")) else re.sub(r"\.[A-Za-z]{1,6}\Z", "", base)


def cochrane_id(text: str | None) -> str | None:
    """The number of a Cochrane review that a text (a web address, a DOI, a topic) holds."""
    found = _COCHRANE.search(text or "")
    return found.group().upper() if found else None


def collection_of(name: str, default: Collection = OWN) -> Collection:
    """The collection that the name of a file (with its folders) speaks of."""
    return next((collection for pattern, collection in _NAMED if pattern.search(name)), default)


def cohen_topic(text: str) -> str | None:
    """The topic of Cohen 2006 that a word of a text (the name of a file) is, as that collection spells it."""
    words = (text.lower(), *_NOT_IN_ID.split(text.lower()))
    return next((COHEN_TOPICS[word] for word in words if word in COHEN_TOPICS), None)


def review_record(topic: str, name: str, default: Collection = OWN, first: str = "") -> Record:
    """The Record of the review with this topic, still empty: a Cochrane review's id, else collection and topic.

    Files of no collection often have one name (articles.csv): `first`, the first thing in them, tells them apart.
    """
    collection = collection_of(name, default)
    licence = collection.licence
    called = collection.name
    if collection is CLEF and (year := _YEAR.search(name)):
        called = f"{called} {year[1] or year[2]}"
    if called and (part := _PART.search(name)):
        called = f"{called}, {_PARTS.get(part[1].lower(), part[1].lower())}"
    cochrane = cochrane_id(topic)
    if cochrane:
        id, register, url = cochrane, "cochrane", identifiers.url(cochrane, "cochrane")
    else:
        slug = _NOT_IN_ID.sub("-", topic).strip("-")[:120]
        if not slug:
            raise Unreadable("missing_identifier", "neither a topic nor a file name says which review it is")
        if first and not collection.name:
            slug = f"{slug}-{hashlib.sha1(first.encode(), usedforsecurity=False).hexdigest()[:8]}"
        id, register, url = f"{collection.prefix}-{slug}", None, None
    return Record(
        kind="REVIEW",
        id=id,
        register=register,
        url=url,
        licence=licence,
        identifiers=[Identifier(id=id, register=register, role="primary", raw=topic if topic != id else None)],
        review=Review(collection=called or None),
    )


def mark_if_fictional(record: Record) -> None:
    """Mark a review all of whose reports lie in the range of made-up numbers: files of judgements hold no words."""
    reports = [report for study in record.review.studies for report in study.report_ids] if record.review else []
    record.is_fictional = bool(reports) and all(map(_is_made_up, reports))


def _is_made_up(report: str) -> bool:
    return identifiers.is_fictional(report, "pubmed" if report.isdecimal() else None)


# --- what was decided

_TRUE = frozenset(
    (
        *("1", "1.0", "y", "yes", "true", "t", "i", "in", "include", "included", "inclusion", "relevant"),
        *("asreview_relevant", "accept", "accepted", "eligible"),
    )
)
_FALSE = frozenset(
    (
        *("0", "0.0", "n", "no", "false", "f", "e", "d", "out", "exclude", "excluded", "exclusion", "irrelevant"),
        *("asreview_irrelevant", "not-relevant", "reject", "rejected", "ineligible"),
    )
)
_RAYYAN = re.compile(r"RAYYAN-INCLUSION:\s*\{([^{}]*)\}")
_RAYYAN_VOTE = re.compile(r"=>\s*[\"'](\w+)[\"']")
_REASONS = re.compile(r"RAYYAN-EXCLUSION-REASONS:\s*([^|]+)|[Ee]xclusion reason:\s*([^;|]+)")
_ASREVIEW = re.compile(r"(?i)\bASReview_(relevant|irrelevant|prior)\b")


def decided(word: str | None) -> bool | None:
    """Whether a label says included (true) or excluded (false); none if it says neither, such as maybe or -1."""
    said = "-".join((word or "").lower().split())
    return True if said in _TRUE else False if said in _FALSE else None


class Decision(msgspec.Struct):
    """What was decided on a citation, and on what."""

    decision: str | None = None
    stage: str | None = None
    reason: str | None = None
    is_seed: bool = False
    doubt: str | None = None


def of_stages(on_abstract: bool | None, on_full_text: bool | None) -> Decision:
    """The decision where both stages were recorded: exclusion counts at the stage where it happened."""
    if on_full_text:
        doubt = "included in the end, though excluded on title and abstract" if on_abstract is False else None
        return Decision("INCLUDED", "FULL_TEXT", doubt=doubt)
    if on_abstract is False:
        return Decision("EXCLUDED", "TITLE_ABSTRACT")
    if on_full_text is False:
        return Decision("EXCLUDED", "FULL_TEXT" if on_abstract else None)
    return Decision("INCLUDED" if on_abstract else None, "TITLE_ABSTRACT" if on_abstract else None)


def in_notes(notes: str) -> Decision:
    """The decision that screening programs leave in the notes of a citation (Rayyan, ASReview, Covidence)."""
    found = Decision()
    if votes := _RAYYAN.search(notes):
        said = {decided(vote) for vote in _RAYYAN_VOTE.findall(votes[1])}
        if said == {True}:
            found.decision = "INCLUDED"
        elif said == {False}:
            found.decision = "EXCLUDED"
        elif said:
            found.doubt = "screeners do not agree, or are not sure"
    for label in _ASREVIEW.findall(notes):
        if label.lower() == "prior":
            found.is_seed = True
        else:
            found.decision = "INCLUDED" if label.lower() == "relevant" else "EXCLUDED"
    if reason := _REASONS.search(notes):
        found.reason = fold(reason[1] or reason[2])
        found.decision = found.decision or "EXCLUDED"
    return found


_NAME_DECISIONS = (
    # Covidence: what is called excluded was excluded on the full text, the others are irrelevant
    (re.compile(r"(?i)^review_\d+_included"), Decision("INCLUDED", "FULL_TEXT")),
    (re.compile(r"(?i)^review_\d+_excluded"), Decision("EXCLUDED", "FULL_TEXT")),
    (re.compile(r"(?i)(?:^|[/ ._-])irrelevant(?=[ ._-]|$)"), Decision("EXCLUDED", "TITLE_ABSTRACT")),
    (re.compile(r"(?i)(?:^|[/ ._-])exclu(?:ded?|sions?|des)(?=[ ._-]|$)"), Decision("EXCLUDED")),
    (re.compile(r"(?i)(?:^|[/ ._-])(?:included?|includes|inclusions?|relevant)(?=[ ._-]|$)"), Decision("INCLUDED")),
    (re.compile(r"(?i)(?:^|[/ ._-])seeds?(?=[ ._-]|$)"), Decision(is_seed=True)),
)


def in_name(name: str) -> Decision:
    """The decision that the name of an export states for all of its citations, such as review_1_excluded.csv."""
    last = stem(name)
    return next((decision for pattern, decision in _NAME_DECISIONS if pattern.search(last)), Decision())


# --- an article, as a review lists it


class Citation(msgspec.Struct):
    """An article in a list of references, before it is a Record."""

    title: str | None = None
    abstract: str | None = None
    pmid: str | None = None
    doi: str | None = None
    pmcid: str | None = None
    own_ids: list[tuple[str, str]] = []
    """Numbers that the exporting program or database gave it, each after the column where it stood."""
    authors: list[str] = []
    date: str | None = None
    journal: str | None = None
    journal_abbreviation: str | None = None
    issn: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    keywords: list[str] = []
    language: str | None = None
    type: str | None = None
    full_text: str | None = None
    study: str | None = None
    """The review's name of the study that it reports."""
    decision: Decision = msgspec.field(default_factory=Decision)


_INITIALS_LAST = re.compile(r"(.+?)[ ,]+((?:[A-Z]\.?[ -]?){1,4})")
_INITIALS_FIRST = re.compile(r"((?:[A-Z]\.?[ -]?){1,4})\s+([^\W\d_][^\d]+)")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_LANGUAGES = {"english": "eng", "en": "eng", "french": "fre", "german": "ger", "spanish": "spa", "chinese": "chi"}


def author(name: str) -> Author:
    """An author out of one name: `Glow, Zara B`, `Glow ZB`, `Z B Glow` or the name of a group."""
    if len(name) > 200:
        return Author(collective_name=name)
    last, comma, fore = (part.strip() for part in name.partition(","))
    if comma and last:
        is_initials = re.fullmatch(r"(?:[A-Z]\.?[ -]?){1,4}", fore)
        return Author(last_name=last, initials=_letters(fore)) if is_initials else Author(last, fore or None)
    if match := _INITIALS_LAST.fullmatch(name):
        return Author(last_name=match[1], initials=_letters(match[2]))
    if match := _INITIALS_FIRST.fullmatch(name):
        return Author(last_name=match[2], initials=_letters(match[1]))
    return Author(collective_name=name)


def _letters(initials: str) -> str:
    return "".join(character for character in initials if character.isalpha())


def publication(citation: Citation) -> Record:
    """The Record of an article: its PMID, DOI or PMC id; else an id made of its title and year."""
    pmid, doi, pmcid = (
        identifiers.normalise(said, register)
        for said, register in ((citation.pmid, "pubmed"), (citation.doi, "doi"), (citation.pmcid, "pmc"))
    )
    title = fold(citation.title)
    date = vocabulary.parse_date(citation.date, "ymd")
    found = [one for one in (pmid, doi, pmcid) if one]
    if found:
        id, register = found[0].id, found[0].register
    elif title:
        key = f"{title.casefold()}|{(date or '')[:4]}"
        id, register = f"REF-{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()[:16]}", None
    else:
        raise Unreadable("missing_identifier", "neither an id nor a title")
    abstract = block(citation.abstract)
    full_text = block(citation.full_text)
    language = (citation.language or "").strip().lower()
    language = _LANGUAGES.get(language, language)
    record = Record(
        kind="PUBLICATION",
        id=id,
        register=register,
        url=identifiers.url(id, register) if register else None,
        scientific_title=title,
        brief_summary=abstract,
        keywords=list(dict.fromkeys(filter(None, map(fold, citation.keywords)))),
        paper=Paper(
            pmid=pmid.id if pmid else None,
            doi=doi.id if doi else None,
            pmcid=pmcid.id if pmcid else None,
            journal=fold(citation.journal),
            journal_abbreviation=fold(citation.journal_abbreviation),
            issn=fold(citation.issn),
            volume=fold(citation.volume),
            issue=fold(citation.issue),
            pages=fold(citation.pages),
            publication_date=PartialDate(date=date, raw=citation.date if citation.date != date else None)
            if citation.date
            else None,
            languages=[language] if re.fullmatch("[a-z]{3}", language) else [],
            publication_types=[citation.type] if citation.type else [],
            abstract_sections=[AbstractSection(text=abstract)] if abstract else [],
            authors=[author(name) for name in filter(None, map(fold, citation.authors))],
            sections=[TextSection(text=full_text)] if full_text else [],
        ),
    )
    record.identifiers = [Identifier(id=id, register=register, role="primary")]
    record.identifiers += [Identifier(id=one.id, register=one.register, role="alias") for one in found[1:]]
    record.identifiers += [
        Identifier(id=own, role="alias", type_raw=column) for column, own in citation.own_ids if own != id
    ]
    record.identifiers += mentions(record)
    if citation.doi and not doi:
        record.notes.append(Note(field="paper.doi", note="is no DOI", raw=citation.doi[:200]))
    if citation.pmid and not pmid:
        record.notes.append(Note(field="paper.pmid", note="is no PMID", raw=citation.pmid[:200]))
    return record


def mentions(record: Record) -> list[Identifier]:
    """Registry numbers that the title and abstract of an article name."""
    found: dict[str, Identifier] = {}
    for field, text in (("title", record.scientific_title), ("abstract", record.brief_summary)):
        for one in identifiers.find(text):
            raw = (text or "")[one.start : one.end]
            found.setdefault(
                one.id,
                Identifier(
                    id=one.id, register=one.register, role="mentioned", raw=raw if raw != one.id else None, field=field
                ),
            )
    return list(found.values())


_PUBMED_PAGE = re.compile(r"pubmed[\w.]{0,40}/(?:pubmed/)?0*([1-9]\d{0,7})(?!\d)")


def pmid_in(address: str) -> str | None:
    """The PMID that the address of a page of PubMed holds."""
    found = _PUBMED_PAGE.search(address)
    return found[1] if found else None


def doi_in(text: str | None) -> str | None:
    """The DOI that a text holds, as it stands there."""
    found = _DOI.search(text or "")
    return found.group() if found else None


# --- the review that the citations of a file belong to


_Key = tuple[str, str | None, str | None]
"""The study, what was decided on it, and at which stage."""


class Gathered:
    """The studies of each review that a file speaks of, while its citations are being read."""

    def __init__(self) -> None:
        self._reviews: dict[str, tuple[Record, dict[_Key, tuple[ReviewedStudy, dict[str, None]]]]] = {}

    def add(self, topic: str, begin: Callable[[], Record], citation: Citation, article: Record) -> Record:
        """Note a citation; papers with one study name, or that name one registration, are reports of one study.

        `begin` makes the review's Record when the first of its citations comes; it is returned.
        """
        if topic not in self._reviews:
            self._reviews[topic] = (begin(), {})
        review, studies = self._reviews[topic]
        said = citation.decision
        registrations = {one.id for one in article.identifiers if one.register in _TRIAL_REGISTERS}
        study = citation.study or (registrations.pop() if len(registrations) == 1 else article.id)
        key = (study, said.decision, said.stage)
        if key not in studies:
            studies[key] = (ReviewedStudy(decision=said.decision, stage=said.stage, name=citation.study), {})
        known, reports = studies[key]
        known.reason = known.reason or said.reason
        known.is_seed = known.is_seed or said.is_seed
        reports[article.id] = None
        if said.doubt:
            review.notes.append(Note(field="review.studies", note=said.doubt, raw=article.id))
        return review

    def records(self, after: int, line: int | None = None) -> Iterator[Record]:
        """The Records of the reviews, counted on after the citations."""
        for ordinal, (review, studies) in enumerate(self._reviews.values(), after + 1):
            assert review.review is not None
            for study, reports in studies.values():
                study.report_ids = list(reports)
            review.review.studies = [study for study, _ in studies.values()]
            digest = hashlib.sha256(msgspec.json.encode(review.review.studies), usedforsecurity=False).hexdigest()
            review.place = Place(ordinal=ordinal, line=line, entry_sha256=digest)
            yield review


_TRIAL_REGISTERS = frozenset(name for name, one in identifiers.REGISTERS.items() if one.is_trial_register)
