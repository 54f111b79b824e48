"""Questions on real abstracts: no identifier is shown, and keys follow from what is shown, by a reader's judgement.

`evidence_judged.json` holds 50 questions drawn at random, by paper and hash, and whether the key follows from the text
that is shown, by a reader who saw the key: it shows plausibility, and is no blind agreement. In the four that do not
follow, the text tells of a change within one group, or does not say that a difference is significant.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.conftest import unlinked
from trialpanorama import identifiers
from trialpanorama.build import build
from trialpanorama.tasks import SPLITS, AnySample, load
from trialpanorama.tasks._choice import LETTERS
from trialpanorama.tasks.evidence_summary import EFFECT_OF, TASK
from trialpanorama.warehouse import Warehouse

JUDGED = json.loads(Path(__file__).with_name("evidence_judged.json").read_text())


@pytest.fixture(scope="module")
def samples(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[AnySample]:
    folder = tmp_path_factory.mktemp("real") / "w"
    with unlinked():
        build([shared_data / "reviews" / "evidence_inference_train_validation.zip"], folder, workers=1)
    opened = Warehouse.open(folder)
    return [sample for split in SPLITS for sample in load(opened, TASK, split)]


def test_real_keys_were_judged_to_follow_from_the_text() -> None:
    follows = sum(one["follows"] for one in JUDGED)
    assert (follows, len(JUDGED)) == (46, 50)


@pytest.mark.slow
def test_real_abstracts_hold_no_identifier(samples: list[AnySample]) -> None:
    assert len(samples) > 150
    for sample in samples:
        prompt = TASK.prompt(sample)
        assert sample.subject not in prompt
        assert not identifiers.find(prompt)


@pytest.mark.slow
def test_real_questions_that_were_judged_are_asked_as_they_were(samples: list[AnySample]) -> None:
    asked = {
        hashlib.sha256(sample.inputs.question.encode()).hexdigest()[:16]: EFFECT_OF[
            sample.inputs.options[LETTERS.index(sample.gold.answer)]
        ]
        for sample in samples
    }
    # Of the papers of PubMed Central without a date all are here; those with one come with other files.
    again = [one for one in JUDGED if one["question"] in asked]
    assert len(again) >= 20
    assert all(asked[one["question"]] == one["effect"] for one in again)
