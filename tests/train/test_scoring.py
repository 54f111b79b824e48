"""From a trained model to its score: odds of replies, calibration, and evaluation here and on a vLLM server."""

from __future__ import annotations

import importlib.util
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_model import FakeServer, completion
from tests.tasks.test_outcome_labels import TOP_ROW
from tests.tasks.test_outcome_labels import write as write_labels
from tests.tiny_models import tiny_qwen3
from tests.train.threads import one_thread  # noqa: F401  # a fixture
from trialpanorama.errors import UserError
from trialpanorama.evaluate import Options, run_all, table
from trialpanorama.tasks import AnySample, task
from trialpanorama.train import models, scoring

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the train extra is not installed"),
    pytest.mark.usefixtures("one_thread"),
]
OUTCOME = task("outcome_prediction")
TWO = ['{"outcome":"success","probability":1.0}', '{"outcome":"failure","probability":0.0}']
NESTED = [
    '{"outcome":"complete","probability":1.0,"reason":null}',
    *(f'{{"outcome":"stopped","probability":0.0,"reason":"{why}"}}' for why in ("enrollment", "efficacy", "safety")),
    '{"outcome":"stopped","probability":0.0,"reason":null}',
]


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled trials whose drug tells how they ended."""
    rows = [
        TOP_ROW
        | {
            "nctid": f"NCT99{number:06}",
            "label": str(number % 2),
            "drugs": f"['{'goodumab' if number % 2 else 'badumab'} {number} mg']",
        }
        for number in range(1, 13)
    ]
    return write_labels(tmp_path_factory.mktemp("labels") / "top.csv", rows)


@pytest.fixture(scope="module")
def samples(labels: Path) -> list[AnySample]:
    return list(OUTCOME.samples_from([labels], "train"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, samples: list[AnySample]) -> Path:
    texts = [OUTCOME.prompt(sample) for sample in samples] + TWO + NESTED
    return tiny_qwen3(tmp_path_factory.mktemp("model") / "tiny", texts)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> models.Loaded:
    return models.load(folder, precision="float32")


# --- odds


def _allowed(loaded: models.Loaded, prompt: str, replies: list[str], place: int) -> float:
    """The log-probability of a reply under decoding that allows these alone, one whole forward pass for each token."""
    import torch

    asked = [[{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}] for reply in replies]
    ids: Any = loaded.tokenizer.apply_chat_template(asked, tokenize=True, return_dict=True)
    every: list[list[int]] = ids["input_ids"]
    total = 0.0
    for end in range(1, len(every[place])):
        going_on = {one[end] for one in every if one[:end] == every[place][:end]}
        with torch.inference_mode():
            chances = loaded.model(torch.tensor([every[place][:end]])).logits[0, -1].softmax(-1)
        total += math.log(float(chances[every[place][end]]) / sum(float(chances[token]) for token in going_on))
    return total


@pytest.mark.parametrize("replies", [TWO, NESTED[:3]], ids=["two", "with a shared beginning"])
def test_odds_are_those_of_decoding_that_allows_the_replies_alone(loaded: models.Loaded, replies: list[str]) -> None:
    found = scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it succeed?", replies)
    expected = [_allowed(loaded, "Will it succeed?", replies, place) for place in range(len(replies))]
    assert found == pytest.approx(expected, abs=1e-4)


def test_odds_add_up_and_do_not_hang_on_the_order(loaded: models.Loaded) -> None:
    found = scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it be completed?", NESTED)
    assert sum(map(math.exp, found)) == pytest.approx(1, abs=1e-5)
    turned = scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it be completed?", NESTED[::-1])
    assert turned[::-1] == pytest.approx(found, abs=1e-5)
    messages = [{"role": "user", "content": "Will it be completed?"}]
    assert scoring.option_log_odds(loaded.model, loaded.tokenizer, messages, NESTED) == found
    assert scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it?", NESTED) != found
    assert scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it?", NESTED[:1]) == [0.0]
    for wrong in ([], [TWO[0], TWO[0]]):
        with pytest.raises(ValueError, match="distinct"):
            scoring.option_log_odds(loaded.model, loaded.tokenizer, "Will it?", wrong)


@pytest.mark.parametrize("truth", [1.0, 4.0, 0.25])
def test_the_temperature_that_spoilt_the_odds_is_found(truth: float) -> None:
    import numpy as np

    draw = np.random.default_rng(0)
    own = draw.normal(0, 2, 4_000)
    labels = ["yes" if u < 1 / (1 + math.exp(-odd)) else "no" for odd, u in zip(own, draw.random(4_000), strict=True)]
    odds = [{"yes": truth * odd, "no": 0.0} for odd in own]
    assert scoring._temperature(odds, labels) == pytest.approx(truth, rel=0.1)


def test_a_forecaster_knows_the_labels_that_training_shows(loaded: models.Loaded, samples: list[AnySample]) -> None:
    odds = scoring.Odds(loaded.model, loaded.tokenizer, OUTCOME, samples, samples)
    prompt = OUTCOME.prompt(samples[0])
    found = odds.probabilities(prompt)
    assert set(found) == {"success", "failure"}
    assert sum(found.values()) == pytest.approx(1)
    assert odds.calibrated_on == len(samples)
    answer = OUTCOME.read(odds.reply(prompt), samples[0])
    assert answer.probability == pytest.approx(found["success"], abs=1e-6)
    failures = [sample for sample in samples if OUTCOME.label(sample) == "failure"]
    one_sided = scoring.Odds(loaded.model, loaded.tokenizer, OUTCOME, failures, samples)
    assert one_sided.probabilities(prompt) == {"failure": 1.0}
    assert one_sided.temperature == 1.0


# --- through Inspect


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that looks up any host but this one, even where the failure to find it is passed over."""
    before, asked = socket.getaddrinfo, []

    def look_up(host: Any, *more: Any, **named: Any) -> Any:
        if host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0"):
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "no network in tests")
        return before(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert asked == []


@pytest.mark.usefixtures("offline")
def test_a_model_of_a_folder_is_asked_in_this_process(folder: Path, labels: Path, tmp_path: Path) -> None:
    entry = scoring.contestant(folder, "tiny", max_tokens=4)
    (first,) = run_all([OUTCOME.name], [entry], None, Options(paths=(labels,), limit=3), log_dir=tmp_path / "a")
    assert (first.model, first.n, first.failed) == ("tiny", 3, 0)
    assert all(sample.usage.output_tokens == 4 for sample in first.samples)
    (again,) = run_all([OUTCOME.name], [entry], None, Options(paths=(labels,), limit=3), log_dir=tmp_path / "b")
    assert [one.reply for one in again.samples] == [one.reply for one in first.samples]


@pytest.mark.usefixtures("offline")
def test_odds_are_scored_as_any_reply_is(
    loaded: models.Loaded, samples: list[AnySample], labels: Path, tmp_path: Path
) -> None:
    odds = scoring.Odds(loaded.model, loaded.tokenizer, OUTCOME, samples)
    model = scoring.answering("odds", "tiny", odds.reply)
    (found,) = run_all([OUTCOME.name], [model], None, Options(paths=(labels,)), log_dir=tmp_path)
    assert (found.model, found.n, found.failed, found.unreadable) == ("odds/tiny", len(samples), 0, 0)
    by_id = {sample.id: sample for sample in samples}
    for one in found.samples:
        expected = odds.probabilities(OUTCOME.prompt(by_id[one.id]))["success"]
        assert one.scores is not None
        assert one.scores["probability"] == pytest.approx(expected, abs=1e-5)
    assert {row.metric for row in table([found], resamples=10)} >= {"average_precision", "brier"}


@pytest.mark.usefixtures("offline")
def test_a_vllm_server_is_asked_for_the_model_by_its_name(folder: Path, labels: Path, tmp_path: Path) -> None:
    server = FakeServer(needs_schema=False)
    try:
        server.answer = lambda request, number: completion(TWO[0])
        entry = scoring.contestant(folder, "tiny", base_url=server.url, served_as="served", max_tokens=9)
        (found,) = run_all([OUTCOME.name], [entry], None, Options(paths=(labels,), limit=2), log_dir=tmp_path)
    finally:
        server.close()
    assert (found.model, found.failed, found.unreadable) == ("tiny", 0, 0)
    asked = [request for request in server.requests if "messages" in request]
    assert {(one["model"], one["temperature"]) for one in asked} == {("served", 0.0)}
    assert {one.get("max_tokens") or one.get("max_completion_tokens") for one in asked} == {9}


@pytest.mark.usefixtures("offline")
def test_other_words_are_asked_and_stand_in_the_log(
    folder: Path, samples: list[AnySample], labels: Path, tmp_path: Path
) -> None:
    from inspect_ai.log import read_eval_log

    prompts = {OUTCOME.prompt(sample): f"Known concepts: none.\n{OUTCOME.prompt(sample)}" for sample in samples}
    model = scoring.rephrased(scoring.contestant(folder, "tiny", max_tokens=3), prompts)
    (found,) = run_all([OUTCOME.name], [model], None, Options(paths=(labels,), limit=2), log_dir=tmp_path)
    assert found.failed == 0
    for one in read_eval_log(found.log).samples or ():
        assert one.output.metadata is not None
        assert one.output.metadata["asked"] == prompts[str(one.input)]


def test_an_adapter_is_merged_once_beside_itself(folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder),
        LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    torch.manual_seed(1)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    adapted.save_pretrained(tmp_path / "run" / "model")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "run" / "model")
    whole = Path(scoring._whole(tmp_path / "run"))
    assert whole == tmp_path / "run" / "merged"
    stamp = (whole / "config.json").stat().st_mtime_ns
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        expected = adapted.eval()(ids).logits
        found = AutoModelForCausalLM.from_pretrained(whole)(ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert scoring._whole(tmp_path / "run") == str(whole)
    assert (whole / "config.json").stat().st_mtime_ns == stamp


def test_odds_of_a_task_without_labels_are_one_clear_line(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sample_size does not ask to choose among labels.*trial_completion"):
        list(scoring.odds_of(folder, None, ["sample_size"]))  # type: ignore[arg-type]  # never looked at
