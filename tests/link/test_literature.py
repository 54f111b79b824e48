"""Papers and trials: what ids, registers and likeness say, on hand-made Records and on a generated sample."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trialpanorama.errors import UserError
from trialpanorama.identifiers import trial_key
from trialpanorama.link.literature import (
    MANY,
    PLACE_SCORES,
    link_papers,
    overdue,
    overdue_rule,
    person_key,
    place_of,
)
from trialpanorama.record import (
    Author,
    Condition,
    Identifier,
    Intervention,
    Official,
    Paper,
    PartialDate,
    Record,
    Reference,
    Review,
    TextSection,
)
from trialpanorama.resolve import resolve
from trialpanorama.warehouse import records_table

Rows = Callable[..., list[tuple[Any, ...]]]
NCT = "NCT99000001"
COLUMNS = "paper_id, study_id, method, is_accepted, reason"


def trial(id: str = NCT, **fields: Any) -> Record:
    fields = {"public_title": "Zarvolimab in glowing fever", "record_id": f"ctg:{id}"} | fields
    return Record(id=id, register="clinicaltrials_gov", source="clinicaltrials_gov", licence="free", **fields)


def paper(
    pmid: str, *ids: Identifier, title: str | None = "An article", abstract: str | None = None, **of: Any
) -> Record:
    return Record(
        record_id=f"pubmed:{pmid}", id=pmid, register="pubmed", source="pubmed", kind="PUBLICATION", licence="NLM",
        identifiers=list(ids), scientific_title=title, brief_summary=abstract, paper=Paper(pmid=pmid, **of),
    )  # fmt: skip


def named(id: str = NCT, field: str = "abstract", role: str = "mentioned") -> Identifier:
    return Identifier(id=id, register="clinicaltrials_gov", role=role, field=field)


def linked(records: list[Record], folder: Path, sql: str, *, seed: int = 0, threads: int = 2) -> list[tuple[Any, ...]]:
    """Resolve and link Records in a random order, and query the outcome."""
    shuffled = records.copy()
    random.Random(seed).shuffle(shuffled)
    with duckdb.connect(config={"threads": threads}) as con:
        con.register("records", records_table(shuffled))
        con.execute(
            "CREATE TABLE source_licences AS "
            "FROM (VALUES ('clinicaltrials_gov', true), ('pubmed', true)) t(source, is_open)"
        )
        resolve(con, folder)
        counts = link_papers(con, folder)
        con.execute(f"CREATE TEMP VIEW paper_links AS FROM '{folder}/paper_links.parquet'")
        assert con.execute("SELECT count(*) FROM paper_links").fetchall() == [(counts["paper_links"],)]
        assert {
            name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
        } == set()
        return con.execute(sql).fetchall()


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    def run(records: list[Record], sql: str = f"SELECT {COLUMNS} FROM paper_links ORDER BY ALL", **how: int) -> Any:
        return linked(records, tmp_path, sql, **how)

    return run


# --- what is said


def test_an_id_says_as_much_as_its_place(rows: Rows) -> None:
    text = TextSection(title="Discussion", text=f"A larger trial ({NCT}) is under way.")
    records = [
        trial(),
        paper("1", named(role="secondary", field="DataBankList")),
        paper("2", named(field="abstract")),
        paper("3", named(field="full text > Discussion"), sections=[text]),
    ]
    assert rows(records, f"SELECT {COLUMNS}, score, evidence[1].field FROM paper_links ORDER BY ALL") == [
        ("1", NCT, "databank", True, None, PLACE_SCORES["databank"], "DataBankList"),
        ("2", NCT, "abstract", True, None, PLACE_SCORES["abstract"], "abstract"),
        ("3", NCT, "mention", False, "weak_place", PLACE_SCORES["mention"], "full text > Discussion"),
    ]


def test_the_best_place_in_a_full_text_counts_not_the_first(rows: Rows) -> None:
    sections = [
        TextSection(title="Introduction", text=f"Others ({NCT}) looked at fever."),
        TextSection(title="Trial registration", path="Methods", text=f"The trial was registered as {NCT}."),
    ]
    found = rows(
        [trial(), paper("1", named(field="full text > Introduction"), sections=sections)],
        "SELECT method, is_accepted, evidence[1].field FROM paper_links",
    )
    assert found == [("registration_statement", True, "full text > Methods > Trial registration")]


@pytest.mark.parametrize(
    ("path", "before", "method"),
    [
        ("full text > Methods > Study design", "as described (", "methods"),
        ("full text > Methods", "This trial is registered with ClinicalTrials.gov, number ", "registration_statement"),
        ("full text > Discussion", "A registered trial (", "mention"),
        ("full text > Introduction", "", "mention"),
        ("full text > Results", "the earlier study ", "mention"),
        ("full text > Acknowledgements", "Trial registration: ", "registration_statement"),
        ("full text", "The trial was registered. Years later another group (", "mention"),
    ],
)
def test_places(path: str, before: str, method: str) -> None:
    assert place_of(path, before) == method


@pytest.mark.parametrize(("others", "is_accepted"), [(MANY - 1, True), (MANY, False)])
def test_a_paper_that_names_many_trials_is_about_none(rows: Rows, others: int, is_accepted: bool) -> None:
    more = [named(f"NCT990001{number:02d}") for number in range(others)]
    ((*_, accepted, reason),) = rows([trial(), paper("1", named(), *more)])
    assert (accepted, reason) == (is_accepted, None if is_accepted else "many_trials")


def test_a_reference_is_worth_what_the_register_says_of_it(rows: Rows) -> None:
    references = [
        Reference(pmid="1", type="RESULT"), Reference(pmid="2", type="DERIVED"), Reference(pmid="3", type="BACKGROUND"),
        Reference(pmid="4"), Reference(doi="10.99999/FEVER.5", type="RESULT"),
    ]  # fmt: skip
    found = rows([trial(references=references), paper("5", doi="10.99999/fever.5")])
    assert found == [
        ("1", NCT, "result_reference", True, None), ("2", NCT, "derived_reference", True, None),
        ("3", NCT, "background_reference", False, "weak_reference"), ("4", NCT, "reference", False, "weak_reference"),
        ("5", NCT, "result_reference", True, None),
    ]  # fmt: skip


def test_results_published_before_the_trial_are_none(rows: Rows) -> None:
    claimed = trial(references=[Reference(pmid="1", type="RESULT")], start_date=PartialDate(date="2019-06"))
    assert rows([claimed, paper("1", publication_date=PartialDate(date="2001"))]) == [
        ("1", NCT, "result_reference", False, "before_start")
    ]
    assert rows([claimed, paper("1", publication_date=PartialDate(date="2021"))])[0][3:] == (True, None)


def test_an_id_in_a_review_s_list_of_studies_is_no_paper_s_id(rows: Rows) -> None:
    review = Record(
        id="CD999999", register="cochrane", source="reviews", kind="REVIEW", licence="", record_id="r", review=Review(),
        identifiers=[named()],
    )  # fmt: skip
    assert rows([trial(), review]) == []


@pytest.mark.parametrize(
    ("title", "types", "paper_type"),
    [
        ("Zarvolimab in glowing fever: study protocol for a randomised trial", (), "protocol"),
        ("Rationale and design of the GLOW trial", (), "protocol"),
        ("Zarvolimab in glowing fever", ("Clinical Trial Protocol",), "protocol"),
        ("Zarvolimab in glowing fever: a systematic review", (), "review"),
        ("Zarvolimab in glowing fever", ("Randomized Controlled Trial", "Meta-Analysis"), "review"),
        ("Zarvolimab in glowing fever", ("Letter", "Comment"), "comment"),
        (
            "Predictors of response to zarvolimab: a post hoc analysis of GLOW",
            ("Randomized Controlled Trial",),
            "secondary",
        ),
        ("Zarvolimab in glowing fever", ("Randomized Controlled Trial",), "results"),
        ("Zarvolimab versus placebo in glowing fever", (), "results"),
        ("Zarvolimab and the spleen", ("Journal Article",), "other"),
    ],
)
def test_what_a_paper_is(rows: Rows, title: str, types: tuple[str, ...], paper_type: str) -> None:
    records = [trial(), paper("1", named(role="secondary"), title=title, publication_types=list(types))]
    assert rows(records, "SELECT paper_type FROM paper_links") == [(paper_type,)]


# --- what is alike

_DRUGS = [
    f"{a}{b}{c}"
    for a in ("zar", "mib", "lor", "fen", "tup")
    for b in ("vol", "ket", "dax", "ron")
    for c in ("imab", "inib", "azole")
]
_CONDITIONS = [
    "glowing fever",
    "amber lung",
    "restless ear",
    "gloaming rash",
    "paper skin",
    "velvet cough",
    "hollow bone",
]
_PLACES = ["hospital ward", "primary clinic", "nursing home", "school class", "mountain village", "coastal town"]


def crowd(number: int = 250) -> list[Record]:
    """Trials and papers about other things, so that words, names and numbers have their usual rarity."""
    rng = random.Random(20261121)
    found = []
    for at in range(number):
        drug, other, condition = rng.choice(_DRUGS), rng.choice(_DRUGS), rng.choice(_CONDITIONS)
        found.append(
            trial(
                f"NCT98{at:06d}",
                public_title=f"{drug} compared with {other} for {condition} in the {rng.choice(_PLACES)}",
                conditions=[Condition(name=condition)],
                interventions=[Intervention(name=drug, type="DRUG")],
                enrollment_actual=rng.randint(20, 900),
                start_date=PartialDate(date="2010-01"),
                officials=[Official(name=f"Official{at} Fictional{at}, MD")],
            )
        )
        drug, condition = rng.choice(_DRUGS), rng.choice(_CONDITIONS)
        found.append(
            paper(
                f"8{at:05d}",
                title=f"{drug} for {condition} in the {rng.choice(_PLACES)}: a randomised trial of year {at}",
                abstract=f"We treated {rng.randint(20, 900)} people with {condition}.",
                publication_types=["Randomized Controlled Trial"],
                publication_date=PartialDate(date="2015"),
            )
        )
    return found


def matching_trial(**changed: Any) -> Record:
    fields: dict[str, Any] = {
        "public_title": "Quillomab against cobalt shivers: the COBALT-7 study",
        "acronym": "COBALT-7",
        "conditions": [Condition(name="cobalt shivers")],
        "interventions": [Intervention(name="quillomab", type="BIOLOGICAL")],
        "enrollment_actual": 4321,
        "start_date": PartialDate(date="2012-03"),
        "completion_date": PartialDate(date="2014-05"),
        "status": "COMPLETED",
        "officials": [Official(name="Prof. Aurelia Q. Fictional-Quill, MD, PhD")],
    }
    return trial(**(fields | changed))


def matching_paper(pmid: str = "1", **changed: Any) -> Record:
    fields: dict[str, Any] = {
        "title": "Quillomab for cobalt shivers (COBALT-7): a randomised trial",
        "abstract": "Between March 2012 and May 2014 we treated 4,321 people with cobalt shivers.",
        "publication_types": ["Randomized Controlled Trial"],
        "publication_date": PartialDate(date="2015-02"),
        "authors": [Author(last_name="Fictional-Quill", fore_name="Aurelia", initials="AQ")],
    }
    return paper(pmid, **(fields | changed))


def alike(rows: Rows, *records: Record, pmid: str = "1") -> list[tuple[Any, ...]]:
    sql = f"SELECT study_id, is_accepted, reason FROM paper_links WHERE method = 'similarity' AND paper_id = '{pmid}'"
    found: list[tuple[Any, ...]] = rows([*crowd(), *records], f"{sql} ORDER BY ALL")
    return found


def test_a_paper_without_an_id_is_found_by_what_it_says(rows: Rows) -> None:
    sql = "SELECT study_id, is_accepted, score, paper_type, evidence FROM paper_links WHERE is_accepted"
    ((study, accepted, score, paper_type, evidence),) = rows([*crowd(), matching_trial(), matching_paper()], sql)
    assert (study, accepted, paper_type) == (NCT, True, "results")
    assert score > 0.99
    said = {one["field"]: (one["value_paper"], one["weight"]) for one in evidence}
    assert {"title", "drug", "condition", "acronym", "person", "number", "month", "date"} <= said.keys()
    assert said["acronym"][0] == "COBALT-7"
    assert said["person"][0] == "fictional-quill a"
    assert said["number"][0] == "4321"
    assert said["month"][0] == "2012-03 2014-05"
    assert all(weight > 0 for _, weight in said.values())


def test_crowded_topics_are_left_alone(rows: Rows) -> None:
    found = rows(crowd(), "SELECT count(*) FROM paper_links WHERE is_accepted")
    assert found == [(0,)]


@pytest.mark.parametrize(
    ("trial_changes", "paper_changes"),
    [
        pytest.param({"start_date": PartialDate(date="2016-01"), "completion_date": None}, {}, id="before it began"),
        pytest.param({}, {"publication_types": ["Systematic Review"]}, id="a review"),
        pytest.param({"interventions": [Intervention(name="zorbitol", type="DRUG")], "acronym": None,
                      "public_title": "Zorbitol against cobalt shivers", "officials": [], "enrollment_actual": 77,
                      "start_date": PartialDate(date="2012"), "completion_date": None}, {}, id="another drug"),
    ],
)  # fmt: skip
def test_what_speaks_against_it_counts(
    rows: Rows, trial_changes: dict[str, Any], paper_changes: dict[str, Any]
) -> None:
    found = alike(rows, matching_trial(**trial_changes), matching_paper(**paper_changes))
    assert [one for one in found if one[1]] == []


def test_two_trials_that_fit_as_well_are_told_as_ambiguous(rows: Rows) -> None:
    twin = matching_trial(id="NCT99000002", record_id="ctg:twin")
    found = alike(rows, matching_trial(), twin, matching_paper())
    assert found == [(NCT, False, "ambiguous"), ("NCT99000002", False, "ambiguous")]


def test_drug_and_condition_alone_are_not_enough(rows: Rows) -> None:
    plain_trial = matching_trial(
        acronym=None, public_title="Quillomab against cobalt shivers", officials=[], enrollment_actual=None,
        start_date=PartialDate(date="2012"), completion_date=None,
    )  # fmt: skip
    plain_paper = matching_paper(
        title="Quillomab for cobalt shivers: a randomised trial", abstract="It helped.", authors=[]
    )
    found = alike(rows, plain_trial, plain_paper)
    assert [(study, accepted) for study, accepted, _ in found] in ([], [(NCT, False)])


def test_a_paper_that_names_another_trial_is_not_matched(rows: Rows) -> None:
    assert alike(rows, matching_trial(), paper("2"), matching_paper()) != []
    theirs = matching_paper()
    theirs.identifiers = [named("NCT97000001")]
    assert alike(rows, matching_trial(), theirs) == []


def test_the_outcome_depends_neither_on_order_nor_on_threads(tmp_path: Path) -> None:
    records = [*crowd(), matching_trial(), matching_paper(), paper("2", named())]
    outcomes = []
    for seed, threads in ((1, 1), (2, 4)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcomes.append(linked(records, folder, "FROM paper_links", seed=seed, threads=threads))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Aurelia Q. Fictional", "fictional a"),
        ("Prof. Dr. med. Aurelia Fictional, MD, PhD", "fictional a"),
        ("Fictional, Aurelia", "fictional a"),
        ("Fictional, AQ", "fictional a"),
        ("Aurelia Fictional-Quill, M.D.", "fictional-quill a"),
        ("GSK Clinical Trials 1", ""),
        ("Clinical Trials", ""),
        ("The Fictional Fever Group", ""),
        ("Fictional", ""),
        ("Study Director of the Fictional Pharmaceuticals Company Limited", ""),
        ("", ""),
    ],
)
def test_people(name: str, key: str) -> None:
    assert person_key(name) == key


# --- what is missing


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("""
        CREATE TABLE studies (study_id VARCHAR, title VARCHAR, sponsor VARCHAR, lead_sponsor_class VARCHAR,
            kind VARCHAR, trial_type VARCHAR, recruitment_status VARCHAR, start_date DATE, primary_completion_date DATE,
            primary_completion_date_type VARCHAR, completion_date DATE, completion_date_type VARCHAR,
            has_results BOOLEAN, results_posted_date DATE, record_ids VARCHAR[]);
        CREATE TABLE paper_links (paper_id VARCHAR, study_id VARCHAR, method VARCHAR, is_accepted BOOLEAN,
            reason VARCHAR, paper_type VARCHAR);
        CREATE TABLE records AS SELECT 'r' AS record_id, {'date': '2020-06-30'} AS exported_date,
            {'date': '2019-01-01'} AS last_updated_date""")
    return con


def put_study(con: duckdb.DuckDBPyConnection, id: str, **changed: Any) -> None:
    fields = {
        "study_id": id, "kind": "registration", "trial_type": "INTERVENTIONAL", "recruitment_status": "COMPLETED",
        "primary_completion_date": datetime.date(2018, 1, 31), "record_ids": ["r"],
    } | changed  # fmt: skip
    con.execute(
        f"INSERT INTO studies BY NAME SELECT {', '.join(f'${name} AS {name}' for name in fields)}",
        fields,
    )


def test_overdue_says_what_was_looked_for(con: duckdb.DuckDBPyConnection) -> None:
    put_study(con, "late")
    put_study(con, "recent", primary_completion_date=datetime.date(2019, 8, 1))
    put_study(con, "going on", recruitment_status="RECRUITING")
    put_study(con, "observed", trial_type="OBSERVATIONAL")
    put_study(con, "posted", has_results=True)
    put_study(con, "expected", primary_completion_date_type="ANTICIPATED")
    put_study(con, "second date", primary_completion_date=None, completion_date=datetime.date(2017, 1, 1))
    put_study(con, "published")
    put_study(con, "claimed")
    con.execute("""INSERT INTO paper_links VALUES
        ('1', 'late', 'databank', true, NULL, 'protocol'), ('2', 'late', 'reference', false, 'weak_reference', NULL),
        ('3', 'late', 'mention', false, 'weak_place', 'results'),
        ('4', 'published', 'similarity', true, NULL, 'results'),
        ('5', 'claimed', 'result_reference', true, NULL, NULL)""")
    until, total, found = overdue(con)
    assert (until, total) == ("2020-06-30", 2)
    assert [(one.study_id, one.completed, one.due, one.days_overdue) for one in found] == [
        ("second date", "2017-01-01", "2018-01-01", 911),
        ("late", "2018-01-31", "2019-01-31", 516),
    ]
    assert found[1].other_papers == {"protocol": 1, "weak_place": 1, "weak_reference": 1}
    assert (found[1].last_seen, found[1].is_seen_after_due) == ("2020-06-30", True)


def test_what_is_lacking_may_be_posted_results_or_a_paper_alone(con: duckdb.DuckDBPyConnection) -> None:
    put_study(con, "neither")
    put_study(con, "published")
    put_study(con, "posted", has_results=True)
    con.execute("INSERT INTO paper_links VALUES ('4', 'published', 'databank', true, NULL, 'results')")

    def listed(lacking: Any) -> dict[str, bool]:
        return {one.study_id: one.has_results for one in overdue(con, lacking=lacking)[2]}

    assert listed("both") == {"neither": False}
    assert listed("results") == {"neither": False, "published": False}
    assert listed("paper") == {"neither": False, "posted": True}
    assert "whatever was posted" in overdue_rule(12, "paper")


def test_overdue_counts_from_the_months_and_date_that_are_asked(con: duckdb.DuckDBPyConnection) -> None:
    put_study(con, "late")
    assert overdue(con, months=36)[1] == 0
    assert overdue(con, until="2019-02-01")[2][0].days_overdue == 1
    assert overdue(con, until="2019-01-31")[1] == 0
    assert overdue(con, limit=0)[1:] == (1, [])


@pytest.mark.parametrize(("how", "message"), [({"months": -1}, "--months 12"), ({"until": "soon"}, "--until")])
def test_overdue_takes_only_dates_and_months(con: duckdb.DuckDBPyConnection, how: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        overdue(con, **how)


# --- a generated sample, whose truth is known


@pytest.mark.slow
def test_papers_of_a_sample_are_found_without_ids(resolved_sample: Path, tmp_path: Path) -> None:
    truth = json.loads((resolved_sample / "sample" / "truth.json").read_text())
    about = {one["pmid"]: set(one["trials"]) for one in truth["papers"]}
    names = {trial_key(record["id"]): one["trial"] for one in truth["trials"] for record in one["records"]}
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW told AS FROM '{resolved_sample}/warehouse/records/*/*.parquet'")
        con.execute("""CREATE VIEW records AS SELECT * REPLACE (
            CASE WHEN kind = 'REGISTRATION' THEN identifiers ELSE [] END AS identifiers,
            list_filter("references", lambda r: false) AS "references") FROM told""")
        con.execute("CREATE TABLE source_licences AS SELECT DISTINCT source, true AS is_open FROM told")
        tables = resolved_sample / "warehouse" / "tables"
        con.execute(f"COPY (FROM '{tables}/trial_records.parquet') TO '{tmp_path}/trial_records.parquet'")
        hidden = f"FROM '{tables}/publication_links.parquet' WHERE false"
        con.execute(f"COPY ({hidden}) TO '{tmp_path}/publication_links.parquet'")
        link_papers(con, tmp_path)
        found = con.execute(
            f"SELECT paper_id, study_id FROM '{tmp_path}/paper_links.parquet' WHERE is_accepted"
        ).fetchall()
        trials: dict[str, set[str]] = {}
        for study, id in con.execute("SELECT study_id, id FROM told JOIN trial_records USING (record_id)").fetchall():
            trials.setdefault(study, set()).update({names[trial_key(id)]} if trial_key(id) in names else ())
    right = [paper for paper, study in found if about.get(paper, set()) & trials[study]]
    wanted = [one for one in truth["papers"] if one["kind"] in ("results", "protocol", "secondary")]
    assert len(right) / len(found) > 0.98
    assert len(set(right)) / len(wanted) > 0.6
