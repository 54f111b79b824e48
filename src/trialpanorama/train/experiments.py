"""The experiments that the paper owes: arms that differ in one thing, trained, scored on the same samples, compared.

Each is a set of recipes and a report: figures with n and 95 % intervals, and differences between arms on the samples
that both answered, whole groups of samples drawn together. Arms that begin with the same training share it, and what is
finished is not done again. On generated trials or a tiny model the report says that it checks the plumbing alone.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trialpanorama.baselines import Baseline, baseline
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.evaluate import (
    Contestant,
    Difference,
    Options,
    Result,
    Row,
    SampleResult,
    bootstrap,
    difference,
    read_result,
    run_all,
    table,
)
from trialpanorama.evaluate.figures import LEAST_GROUPS, RESAMPLES
from trialpanorama.evaluate.results import slug
from trialpanorama.tasks import SEED, SPLITS, AnySample, Card, LabelTask, Split, load, task
from trialpanorama.train import data, grpo, models, runs, scoring, sft, targets, tiny
from trialpanorama.train import recipe as recipes
from trialpanorama.train.card import interval_text, markdown_table
from trialpanorama.train.recipe import Recipe
from trialpanorama.warehouse import Warehouse

if TYPE_CHECKING:
    from inspect_ai.model import Model

Scale = Literal["tiny", "full"]
Tell = Callable[[str], None]

PLUMBING = "A check of the plumbing, not a finding"
UNTRAINED = "untrained"
_TINY_LIMIT, _TINY_TOKENS, _TINY_VOCABULARY, _TINY_TEXTS = 24, 48, 1_024, 64
"""Test samples of a task, tokens of a reply and of the vocabulary, and samples of each task that it is made from."""
_TINY_SFT = ("learning_rate=0.01", "batch=4", "evaluate_every=1000")
"""So few weights stand a high rate and small steps; held-out loss is measured before and after."""
REGISTERED = "registered"
LATER = datetime.date(2023, 1, 1)
"""What is registered from here on is later than anything that the experiment on later years trains on."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One way to come to a model, and to its answers."""

    name: str
    meaning: str
    stages: tuple[Recipe, ...] = ()
    """Trained one after the other, each from the weights of the one before; none: the model as it comes."""
    baseline: str = ""
    """A baseline in place of a language model."""
    take: scoring.Answering = "words"


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Arms that are scored on the same samples, and which of them are compared."""

    name: str
    title: str
    question: str
    tasks: tuple[str, ...]
    arms: tuple[Arm, ...]
    pairs: tuple[tuple[str, str], ...]
    """An arm, and the one that is taken off it."""
    part: str = ""
    """The stratum by which figures are broken down."""
    limit: int | None = None
    """Test samples of each task: the first, which are a random part."""
    tokens: int = scoring.MOST_TOKENS
    """The longest reply."""


class Labels(msgspec.Struct, frozen=True):
    """Files of labels, where outcomes are learnt from one benchmark and tested on another."""

    learnt: tuple[Path, ...]
    tested: tuple[Path, ...]


# --- the experiments


class _Maker:
    """Recipes of an experiment at its scale, from those that come with the package."""

    def __init__(self, scale: Scale, settings: Sequence[str]) -> None:
        self.is_tiny = scale == "tiny"
        self._settings = settings
        self.limit = _TINY_LIMIT if self.is_tiny else None
        self.tokens = _TINY_TOKENS if self.is_tiny else 4 * scoring.MOST_TOKENS

    def sft(self, base: str, tasks: Sequence[str], *more: str) -> Recipe:
        """A supervised run on these tasks, else as the recipe `base`."""
        if self.is_tiny:
            more = (*_TINY_SFT, *more)
        more = (*more, *(one for one in self._settings if not one.startswith("rollouts.")))
        return self._read("tiny" if self.is_tiny else base, tasks, more)

    def grpo(self, base: str, tasks: Sequence[str], *more: str) -> Recipe:
        """Reinforcement on these tasks, else as the recipe `base`."""
        return self._read("tiny_grpo" if self.is_tiny else base, tasks, (*more, *self._settings))

    def _read(self, base: str, tasks: Sequence[str], more: Sequence[str]) -> Recipe:
        chosen = [f"data.tasks={{{', '.join(f'{name}: 1.0' for name in tasks)}}}"]
        if self.is_tiny:
            chosen.append("attention=sdpa")  # four times as quick as eager on a processor
        return recipes.read(base, [*chosen, *more])

    def experiment(self, **given: Any) -> Experiment:
        return Experiment(limit=self.limit, tokens=self.tokens, **given)


_AS_IT_COMES = Arm(name=UNTRAINED, meaning="the model as it comes")


def _sft_and_rl(make: _Maker) -> Experiment:
    tasks = ("sample_size", "study_search")
    supervised = make.sft("qwen3_8b_phase2", tasks)
    rewarded = (
        make.grpo("qwen3_8b_grpo_size", ["sample_size"]),
        make.grpo("qwen3_8b_grpo_search", ["study_search"]),
    )
    return make.experiment(
        name="sft_and_rl",
        title="Supervised training, reinforcement, and one after the other",
        question="Does reinforcement with the tasks' own scores add to supervised training, and does it do without?",
        tasks=tasks,
        arms=(
            _AS_IT_COMES,
            Arm(name="sft", meaning="supervised training alone", stages=(supervised,)),
            Arm(name="rl", meaning="reinforcement alone: sample size, then search", stages=rewarded),
            Arm(name="sft+rl", meaning="supervised training, then reinforcement", stages=(supervised, *rewarded)),
        ),
        pairs=(("sft", UNTRAINED), ("rl", UNTRAINED), ("sft+rl", "sft"), ("sft+rl", "rl")),
    )


def _linked_text(make: _Maker) -> Experiment:
    tasks = ("endpoint_design", "eligibility_design")
    return make.experiment(
        name="linked_text",
        title="Registry text alone, or with the concepts that it was linked to",
        question="Do the conditions and drugs of the terminologies help where endpoints and criteria are chosen?",
        tasks=tasks,
        arms=(
            Arm(name="text", meaning="trained and asked with registry text", stages=(make.sft("one_gpu", tasks),)),
            Arm(
                name="linked",
                meaning="trained and asked with registry text and the concepts below it",
                stages=(make.sft("one_gpu", tasks, "data.linked_text=true"),),
            ),
        ),
        pairs=(("linked", "text"),),
    )


def _later_years(make: _Maker) -> Experiment:
    tasks = ("trial_completion", "endpoint_design")
    early = make.sft("one_gpu", tasks, f"data.before={LATER}")
    return make.experiment(
        name="later_years",
        title=f"Trained on what was registered before {LATER.year}, tested on later years",
        question="Does what was learnt from earlier trials hold for later ones?",
        tasks=tasks,
        arms=(_AS_IT_COMES, Arm(name="early", meaning=f"trained on samples dated before {LATER}", stages=(early,))),
        pairs=(("early", UNTRAINED),),
        part=REGISTERED,
    )


def _rare_conditions(make: _Maker) -> Experiment:
    tasks = ("trial_completion", "endpoint_design")
    return make.experiment(
        name="rare_conditions",
        title="Rare and frequent conditions",
        question="Does training help where a condition has few trials, as it does where it has many?",
        tasks=tasks,
        arms=(_AS_IT_COMES, Arm(name="sft", meaning="supervised training", stages=(make.sft("one_gpu", tasks),))),
        pairs=(("sft", UNTRAINED),),
        part="condition frequency",
    )


def _data_scaling(make: _Maker) -> Experiment:
    tasks = ("trial_completion", "sample_size")
    sizes = (8, 32) if make.is_tiny else (500, 2_000, 8_000)
    arms = [
        Arm(
            name=f"{size:,} samples",
            meaning=f"supervised training on the first {size:,} samples of each task",
            stages=(make.sft("one_gpu", tasks, f"data.most_samples={size}"),),
        )
        for size in sizes
    ]
    return make.experiment(
        name="data_scaling",
        title="More training samples",
        question="What does each fourfold of training samples add?",
        tasks=tasks,
        arms=(_AS_IT_COMES, *arms),
        pairs=tuple((later.name, earlier.name) for earlier, later in zip((_AS_IT_COMES, *arms), arms, strict=False)),
    )


_CLASSICAL = ("forecaster", "linear", "boosted", "majority")


def _outcome(make: _Maker) -> Experiment:
    lora = make.sft("outcome_lora", ["outcome_prediction"], "lora={rank: 16, alpha: 32}")
    return make.experiment(
        name="outcome",
        title="Trial outcomes: a language model as it comes, with LoRA, and classical models",
        question="Is a trained language model a better forecaster of outcomes than models that fit in minutes?",
        tasks=("outcome_prediction",),
        arms=(
            Arm(name=UNTRAINED, meaning="the model as it comes, by the odds of its answers", take="odds"),
            Arm(name="lora", meaning="trained with LoRA, by the odds of its answers", stages=(lora,), take="odds"),
            *(Arm(name=name, meaning=baseline(name).meaning, baseline=name) for name in _CLASSICAL),
        ),
        pairs=(("lora", UNTRAINED), ("lora", "forecaster"), ("lora", "majority"), ("forecaster", UNTRAINED)),
        part="phase",
    )


_EXPERIMENTS: dict[str, Callable[[_Maker], Experiment]] = {
    "sft_and_rl": _sft_and_rl,
    "linked_text": _linked_text,
    "later_years": _later_years,
    "rare_conditions": _rare_conditions,
    "data_scaling": _data_scaling,
    "outcome": _outcome,
}


def names() -> list[str]:
    """The experiments, in their order."""
    return list(_EXPERIMENTS)


def experiment(name: str, scale: Scale = "full", settings: Sequence[str] = ()) -> Experiment:
    """The experiment of this name at a scale, `key=value` settings put into its recipes (`rollouts.` where they are).

    Raises UnknownName with the nearest, and UserError for a setting that no recipe has.
    """
    try:
        made = _EXPERIMENTS[name]
    except KeyError:
        raise UnknownName("experiment", name, _EXPERIMENTS, "trialpanorama experiment --help") from None
    return made(_Maker(scale, settings))


# --- running them


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The headline metric of an arm on the samples that have something in common."""

    task: str
    arm: str
    metric: str
    part: str
    """What samples are told apart by."""
    group: str
    value: float | None
    low: float | None
    high: float | None
    n: int


class PartDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The difference of two arms on the samples that have something in common."""

    part: str
    group: str
    difference: Difference


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment brought."""

    experiment: str
    title: str
    question: str
    scale: Scale
    model: str
    snapshot: str
    is_fictional: bool
    plumbing: str
    """Why it is a check of the plumbing alone; empty where it is a finding."""
    tested_on: str
    arms: list[dict[str, Any]]
    """Each with its name, its meaning and, for each stage of its training, what it learnt from."""
    figures: list[Row]
    differences: list[Difference]
    parts: list[Part]
    part_differences: list[PartDifference]


def run(
    name: str,
    warehouse: Warehouse,
    out: Path,
    *,
    scale: Scale = "full",
    model: str | Path | None = None,
    labels: Labels | None = None,
    settings: Sequence[str] = (),
    limit: int | None = None,
    resamples: int = RESAMPLES,
    tell: Tell = lambda _: None,
) -> Report:
    """Train and score every arm that is not finished in `out`, compare them, and write report.json and report.md there.

    `model` is where all arms begin; without one `full` takes that of the recipes, and `tiny` makes one of random
    weights. `labels` are for `outcome` alone: it then learns from some files and is tested on others. Raises UserError
    where that cannot be, and where a task has no samples.
    """
    chosen = experiment(name, scale, settings)
    if limit is not None:
        chosen = msgspec.structs.replace(chosen, limit=limit)
    if labels is not None and name != "outcome":
        raise UserError(f"Files of labels say which trials succeeded; {name} does not ask that. They are for: outcome.")
    source = _LabelFiles(labels, warehouse, out) if labels is not None else _Samples(warehouse)
    for one in chosen.tasks:
        for split in ("train", "test"):
            if not source.load(one, split):
                raise UserError(
                    f"{warehouse.path} holds no {split} sample for {one}, which the experiment {name} asks. Build it "
                    "from more trials, or see why they were left out: trialpanorama tasks build"
                )
    start = str(model) if model is not None else _start(chosen, source, out, scale)
    results: dict[str, list[Result]] = {}
    told = []
    for place, arm in enumerate(chosen.arms, 1):
        tell(f"{name}: arm {place} of {len(chosen.arms)}, {arm.name}")
        stages = _trained(arm.stages, start, source, out, tell)
        results[arm.name] = _scored(chosen, arm, stages[-1] if stages else Path(start), source, out)
        learnt = [_learnt(folder) for folder in stages]
        told.append({"name": arm.name, "meaning": arm.meaning, "stages": learnt})
    report = _report(chosen, scale, start, source, results, told, resamples)
    _write(out / "report.json", msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _write(out / "report.md", markdown(report).encode())
    return report


class _Samples:
    """The samples of a warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.rows: Warehouse | Path = warehouse
        self.is_fictional = warehouse.manifest.is_fictional
        self.tested = "the test samples of the warehouse"
        self.paths: tuple[Path, ...] = ()
        self._loaded: dict[tuple[str, str], list[AnySample]] = {}

    def load(self, name: str, split: Split) -> list[AnySample]:
        """The samples of a split."""
        if (name, split) not in self._loaded:
            self._loaded[name, split] = load(self.warehouse, task(name), split)
        return self._loaded[name, split]

    @property
    def key(self) -> str:
        """What they were made from."""
        return self.warehouse.snapshot


class _LabelFiles(_Samples):
    """The samples of files of labels: learnt from some files, tested on others, no trial on both sides."""

    _OF_VALIDATION = 10
    """One in so many of the trials that are learnt from is for validation."""

    def __init__(self, labels: Labels, warehouse: Warehouse, out: Path) -> None:
        super().__init__(warehouse)
        self.paths = labels.tested
        self.tested = f"labels of {', '.join(path.name for path in labels.tested)}"
        chosen = task("outcome_prediction")
        with warehouse.connect() as con:
            tested = list(chosen.samples_from(labels.tested, "test", con))
            learnt = list(chosen.samples_from(labels.learnt, "train", con))
        subjects, groups = {one.subject for one in tested}, {one.group for one in tested}
        apart = [one for one in learnt if one.subject not in subjects and one.group not in groups]
        self.left_out = len(learnt) - len(apart)
        """Trials that both sides have: they are tested, and not learnt from."""
        held = frozenset(sorted({one.group for one in apart}, key=_digest)[:: self._OF_VALIDATION])
        self._loaded = {
            (chosen.name, "train"): [one for one in apart if one.group not in held],
            (chosen.name, "validation"): [
                msgspec.structs.replace(one, split="validation") for one in apart if one.group in held
            ],
            (chosen.name, "test"): tested,
        }
        self.is_fictional = any(one.is_fictional for one in (*tested, *learnt))
        self.rows = self._written(out / "labels")

    def _written(self, folder: Path) -> Path:
        """The samples as `tasks build` would write them."""
        for (name, split), samples in self._loaded.items():
            lines = b"".join(msgspec.json.encode(one) + b"\n" for one in samples)
            _write(folder / name / f"{split}.jsonl", lines)
            card = Card(
                task=name, version=task(name).version, title=task(name).title, meaning=task(name).meaning,
                snapshot=self.key, is_fictional=self.is_fictional, seed=SEED, code="",
                samples={each: len(self._loaded[name, each]) for each in SPLITS},
                first_date={}, last_date={}, labels={}, left_out={}, strata={},
            )  # fmt: skip
            _write(folder / name / "card.json", msgspec.json.encode(card))
        return folder

    @property
    def key(self) -> str:
        """What they were made from."""
        return _digest([data.fingerprint(samples) for _, samples in sorted(self._loaded.items())])


def _start(chosen: Experiment, source: _Samples, out: Path, scale: Scale) -> str:
    """Where all arms begin unless the user says so: the model of the recipes, or a tiny one that is made now."""
    first = next(stage for arm in chosen.arms for stage in arm.stages)
    if scale == "full":
        return "Qwen/Qwen3-8B" if first.model.startswith("runs/") else first.model
    folder = out / "tiny_model"
    if not (folder / "config.json").is_file():
        models.require()
        texts = [
            text
            for name in chosen.tasks
            for sample in source.load(name, "train")[:_TINY_TEXTS]
            for text in (task(name).prompt(sample), task(name).reply(sample.gold))
        ]
        tiny.tiny_qwen3(folder, texts, vocabulary=_TINY_VOCABULARY)
    return str(folder)


def _trained(stages: Sequence[Recipe], start: str, source: _Samples, out: Path, tell: Tell) -> list[Path]:
    """The folders of the stages' runs, each begun where the one before ended; what is finished stays."""
    parent, key, folders = start, _of_model(start), []
    for recipe in stages:
        settings = {name: value for name, value in recipes.settings_of(recipe).items() if name != "model"}
        key = _digest([key, settings, source.key])
        folder = out / "runs" / f"{recipe.method}-{key}"
        is_begun = (folder / runs.RECORD).is_file()
        if not is_begun or runs.read(folder).state != "finished":
            tell(f"  {recipe.method} on {', '.join(recipe.data.tasks)}, in {folder}")
            begun = msgspec.structs.replace(recipe, model=parent)
            train = sft.run if recipe.method == "sft" else grpo.run
            train(begun, source.rows, folder, resume=is_begun, tell=lambda line: tell(f"  {line}"))
        parent = str(folder)
        folders.append(folder)
    return folders


def _scored(chosen: Experiment, arm: Arm, model: Path, source: _Samples, out: Path) -> list[Result]:
    """What an arm answered to each task: from its logs, where it was asked before."""
    versions = {name: task(name).version for name in chosen.tasks}
    asked = [arm.take, arm.baseline, chosen.limit, chosen.tokens, versions, source.key, _of_model(str(model))]
    folder = out / "arms" / slug(arm.name)
    done = folder / "arm.json"
    key = _digest([asked, [str(path) for path in source.paths]])
    if done.is_file():
        before = msgspec.json.decode(done.read_bytes())
        if before["key"] == key:
            return [_named(read_result(folder / log), arm) for log in before["logs"]]
    options = Options(limit=chosen.limit, paths=source.paths)
    found: list[Result] = []
    for asked_tasks, contestant in _contestants(chosen, arm, model, source):
        found += run_all(asked_tasks, [contestant], source.warehouse.path, options, log_dir=folder)
    logs = [Path(one.log).name for one in found]
    _write(done, msgspec.json.encode({"key": key, "logs": logs}))
    return [_named(one, arm) for one in found]


def _named(one: Result, arm: Arm) -> Result:
    return msgspec.structs.replace(one, model=arm.name)


def _contestants(
    chosen: Experiment, arm: Arm, model: Path, source: _Samples
) -> Iterator[tuple[list[str], Contestant | Model]]:
    """Who answers for an arm, and to which tasks."""
    if arm.baseline:
        if not source.paths:
            yield list(chosen.tasks), Contestant(model=f"baseline/{arm.baseline}")
            return
        for name in chosen.tasks:
            # Evaluation would fit it on the very files that it is asked about.
            fitted = baseline(arm.baseline)()
            fitted.fit(source.load(name, "train"), task(name))
            asked = {task(name).prompt(sample): sample for sample in source.load(name, "test")}
            yield [name], scoring.answering("fitted", arm.baseline, _answering(fitted, asked))
    elif arm.take == "odds":
        loaded = models.load(model)
        for name in chosen.tasks:
            asked_task = task(name)
            assert isinstance(asked_task, LabelTask)
            training, validation = source.load(name, "train"), source.load(name, "validation")
            odds = scoring.Odds(loaded.model, loaded.tokenizer, asked_task, training, validation)
            yield [name], scoring.answering("odds", arm.name, odds.reply)
    else:
        entry = scoring.contestant(model, arm.name, max_tokens=chosen.tokens)
        if not any(stage.data.linked_text for stage in arm.stages):
            yield list(chosen.tasks), entry
            return
        with source.warehouse.connect() as con:
            prompts: dict[str, str] = {}
            for name in chosen.tasks:
                samples = source.load(name, "test")[: chosen.limit]
                linked = targets.linked(task(name), con, samples)
                prompts |= {task(name).prompt(sample): linked.prompt(sample) for sample in samples}
        yield list(chosen.tasks), scoring.rephrased(entry, prompts)


def _answering(fitted: Baseline, asked: Mapping[str, AnySample]) -> Callable[[str], str]:
    return lambda prompt: fitted.answer(asked[prompt])


# --- what came of them


def _learnt(folder: Path) -> dict[str, Any]:
    """What a stage of training learnt from, and how long it took."""
    run = runs.read(folder)
    learnt = run.data["train"]
    return {
        "run": folder.name,
        "method": run.method,
        "rows": learnt.rows,
        "tokens": learnt.tokens,
        "left_out": {name: sum(counted.values()) for name, counted in learnt.left_out.items()},
        "steps": run.steps,
        "minutes": round(run.seconds / 60, 2),
        "parameters": run.parameters,
        "trained_parameters": run.trained_parameters,
    }


def _report(
    chosen: Experiment,
    scale: Scale,
    start: str,
    source: _Samples,
    results: Mapping[str, Sequence[Result]],
    told: list[dict[str, Any]],
    resamples: int,
) -> Report:
    found = {(one.task, arm): one for arm, answered in results.items() for one in answered}
    reasons = []
    if source.is_fictional:
        reasons.append("the trials are made up")
    if _is_tiny(start):
        reasons.append("the model is tiny")
    compared = [(found[name, one], found[name, other]) for name in chosen.tasks for one, other in chosen.pairs]
    parts, part_differences = [], []
    if chosen.part:
        phases = {
            sample.id: "/".join(sample.inputs.phases) or "unknown"
            for name in chosen.tasks
            for sample in (source.load(name, "test") if source.paths else ())
        }
        for (name, arm), one in found.items():
            parts += [
                _part(name, arm, chosen.part, group, inside, resamples)
                for group, inside in _parted(one, chosen.part, phases)
            ]
        for one, other in compared:
            others = dict(_parted(other, chosen.part, phases))
            for group, inside in _parted(one, chosen.part, phases):
                answered = [{sample.id for sample in each.samples if sample.rows} for each in (inside, others[group])]
                if answered[0] & answered[1]:
                    made = difference(inside, others[group], resamples=resamples)
                    part_differences.append(PartDifference(part=chosen.part, group=group, difference=made))
    return Report(
        experiment=chosen.name,
        title=chosen.title,
        question=chosen.question,
        scale=scale,
        model=Path(start).name if Path(start).is_dir() else start,
        snapshot=source.key,
        is_fictional=source.is_fictional,
        plumbing=" and ".join(reasons),
        tested_on=source.tested,
        arms=told,
        figures=table([found[name, arm.name] for name in chosen.tasks for arm in chosen.arms], resamples=resamples),
        differences=[
            difference(one, other, metric.name, resamples=resamples)
            for one, other in compared
            for metric in task(one.task).metrics
            if metric.direction != "one"  # whose difference says nothing
        ],
        parts=parts,
        part_differences=part_differences,
    )


def _parted(one: Result, part: str, phases: Mapping[str, str]) -> Iterator[tuple[str, Result]]:
    """A result in parts: the samples that have something in common, the largest part first."""
    groups: dict[str, list[SampleResult]] = {}
    for sample in one.samples:
        groups.setdefault(_group(sample, part, phases), []).append(sample)
    for group, samples in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        yield group, msgspec.structs.replace(one, samples=samples, n=len(samples))


def _group(sample: SampleResult, part: str, phases: Mapping[str, str]) -> str:
    if part == REGISTERED:
        return (
            "undated"
            if not sample.date
            else f"from {LATER.year}"
            if sample.date >= f"{LATER}"
            else f"before {LATER.year}"
        )
    return sample.strata.get(part) or phases.get(sample.id, "unknown")


def _part(name: str, arm: str, part: str, group: str, one: Result, resamples: int) -> Part:
    metric = task(name).metrics[0]
    enough = len({sample.group for sample in one.samples if sample.scores is not None}) >= LEAST_GROUPS
    figure = bootstrap(one.columns, metric.compute, resamples=resamples if enough else 0)
    return Part(
        task=name, arm=arm, metric=metric.name, part=part, group=group, value=figure.value, low=figure.low,
        high=figure.high, n=one.n,
    )  # fmt: skip


def _is_tiny(model: str) -> bool:
    """Whether a folder holds so few weights that nothing measured on them says anything."""
    return 0 < sum(path.stat().st_size for path in _weights(model)) <= 4 * tiny.MOST_TINY


def _of_model(model: str) -> Any:
    """What tells models apart: a hub's name, or that of a folder, and how large its files of weights are."""
    return [Path(model).name, *((path.name, path.stat().st_size) for path in _weights(model))]


def _weights(model: str) -> list[Path]:
    """The files of weights in the folder of a model or a run; of a name on the hub none."""
    folder = Path(model) / runs.MODEL
    return sorted((folder if folder.is_dir() else Path(model)).glob("*.safetensors"))


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:12]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


# --- as a page


def markdown(report: Report) -> str:
    """The report as Markdown: what was compared, figures with intervals and n, differences between arms."""
    parts = [f"# {report.title}", report.question]
    if report.plumbing:
        parts.append(f"> **{PLUMBING}:** {report.plumbing}.")
    if report.is_fictional:
        parts.append("> **FICTIONAL:** every figure below is about trials that are made up.")
    parts.append(
        f"All arms begin from `{report.model}` and are asked {report.tested_on} (`{report.snapshot}`). Brackets hold "
        "95 % bootstrap intervals over whole groups of samples; ↑ higher is better, ↓ lower is better, →1 nearer to 1."
    )
    rows = [[arm["name"], arm["meaning"], "; ".join(map(_stage, arm["stages"])) or "none"] for arm in report.arms]
    parts += ["## Arms", markdown_table(["arm", "meaning", "training"], rows)]
    rows = [
        [row.task, f"{row.title} {row.arrow}", row.model, interval_text(row.value, row.low, row.high), row.n,
         row.failed, row.unreadable + row.truncated]
        for row in sorted(report.figures, key=lambda row: (row.task, row.metric))
    ]  # fmt: skip
    parts += ["## Figures", markdown_table(["task", "metric", "arm", "value", "n", "failed", "unreadable"], rows)]
    rows = [_difference(one) for one in report.differences]
    headings = ["task", "metric", "arm", "less", "difference", "p", "n"]
    parts += [
        "## Differences",
        "On the samples that both arms answered, drawn together.",
        markdown_table(headings, rows),
    ]
    if report.parts:
        part = report.parts[0].part
        parts += [f"## By {part}", "The first metric of each task; no interval where there are fewer than five groups."]
        rows = [
            [one.task, one.group, one.arm, interval_text(one.value, one.low, one.high), one.n]
            for one in sorted(report.parts, key=lambda one: (one.task, one.group))
        ]
        parts.append(markdown_table(["task", part, "arm", "value", "n"], rows))
        rows = [[one.group, *_difference(one.difference)] for one in report.part_differences]
        parts.append(markdown_table([part, *headings], rows))
    return "\n\n".join(parts) + "\n"


def _difference(one: Difference) -> list[Any]:
    metric = task(one.task).metric(one.metric)
    figure = interval_text(one.value, one.low, one.high, signed=True)
    return [one.task, f"{metric.title} {metric.arrow}", one.model, one.other, figure, one.p_value, one.n]


def _stage(stage: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{count:,} {name}" for name, count in stage["rows"].items())
    return f"{stage['method']} on {rows}: {stage['steps']:,} steps, {stage['minutes']:,.1f} min"
