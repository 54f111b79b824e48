"""Reading a person's decisions, and the mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialpanorama.errors import UserError
from trialpanorama.resolve.overrides import Override, read_overrides


def read(folder: Path, text: str) -> list[Override]:
    path = folder / "overrides.txt"
    path.write_text(text, encoding="utf-8")
    return read_overrides(path)


def test_a_line_is_a_decision_with_its_reason(tmp_path: Path) -> None:
    text = (
        "# what we know\n\nnct99000001 = DRKS99000001  # told by the sponsor\nNCT99000002 != EUCTR2090-000001-10-DE\n"
    )
    same, other = read(tmp_path, "\ufeff" + text)
    assert (same.a, same.b, same.is_same, same.why) == ("NCT99000001", "DRKS99000001", True, "told by the sponsor")
    assert same.place.endswith("overrides.txt, line 3")
    assert (other.a, other.b, other.is_same, other.why) == ("NCT99000002", "2090-000001-10-DE", False, "")
    assert other.keys == ("2090-000001-10", "NCT99000002")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("NCT99000001 DRKS99000001", 'line 2: "NCT99000001 DRKS99000001" is no decision. Type two ids'),
        ("NCT99000001 =", "is no decision"),
        ("NCT99000001 = DRKS99000001 = ISRCTN99000001", "is no decision"),
        ("NCT99000001 == DRKS99000001", "is no decision"),
        ("NCT9900 = DRKS99000001", '"NCT9900" is no id of a trial register. Type one such as NCT99000001'),
        ("NCT99000001 = U1111-9999-0001", '"U1111-9999-0001" is no id of a trial register'),
        ("2090-000001-10-DE != 2090-000001-10-ES", "are one registration, which cannot be joined or undone"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_type(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, f"# decisions\n{line}\n")
    assert said in str(caught.value)
    assert "overrides.txt, line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lines_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    text = "NCT99000001 = DRKS99000001\nDRKS99000001 = ISRCTN99000001\nNCT99000001 != ISRCTN99000001\n"
    with pytest.raises(UserError, match=r"line 3 says .* two studies, but by .*line 1 and .*line 2 they are one"):
        read(tmp_path, text)
    with pytest.raises(UserError, match=r"line 2 says .* two studies, but by \S*, line 1 they are one"):
        read(tmp_path, "NCT99000001 = DRKS99000001\nDRKS99000001 != NCT99000001\n")


def test_a_file_that_cannot_be_read_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_overrides(tmp_path / "none.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00N")
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_overrides(tmp_path / "binary.txt")
