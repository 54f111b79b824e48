"""The report: one self-contained page, all of it from logs."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.evaluate.test_runs import made
from tests.handmade import many_trials, warehouse
from trialpanorama import evaluate, tasks
from trialpanorama.evaluate.report import _bins, _roc, page


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    opened = warehouse(folder / "w", many_trials(150))
    tasks.build(opened)
    for task, model in (
        ("trial_completion", "baseline/majority"),
        ("trial_completion", "baseline/linear"),
        ("endpoint_design", "baseline/lexical"),
    ):
        evaluate.run(task, model, opened.path, log_dir=folder / "logs")
    shutil.rmtree(folder / "w")  # the logs alone must do
    return evaluate.report(folder / "logs", folder / "out" / "report.html").read_text(encoding="utf-8")


class _Tags(HTMLParser):
    VOID = frozenset(("meta", "br", "img", "input", "link"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_fetches_nothing(text: str) -> None:
    parser = _Tags()
    parser.feed(text)
    assert parser.open == []
    assert not [value for name, value in parser.attributes if name in ("src", "href", "srcset", "data")]
    assert "url(" not in text
    assert "@import" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_the_page_says_fictional_snapshot_counts_and_every_figure(text: str) -> None:
    assert "<b>FICTIONAL</b>" in text
    assert "0123456789abcdef" in text
    assert re.search(r"<dt>Trials</dt><dd>150</dd>", text)
    for task in (tasks.task("trial_completion"), tasks.task("endpoint_design")):
        assert task.title in text
        for metric in task.metrics:
            assert f"{metric.title} {metric.arrow}" in text
    rows = json.loads(re.search(r'id="rows">(.*?)</script>', text, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert len(rows) == 2 * 5 + 2
    for row in rows:
        if row["value"] is not None:
            assert f"<b>{row['value']:.3f}</b>" in text
        if row["low"] is not None:
            assert f"{row['low']:.3f} to {row['high']:.3f}" in text


def test_the_plots_are_drawn_inside_their_frames(text: str) -> None:
    plots = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert len(plots) == 3, "a forest for each task, curves for the one with probabilities"
    for plot in plots:
        _, _, width, height = map(float, plot.attrib["viewBox"].split())
        circles = plot.findall(".//circle")
        assert circles or plot.findall(".//polyline")
        for circle in circles:
            assert 0 <= float(circle.attrib["cx"]) <= width
            assert 0 <= float(circle.attrib["cy"]) <= height
        for line in plot.findall(".//polyline"):
            points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
            assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_real_runs_are_not_called_fictional_and_texts_are_escaped() -> None:
    scores = {"correct": 0.0, "unreadable": 0.0, "gold": 0.0, "chosen": 1.0}
    run = made([scores, scores], model="some/<script>alert(1)</script>")
    run.samples[0].reply = "<img src=x onerror=alert(1)>"
    text = page([run])
    assert "FICTIONAL" not in text
    assert "<script>alert" not in text
    assert "<img" not in text


def test_curves_are_computed_from_forecasts() -> None:
    assert _bins([0, 1, 1, 0], [0.2, 0.2, 0.9, 0.9], most=2) == [(0.2, 0.5, 2), (0.9, 0.5, 2)]
    assert _roc([1, 0], [0.9, 0.1]) == [(0, 0), (0, 1), (1, 1)]
    assert _roc([1, 0], [0.5, 0.5]) == [(0, 0), (1, 1)]
    assert sum(n for _, _, n in _bins([0, 1] * 50, [i / 100 for i in range(100)])) == 100
