"""What the commands about tasks print: questions, numbers of samples, what the splits know of one another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialpanorama.apps.console import table
from trialpanorama.apps.show import FICTIONAL

if TYPE_CHECKING:
    from trialpanorama.tasks import AnySample, AnyTask, Card
    from trialpanorama.tasks._contamination import Contamination


def task_facts(task: AnyTask) -> dict[str, Any]:
    """What a task says about itself."""
    return {
        "name": task.name,
        "version": task.version,
        "title": task.title,
        "meaning": task.meaning,
        "metrics": [
            {"name": m.name, "title": m.title, "arrow": m.arrow, "direction": m.direction, "meaning": m.meaning}
            for m in task.metrics
        ],
    }


def cards_text(cards: dict[str, Card]) -> str:
    """How many samples tasks have, and which trials make none."""
    splits = list(next(iter(cards.values())).samples)
    rows = [[name, *(card.samples[split] for split in splits), card.snapshot] for name, card in cards.items()]
    lines = [table(["task", *splits, "snapshot"], rows)]
    for name, card in cards.items():
        left_out = sum((Counter(reasons) for reasons in card.left_out.values()), Counter())
        if left_out:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
            lines.append(f"{name} leaves out: {reasons}")
    if any(card.is_fictional for card in cards.values()):
        lines.append(FICTIONAL)
    return "\n".join(lines)


def contamination_text(found: Contamination, place: Path) -> str:
    """What the splits of all tasks know of one another, in three lines at most."""
    by_task = ", ".join(f"{name} {count:,}" for name, count in found.near_duplicates_by_task.items())
    lines = [
        f"Contamination: {found.crossing_ids:,} ids on two sides of a split, {found.near_duplicate_samples:,} samples "
        f"with a near-duplicate in an earlier split (of {found.compared:,} long enough to tell"
        f"{'; ' if by_task else ''}{by_task}), {found.citations:,} ids of a later split in earlier texts. All of it: "
        f"{place}"
    ]
    lines += [f"  {one.id} is in {', '.join(one.where)}" for one in found.crossing[:2]]
    return "\n".join(lines)


def sample_facts(task: AnyTask, sample: AnySample) -> dict[str, Any]:
    """A sample as a model is asked it, and what it should reply."""
    return {
        "id": sample.id,
        "split": sample.split,
        "date": sample.date,
        "strata": sample.strata,
        "prompt": task.prompt(sample),
        "right_reply": task.reply(sample.gold),
    }


def sample_text(task: AnyTask, sample: AnySample) -> str:
    """A sample to read."""
    facts = sample_facts(task, sample)
    strata = ", ".join(f"{name}: {value}" for name, value in sample.strata.items())
    return (
        f"{facts['id']} ({facts['split']}, {facts['date']}; {strata})\n\n{facts['prompt']}\n\n"
        f"Right reply: {facts['right_reply']}"
    )
