"""The taxonomy of outcomes used by COMET: 38 domains in five core areas.

Dodd S, Clarke M, Becker L, Mavergames C, Fish R, Williamson PR. A taxonomy has been developed for outcomes in medical
research to help improve knowledge discovery. J Clin Epidemiol 2018;96:84-92. doi:10.1016/j.jclinepi.2017.12.020.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary
from trialpanorama.ontologies._tables import header, rows

_COLUMNS = ("number", "area", "domain")
_WHOLE = 38
_PUBLISHED = "2018"


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    file = parts["domains-table"][0]
    areas: dict[str, Concept] = {}
    domains: dict[int, Concept] = {}
    for row in rows(file, _COLUMNS, delimiter=","):
        if not row["number"].isdigit() or not row["area"] or not row["domain"] or int(row["number"]) in domains:
            raise file.unusable(f'has a row that is no numbered domain of an area ("{row["number"]}, {row["domain"]}")')
        area, domain = row["area"], row["domain"]
        id = "COMET:" + re.sub(r"[^a-z]+", "-", area.lower())
        areas[area] = Concept(id=id, name=area, kind="outcome", names=[Name(area, "preferred")])
        number = int(row["number"])
        domains[number] = Concept(
            id=f"COMET:{number}",
            name=domain,
            kind="outcome",
            names=[Name(domain, "preferred")],
            parents=[id],
            attributes={"number": str(number)},
        )
    if sorted(domains) != list(range(1, _WHOLE + 1)):
        raise file.unusable(f"has {len(domains)} domains, the taxonomy has {_WHOLE}: it is cut short or another one")
    return Release(_PUBLISHED, [*areas.values(), *domains.values()])


VOCABULARY = Vocabulary(
    name="comet",
    prefix="COMET",
    title="COMET taxonomy of outcomes (Dodd 2018)",
    home_page="https://www.comet-initiative.org",
    licence="facts of an open-access article, doi:10.1016/j.jclinepi.2017.12.020",
    is_open=True,
    how_to_get="Built in. Another edition: a CSV with the columns number, area and domain.",
    parts=(
        Part(
            name="domains-table",
            meaning="A CSV with the columns number, area and domain",
            recognise=lambda head, name: {*_COLUMNS} <= {*header(head, ",")},
        ),
    ),
    read=_read,
    no_fetch="It is published as an article, and built in.",
)
