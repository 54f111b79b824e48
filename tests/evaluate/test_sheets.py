"""Tables as Markdown and LaTeX."""

from __future__ import annotations

import re

import pytest

from tests.evaluate.test_runs import _score, made
from trialpanorama import evaluate
from trialpanorama.errors import UserError
from trialpanorama.evaluate import looked_at
from trialpanorama.evaluate.report import document
from trialpanorama.evaluate.results import Usage
from trialpanorama.evaluate.sheets import Sheet, html, latex, latex_text, markdown, number, results_sheets, spread

SHEET = Sheet(
    "100 % of <a> & b_c", ["Model", "Share ↑", "n"], [["x|y_1", "0.5 [0.4, 0.6]", "10"], ["p", "–", "2"]], 1, 1
)


def test_a_table_is_well_formed_in_each_language() -> None:
    lines = markdown(SHEET).splitlines()
    assert lines[2:] == [
        "| Model | Share ↑ | n |",
        "| --- | ---: | ---: |",
        r"| x\|y_1 | 0.5 [0.4, 0.6] | 10 |",
        "| p | – | 2 |",
    ]
    tex = latex(SHEET)
    assert r"\caption{100 \% of \textless{}a\textgreater{} \& b\_c}" in tex
    assert r"\begin{tabular}{lrr}" in tex
    assert r"x|y\_1 & 0.5 [0.4, 0.6] & 10 \\" in tex
    assert tex.index("\\midrule\np & --") > tex.index("x|y"), "other rows stand below a line"
    assert tex.count("{") == tex.count("}")
    page = html(SHEET)
    assert "100 % of &lt;a&gt; &amp; b_c" in page
    assert '<tr class="other"><td>p</td>' in page


def test_latex_prints_what_was_written() -> None:
    assert latex_text(r"a\b_{c}~^#$") == r"a\textbackslash{}b\_\{c\}\textasciitilde{}\textasciicircum{}\#\$"
    assert latex(Sheet("", ["a"], [["[x]"]])).count("{}[x]") == 1


def test_figures_are_written_alike_everywhere() -> None:
    assert [number(value) for value in (None, 0.1234, -0.5, 1234.56)] == ["–", "0.123", "-0.500", "1,234.6"]
    assert spread(0.5, None, None) == "0.500"
    assert spread(0.5, 0.25, 0.75, sign=True) == "+0.500 [+0.250, +0.750]"


def test_a_report_in_text_tells_all_that_the_page_tells() -> None:
    run = made([_score(i % 2 == 0, i) for i in range(20)] + [None])
    run.samples[0].usage = Usage(10, 20, cost=0.5)
    floor = made([_score(i % 4 == 0, i) for i in range(20)] + [None], model="baseline/majority")
    for place, sample in enumerate([*run.samples, *floor.samples]):
        sample.strata = {"phase": f"PHASE{place % 2}"}
    text = document([floor, run], "md")
    row = next(row for row in evaluate.table([floor, run]) if row.model == "some/model")
    assert f"| some/model | {spread(row.value, row.low, row.high)} |" in text
    assert re.search(r"\| some/model \|.*\| 21 \| 1 \| 0 \| 0 \| 0 \|", text)
    assert "| GPT-4o (published; other data) | 0.691 | 0.694 | 1,000 | – | – | – | – |" in text
    assert "measured on other data" in text
    assert "| phase | PHASE0 |" in text
    assert "| 0.5000 |" in text
    tex = document([floor, run], "tex")
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") == text.count("\n| --- |")
    assert tex.count("{") == tex.count("}")


def test_many_metrics_are_spread_over_several_tables() -> None:
    scores = {"complete": 1.0, "probability": 0.5, "correct": 1.0, "unreadable": 0.0, "reason": -1.0}
    run = made([scores | {"reason_correct": 0.0}] * 3, task="sample_size", version=0)
    tables = results_sheets(evaluate.table([run]))
    shown = [heading for sheet in tables for heading in sheet.headings[1:-5]]
    assert len(tables) == 3
    assert len(shown) == len(set(shown)) == 13
    assert [sheet.apart for sheet in tables] == [1, 1, None], "published: within 20 %, and MAE"


def test_samples_are_looked_at_after_each_model_s_own_cut_off() -> None:
    runs = [made([_score(True)] * 3), made([_score(True)] * 3, model="b/c", cutoff="2021")]
    for run in runs:
        for place, sample in enumerate(run.samples):
            sample.date = f"{2020 + place}-01-01"
    assert [one.n for one in looked_at(runs, None)] == [3, 3]
    assert [one.n for one in looked_at(runs, "cutoff")] == [3, 1]
    assert [one.n for one in looked_at(runs, "2020")] == [2, 2]
    with pytest.raises(UserError, match="no date"):
        looked_at(runs, "20-1")
