"""Each operator and field of a search means on an index what the query languages say it means."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb
import pytest
import tantivy

from trialpanorama.build import build
from trialpanorama.errors import UserError
from trialpanorama.search import parse
from trialpanorama.search.index import Index, Limits
from trialpanorama.search.making import open_documents
from trialpanorama.search.words import analyzer, question_stems, words_of_stem
from trialpanorama.warehouse import Warehouse

ARTICLES = {
    "1": {"title": "Aspirin for stroke prevention", "abstract": "A randomised trial of low-dose aspirin.",
          "mesh": ["Aspirin/therapeutic use*", "Stroke"], "types": ["Randomized Controlled Trial"], "year": "2001"},
    "2": {"title": "Stroke after cardiac surgery", "abstract": "Aspirin was withheld before surgery.",
          "mesh": ["Stroke*", "Aspirin"], "types": ["Journal Article"], "year": "2005", "month": "Mar"},
    "3": {"title": "Liver biopsies in children", "abstract": "Needle biopsy of the liver is safe.",
          "mesh": ["Biopsy, Needle", "Liver", "Child"], "types": ["Review"], "year": "2010", "language": "fre"},
    "4": {"title": "Tumour size and colour", "abstract": "Women with tumors of any color took part.",
          "mesh": ["Neoplasms"], "types": ["Letter"], "year": "2011", "keywords": ["colorimetry"]},
    "5": {"title": "Beta blockers", "abstract": "Blockers of the beta receptor lower pressure; alpha agents do not.",
          "mesh": ["Hypertension/drug therapy"], "types": ["Clinical Trial"], "year": "2012",
          "chemicals": ["Adrenergic beta-Antagonists"]},
    "6": {"title": "Rats and mice", "abstract": "Animal models of hypertension, a disease of the blood vessels.",
          "mesh": ["Animals", "Hypertension*"], "types": ["Journal Article"], "year": "2012"},
    "7": {"title": "Rats, mice and men", "abstract": "Hypertension in animals and in humans.",
          "mesh": ["Animals", "Humans", "Hypertension"], "types": ["Journal Article"], "year": "2013"},
    "8": {"title": "Études of a naïve reader", "abstract": "An essay by a group.", "mesh": [], "types": ["Letter"],
          "year": "2014", "author": ("Fictional", "AB")},
}  # fmt: skip


def article(pmid: str, facts: dict[str, object]) -> str:
    def heading(text: str) -> str:
        name, _, qualifier = text.rstrip("*").partition("/")
        major = "Y" if text.endswith("*") else "N"
        inner = f'<QualifierName MajorTopicYN="{major}">{qualifier}</QualifierName>' if qualifier else ""
        own = "N" if qualifier else major
        return f'<MeshHeading><DescriptorName MajorTopicYN="{own}">{name}</DescriptorName>{inner}</MeshHeading>'

    last, initials = facts.get("author", ("Example", "X"))  # type: ignore[misc]
    month = f"<Month>{facts['month']}</Month>" if "month" in facts else ""
    keywords = "".join(f"<Keyword>{word}</Keyword>" for word in facts.get("keywords", ()))  # type: ignore[attr-defined]
    chemicals = "".join(
        f"<Chemical><RegistryNumber>0</RegistryNumber><NameOfSubstance>{name}</NameOfSubstance></Chemical>"
        for name in facts.get("chemicals", ())  # type: ignore[attr-defined]
    )
    types = "".join(f"<PublicationType>{name}</PublicationType>" for name in facts["types"])  # type: ignore[attr-defined]
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{pmid}</PMID>
      <Article><Journal><ISSN>0000-0000</ISSN><JournalIssue><PubDate><Year>{facts["year"]}</Year>{month}</PubDate>
      </JournalIssue><Title>Journal of Fiction</Title><ISOAbbreviation>J Fict</ISOAbbreviation></Journal>
      <ArticleTitle>{escape(str(facts["title"]))}</ArticleTitle>
      <Abstract><AbstractText>{escape(str(facts["abstract"]))}</AbstractText></Abstract>
      <AuthorList><Author><LastName>{last}</LastName><Initials>{initials}</Initials></Author></AuthorList>
      <Language>{facts.get("language", "eng")}</Language>
      <PublicationTypeList>{types}</PublicationTypeList>
      </Article><ChemicalList>{chemicals}</ChemicalList>
      <MeshHeadingList>{"".join(map(heading, facts["mesh"]))}</MeshHeadingList><KeywordList>{keywords}</KeywordList>
      </MedlineCitation></PubmedArticle>"""  # type: ignore[attr-defined, arg-type]


TRIAL = {
    "protocolSection": {
        "identificationModule": {"nctId": "NCT99000001", "briefTitle": "Aspirin in fictional strokes (FICTIONAL)"},
        "statusModule": {
            "overallStatus": "COMPLETED",
            "studyFirstPostDateStruct": {"date": "2009-07-01"},
        },
        "conditionsModule": {"conditions": ["Stroke"]},
        "designModule": {"studyType": "INTERVENTIONAL", "phases": ["PHASE3"]},
        "armsInterventionsModule": {"interventions": [{"type": "DRUG", "name": "Aspirin"}]},
    },
    "derivedSection": {
        "conditionBrowseModule": {
            "meshes": [{"id": "D020521", "term": "Stroke"}],
            "ancestors": [{"id": "D002561", "term": "Cerebrovascular Disorders"}],
        }
    },
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("search")
    articles = "".join(article(pmid, facts) for pmid, facts in ARTICLES.items())
    (folder / "articles.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", encoding="utf-8")
    (folder / "trial.json").write_text(json.dumps(TRIAL), encoding="utf-8")
    build([folder / "articles.xml", folder / "trial.json"], folder / "W", workers=1)
    return Warehouse.open(folder / "W")


@pytest.fixture(scope="module")
def index(warehouse: Warehouse) -> Index:
    return Index.open(warehouse)


TRIAL_ID = "NCT99000001"
MEANINGS: dict[str, set[str]] = {
    # words, phrases, fields
    "aspirin[ti]": {"1", TRIAL_ID},
    "aspirin[tiab]": {"1", "2", TRIAL_ID},
    '"low dose"[ab]': {"1"},
    '"dose low"[ab]': set(),
    "colorimetry[tiab]": {"4"},
    "colorimetry[ab]": set(),
    "colorimetry[ot]": {"4"},
    "antagonists[tw]": {"5"},
    "antagonists[tiab]": set(),
    '"adrenergic beta antagonists"[nm]': {"5"},
    "naive[ti]": {"8"},
    "ETUDES[ti]": {"8"},
    # operators, from left to right
    "aspirin[tiab] AND surgery[tiab]": {"2"},
    "biopsy[tiab] OR colour[ti]": {"3", "4"},
    "aspirin[tiab] NOT surgery[tiab]": {"1", TRIAL_ID},
    "liver[ti] OR aspirin[ti] AND stroke[ti]": {"1"},
    "liver[ti] OR (aspirin[ti] AND prevention[ti])": {"1", "3"},
    # truncation and single letters
    "biops*[tiab]": {"3"},
    '"liver biops*"[ti]': {"3"},
    "colo?r.ti,ab.": {"4"},
    "wom#n.ab.": {"4"},
    "tumo$1r.ti.": {"4"},
    # headings
    "Stroke[mh]": {"1", "2", TRIAL_ID},
    "Stroke[majr]": {"2"},
    '"Cerebrovascular Disorders"[mh]': {"1", "2", TRIAL_ID},
    '"Cerebrovascular Disorders"[mh:noexp]': set(),
    '"Aspirin/therapeutic use"[mh]': {"1"},
    "Aspirin/tu": {"1"},
    "Hypertension/dt": {"5"},
    "drug therapy[sh]": {"5"},
    "dt.fs.": {"5"},
    "exp Biopsy, Needle/": {"3"},
    "*Stroke/": {"2"},
    "(animals not (humans and animals)).sh.": {"6"},
    "Hypertension[mh] NOT (Animals[mh] NOT Humans[mh])": {"5", "7"},
    # publication types, dates, languages, authors, ids
    "randomized controlled trial[pt]": {"1"},
    "2012[dp]": {"5", "6"},
    "2010:2012[dp]": {"3", "4", "5", "6"},
    "2005/03[dp]": {"2"},
    "2005/04:2010[dp]": {"3", TRIAL_ID},
    "2013:3000[dp]": {"7", "8"},
    "french[la]": {"3"},
    "fictional ab[au]": {"8"},
    "fictional a[au]": {"8"},
    "fictional z[au]": set(),
    '"J Fict"[ta] AND review[pt]': {"3"},
    "3[pmid] OR 4[uid]": {"3", "4"},
    "NCT99000001": {TRIAL_ID},
    # words near each other
    "(beta adj2 receptor).ab.": {"5"},
    "(receptor adj2 beta).ab.": {"5"},
    "(receptor adj beta).ab.": set(),
    "(beta adj receptor).ab.": {"5"},
    "(blockers adj2 receptor).ab.": set(),
    "(blockers adj4 receptor).ab.": {"5"},
    "((blood or lymph) adj1 vessel*).ab.": {"6"},
    '"disease vessels"[tiab:~3]': {"6"},
    '"disease vessels"[tiab:~2]': set(),
    # automatic mapping: a heading, the words of its name, or those that were typed
    "cancer": {"4"},
    "high blood pressure": {"5", "6", "7"},
    '"high blood pressure"': set(),
    "high blood pressure[tiab]": set(),
    "hypertensions": {"5", "6", "7"},
    "needle biopsy": {"3"},
    "aspirin surgery": {"2"},
    # lines
    "1. aspirin.ti.\n2. stroke.ti.\n3. 1 and 2\n4. limit 3 to yr=\"2000-2002\"": {"1"},
}  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), MEANINGS.items(), ids=MEANINGS)
def test_a_search_finds_what_it_means(index: Index, query: str, expected: set[str]) -> None:
    found = index.search(parse(query))
    assert {hit.id for hit in found.hits} == expected
    assert found.total == len(expected)


def test_plain_words_rank_by_their_stems(index: Index) -> None:
    found = index.search(parse("preventing strokes with aspirin", "plain"))
    assert found.hits[0].id == "1"
    assert {hit.id for hit in found.hits} == {"1", "2", TRIAL_ID}
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


def test_a_word_is_as_rare_as_its_stem(index: Index) -> None:
    assert words_of_stem(index._searcher, "abstract", "tumor") == {"tumors": 1}
    assert words_of_stem(index._searcher, "title", "biopsi") == {"biopsies": 1}
    assert words_of_stem(index._searcher, "title", "of") == {"of": 1}
    one = index.search(parse("biopsy", "plain"))
    assert [hit.score for hit in one.hits] == [hit.score for hit in index.search(parse("biopsies", "plain")).hits]
    # its words in the title, in the abstract and in a heading count, each as if all documents wrote it alike
    assert {hit.id for hit in one.hits} == {"3"}


def test_every_word_is_found_by_its_stem() -> None:
    words = """die dying lies lying tying study studies studying studied hope hoping hoped able abilities reliability
        reliable hypertension hypertensive random randomised randomly cities city gas ids drugs vitamins sky skies
        gently early news trial trials bled bleeding aged ageing generate generation generously""".split()  # noqa: SIM905
    builder = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="words")
    made = tantivy.Index(builder.build())
    made.register_tokenizer("words", analyzer())
    writer = made.writer(heap_size=15_000_000, num_threads=1)
    writer.add_document(tantivy.Document(text=" ".join(words)))
    writer.commit()
    made.reload()
    cut = analyzer(tantivy.Filter.stemmer("english")).analyze
    stems = {word: cut(word)[0] for word in words}
    for stem in {*stems.values()}:
        found = words_of_stem(made.searcher(), "text", stem)
        assert found == {word: 1 for word, one in stems.items() if one == stem}


def test_ties_are_broken_by_id_however_the_index_is_divided(
    index: Index, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = parse("2001:2014[dp]")
    every = [hit.id for hit in index.search(search).hits]
    assert every == sorted(every)
    copy = tmp_path / "W"
    shutil.copytree(warehouse.path, copy, ignore=shutil.ignore_patterns("index*"))
    monkeypatch.setattr("trialpanorama.search.making.writer_threads", lambda documents: 3)
    divided = Index.open(Warehouse.open(copy))
    monkeypatch.setattr("trialpanorama.search.index._MORE", 1)
    for most in range(1, len(every) + 1):
        for one in (index, divided):
            assert [hit.id for hit in one.search(search, most=most).hits] == every[:most]


def test_a_question_looks_for_what_it_says_and_for_what_it_repeats_more() -> None:
    stems = question_stems("Which of the drugs, and for how long, prevents strokes? Strokes; a STROKE in the Études")
    assert stems == pytest.approx({"drug": 1, "long": 1, "prevent": 1, "stroke": 1 + math.log(3), "etud": 1})
    assert question_stems("what is to be with the") == {}


def test_a_date_and_a_kind_limit_a_search(index: Index) -> None:
    search = parse("aspirin[tiab]")
    done = Limits(only={"status": "COMPLETED", "phase": "PHASE3"})
    assert {hit.id for hit in index.search(search, Limits("2005-03-01")).hits} == {"1"}
    assert {hit.id for hit in index.search(search, Limits("2009")).hits} == {"1", "2"}
    assert {hit.id for hit in index.search(search, Limits(only={"kind": "trial"})).hits} == {TRIAL_ID}
    assert {hit.id for hit in index.search(search, done).hits} == {TRIAL_ID}
    assert index.search(search, most=1).total == 3
    assert len(index.search(search, most=1).hits) == 1
    assert index.search(search, most=0).hits == ()
    with pytest.raises(UserError, match="no date"):
        index.search(search, Limits("yesterday"))


def test_a_limit_that_is_not_known_is_left_out_and_said(index: Index) -> None:
    found = index.search(parse("aspirin[tiab] AND medline[sb]"))
    assert {hit.id for hit in found.hits} == {"1", "2", TRIAL_ID}
    assert any("medline" in note for note in found.notes)


@pytest.mark.parametrize(
    "query",
    [
        "a*[ti]",
        "ab" + "#" * 200 + ".ti.",
        "ab" + "$9" * 50 + ".ti.",
        " OR ".join(f"ab{n}*[all]" for n in range(1_000)),
        "("
        + " or ".join(f'"a b{n}"' for n in range(80))
        + ") adj3 ("
        + " or ".join(f'"c d{n}"' for n in range(80))
        + ")",
    ],
)
def test_a_search_without_bound_is_refused(index: Index, query: str) -> None:
    with pytest.raises(UserError, match=r"letters beside|can stand in|signs for missing|cut short"):
        index.search(parse(query))


def test_many_alternatives_near_many_others_are_found_in_few_passes(index: Index) -> None:
    left = " or ".join([*(f"q{n}" for n in range(400)), "blood", "#ymph*"])
    right = " or ".join([*(f"z{n}" for n in range(400)), "vess*", '"no such run"'])
    query = f"({left}) adj3 ({right})"
    assert {hit.id for hit in index.search(parse(f"({query}).ab.", "ovid")).hits} == {"6"}


def test_the_index_is_brought_up_to_date_by_what_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    inputs = tmp_path / "articles.xml"
    first = "".join(article(pmid, facts) for pmid, facts in list(ARTICLES.items())[:3])
    inputs.write_text(f"<PubmedArticleSet>{first}</PubmedArticleSet>", encoding="utf-8")
    build([inputs], tmp_path / "W", workers=1)
    assert Index.open(Warehouse.open(tmp_path / "W")).documents == 3
    more = tmp_path / "more.xml"
    changed = article("1", ARTICLES["1"] | {"title": "Ibuprofen", "year": "2001"}).replace('Version="1"', 'Version="2"')
    more.write_text(f"<PubmedArticleSet>{changed}{article('4', ARTICLES['4'])}</PubmedArticleSet>", encoding="utf-8")
    build([more], tmp_path / "W", workers=1)
    again = Warehouse.open(tmp_path / "W")
    assert not Index.is_ready(again)
    told: list[tuple[int, int]] = []
    made = Index.bring_up_to_date(again, lambda done, total: told.append((done, total)))
    assert made is not None
    assert (made.documents, made.indexed, made.removed) == (4, 2, 1)  # what did not change is not indexed again
    assert told[-1] == (4, 4)
    assert Index.bring_up_to_date(again) is None
    assert Index.is_ready(again)
    index = Index.open(again)
    assert index.documents == 4
    assert [hit.id for hit in index.search(parse("ibuprofen[ti] OR prevention[ti]")).hits] == ["1"]
    assert index.search(parse("prevention[ti]")).total == 0


_KILLED = """
import os, signal, sys
from pathlib import Path
from trialpanorama.search import making
from trialpanorama.search.index import Index
from trialpanorama.warehouse import Warehouse
making._write_contents = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Index.bring_up_to_date(Warehouse.open(Path(sys.argv[1])))
"""


def test_a_kill_leaves_the_old_index_and_the_next_one_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    copy = tmp_path / "W"
    shutil.copytree(warehouse.path, copy, ignore=shutil.ignore_patterns("index*"))
    folder, papers = copy / "index", copy / "tables" / "papers.parquet"
    duckdb.sql(
        f"COPY (FROM '{warehouse.path}/tables/papers.parquet' WHERE paper_id < '4') TO '{papers}' (FORMAT parquet)"
    )
    Index.bring_up_to_date(Warehouse.open(copy))  # of three papers and a trial
    shutil.copy(warehouse.path / "tables" / "papers.parquet", papers)
    before = json.dumps(json.loads((folder / "state.json").read_text()) | {"snapshot": "the one before"})
    (folder / "state.json").write_text(before)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(copy)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (folder / "state.json").read_text() == before
    place, opened = open_documents(folder)
    old = Index(opened, "the one before", place)
    assert (place.name, old.documents) == ("documents.1", 4)
    assert (folder / "documents.2").exists()
    made = Index.bring_up_to_date(Warehouse.open(copy))
    assert made is not None
    assert (made.documents, made.indexed, made.removed) == (9, 5, 0)
    found = Index.open(Warehouse.open(copy)).search(parse("2010:2014[dp]"))
    assert [hit.id for hit in found.hits] == ["3", "4", "5", "6", "7", "8"]
    assert [path.name for path in folder.glob("documents*")] == ["documents.2"]
    # who has the old one open goes on with it
    assert [hit.id for hit in old.search(parse("liver OR heart attack")).hits] == ["3"]


def test_the_same_search_gives_the_same_answer_every_time(index: Index) -> None:
    search = parse("stroke or hypertension or animals", "plain")
    assert len({index.search(search) for _ in range(20)}) == 1


_OPEN_AND_COUNT = """
import sys
from pathlib import Path
from trialpanorama.search.ranked import Ranked
from trialpanorama.search.index import Index
from trialpanorama.warehouse import Warehouse
warehouse = Warehouse.open(Path(sys.argv[1]))
Ranked.open(warehouse)
print(Index.open(warehouse).documents)
"""


def test_processes_that_search_at_once_wait_for_one_index(warehouse: Warehouse, tmp_path: Path) -> None:
    copy = tmp_path / "W"
    shutil.copytree(warehouse.path, copy, ignore=shutil.ignore_patterns("index*"))
    running = [
        subprocess.Popen([sys.executable, "-c", _OPEN_AND_COUNT, str(copy)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["9", "9", "9"]
    assert {path.name for path in (copy / "index").iterdir() if path.is_dir()} == {"documents.1", "dense"}


def test_a_warehouse_that_cannot_be_written_to_is_told_in_one_line(warehouse: Warehouse, tmp_path: Path) -> None:
    copy = tmp_path / "W"
    shutil.copytree(warehouse.path, copy, ignore=shutil.ignore_patterns("index*"))
    (copy / "index.lock").mkdir()  # as good as a folder without the right to write, for whoever runs the test
    with pytest.raises(UserError, match="make it writable"):
        Index.open(Warehouse.open(copy))
