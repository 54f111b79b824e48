"""Will this trial reach its goal: from what was known at its start, as success or failure with a probability.

Labels come from posted results, by the rule of `verdict`, or from label files (`samples_from`): the TOP benchmark,
CTO's and TrialBench's. What a prompt and the features hold is the allow-list of `_trials.SHOWN`, and for label files
`_outcome_labels.SHOWN_COLUMNS`: no status, no reason of a stop, no date, no result, no reached enrolment.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.tasks import NOT_NEEDED, SEED, LabelTask, Metric, Sample, Split, Unreadable
from trialpanorama.tasks._outcome_labels import Labelled, read_labels, registered_about, success_of
from trialpanorama.tasks._replies import json_objects, labelled, one_word, probability_of, spoken, words
from trialpanorama.tasks._scores import auroc, average_precision, calibration_slope, f1, recall_mean, share
from trialpanorama.tasks._trials import Start, Trial, count, describe, trials, trials_of

if TYPE_CHECKING:
    import duckdb

Outcome = Literal["success", "failure"]


class Forecast(msgspec.Struct, frozen=True):
    """Whether a trial reaches its goal."""

    outcome: Outcome
    probability: float
    """That it succeeds, 0 to 1."""


# --- what posted results say


class Analysis(msgspec.Struct, frozen=True):
    """A posted analysis of a primary endpoint."""

    measure: str | None = None
    hypothesis: str | None = None
    """SUPERIORITY, NON_INFERIORITY ..., as the register codes it."""
    p_value: float | None = None
    p_value_inequality: str | None = None
    estimate_type: str | None = None
    ci_percent: float | None = None
    ci_sides: str | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None


_SUPERIORITY = (None, "SUPERIORITY", "SUPERIORITY_OR_OTHER", "SUPERIORITY_OR_OTHER_LEGACY")
_NOT_A_GOAL = re.compile(
    r"(?i)\b(?:safe|advers|toxic|tolerab|side.effect|pharmacokinetic|cmax|auc\b|bioequival|bioavail)"
)
_RATIO, _DIFFERENCE, _LOG = (re.compile(rf"(?i){words}") for words in (r"ratio|relative|hazard", r"differ", r"\blog"))
ALPHA = 0.05


def is_met(analysis: Analysis) -> bool | None:
    """Whether one analysis shows what it was to show; none where it cannot be told.

    A comparison for superiority is met by p < 0.05, or where no p-value is posted by a two-sided interval of 95 % or
    more that excludes no difference, and not met by p >= 0.05 or an interval of 95 % or less that includes it. One for
    non-inferiority or equivalence is met by p < 0.05; else it cannot be told, since the posted figures hold no margin.
    Endpoints of harm and of pharmacokinetics have no such goal. Posted results do not tell which direction is the
    better one: a significant difference to the worse is taken for a success.
    """
    if _NOT_A_GOAL.search(analysis.measure or ""):
        return None
    p, sign = analysis.p_value, analysis.p_value_inequality or "="
    if p is not None:
        if (sign in ("<", "<=") and p <= ALPHA) or (sign == "=" and p < ALPHA):
            return True
        return False if analysis.hypothesis in _SUPERIORITY and sign in ("=", ">", ">=") and p >= ALPHA else None
    low, high, percent = analysis.ci_lower, analysis.ci_upper, analysis.ci_percent
    if analysis.hypothesis not in _SUPERIORITY or low is None or high is None or percent is None or low > high:
        return None
    kind = analysis.estimate_type or ""
    is_ratio, is_difference = bool(_RATIO.search(kind)), bool(_DIFFERENCE.search(kind))
    if analysis.ci_sides == "ONE_SIDED" or is_ratio == is_difference or _LOG.search(kind):
        return None
    includes = low <= (1.0 if is_ratio else 0.0) <= high
    if includes:
        return False if percent <= 95 else None
    return True if percent >= 95 else None


def verdict(analyses: Sequence[Analysis]) -> tuple[bool | None, str]:
    """Whether the primary endpoints were met, and else why that cannot be told.

    They were if every analysis that tells says so, and were not if every one says not: where analyses or endpoints
    disagree the trial has no label.
    """
    if not analyses:
        return None, "no posted analysis of a primary endpoint"
    found = {met for analysis in analyses if (met := is_met(analysis)) is not None}
    if not found:
        return None, "posted analyses do not tell whether the primary endpoint was met"
    return (None, "analyses of primary endpoints disagree") if len(found) > 1 else (found.pop(), "")


def _analyses(con: duckdb.DuckDBPyConnection, split: Split) -> dict[str, list[Analysis]]:
    found: dict[str, list[Analysis]] = defaultdict(list)
    for study_id, *row in con.execute(
        """SELECT r.study_id, r.outcomes, r.non_inferiority_type, r.p_value,
                  r.p_value_inequality, r.estimate_type, r.ci_percent, r.ci_sides, r.ci_lower, r.ci_upper
           FROM results r JOIN trial_splits t USING (study_id)
           WHERE t.split = ? AND t.is_used AND r.endpoint_type = 'PRIMARY' AND r.analysis_position IS NOT NULL
           ORDER BY r.study_id, r.outcome_position, r.analysis_position""",
        [split],
    ).fetchall():
        found[study_id].append(Analysis(*row))
    return found


# --- the task

_LINES = frozenset(["outcome", "probability"])
_OUTCOME_WORDS: dict[str, Outcome] = {
    "success": "success",
    "succeed": "success",
    "succeeds": "success",
    "successful": "success",
    "failure": "failure",
    "fail": "failure",
    "fails": "failure",
    "failed": "failure",
    "unsuccessful": "failure",
}
_LEAST_CRITERIA = 20


class OutcomePrediction(LabelTask[Start, Forecast]):
    """Success or failure."""

    name = "outcome_prediction"
    version = 2
    title = "Trial outcome"
    meaning = "From what was known at its start: will the trial reach its goal, and how likely."
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 100_000, "validation": 2_000, "test": 5_000}
    inputs = Start
    answer = Forecast
    metrics = (
        Metric(
            "average_precision",
            "Average precision",
            "higher",
            "Precision among the trials that are given the highest probabilities of success, averaged over the ranks "
            "of the truly successful ones, on the probabilities themselves; the share of successes is what chance "
            "gives; an unreadable reply counts as the wrong answer given for certain",
            lambda c: average_precision(c["success"], c["probability"]),
        ),
        Metric(
            "auroc",
            "AUROC",
            "higher",
            "Chance that a successful trial is given a higher probability of success than a failed one; an unreadable "
            "reply counts as the wrong answer given for certain",
            lambda c: auroc(c["success"], c["probability"]),
            0.5,
        ),
        Metric(
            "balanced_accuracy",
            "Balanced accuracy",
            "higher",
            "Share of successful trials called a success and of failed ones called a failure, averaged; an unreadable "
            "reply is wrong",
            lambda c: recall_mean(c["success"], c["correct"]),
            0.5,
        ),
        Metric(
            "f1",
            "F1 of success",
            "higher",
            "Harmonic mean of precision and recall of the answer success; calling everything a success already gives "
            "a high one where most are",
            lambda c: f1(c["success"], c["said_success"]),
        ),
        Metric(
            "brier",
            "Brier score",
            "lower",
            "Mean squared distance between the probability of success and what happened (1 or 0); an unreadable "
            "reply counts 1",
            lambda c: share((c["probability"] - c["success"]) ** 2),
        ),
        Metric(
            "calibration_slope",
            "Calibration slope",
            "one",
            "Slope of what happened on the log-odds of the forecast: below 1 is too extreme, above 1 too timid; not "
            "defined where all forecasts are equal",
            lambda c: calibration_slope(c["success"], c["probability"]),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Start, Forecast]]:
        """The interventional trials of a split whose posted results tell whether the primary endpoint was met."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        many, made = count(con, split), 0
        posted = _analyses(con, split)
        for read, trial in enumerate(trials(con, split)):
            if made == self.most_samples[split]:
                counted[NOT_NEEDED] += many - read
                return
            met, why = verdict(posted.get(trial.study_id, ()))
            if trial.start.trial_type != "INTERVENTIONAL":
                counted["not interventional"] += 1
            elif met is None:
                counted[why] += 1
            elif trial.registered_after_end:
                counted["registered after its end"] += 1
            elif len(words(trial.start.title).split()) < 3:
                counted["no title to go by"] += 1
            else:
                made += 1
                yield Sample(
                    id=f"{trial.study_id}@{self.version}",
                    subject=trial.study_id,
                    split=split,
                    group=trial.group,
                    date=trial.date,
                    is_fictional=trial.is_fictional,
                    strata={"origin": "posted results"},
                    inputs=trial.start,
                    gold=_gold("success" if met else "failure"),
                )

    def samples_from(
        self, paths: Sequence[Path], split: Split, con: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[Sample[Start, Forecast]]:
        """The trials of label files: TOP's, CTO's, TrialBench's; each once, in a fixed shuffled order.

        All files are joined by trial id. With a warehouse its trials add what the files do not tell; a trial that
        neither describes makes no sample. Dates are those of the warehouse, else estimated from the NCT number.
        Raises UserError where no trial is left.
        """
        files = read_labels(paths)
        known = _known(con, [one.nct_id for one in files.trials]) if con is not None else {}
        left_out = Counter(files.left_out)
        made = 0
        for one in sorted(files.trials, key=_shuffled):
            outcome = success_of(one.label)
            start = _joined(one, known.get(one.nct_id))
            if outcome is None:
                left_out[f'label "{one.label[:40]}" is neither success nor failure'] += 1
            elif start is None:
                left_out["no description" + ("" if con is not None else ": a warehouse could give it")] += 1
            else:
                made += 1
                trial = known.get(one.nct_id)
                yield Sample(
                    id=f"{one.nct_id}@{self.version}",
                    subject=trial.study_id if trial else one.nct_id,
                    split=split,
                    group=trial.group if trial else one.nct_id,
                    date=trial.date if trial else registered_about(one.nct_id),
                    is_fictional=bool(trial and trial.is_fictional),
                    strata={"origin": "label file"},
                    inputs=start,
                    gold=_gold(outcome),
                )
        if not made:
            why = "; ".join(f"{number} {reason}" for reason, number in left_out.most_common(3)) or "it holds no row"
            raise UserError(f"{', '.join(map(str, paths))}: no trial that {self.name} could ask about ({why}).")

    def prompt(self, sample: Sample[Start, Forecast]) -> str:
        """The trial's description and the question."""
        return (
            "You are an experienced clinical trialist. Below is a clinical trial as it was planned, at its start. "
            "Forecast whether it reaches its goal: a success meets its primary endpoint, or ends as planned with the "
            "result that its sponsor hoped for; a failure does not.\n\n"
            f"<trial>\n{describe(sample.inputs)}\n</trial>\n\n"
            "End your reply with one JSON object and nothing after it:\n"
            '{"outcome": "success" or "failure", "probability": probability of success, from 0 to 1}'
        )

    def reply(self, answer: Forecast) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Start, Forecast]) -> Forecast | Unreadable:
        """The forecast of a reply: its JSON object, lines such as `Outcome: success`, or a reply that is one word.

        A forecast without a probability is one made for certain; a probability without an outcome decides it at 0.5.
        """
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        found = [item for item in json_objects(text) if "outcome" in item or "probability" in item]
        if not found and "outcome" in (lines := labelled(text, _LINES)):
            found = [lines]
        if not found:
            outcome = _OUTCOME_WORDS.get(one_word(text) or "")
            return _gold(outcome) if outcome else Unreadable("no JSON object with an outcome")
        forecasts = [_forecast(item) for item in found]
        if unreadable := next((f for f in forecasts if isinstance(f, Unreadable)), None):
            return unreadable
        if len({f.outcome for f in forecasts if isinstance(f, Forecast)}) > 1:
            return Unreadable("several JSON objects with different outcomes")
        return forecasts[-1]

    def score(self, answer: Forecast | Unreadable, sample: Sample[Start, Forecast]) -> dict[str, float]:
        """Outcome and probability against the truth."""
        success = float(sample.gold.outcome == "success")
        said = answer if isinstance(answer, Forecast) else None
        return {
            "correct": float(said is not None and said.outcome == sample.gold.outcome),
            "unreadable": float(said is None),
            "success": success,
            "said_success": float(said.outcome == "success") if said else 1 - success,
            "probability": said.probability if said else 1 - success,
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """Half for the outcome, half for the probability (1 - Brier): most for saying what one believes.

        Each half is a proper scoring rule, so that no other reply earns more on average.
        """
        return (scores["correct"] + 1 - (scores["probability"] - scores["success"]) ** 2) / 2

    def text(self, sample: Sample[Start, Forecast]) -> str:
        """The trial's description."""
        return describe(sample.inputs)

    def labels(self, sample: Sample[Start, Forecast]) -> Sequence[str]:
        """Success and failure."""
        return ("success", "failure")

    def label(self, sample: Sample[Start, Forecast]) -> str:
        """What became of it."""
        return sample.gold.outcome

    def decide(self, probabilities: Mapping[str, float], priors: Mapping[str, float]) -> Forecast:
        """A success where that is likelier than it is in general, so that the rarer outcome is forecast too."""
        probability = min(1.0, max(0.0, probabilities.get("success", 0.0)))
        prior = priors.get("success", 0.0)
        # Without evidence the two are equal, and the more frequent outcome is the better guess.
        likelier = probability > prior if not math.isclose(probability, prior, abs_tol=1e-9) else prior >= 0.5
        return Forecast("success" if likelier else "failure", round(probability, 6))

    def features(self, sample: Sample[Start, Forecast]) -> Mapping[str, str | float]:
        """Design facts as words; sizes, and what the criteria speak of, as numbers from about 0 to 2."""
        start = sample.inputs
        facts: dict[str, str | float] = {
            "allocation": start.allocation or "unknown",
            "intervention_model": start.intervention_model or "unknown",
            "masking": start.masking or "unknown",
            "primary_purpose": start.primary_purpose or "unknown",
            "lead_sponsor_class": start.lead_sponsor_class or "unknown",
            "has_dmc": str(start.has_dmc),
            "phases": len(start.phases) / 2,
            "arms": min(start.number_of_arms or len(start.arms), 10) / 5,
            "conditions": min(len(start.conditions), 10) / 5,
            "interventions": min(len(start.interventions), 10) / 5,
        }
        for phase in start.phases:
            facts[f"phase={phase}"] = 1.0
        names = " ; ".join(intervention.name for intervention in start.interventions)
        facts["intervention_name_length"] = len(names) / max(1, len(start.interventions)) / 50
        for name, told in _TOLD_BY_NAMES.items():
            facts[name] = float(bool(told.search(names)))
        facts["cancer"] = float(bool(_CANCER.search(" ; ".join(start.conditions))))
        facts |= _criteria_facts(start.criteria or "")
        return facts


_CANCER = re.compile(r"(?i)cancer|carcin|tumou?r|neoplas|leuka?em|lymphom|melanom|sarcoma|gliom|myelom|blastom|metasta")
_TOLD_BY_NAMES = {
    # A code in place of a name: the drug was new to its makers' own patients.
    "intervention_code": re.compile(r"(?i)\b[a-z]{1,5}[- ]?\d{3,}"),
    "intervention_placebo": re.compile(r"(?i)placebo|sham|saline"),
    "intervention_radiation": re.compile(r"(?i)radi(?:o|ation)"),
    "intervention_dose": re.compile(r"(?i)\d ?m?g\b|dose|cohort"),
}
_TOLD_BY_CRITERIA = {
    "healthy": r"healthy",
    "body_mass": r"\bbmi\b|body mass",
    "performance": r"\becog\b|karnofsky|performance status",
    "smoking": r"smok",
    "consent": r"consent",
    "life_expectancy": r"life expectancy",
    "transplant": r"transplant",
    "refractory": r"refractory",
    "children": r"child|pa?ediatric",
    "patient_characteristics": r"patient characteristics",
}
_ITEM = re.compile(r"(?m)^\s*(?:[-*•]|\d+[.)])\s")


def _criteria_facts(criteria: str) -> dict[str, float]:
    lowered = criteria.lower()
    cut = lowered.find("exclusion")
    parts = {"inclusion": criteria if cut < 0 else criteria[:cut], "exclusion": "" if cut < 0 else criteria[cut:]}
    length = max(1, len(criteria))
    ages = [int(age) for age in re.findall(r"(\d{2})\s*(?:years|yrs)", lowered)]
    facts = {
        "criteria_length": math.log1p(len(criteria)) / 5,
        "criteria_words": len(set(lowered.split())) / 300,
        "criteria_line_length": min(len(criteria) / max(1, len(_ITEM.findall(criteria))), 2_000) / 500,
        "criteria_capitals": sum(map(str.isupper, criteria)) / length * 10,
        "criteria_digits": sum(map(str.isdigit, criteria)) / length * 10,
        "criteria_limits": len(re.findall(r"[≥≤<>]=?", criteria)) / 10,
        "criteria_weeks": lowered.count("week") / 10,
        "criteria_months": lowered.count("month") / 10,
        "criteria_denials": len(re.findall(r"\b(?:no|not)\b", lowered)) / 10,
        "criteria_greatest_age": max(ages, default=0) / 50,
    }
    for name, text in parts.items():
        facts[f"{name}_length"] = math.log1p(len(text)) / 5
        facts[f"{name}_items"] = len(_ITEM.findall(text)) / 20
    return facts | {
        f"criteria_{name}": float(bool(re.search(told, lowered))) for name, told in _TOLD_BY_CRITERIA.items()
    }


def _gold(outcome: Outcome) -> Forecast:
    return Forecast(outcome, float(outcome == "success"))


def _forecast(item: Mapping[str, object]) -> Forecast | Unreadable:
    given = item.get("probability")
    probability = None if given is None else probability_of(given)
    if given is not None and probability is None:
        return Unreadable("the probability is no number from 0 to 1")
    said = item.get("outcome")
    if said is None and probability is not None:
        return Forecast("success" if probability >= 0.5 else "failure", probability)
    outcome = _OUTCOME_WORDS.get(words(said)) if isinstance(said, str) else None
    if outcome is None:
        return Unreadable("the outcome is neither success nor failure")
    return _gold(outcome) if probability is None else Forecast(outcome, probability)


# --- label files beside a warehouse


def _shuffled(one: Labelled) -> str:
    return hashlib.md5(f"{SEED}:{one.nct_id}".encode(), usedforsecurity=False).hexdigest()


def _known(con: duckdb.DuckDBPyConnection, nct_ids: Iterable[str]) -> dict[str, Trial]:
    """The warehouse's trials by NCT number."""
    wanted = set(nct_ids)
    study = {
        id: study_id
        for study_id, id in con.execute(
            "SELECT study_id, id FROM identifiers WHERE register = 'clinicaltrials_gov' AND role <> 'organisation' "
            "ORDER BY study_id DESC"
        ).fetchall()
        if id in wanted
    }
    found = {trial.study_id: trial for trial in trials_of(con, sorted(set(study.values())))}
    return {id: found[study_id] for id, study_id in study.items() if study_id in found}


def _joined(one: Labelled, trial: Trial | None) -> Start | None:
    """What the warehouse and the file tell of the start; none where that is too little to go by."""
    start = trial.start if trial else one.start
    if start is None:
        return None
    if trial and one.start:
        told = {name: getattr(one.start, name) for name in Start.__struct_fields__ if not getattr(start, name)}
        start = msgspec.structs.replace(start, **told)
    is_told = start.title or start.conditions or start.interventions or len(start.criteria or "") >= _LEAST_CRITERIA
    return start if is_told else None


TASK = OutcomePrediction()
