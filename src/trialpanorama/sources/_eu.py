"""What the two EU registers share: scopes of a trial, roles of its products, age bands, codes of the EMA."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from trialpanorama import vocabulary
from trialpanorama.errors import FetchFailed, Unreadable
from trialpanorama.record import MeshTerm
from trialpanorama.sources._native import Tree
from trialpanorama.sources._reading import block
from trialpanorama.vocabulary import ArmType, Purpose

REGISTERED_TYPE = "Interventional clinical trial of medicinal product"
"""The only kind of study that the EU registers hold; WHO's exports give it this name."""


def refuse_others(tree: Tree, name: str) -> None:
    """Raises Unreadable for a record that ctrdata, which keeps several registers in one collection, has of another."""
    other = tree.as_written("ctrname")
    if other and other != name:
        detail = f"a record of {other[:30]}: export each register to a file of its own"
        raise Unreadable("not_a_registry_export", detail)


_THERAPEUTIC_AREA = re.compile(r"[^-]{1,60} - (.{1,200}?) \[?[A-Z]\d\d\]?")


def mesh_term(area: str | None) -> MeshTerm | None:
    """The MeSH heading out of `Diseases [C] - Virus Diseases [C02]`."""
    match = _THERAPEUTIC_AREA.fullmatch(area or "")
    return MeshTerm(term=match[1]) if match else None


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_MISSING = frozenset(
    {"information not present in eudract", "n/a", "na", "-", "--", ".", "not applicable", "not available"}
)


def plain(text: str | None) -> str | None:
    """A text with its lines; escaped characters become themselves, and what stands for a missing value becomes None.

    Angle brackets stay, since these texts compare more than they mark up (`age <18 and >65`).
    """
    if not text:
        return None
    found = block(_CONTROL.sub("", html.unescape(html.unescape(text)) if "&" in text else text))
    return None if found is None or (len(found) < 40 and found.lower() in _MISSING) else found


SCOPES = (
    "Diagnosis",
    "Prophylaxis",
    "Therapy",
    "Safety",
    "Efficacy",
    "Pharmacokinetic",
    "Pharmacodynamic",
    "Bioequivalence",
    "Dose response",
    "Pharmacogenetic",
    "Pharmacogenomic",
    "Pharmacoeconomic",
    "Others",
)
"""The thirteen scopes, in the order of EudraCT's E.6.1 to E.6.13 and of CTIS's codes 1 to 13."""
_PURPOSES: dict[str, Purpose] = {"Diagnosis": "DIAGNOSTIC", "Prophylaxis": "PREVENTION", "Therapy": "TREATMENT"}


def purpose(scopes: Iterable[str]) -> Purpose | None:
    """Primary purpose out of the scopes; None where they name several, or none that is a purpose."""
    found = [_PURPOSES[scope] for scope in scopes if scope in _PURPOSES]
    return found[0] if len(found) == 1 else None


_ARM_TYPES: dict[str, ArmType] = {
    "test": "EXPERIMENTAL",
    "comparator": "ACTIVE_COMPARATOR",
    "placebo": "PLACEBO_COMPARATOR",
}


def arm_type(role: str) -> ArmType | None:
    """The type of the arm that gets a product in this role (`Test`, `Comparator`, `Placebo`)."""
    return _ARM_TYPES.get(role.lower())


class Band(NamedTuple):
    """An age band; a limit that is none says that the band has none."""

    name: str
    minimum_years: float | None
    maximum_years: float | None


class Ages(NamedTuple):
    """The least and the greatest age of several bands."""

    minimum_years: float | None = None
    minimum_raw: str | None = None
    maximum_years: float | None = None
    maximum_raw: str | None = None


_NO_LIMIT = 999.0
"""Years: above every age."""


def ages(bands: Iterable[Band]) -> Ages:
    """The ages from the lowest to the highest of these bands."""
    ordered = sorted(
        bands,
        key=lambda band: (band.minimum_years or 0.0, _NO_LIMIT if band.maximum_years is None else band.maximum_years),
    )
    if not ordered:
        return Ages()
    lowest, highest = ordered[0], ordered[-1]
    return Ages(lowest.minimum_years, lowest.name, highest.maximum_years, highest.name)


_CODES = "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
COUNTRY_CODES: Mapping[str, str] = {str(vocabulary.country(code)): code for code in _CODES.split()}
"""ISO codes of the countries with protocols in the EU registers, by ClinicalTrials.gov's spelling of their names."""

_EUTCT = """
330:AT 331:AZ 333:BH 334:BD 336:BY 337:BE 341:BO 343:BA 344:BW 346:BR 349:BG 354:CA 361:CL 362:CN 366:CO 388:EE 389:ET
393:FJ 394:FI 395:FR 403:DE 404:GH 405:GI 406:GR 421:HU 422:IS 423:IN 424:ID 425:IR 426:IQ 427:IE 428:IM 429:IL 430:IT
431:JM 432:JP 433:JE 434:JO 435:KZ 436:KE 439:KR 440:KW 441:KG 442:LA 443:LV 444:LB 465:MX 497:PE 498:PH 500:PL 501:PT
502:PR 503:QA 504:RE 505:RO 506:RU 516:SA 517:SN 518:RS 529:ES 530:LK 531:SD 532:SR 535:SE 536:CH 537:SY 538:TW 556:GB
557:US
"""
EUTCT_COUNTRIES: Mapping[str, str] = {
    f"100000000{number}": str(vocabulary.country(code))
    for number, _, code in (pair.partition(":") for pair in _EUTCT.split())
}
"""Countries of EUTCT, the EMA's controlled terms (list 100000000002), by the ids that published records and examples
show with their names. The ids follow the alphabet of the English names: those between two shown ones are listed where
as many names lie between as numbers. The rest of the list is not known here."""

SYSTEM_ORGAN_CLASSES: Mapping[str, str] = {
    **{
        f"10000000{number}": name
        for number, name in enumerate(
            (
                "Investigations",
                "Cardiac disorders",
                "Congenital, familial and genetic disorders",
                "Blood and lymphatic system disorders",
                "Nervous system disorders",
                "Eye disorders",
                "Ear and labyrinth disorders",
                "Respiratory, thoracic and mediastinal disorders",
                "Gastrointestinal disorders",
                "Renal and urinary disorders",
                "Skin and subcutaneous tissue disorders",
                "Musculoskeletal and connective tissue disorders",
                "Endocrine disorders",
                "Metabolism and nutrition disorders",
                "Infections and infestations",
                "Injury, poisoning and procedural complications",
                "Neoplasms benign, malignant and unspecified (incl cysts and polyps)",
                "Surgical and medical procedures",
                "Vascular disorders",
                "General disorders and administration site conditions",
                "Pregnancy, puerperium and perinatal conditions",
                "Social circumstances",
                "Immune system disorders",
                "Hepatobiliary disorders",
                "Reproductive system and breast disorders",
                "Psychiatric disorders",
            ),
            start=4848,
        )
    },
    "100000167503": "Product issues",
}
"""MedDRA's system organ classes by their EUTCT ids (EMA list 100000000006)."""


_FAILURES_IN_A_ROW = 3
"""So many that are not answered one after the other are no longer a matter of what was asked for."""


@contextmanager
def patience() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """One thing that is never answered does not keep the others away: its failure is raised when they are there.

    with patience() as one:
        for name in names:
            with one():
                session.read(...)
    """
    failed: list[FetchFailed] = []
    in_a_row = 0

    @contextmanager
    def one() -> Iterator[None]:
        nonlocal in_a_row
        try:
            yield
        except FetchFailed as error:
            failed.append(error)
            in_a_row += 1
            if in_a_row == _FAILURES_IN_A_ROW:
                raise
        else:
            in_a_row = 0

    yield one
    if failed:
        raise failed[0]
