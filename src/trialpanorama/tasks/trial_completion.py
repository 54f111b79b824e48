"""Will this trial be completed, or stopped, and why: from what was known at its start.

Completed is COMPLETED, stopped is TERMINATED or WITHDRAWN. SUSPENDED, UNKNOWN and trials that still run are neither,
left out and counted. The reason is read by the rules below out of the sponsor's own words; a stopped trial without
words stays in the outcome's figures and out of the reason's.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import msgspec

from trialpanorama.tasks import NOT_NEEDED, LabelTask, Metric, Sample, Split, Unreadable
from trialpanorama.tasks._replies import json_objects, labelled, one_word, probability_of, spoken, words
from trialpanorama.tasks._scores import auroc, calibration_slope, recall_mean, share
from trialpanorama.tasks._trials import Start, count, describe, trials

if TYPE_CHECKING:
    import duckdb

Outcome = Literal["complete", "stopped"]
Reason = Literal["enrollment", "feasibility", "efficacy", "regulatory", "safety", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
REASON_MEANINGS: dict[Reason, str] = {
    "enrollment": "too few participants, or none",
    "feasibility": "money, staff, supplies, logistics, or a business decision of the sponsor",
    "efficacy": "lack of efficacy, or futility",
    "regulatory": "a regulator, an ethics committee or an approval",
    "safety": "harm to participants, or fear of it",
    "other": "anything else",
}


class Forecast(msgspec.Struct, frozen=True):
    """What becomes of a trial."""

    outcome: Outcome
    probability: float
    """That the trial is completed, 0 to 1."""
    reason: Reason | None = None
    """Why it is stopped; none for a completed trial, or where no reason is given."""


# --- why a trial stopped

_REST = r"(?:(?!\bbut\b)[^.;])*"
_DENIED = re.compile(
    rf"""
      \b(?:not|un|never|nor)[-\ ]?\ *(?:\w+\ )?
        (?:related|relating|due|based|because|caused|driven|attributable|connected|linked|(?:a|the)\ result|for
          |prompted|associated)\b{_REST}
    | \b(?:no|without|neither|independent\ of|irrespective\ of|rather\ than|other\ than|absence\ of)[ ]
        (?:\w+[ ,/]+){{0,3}}?(?:safety|toxicit\w*|adverse|side[- ]effects?|harm|tolerability|quality)\b{_REST}
    | \b(?:data\ (?:and\ |&\ )?)?safety\ (?:and\ |&\ )?(?:data\ )?(?:monitoring|review)\ (?:board|committee|group)
    | \bdata\ (?:and\ |&\ )?safety\ (?:monitoring\ )?(?:board|committee) | \bnon-?\ ?safety\b
    | \bsafety\b[^.;]*\b(?:characteri[sz]ed|established|confirmed|follow-?\ ?up)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Reasons that the words deny, and boards whose names hold the word safety."""
_RULES: dict[Reason, str] = {
    "safety": r"""
        safety | toxic | adverse | side.?effect | \bs?aes?\b | \bsusars?\b | death | \bdied\b | mortality | \bharm
        | unacceptable\ (?:risk|event) | risk.{0,3}(?:to.|and.)?benefit | benefit.{0,3}(?:to.)?risk | \bdlts?\b
        | abnormal\ (?:\w+\ ){0,2}tests? | tolerability | not\ (?:well\ )?tolerated | poor\ tolerance
    """,
    "efficacy": r"""
        futil | ineffective | inefficac | not\ (?:\w+\ )?(?:effective|efficacious)
        | \b(?:lack|lacking|absence|insufficient|inadequate|no|low|poor|limited|without|negative|disappointing)\b
          [^.;]{0,40}\b(?:efficac|effects?\b|benefit|respons|activity|improve|superiority|difference)
        | (?:^|[.;])(?![^.;]*(?:enrol|accru|recruit|inclusion))[^.;]*
          \b(?:(?:did|does|do|has|was|were|would|could)(?:\ not|n't)|fail(?:ed|ure|s)?\ to|unlikely\ to)\ (?:\w+\ )?
          (?:meet|met|reach|achiev|attain|show|demonstrat|improve|merit|support|establish|succeed)
        | fell\ short | results?\W+(?:were\ |was\ )?negative | conditional\ power | efficacy\ (?:\w+\ ){0,3}not
        | (?:negative|unfavou?rable|disappointing)\ (?:\w+\ )?(?:results?|data|outcome|interim)
    """,
    "regulatory": r"""
        \b(?:fda|ema|mhra|anvisa|bfarm|ansm|irb|iec|rec|gdpr)\b | regulator | ethic | review\ board | approv
        | authori[sz]ation | authorit | health\ canada | clinical\ hold | licen[cs] | non-?complian | \bagency\b
        | legislation | \blegal\b
    """,
    "enrollment": r"""
        enrol | accru | recruit
        | \b(?:lack|shortage|insufficient|inadequate|low|small|limited|no|few|fewer|not\ enough|unable|difficult\w*
            |poor|slow|zero|0|failure|problem\w*)\b[^.;]{0,40}
          \b(?:particip|patients?|subjects?|volunteer|inclu|cases?\b|candidate|sample|eligible|uptake|number)
        | inclusions?\ (?:rate|too|was|were|difficult|slow|low) | nobody
        | (?:patients?|participants?|subjects?)\ (?:\w+\ )?(?:un)?(?:willing|availab|interest)
    """,
    "feasibility": r"""
        fund | financ | budget | money | monetary | \bcosts?\b | grant | econom | business | commercial | strateg
        | compan | sponsor | corporate | portfolio | priorit | marketing | bankrupt | insolv
        | acqui(?:red|sition) | merger | investigator | \bp\.?i\b | staff | personnel | resourc | logist | feasib
        | equipment | suppl(?:y|ies|ier) | \b(?:un)?availab | shortage | manufactur | contract | agreement | covid
        | pandemic | corona | sars-cov | \btime\b | operational | technical | administrative | capacity | \bsites?\b
        | center | centre | hospital | moved | relocat | \bleft\b | depart(?:ure|ed) | retire
        | no\ longer\ (?:at|with|employed) | student | fellow | resident | collaborat | partner | support | expired
        | recall | software | device | workload | infrastructure | delay | (?:not|never)\ (?:started|initiated|beg[au]n)
    """,
}
_READ = tuple((reason, re.compile(rule, re.VERBOSE | re.IGNORECASE)) for reason, rule in _RULES.items())


def reason_of(why_stopped: str | None) -> Reason | None:
    """The class of a sponsor's words on why a trial stopped; none where there are no words.

    What the words deny ("not related to safety") is taken out first. Where they give several reasons the gravest
    counts: harm, then futility, regulators, participants, money and means.
    """
    if not why_stopped or not re.search(r"[^\W\d_]", why_stopped):
        return None
    text = _DENIED.sub(" ", why_stopped)
    return next((reason for reason, rule in _READ if rule.search(text)), "other")


# --- the task

_OUTCOME_WORDS: dict[str, Outcome] = {
    "complete": "complete",
    "completed": "complete",
    "completion": "complete",
    "stopped": "stopped",
    "stop": "stopped",
    "terminated": "stopped",
    "terminate": "stopped",
    "termination": "stopped",
    "withdrawn": "stopped",
}
_REASON_WORDS: dict[str, Reason] = {
    **{reason: reason for reason in REASONS},
    "enrollment issues": "enrollment",
    "enrolment": "enrollment",
    "enrolment issues": "enrollment",
    "recruitment": "enrollment",
    "accrual": "enrollment",
    "feasibility issues": "feasibility",
    "lack of efficacy": "efficacy",
    "futility": "efficacy",
    "regulatory approval": "regulatory",
    "regulatory approval issues": "regulatory",
    "regulatory issues": "regulatory",
    "approval": "regulatory",
    "safety issues": "safety",
}
_LABEL_OF_UNSAID = "unsaid"
_LINES = frozenset(["outcome", "probability", "reason"])


class TrialCompletion(LabelTask[Start, Forecast]):
    """Complete or stopped, and why."""

    name = "trial_completion"
    version = 3
    title = "Trial completion"
    meaning = "From what was known at its start: will the trial be completed or stopped, how likely, and why."
    most_samples: ClassVar[Mapping[Split, int]] = {"train": 100_000, "validation": 2_000, "test": 5_000}
    inputs = Start
    answer = Forecast
    metrics = (
        Metric(
            "balanced_accuracy",
            "Balanced accuracy of the outcome",
            "higher",
            "Share of completed trials called complete and of stopped trials called stopped, averaged; an unreadable "
            "reply is wrong",
            lambda c: recall_mean(c["complete"], c["correct"]),
            0.5,
        ),
        Metric(
            "auroc",
            "AUROC",
            "higher",
            "Chance that a completed trial is given a higher probability of completion than a stopped one; an "
            "unreadable reply counts as the wrong answer given for certain",
            lambda c: auroc(c["complete"], c["probability"]),
            0.5,
        ),
        Metric(
            "brier",
            "Brier score",
            "lower",
            "Mean squared distance between the probability of completion and what happened (1 or 0); an unreadable "
            "reply counts 1",
            lambda c: share((c["probability"] - c["complete"]) ** 2),
        ),
        Metric(
            "calibration_slope",
            "Calibration slope",
            "one",
            "Slope of what happened on the log-odds of the forecast: below 1 is too extreme, above 1 too timid; not "
            "defined where all forecasts are equal",
            lambda c: calibration_slope(c["complete"], c["probability"]),
        ),
        Metric(
            "reason_balanced_accuracy",
            "Balanced accuracy of the reason",
            "higher",
            "Over all truly stopped trials whose sponsor gave a reason, whatever outcome was forecast: share of right "
            "reasons within each true reason, averaged over the reasons that occur",
            lambda c: recall_mean(c["reason"][c["reason"] >= 0], c["reason_correct"][c["reason"] >= 0]),
        ),
    )

    def samples(
        self, con: duckdb.DuckDBPyConnection, split: Split, left_out: Counter[str] | None = None
    ) -> Iterator[Sample[Start, Forecast]]:
        """The finished trials of a split."""
        counted: Counter[str] = Counter() if left_out is None else left_out
        made = 0
        for read, trial in enumerate(trials(con, split)):
            if made == self.most_samples[split]:
                counted[NOT_NEEDED] += count(con, split) - read
                return
            if trial.start.trial_type not in ("INTERVENTIONAL", "OBSERVATIONAL"):
                counted["neither interventional nor observational"] += 1
            elif trial.outcome_type not in ("COMPLETED", "STOPPED"):
                counted[f"status {trial.status or 'not given'}"] += 1
            elif trial.registered_after_end:
                counted["registered after its end"] += 1
            elif trial.is_stop_from_title:  # its register would tell the answer: of no other end is anything shown
                counted["called off by its title alone"] += 1
            elif len(words(trial.start.title).split()) < 3:
                counted["no title to go by"] += 1
            else:
                made += 1
                complete = trial.outcome_type == "COMPLETED"
                yield Sample(
                    id=f"{trial.study_id}@{self.version}",
                    subject=trial.study_id,
                    split=split,
                    group=trial.group,
                    date=trial.date,
                    is_fictional=trial.is_fictional,
                    inputs=trial.start,
                    gold=Forecast("complete", 1.0)
                    if complete
                    else Forecast("stopped", 0.0, reason_of(trial.why_stopped)),
                )

    def prompt(self, sample: Sample[Start, Forecast]) -> str:
        """The trial's description and the question."""
        reasons = "\n".join(f'- "{reason}": {meaning}' for reason, meaning in REASON_MEANINGS.items())
        return (
            "You are an experienced clinical trialist. Below is a clinical trial as it was planned, at its start. "
            "Forecast what becomes of it: it is either completed as planned, or stopped (terminated early, or "
            f"withdrawn before the first participant).\n\n<trial>\n{self.text(sample)}\n</trial>\n\n"
            f"If it is stopped, the main reason is one of:\n{reasons}\n\n"
            "End your reply with one JSON object and nothing after it:\n"
            '{"outcome": "complete" or "stopped", "probability": probability that the trial is completed, from 0 to 1, '
            '"reason": the most likely reason if it is stopped, or null}'
        )

    def reply(self, answer: Forecast) -> str:
        """The JSON object that the prompt asks for."""
        return msgspec.json.encode(answer).decode()

    def read(self, reply: str, sample: Sample[Start, Forecast]) -> Forecast | Unreadable:
        """The forecast of a reply: its JSON object, lines such as `Outcome: complete`, or a reply that is one word.

        A forecast without a probability is one made for certain. A reason that is none of the list is no reason.
        """
        text = spoken(reply)
        if not text:
            return Unreadable("the reply is empty, or ends within a thought")
        found = [item for item in json_objects(text) if "outcome" in item]
        if not found and "outcome" in (lines := labelled(text, _LINES)):
            found = [lines]
        if not found:
            outcome = _OUTCOME_WORDS.get(one_word(text) or "")
            if outcome is None:
                return Unreadable("no JSON object with an outcome")
            return Forecast(outcome, float(outcome == "complete"))
        forecasts = [_forecast(item) for item in found]
        if unreadable := next((f for f in forecasts if isinstance(f, Unreadable)), None):
            return unreadable
        if len({f.outcome for f in forecasts if isinstance(f, Forecast)}) > 1:
            return Unreadable("several JSON objects with different outcomes")
        return forecasts[-1]

    def score(self, answer: Forecast | Unreadable, sample: Sample[Start, Forecast]) -> dict[str, float]:
        """Outcome, probability and reason against the truth; `reason` is the true class, -1 where it is not scored."""
        gold = sample.gold
        complete = float(gold.outcome == "complete")
        said = answer if isinstance(answer, Forecast) else None
        return {
            "correct": float(said is not None and said.outcome == gold.outcome),
            "unreadable": float(said is None),
            "complete": complete,
            "probability": said.probability if said else 1 - complete,
            "reason": float(REASONS.index(gold.reason)) if gold.reason else -1.0,
            "reason_correct": float(said is not None and gold.reason is not None and said.reason == gold.reason),
        }

    def reward(self, scores: Mapping[str, float]) -> float:
        """Half for the outcome, half for the probability (1 - Brier): most for saying what one believes.

        Each half is a proper scoring rule, so that no other reply earns more on average.
        """
        return (scores["correct"] + 1 - (scores["probability"] - scores["complete"]) ** 2) / 2

    def text(self, sample: Sample[Start, Forecast]) -> str:
        """The trial's description, and who runs it."""
        sponsor = sample.inputs.lead_sponsor
        return describe(sample.inputs) + (f"\nName of the lead sponsor: {sponsor}" if sponsor else "")

    def labels(self, sample: Sample[Start, Forecast]) -> Sequence[str]:
        """Complete, or a reason for being stopped."""
        return ("complete", *REASONS, _LABEL_OF_UNSAID)

    def label(self, sample: Sample[Start, Forecast]) -> str:
        """Complete, or why it stopped; `unsaid` where the sponsor does not say."""
        return "complete" if sample.gold.outcome == "complete" else sample.gold.reason or _LABEL_OF_UNSAID

    def decide(self, probabilities: Mapping[str, float], priors: Mapping[str, float]) -> Forecast:
        """Complete where that is likelier than it is in general, so that the rarer outcome is forecast too."""
        probability = min(1.0, max(0.0, probabilities.get("complete", 0.0)))
        prior = priors.get("complete", 0.0)
        # Without evidence the two are equal, and the more frequent outcome is the better guess.
        likelier = probability > prior if not math.isclose(probability, prior, abs_tol=1e-9) else prior >= 0.5
        return Forecast(
            "complete" if likelier else "stopped",
            round(probability, 6),
            max(REASONS, key=lambda reason: probabilities.get(str(reason), 0.0)),
        )

    def features(self, sample: Sample[Start, Forecast]) -> Mapping[str, str | float]:
        """Design facts as words, sizes as numbers."""
        start = sample.inputs
        facts: dict[str, str | float] = {
            "trial_type": start.trial_type or "unknown",
            "allocation": start.allocation or "unknown",
            "intervention_model": start.intervention_model or "unknown",
            "masking": start.masking or "unknown",
            "primary_purpose": start.primary_purpose or "unknown",
            "lead_sponsor": words(start.lead_sponsor or "unknown"),
            "lead_sponsor_class": start.lead_sponsor_class or "unknown",
            "sex": start.sex or "unknown",
            "has_dmc": str(start.has_dmc),
            "healthy_volunteers": str(start.healthy_volunteers),
            "arms": min(start.number_of_arms or len(start.arms), 10) / 5,
            "interventions": min(len(start.interventions), 10) / 5,
            "conditions": min(len(start.conditions), 10) / 5,
            "criteria_length": math.log1p(len(start.criteria or "")) / 5,
        }
        # Departments and programmes of one organisation share words of their names.
        for word in words(start.lead_sponsor or "").split():
            facts[f"sponsor={word}"] = 1.0
        for phase in start.phases:
            facts[f"phase={phase}"] = 1.0
        for intervention in start.interventions:
            facts[f"intervention={intervention.type}"] = 1.0
        return facts


def _forecast(item: Mapping[str, object]) -> Forecast | Unreadable:
    said = item["outcome"]
    outcome = _OUTCOME_WORDS.get(words(said)) if isinstance(said, str) else None
    if outcome is None:
        return Unreadable("the outcome is neither complete nor stopped")
    given = item.get("probability")
    probability = float(outcome == "complete") if given is None else probability_of(given)
    if probability is None:
        return Unreadable("the probability is no number from 0 to 1")
    reason = item.get("reason")
    return Forecast(outcome, probability, _REASON_WORDS.get(words(reason)) if isinstance(reason, str) else None)


TASK = TrialCompletion()
