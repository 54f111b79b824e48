"""DRKS: two languages in one file, tokens of its schema, and the real trials and words of the register."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trialpanorama import sources, vocabulary
from trialpanorama.record import Location, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, drks

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "drks"
(FORMAT,) = drks.SOURCE.formats


def read(document: Any) -> list[Record | Reject]:
    """What the reader makes of a document, or of the bytes of a file."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    assert FORMAT.recognise(data[:HEAD_BYTES])
    return list(FORMAT.outcomes(io.BytesIO(data)))


def one(**said: Any) -> Record:
    (outcome,) = read({"drksId": "DRKS99000001", "recruitment": {}} | said)
    assert isinstance(outcome, Record), outcome
    return outcome


def in_two(**texts: tuple[str | None, str | None]) -> list[dict[str, Any]]:
    """Descriptions in German and English."""
    return [
        {"idLocale": {"locale": locale}} | {name: text[place] for name, text in texts.items()}
        for place, locale in enumerate(("de", "en"))
    ]


def test_one_trial_and_a_whole_search_are_read_alike() -> None:
    study = json.loads((FIXTURES / "trial-DRKS99000001.json").read_bytes())
    alone, several = read(study), read([study, study])
    assert [outcome.id for outcome in several if isinstance(outcome, Record)] == ["DRKS99000001"] * 2
    several[0].place = alone[0].place
    assert several[0] == alone[0]


def test_texts_are_english_where_there_are_any() -> None:
    record = one(trialDescriptions=in_two(title=("Deutsch (FICTIONAL)", "English (FICTIONAL)"), summary=("Kurz", None)))
    assert (record.public_title, record.brief_summary, record.language) == ("English (FICTIONAL)", "Kurz", None)
    german = one(trialDescriptions=in_two(title=("Deutsch (FICTIONAL)", "-"), acronym=("ABC", None)))
    assert (german.public_title, german.acronym, german.language) == ("Deutsch (FICTIONAL)", "ABC", "de")


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ({"secondaryIds": {"otherPrimaryRegisterId": " NCT 99000001"}}, ["NCT99000001"]),
        ({"secondaryIds": {"otherPrimaryRegisterId": "-", "eudraCtNumber": ""}}, []),
        ({"secondaryIds": {"otherPrimaryRegisterName": "DRKS", "otherPrimaryRegisterId": "DRKS99000001"}}, []),
        ({"otherSecondaryIds": [{"value": "EudraCT 2090-000001-10"}, {"value": None}]}, ["2090-000001-10"]),
        ({"otherSecondaryIds": [{"value": "FICTIONAL-1234", "description": "Fund"}]}, ["FICTIONAL-1234"]),
        ({"secondaryIds": None, "otherSecondaryIds": None}, []),
    ],
)
def test_ids_are_known_by_their_shape(said: dict[str, Any], ids: list[str]) -> None:
    assert [identifier.id for identifier in one(**said).identifiers[1:]] == ids


def test_a_study_without_a_number_is_refused() -> None:
    (reject,) = read({"drksId": None, "trialDescriptions": []})
    assert isinstance(reject, Reject)
    assert reject.reason == "missing_identifier"


def schema_values(schema: Any, name: str) -> Iterator[str]:
    """Every token that the published schema allows for the fields of this name."""
    if isinstance(schema, dict):
        for key, inside in schema.items():
            if key == name:
                yield from _enumerated(inside)
            yield from schema_values(inside, name)
    elif isinstance(schema, list):
        for inside in schema:
            yield from schema_values(inside, name)


def _enumerated(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("enum", ())
        for inside in schema.get("anyOf", ()):
            yield from _enumerated(inside)


def test_real_schema_has_no_token_that_is_not_known(shared_data: Path) -> None:
    schema = json.loads((shared_data / "registries/drks/DRKS_Schema-2.0.19.json").read_bytes())

    def unknown(name: str, path: str, field: str) -> set[str]:
        tokens = set(schema_values(schema, name))
        assert tokens, name
        parts = path.split(".")

        def record(token: str) -> Record:
            said: Any = token
            for part in reversed(parts):
                said = {part: said}
            return one(**said)

        return {token for token in tokens if not getattr(record(token), field)}

    assert unknown("status", "recruitment.status", "status") == set()
    assert unknown("gender", "recruitment.gender", "sex") == set()
    assert unknown("phase", "studyCharacteristic.phase", "phases") == set()
    assert unknown("allocation", "studyCharacteristic.allocation", "allocation") == set()
    assert unknown("purpose", "studyCharacteristic.purpose", "primary_purpose") == set()
    assert unknown("timing", "studyCharacteristic.timing", "time_perspective") == set()
    assert unknown("duration", "studyCharacteristic.duration", "time_perspective") == set()
    assert unknown("assignment", "studyCharacteristic.assignment", "intervention_model") == {"OTHER"}
    assert unknown("blindingType", "studyCharacteristic.blindingType", "masking_raw") == set()
    assert unknown("type", "studyCharacteristic.type", "study_type") > {"MEDICAL_CENTER", "RESULT"}
    assert not {"INTERVENTIONAL", "NON_INTERVENTIONAL"} & unknown("type", "studyCharacteristic.type", "study_type")


@pytest.mark.parametrize(
    ("blinding", "who", "masking", "roles"),
    [
        ("OPEN", [], "NONE", []),
        ("BLINDED", [], None, []),
        ("BLINDED", ["PATIENT_SUBJECT"], "SINGLE", ["PARTICIPANT"]),
        ("BLINDED", ["ASSESSOR", "DATA_ANALYST"], "DOUBLE", ["OUTCOMES_ASSESSOR"]),
        (
            "BLINDED",
            ["PATIENT_SUBJECT", "INVESTIGATOR_THERAPIST", "ASSESSOR"],
            "TRIPLE",
            ["PARTICIPANT", "CARE_PROVIDER", "OUTCOMES_ASSESSOR"],
        ),
        (
            "BLINDED",
            ["PATIENT_SUBJECT", "INVESTIGATOR_THERAPIST", "CAREGIVER", "ASSESSOR", "DATA_ANALYST"],
            "QUADRUPLE",
            ["PARTICIPANT", "CARE_PROVIDER", "OUTCOMES_ASSESSOR"],
        ),
        (None, [], None, []),
    ],
)
def test_the_level_of_masking_counts_who_is_blinded(
    blinding: str | None, who: list[str], masking: str | None, roles: list[str]
) -> None:
    blinded = [{"idBlindingWho": {"blindingWho": token}} for token in who]
    record = one(studyCharacteristic={"blindingType": blinding, "blindingWhoList": blinded})
    assert (record.masking, record.masked_roles) == (masking, roles)
    assert record.is_masked is {"OPEN": False, "BLINDED": True}.get(str(blinding))


@pytest.mark.parametrize("amount", ["amount", "value"])
def test_ages_have_a_unit_or_none_at_all(amount: str) -> None:
    record = one(
        recruitment={"minimumAge": {amount: 6, "unit": "WEEKS"}, "maximumAge": {amount: None, "unit": "NO_MAX_AGE"}}
    )
    assert record.minimum_age_raw == "6 WEEKS"
    assert record.minimum_age_years == pytest.approx(42 / 365.25)
    assert (record.maximum_age_raw, record.maximum_age_years) == ("NO_MAX_AGE", None)
    unborn = one(recruitment={"minimumAge": {amount: 30, "unit": "WEEK_OF_PREGNANCY"}})
    assert (unborn.minimum_age_raw, unborn.minimum_age_years) == ("30 WEEK_OF_PREGNANCY", None)


def test_what_has_happened_wins_over_what_was_planned() -> None:
    dates = {"actualStartDate": None, "scheduledStartDate": "2024-04-01", "actualCompletionDate": "2025-01-01"}
    record = one(recruitment=dates | {"scheduledCompletionDate": "2026-01-01"})
    assert record.start_date == PartialDate(date="2024-04-01", type="ESTIMATED")
    assert record.completion_date == PartialDate(date="2025-01-01", type="ACTUAL")


def test_a_site_is_placed_only_where_there_is_one_country() -> None:
    sites = [{"name": "Fictional Clinic", "city": "Ulm", "type": "OTHER"}]
    codes = [{"idCountry": {"code": "DE"}}, {"idCountry": {"code": "AT"}}]
    alone = one(recruitment={"institutes": sites, "countries": codes[:1]})
    assert alone.locations == [Location(facility="Fictional Clinic", city="Ulm", country="Germany")]
    assert one(recruitment={"institutes": sites, "countries": codes}).locations[0].country is None


def test_values_of_another_shape_are_read_as_missing() -> None:
    study = json.loads((FIXTURES / "trial-DRKS99000001.json").read_bytes())
    for name in study:
        if name != "drksId":
            odd: Any
            for odd in (None, [], {}, "text", 7, True, [[1]], [None], {"x": {"y": []}}):
                (outcome,) = read(
                    study | {name: odd, "recruitment": study["recruitment"] if name != "recruitment" else odd}
                )
                assert isinstance(outcome, Record)


def test_personal_details_stand_in_contacts_only() -> None:
    (record,) = read((FIXTURES / "trial-DRKS99000001.json").read_bytes())
    assert isinstance(record, Record)
    assert {contact.email for contact in record.contacts} >= {
        "five@example.org",
        "six@example.org",
        "ethik@example.org",
    }
    record.contacts = []
    assert "@example.org" not in repr(record)
    assert "+49" not in repr(record)


def test_real_trials_are_read(shared_data: Path) -> None:
    found = {}
    for path in sorted((shared_data / "registries/drks").glob("DRKS_trial-*.json")):
        (record,) = read(path.read_bytes())
        assert isinstance(record, Record)
        assert record.id in path.name
        found[record.id] = record
        assert record.notes == []
        assert record.public_title
        assert record.language is None
        assert record.primary_purpose
        assert record.sex
        assert record.outcomes
        assert record.conditions
        assert record.locations
        assert record.number_of_arms == len(record.arms)
    assert len(found) == 2
    observed, randomised = found["DRKS00038775"], found["DRKS00099999"]
    assert (observed.study_type, observed.status, observed.time_perspective) == (
        "OBSERVATIONAL",
        "RECRUITING",
        "RETROSPECTIVE",
    )
    assert (randomised.masking, randomised.phases, randomised.allocation) == ("TRIPLE", ["PHASE3"], "RANDOMIZED")
    assert [condition.code for condition in randomised.conditions] == ["M80.0", "M81.0"]
    assert {i.register for i in randomised.identifiers} == {"drks", "clinicaltrials_gov", "euctr", "utn", None}


def test_real_schema_and_table_are_no_export_of_the_register(shared_data: Path) -> None:
    folder = shared_data / "registries/drks"
    assert sources.recognise((folder / "DRKS_Schema-2.0.19.json").read_bytes()[:HEAD_BYTES]) is None
    with gzip.open(folder / "drks_table.csv.gz") as file:
        assert sources.recognise(file.read(HEAD_BYTES)) is None


def test_real_words_of_the_register_are_known(shared_data: Path) -> None:
    with gzip.open(shared_data / "registries/drks/drks_table.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18_573
    statuses = {row["status"] for row in rows} - {""}
    assert len(statuses) == 8
    assert {status: vocabulary.status(status, "drks") for status in statuses} == {
        "PENDING": "NOT_YET_RECRUITING",
        "RECRUITING": "RECRUITING",
        "INVITE_ONLY": "ENROLLING_BY_INVITATION",
        "SUSPENDED": "SUSPENDED",
        "COMPLETE_FOLLOW_UP_CONTINUING": "ACTIVE_NOT_RECRUITING",
        "COMPLETE_FOLLOW_UP_COMPLETE": "COMPLETED",
        "DISCONTINIUED": "TERMINATED",
        "WITHDRAWN": "WITHDRAWN",
    }
    phases = {row["phase"] for row in rows} - {""}
    assert {phase for phase in phases if not vocabulary.phases(phase)} == set()
    sponsors = {row["primary_sponsor"] for row in rows} - {""}
    assert {vocabulary.sponsor_class(word) for word in sponsors} == {"INDUSTRY", "OTHER"}
    dates = {row[name] for row in rows for name in ("registration_date", "start_date", "completion_date")}
    assert {date for date in dates if not vocabulary.parse_date(date)} == {"", "1018-06-26"}
    folded = sum(vocabulary.status(row["status"], "drks") is not None for row in rows)
    assert folded / len(rows) > 0.998  # 26 rows have none


def test_an_orphanet_number_in_a_free_text_is_its_code() -> None:
    def conditions(comment: str) -> list[tuple[str, str | None, str | None]]:
        said = [{"catalog": "FREETEXT", "studiedHealthConditionDescriptions": in_two(comment=(None, comment))}]
        return [(c.name, c.code, c.vocabulary) for c in one(studiedHealthConditions=said).conditions]

    named = "ORPHA:990001 Fictional bone loss"
    assert conditions(named) == [(named, "ORPHA:990001", "Orphanet")]
    assert conditions("ORPHAN lung disease") == [("ORPHAN lung disease", None, None)]


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("Intervention arm: Fictium 5 mg daily", "Fictium 5 mg daily"),
        ("Control group (n = 20): Placebo", "Placebo"),
        ("Fictium: 5 mg", "Fictium: 5 mg"),
        ("Control group:", "Control group:"),
    ],
)
def test_an_intervention_is_named_without_the_label_of_its_arm(comment: str, name: str) -> None:
    groups = [{"idArm": {"arm": 1, "locale": "en"}, "comment": comment}]
    record = one(studyCharacteristic={"type": "INTERVENTIONAL"}, observationalGroups=groups)
    assert [i.name for i in record.interventions] == record.arms[0].intervention_names == [name]
    assert record.arms[0].description == comment
