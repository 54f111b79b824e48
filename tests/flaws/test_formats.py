"""The flaws of the published benchmark that concern the forms in which its items are trained on and read."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.handmade import many_trials
from tests.handmade import warehouse as handmade
from tests.tasks.published_rows import ROWS, write
from tests.tasks.test_exports import parquet
from tests.tasks.test_published import NAMES, read
from trialpanorama.tasks import AnySample, _exports, _published, task
from trialpanorama.warehouse import Warehouse

SPECIAL = re.compile(r"<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|</?s>")
"""Marks of chat templates."""


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return handmade(tmp_path_factory.mktemp("trials") / "W", many_trials(120))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[AnySample]]:
    folder = tmp_path_factory.mktemp("rows")
    return {
        name: [msgspec.structs.replace(one, split="train") for one in read(name, folder)]
        for name in NAMES
        if name != "study_search"  # scored by a search that is run; its form is that of the others
    }


def test_flaw_12_a_reply_that_ends_in_a_thought_earns_nothing(samples: dict[str, list[AnySample]]) -> None:
    def flawed(reply: str, right: int) -> float:
        """The published rule: what is missing of the tags is put in, and then the reply is in order."""
        for tag in ("</think>", "<answer>", "</answer>"):
            reply += "" if tag in reply else tag
        return float(bool(re.search(r"<think>.*</think>.*<answer>.*</answer>", reply)) and str(right) in reply)

    sample = samples["sample_size"][0]
    reply = f"<think>Perhaps {sample.gold.sample_size}, or"
    assert flawed(reply, sample.gold.sample_size) == 1
    document = _exports._document(sample, task("sample_size"))
    assert _exports.compute_score("", reply, "", document) == 0
    assert _exports.compute_score("", f"{reply} so.</think>{document['target']}", "", document) == 1


def test_flaw_13_an_answer_that_is_learnt_from_is_the_assistants(
    samples: dict[str, list[AnySample]], tmp_path: Path
) -> None:
    sample = samples["arm_design"][0]
    target = task("arm_design").reply(sample.gold)
    flawed = [{"role": "user", "content": "..."}, {"role": "system", "content": target}]
    assert [one["role"] for one in flawed if target in one["content"]] == ["system"]
    _exports.export(samples, tmp_path, "llamafactory")
    for path in tmp_path.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            assert [one["role"] for one in json.loads(line)["messages"]] == ["user", "assistant"]


def test_flaw_21_labels_go_with_their_papers_whatever_their_order(samples: dict[str, list[AnySample]]) -> None:
    row, sample = ROWS["study_screening"][0], samples["study_screening"][0]
    right = {one["PMID"]: one["label"] for one in row["labels"]}
    by_title = {paper["title"]: right[paper["PMID"]] for paper in row["context"]}
    flawed = {paper["title"]: label["label"] for paper, label in zip(row["context"], row["labels"], strict=True)}
    assert flawed != by_title
    found = {
        candidate.title: f"{decision.decision}d"
        for candidate, decision in zip(sample.inputs.candidates, sample.gold.decisions, strict=True)
    }
    assert found == by_title
    reply = task("study_screening").reply(sample.gold)
    assert isinstance(json.loads(reply), dict), "the target is JSON, no repr of Python"


def test_flaw_23_what_a_policy_is_validated_on_was_not_trained_on(trials: Warehouse, tmp_path: Path) -> None:
    names = ["endpoint_design", "trial_completion"]
    for format in ("llamafactory", "verl"):
        _exports.export(trials, tmp_path / format, format, names)
    for name in names:
        lines = (tmp_path / "llamafactory" / f"{name}_train.jsonl").read_text().splitlines()
        trained = {json.loads(line)["id"] for line in lines}
        flawed = random.Random(42).sample(sorted(trained), 10)
        assert set(flawed) <= trained, "carved out of what was trained on"
        for split in ("validation", "test"):
            rows = parquet(tmp_path / "verl" / name / f"{split}.parquet")
            assert rows
            assert not trained & {row["extra_info"]["id"] for row in rows}


def _templated(messages: list[dict[str, str]]) -> str:
    """What a trainer's chat template makes of messages."""
    return "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages)


def test_flaw_24_a_chat_template_is_applied_once(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Which?"}]
    flawed = [{"role": "user", "content": _templated(messages)}]
    assert _templated(flawed).count("<|im_start|>") == 2, "headers within headers"
    _exports.export(samples, tmp_path, "verl")
    for name in samples:
        for row in parquet(tmp_path / name / "train.parquet"):
            assert not SPECIAL.search(row["prompt"][0]["content"])
            assert _templated(row["prompt"]).count("<|im_start|>") == len(row["prompt"]) == 1


def _flawed_choice(reply: str) -> str | None:
    """How the published evaluation reads a letter: out of JSON with `answer_choice`, or not at all."""
    try:
        return str(json.loads(reply)["answer_choice"])
    except (ValueError, TypeError, KeyError):
        return None


def test_flaw_26_what_is_trained_is_what_is_asked_and_read(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    trained_on = ROWS["endpoint_design"][0]["answer"]
    assert _flawed_choice(trained_on) is None, "a model that learnt to say the bare letter is wrong in every reply"
    targets: dict[str, list[Any]] = {}
    for format in ("llamafactory", "verl", "parquet"):
        _exports.export(samples, tmp_path / format, format)
    for name, made in samples.items():
        chosen = task(name)
        lines = (tmp_path / "llamafactory" / f"{name}_train.jsonl").read_text().splitlines()
        rows = parquet(tmp_path / "verl" / name / "train.parquet")
        own = parquet(tmp_path / "parquet" / name / "train.parquet")
        for sample, line, row, flat in zip(made, lines, rows, own, strict=True):
            asked, said = json.loads(line)["messages"]
            assert asked["content"] == row["prompt"][0]["content"] == flat["prompt"] == chosen.prompt(sample)
            assert said["content"] == row["reward_model"]["ground_truth"] == flat["target"]
            assert chosen.read(said["content"], sample) == sample.gold
            assert _exports.compute_score(name, said["content"], "", row["extra_info"]) == 1
            targets.setdefault(name, []).append(said["content"])
    assert set(targets) == set(samples)


@pytest.mark.parametrize("name", NAMES)
def test_flaw_33_the_folders_of_the_documentation_are_found_as_those_of_the_code(name: str, tmp_path: Path) -> None:
    code, documentation = (_published.folder(name, family) for family in _published.FAMILIES)
    write(tmp_path / documentation, name)
    flawed = (tmp_path / code / "test.jsonl").exists()
    assert flawed == (code == documentation)
    assert len(list(task(name).samples_from([tmp_path], "test"))) == len(ROWS[name])


def test_flaw_33_documentation_and_code_name_folders_differently() -> None:
    differing = [name for name in _published.FOLDERS if len({*_published.FOLDERS[name][:2]}) == 2]
    assert len(differing) == 5
