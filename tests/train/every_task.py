"""Made-up samples of every task in a folder as `tasks build` writes it, from rows of the published benchmark's kind."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.tasks import published_rows
from tests.tasks.test_outcome_labels import TOP_ROW
from tests.tasks.test_outcome_labels import write as write_labels
from trialpanorama.tasks import SPLITS, AnySample, Card, Split, task, tasks

_ANSWERS = "ABCD"


def write(folder: Path, train: int = 20, validation: int = 3) -> Path:
    """The folder, with so many samples of each task; those of the test split are none."""
    for name in tasks():
        counts: dict[Split, int] = {"train": train, "validation": validation, "test": 0}
        chosen = task(name)
        out = folder / name
        out.mkdir(parents=True)
        for split in SPLITS:
            lines = [msgspec.json.encode(sample) + b"\n" for sample in _samples(out, name, split, counts[split])]
            (out / f"{split}.jsonl").write_bytes(b"".join(lines))
        card = Card(
            task=name, version=chosen.version, title=chosen.title, meaning=chosen.meaning, snapshot="fictional",
            is_fictional=True, seed=0, code="", samples=counts, first_date={}, last_date={}, labels={}, left_out={},
            strata={},
        )  # fmt: skip
        (out / "card.json").write_bytes(msgspec.json.encode(card))
    return folder


def _samples(folder: Path, name: str, split: Split, count: int) -> list[AnySample]:
    if not count:
        return []
    numbers = range(100, 100 + count) if split == "train" else range(500, 500 + count)
    path = folder / f"{split}.{'csv' if name == 'outcome_prediction' else 'jsonl'}"
    if name == "outcome_prediction":
        write_labels(path, [TOP_ROW | {"nctid": f"NCT99{n:06}", "label": str(n % 2)} for n in numbers])
    else:
        path.write_bytes(b"".join(msgspec.json.encode(_row(name, n)) + b"\n" for n in numbers))
    found = list(task(name).samples_from([path], split))
    path.unlink()
    return [msgspec.structs.replace(sample, is_fictional=True) for sample in found]


def _row(name: str, number: int) -> object:
    match name:
        case "study_search":
            return published_rows.search(number)
        case "study_screening":
            return published_rows.screening(number)
        case "sample_size":
            return published_rows.size(number, 2 * number, "total")
        case "trial_completion":
            return published_rows.completion(
                number, "complete" if number % 2 else "terminate", None if number % 2 else "enrollment issues"
            )
        case _:
            return published_rows.design(number, _ANSWERS[number % 4])
