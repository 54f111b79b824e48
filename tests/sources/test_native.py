"""What the readers of single registers share: trees, missing words, lists of outcomes, countries, identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.errors import Unreadable
from trialpanorama.record import Country, Outcome, PartialDate
from trialpanorama.sources._native import (
    Identifiers,
    Notes,
    Tree,
    countries,
    is_missing,
    json_tree,
    listed_ids,
    outcomes,
    references,
    xml_tree,
)
from trialpanorama.sources._reading import parse_xml

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("abc"), inside, max_size=3),
    max_leaves=12,
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(JSON, st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join))
def test_any_document_can_be_asked_for_any_path(document: object, path: str) -> None:
    tree = Tree(document)
    parts = tree.each(path)
    assert tree.one(path).text() == (parts[0].text() if parts else None)
    assert tree.lines(path) == [line for part in parts if (line := part.line())]
    assert tree.text(path) == tree.one(path).text()
    assert tree.line() is None or "\n" not in str(tree.line())


def test_xml_and_json_are_read_alike() -> None:
    xml = xml_tree(parse_xml(b'<r xmlns="urn:x" k="1"><a>one</a><a n="2">two</a><b><c> x <i>y</i> z</c></b></r>'))
    json = json_tree(b'{"@k": "1", "a": ["one", {"@n": "2", "#text": "two"}], "b": {"c": {"#text": "x  z", "i": "y"}}}')
    for tree in (xml, json):
        assert tree.lines("a") == ["one", "two"]
        assert [part.line("@n") for part in tree.each("a")] == [None, "2"]
        assert (tree.line("@k"), tree.line("b/c"), tree.line("b/c/i"), tree.line("b/d")) == ("1", "x z", "y", None)
        assert not tree.one("nothing")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b'{"a": 1', "truncated"), (b"{a}", "malformed_json"), (b'{"a":"\xff"}', "invalid_encoding")],
)
def test_broken_json_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        json_tree(data)
    assert caught.value.reason == reason


def test_words_that_stand_for_nothing_are_missing_unless_they_are_an_answer() -> None:
    for word in ("Nil known", "Not provided at time of registration", "-", "--", "[---]*", "N/A", "", None):
        assert is_missing(word), word
    for word in ("Not randomised", "No", "0", "Nil", "None of the participants"):
        assert is_missing(word) == (word in ("No", "Nil"))
    tree = Tree({"plan": "No", "count": 0, "flag": False})
    assert (tree.text("plan"), tree.word("plan"), tree.word("count"), tree.word("flag")) == (None, "No", "0", "false")


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.text("abc .", min_size=1, max_size=12).map(str.strip).filter(bool), min_size=2, max_size=12))
def test_a_numbered_list_is_taken_apart_and_put_together_again(items: list[str]) -> None:
    text = "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    assert [outcome.measure for outcome in outcomes(text, "PRIMARY")] == [
        item for item in items if not is_missing(item)
    ]
    planned = f"As planned.\n{text}"
    assert outcomes(planned, "PRIMARY") == [Outcome(type="PRIMARY", measure=planned)]


def test_lists_under_headings_are_taken_apart() -> None:
    text = "Secondary outcome measures:\n1. Sleep\n2. Rest\n\nSafety, during the infusion:\n1. Falls\n2. Rashes"
    assert outcomes(text, "SECONDARY") == [
        Outcome(type="SECONDARY", measure="Sleep"),
        Outcome(type="SECONDARY", measure="Rest"),
        Outcome(type="SECONDARY", measure="Falls", description="Safety, during the infusion"),
        Outcome(type="SECONDARY", measure="Rashes", description="Safety, during the infusion"),
    ]
    for whole in (
        "1. Sleep\n2. Rest\n1. Falls\n2. Rashes",
        "1. Sleep\n3. Rest",
        "Two things\nfor all:\n1. Sleep\n2. Rest",
    ):
        assert outcomes(whole, "PRIMARY") == [Outcome(type="PRIMARY", measure=whole)]


def test_countries_and_dates_keep_the_words_that_they_were_made_of() -> None:
    assert countries(["Wales", "England", "None", "Atlantis", "DE"]) == [
        Country(name="United Kingdom", raw="Wales"),
        Country(name="Atlantis"),
        Country(name="Germany", raw="DE"),
    ]
    notes = Notes()
    assert notes.date("2020-01-02T00:00:00.000Z", "start_date") == PartialDate(
        date="2020-01-02", raw="2020-01-02T00:00:00.000Z"
    )
    assert notes.date("soon", "start_date") == PartialDate(raw="soon")
    assert notes.date("1900-01-01", "start_date") is None
    assert [(note.field, note.raw) for note in notes] == [("start_date", "soon")]


def test_identifiers_are_listed_once_and_known_by_their_shape() -> None:
    named = Identifiers("ISRCTN99000001", "isrctn", "own")
    named.name("NCT99000001; ABC-123-X", "other", role="organisation")
    named.name("NCT 99000001, ISRCTN99000001", "again")
    named.name("nil known", "nothing")
    assert [(i.id, i.register, i.role) for i in named] == [
        ("ISRCTN99000001", "isrctn", "primary"),
        ("NCT99000001", "clinicaltrials_gov", "secondary"),
        ("ABC-123-X", None, "organisation"),
    ]
    with pytest.raises(Unreadable, match="no number"):
        Identifiers("NCT99000001", "isrctn", "own")


def test_articles_are_found_in_a_text() -> None:
    text = "see https://www.ncbi.nlm.nih.gov/pubmed/99000001 and PMID: 99000002, doi 10.99999/ABC.1."
    assert [(one.pmid, one.doi) for one in references(text, None)] == [
        ("99000001", None),
        ("99000002", None),
        (None, "10.99999/abc.1"),
    ]


def test_lists_of_ids_are_divided_also_by_signs_of_east_asia() -> None:
    text = "NCT 9900 0001；ABC-123、75,061-B，CTRI/2099/01/000001 / nil known|v2"
    assert [(raw, [one.id for one in found]) for raw, found in listed_ids(text)] == [
        ("NCT 9900 0001", ["NCT99000001"]),
        ("ABC-123", []),
        ("75,061-B", []),
        ("CTRI/2099/01/000001", ["CTRI/2099/01/000001"]),
    ]
