"""Fit the forecast: outcome, kinds of failure, and completion, from a warehouse's training split and label files.

Each is the forecaster of `baselines`: words, letters and design facts under logistic regression and a forest, the
latest trials weighing most, calibrated on groups of trials that were left out. The same is refitted on groups drawn
with replacement: how far those forecasts lie apart is the interval that every forecast carries.

Nothing of a warehouse's validation and test splits is learnt from, also where label files name those trials.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

import msgspec

from trialpanorama import __version__
from trialpanorama.baselines.forecaster import (
    MOST_SAMPLES,
    Forest,
    Reader,
    Regressions,
    Settings,
    blended,
    normalised,
    temperature_of,
    weights_by_age,
)
from trialpanorama.errors import UserError
from trialpanorama.forecast import models
from trialpanorama.forecast.ontology import Names, facts_of, names_of
from trialpanorama.forecast.prediction import OUTCOMES, Outcome
from trialpanorama.forecast.reading import fields_told, restricted
from trialpanorama.tasks import SEED, AnyLabelTask, AnySample, load
from trialpanorama.tasks._outcome_labels import read_reasons
from trialpanorama.tasks.outcome_prediction import TASK as OUTCOME
from trialpanorama.tasks.outcome_prediction import OutcomePrediction
from trialpanorama.tasks.trial_completion import REASONS, Reason, reason_of
from trialpanorama.tasks.trial_completion import TASK as COMPLETION
from trialpanorama.warehouse import publish

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse

LEAST, LEAST_OF_EACH = 20, 5
"""Trials that a model is fitted on at least, and of each of its two sides."""
REFITS, TREES_OF_A_REFIT = 20, 25
_LEAST_TO_CALIBRATE = 60
"""Groups below which a temperature would be noise."""
_LEAST_FOR_THRESHOLD = 50
"""Trials of the validation split below which the threshold is chosen on the trials that were left out of fitting."""
KIND_OF_REASON: Mapping[Reason, Outcome] = {
    "efficacy": "failed_efficacy",
    "safety": "failed_safety",
    "enrollment": "failed_enrolment",
    "feasibility": "business_or_other",
    "regulatory": "business_or_other",
    "other": "business_or_other",
}
OWN_USE = (
    "for your own use only: it was fitted on label files, whose terms apply (those of the TOP benchmark are "
    "non-commercial); do not pass it on"
)
Progress = Callable[[str], None]


class LabelFile(msgspec.Struct, frozen=True):
    """A label file that a model was fitted on."""

    name: str
    sha256: str


class Part(msgspec.Struct, kw_only=True):
    """One of the models, and what it was fitted on."""

    n: int
    labels: dict[str, int]
    """How many trials have each label."""
    temperature: float
    calibrated_on: int
    """Trials whose forecasts, made while they were left out, the temperature was fitted on; 0: too few."""
    features: int
    reads: list[str] = []
    """The parts of a trial's description that enough of them tell; it reads no other."""
    threshold: float | None = None
    """From which probability on it says success: best F1 on the trials of `threshold_from`."""
    threshold_from: str | None = None
    left_out: dict[str, float | None] = {}
    """Figures on the trials that were left out in turn; not forward in time, so likely too good."""


class Card(msgspec.Struct, kw_only=True):
    """What a fitted forecast is: the content of its card.json."""

    name: str = "embedded"
    format: int = 1
    date: str
    tool_version: str
    seconds: float
    """That fitting took."""
    snapshot: str
    warehouse_trials: int
    """Trials of the warehouse that the outcome was learnt from."""
    label_file_trials: int
    label_files: list[LabelFile] = []
    left_out: dict[str, int] = {}
    """Trials of label files that were not learnt from, by reason."""
    is_fictional: bool
    is_shippable: bool
    licence: str
    settings: dict[str, Any]
    refits: int
    outcome: Part
    failure: Part | None = None
    """Kinds of failure; none where too few are known: failures are then shared out as `failures` counts."""
    failures: dict[str, int] = {}
    """Failed trials of each kind, as far as their kind is known."""
    completion: Part | None = None

    @property
    def fitted_on(self) -> str:
        """What the labels are, in words."""
        parts = []
        if self.warehouse_trials:
            parts.append(f"{self.warehouse_trials:,} trials whose posted results tell")
        if self.label_file_trials:
            names = ", ".join(file.name for file in self.label_files)
            parts.append(f"{self.label_file_trials:,} trials of label files ({names})")
        return " and ".join(parts)


class _Failures(OutcomePrediction):
    """How did it fail: asked of failed trials alone."""

    name = "failure"

    def __init__(self, kinds: Mapping[str, Outcome]) -> None:
        self._kinds = kinds

    def labels(self, sample: AnySample) -> Sequence[str]:
        """The kinds of failure."""
        return OUTCOMES[1:]

    def label(self, sample: AnySample) -> str:
        """Its kind."""
        return self._kinds[sample.subject]


def fit(
    warehouse: Warehouse | None,
    out: Path,
    labels: Sequence[Path] = (),
    *,
    settings: Settings | None = None,
    refits: int = REFITS,
    progress: Progress = lambda _: None,
) -> Card:
    """Fit on the training split of a warehouse and on label files, and write the folder `out`; returns its card.

    Raises UserError where too few trials have a known outcome. An older model in `out` is exchanged at the end.
    """
    began = time.monotonic()
    settings = settings or Settings()
    _check_place(out)
    left_out: Counter[str] = Counter()
    progress("reading trials")
    names = names_of(warehouse) if warehouse else {}
    own = load(warehouse, OUTCOME, "train") if warehouse else []
    validation = load(warehouse, OUTCOME, "validation") if warehouse else []
    added = _of_files(warehouse, labels, {sample.subject for sample in own}, left_out)
    known = _drawn(own + added)
    _require(known, warehouse, labels)
    finished = _drawn(load(warehouse, COMPLETION, "train") if warehouse else [])
    is_fictional = any(sample.is_fictional for sample in (*known, *finished))
    building = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}). Name another place: --out DIR") from None
    try:
        progress(f"outcome: {len(known):,} trials")
        outcome = fit_model(known, OUTCOME, "success", settings, refits, building / "outcome", names, _succeeded)
        _choose_threshold(outcome, validation, building / "outcome", names)
        failed, kinds = _failed(known, finished, labels)
        counts = Counter(kinds[sample.subject] for sample in failed)
        failure = None
        if len(failed) >= LEAST and sum(times >= LEAST_OF_EACH for times in counts.values()) > 1:
            progress(f"kinds of failure: {len(failed):,} trials")
            # The commonest kind stands for the positive one: nothing asks for an interval of it.
            commonest = max(counts, key=lambda kind: counts[kind])
            failure = fit_model(failed, _Failures(kinds), commonest, settings, 0, building / "failure", names).part
        completion = None
        stopped = sum(sample.gold.outcome == "stopped" for sample in finished)
        if len(finished) >= LEAST and LEAST_OF_EACH <= stopped <= len(finished) - LEAST_OF_EACH:
            progress(f"completion: {len(finished):,} trials")
            completion = fit_model(
                finished, COMPLETION, "complete", settings, refits, building / "completion", names, _completed
            ).part
        _write_seen(building, [*known, *finished])
        licence, is_open = _licences(warehouse, {sample.subject for sample in (*known, *finished)})
        (building / "names.json").write_bytes(msgspec.json.encode(names))
        card = Card(
            date=datetime.date.today().isoformat(),
            tool_version=__version__,
            seconds=round(time.monotonic() - began, 1),
            snapshot=warehouse.snapshot if warehouse else "none",
            warehouse_trials=sum(sample.strata.get("origin") == "posted results" for sample in known),
            label_file_trials=sum(sample.strata.get("origin") != "posted results" for sample in known),
            label_files=[LabelFile(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in labels],
            left_out=dict(left_out.most_common()),
            is_fictional=is_fictional,
            is_shippable=is_open and not labels,
            licence=OWN_USE if labels else licence,
            settings=msgspec.to_builtins(settings),
            refits=refits,
            outcome=outcome.part,
            failure=failure,
            failures={kind: counts[kind] for kind in OUTCOMES[1:]},
            completion=completion,
        )
        (building / "README.md").write_text(_readme(card), encoding="utf-8")
        (building / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card)))
        publish(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return card


# --- what is learnt from


def _drawn(samples: Sequence[AnySample]) -> list[AnySample]:
    """As many as can be learnt from in minutes, drawn at random."""
    return list(samples) if len(samples) <= MOST_SAMPLES else Random(SEED).sample(list(samples), MOST_SAMPLES)


def _of_files(
    warehouse: Warehouse | None, labels: Sequence[Path], known: set[str], left_out: Counter[str]
) -> list[AnySample]:
    """Trials of label files that are not known yet, and that no split of the warehouse holds back."""
    if not labels:
        return []
    con = warehouse.connect() if warehouse else None
    try:
        found = list(OUTCOME.samples_from(list(labels), "train", con))
        held_back: dict[str, str] = {}
        if con is not None:
            held_back = dict(
                con.execute("SELECT study_id, split FROM trial_splits WHERE split <> 'train' OR NOT is_used").fetchall()
            )
    finally:
        if con is not None:
            con.close()
    kept = []
    for sample in found:
        if sample.subject in known:
            left_out["its posted results tell already"] += 1
        elif sample.subject in held_back:
            left_out["in the warehouse's validation or test split"] += 1
        else:
            kept.append(sample)
    return kept


def _failed(
    known: Sequence[AnySample], finished: Sequence[AnySample], labels: Sequence[Path]
) -> tuple[list[AnySample], dict[str, Outcome]]:
    """The failed trials whose kind of failure is known, each once, and their kinds.

    A trial whose posted results miss the primary endpoint failed for efficacy; a stopped one for what its sponsor says.
    A failure of a label file has a kind where the file holds the sponsor's words.
    """
    kinds: dict[str, Outcome] = {}
    found: dict[str, AnySample] = {}
    words = read_reasons(labels)
    for sample in known:
        if sample.gold.outcome != "failure":
            continue
        if sample.strata.get("origin") == "posted results":
            kinds[sample.subject] = "failed_efficacy"
        elif (reason := _reason(words.get(sample.id.partition("@")[0]))) is not None:
            kinds[sample.subject] = KIND_OF_REASON[reason]
        else:
            continue
        found[sample.subject] = sample
    for sample in finished:
        if sample.gold.reason is not None and sample.subject not in found:
            kinds[sample.subject] = KIND_OF_REASON[sample.gold.reason]
            found[sample.subject] = sample
    return list(found.values()), kinds


def _reason(words: str | None) -> Reason | None:
    """The class of a sponsor's words; a class's own name is that class."""
    named = (words or "").strip().lower()
    return next((reason for reason in REASONS if reason == named), None) or reason_of(words)


def _require(known: Sequence[AnySample], warehouse: Warehouse | None, labels: Sequence[Path]) -> None:
    successes = sum(sample.gold.outcome == "success" for sample in known)
    if len(known) < LEAST or not LEAST_OF_EACH <= successes <= len(known) - LEAST_OF_EACH:
        where = " and ".join(([str(warehouse.path)] if warehouse else []) + ["the label files"] * bool(labels))
        raise UserError(
            f"{where}: {len(known)} trials to learn from, {successes} of which succeeded; at least {LEAST} are needed, "
            f"and {LEAST_OF_EACH} of either end. Build from more trials with posted results, or give label files: "
            "trialpanorama outcome fit --labels FILE..."
        )


# --- one model


def _succeeded(sample: AnySample) -> bool:
    """Whether a trial succeeded."""
    return bool(sample.gold.outcome == "success")


def _completed(sample: AnySample) -> bool:
    """Whether a trial was completed."""
    return bool(sample.gold.outcome == "complete")


class _WithNames:
    """A task whose facts also say what the names of conditions and drugs mean."""

    def __init__(self, task: AnyLabelTask, names: Names) -> None:
        self._task, self._names = task, names
        self.text = task.text

    def features(self, sample: AnySample) -> dict[str, str | float]:
        """The task's facts and those of the names."""
        return {**self._task.features(sample), **facts_of(sample.inputs, self._names)}


class FittedModel(msgspec.Struct):
    """What came of fitting one model."""

    part: Part
    truth: Any = None
    """Whether each trial is positive, and the forecasts that were made while it was left out."""
    left_out: Any = None


def fit_model(
    samples: Sequence[AnySample],
    task: AnyLabelTask,
    positive: str,
    settings: Settings,
    refits: int,
    folder: Path,
    names: Names | None = None,
    is_positive: Callable[[AnySample], bool] | None = None,
) -> FittedModel:
    """Fit the forecaster on samples and write it."""
    import numpy as np

    told = fields_told(sample.inputs for sample in samples)
    samples = [msgspec.structs.replace(sample, inputs=restricted(sample.inputs, told)) for sample in samples]
    truth = [task.label(sample) for sample in samples]
    ends = sorted(set(truth))
    classes = np.searchsorted(ends, truth)
    reader = Reader(samples, cast("AnyLabelTask", _WithNames(task, names or {})))
    said, facts = reader.transform(samples)
    weights = weights_by_age(samples, settings.half_life_years)
    groups, group = np.unique([sample.group for sample in samples], return_inverse=True)

    def fitted(rows: Any, settings: Settings, classes: Any, labels: int) -> tuple[Regressions, Forest]:
        made = Regressions(settings, labels), Forest(settings, labels, reader.frequent)
        for model in made:
            model.fit(said[rows], facts[rows], classes[rows], weights[rows])
        return made

    everything = np.arange(len(samples))
    regressions, forest = fitted(everything, settings, classes, len(ends))
    temperature, left_out = 1.0, None
    if len(groups) >= _LEAST_TO_CALIBRATE:
        fold = np.argsort(np.random.default_rng(SEED).permutation(len(groups)))[group] % settings.folds
        logs = np.empty((len(samples), len(ends)))
        for number in range(settings.folds):
            asked = fold == number
            made = fitted(np.flatnonzero(~asked), settings, classes, len(ends))
            logs[asked] = blended([model.probabilities(said[asked], facts[asked]) for model in made])
        temperature = temperature_of(logs, classes)
        left_out = np.exp(normalised(logs / temperature))[:, ends.index(positive)]

    share = np.bincount(classes, minlength=len(ends)) / len(classes)
    arrays: dict[str, Any] = {
        "idf": np.concatenate([reader.words.idf_, reader.letters.idf_]),
        "mean": np.asarray((weights @ said) / weights.sum(), dtype=np.float32).ravel(),
        "coefficients": np.vstack([model.coef_ for model in regressions.models]).astype(np.float32),
        "intercepts": np.array([float(model.intercept_[0]) for model in regressions.models]),
        "frequent": np.sort(reader.frequent),
        "frequent_place": np.argsort(reader.frequent),
        **_tree_arrays([tree.tree_ for tree in forest.trees.estimators_], "tree_"),
    }
    is_one = np.array([is_positive(sample) for sample in samples]) if is_positive else classes == ends.index(positive)
    if refits:
        arrays |= _floors(said[:, : len(reader.words.idf_)], facts, is_one)
        arrays |= _refits(fitted, said, facts, is_one.astype(np.int64), group, settings, refits)
    shape = models.Shape(
        labels=ends,
        positive=positive,
        priors=dict(zip(ends, share.tolist(), strict=True)),
        n=len(samples),
        temperature=temperature,
        told=sorted(told),
        facts=list(reader.facts.get_feature_names_out()),
        words=_in_order(reader.words.vocabulary_),
        letters=_in_order(reader.letters.vocabulary_),
    )
    models.Model.save(folder, shape, arrays)
    part = Part(
        n=len(samples),
        labels=dict(Counter(truth).most_common()),
        temperature=round(temperature, 4),
        calibrated_on=len(samples) if left_out is not None else 0,
        features=len(shape.words) + len(shape.letters) + len(shape.facts),
        reads=shape.told,
    )
    if left_out is not None:
        part.left_out = _figures(is_one, left_out)
    return FittedModel(part, is_one, left_out)


def _floors(words: Any, facts: Any, is_one: Any) -> dict[str, Any]:
    """The floors of the literature: logistic regression on words and word pairs alone, and on design facts alone."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    found = {}
    for name, seen in (("words", words), ("facts", facts)):
        model = LogisticRegression(solver="liblinear", random_state=SEED).fit(seen, is_one)
        found[f"floor_{name}"] = np.append(model.coef_[0], model.intercept_).astype(np.float32)
    return found


def _refits(
    fitted: Callable[..., tuple[Regressions, Forest]],
    said: Any,
    facts: Any,
    is_one: Any,
    group: Any,
    settings: Settings,
    refits: int,
) -> dict[str, Any]:
    """The same model fitted again and again on groups drawn with replacement, each calibrated on those not drawn."""
    import numpy as np

    random = np.random.default_rng(SEED)
    small = msgspec.structs.replace(settings, trees=TREES_OF_A_REFIT)
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    coefficients: list[Any] = []
    intercepts: list[float] = []
    temperatures: list[float] = []
    trees: list[Any] = []
    while len(temperatures) < refits:
        drawn = random.integers(0, len(members), len(members))
        rows = np.concatenate([members[number] for number in drawn])
        if is_one[rows].all() or not is_one[rows].any():
            continue
        regressions, forest = fitted(rows, small, is_one, 2)
        rest = np.setdiff1d(np.arange(len(is_one)), rows)
        temperature = 1.0
        if len(rest) >= LEAST and 0 < is_one[rest].sum() < len(rest):
            logs = blended([model.probabilities(said[rest], facts[rest]) for model in (regressions, forest)])
            temperature = temperature_of(logs, is_one[rest])
        coefficients.append(regressions.models[0].coef_[0].astype(np.float32))
        intercepts.append(float(regressions.models[0].intercept_[0]))
        temperatures.append(temperature)
        trees += [tree.tree_ for tree in forest.trees.estimators_]
    found = _tree_arrays(trees, "again_tree_")
    found["again_tree_value"] = np.ascontiguousarray(found["again_tree_value"][:, 1])
    found["again_tree_roots"] = found["again_tree_roots"].reshape(refits, -1)
    return found | {
        "again_coefficients": np.vstack(coefficients),
        "again_intercepts": np.array(intercepts),
        "again_temperatures": np.array(temperatures),
    }


def _tree_arrays(trees: Sequence[Any], prefix: str) -> dict[str, Any]:
    """scikit-learn's trees in one row: a leaf has feature -1; values are shares of the labels."""
    import numpy as np

    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    values = np.concatenate([tree.value[:, 0, :] for tree in trees])
    return {
        f"{prefix}roots": roots.astype(np.int32),
        f"{prefix}feature": np.concatenate(
            [np.where(tree.children_left < 0, -1, tree.feature) for tree in trees]
        ).astype(np.int32),
        f"{prefix}threshold": np.concatenate([tree.threshold for tree in trees]),
        f"{prefix}left": np.concatenate(
            [tree.children_left + root for tree, root in zip(trees, roots, strict=True)]
        ).astype(np.int32),
        f"{prefix}right": np.concatenate(
            [tree.children_right + root for tree, root in zip(trees, roots, strict=True)]
        ).astype(np.int32),
        f"{prefix}value": (values / values.sum(axis=1, keepdims=True)).astype(np.float32),
    }


def _in_order(vocabulary: Mapping[str, int]) -> list[str]:
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _figures(is_one: Any, chances: Any) -> dict[str, float | None]:
    import numpy as np

    from trialpanorama.tasks._scores import auroc, average_precision, calibration_slope

    truth = is_one.astype(np.float64)
    found = {
        "average_precision": average_precision(truth, chances),
        "auroc": auroc(truth, chances),
        "brier": float(((chances - truth) ** 2).mean()),
        "brier_of_the_prior": float(truth.mean() * (1 - truth.mean())),
        "calibration_slope": calibration_slope(truth, chances),
    }
    return {name: None if value != value else round(value, 4) for name, value in found.items()}


def _choose_threshold(outcome: FittedModel, validation: Sequence[AnySample], folder: Path, names: Names) -> None:
    """The probability from which on F1 of success is best, on the validation split or what was left out of fitting."""
    import numpy as np

    truth, chances, where = outcome.truth, outcome.left_out, "trials left out of fitting in turn"
    if len(validation) >= _LEAST_FOR_THRESHOLD:
        model = models.Model.open(folder, names)
        chances = np.array([model.probability(sample.inputs, OUTCOME) for sample in validation])
        truth, where = np.array([_succeeded(sample) for sample in validation]), "the validation split"
    if chances is None:
        return
    tried = np.unique(chances)
    best = [2 * (truth & (chances >= one)).sum() / (truth.sum() + (chances >= one).sum()) for one in tried]
    outcome.part.threshold = round(float(tried[int(np.argmax(best))]), 6)
    outcome.part.threshold_from = (
        f"{len(truth):,} {where}" if where.startswith("trials") else f"{where} ({len(truth):,})"
    )


# --- the folder


def trial_key(id: str) -> bytes:
    """What stands for a trial among those that a model has seen: eight bytes, so that ids are not passed on."""
    return hashlib.blake2b(id.strip().upper().encode(), digest_size=8).digest()


def _write_seen(folder: Path, samples: Sequence[AnySample]) -> None:
    keys = {trial_key(name) for sample in samples for name in (sample.subject, sample.id.partition("@")[0])}
    (folder / "seen.bin").write_bytes(b"".join(sorted(keys)))


_PARTS = {"README.md", "card.json", "completion", "failure", "names.json", "outcome", "seen.bin"}
"""What lies in the folder of a fitted forecast."""


def _check_place(out: Path) -> None:
    # What lies there is replaced as a whole: a card beside a user's own files is no leave to take them away.
    if out.exists() and (not out.is_dir() or {path.name for path in out.iterdir()} - _PARTS):
        raise UserError(f"{out} is something else than a fitted forecast. Name another place: --out DIR")


def _licences(warehouse: Warehouse | None, studies: Collection[str]) -> tuple[str, bool]:
    """The licences of the registry entries that were learnt from, and whether all of them may be passed on."""
    if warehouse is None:
        return "none stated", False
    con = warehouse.connect()
    try:
        found = con.execute(
            "SELECT coalesce(licence, 'not stated'), count(*), bool_and(coalesce(is_open, false)) FROM studies "
            "WHERE study_id IN (SELECT unnest($studies)) GROUP BY 1 ORDER BY 2 DESC, 1",
            {"studies": sorted(studies)},
        ).fetchall()
    finally:
        con.close()
    said = "; ".join(f"{licence} ({many:,} trials)" for licence, many, _ in found)
    is_open = all(is_open for _, _, is_open in found)
    return f"fitted on registry entries under: {said}" + ("" if is_open else "; not all may be passed on"), is_open


def _readme(card: Card) -> str:
    """The card in words."""
    lines = ["# Forecast of trial outcomes", ""]
    if card.is_fictional:
        lines += ["**FICTIONAL: fitted on made-up trials. Its figures mean nothing.**", ""]
    lines += [
        f"Fitted on {card.date} by trialpanorama {card.tool_version} in {card.seconds:.0f} s, on {card.fitted_on}; "
        f"snapshot {card.snapshot}.",
        "",
        f"Licence: {card.licence}.",
        "",
        "Meant for the design and review of trials, as one opinion beside others. Not for decisions on patients, "
        "and not for decisions on funding alone. It knows words and design facts, not biology, and has seen registered "
        "trials alone.",
        "",
        "| model | trials | labels | temperature | left out: average precision | AUROC | Brier | the prior's | slope |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, part in (("outcome", card.outcome), ("failure", card.failure), ("completion", card.completion)):
        if part is not None:
            labels = ", ".join(f"{label} {many:,}" for label, many in part.labels.items())
            figures = [part.left_out.get(key) for key in _README_FIGURES]
            cells = " | ".join("" if value is None else f"{value:.3f}" for value in figures)
            lines.append(f"| {name} | {part.n:,} | {labels} | {part.temperature:.2f} | {cells} |")
    parts = (("outcome", card.outcome), ("completion", card.completion))
    lines += ["", *(f"It reads for {name}: {', '.join(part.reads)}." for name, part in parts if part)]
    lines += [
        "",
        "Figures are on trials left out of fitting in turn, and not forward in time: they flatter. `trialpanorama "
        "outcome evaluate` measures on held-out trials.",
        "",
        f"Intervals come from {card.refits} refits on trials drawn with replacement.",
    ]
    if card.left_out:
        lines += ["", "Not learnt from: " + "; ".join(f"{many:,} {why}" for why, many in card.left_out.items()) + "."]
    return "\n".join(lines) + "\n"


_README_FIGURES = ("average_precision", "auroc", "brier", "brier_of_the_prior", "calibration_slope")
