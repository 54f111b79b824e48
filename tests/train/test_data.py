"""Training rows: every sample accounted for, nothing over the length, the chat template applied once by the trainer."""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import many_trials, warehouse
from tests.tiny_models import tiny_qwen3
from trialpanorama import tasks
from trialpanorama.errors import UserError
from trialpanorama.tasks import SPLITS, AnySample, Card, Sample, task
from trialpanorama.tasks._reviews import Question
from trialpanorama.tasks._trials import Start
from trialpanorama.tasks.sample_size import Calculation, Planned
from trialpanorama.tasks.study_screening import Batch, Candidate, Decision, Decisions
from trialpanorama.tasks.trial_completion import Forecast
from trialpanorama.train import data, targets
from trialpanorama.train.recipe import Data, Recipe, Rollouts
from trialpanorama.warehouse import Warehouse

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
QUICK = settings(max_examples=30, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    asked = [size(1), screening(1, 3), completion(1)]
    texts = [task(name).prompt(sample) for name, sample in zip(NAMES, asked, strict=True)]
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"), texts)


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


NAMES = ("sample_size", "study_screening", "trial_completion")


def size(number: int, *, text: str = "", date: str = "2019-05-01", origin: str = "reported") -> AnySample:
    said = text or (
        "A randomised trial compares a mean between two groups. A difference of 5 points should be detected, the "
        f"standard deviation is {10 + number} points. The power is 80% at a two-sided significance level of 5%. [N]"
    )
    gold = {1: 154}.get(number, 300)
    return Sample(
        id=f"NCT9{number:07}@1", subject=f"NCT9{number:07}", split="train", group=f"NCT9{number:07}", date=date,
        is_fictional=True, snapshot="0123456789abcdef", strata={"origin": origin},
        inputs=Calculation(said, "total", 2), gold=Planned(gold, "total"),
    )  # fmt: skip


def screening(number: int, candidates: int, words: int = 12) -> AnySample:
    said = [
        Candidate(f"Paper {place} of review {number}", " ".join([f"Fever {place} was scored."] * words))
        for place in range(candidates)
    ]
    gold = [Decision(place + 1, "include" if place % 2 else "exclude", float(place % 2)) for place in range(candidates)]
    return Sample(
        id=f"CD99{number:04}@1#1", subject=f"CD99{number:04}", split="train", group=f"CD99{number:04}",
        date="2015-06-30", is_fictional=True, snapshot="0123456789abcdef",
        inputs=Batch(Question("Drugs for gloaming fever"), said), gold=Decisions(gold),
    )  # fmt: skip


def completion(number: int, outcome: Any = "complete") -> AnySample:
    return Sample(
        id=f"NCT8{number:07}@2", subject=f"NCT8{number:07}", split="train", group=f"NCT8{number:07}",
        date="2012-01-01", is_fictional=True, snapshot="0123456789abcdef",
        inputs=Start(title=f"Fictumab in Gloaming Fever, number {number}"), gold=Forecast(outcome, 1.0),
    )  # fmt: skip


def folder(path: Path, samples: Mapping[str, Sequence[AnySample]]) -> Path:
    """A folder as `tasks build` writes it."""
    for name, found in samples.items():
        (path / name).mkdir(parents=True, exist_ok=True)
        for split in SPLITS:
            own = [one for one in found if one.split == split]
            (path / name / f"{split}.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in own))
        chosen = task(name)
        card = Card(
            task=name, version=chosen.version, title="", meaning="", snapshot="", is_fictional=True, seed=0, code="",
            samples=dict.fromkeys(SPLITS, 0), first_date={}, last_date={}, labels={}, left_out={}, strata={},
        )  # fmt: skip
        (path / name / "card.json").write_bytes(msgspec.json.encode(card))
    return path


def recipe(method: Any = "sft", weights: Mapping[str, float] | None = None, **given: Any) -> Recipe:
    about = {key: given.pop(key) for key in list(given) if key in Data.__struct_fields__}
    return Recipe(
        method=method, meaning="a test", model="tiny", data=Data(tasks=dict(weights or {"sample_size": 1.0}), **about),
        rollouts=Rollouts(tokens=given.pop("tokens", 64)) if method == "grpo" else None, **given,
    )  # fmt: skip


# --- the chat template


def test_trl_prepares_each_row_with_the_template_once_and_learns_the_reply_alone(
    model: Path, tokenizer: Any, tmp_path: Path
) -> None:
    from datasets import Dataset
    from transformers import Qwen3ForCausalLM
    from trl import SFTConfig, SFTTrainer

    given = {"sample_size": [size(1), size(2)], "study_screening": [screening(1, 3)]}
    chosen = recipe(weights=dict.fromkeys(given, 1.0), reasoning=True)
    prepared = data.rows(chosen, folder(tmp_path / "samples", given), tokenizer, "train")
    trainer = SFTTrainer(
        model=Qwen3ForCausalLM.from_pretrained(model),
        args=SFTConfig(str(tmp_path / "run"), max_length=chosen.length, report_to="none", bf16=False, use_cpu=True),
        train_dataset=Dataset.from_list(prepared.rows),
        processing_class=tokenizer,
    )
    assert len(prepared.rows) == 3
    assert prepared.reasoned == {"sample_size": 1, "study_screening": 0}
    for row, tokens, asked, made in zip(
        prepared.rows, prepared.tokens, prepared.prompt_tokens, trainer.train_dataset, strict=True
    ):
        text = tokenizer.decode(made["input_ids"])
        learnt = tokenizer.decode([token for token in made["labels"] if token != -100])
        reply, prompt = row["completion"][0]["content"], row["prompt"][0]["content"]
        thought = "" if reply.startswith("<think>") else "<think>\n\n</think>\n\n"
        assert text == f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{thought}{reply}<|im_end|>\n"
        assert learnt == f"{thought}{reply}<|im_end|>\n"
        assert [text.count(marker) for marker in ("<|im_start|>", "<|im_end|>", "<think>", "</think>")] == [2, 2, 1, 1]
        assert (len(made["input_ids"]), made["labels"].count(-100)) == (tokens, asked)


def test_grpo_prompts_are_as_long_as_trl_makes_them_and_leave_room_for_the_reply(
    tokenizer: Any, tmp_path: Path
) -> None:
    from trl import GRPOTrainer

    given = {"sample_size": [size(1), size(2, text="Much is said. " * 200)]}
    source = folder(tmp_path, given)
    prepared = data.rows(recipe("grpo", length=1024, tokens=512), source, tokenizer, "train")
    (row,) = prepared.rows
    assert prepared.left_out["sample_size"] == {data.TOO_LONG: 1}
    assert row.keys() == {"prompt", "task", "sample"}
    assert task("sample_size").decode(row["sample"]) == given["sample_size"][0]
    trainer: Any = SimpleNamespace(
        processing_class=tokenizer, tools=None, chat_template=None, chat_template_kwargs={}, environment_factories=None,
        _is_vlm=False,
    )  # fmt: skip
    (ids,), *_ = GRPOTrainer._tokenize_prompts(trainer, [row["prompt"]])
    asked = row["prompt"][0]["content"]
    assert tokenizer.decode(ids) == f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n"
    assert prepared.tokens == [len(ids)]
    exact = recipe("grpo", length=len(ids) + 512, tokens=512)
    assert len(data.rows(exact, source, tokenizer, "train").rows) == 1
    with pytest.raises(UserError, match="none is left to learn from"):
        data.rows(recipe("grpo", length=len(ids) + 511, tokens=512), source, tokenizer, "train")


@pytest.mark.parametrize("marker", ["<|im_end|>", "<|endoftext|>", "</think>"])
def test_a_text_with_a_marker_of_the_template_is_left_out(tokenizer: Any, tmp_path: Path, marker: str) -> None:
    given = [size(1), size(2, text=f"Ignore this. {marker} [N] patients")]
    prepared = data.rows(recipe(), folder(tmp_path, {"sample_size": given}), tokenizer, "train")
    assert [row["sample"] for row in prepared.rows] == [given[0].id]
    assert prepared.left_out["sample_size"] == {data.MARKERS: 1}


def test_a_model_without_a_chat_template_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    bare: Any = SimpleNamespace(chat_template=None)
    with pytest.raises(UserError, match="tiny has no chat template"):
        data.rows(recipe(), tmp_path, bare, "train")


# --- nothing cut


@QUICK
@given(
    lengths=st.lists(st.integers(1, 14), min_size=1, max_size=5),
    words=st.integers(1, 30),
    length=st.integers(150, 2000),
    method=st.sampled_from(["sft", "grpo"]),
)
def test_screening_is_asked_in_parts_that_fit_and_every_candidate_once(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Any, lengths: list[int], words: int, length: int, method: str
) -> None:
    given = [screening(number, candidates, words) for number, candidates in enumerate(lengths)]
    source = folder(tmp_path_factory.mktemp("samples"), {"study_screening": given})
    chosen = task("study_screening")
    made = recipe(method, {"study_screening": 1.0}, length=length)
    try:
        prepared = data.rows(made, source, tokenizer, "train")
    except UserError:
        assert length < 1200
        return
    assert max(prepared.tokens) + (64 if method == "grpo" else 0) <= length
    asked: dict[str, Counter[str]] = {}
    for row in prepared.rows:
        shown = row["prompt"][0]["content"].count("\nTitle: Paper")
        if method == "sft":
            whole = row["sample"].partition("#")[0]
            verdicts: Any = chosen.read(row["completion"][0]["content"], screening(0, shown))
        else:
            part = chosen.decode(row["sample"])
            whole, verdicts = f"{part.subject}@1", part.gold
            assert chosen.prompt(part) == row["prompt"][0]["content"]
            assert chosen.score(verdicts, part)["correct"] == 1.0
        assert [one.candidate for one in verdicts.decisions] == list(range(1, shown + 1))
        asked.setdefault(whole, Counter()).update(one.decision for one in verdicts.decisions)
    left_out = prepared.left_out["study_screening"][data.TOO_LONG]
    assert len(asked) + left_out == len(given) == prepared.samples["study_screening"]
    for sample in given:
        if (whole := f"{sample.subject}@1") in asked:
            assert asked[whole] == Counter(one.decision for one in sample.gold.decisions)
    assert prepared.split_up["study_screening"] <= len(asked)


def test_a_sample_that_cannot_be_split_is_left_out_by_task_and_reason(tokenizer: Any, tmp_path: Path) -> None:
    given = {"sample_size": [size(1), size(2, text="Much is said. " * 500)], "study_screening": [screening(1, 2, 400)]}
    made = recipe(weights=dict.fromkeys(given, 1.0), length=1000)
    prepared = data.rows(made, folder(tmp_path, given), tokenizer, "train")
    assert prepared.left_out == {"sample_size": {data.TOO_LONG: 1}, "study_screening": {data.TOO_LONG: 1}}
    assert prepared.by_task == {"sample_size": 1}


# --- weights, order, dates


@QUICK
@given(
    counts=st.tuples(st.integers(0, 9), st.integers(1, 9)),
    weights=st.tuples(st.floats(0.05, 3), st.floats(0.05, 3)),
    most=st.none() | st.integers(1, 12),
    length=st.sampled_from([120, 300, 8192]),
    before=st.none() | st.just(datetime.date(2016, 1, 1)),
    seed=st.integers(0, 3),
)
def test_every_sample_is_a_row_or_left_out_and_weights_are_kept(
    tmp_path_factory: pytest.TempPathFactory,
    tokenizer: Any,
    counts: tuple[int, int],
    weights: tuple[float, float],
    most: int | None,
    length: int,
    before: datetime.date | None,
    seed: int,
) -> None:
    given = {
        "sample_size": [size(n, date=("", "2014-01-01", "2018-01-01")[n % 3]) for n in range(1, counts[0] + 1)],
        "trial_completion": [completion(n) for n in range(1, counts[1] + 1)],
    }
    source = folder(tmp_path_factory.mktemp("samples"), given)
    named = dict(zip(given, weights, strict=True))
    made = recipe(weights=named, most_samples=most, length=length, before=before, seed=seed)
    turned = recipe(weights=dict(reversed(named.items())), most_samples=most, length=length, before=before, seed=seed)
    try:
        prepared = data.rows(made, source, tokenizer, "train")
    except UserError:
        assert min(weights) < 1 or length == 120 or before
        return
    assert data.rows(turned, source, tokenizer, "train") == prepared
    assert max(prepared.tokens) <= length
    for name, samples in given.items():
        shown = Counter(row["sample"] for row in prepared.rows if row["task"] == name)
        assert len(shown) + prepared.left_out[name].total() == len(samples)
        usable = len(shown) + prepared.left_out[name][data.NOT_DRAWN]
        assert abs(shown.total() - named[name] * usable) <= 0.5 + 1e-9
        assert all(int(named[name]) <= often <= int(named[name]) + 1 for often in shown.values())
        assert usable <= (most or len(samples))
    if before:
        early = {one.id for one in given["sample_size"] if one.date == "2014-01-01"}
        assert {row["sample"] for row in prepared.rows if row["task"] == "sample_size"} <= early


def test_the_order_is_shuffled_by_the_seed_and_validation_has_no_weights(tokenizer: Any, tmp_path: Path) -> None:
    trained = [completion(number) for number in range(1, 41)]
    held = [msgspec.structs.replace(completion(number), split="validation") for number in range(50, 60)]
    source = folder(tmp_path, {"trial_completion": [*trained, *held]})

    def order(seed: int, weight: float = 1.0, split: Any = "train") -> list[str]:
        made = recipe(weights={"trial_completion": weight}, seed=seed, most_samples=30)
        return [row["sample"] for row in data.rows(made, source, tokenizer, split).rows]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2)) == sorted(one.id for one in trained[:30]) != order(1)
    assert len(order(1, 0.5)) == 15
    assert order(1, 0.5) != order(2, 0.5)
    assert len(order(1, 2.5)) == 75
    assert sorted(order(1, 0.1, "validation")) == sorted(one.id for one in held)


def test_designs_that_are_made_up_have_no_date_and_are_of_any_time(tokenizer: Any, tmp_path: Path) -> None:
    given = [size(1, date="", origin="generated"), size(2, date=""), size(3, date="2023-01-01")]
    made = recipe(before=datetime.date(2023, 1, 1))
    prepared = data.rows(made, folder(tmp_path, {"sample_size": given}), tokenizer, "train")
    assert [row["sample"] for row in prepared.rows] == [given[0].id]
    assert prepared.left_out["sample_size"] == {data.UNDATED: 1, data.TOO_LATE: 1}


def test_a_curriculum_goes_from_what_the_floor_answers_to_what_it_does_not(tokenizer: Any, tmp_path: Path) -> None:
    easy = [size(1, text=size(1).inputs.text + f" Site {number}.") for number in range(6)]
    easy = [msgspec.structs.replace(one, id=f"easy{n}@1", group=f"easy{n}") for n, one in enumerate(easy)]
    hard = [
        msgspec.structs.replace(
            size(number, text=f"Enough will be enrolled. [N] of them. {number}"), gold=Planned(gold, "total")
        )
        for number, gold in enumerate((2, 40, 900, 20_000, 500_000, 9_000_000), 20)
    ]
    others = [completion(number, ("complete", "stopped")[number % 2]) for number in range(1, 13)]
    source = folder(tmp_path, {"sample_size": [*hard, *easy], "trial_completion": others})
    made = recipe(weights={"sample_size": 1.0, "trial_completion": 1.0}, curriculum=True)
    found = data.rows(made, source, tokenizer, "train").rows
    sizes = [row["sample"] for row in found if row["task"] == "sample_size"]
    assert sorted(sizes[:6]) == sorted(one.id for one in easy)
    assert sorted(sizes[6:]) == sorted(one.id for one in hard)
    # A constant answer is no floor: the other task is spread evenly, whatever its labels.
    for quarter in range(4):
        assert Counter(row["task"] for row in found[6 * quarter : 6 * quarter + 6])["trial_completion"] == 3
    plain = data.rows(recipe(weights=made.data.tasks), source, tokenizer, "train").rows
    assert Counter(row["sample"] for row in plain) == Counter(row["sample"] for row in found)
    assert plain != found


# --- where samples come from


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = warehouse(tmp_path_factory.mktemp("built") / "w", many_trials(120), snapshot="learning00000000")
    mentions = made.path / "tables" / "mentions.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"""COPY (SELECT * FROM '{mentions}' UNION ALL BY NAME SELECT study_id, 'condition' AS kind,
                'conditions' AS field, 'Amber Lung' AS text, 'TEST:1' AS concept_id, 'Ochre Airway' AS concept_name
                FROM '{made.path / "tables" / "studies.parquet"}') TO '{mentions}.new' (FORMAT parquet)"""
        )
    Path(f"{mentions}.new").replace(mentions)
    tasks.build(made, names=["endpoint_design"])
    return made


def test_a_warehouse_and_the_folder_that_it_was_built_into_give_the_same_rows(built: Warehouse, tokenizer: Any) -> None:
    made = recipe(weights={"endpoint_design": 1.0})
    of_warehouse = data.rows(made, built, tokenizer, "train")
    assert of_warehouse == data.rows(made, built.path / "tasks", tokenizer, "train")
    written = (built.path / "tasks" / "endpoint_design" / "train.jsonl").read_bytes()
    assert of_warehouse.files == {"endpoint_design/train.jsonl": hashlib.sha256(written).hexdigest()}
    assert (of_warehouse.snapshots, of_warehouse.is_fictional) == (["learning00000000"], True)
    assert of_warehouse.by_task["endpoint_design"] == len(written.splitlines()) > 20


def test_concepts_stand_below_the_description_only_with_a_warehouse(built: Warehouse, tokenizer: Any) -> None:
    made = recipe(weights={"endpoint_design": 1.0}, linked_text=True)
    with pytest.raises(UserError, match="is a folder of samples"):
        data.rows(made, built.path / "tasks", tokenizer, "train")
    prepared = data.rows(made, built, tokenizer, "train")
    asked = [row["prompt"][0]["content"] for row in prepared.rows]
    assert {("Amber Lung" in text, f"{targets.HEAD}\n- Ochre Airway (TEST:1)\n</trial>" in text) for text in asked} == {
        (True, True),
        (False, False),
    }
    assert prepared.linked["endpoint_design"] == sum("Amber Lung" in text for text in asked)


@pytest.mark.parametrize("broken", ["absent", "other version", "no card"])
def test_a_folder_without_the_samples_is_one_clear_line(tokenizer: Any, tmp_path: Path, broken: str) -> None:
    if broken != "absent":
        folder(tmp_path, {"sample_size": [size(1)]})
        card = tmp_path / "sample_size" / "card.json"
        card.write_bytes(
            card.read_bytes().replace(b'"version":%d' % task("sample_size").version, b'"version":99')
            if broken != "no card"
            else b"{"
        )
    with pytest.raises(UserError, match=r"tasks build") as raised:
        data.rows(recipe(), tmp_path, tokenizer, "train")
    assert "\n" not in str(raised.value)


def test_no_sample_at_all_ends_training_and_not_validation(tokenizer: Any, tmp_path: Path) -> None:
    source = folder(tmp_path, {"sample_size": []})
    with pytest.raises(UserError, match="holds no training sample of sample_size"):
        data.rows(recipe(), source, tokenizer, "train")
    assert data.rows(recipe(), source, tokenizer, "validation").rows == []
    with pytest.raises(UserError, match="task"):
        data.rows(recipe(weights={"sample_sice": 1.0}), source, tokenizer, "train")
