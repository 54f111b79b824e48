"""What titles tell about whether they belong to one study."""

from __future__ import annotations

import pytest

from trialpanorama.resolve.titles import marks, near_identical, tell_apart, words


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Zarvolimab in Glowing Fever", set()),
        ("Open-Label Extension of Zarvolimab in Glowing Fever", {"extension"}),
        ("A Long Term Safety Follow-up Study of Zarvolimab", {"long-term", "follow-up"}),
        ("Zarvolimab: an open label follow-up", {"follow-up"}),
        ("Imaging sub-study of ZAR-1", {"sub-study"}),
        ("Imaging substudy of ZAR-1", {"sub-study"}),
        ("Rollover study, roll-over protocol", {"roll-over"}),
        ("A pilot study of Zarvolimab", {"pilot"}),
        ("Zarvolimab, Part 2", {"part 2"}),
        ("Zarvolimab (Cohort B)", {"cohort b"}),
        ("Zarvolimab, part two", {"part 2"}),
        ("Quality of life substudies of ZAR-1", {"sub-study"}),
        ("Ancillary biomarker study to ZAR-1", {"sub-study"}),
        ("Estudio de extensión de zarvolimab", {"extension"}),
        ("Studio di estensione in aperto", {"extension"}),
        ("Étude de prolongation du zarvolimab", {"extension"}),
        ("Offene Verlängerungsstudie mit Zarvolimab", {"extension"}),
        ("Follow-up of participants of ZAR-1", {"follow-up"}),
        ("Expanded access to zarvolimab", {"expanded access"}),
        ("Compassionate use of zarvolimab", {"expanded access"}),
        ("Post-trial access to zarvolimab", {"expanded access"}),
        ("Zarvolimab for people who completed study ZAR-1", {"continuation"}),
        ("Patients with a long history of follow-up visits, in part", set()),
    ],
)
def test_marks_name_what_sets_a_study_apart(title: str, expected: set[str]) -> None:
    assert marks(title) == expected


def test_words_have_no_case_accents_or_punctuation() -> None:
    assert words("Étude (Phase-II): ZARVOLIMAB!") == ("etude", "phase", "ii", "zarvolimab")


LONG = (
    "A randomised double blind placebo controlled study of zarvolimab in adults with moderate or severe glowing fever "
    "and who failed at least one earlier therapy"
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LONG, LONG.upper() + ".", True),
        (LONG, LONG.replace("randomised", "randomized"), True),
        (LONG, LONG.replace("zarvolimab", "placebo").replace("adults", "children").replace("severe", "mild"), False),
        (LONG + " 1", LONG + " 2", False),
        (LONG + " II", LONG + " III", False),
        (LONG, "Extension: " + LONG, False),
        ("", "", False),
        ("Zarvolimab", LONG, False),
    ],
)
def test_near_identical_allows_few_words_and_no_number_to_differ(one: str, other: str, expected: bool) -> None:
    assert near_identical(one, other) is expected
    assert near_identical(other, one) is expected


def test_an_extension_is_one_whoever_it_says_completed_its_parent() -> None:
    long = "An open-label extension study of the long-term safety of zarvolimab in people who completed study ZAR-1"
    assert marks(long) == {"extension", "long-term"}
    other = ["Long-term extension of a study of zarvolimab", "Zarvolimab in people who completed study ZAR-1"]
    assert not tell_apart([long], other[:1])
    assert not tell_apart([long], other)


def test_studies_are_told_apart_by_a_mark_of_one_of_them_only() -> None:
    assert tell_apart(["Zarvolimab in fever"], ["Extension study of zarvolimab in fever"])
    assert not tell_apart(["Extension of the zarvolimab trial"], ["Zarvolimab extension study"])
    assert tell_apart(["Zarvolimab, part 1"], ["Zarvolimab, part 2"])
    assert not tell_apart([], ["Extension study of zarvolimab"])


def test_one_equal_title_outweighs_a_mark_in_another() -> None:
    assert not tell_apart([LONG, "Zarvolimab pilot study"], [LONG])
