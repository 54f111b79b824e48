"""ATC: the WHO's classes of drugs by organ, purpose and chemistry, from the user's own copy of the index."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary
from trialpanorama.ontologies._tables import header, whole_lines

_CODE = re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")
_LENGTHS = (1, 3, 4, 5, 7)
"""How long a code of the first to fifth level is; the code without its last part is that of the level above."""
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_XML_CODE = "ATCCode"
_HEADERS = {"code", "atc", "atc code", "atc_code", "atccode", "atc-code"}


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    names: dict[str, str] = {}
    years = []
    for part, read in (("table", _from_table), ("index-xml", _from_xml)):
        for file in parts.get(part, ()):
            for code, name in read(file):
                if not _CODE.fullmatch(code) or not name:
                    raise file.unusable(f'has the code "{code}" with the name "{name}", which is no ATC class')
                names.setdefault(code, name)  # a code has a row for each of its daily doses
            years += re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", file.name)
    return Release(
        version=max(years, default=None), concepts=[_concept(code, name, names) for code, name in names.items()]
    )


def _concept(code: str, name: str, names: Mapping[str, str]) -> Concept:
    above = [code[:length] for length in _LENGTHS if length < len(code)]
    return Concept(
        id=f"ATC:{code}",
        name=name,
        kind="drug" if len(code) == _LENGTHS[-1] else "other",
        names=[Name(name, "preferred")],
        parents=[f"ATC:{parent}" for parent in above[-1:] if parent in names],
        attributes={"level": str(_LENGTHS.index(len(code)) + 1)},
    )


def _delimiter(head: bytes) -> str:
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    return max("\t;,|", key=line.count)


def _from_table(file: ReleaseFile) -> Iterator[tuple[str, str]]:
    with file.text() as text:
        reader = csv.reader(whole_lines(file, text), delimiter=_delimiter(file.head(2048)))
        columns = (0, 1)
        for number, cells in enumerate(reader, 1):
            if number == 1 and (places := _header(cells)):
                columns = places
            elif any(cells):
                if len(cells) <= max(columns):
                    raise file.unusable(f"ends in line {number} before the name: it is cut short")
                yield cells[columns[0]].strip(), cells[columns[1]].strip()


def _header(cells: Sequence[str]) -> tuple[int, int] | None:
    """The places of the code and the name, if these cells are a header."""
    lower = [cell.strip().casefold() for cell in cells]
    code = next((place for place, cell in enumerate(lower) if cell in _HEADERS), None)
    name = next((place for place, cell in enumerate(lower) if "name" in cell or cell in ("text", "label")), None)
    return None if code is None or name is None else (code, name)


def _from_xml(file: ReleaseFile) -> Iterator[tuple[str, str]]:
    from lxml import etree

    with file.open() as stream:
        try:
            for _, element in etree.iterparse(stream, resolve_entities=False, no_network=True):
                if _XML_CODE in element.attrib:
                    yield element.attrib[_XML_CODE].strip(), element.attrib.get("Name", "").strip()
                element.clear()
        except etree.XMLSyntaxError as error:
            raise file.unusable(f"is no complete XML ({error.msg})") from None


def _is_table(head: bytes, name: str) -> bool:
    """Whether the first two lines are of a table with codes: a header and the class A, or the classes themselves."""
    delimiter = _delimiter(head)
    first, second = (
        [cell.strip() for cell in header(line, delimiter)] for line in (head + b"\n\n").split(b"\n", 2)[:2]
    )
    if min(len(first), len(second)) < 2:
        return False
    if places := _header(first):
        return max(places) < len(second) and _CODE.fullmatch(second[places[0]]) is not None
    return all(_CODE.fullmatch(row[0]) and not _CODE.fullmatch(row[1]) for row in (first, second))


VOCABULARY = Vocabulary(
    name="atc",
    prefix="ATC",
    title="Anatomical Therapeutic Chemical classification",
    home_page="https://atcddd.fhi.no",
    licence="Copyright WHO Collaborating Centre for Drug Statistics Methodology: no passing on for money, no changing",
    is_open=False,
    how_to_get="Order the index from the WHO Collaborating Centre (atcddd.fhi.no) as XML; or make a table of codes "
    "and names (CSV or TSV) of what you may use.",
    parts=(
        Part(
            name="table",
            meaning="a table with a column of codes and a column of names, with or without a header (.csv, .tsv, .txt)",
            recognise=_is_table,
        ),
        Part(
            name="index-xml",
            meaning="the index as the WHO Collaborating Centre sells it, such as 2026 ATC.xml",
            recognise=lambda head, name: b"ATCCode" in head and b"Name=" in head and _MARKUP.match(head) is not None,
        ),
    ),
    read=_read,
    no_fetch="The WHO Collaborating Centre sells the index, and shows it free of charge page by page only.",
)
