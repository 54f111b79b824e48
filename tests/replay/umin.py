"""UMIN: one compressed file of the whole registry."""

from __future__ import annotations

import csv
import gzip
import io

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

IDS = tuple(f"UMIN999{number:06d}" for number in range(1, 301))
_HEADERS = (
    "受付番号/Receipt No.", "UMIN試験ID/UMIN ID", "試験名/Official scientific title of the study",
    "疾患区分1/Classification by specialty", "疾患区分2/Classification by malignancy", "目的1/Narrative objectives1",
    "目的2/Basic objectives2", "試験のフェーズ/Developmental phase", "登録日時/Registered date",
)  # fmt: skip


def _file() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADERS)
    for number, id in enumerate(IDS):
        writer.writerow([f"R{number:09d}", id, f"FICTIONAL trial {number}", "", "", "", "", "", "2020/01/02"])
    return gzip.compress(text.getvalue().encode(), mtime=0)


_FILE = _file()


def answer(asked: Asked) -> Reply:
    """The file, with what a server says of a file that lies there."""
    if asked.path != "/ctr_csv/ctr_data_j.csv.gz" or asked.parameters:
        return Reply(b"", status=404)
    headers = {"ETag": '"5f3-9a"', "Last-Modified": "Fri, 20 Nov 2026 18:00:00 GMT"}
    return Reply(_FILE, "application/x-gzip", headers=headers)


SERVICE = Service(answer=answer, runs=(Run(Wanted(), IDS),))
