# ruff: noqa: E501 (templates)
"""PubMed's formats: PubmedArticleSet XML and MEDLINE tagged text, about the fictional trials."""

from __future__ import annotations

import datetime
import textwrap
from dataclasses import dataclass
from random import Random
from xml.sax.saxutils import escape

from trialpanorama.sample import mess as messing
from trialpanorama.sample._drawing import in_sentence, some
from trialpanorama.sample.lexicon import PLACES
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import KEYWORD, MARK, Paper, Trial

XML_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>\n'
)
XML_TAIL = "</PubmedArticleSet>\n"

_GREEK = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta", "Iota", "Kappa", "Lambda", "Omega")
_JOURNALS = (
    ("Journal of Fictional Trials", "J Fict Trials"),
    ("Annals of Invented Medicine", "Ann Invent Med"),
    ("Fictional Clinical Reports", "Fict Clin Rep"),
    ("The Imaginary Lancer", "Imag Lancer"),
)
_TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "results": (("D016428", "Journal Article"), ("D016449", "Randomized Controlled Trial")),
    "secondary": (("D016428", "Journal Article"),),
    "protocol": (("D000078325", "Clinical Trial Protocol"), ("D016428", "Journal Article")),
    "review": (("D016428", "Journal Article"), ("D000078182", "Systematic Review"), ("D017418", "Meta-Analysis")),
    "unrelated": (("D016422", "Letter"),),
    "book": (("D016454", "Review"),),
}
_PHASE_TYPES = {
    "PHASE1": ("D017426", "Clinical Trial, Phase I"), "PHASE2": ("D017427", "Clinical Trial, Phase II"),
    "PHASE3": ("D017428", "Clinical Trial, Phase III"), "PHASE4": ("D017429", "Clinical Trial, Phase IV"),
}  # fmt: skip
_CATEGORIES = {
    "BACKGROUND": "BACKGROUND", "INTRODUCTION": "BACKGROUND", "OBJECTIVE": "OBJECTIVE", "METHODS": "METHODS",
    "METHODS AND ANALYSIS": "METHODS", "RESULTS": "RESULTS", "FINDINGS": "RESULTS", "CONCLUSIONS": "CONCLUSIONS",
    "INTERPRETATION": "CONCLUSIONS", "TRIAL REGISTRATION": "UNASSIGNED", "ELIGIBILITY CRITERIA": "METHODS",
}  # fmt: skip


@dataclass(slots=True)
class Article:
    """An article ready to be printed in either format."""

    paper: Paper
    title: str
    sections: list[tuple[str, str]]
    """Label (empty for an unstructured abstract) and text."""
    authors: list[tuple[str, str]]
    """Forename and initials; the last name is always Fictional."""
    affiliation: str
    journal: tuple[str, str]
    types: list[tuple[str, str]]
    mesh: list[tuple[str, str, bool]]
    date: str
    """PubDate as MEDLINE prints it: 2019 May 3, 2019 May, or free text such as 2019 Spring."""
    volume: int
    page: int


def article(paper: Paper, reviewed: list[Trial], mess: Mess) -> Article:
    """The content of an article."""
    rng = Random(f"{paper.pmid}/{paper.kind}/{paper.published}")
    condition = paper.condition
    mention = condition.mentions[int(rng.random() * len(condition.mentions))]
    day = paper.published
    draw = rng.random()
    date = f"{day.year} {day:%b} {day.day}"
    if draw < 0.35:
        date = f"{day.year} {day:%b}"
    elif draw < 0.42:
        following = day + datetime.timedelta(days=31)
        date = (
            f"{day.year} {('Winter', 'Spring', 'Summer', 'Fall')[day.month % 12 // 3]}"
            if draw < 0.39
            else f"{day.year} {day:%b}-{following:%b}"
            if following.year == day.year
            else f"{day.year} {day:%b}-{following.year} {following:%b}"
        )
    types = list(_TYPES[paper.kind])
    subject = paper.subject
    if subject and paper.kind == "results":
        if subject.allocation != "RANDOMIZED":
            types[1] = (
                ("D016430", "Clinical Trial")
                if subject.study_type == "INTERVENTIONAL"
                else ("D064888", "Observational Study")
            )
        types += [_PHASE_TYPES[phase] for phase in subject.phases if phase in _PHASE_TYPES]
    title, sections = _content(rng, paper, mention, reviewed)
    affiliation = f"Department of Medicine, Fictional University of {PLACES[int(rng.random() * len(PLACES))]}."
    if rng.random() < mess.contact_field:
        affiliation += (
            f" Electronic address: {messing.email(rng)}." if rng.random() < 0.5 else f" {messing.email(rng)}."
        )
    if rng.random() < mess.contact_in_text and sections:
        label, text = sections[-1]
        sections[-1] = (label, f"{text} {messing.contact_sentence(rng)}")
    mesh = [(condition.mesh, condition.heading, True), ("D006801", "Humans", False)]
    if paper.kind == "results":
        mesh += [("D016896", "Treatment Outcome", False), ("D000328", "Adult", False)]
        if subject and subject.masking in ("DOUBLE", "TRIPLE", "QUADRUPLE"):
            mesh.append(("D004311", "Double-Blind Method", False))
    authors = [(name, name[0] + name[1].upper()) for name in some(rng, _GREEK, 2 + int(rng.random() * 6))]
    journal = _JOURNALS[int(rng.random() * len(_JOURNALS))]
    return Article(
        paper,
        f"{title} {MARK}.",
        sections,
        authors,
        affiliation,
        journal,
        types,
        mesh,
        date,
        rng.randint(1, 120),
        rng.randint(1, 2000),
    )


def _content(rng: Random, paper: Paper, mention: str, reviewed: list[Trial]) -> tuple[str, list[tuple[str, str]]]:
    trial = paper.subject
    if paper.kind == "unrelated":
        return f"Comment on the treatment of {mention}", []
    if paper.kind == "book":
        return f"Handbook of {mention}", [("", f"This fictional chapter describes {mention} and its treatment.")]
    if trial is None:
        total = sum(one.actual or 0 for one in reviewed)
        named = reviewed[0].interventions[0].name
        title = f"{named[:1].upper() + named[1:]} and other interventions for {mention}: a systematic review and meta-analysis"
        sections = [
            ("BACKGROUND", f"The effects of interventions for {mention} are uncertain."),
            (
                "METHODS",
                f"We searched trial registries and databases up to {paper.published:%B %Y} and included trials of any phase.",
            ),
            (
                "RESULTS",
                f"We included {len(reviewed)} trials with {total} participants. Heterogeneity was {'low' if rng.random() < 0.5 else 'substantial'}.",
            ),
            ("CONCLUSIONS", "The certainty of the evidence is low, and more trials are needed."),
        ]
        if paper.abstract_ids:
            sections[2] = ("RESULTS", f"{sections[2][1]} The trials were {', '.join(paper.abstract_ids)}.")
        return title, sections
    named = trial.interventions[0].name
    measure = trial.primary_outcomes[0][0] if trial.primary_outcomes else "use"
    methods = (
        f"In this {_design(trial)}, {trial.planned if paper.kind == 'protocol' else trial.actual} participants with {mention} "
        f"{'will be' if paper.kind == 'protocol' else 'were'} assigned to {' or '.join(arm.label for arm in trial.arms)}. "
        f"The primary outcome {'is' if paper.kind == 'protocol' else 'was'} {in_sentence(measure)}."
    )
    background = ("BACKGROUND", f"Whether {named} helps people with {mention} is not known.")
    if paper.kind == "protocol":
        title = f"{trial.official_title}: study protocol"
        sections = [("INTRODUCTION", background[1]), ("METHODS AND ANALYSIS", methods)]
    else:
        title = (
            trial.official_title
            if rng.random() < 0.25
            else f"{named[:1].upper() + named[1:]} for {mention}: a {_design(trial)}"
            if paper.kind == "results"
            else f"Predictors of response to {named} in {mention}: a secondary analysis of a {_design(trial)}"
        )
        finding = "improved" if trial.effect > 0.15 else "did not improve" if trial.effect > -0.2 else "worsened"
        sections = [
            background,
            ("METHODS", methods),
            (
                "RESULTS",
                f"Between {trial.start:%B %Y} and {trial.primary_completion:%B %Y}, {trial.actual} participants took part. {named[:1].upper() + named[1:]} {finding} the primary outcome (standardised difference {trial.effect:.2f}).",
            ),
            ("CONCLUSIONS", f"{named[:1].upper() + named[1:]} {finding} {in_sentence(measure)} in {mention}."),
        ]
    if paper.abstract_ids:
        sections.append(("TRIAL REGISTRATION", f"{'; '.join(_quoted(rng, id) for id in paper.abstract_ids)}."))
    if rng.random() < 0.2:
        return title, [("", " ".join(text for _, text in sections))]
    return title, sections


def _design(trial: Trial) -> str:
    words = ["randomised"] if trial.allocation == "RANDOMIZED" else []
    if trial.masking:
        words.append({"NONE": "open-label", "SINGLE": "single-blind"}.get(trial.masking, "double-blind"))
    return " ".join([*words, "trial" if trial.study_type == "INTERVENTIONAL" else "cohort study"])


def _quoted(rng: Random, id: str) -> str:
    """An id as authors write it."""
    draw = rng.random()
    if id.startswith("NCT"):
        return (
            f"ClinicalTrials.gov Identifier: {id}"
            if draw < 0.4
            else f"ClinicalTrials.gov, number {id}"
            if draw < 0.6
            else f"NCT {id[3:]}"
            if draw < 0.65
            else id
        )
    if id.startswith("20"):
        return f"EudraCT number {id}"
    return f"{id}, registered prospectively" if draw < 0.2 else id


def _authors_xml(one: Article) -> str:
    lines = ['            <AuthorList CompleteYN="Y">\n']
    for at, (name, initials) in enumerate(one.authors):
        affiliation = (
            f"<AffiliationInfo><Affiliation>{escape(one.affiliation)}</Affiliation></AffiliationInfo>"
            if at == 0
            else ""
        )
        lines.append(
            f'                <Author ValidYN="Y"><LastName>Fictional</LastName><ForeName>{name}</ForeName><Initials>{initials}</Initials>{affiliation}</Author>\n'
        )
    return "".join(lines) + "            </AuthorList>\n"


def _abstract_xml(one: Article) -> str:
    if not one.sections:
        return ""
    texts = "".join(
        f'                <AbstractText Label="{label}" NlmCategory="{_CATEGORIES[label]}">{escape(text)}</AbstractText>\n'
        if label
        else f"                <AbstractText>{escape(text)}</AbstractText>\n"
        for label, text in one.sections
    )
    return f"            <Abstract>\n{texts}            </Abstract>\n"


def xml(one: Article, version: int = 1) -> str:
    """A PubmedArticle, or a PubmedBookArticle."""
    paper = one.paper
    if paper.kind == "book":
        return _book_xml(one)
    day = paper.published
    parts = one.date.split(" ")
    if one.date.endswith(("Winter", "Spring", "Summer", "Fall")) or "-" in one.date:
        pub_date = f"<MedlineDate>{one.date}</MedlineDate>"
    else:
        pub_date = "".join(
            f"<{name}>{value}</{name}>" for name, value in zip(("Year", "Month", "Day"), parts, strict=False)
        )
    banks: dict[str, list[str]] = {}
    for bank, id in paper.databank_ids:
        banks.setdefault(bank, []).append(id)
    databank = ""
    if banks:
        inner = "".join(
            f"                <DataBank><DataBankName>{bank}</DataBankName><AccessionNumberList>"
            + "".join(f"<AccessionNumber>{id}</AccessionNumber>" for id in ids)
            + "</AccessionNumberList></DataBank>\n"
            for bank, ids in banks.items()
        )
        databank = f'            <DataBankList CompleteYN="Y">\n{inner}            </DataBankList>\n'
    types = "".join(f'                <PublicationType UI="{ui}">{name}</PublicationType>\n' for ui, name in one.types)
    mesh = "".join(
        f'            <MeshHeading><DescriptorName UI="{ui}" MajorTopicYN="{"Y" if major else "N"}">{escape(name)}</DescriptorName></MeshHeading>\n'
        for ui, name, major in one.mesh
    )
    return (
        "<PubmedArticle>\n"
        '    <MedlineCitation Status="MEDLINE" Owner="NLM" IndexingMethod="Automated">\n'
        f'        <PMID Version="{version}">{paper.pmid}</PMID>\n'
        f"        <DateRevised><Year>{day.year}</Year><Month>{day.month:02d}</Month><Day>{day.day:02d}</Day></DateRevised>\n"
        '        <Article PubModel="Print-Electronic">\n            <Journal>\n                <ISSN IssnType="Electronic">9999-9994</ISSN>\n'
        f'                <JournalIssue CitedMedium="Internet"><Volume>{one.volume}</Volume><Issue>{day.month}</Issue><PubDate>{pub_date}</PubDate></JournalIssue>\n'
        f"                <Title>{one.journal[0]}</Title>\n                <ISOAbbreviation>{one.journal[1]}</ISOAbbreviation>\n            </Journal>\n"
        f"            <ArticleTitle>{escape(one.title)}</ArticleTitle>\n            <Pagination><MedlinePgn>{one.page}-{one.page + 9}</MedlinePgn></Pagination>\n"
        f'            <ELocationID EIdType="doi" ValidYN="Y">10.99999/fictional.{paper.pmid}</ELocationID>\n'
        f"{_abstract_xml(one)}{_authors_xml(one)}            <Language>eng</Language>\n{databank}"
        f"            <PublicationTypeList>\n{types}            </PublicationTypeList>\n        </Article>\n"
        f"        <MedlineJournalInfo><Country>England</Country><MedlineTA>{one.journal[1]}</MedlineTA><NlmUniqueID>999999999</NlmUniqueID></MedlineJournalInfo>\n"
        f"        <MeshHeadingList>\n{mesh}        </MeshHeadingList>\n"
        f'        <KeywordList Owner="NOTNLM"><Keyword MajorTopicYN="N">{KEYWORD}</Keyword></KeywordList>\n    </MedlineCitation>\n'
        "    <PubmedData>\n        <History>"
        f'<PubMedPubDate PubStatus="pubmed"><Year>{day.year}</Year><Month>{day.month}</Month><Day>{day.day}</Day><Hour>6</Hour><Minute>0</Minute></PubMedPubDate></History>\n'
        f'        <PublicationStatus>ppublish</PublicationStatus>\n        <ArticleIdList><ArticleId IdType="pubmed">{paper.pmid}</ArticleId><ArticleId IdType="doi">10.99999/fictional.{paper.pmid}</ArticleId></ArticleIdList>\n'
        "    </PubmedData>\n</PubmedArticle>\n"
    )


def _book_xml(one: Article) -> str:
    return (
        f'<PubmedBookArticle>\n    <BookDocument>\n        <PMID Version="1">{one.paper.pmid}</PMID>\n'
        f'        <ArticleIdList><ArticleId IdType="bookaccession">NBK99{one.paper.pmid[2:]}</ArticleId></ArticleIdList>\n'
        f'        <Book><Publisher><PublisherName>Fictional Press</PublisherName><PublisherLocation>Northford</PublisherLocation></Publisher><BookTitle book="fictional">{escape(one.title)}</BookTitle>'
        f"<PubDate><Year>{one.paper.published.year}</Year></PubDate></Book>\n"
        f'        <ArticleTitle book="fictional" part="chapter1">{escape(one.title)}</ArticleTitle>\n        <Language>eng</Language>\n'
        f"{_authors_xml(one)}{_abstract_xml(one)}    </BookDocument>\n"
        f'    <PubmedBookData><PublicationStatus>ppublish</PublicationStatus><ArticleIdList><ArticleId IdType="pubmed">{one.paper.pmid}</ArticleId></ArticleIdList></PubmedBookData>\n</PubmedBookArticle>\n'
    )


def delete_citation(pmids: list[str]) -> str:
    """The notice at the end of an update file that these PMIDs are gone."""
    return (
        "<DeleteCitation>\n"
        + "".join(f'    <PMID Version="1">{pmid}</PMID>\n' for pmid in pmids)
        + "</DeleteCitation>\n"
    )


def _field(tag: str, text: str) -> str:
    lines = textwrap.wrap(text, 82, break_long_words=False, break_on_hyphens=False) or [""]
    return f"{tag:<4}- " + "\n      ".join(lines) + "\n"


def medline(one: Article) -> str:
    """The article as MEDLINE tagged text, with the empty line that ends it."""
    paper, day = one.paper, one.paper.published
    parts = [
        f"PMID- {paper.pmid}\nOWN - NLM\nSTAT- MEDLINE\nLR  - {day:%Y%m%d}\nIS  - 9999-9994 (Electronic)\nVI  - {one.volume}\nIP  - {day.month}\nDP  - {one.date}\n",
        _field("TI", one.title),
        f"PG  - {one.page}-{one.page + 9}\nLID - 10.99999/fictional.{paper.pmid} [doi]\n",
    ]
    if one.sections:
        parts.append(_field("AB", " ".join(f"{label}: {text}" if label else text for label, text in one.sections)))
    for at, (name, initials) in enumerate(one.authors):
        parts.append(f"FAU - Fictional, {name}\nAU  - Fictional {initials}\n")
        if at == 0:
            parts.append(_field("AD", one.affiliation))
    parts.append("LA  - eng\n")
    parts += [f"SI  - {bank}/{id}\n" for bank, id in paper.databank_ids]
    parts += [f"PT  - {name}\n" for _, name in one.types]
    parts.append(f"PL  - England\nTA  - {one.journal[1]}\nJT  - {one.journal[0]}\nJID - 999999999\nSB  - IM\n")
    parts += [f"MH  - {'*' if major else ''}{name}\n" for _, name, major in one.mesh]
    parts.append(
        f"OTO - NOTNLM\nOT  - {KEYWORD}\nEDAT- {day:%Y/%m/%d} 06:00\nMHDA- {day:%Y/%m/%d} 06:00\nCRDT- {day:%Y/%m/%d} 06:00\nAID - 10.99999/fictional.{paper.pmid} [doi]\nPST - ppublish\n"
    )
    parts.append(
        _field(
            "SO",
            f"{one.journal[1]}. {one.date};{one.volume}({day.month}):{one.page}-{one.page + 9}. doi: 10.99999/fictional.{paper.pmid}.",
        )
    )
    return "".join(parts) + "\n"
