"""Drafts that are read: templates, registry files, and what is none."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trialpanorama.designs import (
    MOST_DRAFT_BYTES,
    Draft,
    DraftArm,
    DraftIntervention,
    DraftOutcome,
    draft_of,
    draft_text,
    read_draft,
    record_of,
    template,
)
from trialpanorama.errors import UserError
from trialpanorama.ingest import read_content
from trialpanorama.record import Record

FIXTURES = Path(__file__).parents[1] / "fixtures"


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
