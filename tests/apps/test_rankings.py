"""Rankings of plain words on the pages and in the tools: offered when what they need has been made, and only then."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")
from starlette.testclient import TestClient

from tests.apps.conftest import Done
from tests.search.test_embedding import needs_torch, tiny_encoder
from trialpanorama.apps.mcp import ask
from trialpanorama.apps.web import create_app
from trialpanorama.apps.web.pages import Ranking
from trialpanorama.errors import UserError
from trialpanorama.search.ranked import ENCODED, RANKINGS, Ranked
from trialpanorama.warehouse import Warehouse

Command = Callable[..., Done]
WORDS = {"q": "asthma in children", "syntax": "plain"}


@pytest.fixture(scope="module")
def bare(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of which nothing has been made for searches."""
    copy = tmp_path_factory.mktemp("bare") / "W"
    shutil.copytree(warehouse, copy, ignore=shutil.ignore_patterns("index*"))
    return copy


@pytest.fixture(scope="module")
def client(bare: Path) -> Iterator[TestClient]:
    with TestClient(create_app(bare), base_url="http://127.0.0.1") as opened:
        yield opened


def test_the_pages_and_tools_know_every_ranking(client: TestClient) -> None:
    assert get_args(Ranking) == RANKINGS + ENCODED
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/search", "/search.json", "/search.csv", "/search/record.md"):
        asked = {one["name"]: one for one in paths[path]["get"]["parameters"]}
        assert asked["ranking"]["schema"]["enum"] == [*RANKINGS, *ENCODED]
        assert asked["ranking"]["schema"]["default"] == "bm25"


def test_a_ranking_is_offered_as_soon_as_its_vectors_are_made(client: TestClient, bare: Path, command: Command) -> None:
    """One server from beginning to end: it need not be started again."""
    assert client.get("/search.json").json()["rankings"] == ["bm25"]
    page = client.get("/search").text
    assert "trialpanorama index --embed" in page
    assert '<option value="fused"' not in page
    for ranking in ("fused", "hybrid"):
        refused = client.get("/search.json", params=WORDS | {"ranking": ranking})
        assert refused.status_code == 400
        assert f"index{' --embed' if ranking == 'hybrid' else ''} -w {bare}" in refused.json()["problem"]
        for tool, words in (("search", {"query": "asthma"}), ("rank_candidates", {"question": "asthma"})):
            with pytest.raises(UserError, match="trialpanorama index"):
                ask(bare, tool, words | {"ranking": ranking})
    assert ask(bare, "rank_candidates", {"question": "asthma"})["ranking"] == "bm25"

    done = command("index", "-w", bare)
    assert done.code == 0
    for stage in ("index", "vectors (texts)", "vectors (directions)", "vectors (words)", "vectors (documents)"):
        assert f"\n{stage}: " in f"\n{done.err}"
    assert client.get("/search.json").json()["rankings"] == list(RANKINGS)
    assert '<option value="fused"' in client.get("/search").text
    for ranking in ("dense", "fused"):
        answer = client.get("/search.json", params=WORDS | {"ranking": ranking}).json()
        told = command("search", WORDS["q"], "--syntax", "plain", "--ranking", ranking, "--json", "-w", bare).json
        assert answer["ranking"] == ranking
        assert _ids(answer) == _ids(told)
        assert answer["total"] == told["total"]
        assert answer["facets"] == {}
        said = ask(bare, "search", {"query": WORDS["q"], "ranking": ranking, "limit": 20})
        assert (said["ranking"], _ids(said)) == (ranking, _ids(told))
    second = client.get("/search.json", params=WORDS | {"ranking": "fused", "size": 7, "page": 2}).json()
    whole = client.get("/search.json", params=WORDS | {"ranking": "fused", "size": 14}).json()
    assert _ids(second) == _ids(whole)[7:]
    page = client.get("/search", params=WORDS | {"ranking": "fused"}).text
    assert "ranked by fused" in page
    assert "Keep this search" not in page  # what leaves nothing out has nothing new to tell
    record = client.get("/search/record.md", params=WORDS | {"ranking": "fused"}).text
    assert "ranked by fused" in record
    assert client.get("/search.json", params=WORDS | {"ranking": "hybrid"}).status_code == 400


@needs_torch
def test_the_vectors_of_an_encoder_serve_pages_and_tools(
    client: TestClient, bare: Path, command: Command, tmp_path: Path
) -> None:
    encoder = tiny_encoder(tmp_path / "encoder")
    done = command("index", "--encoder", encoder, "-w", bare, "--json")
    assert done.code == 0
    assert done.json["rankings"] == [*RANKINGS, *ENCODED]
    assert done.json["embeddings_made"] is True
    assert f"embeddings: {done.json['documents']:,} documents in " in done.err
    again = command("index", "--embed", "--encoder", encoder, "-w", bare)
    assert "nothing has changed" in again.out
    for ranking in ENCODED:
        answer = client.get("/search.json", params=WORDS | {"ranking": ranking}).json()
        told = command(
            "search", WORDS["q"], "--syntax", "plain", "--ranking", ranking, "--encoder", encoder, "--json", "-w", bare
        ).json
        assert (answer["ranking"], _ids(answer)) == (ranking, _ids(told))
        assert str(encoder) in answer["notes"][0]
        said = ask(bare, "rank_candidates", {"question": WORDS["q"], "ranking": ranking, "limit": 20})
        assert (said["ranking"], [hit["id"] for hit in said["ranked"]]) == (ranking, _ids(told))
        assert said["ranking"] in client.get("/search", params=WORDS | {"ranking": ranking}).text

    # another encoder in its folder since: its vectors are not those that were made
    shutil.rmtree(encoder)
    tiny_encoder(encoder, sentence_bert_config={"max_seq_length": 7})
    from trialpanorama.search import ranked

    ranked._opened.cache_clear()
    with pytest.raises(UserError, match="no longer the one by which the vectors were made"):
        Ranked.open_ready(Warehouse.open(bare), "hybrid")


def test_only_plain_words_and_no_given_candidates_are_ranked_otherwise(client: TestClient, bare: Path) -> None:
    refused = client.get("/search.json", params={"q": "asthma[tiab]", "ranking": "fused"})
    assert refused.status_code == 400
    assert "choose plain as the language" in refused.json()["problem"]
    with pytest.raises(UserError, match="give syntax plain"):
        ask(bare, "search", {"query": "asthma[tiab]", "syntax": "pubmed", "ranking": "fused"})
    with pytest.raises(UserError, match="leave out ids"):
        ask(bare, "rank_candidates", {"question": "asthma", "ids": ["1"], "ranking": "hybrid"})
    with pytest.raises(UserError, match="The parameter ranking is not right"):
        ask(bare, "search", {"query": "asthma", "ranking": "best"})


def _ids(facts: dict[str, list[dict[str, str]]]) -> list[str]:
    return [hit["id"] for hit in facts["hits"]]
