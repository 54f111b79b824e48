"""Sizing a trial from the command line: what is printed, what JSON and CSV hold, and what a mistake is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.conftest import Done
from trialpanorama import power

Command = Callable[..., Done]

LINES = {
    "t-test": "--difference 5 --sd 12 --power 0.9 --ratio 1 --dropout 0.1",
    "paired-t-test": "--difference 5 --sd 12 --correlation 0.6 --power 0.9",
    "one-sample-t-test": "--difference 5 --sd 12 --power 0.9",
    "noninferiority-means": "--margin 4 --sd 12 --power 0.9",
    "equivalence-means": "--margin 4 --sd 12 --power 0.9",
    "crossover": "--difference 5 --within-sd 8 --power 0.9",
    "bioequivalence": "--cv 0.25 --power 0.9",
    "cluster-means": "--difference 5 --sd 12 --cluster-size 20 --icc 0.05 --cluster-cv 0.4 --power 0.9",
    "anova": "--means 10,12,15 --sd 6 --power 0.9",
    "correlation": "--correlation 0.3 --power 0.9",
    "proportions": "--control 0.2 --treatment 0.35 --test continuity --power 0.9",
    "cluster-proportions": "--control 0.2 --treatment 0.35 --cluster-size 20 --icc 0.02 --power 0.9",
    "one-proportion": "--null-proportion 0.2 --proportion 0.4 --sides 1 --power 0.9",
    "mcnemar": "--gain 0.25 --loss 0.1 --power 0.9",
    "noninferiority-proportions": "--control 0.8 --margin 0.1 --power 0.9",
    "equivalence-proportions": "--control 0.8 --margin 0.1 --power 0.9",
    "diagnostic": "--sensitivity 0.9 --specificity 0.85 --precision 0.05 --prevalence 0.2",
    "dropout": "--n-evaluable 128 --dropout 0.15",
    "group-sequential": "--looks 3 --boundary pocock --n-fixed 200",
    "log-rank": "--hazard-ratio 0.7 --control-median 12 --accrual 24 --follow-up 12 --power 0.9",
}


def test_every_calculation_is_a_command(command: Command) -> None:
    assert set(LINES) == set(power.METHODS)
    listed = command("power", "--help").out
    assert all(name in listed for name in LINES)


@pytest.mark.parametrize("name", LINES)
def test_json_has_the_promised_keys(name: str, command: Command) -> None:
    done = command("power", name, *LINES[name].split(), "--json")
    assert done.code == 0, done.err
    facts = done.json
    assert {"n_total", "n_per_arm", "events", "assumptions", "formula"} <= set(facts)
    assert facts["method"] == name
    assert facts["n_total"] == sum(facts["n_per_arm"])
    for option, value in zip(LINES[name].split()[::2], LINES[name].split()[1::2], strict=True):
        given = facts["assumptions"][option.removeprefix("--").replace("-", "_")]
        assert (",".join(f"{x:g}" for x in given) if isinstance(given, list) else f"{given}") in (value, f"{value}.0")


@pytest.mark.parametrize("name", LINES)
def test_text_shows_the_result_its_source_and_its_steps(name: str, command: Command) -> None:
    facts = command("power", name, *LINES[name].split(), "--json").json
    shown = command("power", name, *LINES[name].split())
    assert shown.code == 0
    assert f"{facts['n_total']:,}" in shown.out
    assert facts["formula"] in shown.out
    assert all(step in shown.out for step in facts["steps"])
    assert all(f"Warning: {warning}" in shown.out for warning in facts["warnings"])


def test_what_is_not_given_is_solved_for(command: Command) -> None:
    size = command("power", "t-test", "--difference", "5", "--sd", "12", "--power", "0.9", "--json").json
    assert (size["solved_for"], size["n_total"], size["n_per_arm"]) == ("n", 246, [123, 123])
    reached = command("power", "t-test", "--difference", "5", "--sd", "12", "--n", "246", "--json").json
    assert (reached["solved_for"], round(reached["power"], 4)) == ("power", 0.9023)
    effect = command("power", "t-test", "--sd", "12", "--n-total", "246", "--power", "0.9", "--json").json
    assert (effect["solved_for"], round(effect["effect"]["difference"], 3)) == ("effect", 4.980)


def test_a_table_over_two_assumptions(command: Command, tmp_path: Path) -> None:
    line = ("power", "t-test", "--vary", "difference=4,5,6", "--vary", "sd=10,12", "--power", "0.9")
    done = command(*line, "--json", "--csv", "table.csv")
    rows = done.json["table"]
    assert [(row["difference"], row["sd"]) for row in rows] == [(4, 10), (4, 12), (5, 10), (5, 12), (6, 10), (6, 12)]
    assert [row["n_total"] for row in rows][3] == 246
    written = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text(encoding="utf-8"))))
    assert [row["n_total"] for row in written] == [str(row["n_total"]) for row in rows]
    assert written[3]["n_per_arm"] == "123 123"
    shown = command(*line)
    assert "power reached" in shown.out
    assert "246" in shown.out
    assert "problem" not in shown.out


def test_a_table_names_what_cannot_be_computed(command: Command) -> None:
    done = command("power", "proportions", "--control", "0.3", "--vary", "treatment=0.3,0.4", "--power", "0.9")
    assert done.code == 0
    assert "no size can find it" in done.out
    alone = command("power", "proportions", "--control", "0.3", "--vary", "treatment=0.3", "--power", "0.9")
    assert (alone.code, alone.out) == (2, "")
    means = command("power", "anova", "--vary", "means=10,12;10,14,18", "--sd", "6", "--power", "0.9", "--json").json
    assert [len(row["n_per_arm"]) for row in means["table"]] == [2, 3]


def test_a_curve_and_assurance(command: Command, tmp_path: Path) -> None:
    line = ("power", "log-rank", "--hazard-ratio", "0.7", "--power", "0.9", "--curve", "--prior-sd", "0.15")
    facts = command(*line, "--json", "--csv", "curve.csv").json
    powers = [point["power"] for point in facts["curve"]]
    assert powers == sorted(powers)
    assert {"events", "power"} == set(facts["curve"][0])
    assert 0.5 < facts["assurance"]["assurance"] < facts["assurance"]["power"] == pytest.approx(0.9, abs=1e-3)
    assert len((tmp_path / "curve.csv").read_text(encoding="utf-8").splitlines()) == len(powers) + 1
    shown = command(*line).out
    assert "Assurance 0." in shown
    bars = [line.count("#") for line in shown.splitlines() if "#" in line]
    assert bars == sorted(bars)
    assert len(bars) == len(powers)


def test_a_single_result_can_be_written_as_csv(command: Command, tmp_path: Path) -> None:
    done = command("power", "t-test", "--difference", "5", "--sd", "12", "--power", "0.9", "--csv", "one.csv")
    assert "one.csv" in done.err
    (row,) = csv.DictReader(io.StringIO((tmp_path / "one.csv").read_text(encoding="utf-8")))
    assert (row["method"], row["n_total"], row["n_per_arm"]) == ("t-test", "246", "123 123")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ttest --difference 5", ["t-test", "power --help"]),
        ("logrank --hazard-ratio 0.7", ["log-rank"]),
        ("t-test --difference 5", ["--sd", "missing", "power t-test --help"]),
        ("t-test --difference 5 --sd 12 --ration 2", ["--ratio"]),
        ("t-test --difference five --sd 12", ["--difference", "valid number"]),
        ("t-test --difference 5 --sd 12 --alpha 5", ["alpha is 5", "--alpha 0.05"]),
        ("t-test --difference 5 --sd 12 --n 100 --power 0.9", ["leave out"]),
        ("proportions --control 0.2 --treatment 0.4 --test fischer", ["fisher"]),
        ("t-test --difference 5 --vary ssd=1,2", ["ssd", "Close: sd"]),
        ("t-test --difference 5 --vary sd", ["--vary NAME=VALUE"]),
        ("t-test --difference 5 --vary sd=1,b", ['"b" is not a number']),
        ("t-test --difference 5 --sd 1 --vary power=0.8,0.9 --curve", ["leave out"]),
        ("anova --means 10,x --sd 5", ["is not numbers with commas"]),
        ("t-test --difference 5 --sd 12 --csv no/such/folder/x.csv", ["cannot be written", "--csv"]),
        ("group-sequential --looks 3 --n-fixed 200 --curve", ["--curve"]),
    ],
)
def test_a_mistake_gets_one_line(line: str, words: list[str], command: Command) -> None:
    done = command("power", *line.split())
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert all(word in done.err for word in words), done.err
