"""Leaks, looked for in real trials."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from trialpanorama import identifiers
from trialpanorama.build import build
from trialpanorama.tasks import SPLITS, AnySample, task
from trialpanorama.tasks._scores import auroc
from trialpanorama.tasks._trials import trials
from trialpanorama.warehouse import Warehouse


@pytest.fixture(scope="module")
def opened(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("real") / "w"
    build([shared_data / "registries" / "clinicaltrials_gov" / "ctg-studies.json.zip"], folder, workers=1)
    return Warehouse.open(folder)


def _samples(name: str, opened: Warehouse) -> list[AnySample]:
    con = opened.connect()
    return [sample for split in SPLITS for sample in task(name).samples(con, split)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trial_completion", "arm_design", "eligibility_design", "endpoint_design"])
def test_real_prompts_hold_no_registry_id(name: str, opened: Warehouse) -> None:
    samples = _samples(name, opened)
    assert len(samples) > 200
    assert not opened.manifest.is_fictional
    for sample in samples:
        prompt = task(name).prompt(sample)
        assert sample.subject not in prompt
        assert not identifiers.find(prompt)


@pytest.mark.slow
def test_real_prompts_do_not_tell_the_end(opened: Warehouse) -> None:
    """Neither the sponsor's words, nor words of status, nor what words can learn tell stopped trials apart."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    chosen, con = task("trial_completion"), opened.connect()
    why = {trial.study_id: trial.why_stopped for split in SPLITS for trial in trials(con, split)}
    samples = _samples("trial_completion", opened)
    texts = [chosen.text(sample) for sample in samples]
    for sample, text in zip(samples, texts, strict=True):
        assert not why[sample.subject] or why[sample.subject] not in text
    complete = np.array([float(sample.gold.outcome == "complete") for sample in samples])
    assert (complete == 0).sum() > 40
    words = re.compile(r"(?i)terminated|withdrawn|suspended|prematurely|stopped early|low enrol|slow accrual")
    rule = np.array([-float(len(words.findall(text))) for text in texts])
    assert 0.4 < auroc(complete, rule) < 0.6
    matrix = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform(texts)
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    forecast = cross_val_predict(model, matrix, complete, cv=5, method="predict_proba")[:, 1]
    assert auroc(complete, forecast) < 0.85
