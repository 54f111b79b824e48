"""Systematic reviews: what they asked, how they searched, and which studies they included and excluded.

Test collections (CLEF-TAR, SIGIR 2017, ielab's seed studies, Cohen 2006, CSMeD), the exports of screening programs and
reference managers, plain lists of PMIDs, and the findings that annotators took from trials (evidence inference). A file
that speaks of a review gives a Record of it; several files of one collection give several Records of the same review,
which have one id. An article that comes with its title or abstract is a Record of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable
from trialpanorama.record import (
    AbstractSection,
    Finding,
    Identifier,
    Paper,
    PartialDate,
    Record,
    Reject,
    Review,
    ReviewedStudy,
    TextSection,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources._reading import (
    Entry,
    begun_entries,
    csv_rows,
    each,
    fold,
    json_values,
    reject,
    table_header,
    text_lines,
    whole,
)
from trialpanorama.sources._reference_managers import (
    is_bibtex,
    is_endnote_xml,
    read_bibtex,
    read_endnote_xml,
)
from trialpanorama.sources._review_citations import (
    CLEF,
    COHEN,
    COHEN_TOPICS,
    CSMED,
    EVIDENCE,
    IELAB,
    OWN,
    SIGIR,
    Collection,
    Decision,
    cochrane_id,
    collection_of,
    doi_in,
    in_name,
    mark_if_fictional,
    mentions,
    pmid_in,
    review_record,
    stem,
)
from trialpanorama.sources._review_exports import (
    is_csmed_rows,
    is_ris,
    is_table,
    read_csmed_rows,
    read_ris,
    read_table,
)

_BOM = b"\xef\xbb\xbf"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("invalid_encoding", f"byte {error.object[error.start]:#04x} is not UTF-8") from None


def _marked(
    read: Callable[[BinaryIO, str], Iterator[Record | Reject]],
) -> Callable[[BinaryIO, str], Iterator[Record | Reject]]:
    """The same reader, whose reviews of made-up studies say that they are."""

    def marked(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
        for outcome in read(stream, name):
            if isinstance(outcome, Record) and outcome.kind == "REVIEW":
                mark_if_fictional(outcome)
            yield outcome

    return marked


# --- lines and rows that belong together, wherever they stand in the file


class _Group(Entry):
    """What a file says of one topic (or article), in several lines, rows or objects."""

    key: str = ""
    parts: list[Any] = msgspec.field(default_factory=list)


_HELD_BYTES = 1 << 26
"""A file is held as far as this to join what belongs together; past it, a topic may give more than one Record."""


def _groups(
    entries: Iterable[Entry | Reject], part: Callable[[Entry], tuple[str, Any]]
) -> Iterator[list[_Group | Reject]]:
    """Entries with one key as one; `part` gives an entry's key and what is kept of it, or raises Unreadable."""
    held: dict[str, _Group] = {}
    digests: dict[str, Any] = {}
    rejects: list[Reject] = []
    size = ordinal = 0

    def released() -> list[_Group | Reject]:
        nonlocal ordinal
        outcomes: list[_Group | Reject] = [*rejects, *held.values()]
        for outcome in outcomes:
            ordinal += 1
            if isinstance(outcome, Reject):
                outcome.place.ordinal = ordinal
            else:
                outcome.ordinal = ordinal
        for key, group in held.items():
            group.data = digests[key].digest()
        return outcomes

    for entry in entries:
        if isinstance(entry, Reject):
            rejects.append(entry)
            continue
        try:
            key, kept = part(entry)
        except Unreadable as unreadable:
            rejects.append(
                reject(unreadable.reason, unreadable.detail, entry.data, 0, entry.offset, entry.line),
            )
            continue
        if key not in held:
            held[key] = _Group(b"", 0, entry.offset, entry.line, key=key, parts=[])
            digests[key] = hashlib.sha256(usedforsecurity=False)
        held[key].parts.append(kept)
        digests[key].update(entry.data)
        size += len(entry.data) + 100
        if size > _HELD_BYTES:
            yield released()
            held, digests, rejects, size = {}, {}, [], 0
    yield released()


def _read_groups(
    entries: Iterable[Entry | Reject],
    part: Callable[[Entry], tuple[str, Any]],
    to_record: Callable[[list[_Group]], Callable[[Any], Record]],
) -> Iterator[Record | Reject]:
    """The Record of each group; `to_record` sees all groups of the file first (a qrels file's scale of grades)."""
    for outcomes in _groups(entries, part):
        yield from each(outcomes, to_record([one for one in outcomes if not isinstance(one, Reject)]))


def _line_entries(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """Lines that are not empty, as entries."""
    offset = 0
    for number, line in enumerate(text_lines(stream), 1):
        if line is None:
            yield reject("entry_too_large", "one line", b"", number, None, number)
            continue
        data = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if data:
            yield Entry(data, number, offset, number)
        offset += len(line)


# --- how a search is written


_PUBMED_SIGN = re.compile(
    r"\[(?:tw|tiab|ti|ab|mh|mesh|majr|pt|sh|all ?fields|all|text word|mesh terms?|title/abstract|"
    r"title|nm|substance name|publication type|dp|pdat|la|au|majr|subheading)(?::noexp|:~\d+)?\]",
    re.IGNORECASE,
)
_OVID_SIGN = re.compile(
    r"\.(?:tw|ti|ab|mp|sh|pt|rn|nm|kw|kf|hw|fs|af|de|ot|jw|ed|dt|lg|ti,ab|ab,ti)\b(?:[.,]|\s|\)|$)|"
    r"\badj\d\b|(?:^|[\s(.])exp \*?[A-Za-z\"]|[A-Za-z)\"]/(?:\s|$|\))|\b(?:or|and)/\d",
    re.IGNORECASE | re.MULTILINE,
)


def _syntax(query: str) -> str | None:
    """In which language a search is written, by the field tags that it uses; None if it uses none."""
    pubmed, ovid = len(_PUBMED_SIGN.findall(query)), len(_OVID_SIGN.findall(query))
    if not pubmed and not ovid:
        return None
    return "PUBMED" if pubmed >= ovid else "OVID"


def _as_typed(text: str | None) -> str | None:
    """A search with its lines as they were, without blanks at their ends and empty lines around them."""
    if not text:
        return None
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n") or None


def _date(text: object, order: vocabulary.DateOrder) -> PartialDate | None:
    if not isinstance(text, str) or not text.strip():
        return None
    date = vocabulary.parse_date(text[:10] if "T" in text else text, order)
    return PartialDate(date=date, raw=text if text != date else None)


def _review_of(record: Record) -> Review:
    assert record.review is not None
    return record.review


# --- CLEF-TAR: topics


_TOPIC = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*+Topic[ \t]*+:[ \t]*+[^\s][^\n]*+\n", re.IGNORECASE)
_TOPIC_BODY = re.compile(rb"^[ \t]*+(?:Title|Query|Pids|Objectives?)[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_TOPIC_FIELD = re.compile(
    r"\s*(topic|title|query|pids?|objectives?|types? of stud(?:y|ies)|participants|index tests?|target conditions?|"
    r"reference standards?|comparators?|inclusion criteria|exclusion criteria)\s*:(.*)",
    re.IGNORECASE | re.DOTALL,
)
_PMID = re.compile(r"[1-9]\d{0,7}")


def _is_topic(head: bytes) -> bool:
    return bool(_TOPIC.match(head) and _TOPIC_BODY.search(head))


_TOPIC_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*Topic\s*:", re.IGNORECASE)


def _read_topics(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(begun_entries(stream, lambda line: True if _TOPIC_LINE.match(line) else None), partial(_of_topic, name))


def _of_topic(name: str, entry: Entry) -> Record:
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    is_query = False
    for line in _text(entry.data).splitlines():
        field = _TOPIC_FIELD.match(line)
        if field and (not is_query or field[1].lower() in ("pids", "pid", "topic", "title")):
            key = field[1].lower()
            is_query = key == "query"
            lines = parts.setdefault(key, [])
            line = field[2]
        lines.append(line)
    said = {key: "\n".join(lines) for key, lines in parts.items()}
    topic = fold(said.pop("topic", None))
    if not topic:
        raise Unreadable("missing_identifier", "no number after Topic")
    record = review_record(topic, name, CLEF)
    review = _review_of(record)
    record.scientific_title = fold(said.pop("title", None))
    review.search_query = _as_typed(said.pop("query", None))
    review.search_syntax = _syntax(review.search_query) if review.search_query else None
    pids = " ".join(said.pop(key, "") for key in ("pids", "pid")).split()
    review.question = fold(said.pop("objective", None) or said.pop("objectives", None))
    criteria = [f"{key.capitalize()}: {folded}" for key, text in said.items() if (folded := fold(text))]
    review.criteria = "\n".join(criteria) or None
    known = dict.fromkeys(pid for pid in pids if _PMID.fullmatch(pid))
    review.studies = [ReviewedStudy(is_retrieved=True, report_ids=[pid]) for pid in known]
    return record


# --- relevance judgements and runs of TREC


_QRELS_HEAD = re.compile(
    rb"\A(?:\xef\xbb\xbf)?(?:\s*+[\w.-]{1,30}[ \t]++\w++[ \t]++[1-9]\d{0,7}[ \t]++-?\d{1,2}[ \t]*+\r?(?:\n|\Z))++"
)
_RUN_HEAD = re.compile(
    rb"\A(?:\xef\xbb\xbf)?"
    rb"(?:\s*+[\w.-]{1,30}[ \t]++\w++[ \t]++[1-9]\d{0,7}[ \t]++\d++[ \t]++[-+.\deE]++[ \t]++\S++[ \t]*+\r?(?:\n|\Z))++"
)
_LEVELS = (
    (re.compile(r"(?i)(?:^|[._-])(?:content|docs?|full_?text|ft)(?=[._-]|$)"), "FULL_TEXT"),
    (re.compile(r"(?i)(?:^|[._-])(?:abs|abstract|binary|ta)(?=[._-]|$)"), "TITLE_ABSTRACT"),
)


def _default(name: str) -> Collection:
    """What a file of judgements belongs to that names no collection: one of its own, by its name."""
    return Collection("", stem(name) or "REVIEW", OWN.licence)


def _most_of(head: bytes, pattern: re.Pattern[bytes]) -> bool:
    """Whether the lines from the first on have the shape: two whole ones, or all there are."""
    found = pattern.match(head)
    return bool(found and (found.end() >= len(head.rstrip()) or found.group().count(b"\n") >= 2))


def _is_qrels(head: bytes) -> bool:
    return _most_of(head, _QRELS_HEAD)


def _is_run(head: bytes) -> bool:
    return _most_of(head, _RUN_HEAD)


def _judgement(entry: Entry) -> tuple[str, Any]:
    cells = entry.data.split()
    if len(cells) != 4:
        raise Unreadable("malformed_row", f"{len(cells)} cells where a judgement has 4")
    topic, _, report, grade = (cell.decode("utf-8", "replace") for cell in cells)
    if not _PMID.fullmatch(report) or not re.fullmatch(r"-?\d{1,3}", grade):
        raise Unreadable("malformed_row", "no PMID with a grade")
    return topic, (report, int(grade))


def _retrieved(entry: Entry) -> tuple[str, Any]:
    cells = entry.data.split()
    if len(cells) != 6 or not _PMID.fullmatch(cells[2].decode("utf-8", "replace")):
        raise Unreadable("malformed_row", f"{len(cells)} cells, of which the third should be a PMID")
    return cells[0].decode("utf-8", "replace"), cells[2].decode()


def _read_qrels(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    last = name.rpartition("/")[2]
    level = next((stage for pattern, stage in _LEVELS if pattern.search(last)), None)

    def to_record(groups: list[_Group]) -> Callable[[Any], Record]:
        has_grades = any(grade > 1 for group in groups for _, grade in group.parts)
        return partial(_of_judgements, name, level, has_grades)

    return _read_groups(_line_entries(stream), _judgement, to_record)


_GRADES: dict[int, ReviewedStudy] = {
    0: ReviewedStudy(decision="EXCLUDED", stage="TITLE_ABSTRACT", is_retrieved=True),
    1: ReviewedStudy(decision="EXCLUDED", stage="FULL_TEXT", is_retrieved=True),
    2: ReviewedStudy(decision="INCLUDED", stage="FULL_TEXT", is_retrieved=True),
    3: ReviewedStudy(decision="EXCLUDED", stage="FULL_TEXT", is_retrieved=False),
    4: ReviewedStudy(decision="INCLUDED", stage="FULL_TEXT", is_retrieved=False),
}
"""The grades of CLEF-TAR and SIGIR 2017: 0 not relevant, 1 on title and abstract only, 2 on the full text as well;
3 and 4 are 1 and 2 of papers that the review's search does not find."""


def _of_judgements(name: str, level: str | None, has_grades: bool, group: _Group) -> Record:
    """A topic's judgements: on a scale of grades, or yes and no at the level that the file's name says."""
    record = review_record(group.key, name, _default(name), group.parts[0][0])
    studies = _review_of(record).studies = []
    for report, grade in dict(group.parts).items():
        if has_grades and not level:
            said = _GRADES.get(grade, ReviewedStudy())
        elif grade > 0:
            said = ReviewedStudy(decision="INCLUDED", stage=level)
        else:
            # what is not included in the end may have gone at either stage
            said = ReviewedStudy(decision="EXCLUDED", stage=level if level == "TITLE_ABSTRACT" else None)
        studies.append(msgspec.structs.replace(said, report_ids=[report]))
    return record


def _read_run(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return _read_groups(_line_entries(stream), _retrieved, lambda _: partial(_of_candidates, name, True))


def _of_candidates(name: str, is_retrieved: bool | None, group: _Group) -> Record:
    record = review_record(group.key, name, _default(name), next(iter(group.parts), ""))
    _review_of(record).studies = [
        ReviewedStudy(is_retrieved=is_retrieved, report_ids=[report]) for report in dict.fromkeys(group.parts)
    ]
    return record


# --- SIGIR 2017


_FIRST_OBJECT = rb"\A(?:\xef\xbb\xbf)?\s*+\[?\s*+\{"
_CITATIONS = re.compile(
    _FIRST_OBJECT + rb'(?=[^{}]{0,2000}"document_id"\s*:)(?=.{0,3000}"included"\s*:\s*(?:true|false))', re.DOTALL
)
_REVIEW_LIST = re.compile(
    _FIRST_OBJECT + rb'\s*+"id"\s*+:\s*+\d++\s*+,\s*+"url"\s*+:\s*+"[^"]{0,300}(?:14651858|cochrane)[^"]{0,300}"\s*\}'
)
_QUERIES = re.compile(
    _FIRST_OBJECT + rb'(?:(?=[^{}]{0,2000}"document_id"\s*:\s*\d)(?=.{0,60000}"query"\s*:)|(?=\s*"query"\s*:\s*\{))',
    re.DOTALL,
)


def _is_citations(head: bytes) -> bool:
    return bool(_CITATIONS.match(head))


def _is_review_list(head: bytes) -> bool:
    return bool(_REVIEW_LIST.match(head))


def _is_queries(head: bytes) -> bool:
    """Whether it lists queries with the review that each is of."""
    return (
        bool(_QUERIES.match(head))
        and not _is_citations(head)
        and (b'"document_id"' in head or b'"bool"' in head or b'"queries"' in head)
    )


def _object(entry: Entry) -> dict[str, Any]:
    try:
        return msgspec.json.decode(entry.data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("malformed_json", str(error)[:200]) from None


def _document(said: dict[str, Any]) -> str:
    document = said.get("document_id")
    if not isinstance(document, int | str) or isinstance(document, bool) or not str(document).strip():
        raise Unreadable("missing_identifier", "no document_id")
    return str(document)


_IN_BRACES = re.compile(r"\{[^{}]*+\}\s*+\Z")


def _cited(entry: Entry) -> tuple[str, Any]:
    said = _object(entry)
    address = said.get("url")
    report = _report(address if isinstance(address, str) else "")
    if report is None:
        raise Unreadable("missing_identifier", "the address of the paper holds no PMID")
    reference, included = said.get("reference"), said.get("included")
    name = fold(_IN_BRACES.sub("", reference)) if isinstance(reference, str) else None
    return _document(said), (report, name, included if isinstance(included, bool) else None)


def _report(address: str) -> str | None:
    """The PMID or DOI in the address of a paper."""
    if pmid := pmid_in(address):
        return pmid
    doi = identifiers.normalise(doi_in(address), "doi")
    return doi.id if doi else None


def _read_citations(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return _read_groups(json_values(stream), _cited, lambda _: partial(_of_citations, name))


def _of_citations(name: str, group: _Group) -> Record:
    """The included and the excluded studies of a Cochrane review: both were read in full text."""
    record = review_record(group.key, name, SIGIR)
    reports: dict[tuple[str, str | None, bool | None], dict[str, None]] = {}
    for report, study, included in group.parts:
        reports.setdefault((study or report, study, included), {})[report] = None
    _review_of(record).studies = [
        ReviewedStudy(
            decision=None if included is None else "INCLUDED" if included else "EXCLUDED",
            stage=None if included is None else "FULL_TEXT",
            name=study,
            report_ids=list(known),
        )
        for (_, study, included), known in reports.items()
    ]
    return record


def _read_review_list(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(json_values(stream), partial(_of_review_list, name))


def _of_review_list(name: str, entry: Entry) -> Record:
    said = _object(entry)
    number, address = said.get("id"), said.get("url")
    if not isinstance(number, int | str) or isinstance(number, bool):
        raise Unreadable("missing_identifier", "no id")
    record = review_record(str(number), name, SIGIR)
    if isinstance(address, str):
        record.url = address
        record.identifiers += _own_ids(address, record.id)
    return record


def _own_ids(address: str, known: str) -> list[Identifier]:
    """The ids of a review in the address of its page: its PMID, its Cochrane number and its DOI."""
    found = []
    if pmid := pmid_in(address):
        found.append(Identifier(id=pmid, register="pubmed", role="alias", raw=address))
    if cochrane := cochrane_id(address):
        found.append(Identifier(id=cochrane, register="cochrane", role="alias", raw=address))
    said = re.sub(r"/(?:full|abstract|pdf|epdf|html)?(?:[?#].*)?\Z", "", doi_in(address) or "")
    if doi := identifiers.normalise(said, "doi"):
        found.append(Identifier(id=doi.id, register="doi", role="alias", raw=address))
    return [one for one in found if one.id != known]


def _read_queries(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(json_values(stream), partial(_of_query, name))


def _of_query(name: str, entry: Entry) -> Record:
    """The review's search; a form that others derived for a search engine is kept as JSON, in no query language."""
    said = _object(entry)
    record = review_record(_document(said), name, SIGIR)
    review = _review_of(record)
    query = said.get("query")
    if isinstance(query, str):
        review.search_query = _as_typed(query)
        review.search_syntax = _syntax(query)
    elif query:
        review.search_query, review.search_syntax = msgspec.json.encode(query).decode(), "OTHER"
    if not review.search_query:
        raise Unreadable("malformed_json", "no query")
    notes = said.get("notes")
    review.search_source = fold(notes) if isinstance(notes, str) else None
    review.search_from_date = _date(said.get("start_date"), "ymd")
    review.search_until_date = _date(said.get("end_date"), "ymd")
    return record


_SEARCH_LINES = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*+#?1[.)]?\s++\S")


def _is_search(head: bytes) -> bool:
    """Whether it is a search in Ovid's or PubMed's language, and nothing else."""
    if b"\0" in head or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in b"{[<" or b"Topic:" in head[:200]:
        return False
    text = head.decode("utf-8", "replace")
    first = text.lstrip("\ufeff\r\n \t")[:4000].partition("\n")[0]
    if re.match(r"[A-Z0-9]{2,4} {0,2}- ", first) or re.match(r"(?:TITLE|ABSTRACT|BODY)[.:]", first):
        return False
    signs = len(_PUBMED_SIGN.findall(text)) + len(_OVID_SIGN.findall(text))
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not signs:
        return False
    is_numbered = bool(_SEARCH_LINES.match(head)) and len(lines) > 1
    of_search = sum(
        1 for line in lines if _PUBMED_SIGN.search(line) or _OVID_SIGN.search(line) or _COMBINED.fullmatch(line)
    )
    is_combined = any(_COMBINED.fullmatch(line) and re.search(r"\d", line) for line in lines)
    # lines of prose, or of a table of citations, hold no signs
    return of_search * (3 if is_numbered else 2 if is_combined else 1.2) >= len(lines) and not is_table(head)


_COMBINED = re.compile(r"(?i)[\s\d.()#/,:-]*+(?:(?:or|and|not|to)\b[\s\d.()#/,:-]*+)*+")
"""A line that combines others: 3 and (5 or 7)."""


def _read_search(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(whole(stream), partial(_of_search, name))


def _of_search(name: str, entry: Entry) -> Record:
    query = _as_typed(_text(entry.data))
    if not query:
        raise Unreadable("malformed_text", "no search in it")
    record = review_record(stem(name), name, first=query)
    review = _review_of(record)
    review.search_query, review.search_syntax = query, _syntax(query)
    return record


# --- the ielab collection of seed studies


_SEED_TOPIC = re.compile(_FIRST_OBJECT + rb'(?=.{0,60000}"(?:seed_studies|included_studies)"\s*:)', re.DOTALL)


def _is_seed_topics(head: bytes) -> bool:
    return bool(_SEED_TOPIC.match(head))


def _read_seed_topics(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(json_values(stream), partial(_of_seed_topic, name))


def _of_seed_topic(name: str, entry: Entry) -> Record:
    said = _object(entry)
    number = said.get("id")
    if not isinstance(number, int | str) or isinstance(number, bool) or not str(number).strip():
        raise Unreadable("missing_identifier", "no id")
    record = review_record(str(number), name, IELAB)
    review = _review_of(record)

    def text(key: str) -> str | None:
        value = said.get(key)
        return value if isinstance(value, str) else None

    record.scientific_title = fold(text("title"))
    question = fold(text("search_name"))
    review.question = question if question != record.scientific_title else None
    # the search as it was typed stands in `query`; in `edited_search` someone else put it into order
    review.search_query = _as_typed(text("query")) or _as_typed(text("edited_search"))
    review.search_syntax = _syntax(review.search_query) if review.search_query else None
    review.search_from_date = _date(said.get("Date_from"), "dmy")
    review.search_until_date = _date(said.get("Date_to"), "dmy")
    address = text("link_to_review")
    if address:
        record.url = address
        record.identifiers += _own_ids(address, record.id)
    included, seeds = (_numbers(said.get(key)) for key in ("included_studies", "seed_studies"))
    review.studies = [
        ReviewedStudy(
            decision="INCLUDED" if report in included else None,
            stage="FULL_TEXT" if report in included else None,
            is_seed=report in seeds,
            report_ids=[report],
        )
        for report in {**included, **seeds}
    ]
    return record


def _numbers(value: Any) -> dict[str, None]:
    """PMIDs of a list, or of a list that was written as text."""
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return dict.fromkeys(found for text in texts for found in re.findall(r"(?<!\d)[1-9]\d{0,7}(?!\d)", str(text)))


_SNOWBALLED = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*+[\w.-]{1,30}\t[1-9]\d{0,7}(?:\|\d{1,8})+")


def _is_snowballed(head: bytes) -> bool:
    return bool(_SNOWBALLED.match(head))


def _read_snowballed(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(_line_entries(stream), partial(_of_snowballed, name))


def _of_snowballed(name: str, entry: Entry) -> Record:
    topic, tab, reports = _text(entry.data).partition("\t")
    if not tab:
        raise Unreadable("malformed_row", "no tab after the topic")
    known = [report for report in reports.split("|") if _PMID.fullmatch(report.strip())]
    return _of_candidates(name, None, _Group(b"", 0, key=topic.strip(), parts=[one.strip() for one in known]))


# --- Cohen 2006 as it was published: one line a citation, no texts


_TRIAGE = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(%s)\t\d+\t[1-9]\d{0,7}\t[EI1-9]\t[EI1-9]\s" % "|".join(COHEN_TOPICS).encode(),
    re.IGNORECASE,
)
_TRIAGE_REASONS = {
    "1": "foreign language",
    "2": "wrong outcome",
    "3": "wrong drug",
    "4": "wrong population",
    "5": "wrong publication type",
    "6": "wrong study design",
    "7": "wrong study duration",
    "8": "background article",
    "9": "only abstract available",
}
"""The collection's codes of why an article was excluded; E says no reason."""


def _is_triage(head: bytes) -> bool:
    return bool(_TRIAGE.match(head))


def _triaged(entry: Entry) -> tuple[str, Any]:
    cells = _text(entry.data).split("\t")
    if len(cells) != 5 or not _PMID.fullmatch(cells[2]):
        raise Unreadable("malformed_row", f"{len(cells)} cells, of which the third should be a PMID")
    return cells[0].strip(), (cells[2], cells[3].strip(), cells[4].strip())


def _read_triage(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return _read_groups(_line_entries(stream), _triaged, lambda _: partial(_of_triage, name))


def _of_triage(name: str, group: _Group) -> Record:
    record = review_record(COHEN_TOPICS.get(group.key.lower(), group.key), name, COHEN)
    studies = _review_of(record).studies = []
    for report, on_abstract, on_article in group.parts:
        is_included = on_article == "I"
        stage = "FULL_TEXT" if is_included or on_abstract == "I" else "TITLE_ABSTRACT"
        code = on_article if stage == "FULL_TEXT" else on_abstract
        studies.append(
            ReviewedStudy(
                decision="INCLUDED" if is_included else "EXCLUDED",
                stage=stage,
                reason=_TRIAGE_REASONS.get(code),
                report_ids=[report],
            )
        )
    return record


# --- CSMeD: what is known of each review


_METADATA = re.compile(
    _FIRST_OBJECT + rb'\s*"(?:CD|ED|MR)\d{6}[^"]{0,20}"\s*:\s*\{(?=.{0,60000}"(?:criteria\w*|abstract|title)"\s*:)',
    re.DOTALL,
)


def _is_metadata(head: bytes) -> bool:
    return bool(_METADATA.match(head))


def _read_metadata(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(_metadata_entries(stream), partial(_of_metadata, name))


def _metadata_entries(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """One entry for each review of an object that holds them by their number."""
    ordinal = 0
    for entry in json_values(stream):
        if isinstance(entry, Reject):
            yield entry
            continue
        try:
            reviews = msgspec.json.decode(entry.data, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield reject("malformed_json", str(error)[:200], entry.data, ordinal + 1, entry.offset)
            continue
        for topic, raw in reviews.items():
            ordinal += 1
            yield Entry(bytes(raw), ordinal, entry.offset, row={"topic": topic})


def _of_metadata(name: str, entry: Entry) -> Record:
    said = _object(entry)
    record = review_record((entry.row or {}).get("topic", ""), name, CSMED)
    review = _review_of(record)

    def text(*keys: str) -> str | None:
        values = (said.get(key) for key in keys)
        return next((_as_typed(value) for value in values if isinstance(value, str) and value.strip()), None)

    record.scientific_title = fold(text("title"))
    record.brief_summary = text("abstract")
    review.question = fold(text("objective", "objectives"))
    criteria = said.get("criteria")
    parts = criteria.items() if isinstance(criteria, dict) else ()
    in_parts = "\n".join(f"{key}: {folded}" for key, value in parts if (folded := fold(str(value))))
    review.criteria = text("criteria_text", "criteria") or in_parts or None
    review.search_query = text("search_strategy", "search_query", "query")
    review.search_syntax = _syntax(review.search_query) if review.search_query else None
    doi = text("doi")
    if doi:
        record.identifiers += _own_ids(doi, record.id)
    return record


# --- lists of numbers


_NUMBER_LIST = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:\"?(?:pmids?|pubmed[ _]?ids?|pmcids?)\"?:?[ \t]*+\r?\n)?"
    rb"(?:\s*+\"?(?:PMID:? ?|PMC)?\d{1,12}\"?,?[ \t]*+\r?(?:\n|\Z))++",
    re.IGNORECASE,
)


def _is_number_list(head: bytes) -> bool:
    """Whether every line is a number, and most are as long as PMIDs are (topics of a collection are short)."""
    found = _NUMBER_LIST.match(head)
    if not found or not (found.end() >= len(head.rstrip()) or found.group().count(b"\n") >= 100):
        return False
    numbers = re.findall(rb"\d+", found.group())
    return sum(1 for number in numbers if len(number) >= 5) * 2 > len(numbers)


def _read_number_list(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    """The list as one review's."""
    register = "pmc" if collection_of(name) is EVIDENCE or re.search(r"(?i)pmc", stem(name)) else "pubmed"
    known: dict[str, None] = {}
    digest = hashlib.sha256(usedforsecurity=False)
    ordinal = 0
    begins: Entry | None = None
    for entry in _line_entries(stream):
        ordinal += 1
        if isinstance(entry, Reject):
            entry.place.ordinal = ordinal
            yield entry
            continue
        text = entry.data.decode("utf-8", "replace").strip('", ')
        if re.fullmatch(r"(?i)(?:pmids?|pubmed[ _]?ids?|pmcids?):?", text):
            ordinal -= 1
            continue
        found = identifiers.normalise(text, "pmc" if text.upper().startswith("PMC") else register)
        if found is None:
            yield reject("malformed_row", f"{text[:40]!r} is no PMID", entry.data, ordinal, entry.offset, entry.line)
            continue
        begins = begins or entry
        known[found.id] = None
        digest.update(entry.data)
        ordinal -= 1
    if begins:
        listed = Entry(digest.digest(), ordinal + 1, begins.offset, begins.line)
        yield from each([listed], lambda _: _of_number_list(name, known))


def _of_number_list(name: str, known: Iterable[str]) -> Record:
    said: Decision = in_name(name)
    record = review_record(stem(name), name, first=next(iter(known)))
    _review_of(record).studies = [
        ReviewedStudy(decision=said.decision, stage=said.stage, is_seed=said.is_seed, report_ids=[report])
        for report in known
    ]
    return record


# --- evidence inference: articles, questions about them, and answers


_ARTICLE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*+TITLE[.:]++[ \t]*+\r?\n")
_HEADING = re.compile(r"(TITLE|ABSTRACT|BODY)(?:\.(.*?))?[.:]*\s*", re.DOTALL)
_PMC = re.compile(r"(?i)PMC\d{3,9}(?!\d)")


def _is_article(head: bytes) -> bool:
    return bool(_ARTICLE.match(head))


def _read_article(stream: BinaryIO, name: str) -> Iterator[Record | Reject]:
    return each(whole(stream), partial(_of_article, name))


def _article_record(pmcid: str) -> Record:
    found = identifiers.normalise(pmcid, "pmc")
    if found is None:
        raise Unreadable("missing_identifier", f"{pmcid[:40]!r} is no PMC id")
    return Record(
        kind="PUBLICATION",
        id=found.id,
        register="pmc",
        url=identifiers.url(found.id, "pmc"),
        licence=EVIDENCE.licence,
        identifiers=[Identifier(id=found.id, register="pmc", role="primary", raw=pmcid if pmcid != found.id else None)],
        paper=Paper(pmcid=found.id),
    )


def _of_article(name: str, entry: Entry) -> Record:
    number = _PMC.search(stem(name))
    if number is None:
        raise Unreadable("missing_identifier", "the name of the file holds no PMC id")
    record = _article_record(number.group())
    assert record.paper is not None
    part, heading, lines = "", "", list[str]()
    is_heading_next = True

    def finish() -> None:
        assert record.paper is not None
        text = "\n".join(line for line in map(fold, lines) if line)
        if not text:
            return
        if part == "TITLE":
            record.scientific_title = record.scientific_title or fold(text)
        elif part == "ABSTRACT":
            record.paper.abstract_sections.append(AbstractSection(text=text, label=heading or None))
        elif part:
            above, _, title = heading.rpartition("\0")
            path = " > ".join(above.split("\0")) if above else None
            record.paper.sections.append(TextSection(text=text, title=title or None, path=path))

    record.paper.abstract_sections, record.paper.sections = [], []
    for line in _text(entry.data).splitlines():
        found = _HEADING.fullmatch(line) if is_heading_next and len(line) < 500 else None
        if found and (found[2] is None or found[2].upper() == found[2]):
            finish()
            # headings are divided by dots without a blank; `1. INTRODUCTION` is one
            levels = [one for level in re.split(r"\.(?=\S)", found[2] or "") if (one := fold(level.strip(" .:")))]
            part, lines = found[1], []
            heading = ". ".join(levels) if part == "ABSTRACT" else "\0".join(levels)
        else:
            lines.append(line)
        is_heading_next = not line.strip()
    finish()
    if not record.scientific_title and not record.paper.abstract_sections and not record.paper.sections:
        raise Unreadable("malformed_text", "no text under any heading")
    sections = record.paper.abstract_sections
    record.brief_summary = "\n".join(f"{s.label}: {s.text}" if s.label else s.text for s in sections) or None
    record.identifiers += mentions(record)
    return record


def _are_questions(columns: list[str]) -> bool:
    return {"PromptID", "PMCID", "Outcome", "Intervention", "Comparator"} <= set(columns)


def _are_answers(columns: list[str]) -> bool:
    return {"PromptID", "PMCID", "Label"} <= set(columns) and not _are_questions(columns)


def _is_questions(head: bytes) -> bool:
    return table_header(head, _are_questions) is not None


def _is_answers(head: bytes) -> bool:
    return table_header(head, _are_answers) is not None


_DIRECTIONS = {
    "significantly increased": "INCREASED",
    "significantly increase": "INCREASED",
    "significantly decreased": "DECREASED",
    "significantly decrease": "DECREASED",
    "no significant difference": "NO_DIFFERENCE",
}


def _finding(entry: Entry) -> tuple[str, Any]:
    row = entry.row or {}
    number = row.get("PMCID", "").strip().upper().removeprefix("PMC")
    if not re.fullmatch(r"[1-9]\d{2,8}", number):
        raise Unreadable("missing_identifier", f"PMCID {number[:40]!r}")
    label = fold(row.get("Label"))
    checks = [row.get(column, "").strip().lower() for column in ("Valid Label", "Valid Reasoning")]
    is_confirmed = None if "" in checks else checks == ["true", "true"]
    return f"PMC{number}", Finding(
        question=fold(row.get("PromptID")),
        intervention=fold(row.get("Intervention")),
        comparator=fold(row.get("Comparator")),
        outcome=fold(row.get("Outcome")),
        direction=_DIRECTIONS.get((label or "").lower()),
        direction_raw=label,
        evidence=fold(row.get("Annotations")),
        annotator=fold(row.get("UserID")),
        is_confirmed=is_confirmed,
    )


def _read_findings(stream: BinaryIO) -> Iterator[Record | Reject]:
    return _read_groups(
        csv_rows(stream, lambda columns: _are_questions(columns) or _are_answers(columns)),
        _finding,
        lambda _: _of_findings,
    )


def _of_findings(group: _Group) -> Record:
    record = _article_record(group.key)
    assert record.paper is not None
    record.paper.findings = group.parts
    return record


SOURCE = Source(
    name="reviews",
    title="Systematic reviews",
    home_page="https://www.cochranelibrary.com/",
    licence="Each collection's own; most are MIT, SIGIR 2017 states none; publishers may hold rights in abstracts",
    is_open=False,
    registers=("cochrane", "pubmed", "pmc", "doi"),
    obtain=(
        "Download a collection from its repository (CLEF-TAR/tar, ielab/SIGIR2017-SysRev-Collection, "
        "ielab/sysrev-seed-collection, asreview/systematic-review-datasets, WojciechKusa/systematic-review-datasets, "
        "jayded/evidence-inference on GitHub), or export a project of your own from Rayyan, Covidence, ASReview, "
        "EPPI-Reviewer, EndNote or Zotero as CSV, RIS, EndNote XML or BibTeX."
    ),
    no_fetch="the collections are archives that lie still in repositories; projects of screening programs are private.",
    formats=(
        Format(
            "clef-tar-topic",
            "Topic file of CLEF-TAR: number, title, search of the review in Ovid's or PubMed's language, PMIDs found",
            _is_topic,
            _marked(_read_topics),
            uses_name=True,
        ),
        Format(
            "qrels",
            "Relevance judgements (TREC qrels: topic, 0, PMID, grade) of reviews; the name may say abs or content",
            _is_qrels,
            _marked(_read_qrels),
            uses_name=True,
        ),
        Format(
            "trec-run",
            "Run in TREC's format (topic, Q0, PMID, rank, score, tag): what the searches of reviews found",
            _is_run,
            _marked(_read_run),
            uses_name=True,
        ),
        Format(
            "sigir2017-citations",
            "citations.json of SIGIR 2017: included and excluded papers by study",
            _is_citations,
            _marked(_read_citations),
            uses_name=True,
        ),
        Format(
            "sigir2017-reviews",
            "systematic_reviews.json of SIGIR 2017: the page of each Cochrane review",
            _is_review_list,
            _marked(_read_review_list),
            uses_name=True,
        ),
        Format(
            "sigir2017-queries",
            "queries_*.json of SIGIR 2017: searches as published, annotated, or translated for Elasticsearch",
            _is_queries,
            _marked(_read_queries),
            uses_name=True,
        ),
        Format(
            "search-text",
            "A search in Ovid's or PubMed's language, alone in a file; the file's name is the review's number",
            _is_search,
            _marked(_read_search),
            uses_name=True,
        ),
        Format(
            "ielab-seed-topics",
            "overall_collection.jsonl of ielab's collection: search, seed studies and included studies of a review",
            _is_seed_topics,
            _marked(_read_seed_topics),
            uses_name=True,
        ),
        Format(
            "ielab-snowballing",
            "Candidates found by following citations, one line a review: its number, a tab, PMIDs divided by |",
            _is_snowballed,
            _marked(_read_snowballed),
            uses_name=True,
        ),
        Format(
            "cohen2006-triage",
            "epc-ir.clean.tsv of Cohen 2006: topic, number, PMID, what was decided on abstract and article",
            _is_triage,
            _marked(_read_triage),
            uses_name=True,
        ),
        Format(
            "labelled-table",
            "CSV or TSV of citations with what was decided on them: ASReview (also Cohen 2006), Rayyan, Covidence, "
            "EPPI-Reviewer, CSMeD",
            is_table,
            _marked(read_table),
            uses_name=True,
        ),
        Format(
            "csmed-rows",
            "CSMeD's full-text screening as JSON rows (Hugging Face): review, criteria, article, label",
            is_csmed_rows,
            _marked(read_csmed_rows),
            uses_name=True,
        ),
        Format(
            "csmed-reviews",
            "reviews_metadata.json of CSMeD: title, abstract and criteria of each review, by its Cochrane number",
            _is_metadata,
            _marked(_read_metadata),
            uses_name=True,
        ),
        Format(
            "ris",
            "RIS of EndNote, Zotero, ASReview, Rayyan and others: references, with decisions in their notes",
            is_ris,
            _marked(read_ris),
            uses_name=True,
        ),
        Format(
            "endnote-xml",
            "XML of EndNote: references, with decisions in their notes",
            is_endnote_xml,
            _marked(read_endnote_xml),
            uses_name=True,
        ),
        Format(
            "bibtex",
            "BibTeX of Zotero, Mendeley, JabRef and others: references",
            is_bibtex,
            _marked(read_bibtex),
            uses_name=True,
        ),
        Format(
            "pmid-list",
            "PMIDs (or PMC ids), one a line; the file's name may say included, excluded or seed",
            _is_number_list,
            _marked(_read_number_list),
            uses_name=True,
        ),
        Format(
            "evidence-inference-article",
            "Title, abstract and text of a trial's report as evidence inference prints them, named by its PMC id",
            _is_article,
            _marked(_read_article),
            uses_name=True,
        ),
        Format(
            "evidence-inference-questions",
            "prompts_merged.csv of evidence inference: intervention, comparator and outcome asked about an article",
            _is_questions,
            _read_findings,
        ),
        Format(
            "evidence-inference-answers",
            "annotations_merged.csv of evidence inference: what annotators answered, and the words that show it",
            _is_answers,
            _read_findings,
        ),
    ),
)
