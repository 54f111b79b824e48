"""Find, normalise and print the numbers that registers give to trials, also where a text writes them carelessly.

An id is printed in one way: `NCT99000001`, `2090-000001-10-DE` (EU CTR, without the prefix that ICTRP adds),
`UMIN999000001` (without `JPRN-`), `CTRI/2099/01/000001`. Normalising twice changes nothing. What all records of one
trial share (`trial_key`) is cut from that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple


class Register(NamedTuple):
    """A register whose ids are known, with the shape of its ids."""

    name: str
    title: str
    canonical: str
    """Regular expression of an id as this module prints it."""
    search: str
    """Regular expression that finds the id in a text (dashes and spaces already plain)."""
    compact: str
    """The same id with all but letters and digits removed, in capitals; its groups are the parts that are printed."""
    prefix: str
    """What is printed before the parts."""
    separator: str
    """What is printed between them."""
    url: str
    """Page of the id, `{}` is the printed id; for a register without stable pages, its page at ICTRP."""
    example: str
    """A fictional id."""
    ictrp_names: tuple[str, ...] = ()
    """What ICTRP calls it in `Source Register`."""
    is_trial_register: bool = True
    """Whether its ids stand for trials: not so for UTN (a request for a number) and for publications."""

    @property
    def precedence(self) -> int:
        """Rank when records of one trial disagree; the least wins."""
        return _PRECEDENCE[self.name]


class Found(NamedTuple):
    """An id, the register that issues such ids, and where it stands in the text."""

    id: str
    register: str
    start: int
    end: int


_AT_ICTRP = "https://trialsearch.who.int/Trial2.aspx?TrialID="
_GAP = r"[\W_]{0,3}"
_NUMBER_WORD = r"(?:[\W_]{0,2}(?i:number|no|nr|id|identifier)\b)?[\W_]{0,4}"
_BEFORE = r"(?<![A-Z0-9])"
_GLUED = r"(?<![A-Z])"
"""Before ids that nothing else looks like: lists come without separators (`NCT...NCT...`)."""
_BEFORE_NUMBER = r"(?<![0-9A-Za-z-])"
"""Before ids that begin with a digit; letters of other scripts stand close (`\u767b\u8bb0\u53f72090-...`)."""
_AFTER = r"(?![0-9])"
_COUNTRY = r"(?:-(?:[A-Z]{2}(?![A-Za-z])|3(?i:rd)(?![0-9A-Za-z])|(?i:outside-EU/EEA)))?"
_EU_PREFIX = r"(?:(?i:EUCTR|EU-?CT|CTIS)" + _GAP + r"|(?i:EudraCT)" + _NUMBER_WORD + r")"

_ALL = (
    Register(
        "clinicaltrials_gov",
        "ClinicalTrials.gov",
        r"NCT\d{8}",
        rf"{_GLUED}(?i:NCT){_NUMBER_WORD}\d{{8}}{_AFTER}",
        r"NCT(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{8})",
        "NCT",
        "",
        "https://clinicaltrials.gov/study/{}",
        "NCT99000001",
        ("ClinicalTrials.gov",),
    ),
    Register(
        "ctis",
        "Clinical Trials Information System (EU)",
        r"20\d{2}-5\d{5}-\d{2}(-\d{2})?",
        rf"(?:{_EU_PREFIX}|{_BEFORE_NUMBER})20\d{{2}}-5\d{{5}}-\d{{2}}(?:-\d{{2}})?{_AFTER}",
        r"(?:EUCTR|EUCT|CTIS|EUDRACT)?(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{4})(5\d{5})(\d{2})(\d{2})?",
        "",
        "-",
        "https://euclinicaltrials.eu/ctis-public/view/{}",
        "2090-500001-10-00",
        ("CTIS", "Clinical Trials Information System"),
    ),
    Register(
        "euctr",
        "EU Clinical Trials Register",
        r"20\d{2}-0\d{5}-\d{2}(-([A-Z]{2}|3RD))?",
        rf"(?:{_EU_PREFIX}20\d{{2}}[-\s/.]{{0,3}}0\d{{5}}[-\s/.]{{0,3}}\d{{2}}"
        rf"|{_BEFORE_NUMBER}20\d{{2}}\s?-\s?0\d{{5}}\s?-\s?\d{{2}})"
        rf"{_AFTER}{_COUNTRY}",
        r"(?:EUCTR|EUCT|CTIS|EUDRACT)?(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{4})(0\d{5})(\d{2})([A-Z]{2}|3RD|OUTSIDEEUEEA)?",
        "",
        "-",
        "https://www.clinicaltrialsregister.eu/ctr-search/search?query={}",
        "2090-000001-10",
        ("EU Clinical Trials Register", "EUCTR"),
    ),
    Register(
        "isrctn",
        "ISRCTN registry",
        r"ISRCTN\d{8}",
        rf"{_GLUED}(?i:ISRCTN){_NUMBER_WORD}\d{{8}}{_AFTER}",
        r"ISRCTN(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{8})",
        "ISRCTN",
        "",
        "https://www.isrctn.com/{}",
        "ISRCTN99000001",
        ("ISRCTN",),
    ),
    Register(
        "anzctr",
        "Australian New Zealand Clinical Trials Registry",
        r"ACTRN126\d{11}p?",
        rf"{_GLUED}(?i:ACTRN|ANZCTR){_NUMBER_WORD}126\d{{11}}(?:[pP](?![A-Za-z]))?{_AFTER}",
        r"(?:ACTRN|ANZCTR)(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(126\d{11})(P)?",
        "ACTRN",
        "",
        "https://www.anzctr.org.au/{}.aspx",
        "ACTRN12699000000001",
        ("ANZCTR",),
    ),
    Register(
        "drks",
        "German Clinical Trials Register",
        r"DRKS\d{8}",
        rf"{_GLUED}(?i:DRKS){_NUMBER_WORD}\d{{8}}{_AFTER}",
        r"DRKS(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{8})",
        "DRKS",
        "",
        "https://drks.de/search/en/trial/{}",
        "DRKS99000001",
        ("German Clinical Trials Register", "DRKS"),
    ),
    Register(
        "chictr",
        "Chinese Clinical Trial Registry",
        r"ChiCTR(\d{10}|-[A-Z]{2,4}-\d{8})",
        rf"{_GLUED}(?i:Chi[ -]?CTR){_NUMBER_WORD}(?:\d{{10}}|(?i:[A-Z]{{2,4}}){_GAP}\d{{8}}){_AFTER}",
        r"CHICTR(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(?:(\d{10})|([A-Z]{2,4})(\d{8}))",
        "ChiCTR",
        "",
        _AT_ICTRP + "{}",
        "ChiCTR9900000001",
        ("ChiCTR",),
    ),
    Register(
        "itmctr",
        "International Traditional Medicine Clinical Trial Registry",
        r"(ITMCTR|ChiMCTR)\d{10}",
        rf"{_GLUED}(?i:ITMCTR|ChiMCTR){_NUMBER_WORD}\d{{10}}{_AFTER}",
        r"(ITMCTR|CHIMCTR)(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{10})",
        "",
        "",
        _AT_ICTRP + "{}",
        "ITMCTR9900000001",
        ("ITMCTR",),
    ),
    Register(
        "ctri",
        "Clinical Trials Registry - India",
        r"CTRI/20\d{2}/\d{2,3}/\d{6}",
        rf"{_GLUED}(?i:CTRI){_NUMBER_WORD}20\d{{2}}{_GAP}\d{{2,3}}{_GAP}\d{{6}}{_AFTER}",
        r"CTRI(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{4})(\d{2,3})(\d{6})",
        "CTRI/",
        "/",
        _AT_ICTRP + "{}",
        "CTRI/2099/01/000001",
        ("CTRI",),
    ),
    Register(
        "cris",
        "Clinical Research Information Service (Korea)",
        r"KCT\d{7}",
        rf"{_GLUED}(?i:KCT){_NUMBER_WORD}\d{{7}}{_AFTER}",
        r"KCT(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{7})",
        "KCT",
        "",
        _AT_ICTRP + "{}",
        "KCT9900001",
        ("CRIS",),
    ),
    Register(
        "irct",
        "Iranian Registry of Clinical Trials",
        r"IRCT\d{10,14}N\d{1,3}",
        rf"{_GLUED}(?i:IRCT){_NUMBER_WORD}\d{{10,14}}[\s-]?[nN][\s-]?\d{{1,3}}{_AFTER}",
        r"IRCT(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{10,14})N(\d{1,3})",
        "IRCT",
        "N",
        _AT_ICTRP + "{}",
        "IRCT999000000001N1",
        ("IRCT",),
    ),
    Register(
        "umin",
        "UMIN Clinical Trials Registry (Japan)",
        r"UMIN\d{9}|C0000\d{5}",
        rf"{_BEFORE}(?:(?i:JPRN){_GAP})?(?:(?i:UMIN){_GAP}(?i:CTR)?{_NUMBER_WORD}\d{{9}}|C[- ]?0000\d{{5}}){_AFTER}",
        r"(?:JPRN)?(UMIN|C(?=0000))(?:CTR)?(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{9})",
        "",
        "",
        _AT_ICTRP + "JPRN-{}",
        "UMIN999000001",
        ("JPRN",),
    ),
    Register(
        "jrct",
        "Japan Registry of Clinical Trials",
        r"jRCT(\d{10}|[a-z]\d{9})",
        rf"{_BEFORE}(?:(?i:JPRN){_GAP})?(?i:jRCT){_NUMBER_WORD}(?:\d{{10}}|[a-zA-Z]{_GAP}\d{{9}}){_AFTER}",
        r"(?:JPRN)?JRCT(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?([A-Z]?)(\d{9,10})",
        "jRCT",
        "",
        "https://jrct.mhlw.go.jp/latest-detail/{}",
        "jRCT9900000001",
        ("JPRN", "jRCT"),
    ),
    Register(
        "japiccti",
        "Japan Pharmaceutical Information Center",
        r"JapicCTI-\d{6}",
        rf"{_BEFORE}(?:(?i:JPRN){_GAP})?(?i:Japic){_GAP}(?i:CTI){_NUMBER_WORD}\d{{6}}{_AFTER}",
        r"(?:JPRN)?JAPICCTI(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{6})",
        "JapicCTI-",
        "",
        _AT_ICTRP + "JPRN-{}",
        "JapicCTI-990001",
        ("JPRN",),
    ),
    Register(
        "jma",
        "Japan Medical Association Center for Clinical Trials",
        r"JMA-IIA\d{5}",
        rf"{_BEFORE}(?:(?i:JPRN){_GAP})?(?i:JMA){_GAP}(?i:IIA){_GAP}\d{{5}}{_AFTER}",
        r"(?:JPRN)?JMAIIA(\d{5})",
        "JMA-IIA",
        "",
        _AT_ICTRP + "JPRN-{}",
        "JMA-IIA99001",
        ("JPRN",),
    ),
    Register(
        "nl_omon",
        "Overview of Medical Research in the Netherlands",
        r"NL-OMON\d{5}",
        rf"{_BEFORE}(?:(?i:NL){_GAP})?(?i:OMON){_GAP}\d{{5}}{_AFTER}",
        r"(?:NL)?OMON(\d{5})",
        "NL-OMON",
        "",
        _AT_ICTRP + "{}",
        "NL-OMON99001",
        ("NL-OMON", "OMON"),
    ),
    Register(
        "ntr",
        "Netherlands Trial Register",
        r"(NTR|NL)\d{1,4}",
        # dots and letters after it: a CCMO file number (NL73848.000.21) or a postal code (NL-1105 AZ)
        rf"{_BEFORE}(?:NTR(?:\d{{1,4}}|[\s:#-]{{1,2}}(?:(?i:number|no|nr|id)\b[\s:.]{{0,2}})?\d{{2,4}})|NL\d{{3,4}})(?![0-9A-Za-z]|[.-]\d)",
        r"(NTR|NL)(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{1,4})",
        "",
        "",
        _AT_ICTRP + "{}",
        "NTR0",
        ("Netherlands Trial Register", "NTR"),
    ),
    Register(
        "pactr",
        "Pan African Clinical Trials Registry",
        r"PACTR20\d{13,14}",
        rf"{_GLUED}(?i:PACTR){_NUMBER_WORD}20\d{{13,14}}{_AFTER}",
        r"PACTR(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(20\d{13,14})",
        "PACTR",
        "",
        _AT_ICTRP + "{}",
        "PACTR209901000000001",
        ("PACTR",),
    ),
    Register(
        "rebec",
        "Brazilian Clinical Trials Registry",
        r"RBR-[0-9a-z]{6,8}",
        rf"{_BEFORE}(?:(?:RBR\s?|rbr)-?\s?(?=[A-Za-z]*\d)|(?i:RBR)-(?![0-9A-Za-z]*[AEIOUaeiou]))[0-9A-Za-z]{{6,8}}(?![0-9A-Za-z])",
        r"RBR([0-9A-Z]{6,8})",
        "RBR-",
        "",
        "https://ensaiosclinicos.gov.br/rg/{}",
        "RBR-99000a",
        ("REBEC", "ReBec"),
    ),
    Register(
        "repec",
        "Peruvian Clinical Trial Registry",
        r"PER-\d{3}-\d{2}(-[A-Z])?",
        rf"{_BEFORE}PER(?: ?- ?)?\d{{3}} ?- ?\d{{2}}(?:-[A-Z](?![A-Za-z]))?{_AFTER}",
        r"PER(\d{3})(\d{2})([A-Z])?",
        "PER-",
        "-",
        _AT_ICTRP + "{}",
        "PER-901-99",
        ("REPEC",),
    ),
    Register(
        "rpcec",
        "Cuban Public Registry of Clinical Trials",
        r"RPCEC\d{8}",
        rf"{_GLUED}(?i:RPCEC){_NUMBER_WORD}\d{{8}}{_AFTER}",
        r"RPCEC(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(\d{8})",
        "RPCEC",
        "",
        "https://rpcec.sld.cu/en/trials/{}-En",
        "RPCEC99000001",
        ("RPCEC",),
    ),
    Register(
        "slctr",
        "Sri Lanka Clinical Trials Registry",
        r"SLCTR/20\d{2}/\d{3}",
        rf"{_BEFORE}(?i:SLCTR){_GAP}20\d{{2}}{_GAP}\d{{3}}{_AFTER}",
        r"SLCTR(\d{4})(\d{3})",
        "SLCTR/",
        "/",
        _AT_ICTRP + "{}",
        "SLCTR/2099/001",
        ("SLCTR",),
    ),
    Register(
        "tctr",
        "Thai Clinical Trials Registry",
        r"TCTR20\d{9}",
        rf"{_GLUED}(?i:TCTR){_NUMBER_WORD}20\d{{9}}{_AFTER}",
        r"TCTR(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(20\d{9})",
        "TCTR",
        "",
        "https://www.thaiclinicaltrials.org/show/{}",
        "TCTR20990101001",
        ("TCTR",),
    ),
    Register(
        "lbctr",
        "Lebanese Clinical Trials Registry",
        r"LBCTR20\d{8}",
        rf"{_GLUED}(?i:LBCTR){_NUMBER_WORD}20\d{{8}}{_AFTER}",
        r"LBCTR(?:NUMBER|NO|NR|ID(?:ENTIFIER)?)?(20\d{8})",
        "LBCTR",
        "",
        _AT_ICTRP + "{}",
        "LBCTR2099010001",
        ("LBCTR",),
    ),
    Register(
        "snctp",
        "Swiss National Clinical Trials Portal",
        r"SNCTP\d{9}",
        rf"{_BEFORE}(?i:SNCTP){_GAP}\d{{9}}{_AFTER}",
        r"SNCTP(\d{9})",
        "SNCTP",
        "",
        "https://www.kofam.ch/en/snctp-portal/searching-for-a-clinical-trial?query={}",
        "SNCTP999000001",
    ),
    Register(
        "utn",
        "WHO Universal Trial Number",
        r"U1111-\d{4}-\d{4}",
        rf"{_BEFORE_NUMBER}(?:[Uu][\s-]{{0,2}}1111[\s-]{{0,3}}\d{{4}}[\s-]{{0,3}}\d{{4}}|1111\s?-\s?\d{{4}}\s?-\s?\d{{4}})(?!-?\d)",
        r"U?1111(\d{4})(\d{4})",
        "U1111-",
        "-",
        _AT_ICTRP + "{}",
        "U1111-9999-0001",
        is_trial_register=False,
    ),
    Register(
        "pubmed",
        "PubMed",
        r"[1-9]\d{0,7}",
        rf"(?:\b(?i:PMID|PubMed)(?: ?(?i:ID))?[\W_]{{0,3}}|(?i:pubmed[\w.]*/(?:pubmed/)?))[1-9]\d{{0,7}}{_AFTER}",
        r"(?:PMID|PUBMED)?(?:ID)?0*([1-9]\d{0,7})",
        "",
        "",
        "https://pubmed.ncbi.nlm.nih.gov/{}/",
        "99000001",
        is_trial_register=False,
    ),
    Register(
        "pmc",
        "PubMed Central",
        r"PMC[1-9]\d{2,8}",
        rf"\b(?i:PMC)(?:ID: ?PMC)?[1-9]\d{{2,8}}{_AFTER}",
        r"(?:PMCID)?PMC([1-9]\d{2,8})",
        "PMC",
        "",
        "https://pmc.ncbi.nlm.nih.gov/articles/{}/",
        "PMC99000001",
        is_trial_register=False,
    ),
    Register(
        "doi",
        "Digital Object Identifier",
        r"10\.\d{4,9}/[!-@\[-~]*[0-9a-z]",
        r"(?<![\w.])10\.\d{4,9}/[^\s\"<>]+",
        "",
        "",
        "",
        "https://doi.org/{}",
        "10.99999/fictional.1",
        is_trial_register=False,
    ),
    Register(
        "cochrane",
        "Cochrane Database of Systematic Reviews",
        r"(CD|ED|MR)\d{6}",
        rf"(?<![\w.])10\.1002/14651858\.(?i:CD|ED|MR)\d{{6}}(?:\.(?i:PUB)\d{{1,2}})?{_AFTER}",
        r"(?:10100214651858)?(CD|ED|MR)(\d{6})(?:PUB\d{1,2})?",
        "",
        "",
        "https://www.cochranelibrary.com/cdsr/doi/10.1002/14651858.{}/full",
        "CD990001",
        is_trial_register=False,
    ),
)

REGISTERS: dict[str, Register] = {register.name: register for register in _ALL}
"""Every register by name, in the order of precedence."""

_PRECEDENCE = {name: rank for rank, name in enumerate(REGISTERS)}

FICTIONAL_RANGES: dict[str, str] = {
    "clinicaltrials_gov": r"NCT99(?!9{6})\d{6}",
    "ctis": r"209\d-5\d{5}-\d{2}(-\d{2})?",
    "euctr": r"209\d-0\d{5}-\d{2}(-([A-Z]{2}|3RD))?",
    "isrctn": r"ISRCTN99(?!9{6})\d{6}",
    "anzctr": r"ACTRN12699\d{9}p?",
    "drks": r"DRKS99(?!9{6})\d{6}",
    "chictr": r"ChiCTR99(?!9{8})\d{8}",
    "itmctr": r"ITMCTR99(?!9{8})\d{8}",
    "ctri": r"CTRI/2099/\d{2,3}/\d{6}",
    "cris": r"KCT99(?!9{5})\d{5}",
    "irct": r"IRCT9990\d{8}N\d{1,3}",
    "umin": r"UMIN999(?!9{6})\d{6}",
    "jrct": r"jRCT99(?!9{8})\d{8}",
    "japiccti": r"JapicCTI-99\d{4}",
    "jma": r"JMA-IIA99\d{3}",
    "nl_omon": r"NL-OMON99\d{3}",
    "ntr": r"NTR0\d{0,3}",
    "pactr": r"PACTR2099\d{11,12}",
    "rebec": r"RBR-99[0-9a-z]{4,6}",
    "repec": r"PER-9\d{2}-99",
    "rpcec": r"RPCEC99(?!9{6})\d{6}",
    "slctr": r"SLCTR/2099/\d{3}",
    "tctr": r"TCTR2099\d{7}",
    "lbctr": r"LBCTR2099\d{6}",
    "snctp": r"SNCTP999\d{6}",
    "utn": r"U1111-9999-(?!9{4})\d{4}",
    "pubmed": r"99\d{6}",
    "pmc": r"PMC99\d{6}",
    "doi": r"10\.99999/[!-@\[-~]*[0-9a-z]",
    "cochrane": r"(CD|ED|MR)99\d{4}",
}
"""Regular expressions of the ids that no register has issued, per register: made-up trials use only these."""

_PLAIN = {
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D, 0x00AD], "-"),
    **dict.fromkeys([0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF0D},
    0x2028: " ",
    0x2044: "/",
    # digits of Arabic, Persian, Indian and Thai script
    **{code: str(unicodedata.decimal(chr(code))) for code in range(0x0660, 0x0E5A) if chr(code).isdecimal()},
}
"""Look-alikes of ASCII characters, one for one, so that places in the text stay what they are."""
_LOOK_ALIKES = re.compile("[" + "".join(map(re.escape, map(chr, _PLAIN))) + "]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")

_CCMO = r"\b[Nn][Ll]\d{5}\.\d{3}\.\d{2}\b"


def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern with digits of ASCII only."""
    return re.compile(pattern.replace(r"\d", "[0-9]"))


_COMBINED = _compiled(
    f"(?P<ccmo>{_CCMO})|"
    + "|".join(f"(?P<{r.name}>{r.search})" for r in _ALL if r.is_trial_register or r.name == "utn")
)
_HINT = re.compile(r"(?=[0-9SsNRrP])(?:[0-9]{5}|1111|[Ss][Ll][Cc][Tt][Rr]|NTR|NL[0-9]{3}|RBR|rbr-|PER[ 0-9-])")
_REACH = 40
"""Every id has a hint in it, and lies within so many characters of it: most of a text need not be searched."""
_SEARCH = {name: _compiled(register.search) for name, register in REGISTERS.items()}
_CANONICAL = {name: _compiled(register.canonical) for name, register in REGISTERS.items()}
_NEED_A_REGISTER = ("pubmed", "cochrane")
"""Bare digits, and CD with six digits, are an id of these only where one is expected: many sponsors use that shape."""
_MAYBE_ID = re.compile(
    "|".join(
        [
            *(pattern.pattern for pattern in _SEARCH.values()),
            *(pattern.pattern for name, pattern in _CANONICAL.items() if name not in _NEED_A_REGISTER),
            r".*10\.[0-9]{4,9}/.*",  # a DOI after its prefix
        ]
    )
)
"""In one look, what some register may take for its id: most own numbers of sponsors are none."""
_COMPACT = {name: _compiled(register.compact) for name, register in REGISTERS.items()}
_FICTIONAL = {name: _compiled(pattern) for name, pattern in FICTIONAL_RANGES.items()}
_DOI_PREFIX = re.compile(r"^(?:https?://)?(?:dx\.)?doi(?:\.org/|:? ?)", re.I)
_SEPARATORS = re.compile(r"[\W_]+")

_FAKE_DIGITS = frozenset(
    digits for n in range(5, 11) for digits in ("1234567890"[:n], "987654321"[-n:], "9876543210"[:n])
)
_FAKES_PRONE = ("clinicaltrials_gov", "isrctn", "drks", "cris", "chictr", "umin", "jrct", "rpcec", "itmctr", "utn")


def find(text: str | None) -> list[Found]:
    """Every registry id (and UTN) in a text, in its order; `start` and `end` are places in the text as given.

    Numbers that only look like one are left out: made-up ones (NCT12345678), file numbers of the Dutch ethics
    committee. PMIDs and DOIs are not searched for.
    """
    if not text:
        return []
    plain, places = _plain(text)
    found: list[Found] = []
    for match in _matches(plain):
        name = match.lastgroup or ""
        id = _print(name, match[0]) if name != "ccmo" else None
        if id is None or _is_fake(id, name):
            continue
        start, end = match.span()
        if places is not None:
            start, end = places[start], places[end - 1] + 1
        found.append(Found(id, name, start, end))
    return found


def _matches(plain: str) -> Iterator[re.Match[str]]:
    begin = end = -1
    for hint in _HINT.finditer(plain):
        if hint.start() - _REACH > end:
            if end > 0:
                yield from _COMBINED.finditer(plain, begin, end)
            begin = max(hint.start() - _REACH, 0)
        end = hint.end() + _REACH
    if end > 0:
        yield from _COMBINED.finditer(plain, begin, end)


def _plain(text: str) -> tuple[str, list[int] | None]:
    """The text with look-alikes made ASCII; with invisible characters cut out, also where each character stood."""
    if text.isascii():
        return text, None
    text = _LOOK_ALIKES.sub(lambda match: _PLAIN[ord(match[0])], text)
    if not _INVISIBLE.search(text):
        return text, None
    places = [place for place, character in enumerate(text) if not _INVISIBLE.match(character)]
    return _INVISIBLE.sub("", text), places


@lru_cache(65536)
def _print(register: str, matched: str) -> str | None:
    """The one way to print an id of this register, from what its search pattern matched."""
    if register == "doi":
        return matched[matched.index("10.") :].rstrip(".,;:)]}>'\"").lower()
    match = _COMPACT[register].fullmatch(_SEPARATORS.sub("", matched).upper())
    if match is None:
        return None
    known = REGISTERS[register]
    parts = [_PART_AS_PRINTED.get(part, part) for part in match.groups() if part]
    if register == "chictr" and len(parts) == 2:
        return "-".join(["ChiCTR", *parts])
    printed = known.separator.join(parts)
    return known.prefix + (printed.lower() if register in ("jrct", "rebec") else printed)


_PART_AS_PRINTED = {"P": "p", "OUTSIDEEUEEA": "3RD", "CHIMCTR": "ChiMCTR"}


@lru_cache(65536)
def normalise(text: str | None, register: str | None = None) -> Found | None:
    """The id that the whole text is, printed in the one way; None if it is no id (of this register) or a made-up one.

    With a register, its prefix may be missing where that leaves only digits (native ISRCTN, PMID).
    """
    if not text:
        return None
    plain, _ = _plain(unicodedata.normalize("NFKC", text))
    plain = " ".join(plain.split()).strip(" .,;:()[]\"'")
    if not register and not _MAYBE_ID.fullmatch(plain):
        return None
    for name in (register,) if register else REGISTERS:
        if name not in REGISTERS:
            return None
        whole = plain
        if register and plain.isdecimal():
            whole = REGISTERS[name].prefix + plain
        elif name == "doi":
            whole = _DOI_PREFIX.sub("", plain)
        is_shaped = _CANONICAL[name].fullmatch(whole) and (register or name not in _NEED_A_REGISTER)
        if not is_shaped and not _SEARCH[name].fullmatch(whole):
            continue
        id = _print(name, whole)
        if id and not _is_fake(id, name):
            return Found(id, name, 0, len(text))
    return None


def trial_key(id: str, register: str | None = None) -> str:
    """The id of the trial rather than of one of its records.

    Without the country of an EU CTR protocol, the resubmission of a CTIS number and the `p` of an ANZCTR number that
    is not yet registered. A text that is no id comes back as it is.
    """
    found = normalise(id, register)
    if found is None:
        return id
    if found.register in ("euctr", "ctis"):
        return found.id[:14]
    return found.id.removesuffix("p") if found.register == "anzctr" else found.id


def url(id: str, register: str | None = None) -> str | None:
    """Web address of the record; None if the text is no id."""
    found = normalise(id, register)
    if found is None:
        return None
    return REGISTERS[found.register].url.format(trial_key(id, register) if found.register == "euctr" else found.id)


def is_fictional(id: str, register: str | None = None) -> bool:
    """Whether the id lies in a range reserved for made-up trials (`FICTIONAL_RANGES`)."""
    found = normalise(id, register)
    return found is not None and _FICTIONAL[found.register].fullmatch(found.id) is not None


_JUNK_BEGINNING = re.compile(r"\s*(?:(?:none|nil|not|date|version)\b|\?\?|v(?:er)?[. ]*\d{1,2}(?:\.\d+)*\s*$)", re.I)
_JUNK_WORDS = frozenset(("na", "pending", "tofollow", "unknown", "aangevraagd", "no", "ooo", "null"))


def is_junk(text: str | None) -> bool:
    """Whether a secondary id says nothing: placeholders, versions, only zeros, too short, or a made-up number."""
    if not text:
        return True
    useful = _SEPARATORS.sub("", text)
    if len(useful) < 5 or not re.search(r"\d", useful) or not useful.strip("0"):
        # the short ids of the Dutch register are real, and so are Brazil's that have no digit by chance
        return not re.fullmatch(r"(?:NTR|NL)\d{1,4}", useful) and _SEARCH["rebec"].fullmatch(text.strip()) is None
    if useful.lower() in _JUNK_WORDS or _JUNK_BEGINNING.match(text):
        return True
    return any(_is_fake(id, name) for name, id in _shapes(text))


def _shapes(text: str) -> list[tuple[str, str]]:
    plain, _ = _plain(text.strip())
    matches = [(name, _print(name, plain)) for name in _FAKES_PRONE if _SEARCH[name].fullmatch(plain)]
    return [(name, id) for name, id in matches if id]


def _is_fake(id: str, register: str) -> bool:
    """One digit all along, or counted up or down: nobody was given such a number."""
    if register not in _FAKES_PRONE:
        return False
    digits = re.sub(r"\D", "", id.removeprefix("U1111") if register == "utn" else id)
    return len(set(digits)) == 1 or digits in _FAKE_DIGITS
