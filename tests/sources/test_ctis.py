"""CTIS: both schemas of a trial, search hits, and what is known of its codes; on fictional trials and real ones."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay import Asked, Replay, Reply, Service, fetch_from
from tests.replay import ctis as replay_ctis

from trialpanorama.errors import FetchFailed, UserError
from trialpanorama.fetching import FetchLog, Wanted
from trialpanorama.record import Note, Record, Reject
from trialpanorama.sources import HEAD_BYTES, ctis

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "ctis"
FORMATS = {format.name: format for format in ctis.SOURCE.formats}


def recognised(head: bytes) -> list[str]:
    return [name for name, format in FORMATS.items() if format.recognise(head[:HEAD_BYTES])]


def read(data: bytes) -> list[Record | Reject]:
    """What the format that recognises these bytes makes of them."""
    (format,) = recognised(data)
    return list(FORMATS[format].outcomes(io.BytesIO(data)))


def one(entry: dict[str, Any]) -> Record:
    (outcome,) = read(json.dumps(entry).encode())
    assert isinstance(outcome, Record), outcome
    return outcome


def trial(information: dict[str, Any] | None = None, part: dict[str, Any] | None = None, **top: Any) -> Record:
    """A trial in the present schema."""
    details = {"clinicalTrialIdentifiers": {"fullTitle": "FICTIONAL"}, "trialInformation": information or {}}
    states = top.pop("states", [])
    application = {"authorizedPartI": {"trialDetails": details, **(part or {})}, "authorizedPartsII": states}
    return one({"ctNumber": "2090-500001-10-00", "authorizedApplication": application, **top})


def hit(**fields: Any) -> Record:
    entry = {"ctNumber": "2090-500001-10-00", "ctTitle": "FICTIONAL", **fields}
    (outcome,) = read(json.dumps({"pagination": {"totalRecords": 1}, "data": [entry]}).encode())
    assert isinstance(outcome, Record), outcome
    return outcome


def notes(record: Record, field: str) -> list[Note]:
    return [note for note in record.notes if note.field == field]


@pytest.mark.parametrize(
    ("code", "word", "status"),
    [
        (1, "Under evaluation", "NOT_YET_RECRUITING"),
        (2, "Authorised, recruitment pending", "NOT_YET_RECRUITING"),
        (3, "Authorised, recruiting", "RECRUITING"),
        (4, "Ongoing, recruiting", "RECRUITING"),
        (5, "Ongoing, recruitment ended", "ACTIVE_NOT_RECRUITING"),
        (6, "Temporarily halted", "SUSPENDED"),
        (7, "Suspended", "SUSPENDED"),
        (8, "Ended", "COMPLETED"),
        (9, "Expired", "WITHDRAWN"),
        (10, "Revoked", "TERMINATED"),
        (11, "Not authorised", "WITHDRAWN"),
        (12, "Cancelled", "WITHDRAWN"),
    ],
)
def test_every_status_code_as_number_and_as_word(code: int, word: str, status: str) -> None:
    for record in (trial(ctPublicStatusCode=code), trial(ctStatus=word), hit(ctStatus=code)):
        assert (record.status, record.status_raw) == (status, word)


def test_a_status_that_is_not_known_is_noted() -> None:
    record = trial(ctStatus=77)
    assert (record.status, record.status_raw, len(notes(record, "status"))) == (None, "77", 1)


@pytest.mark.parametrize(
    ("code", "phases"),
    [("1", ["PHASE1"]), ("4", ["PHASE2"]), ("8", ["PHASE1", "PHASE2"]), ("10", ["PHASE2", "PHASE3"]), ("99", [])],
)
def test_phases_are_told_by_their_code(code: str, phases: list[str]) -> None:
    assert trial({"trialCategory": {"trialPhase": code}}).phases == phases


def test_an_early_end_stops_a_trial_only_if_it_ended_so_in_every_member_state() -> None:
    states = [{"mscInfo": {"mscName": name}} for name in ("Spain", "Italy")]

    def ended(*names: str) -> Record:
        stop = [{"notificationType": "EARLY_TERMINATION", "date": "2092-05-05"}]
        events = [{"mscName": name, "events": stop} for name in names]
        return trial(ctPublicStatusCode=8, states=states, events={"trialEvents": events})

    assert ended("Spain").status == "COMPLETED"
    both = ended("Spain", "Italy")
    assert both.status == "TERMINATED"
    assert both.completion_date is not None
    assert (both.completion_date.date, both.completion_date.type) == ("2092-05-05", "ACTUAL")


@pytest.mark.parametrize(
    ("ended_in", "elsewhere", "completion"),
    [
        (["Spain", "Italy"], [], ("2092-05-02", "ACTUAL")),
        (["Italy"], [], ("2095-01-01", "ESTIMATED")),
        (["Spain", "Italy"], [{"name": "Japan"}], ("2095-01-01", "ESTIMATED")),
    ],
    ids=["in every state", "in one state", "runs elsewhere"],
)
def test_a_trial_has_ended_when_it_has_in_every_member_state_and_runs_nowhere_else(
    ended_in: list[str], elsewhere: list[dict[str, str]], completion: tuple[str, str]
) -> None:
    ends = [
        {"mscName": name, "events": [{"notificationType": "END_OF_TRIAL", "date": f"2092-05-0{number}"}]}
        for number, name in enumerate(ended_in, 1)
    ]
    found = trial(
        {"trialDuration": {"estimatedEndDate": "2095-01-01"}},
        {"rowCountriesInfo": elsewhere},
        states=[{"mscInfo": {"mscName": name}} for name in ("Spain", "Italy")],
        events={"trialEvents": ends},
    ).completion_date
    assert found is not None
    assert (found.date, found.type) == completion


@pytest.mark.parametrize(("is_commercial", "kind"), [(True, "INDUSTRY"), ("false", "OTHER")])
def test_a_sponsor_may_only_be_said_to_be_commercial_or_not(is_commercial: bool | str, kind: str) -> None:
    sponsors = [{"isCommercial": is_commercial, "organisation": {"name": "Xyzzy"}}]
    assert [one.sponsor_class for one in trial(part={"sponsors": sponsors}).sponsors] == [kind]


def test_lists_of_one_are_the_values_in_them() -> None:
    def in_lists(value: Any) -> Any:
        if isinstance(value, dict):
            parts = {key: in_lists(part) for key, part in value.items()}
            return {key: part if isinstance(part, list) else [part] for key, part in parts.items()}
        return [in_lists(part) for part in value] if isinstance(value, list) else value

    for file in ("retrieve.json", "old_schema.ndjson"):
        given, _ = json.JSONDecoder().raw_decode((FIXTURES / file).read_text(encoding="utf-8"))
        plain, listed = (one(entry) for entry in (given, in_lists(given)))
        listed.place = plain.place
        assert listed == plain


def test_the_start_is_the_first_of_any_member_state_and_else_the_planned_one() -> None:
    planned = {"trialDuration": {"estimatedRecruitmentStartDate": "2090-01-01"}}
    events = [
        {"mscName": name, "events": [{"notificationType": "START_OF_TRIAL", "date": day}]}
        for name, day in (("Spain", "2091-05-01"), ("Italy", "2091-04-01"))
    ]
    begun = trial(planned, events={"trialEvents": events}).start_date
    assert begun is not None
    assert (begun.date, begun.type) == ("2091-04-01", "ACTUAL")
    expected = trial(planned).start_date
    assert expected is not None
    assert (expected.date, expected.type) == ("2090-01-01", "ESTIMATED")


def test_dates_of_the_search_are_day_first() -> None:
    record = hit(startDateEU="03/04/2091", lastUpdated="05/06/2092", decisionDate="IT: 02/03/2091, ES: 01/12/2090")
    assert record.start_date is not None
    assert record.start_date.date == "2091-04-03"
    assert record.last_updated_date is not None
    assert record.last_updated_date.date == "2092-06-05"
    assert record.registration_date is not None
    assert record.registration_date.date == "2090-12-01"


def test_the_number_of_the_submission_stays_and_the_eudract_number_is_a_second_id() -> None:
    record = one(
        {
            "ctNumber": "2090-500001-10-02",
            "authorizedApplication": {"authorizedPartI": {}, "eudraCt": {"eudraCtCode": "2090-000009-10"}},
        }
    )
    assert [(id.id, id.register, id.role) for id in record.identifiers] == [
        ("2090-500001-10-02", "ctis", "primary"),
        ("2090-000009-10", "euctr", "secondary"),
    ]


def test_the_size_is_that_of_the_member_states_and_the_rest_of_the_world() -> None:
    states = [{"recruitmentSubjectCount": 7}, {"recruitmentSubjectCount": 4}]
    assert trial(part={"rowSubjectCount": 19}, states=states, totalNumberEnrolled="11").enrollment_target == 30
    assert trial(totalNumberEnrolled="11").enrollment_target == 11
    record = hit(totalNumberEnrolled="11")
    assert record.enrollment_target == 11
    assert [note.note for note in notes(record, "enrollment_target")] == ["only the participants in the EEA"]


@pytest.mark.parametrize(
    ("codes", "finer", "limits"),
    [
        (["2"], [], (0, 17)),
        (["2"], ["4", "5"], (2, 17)),
        (["3", "4"], [], (18, None)),
        (["2", "3"], ["5"], (12, 64)),
        ([], [], (None, None)),
    ],
)
def test_ages_are_bands(codes: list[str], finer: list[str], limits: tuple[float | None, float | None]) -> None:
    record = trial(
        {
            "populationOfTrialSubjects": {
                "ageRanges": [{"ageRangeCategoryCode": code} for code in codes],
                "ageRangeSecondaryIds": [{"ageRangeCategoryCode": "2", "ctAgeRangeCode": code} for code in finer],
            }
        }
    )
    assert (record.minimum_age_years, record.maximum_age_years) == limits


@pytest.mark.parametrize(
    ("female", "male", "sex"),
    [(True, True, "ALL"), (True, False, "FEMALE"), (False, True, "MALE"), (False, False, None), (None, None, None)],
)
def test_sexes_are_two_answers(female: bool | None, male: bool | None, sex: str | None) -> None:
    record = trial({"populationOfTrialSubjects": {"isFemaleSubjects": female, "isMaleSubjects": male}})
    assert record.sex == sex


def test_roles_of_products_become_arms_only_where_no_arms_are_named() -> None:
    products = [
        {"productRoleName": role, "products": [{"productName": name}]}
        for role, name in (("Test", "Veridone"), ("Comparator", "Oldone"), ("Placebo", "Nildone"))
    ]
    record = trial(part={"productRoleGroupInfos": products})
    assert [(arm.label, arm.type, arm.intervention_names) for arm in record.arms] == [
        ("Test", "EXPERIMENTAL", ["Veridone"]),
        ("Comparator", "ACTIVE_COMPARATOR", ["Oldone"]),
        ("Placebo", "PLACEBO_COMPARATOR", ["Nildone"]),
    ]
    assert len(notes(record, "arms")) == 1


def test_products_without_groups_have_their_role_as_a_code() -> None:
    record = trial(part={"products": [{"mpRoleInTrial": "3", "productName": "Nildone"}]})
    assert [(one.name, one.type, one.arm_labels) for one in record.interventions] == [("Nildone", "DRUG", ["Placebo"])]


def test_design_is_told_from_the_title_only_with_a_note() -> None:
    record = one(
        {
            "ctNumber": "2090-500001-10-00",
            "authorizedApplication": {},
            "title": "FICTIONAL randomised double-blind parallel study",
        }
    )
    assert (record.allocation, record.masking, record.intervention_model) == ("RANDOMIZED", "DOUBLE", "PARALLEL")
    assert {note.field for note in record.notes} == {"allocation", "masking", "intervention_model"}


def test_persons_and_their_addresses_stand_in_contacts_only() -> None:
    (record,) = read((FIXTURES / "retrieve.json").read_bytes())
    assert isinstance(record, Record)
    record.contacts = []
    text = str(record)
    assert "contact@" not in text
    assert "Investigator'" not in text
    assert "000-0000" not in text.replace("00000000-0000-0000-0000-000000000001", "")


def test_an_array_lines_and_single_trials_are_read_alike() -> None:
    trials = [json.loads(line) for line in (FIXTURES / "old_schema.ndjson").read_bytes().splitlines()]
    in_array = [getattr(one, "id", None) for one in read(json.dumps(trials).encode())]
    in_lines = [getattr(one, "id", None) for one in read((FIXTURES / "old_schema.ndjson").read_bytes())]
    assert in_array == in_lines == ["2090-500002-20-01", "2090-500003-30-00", None, None]


def test_a_trial_is_no_search_hit_and_other_registers_are_not_claimed() -> None:
    assert recognised((FIXTURES / "retrieve.json").read_bytes()) == ["retrieve-json"]
    assert recognised((FIXTURES / "search_page.json").read_bytes()) == ["search-json"]
    assert recognised(b'[{"ctrname": "EUCTR", "ctNumber": "x", "authorizedPartI": {}}]') == []


_NAMES = sorted(
    {
        "authorizedPartI", "trialDetails", "trialInformation", "products", "productRoleGroupInfos", "events", "number",
        "trialEvents", "sponsors", "organisation", "name", "date", "mscInfo", "trialSites", "periodDetails", "code",
        "populationOfTrialSubjects", "ageRanges", "ageRangeCategoryCode", "protocolInformation", "studyDesign",
    }
)  # fmt: skip
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 20) | st.sampled_from(["", "1", "yes", "2091-01-01", "x"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inside, max_size=4),
    max_leaves=25,
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(_SHAPES, st.sampled_from(["authorizedApplication", "events", "results", "documents", "ctStatus"]))
def test_other_shapes_than_expected_are_read_as_missing(value: Any, key: str) -> None:
    record = one({"ctNumber": "2090-500001-10-00", "authorizedApplication": {}, key: value})
    assert record.id == "2090-500001-10-00"


def test_real_ctrdata_export(shared_data: Path) -> None:
    data = (shared_data / "registries" / "ctis" / "my_trials_CTIS.json").read_bytes()
    entries = json.loads(data)
    outcomes = read(data)
    records = [one for one in outcomes if isinstance(one, Record)]
    assert len(records) == len(outcomes) == 4
    assert [one.id for one in records] == [entry["ctNumber"] for entry in entries]
    for record, entry in zip(records, entries, strict=True):
        application = entry.get("authorizedApplication", entry)
        part, states = application["authorizedPartI"], application["authorizedPartsII"]
        information = part["trialDetails"]["trialInformation"]
        counts = [state["recruitmentSubjectCount"] for state in states]
        assert record.enrollment_target == sum(counts) + part["rowSubjectCount"]
        assert len(record.locations) == sum(len(state["trialSites"]) for state in states)
        ends = information["endPoint"]
        assert len(record.outcomes) == len(ends["primaryEndPoints"]) + len(ends["secondaryEndPoints"])
        assert len(record.links) == len(entry.get("documents", []))
        eudract = (application.get("eudraCt") or entry.get("eudraCtInfo") or {}).get("eudraCtCode")
        assert [id.id for id in record.identifiers if id.register == "euctr" and id.role == "secondary"] == (
            [eudract] if eudract else []
        )
    assert [one.status for one in records] == ["NOT_YET_RECRUITING"] * 2 + ["RECRUITING"] * 2


# --- fetching


def fetched(service: Service, folder: Path, query: str = "") -> tuple[FetchLog, Replay]:
    with Replay(service) as replay:
        log = fetch_from(replay, ctis.SOURCE, Wanted(query), folder)
    return log, replay


@pytest.mark.parametrize(
    ("last_row", "pages"), [(200, {"DESC": 13}), (70, {"DESC": 7, "ASC": 7}), (60, {"DESC": 1 + 10 * 2 + 2 * 1})]
)
def test_a_search_of_more_rows_than_are_shown(
    last_row: int, pages: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one end, from both, and by status: every trial once, and no page twice."""
    monkeypatch.setattr(ctis, "_PAGE_SIZE", 10)
    monkeypatch.setattr(ctis, "_LAST_ROW", last_row)
    log, replay = fetched(replay_ctis.answers(last_row), tmp_path)
    there = {file.stem for file in (tmp_path / "trials").iterdir()}
    assert there == replay_ctis.TRIALS.keys() - {replay_ctis.GONE}
    assert log.missing == [f"{replay_ctis.GONE}: listed, and not shown"]
    searches = [asked.json for asked in replay.asked if asked.method == "POST"]
    assert Counter(search["sort"]["direction"] for search in searches) == pages
    by_status = {status for search in searches for status in search["searchCriteria"].get("status", ())}
    assert by_status == (set(range(1, 13)) if last_row == 60 else set())


def test_a_list_that_is_shorter_than_it_says_is_told(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        reply = replay_ctis.SERVICE.answer(asked)
        if asked.method == "GET":
            return reply
        page = json.loads(reply.body)
        return Reply(json.dumps({**page, "data": page["data"][:60]}).encode(), "application/json")

    log, _ = fetched(Service(answer, ()), tmp_path)
    assert log.complete
    assert "40 of 130 trials, which the pages of the search do not have" in log.missing


def test_a_trial_that_is_never_answered_does_not_keep_the_others_away(tmp_path: Path) -> None:
    poison = list(replay_ctis.TRIALS)[5]

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith(poison):
            return Reply(b'{"error": "internal"}', "application/json")
        return replay_ctis.SERVICE.answer(asked)

    with pytest.raises(FetchFailed, match=f"{poison}: .*the answer has no trial in it"):
        fetched(Service(answer, ()), tmp_path)
    assert len(list((tmp_path / "trials").iterdir())) == len(replay_ctis.TRIALS) - 2
    log, replay = fetched(replay_ctis.SERVICE, tmp_path)
    assert log.complete
    assert {asked.path.rpartition("/")[2] for asked in replay.asked} == {poison, replay_ctis.GONE}


def test_an_interface_that_is_down_for_trials_is_not_asked_for_all_of_them(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        return replay_ctis.SERVICE.answer(asked) if asked.method == "POST" else Reply(b"", status=500)

    with Replay(Service(answer, ())) as replay, pytest.raises(FetchFailed):
        fetch_from(replay, ctis.SOURCE, Wanted(), tmp_path)
    assert len({asked.path for asked in replay.asked if asked.method == "GET"}) == 3


@pytest.mark.parametrize(
    ("query", "criteria"),
    [
        ("", {}),
        (" rare  disease ", {"containAll": "rare  disease"}),
        ("2090-500001-11-00", {"number": "2090-500001-11-00"}),
        ("2090-500001-11-00 OR 2090-500002-12-00", {"containAny": "2090-500001-11-00, 2090-500002-12-00"}),
        ("after 2090-500001-11-00", {"containAll": "after 2090-500001-11-00"}),
        ('{"status": [2, 3], "title": null, "msc": []}', {"status": [2, 3]}),
        ('{"searchCriteria": {"isLowIntervention": false}}', {"isLowIntervention": False}),
        (
            "https://euclinicaltrials.eu/ctis-public/search#searchCriteria=%7B%22containAny%22:%22a%2Fb%22%7D",
            {"containAny": "a/b"},
        ),
        (
            "https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT=2090-500001-11-00",
            {"number": "2090-500001-11-00"},
        ),
        (
            "https://euclinicaltrials.eu/app/#/search?basicSearchInputAND=infection",
            {"containAll": "infection"},
        ),
        ("https://euclinicaltrials.eu/app/#/view/2090-500001-11-00", {"number": "2090-500001-11-00"}),
    ],
)
def test_what_a_query_asks(query: str, criteria: dict[str, Any]) -> None:
    assert ctis._criteria(Wanted(query)) == criteria


@pytest.mark.parametrize(
    "query",
    [
        "https://clinicaltrials.gov/search?cond=asthma",
        "https://euclinicaltrials.eu/about-this-website/",
        "https://euclinicaltrials.eu/ctis-public/search?tomorrow=1",
        "https://euclinicaltrials.eu/ctis-public/search?lang=en",
        "https://euclinicaltrials.eu/ctis-public/search#searchCriteria={",
        "{",
    ],
)
def test_what_is_no_search_is_said_in_one_line(query: str) -> None:
    with pytest.raises(UserError, match=r"\.$"):
        ctis._criteria(Wanted(query))


@pytest.mark.parametrize("data", [b"[]", b'{"data": []}', b'{"b\x8e": 1}', b'{"data": [{"ctNumber": 1}]}', b"{"])
def test_an_answer_that_is_no_page_is_asked_for_again(data: bytes) -> None:
    assert str(ctis._no_page(data)).startswith("the answer is no page of a search (")


@pytest.mark.parametrize(
    ("changed", "is_before"), [("31/12/2023", True), ("01/01/2024", False), ("", False), ("2023-12-31", False)]
)
def test_since_goes_by_days_that_can_be_read(changed: str, is_before: bool) -> None:
    assert ctis._is_before(changed, date(2024, 1, 1)) is is_before
