"""Extraction by a language model from the command line: what would be sent and where to, the consent, the outcome."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.console import Reporter, put, say, table
from trialpanorama.asking import OUTCOMES, destination
from trialpanorama.errors import UserError
from trialpanorama.link.llm import KINDS, LEFT_OUT, PROSE, Extracted, LLMLinker, choose, extract

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse


def extract_facts(
    warehouse: Warehouse,
    model: str,
    store: Path,
    *,
    kinds: Sequence[str] = KINDS,
    fields: Sequence[str] = tuple(PROSE),
    limit: int | None = None,
    max_tokens: int | None = None,
    out: Path | None = None,
    timeout_s: int = 120,
    connections: int = 8,
    dry_run: bool = False,
    yes: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> dict[str, Any]:
    """Have a model mark mentions in the prose of a warehouse's records, and write them beside the warehouse.

    Says first what would be sent to which model on which host; unless that is this machine it has to be agreed to
    (`yes`, or by answering `confirm`). `dry_run` ends there. `limit` takes so many distinct texts, a random part that
    is always the same. `out` is the folder of all extractions (DIR.extracted beside the warehouse DIR); replies are
    kept in it, so that the same command goes on where it ended. Raises UserError for an unknown kind, field or model,
    and where nobody agreed.
    """
    from trialpanorama.ontologies import load

    folder = out or warehouse.path.with_name(f"{warehouse.path.name}.extracted")
    with (
        LLMLinker(
            load(store), model, kinds,
            cache=folder / "replies", max_tokens=max_tokens, timeout_s=timeout_s, connections=connections,
        ) as linker,
        warehouse.connect() as con,
    ):  # fmt: skip
        host, is_local = destination(linker.model)
        chosen = choose(con, linker, fields, limit)
        facts: dict[str, Any] = {
            "model": linker.name,
            "prompt_hash": linker.prompt_hash,
            "host": host,
            "is_local": is_local,
            "snapshot": warehouse.snapshot,
            "kinds": list(linker.kinds),
            "fields": list(dict.fromkeys(fields)),
            "max_tokens": max_tokens,
            "dry_run": dry_run,
            **msgspec.structs.asdict(chosen),
        }
        say(announcement(facts))
        if dry_run:
            return facts
        if not is_local and not yes:
            agree(facts, confirm)
        target = folder / f"{slug(linker.name)}-{linker.prompt_hash[:8]}"
        with Reporter() as reporter:

            def progress(done: int, found: Extracted) -> None:
                tokens = found.usage.input_tokens + found.usage.output_tokens
                reporter.update("extract", done, chosen.texts, "texts", f"{tokens:,} tokens")

            found = extract(con, linker, target, progress)
    facts |= {
        "outcomes": {outcome: found.outcomes[outcome] for outcome in OUTCOMES},
        "mentions": found.mentions,
        "linked": found.linked,
        "checks": dict(sorted(found.checks.items())),
        "usage": msgspec.structs.asdict(found.usage),
        "kept_share": found.kept_pieces / found.pieces if found.pieces else None,
        "folder": str(target),
        "files": ["mentions.parquet", "texts.parquet", "extraction.json"],
    }
    (target / "extraction.json").write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
    return facts


def announcement(facts: dict[str, Any]) -> str:
    """What would be sent, and where to, in two sentences."""
    restricted = (
        f", {facts['restricted_texts']:,} of them from sources whose terms do not let them be passed on"
        if facts["restricted_texts"]
        else ""
    )
    return sending(f"{facts['texts']:,} texts of registry records{restricted}", facts)


def sending(what: str, facts: dict[str, Any]) -> str:
    """That something would be sent, how many tokens that is, and where they go."""
    bound = f", at most {facts['max_tokens']:,} with the replies" if facts["max_tokens"] is not None else ""
    return (
        f"{what}; about {facts['estimated_tokens']:,} tokens to be sent{bound}.\n"
        f"They go to {facts['model']} on {facts['host']}."
    )


def spent(usage: dict[str, int]) -> str:
    """What requests took, as the server counts it."""
    return (
        f"{usage['requests']:,} requests, {usage['input_tokens']:,} tokens sent "
        f"({usage['cached_input_tokens']:,} cached by the server), {usage['output_tokens']:,} received"
    )


def agree(facts: dict[str, Any], confirm: Callable[[str], bool] | None) -> None:
    """Raise UserError unless someone at a terminal agrees."""
    if confirm is None and not sys.stdin.isatty():
        raise UserError(f"Nothing was sent: {facts['host']} is not this machine. To agree to it add --yes.")
    if not (confirm or _asked)("Send them?"):
        raise UserError("Nothing was sent.")


def _asked(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def slug(name: str) -> str:
    """A model's name as part of a folder's."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")


def put_extraction(facts: dict[str, Any]) -> None:
    """Print what an extraction brought, what failed, and what it took."""
    if facts["dry_run"]:
        rows = [[facts["model"], facts["host"], facts["texts"], facts["places"], facts["estimated_tokens"]]]
        put(table(["model", "host", "texts", "places", "tokens to send"], rows))
        return
    checks, usage = facts["checks"], facts["usage"]
    put(f"{facts['mentions']:,} mentions, {facts['linked']:,} of them linked, in {facts['folder']}")
    for outcome, count in facts["outcomes"].items():
        if count:
            put(f"  {outcome:<12} {count:>7,}  {OUTCOMES[outcome]}")
    left_out = ", ".join(f"{checks[name]:,} {name}" for name in LEFT_OUT if checks.get(name))
    put(f"  left out: {left_out or 'no mention'}; {checks.get('moved', 0):,} stood elsewhere than the model said")
    kept = f"{facts['kept_share']:.0%} of the replies were kept from before" if facts["kept_share"] is not None else ""
    put(f"  {spent(usage)}; {kept}")
    if facts["outcomes"]["answered"] < facts["texts"]:
        say("The same command asks again what has no answer; texts.parquet says which, and why.")
