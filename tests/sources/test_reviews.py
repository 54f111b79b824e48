"""What systematic reviews say, format by format, and that no topic, row or article of the real collections is lost."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama import sources
from trialpanorama.record import Finding, Record, Reject, Review, ReviewedStudy
from trialpanorama.sources import HEAD_BYTES, _review_citations, _review_exports, reviews

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "reviews"
quick = settings(max_examples=200, derandomize=True, deadline=None)


def read(data: bytes | str, name: str = "") -> list[Record | Reject]:
    data = data.encode() if isinstance(data, str) else data
    (format,) = (format for format in reviews.SOURCE.formats if format.recognise(data[:HEAD_BYTES]))
    return list(format.outcomes(io.BytesIO(data), name))


def fixture(name: str) -> list[Record | Reject]:
    return read((FIXTURES / name).read_bytes(), name)


def records(outcomes: list[Record | Reject]) -> dict[str, Record]:
    return {one.id: one for one in outcomes if isinstance(one, Record)}


def rejects(outcomes: list[Record | Reject]) -> list[tuple[str, int | None]]:
    return [(one.reason, one.place.line) for one in outcomes if isinstance(one, Reject)]


def last(outcomes: list[Record | Reject]) -> Record:
    """The review, which comes after its citations."""
    return list(records(outcomes).values())[-1]


def review(record: Record) -> Review:
    assert record.kind == "REVIEW"
    assert record.review is not None
    return record.review


def decisions(record: Record) -> dict[str, tuple[str | None, str | None]]:
    return {report: (s.decision, s.stage) for s in review(record).studies for report in s.report_ids}


INCLUDED, EXCLUDED = ("INCLUDED", "FULL_TEXT"), ("EXCLUDED", "FULL_TEXT")
IRRELEVANT = ("EXCLUDED", "TITLE_ABSTRACT")


# --- CLEF-TAR


def test_a_topic_keeps_the_lines_of_its_search() -> None:
    (topic,) = fixture("topic_CD990001")
    assert isinstance(topic, Record)
    assert (topic.id, topic.register, topic.scientific_title) == (
        "CD990001",
        "cochrane",
        "Zarvolimab for glowing elbows in adults (FICTIONAL)",
    )
    said = review(topic)
    assert said.search_query is not None
    assert said.search_query.splitlines()[4:] == ["", "5. 3 and 4", "Final search: 5 not children"]
    assert (said.search_syntax, said.collection) == ("OVID", "CLEF-TAR")
    assert [study.report_ids for study in said.studies] == [["99000001"], ["99000002"], ["99000003"]]
    assert all(study.is_retrieved and study.decision is None for study in said.studies)


def test_a_protocol_gives_question_and_criteria() -> None:
    first, second = records(fixture("protocol_CD990002")).values()
    assert first.scientific_title == "Humming for restless knees (FICTIONAL)"
    assert review(first).question == "To find out whether humming calms restless knees."
    assert review(first).criteria == ("Type of study: Randomised trials\nParticipants: Adults with restless knees")
    assert (review(second).search_syntax, review(second).studies) == ("PUBMED", [])


def test_a_scale_of_grades_tells_the_stage() -> None:
    outcomes = fixture("test.combined.qrels")
    found = records(outcomes)
    assert decisions(found["CD990001"]) == {
        "99000001": INCLUDED,
        "99000002": EXCLUDED,
        "99000003": IRRELEVANT,
        "99000004": INCLUDED,
        "99000005": EXCLUDED,
        "99000007": IRRELEVANT,
    }
    not_found = [s.report_ids for s in review(found["CD990001"]).studies if s.is_retrieved is False]
    assert not_found == [["99000004"], ["99000005"]]
    assert rejects(outcomes) == [("malformed_row", 7), ("malformed_row", 9)]
    assert [outcome.place.ordinal for outcome in outcomes] == [1, 2, 3, 4]


def test_yes_and_no_count_at_the_level_that_the_name_says() -> None:
    abstracts, contents = fixture("qrel_abs_test.txt"), fixture("qrel_content_test.txt")
    assert decisions(records(abstracts)["CD990001"]) == {
        "99000001": ("INCLUDED", "TITLE_ABSTRACT"),
        "99000002": ("INCLUDED", "TITLE_ABSTRACT"),
        "99000003": IRRELEVANT,
    }
    # what is not included in the end went at one of the two stages
    assert decisions(records(contents)["CD990001"]) == {
        "99000001": INCLUDED,
        "99000002": ("EXCLUDED", None),
        "99000003": ("EXCLUDED", None),
    }
    nameless = read((FIXTURES / "qrel_abs_test.txt").read_bytes(), "judged.txt")
    assert decisions(records(nameless)["CD990001"])["99000001"] == ("INCLUDED", None)


@pytest.mark.parametrize(
    ("name", "collection"),
    [
        ("2017-TAR/testing/qrels/qrel_abs_test.txt", "CLEF-TAR 2017, testing"),
        ("2017-TAR/training/qrels/train.abs.rels", "CLEF-TAR 2017, training"),
        ("train.clef2017.qrels", "CLEF-TAR 2017, training"),
        ("somewhere/judged.txt", None),
    ],
)
def test_the_collection_stands_in_the_name(name: str, collection: str | None) -> None:
    (record,) = records(read("CD990001 0 99000001 1\n", name)).values()
    assert review(record).collection == collection


def test_a_topic_that_is_no_id_gets_the_name_of_its_collection() -> None:
    assert list(records(read("12 0 99000001 2\n", "sigir2017.qrels"))) == ["SIGIR2017-12"]
    (mine,) = records(read("TD01 0 99000001 1\n", "a/mine.qrels"))
    (yours,) = records(read("TD01 0 99000002 1\n", "a/mine.qrels"))
    assert (mine[:10], mine == yours) == ("mine-TD01-", False)


# --- SIGIR 2017


def test_papers_of_one_study_are_one_study() -> None:
    outcomes = fixture("citations.json")
    first = records(outcomes)["SIGIR2017-1"]
    assert [(s.name, s.report_ids, s.decision) for s in review(first).studies] == [
        ("GLOW Study 2097", ["99000021", "99000022"], "INCLUDED"),
        ("Glimmer 2096", ["99000024"], "EXCLUDED"),
    ]
    assert rejects(outcomes) == [("missing_identifier", None)]


def test_a_cochrane_page_gives_number_and_doi() -> None:
    first, _ = records(fixture("systematic_reviews.json")).values()
    assert [(one.id, one.register, one.role) for one in first.identifiers] == [
        ("SIGIR2017-1", None, "primary"),
        ("CD990001", "cochrane", "alias"),
        ("10.1002/14651858.cd990001.pub2", "doi", "alias"),
    ]


def test_a_published_search_and_a_derived_one() -> None:
    (published,) = records(fixture("queries_unannotated.json")).values()
    said = review(published)
    assert said.search_until_date is not None
    assert said.search_query == "1. exp Elbow/\n2. glow$.tw.\n3. 1 and 2 (FICTIONAL)"
    assert (said.search_syntax, said.search_source) == ("OVID", "MEDLINE (OVID 2050 to August 2098)")
    assert said.search_until_date is not None
    assert said.search_until_date.date == "2098-08-31"
    (derived,) = records(fixture("queries_annotated.json")).values()
    assert review(derived).search_syntax == "OTHER"
    assert json.loads(review(derived).search_query or "")["operator"] == "and"
    assert review(derived).search_from_date is not None


@pytest.mark.parametrize(
    ("search", "syntax"),
    [
        ("1. exp Elbow/\n2. glow$.ti,ab.\n3. or/1-2", "OVID"),
        ("(elbow adj3 glow$).tw.", "OVID"),
        ("typhoid*\nTYPHOID FEVER/\n1 or 2\nVI VACCINES/\n3 and 4", "OVID"),
        ('"Elbow"[Mesh] AND glow*[tiab]', "PUBMED"),
        ("#1 elbow*[Title/Abstract]\n#2 glow[tw]\n#3 #1 AND #2", "PUBMED"),
    ],
)
def test_a_search_alone_in_a_file_is_the_one_of_its_name(search: str, syntax: str) -> None:
    (record,) = read(search, "variants/125/testing/176")
    assert isinstance(record, Record)
    assert (record.id, review(record).collection) == ("SIGIR2017-176", "SIGIR 2017, testing")
    assert (review(record).search_query, review(record).search_syntax) == (search, syntax)


# --- the ielab collection


def test_seed_studies_are_marked() -> None:
    outcomes = fixture("overall_collection.jsonl")
    first, second = records(outcomes).values()
    assert [(s.report_ids, s.decision, s.is_seed) for s in review(first).studies] == [
        (["99000011"], "INCLUDED", True),
        (["99000012"], "INCLUDED", False),
        (["99000014"], None, True),
    ]
    assert review(first).question == "Elbows that glow at night"
    until = review(first).search_until_date
    assert until is not None
    assert until.date == "2098-12-17"
    assert [one.id for one in first.identifiers] == ["IELAB-SEED-7", "99000030"]
    assert [one.id for one in second.identifiers] == ["IELAB-SEED-8", "10.99999/fictional.30"]
    assert [s.report_ids for s in review(second).studies] == [["99000013"]]
    assert rejects(outcomes) == [("missing_identifier", None)]


def test_runs_and_snowballed_candidates_are_not_decided() -> None:
    for name, is_retrieved in (("candidate_documents.res", True), ("seed_snowballing_candidates.tsv", None)):
        found = review(records(fixture(name))["IELAB-SEED-7"]).studies
        assert [(s.decision, s.is_retrieved) for s in found] == [(None, is_retrieved)] * 2


# --- Cohen 2006 and other labelled citations


def test_two_labels_tell_the_stage() -> None:
    outcomes = fixture("ADHD.csv")
    found = records(outcomes)
    assert decisions(found["COHEN2006-ADHD"]) == {
        "99000051": INCLUDED,
        "99000052": EXCLUDED,
        "99000053": IRRELEVANT,
        "99000054": INCLUDED,
    }
    # one row says both that it was irrelevant and that it was included
    assert [note.raw for note in found["COHEN2006-ADHD"].notes] == ["99000054"]
    assert rejects(outcomes) == [("missing_identifier", 8), ("malformed_row", 9)]
    article = found["99000051"]
    assert article.kind == "PUBLICATION"
    assert article.paper is not None
    assert article.paper.publication_date is not None
    assert article.paper.publication_date.date == "2098"
    assert [(a.last_name, a.initials) for a in article.paper.authors] == [("Glow", "Z"), ("De Humble", "AB")]
    assert [(one.id, one.role) for one in article.identifiers][-1] == ("NCT99000051", "mentioned")


def test_the_published_triage_gives_reasons() -> None:
    found = records(fixture("epc-ir.clean.tsv"))["COHEN2006-ADHD"]
    assert [(s.decision, s.stage, s.reason) for s in review(found).studies] == [
        ("INCLUDED", "FULL_TEXT", None),
        ("EXCLUDED", "FULL_TEXT", "wrong study design"),
        ("EXCLUDED", "TITLE_ABSTRACT", "wrong population"),
    ]


def test_rayyan_votes_are_a_decision_where_they_agree() -> None:
    found = records(fixture("rayyan_articles.csv"))
    studies = review(list(found.values())[-1]).studies
    # the first two name one registration: they are two papers of one study
    assert [(s.report_ids, s.decision, s.reason) for s in studies] == [
        (["99000061", "10.99999/fictional.62"], "INCLUDED", None),
        (["99000063"], "EXCLUDED", "wrong population"),
        (["99000064"], None, None),
    ]
    assert "Second" not in repr(list(found.values())[-1])
    article = found["99000061"]
    assert article.paper is not None
    assert (article.paper.doi, article.paper.pages, article.paper.journal) == (
        "10.99999/fictional.61",
        "1-9",
        "Journal of Fictional Elbows",
    )
    assert article.keywords == ["elbow", "glow"]
    assert [note.field for note in found["99000064"].notes] == ["paper.doi"]


def test_covidence_says_the_stage_in_the_name_and_the_study_in_a_column() -> None:
    found = records(fixture("review_990_excluded_csv_20990101.csv"))
    (study,) = review(list(found.values())[-1]).studies
    assert (study.name, study.decision, study.stage, study.reason) == (
        "Humble 2097",
        "EXCLUDED",
        "FULL_TEXT",
        "Wrong comparator",
    )
    assert study.report_ids == ["10.99999/fictional.71", "10.99999/fictional.72"]


@pytest.mark.parametrize(
    "column", ["label_included", "included", "Included", "label", "final_decision", "asreview_label"]
)
@pytest.mark.parametrize(
    ("said", "decision"),
    [("1", "INCLUDED"), ("0", "EXCLUDED"), ("", None), ("-1", None), ("Include", "INCLUDED"), ("no", "EXCLUDED")],
)
def test_a_single_label_has_no_stage(column: str, said: str, decision: str | None) -> None:
    outcomes = read(
        f"title,abstract,doi,{column}\nA glow (FICTIONAL),It glows.,10.99999/fictional.1,{said}\n", "mine.csv"
    )
    assert decisions(last(outcomes)) == {"10.99999/fictional.1": (decision, None)}


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters_and_numbered_labels(delimiter: str) -> None:
    rows = [
        ["title", "PMID", "label1", "label2"],
        ["A (FICTIONAL)", "99000001", "1", "0"],
        ["B", "99000002.0", "1", "1"],
    ]
    found = records(read("\ufeff" + "\r\n".join(map(delimiter.join, rows)), "x.txt"))
    assert decisions(list(found.values())[-1]) == {"99000001": EXCLUDED, "99000002": INCLUDED}


def test_exports_with_one_name_are_told_apart_by_what_they_list() -> None:
    table = "title,abstract,doi,included\nA (FICTIONAL),x,10.99999/fictional.{},{}\n"
    mine, later, yours = (last(read(table.format(*of), "articles.csv")).id for of in ((1, 0), (1, 1), (2, 0)))
    assert mine == later != yours
    assert mine.startswith("REVIEW-articles-")


@pytest.mark.parametrize("name", ["cohen_Statins.csv", "Cohen_2006/output/Statins.csv", "STATINS.csv"])
def test_a_topic_of_cohen_is_known_by_its_name(name: str) -> None:
    table = "pubmed_id,title,abstract,label_included\n99000001,A (FICTIONAL),x,1\n"
    assert last(read(table, name)).id == "COHEN2006-Statins"


def test_a_folder_may_give_the_number_of_the_review() -> None:
    table = "title,year,pubmed_id,reference_type,exclusion_reason\nA (FICTIONAL),2099,99000001,excluded,wrong dose\n"
    found = records(read(table, "pcs/CD990007/references.csv"))
    (study,) = review(found["CD990007"]).studies
    assert (study.decision, study.reason) == ("EXCLUDED", "wrong dose")


def test_a_table_of_several_reviews_gives_each() -> None:
    found = records(
        read(
            "review_id,pmid,title,label\nCD990001,99000001,A,1\nCD990002,99000001,A,0\nCD990001,99000002,B,0\n", "m.csv"
        )
    )
    assert decisions(found["CD990001"]) == {"99000001": ("INCLUDED", None), "99000002": ("EXCLUDED", None)}
    assert decisions(found["CD990002"]) == {"99000001": ("EXCLUDED", None)}


@pytest.mark.parametrize(
    "head",
    [
        "NCT Number,Title,Status,Conditions,Interventions\n",
        "TrialID,Public title,Scientific title,Date registration\n",
        "name,age\nx,1\n",
        "title,year\nA,2099\n",
        "label,included\n1,1\n",
        "id,title\n1,A book\n",
    ],
)
def test_other_tables_are_left_alone(head: str) -> None:
    assert not any(format.recognise(head.encode()) for format in reviews.SOURCE.formats)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Glow, Zara; Humble, Ada", ["Glow, Zara", " Humble, Ada"]),
        ("Glow, Zara and Humble, Ada", ["Glow, Zara", "Humble, Ada"]),
        ("Glow Z, Humble AB", ["Glow Z", "Humble AB"]),
        ("Glow, Zara", ["Glow, Zara"]),
        (None, []),
    ],
)
def test_authors_are_divided(text: str | None, names: list[str]) -> None:
    assert _review_exports._authors(text) == names


# --- CSMeD


def test_csmed_rows_and_what_is_known_of_their_reviews() -> None:
    outcomes = fixture("csmed_rows.json")
    found = records(outcomes)
    assert decisions(found["CD990004"]) == {"99000081": ("INCLUDED", None), "99000082": ("EXCLUDED", None)}
    assert review(found["CD990004"]).criteria == "Trials of whistling"
    assert found["99000081"].paper is not None
    assert [s.text for s in found["99000081"].paper.sections] == ["Methods. We whistled.\nResults. It helped."]
    assert rejects(outcomes) == [("missing_identifier", None)]
    first, second = records(fixture("CSMeD-FT-reviews_metadata.json")).values()
    assert review(first).criteria == "Types of studies: trials.\nTypes of participants: adults."
    assert review(second).criteria == "Types of studies: trials\nTypes of interventions: singing"
    assert review(first).collection == "CSMeD"


# --- RIS and lists


def test_ris_with_decisions_in_its_notes() -> None:
    outcomes = fixture("my_references.ris")
    found = records(outcomes)
    studies = review(list(found.values())[-1]).studies
    assert [(s.decision, s.is_seed) for s in studies] == [("INCLUDED", True), ("EXCLUDED", False), (None, False)]
    article = found["99000091"]
    assert article.paper is not None
    assert article.paper.publication_date is not None
    assert (article.paper.publication_date.date, article.paper.doi) == ("2098-03-15", "10.99999/fictional.91")
    assert article.brief_summary == "Adults with glowing elbows were\nrandomised (ISRCTN99000091)."
    assert found["99000092"].paper is not None
    assert [a.collective_name for a in found["99000092"].paper.authors] == ["The Knee Group"]
    assert rejects(outcomes) == [("missing_identifier", 41), ("truncated", 46)]


def test_a_reference_that_is_not_closed_harms_itself_alone() -> None:
    text = "TY  - JOUR\nTI  - A\nPY  - 2099\n{}TY  - JOUR\nTI  - B\nPY  - 2099\nER  - \n"
    assert [type(one).__name__ for one in read(text.format("ER  - \n"))[:2]] == ["Record", "Record"]
    broken, whole, _ = read(text.format(""), "x.ris")
    assert isinstance(broken, Reject)
    assert (broken.reason, broken.place.line) == ("malformed_text", 1)
    assert isinstance(whole, Record)


def test_an_article_without_number_keeps_its_id() -> None:
    one = read("TY  - JOUR\nTI  - A  glow\nPY  - 2099\nER  - \n", "a.ris")[0]
    other = read("title,abstract,year,included\nA Glow,Text.,2099,1\n", "b.csv")[0]
    assert isinstance(one, Record)
    assert isinstance(other, Record)
    assert one.id == other.id
    assert one.id.startswith("REF-")


def test_a_list_of_numbers_and_what_its_name_says() -> None:
    outcomes = fixture("included_pmids.txt")
    assert decisions(last(outcomes)) == {
        "99000101": ("INCLUDED", None),
        "99000102": ("INCLUDED", None),
    }
    assert rejects(outcomes) == [("malformed_row", 6)]
    split = records(fixture("train_article_ids.txt")).popitem()[1]
    assert [s.report_ids for s in review(split).studies] == [["PMC99000111"], ["PMC99000112"]]
    assert not any(format.recognise(b"1\n23\n176\n") for format in reviews.SOURCE.formats)  # topics of a collection


# --- evidence inference


def test_an_article_is_cut_at_its_headings() -> None:
    (article,) = fixture("PMC99000111.abst")
    assert isinstance(article, Record)
    assert article.paper is not None
    assert [(s.label, s.text) for s in article.paper.abstract_sections] == [
        ("BACKGROUND", "Elbows glow."),
        ("TRIAL REGISTRATION", "NCT99000111"),
    ]
    assert [(s.path, s.title, s.text) for s in article.paper.sections] == [
        (None, None, "Some text without a heading."),
        ("METHODS", "STATISTICAL ANALYSIS", "We counted. TITLE: is a word here."),
        (None, "1. INTRODUCTION", "Elbows glow at night."),
    ]
    assert [one.id for one in article.identifiers] == ["PMC99000111", "NCT99000111"]
    (nameless,) = read((FIXTURES / "PMC99000111.abst").read_bytes(), "article.txt")
    assert isinstance(nameless, Reject)
    assert nameless.reason == "missing_identifier"


def test_questions_and_answers_meet_in_their_number() -> None:
    def findings(name: str) -> list[Finding]:
        found = records(fixture(name))["PMC99000111"]
        assert found.paper is not None
        return found.paper.findings

    asked = {one.question: one for one in findings("prompts_merged.csv")}
    assert asked["903"].outcome == "Sleep, hours"
    answered = findings("annotations_merged.csv")
    assert [(one.question, one.direction, one.annotator, one.is_confirmed) for one in answered] == [
        ("901", "DECREASED", "0", True),
        ("901", "NO_DIFFERENCE", "3", False),
    ]
    assert answered[0].evidence == "The glow went down (P < 0.01) (FICTIONAL)"


# --- what decisions mean


@quick
@given(st.sampled_from([None, True, False]), st.sampled_from([None, True, False]))
def test_stages_never_contradict_their_decision(on_abstract: bool | None, on_full_text: bool | None) -> None:
    found = _review_citations.of_stages(on_abstract, on_full_text)
    last = on_full_text if on_full_text is not None else on_abstract
    if on_full_text:
        assert (found.decision, found.stage) == INCLUDED
    elif last is not None:
        assert found.decision == ("INCLUDED" if last and on_abstract is not False else "EXCLUDED")
    assert (found.doubt is not None) == (on_full_text is True and on_abstract is False)
    if found.stage is not None:
        assert found.decision is not None


@quick
@given(st.text(max_size=40))
def test_any_name_is_an_author(name: str) -> None:
    said = _review_citations.author(name)
    assert said.last_name or said.collective_name is not None


# --- the real collections


def members(shared_data: Path, archive: str) -> Iterator[tuple[str, bytes]]:
    path = shared_data / "reviews" / archive
    if not path.exists():
        pytest.skip(f"no {archive}")
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            if not info.is_dir():
                yield info.filename, opened.read(info)


def counted(data: bytes, name: str, only: str, *, by_all: bool = True) -> tuple[list[Record], list[Reject]]:
    own = [reviews.SOURCE]
    found = [
        (s.name, f.name)
        for s in (sources.sources().values() if by_all else own)
        for f in s.formats
        if f.recognise(data[:HEAD_BYTES])
    ]
    assert found == [("reviews", only)], name
    outcomes = read(data, name)
    assert [one.place.ordinal for one in outcomes] == list(range(1, len(outcomes) + 1)), name
    return [o for o in outcomes if isinstance(o, Record)], [o for o in outcomes if isinstance(o, Reject)]


@pytest.mark.slow
def test_real_clef_tar(shared_data: Path) -> None:
    files = 0
    for name, data in members(shared_data, "clef_tar_2017.zip"):
        text = data.decode()
        if "/topics/" in name:
            found, lost = counted(data, name, "clef-tar-topic")
            pids = set(re.split(r"\nPids:", text)[1].split())
            assert {r for s in review(found[0]).studies for r in s.report_ids} == pids
            assert (len(found), lost) == (1, [])
            assert found[0].scientific_title
            assert review(found[0]).search_syntax in ("OVID", "PUBMED")
        elif "/qrels/" in name:
            found, lost = counted(data, name, "qrels")
            judged = [line.split() for line in text.splitlines() if line.strip()]
            assert len(found) == len({topic for topic, *_ in judged}), name
            assert sum(len(review(one).studies) for one in found) == len({(t, d) for t, _, d, _ in judged})
            assert lost == []
            chosen = sum(d == "INCLUDED" for one in found for d, _ in decisions(one).values())
            grades = Counter(int(grade) for *_, grade in judged)
            is_scale = max(grades) > 1
            assert chosen == (grades[2] + grades[4] if is_scale else grades[1]), name
        else:
            assert not any(f.recognise(data[:HEAD_BYTES]) for f in reviews.SOURCE.formats), name
            continue
        files += 1
    assert files == 41


def test_real_sigir(shared_data: Path) -> None:
    unread = []
    for name, data in members(shared_data, "sigir2017.zip"):
        if name == "citations.json":
            found, lost = counted(data, name, "sigir2017-citations")
            said = json.loads(data)
            assert (len(found), lost) == (len({one["document_id"] for one in said}), [])
            pairs = {(f"SIGIR2017-{one['document_id']}", one["url"].split("/")[-1], one["included"]) for one in said}
            assert {
                (one.id, report, s.decision == "INCLUDED")
                for one in found
                for s in review(one).studies
                for report in s.report_ids
            } == pairs
            studies = {(o["document_id"], o["reference"].split(" {")[0].strip(), o["included"]) for o in said}
            assert sum(len(review(one).studies) for one in found) == len(studies)
        elif name == "systematic_reviews.json":
            found, lost = counted(data, name, "sigir2017-reviews")
            assert len(found) == len(json.loads(data)) == 177
            assert all(one.identifiers[1].register == "cochrane" for one in found)
        elif name.startswith("queries_"):
            found, lost = counted(data, name, "sigir2017-queries")
            assert (len(found), lost) == (len(json.loads(data)), [])
            assert all(review(one).search_query for one in found)
        elif name.endswith(".qrels"):
            found, lost = counted(data, name, "qrels")
            assert (len(found), lost) == (len({line.split()[0] for line in data.splitlines()}), [])
        elif re.search(r"125/\w+/\d+$", name):
            found, lost = counted(data, name, "search-text")
            assert (found[0].id, lost) == (f"SIGIR2017-{name.rpartition('/')[2]}", [])
        else:
            assert not any(f.recognise(data[:HEAD_BYTES]) for f in reviews.SOURCE.formats), name
            unread.append(name.rpartition("/")[2])
    # lists of topic numbers alone, and what is written for people
    assert sorted(unread) == [".gitignore", "README.md", *["README.txt"] * 4, *["topics.txt"] * 2]


def test_real_ielab(shared_data: Path) -> None:
    for name, data in members(shared_data, "ielab_seed.zip"):
        text = data.decode()
        if name.endswith(".jsonl"):
            found, lost = counted(data, name, "ielab-seed-topics")
            said = [json.loads(line) for line in text.splitlines()]
            assert [one.id for one in found] == [f"IELAB-SEED-{one['id']}" for one in said]
            assert [sum(s.is_seed for s in review(one).studies) for one in found] == [
                len(set(one["seed_studies"])) for one in said
            ]
            assert all(review(one).search_until_date for one in found)
        elif name.endswith(".res"):
            found, lost = counted(data, name, "trec-run")
            lines = {tuple(line.split()[:3:2]) for line in text.splitlines()}
            assert sum(len(review(one).studies) for one in found) == len(lines)
        elif name.endswith(".tsv"):
            found, lost = counted(data, name, "ielab-snowballing")
            assert len(found) == len(text.splitlines())
        else:
            continue
        assert lost == []


@pytest.mark.slow
def test_real_cohen(shared_data: Path) -> None:
    total = 0
    for name, data in members(shared_data, "cohen2006_eleven_topics.zip"):
        found, lost = counted(data, name, "labelled-table")
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        assert (len(found) - 1, lost) == (len(rows), [])
        total += len(rows)
        topic = found[-1]
        assert topic.id == f"COHEN2006-{name.removesuffix('.csv')}"
        assert Counter(d for d in decisions(topic).values()) == Counter(
            INCLUDED
            if row["label_included"] == "1"
            else EXCLUDED
            if row["label_abstract_screening"] == "1"
            else IRRELEVANT
            for row in rows
        )
        for article, row in zip(found, rows, strict=False):
            assert article.id == row["pubmedID"]
            assert bool(article.brief_summary) == bool(row["abstract"].strip())
    assert total == 11_202


@pytest.mark.slow
def test_real_evidence_inference(shared_data: Path) -> None:
    articles = untitled = 0
    for name, data in members(shared_data, "evidence_inference_train_validation.zip"):
        if name.endswith(".abst"):
            found, lost = counted(data, name, "evidence-inference-article", by_all=articles % 50 == 0)
            assert (found[0].id, lost) == (name.rpartition("/")[2].removesuffix(".abst"), [])
            paper = found[0].paper
            assert paper is not None
            headings = [line for line in data.decode().splitlines() if re.match(r"(ABSTRACT|BODY)[.:]", line)]
            assert len(paper.abstract_sections) + len(paper.sections) <= len(headings)
            untitled += not found[0].scientific_title
            # no word of the text is lost
            texts = [s.text for s in paper.abstract_sections] + [s.text for s in paper.sections]
            read_words = sum(len(text.split()) for text in texts)
            body = re.sub(r"(?m)^(?:TITLE|ABSTRACT|BODY)[.:].*$|\A(?:TITLE.*)$", "", data.decode())
            assert read_words + len((found[0].scientific_title or "").split()) == pytest.approx(
                len(body.split()), abs=20
            )
            articles += 1
        elif name.endswith("_article_ids.txt"):
            found, lost = counted(data, name, "pmid-list")
            assert len(review(found[0]).studies) == len(set(data.split()))
        else:
            is_answers = "annotations" in name
            found, lost = counted(data, name, f"evidence-inference-{'answers' if is_answers else 'questions'}")
            rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
            assert (len(found), lost) == (len({row["PMCID"] for row in rows}), [])
            findings = [one for record in found if record.paper for one in record.paper.findings]
            assert len(findings) == len(rows)
            if is_answers:
                assert Counter(one.direction for one in findings) == Counter(
                    {"0": "NO_DIFFERENCE", "1": "INCREASED", "-1": "DECREASED"}[row["Label Code"]] for row in rows
                )
    assert (articles, untitled) == (2_941, 17)  # nothing stands under TITLE in seventeen of them


def test_a_review_of_made_up_studies_says_so() -> None:
    made_up, mixed = records(read("CD990001 0 99000001 1\nCD990002 0 99000001 1\nCD990002 0 123 1\n", "x")).values()
    assert (made_up.is_fictional, mixed.is_fictional) == (True, False)


def test_a_study_of_a_list_is_small() -> None:
    """A hundred thousand candidates are held at once: each is a decision and a number."""
    (record,) = read("".join(f"CD990001 0 {99_000_000 + n} 0\n" for n in range(100_000)), "x.qrels")
    assert isinstance(record, Record)
    assert len(review(record).studies) == 100_000
    assert review(record).studies[0] == ReviewedStudy(decision="EXCLUDED", report_ids=["99000000"])


@pytest.mark.parametrize(
    "piece",
    [b" ", b"\n", b"1 ", b"12345678\n", b"CD1 0 1 0\n", b"or ", b'[{"a":', b"{", b"\t1|", b"1. ", b"\n ", b"TY  - "],
)
def test_recognising_long_hostile_heads_does_not_hang(piece: bytes) -> None:
    head = (piece * (HEAD_BYTES // len(piece)))[: HEAD_BYTES - 1] + b"x"
    begun = time.process_time()
    for format in reviews.SOURCE.formats:
        format.recognise(head)
    assert time.process_time() - begun < 5


def test_long_entries_are_read_in_linear_time() -> None:
    begun = time.process_time()
    text = "TY  - JOUR\nTI  - A (FICTIONAL)\nPY  - 2099\nAB  - x\n" + "y\n" * 300_000 + "ER  - \n"
    assert len(read(text, "a.ris")) == 2
    rows = "".join(f"{99_000_000 + n},A (FICTIONAL),1,Same study\n" for n in range(20_000))
    outcomes = read("pmid,title,included,study\n" + rows, "a.csv")
    (study,) = review(last(outcomes)).studies
    assert len(study.report_ids) == 20_000
    assert time.process_time() - begun < 30
