"""Records to Trials, on hand-made Records."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trialpanorama.record import Identifier, Paper, PartialDate, Record, Reference
from trialpanorama.resolve import MANY, resolve
from trialpanorama.tables import TABLES
from trialpanorama.warehouse import records_table

Rows = Callable[..., list[tuple[Any, ...]]]
NCT, DRKS, ISRCTN = "NCT99000001", "DRKS99000001", "ISRCTN99000001"
TITLE = "Zarvolimab in glowing fever"


def registration(id: str, register: str, *named: Identifier, source: str = "", **fields: Any) -> Record:
    source = source or ("ictrp" if register not in ("clinicaltrials_gov", "euctr") else register)
    fields = {"public_title": TITLE, "record_id": f"{source}:{id}"} | fields
    return Record(id=id, register=register, source=source, licence="free", identifiers=list(named), **fields)


def publication(pmid: str, *named: Identifier, types: tuple[str, ...] = ("Randomized Controlled Trial",)) -> Record:
    return Record(
        record_id=f"pubmed:{pmid}", id=pmid, register="pubmed", source="pubmed", kind="PUBLICATION",
        licence="NLM terms", identifiers=list(named), paper=Paper(pmid=pmid, publication_types=list(types)),
    )  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Resolve Records in a random order, and query the outcome."""

    def run(records: list[Record], sql: str, seed: int = 0) -> list[tuple[Any, ...]]:
        shuffled = records.copy()
        random.Random(seed).shuffle(shuffled)
        with duckdb.connect() as con:
            con.register("records", records_table(shuffled))
            con.execute(
                "CREATE TABLE source_licences AS FROM "
                "(VALUES ('clinicaltrials_gov', true), ('ictrp', false)) t(source, is_open)"
            )
            counts = resolve(con, tmp_path)
            for name, count in counts.items():
                con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM '{tmp_path}/{name}.parquet'")
                assert con.execute(f"SELECT count(*) FROM {name}").fetchall() == [(count,)]
            return con.execute(sql).fetchall()

    return run


def trials(rows: Rows, records: list[Record]) -> list[tuple[str, list[str]]]:
    sql = "SELECT study_id, list(record_id ORDER BY precedence) FROM trial_records GROUP BY ALL ORDER BY ALL"
    return rows(records, sql)


LINKS = "SELECT id_a, id_b, method, is_accepted, reason FROM trial_links ORDER BY ALL"


@pytest.mark.parametrize("direction", [1, 2, 3])
def test_an_id_asserted_in_either_direction_links(rows: Rows, direction: int) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov", *[Identifier(DRKS, "drks")] * (direction & 1)),
        registration(DRKS, "drks", *[Identifier(NCT, "clinicaltrials_gov")] * (direction >> 1)),
    ]
    assert trials(rows, records) == [(NCT, [f"clinicaltrials_gov:{NCT}", f"ictrp:{DRKS}"])]
    assert rows(records, LINKS) == [(NCT, DRKS, "mutual_id" if direction == 3 else "secondary_id", True, None)]


def test_evidence_says_where_and_what(rows: Rows) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov"),
        registration(DRKS, "drks", Identifier(NCT, "clinicaltrials_gov", field="SecondaryIDs"), public_title="Anders"),
    ]
    ((evidence, source, is_open),) = rows(records, "SELECT evidence, source, is_open FROM trial_links")
    assert evidence == [
        {"field": "SecondaryIDs", "value_a": NCT, "value_b": NCT, "weight": None},
        {"field": "title", "value_a": TITLE, "value_b": "Anders", "weight": None},
    ]
    assert (source, is_open) == ("clinicaltrials_gov; ictrp", False)


@pytest.mark.parametrize("role", ["organisation", "bridge", "secondary"])
def test_a_registry_id_counts_by_its_shape_whatever_the_field(rows: Rows, role: str) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov"),
        registration(DRKS, "drks", Identifier(NCT, "clinicaltrials_gov", role=role)),
    ]
    assert len(trials(rows, records)) == 1


def test_sponsor_codes_and_passing_mentions_link_nothing(rows: Rows) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov", Identifier("ZAR-301", role="organisation")),
        registration(
            DRKS, "drks", Identifier("ZAR-301", role="organisation"), Identifier(NCT, "clinicaltrials_gov", "mentioned")
        ),
    ]
    assert [study for study, _ in trials(rows, records)] == [DRKS, NCT]
    assert rows(records, LINKS) == [(NCT, DRKS, "title", False, "too_little_evidence")]


def test_versions_and_copies_of_one_record_are_ordered_native_then_newest(rows: Rows) -> None:
    def version(name: str, updated: str | None, source: str = "clinicaltrials_gov") -> Record:
        date = PartialDate(updated) if updated else None
        return registration(NCT, "clinicaltrials_gov", source=source, record_id=name, last_updated_date=date)

    records = [
        version("copy", "2091-01-01", "ictrp"), version("undated", None), version("old", "2089"),
        version("new", "2090-02-03"), version("newer-by-id", "2090-02-03"),
    ]  # fmt: skip
    assert trials(rows, records) == [(NCT, ["new", "newer-by-id", "old", "undated", "copy"])]
    assert rows(records, "SELECT DISTINCT record_a, method FROM trial_links") == [("new", "same_id")]


def test_country_protocols_of_one_eu_trial_fold_together(rows: Rows) -> None:
    records = [registration(f"2090-000001-10-{c}", "euctr", public_title=f"Title {c}") for c in ("DE", "GB", "ES")]
    ((study, members),) = trials(rows, records)
    assert study == "2090-000001-10"
    assert members[0] == "euctr:2090-000001-10-GB"


def test_resubmissions_of_one_ctis_number_fold_together(rows: Rows) -> None:
    records = [registration(f"2090-500001-10-0{n}", "ctis", public_title=f"Title {n}") for n in (0, 1)]
    assert [study for study, _ in trials(rows, records)] == ["2090-500001-10"]


def test_an_old_nct_number_leads_to_the_one_that_took_it_over(rows: Rows) -> None:
    current = registration("NCT99000009", "clinicaltrials_gov", Identifier(NCT, "clinicaltrials_gov", "alias"))
    twin = registration(DRKS, "drks", Identifier(NCT, "clinicaltrials_gov"))
    assert [study for study, _ in trials(rows, [current, twin])] == ["NCT99000009"]
    obsolete = registration(NCT, "clinicaltrials_gov", public_title="Entered twice by mistake")
    assert [study for study, _ in trials(rows, [current, twin, obsolete])] == ["NCT99000009"]
    assert ("NCT99000001", "NCT99000009", "alias", True, None) in rows([current, obsolete], LINKS)


def test_an_extension_that_quotes_its_parent_stays_a_trial_of_its_own(rows: Rows) -> None:
    records = [
        registration("2090-000001-10-DE", "euctr"),
        registration(
            NCT, "clinicaltrials_gov", Identifier("2090-000001-10", "euctr"), public_title=f"{TITLE}: extension study"
        ),
    ]
    assert len(trials(rows, records)) == 2
    assert rows(records, LINKS) == [(NCT, "2090-000001-10-DE", "secondary_id", False, "follow_on_study")]


def test_two_studies_of_one_register_are_not_merged(rows: Rows) -> None:
    other = registration(
        "NCT99000002", "clinicaltrials_gov", Identifier(NCT, "clinicaltrials_gov"), public_title="Quenolast for knees"
    )
    records = [registration(NCT, "clinicaltrials_gov"), other]
    assert len(trials(rows, records)) == 2
    assert rows(records, LINKS) == [(NCT, "NCT99000002", "secondary_id", False, "same_register")]


def test_an_id_that_many_name_is_ambiguous(rows: Rows) -> None:
    parent = registration(NCT, "clinicaltrials_gov")
    for number, merged in ((1, 1), (MANY + 1, 0)):
        named = [
            registration(f"DRKS9900010{n}", "drks", Identifier(NCT, "clinicaltrials_gov"), public_title=f"{n} hums")
            for n in range(number)
        ]
        assert len(trials(rows, [parent, *named])) == 1 + number - merged
    assert {row[-1] for row in rows([parent, *named], LINKS)} == {"ambiguous_id"}


def test_a_universal_trial_number_links_few_and_not_many(rows: Rows) -> None:
    registers = {
        NCT: "clinicaltrials_gov",
        DRKS: "drks",
        ISRCTN: "isrctn",
        "KCT9900001": "cris",
        "RPCEC99000001": "rpcec",
    }
    utn = Identifier("U1111-9999-0001", "utn")
    records = [registration(id, register, utn) for id, register in registers.items()]
    assert len(trials(rows, records[:MANY])) == 1
    assert {row[2] for row in rows(records[:MANY], LINKS)} == {"utn"}
    assert len(trials(rows, records)) == len(records)


def test_two_that_name_one_number_of_an_absent_registration_are_linked(rows: Rows) -> None:
    absent = "2090-000001-10"
    records = [
        registration(NCT, "clinicaltrials_gov", Identifier(absent, "euctr")),
        registration(DRKS, "drks", Identifier(f"{absent}-DE", "euctr", "bridge"), public_title="Anders"),
    ]
    assert rows(records, LINKS) == [(NCT, DRKS, "common_id", True, None)]
    mentioned = registration(DRKS, "drks", Identifier(absent, "euctr", "mentioned"), public_title="Anders")
    assert rows([records[0], mentioned], LINKS) == []
    present = registration(f"{absent}-DE", "euctr", public_title="Noch anders")
    assert {row[2] for row in rows([*records, present], LINKS)} == {"secondary_id", "bridge"}


def test_a_number_of_an_absent_registration_links_few_and_not_many(rows: Rows) -> None:
    registers = ("clinicaltrials_gov", "drks", "isrctn", "anzctr", "ctri")
    ids = (NCT, DRKS, ISRCTN, "ACTRN99000000000001", "CTRI/2090/01/000001")
    named = Identifier("2090-000001-10", "euctr")
    records = [registration(id, register, named) for id, register in zip(ids, registers, strict=True)]
    assert len(trials(rows, records[:MANY])) == 1
    assert len(trials(rows, records)) == len(records)


def test_study_id_is_the_id_in_the_register_of_the_highest_precedence(rows: Rows) -> None:
    pair = [registration(DRKS, "drks"), registration(ISRCTN, "isrctn", Identifier(DRKS, "drks"))]
    assert trials(rows, pair) == [(ISRCTN, [f"ictrp:{ISRCTN}", f"ictrp:{DRKS}"])]


def test_a_record_of_an_unknown_register_is_a_trial(rows: Rows) -> None:
    record = Record(record_id="x", id="LOCAL 12", source="ictrp", licence="free", public_title=TITLE)
    assert trials(rows, [record]) == [("LOCAL 12", ["x"])]


def test_a_publication_that_names_a_trial_is_no_member_of_it(rows: Rows) -> None:
    paper = publication("99000001", Identifier(NCT, "clinicaltrials_gov", "mentioned", field="abstract"))
    records = [registration(NCT, "clinicaltrials_gov"), paper]
    assert trials(rows, records) == [(NCT, [f"clinicaltrials_gov:{NCT}"])]
    sql = "SELECT record_id, study_id, id, role, field, is_open FROM publication_links"
    assert rows(records, sql) == [("pubmed:99000001", NCT, NCT, "mentioned", "abstract", None)]


def test_a_publication_names_a_trial_by_the_id_of_any_of_its_registrations(rows: Rows) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov", Identifier(DRKS, "drks")),
        registration(DRKS, "drks"),
        publication("99000001", Identifier(DRKS, "drks")),
    ]
    assert rows(records, "SELECT study_id FROM publication_links") == [(NCT,)]


@pytest.mark.parametrize(
    ("types", "is_trial"),
    [
        (("Journal Article", "Randomized Controlled Trial"), True),
        (("Clinical Trial, Phase III",), True),
        (("Clinical Trial",), True),
        (("Equivalence Trial",), True),
        (("Pragmatic Clinical Trial", "Multicenter Study"), True),
        (("Journal Article",), False),
        (("Randomized Controlled Trial", "Systematic Review"), False),
        (("Randomized Controlled Trial", "Meta-Analysis"), False),
        (("Clinical Trial Protocol",), False),
        (("Randomized Controlled Trial", "Clinical Trial Protocol"), False),
        (("Randomized Controlled Trial, Veterinary",), False),
        ((), False),
    ],
)
def test_a_report_of_an_unregistered_trial_is_a_trial(rows: Rows, types: tuple[str, ...], is_trial: bool) -> None:
    named = Identifier("NCT99007777", "clinicaltrials_gov")  # no such registration here
    assert trials(rows, [publication("99000001", named, types=types)]) == (
        [("99000001", ["pubmed:99000001"])] if is_trial else []
    )


@pytest.mark.parametrize(("type", "number"), [("RESULT", 1), ("DERIVED", 1), ("BACKGROUND", 2)])
def test_a_report_that_a_registration_lists_is_not_a_trial_of_its_own(rows: Rows, type: Any, number: int) -> None:
    references = [Reference(pmid="99000001", type=type)]
    records = [registration(NCT, "clinicaltrials_gov", references=references), publication("99000001")]
    assert len(trials(rows, records)) == number


@pytest.mark.slow
def test_the_outcome_does_not_depend_on_the_order_of_records(rows: Rows) -> None:
    records = [
        registration(NCT, "clinicaltrials_gov", Identifier(DRKS, "drks")),
        registration("NCT99000002", "clinicaltrials_gov", Identifier(DRKS, "drks"), public_title="Quenolast"),
        registration(DRKS, "drks", Identifier("U1111-9999-0001", "utn")),
        registration(ISRCTN, "isrctn", Identifier("U1111-9999-0001", "utn")),
        *(registration(f"2090-000001-10-{c}", "euctr", Identifier(ISRCTN, "isrctn")) for c in ("DE", "ES")),
        publication("99000001", Identifier(ISRCTN, "isrctn")),
        publication("99000002"),
    ]
    for sql in ("FROM trial_records", "FROM trial_links", "FROM publication_links"):
        expected = rows(records, sql)
        assert expected
        assert all(rows(records, sql, seed) == expected for seed in range(1, 6))


WRITTEN = ("trial_records", "trial_links", "publication_links", "trial_aliases", "disagreements")


def test_written_columns_are_the_declared_ones(rows: Rows) -> None:
    declared = {table.name: table.columns for table in TABLES}
    for name in WRITTEN:
        described = rows([registration(NCT, "clinicaltrials_gov")], f"DESCRIBE {name}")
        assert [(column, type) for column, type, *_ in described] == [(c.name, c.type) for c in declared[name]]


def test_an_empty_warehouse_has_empty_tables(rows: Rows) -> None:
    assert rows([], "FROM trial_records") == []
