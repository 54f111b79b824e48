"""SSSOM: tables of mappings between vocabularies, with a header of YAML comments (mapping-commons/sssom)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from trialpanorama.ontologies._files import ReleaseFile
from trialpanorama.ontologies._tables import header, rows

COLUMNS = ("subject_id", "predicate_id", "object_id")


class Mapping(msgspec.Struct, frozen=True):
    """One row: the subject, how it maps, and the object."""

    subject_id: str
    subject_label: str
    predicate_id: str
    object_id: str


def is_sssom(head: bytes) -> bool:
    """Whether content that begins with these bytes is a mapping table."""
    body = re.sub(rb"(?m)^#.*\n?", b"", head.removeprefix(b"\xef\xbb\xbf"))
    return {*COLUMNS} <= {*header(body)}


def declared(head: bytes, key: str) -> str | None:
    """What the header says under this key, such as `mapping_set_version`."""
    found = re.search(rf"(?m)^# *{key}: *(\S.*?)\s*$", head.decode("utf-8", "replace"))
    return found[1].strip("'\"") if found else None


def mappings(file: ReleaseFile) -> Iterator[Mapping]:
    """Every mapping of a table, its object's prefix as it is written."""
    for row in rows(file, COLUMNS, comment="#"):
        yield Mapping(row["subject_id"], row.get("subject_label", ""), row["predicate_id"], row["object_id"])
