"""Accepting links one by one, with guards that hold for whole groups."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.resolve.clusters import Link, Registration, decide
from trialpanorama.resolve.model import model

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


def test_of_two_studies_of_one_register_that_an_id_names_alike_the_one_of_the_same_title_is_taken() -> None:
    registrations = REGISTRATIONS | {DRKS: Registration("drks", ("Quenolast for the humming knee in Fairport",))}
    parent, own = link(NCT1, DRKS), link(NCT2, DRKS)
    reasons, groups = decide(registrations, [parent, own])
    assert reasons == {own: None, parent: "same_register"}
    assert groups == [[DRKS, NCT2]]


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


def likeness(a: str, b: str, probability: float) -> Link:
    return Link(a, b, "title", probability=probability)


def test_likeness_is_believed_when_it_is_enough() -> None:
    enough, little = likeness(NCT1, DRKS, model().accept), likeness(NCT2, ISRCTN, model().accept - 0.01)
    reasons, groups = decide(REGISTRATIONS, [enough, little])
    assert reasons == {enough: None, little: "too_little_evidence"}
    assert groups == [[DRKS, NCT1]]


def test_an_id_comes_before_any_likeness() -> None:
    by_id, alike = link(NCT2, DRKS, "utn"), likeness(NCT1, DRKS, 0.9999)
    reasons, groups = decide(REGISTRATIONS, [alike, by_id])
    assert reasons == {by_id: None, alike: "same_register"}
    assert groups == [[DRKS, NCT2]]


def test_likeness_never_joins_two_of_one_register_be_their_titles_the_same() -> None:
    registrations = REGISTRATIONS | {
        NCT2: REGISTRATIONS[NCT1],
        DRKS: Registration("drks", ()),
        ISRCTN: Registration("isrctn", ()),
    }
    links = [likeness(NCT1, DRKS, 0.999), likeness(DRKS, ISRCTN, 0.99), likeness(NCT2, ISRCTN, 0.98)]
    reasons, groups = decide(registrations, links)
    assert [reasons[each] for each in links] == [None, None, "same_register"]
    assert groups == [[DRKS, ISRCTN, NCT1]]


def test_of_two_nearly_as_like_none_is_taken_unless_one_is_spoken_for() -> None:
    one, other = likeness(NCT1, DRKS, 0.995), likeness(NCT2, DRKS, 0.99)
    registrations = REGISTRATIONS | {DRKS: Registration("drks", ())}
    reasons, groups = decide(registrations, [one, other])
    assert set(reasons.values()) == {"ambiguous_match"}
    assert groups == []
    taken = link("DRKS99000002", NCT2, "mutual_id")
    reasons, groups = decide(registrations | {"DRKS99000002": Registration("drks", ())}, [one, other, taken])
    assert (reasons[one], reasons[other]) == (None, "ambiguous_match")
    assert [DRKS, NCT1] in groups


def test_a_person_is_believed_before_all_guards() -> None:
    said = Link(NCT1, NCT3, "override")
    assert decide(REGISTRATIONS, [said]) == ({said: None}, [[NCT1, NCT3]])
    strong = link(NCT1, DRKS, "mutual_id")
    assert decide(REGISTRATIONS, [strong], [(DRKS, NCT1)]) == ({strong: "override"}, [])


_KEYS = sorted(REGISTRATIONS)
_PAIRS = st.tuples(st.sampled_from(_KEYS), st.sampled_from(_KEYS)).filter(lambda pair: pair[0] < pair[1])
_LINKS = st.one_of(
    st.builds(
        lambda pair, method, many: link(*pair, method, many),
        _PAIRS, st.sampled_from(["mutual_id", "bridge", "secondary_id", "utn", "alias"]), st.booleans(),
    ),
    st.builds(lambda pair, probability: likeness(*pair, probability), _PAIRS, st.sampled_from([0.5, 0.9, 0.95, 0.999])),
)  # fmt: skip


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(_LINKS, max_size=12, unique_by=lambda one: one[:3]), st.lists(_PAIRS, max_size=2), st.randoms())
def test_no_order_of_links_changes_anything_and_no_forbidden_pair_comes_together(
    links: list[Link], forbidden: list[tuple[str, str]], rng: random.Random
) -> None:
    reasons, groups = decide(REGISTRATIONS, links, forbidden)
    shuffled = links.copy()
    rng.shuffle(shuffled)
    assert decide(REGISTRATIONS, shuffled, forbidden[::-1]) == (reasons, groups)
    assert not any(set(pair) <= set(group) for pair in forbidden for group in groups)
    assert set(reasons) == set(links)
    of = {key: tuple(group) for group in groups for key in group}
    assert all(of[one.a] == of[one.b] for one, reason in reasons.items() if reason is None)
