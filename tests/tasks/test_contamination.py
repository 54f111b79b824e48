"""What the contamination report finds, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import many_trials, warehouse
from trialpanorama import tasks
from trialpanorama.tasks import SPLITS, Sample, Split
from trialpanorama.tasks._contamination import NEAR, Contamination, _near_duplicates, _shingles, contamination


class Note(msgspec.Struct, frozen=True):
    """A text alone."""

    text: str


class _Notes:
    """As much of a task as the report asks of it."""

    def __init__(
        self,
        notes: dict[Split, list[tuple[str, str]]],
        entities: dict[str, list[str]] | None = None,
        origin: str = "reported",
    ) -> None:
        self.notes, self.entities, self.origin = notes, entities or {}, origin

    def write(self, folder: Path, name: str) -> None:
        (folder / name).mkdir()
        for split in SPLITS:
            lines = [
                msgspec.json.encode(
                    Sample(
                        id=f"{subject}@1",
                        subject=subject,
                        split=split,
                        group=subject,
                        date="2020-01-01",
                        entities=self.entities.get(subject, []),
                        strata={"origin": self.origin},
                        inputs=Note(text),
                        gold=Note(""),
                    )
                )
                for subject, text in self.notes.get(split, [])
            ]
            (folder / name / f"{split}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))

    def decode(self, line: bytes) -> Any:
        return msgspec.json.decode(line, type=Sample[Note, Note])

    def text(self, sample: Sample[Note, Note]) -> str:
        return sample.inputs.text


def _words(number: int, count: int = 600) -> str:
    random = np.random.default_rng(number)
    return " ".join(f"word{value}" for value in random.integers(0, 5_000, count))


def _report(folder: Path, **named: _Notes) -> Contamination:
    for name, notes in named.items():
        notes.write(folder, name)
    return contamination(folder, named)  # type: ignore[arg-type]


def test_an_id_on_two_sides_is_found_across_tasks(tmp_path: Path) -> None:
    one = _Notes({"train": [("NCT99000001", "a")], "test": [("NCT99000002", "b")]})
    other = _Notes({"test": [("REVIEW-1", "c")]}, {"REVIEW-1": ["NCT99000001"]})
    found = _report(tmp_path, one=one, other=other)
    assert found.crossing_ids == 1
    assert found.crossing[0].id == "NCT99000001"
    assert found.crossing[0].where == {"train": ["one"], "test": ["other"]}


def test_a_test_text_that_stands_in_training_is_found_and_a_shared_formula_is_not(tmp_path: Path) -> None:
    formula = " ".join(_words(7, 60).split())
    train = [(f"NCT9900{i:04}", f"{formula} {_words(i)}") for i in range(20)]
    copied = train[3][1].replace("word1 ", "changed ")
    test = [("NCT99009001", copied), ("NCT99009002", f"{formula} {_words(99)}")]
    found = _report(tmp_path, one=_Notes({"train": train, "test": test}))
    assert [(d.sample, d.other) for d in found.near_duplicates] == [("NCT99009001@1", "NCT99000003@1")]
    assert found.near_duplicates[0].shared >= NEAR
    assert found.near_duplicate_samples == 1
    assert found.near_duplicates_by_task == {"one": 1}
    assert found.compared == 22


def test_generated_texts_share_their_templates_and_are_not_compared(tmp_path: Path) -> None:
    notes = _Notes({"train": [("D-1", _words(1))], "test": [("D-2", _words(1))]}, origin="generated")
    found = _report(tmp_path, one=notes)
    assert (found.samples, found.compared, found.near_duplicate_samples) == (2, 0, 0)


def test_texts_of_one_split_may_be_alike(tmp_path: Path) -> None:
    found = _report(tmp_path, one=_Notes({"test": [("NCT99000001", _words(1)), ("NCT99000002", _words(1))]}))
    assert found.near_duplicate_samples == 0


def test_an_id_of_the_test_in_a_training_text_is_a_citation(tmp_path: Path) -> None:
    notes = _Notes({"train": [("NCT99000001", "As in NCT99000002.")], "test": [("NCT99000002", "As in NCT99000001.")]})
    (citing,) = _report(tmp_path, one=notes).citing
    assert (citing.sample, citing.cites, citing.of_split) == ("NCT99000001@1", "NCT99000002", "test")


@given(st.lists(st.integers(0, 30), min_size=30, max_size=200), st.integers(1, 20))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_a_text_is_its_own_near_duplicate_and_shingles_do_not_depend_on_what_was_read_before(
    numbers: list[int], other: int
) -> None:
    text = " ".join(f"w{n}" for n in numbers)
    vocabulary: dict[str, int] = {}
    _shingles(f"w{other} something else entirely", vocabulary)
    one = _shingles(text, vocabulary)
    assert np.array_equal(one, _shingles(text.upper(), {}))
    found = _near_duplicates([one, one], np.array([0, 2]))
    assert found == ({1: (0, 1.0)} if len(one) >= 5 else {})


def test_every_build_of_tasks_writes_the_report_and_no_trial_crosses(tmp_path: Path) -> None:
    opened = warehouse(tmp_path / "w", many_trials(120))
    cards = tasks.build(opened)
    found = msgspec.json.decode((opened.path / "tasks" / "contamination.json").read_bytes(), type=Contamination)
    assert found.samples == sum(sum(card.samples.values()) for card in cards.values())
    assert found.crossing_ids == 0
    assert found.citations == 0
