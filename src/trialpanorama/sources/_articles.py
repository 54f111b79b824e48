"""What articles have in common, whatever format they come in: dates, affiliations, ORCID iDs, and the ids they give."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trialpanorama import identifiers, vocabulary
from trialpanorama.record import Identifier, PartialDate
from trialpanorama.sources._reading import fold

BEFORE_ROOT = rb"\A(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*+"
"""Regular expression (DOTALL) of what may stand before the root of an XML document."""
PMID = re.compile(r"0*([1-9]\d{0,7})")
_ORCID = re.compile(r"(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dXx])\b")
_EMAIL = re.compile(
    r"\s*\(?(?:\b(?:electronic address|e-?mail(?: address)?)\s*:?\s*)?[\w.+'-]{1,64}@[\w-]+(?:\.[\w-]+)+\.?\)?",
    re.IGNORECASE,
)
POWER = re.compile(r"[-\u2212+]?\d")
"""What a superscript behind a digit begins with when it is an exponent: 10<sup>9</sup> is not 109."""
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")

LANGUAGES = dict(
    pair.split(":")
    for pair in (
        *("afr:af", "ara:ar", "aze:az", "bos:bs", "bul:bg", "cat:ca", "chi:zh", "cze:cs", "dan:da", "dut:nl", "est:et"),
        *("fin:fi", "fre:fr", "geo:ka", "ger:de", "gre:el", "heb:he", "hrv:hr", "hun:hu", "ice:is", "ind:id", "ita:it"),
        *("jpn:ja", "kor:ko", "lav:lv", "lit:lt", "mac:mk", "may:ms", "nor:no", "per:fa", "pol:pl", "por:pt", "rum:ro"),
        *("rus:ru", "slo:sk", "slv:sl", "spa:es", "srp:sr", "swe:sv", "tha:th", "tur:tr", "ukr:uk", "vie:vi"),
    )
)
"""MARC language codes, as PubMed writes them, and their ISO 639-1 counterparts; English is left out on purpose."""


def article_date(text: str | None) -> PartialDate | None:
    """A date of a citation; where it is none (`Winter 1999-2000`, 31 February), its first year."""
    text = fold(text)
    if text is None:
        return None
    date = vocabulary.parse_date(text, "ymd")
    if date is None:
        year = _YEAR.search(text)
        date = year.group() if year else None
    return PartialDate(date=date, raw=text if text != date else None)


def without_email(text: str | None) -> str | None:
    """An affiliation without the e-mail addresses that stand in it."""
    if text and "@" in text:
        text = _EMAIL.sub("", text).strip(" ;,")
    return text or None


def orcid(text: str | None) -> str | None:
    """An ORCID iD as it is printed, out of an address or bare digits."""
    match = _ORCID.search(text or "")
    return "-".join(match.groups()).upper() if match else None


_OTHER_DATABANK = re.compile(
    r"GENBANK|GEO|GDB|PDB|PIR|OMIM|RefSeq|SRA|db(?:SNP|GaP|Var)|BioProject|figshare|Dryad|PubChem|SWISSPROT|Uni[MPR]",
    re.I,
)
"""Databanks of sequences, structures, substances and data, which have no trials."""
_PREFIX_IN_DATABANK = {"clinicaltrials.gov": "NCT", "cris": "KCT", "rebec": "RBR-"}


def _registered(accession: str, databank: str) -> list[identifiers.Found]:
    """The ids in an accession number: it may lack the register's prefix, and may be several."""
    if _OTHER_DATABANK.match(databank):
        return []
    whole = identifiers.normalise(accession)
    if whole is None and accession[:1].isdecimal():
        whole = identifiers.normalise(_PREFIX_IN_DATABANK.get(databank.lower(), databank) + accession)
    return [whole] if whole else identifiers.find(accession)


def article_identifiers(
    primary: Identifier,
    aliases: Iterable[tuple[str, str | None, str]],
    registrations: Iterable[tuple[str, str | None, str]],
    texts: Iterable[tuple[str, str | None]],
) -> list[Identifier]:
    """The article's own id, its aliases, the registrations listed for it, then those that only its texts name.

    `aliases` are register, id and field; `registrations` an accession number, the name of its databank, and the field;
    `texts` a field and its text. Each id is given once, from where it is found first.
    """
    found = [primary]
    known = {primary.id}

    def add(id: str, register: str | None, role: str, raw: str, field: str, type_raw: str | None = None) -> None:
        if id not in known:
            known.add(id)
            given = raw if raw != id else None
            found.append(Identifier(id=id, register=register, role=role, raw=given, type_raw=type_raw, field=field))

    for register, own, field in aliases:
        if own:
            match = identifiers.normalise(own, register)
            add(match.id if match else own, register if match else None, "alias", own, field, register)
    for accession, databank, field in registrations:
        for one in _registered(accession, databank or ""):
            if identifiers.REGISTERS[one.register].is_trial_register:
                add(one.id, one.register, "secondary", accession, field, databank)
    for field, text in texts:
        for mention in identifiers.find(text) if text else ():
            add(mention.id, mention.register, "mentioned", (text or "")[mention.start : mention.end], field)
    return found
