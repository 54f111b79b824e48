"""A forecast of one draft: what it says, what it may not see, how two drafts differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.forecast.made import XML, Made
from trialpanorama.designs import read_draft
from trialpanorama.errors import UserError
from trialpanorama.forecast import OUTCOMES, Forecast, Prediction, find_model
from trialpanorama.forecast.prediction import Completion, Reason
from trialpanorama.record import Condition, Identifier, Intervention, Record

DRAFT = Record(
    id="DRAFT",
    public_title="Fictumab lozenge in Gloaming Fever",
    study_type="INTERVENTIONAL",
    phases=["PHASE2"],
    conditions=[Condition(name="Gloaming Fever")],
    interventions=[Intervention(name="Fictumab lozenge", type="DRUG")],
    eligibility_criteria="Inclusion Criteria:\n- Speckled nails\nExclusion Criteria:\n- Night shifts",
)
SPRAY = msgspec.structs.replace(
    DRAFT, interventions=[Intervention(name="Fictumab spray", type="DRUG")], public_title="Fictumab spray"
)


@pytest.fixture(scope="module")
def lozenge(fitted: Made) -> Prediction:
    return fitted.forecast.predict(DRAFT)


def test_the_signal_is_found_and_named(fitted: Made, lozenge: Prediction) -> None:
    spray = fitted.forecast.predict(SPRAY)
    assert lozenge.probability > 0.6 > 0.4 > spray.probability
    assert lozenge.reasons[0].points > 0 > spray.reasons[0].points
    assert lozenge.reasons[0].place == "Interventions"
    assert "lozenge" in lozenge.reasons[0].words
    assert "spray" in next(reason for reason in spray.reasons if reason.kind == "text").words
    assert "lozenge" in next(reason for reason in spray.reasons if reason.kind == "absent").words


def test_figures_are_coherent(lozenge: Prediction) -> None:
    low, high = lozenge.interval
    assert 0 <= low < lozenge.probability < high <= 1
    assert set(lozenge.classes) == set(OUTCOMES)
    assert sum(lozenge.classes.values()) == pytest.approx(1, abs=1e-4)
    assert lozenge.classes["success"] == lozenge.probability
    completion = lozenge.completion
    assert isinstance(completion, Completion)
    assert completion.interval[0] < completion.risk < completion.interval[1]
    assert sum(one.probability for one in completion.likely_reasons) == pytest.approx(1, abs=1e-3)
    assert completion.likely_reasons == sorted(completion.likely_reasons, key=lambda one: -one.probability)


def test_json_has_the_promised_keys(lozenge: Prediction) -> None:
    said = msgspec.json.decode(msgspec.json.encode(lozenge))
    assert {"probability", "interval", "reasons", "completion", "similar", "model"} <= set(said)
    assert {"classes", "expected", "fictional", "notes"} <= set(said)
    assert said["fictional"] is True
    assert said["model"]["is_fictional"] is True
    assert said["model"]["n"] == 200
    assert said["notes"][0].startswith("FICTIONAL")


def test_points_are_what_is_lost_without_the_reason(lozenge: Prediction) -> None:
    for reason in lozenge.reasons:
        assert reason.effect * reason.points > 0 or abs(reason.points) < 0.01
        assert abs(reason.points) <= 100 * max(lozenge.probability, 1 - lozenge.probability)
    effects = [abs(reason.effect) for reason in lozenge.reasons if reason.kind != "absent"]
    assert effects == sorted(effects, reverse=True)
    assert [reason.kind for reason in lozenge.reasons].index("absent") == len(lozenge.reasons) - 1


_AFTER_THE_START: dict[str, Callable[[str], str]] = {
    "status": lambda xml: xml.replace(">Terminated<", ">Completed<"),
    "why_stopped": lambda xml: re.sub(r"<why_stopped>.*?</why_stopped>", "", xml, flags=re.DOTALL),
    "enrollment": lambda xml: re.sub(r'<enrollment type="Actual">\d+', '<enrollment type="Actual">4444', xml),
    "target": lambda xml: re.sub(r'<enrollment type="Actual">\d+', '<enrollment type="Anticipated">90', xml),
    "dates": lambda xml: re.sub(r"January 15, 2091|November 30, 2090|February 2090", "June 2099", xml),
    "results": lambda xml: re.sub(r"<clinical_results>.*?</clinical_results>", "", xml, flags=re.DOTALL),
    "sites": lambda xml: re.sub(r"<location>.*?</location>", "", xml, flags=re.DOTALL),
    "summary": lambda xml: re.sub(
        r"<brief_summary>.*?</brief_summary>",
        "<brief_summary><textblock>It was stopped: 3 of 41 died.</textblock></brief_summary>",
        xml,
        flags=re.DOTALL,
    ),
    "references": lambda xml: re.sub(r"<results_reference>.*?</results_reference>", "", xml, flags=re.DOTALL),
    "outcomes": lambda xml: re.sub(r"<(primary|secondary|other)_outcome>.*?</\1_outcome>", "", xml, flags=re.DOTALL),
}


@pytest.mark.parametrize("name", _AFTER_THE_START)
def test_nothing_after_the_start_reaches_the_model(fitted: Made, name: str) -> None:
    """Each part of a real export that tells the end is changed: the forecast is the same to the last digit."""
    xml = XML.read_text(encoding="utf-8")
    changed = _AFTER_THE_START[name](xml)
    assert changed != xml
    one, other = (fitted.forecast.predict(read_draft(text.encode(), "t.xml")) for text in (xml, changed))
    assert one == other


def test_a_trial_that_it_was_fitted_on_is_called_known(fitted: Made) -> None:
    known = msgspec.structs.replace(DRAFT, id="NCT99500000", register="clinicaltrials_gov")
    prediction = fitted.forecast.predict(known)
    assert prediction.model.knows_trial
    assert any("no forecast of it" in note for note in prediction.notes)
    also = msgspec.structs.replace(DRAFT, identifiers=[Identifier(id="NCT99500001", role="secondary")])
    assert fitted.forecast.predict(also).model.knows_trial
    named = msgspec.structs.replace(DRAFT, identifiers=[Identifier(id="NCT99500001", role="mentioned")])
    assert not fitted.forecast.predict(named).model.knows_trial


def test_what_the_draft_lacks_is_said(fitted: Made) -> None:
    poor = Record(id="DRAFT", public_title="A fictional trial of something", language="de", study_type="OBSERVATIONAL")
    notes = " ".join(fitted.forecast.predict(poor).notes)
    for said in ("conditions, interventions, eligibility criteria", "not in English", "from interventional trials"):
        assert said in notes


def test_two_drafts_are_compared(fitted: Made, lozenge: Prediction) -> None:
    found = fitted.forecast.compare(SPRAY, DRAFT, sources=("spray", "lozenge"))
    assert found.difference == pytest.approx(lozenge.probability - found.first.probability, abs=1e-6)
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.interval[0] > 0, "the signal is strong"
    places = {reason.place for reason in found.reasons}
    assert {"Interventions (first)", "Interventions (second)"} <= places
    same = fitted.forecast.compare(DRAFT, DRAFT)
    assert (same.difference, same.interval, same.reasons) == (0, (0, 0), [])
    back = fitted.forecast.compare(DRAFT, SPRAY)
    assert back.difference == pytest.approx(-found.difference)


def test_where_a_model_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRIALPANORAMA_MODEL", raising=False)
    assert find_model(None, tmp_path / "house") == tmp_path / "house.models" / "forecast"
    monkeypatch.setenv("TRIALPANORAMA_MODEL", str(tmp_path / "mine"))
    assert find_model() == tmp_path / "mine"
    assert find_model(tmp_path / "named") == tmp_path / "named"
    with pytest.raises(UserError, match="trialpanorama outcome fit"):
        Forecast.open()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "card.json").write_text("[]")
    with pytest.raises(UserError, match="Fit anew"):
        Forecast.open()


def test_reasons_are_of_the_text(lozenge: Prediction) -> None:
    said = [reason for reason in lozenge.reasons if reason.kind == "text"]
    whole = " ".join(
        [DRAFT.public_title or "", DRAFT.eligibility_criteria or "", "Fictumab lozenge", "Gloaming Fever", "phase2"]
    )
    assert said
    for reason in said:
        assert isinstance(reason, Reason)
        assert all(word in whole.lower() + " drug interventional" for word in reason.words), reason


def test_a_language_model_gives_a_second_opinion(fitted: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The odds come from training; what is asked is the task's own prompt, of what was known at the start."""
    from trialpanorama.forecast.predicting import SecondOpinion
    from trialpanorama.train import scoring

    prompts: list[str] = []

    class Odds:
        calibrated_on = 7

        def probabilities(self, prompt: str) -> dict[str, float]:
            prompts.append(prompt)
            return {"success": 0.25, "failure": 0.75}

    monkeypatch.setattr(scoring, "odds_of", lambda run, warehouse, names: [Odds()])
    opinion = SecondOpinion(tmp_path / "run-1", fitted.warehouse).of(read_draft(XML.read_bytes(), XML.name))
    assert (opinion.name, opinion.probability, opinion.calibrated_on) == ("run-1", 0.25, 7)
    assert "Fictamab" in prompts[0]
    assert not any(said in prompts[0] for said in ("Terminated", "Slow accrual", "2091", "NCT99000101"))
