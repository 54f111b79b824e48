"""The cutters and text folding that every reader shares: the same entries at any chunk size, and nothing else out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.errors import Unreadable
from trialpanorama.record import Record, Reject
from trialpanorama.sources import _reading
from trialpanorama.sources._reading import (
    Entry,
    as_utf8,
    block,
    csv_rows,
    each,
    fold,
    from_html,
    json_values,
    one_or_more,
    parse_xml,
    peek,
    unwrap,
    whole,
    xml_elements,
)

FUZZ = settings(max_examples=200, derandomize=True, deadline=None)


class Dribble(io.RawIOBase):
    """A stream that gives at most so many bytes at a time, as sockets and decompressors do."""

    def __init__(self, data: bytes, size: int) -> None:
        self._inner, self._size = io.BytesIO(data), size

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(self._size if size < 0 else min(size, self._size))


@pytest.fixture(params=[1, 2, 7, 64, 4096], ids=lambda size: f"chunks of {size}")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Reads in small chunks, never all at once."""
    monkeypatch.setattr(_reading, "_CHUNK", request.param)
    monkeypatch.setattr(_reading, "_AT_ONCE_BYTES", 0)
    return cast(int, request.param)


def seen(outcomes: Iterable[Entry | Reject]) -> list[tuple[str, object, int | None]]:
    """What came out, in a form to compare: kind, bytes or reason, and offset."""
    return [
        ("entry", o.data, o.offset) if isinstance(o, Entry) else ("reject", o.reason, o.place.offset) for o in outcomes
    ]


def texts(outcomes: Iterable[Entry | Reject]) -> list[object]:
    return [json.loads(o.data) if isinstance(o, Entry) else o.reason for o in outcomes]


# --- JSON


LETTERS = st.text(alphabet='{}[]"', max_size=3)
OBJECTS = st.lists(
    st.dictionaries(
        st.sampled_from(["a", "studies", 'q"', "\\", "é"]),
        st.none()
        | st.integers()
        | st.text(alphabet='ab{}[]",:\\\n é', max_size=6)
        | st.lists(
            st.integers() | st.dictionaries(st.sampled_from(["b", "c"]), st.text(max_size=3), max_size=2), max_size=3
        )
        | st.dictionaries(
            st.sampled_from(["d"]), st.lists(st.text(alphabet='{}[]"', max_size=3), max_size=2), max_size=1
        ),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=4,
)


def layouts(objects: list[dict[str, Any]]) -> dict[str, str]:
    """The ways in which registries write several objects."""
    compact = [json.dumps(o) for o in objects]
    pretty = [json.dumps(o, indent=2, ensure_ascii=False) for o in objects]
    return {
        "array": json.dumps(objects),
        "pretty array": json.dumps(objects, indent=1),
        "one a line": "\n".join(compact) + "\n",
        "one after another": "".join(compact),
        "pretty, one after another": "\n".join(pretty),
        "byte-order mark": "\ufeff" + "\r\n".join(compact),
    }


@FUZZ
@given(OBJECTS, st.sampled_from([1, 2, 3, 10, 1000]))
def test_json_is_cut_alike_at_once_and_in_chunks(objects: list[dict[str, Any]], size: int) -> None:
    for layout, text in layouts(objects).items():
        data = text.encode()
        at_once = list(json_values(io.BytesIO(data)))
        assert texts(at_once) == objects, layout
        for ordinal, entry in enumerate(at_once, 1):
            assert isinstance(entry, Entry)
            assert entry.ordinal == ordinal
            assert entry.offset is not None
            assert data[entry.offset : entry.offset + len(entry.data)] == entry.data
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_reading, "_CHUNK", size)
            patch.setattr(_reading, "_AT_ONCE_BYTES", 0)
            assert seen(json_values(io.BytesIO(data))) == seen(at_once), layout


ENVELOPES = [
    '{{"studies": {}}}',
    '{{"totalCount": 3, "studies": {}, "nextPageToken": "x{{"}}',
    '{{"studies":{},"meta":{{"pages":[{{"n":1}}]}}}}',
    '{{"Response": {{"n": 1, "studies": {}}}}}',
]


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_envelope_gives_what_its_list_holds(envelope: str, chunk: int) -> None:
    objects = [{"a": {"b": ["}"]}}, {"c": 1}]
    data = envelope.format(json.dumps(objects)).encode()
    assert texts(json_values(io.BytesIO(data), ("studies",))) == objects
    pages = b"\n".join([data, data, data])
    assert texts(json_values(io.BytesIO(pages), ("studies",))) == objects * 3


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_envelope_is_cut_alike_at_once(envelope: str) -> None:
    objects = [{"a": {"b": ["}"]}}, {"c": 1}]
    data = envelope.format(json.dumps(objects)).encode()
    found = list(json_values(io.BytesIO(data), ("studies",)))
    assert texts(found) == objects
    assert all(isinstance(e, Entry) and data[e.offset or 0 :].startswith(e.data) for e in found)
    assert texts(json_values(io.BytesIO(data + b"\n" + data), ("studies",))) == objects * 2


def test_a_key_of_an_envelope_that_is_no_text_is_no_fault_of_the_reader() -> None:
    data = b'{"studies": [{"a": 1}], "b\x8e": 2}'
    assert texts(json_values(io.BytesIO(data), ("studies",))) == [{"a": 1}]


def test_a_list_of_that_name_inside_an_object_is_no_envelope(chunk: int) -> None:
    objects = [{"a": [{"studies": [{"b": 1}]}], "c": 2}, {"d": 3}]
    data = "\n".join(map(json.dumps, objects)).encode()
    assert texts(json_values(io.BytesIO(data), ("studies",))) == objects


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"a": {"b": 1}\n{"c": 1}\n{"d": "x\n{"e": 2}', ["malformed_json", {"c": 1}, "malformed_json", {"e": 2}]),
        (b'[{"a": {"b": 1},\n{"c": 1}]', ["malformed_json", {"c": 1}]),
        (b'{"a": "xxx', ["truncated"]),
        (b'[{"a": 1}, {"b": ', [{"a": 1}, "truncated"]),
        (b"nothing here", ["malformed_json"]),
        (b"[]", []),
    ],
)
def test_broken_json_costs_the_broken_object_only(data: bytes, found: list[object], chunk: int) -> None:
    assert texts(json_values(io.BytesIO(data))) == found
    assert texts(json_values(cast(BinaryIO, Dribble(data, 3)))) == found


def test_an_object_larger_than_any_is_read_past(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(_reading, "MAX_ENTRY_BYTES", 100)
    data = b'{"a": 1}\n{"b": "%s"}\n{"c": 1}' % (b"x" * (5000 + chunk))
    assert texts(json_values(io.BytesIO(data))) == [{"a": 1}, "entry_too_large", {"c": 1}]


# --- XML


WORDS = st.text(alphabet="abc é\n", max_size=12)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from("AB"), WORDS), max_size=5), WORDS, st.sampled_from([1, 2, 9, 1000]))
def test_xml_is_cut_alike_at_any_chunk_size(elements: list[tuple[str, str]], between: str, size: int) -> None:
    written = [f'<{tag} n="1"><AB/>{text}</{tag} >'.encode() for tag, text in elements]
    data = b"<Set>" + between.encode().join(written) + b"</Set>"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reading, "_CHUNK", size)
        for stream in (io.BytesIO(data), cast(BinaryIO, Dribble(data, 5))):
            found = list(xml_elements(stream, ("A", "B")))
            assert [e.data if isinstance(e, Entry) else e.reason for e in found] == written
            assert all(isinstance(e, Entry) and data[e.offset or 0 :].startswith(e.data) for e in found)


def test_an_element_that_is_not_closed_costs_itself_only(chunk: int) -> None:
    found = seen(xml_elements(io.BytesIO(b"<S><A>1</A><A>2<B>3</B><A>4"), ("A", "B")))
    assert [(kind, what) for kind, what, _ in found] == [
        ("entry", b"<A>1</A>"),
        ("reject", "malformed_xml"),
        ("entry", b"<B>3</B>"),
        ("reject", "truncated"),
    ]


def test_an_element_larger_than_any_is_read_past(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(_reading, "MAX_ENTRY_BYTES", 300)
    data = b"<A>1</A><A>%s</A><A>2</A>" % (b"x" * 9000)
    found = seen(xml_elements(io.BytesIO(data), ("A",)))
    assert [what for _, what, _ in found] == [b"<A>1</A>", "entry_too_large", b"<A>2</A>"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "forbidden_xml_entities"),
        (b"<a>&nbsp;</a>", "forbidden_xml_entities"),
        (b"<a><b></a>", "malformed_xml"),
        (b"<a><b>", "truncated"),
        (b"<a>\xff</a>", "invalid_encoding"),
        (b"", "malformed_xml"),
    ],
)
def test_bad_xml_is_unreadable_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_xml(data)
    assert caught.value.reason == reason


def test_entities_in_a_text_are_no_entity_declarations() -> None:
    assert parse_xml(b"<a>&lt;!ENTITY <![CDATA[<!ENTITY x>]]></a>").text == "<!ENTITY <!ENTITY x>"


def test_characters_that_xml_forbids_are_dropped_and_blanks_kept_where_words_are_marked_up() -> None:
    assert parse_xml(b"<a>b&#x1F;&#0;\x08c&#9;d</a>").text == "bc\td"
    mixed = parse_xml(b"<a><i>E</i> <b>coli</b></a>", mixed=True)
    assert "".join(cast(Iterator[str], mixed.itertext())) == "E coli"


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16", "windows-1252"])
def test_every_encoding_is_read_as_utf8(encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{encoding}"?><a>é ü</a>'.encode(encoding)
    with as_utf8(io.BytesIO(data), data[:400]) as stream:
        text = b"".join(iter(lambda: stream.read(3), b"")).decode()
    assert text.endswith("<a>é ü</a>")


# --- tables


CELLS = st.text(alphabet='ab",\n é', max_size=8)


@FUZZ
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), st.booleans())
def test_rows_are_those_of_the_csv_module(rows: list[tuple[str, str, str]], has_mark: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("x", "y", "z"), *rows])
    data = (b"\xef\xbb\xbf" if has_mark else b"") + text.getvalue().encode()
    found = list(csv_rows(io.BytesIO(data)))
    rows = [row for row in rows if any(map(str.strip, row))]  # a row of empty cells is none
    assert [tuple(e.row.values()) for e in found if isinstance(e, Entry) and e.row] == rows
    assert len(found) == len(rows)
    for entry in found:
        assert isinstance(entry, Entry)
        assert entry.row is not None
        assert list(entry.row) == ["x", "y", "z"]
        first = text.getvalue().encode().split(b"\n")[(entry.line or 0) - 1]
        assert first.decode().lstrip('"').startswith(entry.row["x"].split("\n")[0].split('"')[0])


def test_bad_rows_cost_themselves_only() -> None:
    data = b'id,b\nN1,"x\ny"\nN2,3,4\n\nN3,"\xff"\nN4,"zz\nN5,ok\nN6,"a""b"\n'
    found = csv_rows(io.BytesIO(data), begins_row=re.compile(r"N\d"))
    said = [(o.row, o.line) if isinstance(o, Entry) else (o.reason, o.place.line) for o in found]
    assert said == [
        ({"id": "N1", "b": "x\ny"}, 2),
        ("malformed_row", 4),
        ("invalid_encoding", 6),
        ("malformed_row", 7),
        ({"id": "N5", "b": "ok"}, 8),
        ({"id": "N6", "b": 'a"b'}, 9),
    ]


def test_a_line_larger_than_any_row_is_read_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reading, "MAX_ENTRY_BYTES", 1000)
    data = b"a,b\n1,2\n3," + b"x" * 50_000 + b"\n4,5\n"
    found = [o.row if isinstance(o, Entry) else o.reason for o in csv_rows(io.BytesIO(data))]
    assert found == [{"a": "1", "b": "2"}, "entry_too_large", {"a": "4", "b": "5"}]


# --- whatever the bytes


MARKS = (*(b"%c" % mark for mark in b'{}[]"\\,:\na\xff\0'), b'"studies":[', b"<A>", b"</A>", b"<A")
PIECES = st.lists(st.sampled_from(MARKS), max_size=40).map(b"".join)


@FUZZ
@given(PIECES, st.sampled_from([1, 3, 50]))
def test_only_entries_and_rejects_come_out_and_no_byte_twice(data: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reading, "_CHUNK", size)
        for found in (
            list(json_values(io.BytesIO(data), ("studies",))),
            list(xml_elements(io.BytesIO(data), ("A",))),
            list(csv_rows(io.BytesIO(data))),
            list(whole(io.BytesIO(data))),
        ):
            assert all(isinstance(outcome, Entry | Reject) for outcome in found)
            ordinals = [o.ordinal if isinstance(o, Entry) else o.place.ordinal for o in found]
            assert ordinals == list(range(1, len(found) + 1))
            end = 0
            for outcome in found:
                if isinstance(outcome, Entry) and outcome.offset is not None:
                    assert outcome.offset >= end
                    assert data[outcome.offset : outcome.offset + len(outcome.data)] == outcome.data
                    end = outcome.offset + len(outcome.data)


@FUZZ
@given(PIECES)
def test_broken_json_is_cut_alike_at_any_chunk_size(data: bytes) -> None:
    found = []
    for size in (1, 2, 5, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_reading, "_CHUNK", size)
            patch.setattr(_reading, "_AT_ONCE_BYTES", 0)
            found.append(seen(json_values(io.BytesIO(data), ("studies",))))
    assert all(other[: len(found[-1])] == found[-1] for other in found)
    assert len({len(other) for other in found}) == 1


# --- entries into Records


def read_or_fail(entry: Entry) -> Record:
    match entry.data:
        case b"fault":
            raise ZeroDivisionError("reader")
        case b"deep":
            raise RecursionError
        case b"unreadable":
            raise Unreadable("missing_identifier", "none")
    return Record(id=entry.data.decode())


def test_what_goes_wrong_with_one_entry_is_its_reject() -> None:
    words = [b"first", b"fault", b"deep", b"unreadable", b"last"]
    found = list(each((Entry(word, n, n * 10) for n, word in enumerate(words, 1)), read_or_fail))
    assert [o.id if isinstance(o, Record) else o.reason for o in found] == [
        "first",
        "reader_fault",
        "reader_fault",
        "missing_identifier",
        "last",
    ]
    assert [(o.place.ordinal, o.place.offset) for o in found] == [(n, n * 10) for n in range(1, 6)]
    assert [o.place.entry_sha256 for o in found] == [hashlib.sha256(word).hexdigest() for word in words]


def test_content_that_begins_like_one_entry_is_cut_only_if_it_is_more() -> None:
    def read(entry: Entry) -> Record:
        try:
            return Record(id=json.loads(entry.data)["id"])
        except json.JSONDecodeError:
            raise Unreadable("malformed_json") from None

    begins = re.compile(rb'(?:\xef\xbb\xbf)?\{"id"')
    for data, ids in (
        (b'{"id": "1"}', ["1"]),
        (b'\xef\xbb\xbf{"id": "1"}', ["1"]),
        (b'{"id": "1"}\n{"id": "2"}', ["1", "2"]),
        (b'[{"id": "1"}]', ["1"]),
    ):
        found = list(one_or_more(io.BytesIO(data), begins, json_values, read))
        assert [o.id for o in found if isinstance(o, Record)] == ids
        for outcome in found:
            assert outcome.place.offset is not None
            assert data[outcome.place.offset :].startswith(b'{"id"')


def test_peek_takes_nothing_away() -> None:
    for size in range(8):
        head, stream = peek(io.BytesIO(b"abcdef"), size)
        assert head == b"abcdef"[:size]
        assert b"".join(iter(lambda stream=stream: stream.read(4), b"")) == b"abcdef"  # type: ignore[misc]


# --- text


TEXTS = st.text(alphabet="ab \t\n\r\x0b\u00a0\u2003é≥\\*-", max_size=40)


@FUZZ
@given(TEXTS)
def test_folding_is_what_it_says_and_changes_nothing_twice(text: str) -> None:
    assert fold(text) == (" ".join(text.split()) or None)
    for folding in (fold, block, unwrap, from_html):
        if folding is from_html:
            text = text.replace("\x0b", "")  # a control character, which is dropped
        once = folding(text)
        assert folding(once) == once
        assert once is None or once == once.strip()
        assert " ".join((once or "").split()) == " ".join(text.split())
    lines = (block(text) or "").split("\n")
    assert lines == [" ".join(line.split()) for line in lines]
    assert "\n\n\n" not in (block(text) or "")
    assert "\n" not in (unwrap(text) or "").replace("\n\n", "")


def test_unwrapping_keeps_paragraphs() -> None:
    text = "\n   A paragraph that\n   goes on.\n\n     -  an item\n        of two lines\n\n\n   Last.\n"
    assert unwrap(text) == "A paragraph that goes on.\n\n- an item of two lines\n\nLast."
    assert block(text) == "A paragraph that\ngoes on.\n\n- an item\nof two lines\n\nLast."


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<br>b<BR />c", "a\nb\nc"),
        ("<p>a</p><p>b</p>", "a\nb"),
        ("a<p>b</p> <p class='x'>c", "a\nb\nc"),
        ("a:<ul><li>b</li> <li>c</li></ul>d", "a:\nb\nc\nd"),
        ("&amp;lt;5 &amp;#8805; &nbsp;x", "<5 ≥ x"),
        ("a < b and c > d", "a < b and c > d"),
        ("x\x01y", "xy"),
        ("", None),
        (None, None),
    ],
)
def test_html_becomes_text(html: str | None, text: str | None) -> None:
    assert from_html(html) == text


def test_a_comment_without_an_end_hides_nothing_and_costs_no_time() -> None:
    data = b"<set><!-- <a>1</a> -->" + b"<!-- " * 100_000 + b"<a>2</a><a>3</a></set>"
    assert [e.data for e in xml_elements(io.BytesIO(data), ("a",)) if isinstance(e, Entry)] == [
        b"<a>2</a>",
        b"<a>3</a>",
    ]
