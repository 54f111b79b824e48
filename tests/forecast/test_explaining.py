"""Passages of a description: every word stands in one of them, under its heading."""

from __future__ import annotations

from itertools import pairwise

from trialpanorama.forecast.explaining import passages
from trialpanorama.tasks._trials import Arm, Intervention, Start, describe

START = Start(
    title="Fictumab in Gloaming Fever",
    phases=["PHASE2"],
    conditions=["Gloaming Fever", "Amber Lung"],
    interventions=[Intervention("Fictumab", "DRUG", "One lozenge\nevery night")],
    arms=[Arm("Active", "EXPERIMENTAL", "As above", ["Fictumab"])],
    criteria="Inclusion Criteria:\n- Adults\nSex: any\n"
    + "A sentence that goes on for quite a while about nails. " * 12,
)


def test_each_passage_stands_under_its_heading() -> None:
    text = describe(START) + "\nName of the lead sponsor: Example Pharma"
    found = [(one.place, text[one.start : one.end]) for one in passages(text)]
    assert found[:5] == [
        ("Title", "Fictumab in Gloaming Fever"),
        ("Phase", "phase2"),
        ("Conditions", "Gloaming Fever; Amber Lung"),
        ("Interventions", "- drug: Fictumab. One lozenge"),
        ("Interventions", "every night"),
    ]
    assert ("Arms", "- experimental: Active. As above [Fictumab]") in found
    assert ("Eligibility criteria", "Sex: any") in found, "a line of the criteria is no fact of the design"
    assert found[-1] == ("Name of the lead sponsor", "Example Pharma")


def test_long_lines_are_taken_apart_and_nothing_is_lost() -> None:
    text = describe(START)
    found = list(passages(text))
    long = [one for one in found if text[one.start : one.end].startswith("A sentence")]
    assert len(long) > 3
    assert all(one.end - one.start < 240 for one in long)
    assert "".join(text[one.start : one.end] for one in long).count("nails") == 12
    assert all(one.end <= other.start for one, other in pairwise(found))
