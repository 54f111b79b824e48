"""PubMed Central: full texts of articles in JATS XML, and in the NLM journal article DTDs that came before it.

An article's metadata become the Record as PubMed's do; its body becomes `paper.sections`, section by section: tables
row by row with tabs between the cells, formulas as text, without reference lists and citation marks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import msgspec
from lxml import etree

from trialpanorama import identifiers
from trialpanorama.errors import Unreadable, UserError
from trialpanorama.fetching import Fetch, Session, Wanted
from trialpanorama.record import (
    AbstractSection,
    Author,
    Contact,
    Correction,
    Identifier,
    Link,
    Note,
    Paper,
    PartialDate,
    Record,
    Reject,
    Sponsor,
    TextSection,
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
from trialpanorama.sources._reading import Entry, as_utf8, fold, one_or_more, parse_xml, peek, xml_elements

_MATH = "{http://www.w3.org/1998/Math/MathML}"
_OASIS = "{http://www.niso.org/standards/z39-96/ns/oasis-exchange/table}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LICENCE_REF = "{http://www.niso.org/schemas/ali/1.0/}license_ref"

# --- recognising and cutting

_ONE = re.compile(BEFORE_ROOT + rb"<article[\s>]", re.DOTALL)
_SET = re.compile(BEFORE_ROOT + rb"<pmc-articleset[\s>]", re.DOTALL)
_ONE_OR_OAI = re.compile(BEFORE_ROOT + rb"<(?:article|records|OAI-PMH|GetRecordResponse|ListRecords)[\s>]", re.DOTALL)
_FRONT = re.compile(rb"<(?:front|article-meta)[\s/>]")


def _is_jats(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    return bool(_SET.match(head) or (_ONE_OR_OAI.match(head) and _FRONT.search(head)))


def _read(stream: BinaryIO) -> Iterator[Record | Reject]:
    return one_or_more(stream, _ONE, _cut, _from_xml)


def _cut(stream: BinaryIO) -> Iterable[Entry | Reject]:
    head, stream = peek(stream, 1024)
    return xml_elements(as_utf8(stream, head), ("article",))


_ROOT_TAG = re.compile(rb"<article(?=[\s>])[^>]*")
_DEFAULT_NAMESPACE = re.compile(rb"\sxmlns\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_PREFIXES = {
    b"xlink": b"http://www.w3.org/1999/xlink",
    b"mml": b"http://www.w3.org/1998/Math/MathML",
    b"ali": b"http://www.niso.org/schemas/ali/1.0/",
    b"xsi": b"http://www.w3.org/2001/XMLSchema-instance",
    b"oasis": b"http://www.niso.org/standards/z39-96/ns/oasis-exchange/table",
}


def _without_namespace(data: bytes) -> bytes:
    """The article without a default namespace, and with the usual prefixes, which a wrapper may have declared."""
    root = _ROOT_TAG.search(data)
    if root is None:
        return data
    tag = _DEFAULT_NAMESPACE.sub(b"", root.group())
    for prefix, address in _PREFIXES.items():
        if prefix + b":" in data and b"xmlns:" + prefix not in data:
            tag += b' xmlns:%s="%s"' % (prefix, address)
    return data if tag == root.group() else data[: root.start()] + tag + data[root.end() :]


# --- text


def _skip(element: etree._Element, lines: list[str]) -> None:
    """What is no text of the article."""


def _fill(element: etree._Element, lines: list[str], words: list[str]) -> None:
    """Add the lines of an element's content, and to `words` what has not yet become one."""
    if element.text:
        words.append(element.text)
    for child in element:
        tag = child.tag
        if isinstance(child, etree._Entity):
            words.append(_character(child))
        elif block := _BLOCKS.get(tag):
            _flush(lines, words)
            block(child, lines)
        elif inline := _INLINE.get(tag):
            words.append(inline(child, words[-1] if words else ""))
        elif len(child):
            _fill(child, lines, words)
        elif child.text:
            words.append(child.text)
        if child.tail:
            words.append(child.tail)


def _character(entity: etree._Entity) -> str:
    """The character of an entity of the DTD, which is not loaded."""
    return html.unescape(entity.text or "")


def _flush(lines: list[str], words: list[str]) -> None:
    if words:
        if text := " ".join("".join(words).split()):
            lines.append(text)
        words.clear()


def _lines(element: etree._Element | None) -> list[str]:
    """The paragraphs of an element, tables row by row."""
    lines: list[str] = []
    if element is not None:
        _block(element, lines)
    return lines


def _line(element: etree._Element | None) -> str | None:
    """All text of an element on one line."""
    if element is None:
        return None
    if not len(element):
        return fold(element.text)
    return " ".join(_lines(element)) or None


def _block(element: etree._Element, lines: list[str]) -> None:
    words: list[str] = []
    _fill(element, lines, words)
    _flush(lines, words)


def _list(element: etree._Element, lines: list[str]) -> None:
    is_ordered = element.get("list-type") not in (None, "bullet", "simple", "none", "order-none")
    for number, item in enumerate(element.iterfind("list-item"), 1):
        mark = _line(item.find("label")) or (f"{number}." if is_ordered else "-")
        inside = [line for child in item if child.tag != "label" for line in _lines(child)]
        if inside:
            lines += [f"{mark} {inside[0]}", *inside[1:]]


def _definitions(element: etree._Element, lines: list[str]) -> None:
    for child in element:
        if child.tag == "def-item":
            term, meaning = _line(child.find("term")), _line(child.find("def"))
            lines += filter(None, [": ".join(filter(None, [term, meaning]))])
        elif child.tag == "def-list":
            _definitions(child, lines)


def _float(element: etree._Element, lines: list[str]) -> None:
    """A table, figure or supplement: label and caption on one line, then its rows, then its notes."""
    captions = [*element.iterfind("caption"), *element.iterfind("media/caption")]
    label = _line(element.find("label"))
    heading = [label.rstrip(".") + "." if label else "", *(line for caption in captions for line in _lines(caption))]
    lines += filter(None, [" ".join(filter(None, heading))])
    for child in element:
        if child.tag not in ("label", "caption", "media"):
            (_BLOCKS.get(child.tag) or _block)(child, lines)


def _picture(element: etree._Element, lines: list[str]) -> None:
    for caption in element.iterfind("caption"):
        _block(caption, lines)


_MOST_SPANNED = 100
"""Cells and rows that one cell is taken to span, and columns that are filled for it: files may claim any number."""


def _span(cell: etree._Element, name: str) -> int:
    said = cell.get(name)
    return min(int(said), _MOST_SPANNED) if said and said.isdecimal() and len(said) < 9 else 1


def _local(element: etree._Element) -> str:
    """The name of an element without its namespace, as that of exchange tables has one."""
    return "" if isinstance(element, etree._Entity) else element.tag.rpartition("}")[2]


def _rows(element: etree._Element) -> Iterator[etree._Element]:
    for child in element:
        if _local(child) in ("tr", "row"):
            yield child
        elif _local(child) in ("thead", "tbody", "tfoot", "tgroup"):
            yield from _rows(child)


def _table(element: etree._Element, lines: list[str]) -> None:
    """Each row a line, its cells between tabs; a cell that spans others is followed, and underlaid, by empty ones."""
    spanned: dict[int, int] = {}  # by column, how many more rows a cell above reaches into
    for row in _rows(element):
        cells: list[str] = []
        for cell in row:
            if _local(cell) not in ("td", "th", "entry"):
                continue
            _fill_spanned(cells, spanned)
            rows, columns = _span(cell, "rowspan"), _span(cell, "colspan")
            if len(cells) + columns > _MOST_SPANNED:
                rows = columns = 1
            if rows > 1:
                spanned |= dict.fromkeys(range(len(cells), len(cells) + columns), rows)
            cells += [_line(cell) or "", *[""] * (columns - 1)]
        _fill_spanned(cells, spanned)
        spanned = {column: rows - 1 for column, rows in spanned.items() if rows > 1}
        if any(cells):
            lines.append("\t".join(cells))


def _fill_spanned(cells: list[str], spanned: dict[int, int]) -> None:
    while len(cells) in spanned:
        cells.append("")


def _notes(element: etree._Element, lines: list[str]) -> None:
    """A foot note with its mark."""
    mark = _line(element.find("label"))
    inside = [line for child in element if child.tag != "label" for line in _lines(child)]
    if inside:
        lines += [f"{mark} {inside[0]}" if mark else inside[0], *inside[1:]]


def _equation(element: etree._Element, lines: list[str]) -> None:
    lines += filter(None, [fold(_formula(element))])


def _no_words(element: etree._Element, before: str) -> str:
    return ""


def _blank(element: etree._Element, before: str) -> str:
    return " "


def _raised(element: etree._Element, before: str) -> str:
    """A superscript: none where it only cites, a power behind a digit."""
    if element.find(".//xref") is not None:
        return ""
    inner = _inner(element)
    return "^" + inner if before[-1:].isdecimal() and POWER.match(inner) else inner


def _cited(element: etree._Element, before: str) -> str:
    """A reference to a table, a figure or the literature: none where it is a raised number."""
    return "" if element.find("sup") is not None else _inner(element)


def _inner(element: etree._Element) -> str:
    words: list[str] = []
    lines: list[str] = []
    _fill(element, lines, words)
    return " ".join(lines) + "".join(words)


_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)


def _formula(element: etree._Element, before: str = "") -> str:
    """A formula as text: its TeX where there is one, else its MathML in one line, else its words."""
    for tex in element.iter("tex-math"):
        said = "".join(map(str, tex.itertext()))
        body = _TEX_BODY.search(said)
        return (body.group(1) if body else said).strip().strip("$").strip()
    for math in element.iter(_MATH + "math"):
        return _math(math)
    return _inner(element)


def _math(element: etree._Element) -> str:
    if isinstance(element, etree._Entity):
        return _character(element)
    name = _local(element)
    if name in ("annotation", "annotation-xml"):
        return ""
    parts = [_math(child) for child in element]
    if name in _MATH_BETWEEN and len(parts) > 1:
        signs = _MATH_BETWEEN[name]
        return parts[0] + "".join(sign + _grouped(part) for sign, part in zip(signs, parts[1:], strict=False))
    if name == "mfrac" and len(parts) == 2:
        return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
    if name in ("msqrt", "mroot"):
        return f"sqrt({''.join(parts[:1] if name == 'mroot' else parts)})"
    if name in ("mtr", "mtable"):
        return (" " if name == "mtr" else "; ").join(parts)
    if name == "mfenced":
        return element.get("open", "(") + ", ".join(parts) + element.get("close", ")")
    return (element.text or "").strip() + "".join(parts)


def _grouped(part: str) -> str:
    return part if part.isalnum() else f"({part})"


_MATH_BETWEEN = {"msub": "_", "msup": "^", "msubsup": "_^", "munder": "_", "mover": "^", "munderover": "_^"}

_BLOCKS: dict[str, Callable[[etree._Element, list[str]], None]] = {
    **dict.fromkeys(
        (
            "p",
            "title",
            "sec",
            "disp-quote",
            "boxed-text",
            "statement",
            "speech",
            "verse-group",
            "verse-line",
            "preformat",
        ),
        _block,
    ),
    **dict.fromkeys(("caption", "attrib", "fn-group", "fig-group", "table-wrap-group", "table-wrap-foot"), _block),
    **dict.fromkeys(("fig", "table-wrap", "supplementary-material", "chem-struct-wrap"), _float),
    **dict.fromkeys(("table", "array", "tgroup", _OASIS + "table"), _table),
    **dict.fromkeys(("disp-formula", "disp-formula-group"), _equation),
    "list": _list,
    "def-list": _definitions,
    "fn": _notes,
    **dict.fromkeys(("graphic", "media"), _picture),
    **dict.fromkeys(
        (
            "ref-list",
            "object-id",
            "alt-text",
            "long-desc",
            "permissions",
            "sec-meta",
        ),
        _skip,
    ),
}
_INLINE: dict[str, Callable[[etree._Element, str], str]] = {
    "sup": _raised,
    "xref": _cited,
    "break": _blank,
    **dict.fromkeys(("inline-formula", "tex-math", _MATH + "math"), _formula),
    **dict.fromkeys(("inline-graphic", "index-term", "email"), _no_words),
}

_LONGEST_PATH = 500
"""Characters of headings that are repeated for every section below them."""
_DIVISIONS = frozenset({"sec", "app", "app-group", "ack", "bio", "notes", "glossary", "fn-group"})


def _sections(element: etree._Element, path: str, kind: str | None, found: list[TextSection]) -> None:
    """Add the sections of an element: first what stands in it directly, then those inside it."""
    if element.tag in _DIVISIONS:
        said = element.get("sec-type") or element.get("notes-type") or element.get("fn-type")
        kind = fold(said) or (kind if element.tag == "sec" else element.tag)
    title: str | None = None
    lines: list[str] = []
    inside: list[etree._Element] = []
    for child in element:
        if child.tag in _DIVISIONS and (child.tag != "fn-group" or element.tag == "back"):
            inside.append(child)
        elif child.tag == "title" and title is None:
            title = _line(child)
        elif child.tag != "label":
            (_BLOCKS.get(child.tag) or _block)(child, lines)
    if lines:
        found.append(TextSection(text="\n".join(lines), title=title, path=path or None, type=kind))
    below = " > ".join(filter(None, [path, title]))[:_LONGEST_PATH]
    for child in inside:
        _sections(child, below, kind, found)


def _full_text(root: etree._Element) -> list[TextSection]:
    """The sections of an article: notes in front, body, back matter, figures and tables that float."""
    found: list[TextSection] = []
    for notes in root.iterfind("front/notes"):
        _sections(notes, "", None, found)
    for tag in ("author-notes/fn", "funding-group/funding-statement"):
        lines: list[str] = []
        for element in root.iterfind(f"front/article-meta/{tag}"):
            (_BLOCKS.get(element.tag) or _block)(element, lines)
        if lines:
            found.append(TextSection(text="\n".join(lines), type=tag.partition("/")[0]))
    for part in ("body", "back"):
        for element in root.iterfind(part):
            _sections(element, "", None, found)
    for part in ("floats-group", "floats-wrap"):
        for element in root.iterfind(part):
            if floating := _lines(element):
                found.append(TextSection(text="\n".join(floating), type=part))
    return found


def _other_texts(root: etree._Element) -> list[TextSection]:
    """What stands with an article and is another text: responses, translations, reports of its review."""
    found: list[TextSection] = []
    for other in root.iter("sub-article", "response"):
        title = _line(other.find("front-stub//article-title")) or _line(other.find("front//article-title"))
        kind = other.get("article-type") or other.get("response-type") or other.tag
        for body in other.iterfind("body"):
            sections: list[TextSection] = []
            _sections(body, (title or kind)[:_LONGEST_PATH], kind, sections)
            found += sections
    return found


# --- metadata


def _texts(elements: Iterable[etree._Element]) -> list[str]:
    return [text for element in elements if (text := _line(element))]


def _first(*elements: etree._Element | None) -> str | None:
    return next((text for element in elements if (text := _line(element))), None)


_PMCID = re.compile(r"(?:PMC)?0*([1-9]\d{0,9})(?:\.\d+)?", re.IGNORECASE)


def _ids(meta: etree._Element) -> dict[str, str]:
    """The first id of each kind, and under `pmc` the one of PubMed Central, however its kind is called."""
    ids: dict[str, str] = {}
    for element in meta.iterfind("article-id"):
        if text := _line(element):
            ids.setdefault(element.get("pub-id-type", ""), text)
    said = next((ids[kind] for kind in ("pmcid", "pmc", "pmc-uid", "pmcaid") if kind in ids), "")
    ids.pop("pmc", None)
    if number := _PMCID.fullmatch(said):
        ids["pmc"] = "PMC" + number.group(1)
    return ids


def _date(element: etree._Element) -> PartialDate | None:
    parts = {child.tag: text for child in element if (text := _line(child))}
    if "string-date" in parts:
        return article_date(parts["string-date"])
    if "year" not in parts:
        return article_date(element.get("iso-8601-date"))
    said = [parts[tag].zfill(2) for tag in ("year", "month", "day") if tag in parts]
    if len(said) < 3 and "season" in parts:
        said = [parts["year"], parts["season"]]
    return article_date(("-" if all(map(str.isdecimal, said)) else " ").join(said))


def _dates(meta: etree._Element, paper: Paper) -> None:
    """When the issue was published, and when the electronic article, in the words of old and new DTDs."""
    dates: dict[str, PartialDate | None] = {}
    for element in meta.iterfind("pub-date"):
        kind = element.get("pub-type") or "-".join(filter(None, map(element.get, ("date-type", "publication-format"))))
        dates.setdefault(kind, _date(element))
    paper.publication_date = next((dates[kind] for kind in _OF_ISSUE if dates.get(kind)), None)
    paper.electronic_date = next((dates[kind] for kind in _ELECTRONIC if dates.get(kind)), None)


_OF_ISSUE = ("ppub", "pub-print", "ppub-print", "collection", "collection-electronic", "epub-ppub", "pub", "")
_ELECTRONIC = ("epub", "pub-electronic", "epub-electronic", "epub-ppub", "pub")


def _journal(front: etree._Element, paper: Paper) -> None:
    meta = front.find("journal-meta")
    if meta is None:
        return
    paper.journal = _first(meta.find("journal-title-group/journal-title"), meta.find("journal-title"))
    ids = {element.get("journal-id-type"): element for element in meta.iterfind("journal-id")}
    short = [meta.find("journal-title-group/abbrev-journal-title"), meta.find("abbrev-journal-title")]
    paper.journal_abbreviation = _first(ids.get("nlm-ta"), *short, ids.get("iso-abbrev"))
    numbers = {e.get("pub-type") or e.get("publication-format"): e for e in reversed(meta.findall("issn"))}
    paper.issn = _first(numbers.get("epub"), numbers.get("electronic"), meta.find("issn"), meta.find("issn-l"))


def _title(group: etree._Element | None, tag: str, subtitle: str) -> str | None:
    if group is None:
        return None
    return ": ".join(_texts([*group.iterfind(tag), *group.iterfind(subtitle)])) or None


def _is_english(element: etree._Element) -> bool:
    return element.get(_LANGUAGE, "").lower().startswith("en")


def _abstract(meta: etree._Element, language: str) -> etree._Element | None:
    """The abstract; not one that is a summary of it, a picture, or a translation into another language than English.

    Some journals mark the abstract itself as key points or summary: it counts where there is no other.
    """
    found = meta.findall("abstract")
    plain = [element for element in found if element.get("abstract-type") in (None, "", "abstract", "structured")]
    if plain and plain[0].get(_LANGUAGE, language or "en")[:2].lower() != "en":
        plain[:0] = [element for element in meta.iterfind("trans-abstract") if _is_english(element)]
    others = [element for element in found if not (element.get("abstract-type") or "").startswith(_NO_ABSTRACTS)]
    return next(iter([*plain, *others]), None)


_NO_ABSTRACTS = ("graphical", "video", "toc", "teaser", "editor", "precis", "plain", "lay", "web")


def _abstract_sections(element: etree._Element | None) -> list[AbstractSection]:
    found: list[AbstractSection] = []
    lines: list[str] = []

    def end() -> None:
        if lines:
            found.append(AbstractSection(text="\n".join(lines)))
            lines.clear()

    for child in element if element is not None else ():
        if child.tag == "sec":
            end()
            text = "\n".join(line for part in child if part.tag not in ("title", "label") for line in _lines(part))
            if text:
                found.append(AbstractSection(text=text, label=(_line(child.find("title")) or "").rstrip(" :.") or None))
        elif child.tag not in ("title", "label"):
            (_BLOCKS.get(child.tag) or _block)(child, lines)
    end()
    return found


_OTHERS = ("edit", "guest", "review", "transl", "illustr", "collab", "member")
"""What the roles of contributors begin with who are no authors."""


class _People(msgspec.Struct):
    """Authors, and how to reach those who may be written to."""

    authors: list[Author] = []
    contacts: list[Contact] = []


def _people(meta: etree._Element) -> _People:
    places = {place.get("id"): place for place in meta.iter("aff", "aff-alternatives") if place.get("id")}
    letters = {letter.get("id"): letter for letter in meta.iterfind("author-notes/corresp")}
    answered: set[str | None] = set()
    people = _People()
    for group in meta.iterfind("contrib-group"):
        pointed_to = {rid for xref in group.iterfind("contrib/xref") for rid in xref.get("rid", "").split()}
        common = [t for a in group.iterfind("aff") if a.get("id") not in pointed_to and (t := _place(a))]
        for contrib in group.iterfind("contrib"):
            if contrib.get("contrib-type", "author").lower().startswith(_OTHERS):
                continue
            references = [
                (r.get("ref-type"), rid) for r in contrib.iterfind("xref") for rid in r.get("rid", "").split()
            ]
            own = [*contrib.iterfind("aff"), *contrib.iterfind("aff-alternatives")]
            own += [places[rid] for kind, rid in references if kind in (None, "aff") and rid in places]
            author = _author(contrib)
            author.affiliations = list(dict.fromkeys(filter(None, map(_place, own)))) or common
            people.authors.append(author)
            notes = [rid for kind, rid in references if kind == "corresp" and rid in letters]
            answered.update(notes)
            _add_contact(people, author, [contrib, *(letters[rid] for rid in notes)])
    for key, letter in letters.items():
        if key not in answered or key is None:
            _add_contact(people, None, [letter])
    return people


def _author(contrib: etree._Element) -> Author:
    name = contrib.find("name")
    if name is None:
        names = contrib.findall("name-alternatives/name")
        name = next(iter(sorted(names, key=lambda one: not _is_english(one))), None)
    author = Author(orcid=next(filter(None, map(orcid, _orcids(contrib))), None))
    if name is not None:
        author.last_name, author.fore_name = _line(name.find("surname")), _line(name.find("given-names"))
        author.suffix = _line(name.find("suffix"))
        given = name.find("given-names")
        author.initials = fold(given.get("initials")) if given is not None else None
        return author
    group = contrib.find("collab")
    if group is None:
        group = contrib.find("collab-alternatives/collab")
    if group is not None:  # its members stand inside it
        parts = [
            group.text,
            *(t for child in group for t in (None if child.tag == "contrib-group" else _line(child), child.tail)),
        ]
        author.collective_name = fold(" ".join(filter(None, parts)))
    else:
        author.last_name = _first(contrib.find("string-name"), contrib.find("name-alternatives/string-name"))
    return author


def _orcids(contrib: etree._Element) -> list[str]:
    said = [id for id in contrib.iterfind("contrib-id") if "orcid" in id.get("contrib-id-type", "orcid").lower()]
    return _texts(said) + [uri.get(_HREF, "") for uri in contrib.iterfind("uri") if "orcid" in uri.get(_HREF, "")]


_NOT_OF_PLACE = frozenset({"label", "sup", "email", "phone", "fax", "institution-id", "title"})


def _place(element: etree._Element) -> str | None:
    """An affiliation without the mark that points to it, e-mail addresses and telephone numbers."""
    if element.tag == "aff-alternatives":
        element = next(element.iterchildren("aff"), element)
    words: list[str] = []
    _place_words(element, words)
    return without_email((fold("".join(words)) or "").replace(" ,", ",").strip(" ;,"))


def _place_words(element: etree._Element, words: list[str]) -> None:
    words.append(element.text or "")
    for child in element:
        if isinstance(child, etree._Entity):
            words.append(_character(child))
        elif child.tag not in _NOT_OF_PLACE:
            _place_words(child, words)
        tail = child.tail or ""
        words.append(tail if tail.strip() or child.getnext() is None else ", " if child.tag in _PLACES else " ")


_PLACES = frozenset({"institution", "institution-wrap", "addr-line", "named-content", "city", "state", "country"})


def _add_contact(people: _People, author: Author | None, said: list[etree._Element]) -> None:
    emails = [text for element in said for text in _texts(element.iter("email"))]
    phones = [text for element in said for text in _texts(element.iter("phone"))]
    if not emails and not phones:
        return
    contact = Contact(type="author", email="; ".join(emails) or None, phone="; ".join(phones) or None)
    if author:
        names = filter(None, [author.fore_name, author.last_name, author.collective_name])
        contact.name, contact.affiliation = " ".join(names) or None, next(iter(author.affiliations), None)
    people.contacts.append(contact)


def _funding(root: etree._Element, meta: etree._Element, paper: Paper) -> list[Sponsor]:
    """Who paid, and the grants with their agencies."""
    names: list[str] = []
    for award in meta.iter("award-group"):
        agencies = [
            _first(a.find("institution-wrap/institution"), a.find("institution"), a)
            for a in award.iterfind("funding-source")
        ]
        known = [agency for agency in agencies if agency]
        names += known
        grants = _texts(award.iterfind("award-id"))
        paper.grants += ["/".join([grant, *known]) for grant in grants]
    if not names:
        names = _texts([*meta.iter("funding-source", "contract-sponsor"), *root.iterfind("back/ack//funding-source")])
        paper.grants = _texts([*meta.iter("award-id", "contract-num"), *root.iterfind("back/ack//award-id")])
    paper.grants = list(dict.fromkeys(paper.grants))
    return [Sponsor(name=name, role="FUNDER") for name in dict.fromkeys(names)]


_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licen[cs]es/([a-z-]+)|(publicdomain)/([a-z]+))(?:/(\d\.\d))?", re.I
)
_WORDS_OF_LICENCE = 300


def _licence(meta: etree._Element, notes: list[Note]) -> str:
    """The article's own licence: `CC BY 4.0` where it is one of Creative Commons, else its words."""
    for element in [*meta.iterfind("permissions/license"), *meta.iterfind("license")]:
        words = _line(element) or ""
        refs = [
            element.get(_HREF),
            *_texts(element.iter(_LICENCE_REF)),
            *(e.get(_HREF) for e in element.iter("ext-link", "uri")),
            words,
        ]
        found = next(filter(None, (_CREATIVE_COMMONS.search(ref or "") for ref in refs)), None)
        if found is None:
            if words or element.get("license-type"):
                return (words or str(element.get("license-type")))[:_WORDS_OF_LICENCE]
            continue
        code = {"zero": "CC0", "mark": "Public Domain Mark"}.get(
            (found.group(3) or "").lower()
        ) or f"CC {(found.group(1) or 'public domain').upper()}"
        licence = " ".join(filter(None, [code, found.group(4)]))
        if _FOR_NO_PROFIT.search(words) and "NC" not in code:
            notes.append(
                Note(field="licence", note="the words do not allow commercial use, the link does", raw=words[:1000])
            )
            return f"{licence}, but in its words not for commercial use"
        return licence
    owned = _first(meta.find("permissions/copyright-statement"), meta.find("copyright-statement"))
    return f"no licence stated; {owned}"[:_WORDS_OF_LICENCE] if owned else ""


_FOR_NO_PROFIT = re.compile(r"non-?\s?commercial|not permit commercial|not for profit", re.I)

_RELATIONS = {
    "addended-article": "UpdateOf",
    "addendum": "UpdateIn",
    "commentary": "CommentIn",
    "commentary-article": "CommentOn",
    "corrected-article": "ErratumFor",
    "correction-forward": "ErratumIn",
    "object-of-concern": "ExpressionOfConcernFor",
    "partial-retraction": "PartialRetractionOf",
    "republished-article": "RepublishedFrom",
    "retracted-article": "RetractionOf",
    "retraction-forward": "RetractionIn",
    "updated-article": "UpdateOf",
}
"""NLM's names of the relations of JATS: what the other article is to this one."""


def _corrections(root: etree._Element) -> list[Correction]:
    found: list[Correction] = []
    for element in [*root.iterfind("front/article-meta/related-article"), *root.iterfind("body//related-article")]:
        kind, link = element.get("related-article-type", ""), fold(element.get(_HREF)) or ""
        pmid = PMID.fullmatch(link) if element.get("ext-link-type") in ("pubmed", "pmid") else None
        words = _line(element) or ""
        citation = " ".join(filter(None, [words, link if not pmid and link not in words else None])) or None
        if kind:
            relation = Correction(
                type=_RELATIONS.get(kind, kind), pmid=pmid.group(1) if pmid else None, citation=citation
            )
            if relation not in found:
                found.append(relation)
    return found


def _cited_pmids(root: etree._Element) -> list[str]:
    ids = root.iterfind("back//ref-list//pub-id[@pub-id-type='pmid']")
    return list(dict.fromkeys(pmid.group(1) for text in _texts(ids) if (pmid := PMID.fullmatch(text))))


# --- from an article to its Record


_TO_MARC = {iso: marc for marc, iso in LANGUAGES.items()} | {"en": "eng"}
_REFUSED = b"does not allow downloading of the full text"


def _from_xml(entry: Entry) -> Record:
    root = parse_xml(_without_namespace(entry.data), mixed=True)
    front = root.find("front")
    meta = front.find("article-meta") if front is not None else None
    ids = _ids(meta) if meta is not None else {}
    pmid = PMID.fullmatch(ids.get("pmid", ""))
    if front is None or meta is None or (not pmid and "pmc" not in ids):
        raise Unreadable("missing_identifier", "the article has neither a PMID nor an id of PubMed Central")
    register, id = ("pubmed", pmid.group(1)) if pmid else ("pmc", ids["pmc"])

    paper = Paper(pmid=id if pmid else None, pmcid=ids.get("pmc"), doi=ids.get("doi"))
    record = Record(
        kind="PUBLICATION", register=register, id=id, url=identifiers.REGISTERS[register].url.format(id), paper=paper
    )
    _journal(front, paper)
    _dates(meta, paper)
    paper.publication_types = list(filter(None, [fold(root.get("article-type"))]))
    paper.volume, paper.issue = _line(meta.find("volume")), _line(meta.find("issue"))
    pages = "-".join(dict.fromkeys(_texts([*meta.iterfind("fpage"), *meta.iterfind("lpage")])))
    paper.pages = _first(meta.find("page-range")) or pages or _line(meta.find("elocation-id"))
    language = (root.get(_LANGUAGE) or "").lower()[:2]
    paper.languages = list(filter(None, [_TO_MARC.get(language)]))
    record.language = language if language in _TO_MARC and language != "en" else None
    _titles(meta, record, paper)

    paper.abstract_sections = _abstract_sections(abstract := _abstract(meta, language))
    said = [f"{s.label}: {s.text}" if s.label else s.text for s in paper.abstract_sections]
    record.brief_summary = "\n".join(said) or None
    others = [*meta.iterfind("abstract"), *meta.iterfind("trans-abstract")]
    summaries = ["\n".join(_lines(other)) for other in others if other is not abstract]

    people = _people(meta)
    paper.authors, record.contacts = people.authors, people.contacts
    record.keywords = list(dict.fromkeys(_texts(meta.iterfind("kwd-group//kwd"))))
    record.sponsors = _funding(root, meta, paper)
    record.licence = _licence(meta, record.notes)
    paper.corrections = _corrections(root)
    paper.is_retracted = any(correction.type == "RetractionIn" for correction in paper.corrections)
    paper.cited_pmids = _cited_pmids(root)
    record.links = _supplements(root)

    own = _full_text(root)
    paper.sections = own + _other_texts(root)
    if not own and _REFUSED in entry.data:
        record.notes.append(
            Note(field="paper.sections", note="the publisher does not allow its full text to be fetched")
        )
    aliases = [(kind, ids[kind], "article-id") for kind in ("doi", "pmc") if kind in ids and (kind != "pmc" or pmid)]
    texts = [("title", record.scientific_title), ("abstract", record.brief_summary)]
    texts += [("other abstract", text) for text in summaries]
    texts += [(" > ".join(filter(None, ["full text", section.path, section.title])), section.text) for section in own]
    texts += [("link", address) for address in _addresses(root)]
    record.identifiers = article_identifiers(
        Identifier(id=id, register=register, role="primary", field="article-id"), aliases, _registrations(meta), texts
    )
    return record


def _titles(meta: etree._Element, record: Record, paper: Paper) -> None:
    """The title; where the article is not in English, the English one if there is one, and the other as vernacular."""
    group = meta.find("title-group")
    title = _title(group, "article-title", "subtitle")
    translated = group.find("trans-title-group/trans-title") if group is not None else None
    if translated is None and group is not None:
        translated = group.find("trans-title")
    english = _line(translated) if translated is not None and record.language else None
    if english and translated is not None:
        parent = translated.getparent()
        if _is_english(translated) or (parent is not None and _is_english(parent)):
            paper.vernacular_title, title = title, english
    record.scientific_title = title


def _registrations(meta: etree._Element) -> list[tuple[str, str | None, str]]:
    """Registrations that the article's metadata list as such: number, name of the register, field."""
    found = [e for e in meta.iter("related-object") if e.get("document-id-type") == "clinical-trial-number"]
    return [(id, e.get("source-id"), "related-object") for e in found if (id := e.get("document-id") or _line(e))]


def _addresses(root: etree._Element) -> list[str]:
    """Where the links of an article's abstract and body lead: their words need not name the registration."""
    parts = (*root.iterfind("front/article-meta/abstract"), *root.iterfind("body"))
    return [address for part in parts for link in part.iter("ext-link", "uri") if (address := link.get(_HREF))]


def _supplements(root: etree._Element) -> list[Link]:
    """Files that belong to the article."""
    links: list[Link] = []
    for element in root.iter("supplementary-material"):
        media = [element, *element.iterfind("media"), *element.iterfind("p/media")]
        lines: list[str] = []
        _float(element, lines)
        for address in filter(None, (fold(one.get(_HREF)) for one in media)):
            links.append(Link(url=address, label=lines[0][:300] if lines else None))
    return links


# --- fetching: the Open Access Subset alone, since nothing else of PubMed Central may be fetched in numbers


_PAGE = 10_000
"""Ids in one answer of a search."""
_BATCH = 100
"""Articles in one request, and in one file: some ten megabytes."""


def _fetch(session: Session, wanted: Wanted) -> None:
    """Every article of a search in the Open Access Subset: the ids in pages, then the articles by their ids."""
    term = f"({_term(wanted)}) AND open access[filter]"
    if wanted.since is not None:
        term += f" AND {slashed(wanted.since)}:3000/12/31[pmclivedate]"
    pace(session)
    ids = _found(session, term)
    for number, start in enumerate(range(0, len(ids), _BATCH), 1):
        fetch_articles(session, "pmc", f"articles-{number:06d}.xml", ids[start : start + _BATCH], _numbers, "PMC")


def _found(session: Session, term: str) -> list[str]:
    """The ids that a search finds, page by page; what came is remembered."""
    recalled = session.recall("ids")
    if recalled is None:
        ids: dict[str, None] = {}
        total, start = 1, 0
        while start < total:
            asked = form("pmc", {"term": term, "retmax": str(_PAGE), "retstart": str(start)})
            root = parse_xml(session.read(f"{EUTILS}esearch.fcgi", form=asked, kind="xml", check=is_no_search))
            total, start = int(root.findtext("Count") or 0), start + _PAGE
            ids |= dict.fromkeys(id.text or "" for id in root.iterfind("IdList/Id"))
            for word in root.iterfind("ErrorList/PhraseNotFound"):
                session.lacks(f'PubMed Central does not know "{word.text}" and left it out of the search')
        recalled = {"total": total, "ids": list(ids)}
        session.remember("ids", recalled)
    session.expect(recalled["total"], "articles")
    if missing := recalled["total"] - len(recalled["ids"]):
        session.lacks(f"{missing:,} of the {recalled['total']:,} articles that PubMed Central counts")
    return list(recalled["ids"])


def _numbers(root: etree._Element) -> set[str] | None:
    """The ids of the articles of a set, as a search gives them: without PMC."""
    if root.tag != "pmc-articleset":
        return None
    metas = root.iterfind("article/front/article-meta")
    return {ids["pmc"].removeprefix("PMC") for ids in map(_ids, metas) if "pmc" in ids}


_PAGES_OF_SEARCH = ("pmc.ncbi.nlm.nih.gov", "www.ncbi.nlm.nih.gov")


def _term(wanted: Wanted) -> str:
    """The search in PubMed Central's language: as it is, or out of the address of a search or an article."""
    if not wanted.query:
        raise UserError(
            "All of the Open Access Subset comes in archives of NLM's cloud service; or give a search: "
            'trialpanorama fetch pmc --query "randomized[title] AND 2024[pdat]" --out DIR'
        )
    address = wanted.address
    if address is None:
        return wanted.query
    if address.hostname not in _PAGES_OF_SEARCH:
        raise UserError(
            f"{address.hostname} is not PubMed Central. Paste the address of a search on pmc.ncbi.nlm.nih.gov"
        )
    if article := re.search(r"/articles/(PMC\d+)", address.path):
        return f"{article[1]}[pmcid]"
    if wanted.parameters.keys() != {"term"}:
        raise UserError('The address says more, or less, than a search term. Write the search: --query "asthma[title]"')
    return wanted.parameters["term"]


# --- the source


SOURCE = Source(
    name="pmc",
    title="PubMed Central",
    home_page="https://pmc.ncbi.nlm.nih.gov/",
    licence="each article has its own; where it states none, its copyright holder's permission is needed",
    is_open=False,
    registers=("pubmed", "pmc"),
    obtain=(
        "Take full texts (XML) of the Open Access Subset from NLM's cloud service (PMC Article Datasets), or fetch "
        "them with the E-utilities (db=pmc, retmode=xml)."
    ),
    formats=(
        Format(
            name="jats-xml",
            meaning="JATS or older NLM article XML: one article, a pmc-articleset of the E-utilities, or OAI records",
            recognise=_is_jats,
            read=_read,
        ),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=("eutils.ncbi.nlm.nih.gov",),
        requests_per_minute=REQUESTS_PER_MINUTE,
        terms=(
            "Only the Open Access Subset may be fetched in numbers (https://pmc.ncbi.nlm.nih.gov/tools/openftlist/), "
            f"and nothing else is; {TERMS}."
        ),
        queries=(
            "--query takes a search in PubMed Central's language, or the address of one or of an article on the site; "
            "--since goes by the day on which an article came to PubMed Central."
        ),
    ),
)
