"""Find it: searches in the languages that reviewers write, over a frozen snapshot."""

from __future__ import annotations

import re
import unicodedata

from trialpanorama.errors import UnknownName
from trialpanorama.search import ovid, pubmed
from trialpanorama.search.tree import DEEPEST, LARGEST_QUERY, PUBMED_TAGS, Node, QueryError, Search, Text, depth

SYNTAXES = ("auto", "pubmed", "ovid", "plain")
_IS_OVID = re.compile(
    r"""(?xi) \.(?:ti|ab|mp|tw|sh|pt|fs|hw|kw|nm)(?:,(?:ti|ab|kw|sh|hw|nm|ot|kf|rn))*\.?(?=[\s)\]]|\Z)
    | \badj\d+\b | \b(?:or|and)/\d
    | ^[\w \t,"'.)*#-]+/(?:[a-z]{2}(?:,[ ]?[a-z]{2})*\b)?[ \t]*(?:$|\bor\b|\[)
    """,
    re.MULTILINE,
)
_TAG = re.compile(r"\[([A-Za-z/ -]{2,40})(?::[^\]]{1,8})?\]")


def parse(query: str, syntax: str = "auto", *, repairs: bool = False) -> Search:
    """Read a search: pubmed, ovid, plain (words to rank by), or auto, which tells them apart by their signs.

    `repairs` mends slips that published searches have (a parenthesis that is not closed, "or or") and notes each.
    Raises QueryError (what, where in the query) and UnknownName for a syntax that does not exist.
    """
    if syntax not in SYNTAXES:
        raise UnknownName("query syntax", syntax, SYNTAXES)
    if len(query) > LARGEST_QUERY:
        raise QueryError(
            f"The query has {len(query):,} characters, more than the {LARGEST_QUERY:,} that are read",
            query[: LARGEST_QUERY + 1],
            LARGEST_QUERY,
            "Divide it into several searches.",
        )
    for at, character in enumerate(query):
        category = unicodedata.category(character)
        if category == "Cs":  # so Python hands on a byte of the command line that is no UTF-8
            printable = query.encode("utf-8", "replace").decode()
            raise QueryError("A byte that is no UTF-8 text stands here", printable, at, "Remove it.")
        if category == "Cc" and not character.isspace():
            raise QueryError(f"A control character (U+{ord(character):04X}) stands here", query, at, "Remove it.")
    if not query.strip():
        raise QueryError("The query is empty", query, 0, "Give at least one word.")
    if syntax == "auto":
        # tags in brackets are PubMed's alone; Ovid's signs occur in words too (SPECT/CT), so they come second
        has_tag = any(_is_tag(tag) for tag in _TAG.findall(query))
        syntax = "pubmed" if has_tag or not _IS_OVID.search(query) else "ovid"
    if syntax == "plain":
        return Search("plain", Text(" ".join(query.split()), ("all",)))
    search = ovid.parse(query, repairs) if syntax == "ovid" else pubmed.parse(query, repairs)
    if depth(search.tree) > DEEPEST:
        raise QueryError(f"More than {DEEPEST} operators stand in each other", query, 0, "Group them in parentheses.")
    return search


def _is_tag(text: str) -> bool:
    return " ".join(text.lower().split()) in PUBMED_TAGS


def to_text(search: Search) -> str:
    """The search printed in its own language, in one way; reading that gives the same tree."""
    if search.syntax == "plain":
        return search.tree.words if isinstance(search.tree, Text) else ""
    return ovid.to_text(search.tree) if search.syntax == "ovid" else pubmed.to_text(search.tree)


__all__ = ["SYNTAXES", "Node", "QueryError", "Search", "parse", "to_text"]
