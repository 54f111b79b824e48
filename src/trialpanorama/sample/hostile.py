# ruff: noqa: E501 (templates)
"""A folder of broken inputs: each gives rejects, none a crash, a hang or a lost neighbour."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama.sample import aact, ictrp
from trialpanorama.sample._files import zip_member
from trialpanorama.sample.model import KEYWORD, MARK

_BOMB_BYTES = 96 << 20


def write_broken_inputs(directory: Path) -> list[dict[str, Any]]:
    """Write the folder; returns file, format, inputs and rejects of each file in it."""
    directory.mkdir(parents=True, exist_ok=True)
    listed: list[dict[str, Any]] = []

    def add(name: str, content: bytes, what: str, inputs: int = 1, rejects: int = 1) -> None:
        (directory / name).write_bytes(content)
        listed.append({"file": name, "format": what, "inputs": inputs, "rejects": rejects})

    studies = [_study(n) for n in range(6)]
    add("empty.json", b"", "a file of no bytes")
    add("truncated.ndjson.gz", _truncated(studies), "gzip that ends in the fourth study", 4, 1)
    add("broken_member.zip", _broken_member(studies[:3]), "zip whose second member is damaged", 3, 1)
    add("encrypted_member.zip", _encrypted(studies[0]), "zip whose member asks for a password")
    add("nested.zip", _zip([("inner.zip", _zip([("study.json", studies[0])]))]), "zip in a zip")
    add("billion_laughs.xml", _billion_laughs(), "XML with entities that expand without bound")
    add("bomb.zip", _bomb(), f"zip member of {_BOMB_BYTES >> 20} MiB of blanks")
    add(
        "invalid_utf8.csv",
        _table().replace(b"Fictional Trials Office 2", b"Fictional \xff\xfe\xc3Office 2"),
        "CSV whose second row is no UTF-8",
        3,
        1,
    )
    add("too_many_cells.csv", _table(extra=2), "CSV whose second row has 42 cells", 3, 1)
    add(
        "feed.xml",
        b'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>Fictional feed</title><item><title>NCT99000001</title></item></channel></rss>\n',
        "RSS feed",
    )
    add("prices.csv", b"product,price\napple,1.20\npear,1.40\nplum,0.90\n", "CSV without trials")
    add("notes.txt", b"These are notes about nothing in particular.\n", "text without trials")
    add(
        "fragment.json",
        msgspec.json.encode({"nctId": "NCT99000001", "briefTitle": f"A fragment {MARK}"}),
        "one module of a study",
    )
    add("no_identifier.json", studies[0].replace(b'"nctId":"NCT99000000",', b""), "study without an id")
    add(
        "cut.xml",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<clinical_study>\n  <id_info>\n    <nct_id>NCT99000001</nct_id>\n  </id_in',
        "legacy XML that ends early",
    )
    add("broken_tables.zip", _broken_tables(), "AACT with a damaged table, a short row and rows of no study", 5, 3)
    add("bad_json.json", studies[1][:-40], "JSON that ends early")
    return listed


def _study(n: int) -> bytes:
    protocol = {
        "identificationModule": {
            "nctId": f"NCT99{n:06d}",
            "orgStudyIdInfo": {"id": f"FIC-{n}"},
            "briefTitle": f"Study {n} {MARK}",
        },
        "statusModule": {"overallStatus": "COMPLETED"},
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Fictional Trials Office", "class": "OTHER"}},
        "conditionsModule": {"conditions": ["Asthma"], "keywords": [KEYWORD]},
        "designModule": {"studyType": "INTERVENTIONAL", "phases": ["NA"]},
    }
    return msgspec.json.encode({"protocolSection": protocol, "derivedSection": {}, "hasResults": False})


def _truncated(studies: list[bytes]) -> bytes:
    """Three whole studies up to a flush of the compressor, and then a part of the fourth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    whole = packer.compress(b"".join(study + b"\n" for study in studies[:3])) + packer.flush(zlib.Z_FULL_FLUSH)
    return whole + packer.compress(studies[3][:200]) + packer.flush(zlib.Z_FULL_FLUSH)


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zip_member(name), content)
    return buffer.getvalue()


def _broken_member(studies: list[bytes]) -> bytes:
    content = bytearray(_zip([(f"NCT99{n:06d}.json", study) for n, study in enumerate(studies)]))
    at = content.index(b"NCT99000001.json") + 30  # inside the compressed data of the second member
    content[at : at + 40] = bytes(40)
    return bytes(content)


def _encrypted(study: bytes) -> bytes:
    content = bytearray(_zip([("study.json", study)]))
    content[6] |= 1  # the flag of the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _billion_laughs() -> bytes:
    entities = "".join(f'  <!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">\n' for n in range(1, 10))
    return f'<?xml version="1.0"?>\n<!DOCTYPE clinical_study [\n  <!ENTITY lol0 "lol">\n{entities}]>\n<clinical_study><id_info><nct_id>NCT99000001</nct_id></id_info><brief_title>&lol9;</brief_title></clinical_study>\n'.encode()


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(zip_member("NCT99000001.json"), "w") as member,
    ):
        member.write(b'{"protocolSection":{"identificationModule":{"nctId":"NCT99000001","briefTitle":"')
        for _ in range(_BOMB_BYTES >> 20):
            member.write(b" " * (1 << 20))
        member.write(b'"}}}')
    return buffer.getvalue()


def _table(extra: int = 0) -> bytes:
    """A web CSV of three rows, the second of which may have too many cells."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(ictrp.CSV_COLUMNS)
    for n in (1, 2, 3):
        values = {
            "TrialID": f"ISRCTN9900000{n}",
            "Public title": f"Trial {n} {MARK}",
            "Primary sponsor": f"Fictional Trials Office {n}",
            "Date registration3": "20200101",
            "Source Register": "ISRCTN",
            "Study type": "Interventional",
        }
        writer.writerow([values.get(name, "") for name in ictrp.CSV_COLUMNS] + [""] * (extra if n == 2 else 0))
    return buffer.getvalue().encode()


def _broken_tables() -> bytes:
    """Three studies, of which one lacks cells; conditions of one that is not there; keywords with a wrong checksum."""
    documents = [msgspec.json.decode(_study(n)) for n in (6, 7, 9)]
    written: dict[str, list[str]] = {table: [aact.line(columns)] for table, columns in aact.TABLES.items()}
    for document in documents:
        for table, rows in aact.tables(document).items():
            written[table] += [aact.line([row.get(column) for column in aact.TABLES[table]]) for row in rows]
    for table in written.keys() - {"conditions"}:
        written[table] = [row for row in written[table] if "NCT99000009" not in row]
    written["studies"].append("NCT99000008|2025-06-30\n")
    content = bytearray(_zip([(f"{table}.txt", "".join(rows).encode()) for table, rows in written.items()]))
    listed = content.rindex(b"PK\x01\x02", 0, content.rindex(b"keywords.txt"))
    content[listed + 16] ^= 1  # of the checksum
    return bytes(content)
