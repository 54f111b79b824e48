"""Ranked search finds what a question is about, the same on every run, within its limits."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from trialpanorama.build import build
from trialpanorama.errors import UnknownName
from trialpanorama.search.dense import Dense, fit
from trialpanorama.search.index import Found, Index, Limits
from trialpanorama.search.making import FOLDER
from trialpanorama.search.patients import Patient
from trialpanorama.search.ranked import RANKINGS, Ranked, _fuse, _in_order
from trialpanorama.warehouse import Warehouse

FIELDS = {
    "heart": ["atenolol", "betablocker", "infarction", "hypertension", "cardiac", "metoprolol"],
    "lung": ["asthma", "salbutamol", "wheezing", "inhaler", "bronchial", "spirometry"],
    "gut": ["omeprazole", "ulcer", "reflux", "gastric", "heartburn", "endoscopy"],
}
FILLER = [f"filler{n}" for n in range(60)]


def field_of(at: int) -> str:
    """The field of an article: of each three tens, one has one."""
    return [*FIELDS][at // 10 % 3]


def made_articles(seed: int) -> list[str]:
    """Ninety articles, thirty of each field; each has some of its field's words among words that mean nothing."""
    chooser = random.Random(seed)
    articles = []
    for at in range(90):
        words = FIELDS[field_of(at)]
        text = [*chooser.sample(words, 3) * 3, *chooser.sample(FILLER, 12)]
        chooser.shuffle(text)
        title = "FICTIONAL " + " ".join(chooser.sample(FILLER, 3))
        cited = (
            ""
            if at != 4
            else (
                '<PubmedData><ReferenceList><Reference><ArticleIdList><ArticleId IdType="pubmed">30000089</ArticleId>'
                "</ArticleIdList></Reference></ReferenceList></PubmedData>"
            )
        )
        articles.append(
            f"""<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{30_000_000 + at}</PMID><Article>
            <Journal><JournalIssue><PubDate><Year>{2000 + at % 10}</Year></PubDate></JournalIssue></Journal>
            <ArticleTitle>{title}</ArticleTitle><Abstract><AbstractText>{" ".join(text)}</AbstractText></Abstract>
            </Article></MedlineCitation>{cited}</PubmedArticle>"""
        )
    return articles


def trial(at: int, condition: str, sex: str, youngest: str | None, oldest: str | None) -> dict[str, object]:
    ages = {"minimumAge": youngest, "maximumAge": oldest}
    return {
        "protocolSection": {
            "identificationModule": {"nctId": f"NCT9900010{at}", "briefTitle": f"FICTIONAL care of {condition} {at}"},
            "statusModule": {"overallStatus": "COMPLETED", "studyFirstPostDateStruct": {"date": "2009-07-01"}},
            "conditionsModule": {"conditions": [condition]},
            "designModule": {"studyType": "INTERVENTIONAL"},
            "eligibilityModule": {"sex": sex, **{name: age for name, age in ages.items() if age}},
        }
    }


TRIALS = [
    trial(1, "asthma", "ALL", "18 Years", "65 Years"),
    trial(2, "asthma", "FEMALE", "18 Years", None),
    trial(3, "asthma", "MALE", None, "17 Years"),
    trial(4, "asthma", "ALL", "6 Months", "2 Years"),
    trial(5, "reflux", "ALL", None, None),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("ranked")
    articles = "".join(made_articles(1))
    (folder / "articles.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", encoding="utf-8")
    (folder / "trials.json").write_text(json.dumps(TRIALS), encoding="utf-8")
    build([folder / "articles.xml", folder / "trials.json"], folder / "W", workers=1)
    return Warehouse.open(folder / "W")


@pytest.fixture(scope="module")
def ranked(warehouse: Warehouse) -> Ranked:
    assert not Ranked.is_ready(warehouse)
    opened = Ranked.open(warehouse)
    assert Ranked.is_ready(warehouse)
    return opened


def ids(found: Found) -> list[str]:
    return [hit.id for hit in found.hits]


def of_field(found: Found, field: str) -> float:
    """The share of papers that are of a field."""
    return float(np.mean([field_of(int(id) - 30_000_000) == field for id in ids(found)]))


@pytest.mark.parametrize("papers", [0, 1])
def test_a_warehouse_of_hardly_anything_is_ranked(warehouse: Warehouse, tmp_path: Path, papers: int) -> None:
    shutil.copytree(warehouse.path, tmp_path / "W", ignore=shutil.ignore_patterns("index*"))
    for table, most in (("papers", papers), ("studies", 0)):
        path = f"tables/{table}.parquet"
        duckdb.sql(f"COPY (FROM '{warehouse.path}/{path}' LIMIT {most}) TO '{tmp_path}/W/{path}' (FORMAT parquet)")
    few = Ranked.open(Warehouse.open(tmp_path / "W"))
    for ranking in RANKINGS:
        assert len(few.search("FICTIONAL", ranking=ranking).hits) == papers


@pytest.mark.parametrize("ranking", RANKINGS)
def test_what_a_question_is_about_comes_first(ranked: Ranked, ranking: str) -> None:
    for field, words in FIELDS.items():
        found = ranked.search(" ".join(words[:3]), Limits(only={"kind": "paper"}), ranking=ranking, most=20)
        assert found.ranking == ranking
        assert len(found.hits) == 20
        assert of_field(found, field) > 0.9
        scores = [hit.score for hit in found.hits]
        assert scores == sorted(scores, reverse=True)


def test_a_single_word_finds_texts_that_lack_it_by_what_they_are_about(ranked: Ranked, warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        having = connection.execute("SELECT paper_id FROM papers WHERE abstract LIKE '%omeprazole%'").fetchall()
    only = Limits(only={"kind": "paper"})
    assert {*ids(ranked.search("omeprazole", only, ranking="bm25"))} == {id for (id,) in having}
    for ranking in ("dense", "fused"):
        found = ranked.search("omeprazole", only, ranking=ranking, most=30)
        assert len({*ids(found)} - {id for (id,) in having}) > 5
        assert of_field(found, "gut") > 0.9


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_ranking_keeps_to_its_limits(ranked: Ranked, ranking: str) -> None:
    limits = Limits("2003", {"kind": "paper"})
    found = ranked.search("asthma inhaler", limits, ranking=ranking)
    assert found.hits
    assert {hit.kind for hit in found.hits} == {"paper"}
    assert {hit.date[:4] for hit in found.hits if hit.date} <= {"2000", "2001", "2002"}
    trials = ranked.search("asthma", Limits(only={"kind": "trial"}), ranking=ranking)
    assert {hit.kind for hit in trials.hits} == {"trial"}
    assert ranked.search("asthma", Limits(only={"status": "NO_SUCH"}), ranking=ranking).hits == ()


def test_vectors_are_filtered_in_the_same_way_from_few_and_from_many(
    ranked: Ranked, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits("2008", {"kind": "paper"})
    few = ranked.search("asthma", limits, ranking="dense", most=10)
    monkeypatch.setattr("trialpanorama.search.ranked._FEW", 0)
    assert ranked.search("asthma", limits, ranking="dense", most=10) == few
    rare = Limits("2001", {"kind": "paper"})
    assert len(ranked.search("omeprazole", rare, ranking="dense", most=5).hits) == 5


def test_the_same_question_gives_the_same_answer_also_after_fitting_anew(
    ranked: Ranked, warehouse: Warehouse, tmp_path: Path
) -> None:
    with warehouse.connect() as connection:
        fit(tmp_path / "dense", connection, warehouse.snapshot)
    for name in ("numbers", "vectors", "directions", "words", "weights", "links"):
        one, two = (np.load(place / f"{name}.npy") for place in (tmp_path / "dense", warehouse.path / FOLDER / "dense"))
        assert np.array_equal(one, two), name
    again = Ranked(Index.open(warehouse), Dense(tmp_path / "dense"))
    for ranking in RANKINGS:
        question = "ulcer or wheezing, filler1 filler2"
        assert ranked.search(question, ranking=ranking) == again.search(question, ranking=ranking)


def test_what_is_cited_by_the_best_is_drawn_up(ranked: Ranked, monkeypatch: pytest.MonkeyPatch) -> None:
    # the article that cites is the only one of its title; what it cites is of another field
    title = next(hit.title for hit in ranked.search("30000004", ranking="dense", most=200).hits if hit.id == "30000004")
    with_links = ids(ranked.search(title, most=95))
    monkeypatch.setattr("trialpanorama.search.ranked._LINKS_WEIGHT", 0.0)
    assert with_links.index("30000089") < ids(ranked.search(title, most=95)).index("30000089")


def test_a_sample_of_the_texts_gives_vectors_to_all(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialpanorama.search.dense.MOST_FITTED", 40)
    monkeypatch.setattr("trialpanorama.search.dense._BATCH", 7)
    with warehouse.connect() as connection:
        fit(tmp_path / "dense", connection, warehouse.snapshot)
    sampled = Ranked(Index.open(warehouse), Dense(tmp_path / "dense"))
    assert np.load(tmp_path / "dense" / "vectors.npy").shape[0] == 95
    found = sampled.search("omeprazole ulcer", Limits(only={"kind": "paper"}), ranking="dense", most=20)
    assert of_field(found, "gut") > 0.9


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (Patient(), {1, 2, 3, 4}),
        (Patient(40, "FEMALE"), {1, 2}),
        (Patient(40, "MALE"), {1}),
        (Patient(65, "MALE"), {1}),
        (Patient(66, "FEMALE"), {2}),
        (Patient(17, "MALE"), {3}),
        (Patient(0.5, "FEMALE"), {4}),
        (Patient(0.4, "FEMALE"), set()),
        (Patient(1, None), {3, 4}),
    ],
)
def test_a_trial_has_to_take_the_patient(ranked: Ranked, ranking: str, patient: Patient, expected: set[int]) -> None:
    limits = Limits(only={"kind": "trial"}, patient=patient)
    found = ranked.search("Patient with asthma. No reflux, denies reflux.", limits, ranking=ranking)
    if ranking == "bm25":  # words that are denied are not looked for
        assert {*ids(found)} == {f"NCT9900010{at}" for at in expected}
    else:
        assert ids(found)[-1] == "NCT99000105" or not expected
        assert {*ids(found)} == {f"NCT9900010{at}" for at in {*expected, 5}}


def test_an_unknown_ranking_is_said(ranked: Ranked) -> None:
    with pytest.raises(UnknownName, match="bm25"):
        ranked.search("asthma", ranking="bm52")


@pytest.mark.parametrize("question", ["", "the of and", "nosuchwordanywhere", "\x00\ud800" * 3, "!" * 5_000])
@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_question_of_nothing_known_is_answered(ranked: Ranked, ranking: str, question: str) -> None:
    assert len(ranked.search(question.encode("utf-8", "replace").decode(), ranking=ranking, most=5).hits) <= 5


def test_ranks_are_put_together_by_hand() -> None:
    fused = _fuse([(2.0, {7: 0.9, 3: 0.5}), (1.0, {3: 10.0, 9: 9.0})])
    assert fused == pytest.approx({3: 2 / 62 + 1 / 61, 7: 2 / 61, 9: 1 / 62})
    assert [*fused] == [3, 7, 9]


def test_those_of_one_score_stand_in_their_order() -> None:
    rows, scores = np.array([5, 1, 4, 2, 3]), np.array([1.0, 2.0, 1.0, 1.0, 3.0], dtype=np.float32)
    assert [*_in_order(rows, scores, 3)] == [3, 1, 2]
    assert [*_in_order(rows, scores, 0)] == []
    assert [*_in_order(rows, scores, 99)] == [3, 1, 2, 4, 5]
