"""The E-utilities of PubMed Central: pages of ids, and sets of articles in which some are missing."""

from __future__ import annotations

import re
from datetime import date

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

ARTICLES = {str(99_003_000 + n): date(2090, 1, 1 + n % 28) for n in range(230)}
"""Numbers of articles, and the day on which each came."""
_SINCE = re.compile(r" AND (\d{4})/(\d\d)/(\d\d):3000/12/31\[pmclivedate\]$")
_MOST = 10_000


def _article(number: str) -> str:
    return (
        '<article article-type="research-article"><front><article-meta>'
        f'<article-id pub-id-type="pmcid">PMC{number}</article-id><article-id pub-id-type="pmid">{number}</article-id>'
        f"<title-group><article-title>A FICTIONAL article, {number}</article-title></title-group></article-meta>"
        "</front><body><p>Its text.</p></body></article>"
    )


def _search(form: dict[str, str]) -> Reply:
    term, found = form["term"], list(ARTICLES)
    if since := _SINCE.search(term):
        found = [number for number in found if ARTICLES[number] >= date(*map(int, since.groups()))]
        term = term[: since.start()]
    if not term.endswith(" AND open access[filter]"):
        return Reply(b"only the Open Access Subset may be fetched in numbers", status=400)
    if one := re.search(r"PMC(\d+)\[pmcid\]", term):
        found = [number for number in found if number == one[1]]
    if "nothing" in term:
        found = []
    start = int(form.get("retstart", "0"))
    page = found[start : start + min(int(form.get("retmax", "20")), _MOST)]
    ids = "".join(f"<Id>{number}</Id>\n" for number in page)
    body = f"<eSearchResult><Count>{len(found)}</Count><IdList>{ids}</IdList></eSearchResult>\n"
    return Reply(f'<?xml version="1.0" encoding="UTF-8" ?>\n{body}'.encode(), "text/xml")


def answer(asked: Asked) -> Reply:
    """esearch and efetch of db=pmc, asked with POST."""
    form = asked.form
    if form.get("db") != "pmc" or form.get("retmode") != "xml":
        return Reply(b"", status=400)
    if asked.path == "/entrez/eutils/esearch.fcgi":
        return _search(form)
    if asked.path == "/entrez/eutils/efetch.fcgi":
        numbers = form["id"].split(",")
        if len(numbers) > 200:
            return Reply(b"Request too large", status=414)
        articles = "\n".join(_article(number) for number in numbers if number in ARTICLES)
        body = f'<?xml version="1.0"  ?>\n<pmc-articleset>{articles}</pmc-articleset>\n'
        return Reply(body.encode(), "text/xml")
    return Reply(b"", status=404)


SERVICE = Service(
    answer=answer,
    runs=(
        Run(Wanted(query="fictional[title]"), tuple(ARTICLES)),
        Run(
            Wanted(query="fictional[title]", since=date(2090, 1, 27)),
            tuple(n for n in ARTICLES if ARTICLES[n].day >= 27),
        ),
        Run(Wanted(query="https://pmc.ncbi.nlm.nih.gov/articles/PMC99003007/"), ("99003007",)),
        Run(Wanted(query="https://www.ncbi.nlm.nih.gov/pmc/?term=nothing"), ()),
    ),
)
