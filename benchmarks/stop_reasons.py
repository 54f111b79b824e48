"""How well the rules of trial_completion tell why a trial stopped, against a reader's judgements.

    python benchmarks/stop_reasons.py [FOLDER]

FOLDER is that of the real files (../shared/data, if none is named). For each judged sample: accuracy, Cohen's kappa,
and for each class precision, recall and F1, all with 95 % intervals (percentile bootstrap over words), of the rules;
at the end how far two readers of the first sample agree.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.tasks.test_real_reasons import found, judged  # noqa: E402

from trialpanorama.evaluate import bootstrap  # noqa: E402
from trialpanorama.tasks.trial_completion import REASONS, reason_of  # noqa: E402

Columns = Mapping[str, NDArray[np.float64]]


def accuracy(columns: Columns) -> float:
    """Share of the words that both sides class alike."""
    return float((columns["gold"] == columns["given"]).mean())


def kappa(columns: Columns) -> float:
    """Agreement beyond chance (Cohen 1960)."""
    gold, given = columns["gold"], columns["given"]
    chance = sum(float((gold == one).mean() * (given == one).mean()) for one in range(len(REASONS)))
    return (accuracy(columns) - chance) / (1 - chance)


def share(of: str, also: str, number: int) -> Callable[[Columns], float]:
    """Of the words that one side puts into a class, the share that the other does too."""

    def compute(columns: Columns) -> float:
        chosen = columns[of] == number
        return float((columns[also][chosen] == number).mean()) if chosen.any() else math.nan

    return compute


def f1(number: int) -> Callable[[Columns], float]:
    """Harmonic mean of precision and recall of a class."""

    def compute(columns: Columns) -> float:
        gold, given = columns["gold"] == number, columns["given"] == number
        return float(2 * (gold & given).sum() / (gold.sum() + given.sum())) if (gold | given).any() else math.nan

    return compute


def figure(columns: Columns, compute: Callable[[Columns], float]) -> str:
    """A figure with its interval."""
    at = bootstrap(columns, compute)
    return f"{at.value:.3f} ({at.low:.3f} to {at.high:.3f})" if at.low is not None else f"{at.value:.3f} (no interval)"


def columns(gold: list[str], given: list[str]) -> Columns:
    """Both sides' classes as numbers."""
    sides = {"gold": gold, "given": given}
    return {
        side: np.array([REASONS.index(one) for one in classes], dtype=np.float64) for side, classes in sides.items()
    }


def say(name: str, compared: Columns) -> None:
    """Print how far two sides agree."""
    print(f"{name}: n {len(compared['gold'])}, accuracy {figure(compared, accuracy)}, kappa {figure(compared, kappa)}")


def main(folder: Path) -> None:
    """Print all figures."""
    second = json.loads((REPOSITORY / "tests" / "tasks" / "reasons_judged_2.json").read_text(encoding="utf-8"))
    samples = {"first sample": judged("reasons_judged"), "second sample": judged("reasons_judged_2")}
    unsure = set(second["unsure"])
    samples["second sample, sure"] = {key: one for key, one in samples["second sample"].items() if key not in unsure}
    for name, classes in samples.items():
        said = found(folder, classes)
        ruled = {key: reason_of(words) or "other" for key, words in said.items()}
        compared = columns([classes[key] for key in said], [ruled[key] for key in said])
        say(f"rules, {name}", compared)
        for number, reason in enumerate(REASONS):
            print(
                f"  {reason}: judged {int((compared['gold'] == number).sum())},"
                f" precision {figure(compared, share('given', 'gold', number))},"
                f" recall {figure(compared, share('gold', 'given', number))}, F1 {figure(compared, f1(number))}"
            )
    first, again = samples["first sample"], second["reread_of_the_first"]
    say("two readers, first sample", columns([first[key] for key in first], [again[key] for key in first]))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY.parent / "shared" / "data")
