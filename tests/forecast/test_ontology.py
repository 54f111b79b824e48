"""Names of conditions and drugs, and what they mean by MeSH's tree."""

from __future__ import annotations

from trialpanorama.forecast.ontology import facts_of
from trialpanorama.tasks._trials import Intervention, Start

NAMES = {
    "gloaming fever": ["area=infections"],
    "fever": ["area=immune system"],
    "amber lung": ["area=respiratory"],
    "ear": ["area=ear, nose and throat"],
    "fictumab": ["substance=peptides and proteins"],
}


def said(*conditions: str, given: tuple[str, ...] = ()) -> set[str]:
    start = Start(title="", conditions=list(conditions), interventions=[Intervention(name) for name in given])
    return set(facts_of(start, NAMES))


def test_a_whole_name_is_looked_up_whatever_its_case_and_signs() -> None:
    assert said("GLOAMING-fever") == {"area=infections"}
    assert said("Unheard-of rash") == set()


def test_the_longest_names_within_one_count() -> None:
    assert said("Severe gloaming fever with amber lung, or fever") == {
        "area=infections",
        "area=respiratory",
        "area=immune system",
    }


def test_short_names_are_not_looked_for_within_others() -> None:
    assert said("ear") == {"area=ear, nose and throat"}
    assert said("pain of the ear") == set()


def test_areas_are_of_conditions_and_substances_of_what_is_given() -> None:
    assert said("Fictumab overdose", given=("Fictumab 5 mg", "Amber lung lavage")) == {
        "substance=peptides and proteins"
    }
