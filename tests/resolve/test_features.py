"""What two registrations have in common, level by level."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.resolve.features import LEVELS, MISSING, Profile, Rarity, compare, prepare
from trialpanorama.resolve.model import model

COMMON = {"of": 900, "in": 900, "a": 900, "study": 700, "trial": 600, "with": 700, "patients": 500, "for": 500}
RARITY = Rarity(1_000, COMMON)
TITLE = "A randomised study of zarvolimab in adults with moderate glowing fever in Fictionland"
CRITERIA = """Adults of 18 to 65 years with glowing fever since two weeks at least. Glow of grade three or more on the
Fairport scale. Able to come to six visits. Not pregnant. No humming knee within one year before the first dose. No
earlier treatment with an antibody. Not allergic to moss."""
SECONDARY = (
    "Nights without glow; Height climbed, in metres; Bowls of soup eaten at week 12; Glow of grade three or more"
)
PROFILE = Profile(
    "NCT99000001", "clinicaltrials_gov", (TITLE,), ("GLOWSTOP",), ("ZAR-301",),
    ("Fictional University of Fairport",), (),
    ("Glowing fever",), ("Zarvolimab",), ("Days with glow at week 12",), (124,),
    ("France", "Spain"), ("PHASE3",), "2090-03-09", "2091-02-09",
    "INTERVENTIONAL", "ALL", ("RANDOMIZED", "DOUBLE", "TREATMENT", "PARALLEL"), (18.0, 65.0), CRITERIA,
    SECONDARY,
)  # fmt: skip


def levels(one: Profile, other: Profile) -> dict[str, str]:
    return compare(prepare(one, RARITY), prepare(other, RARITY), RARITY).levels


def level(field: str, **changes: object) -> str:
    return levels(PROFILE, PROFILE._replace(**changes))[field]


def test_a_registration_is_like_itself_in_every_field() -> None:
    found = levels(PROFILE, PROFILE)
    assert set(found) == set(LEVELS)
    others = {name: said for name, said in found.items() if said != LEVELS[name][0]}
    assert others == {"second_title": MISSING, "title_numbers": "none", "title_marks": "none"}


def test_what_is_not_said_is_missing_and_weighs_nothing() -> None:
    nothing = Profile("DRKS99000001", "drks")
    found = levels(PROFILE, nothing)
    assert set(found.values()) == {MISSING}
    assert model().probability(compare(prepare(PROFILE, RARITY), prepare(nothing, RARITY), RARITY)) < 0.01


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (TITLE.upper() + ".", "same"),
        (TITLE.replace("randomised", "randomized"), "same"),
        (TITLE + " (II)", "near"),
        (TITLE.replace("zarvolimab", "zarvlimab"), "same"),
        (TITLE.replace("moderate ", ""), "near"),
        (TITLE.replace("zarvolimab", "quenolast"), "high"),
        ("Humming knees of elderly climbers", "none"),
    ],
)
def test_titles_are_compared_by_their_telling_words(title: str, expected: str) -> None:
    assert level("title", titles=(title,)) == expected


def test_any_of_the_titles_may_be_the_one_that_is_alike() -> None:
    assert level("title", titles=("Zarvolimab bei Glimmfieber", TITLE)) == "same"


@pytest.mark.parametrize(
    ("field", "title", "expected"),
    [
        ("title_words", TITLE.replace("zarvolimab", "quenolast"), "both_sides"),
        ("title_words", TITLE + " and Nowhereland", "one_side"),
        ("title_numbers", TITLE + " 2", "one_side"),
        ("title_contrast", TITLE.replace("adults", "children"), "contrast"),
        ("title_contrast", TITLE.replace("moderate", "mild"), "contrast"),
        ("title_contrast", TITLE.replace("adults", "volunteers"), "none"),
        ("title_marks", "Extension: " + TITLE, "differ"),
    ],
)
def test_what_sets_titles_apart(field: str, title: str, expected: str) -> None:
    assert level(field, titles=(title,)) == expected


def test_two_drugs_in_two_templated_titles_are_two_subjects() -> None:
    other = {"titles": (TITLE.replace("zarvolimab", "quenolast"),), "interventions": ("Quenolast 5 mg",)}
    assert level("title_subject", **other) == "differs"
    assert level("title_subject", titles=other["titles"]) == "none"


@pytest.mark.parametrize(
    ("field", "change", "expected"),
    [
        ("acronym", {"acronyms": ("Glow-Stop",)}, "same"),
        ("acronym", {"acronyms": (), "titles": ("Glowing fever (GLOWSTOP)",)}, "same"),
        ("acronym", {"acronyms": ("HUMMER",)}, "differs"),
        ("code", {"codes": ("zar301", "X-9")}, "same"),
        ("code", {"codes": ("ZAR-302",)}, "sibling"),
        ("code", {"codes": ("HUM-77",)}, "differs"),
        ("sponsor", {"sponsors": ("University of Fairport, Fictional",)}, "same"),
        ("sponsor", {"sponsors": ("FUF",)}, "similar"),
        ("sponsor", {"sponsors": ("Humming Knee Society",), "collaborators": PROFILE.sponsors}, "collaborator"),
        ("sponsor", {"sponsors": ("Humming Knee Society",)}, "differs"),
        ("sponsor", {"sponsors": ("Prof. Oswin Pebble",)}, MISSING),
        ("sponsor", {"sponsors": ("Imogen Mosswood",)}, MISSING),
        ("sponsor", {"sponsors": ("Regional Hospital of Fairport",)}, "related"),
        ("sponsor", {"sponsors": ("Regional Hospital of Redcliff",)}, "differs"),
        ("interventions", {"interventions": ("zarvolimab 10 mg", "Placebo")}, "same"),
        ("interventions", {"interventions": ("Quenolast",)}, "differ"),
        ("interventions", {"interventions": ("Placebo",)}, MISSING),
        ("size", {"sizes": (130, 124)}, "same"),
        ("size", {"sizes": (130,)}, "near"),
        ("size", {"sizes": (240,)}, "double"),
        ("size", {"sizes": (500,)}, "differs"),
        ("size", {"sizes": (700,)}, "far"),
        ("start", {"start": "2090-03"}, "month"),
        ("start", {"start": "2090"}, "year"),
        ("start", {"start": "2090-03-20"}, "month"),
        ("start", {"start": "2090-05-20"}, "quarter"),
        ("start", {"start": "2093"}, "differs"),
        ("start", {"start": "2099-03-09"}, "far"),
        ("start", {"start": "2090-02-31"}, MISSING),
        ("countries", {"countries": ("France", "Italy")}, "some"),
        ("countries", {"countries": ("Italy",)}, "differ"),
        ("criteria", {"criteria": f"Inclusion criteria: {CRITERIA} Of sound mind."}, "same"),
        ("criteria", {"criteria": CRITERIA[:140] + " and whoever else the doctor thinks fit for it this year"}, "much"),
        ("criteria", {"criteria": "Children who climb at night, love soup and have had no hiccups since their birth"},
         "little"),
        ("criteria", {"criteria": "Adults with fever"}, MISSING),
        ("secondary", {"secondary": SECONDARY + "; Any hiccup"}, "same"),
        ("secondary", {"secondary": "Days in bed; Number of spoons lost by week 12; Worst grade of hiccups"}, "little"),
        ("secondary", {"secondary": "Hiccups"}, MISSING),
        ("phase", {"phases": ("PHASE2", "PHASE3")}, "overlap"),
        ("ages", {"ages": (18.0, 70.0)}, "some"),
        ("ages", {"ages": (18.0, None)}, "same"),
        ("design", {"design": ("RANDOMIZED", None, None, None)}, "same"),
    ],
)  # fmt: skip
def test_fields_are_told_in_levels(field: str, change: dict[str, object], expected: str) -> None:
    assert level(field, **change) == expected


def test_names_after_one_template_are_two_sponsors_and_a_slip_makes_none() -> None:
    southbury = PROFILE._replace(sponsors=("Southbury Medical Center",))
    assert levels(southbury, PROFILE._replace(sponsors=("Westholm Medical Center",)))["sponsor"] == "differs"
    assert levels(southbury, PROFILE._replace(sponsors=("outhbury Medical Center",)))["sponsor"] == "same"


_WORDS = st.lists(st.sampled_from([*TITLE.split(), "quenolast", "fever,", "II", "2", "part"]), max_size=12).map(
    " ".join
)
_PROFILES = st.builds(
    Profile,
    key=st.just("x"), register=st.just("drks"), titles=st.lists(_WORDS, max_size=3).map(tuple),
    sponsors=st.lists(_WORDS, max_size=2).map(tuple), interventions=st.lists(_WORDS, max_size=2).map(tuple),
    sizes=st.lists(st.integers(1, 500), max_size=2).map(tuple),
    start=st.sampled_from([None, "2090", "2090-02", "2090-02-30", "2090-03-01"]),
)  # fmt: skip


@settings(max_examples=150, derandomize=True, deadline=None)
@given(_PROFILES, _PROFILES)
def test_the_order_of_the_two_changes_nothing(one: Profile, other: Profile) -> None:
    assert levels(one, other) == levels(other, one)


def test_every_level_has_a_weight_and_weights_never_rise_towards_the_unlike() -> None:
    weights = model().weights
    assert {field: tuple(of) for field, of in weights.items()} == LEVELS
    for of in weights.values():
        values = list(of.values())
        assert values == sorted(values, reverse=True)
        assert max(map(abs, values)) < 8


def test_rare_words_tell_more_than_common_ones() -> None:
    assert RARITY("zarvolimab") > RARITY("patients") > RARITY("of") > 0


def test_a_common_size_or_day_is_worth_less_than_a_rare_one() -> None:
    round_ones = PROFILE._replace(sizes=(120,), start="2090-03-01")
    found = levels(round_ones, round_ones)
    assert (found["size"], found["start"]) == ("round", "same")
    assert model().weight("size", "same") > model().weight("size", "round")
    assert model().weight("start", "day") >= model().weight("start", "same")


@pytest.mark.parametrize(
    "said",
    ["COVID-19", "2019-nCoV", "SARS-CoV-2 ", "novel coronavirus pneumonia", "coronavirus disease 2019", "Covid"],
)
def test_covid_19_has_one_name(said: str) -> None:
    one, other = (
        f"Zarvolimab for {name} in Fictionland, part {part}" for name, part in (("COVID-19", "II"), (said, 2))
    )
    found = levels(PROFILE._replace(titles=(one,)), PROFILE._replace(titles=(other,)))
    assert (found["title"], found["title_words"], found["title_numbers"]) == ("same", "none", "same")


def test_words_of_design_do_not_set_titles_apart() -> None:
    other = (
        "A double-blind multicentre trial to evaluate zarvolimab in adults with moderate glowing fever in Fictionland"
    )
    assert level("title_words", titles=(other,)) == "none"


def test_a_sample_of_criteria_holds_for_texts_of_any_length() -> None:
    words = [f"word{number}" for number in range(900)]
    whole, half = " ".join(words), " ".join(words[:450])
    assert levels(PROFILE._replace(criteria=whole), PROFILE._replace(criteria=half))["criteria"] == "same"
    other = " ".join(f"other{number}" for number in range(900))
    assert levels(PROFILE._replace(criteria=whole), PROFILE._replace(criteria=other))["criteria"] == "little"
