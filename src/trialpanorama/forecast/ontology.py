"""What terminologies say of a draft's conditions and drugs: therapeutic areas and kinds of substances, by MeSH's tree.

The names are those of the concepts that a warehouse's own words were linked to, and those words. They are kept in the
model, so that a draft is read without loading a terminology, and in the same way as the trials that were learnt from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trialpanorama.tasks._strata import AREAS
from trialpanorama.tasks._trials import Start

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse

SUBSTANCES = {
    "D01": "inorganic chemicals",
    "D02": "organic chemicals",
    "D03": "heterocyclic compounds",
    "D04": "polycyclic compounds",
    "D05": "macromolecular substances",
    "D06": "hormones",
    "D08": "enzymes",
    "D09": "carbohydrates",
    "D10": "lipids",
    "D12": "peptides and proteins",
    "D13": "nucleic acids",
    "D20": "complex mixtures",
    "D23": "biological factors",
    "D25": "biomedical materials",
    "D26": "pharmaceutical preparations",
}
"""Categories of the MeSH tree (https://meshb.nlm.nih.gov/treeView) that are kinds of substances."""
AREA, SUBSTANCE = "area", "substance"
_MOST_WORDS = 6
"""Words of a name that is looked for within a longer one."""
_SHORTEST = 4
"""Characters of it: shorter ones mean many things."""

Names = dict[str, list[str]]


def names_of(warehouse: Warehouse) -> Names:
    """What each name means that a warehouse's words were linked by: facts such as `area=neoplasms`, by folded name."""
    con = warehouse.connect()
    try:
        rows = con.execute(
            """WITH placed AS (
                 SELECT concept_id, names, string_split(list_extract(
                     list_filter(attributes, lambda a: a.name = 'tree_numbers'), 1).value, ';') AS trees
                 FROM concepts),
               said AS (
                 SELECT concept_id, list(DISTINCT text) AS texts FROM mentions
                 WHERE concept_id IS NOT NULL AND field IN ('conditions', 'interventions') GROUP BY concept_id)
               SELECT list_concat(names, coalesce(texts, [])), trees FROM placed LEFT JOIN said USING (concept_id)
               WHERE len(trees) > 0"""
        ).fetchall()
    finally:
        con.close()
    found: dict[str, set[str]] = {}
    for names, trees in rows:
        categories = {tree[:3] for tree in trees}
        facts = {f"{AREA}={AREAS[one]}" for one in categories if one in AREAS}
        facts |= {f"{SUBSTANCE}={SUBSTANCES[one]}" for one in categories if one in SUBSTANCES}
        for name in names if facts else ():
            found.setdefault(_folded(name), set()).update(facts)
    found.pop("", None)
    return {name: sorted(facts) for name, facts in sorted(found.items())}


def facts_of(start: Start, names: Mapping[str, list[str]]) -> dict[str, float]:
    """The therapeutic areas of a trial's conditions and the kinds of substances that it gives: 1 for each."""
    found: dict[str, float] = {}
    for kind, texts in ((AREA, start.conditions), (SUBSTANCE, [one.name for one in start.interventions])):
        found |= {fact: 1.0 for fact in _meant(texts, names) if fact.startswith(f"{kind}=")}
    return found


def _meant(texts: Iterable[str], names: Mapping[str, list[str]]) -> list[str]:
    """What texts mean: the whole of each, else the longest names within it, from left to right."""
    found: list[str] = []
    for text in texts:
        words = _folded(text).split()
        if whole := names.get(" ".join(words)):
            found += whole
            continue
        at = 0
        while at < len(words):
            for many in range(min(_MOST_WORDS, len(words) - at), 0, -1):
                name = " ".join(words[at : at + many])
                if len(name) >= _SHORTEST and (meant := names.get(name)):
                    found += meant
                    at += many
                    break
            else:
                at += 1
    return found


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
