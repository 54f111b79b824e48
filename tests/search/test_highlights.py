"""Words of a search are marked where it looked for them, and what was found is counted."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.test_index import TRIAL_ID, index, warehouse  # noqa: F401
from trialpanorama.search import QueryError, parse
from trialpanorama.search.documents import abstracts
from trialpanorama.search.highlights import highlight
from trialpanorama.search.index import Found, Hit, Index, Limits
from trialpanorama.warehouse import Warehouse

TITLE = "Beta-blockers for Sjögren's tumours: a trial"
ABSTRACT = "Needle biopsies of the liver; the liver was biopsied with a needle. " + "Filler. " * 80 + "Liver again."


def marked(query: str, syntax: str = "auto", title: str = TITLE, abstract: str = ABSTRACT) -> dict[str, list[str]]:
    hit = Hit("1", "paper", title, None, 1.0)
    found = highlight(Found("s", 1, (hit,)), parse(query, syntax), {("paper", "1"): abstract})
    words: dict[str, list[str]] = {}
    for one in found.hits[0].highlights:
        assert one.text in (title if one.field == "title" else abstract)
        words.setdefault(one.field, []).extend(one.text[start:end] for start, end in one.marks)
    return words


MARKED: dict[str, dict[str, list[str]]] = {
    "blockers[ti]": {"title": ["blockers"]},
    "blockers[ab]": {},
    "liver[ti]": {},
    "liver[tiab]": {"abstract": ["liver", "liver", "Liver"]},
    "SJOGREN[ti]": {"title": ["Sjögren"]},
    '"needle biopsies"[ab]': {"abstract": ["Needle", "biopsies"]},
    '"biopsies needle"[ab]': {},
    "biops*[tiab] OR tumo?rs[ti]": {"title": ["tumours"], "abstract": ["biopsies", "biopsied"]},
    "needle[ab] NOT liver[ab]": {"abstract": ["Needle", "needle"]},
    '"liver needle"[tiab:~5]': {"abstract": ["Needle", "liver", "liver", "needle", "Liver"]},
    "(biopsied adj3 needle).ab.": {"abstract": ["Needle", "biopsied", "needle"]},
    "trial[pt] AND Liver[mh]": {},
    "a*b*c*d*e[ti]": {},
}


@pytest.mark.parametrize(("query", "expected"), MARKED.items(), ids=MARKED)
def test_words_are_marked_where_they_were_looked_for(query: str, expected: dict[str, list[str]]) -> None:
    assert marked(query) == expected


def test_plain_words_are_marked_by_their_stems() -> None:
    assert marked("biopsy of a tumour", "plain") == {"title": ["tumours"], "abstract": ["biopsies", "biopsied"]}


def test_an_abstract_is_shown_in_few_short_pieces() -> None:
    text = " ".join(f"liver {'filler ' * 50}" for _ in range(30))
    hit = Hit("1", "paper", "No such word", None, 1.0)
    found = highlight(Found("s", 1, (hit,)), parse("liver[ab]"), {("paper", "1"): text})
    pieces = found.hits[0].highlights
    assert [piece.marks for piece in pieces] == [((0, 5),), pieces[1].marks]
    assert all(len(piece.text) < 200 for piece in pieces)
    without_blanks = "肝" * 3_000
    assert marked("肝*[ab]", title="", abstract=without_blanks) == {}  # one word, longer than any that is compared


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(alphabet='ab*?# []()"tiORNé1', max_size=40), st.text(alphabet="abé1 .-", max_size=80))
def test_marks_lie_in_the_text_and_in_order(query: str, text: str) -> None:
    try:
        search = parse(query, "pubmed", repairs=True)
    except QueryError:
        return
    hit = Hit("1", "paper", text, None, 1.0)
    for one in highlight(Found("s", 1, (hit,)), search, {("paper", "1"): text}).hits[0].highlights:
        flat = [place for mark in one.marks for place in mark]
        assert one.marks
        assert flat == sorted(flat)
        assert 0 <= flat[0] < flat[-1] <= len(one.text)
        assert all(one.text[start:end].isalnum() for start, end in one.marks)


def test_a_large_search_is_marked_soon() -> None:
    query = " OR ".join(f"ab{number}c*d?e#[tiab]" for number in range(2_000))
    hits = tuple(Hit(str(number), "paper", "a" * 90, None, 1.0) for number in range(20))
    texts = {("paper", hit.id): " ".join(f"ab{number}cxdye{hit.id}" for number in range(300)) for hit in hits}
    begun = time.process_time()
    highlight(Found("s", 20, hits), parse(query), texts)
    assert time.process_time() - begun < 20


def test_abstracts_are_those_that_were_searched(index: Index, warehouse: Warehouse) -> None:  # noqa: F811
    found = index.search(parse("aspirin[tiab]"))
    with warehouse.connect() as connection:
        texts = abstracts(connection, found.hits)
    assert texts["paper", "1"] == "A randomised trial of low-dose aspirin."
    assert set(texts) == {("paper", "1"), ("paper", "2"), ("trial", TRIAL_ID)}


def test_what_was_found_is_counted(index: Index) -> None:  # noqa: F811
    search = parse("aspirin[tiab] OR hypertension[mh]")
    found = index.search(search, facets=True, most=1)
    assert found.total == 6
    assert {facet.field: facet.counts for facet in found.facets} == {
        "kind": (("paper", 5), ("trial", 1)),
        "register": (("clinicaltrials_gov", 1),),
        "status": (("COMPLETED", 1),),
        "phase": (("PHASE3", 1),),
        "year": (("2001", 1), ("2005", 1), ("2009", 1), ("2012", 2), ("2013", 1)),
    }
    assert index.search(search).facets == ()
    trials = index.search(search, Limits(only={"kind": "trial"}), facets=True)
    assert trials.facets[0].counts == (("trial", 1),)
    nothing = index.search(parse("nosuchword[ti]"), facets=True)
    assert all(facet.counts == () for facet in nothing.facets)
    assert index.search(parse("aspirin", "plain"), facets=True).facets[0].counts == (("paper", 2), ("trial", 1))
