"""A language model's mentions: checked against the text, linked by the terminologies, and every failure told apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fake_model import FakeServer, asks_for_schema, completion, mention, mentions

from trialpanorama.asking import GIVE_UP_AFTER, OUTCOMES, destination, open_model
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.link import _concepts, _fingerprint, _linker
from trialpanorama.link.llm import LLMLinker, Unanswered, _fold, _pieces, _schema, _Text
from trialpanorama.ontologies import Concepts

MODEL = "openai-api/fake/tiny"
TEXT = "Adults with  type 2 diabetes and no history of stroke receive metformin or placebo; HbA1c is measured."


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return _concepts(None, _fingerprint(None))


@pytest.fixture(scope="module")
def linkers() -> dict[str, Any]:
    """Those of the rules, which take seconds to be made: once for all that a process links or builds."""
    kinds = ("biomarker", "condition", "drug")
    return {kind: _linker(kind, None, _fingerprint(None)) for kind in kinds}


@pytest.fixture
def linker(server: FakeServer, concepts: Concepts, linkers: dict[str, Any], tmp_path: Path) -> Iterator[LLMLinker]:
    with LLMLinker(concepts, MODEL, linkers=linkers, cache=tmp_path / "cache", timeout_s=1, retries=0) as made:
        yield made


def sent(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


# -------------------------------------------------------------------------------------------------------- what is asked
def test_the_request_asks_for_the_schema_and_shows_the_text(server: FakeServer, linker: LLMLinker) -> None:
    linker.link([TEXT], ["brief_summary"])
    [request] = server.requests
    assert request["path"] == "/v1/chat/completions"
    asked = request["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True
    assert asked["json_schema"]["schema"] == _schema(("condition", "drug", "biomarker"))
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert f"<text>\n{TEXT}\n</text>" in sent(request)
    assert "brief_summary" in sent(request)
    assert request["temperature"] == 0


def test_a_request_without_schema_would_be_refused(server: FakeServer, linker: LLMLinker) -> None:
    linker.link([TEXT])
    [request] = server.requests
    assert asks_for_schema(request)
    items = request["response_format"]["json_schema"]["schema"]["properties"]["mentions"]["items"]
    items["required"].remove("quote")
    assert not asks_for_schema(request)
    assert not asks_for_schema({"messages": []})


def test_only_the_kinds_that_were_asked_for(server: FakeServer, concepts: Concepts, linkers: dict[str, Any]) -> None:
    server.answer = lambda request, number: mentions(mention("metformin", "drug"), mention("stroke"))
    with LLMLinker(concepts, MODEL, ["drug"], linkers=linkers) as linker:
        [found] = linker.read([TEXT])
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["mentions"]["items"]["properties"]["kind"]["enum"] == ["drug"]
    assert [link.text for link in found.links] == ["metformin"]
    assert found.checks["other_kind"] == 1
    with pytest.raises(UnknownName, match="endpoint"):
        LLMLinker(concepts, MODEL, ["endpoint"])


# ------------------------------------------------------------------------------------------------- what is made of it
def test_mentions_are_linked_by_the_terminologies(server: FakeServer, linker: LLMLinker, concepts: Concepts) -> None:
    server.answer = lambda request, number: mentions(
        mention("type 2 diabetes", name="Type 2 Diabetes Mellitus", start=TEXT.index("type 2"), id="MESH:D003924"),
        mention("stroke", start=TEXT.index("stroke"), negated=True, history=True),
        mention("metformin", "drug", start=TEXT.index("metformin")),
    )
    [links] = linker.link([TEXT])
    assert [(link.text, link.kind, link.method) for link in links] == [
        ("type 2 diabetes", "condition", "llm"),
        ("stroke", "condition", "llm"),
        ("metformin", "drug", "llm"),
    ]
    assert all(TEXT[link.start : link.end] == link.text for link in links)
    assert links[0].concept_id == "MESH:D003924"
    assert [concept.name for link in links[1:] if (concept := concepts.get(link.concept_id or ""))] == [
        "Stroke",
        "Metformin",
    ]
    assert [(link.is_negated, link.is_history) for link in links] == [(False, False), (True, True), (False, False)]
    assert all(link.matched and 0 < link.score <= 1 for link in links)


def test_offsets_are_computed_anew(server: FakeServer, linker: LLMLinker) -> None:
    text = "Stroke prevention after a first stroke, or a second stroke."
    server.answer = lambda request, number: mentions(
        mention("stroke", start=35), mention("stroke", start=9_999), mention("STROKE", start=-4), mention("stroke")
    )
    [found] = linker.read([text])
    assert [(link.start, link.text) for link in found.links] == [(0, "Stroke"), (32, "stroke"), (52, "stroke")]
    assert found.checks == Counter(moved=2, folded=1, repeated=1)


def test_invented_quotations_are_left_out_and_counted(server: FakeServer, linker: LLMLinker) -> None:
    server.answer = lambda request, number: mentions(
        mention("asthma"),
        mention("etformi", "drug"),
        mention(""),
        mention(TEXT + TEXT),
        mention("TYPE 2\nDiabetes", start=3),
    )
    [found] = linker.read([TEXT])
    assert [link.text for link in found.links] == ["type 2 diabetes"]
    assert found.checks == Counter(invented=3, too_long=1, folded=1)


def test_a_concept_never_comes_from_the_models_memory(server: FakeServer, linker: LLMLinker) -> None:
    server.answer = lambda request, number: mentions(
        mention("stroke", id="MESH:D001249"),  # another thing
        mention("placebo", "drug", id="DRUGBANK:DB99999999"),  # nothing
        mention("HbA1c", "condition", name="zzyzx syndrome", id="MESH:D001249"),  # not called so
    )
    [found] = linker.read([TEXT])
    stroke, placebo, unlinked = found.links
    assert stroke.concept_id not in (None, "MESH:D001249")
    assert (placebo.concept_id, placebo.kind) == (None, "placebo")
    assert (unlinked.concept_id, unlinked.score, unlinked.method) == (None, 0.0, "llm")
    assert found.checks["id_refused"] == 2
    assert found.checks["id_unknown"] == 1


def test_the_name_counts_where_the_words_do_not_say(server: FakeServer, linker: LLMLinker, concepts: Concepts) -> None:
    text = "Patients with MS and sugar sickness."
    server.answer = lambda request, number: mentions(
        mention("MS", name="Multiple Sclerosis"), mention("sugar sickness", name="Diabetes Mellitus")
    )
    [[ms, sugar]] = linker.link([text])
    assert concepts.get(ms.concept_id or "").name == "Multiple Sclerosis"  # type: ignore[union-attr]
    assert concepts.get(sugar.concept_id or "").name == "Diabetes Mellitus"  # type: ignore[union-attr]
    assert (sugar.text, sugar.score) == ("sugar sickness", 0.8)


def test_drugs_and_biomarkers_keep_what_their_linkers_say(
    server: FakeServer, linker: LLMLinker, concepts: Concepts
) -> None:
    text = "HER2-positive: paracetamol/codeine, ZXQ1303 or sham surgery"
    server.answer = lambda request, number: mentions(
        mention("HER2", "biomarker", name="ERBB2"),
        mention("paracetamol/codeine", "drug"),
        mention("ZXQ1303", "drug"),
        mention("sham surgery", "drug"),
    )
    [links] = linker.link([text], ["public_title"])
    said = [(link.text, link.kind, concept.name if (concept := concepts.get(link.concept_id or "")) else None)
            for link in links]  # fmt: skip
    assert said == [
        ("HER2", "biomarker", "ERBB2"),
        ("paracetamol", "drug", "Acetaminophen"),
        ("codeine", "drug", "Codeine"),
        ("ZXQ1303", "drug", None),
        ("sham surgery", "placebo", None),
    ]
    assert links[0].qualifier
    assert all(text[link.start : link.end] == link.text for link in links)


def test_texts_are_read_in_pieces_whose_offsets_are_those_of_the_text(server: FakeServer, linker: LLMLinker) -> None:
    text = "Inclusion criteria apply to all adults. " * 200 + "\n\nExcluded: asthma."
    server.answer = lambda request, number: mentions(*([mention("asthma")] if "asthma" in sent(request) else []))
    [found] = linker.read([text])
    assert (found.pieces, len(server.requests)) == (2, 2)
    assert [text[link.start : link.end] for link in found.links] == ["asthma"]


# ------------------------------------------------------------------------------------------------- what can go wrong
def test_a_cut_off_reply_is_asked_again_in_halves(server: FakeServer, linker: LLMLinker) -> None:
    text = "Adults with asthma are included in this study. " * 12 + "\nStroke within a year excludes."
    cut = '{"mentions": [{"quote": "asth'

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
        if len(sent(request)) > 400:
            return completion(cut, "length")
        return mentions(*([mention("Stroke")] if "Stroke" in sent(request) else []))

    server.answer = answer
    [found] = linker.read([text])
    assert found.outcome == "answered"
    assert [text[link.start : link.end] for link in found.links] == ["Stroke"]
    assert found.usage.requests == len(server.requests) == found.pieces > 2


@pytest.mark.parametrize(
    ("reply", "outcome", "requests"),
    [
        (completion('{"mentions": [{"quo', "length"), "cut_off", 1),
        (completion("There is one disease in it."), "no_json", 2),
        (completion('{"mentions": [{"quo'), "no_json", 2),
        (completion("[" * 100_000), "no_json", 2),
        (completion('{"entities": []}'), "other_schema", 2),
        (completion('{"mentions": [{"quote": 3, "kind": "condition", "name": "x"}]}'), "other_schema", 2),
        (completion(None, refusal="I cannot help with that."), "refused", 1),
        (completion("", "content_filter"), "refused", 1),
        ((500, {"error": {"message": "broken"}}), "failed", None),
        (None, "timed_out", 1),
    ],
    ids=["cut_off", "prose", "half_json", "deep", "other_keys", "other_types", "refusal", "filter", "error", "stall"],
)
def test_failures_are_told_apart(
    server: FakeServer, linker: LLMLinker, reply: Any, outcome: str, requests: int | None
) -> None:
    server.answer = lambda request, number: reply if "asthma" in json.dumps(request["messages"]) else mentions()
    bad, good = linker.read(["A study of asthma.", "Nothing here."])
    assert (bad.outcome, bad.links) == (outcome, [])
    assert bad.outcome in OUTCOMES
    assert bad.detail
    assert good.outcome == "answered"
    if requests:
        assert len(server.requests) == requests + 1
    with pytest.raises(Unanswered, match=rf"1 of 2 texts unanswered \(1 {outcome}\)"):
        linker.link(["A study of asthma.", "Nothing here."])


def test_what_cannot_be_read_is_asked_for_once_more(server: FakeServer, linker: LLMLinker) -> None:
    good = f"```json\n{json.dumps({'mentions': [mention('stroke')]})}\n```"
    server.answer = lambda request, number: completion("Sure!" if number == 1 else good)
    [found] = linker.read([TEXT])
    assert [link.text for link in found.links] == ["stroke"]
    assert found.usage.requests == 2
    assert [message["role"] for message in server.requests[1]["messages"]] == ["system", "user", "assistant", "user"]


def test_a_busy_server_is_asked_again(server: FakeServer, linker: LLMLinker) -> None:
    busy = (429, {"error": {"message": "slow down", "type": "rate_limit_error"}})
    server.answer = lambda request, number: busy if number == 1 else mentions(mention("stroke"))
    [found] = linker.read([TEXT])
    assert [link.text for link in found.links] == ["stroke"]
    assert len(server.requests) == 2


def test_a_refused_key_ends_the_run(server: FakeServer, linker: LLMLinker) -> None:
    server.answer = lambda request, number: (401, {"error": {"message": "wrong key"}})
    with pytest.raises(UserError, match="cannot be used"):
        linker.read([TEXT])


def test_a_server_that_keeps_failing_is_left_alone(server: FakeServer, concepts: Concepts) -> None:
    server.answer = lambda request, number: (422, {"error": {"message": "broken"}})
    with LLMLinker(concepts, MODEL, ["drug"], retries=0, connections=1) as linker:
        found = linker.read([f"text {number}" for number in range(GIVE_UP_AFTER + 5)])
    assert Counter(one.outcome for one in found) == {"failed": GIVE_UP_AFTER, "not_asked": 5}
    assert len(server.requests) == GIVE_UP_AFTER


# ------------------------------------------------------------------------------------------------- what it costs
def test_tokens_are_counted_and_bounded(server: FakeServer, concepts: Concepts) -> None:
    texts = [f"Text number {number} of a study." for number in range(20)]
    with LLMLinker(concepts, MODEL, ["drug"], max_tokens=6_000) as linker:
        found = linker.read(texts)
    asked = [one for one in found if one.outcome == "answered"]
    spent = sum(one.usage.input_tokens + one.usage.output_tokens for one in asked)
    assert 0 < spent == 540 * len(asked) == 540 * len(server.requests) <= 6_000
    assert asked[0].usage.cached_input_tokens == 400
    assert {one.outcome for one in found} == {"answered", "not_asked"}
    assert all("6,000 tokens" in one.detail for one in found if one.outcome == "not_asked")


def test_nothing_is_paid_for_twice(
    server: FakeServer, concepts: Concepts, linkers: dict[str, Any], tmp_path: Path
) -> None:
    server.answer = lambda request, number: (
        completion("Never mind.") if "odd" in json.dumps(request["messages"]) else mentions(mention("stroke"))
    )

    def read(model: str = MODEL, kinds: tuple[str, ...] = ("condition",)) -> tuple[list[Any], int]:
        before = len(server.requests)
        with LLMLinker(concepts, model, kinds, linkers=linkers, cache=tmp_path) as linker:
            found = linker.read([TEXT, TEXT, "an odd text"])
        return found, len(server.requests) - before

    first, requests = read()
    assert requests == 3
    again, requests = read()
    assert requests == 2, "only what had no answer is asked again"
    assert [one.links for one in again] == [one.links for one in first]
    assert again[0].usage.requests == 0
    assert (again[0].pieces, again[0].kept_pieces) == (1, 1)
    assert read(model="openai-api/fake/other")[1] == 3
    assert read(kinds=("condition", "drug"))[1] == 3
    for damaged in (b'{"outcome"', b'{"outcome":"answered","completion":"{"}'):
        for file in tmp_path.rglob("*.json"):
            file.write_bytes(damaged)
        assert read()[1] == 3, "a damaged file is no reply"


def test_the_estimate_is_what_is_left_to_be_sent(server: FakeServer, linker: LLMLinker) -> None:
    before = linker.estimate(TEXT, None)
    assert before > len(TEXT) / 4
    linker.link([TEXT])
    assert linker.estimate(TEXT, None) == 0


# ------------------------------------------------------------------------------------------------- the model, the text
def test_a_model_object_of_inspect_can_be_given(concepts: Concepts, linkers: dict[str, Any]) -> None:
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def reply(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", json.dumps({"mentions": [mention("stroke")]}))
        output.usage = ModelUsage(input_tokens=7, output_tokens=2, total_tokens=9)
        return output

    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    with LLMLinker(concepts, model, ["condition"], linkers=linkers) as linker:
        [found] = linker.read([TEXT])
    assert [link.text for link in found.links] == ["stroke"]
    assert (found.usage.input_tokens, found.usage.output_tokens) == (7, 2)
    assert destination(model) == ("this machine", True)


@pytest.mark.parametrize(
    ("address", "is_local"),
    [("http://localhost:1/v1", True), ("http://127.0.0.9/v1", True), ("http://[::1]:1/v1", True),
     ("https://models.example.org/v1", False), ("http://10.0.0.1/v1", False)],
)  # fmt: skip
def test_where_texts_go(monkeypatch: pytest.MonkeyPatch, address: str, is_local: bool) -> None:
    monkeypatch.setenv("FAKE_BASE_URL", address)
    monkeypatch.setenv("FAKE_API_KEY", "none")
    assert destination(open_model(MODEL)).is_local is is_local


@pytest.mark.parametrize("name", ["gpt-4o", "nobody/nothing", "openai-api/fake/tiny"])
def test_a_model_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("FAKE_API_KEY", raising=False)
    with pytest.raises(UserError) as error:
        open_model(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("non–small\tcell  lung cancer", "Non-small cell lung cancer", ["non–small\tcell  lung cancer"]),
        ("Sjögren’s syndrome", "Sjogren's syndrome", ["Sjögren’s syndrome"]),
        ("Sjo\u0308gren syndrome, Meniere\u0301", "Meniere", ["Meniere\u0301"]),
        ("prediabetes and diabetes", "diabetes", ["diabetes"]),
        ("prediabetes", "diabetes", []),
        ("2型糖尿病患者", "糖尿病", ["糖尿病"]),
        ("asthma", " asthma\n", ["asthma"]),
        ("asthma", "  ", []),
    ],
)
def test_where_a_quotation_stands(text: str, quote: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in _Text(text).find(quote)] == found


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=60), st.integers(0, 59), st.integers(1, 20))
def test_a_place_always_holds_the_words(text: str, start: int, length: int) -> None:
    quote = text[start : start + length].strip()
    for begin, end in _Text(text).find(quote):
        assert _fold(text[begin:end])[0].strip() == _fold(quote)[0].strip()


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(alphabet="ab .\n", max_size=200), st.integers(2, 50))
def test_pieces_are_the_text(text: str, longest: int) -> None:
    pieces = _pieces(text, longest)
    assert "".join(piece for _, piece in pieces) == text
    assert all(text[start : start + len(piece)] == piece and len(piece) <= longest for start, piece in pieces)
