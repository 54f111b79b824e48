"""Label files: read by column name, joined by id, nothing in them run or guessed."""

from __future__ import annotations

import csv
import datetime
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.errors import UserError
from trialpanorama.tasks._outcome_labels import (
    ID_COLUMNS,
    LABEL_COLUMNS,
    SHOWN_COLUMNS,
    names_of,
    read_labels,
    registered_about,
    success_of,
)
from trialpanorama.tasks._trials import Intervention

TOP_ROW = {
    "nctid": "NCT99000001",
    "status": "terminated",
    "why_stop": "\n    slow accrual\n  ",
    "label": "0",
    "phase": "phase 1/phase 2",
    "diseases": "['gloaming fever', \"o'hara's rash\"]",
    "icdcodes": "[\"['A01.0', 'A01.1']\", \"['B02']\"]",
    "drugs": "['fictumab', 'examplinib 5 mg']",
    "smiless": "['CC', '[Pt]']",
    "criteria": "\n        Inclusion Criteria:\n\n          -  Adults with NCT99000001 or another\n"
    "             fever\n\n        Exclusion Criteria:\n\n          -  Pregnancy\n      ",
}


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """A CSV file of rows; gzipped where its name says so."""
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("['a', 'b']", ["a", "b"]),
        ("[\"['A01.0', 'A01.1']\", \"['B02']\"]", ["A01.0", "A01.1", "B02"]),
        ("[[\"['A01']\"], 'None', None, '', 'nan']", ["A01"]),
        ("Prostate  cancer\n", ["Prostate cancer"]),
        ("", []),
        ("['open", ["['open"]),
        ("[__import__('os').getcwd()]", ["[__import__('os').getcwd()]"]),
        ("[4]-methoxy compound", ["[4]-methoxy compound"]),
        ("[1, 2.5]", ["1", "2.5"]),
        ("\"['rust lung', 'amber lung']\"", ["rust lung", "amber lung"]),
        (repr(repr(repr(["rust lung", repr(["A01", "B02"])]))), ["rust lung", "A01", "B02"]),
        ("'tis of thee", ["'tis of thee"]),
    ],
)
def test_names_of_a_cell(cell: str, names: list[str]) -> None:
    assert names_of(cell) == names


@pytest.mark.parametrize("cell", ["[" * 100_000, "[" * 60 + "]" * 60, "['a'," * 50_000, "[" + "'a'," * 100_000 + "]"])
def test_cells_that_are_too_deep_or_too_long_are_bounded(cell: str) -> None:
    assert len(names_of(cell)) <= 500


@given(st.recursive(st.text(alphabet="ab'\"\\[", min_size=1, max_size=5), lambda inner: st.lists(inner, max_size=3)))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_nested_repr_gives_text_and_never_raises(value: object) -> None:
    assert all(isinstance(name, str) and name for name in names_of(repr(value)))


def test_a_row_of_top_becomes_a_description_without_what_tells_the_end(tmp_path: Path) -> None:
    (one,) = read_labels([write(tmp_path / "top.csv.gz", [TOP_ROW])]).trials
    assert (one.nct_id, one.label) == ("NCT99000001", "0")
    assert one.start is not None
    assert one.start.phases == ["PHASE1", "PHASE2"]
    assert one.start.conditions == ["gloaming fever", "o'hara's rash"]
    assert one.start.interventions == [Intervention("fictumab"), Intervention("examplinib 5 mg")]
    assert one.start.criteria == (
        "Inclusion Criteria:\n-  Adults with [id] or another fever\nExclusion Criteria:\n-  Pregnancy".replace(
            "-  ", "- "
        )
    )
    assert "accrual" not in repr(one)
    assert "Pt" not in repr(one)
    assert "terminated" not in repr(one)


def test_what_tells_the_end_is_in_no_list_of_columns() -> None:
    read = {*ID_COLUMNS, *LABEL_COLUMNS, *(name for names in SHOWN_COLUMNS.values() for name in names)}
    for telling in (
        "status",
        "why_stop",
        "smiless",
        "completion_date",
        "start_date",
        "enrollment",
        "results",
        "outcomes",
    ):
        assert telling not in read


def _x_and_y(tmp_path: Path) -> list[Path]:
    x = [{"": f"NCT9900000{n}", "condition": f"Fever {n}", "phase": "Phase 2"} for n in range(1, 6)]
    # The rows of y stand in another order.
    y = [{"": f"NCT9900000{n}", "outcome": str(n % 2)} for n in (3, 5, 2, 1, 4)]
    return [write(tmp_path / "x.csv", x), write(tmp_path / "y.csv", y)]


def test_descriptions_and_labels_are_joined_by_id_and_never_by_row(tmp_path: Path) -> None:
    paths = _x_and_y(tmp_path)
    right = {one.nct_id: one.label for one in read_labels(paths).trials}
    assert right == {f"NCT9900000{n}": str(n % 2) for n in range(1, 6)}
    assert {one.nct_id: one.label for one in read_labels(paths[::-1]).trials} == right
    for one in read_labels(paths).trials:
        assert one.start is not None
        assert one.start.conditions == [f"Fever {one.nct_id[-1]}"]
    rows = [list(csv.DictReader(path.open())) for path in paths]
    by_row = {x[""]: y["outcome"] for x, y in zip(*rows, strict=True)}
    assert by_row != right, "joining row by row gives wrong labels"


def test_an_id_with_two_labels_has_none_and_every_row_is_counted(tmp_path: Path) -> None:
    rows = [
        ("NCT99000001", "1"),
        ("NCT99000001", "0"),
        ("NCT99000002", "1"),
        ("NCT99000002", "1"),
        ("none", "1"),
        ("NCT99000003", ""),
    ]
    found = read_labels([write(tmp_path / "cto.csv", [{"nct_id": i, "labels": label} for i, label in rows])])
    assert [(one.nct_id, one.label, one.start) for one in found.trials] == [("NCT99000002", "1", None)]
    assert found.left_out == {"two different labels": 1, "no NCT number": 1, "no label": 1}


def test_a_label_made_by_hand_goes_before_a_weak_one(tmp_path: Path) -> None:
    path = write(tmp_path / "cto.csv", [{"nct_id": "NCT99000001", "pred": "0", "labels": "1"}])
    assert read_labels([path]).trials[0].label == "1"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"condition": "Fever", "label": "1"}, "joined by id"),
        ({"nct_id": "NCT99000001", "colour": "red"}, "neither labels"),
        ({"nct_id": "NCT99000001", "condition": "Fever"}, "No file has a column of labels"),
    ],
)
def test_files_that_cannot_be_used_say_what_they_lack(tmp_path: Path, row: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_labels([write(tmp_path / "f.csv", [row])])


def test_missing_broken_and_empty_files_are_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        read_labels([tmp_path / "absent.csv"])
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"nctid,label\nNCT99000001,1\n")[:-12])
    with pytest.raises(UserError, match="cannot be read"):
        read_labels([broken])
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(UserError, match="no column of trial ids"):
        read_labels([empty])


@pytest.mark.parametrize(
    ("label", "outcome"),
    [("1", "success"), ("0", "failure"), ("1.0", "success"), (" False ", "failure"), ("Success", "success"),
     ("poor enrollment", None), ("0.7", None), ("", None), ("2", None)],
)  # fmt: skip
def test_labels_as_files_write_them(label: str, outcome: str | None) -> None:
    assert success_of(label) == outcome


def test_numbers_stand_in_for_dates_in_their_order() -> None:
    dates = [registered_about(f"NCT{number:08d}") for number in range(0, 99_999_999, 91_009)]
    assert dates == sorted(dates)
    assert all(datetime.date.fromisoformat(date) for date in dates)
    assert registered_about("NCT01041000") == "2009-12-30"
    assert registered_about("NCT00929000")[:7] in ("2009-06", "2009-07")


# --- real files


def test_real_top_files_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "outcomes"
    rows = {"top_phase_I_train": 1044, "top_phase_I_valid": 117, "top_phase_II_valid": 446, "top_phase_III_valid": 344}
    for name, many in rows.items():
        found = read_labels([folder / f"{name}.csv.gz"])
        assert len(found.trials) == many
        assert not found.left_out
        assert all(one.start and one.start.criteria and one.start.phases for one in found.trials)
        assert sum(bool(one.start and one.start.interventions) for one in found.trials) > 0.98 * many
    assert len(read_labels([folder / f"{name}.csv.gz" for name in rows]).trials) == 1913


def test_real_trialbench_rows_stand_in_another_order_than_their_labels(shared_data: Path) -> None:
    paths = [shared_data / "outcomes" / f"trialbench_failure_reason_phase4_{part}.csv.gz" for part in "xy"]
    found = read_labels(paths)
    assert len(found.trials) == 683
    assert not found.left_out
    x, y = (list(csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines(True))) for path in paths)
    right = {row[""]: row["failure_reason"] for row in y}
    assert {one.nct_id: one.label for one in found.trials} == right
    by_row = sum(a["failure_reason"] == right[b[""]] for a, b in zip(y, x, strict=True))
    assert by_row < 0.6 * len(x), "joined by row, four labels in ten would be another trial's"


def test_real_numbers_were_given_out_about_when_we_say(shared_data: Path) -> None:
    late = []
    with gzip.open(shared_data / "links" / "intovalue_trial_publication.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["id"].startswith("NCT") and row["registration_date"] > "2006":
                said = datetime.date.fromisoformat(row["registration_date"])
                late.append(abs((datetime.date.fromisoformat(registered_about(row["id"])) - said).days))
    assert len(late) > 1_500
    assert sorted(late)[len(late) // 2] <= 10
    assert sum(days <= 45 for days in late) > 0.85 * len(late)
