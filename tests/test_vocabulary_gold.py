"""The normalisers against fields that people extracted (docs/decisions/0002-human-extracted-gold.md)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trialpanorama import vocabulary as v

FILE = "registries/ictrp/human_extracted_fields.csv.gz"


@pytest.fixture(scope="module")
def benchmark_module() -> ModuleType:
    """benchmarks/human_extracted.py, which holds the folding and the comparison."""
    path = Path(__file__).resolve().parent.parent / "benchmarks" / "human_extracted.py"
    spec = importlib.util.spec_from_file_location("human_extracted", path)
    if spec is None or spec.loader is None:
        pytest.fail(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["human_extracted"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def real_rows(benchmark_module: ModuleType, shared_data: Path) -> list[dict[str, str]]:
    """The rows of the real file."""
    return list(benchmark_module.rows(shared_data / FILE))


def test_values_fold_as_the_people_folded_them(benchmark_module: ModuleType) -> None:
    fold = benchmark_module
    assert fold.fold_randomisation(v.Design("RANDOMIZED", "SINGLE_GROUP")) == "Yes"
    assert fold.fold_randomisation(v.Design("NON_RANDOMIZED", "PARALLEL")) == "No"
    assert fold.fold_randomisation(v.Design("NON_RANDOMIZED", "SINGLE_GROUP")) == "Not applicable"
    assert fold.fold_randomisation(v.Design(None, "SINGLE_GROUP")) == "Not applicable"
    assert fold.fold_randomisation(v.Design(None, "PARALLEL")) is None
    assert fold.fold_blinding(v.Design(is_masked=True)) == "Yes"
    assert fold.fold_blinding(v.Design()) is None
    assert fold.fold_phase(("PHASE1", "PHASE2")) == fold.fold_phase(v.phases("44228")) == "Phase 2"
    assert fold.fold_phase(v.phases("44257")) == "Phase 3"
    assert fold.fold_phase(("EARLY_PHASE1",)) == "Phase 1"
    assert fold.fold_phase(("NA",)) == "Undefined"
    assert fold.fold_phase(()) is None
    assert fold.fold_sponsor("INDUSTRY") == "Industry"
    assert fold.fold_sponsor("INDIV") == "Investigator"
    assert fold.fold_sponsor("NIH") == "Non industry"
    assert fold.fold_sponsor(None) is None


def test_wilson_interval(benchmark_module: ModuleType) -> None:
    # Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3: 81 of 263, 1 of 29
    assert benchmark_module.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert benchmark_module.wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert benchmark_module.wilson(0, 0) == (0.0, 1.0)


def test_comparison_counts_unanswered_and_unreported_apart(benchmark_module: ModuleType) -> None:
    row = {
        "source_registry": "CT.gov",
        "Study_design": "Allocation: Randomized. Masking: Double (Participant, Investigator).",
        "Public_title": "",
        "Phase": "Phase 1/Phase 2",
        "Primary_sponsor": "Example Pharma GmbH",
    }
    people = {"randomisation": "Yes", "blinding": "Yes", "phase_clean": "Phase 2", "sponsor_type": "Industry"}
    rows = [
        {**row, **people, "TrialID": "agrees"},
        {**row, **people, "TrialID": "differs", "Phase": "Phase 3"},
        {**row, **people, "TrialID": "silent", "Phase": ""},
        {**row, **people, "TrialID": "nothing found", "phase_clean": "Unreported"},
    ]
    phase = benchmark_module.compare(rows, "phase")
    assert (phase.rows, phase.with_gold, phase.answered_with_gold, phase.answered, phase.agreed) == (4, 3, 2, 3, 1)
    assert phase.answered_share == pytest.approx(2 / 3)
    assert [difference[0] for difference in phase.disagreements] == ["differs", "nothing found"]
    assert benchmark_module.compare(rows, "randomisation").agreement == 1


def test_randomised_without_a_control_is_not_applicable_to_the_people(benchmark_module: ModuleType) -> None:
    row = {
        "TrialID": "doses",
        "source_registry": "EUCTR",
        "Study_design": "Controlled: no Randomised: yes Open: yes Single blind: no Double blind: no",
        "Public_title": "",
        "Phase": "",
        "Primary_sponsor": "",
        "randomisation": "Not applicable",
    }
    assert benchmark_module.compare([row], "randomisation, control first").agreement == 1
    assert benchmark_module.compare([row], "randomisation").agreement == 0
    controlled = {**row, "Study_design": row["Study_design"].replace("no", "yes", 1)}
    assert benchmark_module.answers(controlled)["randomisation, control first"] == "Yes"


# what was reached, less a small margin: development and held-out half alike
REACHED = {
    "randomisation": (0.98, 0.97),
    "randomised or not": (0.99, 0.97),
    "randomisation, control first": (0.985, 0.97),
    "blinding": (0.99, 0.95),
    "phase": (0.99, 0.98),
    "sponsor": (0.96, 0.945),
}


@pytest.mark.parametrize("half", ["development", "held-out"])
@pytest.mark.parametrize("field", REACHED)
def test_real_agreement_with_people(
    benchmark_module: ModuleType, real_rows: list[dict[str, str]], half: str, field: str
) -> None:
    agreement, answered = REACHED[field]
    rows = [
        row
        for row in real_rows
        if benchmark_module.half(row["TrialID"]) == half and row["source_registry"] not in benchmark_module.APART
    ]
    assert len(rows) > 1_100
    result = benchmark_module.compare(rows, field)
    assert result.agreement >= agreement, result.disagreements
    assert result.answered_share >= answered


def test_real_silence_is_not_guessed(benchmark_module: ModuleType, real_rows: list[dict[str, str]]) -> None:
    """ChiCTR and TCTR seldom say who is masked: what is answered there agrees, the rest stays open."""
    rows = [row for row in real_rows if row["source_registry"] in benchmark_module.APART]
    for field in ("randomisation", "blinding"):
        result = benchmark_module.compare(rows, field)
        assert result.answered_share < 0.8
        assert result.agreement >= 0.97
