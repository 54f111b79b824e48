"""Citations as screening programs and reference managers export them: labelled tables, RIS, CSMeD's JSON rows.

Each article becomes a Record of its own; the review that all of them belong to is the last Record of the file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from trialpanorama.errors import Unreadable
from trialpanorama.record import Record, Reject
from trialpanorama.sources._reading import (
    MAX_ENTRY_BYTES,
    Entry,
    block,
    csv_rows,
    each,
    fold,
    json_values,
    reject,
    table_header,
    text_lines,
)
from trialpanorama.sources._review_citations import (
    COHEN,
    CSMED,
    OWN,
    Citation,
    Decision,
    Gathered,
    cochrane_id,
    cohen_topic,
    collection_of,
    decided,
    doi_in,
    in_name,
    in_notes,
    of_stages,
    pmid_in,
    publication,
    review_record,
    stem,
)

# --- columns


_COLUMNS = {
    column: role
    for role, columns in {
        "title": "title primary_title article_title paper_title document_title ti",
        "abstract": "abstract notes_abstract abstract_note abstract_text ab",
        "pmid": "pmid pubmedid pubmed_id pubmed pm_id",
        "doi": "doi",
        "pmcid": "pmcid pmc_id pmc",
        "authors": "authors author au",
        "date": "year publication_year published_year pub_year py date publication_date published_date",
        "month": "month published_month",
        "journal": "journal secondary_title source_title journal_title publication_title journal_name t2",
        "issn": "issn",
        "volume": "volume",
        "issue": "issue number",
        "pages": "pages",
        "keywords": "keywords keyword manual_tags",
        "language": "language",
        "type": "type ref_type item_type type_of_reference publication_type",
        "full_text": "main_text full_text",
        "study": "study study_name study_id",
        "urls": "url urls link",
        "notes": "notes note exported_notes exported_notes_1 user_notes",
        "final": "label_included included include is_included inclusion label final_label final_decision decision "
        "asreview_label label_final reference_type relevant is_relevant relevance_label i_e_d_s i_e i_e_d",
        "on_abstract": "label_abstract_screening label_abstract_included label_abstract abstract_label "
        "title_abstract_label decision_title_abstract title_abstract_decision abstract_decision screening_decision "
        "abstract_screening label1 label_1",
        "on_full_text": "label_full_text label_fulltext full_text_label full_text_decision decision_full_text "
        "fulltext_decision full_text_screening label2 label_2",
        "reason": "exclusion_reason exclusion_reasons reason_for_exclusion exclude_reason reason",
        "seed": "asreview_prior prior seed is_seed",
        "review": "review_id cochrane_id review review_name topic topic_id dataset dataset_id dataset_name",
        "review_title": "review_title",
        "review_question": "review_question research_question",
        "review_abstract": "review_abstract",
        "review_criteria": "review_criteria criteria criteria_text eligibility_criteria",
        "own": "record_id id key item_id covidence reference_id openalex_id accession_number endnote_id ref",
    }.items()
    for column in columns.split()
}
"""What each column of such tables says, by its name in small letters with underscores."""
_LABELS = frozenset({"final", "on_abstract", "on_full_text"})
_OF_REGISTERS = frozenset(
    (
        *("nct_number", "nct_id", "trialid", "trial_id", "public_title", "scientific_title", "recruitment_status"),
        *("study_status", "conditions", "interventions", "sponsor", "primary_sponsor", "eudract_number"),
        *("registration_number", "registration_date"),
    )
)
"""Columns of registrations: a table with one of them is no list of citations."""
_NOT_IN_COLUMN = re.compile(r"[\W_]+")


def _role(column: str) -> str:
    return _COLUMNS.get(_NOT_IN_COLUMN.sub("_", column.strip().strip("\ufeff").lower()).strip("_"), "")


def _is_header(columns: list[str]) -> bool:
    """Whether a table lists citations: a title, and a decision, or enough of what else a citation has."""
    if len(columns) < 2 or {_NOT_IN_COLUMN.sub("_", column.lower()) for column in columns} & _OF_REGISTERS:
        return False
    roles = {_role(column) for column in columns}
    if roles & _LABELS and roles & {"title", "pmid", "doi"}:
        return not roles.isdisjoint({"title", "abstract", "review"})
    return "title" in roles and len(roles & {"abstract", "authors", "pmid", "doi", "journal", "date"}) >= 3


def is_table(head: bytes) -> bool:
    """Whether a table of citations begins with these bytes."""
    return table_header(head, _is_header) is not None


def read_table(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """Rows of a table, then the review (or the reviews) that they belong to."""
    roles: dict[str, list[str]] = defaultdict(list)

    def take(columns: list[str]) -> list[str]:
        for column in columns:
            roles[_role(column)].append(column)
        return columns

    rows = csv_rows(stream, _is_header, name=take)
    return _citations(rows, Gathered(), name, lambda entry: (roles, entry.row or {}))


def _citations(
    entries: Iterable[Entry | Reject],
    gathered: Gathered,
    name: str,
    cells: Callable[[Entry], tuple[dict[str, list[str]], dict[str, str]]],
) -> Iterator[Record | Reject]:
    whole_file = in_name(name)

    def to_record(entry: Entry) -> Record:
        roles, row = cells(entry)
        return _of_row(roles, row, gathered, name, whole_file)

    count = 0
    for outcome in each(entries, to_record):
        count += 1
        yield outcome
    yield from gathered.records(count, 1)


def _of_row(
    roles: dict[str, list[str]], row: dict[str, str], gathered: Gathered, name: str, whole_file: Decision
) -> Record:
    """The article of a row; what was decided on it goes to the review."""

    def values(role: str) -> list[str]:
        return [text for column in roles.get(role, ()) if (text := row.get(column, "").strip()) not in _NOTHING]

    def value(role: str) -> str | None:
        return next(iter(values(role)), None)

    urls = " ".join(values("urls"))
    citation = Citation(
        title=value("title"),
        abstract=value("abstract"),
        pmid=_number(value("pmid")) or pmid_in(urls),
        doi=value("doi") or doi_in(urls),
        pmcid=value("pmcid"),
        # bare small numbers only count the rows
        own_ids=[(c, own) for c in roles.get("own", ()) if not re.fullmatch(r"\d{0,4}", own := row.get(c, "").strip())],
        authors=_authors(value("authors")),
        date=_date(value("date"), value("month")),
        journal=value("journal"),
        issn=value("issn"),
        volume=value("volume"),
        issue=value("issue"),
        pages=value("pages"),
        keywords=_keywords(value("keywords")),
        language=value("language"),
        type=value("type"),
        full_text=value("full_text"),
        study=fold(value("study")),
        decision=_decision(values, value, whole_file),
    )
    record = publication(citation)
    topic = value("review") or stem(name)
    is_csmed = bool(roles.get("review_criteria") or roles.get("full_text"))
    cohen = cohen_topic(topic)
    collection = collection_of(name, COHEN if cohen else CSMED if is_csmed else OWN)
    record.licence = collection.licence

    def begin() -> Record:
        called = cohen if cohen and collection is COHEN else topic
        review = review_record(called, name, collection, record.id)
        assert review.review is not None
        if not review.register and not value("review"):
            _take_folder(review, name)
        review.scientific_title = fold(value("review_title"))
        review.brief_summary = block(value("review_abstract"))
        review.review.question = fold(value("review_question"))
        review.review.criteria = block(value("review_criteria"))
        return review

    gathered.add(topic, begin, citation, record)
    return record


_NOTHING = frozenset({"", "nan", "NaN", "None", "NA", "null"})


def _take_folder(review: Record, name: str) -> None:
    """Take over the number of a Cochrane review that only the folder of the file gives (CD012345/references.csv)."""
    if cochrane := cochrane_id(name):
        called = review_record(cochrane, name)
        review.id, review.register, review.url = called.id, called.register, called.url
        review.identifiers = called.identifiers


def _decision(values: Callable[[str], list[str]], value: Callable[[str], str | None], whole_file: Decision) -> Decision:
    final, on_abstract, on_full_text = (decided(value(role)) for role in ("final", "on_abstract", "on_full_text"))
    notes = in_notes(" | ".join(values("notes")))
    last = on_full_text if on_full_text is not None else final
    if on_abstract is not None or on_full_text is not None:
        found = of_stages(on_abstract, last)
    elif final is not None:
        found = Decision("INCLUDED" if final else "EXCLUDED")
    elif notes.decision or notes.doubt:
        stage = whole_file.stage if whole_file.decision == notes.decision else None
        found = Decision(notes.decision, stage, doubt=notes.doubt)
    else:
        found = Decision(whole_file.decision, whole_file.stage)
    found.reason = fold(value("reason")) or notes.reason
    if found.decision == "INCLUDED":
        found.reason = None
    found.is_seed = notes.is_seed or decided(value("seed")) is True or whole_file.is_seed
    return found


def _number(text: str | None) -> str | None:
    """A number without the decimals that a spreadsheet or pandas gave it."""
    return re.sub(r"\.0+\Z", "", text) if text else None


def _date(date: str | None, month: str | None) -> str | None:
    date = _number(date)
    if date and month and re.fullmatch(r"\d{4}", date) and (number := _number(month)) and number.isdecimal():
        return f"{date}-{int(number):02d}" if 1 <= int(number) <= 12 else date
    return date


_ONE_NAME = re.compile(r"[^\d,;]{2,60} (?:[A-Z]\.?){1,4}")


def _authors(text: str | None) -> list[str]:
    """The names in a list of authors, whichever sign divides them."""
    if not text:
        return []
    if ";" in text:
        return text.split(";")
    if " and " in text:
        return text.split(" and ")
    names = [name.strip() for name in text.split(",")]
    return names if all(map(_ONE_NAME.fullmatch, names)) else [text]


def _keywords(text: str | None) -> list[str]:
    return re.split(";" if ";" in text else ",", text) if text else []


# --- CSMeD's rows in JSON (Hugging Face)


_CSMED_ROW = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*+\[?\s*+\{(?=[^{}]{0,4000}"review_(?:id|title)"\s*:)')


def is_csmed_rows(head: bytes) -> bool:
    """Whether JSON objects with a review, an article and a label stand in it."""
    return bool(_CSMED_ROW.match(head)) and b'"title"' in head and (b'"label"' in head or b'"decision"' in head)


def read_csmed_rows(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """Articles, then the reviews that they belong to."""
    return _citations(json_values(stream, ("data", "rows")), Gathered(), name or "csmed", _cells)


def _cells(entry: Entry) -> tuple[dict[str, list[str]], dict[str, str]]:
    try:
        said = msgspec.json.decode(entry.data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("malformed_json", str(error)[:200]) from None
    if isinstance(said.get("row"), dict):  # the rows of Hugging Face's viewer
        said = said["row"]
    row = {key: str(value) for key, value in said.items() if isinstance(value, str | int | float)}
    roles: dict[str, list[str]] = defaultdict(list)
    for column in row:
        roles[_role(column)].append(column)
    return roles, row


# --- RIS


_RIS_LINE = re.compile(r"\s*([A-Z][A-Z0-9])\s{0,3}-(?:\s(.*))?\Z", re.DOTALL)
_RIS_LIMIT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(TY|ER)\s{0,3}-")
_RIS_BEGINS = re.compile(rb"(?:\A|\n)[ \t]*+TY {1,3}- *+[A-Z]{2,8}[ \t]*+\r?\n")
_RIS_TITLE = re.compile(rb"\n[ \t]*+(?:TI|T1|CT|BT) {1,3}- ++\S")
_RIS_MORE = re.compile(rb"\n[ \t]*+(?:AU|A1|AB|N2|PY|Y1|DO|JO|JF|T2|AN|UR|DA) {1,3}- ++\S")


def is_ris(head: bytes) -> bool:
    """Whether it holds references in RIS: a type, a title and more of what a citation has."""
    begins = _RIS_BEGINS.search(head[:4096].removeprefix(b"\xef\xbb\xbf"))
    return bool(begins and _RIS_TITLE.search(head) and _RIS_MORE.search(head))


def _ris_entries(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """References of a RIS file: from TY to ER."""
    lines: list[bytes] = []
    ordinal = line = begins = size = 0

    def closed(problem: str, is_last: bool) -> Entry | Reject:
        data = b"".join(lines)
        if size > MAX_ENTRY_BYTES:
            return reject("entry_too_large", "the hash is of its beginning", data, ordinal, None, begins)
        if problem:
            return reject("truncated" if is_last else "malformed_text", problem, data, ordinal, None, begins)
        return Entry(data, ordinal, None, begins)

    for text in text_lines(stream):
        line += 1
        if text is None:
            size = MAX_ENTRY_BYTES + 1
            continue
        tag = _RIS_LIMIT.match(text)
        if tag and tag[1] == b"TY":
            if lines:
                yield closed("no ER before the next TY", False)
            ordinal, begins, size = ordinal + 1, line, 0
            lines = [text]
        elif lines:
            size += len(text)
            if size <= MAX_ENTRY_BYTES:
                lines.append(text)
            if tag:
                yield closed("", False)
                lines = []
    if lines:
        yield closed("the input ends before ER", True)


def read_ris(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """References, then the review that they belong to."""
    return read_references(_ris_entries(stream), _ris_fields, name)


def read_references(
    entries: Iterable[Entry | Reject], fields: Callable[[Entry], dict[str, list[str]]], name: str
) -> Iterator[Record | Reject]:
    """References, then the review that they belong to; `fields` gives those of an entry by their tags in RIS."""
    gathered = Gathered()
    whole_file = in_name(name)
    count = 0
    for outcome in each(entries, lambda entry: _of_fields(fields(entry), gathered, name, whole_file)):
        count += 1
        yield outcome
    yield from gathered.records(count, 1)


_RIS_TYPES = {
    "JOUR": "Journal Article",
    "CONF": "Congress",
    "CPAPER": "Congress",
    "THES": "Dissertation",
    "BOOK": "Book",
}
_PMID_IN_TEXT = re.compile(r"(?i)(?:\bPMID:?\s*|\A)0*([1-9]\d{0,7})\s*(?:\[pmid\]|\Z|(?=[;.\s|]))")
_PMC_IN_TEXT = re.compile(r"(?i)\bPMC\d{3,9}\b")


def _ris_fields(entry: Entry) -> dict[str, list[str]]:
    try:
        text = entry.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", f"byte {error.object[error.start]:#04x} is not UTF-8") from None
    lines: dict[str, list[list[str]]] = defaultdict(list)
    last: list[str] | None = None
    for line in text.splitlines():
        if match := _RIS_LINE.match(line):
            last = [(match[2] or "").strip()]
            lines[match[1]].append(last)
        elif last and line.strip():
            last.append(line.strip())
    return {tag: ["\n".join(parts) for parts in given] for tag, given in lines.items()}


def _of_fields(said: dict[str, list[str]], gathered: Gathered, name: str, whole_file: Decision) -> Record:
    """The article of one reference, its fields by their tags in RIS; what was decided on it goes to the review."""

    def value(*tags: str) -> str | None:
        return next((one for tag in tags for one in said.get(tag, ()) if one), None)

    database = " ".join(said.get("DB", []) + said.get("DP", [])).lower()
    accession = value("AN") or ""
    notes = " | ".join(said.get("N1", []) + said.get("RN", []) + said.get("NO", []))
    is_of_pubmed = any(word in database for word in ("pubmed", "medline", "nlm", "national library"))
    pmid = pmid_in(" ".join(said.get("UR", [])))
    for place in (*(said.get("U1") or ()), accession if is_of_pubmed else "", *re.findall(r"(?i)PMID:?\s*\d+", notes)):
        pmid = pmid or next((found[1] for found in [_PMID_IN_TEXT.search(place)] if found), None)
    pmcid = _PMC_IN_TEXT.search(" ".join(said.get("C2", []) + said.get("AN", []) + said.get("UR", [])))
    decision = in_notes(" | ".join([notes, *said.get("KW", [])]))
    if not decision.decision and not decision.doubt:
        decision.decision, decision.stage = whole_file.decision, whole_file.stage
    decision.is_seed = decision.is_seed or whole_file.is_seed
    pages = [page for page in (value("SP"), value("EP")) if page]
    kind = value("TY")
    citation = Citation(
        title=value("TI", "T1", "CT", "BT"),
        abstract=value("AB", "N2"),
        pmid=pmid,
        doi=value("DO") or doi_in(" ".join(said.get("UR", []))),
        pmcid=pmcid.group() if pmcid else None,
        own_ids=[(tag, one) for tag in ("ID", "AN") for one in said.get(tag, ()) if one],
        authors=said.get("AU") or said.get("A1") or [],
        date=_ris_date(value("PY", "Y1") or "", value("DA") or ""),
        journal=value("JF", "T2", "JO"),
        journal_abbreviation=value("J2", "JA"),
        issn=value("SN"),
        volume=value("VL"),
        issue=value("IS"),
        pages="-".join(pages) or None,
        keywords=[word for word in said.get("KW", ()) if not word.startswith("ASReview_")],
        language=value("LA"),
        type=_RIS_TYPES.get(kind or "", kind),
        decision=decision,
    )
    record = publication(citation)
    collection = collection_of(name)
    record.licence = collection.licence
    topic = stem(name) or "references"

    def begin() -> Record:
        review = review_record(topic, name, first=record.id)
        _take_folder(review, name)
        return review

    gathered.add(topic, begin, citation, record)
    return record


def _ris_date(year: str, date: str) -> str | None:
    """Year, month and day of `2002/03/15/`, `2002///` or `2002`; the fuller of the two tags counts."""
    found = [[part for part in text.split("/")[:3] if part.strip().isdecimal()] for text in (year, date)]
    best = max(found, key=lambda parts: (len(parts[0]) == 4, len(parts)) if parts else (False, 0))
    if best and len(best[0].strip()) == 4:
        return "-".join(part.strip().zfill(2) for part in best)
    return fold(year) or fold(date)
