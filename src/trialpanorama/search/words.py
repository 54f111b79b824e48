"""Words as the index cuts them out of texts and questions: their stems, and patterns for words with missing letters."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from trialpanorama.search._names import FUNCTION_WORDS

if TYPE_CHECKING:
    import tantivy

WILDCARD = re.compile(r"[*?#]|\$\d")
"""The signs for missing letters."""
_TOKEN = re.compile(r"(?:[^\W_]|[*?#]|\$\d)+")


def analyzer(*more: tantivy.Filter) -> tantivy.TextAnalyzer:
    """What cuts a text into words, lower case, accents folded, and puts them through more filters."""
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for one in (tantivy.Filter.remove_long(100), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(), *more):
        builder = builder.filter(one)
    return builder.build()


def stem_analyzer() -> tantivy.TextAnalyzer:
    """What cuts a text into stems: words without endings, lower case, accents folded, without the commonest."""
    import tantivy

    return analyzer(tantivy.Filter.stopword("english"), tantivy.Filter.stemmer("english"))


def question_stems(text: str) -> dict[str, float]:
    """The stems that a question looks for, with weights that grow with the logarithm of how often it says them."""
    return {stem: 1 + math.log(count) for stem, count in Counter(_stems_of_question()(text)).items()}


@functools.cache
def _stems_of_question() -> Callable[[str], list[str]]:
    import tantivy

    without = tantivy.Filter.custom_stopword(sorted(FUNCTION_WORDS))
    return analyzer(without, tantivy.Filter.stemmer("english")).analyze


@functools.cache
def _stemmed() -> Callable[[str], list[str]]:
    import tantivy

    return analyzer(tantivy.Filter.stemmer("english")).analyze


def words_of_stem(searcher: tantivy.Searcher, field: str, stem: str) -> dict[str, int]:
    """The words in a field of an index that have a stem, with the number of documents that hold each.

    The stemmer changes no more than the last letters of a word, so that hardly any others are looked at: of the stem
    "studi" those in studi- and study-. A stem of one or two letters is a word itself, or its plural.
    """
    if len(stem) <= 2:
        held = {word: searcher.doc_freq(field, word) for word in (stem, f"{stem}s", f"{stem}ing")}
    else:
        held = dict(one for letters in _beginnings(stem) for one in searcher.terms_with_prefix(field, letters))
    return {word: documents for word, documents in held.items() if documents and _stemmed()(word) == [stem]}


def _beginnings(stem: str) -> list[str]:
    """The letters that words of a stem may begin with: study of studi, hop-ing of hope, sk-ies of sky."""
    start = {"i": stem[:-1] + "y", "y": stem[:-1] + "ies", "e": stem[:-1] + "ing"}
    start |= {"ie": stem[:-2] + "ying", "bl": stem[:-2] + "bil"}
    return [stem, *(letters for end, letters in start.items() if stem.endswith(end))]


def word_tokens(words: str) -> list[str]:
    """Words as the index cuts them, with their wildcards."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", words.replace("ß", "ss")).encode("ascii", "ignore").decode() or words
    return [token.lower() for token in _TOKEN.findall(plain) if token.strip("*?#")]


def word_pattern(token: str) -> str:
    """A word with wildcards, or one of several (`a|b`), as a regular expression of the index."""
    if "|" in token:
        return f"({'|'.join(map(word_pattern, token.split('|')))})"
    signs = {"*": ".*", "?": ".?", "#": "."}

    def piece(found: re.Match[str]) -> str:
        return f".{{0,{found[1]}}}" if found[1] else signs.get(found[2], re.escape(found[2]))

    return re.sub(r"\$(\d)|(.)", piece, token)
