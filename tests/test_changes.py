"""What changed between versions is found, nothing else is called a change, and no version gets lost."""

from __future__ import annotations

import csv
import json
import os
import re
import time
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import unlinked
from trialpanorama.build import build
from trialpanorama.changes import (
    FIELDS,
    NOT_COMPARED,
    Changes,
    Step,
    changes,
    first_day,
    last_day,
    word_difference,
)
from trialpanorama.errors import UserError
from trialpanorama.record import Record
from trialpanorama.warehouse import Warehouse, fields

pytestmark = pytest.mark.slow

Row = dict[str, str]

LONG = " ".join(f"Criterion {number} of the FICTIONAL list applies." for number in range(1, 30))


def row(number: int, **cells: str) -> Row:
    """A row of ICTRP's web export about a fictional trial; cells are named with underscores for blanks."""
    usual = {
        "TrialID": f"NCT99{number:06d}",
        "Last Refreshed on": "2 January 2030",
        "Public title": f"FICTIONAL trial {number} of Fictumab in Gloaming Fever",
        "Scientific title": f"A FICTIONAL study numbered {number}",
        "Primary sponsor": "Fictional Institute",
        "Date registration3": "20291201",
        "Export date": "1/10/2030 10:00:00 AM",
        "Source Register": "ClinicalTrials.gov",
        "Recruitment Status": "Recruiting",
        "Target size": "100",
        "Study type": "Interventional",
        "Phase": "Phase 2",
        "Countries": "France;Japan",
        "Inclusion Criteria": f"Inclusion Criteria: Adults aged 18 or over. {LONG}",
        "Condition": "Gloaming Fever;Amber Lung",
        "Intervention": "Drug: Fictumab",
        "Primary outcome": "Fever score at week 12;Relapse",
        "results date completed": "",
        "results yes no": "",
    }
    return usual | {name.replace("_", " "): value for name, value in cells.items()}


def write(path: Path, rows: list[Row], exported: str, without: tuple[str, ...] = ()) -> Path:
    """An export of a day (month/day/year) as CSV, or as a spreadsheet."""
    names = [name for name in rows[0] if name not in without]
    dated = [one | {"Export date": f"{exported} 10:00:00 AM"} for one in rows]
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append(names)
        for one in dated:
            sheet.append([one[name] for name in names])
        book.save(path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(dated)
    return path


def warehouse(folder: Path, *inputs: Path) -> Warehouse:
    """A warehouse of these inputs, in which no words are linked."""
    with unlinked():
        build(inputs, folder / "W", workers=1)
    return Warehouse.open(folder / "W")


def steps(found: Changes) -> dict[str, list[Step]]:
    """The steps by the id of their record."""
    ids: dict[str, list[Step]] = {}
    for trial in found.trials:
        for step in trial.steps:
            ids.setdefault(step.id, []).append(step)
    return ids


def fields_of(step: Step) -> list[str]:
    return [change.field for change in step.changes]


def three_months(folder: Path) -> Warehouse:
    """A warehouse of three exports of one search: January, February, March 2030."""
    first = [row(number) for number in range(1, 8)]
    second = [
        row(1, Recruitment_Status="Not recruiting", Target_size="80", Last_Refreshed_on="1 February 2030"),
        row(
            2,
            Inclusion_Criteria=f"Inclusion Criteria: Adults aged 16 or over. {LONG}",
            Primary_outcome="Relapse;Walked distance",
        ),
        # nothing but the copy is new: refreshed, spaced, cased and sorted otherwise
        row(
            3,
            Last_Refreshed_on="2 February 2030",
            Public_title="FICTIONAL  trial 3 of FICTUMAB in Gloaming Fever ",
            Condition="Amber Lung;Gloaming Fever",
            Countries="Japan;France",
        ),
        row(4, Countries="France;Peru", Condition="Gloaming Fever"),
        row(6),
        # trial 5 and 7 are not in this export
        row(8, Date_registration3="20300120"),
        row(
            9,
            Date_registration3="20190120",
            Public_title="FICTIONAL trial of Études",
            Condition="Restless Ear Syndrome",
        ),
    ]
    third = [
        row(1, Recruitment_Status="Recruiting", Target_size="80", Last_Refreshed_on="1 March 2030"),
        *second[1:5],
        row(5, results_date_completed="2030-02-20", results_yes_no="Yes"),
        row(7),
        row(8, Date_registration3="20300120", Phase="Phase 2/Phase 3"),
    ]
    return warehouse(
        folder,
        write(folder / "january.csv", first, "1/10/2030"),
        write(folder / "february.csv", second, "2/10/2030"),
        write(folder / "march.csv", third, "3/10/2030"),
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return three_months(tmp_path_factory.mktemp("watched"))


def test_each_changed_field_is_named_with_both_values(watched: Warehouse) -> None:
    found = steps(changes(watched, "2030-02", until="2030-02"))
    (step,) = found["NCT99000001"]
    assert (step.source, step.before, step.when) == ("ictrp", "2030-01-10", "2030-02-10")
    status, size = step.changes
    assert (status.field, status.old, status.new) == ("status", "RECRUITING", 'UNKNOWN ("Not recruiting")')
    assert (size.field, size.old, size.new, size.matters) == ("enrollment_target", "100", "80", True)
    (step,) = found["NCT99000002"]
    outcomes, criteria = step.changes
    assert (outcomes.field, outcomes.removed, outcomes.added) == (
        "primary_outcomes",
        ["Fever score at week 12"],
        ["Walked distance"],
    )
    assert criteria.field == "eligibility"
    assert criteria.difference is not None
    assert "[-18-]{+16+}" in criteria.difference
    assert len(criteria.difference) < 150


def test_what_only_belongs_to_the_copy_is_no_change(watched: Warehouse) -> None:
    found = steps(changes(watched, "2030", everything=True))
    assert "NCT99000003" not in found
    assert "NCT99000006" not in found


def test_changes_that_hardly_matter_are_counted_and_shown_on_demand(watched: Warehouse) -> None:
    short = changes(watched, "2030-02", until="2030-02")
    assert "NCT99000004" not in steps(short)
    assert short.by_field["countries"] == short.by_field["conditions"] == 1
    assert short.others == 2
    everything = changes(watched, "2030-02", until="2030-02", everything=True)
    (step,) = steps(everything)["NCT99000004"]
    assert {change.field: (change.removed, change.added) for change in step.changes} == {
        "conditions": (["Amber Lung"], []),
        "countries": (["Japan"], ["Peru"]),
    }
    assert not any(change.matters for change in step.changes)
    assert everything.trials[-1].study_id == "NCT99000004", "what matters comes first"
    assert everything.total == short.total + 1


def test_a_version_is_compared_with_the_one_before_it_that_there_is(watched: Warehouse) -> None:
    found = steps(changes(watched, "2030-03"))
    (step,) = found["NCT99000005"]
    assert (step.before, step.when) == ("2030-01-10", "2030-03-10"), "February did not have it"
    assert fields_of(step) == ["completion_date", "results"]
    both = steps(changes(watched, "2030-02"))["NCT99000001"]
    assert [step.when for step in both] == ["2030-02-10", "2030-03-10"], "back and forth are two changes"
    assert [change.new for change in both[1].changes] == ["RECRUITING"]


def test_new_trials_are_told_from_old_ones_that_are_seen_for_the_first_time(watched: Warehouse) -> None:
    found = changes(watched, "2030-02", until="2030-02")
    (new,) = steps(found)["NCT99000008"]
    assert (new.before, fields_of(new)) == (None, ["trial"])
    assert new.changes[0].new == "registered 2030-01-20"
    (old,) = steps(found)["NCT99000009"]
    assert fields_of(old) == ["first_seen"]
    assert found.trials[-1].study_id == "NCT99000009"


def test_the_first_export_is_no_news_and_nothing_is_called_removed(watched: Warehouse) -> None:
    assert changes(watched, "2030-01", until="2030-01", everything=True).total == 0
    everything = changes(watched, "2029", everything=True)
    assert "NCT99000007" not in steps(everything), "absent in February, there again in March"
    assert {step.when for found in steps(everything).values() for step in found} == {"2030-02-10", "2030-03-10"}


def test_both_ends_of_the_time_belong_to_it(watched: Warehouse) -> None:
    assert (
        changes(watched, "2030-02-10", until="2030-02-10").total == changes(watched, "2030-02", until="2030-02").total
    )
    assert changes(watched, "2030-02-11", until="2030-03-09", everything=True).total == 0
    assert changes(watched, "2030").total == changes(watched, "2030-02-10", until="2030-03-10").total > 3


def test_a_limit_cuts_the_list_and_not_the_counts(watched: Warehouse) -> None:
    whole = changes(watched, "2030", limit=None, everything=True)
    cut = changes(watched, "2030", limit=2, everything=True)
    assert (cut.total, cut.by_field) == (whole.total, whole.by_field)
    assert cut.trials == whole.trials[:2]
    counted = Counter(change.field for trial in whole.trials for step in trial.steps for change in step.changes)
    assert counted == whole.by_field


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("gloaming FEVER", {1, 2, 5, 8}),
        ("fictum", {1, 2, 5, 8, 9}),
        ("umab", set()),
        ("fever gloaming absent", set()),
        ('"gloaming fever" institute', {1, 2, 5, 8}),
        ('"fever gloaming"', set()),
        ("etudes", {9}),
        ("ÉTUDES", {9}),
        ("nct99000002", {2}),
        ("NCT99000002 ear", set()),
        ("NCT99000009 restless-ear", {9}),
        ("NCT99000001 NCT99000002", set()),
    ],
)
def test_a_query_needs_all_its_words(query: str, ids: set[int], watched: Warehouse) -> None:
    found = changes(watched, "2030", query=query)
    assert set(steps(found)) == {f"NCT99{number:06d}" for number in ids}
    assert found.matching is not None
    assert found.matching >= len(ids)


@pytest.mark.parametrize("query", ["", '""', "  -- ", 'open "phrase'])
def test_a_query_without_words_is_refused(query: str, watched: Warehouse) -> None:
    with pytest.raises(UserError, match="query"):
        changes(watched, "2030", query=query)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        (" 2024-02-29 ", "2024-02-29", "2024-02-29"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
    ],
)
def test_a_month_or_year_is_a_date(text: str, first: str, last: str) -> None:
    assert (first_day(text), last_day(text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13", "2023-02-29", "01/02/2024", "2024-1-1", "20240101", "0000", "٢٠٢٤"]
)
def test_what_is_no_date_is_refused(text: str, watched: Warehouse) -> None:
    with pytest.raises(UserError, match="2025-04-01"):
        changes(watched, text)


def test_a_time_that_ends_before_it_begins_is_refused(watched: Warehouse) -> None:
    with pytest.raises(UserError, match="exchange"):
        changes(watched, "2030-03", until="2030-02")


# --- copies, formats, columns


def test_copies_of_one_day_are_one_version(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 4)]
    damaged = [row(1, Target_size="1OO"), row(2, Phase="2020-03-02"), row(3)]
    later = [row(1), row(2), row(3, Target_size="120")]
    built = warehouse(
        tmp_path,
        write(tmp_path / "january.csv", rows, "1/10/2030"),
        write(tmp_path / "january.xlsx", damaged, "1/10/2030"),
        write(tmp_path / "february.csv", later, "2/10/2030"),
    )
    found = steps(changes(built, "2030", everything=True))
    assert {id: [fields_of(step) for step in of] for id, of in found.items()} == {
        "NCT99000003": [["enrollment_target"]]
    }
    assert changes(built, "2030").versioned == 3


def test_a_column_that_an_export_lacks_says_nothing(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 31)]
    later = [row(number, results_yes_no="Yes" if number == 7 else "") for number in range(1, 31)]
    built = warehouse(
        tmp_path,
        write(tmp_path / "january.csv", rows, "1/10/2030", without=("Primary outcome", "results yes no")),
        write(tmp_path / "february.csv", later, "2/10/2030"),
        write(tmp_path / "march.csv", later, "3/10/2030", without=("Countries",)),
    )
    found = changes(built, "2030", everything=True)
    assert found.by_field == {"results": 1}, "what few entries have may well be new; what most have was not asked for"
    (step,) = steps(found)["NCT99000007"]
    assert (step.changes[0].old, step.changes[0].new) == (None, "posted")


def test_between_kinds_of_export_only_what_both_say_is_compared(tmp_path: Path) -> None:
    def study(status: str, title: str) -> str:
        return json.dumps(
            {
                "protocolSection": {
                    "identificationModule": {"nctId": "NCT99000001", "briefTitle": title},
                    "statusModule": {"overallStatus": status, "whyStopped": "FICTIONAL reason"},
                    "outcomesModule": {"primaryOutcomes": [{"measure": "Relapse", "timeFrame": "1 year"}]},
                },
                "derivedSection": {"miscInfoModule": {"versionHolder": "2030-05-01"}},
            }
        )

    (tmp_path / "study.json").write_text(study("TERMINATED", "FICTIONAL trial"), encoding="utf-8")
    (tmp_path / "studies.csv").write_text(
        "NCT Number,Study Title,Study URL,Study Status,Conditions,Primary Outcome Measures,Last Update Posted\n"
        'NCT99000001,FICTIONAL trial,,RECRUITING,Amber Lung,"Relapse, after, 1 year",2030-03-01\n',
        encoding="utf-8",
    )
    found = changes(warehouse(tmp_path, tmp_path / "study.json", tmp_path / "studies.csv"), "2030", everything=True)
    (step,) = steps(found)["NCT99000001"]
    assert [(change.field, change.old, change.new) for change in step.changes] == [
        ("status", "RECRUITING", "TERMINATED")
    ]


def test_another_sources_copy_is_no_version(tmp_path: Path) -> None:
    study = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT99000001", "briefTitle": "FICTIONAL trial 1, in its own register"},
            "statusModule": {"overallStatus": "COMPLETED", "lastUpdatePostDateStruct": {"date": "2030-01-20"}},
        },
    }
    (tmp_path / "study.json").write_text(json.dumps(study), encoding="utf-8")
    built = warehouse(
        tmp_path,
        write(tmp_path / "january.csv", [row(1)], "1/10/2030"),
        tmp_path / "study.json",
        write(tmp_path / "february.csv", [row(1), row(2)], "2/10/2030"),
    )
    found = changes(built, "2030", everything=True)
    assert set(steps(found)) == {"NCT99000002"}


def test_a_rolled_up_status_agrees_with_every_status_that_does_not_recruit(tmp_path: Path) -> None:
    header = "TrialID,Last Refreshed on,Public title,Date registration,Export date,Recruitment Status"

    def export(day: str, words: list[str]) -> Path:
        rows = [
            f"NCT99{n:06d},1 January 2030,FICTIONAL {n},01/12/2029,{day} 10:00:00 AM,{w}" for n, w in enumerate(words)
        ]
        path = tmp_path / f"{day.replace('/', '-')}.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    built = warehouse(
        tmp_path,
        export("1/10/2030", ["Completed", "Recruiting", "Not Recruiting"]),
        export("2/10/2030", ["Not Recruiting", "Not Recruiting", "Recruiting"]),
    )
    assert set(steps(changes(built, "2030"))) == {"NCT99000001", "NCT99000002"}


_CSV = "NCT Number,Study Title,Study URL,Study Status,Conditions,Interventions,Sponsor,Study Type,Enrollment\n"


def test_versions_without_a_date_are_ordered_by_their_files(tmp_path: Path) -> None:
    for name, size, modified in (("b.csv", 40, 1_900_000_000), ("a.csv", 60, 1_910_000_000)):
        line = f"NCT99000001,FICTIONAL trial,,RECRUITING,Amber Lung,DRUG: Fictumab,Institute,INTERVENTIONAL,{size}\n"
        (tmp_path / name).write_text(_CSV + line, encoding="utf-8")
        os.utime(tmp_path / name, (modified, modified))
    found = changes(warehouse(tmp_path, tmp_path / "a.csv", tmp_path / "b.csv"), "2030", everything=True)
    (step,) = steps(found)["NCT99000001"]
    assert (step.before, step.when) == ("2030-03-17", "2030-07-11")
    (change,) = step.changes
    assert (change.old, change.new) == ("40", "60")


def test_a_paper_that_names_a_trial_is_new_when_it_was_published_in_the_time(tmp_path: Path) -> None:
    def article(pmid: int, year: int) -> str:
        return (
            f"<PubmedArticle><MedlineCitation Status='MEDLINE'><PMID Version='1'>{pmid}</PMID>"
            f"<DateRevised><Year>2031</Year><Month>01</Month><Day>01</Day></DateRevised><Article><Journal>"
            f"<Title>Fictional Journal</Title><JournalIssue><PubDate><Year>{year}</Year><Month>Jun</Month></PubDate>"
            f"</JournalIssue></Journal><ArticleTitle>FICTIONAL report of NCT99000001</ArticleTitle>"
            f"</Article></MedlineCitation></PubmedArticle>"
        )

    papers = tmp_path / "papers.xml"
    papers.write_text(
        f"<PubmedArticleSet>{article(99000001, 2030)}{article(99000002, 2020)}</PubmedArticleSet>", encoding="utf-8"
    )
    built = warehouse(tmp_path, write(tmp_path / "january.csv", [row(1)], "1/10/2030"), papers)
    found = changes(built, "2030")
    (trial,) = found.trials
    assert trial.study_id == "NCT99000001"
    (step,) = trial.steps
    assert (step.id, fields_of(step)) == ("99000001", ["publication"])


def test_a_publication_that_another_source_had_before_is_not_new_again(tmp_path: Path) -> None:
    papers = tmp_path / "papers.txt"
    papers.write_text(
        "PMID- 99000001\nTI  - FICTIONAL report of NCT99000001\nSI  - ClinicalTrials.gov/NCT99000001\n"
        "DP  - 2030 Jun\nLR  - 20310101\n",
        encoding="utf-8",
    )
    labels = tmp_path / "labels.ris"
    labels.write_text(
        "TY  - JOUR\nTI  - FICTIONAL report of NCT99000001\nAB  - Registered as NCT99000001.\nPY  - 2030\n"
        "AN  - 99000001\nDB  - PubMed\nER  - \n",
        encoding="utf-8",
    )
    os.utime(labels, (1_956_528_000, 1_956_528_000))  # 2032, after the article was indexed
    built = warehouse(tmp_path, write(tmp_path / "january.csv", [row(1)], "1/10/2030"), papers, labels)
    (trial,) = changes(built, "2030").trials
    assert [(step.source, step.id, fields_of(step)) for step in trial.steps] == [
        ("pubmed", "99000001", ["publication"])
    ]


def test_one_version_of_everything_is_said_to_be_one(tmp_path: Path) -> None:
    found = changes(warehouse(tmp_path, write(tmp_path / "january.csv", [row(1), row(2)], "1/10/2030")), "2020")
    assert (found.versioned, found.total, found.by_field) == (0, 0, {})
    assert found.first_known == found.last_known == "2030-01-10"


# --- what is compared, and how words are


def test_every_field_of_a_record_is_compared_or_named_as_not() -> None:
    read = {name for field in FIELDS for name in re.findall(r"\br\.\"?(\w+)", field.compared + (field.shown or ""))}
    known = {field.name for field in fields(Record)}
    compared = {name for name in read if not name.endswith("_raw")} - NOT_COMPARED
    assert known - NOT_COMPARED - read == set()
    assert compared <= known
    assert len(FIELDS) <= 64
    assert len({field.name for field in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a b c", "a b c", "a b c"),
        ("", "all new", "{+all new+}"),
        ("all old", "", "[-all old-]"),
        ("one two three", "one four three", "one [-two-]{+four+} three"),
        (
            "a b c d e f g h i j k l aged 18 or over m n o p q",
            "a b c d e f g h i j k l aged 16 or over m n o p q",
            "... j k l aged [-18-]{+16+} or over m n ...",
        ),
    ],
)
def test_differing_words_are_marked(old: str, new: str, expected: str) -> None:
    assert word_difference(old, new) == expected or old == new


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"]), max_size=60).map(" ".join)


@settings(derandomize=True, max_examples=150)
@given(words, words)
def test_removed_words_are_old_and_added_words_are_new(old: str, new: str) -> None:
    text = word_difference(old, new)
    removed = [word for part in re.findall(r"\[-(.*?)-\]", text) for word in part.split()]
    added = [word for part in re.findall(r"\{\+(.*?)\+\}", text) for word in part.split()]
    assert not Counter(removed) - Counter(old.split())
    assert not Counter(added) - Counter(new.split())
    assert len(old.split()) - len(removed) == len(new.split()) - len(added)
    assert bool(removed or added) == (old.split() != new.split())


def test_hostile_texts_are_compared_in_no_time() -> None:
    old, new = "x " + "a b " * 40_000 + "y", "z " + "b a " * 40_000 + "w"
    begun = time.process_time()
    assert len(word_difference(old, new)) < 1_000
    assert time.process_time() - begun < 1
