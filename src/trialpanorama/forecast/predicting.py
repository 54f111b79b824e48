"""Ask a fitted forecast about a draft."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.forecast.explaining import reasons
from trialpanorama.forecast.fitting import Card, trial_key
from trialpanorama.forecast.models import Model, Row, asked
from trialpanorama.forecast.ontology import Names
from trialpanorama.forecast.prediction import (
    OUTCOMES,
    Comparison,
    Completion,
    Fitted,
    Likely,
    Opinion,
    Prediction,
    Reason,
)
from trialpanorama.forecast.reading import start_of
from trialpanorama.tasks import AnyLabelTask
from trialpanorama.tasks.outcome_prediction import TASK as OUTCOME
from trialpanorama.tasks.trial_completion import REASON_MEANINGS, REASONS
from trialpanorama.tasks.trial_completion import TASK as COMPLETION
from trialpanorama.warehouse import find_warehouse

if TYPE_CHECKING:
    from trialpanorama.record import Record
    from trialpanorama.tasks._trials import Start
    from trialpanorama.warehouse import Warehouse

ENVIRONMENT_VARIABLE = "TRIALPANORAMA_MODEL"
SIMILAR = 10
_Z = 1.959964
_FEW = 200
"""Trials below which a model has learnt little more than the prior."""


def find_model(option: str | os.PathLike[str] | None = None, warehouse: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the fitted forecast: the option, else $TRIALPANORAMA_MODEL, else WAREHOUSE.models/forecast."""
    if given := option or os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(given)
    folder = find_warehouse(warehouse)
    return folder.with_name(f"{folder.name}.models") / "forecast"


class SecondOpinion:
    """A trained language model that forecasts success from the odds of its replies."""

    def __init__(self, run: Path, warehouse: Warehouse) -> None:
        """Load the model of a training run; the warehouse gives the samples that its odds are calibrated on.

        Raises UserError where there is no such run, or nothing to calibrate on.
        """
        from trialpanorama.train.scoring import odds_of

        self._name = run.name
        (self._odds,) = odds_of(run, warehouse, [OUTCOME.name])

    def of(self, record: Record) -> Opinion:
        """What it says of the trial that a Record plans."""
        chances = self._odds.probabilities(OUTCOME.prompt(asked(start_of(record))))
        return Opinion(
            name=self._name,
            probability=round(chances.get("success", 0.0), 6),
            calibrated_on=self._odds.calibrated_on,
        )


class Forecast:
    """A fitted forecast, ready to be asked."""

    def __init__(self, folder: Path, card: Card) -> None:
        self.folder, self.card = folder, card

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str] | None = None, warehouse: str | os.PathLike[str] | None = None
    ) -> Forecast:
        """Open the fitted forecast at a place (or where `find_model` looks); raises UserError if there is none."""
        place = find_model(folder, warehouse)
        try:
            content = (place / "card.json").read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"There is no fitted forecast at {place}. Fit one: trialpanorama outcome fit "
                "(--labels FILE... adds trials whose outcome is known)"
            ) from None
        try:
            return cls(place, msgspec.json.decode(content, type=Card))
        except msgspec.MsgspecError as error:
            raise UserError(
                f"{place / 'card.json'} is not a card of this version ({error}). Fit anew: trialpanorama outcome fit"
            ) from None

    @cached_property
    def outcome(self) -> Model:
        """The model of success."""
        return Model.open(self.folder / "outcome", self._names)

    @cached_property
    def _failure(self) -> Model | None:
        return Model.open(self.folder / "failure", self._names) if self.card.failure else None

    @cached_property
    def completion(self) -> Model | None:
        """The model of completion, where there is one."""
        return Model.open(self.folder / "completion", self._names) if self.card.completion else None

    @cached_property
    def _names(self) -> Names:
        return msgspec.json.decode((self.folder / "names.json").read_bytes(), type=Names)

    @cached_property
    def _seen(self) -> frozenset[bytes]:
        content = (self.folder / "seen.bin").read_bytes()
        return frozenset(content[at : at + 8] for at in range(0, len(content), 8))

    def knows(self, *ids: str) -> bool:
        """Whether any of these ids is of a trial that it was fitted on."""
        return any(trial_key(id) in self._seen for id in ids)

    def predict(
        self, record: Record, warehouse: Warehouse | None = None, *, source: str = "", similar: int = SIMILAR
    ) -> Prediction:
        """What will become of the trial that a Record plans; raises UserError where it says nothing to go by.

        With a warehouse, `similar` past trials and what became of them stand beside it.
        """
        return self._predict(record, warehouse, source, similar)[0]

    def compare(
        self, first: Record, second: Record, warehouse: Warehouse | None = None, *, sources: tuple[str, str] = ("", "")
    ) -> Comparison:
        """What changes between two drafts, and why."""
        one, refits_of_one = self._predict(first, warehouse, sources[0], SIMILAR)
        other, refits_of_other = self._predict(second, warehouse, sources[1], SIMILAR)
        difference = other.probability - one.probability
        spread = _Z * float((refits_of_other - refits_of_one).std(ddof=1))
        risks = (one.completion, other.completion)
        return Comparison(
            first=one,
            second=other,
            difference=round(difference, 6),
            interval=(round(max(difference - spread, -1.0), 6), round(min(difference + spread, 1.0), 6)),
            risk_difference=round(risks[1].risk - risks[0].risk, 6) if risks[0] and risks[1] else None,
            reasons=_changed(one, other),
            fictional=one.fictional or other.fictional,
        )

    def _predict(
        self, record: Record, warehouse: Warehouse | None, source: str, similar: int
    ) -> tuple[Prediction, Any]:
        start = start_of(record)
        model = self.outcome
        row, text, facts = _read(model, start, OUTCOME)
        probability = float(model.probabilities([row])[0, model.positive])
        refits = model.refitted([row])[0]
        low, high, spread = _interval(probability, refits)
        alike, expected = [], None
        if warehouse is not None and similar:
            from trialpanorama.designs import similar as find
            from trialpanorama.designs import summary

            alike = find(warehouse, record, similar)
            expected = summary(warehouse, alike)
        is_fictional = self.card.is_fictional or bool(warehouse and warehouse.manifest.is_fictional)
        ids = [record.id, *(one.id for one in record.identifiers if one.role in ("primary", "alias", "secondary"))]
        knows = self.knows(*ids)
        prediction = Prediction(
            title=record.public_title or record.scientific_title or "untitled",
            id=record.id if record.register else None,
            source=source,
            fictional=is_fictional,
            probability=round(probability, 6),
            interval=(low, high),
            classes=self._classes(start, probability),
            reasons=reasons(model, row, model.moved(row), text, facts, probability),
            completion=self._completion_of(start),
            similar=alike,
            expected=expected,
            model=self._fitted(knows),
            notes=self._notes(record, start, warehouse, knows),
        )
        return prediction, spread

    def _classes(self, start: Start, probability: float) -> dict[str, float]:
        """Success, and what is left shared out among the kinds of failure."""
        counts = self.card.failures
        total = sum(counts.values())
        # A kind that was never seen is not impossible.
        share: dict[str, float] = {
            kind: (counts.get(kind, 0) + 0.5) / (total + 0.5 * len(OUTCOMES[1:])) for kind in OUTCOMES[1:]
        }
        if (model := self._failure) is not None:
            row, _, _ = _read(model, start, OUTCOME)
            chances = dict(zip(model.shape.labels, model.probabilities([row])[0].tolist(), strict=True))
            unseen = sum(share[kind] for kind in share if kind not in chances)
            share |= {kind: chance * (1 - unseen) for kind, chance in chances.items()}
        return {"success": round(probability, 6)} | {
            kind: round((1 - probability) * part, 6) for kind, part in share.items()
        }

    def _completion_of(self, start: Start) -> Completion | None:
        model = self.completion
        if model is None:
            return None
        row, text, facts = _read(model, start, COMPLETION)
        chances = dict(zip(model.shape.labels, model.probabilities([row])[0].tolist(), strict=True))
        complete = chances["complete"]
        low, high, _ = _interval(complete, model.refitted([row])[0])
        said = {reason: chances.get(reason, 0.0) for reason in REASONS}
        total = sum(said.values()) or 1.0
        likely = [
            Likely(reason=reason, meaning=REASON_MEANINGS[reason], probability=round(chance / total, 4))
            for reason, chance in sorted(said.items(), key=lambda item: -item[1])
        ]
        return Completion(
            risk=round(1 - complete, 6),
            interval=(round(1 - high, 6), round(1 - low, 6)),
            usual=round(1 - model.usual, 6),
            likely_reasons=likely,
            reasons=reasons(model, row, model.moved(row), text, facts, 1 - complete, sign=-1.0),
            n=model.shape.n,
        )

    def _fitted(self, knows: bool) -> Fitted:
        card = self.card
        return Fitted(
            name=card.name,
            fitted_on=card.fitted_on,
            snapshot=card.snapshot,
            n=card.outcome.n,
            usual=round(self.outcome.usual, 6),
            date=card.date,
            is_fictional=card.is_fictional,
            is_shippable=card.is_shippable,
            licence=card.licence,
            knows_trial=knows,
        )

    def _notes(self, record: Record, start: Start, warehouse: Warehouse | None, knows: bool) -> list[str]:
        card = self.card
        found = []
        if card.is_fictional:
            found.append("FICTIONAL: the model was fitted on made-up trials; its figures mean nothing.")
        elif warehouse is not None and warehouse.manifest.is_fictional:
            found.append("FICTIONAL: the similar trials are made up.")
        if knows:
            found.append("The model was fitted on this trial, and has seen its end: this is no forecast of it.")
        if card.outcome.n < _FEW:
            found.append(f"Fitted on {card.outcome.n:,} trials: it knows little more than how many of them succeeded.")
        missing = [
            name
            for name, said in (
                ("conditions", start.conditions),
                ("interventions", start.interventions),
                ("eligibility criteria", start.criteria),
            )
            if not said
        ]
        if missing:
            found.append(f"The draft says nothing of {', '.join(missing)}: the forecast rests on little.")
        if start.trial_type not in (None, "INTERVENTIONAL"):
            found.append("Success was learnt from interventional trials, and this is none.")
        if record.language not in (None, "en"):
            found.append(f"Its texts are not in English ({record.language}); the model knows English words.")
        return found


def _read(model: Model, start: Start, task: AnyLabelTask) -> tuple[Row, str, Mapping[str, str | float]]:
    text, facts = model.described(start, task)
    return model.row(text, facts), text, facts


def _interval(probability: float, refits: Any) -> tuple[float, float, Any]:
    """95 % interval of a probability from the log-odds of refits, and the refits' probabilities about it.

    The refits say how far forecasts spread; the interval stands about the forecast itself, on the log-odds scale.
    """
    import numpy as np

    centre = math.log(max(probability, 1e-6)) - math.log(max(1 - probability, 1e-6))
    spread = float(refits.std(ddof=1))
    low, high = (1 / (1 + math.exp(-(centre + side * _Z * spread))) for side in (-1, 1))
    return round(low, 6), round(high, 6), 1 / (1 + np.exp(-(refits - refits.mean() + centre)))


def _changed(first: Prediction, second: Prediction) -> list[Reason]:
    """What only one of two drafts has among what moved it, as the change from the first to the second."""
    found = []
    keys = [{(reason.kind, reason.place, reason.text): reason for reason in one.reasons} for one in (first, second)]
    for key, reason in keys[1].items():
        before = keys[0].get(key)
        effect = reason.effect - (before.effect if before else 0.0)
        points = reason.points - (before.points if before else 0.0)
        found.append(
            msgspec.structs.replace(
                reason, place=f"{reason.place} ({'both' if before else 'second'})", effect=round(effect, 4),
                points=round(points, 2),
            )
        )  # fmt: skip
    for key, reason in keys[0].items():
        if key not in keys[1]:
            found.append(
                msgspec.structs.replace(
                    reason, place=f"{reason.place} (first)", effect=-reason.effect, points=-reason.points
                )
            )
    return sorted((one for one in found if abs(one.effect) >= 0.005), key=lambda reason: -abs(reason.effect))
