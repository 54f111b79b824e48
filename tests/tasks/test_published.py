"""The published benchmark's files become samples of ours, and ours become such files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tasks.published_rows import ROWS, completion, design, size, write
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import _published, task, tasks

NAMES = sorted(set(_published.FOLDERS) & set(tasks()))


def read(name: str, tmp_path: Path, rows: list[dict[str, Any]] | None = None) -> list[Any]:
    path = tmp_path / "test.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows or ROWS[name]))
    return list(_published.read(name, path, "test"))


def test_every_published_task_is_one_of_ours() -> None:
    assert set(ROWS) == set(_published.FOLDERS)
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", _published.FAMILIES)
def test_both_families_of_folders_are_found(name: str, family: str, tmp_path: Path) -> None:
    path = write(tmp_path / _published.folder(name, family), name, "train")
    assert _published.files(tmp_path) == {name: {"train": path}}
    assert len(list(task(name).samples_from([path], "train"))) == len(ROWS[name])


@pytest.mark.parametrize("near", ["Design-Outcomes-QA", "endpoint_design_", "outcome_design"])
def test_near_names_of_folders_and_files_are_found(near: str, tmp_path: Path) -> None:
    write(tmp_path / near, "endpoint_design", "val")
    found = _published.files(tmp_path)
    assert list(found) == ["endpoint_design"]
    assert list(found["endpoint_design"]) == ["validation"]
    assert len(list(task("endpoint_design").samples_from([tmp_path], "validation"))) == 2


def test_the_folder_of_a_task_is_known_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "design_arms_qa", "arm_design")
    monkeypatch.chdir(tmp_path / "design_arms_qa")
    assert len(list(task("arm_design").samples_from([Path()], "test"))) == 2


def test_a_task_in_two_folders_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "arm_design", "arm_design")
    write(tmp_path / "design_arms_qa", "arm_design")
    with pytest.raises(UserError, match="Keep one"):
        _published.files(tmp_path)


def test_a_folder_without_such_files_says_what_they_are_called(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"arm_design or design_arms_qa with train\.jsonl"):
        _published.files(tmp_path)
    write(tmp_path / "endpoint_design", "endpoint_design")
    with pytest.raises(UserError, match="holds no train split of endpoint_design"):
        list(_published.samples("endpoint_design", [tmp_path], "train"))
    with pytest.raises(UnknownName):
        _published.folder("outcome_prediction")
    with pytest.raises(UnknownName, match="documentation"):
        _published.folder("arm_design", "documentatoin")


# --- rows


@pytest.mark.parametrize("name", NAMES)
def test_published_items_are_asked_read_and_scored(name: str, tmp_path: Path) -> None:
    chosen = task(name)
    for sample, row in zip(read(name, tmp_path), ROWS[name], strict=True):
        prompt = chosen.prompt(sample)
        assert "NCT99" not in prompt
        assert not any(str(pmid) in prompt for pmid in (row.get("pmid"), *(row.get("metadata") or {}).values()) if pmid)
        assert chosen.decode(msgspec.json.encode(sample)) == sample
        assert chosen.read(chosen.reply(sample.gold), sample) == sample.gold
        assert sample.strata["origin"] == "published"
        assert sample.split == "test"
        assert sample.group == sample.subject
        if name != "study_search":  # its scores are of a search that is run
            assert chosen.reward(chosen.score(sample.gold, sample)) == 1
            unreadable = chosen.score(chosen.read("I cannot tell.", sample), sample)
            assert unreadable["unreadable"] == 1
            assert chosen.reward(unreadable) == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_question_and_all_options_are_in_the_prompt(name: str, tmp_path: Path) -> None:
    for sample, row in zip(read(name, tmp_path), ROWS[name], strict=True):
        prompt = task(name).prompt(sample)
        said = [row[key] for key in ("question",) if key in row] + list(row.get("options", {}).values())
        said += [text for text in (row.get("inputs") or {}).values() if isinstance(text, str) and " " in text]
        said += [paper["title"] for paper in row.get("context", []) if "title" in paper]
        assert all(text in prompt for text in said)


# Names of papers are not kept: a screening row comes back with numbers.
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("study_screening", "sample_size")])
def test_a_row_read_and_written_is_the_row(name: str, tmp_path: Path) -> None:
    for sample, row in zip(read(name, tmp_path), ROWS[name], strict=True):
        expected = row if row.get("trials") != [] else row | {"trials": [sample.subject]}
        assert _published.row(sample, task(name)) == expected


def test_a_screening_row_keeps_texts_and_labels(tmp_path: Path) -> None:
    (sample, _), (row, _) = read("study_screening", tmp_path), ROWS["study_screening"]
    written = _published.row(sample, task("study_screening"))
    assert set(written) == set(row)
    labels = {one["PMID"]: one["label"] for one in written["labels"]}
    right = {one["PMID"]: one["label"] for one in row["labels"]}
    texts = {one["PMID"]: one["title"] for one in row["context"]}
    assert {one["title"]: labels[one["PMID"]] for one in written["context"]} == {
        texts[pmid]: label for pmid, label in right.items()
    }


def test_the_batches_of_a_review_are_one_row(tmp_path: Path) -> None:
    chosen = task("study_screening")
    one, other = read("study_screening", tmp_path)
    again = msgspec.structs.replace(other, subject=one.subject)
    assert _published.write(tmp_path, chosen, [one, again, other]) == {"study_screening/test.jsonl": 2}
    row, _ = map(msgspec.json.decode, (tmp_path / "study_screening/test.jsonl").read_bytes().splitlines())
    assert [paper["PMID"] for paper in row["context"]] == [label["PMID"] for label in row["labels"]]
    assert [paper["PMID"] for paper in row["context"]] == [str(number) for number in range(1, 7)]
    assert [paper["title"] for paper in row["context"][3:]] == [one.title for one in other.inputs.candidates]
    back = list(chosen.samples_from([tmp_path], "test"))
    assert len({sample.id for sample in back}) == len(back)


@pytest.mark.parametrize(
    ("said", "unit"),
    [("total", "total"), ("Total sample size", "total"), ("per arm", "per_arm"), ("events", "events"), (None, "total")],
)
def test_what_a_size_counts_is_kept(said: str | None, unit: str, tmp_path: Path) -> None:
    (sample,) = read("sample_size", tmp_path, [size(1, 64, said)])  # type: ignore[arg-type]
    assert (sample.gold.sample_size, sample.gold.unit) == (64, unit)
    written = _published.row(sample, task("sample_size"))
    assert set(written) == set(size(1, 64, "total"))
    assert (written["answer"], written["answer_type"]) == (64, unit)
    assert (written["trial_id"], written["pmid"]) == ("NCT99000011", "99000011")


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("enrollment issues", "enrollment"),
        ("feasibility", "feasibility"),
        ("lack of efficacy", "efficacy"),
        ("regulatory/approval", "regulatory"),
        ("safety issues", "safety"),
        ("something new", "other"),
        (None, None),
    ],
)
def test_reasons_for_a_stop_are_folded(why: str | None, reason: str | None, tmp_path: Path) -> None:
    (sample,) = read("trial_completion", tmp_path, [completion(1, "terminate", why)])
    assert (sample.gold.outcome, sample.gold.probability, sample.gold.reason) == ("stopped", 0.0, reason)
    start = sample.inputs
    assert (start.phases, start.masking, start.minimum_age_years) == (["PHASE2", "PHASE3"], "DOUBLE", 18)
    assert start.criteria == "Inclusion Criteria:\n- fever\n- rash"
    assert [arm.type for arm in start.arms] == ["EXPERIMENTAL", "PLACEBO_COMPARATOR"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"answer": "E"}, "no letter of an option"),
        ({"options": {"A": "x", "C": "y"}}, "not lettered A to D"),
        ({"options": None}, "NoneType"),
        ({"question": ""}, "no 'question'"),
    ],
)
def test_a_row_that_is_none_is_told_with_its_line_or_counted(change: dict[str, Any], why: str, tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    rows = [design(1, "A"), design(2, "B") | change]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows) + b"\n\n")
    with pytest.raises(UserError, match=rf"line 2, is no published row of endpoint_design: .*{why}"):
        list(_published.read("endpoint_design", path, "test"))
    left_out: Counter[str] = Counter()
    assert len(list(_published.read("endpoint_design", path, "test", left_out))) == 1
    assert left_out.total() == 1


@pytest.mark.parametrize("name", ["endpoint_design", "evidence_summary", "sample_size"])
def test_ids_are_masked_and_nothing_else_is_changed(name: str, tmp_path: Path) -> None:
    asked = "NCT99000001 (ISRCTN90000007) was stopped early.\n\n  Which   belongs to nct99000001?"
    row = ROWS[name][0] | {"trial_id": "NCT99000001", "question": asked}
    (sample,) = read(name, tmp_path, [row])
    assert "[id] ([id]) was stopped early.\n\n  Which   belongs to [id]?" in task(name).prompt(sample)


def test_letters_in_lower_case_and_questions_of_one_trial_are_kept_apart(tmp_path: Path) -> None:
    rows = [{key: value for key, value in design(1, letter).items() if key != "id"} for letter in "ab"]
    one, other = read("endpoint_design", tmp_path, rows)
    assert (one.gold.answer, other.gold.answer) == ("A", "B")
    assert (one.id, other.id) == ("NCT99000001@" + one.id.split("@")[1], one.id + "#2")
    assert one.group == other.group
