"""The matcher against a slow one that is plainly right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA, JaroWinkler

from trialpanorama.link import _matching
from trialpanorama.link._matching import LikeNames, Matcher, fold


def found(names: Sequence[str], texts: Sequence[str], threads: int = 1) -> list[tuple[int, int, int, int]]:
    matches = Matcher(names).find(texts, threads)
    columns = (matches.text, matches.start, matches.end, matches.name)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slowly(names: Sequence[str], text: str) -> list[tuple[int, int, int]]:
    """Left to right, at each beginning of a word the longest name that ends with a word."""
    text = text.lower()
    place, hits = 0, []
    while place < len(text):
        best = None
        if place == 0 or not text[place - 1].isalnum():
            for index, name in enumerate(names):
                end = place + len(name)
                is_here = text[place:end] == name and (end == len(text) or not text[end].isalnum())
                if is_here and (best is None or end > best[1]):
                    best = (place, end, index)
        if best:
            hits.append(best)
            place = best[1]
        else:
            place += 1
    return hits


NAMES = st.lists(st.from_regex(r"[abc]{1,3}( [abc]{1,3}){0,2}", fullmatch=True), min_size=1, max_size=12, unique=True)
TEXTS = st.lists(st.text(alphabet="abcA ,.", max_size=40), max_size=6)


@given(NAMES, TEXTS)
@settings(max_examples=400, derandomize=True, deadline=None)
def test_it_finds_what_the_slow_one_finds(names: list[str], texts: list[str]) -> None:
    expected = []
    for number, text in enumerate(texts):
        plain = "".join(c if c.isalnum() else " " for c in text)
        expected += [(number, *hit) for hit in slowly(names, plain)]
    assert found(names, texts) == expected


@given(NAMES, TEXTS)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_chunks_and_threads_change_nothing(names: list[str], texts: list[str]) -> None:
    whole = found(names, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_matching, "CHUNK", 10)
        assert found(names, texts, threads=3) == whole


@given(st.text(max_size=60))
@settings(max_examples=300, derandomize=True)
def test_folding_keeps_offsets(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (["heart failure"], "Herzinsuffizienz (heart-failure)", ["heart-failure"]),
        (["diabetes"], "prediabetes, diabetes.", ["diabetes"]),
        (["sjogren syndrome"], "primary Sjögren Syndrome", ["Sjögren Syndrome"]),
        (["copd"], "糖尿病COPD患者", ["COPD"]),
        (["ALL"], "all patients with ALL", ["ALL"]),
        (["PsA"], "PSA level in PsA", ["PsA"]),
        (["ALL", "PsA", "all cell types"], "All cell types of ALL", ["All cell types", "ALL"]),
        (["tnf-α"], "TNF-α 5 ng", ["TNF-α"]),
        (["cold", "cold sore"], "cold sores", ["cold"]),
        (["copd", "asthma"], "COPD asthma", ["COPD", "asthma"]),
        ([""], "anything", []),
    ],
)
def test_words_cases_and_scripts(names: list[str], text: str, expected: list[str]) -> None:
    assert [text[start:end] for _, start, end, _ in found(names, [text])] == expected


def test_of_two_spellings_of_a_name_the_first_is_said() -> None:
    assert found(["Heart-Failure", "heart failure"], ["heart failure"]) == [(0, 0, 13, 0)]
    assert found(["asthma"], []) == []
    assert found([], ["asthma"]) == []


NAMES = st.text("abcde f1", min_size=3, max_size=9).map(lambda text: f"a{text.strip()}b")


@given(st.lists(NAMES, min_size=1, max_size=12, unique=True), NAMES)
@settings(max_examples=150, derandomize=True, deadline=None)
def test_names_that_may_be_near_include_all_that_are(names: list[str], name: str) -> None:
    like = LikeNames(names)
    for distance in (1, 2, 3):
        near = {other for other in names if OSA.distance(name, other) <= distance}
        assert near <= set(like.within(name, distance))
    near = {other for other in names if JaroWinkler.similarity(name, other) >= 0.8}
    assert near <= set(like.like(name, 0.8))


def test_names_that_cannot_be_near_are_left_out() -> None:
    like = LikeNames(["metformin", "mirtazapine", "mycophenolate"])
    assert like.within("metfromin", 2) == ["metformin"]
    assert "mycophenolate" not in like.like("mirtazapin", 0.9)
