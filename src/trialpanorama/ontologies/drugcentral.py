"""DrugCentral: drugs with their targets and mechanisms, and which agency approved them.

What it offers for download are a table of drug targets and several lists that share its drug numbers: structures,
drugs approved by the FDA, the EMA or the PMDA. Its tables `synonyms` and `approval`, exported from the database dump
with a header, are read as well.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trialpanorama.ontologies import (
    Concept,
    Mechanism,
    Name,
    Part,
    Release,
    ReleaseFile,
    Vocabulary,
    distinct_names,
)
from trialpanorama.ontologies._downloads import Download, fetched_from
from trialpanorama.ontologies._tables import header, rows, whole_lines

_TARGETS = (
    "DRUG_NAME", "STRUCT_ID", "TARGET_NAME", "TARGET_CLASS", "ACCESSION", "GENE", "SWISSPROT", "ACT_VALUE", "ACT_UNIT",
    "ACT_TYPE", "ACT_COMMENT", "ACT_SOURCE", "RELATION", "MOA", "MOA_SOURCE", "ACT_SOURCE_URL", "MOA_SOURCE_URL",
    "ACTION_TYPE", "TDL", "ORGANISM",
)  # fmt: skip
_STRUCTURES = ("SMILES", "InChI", "InChIKey", "ID", "INN", "CAS_RN")
_SYNONYMS = ("id", "name", "preferred_name")
_APPROVALS = ("struct_id", "approval", "type")
_AGENCIES = {"FDA": "fda_approved", "EMA": "ema_approved", "PMDA": "pmda_approved"}
_LIST_NAME = re.compile(r"(?i)((?:FDA|EMA|PMDA)(?:\+(?:FDA|EMA|PMDA))*)_approved\.csv")
_LIST_ROW = re.compile(rb'(\xef\xbb\xbf)?"?\d{1,6}"?,"?[^",\r\n]')
_RELEASE_IN_PATH = re.compile(r"(?<!\d)(20\d\d)_(\d\d)_(\d\d)(?!\d)")


class _Drug(msgspec.Struct):
    """What the files say about one drug number."""

    names: dict[str, None] = {}
    attributes: dict[str, str] = {}


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    drugs: dict[str, _Drug] = defaultdict(_Drug)
    mechanisms = [
        _mechanism(file, row, drugs)
        for file in parts.get("targets", ())
        for row in _drug_rows(file, _TARGETS, "STRUCT_ID")
    ]
    for file in parts.get("structures", ()):
        for row in _drug_rows(file, _STRUCTURES, "ID"):
            drug = drugs[row["ID"]]
            drug.names = {row["INN"]: None, **drug.names} if row["INN"] else drug.names
            drug.attributes |= {"cas": row["CAS_RN"], "inchi_key": row["InChIKey"]}
    for file in parts.get("approved-list", ()):
        for number, name, agencies in _approved(file):
            drugs[number].names[name] = None
            if len(agencies) == 1:
                drugs[number].attributes[_AGENCIES[agencies[0]]] = "true"
            else:
                drugs[number].attributes["approved_by_one_of"] = ";".join(agencies)
    for file in parts.get("approvals", ()):
        for row in _drug_rows(file, _APPROVALS, "struct_id", ","):
            if agency := _AGENCIES.get(row["type"]):
                drugs[row["struct_id"]].attributes[agency] = "true"
                if row["approval"]:
                    drugs[row["struct_id"]].attributes[f"{agency}_date"] = row["approval"]
    for file in parts.get("synonyms", ()):
        for row in _drug_rows(file, _SYNONYMS, "id", ","):
            if row["name"]:
                drugs[row["id"]].names[row["name"]] = None
    date = next(
        ("-".join(match.groups()) for given in parts.values() for file in given
         if (match := _RELEASE_IN_PATH.search(file.label))), None
    )  # fmt: skip
    concepts = [_concept(number, drug) for number, drug in drugs.items() if drug.names]
    return Release(version=date, date=date, concepts=concepts, mechanisms=mechanisms)


def _drug_rows(
    file: ReleaseFile, columns: Sequence[str], id_column: str, delimiter: str = "\t"
) -> Iterator[dict[str, str]]:
    for row in rows(file, columns, delimiter):
        if not row[id_column].isdigit():
            raise file.unusable(f'has the drug number "{row[id_column]}", which is none')
        yield row


def _mechanism(file: ReleaseFile, row: Mapping[str, str], drugs: Mapping[str, _Drug]) -> Mechanism:
    drugs[row["STRUCT_ID"]].names[row["DRUG_NAME"]] = None
    said: dict[str, Any] = {
        column.lower(): text for column in _TARGETS if (text := row[column].strip()) and column != "STRUCT_ID"
    }
    if "act_value" in said:
        try:
            said["act_value"] = float(said["act_value"])
        except ValueError:
            raise file.unusable(f'has the potency "{said["act_value"]}", which is no number') from None
    if "moa" in said:
        said["moa"] = said["moa"] == "1"
    return Mechanism(drug_id=_id(row["STRUCT_ID"]), **said)


def _approved(file: ReleaseFile) -> Iterator[tuple[str, str, list[str]]]:
    """The drug numbers and names of a list without header, and the agencies that its name says."""
    match = _LIST_NAME.fullmatch(file.name)
    agencies = match[1].upper().split("+") if match else []
    with file.text() as text:
        for number, cells in enumerate(csv.reader(whole_lines(file, text)), 1):
            if len(cells) != 2 or not cells[0].isdigit() or not cells[1].strip():
                raise file.unusable(f"has something else than a drug number and a name in line {number}")
            yield cells[0], cells[1].strip(), agencies


def _concept(number: str, drug: _Drug) -> Concept:
    name = next(iter(drug.names))
    return Concept(
        id=_id(number),
        name=name,
        kind="drug",
        names=distinct_names(name, map(Name, drug.names)),
        attributes={key: value for key, value in drug.attributes.items() if value},
    )


def _id(number: str) -> str:
    return f"DrugCentral:{number}"


def _columns(columns: Sequence[str], delimiter: str = "\t") -> Callable[[bytes, str], bool]:
    return lambda head, name: set(columns) <= set(header(head, delimiter))


_BASE = "https://unmtid-dbs.net/download/DrugCentral/2021_09_01"
_LISTS = "https://drugcentral.org/static"

VOCABULARY = Vocabulary(
    name="drugcentral",
    prefix="DrugCentral",
    title="DrugCentral",
    home_page="https://drugcentral.org",
    licence="CC BY-SA 4.0",
    is_open=True,
    how_to_get="Fetched by `vocabularies fetch drugcentral`; or download the drug target table, the structures "
    "and the lists of approved drugs from drugcentral.org/download.",
    parts=(
        Part(
            name="targets",
            meaning="drug.target.interaction.tsv.gz: one target of a drug a row, with potency and mechanism",
            recognise=_columns(_TARGETS),
        ),
        Part(
            name="structures",
            meaning="structures.smiles.tsv: every drug with its international name and CAS number",
            recognise=_columns(_STRUCTURES),
        ),
        Part(
            name="approved-list",
            meaning="FDA_Approved.csv, EMA_Approved.csv, PMDA_Approved.csv: the drugs that an agency has approved",
            recognise=lambda head, name: bool(_LIST_NAME.fullmatch(name) and _LIST_ROW.match(head)),
            may_be_many=True,
        ),
        Part(
            name="approvals",
            meaning="approval.csv: the table of that name of the database, with a header",
            recognise=_columns(_APPROVALS, ","),
            is_supplement=True,
        ),
        Part(
            name="synonyms",
            meaning="synonyms.csv: the table of that name of the database, with a header",
            recognise=lambda head, name: name.lower().startswith("synonyms") and _columns(_SYNONYMS, ",")(head, name),
            is_supplement=True,
        ),
    ),
    read=_read,
    fetch=fetched_from(
        (
            Download(
                name="2021_09_01/drug.target.interaction.tsv.gz",
                url=f"{_BASE}/drug.target.interaction.tsv.gz",
                kind="gzip",
            ),
            Download(name="2021_09_01/structures.smiles.tsv", url=f"{_BASE}/structures.smiles.tsv"),
            *(Download(name=f"{agency}_Approved.csv", url=f"{_LISTS}/{agency}_Approved.csv") for agency in _AGENCIES),
        ),
        hosts=("unmtid-dbs.net", "drugcentral.org"),
        terms="DrugCentral offers these files for download under CC BY-SA 4.0 (drugcentral.org/download).",
    ),
)
