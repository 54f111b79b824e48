# ruff: noqa: E501 (XML)
"""PubMed Central: the variants of JATS and what came before it, and the real full texts counted with another parser."""

from __future__ import annotations

import io
import re
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay import Asked, Replay, Reply, Service
from tests.replay import pmc as replayed
from tests.sources.test_fetching import TurnedClock

from trialpanorama.errors import UserError
from trialpanorama.fetching import FetchLog, Wanted, fetch
from trialpanorama.record import Record, Reject
from trialpanorama.sources import pmc
from trialpanorama.sources.pmc import SOURCE

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "pmc"
(JATS,) = SOURCE.formats
IDS = '<article-id pub-id-type="pmid">99000001</article-id>'


def read(data: bytes | str) -> list[Record | Reject]:
    data = data.encode() if isinstance(data, str) else data
    assert JATS.recognise(data[:65_536])
    return list(JATS.read(io.BytesIO(data)))


def article(meta: str = "", body: str = "", *, ids: str = IDS, after: str = "", attributes: str = "") -> str:
    front = f"<front><article-meta>{ids}{meta}</article-meta></front>"
    names = 'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML"'
    return f"<article {names} {attributes}>{front}<body>{body}</body>{after}</article>"


def one(meta: str = "", body: str = "", *, ids: str = IDS, after: str = "", attributes: str = "") -> Record:
    (record,) = read(article(meta, body, ids=ids, after=after, attributes=attributes))
    assert isinstance(record, Record), record
    assert record.paper is not None
    return record


def text(body: str) -> str:
    """The text of a body without sections."""
    (section,) = one(body=body).paper.sections
    return section.text


def fixture(name: str) -> list[Record | Reject]:
    return read((FIXTURES / name).read_bytes())


# --- recognition and cutting


@pytest.mark.parametrize(
    ("head", "is_jats"),
    [
        ("<article><front>", True),
        ("<article article-type='x'>\n<front/>", True),
        ("\ufeff<?xml version='1.0'?>\n<!DOCTYPE article PUBLIC 'x' 'y.dtd'>\n<article><front>", True),
        ("<pmc-articleset><Reply/>", True),
        ("<records><GetRecordResponse><article><front>", True),
        ("<OAI-PMH><article><front>", True),
        ("<OAI-PMH><header/>", False),
        ("<article><title>DocBook</title>", False),
        ("<articles><front>", False),
        ("<html><article><front>", False),
        ("<PubmedArticleSet><!-- <article><front> -->", False),
        ("", False),
    ],
)
def test_recognises_articles_by_their_root_and_front(head: str, is_jats: bool) -> None:
    assert JATS.recognise(head.encode()) is is_jats
    assert JATS.recognise(head.encode("utf-16")) is is_jats


def test_a_set_gives_each_article_and_one_reject_for_what_has_no_id() -> None:
    first, second, third = fixture("set.xml")
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert isinstance(third, Reject)
    assert (first.id, second.id, third.reason) == ("99000103", "PMC99000104", "missing_identifier")
    assert [n.note for n in first.notes] == ["the publisher does not allow its full text to be fetched"]


def test_an_article_without_front_is_one_reject_with_its_reason() -> None:
    for data in (
        "<article><front/></article>",
        "<article><front><article-meta/></front><body><p>x</p></body></article>",
    ):
        (reject,) = read(data)
        assert isinstance(reject, Reject)
        assert (reject.reason, "neither a PMID" in reject.detail) == ("missing_identifier", True)


def test_a_wrapper_s_namespaces_are_its_articles_too() -> None:
    (record,) = fixture("oai.xml")
    assert isinstance(record, Record)
    assert record.paper is not None
    assert record.paper.sections[0].text == "Registered as NCT99000106; with p."


def test_a_truncated_article_is_truncated_and_its_neighbour_is_read() -> None:
    whole = article(body="<p>x</p>")
    (reject,) = read(whole[:-30])
    assert isinstance(reject, Reject)
    assert reject.reason == "truncated"
    broken = whole.replace("</body></article>", "")
    first, second = read(f"<pmc-articleset>{broken}{whole}</pmc-articleset>")
    assert isinstance(first, Reject)
    assert isinstance(second, Record)


def test_reads_other_encodings() -> None:
    data = "<?xml version='1.0' encoding='{}'?>" + article(body="<p>Thé</p>")
    for encoding in ("iso-8859-1", "utf-16", "utf-8"):
        (record,) = read(data.format(encoding).encode(encoding))
        assert isinstance(record, Record)
        assert record.paper is not None
        assert record.paper.sections[0].text == "Thé"


def test_entities_of_a_dtd_are_characters_and_entities_of_its_own_are_refused() -> None:
    doctype = '<!DOCTYPE article PUBLIC "-//NLM//DTD x//EN" "https://fictional.example/archivearticle.dtd">'
    (record,) = read(doctype + article(body="<p>5 &mu;g &times; 2 &unknown;</p>"))
    assert isinstance(record, Record)
    assert record.paper is not None
    assert record.paper.sections[0].text == "5 μg × 2 &unknown;"
    (reject,) = read('<!DOCTYPE article [<!ENTITY a "b">]>' + article(body="<p>&a;</p>"))
    assert isinstance(reject, Reject)
    assert reject.reason == "forbidden_xml_entities"


# --- ids


@pytest.mark.parametrize(
    ("ids", "id", "pmcid"),
    [
        ({"pmid": "99000001", "pmc": "99000002"}, "99000001", "PMC99000002"),
        ({"pmid": "99000001", "pmcid": "PMC99000002", "pmcaid": "99000002"}, "99000001", "PMC99000002"),
        ({"pmc": "PMC99000002"}, "PMC99000002", "PMC99000002"),
        ({"pmcid": "PMC99000002.1"}, "PMC99000002", "PMC99000002"),
        ({"pmc-uid": "99000002", "pmid": "0"}, "PMC99000002", "PMC99000002"),
        ({"pmid": " 099000001 "}, "99000001", None),
    ],
)
def test_an_article_is_its_pmid_else_its_pmcid(ids: dict[str, str], id: str, pmcid: str | None) -> None:
    written = "".join(f'<article-id pub-id-type="{kind}">{value}</article-id>' for kind, value in ids.items())
    record = one(ids=written)
    assert (record.id, record.paper.pmcid) == (id, pmcid)
    assert record.register == ("pmc" if id.startswith("PMC") else "pubmed")
    assert [i.id for i in record.identifiers] == list(dict.fromkeys(filter(None, [id, pmcid])))


def test_ids_of_the_texts_are_mentioned_once_and_those_of_references_and_responses_are_not() -> None:
    (record,) = fixture("article.nxml")
    assert isinstance(record, Record)
    assert [(i.id, i.role, i.field) for i in record.identifiers[3:]] == [
        ("NCT99000101", "secondary", "related-object"),
        ("ISRCTN99000101", "mentioned", "abstract"),
        ("DRKS99000101", "mentioned", "other abstract"),
        ("NCT99000102", "mentioned", "full text > Introduction"),
    ]


# --- text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a<sup>2</sup> 10<sup>9</sup> 10<sup>17 </sup>x", "a2 10^9 10^17 x"),
        ("known.<sup><xref ref-type='bibr' rid='r'>1</xref>,<xref rid='s'>2</xref></sup> So", "known. So"),
        ("known<xref ref-type='bibr' rid='r'><sup>1</sup></xref>", "known"),
        ("known [<xref ref-type='bibr' rid='r'>1</xref>-<xref rid='s'>3</xref>]", "known [1-3]"),
        ("H<sub>2</sub>O<break/>of <italic>E</italic> <italic>coli</italic>", "H2O of E coli"),
        ("see <ext-link xlink:href='https://fictional.example'>here</ext-link>", "see here"),
        ("Correction to: <related-article related-article-type='x'>It</related-article>.", "Correction to: It."),
        ("a <inline-graphic xlink:href='x'/><index-term><term>y</term></index-term>b", "a b"),
    ],
)
def test_marks_inside_a_paragraph(written: str, said: str) -> None:
    assert text(f"<p>{written}</p>") == said


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("<tex-math>\\begin{document}$$\\frac{a}{b}$$\\end{document}</tex-math>", "\\frac{a}{b}"),
        ("<tex-math>$x$</tex-math>", "x"),
        ("<mml:math><mml:mfrac><mml:mi>a</mml:mi><mml:mrow><mml:mi>b</mml:mi><mml:mn>2</mml:mn></mml:mrow></mml:mfrac></mml:math>", "a/b2"),
        ("<mml:math><mml:msup><mml:mi>x</mml:mi><mml:mrow><mml:mo>-</mml:mo><mml:mn>2</mml:mn></mml:mrow></mml:msup></mml:math>", "x^(-2)"),
        ("<mml:math><mml:msubsup><mml:mi>x</mml:mi><mml:mi>i</mml:mi><mml:mn>2</mml:mn></mml:msubsup></mml:math>", "x_i^2"),
        ("<mml:math><mml:mroot><mml:mi>x</mml:mi><mml:mn>3</mml:mn></mml:mroot></mml:math>", "sqrt(x)"),
        ("<mml:math><mml:semantics><mml:mi>x</mml:mi><mml:annotation>MTEF</mml:annotation></mml:semantics></mml:math>", "x"),
        ("<mml:math><mml:mfenced><mml:mi>x</mml:mi><mml:mi>y</mml:mi></mml:mfenced></mml:math>", "(x, y)"),
        ("<italic>n</italic> = 3", "n = 3"),
        ("<graphic xlink:href='x'/>", ""),
    ],
)  # fmt: skip
def test_formulas_are_text(formula: str, said: str) -> None:
    assert text(f"<p>a <inline-formula>{formula}</inline-formula> b</p>") == " ".join(f"a {said} b".split())
    assert text(f"<p>a</p><disp-formula>{formula}</disp-formula>") == "\n".join(filter(None, ["a", said]))


def test_blocks_inside_a_paragraph_divide_it() -> None:
    inside = (
        "<list list-type='order'><list-item><p>one</p><p>more</p></list-item><list-item><p>two</p></list-item></list>"
    )
    assert text(f"<p>before {inside} after</p>") == "before\n1. one\nmore\n2. two\nafter"
    labelled = "<list list-type='alpha-lower'><list-item><label>a)</label><p>one</p></list-item></list>"
    assert text(f"<p>x</p>{labelled}") == "x\na) one"


def test_sections_know_what_they_stand_under_and_of_what_kind_they_are() -> None:
    deep = "<sec><title>Power</title><p>90 %</p></sec>"
    body = f"<sec sec-type='methods'><label>2</label><title>Methods</title><sec sec-type='subjects'><title>Who</title>{deep}<p>late</p></sec></sec>"
    sections = one(body=body).paper.sections
    assert [(s.title, s.path, s.type, s.text) for s in sections] == [
        ("Who", "Methods", "subjects", "late"),
        ("Power", "Methods > Who", "subjects", "90 %"),
    ]


def test_what_floats_and_what_stands_behind_the_text_is_read_too() -> None:
    (record,) = fixture("article.nxml")
    assert isinstance(record, Record)
    assert record.paper is not None
    kinds = [section.type for section in record.paper.sections]
    assert kinds[:2] == ["author-notes", "funding-group"]
    assert kinds[-6:] == ["ack", "app", "fn-group", "data-availability", "floats-group", "reply"]


def test_a_cell_that_spans_others_keeps_the_columns_in_line() -> None:
    rows = "<tr><th rowspan='2'>g</th><th colspan='2'>s</th></tr><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td><td>3</td></tr>"
    assert text(f"<table-wrap><table><thead>{rows}</thead></table></table-wrap>") == "g\ts\t\n\ta\tb\n1\t2\t3"


def test_an_exchange_table_has_rows_and_entries() -> None:
    rows = "<tgroup cols='2'><tbody><row><entry>a</entry><entry>b</entry></row></tbody></tgroup>"
    assert text(f"<table-wrap><label>T1</label><table>{rows}</table></table-wrap>") == "T1.\na\tb"
    named = re.sub(r"<(/?)(\w)", r"<\1oasis:\2", f"<table>{rows}</table>")
    assert text(f"<table-wrap><label>T1</label>{named}</table-wrap>") == "T1.\na\tb"


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=5), min_size=1, max_size=6)
)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_every_cell_of_a_table_stands_in_its_row_once(spans: list[list[tuple[int, int]]]) -> None:
    rows = [[(f"c{y}-{x}", *span) for x, span in enumerate(row)] for y, row in enumerate(spans)]
    cells = [[f"<td rowspan='{down}' colspan='{across}'>{name}</td>" for name, down, across in row] for row in rows]
    said = text(f"<table-wrap><table>{''.join(f'<tr>{chr(10).join(row)}</tr>' for row in cells)}</table></table-wrap>")
    lines = [line.split("\t") for line in said.split("\n")]
    assert [[cell for cell in line if cell] for line in lines] == [[name for name, _, _ in row] for row in rows]
    taken: set[tuple[int, int]] = set()  # the same by painting each cell's rectangle
    for y, row in enumerate(rows):
        x = 0
        for name, down, across in row:
            while (y, x) in taken:
                x += 1
            assert lines[y][x] == name
            taken |= {(y + dy, x + dx) for dy in range(down) for dx in range(across)}
            x += across


def test_claims_of_size_and_depth_cost_little() -> None:
    wide = "<tr>" + "<td rowspan='999999999' colspan='99999999'/>" * 500 + "</tr>" + "<tr/>" * 5_000
    deep = "<table><tr><td>" * 60 + "x" + "</td></tr></table>" * 60
    title = "t" * 100_000
    nested = "".join(f"<sec><title>{title if n == 0 else n}</title><p>x</p>" for n in range(100)) + "</sec>" * 100
    body = f"<p>{'<sup>2' * 100}{'</sup>' * 100}</p><p><table-wrap><table>{wide}</table>{deep}</table-wrap></p>{nested}"
    begun = time.process_time()
    record = one(body=body)
    assert time.process_time() - begun < 5
    assert sum(len(s.text) + len(s.path or "") for s in record.paper.sections) < 4 * len(body)


# --- metadata


@pytest.mark.parametrize(
    ("dates", "issue", "electronic"),
    [
        ("<pub-date pub-type='ppub'><month>Mar</month><year>2010</year></pub-date>", "2010-03", None),
        ("<pub-date pub-type='ppub'><season>Spring</season><year>2010</year></pub-date>", "2010", None),
        ("<pub-date pub-type='epub'><day>3</day><month>1</month><year>2010</year></pub-date>", None, "2010-01-03"),
        ("<pub-date pub-type='epub'><day>31</day><month>2</month><year>2010</year></pub-date>", None, "2010"),
        (
            "<pub-date pub-type='epub'><year>2009</year></pub-date><pub-date pub-type='collection'><year>2010</year></pub-date>",
            "2010",
            "2009",
        ),
        ("<pub-date date-type='pub' publication-format='electronic' iso-8601-date='2020-05-04'/>", None, "2020-05-04"),
        ("<pub-date date-type='pub' publication-format='print'><string-date>May 2020</string-date></pub-date>", "2020-05", None),
        ("<pub-date><year>2020</year></pub-date>", "2020", None),
        ("<pub-date pub-type='pmc-release'><year>2020</year></pub-date>", None, None),
        ("<pub-date pub-type='epub'/>", None, None),
    ],
)  # fmt: skip
def test_dates_of_old_and_new_documents(dates: str, issue: str | None, electronic: str | None) -> None:
    paper = one(dates).paper
    assert (paper.publication_date and paper.publication_date.date) == issue
    assert (paper.electronic_date and paper.electronic_date.date) == electronic


CC = "creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("permissions", "licence"),
    [
        (f"<permissions><license xlink:href='http://{CC}/by/2.0'><p>Free.</p></license></permissions>", "CC BY 2.0"),
        (f"<license xlink:href='https://{CC}/by-nc-nd/3.0/'/>", "CC BY-NC-ND 3.0"),
        (f"<permissions><license><p>See <ext-link xlink:href='http://{CC}/by-sa/4.0/'>it</ext-link>.</p></license></permissions>", "CC BY-SA 4.0"),
        (f"<permissions><license><license-p>Under (http://{CC}/by/).</license-p></license></permissions>", "CC BY"),
        ("<permissions><license xlink:href='https://creativecommons.org/publicdomain/zero/1.0/'/></permissions>", "CC0 1.0"),
        ("<permissions><license><p>Ask us.</p></license></permissions>", "Ask us."),
        ("<permissions><license license-type='open-access'/></permissions>", "open-access"),
        ("<permissions><copyright-statement>© Us</copyright-statement></permissions>", "no licence stated; © Us"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_licence_is_the_article_s_own(permissions: str, licence: str) -> None:
    assert one(permissions).licence == licence


def test_words_that_contradict_the_link_of_a_licence_are_told() -> None:
    words = "Non-commercial use is free."
    record = one(f"<permissions><license xlink:href='http://{CC}/by/2.5/'><p>{words}</p></license></permissions>")
    assert record.licence == "CC BY 2.5, but in its words not for commercial use"
    assert [(note.field, note.raw) for note in record.notes] == [("licence", words)]


@pytest.mark.parametrize(
    ("kind", "link", "type", "pmid", "citation"),
    [
        ("corrected-article", ("pubmed", "99000009"), "ErratumFor", "99000009", None),
        ("retracted-article", ("doi", "10.99999/x"), "RetractionOf", None, "10.99999/x"),
        ("retraction-forward", ("pubmed", "99000009"), "RetractionIn", "99000009", None),
        ("commentary-article", ("pmc", "PMC99000009"), "CommentOn", None, "PMC99000009"),
        ("companion", ("pubmed", "x9"), "companion", None, "x9"),
    ],
)
def test_related_articles_have_nlm_s_names(
    kind: str, link: tuple[str, str], type: str, pmid: str | None, citation: str | None
) -> None:
    element = f"<related-article related-article-type='{kind}' ext-link-type='{link[0]}' xlink:href='{link[1]}'/>"
    record = one(element, f"<p>{element}</p>")
    (correction,) = record.paper.corrections
    assert (correction.type, correction.pmid, correction.citation) == (type, pmid, citation)
    assert record.paper.is_retracted is (type == "RetractionIn")


def test_affiliations_are_those_pointed_to_or_of_the_whole_group() -> None:
    aff = "<aff id='a'><label>1</label>Here</aff><aff>There, <email>x@fictional.example</email></aff>"
    people = "<contrib><name><surname>A</surname></name><xref ref-type='aff' rid='a b'/></contrib><contrib><name><surname>B</surname></name></contrib>"
    authors = one(f"<contrib-group>{people}{aff}</contrib-group><aff id='b'>Elsewhere</aff>").paper.authors
    assert [(a.last_name, a.affiliations) for a in authors] == [("A", ["Here", "Elsewhere"]), ("B", ["There"])]


def test_addresses_stand_in_contacts_alone() -> None:
    (record,) = fixture("article.nxml")
    assert isinstance(record, Record)
    assert [(c.name, c.email, c.phone) for c in record.contacts] == [
        ("Alpha Fictional", "alpha@fictional.example", None),
        ("Beta Fictional", "beta@fictional.example", "+99 000 0000001"),
    ]
    assert "fictional.example" not in str(record.paper)


def test_a_translated_article_has_its_english_title_and_its_own() -> None:
    (record,) = fixture("old_article.nxml")
    assert isinstance(record, Record)
    assert record.paper is not None
    assert (record.language, record.paper.languages) == ("de", ["ger"])
    assert record.scientific_title == "Fictumab for gloaming fever (FICTIONAL)"
    assert record.paper.vernacular_title == "Fictumab bei Dämmerfieber (FICTIONAL)"


def test_of_several_abstracts_the_plain_one_counts() -> None:
    others = "<abstract abstract-type='graphical'><p>Picture</p></abstract><trans-abstract><p>KCT9900001</p></trans-abstract>"
    record = one(f"{others}<abstract><p>Plain</p><sec><title>End.</title><p>x</p></sec><p>Last</p></abstract>")
    assert [(s.label, s.text) for s in record.paper.abstract_sections] == [
        (None, "Plain"),
        ("End", "x"),
        (None, "Last"),
    ]
    assert record.brief_summary == "Plain\nEnd: x\nLast"
    assert [(i.id, i.field) for i in record.identifiers[1:]] == [("KCT9900001", "other abstract")]


def test_funders_and_grants_of_old_and_new_documents() -> None:
    new = "<funding-group><award-group><funding-source>F</funding-source><award-id>1</award-id></award-group></funding-group>"
    old = "<contract-num>1</contract-num><contract-sponsor>F</contract-sponsor>"
    thanks = "<back><ack><p><funding-source>F</funding-source> <award-id>1</award-id></p></ack></back>"
    for record, grant in ((one(new), "1/F"), (one(old), "1"), (one(after=thanks), "1")):
        assert [(s.name, s.role) for s in record.sponsors] == [("F", "FUNDER")]
        assert record.paper.grants == [grant]


# --- fetching


def _fetched(folder: Path, wanted: Wanted, service: Service = replayed.SERVICE) -> tuple[FetchLog, Replay]:
    with Replay(service) as replay:
        return fetch(SOURCE, wanted, folder, mirror=replay.url, clock=TurnedClock()), replay


def test_a_search_is_asked_for_page_by_page_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmc, "_PAGE", 100)
    log, replay = _fetched(tmp_path, Wanted(query="fictional[title]"))
    assert (log.complete, log.total, log.records, log.missing) == (True, 230, 230, [])
    assert [asked.form.get("retstart") for asked in replay.asked] == ["0", "100", "200", None, None, None]
    assert sorted(path.name for path in tmp_path.glob("*.xml")) == [f"articles-00000{n}.xml" for n in (1, 2, 3)]


def test_articles_that_are_not_given_are_named(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        reply = replayed.answer(asked)
        return Reply(reply.body.replace(b"PMC99003007<", b"PMC1<"), reply.type) if "efetch" in asked.path else reply

    log, replay = _fetched(tmp_path, Wanted(query="PMC99003007[pmcid]"), Service(answer, ()))
    assert log.missing == ["PMC99003007"]
    assert len(replay.asked) == 4  # once for the search, three times in vain


@pytest.mark.parametrize(
    "query", ["", "https://pubmed.ncbi.nlm.nih.gov/1/", "https://pmc.ncbi.nlm.nih.gov/?term=x&filter=y"]
)
def test_what_cannot_be_asked_is_told(query: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        _fetched(tmp_path, Wanted(query=query))


# --- real full texts


def _flat(text: str) -> str:
    return re.sub(r"\W+", "", text)


def test_real_articles_are_read_in_full(shared_data: Path) -> None:
    read_articles = with_text = paragraphs = found = rows = 0
    with zipfile.ZipFile(shared_data / "pubmed" / "pmc_jats_fulltext.zip") as archive:
        for name in archive.namelist():
            data = archive.read(name)
            (record,) = read(data)
            assert isinstance(record, Record), (name, record)
            assert record.paper is not None
            read_articles += 1
            root = ElementTree.fromstring(data)
            ids = {e.get("pub-id-type"): (e.text or "").strip() for e in root.findall("front/article-meta/article-id")}
            assert record.paper.pmcid == f"PMC{ids['pmc']}" == name.split("/")[-1].removesuffix(".nxml")
            assert record.id == ids.get("pmid", record.paper.pmcid)
            cited = [e.text for e in root.findall(".//ref-list//pub-id[@pub-id-type='pmid']")]
            assert record.paper.cited_pmids == list(dict.fromkeys(cited))
            whole = _flat(" ".join(section.text for section in record.paper.sections))
            with_text += bool(whole)
            said = "\n".join(section.text for section in record.paper.sections)
            # the words before the first mark inside a paragraph, wherever it stands in the body
            for paragraph in root.findall("body//p"):
                if begins := _flat(paragraph.text or ""):
                    paragraphs += 1
                    found += begins in whole
            tables = [
                table
                for part in ("body", "back", "floats-group", "floats-wrap")
                for table in root.findall(f"{part}//table")
            ]
            rows += sum(any("".join(row.itertext()).strip() for row in table.iter("tr")) for table in tables)
            assert said.count("\t") >= sum(
                len(row) - 1 for table in tables for row in table.iter("tr") if "".join(row.itertext()).strip()
            ), name
    assert read_articles == 619
    assert with_text == 572
    assert paragraphs > 20_000
    assert found == paragraphs, f"{paragraphs - found} of {paragraphs} paragraphs are lost"
    assert rows > 1_000


def test_a_link_names_a_registration_that_its_words_do_not() -> None:
    link = '<ext-link ext-link-type="uri" xlink:href="https://clinicaltrials.gov/show/{}">the registry</ext-link>'
    record = one(body=f"<p>See NCT99000001 at {link.format('NCT99000001')}, and {link.format('nct99000002')}.</p>")
    named = [(one.id, one.field) for one in record.identifiers if one.role == "mentioned"]
    assert named == [("NCT99000001", "full text"), ("NCT99000002", "link")]


def test_of_a_name_in_two_scripts_the_english_one_is_taken() -> None:
    eastern = '<name name-style="eastern" xml:lang="zh"><surname>架</surname><given-names>空</given-names></name>'
    western = '<name xml:lang="en"><surname>Jia</surname><given-names>Kong</given-names></name>'
    for names in (eastern + western, western + eastern):
        contrib = f"<contrib-group><contrib><name-alternatives>{names}</name-alternatives></contrib></contrib-group>"
        assert [(author.last_name, author.fore_name) for author in one(contrib).paper.authors] == [("Jia", "Kong")]


@pytest.mark.parametrize(
    ("abstracts", "said"),
    [
        ('<abstract abstract-type="key-points"><p>K</p></abstract>', "K"),
        ('<abstract abstract-type="key-points"><p>K</p></abstract><abstract><p>A</p></abstract>', "A"),
        ('<abstract abstract-type="graphical"><p>G</p></abstract>', None),
        ('<abstract abstract-type="toc"><p>T</p></abstract><abstract abstract-type="short"><p>S</p></abstract>', "S"),
    ],
)
def test_an_abstract_that_is_called_otherwise_counts_where_there_is_no_other(abstracts: str, said: str | None) -> None:
    assert one(abstracts).brief_summary == said


def test_of_an_article_in_another_language_the_english_abstract_is_taken() -> None:
    spanish, english = "<abstract><p>Hola</p></abstract>", '<trans-abstract xml:lang="en"><p>Hello</p></trans-abstract>'
    french = '<trans-abstract xml:lang="fr"><p>Salut</p></trans-abstract>'
    assert one(spanish + french + english, attributes='xml:lang="es"').brief_summary == "Hello"
    assert one(spanish + french, attributes='xml:lang="es"').brief_summary == "Hola"
    assert one(spanish.replace("Hola", "Hello") + french, attributes='xml:lang="en"').brief_summary == "Hello"
