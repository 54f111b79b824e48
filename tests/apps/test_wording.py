"""Questions in a model's words: what is checked, marked and counted, and that a model can be asked them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fake_model import FakeServer, completion
from trialpanorama.apps.wording import announcement, put_wording, word_facts
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.evaluate import Options, run_all
from trialpanorama.tasks import AnySample, load, task
from trialpanorama.tasks._wording import CHECKS, PARTS, Worder
from trialpanorama.warehouse import Warehouse

MODEL = "openai-api/fake/tiny"


@pytest.fixture(scope="module")
def opened(warehouse: Path) -> Warehouse:
    return Warehouse.open(warehouse)


def shown(request: dict[str, Any]) -> str:
    """What stands between the marks in the first thing that the model is sent."""
    return re.findall(r"<text>\n(.*)\n</text>", request["messages"][1]["content"], re.DOTALL)[0]


def rewording(change: Callable[[str], str]) -> Callable[[dict[str, Any], int], Any]:
    return lambda request, number: completion(json.dumps({"question": change(shown(request))}))


def options(write: Callable[[str], list[str]]) -> Callable[[dict[str, Any], int], Any]:
    def answer(request: dict[str, Any], number: int) -> Any:
        right = shown(request).rpartition("\nRight option: ")[2]
        return completion(json.dumps({"options": write(right)}))

    return answer


def others(right: str) -> list[str]:
    """Three options as long as the right one, none like it or another."""
    return [(f"{word} of {kind} " * len(right))[: len(right)].strip() for word, kind in WRONG]


WRONG = (("lustre", "pebbles"), ("velocity", "glaciers"), ("colour", "teacups"))


def worded(opened: Warehouse, name: str, part: str, **more: Any) -> tuple[list[AnySample], list[AnySample], Any]:
    """Three samples of the train split, what became of them, and the whole outcome."""
    chosen = task(name)
    before = load(opened, chosen, "train")[:3]
    with opened.connect() as con, Worder(chosen, part, MODEL, con, timeout_s=10, retries=0, **more) as worder:
        found = worder.word(before)
    return before, found.samples, found


# ------------------------------------------------------------------------------------------------------- the question
@pytest.mark.parametrize("name", ["eligibility_design", "endpoint_design_all", "sample_size"])
def test_a_question_in_other_words_keeps_its_key_and_says_who_worded_it(
    server: FakeServer, opened: Warehouse, name: str
) -> None:
    server.answer = rewording(lambda text: f"A colleague asks: {text}")
    before, after, found = worded(opened, name, "question")
    assert len(after) == len(before) == 3, (found.outcomes, found.left_out)
    chosen = task(name)
    for old, new in zip(before, after, strict=True):
        assert new.gold == old.gold
        assert new.group == old.group
        assert new.id == f"{old.id}+question"
        assert new.strata == old.strata | {"wording": f"by {MODEL}"}
        assert "A colleague asks: " in chosen.prompt(new)
        assert chosen.decode(json.dumps(json.loads(encoded(new)))) == new
        assert chosen.score(chosen.read(chosen.reply(new.gold), new), new)["correct"] == 1
    assert found.outcomes == {"answered": 3}
    assert found.usage.requests == 3


def test_the_question_about_evidence_can_be_worded_and_the_evidence_stays(
    opened: Warehouse, server: FakeServer
) -> None:
    from trialpanorama.tasks import Sample
    from trialpanorama.tasks._choice import Chosen

    chosen = task("evidence_summary")
    inputs = chosen.inputs(
        "Mean pain was 31 and 40 points.", "Did pain differ after 12 weeks?", ["yes", "no", "perhaps"]
    )
    sample: AnySample = Sample(
        id="10@1", subject="10", split="train", group="10", date="2020-01-01", inputs=inputs, gold=Chosen("A")
    )
    server.answer = rewording(lambda text: "After twelve weeks, was there a difference in pain?")
    with opened.connect() as con, Worder(chosen, "question", MODEL, con, timeout_s=10) as worder:
        [made] = worder.word([sample]).samples
    assert made.inputs.text == inputs.text
    assert made.inputs.question == "After twelve weeks, was there a difference in pain?"
    server.answer = rewording(lambda text: "Some weeks later, was there a difference in pain?")
    with opened.connect() as con, Worder(chosen, "question", MODEL, con, timeout_s=10) as worder:
        assert worder.word([sample]).left_out == {"lost_figure": 1}


def encoded(sample: AnySample) -> bytes:
    import msgspec

    return msgspec.json.encode(sample)


def test_the_model_does_not_see_the_options_of_a_question_that_it_words(server: FakeServer, opened: Warehouse) -> None:
    server.answer = rewording(lambda text: text)
    before, _, _ = worded(opened, "endpoint_design", "question")
    for sample, request in zip(before, sorted(server.requests, key=lambda one: str(one["messages"])), strict=True):
        said = json.dumps(request, ensure_ascii=False)
        assert not any(option in said for option in sample.inputs.options)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("eligibility_design", lambda text: "Which arm?", "too_short"),
        ("eligibility_design", lambda text: f"{text} {text}", "too_long"),
        ("eligibility_design", lambda text: f"{text} There are 987654 of them.", "invented_figure"),
        ("sample_size", lambda text: re.sub(r"\d", "", text), "lost_figure"),
        ("eligibility_design", lambda text: f"{text} It is NCT90000001.", "identifier"),
    ],
)
def test_what_does_not_hold_is_left_out_with_its_reason(
    server: FakeServer, opened: Warehouse, name: str, change: Callable[[str], str], why: str
) -> None:
    server.answer = rewording(change)
    _, after, found = worded(opened, name, "question")
    assert after == []
    assert found.left_out == {why: 3}


def test_a_question_that_holds_an_option_gives_the_answer_away(server: FakeServer, opened: Warehouse) -> None:
    [sample, *_] = load(opened, task("endpoint_design"), "train")
    server.answer = rewording(lambda text: f"{text} Perhaps {sample.inputs.options[0]}?")
    with opened.connect() as con, Worder(task("endpoint_design"), "question", MODEL, con, timeout_s=10) as worder:
        found = worder.word([sample])
    assert found.left_out.total() == 1
    assert set(found.left_out) <= {"gives_answer", "invented_figure"}


# --------------------------------------------------------------------------------------------------------- the options
def test_wrong_options_of_a_model_stand_beside_the_right_one(server: FakeServer, opened: Warehouse) -> None:
    server.answer = options(others)
    before, after, found = worded(opened, "endpoint_design", "distractors")
    assert found.left_out == {}
    for old, new in zip(before, after, strict=True):
        right = old.inputs.options["ABCD".index(old.gold.answer)]
        assert new.inputs.options["ABCD".index(new.gold.answer)] == right
        assert sorted(new.inputs.options) == sorted([right, *others(right)])
        assert new.inputs.trial == old.inputs.trial
        assert new.strata["distractors"] == f"by {MODEL}"
    assert len({sample.gold.answer for sample in after}) == 3  # each run of four has its answer once at each letter


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda right: others(right)[:2], "not_three"),
        (lambda right: [right.upper(), *others(right)[:2]], "alike"),
        (lambda right: [others(right)[0], *others(right)[:2]], "alike"),
        (lambda right: [*others(right)[:2], "x" + "word " * len(right)], "other_form"),
        (lambda right: ["", *others(right)[:2]], "not_three"),
    ],
)
def test_options_that_do_not_hold_are_left_out(
    server: FakeServer, opened: Warehouse, write: Callable[[str], list[str]], why: str
) -> None:
    server.answer = options(write)
    _, after, found = worded(opened, "endpoint_design", "distractors")
    assert after == []
    assert found.left_out == {why: 3}


def test_what_else_is_right_for_the_trial_is_no_wrong_option(server: FakeServer, opened: Warehouse) -> None:
    from trialpanorama.tasks._trials import trials_of

    chosen = task("endpoint_design")
    with opened.connect() as con:
        samples = load(opened, chosen, "train")
        found = trials_of(con, [sample.subject for sample in samples])
        facts = {trial.study_id: chosen.facts(trial) for trial in found}  # type: ignore[attr-defined]
    sample, also = next(
        (sample, other)
        for sample in samples
        for other in [*facts[sample.subject].items[1:], *facts[sample.subject].elsewhere]
        if other not in facts[sample.subject].option
    )
    server.answer = options(lambda right: [also, *others(right)[:2]])
    with opened.connect() as con, Worder(chosen, "distractors", MODEL, con, timeout_s=10) as worder:
        assert worder.word([sample]).left_out == {"alike": 1}


def test_only_designs_have_options_that_a_model_may_write(opened: Warehouse) -> None:
    with opened.connect() as con:
        with pytest.raises(UserError, match="follow from its rules"):
            Worder(task("evidence_summary"), "distractors", MODEL, con)
        with pytest.raises(UserError, match="not worded by a model"):
            Worder(task("trial_completion"), "question", MODEL, con)
        with pytest.raises(UnknownName, match="distractors"):
            Worder(task("eligibility_design"), "distractor", MODEL, con)


# ---------------------------------------------------------------------------------------------------------- the command
def test_a_run_is_announced_written_kept_and_can_be_asked(
    server: FakeServer, opened: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = options(others)
    given: dict[str, Any] = {"part": "distractors", "split": "train", "limit": 8, "out": tmp_path / "worded"}
    planned = word_facts(opened, "endpoint_design", MODEL, **given, dry_run=True)
    assert server.requests == []
    assert planned["estimated_tokens"] > 8 * 100
    assert "8 train samples of endpoint_design" in announcement(planned)
    facts = word_facts(opened, "endpoint_design", MODEL, **given)
    put_wording(facts)
    printed = capsys.readouterr()
    assert "of 8 samples worded" in printed.out
    assert f"trialpanorama evaluate endpoint_design --from {facts['folder']}/train.jsonl" in printed.err
    assert facts["worded"] + sum(facts["left_out"].values()) == 8
    assert set(facts["left_out"]) <= set(CHECKS)

    # the second time nothing is sent, and the same is written
    file = Path(facts["folder"]) / "train.jsonl"
    first, sent = file.read_bytes(), len(server.requests)
    again = word_facts(opened, "endpoint_design", MODEL, **given)
    assert (len(server.requests), again["kept_replies"], again["usage"]["requests"]) == (sent, 8, 0)
    assert file.read_bytes() == first

    [result] = run_all(
        ["endpoint_design"],
        ["baseline/random_choice"],
        opened.path,
        Options(split="train", paths=(file,)),
        log_dir=tmp_path / "logs",
    )
    assert result.n == facts["worded"]


def test_nothing_is_sent_elsewhere_without_consent(opened: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_BASE_URL", "http://models.example/v1")
    monkeypatch.setenv("FAR_API_KEY", "none")
    with pytest.raises(UserError, match="Nothing was sent"):
        word_facts(
            opened, "eligibility_design", "openai-api/far/tiny", split="train", limit=1, confirm=lambda question: False
        )


def test_every_part_has_its_checks() -> None:
    assert PARTS == ("question", "distractors")
