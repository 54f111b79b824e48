"""Tables line up, and progress says one line a stage when nobody watches."""

from __future__ import annotations

import sqlite3

import duckdb
import pytest

from trialpanorama.apps import console


def test_numbers_to_the_right_words_to_the_left_and_long_texts_cut() -> None:
    text = console.table(["name", "n", "share"], [["one", 1200, 0.5], ["a very long name", 7, None]], widest=10)
    assert text.splitlines() == [
        "name            n  share",
        "----------  -----  -----",
        "one         1,200  0.500",
        "a very ...      7",
    ]


def test_an_empty_table_has_its_headings() -> None:
    assert console.table(["name", "n"], []).splitlines() == ["name  n", "----  -"]


def test_a_line_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with console.Reporter() as reporter:
        reporter.update("read", 1, 4, "files")
        reporter.update("read", 4, 4, "files", "9 records")
        reporter.update("link", 0, 1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.rsplit(" in ", 1)[0] for line in lines] == ["read: 4 files, 9 records", "link: done"]


def test_a_failed_stage_is_not_called_finished(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with console.Reporter() as reporter:
            reporter.update("read", 1, 4, "files")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert capsys.readouterr().err == ""


def test_long_stages_speak_in_between(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    with console.Reporter() as reporter:
        reporter.update("read", 0, 100, "files")
        clock[0] = 40.0
        reporter.update("read", 20, 100, "files")
        clock[0] = 41.0
        reporter.update("read", 21, 100, "files")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["read: 20 of 100 files, 0.5 files/s, 160 s left", "read: 21 files in 41.0 s"]


def test_a_stage_that_counts_nothing_says_nothing_in_between(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    with console.Reporter() as reporter:
        reporter.update("link", 0, 1)
        clock[0] = 40.0
        reporter.update("link", 1, 1)
    assert capsys.readouterr().err.splitlines() == ["link: done in 40.0 s"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device. Make room there"),
        (PermissionError(13, "Permission denied", "W/x"), "Permission denied: W/x. Name another place"),
        (OSError(30, "Read-only file system", "W"), "Read-only file system: W. Name another place"),
        (duckdb.IOException('Could not write "x": No space left on device'), "No space left on device. Make room"),
        (sqlite3.OperationalError("database or disk is full"), "No space left on device. Make room there"),
        (duckdb.BinderException('Binder Error: no column "a" found.\nCandidates: b'), "The warehouse lacks what this"),
        (FileNotFoundError(2, "No such file or directory", "x"), None),
        (ValueError("Permission denied"), None),
    ],
)
def test_what_the_system_refuses_is_told_apart(error: Exception, said: str | None) -> None:
    found = console.refusal(error)
    assert (found is None) == (said is None)
    assert (found or "").startswith(said or "")


def test_a_document_is_json_with_dates_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    import datetime
    import json

    console.put_json({"day": datetime.date(2020, 1, 2), "none": None})
    assert json.loads(capsys.readouterr().out) == {"day": "2020-01-02", "none": None}
