"""PubMed: every quirk of the formats, the real files counted with another parser, and mutated bytes."""

from __future__ import annotations

import gzip
import io
import random
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from trialpanorama.record import Record, Reject
from trialpanorama.sources.pubmed import SOURCE

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "pubmed"
FORMATS = {format.name: format for format in SOURCE.formats}


def read(data: bytes) -> list[Record | Reject]:
    recognised = [format for format in SOURCE.formats if format.recognise(data[:65_536])]
    assert len(recognised) == 1, [format.name for format in recognised]
    return list(recognised[0].read(io.BytesIO(data)))


def fixture(name: str) -> dict[str, Record]:
    """The Records of a fixture by PMID (of several versions the last)."""
    return {o.id: o for o in read((FIXTURES / name).read_bytes()) if isinstance(o, Record)}


def one(article: str, *, of: str = "<PubmedArticleSet>{}</PubmedArticleSet>") -> Record:
    """The Record of one article, given what stands inside its MedlineCitation."""
    citation = f'<MedlineCitation Status="MEDLINE"><PMID Version="1">99000001</PMID>{article}</MedlineCitation>'
    (record,) = read(of.format(f"<PubmedArticle>{citation}</PubmedArticle>").encode())
    assert isinstance(record, Record), record
    assert record.paper is not None
    return record


def tagged(lines: str) -> Record:
    (record,) = read(f"PMID- 99000001\n{lines}\nSO  - Nowhere.\n".encode())
    assert isinstance(record, Record), record
    assert record.paper is not None
    return record


def ids(record: Record, role: str) -> list[str]:
    return [identifier.id for identifier in record.identifiers if identifier.role == role]


# --- recognition


@pytest.mark.parametrize(
    ("head", "format"),
    [
        ("<PubmedArticleSet>", "article-set-xml"),
        ("\ufeff<?xml version='1.0'?>\n<PubmedArticleSet >", "article-set-xml"),
        (
            "<?xml version='1.0'?><!-- a > b --><!DOCTYPE PubmedArticleSet SYSTEM 'x'>\r\n<PubmedArticleSet>",
            "article-set-xml",
        ),
        ("<!DOCTYPE PubmedArticleSet [<!ELEMENT a (b)> <!-- c -->] >\n<PubmedArticleSet>", "article-set-xml"),
        ("<PubmedBookArticleSet>", "article-set-xml"),
        ("<PubmedArticle>", "article-set-xml"),
        ("<MedlineCitationSet>", "citation-set-xml"),
        ("\n\nPMID- 99000001\nOWN - NLM\n", "medline-text"),
        ("\ufeffPMID- 99000001\r\n", "medline-text"),
        ("OWN - NLM\nPMID- 99000001\n", "medline-text"),
        ("<!DOCTYPE article PUBLIC 'JATS'><article><front>PubmedArticleSet</front>", None),
        ("<clinical_study><!-- <PubmedArticleSet> -->", None),
        ("<PubmedArticleSets>", None),
        ("TY  - JOUR\nPMID- 99000001\n", None),
        ("PMID,Title\n99000001,x\n", None),
        ("{}", None),
        ("", None),
    ],
)
def test_recognises_by_the_root_or_the_first_tag(head: str, format: str | None) -> None:
    assert [f.name for f in SOURCE.formats if f.recognise(head.encode())] == ([format] if format else [])


def test_recognises_and_reads_utf16() -> None:
    text = (
        "<?xml version='1.0' encoding='utf-16'?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>99000001</PMID>"
    )
    text += "<Article><ArticleTitle>Thé</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"
    (record,) = read(text.encode("utf-16"))
    assert isinstance(record, Record)
    assert record.scientific_title == "Thé"


def test_reads_latin_1_where_the_declaration_says_so() -> None:
    text = "<?xml version='1.0' encoding='ISO-8859-1'?><PubmedArticleSet><PubmedArticle><MedlineCitation>"
    text += "<PMID>99000001</PMID><Article><ArticleTitle>Thé</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    (record,) = read(text.encode("latin-1"))
    assert isinstance(record, Record)
    assert record.scientific_title == "Thé"


def test_a_head_of_many_instructions_is_decided_at_once() -> None:
    assert not FORMATS["article-set-xml"].recognise(b"<?a?>" * 10_000)  # exponential, if the pattern could go back


# --- quirks of the XML


def test_one_or_many_of_a_repeated_tag_give_lists() -> None:
    author = "<Author><LastName>Exampleson</LastName></Author>"
    record = one(f"<Article><AuthorList>{author}</AuthorList></Article>")
    assert [a.last_name for a in record.paper.authors] == ["Exampleson"]
    record = one(f"<Article><AuthorList>{author * 2}</AuthorList></Article>")
    assert [a.last_name for a in record.paper.authors] == ["Exampleson"] * 2


@pytest.mark.parametrize(
    ("medline_date", "date"),
    [
        ("2000 Spring", "2000"),
        ("1998 Dec-1999 Jan", "1998-12"),
        ("1999 Jan-Feb", "1999-01"),
        ("2019 Feb - Apr", "2019-02"),
        ("1977-1978", "1977"),
        ("Winter 1999-2000", "1999"),
        ("2004 2nd Quarter", "2004"),
        ("2015 Feb 30", "2015"),
        ("undated", None),
    ],
)
def test_medline_date_keeps_its_words_and_says_no_more_than_they_do(medline_date: str, date: str | None) -> None:
    issue = f"<JournalIssue><PubDate><MedlineDate>{medline_date}</MedlineDate></PubDate></JournalIssue>"
    published = one(f"<Article><Journal>{issue}</Journal></Article>").paper.publication_date
    assert (published.date, published.raw) == (date, medline_date)


@pytest.mark.parametrize(
    ("parts", "date"),
    [
        ({"Year": "2019"}, "2019"),
        ({"Year": "2019", "Month": "03"}, "2019-03"),
        ({"Year": "2019", "Month": "Mar"}, "2019-03"),
        ({"Year": "2019", "Month": "Mar", "Day": "5"}, "2019-03-05"),
        ({"Year": "2019", "Month": "3", "Day": "05"}, "2019-03-05"),
        ({"Year": "2019", "Season": "Summer"}, "2019"),
    ],
)
def test_dates_may_lack_month_or_day_and_name_or_number_the_month(parts: dict[str, str], date: str) -> None:
    inside = "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts.items())
    journal = f"<Journal><JournalIssue><PubDate>{inside}</PubDate></JournalIssue></Journal>"
    assert one(f"<Article>{journal}</Article>").paper.publication_date.date == date


def test_several_databank_ids_are_secondary_and_other_databanks_are_left_out() -> None:
    record = fixture("article_set.xml")["99000001"]
    given = {(i.id, i.register, i.type_raw, i.field) for i in record.identifiers if i.role == "secondary"}
    assert given == {
        ("NCT99000001", "clinicaltrials_gov", "ClinicalTrials.gov", "DataBankList"),
        ("NCT99000002", "clinicaltrials_gov", "ClinicalTrials.gov", "DataBankList"),
        ("ISRCTN99000002", "isrctn", "ISRCTN", "DataBankList"),
        ("UMIN999000001", "umin", "JPRN", "DataBankList"),
    }


def test_registry_ids_in_the_texts_are_mentions_unless_nlm_lists_them() -> None:
    record = fixture("article_set.xml")["99000001"]
    assert ids(record, "mentioned") == ["NCT99000003"]
    assert ids(fixture("article_set.xml")["99000002"], "mentioned") == ["DRKS99000003"]


def test_an_article_that_lists_dozens_of_registrations_keeps_them_all() -> None:
    numbers = [f"NCT99{n:06}" for n in range(60)]
    record = one(f"<Article><Abstract><AbstractText>{', '.join(numbers)}</AbstractText></Abstract></Article>")
    assert ids(record, "mentioned") == numbers


def test_versions_of_an_article_are_records_of_their_own() -> None:
    versions = [(o.id, o.paper.version) for o in read((FIXTURES / "update_file.xml").read_bytes())[:2]]
    assert versions == [("99000031", 1), ("99000031", 2)]


def test_structured_abstract_keeps_the_authors_own_labels() -> None:
    record = fixture("article_set.xml")["99000001"]
    assert [(s.label, s.category) for s in record.paper.abstract_sections] == [
        ("IMPORTANCE", "BACKGROUND"),
        ("MAIN OUTCOMES AND MEASURES", "METHODS"),
        (None, None),
        ("TRIAL REGISTRATION", "UNASSIGNED"),
    ]
    assert record.brief_summary.split("\n")[1] == (
        "MAIN OUTCOMES AND MEASURES: The share of participants who were thirsty (P < .05)."
    )


def test_text_that_markup_divides_is_joined() -> None:
    record = one("<Article><ArticleTitle><i>Placebonema</i> <b>fict<u>um</u></b>: a trial</ArticleTitle></Article>")
    assert record.scientific_title == "Placebonema fictum: a trial"


def test_a_power_of_ten_does_not_become_another_number() -> None:
    text = "10<sup>9</sup> cells, 10<sup>-5</sup> M, m<sup>2</sup>, CO<sub>2</sub>, 4<sup>th</sup>, Ca<sup>2+</sup>"
    record = one(f"<Article><Abstract><AbstractText>{text}</AbstractText></Abstract></Article>")
    assert record.brief_summary == "10^9 cells, 10^-5 M, m2, CO2, 4th, Ca2+"


def test_formulas_in_mathml_are_text() -> None:
    formula = '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi><mml:mo>=</mml:mo></mml:math>'
    record = one(f"<Article><Abstract><AbstractText>if {formula} 1</AbstractText></Abstract></Article>")
    assert record.brief_summary == "if x= 1"


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("[Two teas].", "Two teas."),
        ("[Two teas?]", "Two teas?"),
        ("[Two [small] teas].", "Two [small] teas."),
        ("[18F]-tea for imaging.", "[18F]-tea for imaging."),
        ("[One] and [two].", "[One] and [two]."),
        ("Two teas [corrected].", "Two teas [corrected]."),
        ("[Not Available].", None),
        ("[].", None),
    ],
)
def test_brackets_of_a_translated_title_go_and_others_stay(given: str, title: str | None) -> None:
    assert one(f"<Article><ArticleTitle>{given}</ArticleTitle></Article>").scientific_title == title


def test_without_an_english_title_the_vernacular_one_stands_and_says_its_language() -> None:
    record = fixture("article_set.xml")["99000003"]
    assert (record.scientific_title, record.language) == ("Dos tés imaginarios en caballos.", "es")
    translated = fixture("article_set.xml")["99000002"]
    assert translated.scientific_title == "Cross-over [pilot] of two imaginary teas."
    assert (translated.language, translated.paper.vernacular_title) == (
        None,
        "Zwei erfundene Tees im Cross-over [Pilot].",
    )


def test_collective_names_of_other_scripts_stay_as_they_are() -> None:
    authors = fixture("article_set.xml")["99000001"].paper.authors
    assert [a.collective_name for a in authors if a.collective_name] == ["虚构试验协作组 (Группа ВЫМЫСЕЛ)"]


def test_a_name_that_nlm_marks_as_wrong_is_left_out() -> None:
    assert [a.last_name for a in fixture("article_set.xml")["99000001"].paper.authors] == ["Exampleson", None]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ward 9, Nowhere. gamma@example.net.", "Ward 9, Nowhere."),
        ("Ward 9, Nowhere. Electronic address: gamma@example.net.", "Ward 9, Nowhere."),
        ("Ward 9, Nowhere; e-mail: gamma@example.net", "Ward 9, Nowhere"),
        ("Ward 9, Nowhere (gamma@example.net).", "Ward 9, Nowhere."),
        ("Ward 9 a@example.net b@example.org.", "Ward 9"),
        ("Research@Work, Nowhere.", "Research@Work, Nowhere."),
    ],
)
def test_affiliations_lose_their_email_addresses(given: str, kept: str) -> None:
    author = f"<Author><AffiliationInfo><Affiliation>{given}</Affiliation></AffiliationInfo></Author>"
    record = one(f"<Article><AuthorList>{author}</AuthorList></Article>")
    assert record.paper.authors[0].affiliations == [kept]


def test_old_dtd_has_affiliations_without_affiliation_info() -> None:
    (author,) = fixture("old_dtd.xml")["99000011"].paper.authors
    assert author.affiliations == ["Clinic of Old Records, Nowhere.", "Ward 9, Clinic of Old Records, Nowhere."]


def test_old_dtd_may_begin_with_a_byte_order_mark_before_the_declaration() -> None:
    data = (FIXTURES / "old_dtd.xml").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf<?xml")
    assert [o.id for o in read(data)] == ["99000011"]


def test_old_citation_set_names_relations_by_elements() -> None:
    record = fixture("citation_set.xml")["99000021"]
    assert [(c.type, c.pmid) for c in record.paper.corrections] == [("CommentIn", "99000022"), ("ErratumIn", None)]
    assert record.paper.version is None
    (term,) = record.mesh_terms
    assert (term.term, term.is_major, term.qualifiers) == ("Lozenges", True, ["therapeutic use"])


def test_book_chapter_has_its_own_title_and_authors_and_the_books_name() -> None:
    record = fixture("update_file.xml")["99000032"]
    assert (record.scientific_title, record.paper.journal) == ("Measuring thirst", "Manual of imaginary assays")
    assert [a.last_name for a in record.paper.authors] == ["Chapterby"]
    assert (record.paper.publication_date.date, record.paper.electronic_date.date) == ("2090", "2092-11-20")
    assert record.paper.publication_types == ["Review"]


def test_whole_book_has_the_books_title_and_authors_rather_than_editors() -> None:
    record = fixture("update_file.xml")["99000033"]
    assert record.scientific_title == "A whole imaginary book"
    assert [a.last_name for a in record.paper.authors] == ["Volumeson"]


def test_deleted_articles_are_one_reject_each() -> None:
    outcomes = read((FIXTURES / "update_file.xml").read_bytes())
    deleted = [(o.detail, o.place.ordinal) for o in outcomes if isinstance(o, Reject) and o.reason == "deletion_notice"]
    assert deleted == [("PubMed deleted PMID 99000034", 5), ("PubMed deleted PMID 99000035", 6)]
    assert [o.place.ordinal for o in outcomes] == [1, 2, 3, 4, 5, 6]


def test_an_article_after_a_deletion_has_the_next_ordinal() -> None:
    article = "<PubmedArticle><MedlineCitation><PMID>99000009</PMID></MedlineCitation></PubmedArticle>"
    deletion = "<DeleteCitation><PMID Version='1'>99000001</PMID><PMID>99000002</PMID></DeleteCitation>"
    data = f"<PubmedArticleSet>{deletion}{article}{article[:40]}".encode()
    assert [o.place.ordinal for o in read(data)] == [1, 2, 3, 4]


def test_phases_and_design_come_from_the_publication_types() -> None:
    record = fixture("article_set.xml")["99000001"]
    assert record.phases == ["PHASE2", "PHASE3"]
    assert (record.study_type, record.allocation) == ("INTERVENTIONAL", "RANDOMIZED")
    assert record.study_type_raw == "Clinical Trial, Phase II; Clinical Trial, Phase III; Randomized Controlled Trial"
    assert fixture("article_set.xml")["99000002"].study_type == "OBSERVATIONAL"


def test_trials_in_animals_are_no_interventional_studies() -> None:
    record = fixture("article_set.xml")["99000003"]
    assert record.paper.publication_types[0] == "Randomized Controlled Trial, Veterinary"
    assert (record.study_type, record.allocation, record.phases) == (None, None, [])


def test_retraction_is_seen_in_the_type_and_in_the_notice() -> None:
    articles = fixture("article_set.xml")
    assert [articles[pmid].paper.is_retracted for pmid in ("99000001", "99000002", "99000003")] == [True, False, True]


def test_cited_articles_come_from_both_lists_once() -> None:
    record = fixture("article_set.xml")["99000001"]
    assert record.paper.cited_pmids == ["99000100", "99000102"]
    assert all(correction.type != "Cites" for correction in record.paper.corrections)


def test_a_doi_that_the_publisher_withdrew_is_not_taken() -> None:
    wrong = '<ELocationID EIdType="doi" ValidYN="N">10.99999/wrong</ELocationID>'
    right = '<ELocationID EIdType="doi" ValidYN="Y">10.99999/right</ELocationID>'
    assert one(f"<Article>{wrong}{right}</Article>").paper.doi == "10.99999/right"
    assert one(f"<Article>{wrong}</Article>").paper.doi is None


def test_own_ids_carry_their_registers() -> None:
    record = fixture("article_set.xml")["99000001"]
    own = [(i.id, i.register) for i in record.identifiers if i.role in ("primary", "alias")]
    assert own == [("99000001", "pubmed"), ("10.99999/jft.2091.1", "doi"), ("PMC99000001", "pmc")]


def test_pages_are_taken_from_either_dtd() -> None:
    assert one("<Article><Pagination><MedlinePgn>1-9</MedlinePgn></Pagination></Article>").paper.pages == "1-9"
    pages = "<StartPage>1</StartPage><EndPage>9</EndPage>"
    assert one(f"<Article><Pagination>{pages}</Pagination></Article>").paper.pages == "1-9"


def test_empty_elements_are_unknown_and_not_empty_text() -> None:
    article = "<Article><ArticleTitle/><Abstract><AbstractText> </AbstractText></Abstract><AuthorList/></Article>"
    record = one(article + "<KeywordList><Keyword/></KeywordList>")
    assert (record.scientific_title, record.brief_summary, record.keywords) == (None, None, [])
    assert record.paper.abstract_sections == []


# --- broken XML


def test_broken_articles_are_rejects_and_their_neighbours_records() -> None:
    outcomes = read((FIXTURES / "article_set.xml").read_bytes())
    told = [o.id if isinstance(o, Record) else o.reason for o in outcomes]
    assert told == [
        "99000001",
        "99000002",
        "99000003",
        "missing_identifier",
        "malformed_xml",
        "malformed_xml",
        "99000006",
    ]


def test_truncated_set_keeps_the_complete_articles_and_says_truncated() -> None:
    outcomes = read((FIXTURES / "truncated.xml").read_bytes())
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["99000041", "truncated"]


def test_cut_anywhere_a_set_loses_no_complete_article() -> None:
    data = (FIXTURES / "article_set.xml").read_bytes()
    whole = [o.place.offset for o in read(data)]
    for cut in range(400, len(data), 97):
        outcomes = read(data[:cut])
        assert [o.place.offset for o in outcomes] == [offset for offset in whole if offset + 15 <= cut], cut


def test_entities_of_its_own_are_refused() -> None:
    head = '<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><PubmedArticleSet>'
    article = "<PubmedArticle><MedlineCitation><PMID>99000001</PMID><Article><ArticleTitle>{}</ArticleTitle></Article>"
    article += "</MedlineCitation></PubmedArticle>"
    outcomes = read((head + article.format("&b;") + article.format("plain")).encode())
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["forbidden_xml_entities", "99000001"]


def test_bytes_that_are_not_utf8_are_one_articles_fault() -> None:
    article = b"<PubmedArticle><MedlineCitation><PMID>99000001</PMID><Article><ArticleTitle>%s</ArticleTitle></Article>"
    article += b"</MedlineCitation></PubmedArticle>"
    outcomes = read(b"<PubmedArticleSet>" + article % b"\xff\xfe" + article % b"plain" + b"</PubmedArticleSet>")
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["invalid_encoding", "99000001"]


def test_places_point_at_the_bytes_of_each_article() -> None:
    data = (FIXTURES / "article_set.xml").read_bytes()
    for outcome in read(data):
        assert data[outcome.place.offset :].startswith(b"<PubmedArticle>")
    data = (FIXTURES / "medline.txt").read_bytes()
    for outcome in read(data):
        assert re.match(rb"PMID-|OWN -", data[outcome.place.offset :])
        assert (
            data.splitlines(keepends=True)[outcome.place.line - 1] == data[outcome.place.offset :].splitlines(True)[0]
        )


# --- MEDLINE text


def test_continuation_lines_are_joined_with_one_blank() -> None:
    record = fixture("medline.txt")["99000051"]
    assert record.scientific_title == (
        "A randomised trial of an imaginary lozenge whose title is so long that it goes on in a second line."
    )
    assert record.paper.authors[0].affiliations[1].endswith("long enough to wrap into the next line.")


def test_an_empty_line_inside_a_value_does_not_end_the_article() -> None:
    assert [s.label for s in fixture("medline.txt")["99000051"].paper.abstract_sections] == [
        "BACKGROUND",
        "MATERIALS AND METHODS",
        "CONCLUSIONS",
    ]


def test_an_abstract_that_begins_without_a_label_is_one_section() -> None:
    (section,) = tagged("AB  - We asked one thing. METHODS: None.").paper.abstract_sections
    assert (section.label, section.text) == (None, "We asked one thing. METHODS: None.")


def test_repeated_tags_are_lists() -> None:
    record = fixture("medline.txt")["99000051"]
    assert record.paper.languages == ["ger", "eng"]
    assert record.keywords == ["thirst", "lozenge"]
    assert len(record.paper.publication_types) == 3
    assert [a.last_name or a.collective_name for a in record.paper.authors] == [
        "Exampleson",
        "Placeholder",
        "Groupe d'etude fictif",
    ]


def test_secondary_source_ids_give_registrations() -> None:
    record = fixture("medline.txt")["99000051"]
    assert ids(record, "secondary") == ["NCT99000051", "CTRI/2099/01/000051"]
    assert ids(record, "mentioned") == ["DRKS99000052"]


def test_mesh_stars_mark_the_main_topics() -> None:
    terms = fixture("medline.txt")["99000051"].mesh_terms
    assert [(t.term, t.is_major, t.qualifiers) for t in terms] == [
        ("Imaginary thirst", False, []),
        ("Thirst", True, []),
        ("Water", True, ["administration & dosage", "therapeutic use"]),
        ("Humans", False, []),
    ]


def test_publication_types_in_capitals_say_the_same() -> None:
    record = fixture("medline.txt")["99000051"]
    assert (record.phases, record.allocation) == (["PHASE4"], "RANDOMIZED")
    assert record.paper.publication_types[1] == "Randomized Controlled Trial"


def test_authors_without_full_names_are_read_from_the_short_form() -> None:
    authors = fixture("medline.txt")["99000052"].paper.authors
    assert [(a.last_name, a.initials, a.suffix) for a in authors] == [
        ("Old One", "A", None),
        ("Second", "B", "Jr"),
        ("Mononym", None, None),
    ]
    assert authors[0].affiliations == ["Clinic of Old Records, Nowhere."]


def test_number_of_the_record_itself_counts_and_not_that_of_a_comment() -> None:
    record = fixture("medline.txt")["99000051"]
    assert [(c.type, c.pmid, c.citation) for c in record.paper.corrections] == [
        ("CommentIn", "99000053", "J Fict Trials. 2091;12(4):300."),
        ("RetractionIn", "99000054", "J Fict Trials. 2092;13(1):9."),
    ]
    assert record.paper.is_retracted


def test_an_article_without_a_number_is_a_reject_and_its_neighbours_are_records() -> None:
    outcomes = read((FIXTURES / "medline.txt").read_bytes())
    told = [o.id if isinstance(o, Record) else o.reason for o in outcomes]
    assert told == ["99000051", "99000052", "missing_identifier", "99000053", "99000054"]


def test_the_number_need_not_be_the_first_tag() -> None:
    article = "UI  - 90000001\nPMID- 9900000{}\nTI  - x\nSO  - y\n"
    assert [o.id for o in read((article.format(1) + "\n" + article.format(2)).encode())] == ["99000001", "99000002"]


def test_a_line_without_indent_is_kept_and_noted() -> None:
    record = fixture("medline.txt")["99000053"]
    assert record.scientific_title == "A comment that follows without an indent."
    assert [note.raw for note in record.notes] == ["without an indent."]


def test_other_line_ends_change_nothing() -> None:
    data = (FIXTURES / "medline.txt").read_bytes()
    for one_record, other in zip(read(data), read(data.replace(b"\n", b"\r\n")), strict=True):
        one_record.place = other.place
        assert one_record == other


def test_a_citation_cut_in_the_middle_is_truncated() -> None:
    outcomes = read((FIXTURES / "saved.nbib").read_bytes())
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["99000061", "truncated"]


def test_bytes_that_are_not_utf8_are_one_citations_fault() -> None:
    data = b"PMID- 99000001\nTI  - \xff\nSO  - x\n\nPMID- 99000002\nTI  - Th\xc3\xa9\nSO  - x\n"
    assert [o.id if isinstance(o, Record) else o.reason for o in read(data)] == ["invalid_encoding", "99000002"]


def test_endless_lines_are_rejects_and_not_kept() -> None:
    class Endless(io.RawIOBase):
        """40 MiB of one line, then an article."""

        def __init__(self) -> None:
            self._left = [b"PMID- 99000001\nAB  - ", *[b"x" * 2**20] * 40, b"\nSO  - x\n\nPMID- 99000002\nTI  - y\n"]

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:
            if not self._left:
                return 0
            part = self._left.pop(0)
            buffer[: len(part[: len(buffer)])] = part[: len(buffer)]
            if len(part) > len(buffer):
                self._left.insert(0, part[len(buffer) :])
            return min(len(part), len(buffer))

    outcomes = list(FORMATS["medline-text"].read(io.BufferedReader(Endless())))
    assert [o.id if isinstance(o, Record) else o.reason for o in outcomes] == ["entry_too_large", "99000002"]


@pytest.mark.parametrize(
    ("databank", "accession", "found"),
    [
        ("ISRCTN", "99000001", ["ISRCTN99000001"]),
        ("ClinicalTrials.gov", "99000001", ["NCT99000001"]),
        ("ClinicalTrials.gov", "NCT99000001, NCT99000002", ["NCT99000001", "NCT99000002"]),
        ("UMIN-CTR", "999000001", ["UMIN999000001"]),
        ("ANZCTR", "12699000000001", ["ACTRN12699000000001"]),
        ("CRiS", "9900001", ["KCT9900001"]),
        ("NTR", "0123", ["NTR0123"]),
        ("ReBec", "99000a", ["RBR-99000a"]),
        ("GENBANK", "C000099001", []),
        ("PubChem-Substance", "99000001", []),
        ("figshare", "NCT99000001", []),
    ],
)
def test_accession_numbers_are_read_by_their_databank(databank: str, accession: str, found: list[str]) -> None:
    record = one(
        f"<Article><DataBankList><DataBank><DataBankName>{databank}</DataBankName><AccessionNumberList>"
        f"<AccessionNumber>{accession}</AccessionNumber></AccessionNumberList></DataBank></DataBankList></Article>"
    )
    assert ids(record, "secondary") == found


def test_both_formats_agree_on_what_both_carry() -> None:
    xml = one(
        """<DateRevised><Year>2091</Year><Month>06</Month><Day>17</Day></DateRevised>
        <Article><Journal><ISSN>0000-0019</ISSN><JournalIssue><Volume>12</Volume><Issue>3</Issue>
        <PubDate><MedlineDate>2091 Mar-Apr</MedlineDate></PubDate></JournalIssue>
        <Title>Journal of fictional trials</Title></Journal><ArticleTitle>[A trial].</ArticleTitle>
        <Pagination><MedlinePgn>214-7</MedlinePgn></Pagination>
        <ELocationID EIdType="doi">10.99999/jft.51</ELocationID>
        <Abstract><AbstractText Label="AIMS">One.</AbstractText>
        <AbstractText Label="RESULTS">Two.</AbstractText></Abstract>
        <AuthorList><Author><LastName>Exampleson</LastName><ForeName>Alpha Beta</ForeName><Initials>AB</Initials>
        <Suffix>3rd</Suffix><AffiliationInfo><Affiliation>Nowhere.</Affiliation></AffiliationInfo></Author></AuthorList>
        <Language>ger</Language><DataBankList><DataBank><DataBankName>ClinicalTrials.gov</DataBankName>
        <AccessionNumberList><AccessionNumber>NCT99000051</AccessionNumber></AccessionNumberList></DataBank></DataBankList>
        <GrantList><Grant><GrantID>X00</GrantID><Acronym>ZZ</Acronym><Agency>Council</Agency><Country>Nowhere</Country>
        </Grant></GrantList>
        <PublicationTypeList><PublicationType>Clinical Trial, Phase I</PublicationType></PublicationTypeList>
        <VernacularTitle>Eine Studie.</VernacularTitle></Article>
        <MedlineJournalInfo><MedlineTA>J Fict Trials</MedlineTA></MedlineJournalInfo>
        <ChemicalList><Chemical><NameOfSubstance>Water</NameOfSubstance></Chemical></ChemicalList>
        <CommentsCorrectionsList><CommentsCorrections RefType="CommentIn"><RefSource>J. 2091;1:1</RefSource>
        <PMID>99000053</PMID></CommentsCorrections></CommentsCorrectionsList>
        <MeshHeadingList><MeshHeading><DescriptorName MajorTopicYN="N">Thirst</DescriptorName>
        <QualifierName MajorTopicYN="Y">physiology</QualifierName></MeshHeading></MeshHeadingList>
        <KeywordList><Keyword>thirst</Keyword></KeywordList>"""
    )
    text = tagged(
        """STAT- MEDLINE\nLR  - 20910617\nIS  - 0000-0019 (Print)\nVI  - 12\nIP  - 3\nDP  - 2091 Mar-Apr
TI  - [A trial].\nPG  - 214-7\nLID - 10.99999/jft.51 [doi]\nAB  - AIMS: One. RESULTS: Two.
FAU - Exampleson, Alpha Beta 3rd\nAU  - Exampleson AB 3rd\nAD  - Nowhere.\nLA  - ger
SI  - ClinicalTrials.gov/NCT99000051\nGR  - X00/ZZ/Council/Nowhere\nPT  - Clinical Trial, Phase I
TT  - Eine Studie.\nTA  - J Fict Trials\nJT  - Journal of fictional trials\nRN  - 0 (Water)
CIN - J. 2091;1:1 PMID: 99000053\nMH  - Thirst/*physiology\nOT  - thirst"""
    )
    text.place = xml.place
    text.last_updated_date.raw = xml.last_updated_date.raw  # 20910617 against three elements
    text.paper.version = xml.paper.version  # the text does not say it
    assert text == xml


# --- mutated bytes


def mutations(count: int) -> list[bytes]:
    chance = random.Random(20261121)
    fixtures = [path.read_bytes() for path in sorted(FIXTURES.iterdir()) if not path.name.endswith(".golden.json")]
    pieces = [
        b"<",
        b">",
        b"</PubmedArticle>",
        b"<PubmedArticle>",
        b"\x00",
        b"\xff",
        b"&",
        b"&#x0;",
        b"\n\n",
        b"\nPMID- ",
        b"]]>",
    ]
    mutated = []
    for _ in range(count):
        data = bytearray(chance.choice(fixtures))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            match chance.randrange(5):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 200)]
                case 2:
                    data[at:at] = chance.choice(pieces)
                case 3:
                    start = chance.randrange(len(data))
                    data[at:at] = data[start : start + chance.randint(1, 400)]
                case _:
                    del data[max(at, 100) :]
            data = data or bytearray(b" ")
        mutated.append(bytes(data))
    return mutated


def test_mutated_files_give_only_records_and_rejects_with_a_place() -> None:
    records = rejects = 0
    for data in mutations(400):
        for format in SOURCE.formats:
            format.recognise(data)
            for ordinal, outcome in enumerate(format.outcomes(io.BytesIO(data)), 1):
                assert outcome.place.ordinal == ordinal
                if isinstance(outcome, Record):
                    records += 1
                    assert re.fullmatch(r"[1-9]\d{0,7}", outcome.id)
                else:
                    rejects += 1
                    assert outcome.reason != "reader_fault", outcome.detail
    assert records > 400
    assert rejects > 100


@pytest.mark.parametrize("piece", ["a@", "@", ".c", "e-mail: ", "[", "[a]", "AB: ", ". A", "PMID: ", "0 (", "x ", "1"])
def test_a_long_run_of_one_piece_does_not_hang_a_reader(piece: str) -> None:
    text = piece * (60_000 // len(piece)) + "@"
    author = f"<Author><AffiliationInfo><Affiliation>{text}</Affiliation></AffiliationInfo></Author>"
    article = f"<ArticleTitle>{text}</ArticleTitle><Abstract><AbstractText>{text}</AbstractText></Abstract>"
    assert one(f"<Article>{article}<AuthorList>{author}</AuthorList></Article>").id == "99000001"
    lines = "\n".join(f"{tag:<4}- {text}" for tag in ("TI", "AB", "FAU", "AU", "AD", "DP", "LID", "MH", "RN", "CIN"))
    assert tagged(lines).id == "99000001"


# --- the real files


def real_xml(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "pubmed").glob("*.xml.gz"))


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_real_sets_give_a_record_for_every_article_of_another_parser(shared_data: Path) -> None:
    articles = medline_dates = 0
    for path in real_xml(shared_data):
        data = gzip.decompress(path.read_bytes())
        root = ElementTree.fromstring(data.decode("utf-8-sig"))
        outcomes = read(data)
        assert [o.reason for o in outcomes if isinstance(o, Reject)] == [], path.name
        expected = [next(child.iter("PMID")).text for child in root]
        assert [o.id for o in outcomes] == expected, path.name
        articles += len(expected)
        for child, record in zip(root, outcomes, strict=True):
            title = "".join(next(child.iter("ArticleTitle")).itertext())
            assert letters(record.scientific_title) == letters(title)
            abstract = "".join("".join(text.itertext()) for text in child.iterfind(".//Abstract/AbstractText"))
            assert letters("".join(s.text for s in record.paper.abstract_sections)) == letters(abstract)
            written = child.find(".//PubDate/MedlineDate")
            if written is not None:
                medline_dates += 1
                assert record.paper.publication_date.raw == written.text
                assert record.paper.publication_date.date[:4] in written.text
            assert len(record.mesh_terms) == len(child.findall(".//MeshHeading")) + len(
                child.findall(".//SupplMeshName")
            )
            assert len(record.paper.abstract_sections) == len(child.findall(".//Abstract/AbstractText"))
            listed = {a.text for a in child.iter("AccessionNumber") if a.text.startswith("NCT")}
            assert listed <= set(ids(record, "secondary"))
    assert articles == 535 + 1
    assert medline_dates == 32


def test_real_tagged_text_gives_a_record_for_every_number_counted_by_lines(shared_data: Path) -> None:
    data = gzip.decompress((shared_data / "pubmed" / "medline_tagged.txt.gz").read_bytes())
    lines = data.decode().splitlines()
    outcomes = read(data)
    assert [o.reason for o in outcomes if isinstance(o, Reject)] == []
    assert [o.id for o in outcomes] == [line[6:] for line in lines if line.startswith("PMID- ")]
    assert len(outcomes) == 473
    assert sum(len(o.paper.publication_types) for o in outcomes) == sum(line.startswith("PT  - ") for line in lines)
    assert sum(len(o.keywords) for o in outcomes) <= sum(line.startswith("OT  - ") for line in lines)
    full_names = sum(line.startswith("AU  - ") for line in lines) + sum(line.startswith("CN  - ") for line in lines)
    assert sum(len(o.paper.authors) for o in outcomes) == full_names
    assert sum(len(ids(o, "secondary")) for o in outcomes) == sum(line.startswith("SI  - Clin") for line in lines)
    assert not any(o.notes for o in outcomes)


def test_real_affiliations_hold_no_email_address(shared_data: Path) -> None:
    for path in real_xml(shared_data):
        for outcome in read(gzip.decompress(path.read_bytes())):
            for author in outcome.paper.authors:
                assert not any(re.search(r"@\w+\.", affiliation) for affiliation in author.affiliations)


def test_real_full_texts_are_not_taken_for_pubmed(shared_data: Path) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "pubmed" / "pmc_jats_fulltext.zip") as archive:
        for name in archive.namelist()[:40]:
            with archive.open(name) as member:
                head = member.read(65_536)
            assert not any(format.recognise(head) for format in SOURCE.formats), name
