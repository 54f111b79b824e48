"""Hand-made Records and the tables that are expected of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trialpanorama.link import link
from trialpanorama.record import (
    AbstractSection,
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Author,
    Condition,
    Correction,
    Country,
    EventGroup,
    EventStat,
    Finding,
    FlowPeriod,
    GroupCount,
    Identifier,
    Intervention,
    Location,
    MeshTerm,
    Milestone,
    Outcome,
    OutcomeMeasure,
    Paper,
    PartialDate,
    ParticipantFlow,
    Record,
    Reference,
    ResultGroup,
    Results,
    Review,
    ReviewedStudy,
    Sponsor,
    TextSection,
)
from trialpanorama.resolve import resolve
from trialpanorama.tables import TABLES, build_tables, same
from trialpanorama.warehouse import records_table

Query = Callable[..., list[dict[str, Any]]]
NCT, DRKS = "NCT99000001", "DRKS99000001"

PUBLISHED = {
    "studies": "study_id study_source trial_type title abstract sponsor start_year recruitment_status phase "
    "actual_accrual target_accrual min_age max_age min_age_unit max_age_unit sex healthy_volunteers",
    "conditions": "study_id study_source condition_name condition_mesh_id condition_mesh_type",
    "drugs": "study_id study_source drug_moa_id drug_name rx_normalized_name rx_source rx_mapping_id drugbank_name "
    "drugbank_id drugbank_mesh_id drug_source fda_approved ema_approved pmda_approved drug_description",
    "drug_moa": "drug_name drug_moa_id target_name target_class accession gene swissprot act_value act_unit act_type "
    "act_comment act_source relation moa moa_source act_source_url moa_source_url action_type tdl organism",
    "biomarkers": "study_id study_source biomarker_type biomarker_name biomarker_genes",
    "endpoints": "study_id study_source primary_endpoint primary_endpoint_domain primary_endpoint_subdomain",
    "disposition": "study_id intervention_type group_type intervention_name intervention_description study_source "
    "number_of_subjects",
    "outcomes": "study_id study_source overall_status outcome_type why_terminated",
    "adverse_events": "study_id study_source adverse_event_name adverse_event_description is_serious meddra_id "
    "meddra_id_type",
    "results": "study_id study_source population interventions outcomes group_type",
    "relations": "head_id head_type tail_id tail_type relation_type",
}


def native(**fields: Any) -> Record:
    return Record(
        **(
            {
                "record_id": "native",
                "id": NCT,
                "register": "clinicaltrials_gov",
                "source": "clinicaltrials_gov",
                "licence": "free",
            }
            | fields
        )
    )


def twin(**fields: Any) -> Record:
    named = [Identifier(NCT, "clinicaltrials_gov")]
    return Record(
        **(
            {
                "record_id": "twin",
                "id": DRKS,
                "register": "drks",
                "source": "ictrp",
                "licence": "WHO terms",
                "identifiers": named,
            }
            | fields
        )
    )


def paper(pmid: str = "99000001", **fields: Any) -> Record:
    fields = {"record_id": f"paper-{pmid}", "paper": Paper(pmid=pmid)} | fields
    return Record(id=pmid, register="pubmed", source="pubmed", kind="PUBLICATION", licence="NLM terms", **fields)


class Made:
    """All tables of some Records, which are given in a random order."""

    def __init__(self, records: list[Record], folder: Path, seed: int = 0) -> None:
        shuffled = records.copy()
        random.Random(seed).shuffle(shuffled)
        self.con = duckdb.connect()
        self.con.execute("SET threads = 1")
        self.con.register("records", records_table(shuffled))
        self.con.execute(
            "CREATE TABLE source_licences AS FROM "
            "(VALUES ('clinicaltrials_gov', true), ('ictrp', false), ('pubmed', true), ('reviews', false)) "
            "t(source, is_open)"
        )
        folder.mkdir(exist_ok=True)
        counts = resolve(self.con, folder) | link(self.con, folder) | build_tables(self.con, folder)
        assert set(counts) == {table.name for table in TABLES}
        for name, count in counts.items():
            self.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM '{folder}/{name}.parquet'")
            assert self.con.execute(f"SELECT count(*) FROM {name}").fetchall() == [(count,)]

    def __call__(self, sql: str) -> list[dict[str, Any]]:
        return self.con.sql(sql).to_arrow_table().to_pylist()


@pytest.fixture
def query(tmp_path: Path) -> Query:
    """Make all tables of some Records, and query them."""
    return lambda records, sql: Made(records, tmp_path)(sql)


@pytest.fixture(scope="module")
def made(full: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All tables of `full`."""
    return Made(full, tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All tables of no Record."""
    return Made([], tmp_path_factory.mktemp("empty"))


def one(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


@pytest.fixture(scope="module")
def full() -> list[Record]:
    """Two registrations of one trial and two papers, with something for every table."""
    flow = ParticipantFlow(
        groups=[ResultGroup("FG000", "zarvolimab 5 mg "), ResultGroup("FG001", "Someone else")],
        periods=[
            FlowPeriod(
                "First", [Milestone("STARTED", achievements=[GroupCount("FG000", "1,204"), GroupCount("FG001", "7")])]
            ),
            FlowPeriod("Second", [Milestone("STARTED", achievements=[GroupCount("FG000", "9")])]),
        ],
    )
    measure = OutcomeMeasure(
        type="PRIMARY",
        title="Glow",
        population_description="All treated",
        time_frame="Week 8",
        unit_of_measure="lux",
        param_type="MEAN",
        reporting_status="POSTED",
        groups=[
            ResultGroup("OG000", "Zarvolimab 5 mg"),
            ResultGroup("OG001", "Placebo"),
            ResultGroup("OG002", "Third"),
        ],
        analyses=[
            Analysis(
                group_ids=["OG000", "OG001"],
                p_value="<0.001",
                statistical_method="ANCOVA",
                param_type="Mean Difference",
                param_value="-1,204.5",
                ci_pct_value="95",
                ci_num_sides="TWO_SIDED",
                ci_lower_limit="-2,000",
                ci_upper_limit="NA",
            ),
            Analysis(p_value="0,05"),
        ],
    )
    events = AdverseEvents(
        time_frame="8 weeks",
        event_groups=[EventGroup("EG000", "Zarvolimab")],
        serious_events=[
            AdverseEvent(
                "Glow",
                "Eye disorders",
                "MedDRA 30.0",
                notes="bright",
                stats=[EventStat("EG000", 3, 2, 40), EventStat("EG009")],
            )
        ],
        other_events=[AdverseEvent("Hum")],
    )
    registered = native(
        public_title="Zarvolimab in glowing fever",
        brief_summary="A study.",
        study_type="INTERVENTIONAL",
        status="TERMINATED",
        why_stopped="Sponsor's decision",
        phases=["PHASE3", "PHASE2"],
        start_date=PartialDate("2091-05", "ACTUAL"),
        sponsors=[Sponsor("Native Inc"), Sponsor("NATIVE", role="COLLABORATOR")],
        eligibility_criteria="Inclusion Criteria:\n\n- Age 18 to 65 years\n\nExclusion Criteria:\n\n- Fever",
        conditions=[Condition("Glowing fever", "R50", "ICD-10"), Condition("Fever")],
        mesh_terms=[
            MeshTerm("Zarvolimab", "D999999", about="intervention"),
            MeshTerm("Fever", "D005334"),
            MeshTerm("Body Temperature Changes", "D001832", is_ancestor=True),
        ],
        interventions=[
            Intervention(
                "Zarvolimab", "BIOLOGICAL", description="5 mg", other_names=["ZAR"], arm_labels=["Zarvolimab 5 mg"]
            ),
            Intervention("Placebo", "DRUG"),
            Intervention("Diary", "BEHAVIORAL"),
        ],
        arms=[
            Arm("Zarvolimab 5 mg", "EXPERIMENTAL"),
            Arm("Placebo", "PLACEBO_COMPARATOR", intervention_names=["Placebo"]),
            Arm("Nothing", "NO_INTERVENTION"),
        ],
        outcomes=[Outcome("PRIMARY", "Glow", "in lux", "8 weeks"), Outcome("SECONDARY", "Hum")],
        references=[Reference("99000001", type="RESULT"), Reference(citation="Anonymous 2090")],
        results=Results(
            participant_flow=flow,
            outcome_measures=[measure, OutcomeMeasure(title="Hum", groups=[ResultGroup("OG000", "All")])],
            adverse_events=events,
        ),
    )
    report = paper(
        scientific_title="Zarvolimab lowers the glow",
        brief_summary="It does.",
        identifiers=[
            Identifier(NCT, "clinicaltrials_gov", field="DataBankList"),
            Identifier("10.99999/a", "doi", "alias"),
        ],
        mesh_terms=[MeshTerm("Fever", "D005334", about="article")],
        paper=Paper(
            pmid="99000001",
            publication_date=PartialDate("2093"),
            electronic_date=PartialDate("2092-11-03"),
            publication_types=["Randomized Controlled Trial"],
            abstract_sections=[AbstractSection("It does.", "RESULTS")],
            authors=[Author("Glimmer", "Ada", "A"), Author(collective_name="The Glow Group")],
            corrections=[Correction("ErratumIn", "99000003")],
            findings=[Finding("1", "Zarvolimab", "Placebo", "Glow", "DECREASED")],
        ),
    )
    lone = paper(
        "99000002",
        scientific_title="A trial of humming",
        paper=Paper(publication_types=["Clinical Trial"], publication_date=PartialDate("2093-02")),
    )
    review = Record(
        record_id="review",
        id="CD990001",
        register="cochrane",
        source="reviews",
        kind="REVIEW",
        licence="MIT",
        scientific_title="Humming and glowing",
        review=Review(studies=[ReviewedStudy(decision="INCLUDED", report_ids=["99000001", "99000002"])]),
    )
    return [
        registered,
        twin(public_title="Zarvolimab bei Glimmfieber", outcomes=[Outcome("PRIMARY", "Anderes")]),
        report,
        lone,
        review,
    ]


def test_published_tables_keep_names_columns_and_order() -> None:
    assert {t.name: " ".join(t.published_columns) for t in TABLES if t.published_columns} == PUBLISHED
    for table in TABLES:
        names = tuple(column.name for column in table.columns)
        assert names[: len(table.published_columns)] == table.published_columns
        assert len(set(names)) == len(names)
        assert set(table.key) <= set(names)


def test_every_column_says_what_it_means_and_where_its_row_comes_from() -> None:
    for table in TABLES:
        assert all(column.meaning for column in table.columns)
        assert {"source", "licence", "is_open"} <= {column.name for column in table.columns}


def test_a_column_takes_its_meaning_from_the_record() -> None:
    column = same("enrollment_target")
    assert (column.type, column.unit) == ("BIGINT", "participants")
    assert column.meaning == "Planned enrolment"
    assert same("masked_roles").type == "VARCHAR[]"
    assert same("sex").values == ("ALL", "FEMALE", "MALE")
    assert same("start_date").type == "DATE"


@pytest.mark.parametrize("table", [t.name for t in TABLES])
def test_written_columns_are_the_declared_ones(made: Made, empty: Made, table: str) -> None:
    (declared,) = (t for t in TABLES if t.name == table)
    for warehouse in (made, empty):
        described = warehouse(f"DESCRIBE {table}")
        assert [(row["column_name"], row["column_type"]) for row in described] == [
            (c.name, c.type) for c in declared.columns
        ]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_keys_tell_rows_apart_and_listed_values_are_kept(made: Made, table: Any) -> None:
    key = ", ".join(table.key)
    assert made(f"SELECT {key} FROM {table.name} GROUP BY ALL HAVING count(*) > 1") == []
    for column in table.columns:
        if column.values and not column.type.endswith("[]"):
            found = {row["v"] for row in made(f"SELECT DISTINCT {column.name} AS v FROM {table.name}")}
            assert found <= {*column.values, None}, column.name


def test_no_text_is_empty(made: Made) -> None:
    for table in TABLES:
        for column in table.columns:
            if column.type == "VARCHAR":
                assert made(f"FROM {table.name} WHERE {column.name} = ''") == []


NOT_IN_THESE_RECORDS = ("drug_moa", "drug_concepts", "biomarkers", "trial_aliases", "disagreements")


def test_rows_are_the_same_in_any_order_of_records(made: Made, full: list[Record], tmp_path: Path) -> None:
    other = Made(full, tmp_path, seed=1)
    for table in TABLES:
        expected = made(f"FROM {table.name}")
        assert bool(expected) is (table.name not in NOT_IN_THESE_RECORDS)
        assert other(f"FROM {table.name}") == expected


def test_rows_are_the_same_however_many_are_sorted_at_a_time(
    made: Made, full: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialpanorama.tables._SORTED_AT_ONCE", 1)
    other = Made(full, tmp_path)
    for table in TABLES:
        assert other(f"FROM {table.name}") == made(f"FROM {table.name}")
    assert not list(tmp_path.glob("*.part"))


def test_a_study_takes_each_value_from_the_first_record_that_gives_it(query: Query) -> None:
    records = [
        native(public_title="Native", sex="ALL", countries=[Country("Atlantis"), Country("Avalon", is_removed=True)]),
        twin(
            public_title="Twin",
            scientific_title="Scientific",
            sex="MALE",
            keywords=["glow"],
            start_date=PartialDate("2091"),
        ),
        native(record_id="copy", source="ictrp", licence="WHO terms", acronym="GLOW"),
    ]
    row = one(query(records, "FROM studies"))
    picked = {
        name: row[name]
        for name in ("study_id", "study_source", "title", "scientific_title", "sex", "keywords", "acronym")
    }
    assert picked == {
        "study_id": NCT,
        "study_source": "clinicaltrials_gov",
        "title": "Native",
        "scientific_title": "Scientific",
        "sex": "ALL",
        "keywords": ["glow"],
        "acronym": "GLOW",
    }
    assert row["countries"] == ["Atlantis"]
    assert (row["start_date"], row["start_date_precision"], row["start_year"]) == (date(2091, 1, 1), "year", 2091)
    assert (row["record_ids"], row["number_of_records"]) == (["native", "copy", "twin"], 3)
    assert (row["registers"], row["sources"]) == (["clinicaltrials_gov", "drks"], ["clinicaltrials_gov", "ictrp"])
    assert (row["licences"], row["licence"], row["is_open"]) == (["WHO terms", "free"], "free", False)


def test_a_study_is_open_if_all_that_gave_it_a_value_are(query: Query) -> None:
    native_only = [native(public_title="Native", acronym="GLOW"), twin(public_title="Twin", acronym="HUM")]
    assert one(query(native_only, "FROM studies"))["is_open"] is True
    completed = [native(public_title="Native"), twin(public_title="Twin", acronym="HUM")]
    assert one(query(completed, "FROM studies"))["is_open"] is False


def test_values_that_belong_together_come_from_one_record(query: Query) -> None:
    records = [
        native(
            status="COMPLETED",
            start_date=PartialDate("2091"),
            inclusion_criteria="Glow",
            sponsors=[Sponsor("Native Inc")],
        ),
        twin(
            status="TERMINATED",
            why_stopped="Money",
            start_date=PartialDate("2090-01-02", "ACTUAL"),
            exclusion_criteria="Hum",
            sponsors=[Sponsor("Twin", sponsor_class="INDUSTRY")],
            is_masked=True,
            masking="DOUBLE",
        ),
    ]
    row = one(query(records, "FROM studies"))
    assert (row["recruitment_status"], row["why_stopped"]) == ("COMPLETED", None)
    assert (row["start_date"], row["start_date_type"]) == (date(2091, 1, 1), None)
    assert (row["inclusion_criteria"], row["exclusion_criteria"]) == ("Glow", None)
    assert (row["sponsor"], row["lead_sponsor_class"]) == ("Native Inc", None)
    assert (row["is_masked"], row["masking"]) == (True, "DOUBLE")
    assert one(query(records, "FROM outcomes"))["why_terminated"] is None


def test_a_record_that_says_nothing_gives_nulls(query: Query) -> None:
    row = one(query([native()], "FROM studies"))
    said = {name: value for name, value in row.items() if value is not None}
    assert said == {
        "study_id": NCT,
        "study_source": "clinicaltrials_gov",
        "kind": "registration",
        "is_fictional": False,
        "registers": ["clinicaltrials_gov"],
        "record_ids": ["native"],
        "number_of_records": 1,
        "sources": ["clinicaltrials_gov"],
        "licences": ["free"],
        "source": "clinicaltrials_gov",
        "licence": "free",
        "is_open": True,
    }
    assert query([native()], "FROM outcomes") == []


def numbered(*fields: dict[str, Any]) -> list[Record]:
    return [native(record_id=f"r{n}", id=f"NCT9900{n:04}", **given) for n, given in enumerate(fields, 1)]


def test_ages_keep_the_unit_of_the_source(query: Query) -> None:
    cases: list[tuple[float | None, str | None, object]] = [
        (18.0, "18 Years", (18, "Years")),
        (1.5, "18 Months", (18, "Months")),
        (0.08, "1 month", (1, "Months")),
        (18.0, "18", (18, "Years")),
        (20.0, ">= 20age old", (20, "Years")),
        (18.0, None, (18, "Years")),
        (None, "N/A", (None, None)),
        (None, "0 Years", (None, None)),
    ]
    for end in ("min", "max"):
        records = numbered(*({f"{end}imum_age_years": years, f"{end}imum_age_raw": raw} for years, raw, _ in cases))
        rows = query(records, f"SELECT {end}_age, {end}_age_unit FROM studies")
        assert [tuple(row.values()) for row in rows] == [expected for _, _, expected in cases]


def test_the_published_phase_is_one_word(query: Query) -> None:
    cases: list[tuple[list[Any], str | None]] = [
        (["PHASE1", "PHASE2"], "PHASE1/PHASE2"),
        (["NA"], "NOT_APPLICABLE"),
        (["EARLY_PHASE1"], "EARLY_PHASE1"),
        ([], None),
    ]
    rows = query(numbered(*({"phases": phases} for phases, _ in cases)), "SELECT phases, phase FROM studies")
    assert [tuple(row.values()) for row in rows] == [(phases or None, phase) for phases, phase in cases]


def test_dates_keep_their_precision_and_no_date_is_made_up(query: Query) -> None:
    record = native(
        start_date=PartialDate("2091-05-31"),
        completion_date=PartialDate("2091-05"),
        verified_date=PartialDate(raw="soon"),
    )
    row = one(query([record], "FROM studies"))
    assert (row["start_date"], row["start_date_precision"]) == (date(2091, 5, 31), "day")
    assert (row["completion_date"], row["completion_date_precision"]) == (date(2091, 5, 1), "month")
    assert (row["verified_date"], row["verified_date_precision"]) == (None, None)


def test_sites_tell_the_countries_where_the_record_lists_none(query: Query) -> None:
    record = native(
        locations=[
            Location(country="Avalon"),
            Location(country="Atlantis"),
            Location(country="Avalon"),
            Location(city="Ys"),
        ]
    )
    row = one(query([record], "FROM studies"))
    assert (row["countries"], row["number_of_locations"]) == (["Atlantis", "Avalon"], 4)


def test_conditions_are_mentions_and_mesh_terms(made: Made) -> None:
    rows = made(
        "SELECT condition_name, condition_mesh_id, condition_mesh_type, position, code, is_open FROM conditions "
        "WHERE condition_mesh_type IS NULL OR starts_with(condition_mesh_type, 'mesh')"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Body Temperature Changes", "D001832", "mesh-ancestor", 3, None, True),
        ("Fever", "D005334", "mesh-list", 2, None, True),
        ("Glowing fever", None, None, 1, "R50", True),
        ("Fever", None, None, 2, None, True),
    ]


def test_conditions_are_linked_to_concepts_and_to_broader_ones(made: Made) -> None:
    rows = made(
        "SELECT condition_name, condition_mesh_id, position, part, concept_id, method, depth FROM conditions "
        "WHERE condition_mesh_type = 'linked' AND position = 2"
    )
    assert [tuple(row.values()) for row in rows] == [("Fever", "D005334", 2, 1, "MESH:D005334", "exact", 0)]
    broader = made(
        "SELECT condition_name, method, score, depth FROM conditions WHERE condition_mesh_type = 'linked-ancestor' "
        "AND position = 2 ORDER BY depth, condition_name"
    )
    # they stand on the evidence of the link under them
    assert ("Body Temperature Changes", "exact", 1.0, 1) in [tuple(row.values()) for row in broader]
    assert all(row["depth"] > 0 for row in broader)


def test_criteria_are_one_a_row_with_their_limits(made: Made) -> None:
    columns = "position, is_inclusion, text, kind, low, high, unit, concept_id"
    rows = made(f"SELECT {columns} FROM criteria ORDER BY position")
    assert [tuple(row.values()) for row in rows] == [
        (1, True, "Age 18 to 65 years", "age", 18.0, 65.0, "a", None),
        (2, False, "Fever", "condition", None, None, None, "MESH:D005334"),
    ]


def test_sponsors_have_one_spelling(made: Made) -> None:
    rows = made("SELECT sponsor_name, role, sponsor_id, normalized_name, position FROM sponsors")
    assert [tuple(row.values()) for row in rows] == [
        ("Native Inc", "LEAD", "native", "NATIVE", 1),
        ("NATIVE", "COLLABORATOR", "native", "NATIVE", 2),
    ]


def test_sponsors_are_classed_by_their_register_else_by_the_same_organisation_else_by_name(query: Query) -> None:
    def study(number: int, *sponsors: Sponsor) -> Record:
        return native(
            id=f"NCT9900000{number}", record_id=f"n{number}", public_title=f"T{number}", sponsors=list(sponsors)
        )

    records = [
        study(1, Sponsor("Northisle Group, Inc.", sponsor_class="NETWORK", sponsor_class_raw="NETWORK")),
        study(2, Sponsor("Northisle Group", "COLLABORATOR"), Sponsor("Southisle", sponsor_class="UNKNOWN",
              sponsor_class_raw="UNKNOWN")),
        study(3, Sponsor("Northisle Group", sponsor_class="INDUSTRY"), Sponsor("University of Southisle", "FUNDER")),
        study(4, Sponsor("Southisle"), Sponsor("Wilma Testcase", "COLLABORATOR"), Sponsor("Ana Testcase, MD")),
    ]  # fmt: skip
    rows = query(records, "SELECT sponsor_name, sponsor_class, class_method FROM sponsors ORDER BY record_id, position")
    assert [tuple(row.values()) for row in rows] == [
        ("Northisle Group, Inc.", "NETWORK", "register"),
        ("Northisle Group", "NETWORK", "organisation"),
        ("Southisle", "UNKNOWN", "register"),
        ("Northisle Group", "NETWORK", "organisation"),
        ("University of Southisle", "OTHER", "name"),
        ("Southisle", None, None),
        ("Wilma Testcase", None, None),  # two words that are no lead may be an organisation
        ("Ana Testcase, MD", "INDIV", "name"),
    ]


def test_drugs_are_the_interventions_that_are_drugs(made: Made) -> None:
    rows = made("SELECT drug_name, drug_description, other_names, position, fda_approved FROM drugs")
    assert [tuple(row.values()) for row in rows] == [
        ("Zarvolimab", "5 mg", ["ZAR"], 1, None),
        ("Placebo", None, None, 2, None),
    ]


def test_endpoints_come_whole_from_one_record(made: Made) -> None:
    rows = made("SELECT primary_endpoint, endpoint_type, measure, time_frame, record_id FROM endpoints")
    assert [tuple(row.values()) for row in rows] == [
        ("Glow", "PRIMARY", "Glow", "8 weeks", "native"),
        (None, "SECONDARY", "Hum", None, "native"),
    ]


def test_disposition_pairs_arms_and_interventions(made: Made) -> None:
    rows = made(
        "SELECT arm_label, group_type, intervention_name, number_of_subjects, arm_position, "
        "intervention_position FROM disposition"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Zarvolimab 5 mg", "EXPERIMENTAL", "Zarvolimab", 1204.0, 1, 1),
        ("Placebo", "PLACEBO_COMPARATOR", "Placebo", None, 2, 2),
        ("Nothing", "NO_INTERVENTION", None, None, 3, None),
        (None, None, "Diary", None, None, 3),
    ]


def test_disposition_of_a_record_without_arms_or_without_interventions(query: Query) -> None:
    sql = "SELECT arm_label, intervention_name FROM disposition"
    assert query([native(interventions=[Intervention("Zarvolimab")])], sql) == [
        {"arm_label": None, "intervention_name": "Zarvolimab"}
    ]
    assert query([native(arms=[Arm("All")])], sql) == [{"arm_label": "All", "intervention_name": None}]


def test_how_a_study_ended(query: Query) -> None:
    cases: list[tuple[Any, str | None, bool | None]] = [
        ("COMPLETED", "COMPLETED", False),
        ("TERMINATED", "STOPPED", True),
        ("WITHDRAWN", "STOPPED", True),
        ("SUSPENDED", "UNDETERMINED", None),
        ("UNKNOWN", "UNDETERMINED", None),
        ("RECRUITING", "ONGOING", None),
        ("AVAILABLE", None, None),
    ]
    records = numbered(*({"status": status, "why_stopped": "Money"} for status, *_ in cases))
    rows = query(records, "SELECT overall_status, outcome_type, is_stopped, why_terminated FROM outcomes")
    assert [tuple(row.values()) for row in rows] == [(*case, "Money") for case in cases]


def test_adverse_events_have_a_row_for_each_term_and_group(made: Made) -> None:
    rows = made(
        """SELECT adverse_event_name, adverse_event_description, is_serious, group_title, num_events, num_affected,
        num_at_risk, organ_system, time_frame FROM adverse_events""",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Hum", None, False, None, None, None, None, None, "8 weeks"),
        ("Glow", "bright", True, "Zarvolimab", 3, 2, 40, "Eye disorders", "8 weeks"),
        ("Glow", "bright", True, None, None, None, None, "Eye disorders", "8 weeks"),
    ]


def test_results_hold_numbers_beside_the_published_words(made: Made) -> None:
    first, second, third = made("FROM results")
    expected = {
        "outcomes": "Glow",
        "population": "All treated",
        "interventions": "Zarvolimab 5 mg; Placebo",
        "group_type": "EXPERIMENTAL; PLACEBO_COMPARATOR",
        "outcome_position": 1,
        "analysis_position": 1,
        "p_value": 0.001,
        "p_value_inequality": "<",
        "p_value_raw": "<0.001",
        "estimate": -1204.5,
        "estimate_raw": "-1,204.5",
        "ci_percent": 95.0,
        "ci_lower": -2000.0,
        "ci_upper": None,
        "ci_upper_raw": "NA",
        "statistical_method": "ANCOVA",
        "measure_type": "MEAN",
        "estimate_type": "Mean Difference",
        "unit_of_measure": "lux",
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["p_value"], second["p_value_inequality"], second["group_type"]) == (0.05, "=", None)
    assert second["group_titles"] == ["Zarvolimab 5 mg", "Placebo", "Third"]
    assert (third["outcomes"], third["analysis_position"], third["p_value"]) == ("Hum", None, None)


def test_p_values(query: Query) -> None:
    cases = [
        ("0.03", 0.03, "="),
        ("= 0.03", 0.03, "="),
        ("<.0001", 0.0001, "<"),
        ("> 0.05", 0.05, ">"),
        ("≤0.05", 0.05, "<="),
        (">=0.5", 0.5, ">="),
        ("1.2e-5", 1.2e-5, "="),
        ("0,051", 0.051, "="),
        ("NS", None, None),
        ("<", None, None),
        ("0.03 (two-sided)", None, None),
        ("1.7", None, None),
        ("0.01-0.05", None, None),
        (None, None, None),
    ]
    posted = OutcomeMeasure(title="Glow", analyses=[Analysis(p_value=text) for text, *_ in cases])
    records = [native(results=Results(outcome_measures=[posted]))]
    rows = query(records, "SELECT p_value_raw, p_value, p_value_inequality FROM results")
    assert [tuple(row.values()) for row in rows] == cases


def test_published_numbers(query: Query) -> None:
    cases = [
        ("1,204", 1204.0),
        ("1,204,001.5", 1204001.5),
        ("-0.5", -0.5),
        ("12.5 %", 12.5),
        ("+3", 3.0),
        ("0,5", 0.5),
        ("1e3", 1000.0),
        ("NA", None),
        ("1-2", None),
        ("3 to 4", None),
        ("inf", None),
        ("1.2.3", None),
    ]
    posted = OutcomeMeasure(title="Glow", analyses=[Analysis(param_value=text) for text, _ in cases])
    rows = query([native(results=Results(outcome_measures=[posted]))], "SELECT estimate_raw, estimate FROM results")
    assert [tuple(row.values()) for row in rows] == cases


def test_relations_have_a_direction_a_type_and_evidence(made: Made) -> None:
    columns = "head_id, head_type, tail_id, tail_type, relation_type, evidence"
    rows = made(f"SELECT {columns} FROM relations WHERE head_type = 'publication'")
    assert [tuple(row.values()) for row in rows] == [
        (
            "99000001",
            "publication",
            "99000003",
            "publication",
            "ErratumIn",
            [{"field": "corrections", "id": "99000003", "record_id": "paper-99000001"}],
        ),
        (
            "99000001",
            "publication",
            NCT,
            "trial",
            "names_id_of",
            [{"field": "DataBankList", "id": NCT, "record_id": "paper-99000001"}],
        ),
        (
            "99000001",
            "publication",
            NCT,
            "trial",
            "result_of",
            [{"field": "references", "id": "99000001", "record_id": "native"}],
        ),
    ]


def test_a_review_is_called_one(query: Query) -> None:
    review = Record(
        record_id="review",
        id="99000009",
        register="pubmed",
        source="pubmed",
        kind="REVIEW",
        licence="NLM terms",
        identifiers=[Identifier(NCT, "clinicaltrials_gov")],
    )
    row = one(query([native(), review], "FROM relations"))
    assert (row["head_id"], row["head_type"], row["tail_id"], row["relation_type"]) == (
        "99000009",
        "review",
        NCT,
        "mentions_id_of",
    )


def test_papers_are_one_row_of_the_newest_record(made: Made, query: Query) -> None:
    older = paper(
        record_id="older", scientific_title="Draft", last_updated_date=PartialDate("2092"), paper=Paper(version=1)
    )
    newer = paper(
        record_id="newer", scientific_title="Final", last_updated_date=PartialDate("2091"), paper=Paper(version=2)
    )
    assert one(query([older, newer], "FROM papers"))["title"] == "Final"
    report, lone = made("FROM papers")
    expected = {
        "paper_id": "99000001",
        "study_id": None,
        "kind": "PUBLICATION",
        "title": "Zarvolimab lowers the glow",
        "authors": ["Glimmer A", "The Glow Group"],
        "publication_date": date(2093, 1, 1),
        "publication_date_precision": "year",
        "first_published_date": date(2092, 11, 3),
        "registry_ids": [NCT],
        "mesh_terms": ["Fever"],
        "is_trial": True,
        "abstract_sections": [{"label": "RESULTS", "category": None, "text": "It does."}],
        "is_retracted": False,
    }
    assert {name: report[name] for name in expected} == expected
    assert (lone["study_id"], lone["is_trial"], lone["authors"]) == ("99000002", True, None)


def test_an_article_and_its_full_text_are_one_paper_and_one_trial(query: Query) -> None:
    article = paper(
        record_id="z-pubmed",
        mesh_terms=[MeshTerm("Fever", "D005334", about="article")],
        paper=Paper(medline_status="MEDLINE", publication_types=["Randomized Controlled Trial"]),
    )
    full_text = Record(
        record_id="a-pmc",
        id=article.id,
        register="pubmed",
        source="pmc",
        kind="PUBLICATION",
        scientific_title="Zarvolimab lowers the glow",
        brief_summary="It does.",
        paper=Paper(pmcid="PMC99000001", publication_types=["research-article"], sections=[TextSection("All of it.")]),
    )
    ask = query([article, full_text], "FROM papers")
    row = one(ask)
    assert (row["record_id"], row["publication_types"], row["mesh_terms"], row["is_trial"]) == (
        "z-pubmed",
        ["Randomized Controlled Trial"],
        ["Fever"],
        True,
    )
    study = one(query([article, full_text], "FROM studies"))
    assert (study["study_id"], study["title"]) == (article.id, "Zarvolimab lowers the glow")
    assert query([full_text], "FROM studies") == []
    assert one(query([full_text], "FROM papers"))["pmcid"] == "PMC99000001"


def test_a_trial_known_from_a_publication_is_a_study(made: Made) -> None:
    row = one(made("FROM studies WHERE kind = 'publication'"))
    assert (row["study_id"], row["study_source"], row["title"], row["start_year"]) == (
        "99000002",
        "pubmed",
        "A trial of humming",
        2093,
    )


def test_identifiers_are_those_of_every_record_of_the_trial(made: Made) -> None:
    rows = made("SELECT study_id, id, register, role, record_id, source FROM identifiers")
    assert [tuple(row.values()) for row in rows] == [(NCT, NCT, "clinicaltrials_gov", "secondary", "twin", "ictrp")]


def test_progress_names_each_table_that_is_made(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    with duckdb.connect() as con:
        con.register("records", records_table([native()]))
        con.execute("CREATE TABLE source_licences (source VARCHAR, is_open BOOLEAN)")
        resolve(con, tmp_path)
        link(con, tmp_path)
        counts = build_tables(con, tmp_path, lambda name, rows: seen.append((name, rows)))
    assert seen == list(counts.items())
    assert seen[0] == ("studies", 1)
