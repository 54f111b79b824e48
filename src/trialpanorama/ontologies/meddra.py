"""MedDRA: the terms of adverse events, from the copy for which the user has a licence. Nothing of it is in the package.

The distribution is a folder MedAscii of files without headers, whose cells end with "$". A lowest level term (LLT)
belongs to one preferred term (PT); a PT to one or several high level terms (HLT), and by way of group terms (HLGT) to
system organ classes (SOC), one of which is its primary one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary

_LEVELS = {"llt": 11, "pt": 11, "hlt": 9, "hlgt": 9, "soc": 10}
"""The files of terms, and how many cells a row of each has (MedDRA Distribution File Format Document)."""
_LINKS = {"hlt_pt": ("hlt", "pt"), "hlgt_hlt": ("hlgt", "hlt"), "soc_hlgt": ("soc", "hlgt")}
"""The files of relationships: the broader code, the narrower code."""
_NAME, _LLT_PT, _LLT_IS_CURRENT, _PT_SOC, _SOC_ABBREVIATION = 1, 2, 9, 3, 2
"""Places of cells."""
_CODE = re.compile(r"\d{8}")
_VERSION_IN_PATH = re.compile(r"(?i)meddra[ _-]*v?(\d{1,2})[._](\d)(?!\d)")


def _rows(file: ReleaseFile, cells: int) -> Iterator[list[str]]:
    with file.text() as text:
        for number, line in enumerate(text, 1):
            if line := line.rstrip("\n"):
                row = line.split("$")
                if len(row) != cells + 1 or row[-1] or not _CODE.fullmatch(row[0]):
                    raise file.unusable(
                        f"has {len(row) - 1} cells in line {number}, {cells} are expected: it is cut short, or of a "
                        "version that is not known"
                    )
                yield row


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    files = {name: given[0] for name, given in parts.items()}
    if lacking := [name for name in (*_LEVELS, *_LINKS) if name not in files]:
        first = next(iter(files.values()))
        raise first.unusable(
            f"stands without {', '.join(f'{name}.asc' for name in lacking)}",
            "Add the folder MedAscii, or the archive with it, as a whole.",
        )
    version = None
    if release := files.get("release"):
        with release.text() as text:
            version = text.readline().split("$")[0].strip() or None
    if version is None and (match := _VERSION_IN_PATH.search(files["pt"].label)):
        version = f"{match[1]}.{match[2]}"
    terms = {level: list(_rows(files[level], cells)) for level, cells in _LEVELS.items()}
    codes = {level: {row[0] for row in rows} for level, rows in terms.items()}
    above: dict[str, list[str]] = defaultdict(list)
    for link, levels in _LINKS.items():
        for row in _rows(files[link], 2):
            for code, level in zip(row, levels, strict=False):
                _check(files[level], level, code, codes)
            above[row[1]].append(row[0])
    for code in codes["pt"]:  # each stands among the lowest level terms once more
        _check(files["llt"], "llt", code, codes)
    for row in terms["llt"]:
        _check(files["pt"], "pt", row[_LLT_PT], codes)
    return Release(version=version, concepts=list(_concepts(terms, above)))


def _check(file: ReleaseFile, level: str, code: str, codes: Mapping[str, Set[str]]) -> None:
    if code not in codes[level]:
        raise file.unusable(f"has no {level.upper()} {code}, which the other files name: it is cut short")


def _concepts(terms: Mapping[str, Sequence[list[str]]], above: Mapping[str, Sequence[str]]) -> Iterator[Concept]:
    done = set()
    for level in reversed(_LEVELS):
        for row in terms[level]:
            code = row[0]
            if level == "llt" and code in done:  # each PT stands among the LLTs once more
                continue
            done.add(code)
            names = [Name(row[_NAME], "preferred")]
            attributes = {"level": level.upper()}
            broader = list(above.get(code, ()))
            if level == "pt":
                attributes["primary_soc"] = f"MEDDRA:{row[_PT_SOC]}"
            elif level == "soc" and row[_SOC_ABBREVIATION]:
                names.append(Name(row[_SOC_ABBREVIATION], "abbreviation"))
            elif level == "llt":
                broader = [row[_LLT_PT]]
            yield Concept(
                id=f"MEDDRA:{code}",
                name=row[_NAME],
                kind="event",
                names=names,
                parents=[f"MEDDRA:{parent}" for parent in sorted(broader)],
                attributes=attributes,
                is_obsolete=level == "llt" and row[_LLT_IS_CURRENT] == "N",
            )


def _part(name: str, meaning: str) -> Part:
    return Part(
        name=name,
        meaning=meaning,
        # of any number of cells, so that the error can say how many there are
        recognise=lambda head, given: given.lower() == f"{name}.asc" and b"$" in head.split(b"\n", 1)[0],
    )


VOCABULARY = Vocabulary(
    name="meddra",
    prefix="MEDDRA",
    title="Medical Dictionary for Regulatory Activities",
    home_page="https://www.meddra.org",
    licence="Licensed by subscription (ICH, MSSO): not to be passed on",
    is_open=False,
    how_to_get="Download a release with your organisation's subscription from meddra.org, unpack it with the password "
    "that comes with it, and add the folder MedAscii. For regulators it is free, for others not for profit cheap.",
    parts=(
        *(_part(level, f"MedAscii/{level}.asc: the {level.upper()}s") for level in _LEVELS),
        *(_part(link, f"MedAscii/{link}.asc: which {b.upper()}s a {a.upper()} has") for link, (a, b) in _LINKS.items()),
        Part(
            name="release",
            meaning="MedAscii/meddra_release.asc: the version and the language",
            recognise=lambda head, name: name.lower() == "meddra_release.asc" and b"$" in head,
            is_supplement=True,
        ),
    ),
    read=_read,
    no_fetch="MedDRA is given to subscribers only, and may not be passed on.",
)
