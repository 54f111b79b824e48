"""The tiny models of the package (`trialpanorama.train.tiny`), for tests."""

from trialpanorama.train.tiny import TEMPLATE, tiny_qwen3

__all__ = ["TEMPLATE", "tiny_qwen3"]
