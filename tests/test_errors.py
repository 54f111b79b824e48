"""Errors name what happened, where, and what to type next."""

from __future__ import annotations

from typing import get_args

from trialpanorama.errors import REJECT_REASONS, RejectReason, UnknownName, Unreadable, UserError


def test_every_reject_reason_is_explained() -> None:
    assert set(REJECT_REASONS) == set(get_args(RejectReason))
    assert not any("unknown" in reason for reason in REJECT_REASONS)


def test_an_unknown_name_lists_the_nearest() -> None:
    error = UnknownName("source", "pubmet", ["pubmed", "ictrp"], "trialpanorama sources")
    assert str(error) == 'No source is called "pubmet". Close: pubmed. All of them: trialpanorama sources'
    assert "There are: ictrp, pubmed." in str(UnknownName("source", "zzz", ["pubmed", "ictrp"]))
    assert str(UnknownName("table", "zzz", [f"a{n:02}" for n in range(21)])).endswith("a18, a19 ...")


def test_exit_codes_tell_the_user_from_us() -> None:
    assert UserError("x").exit_code == 2
    assert Unreadable("truncated", "y").exit_code == 1
