"""Names that the languages of PubMed and Ovid shorten: languages of articles, MeSH qualifiers."""

from __future__ import annotations

LANGUAGES = {
    "english": "eng", "french": "fre", "german": "ger", "spanish": "spa", "italian": "ita", "portuguese": "por",
    "chinese": "chi", "japanese": "jpn", "russian": "rus", "polish": "pol", "dutch": "dut", "korean": "kor",
    "turkish": "tur", "danish": "dan", "swedish": "swe", "norwegian": "nor", "czech": "cze", "hungarian": "hun",
}  # fmt: skip
"""MARC codes of the languages that most articles have."""
QUALIFIERS = {
    "ae": "adverse effects", "ai": "antagonists & inhibitors", "an": "analysis", "bl": "blood",
    "cf": "cerebrospinal fluid", "ci": "chemically induced", "co": "complications", "ct": "contraindications",
    "di": "diagnosis",
    "dg": "diagnostic imaging", "dh": "diet therapy", "de": "drug effects", "dt": "drug therapy", "ec": "economics",
    "em": "embryology", "en": "enzymology", "ep": "epidemiology", "et": "etiology", "ge": "genetics",
    "hi": "history", "im": "immunology", "is": "instrumentation", "me": "metabolism", "mt": "methods",
    "mi": "microbiology", "mo": "mortality", "nu": "nursing", "og": "organization & administration",
    "pa": "pathology", "pc": "prevention & control", "pd": "pharmacology", "pk": "pharmacokinetics",
    "pp": "physiopathology", "ph": "physiology", "px": "psychology", "ra": "radiography", "rt": "radiotherapy",
    "rh": "rehabilitation", "su": "surgery", "tu": "therapeutic use", "th": "therapy", "to": "toxicity",
    "tm": "transmission", "us": "ultrasonography", "ut": "utilization", "ve": "veterinary", "vi": "virology",
    "ad": "administration & dosage", "st": "standards", "sn": "statistics & numerical data", "td": "trends",
}  # fmt: skip
"""Ovid's codes of the MeSH qualifiers that are used most."""
FUNCTION_WORDS = frozenset(
    """
    a about above after again against all also although am among an and any are as at be became because been before
    being below between both but by can came could did do does doing done down during each either ever every few for
    from further get gets given goes had has have having he her here hers herself him himself his how however i if
    in into is it its itself just later many may me might more most much must my myself neither no nor not now of
    off often on once only onto or other our ours ourselves out over own per rather same shall she should since so
    some such than that the their theirs them themselves then there these they this those though through thus to too
    toward under until up upon us very via was we were what when where whether which while who whom whose why will
    with within without would yet you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
"""English words that say nothing of what a question is about."""
