"""Samples in the forms that other programs read: for training, for other harnesses, for the published benchmark.

Every form carries the task's own prompt, the task's own right reply, and the Sample itself, and every score in them is
computed by the task: what a model is trained on, rewarded for and measured with cannot differ. Messages are plain text
with a role: chat templates are the business of the program that reads them, and no example stands in a system message.

    published     FOLDER/SPLIT.jsonl, the keys of the published TrialPanorama benchmark
    parquet       TASK/SPLIT.parquet, flat columns and the Sample as JSON
    llamafactory  dataset_info.json and TASK_SPLIT.jsonl, messages of user and assistant; no test split
    verl          TASK/SPLIT.parquet and reward.py
    lm-eval       trialpanorama_TASK.yaml, utils.py and data/TASK.SPLIT.jsonl, for lm-evaluation-harness 0.4.9 or later
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import SPLITS, AnySample, AnyTask, Split, _published, columns, load, task, tasks
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    Columns = Mapping[str, "pa.DataType"]

Samples = Mapping[str, Iterable[AnySample]]
"""Samples of any split, by the name of their task."""

_SHOWN = {
    **dict.fromkeys(("studies", "conditions", "disposition", "endpoints", "results"), "study_id"),
    "papers": "paper_id",
    "reviews": "review_id",
}
"""The tables whose rows samples show, with the column that names what they are of."""

_AT_ONCE = 2_000
"""Rows that are held in memory."""
_MOST_TOKENS = 4_096
"""That a reply of lm-evaluation-harness has at most: as many as the published evaluation allows."""


def export(
    source: Warehouse | Samples,
    out: Path,
    format: str,
    names: Iterable[str] | None = None,
    family: str = "code",
    *,
    include_restricted: bool = False,
    left_out: Counter[str] | None = None,
) -> dict[str, int]:
    """Write the samples of tasks (all unless named) into an empty folder; how many each file has, by its path within.

    Of a warehouse, the samples as `tasks build` made them, else made now; without those made of a trial, paper or
    review whose source does not allow passing it on, unless `include_restricted` (`left_out` counts them by task).
    Samples that are given are written as they are. `family` says how the published benchmark's folders are named; the
    tasks that it does not have are left out of it, unless they are named. Raises UnknownName for a format or task that
    does not exist, UserError where there is no sample to write or the folder is not empty.
    """
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    if family not in _published.FAMILIES:
        raise UnknownName("family of folder names", family, _published.FAMILIES)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder. Name a new one.")
    chosen = [task(name) for name in names] if names is not None else _all(source, format)
    left_out = Counter() if left_out is None else left_out
    closed = _closed(source) if isinstance(source, Warehouse) and not include_restricted else set[str]()
    out.mkdir(parents=True, exist_ok=True)
    write = partial(_published.write, family=family) if format == "published" else FORMATS[format]
    by_task = {
        one: write(out, one, _shared(source, one, _SPLITS_OF.get(format, SPLITS), closed, left_out)) for one in chosen
    }
    written = {path: count for counts in by_task.values() for path, count in counts.items()}
    if not written and left_out:
        raise UserError(
            f"{out} is left empty: all {left_out.total():,} samples are made of what its source does not allow passing "
            "on. For your own use: --include-restricted"
        )
    if not written:
        raise UserError(
            f"{out} is left empty: there is no sample of {', '.join(one.name for one in chosen)}. Build the warehouse "
            "from more trials, or see why they were left out: trialpanorama tasks build"
        )
    if format in _FINISH:
        _FINISH[format](out, [one for one, counts in by_task.items() if counts], written)
    return written


def _all(source: Warehouse | Samples, format: str) -> list[AnyTask]:
    known = list(tasks().values()) if isinstance(source, Warehouse) else [task(name) for name in source]
    return [one for one in known if format != "published" or one.name in _published.FOLDERS]


def _samples(source: Warehouse | Samples, chosen: AnyTask, splits: Sequence[Split]) -> Iterator[AnySample]:
    if isinstance(source, Warehouse):
        for split in splits:
            yield from load(source, chosen, split)
    else:
        yield from (sample for sample in source.get(chosen.name, ()) if sample.split in splits)


def _closed(warehouse: Warehouse) -> set[str]:
    """Ids of the trials, papers and reviews of which a row may not be passed on."""
    with warehouse.connect() as con:
        rows = " UNION ".join(f"SELECT {key} FROM {table} WHERE NOT is_open" for table, key in _SHOWN.items())
        return {id for (id,) in con.execute(rows).fetchall()}


def _shared(
    source: Warehouse | Samples, chosen: AnyTask, splits: Sequence[Split], closed: set[str], left_out: Counter[str]
) -> Iterator[AnySample]:
    """The samples of a task that are made of nothing closed; the others are counted."""
    for sample in _samples(source, chosen, splits):
        if closed.isdisjoint((sample.subject, *sample.entities)):
            yield sample
        else:
            left_out[chosen.name] += 1


# --- what every form carries


def _document(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    return {
        "id": sample.id,
        "task": chosen.name,
        "version": chosen.version,
        "split": sample.split,
        "prompt": chosen.prompt(sample),
        "target": chosen.reply(sample.gold),
        "sample": msgspec.json.encode(sample).decode(),
    }


class Graded(msgspec.Struct, frozen=True):
    """What a reply is worth, by the task that asked."""

    scores: dict[str, float]
    rows: list[dict[str, float]]
    reward: float
    group: str


def grade(document: Mapping[str, Any], reply: str) -> Graded:
    """Read and score the reply to a document that an export wrote (its `task`, `version` and `sample`).

    Raises UserError where the task has changed since.
    """
    chosen = task(document["task"])
    if document["version"] != chosen.version:
        raise UserError(
            f"The file holds {chosen.name} of version {document['version']}, and this TrialPanorama has version "
            f"{chosen.version}. Export it again: trialpanorama tasks export"
        )
    sample = chosen.decode(document["sample"])
    answer = chosen.read(reply, sample)
    scores = chosen.score(answer, sample)
    return Graded(scores, chosen.rows(answer, sample), chosen.reward(scores), sample.group)


# --- Parquet


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]], schema: pa.Schema) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while part := list(islice(rows, _AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(part, schema))
            count += len(part)
    return count


def _by_split(samples: Iterator[AnySample]) -> Iterator[tuple[Split, Iterator[AnySample]]]:
    """Samples by split, in the order of splits; those of a warehouse come so already."""
    held: dict[Split, list[AnySample]] = {split: [] for split in SPLITS}
    for sample in samples:
        held[sample.split].append(sample)
    for split, found in held.items():
        if found:
            yield split, iter(found)


def _parquet(out: Path, chosen: AnyTask, samples: Iterator[AnySample]) -> dict[str, int]:
    import pyarrow as pa

    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("id", "task")),
            ("version", pa.int64()),
            *((name, pa.string()) for name in ("split", "prompt", "target", "sample", "date", "group", "subject")),
            ("is_fictional", pa.bool_()),
            ("snapshot", pa.string()),
            ("strata", pa.string()),
        ]
    )

    def flat(sample: AnySample) -> dict[str, Any]:
        return _document(sample, chosen) | {
            "date": sample.date,
            "group": sample.group,
            "subject": sample.subject,
            "is_fictional": sample.is_fictional,
            "snapshot": sample.snapshot,
            "strata": msgspec.json.encode(sample.strata, order="deterministic").decode(),
        }

    return {
        path: _write_parquet(out / path, map(flat, found), schema)
        for split, found in _by_split(samples)
        if (path := f"{chosen.name}/{split}.parquet")
    }


def read_parquet(path: Path) -> Iterator[AnySample]:
    """The Samples of a file that the format `parquet` (or `verl`) wrote."""
    import pyarrow.parquet as pq

    for part in pq.ParquetFile(path).iter_batches(_AT_ONCE):
        for row in part.to_pylist():
            document = row.get("extra_info") or row
            yield task(document["task"]).decode(document["sample"])


# --- LLaMA-Factory


def _llamafactory(out: Path, chosen: AnyTask, samples: Iterator[AnySample]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for split, found in _by_split(samples):
        path = f"{chosen.name}_{split}.jsonl"
        with (out / path).open("wb") as file:
            for sample in found:
                # What no one should imitate is not written.
                if said := chosen.demonstration(sample):
                    messages = [
                        {"role": "user", "content": chosen.prompt(sample)},
                        {"role": "assistant", "content": said},
                    ]
                    file.write(msgspec.json.encode({"id": sample.id, "messages": messages}) + b"\n")
                    counts[path] = counts.get(path, 0) + 1
        if path not in counts:
            (out / path).unlink()
    return counts


def _dataset_info(out: Path, chosen: Sequence[AnyTask], written: Mapping[str, int]) -> None:
    entry = {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
    info = {f"trialpanorama_{Path(path).stem}": {"file_name": path, **entry} for path in written}
    (out / "dataset_info.json").write_bytes(msgspec.json.format(msgspec.json.encode(info)) + b"\n")


# --- verl


def _verl(out: Path, chosen: AnyTask, samples: Iterator[AnySample]) -> dict[str, int]:
    import pyarrow as pa

    text = pa.string()
    schema = pa.schema(
        [
            ("data_source", text),
            ("prompt", pa.list_(pa.struct([("role", text), ("content", text)]))),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            (
                "extra_info",
                pa.struct(
                    [
                        ("index", pa.int64()),
                        ("id", text),
                        ("task", text),
                        ("version", pa.int64()),
                        ("split", text),
                        ("sample", text),
                    ]
                ),
            ),
        ]
    )

    def rows(found: Iterator[AnySample]) -> Iterator[dict[str, Any]]:
        for index, sample in enumerate(found):
            document = _document(sample, chosen)
            yield {
                "data_source": f"trialpanorama/{chosen.name}",
                "prompt": [{"role": "user", "content": chosen.prompt(sample)}],
                "ability": chosen.name,
                "reward_model": {"style": "rule", "ground_truth": document["target"]},
                "extra_info": {"index": index}
                | {key: document[key] for key in ("id", "task", "version", "split", "sample")},
            }

    return {
        path: _write_parquet(out / path, rows(found), schema)
        for split, found in _by_split(samples)
        if (path := f"{chosen.name}/{split}.parquet")
    }


_REWARD = '''"""The reward of a reply, for verl: custom_reward_function.path=reward.py and .name=compute_score."""

from trialpanorama.tasks._exports import compute_score

__all__ = ["compute_score"]
'''


def _reward(out: Path, chosen: Sequence[AnyTask], written: Mapping[str, int]) -> None:
    (out / "reward.py").write_text(_REWARD, encoding="utf-8")


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Mapping[str, Any] | None = None, **_: object
) -> float:
    """The reward of a reply as verl asks for it, 0 to 1: the task's own; 0 where the reply is unreadable.

    Raises UserError where `extra_info` is not what the export wrote: a right reply cannot be told without its question.
    """
    if not extra_info or "sample" not in extra_info:
        raise UserError(
            f"The row of {data_source} has no extra_info.sample: it was not written by trialpanorama tasks export "
            "--format verl. Export it again."
        )
    return grade(extra_info, solution_str).reward


# --- lm-evaluation-harness


def _lm_eval(out: Path, chosen: AnyTask, samples: Iterator[AnySample]) -> dict[str, int]:
    counts = {}
    (out / "data").mkdir(exist_ok=True)
    for split, found in _by_split(samples):
        path = f"data/{chosen.name}.{split}.jsonl"
        with (out / path).open("wb") as file:
            for counts[path], sample in enumerate(found, 1):
                file.write(msgspec.json.encode(_document(sample, chosen)) + b"\n")
    return counts


_UTILS = '''"""How lm-evaluation-harness reads, asks and scores these tasks: as TrialPanorama itself does."""

from pathlib import Path

from trialpanorama.tasks._exports import aggregation, documents, process_results, prompt, target

__all__ = ["load", "process_results", "prompt", "target"]


def load(trialpanorama_task, **_):
    """The documents of one task, by split."""
    from datasets import Dataset

    found = documents(Path(__file__).parent, trialpanorama_task)
    return {split: Dataset.from_list(rows) for split, rows in found.items()}


'''


def _harness(out: Path, chosen: Sequence[AnyTask], written: Mapping[str, int]) -> None:
    metrics = sorted({metric.name for one in chosen for metric in one.metrics})
    lines = [f'{_identifier(name)} = aggregation("{name}")\n' for name in metrics]
    (out / "utils.py").write_text(_UTILS + "".join(lines), encoding="utf-8")
    for one in chosen:
        splits = [split for split in SPLITS if f"data/{one.name}.{split}.jsonl" in written]
        (out / f"trialpanorama_{one.name}.yaml").write_text(_yaml(one, splits), encoding="utf-8")


def _identifier(metric: str) -> str:
    return re.sub(r"\W", "_", metric)


def _yaml(chosen: AnyTask, splits: Sequence[Split]) -> str:
    """The task's configuration; metrics are aggregated by the task over all replies, as in every other report."""
    scored = "".join(
        f"  - metric: {metric.name}\n    aggregation: !function utils.{_identifier(metric.name)}\n"
        f"    higher_is_better: {str(metric.direction != 'lower').lower()}\n"
        for metric in chosen.metrics
    )
    given = "".join(f"{split}_split: {split}\n" for split in splits)
    return (
        f"# {chosen.meaning}\n"
        f"task: trialpanorama_{chosen.name}\n"
        "tag: trialpanorama\n"
        "custom_dataset: !function utils.load\n"
        f"dataset_kwargs:\n  trialpanorama_task: {chosen.name}\n"
        f"{given}"
        "output_type: generate_until\n"
        "doc_to_text: !function utils.prompt\n"
        "doc_to_target: !function utils.target\n"
        "process_results: !function utils.process_results\n"
        f"generation_kwargs:\n  until: []\n  do_sample: false\n  temperature: 0.0\n  max_gen_toks: {_MOST_TOKENS}\n"
        "num_fewshot: 0\n"
        "metric_list:\n"
        "  - metric: reward\n    aggregation: mean\n    higher_is_better: true\n"
        "  - metric: unreadable\n    aggregation: mean\n    higher_is_better: false\n"
        f"{scored}"
        f"metadata:\n  version: {chosen.version}\n"
    )


def documents(folder: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """The documents of one task that an export to lm-evaluation-harness wrote, by split."""
    found: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        path = folder / "data" / f"{name}.{split}.jsonl"
        if path.exists():
            with path.open("rb") as lines:
                found[split] = [msgspec.json.decode(line) for line in lines]
    return found


def prompt(document: Mapping[str, Any]) -> str:
    """What a model is asked."""
    return str(document["prompt"])


def target(document: Mapping[str, Any]) -> str:
    """The right reply."""
    return str(document["target"])


def process_results(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Reward and unreadable of one reply, and for each metric of the task what it is computed from."""
    graded = grade(document, results[0])
    found = {"task": document["task"], "group": graded.group, "rows": graded.rows}
    return {
        "reward": graded.reward,
        "unreadable": graded.scores["unreadable"],
        **{metric.name: found for metric in task(document["task"]).metrics},
    }


def aggregation(metric: str) -> Callable[[Sequence[Mapping[str, Any]]], float]:
    """A metric over what `process_results` found for all replies of a run."""

    def aggregate(found: Sequence[Mapping[str, Any]]) -> float:
        rows = [row for one in found for row in one["rows"]]
        groups = [one["group"] for one in found for _ in one["rows"]]
        return task(found[0]["task"]).metric(metric).compute(columns(rows, groups)) if rows else float("nan")

    return aggregate


Write = Callable[[Path, AnyTask, Iterator[AnySample]], dict[str, int]]
FORMATS: dict[str, Write] = {
    "published": _published.write,
    "parquet": _parquet,
    "llamafactory": _llamafactory,
    "verl": _verl,
    "lm-eval": _lm_eval,
}
"""The formats by name, each with what writes one task."""
_FINISH: dict[str, Callable[[Path, Sequence[AnyTask], Mapping[str, int]], None]] = {
    "llamafactory": _dataset_info,
    "verl": _reward,
    "lm-eval": _harness,
}
"""What is written once all tasks are."""
_SPLITS_OF: dict[str, Sequence[Split]] = {
    # Nobody trains on a test by mistake; and nothing is fitted in the harness.
    "llamafactory": ("train", "validation"),
    "lm-eval": ("validation", "test"),
}
