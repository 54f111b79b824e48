"""Accepting links one by one, with guards that hold for whole groups."""

from __future__ import annotations

import random

import pytest

from trialpanorama.resolve.clusters import Link, Registration, decide

NCT1, NCT2, NCT3 = "NCT99000001", "NCT99000002", "NCT99000003"
DRKS, ISRCTN = "DRKS99000001", "ISRCTN99000001"
REGISTRATIONS = {
    NCT1: Registration("clinicaltrials_gov", ("Zarvolimab in glowing fever",)),
    NCT2: Registration("clinicaltrials_gov", ("Quenolast for the humming knee",)),
    NCT3: Registration("clinicaltrials_gov", ("Zarvolimab in glowing fever: extension study",)),
    DRKS: Registration("drks", ("Zarvolimab bei Glimmfieber",)),
    ISRCTN: Registration("isrctn", ()),
    "NTR1234": Registration("ntr", ("Old number",)),
    "NL4321": Registration("ntr", ("New number",)),
    "NL4322": Registration("ntr", ("Other study",)),
}


def link(a: str, b: str, method: str = "secondary_id", is_ambiguous: bool = False) -> Link:
    return Link(a, b, method, is_ambiguous)  # type: ignore[arg-type]


def test_links_chain_into_one_group() -> None:
    reasons, groups = decide(REGISTRATIONS, [link(NCT1, DRKS), link(DRKS, ISRCTN)])
    assert set(reasons.values()) == {None}
    assert groups == [[DRKS, ISRCTN, NCT1]]


def test_a_group_never_holds_two_studies_of_one_register() -> None:
    strong, weak = link(NCT1, DRKS, "mutual_id"), link(NCT2, DRKS)
    reasons, groups = decide(REGISTRATIONS, [weak, strong])
    assert reasons == {strong: None, weak: "same_register"}
    assert groups == [[DRKS, NCT1]]


def test_the_guard_looks_at_the_whole_group_not_at_the_pair() -> None:
    first, second, bridge = link(NCT1, DRKS, "mutual_id"), link(NCT2, ISRCTN, "mutual_id"), link(DRKS, ISRCTN)
    reasons, groups = decide(REGISTRATIONS, [first, second, bridge])
    assert reasons[bridge] == "same_register"
    assert groups == [[DRKS, NCT1], [ISRCTN, NCT2]]


def test_an_extension_is_kept_apart_even_through_a_third_registration() -> None:
    direct = Link(DRKS, NCT3, "mutual_id", False)
    registrations = REGISTRATIONS | {DRKS: Registration("drks", ("Zarvolimab for glowing fever",))}
    through = [link(ISRCTN, DRKS), link(ISRCTN, NCT3)]
    reasons, groups = decide(registrations, [direct, *through])
    assert reasons[direct] == "follow_on_study"
    assert sorted(map(str, reasons.values())) == ["None", "follow_on_study", "follow_on_study"]
    assert len(groups) == 1
    assert {DRKS, NCT3} - set(groups[0])


def test_near_identical_titles_lift_the_register_guard() -> None:
    registrations = REGISTRATIONS | {NCT2: Registration("clinicaltrials_gov", ("Zarvolimab in Glowing Fever.",))}
    _, groups = decide(registrations, [link(NCT1, NCT2)])
    assert groups == [[NCT1, NCT2]]


@pytest.mark.parametrize(("other", "expected"), [("NL4321", None), ("NL4322", None)])
def test_a_renumbered_register_may_give_both_numbers(other: str, expected: None) -> None:
    reasons, _ = decide(REGISTRATIONS, [link("NTR1234", other)])
    assert list(reasons.values()) == [expected]


def test_two_new_numbers_are_two_studies() -> None:
    reasons, _ = decide(REGISTRATIONS, [link("NL4321", "NL4322")])
    assert list(reasons.values()) == ["same_register"]


def test_an_alias_passes_the_guards() -> None:
    reasons, groups = decide(REGISTRATIONS, [link(NCT1, NCT2, "alias")])
    assert list(reasons.values()) == [None]
    assert groups == [[NCT1, NCT2]]


def test_an_ambiguous_link_is_refused() -> None:
    ambiguous = link(NCT1, DRKS, is_ambiguous=True)
    assert decide(REGISTRATIONS, [ambiguous]) == ({ambiguous: "ambiguous_id"}, [])


def test_the_order_of_links_changes_nothing() -> None:
    links = [
        link(NCT1, DRKS), link(NCT2, DRKS), link(DRKS, ISRCTN), link(NCT3, ISRCTN), link(NCT1, NCT3),
        link("NTR1234", "NL4321", "utn"), link("NTR1234", "NL4322"), link(ISRCTN, "NL4322", "bridge"),
    ]  # fmt: skip
    expected = decide(REGISTRATIONS, links)
    for seed in range(20):
        shuffled = links.copy()
        random.Random(seed).shuffle(shuffled)
        assert decide(REGISTRATIONS, shuffled) == expected
