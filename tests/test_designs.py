"""Drafts that are read, trials that are like them, and how those were designed, on trials made by hand."""

from __future__ import annotations

import datetime
import gzip
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests import handmade
from tests.handmade import HandTrial
from trialpanorama.designs import (
    MOST_DRAFT_BYTES,
    WEIGHTS,
    Draft,
    DraftArm,
    DraftIntervention,
    DraftOutcome,
    Similar,
    draft_of,
    draft_text,
    read_draft,
    record_of,
    similar,
    summary,
    template,
)
from trialpanorama.errors import UserError
from trialpanorama.ingest import read_content
from trialpanorama.record import Record
from trialpanorama.tables import TABLES
from trialpanorama.warehouse import Warehouse, arrow_schema, write_parquet

FIXTURES = Path(__file__).parent / "fixtures"

# --- drafts


def test_the_template_can_be_read_and_shows_every_key() -> None:
    record = read_draft(template().encode(), "draft.yaml")
    assert record.public_title == "Verolimab for adults with moderate asthma"
    assert (record.phases, record.is_masked, record.number_of_arms) == (["PHASE2"], True, 2)
    assert [arm.intervention_names for arm in record.arms] == [["Verolimab"], ["Placebo"]]
    assert record.interventions[0].arm_labels == ["Verolimab"]
    assert record.start_date is not None
    assert (record.start_date.date, record.start_date.type) == (
        "2027-03",
        "ESTIMATED",
    )
    said = {line.split(":")[0] for line in template().splitlines() if line[:1].isalpha()}
    assert said == set(Draft.__struct_fields__)
    for part in (DraftArm, DraftIntervention, DraftOutcome):
        assert all(f"{name}:" in template() for name in part.__struct_fields__)
    assert "FICTIONAL" in template()


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_draft_is_written_as_it_is_read(form: Any) -> None:
    record = read_draft(template().encode(), "draft.yaml")
    assert read_draft(draft_text(draft_of(record), form).encode(), f"draft.{form}") == record


def test_words_of_registers_are_folded_and_lists_may_be_lines() -> None:
    text = """
    public_title: A
    phases: Phase 1/Phase 2
    masking: double blind
    sex: both
    conditions: |
      - Asthma
      - Cough
    interventions: [Fictumab, {name: Lamp, type: device}]
    outcomes: [Cough frequency]
    exclusion_criteria: |
      1. Pregnancy
      2. Surgery
    countries: [UK]
    start_date: March 2027
    completion_date: 2029
    """
    record = read_draft("\n".join(line[4:] for line in text.splitlines()).encode(), "a.yml")
    assert record.phases == ["PHASE1", "PHASE2"]
    assert (record.masking, record.sex) == ("DOUBLE", "ALL")
    assert [one.name for one in record.conditions] == ["Asthma", "Cough"]
    assert [(one.name, one.type) for one in record.interventions] == [("Fictumab", None), ("Lamp", "DEVICE")]
    assert [(one.type, one.measure) for one in record.outcomes] == [("PRIMARY", "Cough frequency")]
    assert record.exclusion_criteria == "- Pregnancy\n- Surgery"
    assert [one.name for one in record.countries] == ["United Kingdom"]
    assert record.start_date is not None
    assert record.start_date.date == "2027-03"
    assert record.completion_date is not None
    assert record.completion_date.date == "2029"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"title: A", "a.yaml", "unknown key title; did you mean public_title?"),
        (b"public_title: A\narms: [{labl: B}]", "a.yaml", "unknown key arms[0].labl; did you mean label?"),
        (b"public_title: A\nphases: Phase 9", "a.yaml", "'Phase 9' is not one of EARLY_PHASE1, PHASE1"),
        (b"public_title: A\narms: [{label: B, type: best}]", "a.yaml", "arms[0].type: 'best' is not one of EXPERIM"),
        (b"public_title: A\nstart_date: soon", "a.yaml", "start_date is no date"),
        (b"public_title: A\nenrollment_target: -3", "a.yaml", "enrollment_target: Expected `int` >= 0"),
        (b"enrollment_target: 3", "a.yaml", "neither a title nor conditions nor interventions"),
        (b"a: &a [1]\nb: *a", "a.yaml", "alias"),
        (b"- A", "a.yaml", "no keys and values"),
        (b"public_title: [", "a.yaml", "neither a registry's file nor YAML"),
        (b"a: " + b"[" * 200_000, "a.yaml", "lists in lists"),
        (b"- " * 100_000, "a.yaml", "lists in lists"),
        (b"{a: " * 50_000, "a.yaml", "lists in lists"),
        (b"\xff\xfe\x00", "a.yaml", "neither a registry's file nor YAML"),
        (b"public_title: " + b"a" * MOST_DRAFT_BYTES, "a.yaml", "longer than a draft can be"),
        (b"Not a registry's file.", "notes.txt", "no source recognises the content"),
        (b"", "empty.xml", "no bytes"),
        (b"%PDF-1.7", "protocol.pdf", "PDF"),
        (b"!!python/object/apply:os.system ['true']", "a.yaml", "neither a registry's file nor YAML"),
    ],
)  # fmt: skip
def test_what_is_no_draft_is_refused_in_one_line(content: bytes, name: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        read_draft(content, name)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 700


def _fixtures() -> list[Path]:
    return [
        path
        for path in sorted(FIXTURES.rglob("*.*"))
        if path.is_file() and ".golden." not in path.name and path.parent.name not in ("aact", "ontologies", "reviews")
    ]


def test_a_file_with_one_study_of_any_register_is_a_draft_and_no_other_file() -> None:
    read = set()
    for path in _fixtures():
        content = path.read_bytes()
        records = [one for one in read_content(content, path.name) if isinstance(one, Record)]
        if len(records) == 1 and records[0].kind == "REGISTRATION":
            record = read_draft(content, path.name)
            assert record == records[0]
            read.add(record.source)
            # what can be edited of it is a draft, too
            draft = draft_of(record)
            again = draft_of(read_draft(draft_text(draft).encode(), "draft.yaml"))
            assert [*again.conditions, *again.outcomes, *again.phases] == [
                *draft.conditions, *draft.outcomes, *draft.phases,
            ]  # fmt: skip
        else:
            with pytest.raises(UserError):
                read_draft(content, path.name)
    assert {"clinicaltrials_gov", "isrctn"} <= read
    assert len(read) >= 5


def test_a_file_may_be_compressed_or_the_only_one_of_an_archive() -> None:
    content = (FIXTURES / "clinicaltrials_gov" / "one_study.xml").read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("study.xml", content)
    ids = {read_draft(data, "a").id for data in (content, gzip.compress(content), archive.getvalue())}
    assert len(ids) == 1


def test_several_studies_are_refused_and_so_is_a_paper() -> None:
    archive = io.BytesIO()
    content = (FIXTURES / "clinicaltrials_gov" / "one_study.xml").read_bytes()
    with zipfile.ZipFile(archive, "w") as out:
        for number in range(30):
            out.writestr(f"{number}.xml", content)
    with pytest.raises(UserError, match="holds several studies"):
        read_draft(archive.getvalue(), "many.zip")
    paper = b"""<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">99000001</PMID>
        <Article><Journal><Title>J</Title></Journal><ArticleTitle>A fictional article</ArticleTitle></Article>
        </MedlineCitation></PubmedArticle></PubmedArticleSet>"""
    with pytest.raises(UserError, match="is a publication, not the registration"):
        read_draft(paper, "paper.xml")


def test_contacts_in_an_upload_are_not_kept() -> None:
    content = (FIXTURES / "clinicaltrials_gov" / "one_study.xml").read_text(encoding="utf-8")
    text = content.replace("</brief_title>", " write to nobody@example.org</brief_title>", 1)
    assert text != content
    record = read_draft(text.encode(), "a.xml")
    assert "[e-mail removed]" in (record.public_title or "")
    assert record.contacts == []


def test_real_registry_files_are_drafts(shared_data: Path) -> None:
    read = 0
    with zipfile.ZipFile(next(shared_data.rglob("AllPublicXML_part.zip"))) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml")]
        for name in names[:: max(len(names) // 40, 1)]:
            record = read_draft(archive.read(name), name)
            assert record.id in name
            again = draft_of(record_of(draft_of(record)))
            assert again == draft_of(record)
            read += 1
    assert read >= 40


# --- similar trials


def _concept(id: str, kind: str, *names: str) -> dict[str, Any]:
    return {"concept_id": id, "name": names[0], "names": list(names), "kind": kind}


CONCEPTS = [
    _concept("C:LUNG", "condition", "Lung trouble"),
    _concept("C:AMBER", "condition", "Amber Lung", "Lungs, amber"),
    _concept("C:FOG", "condition", "Fog Lung"),
    _concept("C:EAR", "condition", "Restless Ear Syndrome", "Amber"),
    _concept("D:MAB", "drug", "Imaginary antibodies"),
    _concept("D:FIC", "drug", "Fictumab", "FIC-17"),
    _concept("D:GIN", "drug", "Imaginast"),
    _concept("D:EXA", "drug", "Examplinib"),
    _concept("D:MG", "drug", "Magnesium", "mg"),
]
ABOVE = {"C:AMBER": "C:LUNG", "C:FOG": "C:LUNG", "D:FIC": "D:MAB", "D:GIN": "D:MAB"}
NAMES = {one["name"]: one["concept_id"] for one in CONCEPTS}

TRIALS = [
    HandTrial(number=1, title="Fictumab in Amber Lung", conditions=("Amber Lung",), also=("ISRCTN99000001",),
              completed="2016-03-01", registered="2015-03-01",
              studies={"enrollment_actual": 80, "primary_completion_date": datetime.date(2016, 1, 1),
                       "results_posted_date": datetime.date(2017, 5, 1), "has_results": True,
                       "number_of_locations": 4}),
    HandTrial(number=2, title="Imaginast in Amber Lung", conditions=("Amber Lung",), drug="Imaginast",
              status="TERMINATED", why_stopped="Slow accrual", completed="2018-01-01", registered="2016-03-01",
              studies={"enrollment_actual": 10}),
    HandTrial(number=3, title="Examplinib in Fog Lung", conditions=("Fog Lung",), drug="Examplinib",
              completed="2019-03-01", registered="2018-03-01",
              studies={"phases": ["PHASE3"], "enrollment_actual": 400, "number_of_arms": 4}),
    HandTrial(number=4, title="Examplinib in Restless Ear Syndrome", conditions=("Restless Ear Syndrome",),
              drug="Examplinib", registered="2012-01-01", status="WITHDRAWN", studies={"enrollment_actual": 0}),
    HandTrial(number=5, title="Fictumab in Restless Ear Syndrome", conditions=("Restless Ear Syndrome",),
              registered="2014-01-01", status="RECRUITING"),
    *(HandTrial(number=number, title=f"Lamps {number}", conditions=("Darkness",), drug="Lamp")
      for number in range(10, 20)),
    *(HandTrial(number=number, title="Silence", conditions=("Restless Ear Syndrome",), drug="Silence")
      for number in range(47, 39, -1)),
]  # fmt: skip


def _mentions(trial: HandTrial) -> list[dict[str, Any]]:
    said = [("conditions", "condition", name) for name in trial.conditions] + [("interventions", "drug", trial.drug)]
    found = [
        {"study_id": trial.study_id, "field": field, "kind": kind, "text": text, "concept_id": NAMES[text],
         "position": 1, "part": 1, "is_negated": False}
        for field, kind, text in said if text in NAMES
    ]  # fmt: skip
    return found + [
        {"study_id": trial.study_id, "field": "outcomes", "kind": "endpoint", "position": 1, "part": 1,
         "text": "fever score", "matched": "Fever Score", "concept_id": "COMET:1"}
        for _ in trial.primary if "fever score" in trial.primary[0]
    ]  # fmt: skip


def _criterion(trial: int, is_inclusion: bool, kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"study_id": f"NCT99{trial:06d}", "is_inclusion": is_inclusion, "kind": kind, "text": text,
            "position": 1, "part": 1, **more}  # fmt: skip


ROWS = {
    "concepts": CONCEPTS,
    "concept_ancestors": [
        {"concept_id": below, "ancestor_id": above, "ancestor_name": above, "depth": 1}
        for below, above in ABOVE.items()
    ],
    "mentions": [row for trial in TRIALS for row in _mentions(trial)],
    "criteria": [
        _criterion(1, True, "age", "Adults of 18 years or more", entity="years", low=18.0, unit="a"),
        _criterion(2, True, "age", "From 40 to 60 years", entity="age", low=40.0, high=60.0, unit="a"),
        _criterion(3, True, "age", "At least 24 months", low=24.0, unit="mo"),
        _criterion(1, False, "measurement", "Creatinine above 2", concept_name="Creatinine", low=2.0, unit="mg/dL"),
        _criterion(2, False, "measurement", "Creatinine over 3 mg/dL at screening", concept_name="Creatinine",
                   low=3.0, unit="mg/dL"),
        _criterion(3, True, "measurement", "Creatinine of 1", concept_name="Creatinine", high=1.0, unit="mg/dL"),
        _criterion(3, False, "other", "Whatever"),
    ],
    "results": [
        {"study_id": f"NCT99{trial:06d}", "endpoint_type": "PRIMARY", "p_value": p, "p_value_inequality": sign,
         "non_inferiority_type": kind}
        for trial, p, sign, kind in (
            (1, 0.01, "=", None), (1, 0.05, "<", "SUPERIORITY"),
            (2, 0.4, "=", "SUPERIORITY_OR_OTHER"),
            (3, 0.01, "=", None), (3, 0.2, "=", None),
            (4, 0.4, "=", "NON_INFERIORITY"),
        )
    ],
}  # fmt: skip


def _put(warehouse: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Fill tables that trials made by hand leave empty."""
    for table in TABLES:
        if table.name in rows:
            with duckdb.connect() as con:
                columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
                con.execute(f"CREATE TABLE made ({columns})")
                for row in rows[table.name]:
                    names = ", ".join(row)
                    con.execute(
                        f"INSERT INTO made ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values())
                    )
                con.execute(f"COPY made TO '{warehouse / 'tables' / table.name}.parquet' (FORMAT parquet)")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("designs") / "warehouse"
    opened = handmade.warehouse(folder, TRIALS, snapshot="designs")
    _put(folder, ROWS)
    return opened


def _draft(conditions: Sequence[str], interventions: Sequence[str], **more: Any) -> Record:
    given = [DraftIntervention(name=name, type="DRUG") for name in interventions]
    return record_of(Draft(conditions=list(conditions), interventions=given, **more))


AMBER = _draft(["Amber Lung"], ["Fictumab 150 mg"], phases=["PHASE2"])


def _numbers(found: Iterable[Similar]) -> list[int]:
    return [int(one.study_id[5:]) for one in found]


def test_the_nearest_trials_come_first_by_what_they_share(made: Warehouse) -> None:
    found = similar(made, AMBER)
    assert _numbers(found)[:2] == [1, 2]
    first, second = found[:2]
    assert (first.shared.conditions, first.shared.interventions) == (["Amber Lung"], ["Fictumab"])
    assert first.shared.parts == {
        "conditions": 1.0, "interventions": 1.0, "phases": 1.0, "study_type": 1.0, "intervention_types": 1.0,
    }  # fmt: skip
    assert first.score == 1.0
    # another antibody: nothing that either says itself, but what stands above both
    assert second.shared.interventions == ["Imaginary antibodies"]
    assert 0 < second.shared.parts["interventions"] < 1
    by_number = dict(zip(_numbers(found), found, strict=True))
    # a sister disease tested with another drug, and the same drug in another disease
    assert by_number[3].shared.conditions == ["Lung trouble"]
    assert by_number[3].shared.parts["phases"] == 0.5
    assert by_number[5].shared.interventions == ["Fictumab"]
    assert 4 not in by_number  # nothing in common
    whole = sum(WEIGHTS[name] for name in second.shared.parts)
    assert second.score == pytest.approx(
        sum(WEIGHTS[name] * value for name, value in second.shared.parts.items()) / whole, abs=2e-4
    )
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_what_became_of_them_is_said(made: Warehouse) -> None:
    found = dict(zip(_numbers(similar(made, AMBER)), similar(made, AMBER), strict=True))
    one = found[1]
    assert (one.status, one.outcome, one.enrollment, one.has_results) == ("COMPLETED", "COMPLETED", 80, True)
    assert one.ids == ["ISRCTN99000001", "NCT99000001"]
    assert one.completion_date == datetime.date(2016, 3, 1)
    assert one.is_fictional
    assert (found[2].status, found[2].why_stopped) == ("TERMINATED", "Slow accrual")
    assert [found[number].primary_endpoint_met for number in (1, 2, 3)] == [True, False, None]
    withdrawn = similar(made, _draft(["Restless Ear Syndrome"], ["Examplinib"]))[0]
    assert _numbers([withdrawn]) == [4]
    assert withdrawn.primary_endpoint_met is None


def test_the_draft_itself_is_never_among_them(made: Warehouse) -> None:
    def without(**more: Any) -> list[int]:
        return _numbers(similar(made, _draft(["Amber Lung"], ["Fictumab"], **more)))

    assert without()[0] == 1
    assert 1 not in without(id="NCT99000001")
    assert 1 not in without(id="ISRCTN99000001")
    assert 1 not in without(public_title="FICTUMAB in Amber  Lung.")
    secondary = msgspec.structs.replace(AMBER, identifiers=[_identifier("NCT99000001", "secondary")])
    assert 1 not in _numbers(similar(made, secondary))
    mentioned = msgspec.structs.replace(AMBER, identifiers=[_identifier("NCT99000001", "mentioned")])
    assert _numbers(similar(made, mentioned))[0] == 1


def _identifier(id: str, role: str) -> Any:
    from trialpanorama.record import Identifier

    return Identifier(id=id, register="clinicaltrials_gov", role=role)


def test_before_a_day_nothing_is_known_that_came_later(made: Warehouse) -> None:
    found = similar(made, AMBER, before="2016-02-01")
    assert _numbers(found) == [1, 5]  # the others were registered later
    one = found[0]
    assert one.registration_date == datetime.date(2015, 3, 1)
    said = (one.status, one.outcome, one.enrollment, one.completion_date, one.has_results, one.primary_endpoint_met)
    assert said == (None,) * 6
    later = similar(made, AMBER, before="2016-04-01")[0]
    assert (later.status, later.enrollment, later.has_results) == ("COMPLETED", 80, None)
    assert similar(made, AMBER, before="2017-06-01")[0].primary_endpoint_met is True


def test_ties_are_divided_by_id_and_the_count_is_kept(made: Warehouse) -> None:
    found = similar(made, _draft(["Restless Ear Syndrome"], []), count=6)
    assert _numbers(found) == [4, 5, 40, 41, 42, 43]
    assert len({one.score for one in found}) == 1
    assert found == similar(made, _draft(["Restless Ear Syndrome"], []), count=6)


def test_words_are_read_by_the_names_of_the_snapshot(made: Warehouse) -> None:
    def about(*names: str) -> list[str]:
        found = similar(made, _draft(names, []), count=1)
        return found[0].shared.conditions if found else []

    assert about("Severe LUNGS, amber in adults") == ["Amber Lung"]
    # the longest name wins: "Amber" alone would be another disease
    assert about("Amber Lung") == ["Amber Lung"]
    assert about("amber") == ["Restless Ear Syndrome"]
    assert about("Something else") == []
    doses = similar(made, _draft([], ["FIC-17 150 mg"]), count=1)[0]
    assert doses.shared.interventions == ["Fictumab"]
    assert similar(made, _draft([], ["150 mg"])) == []  # no magnesium


def test_an_index_adds_words_and_is_not_needed(made: Warehouse, tmp_path: Path) -> None:
    import shutil

    from trialpanorama.search.index import Index

    plain = similar(made, _draft(["Unheard-of illness"], [], public_title="Lamps 17 at home"))
    assert plain == []
    copy = tmp_path / "warehouse"
    shutil.copytree(made.path, copy)
    write_parquet(arrow_schema(Record).empty_table(), copy / "records" / "none.parquet")
    indexed = Warehouse.open(copy)
    Index.open(indexed)
    found = similar(indexed, _draft(["Unheard-of illness"], [], public_title="Lamps 17 at home"))
    assert _numbers(found)[0] == 17
    assert found[0].shared.parts["words"] == 1.0
    assert similar(indexed, AMBER)[0].shared.parts["words"] > 0
    assert 17 not in _numbers(similar(indexed, _draft([], [], public_title="Lamps 17")))  # its own title


# --- how they were designed


@pytest.fixture(scope="module")
def three(made: Warehouse) -> list[Similar]:
    found = {int(one.study_id[5:]): one for one in similar(made, AMBER)}
    return [found[number] for number in (1, 2, 3)]


def test_figures_are_medians_with_quartiles_and_the_trials_behind_them(made: Warehouse, three: list[Similar]) -> None:
    figures = summary(made, three).figures
    enrolled = figures["enrollment"]
    assert (enrolled.n, enrolled.low, enrolled.median, enrolled.high) == (3, 45.0, 80.0, 240.0)
    assert enrolled.trials == {"NCT99000001": 80.0, "NCT99000002": 10.0, "NCT99000003": 400.0}
    assert figures["enrollment_per_arm"].trials == {"NCT99000001": 40.0, "NCT99000002": 5.0, "NCT99000003": 100.0}
    # stopped trials have no duration that tells how long such a trial takes
    assert {id: round(months, 2) for id, months in figures["duration_months"].trials.items()} == {
        "NCT99000001": round(366 / 30.4375, 2), "NCT99000003": round(365 / 30.4375, 2),
    }  # fmt: skip
    assert figures["accrual_per_month"].trials["NCT99000001"] == pytest.approx(80 / (306 / 30.4375))
    assert (figures["sites"].n, figures["sites"].median) == (1, 4.0)
    assert (figures["maximum_age_years"].n, figures["maximum_age_years"].median) == (0, None)
    assert all(one.meaning and one.unit for one in figures.values())


def test_a_trial_that_enrolled_nobody_has_no_size(made: Warehouse) -> None:
    found = [one for one in similar(made, _draft(["Restless Ear Syndrome"], ["Examplinib"])) if _numbers([one]) == [4]]
    assert summary(made, found).figures["enrollment"].n == 0


def test_arms_criteria_and_endpoints_are_counted(made: Warehouse, three: list[Similar]) -> None:
    designs = summary(made, three)
    assert designs.trials == [one.study_id for one in three]
    assert designs.is_fictional
    assert designs.ended == {"COMPLETED": 2, "STOPPED": 1}
    assert designs.why_stopped == {"NCT99000002": "Slow accrual"}
    (arms,) = designs.arms
    assert (arms.name, arms.n, arms.of) == ("1 experimental, 1 placebo comparator", 3, 3)
    assert arms.examples == ["Active | Control"]
    assert [(one.name, one.n) for one in designs.comparators] == [("placebo", 3)]
    assert [(one.name, one.n) for one in designs.features["masking"]] == [("DOUBLE", 3)]
    criteria = {(one.kind, one.is_inclusion): one for one in designs.criteria}
    age = criteria["age", True]
    assert (age.name, age.n, age.of) == ("age", 3, 3)
    # two trials write years, one months: the limits are those in years
    assert [(one.name, one.unit, one.n, one.median) for one in age.limits] == [
        ("low", "a", 2, 29.0), ("high", "a", 1, 60.0),
    ]  # fmt: skip
    creatinine = criteria["measurement", False]
    assert (creatinine.name, creatinine.trials) == ("Creatinine", ["NCT99000001", "NCT99000002"])
    assert creatinine.examples == ["Creatinine above 2", "Creatinine over 3 mg/dL at screening"]
    assert criteria["measurement", True].trials == ["NCT99000003"]
    assert ("other", False) not in criteria  # of which nothing was understood
    (endpoint,) = designs.endpoints
    assert (endpoint.name, endpoint.n, endpoint.time_frames) == ("fever score", 3, ["12 weeks"])
    assert designs.secondary_endpoints == []


def test_where_all_trials_are_about_one_disease_they_are_still_found(tmp_path: Path) -> None:
    trials = [HandTrial(number=number, title=f"Study {number}") for number in range(1, 6)]
    opened = handmade.warehouse(tmp_path / "warehouse", trials, snapshot="one-disease")
    fever = _concept("C:FEVER", "condition", "Gloaming Fever")
    mentions = [
        {"study_id": one.study_id, "field": "conditions", "kind": "condition", "text": "Gloaming Fever",
         "concept_id": "C:FEVER", "position": 1, "part": 1}
        for one in trials
    ]  # fmt: skip
    _put(opened.path, {"concepts": [fever], "mentions": mentions})
    found = similar(opened, _draft(["Gloaming fever"], []))
    assert _numbers(found) == [1, 2, 3, 4, 5]
    assert found[0].shared.parts["conditions"] == 1.0


def test_no_trials_have_no_designs(made: Warehouse) -> None:
    designs = summary(made, [])
    assert not (designs.trials)
    assert not (designs.arms)
    assert not (designs.criteria)
    assert not (designs.endpoints)
    assert {one.n for one in designs.figures.values()} == {0}
