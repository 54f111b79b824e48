"""Arrays instead of fitted objects: the same forecasts, contributions that add up, nothing run when opened."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.forecast.made import FAST, Made
from tests.handmade import connection, many_trials
from trialpanorama.baselines.forecaster import Forecaster, Reader
from trialpanorama.errors import UserError
from trialpanorama.forecast.fitting import fit_model
from trialpanorama.forecast.models import Model
from trialpanorama.forecast.reading import restricted
from trialpanorama.tasks import AnySample
from trialpanorama.tasks.outcome_prediction import TASK as OUTCOME
from trialpanorama.tasks.trial_completion import TASK as COMPLETION


@pytest.fixture(scope="module")
def samples() -> tuple[list[AnySample], list[AnySample]]:
    con = connection(many_trials(150))
    return list(COMPLETION.samples(con, "train")), list(COMPLETION.samples(con, "test"))


def test_forecasts_are_those_of_the_forecaster(
    samples: tuple[list[AnySample], list[AnySample]], tmp_path: Path
) -> None:
    training, asked = samples
    fit_model(training, COMPLETION, "complete", FAST, 0, tmp_path / "model")
    model = Model.open(tmp_path / "model")
    told = model.shape.told
    known, new = (
        [msgspec.structs.replace(one, inputs=restricted(one.inputs, told)) for one in part]
        for part in (training, asked)
    )
    forecaster = Forecaster(FAST)
    forecaster.fit(known, COMPLETION)
    wanted = [[row[label] for label in model.shape.labels] for row in forecaster.probabilities(new)]
    assert len(model.shape.labels) > 2
    found = model.probabilities([model.row_of(one.inputs, COMPLETION) for one in asked])
    assert found == pytest.approx(np.array(wanted), abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "Title: a Fictumab-resistant Über-fever, 5 mg/kg; \u00abno\u00bb ß\u0130 x",
        "one\ttwo   three\u00a0four\x1cfive\n\nsix a b",
        "",
        "word " * 200,
    ],
)
def test_words_and_letters_are_cut_as_scikit_learn_cuts_them(fitted: Made, text: str) -> None:
    training = list(OUTCOME.samples_from([fitted.labels], "train"))
    extra = msgspec.structs.replace(training[0], inputs=msgspec.structs.replace(training[0].inputs, title=text))
    reader = Reader([extra] * 5 + training, OUTCOME)
    said, _ = reader.transform([extra])
    model = fitted.forecast.outcome
    shape = msgspec.structs.replace(
        model.shape,
        words=sorted(reader.words.vocabulary_, key=reader.words.vocabulary_.__getitem__),
        letters=sorted(reader.letters.vocabulary_, key=reader.letters.vocabulary_.__getitem__),
    )
    row = Model(shape, model.arrays | {"idf": np.concatenate([reader.words.idf_, reader.letters.idf_])}).row(
        OUTCOME.text(extra), {}
    )
    found = np.zeros(said.shape[1])
    found[row.columns] = row.values
    assert found == pytest.approx(said.toarray()[0], abs=1e-12)


def test_what_moved_a_forecast_adds_up_to_it(fitted: Made) -> None:
    model = fitted.forecast.outcome
    for sample in list(OUTCOME.samples_from([fitted.held_out], "test"))[:20]:
        row = model.row_of(sample.inputs, OUTCOME)
        probability = float(model.probabilities([row])[0, model.positive])
        moved = model.moved(row)
        assert moved.total == pytest.approx(math.log(probability / (1 - probability)), abs=1e-4)


def test_refits_lie_about_the_forecast(fitted: Made) -> None:
    model = fitted.forecast.outcome
    rows = [model.row_of(one.inputs, OUTCOME) for one in OUTCOME.samples_from([fitted.held_out], "test")]
    again = model.refitted(rows)
    assert again.shape == (len(rows), 5)
    assert np.isfinite(again).all()
    chances = model.probabilities(rows)[:, model.positive]
    assert np.corrcoef(again.mean(axis=1), np.log(chances / (1 - chances)))[0, 1] > 0.8
    one_by_one = np.vstack([model.refitted([row]) for row in rows[:5]])
    assert again[:5] == pytest.approx(one_by_one)


def test_a_pickle_in_the_folder_is_refused_not_run(fitted: Made, tmp_path: Path) -> None:
    class Mischief:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    folder = tmp_path / "model"
    folder.mkdir()
    for path in (fitted.forecast.folder / "outcome").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    np.save(folder / "idf.npy", np.array([Mischief()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is not a fitted model"):
        Model.open(folder)
    (folder / "idf.npy").write_bytes(pickle.dumps(Mischief()))
    with pytest.raises(UserError, match="is not a fitted model"):
        Model.open(folder)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_folder_is_one_sentence(fitted: Made, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="outcome fit"):
        Model.open(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(UserError, match="outcome fit"):
        Model.open(tmp_path)
