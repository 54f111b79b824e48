"""Figures that were published for the tasks of the same names, to stand beside ours: on other data, and by other rules.

They are the zero-shot tables of TrialPanorama's first version (arXiv 2505.16097v1, May 2025; the tables as shown on the
authors' project page), over its own test samples. Its samples, prompts, readers and, in part, metrics differ from ours,
and no interval was published: the figures give an order of magnitude, and no model is better for exceeding one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

SOURCE = "TrialPanorama v1, zero-shot (arXiv 2505.16097v1): measured on other data, without intervals"
MARK = "published; other data"
"""What stands beside the model's name in a table."""


class Published(msgspec.Struct, frozen=True):
    """What was published for one model on one task."""

    task: str
    model: str
    n: int
    """Test samples of the published benchmark (reviews, for search and screening)."""
    figures: dict[str, float]
    """By the name of our metric that comes next to the published one; shares from 0 to 1."""


_MODELS = ("Llama-8B", "Llama-70B", "GPT-4o-mini", "GPT-4o", "o3-mini")
_PERCENT: dict[tuple[str, int], dict[str, tuple[float, ...]]] = {
    ("study_search", 100): {
        "recall_100": (11.6, 25.1, 17.3, 22.9, 27.6),
        "recall_500": (16.0, 33.3, 22.7, 27.3, 37.8),
    },
    ("study_screening", 100): {
        "accuracy": (55.3, 60.7, 60.2, 66.1, 71.6),
        "precision": (46.8, 59.1, 60.4, 64.4, 71.9),
        "recall": (58.2, 70.5, 60.5, 72.3, 71.3),
    },
    ("evidence_summary", 1_000): {
        "accuracy": (70.4, 78.8, 74.1, 72.8, 72.7),
        "macro_f1": (71.1, 76.7, 73.1, 65.2, 53.8),
    },
    ("arm_design", 1_000): {
        "accuracy": (79.9, 84.6, 78.4, 85.0, 85.9),
        "macro_f1": (79.9, 84.7, 78.7, 85.0, 86.1),
    },
    ("eligibility_design", 1_000): {
        "accuracy": (55.0, 72.6, 55.8, 76.3, 80.4),
        "macro_f1": (54.6, 73.1, 55.8, 76.5, 80.6),
    },
    ("endpoint_design", 1_000): {
        "accuracy": (52.1, 61.8, 62.2, 69.1, 52.1),
        "macro_f1": (52.9, 62.5, 62.2, 69.4, 60.7),
    },
    ("sample_size", 1_000): {"within_20": (3.3, 18.7, 22.8, 22.9, 25.2)},
    ("trial_completion", 1_000): {
        "balanced_accuracy": (54.0, 52.6, 51.3, 59.3, 51.0),
        "reason_balanced_accuracy": (15.7, 17.9, 16.8, 19.5, 17.0),
    },
}
_ABSOLUTE: dict[tuple[str, int], dict[str, tuple[float, ...]]] = {
    ("sample_size", 1_000): {"mae": (1760.6, 633.3, 411.4, 512.6, 452.1)},
}


def _rows() -> dict[str, tuple[Published, ...]]:
    found: dict[str, tuple[Published, ...]] = {}
    for (task, n), percent in _PERCENT.items():
        absolute: Mapping[str, tuple[float, ...]] = _ABSOLUTE.get((task, n), {})
        found[task] = tuple(
            Published(
                task,
                model,
                n,
                {name: round(values[place] / 100, 4) for name, values in percent.items()}
                | {name: values[place] for name, values in absolute.items()},
            )
            for place, model in enumerate(_MODELS)
        )
    return found


PUBLISHED = _rows()
"""What was published, by the name of the task."""
