"""Ids as the vocabularies write one another's, made the ids that are used here."""

from __future__ import annotations

import re

_PREFIXES = {
    "mesh": "MESH",
    "msh": "MESH",
    "ncit": "NCIT",
    "nci": "NCIT",
    "mim": "OMIM",
    "omim": "OMIM",
    "omimps": "OMIM.PS",
    "mimps": "OMIM.PS",
    "umls": "UMLS",
    "umls_cui": "UMLS",
    "orphanet": "ORPHA",
    "ordo": "ORPHA",
    "orpha": "ORPHA",
    "snomedct": "SNOMEDCT",
    "sctid": "SNOMEDCT",
    "icd10cm": "ICD10CM",
    "icd9cm": "ICD9CM",
    "icd9": "ICD9",
    "icdo": "ICDO",
    "meddra": "MEDDRA",
    "medra": "MEDDRA",
    "doid": "DOID",
    "mondo": "MONDO",
    "efo": "EFO",
    "gard": "GARD",
    "hp": "HP",
    "hgnc": "HGNC",
    "drugbank": "DRUGBANK",
    "rxnorm": "RXCUI",
    "rxcui": "RXCUI",
    "chebi": "CHEBI",
    "unii": "UNII",
    "cas": "CAS",
}
"""Prefixes in lower case, and as Biolink has them."""
_EDITION = re.compile(r"(?i)^(SNOMEDCT)(_US)?(_\d{4}_\d\d_\d\d)?$")


_ADDRESS = re.compile(r"https?://.*?([A-Za-z.]+)[_/:#]([A-Za-z]*\d[\w.-]*)")
"""An id as an address: http://purl.obolibrary.org/obo/DOID_9352, http://identifiers.org/mesh/D003924."""


def curie(id: str) -> str:
    """An id with its prefix as it is used here: "SNOMEDCT_US_2025_09_01:702342007" is "SNOMEDCT:702342007".

    A prefix that is not known stays as it is.
    """
    id = id.strip()
    if found := _ADDRESS.fullmatch(id):
        id = f"{found[1]}:{found[2]}"
    prefix, colon, local = id.partition(":")
    if not colon:
        return id
    prefix = _EDITION.sub("snomedct", prefix)
    return f"{_PREFIXES.get(prefix.casefold(), prefix)}:{local.strip()}"
