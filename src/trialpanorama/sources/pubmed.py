"""PubMed: articles and book chapters of the National Library of Medicine, in XML and in MEDLINE's tagged text.

Both formats fill one `_Article`, and `_record` alone says what becomes of it, so that the same article read from
either gives the same Record wherever both carry the fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import BinaryIO
from urllib.parse import parse_qs

import msgspec
from lxml import etree

from trialpanorama import identifiers
from trialpanorama.errors import Unreadable, UserError
from trialpanorama.fetching import Fetch, Session, Wanted, page_title
from trialpanorama.record import (
    AbstractSection,
    Author,
    Correction,
    Identifier,
    MeshTerm,
    Note,
    Paper,
    PartialDate,
    Record,
    Reject,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._articles import (
    BEFORE_ROOT,
    LANGUAGES,
    PMID,
    POWER,
    article_date,
    article_identifiers,
    orcid,
    without_email,
)
from trialpanorama.sources._eutils import (
    EUTILS,
    REQUESTS_PER_MINUTE,
    TERMS,
    fetch_articles,
    form,
    is_no_search,
    pace,
    slashed,
)
from trialpanorama.sources._reading import (
    MAX_ENTRY_BYTES,
    Entry,
    as_utf8,
    each,
    fold,
    parse_xml,
    peek,
    reject,
    text_lines,
    xml_elements,
)
from trialpanorama.vocabulary import Phase


class _Article(msgspec.Struct):
    """What either format says, before it is a Record."""

    pmid: str | None = None
    title: str | None = None
    paper: Paper = msgspec.field(default_factory=Paper)
    has_book_authors: bool = False
    revised: PartialDate | None = None
    other_abstracts: list[str] = []
    """Abstracts in other languages, by others, or for lay readers."""
    accessions: list[tuple[str, str]] = []
    """Name of a databank, and an accession number in it."""
    affiliations: list[str] = []
    """Affiliations that stand apart from the authors, as they once did: they are the first author's."""
    funders: list[str] = []
    keywords: list[str] = []
    mesh_terms: list[MeshTerm] = []
    notes: list[Note] = []


# --- from an article to its Record


_PMCID = re.compile(r"PMC\d+")
_NO_TITLE = frozenset({"", "not available", "in process citation"})

_PHASES: dict[str, Phase] = {
    "Clinical Trial, Phase I": "PHASE1",
    "Clinical Trial, Phase II": "PHASE2",
    "Clinical Trial, Phase III": "PHASE3",
    "Clinical Trial, Phase IV": "PHASE4",
}
_INTERVENTIONAL = frozenset(
    {
        *_PHASES,
        "Adaptive Clinical Trial",
        "Clinical Trial",
        "Clinical Trial Protocol",
        "Controlled Clinical Trial",
        "Equivalence Trial",
        "Pragmatic Clinical Trial",
        "Randomized Controlled Trial",
    }
)
"""Publication types of trials in people; those that end in ", Veterinary" are not among them."""
_SPELLINGS = {
    name.upper(): name
    for name in (
        *_INTERVENTIONAL,
        *("Case Reports", "Clinical Study", "Comment", "Comparative Study", "Editorial", "Evaluation Study", "Letter"),
        *("Journal Article", "Meta-Analysis", "Multicenter Study", "Observational Study", "Published Erratum"),
        *("Retracted Publication", "Retraction of Publication", "Review", "Systematic Review", "Validation Study"),
    )
}
"""Publication types that publishers send in capitals, as NLM spells them."""


def _record(article: _Article) -> Record:
    paper = article.paper
    pmid = PMID.fullmatch(article.pmid or "")
    if not pmid:
        raise Unreadable("missing_identifier", "no PMID" if not article.pmid else f"{article.pmid[:40]!r} is no PMID")
    paper.pmid = pmid.group(1)
    paper.publication_types = types = [_SPELLINGS.get(name, name) for name in dict.fromkeys(paper.publication_types)]
    paper.is_retracted = "Retracted Publication" in types or any(c.type == "RetractionIn" for c in paper.corrections)
    if article.affiliations and paper.authors:
        paper.authors[0].affiliations[:0] = article.affiliations
    paper.cited_pmids = list(dict.fromkeys(paper.cited_pmids))
    paper.chemicals = list(dict.fromkeys(paper.chemicals))

    record = Record(
        kind="PUBLICATION",
        register="pubmed",
        id=paper.pmid,
        url=identifiers.REGISTERS["pubmed"].url.format(paper.pmid),
        paper=paper,
        last_updated_date=article.revised,
        keywords=list(dict.fromkeys(article.keywords)),
        mesh_terms=article.mesh_terms,
        sponsors=[Sponsor(name=name, role="FUNDER") for name in dict.fromkeys(article.funders)],
        notes=article.notes,
    )
    record.scientific_title = _without_brackets(article.title)
    if record.scientific_title is None and paper.vernacular_title:
        record.scientific_title = paper.vernacular_title
        record.language = next((LANGUAGES[code] for code in paper.languages if code in LANGUAGES), None)
    sections = [f"{s.label}: {s.text}" if s.label else s.text for s in paper.abstract_sections]
    record.brief_summary = "\n".join(sections) or None

    phases = [name for name in types if name in _PHASES]
    record.phases, record.phase_raw = sorted({_PHASES[name] for name in phases}), "; ".join(phases) or None
    trial_types = [name for name in types if name in _INTERVENTIONAL]
    if trial_types:
        record.study_type, record.study_type_raw = "INTERVENTIONAL", "; ".join(trial_types)
    elif "Observational Study" in types:
        record.study_type, record.study_type_raw = "OBSERVATIONAL", "Observational Study"
    if "Randomized Controlled Trial" in types:
        record.allocation, record.allocation_raw = "RANDOMIZED", "Randomized Controlled Trial"

    record.identifiers = _identifiers(article, record)
    return record


def _identifiers(article: _Article, record: Record) -> list[Identifier]:
    """The article's own ids, then the registrations NLM lists for it, then those that only its texts name."""
    paper = article.paper
    texts = [("title", record.scientific_title), ("abstract", record.brief_summary)]
    texts += [("other abstract", text) for text in article.other_abstracts]
    return article_identifiers(
        Identifier(id=record.id, register="pubmed", role="primary", field="PMID"),
        [("doi", paper.doi, "ArticleIdList"), ("pmc", paper.pmcid, "ArticleIdList")],
        [(accession, databank or None, "DataBankList") for databank, accession in article.accessions],
        texts,
    )


def _without_brackets(title: str | None) -> str | None:
    """A title without the brackets that say NLM translated it; None where they say that there is no title."""
    if not title:
        return None
    if title.startswith("[") and title.rstrip(".").endswith("]"):
        inside = title.rstrip(".")[1:-1]
        depth = 0
        for character in inside:
            depth += (character == "[") - (character == "]")
            if depth < 0:
                return title
        stop = "." if title.endswith(".") and not inside.endswith((".", "?", "!")) else ""
        title = inside + stop
    return None if title.strip(" .").casefold() in _NO_TITLE else title


# --- XML


_ARTICLE_SET = re.compile(BEFORE_ROOT + rb"<Pubmed(?:Book)?Article(?:Set)?[\s>]", re.DOTALL)
_CITATION_SET = re.compile(BEFORE_ROOT + rb"<MedlineCitation(?:Set)?[\s>]", re.DOTALL)


def _utf8(head: bytes) -> bytes:
    return head.decode("utf-16", "ignore").encode() if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head


def _is_article_set(head: bytes) -> bool:
    return _ARTICLE_SET.match(_utf8(head)) is not None


def _is_citation_set(head: bytes) -> bool:
    return _CITATION_SET.match(_utf8(head)) is not None


def _read_article_set(stream: BinaryIO) -> Iterator[Record | Reject]:
    return _read_xml(stream, ("PubmedArticle", "PubmedBookArticle", "DeleteCitation", "DeleteDocument"))


def _read_citation_set(stream: BinaryIO) -> Iterator[Record | Reject]:
    return _read_xml(stream, ("MedlineCitation", "DeleteCitation"))


def _read_xml(stream: BinaryIO, tags: tuple[str, ...]) -> Iterator[Record | Reject]:
    head, stream = peek(stream, 1024)
    return each(_deletions(xml_elements(as_utf8(stream, head), tags)), _from_xml)


_DELETED = re.compile(rb"<PMID[^<>]*>\s*(\d+)\s*</PMID\s*>")


def _deletions(entries: Iterable[Entry | Reject]) -> Iterator[Entry | Reject]:
    """Entries, where one that lists deleted articles becomes a Reject for each of them."""
    ordinal = 0
    for entry in entries:
        if isinstance(entry, Entry) and entry.data.startswith(b"<Delete"):
            for deleted in _DELETED.finditer(entry.data):
                ordinal += 1
                detail = f"PubMed deleted PMID {deleted.group(1).decode()}"
                offset = None if entry.offset is None else entry.offset + deleted.start()
                yield reject("deletion_notice", detail, deleted.group(), ordinal, offset)
            continue
        ordinal += 1
        if isinstance(entry, Entry):
            entry.ordinal = ordinal
        else:
            entry.place.ordinal = ordinal
        yield entry


def _from_xml(entry: Entry) -> Record:
    root = parse_xml(entry.data, mixed=True)
    article = _Article()
    _HANDLERS[root.tag](root, article)
    return _record(article)


def _text(element: etree._Element) -> str | None:
    """All text of an element on one line, whatever markup divides it."""
    text = _flat(element) if len(element) else element.text
    return " ".join(text.split()) or None if text else None  # fold, without a call for each of a hundred elements


def _flat(element: etree._Element) -> str:
    parts = [element.text or ""]
    for child in element:
        inner = _flat(child)
        if child.tag == "sup" and parts[-1][-1:].isdecimal() and POWER.match(inner):
            inner = "^" + inner  # 10<sup>9</sup> is not 109
        parts.append(inner)
        parts.append(child.tail or "")
    return "".join(parts)


def _walk(element: etree._Element, article: _Article) -> None:
    for child in element:
        handler = _HANDLERS.get(child.tag)
        if handler is not None:
            handler(child, article)


def _texts(element: etree._Element, tag: str) -> list[str]:
    return [text for child in element if child.tag == tag and (text := _text(child))]


def _parts(element: etree._Element) -> dict[str, str]:
    """The text of each child by its tag; of a repeated tag the first."""
    parts: dict[str, str] = {}
    for child in element:
        text = _text(child)
        if text:
            parts.setdefault(child.tag, text)
    return parts


def _xml_date(element: etree._Element) -> PartialDate | None:
    parts = [child.text.strip() for child in element if child.text]
    return article_date(("-" if all(map(str.isdecimal, parts)) else " ").join(parts))


def _citation(element: etree._Element, article: _Article) -> None:
    article.paper.medline_status = element.get("Status")
    _walk(element, article)


def _pmid(element: etree._Element, article: _Article) -> None:
    article.pmid = fold(element.text)
    version = element.get("Version", "")
    article.paper.version = int(version) if version.isdecimal() else None


def _date_revised(element: etree._Element, article: _Article) -> None:
    article.revised = _xml_date(element)


def _publication_date(element: etree._Element, article: _Article) -> None:
    article.paper.publication_date = _xml_date(element)


def _electronic_date(element: etree._Element, article: _Article) -> None:
    if element.get("DateType", "Electronic") == "Electronic":
        article.paper.electronic_date = _xml_date(element)


def _article_title(element: etree._Element, article: _Article) -> None:
    article.title = _text(element)


def _paper_field(name: str) -> Callable[[etree._Element, _Article], None]:
    def handler(element: etree._Element, article: _Article) -> None:
        setattr(article.paper, name, _text(element))

    return handler


def _book_title(element: etree._Element, article: _Article) -> None:
    article.paper.journal = article.title = _text(element)  # the title of a chapter comes later, and replaces it


def _pagination(element: etree._Element, article: _Article) -> None:
    parts = _parts(element)
    pages = [parts[tag] for tag in ("StartPage", "EndPage") if tag in parts]
    article.paper.pages = parts.get("MedlinePgn") or "-".join(pages) or None


def _location(element: etree._Element, article: _Article) -> None:
    if element.get("EIdType") == "doi" and element.get("ValidYN") != "N" and not article.paper.doi:
        article.paper.doi = _text(element)


def _article_ids(element: etree._Element, article: _Article) -> None:
    for child in element:
        kind, text = child.get("IdType", "pubmed"), _text(child)
        if text and kind == "doi":
            article.paper.doi = text
        elif text and kind == "pmc":
            pmcid = _PMCID.search(text)
            article.paper.pmcid = pmcid.group() if pmcid else None
        elif text and kind == "pubmed" and not article.pmid:
            article.pmid = text


def _abstract(element: etree._Element, article: _Article) -> None:
    for child in element:
        if child.tag == "AbstractText" and (text := _text(child)):
            article.paper.abstract_sections.append(
                AbstractSection(text=text, label=_label(child.get("Label")), category=child.get("NlmCategory"))
            )


def _label(text: str | None) -> str | None:
    text = (fold(text) or "").rstrip(" :")
    return text if text and text != "UNLABELLED" else None


def _other_abstract(element: etree._Element, article: _Article) -> None:
    if text := "\n".join(_texts(element, "AbstractText")):
        article.other_abstracts.append(text)


def _authors(element: etree._Element, article: _Article) -> None:
    parent = element.getparent()
    of_book = parent is not None and parent.tag == "Book"
    paper = article.paper
    if paper.authors and (of_book or not article.has_book_authors):
        return
    paper.authors = [_author(child) for child in element if child.tag == "Author" and child.get("ValidYN") != "N"]
    article.has_book_authors = of_book


def _author(element: etree._Element) -> Author:
    author = Author()
    for child in element:
        tag, text = child.tag, _text(child)
        if tag == "LastName":
            author.last_name = text
        elif tag in ("ForeName", "FirstName"):
            author.fore_name = text
        elif tag == "Initials":
            author.initials = text
        elif tag == "Suffix":
            author.suffix = text
        elif tag == "CollectiveName":
            author.collective_name = text
        elif tag == "AffiliationInfo":
            author.affiliations += filter(None, map(without_email, _texts(child, "Affiliation")))
        elif tag == "Affiliation":
            author.affiliations += filter(None, [without_email(text)])
        elif tag == "Identifier" and child.get("Source") == "ORCID":
            author.orcid = orcid(text)
    return author


def _first_affiliation(element: etree._Element, article: _Article) -> None:
    article.affiliations += filter(None, [without_email(_text(element))])


def _languages(element: etree._Element, article: _Article) -> None:
    article.paper.languages += (fold(element.text) or "").lower().split()


def _databanks(element: etree._Element, article: _Article) -> None:
    for databank in element:
        name = next(iter(_texts(databank, "DataBankName")), "")
        for child in databank:
            if child.tag == "AccessionNumberList":
                article.accessions += [(name, accession) for accession in _texts(child, "AccessionNumber")]


def _grants(element: etree._Element, article: _Article) -> None:
    for grant in element:
        parts = _parts(grant)
        written = "/".join(parts[tag] for tag in ("GrantID", "Acronym", "Agency", "Country") if tag in parts)
        if written:
            article.paper.grants.append(written)
        if "Agency" in parts:
            article.funders.append(parts["Agency"])


def _publication_types(element: etree._Element, article: _Article) -> None:
    article.paper.publication_types += _texts(element, "PublicationType")


def _publication_type(element: etree._Element, article: _Article) -> None:
    article.paper.publication_types += filter(None, [_text(element)])


def _chemicals(element: etree._Element, article: _Article) -> None:
    for chemical in element:
        article.paper.chemicals += _texts(chemical, "NameOfSubstance")


def _mesh_headings(element: etree._Element, article: _Article) -> None:
    for heading in element:
        term = None
        for child in heading:
            text = _text(child)
            if child.tag in ("DescriptorName", "Descriptor") and text:
                term = MeshTerm(term=text, id=child.get("UI"), about="article", is_major=False)
                article.mesh_terms.append(term)
            elif child.tag in ("QualifierName", "SubHeading") and term and text:
                term.qualifiers.append(text)
            if term and child.get("MajorTopicYN") == "Y":
                term.is_major = True


def _supplementary_mesh(element: etree._Element, article: _Article) -> None:
    for child in element:
        if text := _text(child):
            article.mesh_terms.append(MeshTerm(term=text, id=child.get("UI"), about="article", is_major=False))


def _keywords(element: etree._Element, article: _Article) -> None:
    article.keywords += _texts(element, "Keyword")


def _corrections(element: etree._Element, article: _Article) -> None:
    for child in element:
        parts = _parts(child)
        # before 2009 the kind of relation was the element's name, not an attribute
        _relate(article, child.get("RefType", child.tag), parts.get("PMID"), parts.get("RefSource"))


def _relate(article: _Article, type: str, pmid: str | None, citation: str | None) -> None:
    if type != "Cites":
        article.paper.corrections.append(Correction(type=type, pmid=pmid, citation=citation))
    elif pmid:
        article.paper.cited_pmids.append(pmid)


def _references(element: etree._Element, article: _Article) -> None:
    for child in element.iter("ArticleId"):
        if child.get("IdType") == "pubmed" and (pmid := _text(child)):
            article.paper.cited_pmids.append(pmid)


_HANDLERS: dict[str, Callable[[etree._Element, _Article], None]] = {
    **dict.fromkeys(
        (
            "PubmedArticle",
            "PubmedBookArticle",
            "BookDocument",
            "Article",
            "Journal",
            "JournalIssue",
            "Book",
            "MedlineJournalInfo",
            "PubmedData",
            "PubmedBookData",
        ),
        _walk,
    ),
    "MedlineCitation": _citation,
    "PMID": _pmid,
    "DateRevised": _date_revised,
    "PubDate": _publication_date,
    "ArticleDate": _electronic_date,
    "ContributionDate": _electronic_date,
    "ArticleTitle": _article_title,
    "VernacularTitle": _paper_field("vernacular_title"),
    "Title": _paper_field("journal"),
    "BookTitle": _book_title,
    "ISOAbbreviation": _paper_field("journal_abbreviation"),
    "MedlineTA": _paper_field("journal_abbreviation"),  # stands behind the ISO abbreviation, and wins
    "ISSN": _paper_field("issn"),
    "Volume": _paper_field("volume"),
    "Issue": _paper_field("issue"),
    "Pagination": _pagination,
    "ELocationID": _location,
    "ArticleIdList": _article_ids,
    "Abstract": _abstract,
    "OtherAbstract": _other_abstract,
    "AuthorList": _authors,
    "Affiliation": _first_affiliation,
    "Language": _languages,
    "DataBankList": _databanks,
    "GrantList": _grants,
    "PublicationTypeList": _publication_types,
    "PublicationType": _publication_type,
    "ChemicalList": _chemicals,
    "MeshHeadingList": _mesh_headings,
    "SupplMeshList": _supplementary_mesh,
    "KeywordList": _keywords,
    "CommentsCorrectionsList": _corrections,
    "CommentsCorrections": _corrections,
    "ReferenceList": _references,
}


# --- MEDLINE's tagged text


_TAG_LINE = re.compile(rb"(?=.{4}-)([A-Z]{2,4}) *-(.*)", re.DOTALL)
_FIRST_TAG = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?=.{4}-)(?!TY )[A-Z]{2,4} *-")
_LAST_TAGS = re.compile(rb"^SO  -|\[bookaccession\]", re.MULTILINE)
_PMID_TAG = re.compile(rb"^(?:\xef\xbb\xbf)?PMID- *\d", re.MULTILINE)
_RELATIONS = {
    "CIN": "CommentIn",
    "CON": "CommentOn",
    "CRF": "CorrectedandRepublishedFrom",
    "CRI": "CorrectedandRepublishedIn",
    "ECF": "ExpressionOfConcernFor",
    "ECI": "ExpressionOfConcernIn",
    "EFR": "ErratumFor",
    "EIN": "ErratumIn",
    "ORI": "OriginalReportIn",
    "PRIN": "PartialRetractionIn",
    "PROF": "PartialRetractionOf",
    "RIN": "RetractionIn",
    "ROF": "RetractionOf",
    "RPF": "RepublishedFrom",
    "RPI": "RepublishedIn",
    "RRF": "RetractedandRepublishedFrom",
    "RRI": "RetractedandRepublishedIn",
    "SPIN": "SummaryForPatientsIn",
    "UIN": "UpdateIn",
    "UOF": "UpdateOf",
}
_CITED_PMID = re.compile(r"\s*\bPMID:\s*(\d+)")
_WITH_KIND = re.compile(r"(.*\S)\s*\[(\w+)\]")
_SUBSTANCE = re.compile(r"(?:EC )?\S+ \((.*)\)")
_SUFFIX = re.compile(r"\s+(Jr|Sr|\d(?:st|nd|rd|th))$")


def _is_tagged(head: bytes) -> bool:
    return _FIRST_TAG.match(head) is not None and _PMID_TAG.search(head) is not None


def _read_tagged(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(_tagged_entries(stream), _from_tagged)


def _tagged_entries(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """Articles of a tagged file: one ends at an empty line before a tag, or where a second PMID begins."""
    lines: list[bytes] = []
    ordinal = line = size = 0
    begins_line = 1
    offset: int | None = 0
    begins: int | None = 0
    after_blank, has_pmid, too_large = True, False, False

    def finished() -> Entry | Reject:
        data = b"".join(lines)
        if too_large:
            return reject("entry_too_large", "the hash is of its beginning", data, ordinal, begins, begins_line)
        return Entry(data, ordinal, begins, begins_line)

    for text in text_lines(stream):
        line += 1
        at = offset
        if text is None:
            too_large, after_blank, offset = True, False, None  # how long it was is not known
            continue
        offset = None if offset is None else offset + len(text)
        if line == 1 and text.startswith(b"\xef\xbb\xbf"):
            at, text = 3, text[3:]
        if not text.strip():
            after_blank = True
            continue
        tag = _TAG_LINE.match(text)
        is_pmid = tag is not None and tag.group(1) == b"PMID"
        if tag and (after_blank or (is_pmid and has_pmid)):
            if lines or too_large:
                ordinal += 1
                yield finished()
            lines, size, has_pmid, too_large = [], 0, False, False
            begins, begins_line = at, line
        after_blank, has_pmid = False, has_pmid or is_pmid
        size += len(text)
        too_large = too_large or size > MAX_ENTRY_BYTES
        if not too_large:
            lines.append(text)
    if not lines and not too_large:
        return
    ordinal += 1
    last = finished()
    # an article ends with its source line (of a book: its accession) and a line break
    if isinstance(last, Entry) and not last.data.endswith(b"\n") and not _LAST_TAGS.search(last.data):
        last = reject("truncated", "the input ends inside this article", last.data, ordinal, begins, begins_line)
    yield last


def _fields(entry: Entry, notes: list[Note]) -> Iterator[tuple[str, str]]:
    """Tags and values in their order, lines that continue a value joined to it."""
    try:
        text = entry.data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", f"byte {entry.data[error.start]:#04x} is not UTF-8") from None
    tag, parts = "", [""]
    for line in text.split("\n"):
        match = _TAG_LINE.match(line.encode()) if line[4:5] == "-" else None
        if match:
            if tag:
                yield tag, fold(" ".join(parts)) or ""
            tag, parts = match.group(1).decode(), [line[5:]]
        elif line.strip():
            if not tag:
                raise Unreadable("malformed_text", f"{line[:40]!r} stands before the first tag")
            if not line.startswith(" "):
                note = "a line without tag or indent was joined to the one before"
                notes.append(Note(field="paper", note=note, raw=fold(line)))
            parts.append(line)
    yield tag, fold(" ".join(parts)) or ""


def _from_tagged(entry: Entry) -> Record:
    article = _Article()
    paper = article.paper
    author: Author | None = None
    for tag, value in _fields(entry, article.notes):
        if not value:
            continue
        match tag:
            case "PMID":
                article.pmid = value
            case "TI":
                article.title = value
            case "TT":
                paper.vernacular_title = value
            case "AB":
                paper.abstract_sections = _sections(value)
            case "OAB" if not value.endswith("Abstract available from the publisher."):
                article.other_abstracts.append(value)
            case "FAU":
                author = _full_author(value)
                paper.authors.append(author)
            case "AU":
                if author is None or author.initials or not author.last_name:
                    author = Author()
                    paper.authors.append(author)
                _short_author(author, value)
            case "CN":
                author = Author(collective_name=value)
                paper.authors.append(author)
            case "AUID" if author:
                author.orcid = orcid(value) or author.orcid
            case "AD" if affiliation := without_email(value):
                (author.affiliations if author else article.affiliations).append(affiliation)
            case "DP":
                paper.publication_date = article_date(value)
            case "DEP" | "CTDT":
                paper.electronic_date = article_date(value)
            case "LR" | "DRDT":
                article.revised = article_date(value)
            case "STAT":
                paper.medline_status = value
            case "JT" | "BTI":
                paper.journal = value
            case "TA":
                paper.journal_abbreviation = value
            case "IS":
                if paper.issn is None or paper.issn.endswith("(Linking)"):
                    paper.issn = value
            case "VI":
                paper.volume = value
            case "IP":
                paper.issue = value
            case "PG":
                paper.pages = value
            case "LA":
                paper.languages.append(value.lower())
            case "PT":
                paper.publication_types.append(value)
            case "PMC" if pmcid := _PMCID.search(value):
                paper.pmcid = pmcid.group()
            case "LID" | "AID":
                kind = _WITH_KIND.fullmatch(value)
                if kind and kind.group(2) == "doi" and (tag == "AID" or paper.doi is None):
                    paper.doi = kind.group(1)
            case "MH":
                descriptor, *qualifiers = value.split("/")
                article.mesh_terms.append(
                    MeshTerm(
                        term=descriptor.lstrip("*"),
                        about="article",
                        is_major="*" in value,
                        qualifiers=[qualifier.lstrip("*") for qualifier in qualifiers],
                    )
                )
            case "RN":
                if substance := _SUBSTANCE.fullmatch(value):
                    paper.chemicals.append(substance.group(1))
                elif not value[0].isdecimal() and not value.startswith("EC "):
                    article.mesh_terms.append(MeshTerm(term=value, about="article", is_major=False))
            case "NM":
                paper.chemicals.append(value)
            case "OT":
                article.keywords.append(value.lstrip("*"))
            case "GR":
                paper.grants.append(value)
                if value.count("/") > 1:  # number/institute/agency/country, where number and institute may lack
                    article.funders.append(value.split("/")[-2])
            case "SI":
                databank, _, accession = value.partition("/")
                article.accessions.append((databank, accession))
            case _ if relation := _RELATIONS.get(tag):
                cited = _CITED_PMID.search(value)
                citation = fold(_CITED_PMID.sub("", value))
                _relate(article, relation, cited.group(1) if cited else None, citation)
    if paper.issn:
        paper.issn = paper.issn.split(" ")[0]
    if article.title is None and not paper.journal_abbreviation:
        article.title = paper.journal  # a whole book
    return _record(article)


_LABEL = re.compile(r"(?:^|(?<=[.?!)\]] ))([A-Z][A-Z0-9 ,/&'()-]{2,70}): ")


def _sections(text: str) -> list[AbstractSection]:
    """The sections of an abstract that begins with a label in capitals; else the one text."""
    if not _LABEL.match(text):
        return [AbstractSection(text=text)]
    _, *parts = _LABEL.split(text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [AbstractSection(text=body.strip(), label=_label(label)) for label, body in pairs if body.strip()]


def _full_author(value: str) -> Author:
    last_name, _, fore_name = value.partition(", ")
    suffix = _SUFFIX.search(fore_name)
    return Author(
        last_name=last_name,
        fore_name=_SUFFIX.sub("", fore_name) or None,
        suffix=suffix.group(1) if suffix else None,
    )


def _short_author(author: Author, value: str) -> None:
    """Complete an author from `Lastname IN`, the form that every article has."""
    suffix = _SUFFIX.search(value)
    last_name, _, initials = _SUFFIX.sub("", value).rpartition(" ")
    author.suffix = author.suffix or (suffix.group(1) if suffix else None)
    author.last_name = author.last_name or last_name or initials
    author.initials = initials if last_name else None


# --- fetching


_FILES = "https://ftp.ncbi.nlm.nih.gov/pubmed/"
_MOST_FOUND = 9_999
"""PubMed gives no more ids of one search than this, whatever is asked."""
_BATCH = 500
"""Articles in one request, and in one file."""
_FIRST_DAY = date(1800, 1, 1)
_DATE_FIELDS = ("edat", "crdt", "dp")
"""When an article came to PubMed, when its entry was made, when it was published: what a search is divided by."""
_FILE_OF_INDEX = re.compile(rb'href="(pubmed\d\dn\d{4}\.xml\.gz)"[^\n]*?(\d{4}-\d\d-\d\d)')

_Days = tuple[date, date]


class _Search(msgspec.Struct):
    """What a search found."""

    count: int
    ids: list[str]
    ignored: list[str]
    """Words that PubMed does not know, and leaves out."""


def _fetch(session: Session, wanted: Wanted) -> None:
    """A search, or the yearly baseline, or the daily update files."""
    if wanted.query in ("baseline", "updatefiles"):
        _fetch_files(session, wanted)
    elif wanted.query:
        _fetch_search(session, wanted)
    else:
        raise UserError(
            "All of PubMed comes as files: --query baseline, then --query updatefiles; or give a search: "
            'trialpanorama fetch pubmed --query "randomized controlled trial[pt]" --out DIR'
        )


def _fetch_files(session: Session, wanted: Wanted) -> None:
    """The files of a folder of the file server, each checked against the checksum beside it."""
    if wanted.query == "baseline" and wanted.since:
        raise UserError("The baseline is made once a year, for all articles: leave --since out, or --query updatefiles")
    folder = f"{_FILES}{wanted.query}/"
    index = session.read(folder, kind="html", check=_is_no_index)
    listed = {name.decode(): date.fromisoformat(day.decode()) for name, day in _FILE_OF_INDEX.findall(index)}
    names = sorted(name for name, day in listed.items() if wanted.since is None or day >= wanted.since)
    session.expect(len(names), "files")
    for name in names:
        if not session.has(name):
            checksum = session.read(f"{folder}{name}.md5", kind="text", check=_is_no_checksum)
            session.save(name, f"{folder}{name}", kind="gzip", md5=_MD5.findall(checksum)[0].decode())


_MD5 = re.compile(rb"\b[0-9a-fA-F]{32}\b")


def _is_no_index(data: bytes) -> str | None:
    return None if _FILE_OF_INDEX.search(data) else f"a page without files of articles came ({page_title(data)})"


def _is_no_checksum(data: bytes) -> str | None:
    return None if _MD5.search(data) else "the checksum file holds no checksum"


def _fetch_search(session: Session, wanted: Wanted) -> None:
    """Every article of a search.

    The ids are asked for in as many parts as it takes to stay below PubMed's ceiling, divided by date; then the
    articles by their ids, since the server's memory of a search lasts for hours only, and skips what it fails on.
    """
    term = _term(wanted)
    pace(session)
    last_day = date.fromisoformat(session.recall("last day") or datetime.now(UTC).date().isoformat())
    session.remember("last day", last_day.isoformat())
    whole = _search(session, term, (), wanted.since, last_day)
    session.expect(whole.count, "articles")
    for word in whole.ignored:
        session.lacks(f'PubMed does not know "{word}" and left it out of the search')
    known: set[str] = set()
    number = 0
    for found in _divided(session, term, (), wanted.since, last_day):
        ids = [id for id in found.ids if id not in known]
        known.update(ids)
        for start in range(0, len(ids), _BATCH):
            number += 1
            fetch_articles(
                session, "pubmed", f"articles-{number:06d}.xml", ids[start : start + _BATCH], _ids_of, "PMID "
            )
    if len(known) < whole.count:
        session.lacks(f"{whole.count - len(known):,} of the {whole.count:,} articles that PubMed counts")


def _divided(
    session: Session, term: str, ranges: tuple[_Days, ...], since: date | None, last_day: date
) -> Iterator[_Search]:
    """A search in parts that PubMed gives whole: halves of the time, and too much for one day by another date."""
    found = _search(session, term, ranges, since, last_day)
    if found.count <= _MOST_FOUND:
        yield found
        return
    *outer, (first, last) = ranges or ((_FIRST_DAY, _FIRST_DAY),)
    if ranges and first < last:
        middle = first + (last - first) // 2
        for half in ((first, middle), (middle + timedelta(days=1), last)):
            yield from _divided(session, term, (*outer, half), since, last_day)
    elif len(ranges) < len(_DATE_FIELDS):
        yield from _divided(session, term, (*ranges, (_FIRST_DAY, last_day + timedelta(days=366))), since, last_day)
    else:
        yield found  # the first of them; what is missing is counted in the end


def _search(session: Session, term: str, ranges: tuple[_Days, ...], since: date | None, last_day: date) -> _Search:
    """Ask for the ids of a search within ranges of dates (of the first of the date fields), or recall what came."""
    key = "search " + " ".join(f"{first}..{last}" for first, last in ranges)
    if (recalled := session.recall(key)) is not None:
        return msgspec.convert(recalled, _Search)
    clauses = [f"({term})"] if ranges else [term]
    clauses += [f'("{slashed(first)}"[{field}] : "{slashed(last)}"[{field}])'
                for field, (first, last) in zip(_DATE_FIELDS, ranges, strict=False)]  # fmt: skip
    fields = {"term": " AND ".join(clauses), "retmax": str(_MOST_FOUND)}
    if since is not None:
        fields |= {"datetype": "mdat", "mindate": slashed(since), "maxdate": slashed(last_day + timedelta(days=366))}
    data = session.read(f"{EUTILS}esearch.fcgi", form=form("pubmed", fields), kind="xml", check=is_no_search)
    root = parse_xml(data)
    count = int(root.findtext("Count") or 0)
    is_indivisible = len(ranges) == len(_DATE_FIELDS) and ranges[-1][0] == ranges[-1][1]
    is_wanted = count <= _MOST_FOUND or is_indivisible
    ids = [id.text or "" for id in root.iterfind("IdList/Id")] if is_wanted else []
    ignored = [word.text or "" for word in root.iterfind("ErrorList/PhraseNotFound")]
    found = _Search(count, ids, ignored)
    session.remember(key, msgspec.to_builtins(found))
    return found


def _ids_of(root: etree._Element) -> set[str] | None:
    if root.tag != "PubmedArticleSet":
        return None
    places = ("MedlineCitation/PMID", "BookDocument/PMID")
    return {id for article in root for place in places if (id := article.findtext(place))}


_SEARCH_PAGE = "https://pubmed.ncbi.nlm.nih.gov/"
_HOW_SHOWN = {"sort", "sort_order", "size", "format", "page", "show_snippets", "timeline", "schema"}
"""What says how results are shown, and not which."""


def _term(wanted: Wanted) -> str:
    """The search in PubMed's language: as it is, or out of the address of a search on the site."""
    address = wanted.address
    if address is None:
        return wanted.query
    if address.hostname != "pubmed.ncbi.nlm.nih.gov":
        raise UserError(f"{address.hostname} is not PubMed. Paste the address of a search on {_SEARCH_PAGE}")
    if article := re.fullmatch(r"/(\d{1,8})/?", address.path):
        return f"{article[1]}[uid]"
    given = parse_qs(address.query)
    filters: dict[str, list[str]] = {}
    unknown = sorted(given.keys() - {"term", "filter"} - _HOW_SHOWN)
    for group, _, value in (text.partition(".") for text in given.get("filter", ())):
        if days := re.fullmatch(r"([\d/]+)-([\d/]+)", value):
            filters.setdefault(group, []).append(f"{days[1]}:{days[2]}[dp]")
        elif re.fullmatch(r"[a-z]\w*", value) and group not in ("years", "dates", "datesearch"):
            filters.setdefault(group, []).append(f"{value}[filter]")
        else:
            unknown.append(f"filter={group}.{value}")
    term = " ".join(given.get("term", ()))
    if unknown or not term:
        what = f"something that is not known here: {', '.join(unknown)}" if unknown else "no search term"
        raise UserError(f'The address has {what}. Write the search itself: --query "asthma AND clinicaltrial[filter]"')
    clauses = [f"({term})", *(f"({' OR '.join(values)})" for values in filters.values())]
    return " AND ".join(clauses) if filters else term


# --- the source


SOURCE = Source(
    name="pubmed",
    title="PubMed",
    home_page="https://pubmed.ncbi.nlm.nih.gov/",
    licence="NLM terms: may be passed on with attribution to NLM; publishers may hold rights in abstracts",
    is_open=False,
    registers=("pubmed",),
    obtain=(
        "Save a search as PubMed (MEDLINE) text or fetch it as XML with the E-utilities (db=pubmed, retmode=xml), or "
        "take the yearly baseline and daily update files pubmedYYnNNNN.xml.gz of the National Library of Medicine."
    ),
    formats=(
        Format(
            name="article-set-xml",
            meaning="PubmedArticleSet XML of the E-utilities, the baseline and the update files, old and new DTD",
            recognise=_is_article_set,
            read=_read_article_set,
        ),
        Format(
            name="citation-set-xml",
            meaning="MedlineCitationSet XML of the MEDLINE baselines before 2016",
            recognise=_is_citation_set,
            read=_read_citation_set,
        ),
        Format(
            name="medline-text",
            meaning="MEDLINE's tagged text, the PubMed format of saved searches and of .nbib files",
            recognise=_is_tagged,
            read=_read_tagged,
        ),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=("eutils.ncbi.nlm.nih.gov", "ftp.ncbi.nlm.nih.gov"),
        requests_per_minute=REQUESTS_PER_MINUTE,
        terms=f"The National Library of Medicine offers both interfaces to everyone: {TERMS}.",
        queries=(
            "--query takes a search in PubMed's language or the address of one on the site, however much it finds; or "
            "baseline (all articles, made once a year) or updatefiles (what came since, daily). --since goes by the "
            "date of the last change, of update files by that of the file."
        ),
    ),
)
