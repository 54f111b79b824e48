"""The E-utilities of PubMed, with their ceiling, and the update files beside their checksums."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from datetime import date, timedelta

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

MOST = 9_999
_CLAUSE = re.compile(r'\("(\d{4}/\d\d/\d\d)"\[(edat|crdt|dp)\] : "(\d{4}/\d\d/\d\d)"\[\2\]\)')


def _day(text: str) -> date:
    return date(*map(int, text.split("/")))


def _article(pmid: str) -> str:
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>'
        '<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Internet"><PubDate><Year>2090</Year></PubDate>'
        f"</JournalIssue><Title>Fictional Letters</Title></Journal><ArticleTitle>A FICTIONAL article, {pmid}."
        "</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    )


def _set(pmids: list[str]) -> bytes:
    articles = "\n".join(map(_article, pmids))
    return f'<?xml version="1.0" ?>\n<PubmedArticleSet>\n{articles}\n</PubmedArticleSet>\n'.encode()


def eutils(articles: dict[str, dict[str, date]], *, lost: set[str] | None = None) -> Callable[[Asked], Reply]:
    """esearch and efetch over articles, each with its dates by field; those that are `lost` are found, not given."""

    def search(form: dict[str, str]) -> Reply:
        found = list(articles)
        term = form["term"]
        for first, field, last in _CLAUSE.findall(term):
            first_day, last_day = _day(first), _day(last)
            found = [pmid for pmid in found if first_day <= articles[pmid][field] <= last_day]
        if uid := re.fullmatch(r"(\d+)\[uid\]", term):
            found = [pmid for pmid in found if pmid == uid[1]]
        if form.get("datetype"):
            first_day, last_day = _day(form["mindate"]), _day(form["maxdate"])
            found = [pmid for pmid in found if first_day <= articles[pmid][form["datetype"]] <= last_day]
        unknown = "<PhraseNotFound>flumblebug</PhraseNotFound>" if "flumblebug" in term else ""
        if "nothing" in term:
            found = []
        ids = "".join(f"<Id>{pmid}</Id>\n" for pmid in found[: min(int(form.get("retmax", "20")), MOST)])
        body = (
            f'<?xml version="1.0" encoding="UTF-8" ?>\n<eSearchResult><Count>{len(found)}</Count><RetStart>0</RetStart>'
            f"<IdList>{ids}</IdList><TranslationStack><TermSet><Count>777</Count></TermSet></TranslationStack>"
            f"<ErrorList>{unknown}</ErrorList></eSearchResult>\n"
        )
        return Reply(body.encode(), "text/xml")

    def answer(asked: Asked) -> Reply:
        form = asked.form if asked.method == "POST" else asked.parameters
        if form.get("db") != "pubmed" or "@" in str(form):
            return Reply(b"", status=400)
        if asked.path == "/entrez/eutils/esearch.fcgi" and form.get("retmode") == "xml":
            return search(form)
        if asked.path == "/entrez/eutils/efetch.fcgi" and form.get("retmode") == "xml":
            asked_for = form["id"].split(",")
            if len(asked_for) > 1_500:
                return Reply(b"Request too large", status=414)
            return Reply(
                _set([pmid for pmid in asked_for if pmid in articles and pmid not in (lost or ())]), "text/xml"
            )
        return Reply(b"", status=404)

    return answer


ARTICLES = {
    f"990010{n:02d}": dict.fromkeys(("edat", "crdt", "dp", "mdat"), date(2020, 1, 1) + timedelta(days=n))
    for n in range(9)
}
_SEARCHES = eutils(ARTICLES)
_FILES = {
    "pubmed90n0001.xml.gz": ("2090-01-02", ["99002001", "99002002"]),
    "pubmed90n0002.xml.gz": ("2090-01-03", ["99002003"]),
}
_PACKED = {name: gzip.compress(_set(pmids), mtime=0) for name, (_, pmids) in _FILES.items()}


def _files(asked: Asked) -> Reply:
    folder, _, name = asked.path.removeprefix("/pubmed/").partition("/")
    if folder != "updatefiles":
        return Reply(b"", status=404)
    if not name:
        rows = [
            f'<a href="{n}{end}">{n}{end}</a>      {day} 14:05   66M'
            for n, (day, _) in _FILES.items()
            for end in ("", ".md5")
        ]
        return Reply(
            ("<html><head><title>Index</title></head>\n<pre>" + "\n".join(rows) + "</pre></html>\n").encode(),
            "text/html",
        )
    packed = _PACKED.get(name.removesuffix(".md5"))
    if packed is None:
        return Reply(b"", status=404)
    if name.endswith(".md5"):
        return Reply(f"MD5({name.removesuffix('.md5')})= {hashlib.md5(packed).hexdigest()}\n".encode())
    headers = {"ETag": f'"{name}"', "Last-Modified": "Fri, 02 Jan 2026 14:05:00 GMT"}
    return Reply(packed, "application/x-gzip", headers=headers)


def answer(asked: Asked) -> Reply:
    """Both hosts in one."""
    return _files(asked) if asked.path.startswith("/pubmed/") else _SEARCHES(asked)


SERVICE = Service(
    answer=answer,
    runs=(
        Run(Wanted(query="fictional[ti]"), tuple(ARTICLES)),
        Run(Wanted(query="updatefiles"), ("99002001", "99002002", "99002003")),
        Run(Wanted(query="updatefiles", since=date(2090, 1, 3)), ("99002003",)),
        Run(Wanted(query="fictional[ti]", since=date(2020, 1, 8)), tuple(ARTICLES)[7:]),
        Run(Wanted(query="https://pubmed.ncbi.nlm.nih.gov/99001003/"), ("99001003",)),
        Run(Wanted(query="nothing[ti]"), ()),
    ),
)
