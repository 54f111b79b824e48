"""What figures are broken down by: therapeutic area, phase, rarity, design, register."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

AREAS = {
    "C01": "infections",
    "C02": "infections",
    "C03": "infections",
    "C04": "neoplasms",
    "C05": "musculoskeletal",
    "C06": "digestive",
    "C07": "mouth and teeth",
    "C08": "respiratory",
    "C09": "ear, nose and throat",
    "C10": "nervous system",
    "C11": "eye",
    "C12": "urogenital",
    "C13": "urogenital",
    "C14": "cardiovascular",
    "C15": "blood and lymph",
    "C16": "congenital",
    "C17": "skin",
    "C18": "nutritional and metabolic",
    "C19": "endocrine",
    "C20": "immune system",
    "C24": "occupational",
    "C25": "substance-related",
    "C26": "injuries",
    "F01": "mental",
    "F03": "mental",
}
"""Categories of the MeSH tree (https://meshb.nlm.nih.gov/treeView) that are therapeutic areas. C23, signs and
symptoms, says nothing of the area."""

_RARITIES = ((10, "1 to 10 trials"), (100, "11 to 100 trials"))
"""How many trials of the warehouse the most frequent condition of a trial has."""

_DECENTRALISED = (
    r"\b(?:decentrali[sz]ed|site-?less|virtual) (?:clinical )?(?:trial|study)\b|\bdirect-to-(?:participant|patient)s?\b"
    r"|\b(?:tele-?(?:health|medicine|rehabilitation|monitoring)|home-based)\b"
    r"|\bremotely (?:conducted|delivered|monitored)\b"
)
_PLATFORM = (
    r"\b(?:platform|umbrella|basket) (?:clinical |adaptive |randomi[sz]ed )*(?:trial|study|protocol|design)s?\b"
    r"|\bmaster protocol\b|\bmulti-?arm,? multi-?stage\b"
)


def strata(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The strata of every registered trial, by study id; what is not known is "unknown"."""
    found: dict[str, dict[str, str]] = {}
    for study, register, phase in con.execute(
        "SELECT study_id, study_source, phase FROM studies WHERE kind = 'registration'"
    ).fetchall():
        found[study] = {
            "therapeutic area": "unknown",
            "phase": phase or "unknown",
            "condition frequency": "unknown",
            "design": "other",
            "register": register or "unknown",
        }
    for design, rule in (("decentralised", _DECENTRALISED), ("platform", _PLATFORM)):
        for (study,) in con.execute(
            """SELECT study_id FROM studies WHERE kind = 'registration'
               AND regexp_matches(lower(concat_ws(' ', title, scientific_title, abstract)), ?)""",
            [rule],
        ).fetchall():
            found[study]["design"] = design
    for study, area in con.execute(
        """WITH named AS (SELECT DISTINCT study_id, concept_id FROM conditions WHERE concept_id IS NOT NULL
                          AND coalesce(depth, 0) = 0),
           placed AS (SELECT concept_id, unnest(string_split(list_extract(
                          list_filter(attributes, lambda a: a.name = 'tree_numbers'), 1).value, ';')) AS tree
                      FROM concepts WHERE vocabulary = 'mesh'),
           counted AS (SELECT study_id, left(tree, 3) AS category, count(DISTINCT concept_id) AS times
                       FROM named JOIN placed USING (concept_id) GROUP BY ALL)
           SELECT study_id, list(category ORDER BY times DESC, category) FROM counted GROUP BY study_id"""
    ).fetchall():
        areas = [AREAS[category] for category in area if category in AREAS]
        if study in found and areas:
            found[study]["therapeutic area"] = areas[0]
    for study, times in con.execute(
        """WITH named AS (SELECT DISTINCT study_id, concept_id FROM conditions WHERE concept_id IS NOT NULL
                          AND coalesce(depth, 0) = 0),
           counted AS (SELECT concept_id, count(*) AS times FROM named GROUP BY concept_id)
           SELECT study_id, max(times) FROM named JOIN counted USING (concept_id) GROUP BY study_id"""
    ).fetchall():
        if study in found:
            found[study]["condition frequency"] = next(
                (name for most, name in _RARITIES if times <= most), "over 100 trials"
            )
    return found
