"""Names made comparable: one spelling for the many in which registries and vocabularies write the same words.

`normalise` is for look-ups and may change a text's length; `_matching.fold` keeps offsets and is for finding names
inside texts. Both are applied to the vocabulary and to the text alike, so that a rule need only be consistent: that
"diabetes" loses its s harms nobody, since it does so on both sides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
ROMAN = {
    "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
    "xi": "11", "xii": "12",
}  # fmt: skip
ALSO_OTHERWISE = {"i", "iv", "v", "x"}
"""Roman numerals that are also words or abbreviations; numbers only behind some words."""
_NUMBERED = re.compile(
    r"(?:^(?:type|grade|stage|phase|class|group|factor|bipolar|mellitu|diabete|category)|emia|osi[s]?|uria)$"
)
"""Words behind which those are numbers."""
PREFIXES = {
    "non", "pre", "post", "anti", "hyper", "hypo", "peri", "intra", "inter", "sub", "multi", "co", "semi", "neo",
    "micro", "macro", "psycho", "neuro", "cardio", "gastro", "cerebro", "broncho", "myelo", "musculo", "re",
    "extra", "supra", "infra", "para", "poly", "oligo", "veno", "immuno", "pneumo", "hepato", "thrombo", "uro",
    "utero", "vaso",
}  # fmt: skip
IRREGULAR = {
    "children": "child", "women": "woman", "men": "man", "feet": "foot", "teeth": "tooth", "vertebrae": "vertebra",
    "bronchi": "bronchus", "thrombi": "thrombus", "emboli": "embolus", "fungi": "fungus", "bacteria": "bacterium",
    "viruses": "virus", "lice": "louse", "diagnoses": "diagnosis", "prostheses": "prosthesis", "crises": "crisis",
    "ova": "ovum", "calculi": "calculus", "foci": "focus", "nevi": "nevus", "nuclei": "nucleus", "polypi": "polyp",
    "metastases": "metastasis", "pelves": "pelvis", "diverticula": "diverticulum", "septa": "septum",
    "programme": "program", "centre": "center", "fibre": "fiber", "litre": "liter", "metre": "meter", "grey": "gray",
    "ageing": "aging", "orthopaedics": "orthopedic", "whilst": "while", "sceptic": "skeptic", "mould": "mold",
    "sars": "sars", "aids": "aids",
}  # fmt: skip
NOT_GREEK_PLURAL = {"dose", "overdose", "nose", "disease", "case", "base", "phase", "release", "increase", "decrease"}

_WEB = r"(?i:&(?:amp;)*(?:#\d+|#x[0-9a-f]+|[a-z]{2,8});(?:s\b)?)"
"""What is left of a web page: "Crohn&#39;s"."""
_TOKEN = re.compile(
    rf"([^\W_\u2e80-\uffff]+|[^\W_]+)|(?<=\w)['’‘ʼ`´]s\b|{_WEB}|(&)"
)  # no space parts Chinese and Latin
_ASCII_TOKEN = re.compile(rf"([A-Za-z0-9]+)|'s\b|{_WEB}|(&)")
_MEASURED = (
    r"HER-?2(?:/neu)?|ER|PR|PgR|HR|AR|EGFRm?|ALK|ROS-?1|RET|MET|BRAF|[KNH]?RAS|BRCA-?[12]?(?:/2)?|HRD|PD-?L1|FLT-?3"
    r"|NPM-?1|IDH-?[12]|MYC|Ph|CD-?\d+[a-c]?|RF|ACPA|CCP|ANA|AChR|AQP4|MOG|HBs-?Ag|HBe-?Ag|Rh|RhD|D(?=[+-] ?HUS\b)"
)
_GERMS = r"HIV(?:-?[12])?|HCV|HBV|HPV|EBV|CMV|TB"
_PEOPLE = r"(?:\w+ )?(?:(?:wo)?m[ae]n|infants?|child(?:ren)?|people|persons?|adults?|patients?|participants?)\b"
_HYPHENATED = r"posit|negat|mut|relat|assoc|express|over|ampl|rearr|driven|target|resist|high|low"
"""How what stands behind a hyphen and a stray blank begins."""
_SIGNED = re.compile(
    rf"(?<![^\W_])(?:(?:{_MEASURED}|{_GERMS}|(?:SARS-)?CoV-?2|COVID-?19)"
    r"(?:\+(?=[\s/,;:)\]]|$|[A-Za-z]+\d?[+-])|\s?\([+-]\))"
    rf"|(?:{_MEASURED}|{_GERMS})-(?=[/,;] ?[\w-]*[+-](?!\w)|[)\]]|$)"
    rf"|(?:{_MEASURED})-(?=\s(?!\d|(?:and|or)\b|{_HYPHENATED}))"
    rf"|(?:{_GERMS})-(?= {_PEOPLE}))",
    re.IGNORECASE,
)
"""What a trial measures, with a sign that says whether it is there: "HER2+", "HR-/HER2+", "HIV (-)"; not "HIV- 1"."""
_MAY_BE_SIGNED = re.compile(r"[+\u2212\uff0b]|-(?![^\W_])")
_GLUED = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z]{3})")
_GREEK = re.compile("[" + "".join(GREEK) + "]")
_WORD_FINAL_OUR = re.compile(r"(?<=[a-z]{2})our(?=s?$|ed$|ing$|al$|less$|ism$)")
_ISE = re.compile(r"is(?=ations?$|ed$|ing$|e$)|(?<=l)ys(?=e$|ed$|ing$)")


def without_accents(text: str) -> str:
    """Letters without their accents; ligatures and sharp s as two letters."""
    if text.isascii():
        return text
    text = text.replace("æ", "ae").replace("œ", "oe").replace("ø", "o").replace("ß", "ss").replace("ł", "l")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@lru_cache(maxsize=1 << 17)
def word(text: str) -> str:
    """One lower-case word in its American spelling and in the singular."""
    if text in IRREGULAR:
        return IRREGULAR[text]
    if len(text) < 4 or not text.isalpha():
        return text
    text = (
        text.replace("ae", "e")
        .replace("ooe", "oe")
        .replace("oe", "e")
        .replace("sulph", "sulf")
        .replace("leuco", "leuko")
    )
    text = _WORD_FINAL_OUR.sub("or", text)
    if len(text) > 5:
        text = _ISE.sub(lambda m: m[0][0] + "z", text)
    return IRREGULAR.get(text) or _singular(text)


def _singular(text: str) -> str:
    if text.endswith("omata"):
        return text[:-2]
    if not text.endswith("s") or text.endswith(("ss", "is")) or len(text) < 4:
        return text
    if text.endswith(("oses", "stases", "yses", "theses")) and text[:-1] not in NOT_GREEK_PLURAL:
        return text[:-2] + "is"
    if text.endswith("ies") and len(text) > 5:
        return text[:-3] + "y"
    if text.endswith(("sses", "xes", "ches", "shes", "uses")) and not text.endswith("aches"):
        return text[:-2]
    return text[:-1]


@lru_cache(maxsize=1 << 17)
def _parts(token: str) -> tuple[str, ...]:
    """What one run of letters and digits becomes: "TNFα" is "tnf alpha", "COVID19" is "covid 19"."""
    text = token.lower()
    text = without_accents(_OTHERWISE.get(text, text))
    if not text.isascii():
        text = _GREEK.sub(lambda m: f" {GREEK[m[0]]} ", text)
    return tuple(word(part) for run in text.split() for part in (_GLUED.split(run) if not run.isalpha() else (run,)))


def tokens(text: str) -> list[tuple[str, int, int]]:
    """The normalised words of a text, each with the code points where it begins and ends in the text.

    A sign behind what is measured is a word: "HER2+" is "her 2 positive".
    """
    found: list[tuple[str, int, int]] = []
    for match in (_ASCII_TOKEN if text.isascii() else _TOKEN).finditer(text):
        run = match[match.lastindex] if match.lastindex else None
        if run is None or (run == "s" and found and text[match.start() - 1].isspace()):  # "Alzheimer s disease"
            continue
        start, end = match.span()
        for part in _parts(run) if run != "&" else ("and",):
            if part in ROMAN and (part not in ALSO_OTHERWISE or (found and _NUMBERED.search(found[-1][0]))):
                part = ROMAN[part]
            if found and found[-1][0] in PREFIXES:
                before = found.pop()
                start = before[1]  # also of the parts that follow: they share the place of the whole
                found.append((word(before[0] + part), start, end))
            else:
                found.append((part, start, end))
    if _MAY_BE_SIGNED.search(text) and (signs := _signs(text)):
        found = sorted(found + signs, key=lambda token: token[1])
    return found


def _signs(text: str) -> list[tuple[str, int, int]]:
    """The signs behind what is measured, as the words that they stand for."""
    plain = text.replace("\u2212", "-").replace("\uff0b", "+")
    found: list[tuple[str, int, int]] = []
    for match in _SIGNED.finditer(plain):
        start, end = (match.end() - 1, match.end()) if match[0][-1] in "+-" else (match.end() - 3, match.end())
        found.append(("positive" if "+" in match[0] else "negative", start, end))
    return found


def words(text: str) -> list[str]:
    """The normalised words of a text, in order."""
    return [token[0] for token in tokens(text)]


def normalise(text: str) -> str:
    """A text's words in lower case, American spelling and the singular, with arabic numbers and Latin letters.

    "Crohn's Diseases" and "crohn disease" give the same; so do "type-II" and "type2", "non-Hodgkin" and "Nonhodgkin".
    """
    return " ".join(words(text))


# ----------------------------------------------------------------------------------------------------- slips of the pen
_OTHERWISE = {"goût": "taste", "goûts": "taste", "jeûne": "fasting", "jeûnes": "fasting"}
"""Words that would be others without their accents."""
_SOUNDS = (
    (re.compile(r"ph"), "f"),
    (re.compile(r"ch|qu|[cq]"), "k"),
    (re.compile(r"th"), "t"),
    (re.compile(r"rrh|^rh"), "r"),
    (re.compile(r"y"), "i"),
    (re.compile(r"([a-z])\1+"), r"\1"),
)
_VOWELS = frozenset("aeiouy")


@lru_cache(maxsize=1 << 17)
def sounds(text: str) -> str:
    """A normalised word with one letter for what sounds the same: "nephro" and "nefro", "accute" and "acute"."""
    for written, heard in _SOUNDS:
        text = written.sub(heard, text)
    return text


def slip_between(written: str, meant: str) -> int | None:
    """Which slip of the pen makes one normalised word of another, the likeliest first; None where none does.

    0 letters that sound the same; 1 neighbours in one another's place; 2 a vowel too many, or a letter that is
    lacking; 3 a vowel for another. A consonant for another, or one too many, mostly makes another word: an
    osteoclastoma is no osteoblastoma. So does another beginning: what is luxated is not laxated.
    """
    if sounds(written) == sounds(meant):
        return 0
    if len(written) == len(meant):
        at = next(n for n, (one, other) in enumerate(zip(written, meant, strict=True)) if one != other)
        if written[at + 3 :] == meant[at + 3 :] and sorted(written[at : at + 3]) == sorted(meant[at : at + 3]):
            return 1
        is_vowel = written[at] in _VOWELS and meant[at] in _VOWELS
        if written[at + 1 :] == meant[at + 1 :] and at > 1 and is_vowel:
            return 3
        return 2 if written.endswith("ic") and written[:-1] + "a" == meant else None
    short, long = sorted((written, meant), key=len)
    if len(long) != len(short) + 1 or len(written) < (7 if long == meant else 6):
        return None
    at = next((n for n, (one, other) in enumerate(zip(short, long, strict=False)) if one != other), len(short))
    if short[at:] != long[at + 1 :]:
        return None
    return 2 if long[at] in _VOWELS or long == meant else None


# ---------------------------------------------------------------------------------------- variants of a vocabulary name
_QUALIFIER = re.compile(
    r"(?:,?\s*\b(?:NOS|unspecified|not otherwise specified)\b|\s*[\[(](?:disease|disorder|finding|NOS)[\])])\s*$",
    re.IGNORECASE,
)
_INFECTION = re.compile(r"^(?P<what>.+?) infections?$", re.IGNORECASE)
_NEOPLASM = re.compile(r"^(?P<site>[\w\s-]+?) neoplasms?$", re.IGNORECASE)
_ENDINGS = ("disease", "disorder", "syndrome")
_NO_SITE = {"benign", "malignant", "second primary", "multiple primary", "experimental", "radiation induced"}


def uninverted(name: str) -> str:
    """A heading that was turned round for an index in its natural order: "Carcinoma, Non-Small-Cell Lung"."""
    parts = [part.strip() for part in name.split(", ")]
    if not 2 <= len(parts) <= 4 or not all(parts) or any(part.lower().startswith(("and ", "or ")) for part in parts):
        return name
    return " ".join(reversed(parts))


def variants(name: str) -> Iterator[str]:
    """Further ways to write a vocabulary's name that mean the same, the likeliest first; the name itself is not one."""
    plain = _QUALIFIER.sub("", name).strip()
    seen = {name}
    for variant in _variants(plain):
        if variant and variant not in seen:
            seen.add(variant)
            yield variant


def _variants(name: str) -> Iterator[str]:
    yield name
    natural = uninverted(name)
    yield natural
    if match := _NEOPLASM.match(natural):
        site = match["site"]
        if site.lower() not in _NO_SITE:
            for noun in ("cancer", "tumor", "neoplasia", "malignancy", "malignant neoplasm", "carcinoma"):
                yield f"{site} {noun}"
            yield f"cancer of the {site}"
            yield f"cancer of {site}"
            yield f"malignant neoplasm of {site}"
            yield f"malignant {site} neoplasm"
            yield f"{site} cancer, unspecified"
    if match := _INFECTION.match(natural):
        yield f"{match['what']} disease"
        yield f"infection by {match['what']}"
        yield f"infection with {match['what']}"
    last = natural.rpartition(" ")[2].lower()
    if last in _ENDINGS and " " in natural:
        stem = natural[: -len(last) - 1]
        for ending in _ENDINGS:
            if ending != last:
                yield f"{stem} {ending}"


_BRITISH = {
    "tumor": "tumour", "edema": "oedema", "emia": "aemia", "emic": "aemic", "hem": "haem", "esophag": "oesophag",
    "diarrhea": "diarrhoea", "fetal": "foetal", "pediatric": "paediatric", "gynec": "gynaec", "celiac": "coeliac",
    "estrogen": "oestrogen", "behavior": "behaviour", "anesthe": "anaesthe", "orthoped": "orthopaed",
    "etiolog": "aetiolog", "cesarean": "caesarean", "pnea": "pnoea", "rrhea": "rrhoea", "fecal": "faecal",
    "ischem": "ischaem", "anemi": "anaemi",
}  # fmt: skip
_AMERICAN = re.compile(
    r"tumor|(?<!o)edema|(?<!a)emi[ac]\b|\bhem(?=[aoi])|\besophag|diarrhea|\bfetal|\bpediatric|gynec|\bceliac|\bestrogen"
    r"|behavior|anesthe|orthoped|\betiolog|\bcesarean|(?<!o)pnea\b|rrhea\b|\bfecal|\bischem|\banemi"
)
_NUMBER_BEHIND = re.compile(r"[A-Za-z]{2,}[- ]\d+")
_TYPE = re.compile(r"\b(type) ([1-4])\b", re.IGNORECASE)


def spellings(name: str) -> Iterator[str]:
    """The surfaces under which a name occurs in running text: number, British spelling, apostrophes, glued numbers."""
    forms = [name]
    lower = name.lower()
    british = _AMERICAN.sub(lambda match: _BRITISH[match[0]], lower)
    if british != lower:
        forms.append(british)
    if "'" in name or "’" in name:
        forms += [re.sub(r"['’]s\b", "", name), re.sub(r"['’]", "", name)]
    for form in list(forms):
        forms += _numbers(form)
    if glued := _NUMBER_BEHIND.search(name):
        forms.append(name.replace(glued[0], re.sub(r"[- ]", "", glued[0])))
    if _TYPE.search(name):
        forms.append(_TYPE.sub(lambda match: f"{match[1]} {'I' * int(match[2]) if match[2] < '4' else 'IV'}", name))
    yield from dict.fromkeys(forms)


_ALWAYS_PLURAL = ("diabetes", "herpes", "rabies", "scabies", "measles", "mumps", "ascites")


def _numbers(name: str) -> Iterator[str]:
    """The name with its last word in the other number."""
    if not name or not name[-1].islower() or len(name) < 4:
        return
    if name.endswith(("ss", "us", "is", "x")):
        if name.endswith(("osis", "asis", "ysis")):
            yield name[:-2] + "es"
        return
    if name.endswith("ies"):
        yield name[:-3] + "y"
    elif name.endswith("s"):
        if not name.lower().endswith(_ALWAYS_PLURAL):
            yield name[:-1]
    elif name.endswith("y") and name[-2] not in "aeiou":
        yield name[:-1] + "ies"
    else:
        yield name + "s"


# ------------------------------------------------------------------------------------------------- names that mislead
_COMMON = """
a about acid act acts add age aged aid aids aim air all also am an and any arc are arm arms art as ask at ax back bad
bag ban bar bars base bat be bed bee best big bit black blood blue body bone both box boy brief bus but by call calm
camp can cap car card care case cast cat cell chip class clear clip close coat cold come cord core corn cost cut date
day days dead deal do dose drop dry due each ear early east eat egg else end even ever eye face fact fad fall far fast
fat fed feed feel few fill film find fine fire first fish fit five flap flow fly foot for form four free from full fun
gain gap gas gel get girl give go goal gold good great gum gut had hair half hand hard has have he head health heat
help her here high hip his hit home hop hot hour how ice ill image impact in ink into ion iron is it its jar job join
just keep key kid kit knee knot lab lack lamp lap large last late law lead leap leg less let lid lie life light like
limb line link lip list live lives load long look loss lot low mad made main make man map mark mask mass mast mat max
may me mean meet men mice mild mind mint miss mode moon more most mouth move much must nail name near neck need nerve
net new next nice night nil no nor norm not note now nut oat odd of off oil old on once one only open or oral our out
over own pace pack pad page pain pair pale part pass past path peak pep per pet pie pill pin plan plane plate play
plus point poor post pot pots pray pre prep press pro pump push put race rain ram ran rank rash rat rate raw reach
read real red rest rib rice ride right ring rise risk road rock role roof room root rub run sad safe said salt same
sap sat saw say scan scar sea seal see seen self sell send set sex shape share she shock shot show shy sick side sight
sign sin single sip sit site six size skin sleep slip slow small smart snap so soap soft sole some son soon sore sort
spa span spice spot stable star stars start state stay stem step still stop store strip sub such sun sure swab sweet
tab tag take talk tall tank tap tar task tea tear tears tell ten term test than that the them then they thin this
three time tip tips to toe tone too tool top total touch track tract train tree trial trim try tube turn two type
under unit up upper us use used van vast very via view visit voice vote wait walk wall war warm was wash water wave
way we week well west wet what when where white who whole why wide will win wine wish with wood word work worm yes yet
you zone
"""
COMMON_WORDS = frozenset(_COMMON.split())
"""English words that some vocabulary has as an abbreviation or a name of something else."""


def needs_capitals(name: str) -> bool:
    """An abbreviation that is a word in small letters, or too short ("ALL", "MS", "PsA"): a text must write it so.

    A code with three digits or more ("BI-671800") need not be, unless its letters are a word or a unit.
    """
    if " " in name or not any(c.isupper() for c in name[1:]):
        return False
    letters, digits = sum(c.isalpha() for c in name), sum(c.isdigit() for c in name)
    if letters <= 3:
        # a house's letters and its number are a code however it is written, but "at 101" and "mg 132" are none
        house = name.rstrip("0123456789- ").lower()
        return digits < 3 or len(house) != letters or letters < 2 or house in COMMON_WORDS or house in _UNITS
    return name.lower() in COMMON_WORDS


_UNITS = frozenset(("cc", "cm", "dl", "gr", "iu", "kg", "mci", "mcg", "meq", "mg", "ml", "mm", "ng", "nm", "ug", "ui"))


def is_unsafe(name: str) -> bool:
    """A name that says too little to be looked for in running text: a letter, two letters, a number, a common word."""
    letters = sum(c.isalpha() for c in name)
    return letters < 2 or (len(name) <= 2) or (not name.isupper() and name.lower() in COMMON_WORDS)


def key_of_words(parts: Iterable[str]) -> str:
    """Words whatever their order, without those that only join: "cancer of the lung" is "lung cancer"."""
    return " ".join(sorted(part for part in parts if part not in JOINING))


JOINING = frozenset(("of", "the", "an", "in", "on", "and", "with", "by", "to", "for", "due", "from", "at", "or"))
