"""What a forecast may look at: only what was known at the start."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.forecast.made import XML
from trialpanorama.designs import read_draft
from trialpanorama.errors import UserError
from trialpanorama.forecast.reading import LEAST_TOLD, fields_told, restricted, start_of
from trialpanorama.record import Record, Sponsor
from trialpanorama.tasks._trials import Intervention, Start

READ = {
    "public_title", "scientific_title", "acronym", "id", "identifiers", "kind", "study_type", "phases", "allocation",
    "intervention_model", "observational_model", "time_perspective", "masking", "is_masked", "masked_roles",
    "primary_purpose", "number_of_arms", "minimum_age_years", "maximum_age_years", "sex", "healthy_volunteers",
    "eligibility_criteria", "inclusion_criteria", "exclusion_criteria", "sponsors", "has_dmc", "conditions",
    "interventions", "arms",
}  # fmt: skip
"""Fields of a Record that a forecast reads (ids and acronym to take them out of texts); every other one is withheld."""


@pytest.fixture(scope="module")
def record() -> Record:
    return read_draft(XML.read_bytes(), XML.name)


@pytest.mark.parametrize("field", sorted(set(Record.__struct_fields__) - READ))
def test_a_field_that_is_not_allowed_changes_nothing(record: Record, field: str) -> None:
    before = getattr(record, field)
    others: list[Any] = [None, [], "Terminated for futility", 4_000, True, False]
    start = start_of(record)
    for other in others:
        if other != before:
            assert start_of(msgspec.structs.replace(record, **{field: other})) == start


def test_the_allowed_fields_are_read(record: Record) -> None:
    start = start_of(record)
    assert start.title == "Fictamab Versus Placebo in Imaginary Fever"
    assert start.phases == ["PHASE2", "PHASE3"]
    assert (start.lead_sponsor, start.lead_sponsor_class) == ("Example Pharma GmbH", "INDUSTRY")
    assert [one.name for one in start.interventions] == ["Fictamab", "Placebo", "Diary: paper"]
    assert [arm.interventions for arm in start.arms] == [["Fictamab", "Diary: paper"], ["Placebo", "Diary: paper"]]
    assert (start.criteria or "").startswith("Inclusion Criteria")
    assert start.minimum_age_years == 18
    assert start.has_dmc is True


def test_ids_the_acronym_and_what_tells_the_end_are_masked(record: Record) -> None:
    said = "FIFE: NCT99000101 of 2090-000101-42 (terminated)"
    start = start_of(msgspec.structs.replace(record, public_title=said, scientific_title=None))
    assert start.title == "[acronym]: [id] of [id]"


def test_a_mask_is_told_without_its_level(record: Record) -> None:
    for is_masked, told in ((True, "MASKED"), (False, "NONE"), (None, None)):
        assert start_of(msgspec.structs.replace(record, masking=None, is_masked=is_masked)).masking == told


def test_the_lead_sponsor_is_read_alone() -> None:
    others = [Sponsor(name="Fund", role="FUNDER"), Sponsor(name="Lead", role="LEAD", sponsor_class="OTHER")]
    start = start_of(Record(id="DRAFT", public_title="A fictional trial", sponsors=others))
    assert (start.lead_sponsor, start.lead_sponsor_class) == ("Lead", "OTHER")


def test_nothing_to_go_by_is_said(record: Record) -> None:
    with pytest.raises(UserError, match="nothing to go by"):
        start_of(Record(id="NCT99000001", study_type="INTERVENTIONAL"))
    with pytest.raises(UserError, match="is a publication"):
        start_of(Record(id="1", kind="PUBLICATION", scientific_title="A paper"))


def test_only_fields_that_enough_trials_tell_are_read() -> None:
    rich = Start(title="Title", conditions=["Fever"], interventions=[Intervention("Fictumab", "DRUG", "daily")])
    poor = Start(title="", conditions=["Fever"], interventions=[Intervention("Fictumab")])
    few = [rich] * 4 + [poor] * 96
    assert LEAST_TOLD > 4 / 100
    told = fields_told(few)
    assert told == {"conditions", "interventions"}
    assert restricted(rich, told) == poor
    assert restricted(rich, fields_told([rich] * 5 + [poor] * 95)) == rich
