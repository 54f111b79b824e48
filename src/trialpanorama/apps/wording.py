"""Questions worded by a language model, from the command line: what would be sent, the consent, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.console import Reporter, put, say, table
from trialpanorama.apps.extracting import agree, sending, slug, spent
from trialpanorama.asking import OUTCOMES, Usage, destination
from trialpanorama.errors import UnknownName

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse

_RESTRICTED = """
    SELECT count(DISTINCT id) FROM (
        SELECT study_id AS id, is_open FROM studies UNION ALL SELECT paper_id, is_open FROM papers)
    WHERE id IN (SELECT unnest($ids)) AND NOT is_open"""


def word_facts(
    warehouse: Warehouse,
    task: str,
    model: str,
    *,
    part: str = "question",
    split: str = "test",
    limit: int | None = None,
    max_tokens: int | None = None,
    out: Path | None = None,
    timeout_s: int = 120,
    connections: int = 8,
    dry_run: bool = False,
    yes: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> dict[str, Any]:
    """Have a model word the questions of a task (part `question`), or write their wrong options (`distractors`).

    Says first what would be sent to which model on which host; unless that is this machine it has to be agreed to
    (`yes`, or by answering `confirm`). `dry_run` ends there. `limit` takes the first samples, a random part that is
    always the same. `out` is the folder of all that was worded (DIR.worded beside the warehouse DIR); replies are kept
    in it, so that the same command goes on where it ended. Raises UserError for an unknown task, part, split or model,
    and where nobody agreed.
    """
    from trialpanorama import tasks
    from trialpanorama.tasks._wording import Worder, write

    chosen = tasks.task(task)
    if split not in tasks.SPLITS:
        raise UnknownName("split", split, tasks.SPLITS)
    folder = out or warehouse.path.with_name(f"{warehouse.path.name}.worded")
    with (
        warehouse.connect() as con,
        Worder(
            chosen, part, model, con,
            cache=folder / "replies", max_tokens=max_tokens, timeout_s=timeout_s, connections=connections,
        ) as worder,
    ):  # fmt: skip
        samples = tasks.load(warehouse, chosen, split)
        tasks.require(samples, chosen, split, warehouse)
        samples = samples[:limit]
        ids = {id for sample in samples for id in (sample.subject, *sample.entities)}
        [(restricted,)] = con.execute(_RESTRICTED, {"ids": sorted(ids)}).fetchall()
        host, is_local = destination(worder.asker.model)
        facts: dict[str, Any] = {
            "task": chosen.name,
            "part": worder.part,
            "split": split,
            "model": worder.asker.name,
            "prompt_hash": worder.asker.prompt_hash,
            "host": host,
            "is_local": is_local,
            "snapshot": warehouse.snapshot,
            "samples": len(samples),
            "restricted_texts": restricted,
            "estimated_tokens": worder.estimate(samples),
            "max_tokens": max_tokens,
            "dry_run": dry_run,
        }
        say(announcement(facts))
        if dry_run:
            return facts
        if not is_local and not yes:
            agree(facts, confirm)
        with Reporter() as reporter:

            def progress(done: int, usage: Usage) -> None:
                tokens = usage.input_tokens + usage.output_tokens
                reporter.update("word", done, len(samples), "samples", f"{tokens:,} tokens")

            found = worder.word(samples, progress)
    target = folder / f"{slug(worder.asker.name)}-{worder.part}-{worder.asker.prompt_hash[:8]}" / chosen.name
    files = write(target, found.samples)
    facts |= {
        "outcomes": {outcome: found.outcomes[outcome] for outcome in OUTCOMES},
        "worded": len(found.samples),
        "left_out": dict(sorted(found.left_out.items())),
        "usage": msgspec.structs.asdict(found.usage),
        "kept_replies": found.kept,
        "folder": str(target),
        "files": files,
    }
    (target / f"{split}.wording.json").write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
    return facts


def announcement(facts: dict[str, Any]) -> str:
    """What would be sent, and where to, in two sentences."""
    restricted = (
        f", made of {facts['restricted_texts']:,} trials or papers whose terms do not let them be passed on"
        if facts["restricted_texts"]
        else ""
    )
    return sending(f"{facts['samples']:,} {facts['split']} samples of {facts['task']}{restricted}", facts)


def put_wording(facts: dict[str, Any]) -> None:
    """Print what was worded, what was left out and why, and how to measure a model on it."""
    from trialpanorama.tasks._wording import CHECKS

    if facts["dry_run"]:
        rows = [[facts["model"], facts["host"], facts["samples"], facts["estimated_tokens"]]]
        put(table(["model", "host", "samples", "tokens to send"], rows))
        return
    put(f"{facts['worded']:,} of {facts['samples']:,} samples worded, in {facts['folder']}")
    for outcome, count in facts["outcomes"].items():
        if count and outcome != "answered":
            put(f"  {outcome:<15} {count:>7,}  {OUTCOMES[outcome]}")
    for why, count in facts["left_out"].items():
        put(f"  {why:<15} {count:>7,}  {CHECKS[why]}")
    put(f"  {spent(facts['usage'])}; {facts['kept_replies']:,} replies were kept from before")
    if facts["files"]:
        file = Path(facts["folder"]) / f"{facts['split']}.jsonl"
        say(f"Next: trialpanorama evaluate {facts['task']} --from {file} --model NAME")
