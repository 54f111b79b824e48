"""Replies are kept as they come, whatever ends the process."""

from __future__ import annotations

from pathlib import Path

from trialpanorama.evaluate.replies import Replies, replies_of


def test_a_reply_is_kept_for_exactly_what_was_asked(tmp_path: Path) -> None:
    kept = Replies(tmp_path / "deep" / "r.jsonl")
    kept.keep("a", "one?", '{"choices": [1]}')
    again = Replies(tmp_path / "deep" / "r.jsonl")
    assert again.kept == 1
    assert again.get("a", "one?") == b'{"choices": [1]}'
    assert again.get("a", "two?") is None
    assert again.get("b", "one?") is None
    again.discard()
    assert again.get("a", "one?") is None
    assert Replies(tmp_path / "deep" / "r.jsonl").kept == 0


def test_a_line_that_was_cut_off_is_passed_over_and_spoils_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = Replies(path)
    first.keep("a", "?", "1")
    first.keep("b", "?", "2")
    whole = path.read_bytes()
    for length in range(len(whole) // 2 + 1, len(whole)):
        path.write_bytes(whole[:length])
        again = Replies(path)
        assert again.get("a", "?") == b"1"
        again.keep("c", "?", "3")
        last = Replies(path)
        assert (last.get("a", "?"), last.get("c", "?")) == (b"1", b"3")


def test_each_way_of_asking_has_replies_of_its_own(tmp_path: Path) -> None:
    settings = {"model": "a/b", "config": {"temperature": 0, "seed": 1}}
    replies_of(tmp_path, settings).keep("a", "?", "1")
    assert replies_of(tmp_path, {"config": {"seed": 1, "temperature": 0}, "model": "a/b"}).kept == 1
    assert replies_of(tmp_path, settings | {"config": {"temperature": 1, "seed": 1}}).kept == 0
