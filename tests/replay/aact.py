"""AACT's dated files, which the site keeps with another host under names that say nothing."""

from __future__ import annotations

import io
import zipfile

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted
from trialpanorama.sample.aact import TABLES, line

_DAYS = {"2026-09-14": ("NCT99000001", "NCT99000002"), "-01": ("NCT99000003",)}
"""The days that there are: this one, and every first of a month."""


def _zip(day: str) -> bytes:
    """A copy with its studies, and a table with nothing in it."""
    rows = [{"nct_id": id, "brief_title": "A study (FICTIONAL)", "overall_status": "COMPLETED"} for id in _DAYS[day]]
    studies = line(TABLES["studies"]) + "".join(line(row.get(name) for name in TABLES["studies"]) for row in rows)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("studies", studies), ("keywords", line(TABLES["keywords"]))):
            archive.writestr(zipfile.ZipInfo(f"{name}.txt", (2026, 9, 14, 5, 0, 0)), text)
    return buffer.getvalue()


_KEPT = {f"/key{number}": _zip(day) for number, day in enumerate(_DAYS)}
_KEYS = dict(zip(_DAYS, _KEPT, strict=True))


def _answer(asked: Asked) -> Reply:
    if asked.path in _KEPT:
        headers = {"ETag": f'"{asked.path[1:]}"', "Last-Modified": "Mon, 14 Sep 2026 09:00:00 GMT"}
        return Reply(_KEPT[asked.path], "application/zip", headers=headers)
    folder, _, asked_day = asked.path.rpartition("/")
    key = next((key for day, key in _KEYS.items() if asked_day.endswith(day)), None)
    if folder == "/static/exported_files/daily" and key:
        place = f"https://ctti-aact.nyc3.digitaloceanspaces.com{key}"
        return Reply(b"", status=302, headers={"Location": place})
    return Reply(b"<html><body>Sign in</body></html>", "text/html", status=404)


SERVICE = Service(
    answer=_answer,
    runs=(
        Run(Wanted(query="2026-09-14"), _DAYS["2026-09-14"]),
        Run(Wanted(), _DAYS["-01"]),
        Run(
            Wanted(query="https://aact.ctti-clinicaltrials.org/static/exported_files/daily/2026-09-14?source=web"),
            _DAYS["2026-09-14"],
        ),
    ),
)
