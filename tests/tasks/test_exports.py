"""Samples as other programs read them; the same reply is worth the same wherever it is scored."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import many_trials
from tests.handmade import warehouse as handmade
from tests.search.test_index import ARTICLES, article
from tests.tasks.published_rows import ROWS
from tests.tasks.test_evidence_summary import sample as asked
from tests.tasks.test_published import read
from trialpanorama.apps.cli import run
from trialpanorama.build import build
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import AnySample, AnyTask, Sample, columns, register, task, tasks
from trialpanorama.tasks import _exports as exports
from trialpanorama.tasks import _published as published
from trialpanorama.tasks._trials import Start
from trialpanorama.warehouse import Warehouse

# --- a few samples of every task


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of fictional articles, on which searches are run."""
    folder = tmp_path_factory.mktemp("searched")
    articles = "".join(article(pmid, dict(facts)) for pmid, facts in ARTICLES.items())
    (folder / "articles.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", encoding="utf-8")
    build([folder / "articles.xml"], folder / "W", workers=1)
    opened = Warehouse.open(folder / "W")
    register(opened)
    return opened


@pytest.fixture(scope="module")
def samples(searched: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[AnySample]]:
    """Samples of every task, in the test split: published items, and those of what the benchmark does not have."""
    folder = tmp_path_factory.mktemp("rows")
    pmids = [str(pmid) for pmid in list(ARTICLES)[:2]]
    rows = ROWS | {"study_search": [row | {"labels": pmids} for row in ROWS["study_search"]]}
    found = {name: read(name, folder, rows[name]) for name in tasks() if name in ROWS}
    found["study_search"] = [msgspec.structs.replace(s, snapshot=searched.snapshot) for s in found["study_search"]]
    found["outcome_prediction"] = [
        Sample(
            id=f"NCT9900005{number}@1",
            subject=f"NCT9900005{number}",
            split="test",
            group=f"NCT9900005{number}",
            date="2020-01-01",
            inputs=Start(title="Fictumab in Gloaming Fever"),
            gold=msgspec.convert(
                {"outcome": outcome, "probability": float(outcome == "success")}, task("outcome_prediction").answer
            ),
        )
        for number, outcome in enumerate(("success", "failure"))
    ]
    return found


WRONG = {
    "study_search": '{"query": "zebras", "syntax": "plain"}',
    "study_screening": '{"decisions": [{"candidate": 1, "decision": "exclude"}]}',
    "sample_size": '{"sample_size": 7, "unit": "total"}',
    "trial_completion": '{"outcome": "stopped", "probability": 0.2, "reason": "safety"}',
    "outcome_prediction": '{"outcome": "failure", "probability": 0.2}',
}
"""A reply of each task that is wrong of its first sample; of the others it is a letter."""


def replies(chosen: AnyTask, sample: AnySample) -> dict[str, str]:
    wrong = next(letter for letter in "AB" if letter != getattr(sample.gold, "answer", ""))
    return {
        "right": chosen.reply(sample.gold),
        "spoken": f"<think>Hm.</think> So:\n```json\n{chosen.reply(sample.gold)}\n```",
        "wrong": WRONG.get(chosen.name, f'{{"answer": "{wrong}"}}'),
        "unreadable": "I would rather not say.",
        "empty": "",
    }


def module(path: Path) -> ModuleType:
    """A Python file that an export wrote, imported from where it lies."""
    spec = importlib.util.spec_from_file_location(f"written_{path.stem}", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return list(pq.read_table(path).to_pylist())


# --- the same reply, the same score


@pytest.mark.parametrize("name", sorted(tasks()))
def test_a_reply_is_worth_the_same_in_inspect_in_lm_eval_and_as_reward(
    name: str, samples: dict[str, list[AnySample]], tmp_path: Path
) -> None:
    from inspect_ai import eval as run
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    from trialpanorama.evaluate.plugin import Questions, make_task

    chosen, sample = task(name), samples[name][0]
    said = replies(chosen, sample)
    copies = [msgspec.structs.replace(sample, id=f"{sample.id}{kind}") for kind in said]
    exports.export({name: copies}, tmp_path / "harness", "lm-eval")
    exports.export({name: copies}, tmp_path / "verl", "verl")
    utils, reward = module(tmp_path / "harness" / "utils.py"), module(tmp_path / "verl" / "reward.py")
    documents = [json.loads(line) for line in (tmp_path / f"harness/data/{name}.test.jsonl").read_text().splitlines()]
    rows = parquet(tmp_path / "verl" / name / "test.parquet")

    outputs = [ModelOutput.from_content("mockllm/model", reply) for reply in said.values()]
    for output in outputs:
        # Else the mock counts tokens by a table that it would fetch.
        output.usage = ModelUsage()
    (log,) = run(
        make_task(name, asked=Questions(copies, sample.snapshot, True, {})),
        model=get_model("mockllm/model", custom_outputs=outputs),
        log_dir=str(tmp_path / "logs"),
        display="none",
        max_samples=1,
        max_connections=1,
    )
    assert log.status == "success"
    assert log.samples
    seen, harness = {}, []
    for one in log.samples:
        reply = one.output.completion
        kind = str(one.id).removeprefix(sample.id)
        (score,) = (one.scores or {}).values()
        document = next(known for known in documents if known["id"] == one.id)
        row = next(known for known in rows if known["extra_info"]["id"] == one.id)
        assert one.input == document["prompt"] == row["prompt"][0]["content"] == chosen.prompt(sample)
        inspected: dict[str, Any] = dict(score.value)  # type: ignore[arg-type]
        found = utils.process_results(document, [reply])
        rewarded = reward.compute_score(
            row["data_source"], reply, row["reward_model"]["ground_truth"], row["extra_info"]
        )
        assert inspected == exports.grade(document, reply).scores
        assert rewarded == found["reward"] == chosen.reward(inspected)
        assert found["unreadable"] == inspected["unreadable"]
        seen[kind] = rewarded
        harness.append(found)
    assert seen["right"] == seen["spoken"] == 1
    assert seen["wrong"] < 1
    assert seen["unreadable"] == seen["empty"] == 0

    assert log.results
    inspect_metrics = {key: metric.value for key, metric in log.results.scores[0].metrics.items()}
    for metric in chosen.metrics:
        value = getattr(utils, exports._identifier(metric.name))([one[metric.name] for one in harness])
        # What is not defined is left out of Inspect's figures.
        assert inspect_metrics.get(metric.name, float("nan")) == pytest.approx(value, nan_ok=True), metric.name


@given(reply=st.text(max_size=60))
@settings(derandomize=True, max_examples=60)
def test_any_reply_is_graded_as_the_task_says(reply: str) -> None:
    chosen, sample = task("evidence_summary"), asked()
    document = exports._document(sample, chosen)
    expected = chosen.score(chosen.read(reply, sample), sample)
    graded = exports.grade(document, reply)
    assert graded.scores == expected
    assert 0 <= graded.reward <= 1
    assert graded.reward == exports.compute_score("", reply, "", document)


# --- what is written


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return handmade(tmp_path_factory.mktemp("trials") / "W", many_trials(120))


def test_a_warehouse_is_exported_in_every_format(trials: Warehouse, tmp_path: Path) -> None:
    names = ["endpoint_design", "trial_completion"]
    counts = {format: exports.export(trials, tmp_path / format, format, names) for format in exports.FORMATS}
    assert sum(counts["parquet"].values()) == sum(counts["verl"].values()) == sum(counts["published"].values()) > 60
    for format, written in counts.items():
        for path in written:
            assert (tmp_path / format / path).stat().st_size
    without = {"llamafactory": "test", "lm-eval": "train"}
    for format, split in without.items():
        assert not any(split in path for path in counts[format])


def test_what_may_not_be_passed_on_goes_out_only_when_asked(tmp_path: Path) -> None:
    closed = {one.study_id for one in many_trials(60)[::4]}
    made = [
        msgspec.structs.replace(one, studies=one.studies | {"is_open": one.study_id not in closed})
        for one in many_trials(60)
    ]
    opened = handmade(tmp_path / "W", made)
    names = ["endpoint_design", "trial_completion"]
    left_out: Counter[str] = Counter()
    shared = exports.export(opened, tmp_path / "shared", "parquet", names, left_out=left_out)
    everything = exports.export(opened, tmp_path / "all", "parquet", names, include_restricted=True)
    for name in names:
        of = {folder: [*_all_of(tmp_path / folder / name)] for folder in ("shared", "all")}
        whole = {one.id: {one.subject, *one.entities} for one in of["all"]}
        assert {one.id for one in of["shared"]} == {id for id, ids in whole.items() if not ids & closed}
        assert left_out[name] == len(of["all"]) - len(of["shared"]) > 0
    assert sum(shared.values()) + left_out.total() == sum(everything.values())
    # an option of another trial is as closed as the trial that is asked about
    assert any(
        one.subject not in closed and closed & {*one.entities} for one in _all_of(tmp_path / "all" / "endpoint_design")
    )


def test_an_export_of_nothing_that_may_be_passed_on_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [msgspec.structs.replace(one, studies=one.studies | {"is_open": False}) for one in many_trials(20)]
    opened = handmade(tmp_path / "W", made)
    with pytest.raises(UserError, match="--include-restricted"):
        exports.export(opened, tmp_path / "out", "verl", ["trial_completion"])
    line = ["tasks", "export", str(tmp_path / "mine"), "trial_completion", "--warehouse", str(opened.path)]
    assert run(line) == 2
    assert "--include-restricted" in capsys.readouterr().err
    (tmp_path / "mine").rmdir()  # what is left of a refused export is an empty folder
    assert run([*line, "--include-restricted", "--json"]) == 0
    assert sum(json.loads(capsys.readouterr().out).values()) == 20


def _all_of(folder: Path) -> Iterator[AnySample]:
    for path in sorted(folder.glob("*.parquet")):
        yield from exports.read_parquet(path)


def test_all_tasks_of_the_benchmark_go_out_under_the_names_of_either_family(
    samples: dict[str, list[AnySample]], tmp_path: Path
) -> None:
    for family in published.FAMILIES:
        written = exports.export(samples, tmp_path / family, "published", family=family)
        assert set(written) == {f"{published.folder(name, family)}/test.jsonl" for name in ROWS}
        found = published.files(tmp_path / family)
        for name, files in found.items():
            keys = {key for row in ROWS[name] for key in row}
            for line in files["test"].read_bytes().splitlines():
                assert set(msgspec.json.decode(line)) >= keys
            again = list(task(name).samples_from([tmp_path / family], "test"))
            assert [one.gold for one in again] == [one.gold for one in samples[name]]


def test_parquet_holds_the_samples_themselves(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    written = exports.export(samples, tmp_path, "parquet")
    assert set(written) == {f"{name}/test.parquet" for name in tasks()}
    for name, made in samples.items():
        path = tmp_path / name / "test.parquet"
        assert list(exports.read_parquet(path)) == made
        for row, sample in zip(parquet(path), made, strict=True):
            assert row["prompt"] == task(name).prompt(sample)
            assert (row["id"], row["task"], row["version"]) == (sample.id, name, task(name).version)
            assert json.loads(row["strata"]) == sample.strata


def _trained(samples: dict[str, list[AnySample]]) -> dict[str, list[AnySample]]:
    return {
        name: [msgspec.structs.replace(one, split=split) for one, split in zip(made, _splits(), strict=False)]
        for name, made in samples.items()
    }


def _splits() -> Iterator[Any]:
    yield from ("train", "test", "validation")


def test_llama_factory_is_told_of_each_file(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    written = exports.export(_trained(samples), tmp_path, "llamafactory")
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert {entry["file_name"] for entry in info.values()} == set(written)
    assert not any("test" in name for name in info)
    entry = info["trialpanorama_sample_size_train"]
    roles = entry["tags"]
    (line,) = (tmp_path / entry["file_name"]).read_text().splitlines()
    messages = json.loads(line)[entry["columns"]["messages"]]
    chosen, sample = task("sample_size"), samples["sample_size"][0]
    assert messages == [
        {roles["role_tag"]: roles["user_tag"], roles["content_tag"]: chosen.prompt(sample)},
        {roles["role_tag"]: roles["assistant_tag"], roles["content_tag"]: chosen.reply(sample.gold)},
    ]


def test_verl_has_its_columns(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    exports.export(_trained(samples), tmp_path, "verl", ["trial_completion"])
    assert list(exports.read_parquet(tmp_path / "trial_completion/test.parquet")) == [
        msgspec.structs.replace(samples["trial_completion"][1], split="test")
    ]
    (row,) = parquet(tmp_path / "trial_completion/train.parquet")
    chosen, sample = task("trial_completion"), samples["trial_completion"][0]
    assert set(row) == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
    assert row["prompt"] == [{"role": "user", "content": chosen.prompt(sample)}]
    assert row["reward_model"] == {"style": "rule", "ground_truth": chosen.reply(sample.gold)}
    assert (row["extra_info"]["split"], row["extra_info"]["index"]) == ("train", 0)


def test_a_reward_without_its_question_or_of_another_version_is_refused(
    samples: dict[str, list[AnySample]], tmp_path: Path
) -> None:
    exports.export(samples, tmp_path, "verl", ["arm_design"])
    row = parquet(tmp_path / "arm_design/test.parquet")[0]
    with pytest.raises(UserError, match=r"no extra_info\.sample"):
        exports.compute_score(row["data_source"], "A", "A", None)
    with pytest.raises(UserError, match="Export it again"):
        exports.compute_score(row["data_source"], "A", "A", row["extra_info"] | {"version": 0})


def test_what_cannot_be_exported_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="lm-eval"):
        exports.export({}, tmp_path, "lm_eval")
    with pytest.raises(UserError, match="no sample of endpoint_design"):
        exports.export({"endpoint_design": []}, tmp_path, "parquet")
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UserError, match="not an empty folder"):
        exports.export({}, tmp_path, "parquet")


# --- lm-evaluation-harness


def _configuration(path: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    loader = type("Loader", (yaml.SafeLoader,), {})
    # A reference to a function is read as its name.
    loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))  # type: ignore[attr-defined]
    return dict(yaml.load(path.read_text(), loader))


@pytest.mark.parametrize("name", sorted(tasks()))
def test_the_harness_finds_all_that_a_configuration_names(
    name: str, samples: dict[str, list[AnySample]], tmp_path: Path
) -> None:
    exports.export(samples, tmp_path, "lm-eval", [name])
    (path,) = tmp_path.glob("*.yaml")
    told, utils = _configuration(path), module(tmp_path / "utils.py")
    assert told["task"] == path.stem == f"trialpanorama_{name}"
    assert told["dataset_kwargs"] == {"trialpanorama_task": name}
    functions = [told[key] for key in ("custom_dataset", "doc_to_text", "doc_to_target", "process_results")]
    functions += [one["aggregation"] for one in told["metric_list"] if "." in one["aggregation"]]
    assert all(callable(getattr(utils, function.removeprefix("utils."))) for function in functions)
    document = exports.documents(tmp_path, name)["test"][0]
    found = utils.process_results(document, [utils.target(document)])
    assert set(found) == {one["metric"] for one in told["metric_list"]}
    assert {one["metric"]: one["higher_is_better"] for one in told["metric_list"]} == {
        "reward": True, "unreadable": False,
        **{metric.name: metric.direction != "lower" for metric in task(name).metrics},
    }  # fmt: skip


def test_lm_evaluation_harness_runs_every_task(samples: dict[str, list[AnySample]], tmp_path: Path) -> None:
    lm_eval = pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (pip install lm-eval)")
    harness = pytest.importorskip("lm_eval.api.model")
    exports.export(samples, tmp_path, "lm-eval")
    manager = pytest.importorskip("lm_eval.tasks").TaskManager(include_path=str(tmp_path))

    class Scripted(harness.LM):  # type: ignore[name-defined, misc]
        """Right of every other document, else unreadable."""

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            return [self._reply(request.doc, request.doc_id) for request in requests]

        def _reply(self, document: Mapping[str, str], place: int) -> str:
            return "I would rather not say." if place % 2 else document["target"]

        def loglikelihood(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("no log-likelihoods are asked for")

        loglikelihood_rolling = loglikelihood

    found = lm_eval.simple_evaluate(model=Scripted(), tasks=["trialpanorama"], task_manager=manager)["results"]
    assert set(found) == {f"trialpanorama_{name}" for name in tasks()}
    for name, made in samples.items():
        chosen, figures = task(name), found[f"trialpanorama_{name}"]
        half = (len(made) + 1) // 2 / len(made)
        assert figures["reward,none"] == pytest.approx(half)
        assert figures["unreadable,none"] == pytest.approx(1 - half)
        answers = [
            chosen.read("I would rather not say." if place % 2 else chosen.reply(one.gold), one)
            for place, one in enumerate(made)
        ]
        graded = [chosen.rows(answer, one) for answer, one in zip(answers, made, strict=True)]
        groups = [one.group for one, rows in zip(made, graded, strict=True) for _ in rows]
        whole = columns([row for rows in graded for row in rows], groups)
        for metric in chosen.metrics:
            assert figures[f"{metric.name},none"] == pytest.approx(metric.compute(whole), nan_ok=True)
