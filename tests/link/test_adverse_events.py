"""Terms of posted adverse events, with a fictional MedDRA and without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ontologies.releases import FIXTURES

from trialpanorama.link._links import Link
from trialpanorama.link.adverse_events import AdverseEventLinker
from trialpanorama.link.conditions import ConditionLinker
from trialpanorama.ontologies import Concepts, install, load


@pytest.fixture(scope="module")
def diseases() -> Concepts:
    """What is built in."""
    return load(Path("no-such-store"), only={"mesh"})


@pytest.fixture(scope="module")
def conditions(diseases: Concepts) -> ConditionLinker:
    return ConditionLinker(diseases)


@pytest.fixture(scope="module")
def without(diseases: Concepts, conditions: ConditionLinker) -> AdverseEventLinker:
    """As it is where nobody has installed MedDRA."""
    return AdverseEventLinker(diseases, conditions)


@pytest.fixture(scope="module")
def with_meddra(tmp_path_factory: pytest.TempPathFactory, conditions: ConditionLinker) -> AdverseEventLinker:
    """With a MedDRA of made-up terms."""
    store = tmp_path_factory.mktemp("store")
    install([FIXTURES / "meddra"], store)
    return AdverseEventLinker(load(store, only={"mesh", "meddra"}), conditions)


def one(linker: AdverseEventLinker, text: str) -> Link:
    [[link]] = linker.link([text], [None])
    assert (link.start, link.text, link.kind) == (0, text[: link.end], "adverse_event")
    return link


@pytest.mark.parametrize(
    ("text", "id", "method", "level"),
    [
        ("Marsh fever", "MEDDRA:99000004", "exact", "PT"),
        ("MARSH FEVERS", "MEDDRA:99000004", "exact", "PT"),
        ("Fever of the marsh", "MEDDRA:99000005", "exact", "LLT"),
        ("Marsh disorders", "MEDDRA:99000001", "exact", "SOC"),
        ("Marsh fever (grade 3)", "MEDDRA:99000004", "stripped", "PT"),
        ("Marsh fever NOS", "MEDDRA:99000004", "stripped", "PT"),
        ("Marsh fever †", "MEDDRA:99000004", "exact", "PT"),
        ("Marsh fever [MedDRA 99.1]", "MEDDRA:99000004", "stripped", "PT"),
        ("Fever, marsh", "MEDDRA:99000004", "reordered", "PT"),
    ],
    ids=["name", "case", "lower level", "class", "grade", "NOS", "mark", "version", "turned"],
)
def test_terms_of_meddra(with_meddra: AdverseEventLinker, text: str, id: str, method: str, level: str) -> None:
    link = one(with_meddra, text)
    assert (link.concept_id, link.method, link.qualifier) == (id, method, level)
    assert link.matched
    assert link.score >= 0.9


def test_meddra_comes_before_diseases_and_diseases_where_it_has_none(with_meddra: AdverseEventLinker) -> None:
    assert (one(with_meddra, "Pneumonia").concept_id or "").startswith("MESH:")
    assert (one(with_meddra, "Marsh fever").concept_id or "").startswith("MEDDRA:")


def test_an_obsolete_term_is_not_taken(with_meddra: AdverseEventLinker) -> None:
    assert one(with_meddra, "Marshy heat").concept_id != "MEDDRA:99000006"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Pneumonia", "Pneumonia"),
        ("PNEUMONIA", "Pneumonia"),
        ("Myocardial infarction", "Myocardial Infarction"),
        ("Anaemia", "Anemia"),
        ("Pneumonia (v24.0)", "Pneumonia"),
        ("Headache, grade 2", "Headache"),
    ],
    ids=["name", "case", "two words", "spelling", "version", "grade"],
)
def test_diseases_where_meddra_is_not_installed(
    without: AdverseEventLinker, diseases: Concepts, text: str, name: str
) -> None:
    concept = diseases.get(one(without, text).concept_id or "")
    assert concept is not None
    assert concept.name == name


@pytest.mark.parametrize(
    "text",
    ["Zorblatt eruption", "Pneumonia aggravated by zorblatts", "", "Grade 3", "Marsh disorders"],
    ids=["unknown", "more than a name", "empty", "only a grade", "not in it"],
)
def test_what_is_not_a_name_is_not_linked(without: AdverseEventLinker, text: str) -> None:
    link = one(without, text)
    assert (link.concept_id, link.method, link.score) == (None, "none", 0.0)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(texts=st.lists(st.sampled_from(["Pneumonia", "Marsh fever", "Anaemia NOS"]) | st.text(max_size=20), max_size=5))
def test_any_terms_give_one_link_each(with_meddra: AdverseEventLinker, texts: list[str]) -> None:
    found = with_meddra.link(texts, [None] * len(texts))
    assert [len(links) for links in found] == [1] * len(texts)
    for text, (link,) in zip(texts, found, strict=True):
        assert text[link.start : link.end] == link.text
    assert found[::-1] == with_meddra.link(texts[::-1], [None] * len(texts))


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("*Pneumonia", "Pneumonia", "Pneumonia"),
        ("PULMONARY/UPPER RESPIRATORY:: Pneumonia", "Pneumonia", "Pneumonia"),
        ("Pneumonia NOS", "Pneumonia", "Pneumonia"),
        ("Gastrooesophageal reflux disease", "Gastroesophageal Reflux", "Gastrooesophageal reflux disease"),
    ],
    ids=["mark", "class", "NOS", "oo"],
)
def test_what_stands_around_a_term_is_left_out_and_told(
    without: AdverseEventLinker, diseases: Concepts, text: str, name: str, words: str
) -> None:
    [[link]] = without.link([text], [None])
    assert diseases.get(link.concept_id or "").name == name  # type: ignore[union-attr]
    assert text[link.start : link.end] == link.text == words
    assert (link.method, link.score) == (("exact", 1.0) if words == text else ("stripped", 0.95))
