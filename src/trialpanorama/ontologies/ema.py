"""The table that maps the medicines of the European Medicines Agency (EMA) to RxNorm, package by package.

A row is a package (marketing authorisation number) of a medicine (product number), and the RxNorm drug that it was
mapped to. RxNorm's names are built from parts, so that the ingredients and the brand can be read from them:
"24 HR metformin hydrochloride 1000 MG / sitagliptin 50 MG Extended Release Oral Tablet [Janumet]". What comes of it are
the ingredients that the EMA has approved, and under each the medicines and the RxNorm drugs with it.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from trialpanorama.ontologies import Concept, Name, Part, Release, ReleaseFile, Vocabulary, distinct_names
from trialpanorama.ontologies._tables import header, rows

_COLUMNS = (
    "product_number",
    "concept_name",
    "concept_class_id",
    "vocabulary_id",
    "rxcui",
    "mapping_type",
    "last_updated_date",
)
_PRODUCT = re.compile(r"EMEA/H/[A-Z]+/\d+(/[A-Z0-9]+)*")
_BRAND = re.compile(r"\s*\[([^\[\]]+)\]?$")
_QUANTITY = re.compile(r"^\d[\d.]*( \d+)? (ML|MG|HR|ACTUAT|UNT|GM|DAY|MMOL)\b\s+")
_STRENGTH = re.compile(r"\s+\d[\d.]*(\s+\[?[A-Z][A-Z'-]+\]?(/\S+( [A-Z-]+)?)?|\s*%)(\s.*)?$")
_FORM = re.compile(
    r"\s+((Extended|Delayed|Disintegrating|Chewable|Effervescent|Sublingual|Buccal|Oral|Nasal|Vaginal|Rectal|Topical|"
    r"Ophthalmic|Otic|Intravenous|Intravitreal|Injectable|Inhalation|Inhalant|Transdermal|Medicated|Prefilled|Metered|"
    r"Powder|Drug|Dry|Pen|Auto-Injector|Cartridge|Granules|Injection|Suspension|Topical|Irrigation|Mucosal|Urethral|"
    r"Intrauterine|Intraperitoneal|Intrathecal|Soluble|Sustained|Kit|Gas|Sponge)\b.*)$"
)
_BOX = re.compile(r"\s+Box of \d+$")
_PACK = re.compile(r"\d+ (?:\([\d.]+ [A-Z]+\) )?\(([^{}]*?)\) ?(?=/ \d+ \(|\}|$)")
_SUFFIX = re.compile(r"-(?!alfa$|beta$)[a-z]{4}$")
"""What the FDA adds to the names of biologicals: "adalimumab-aacf"."""
_SUBSTANCES = ("Ingredient", "Precise Ingredient")
_WRONG = "INCORRECT"


class _Drug(msgspec.Struct, frozen=True):
    """What the name of an RxNorm drug says."""

    ingredients: tuple[str, ...]
    """As written, without strength, form and the suffix of biologicals."""
    brand: str | None


def parts_of(name: str) -> _Drug:
    """The ingredients and the brand that the name of an RxNorm drug gives."""
    name = name.strip()
    if name.startswith("{"):
        packed = [parts_of(pack) for pack in _PACK.findall(name[1:].partition("}")[0] + "}")]
        outer = _BRAND.search(name)
        brand = next((drug.brand for drug in packed if drug.brand), outer[1] if outer else None)
        return _Drug(tuple(dict.fromkeys(text for drug in packed for text in drug.ingredients)), brand)
    if name.endswith("..."):  # the table cuts long names: the last part may be half a name
        name = name.rpartition(" / ")[0]
    name, brand = _BOX.sub("", name), None
    if match := _BRAND.search(name):
        brand, name = match[1], name[: match.start()]
    while match := _QUANTITY.match(name):
        name = name[match.end() :]
    texts = [_SUFFIX.sub("", _FORM.sub("", _STRENGTH.sub("", f" {part}"))).strip() for part in name.split(" / ")]
    return _Drug(tuple(dict.fromkeys(text for text in texts if text[:1].isalpha())), brand)


def _read(parts: Mapping[str, Sequence[ReleaseFile]]) -> Release:
    (file,) = parts["table"]
    newest, rxcuis = "", {}
    products: dict[str, dict[str, _Drug]] = defaultdict(dict)
    drugs: dict[str, tuple[str, str, _Drug]] = {}
    for row in rows(file, _COLUMNS):
        if not _PRODUCT.fullmatch(row["product_number"]):
            raise file.unusable(f'has the product number "{row["product_number"]}", which is none of the EMA')
        newest = max(newest, row["last_updated_date"])
        name = row["concept_name"].strip()
        if not name or row["mapping_type"] == _WRONG:
            continue
        drug = products[row["product_number"]][name] = parts_of(name)
        if row["vocabulary_id"] == "RxNorm" and row["rxcui"].isdigit():
            if row["concept_class_id"] in _SUBSTANCES:
                rxcuis[name.casefold()] = row["rxcui"]
            else:
                drugs[row["rxcui"]] = (name, row["concept_class_id"], drug)
    spelling = {
        text.casefold(): text for found in products.values() for drug in found.values() for text in drug.ingredients
    }
    ids = {key: f"EMA.SUBSTANCE:{re.sub(r'[^a-z0-9]+', '-', key).strip('-')}" for key in spelling}
    return Release(
        version=newest or None,
        date=newest or None,
        concepts=[
            *_substances(spelling, ids, products, rxcuis),
            *_medicines(ids, products),
            *_rxnorm_drugs(ids, drugs),
        ],
    )


def _ids(drug: _Drug, ids: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(ids[text.casefold()] for text in drug.ingredients))


def _substances(
    spelling: Mapping[str, str],
    ids: Mapping[str, str],
    products: Mapping[str, Mapping[str, _Drug]],
    rxcuis: Mapping[str, str],
) -> Iterator[Concept]:
    of: dict[str, dict[str, None]] = defaultdict(dict)
    for product, found in products.items():
        for drug in found.values():
            for text in drug.ingredients:
                of[text.casefold()][product] = None
    for id, keys in itertools.groupby(sorted(spelling, key=lambda key: (ids[key], key)), key=lambda key: ids[key]):
        key, *more = keys
        numbers = dict.fromkeys(product for each in (key, *more) for product in of[each])
        yield Concept(
            id=id,
            name=spelling[key],
            kind="drug",
            names=distinct_names(spelling[key], (Name(spelling[each]) for each in more)),
            cross_references=[f"RXCUI:{rxcuis[each]}" for each in (key, *more) if each in rxcuis],
            attributes={"ema_approved": "true", "ema_products": ";".join(numbers), "known_by_name": "true"},
        )


def _medicines(ids: Mapping[str, str], products: Mapping[str, Mapping[str, _Drug]]) -> Iterator[Concept]:
    """The medicines with a name of their own; generic ones are called by their ingredients."""
    for product, found in products.items():
        brands = Counter(drug.brand for drug in found.values() if drug.brand)
        if brands:
            names = [brand for brand, _ in brands.most_common()]
            held = list(dict.fromkeys(id for drug in found.values() for id in _ids(drug, ids)))
            yield Concept(
                id=f"EMA:{product}",
                name=names[0],
                kind="drug",
                names=distinct_names(names[0], (Name(text, "brand") for text in names)),
                attributes=_attributes("Brand", held),
            )


def _rxnorm_drugs(ids: Mapping[str, str], drugs: Mapping[str, tuple[str, str, _Drug]]) -> Iterator[Concept]:
    for rxcui, (name, concept_class, drug) in drugs.items():
        held = _ids(drug, ids)
        yield Concept(
            id=f"RXCUI:{rxcui}",
            name=name,
            kind="drug",
            names=[Name(name, "preferred")],
            parents=held if len(held) == 1 else [],
            attributes=_attributes(concept_class, held, drug.brand),
        )


def _attributes(term_type: str, ingredients: Sequence[str], brand: str | None = None) -> dict[str, str]:
    said = {"term_type": term_type, "ema_approved": "true", "ingredient": ";".join(ingredients), "brand": brand}
    return {name: value for name, value in said.items() if value}


VOCABULARY = Vocabulary(
    name="ema",
    prefix="EMA",
    title="EMA medicines mapped to RxNorm",
    home_page="https://www.ema.europa.eu/en/medicines",
    licence="None stated for the table; RxNorm's names and codes are in the public domain",
    is_open=False,
    how_to_get="The table ema_to_rxnorm.tsv is passed around among those who map European medicines to the OMOP "
    "vocabularies; add the copy that you have.",
    parts=(
        Part(
            name="table",
            meaning="ema_to_rxnorm.tsv: one package of a medicine a row, separated by tabs",
            recognise=lambda head, name: set(_COLUMNS) <= set(header(head)),
        ),
    ),
    read=_read,
    no_fetch="It has no fixed address, and states no licence.",
)
