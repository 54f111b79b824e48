"""Drugs in names of interventions: what is linked, to what, and what is left alone. All names of trials are made up."""

from __future__ import annotations

import random
import time
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.link.drugs import DrugLinker, spelling_key
from trialpanorama.ontologies import Concept, Concepts, Installed, Mechanism, Name, Release, load
from trialpanorama.ontologies._store import write

NOTHING: list[str] = []


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return load(Path("no-such-store"), only={"drugbank", "mesh"})


@pytest.fixture(scope="module")
def linker(concepts: Concepts) -> DrugLinker:
    return DrugLinker(concepts)


def drugs(linker: DrugLinker, concepts: Concepts, text: str, type: str | None = "DRUG") -> list[str]:
    """The names of the concepts that a text is linked to, in order."""
    (links,) = linker.link([text], [type])
    found = [concepts.get(link.concept_id) for link in links if link.kind == "drug" and link.concept_id]
    return [concept.name for concept in found if concept]


def kinds(linker: DrugLinker, text: str, type: str | None = "DRUG") -> list[str]:
    (links,) = linker.link([text], [type])
    return [link.kind for link in links]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metformin 500 mg tablets BID", ["Metformin"]),
        ("Metformin hydrochloride", ["Metformin"]),
        ("oral dextromethorphan (hydrobromide) 30 mg", ["Dextromethorphan"]),
        ("losartan potassium", ["Losartan"]),
        ("Sulfate d'hydroxychloroquine", ["Hydroxychloroquine"]),
        ("Glucophage(R)", ["Metformin"]),
        ("Herceptin™", ["Trastuzumab"]),
        ("paracetamol", ["Acetaminophen"]),
        ("ciclosporin", ["Cyclosporine"]),
        ("Azitromicina 500 mg", ["Azithromycin"]),
        ("Hidroxicloroquina", ["Hydroxychloroquine"]),
        ("hydroxychloroquine200mg", ["Hydroxychloroquine"]),
        ("sofosbuvir/velpatasvir", ["Sofosbuvir", "Velpatasvir"]),
        ("Amlodipine + valsartan", ["Amlodipine", "Valsartan"]),
        ("lopinavir and ritonavir tablets", ["Lopinavir", "Ritonavir"]),
        ("mFOLFOX6", ["Leucovorin", "Fluorouracil", "Oxaliplatin"]),
        ("Kaletra", ["Ritonavir", "Lopinavir"]),
        ("MK-3475", ["Pembrolizumab"]),
        ("MK 3475", ["Pembrolizumab"]),
        ("5-FU", ["Fluorouracil"]),
        ("statins", ["Hydroxymethylglutaryl-CoA Reductase Inhibitors"]),
        ("Pravastatin sodium or corticosteroids", ["Pravastatin", "Adrenal Cortex Hormones"]),
        ("nicotine patch", ["Nicotine"]),
        ("normal saline", ["Sodium chloride"]),
        ("Oxygen 30 %", ["Oxygen"]),
        ("St. John's wort", ["St. John's Wort"]),
        ("estrogens, conjugated", ["Conjugated estrogens"]),
        ("BaloxavirMarboxil 80 mg", ["Baloxavir marboxil"]),
        ("Natrum QZX", []),
    ],
)
def test_a_drug_is_found_in_its_name(linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]) -> None:
    assert sorted(drugs(linker, concepts, text)) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "insulin pump",
        "anti-insulin antibodies",
        "serotonin reuptake transporter imaging",
        "testosterone level",
        "virus vaccine against aspirin",
        "paclitaxel-eluting stent",
        "insulin-like peptide",
        "aspirin-free diet",
        "vancomycin-resistant enterococci",
        "bismuth ammonium citrate",
        "arginine butyrate",
        "interleukin-2 gene",
        "NVP-1805",
        "2-Fluoro-2-deoxyglucose",
        "monoclonal antibody 4B5 vaccine",
        "monoclonal antibody QZX7",
        "Adsorbed COVID-19 (Inactivated) Vaccine",
    ],
)
def test_what_a_name_is_part_of_is_not_the_drug(linker: DrugLinker, concepts: Concepts, text: str) -> None:
    assert drugs(linker, concepts, text) == NOTHING


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("Patients met the lead investigator in a gold standard cat clinic.", None),
        ("iron will be measured in milk and water", None),
        ("date of birth, hip or knee", None),
        ("blood glucose", "DIAGNOSTIC_TEST"),
        ("oxygen mask", "DEVICE"),
    ],
)
def test_words_of_other_meanings_are_left_alone(
    linker: DrugLinker, concepts: Concepts, text: str, type: str | None
) -> None:
    assert drugs(linker, concepts, text, type) == NOTHING


def test_words_of_other_meanings_are_drugs_where_they_are_given(linker: DrugLinker, concepts: Concepts) -> None:
    assert drugs(linker, concepts, "iron") == ["Iron"]
    assert drugs(linker, concepts, "patients take zinc 20 mg daily", None) == ["Zinc"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Placebo", ["placebo"]),
        ("Placebo to prednisone", ["placebo"]),
        ("enalapril matching placebo", ["placebo"]),
        ("Placebo: Emtricitabine/tenofovir disoproxil", ["placebo"]),
        ("Placebo Matching 50 mg Udenafil", ["placebo"]),
        ("Placebo to match emtricitabine 200mg/tenofovir alafenamide 25 mg", ["placebo"]),
        ("Placebo + prednisone", ["placebo", "drug"]),
        ("prednisone or placebo", ["drug", "placebo"]),
        ("Sham comparator", ["placebo"]),
        ("Standard of care", ["other"]),
        ("No intervention", ["other"]),
        ("hyperbaric oxygen", ["procedure"]),
        ("blood sample", ["diagnostic"]),
    ],
)
def test_what_is_no_drug_is_set_apart(linker: DrugLinker, text: str, expected: list[str]) -> None:
    assert kinds(linker, text) == expected


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("DEVICE", "device"), ("PROCEDURE", "procedure"), ("BEHAVIORAL", "behavioural"), ("RADIATION", "radiation"),
        ("DIAGNOSTIC_TEST", "diagnostic"), ("OTHER", "other"),
    ],
)  # fmt: skip
def test_what_nothing_is_known_of_has_its_kind_from_its_type(linker: DrugLinker, type: str, kind: str) -> None:
    assert kinds(linker, "Quiet Morning Approach", type) == [kind]


LOOK_ALIKES = [
    ("prednisone", "prednisolone"), ("hydroxyzine", "hydralazine"), ("chlorpromazine", "chlorpropamide"),
    ("clonidine", "clonazepam"), ("dopamine", "dobutamine"), ("vinblastine", "vincristine"), ("bupropion", "buspirone"),
    ("cisplatin", "carboplatin"), ("daunorubicin", "doxorubicin"), ("fluoxetine", "fluvoxamine"),
    ("lamivudine", "lamotrigine"), ("metronidazole", "metformin"), ("quinidine", "quinine"),
    ("sumatriptan", "zolmitriptan"), ("tramadol", "trazodone"), ("cefazolin", "cefoxitin"),
    ("esomeprazole", "omeprazole"), ("cetirizine", "levocetirizine"), ("methylprednisolone", "prednisolone"),
    ("hydrocodone", "oxycodone"), ("afatinib", "alectinib"),
    ("ritonavir", "lopinavir"), ("sofosbuvir", "sofalcone"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), LOOK_ALIKES, ids=[f"{one}-{other}" for one, other in LOOK_ALIKES])
def test_drugs_that_look_alike_are_told_apart(linker: DrugLinker, concepts: Concepts, one: str, other: str) -> None:
    first, second = drugs(linker, concepts, one), drugs(linker, concepts, other)
    assert len(first) == len(second) == 1
    assert first != second
    assert spelling_key(one) != spelling_key(other)


@pytest.mark.parametrize("word", ["prednisolne", "prednislone", "prednisolon"])
def test_a_mistake_never_turns_one_drug_into_its_neighbour(linker: DrugLinker, concepts: Concepts, word: str) -> None:
    assert drugs(linker, concepts, word) in ([], ["Prednisolone"])


def test_a_mistake_that_may_be_either_of_two_drugs_is_left(linker: DrugLinker, concepts: Concepts) -> None:
    assert drugs(linker, concepts, "prednisole") == NOTHING


@pytest.mark.parametrize(
    ("word", "name"), [("hydroxycholoroquine", "Hydroxychloroquine"), ("Tociliuzumab", "Tocilizumab")]
)
def test_a_small_mistake_is_forgiven_and_said(linker: DrugLinker, concepts: Concepts, word: str, name: str) -> None:
    (links,) = linker.link([word], ["DRUG"])
    assert [(concepts.get(link.concept_id or "") or links[0]).name for link in links] == [name]  # type: ignore[union-attr]
    assert links[0].method == "fuzzy"
    assert 0.8 < links[0].score < 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mk-3475", ["Pembrolizumab"]),
        ("rad 001 10 mg", ["Everolimus"]),
        ("acth", ["Corticotropin"]),
        ("infused at 101 ml", NOTHING),
        ("patients who act on their own", NOTHING),
    ],
)
def test_codes_and_abbreviations_alone_may_be_in_small_letters(
    linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert drugs(linker, concepts, text) == expected


def test_a_code_that_no_vocabulary_knows_stays_a_mention(linker: DrugLinker) -> None:
    (links,) = linker.link(["QZX4711 10 mg"], ["DRUG"])
    assert [(link.text, link.kind, link.concept_id, link.method) for link in links] == [
        ("QZX4711", "drug", None, "code")
    ]


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ("QZX-12 200 mg", ["metformin hydrochloride tablets"], ["Metformin"]),
        ("Quizzara", ["metformin", "Glucophage"], ["Metformin"]),
        ("Quizzara", ["metformin", "lisinopril"], NOTHING),
        ("Quizzara", ["like metformin in rats"], NOTHING),
        ("Quizzara", ["calcium channel blocker"], NOTHING),
        ("Quizzara", ["metformin and lisinopril"], NOTHING),
        ("metformin", ["lisinopril"], ["Metformin"]),
    ],
)
def test_another_name_of_the_entry_tells_the_drug_where_its_own_does_not(
    linker: DrugLinker, concepts: Concepts, text: str, others: list[str], expected: list[str]
) -> None:
    assert drugs(linker, concepts, text, "\n".join(["DRUG", *others])) == expected


def test_another_name_of_the_entry_is_said_to_be_the_reason(linker: DrugLinker) -> None:
    ((link,),) = linker.link(["QZX-12 200 mg"], ["DRUG\nGlucophage"])
    assert (link.text, link.method, link.score, link.candidates) == ("QZX-12", "other_name", 0.85, [])
    assert link.matched.lower() == "glucophage"


def test_other_names_are_of_no_use_to_what_is_no_drug(linker: DrugLinker) -> None:
    assert kinds(linker, "Quizzara pump", "DEVICE\nmetformin") == ["device"]


def test_what_is_not_linked_has_its_nearest_names(linker: DrugLinker) -> None:
    (links,) = linker.link(["metforminol-like brew"], ["DRUG"])
    (link,) = links
    assert link.concept_id is None
    assert 0 < len(link.candidates) <= 3
    assert [c.score for c in link.candidates] == sorted((c.score for c in link.candidates), reverse=True)


def test_a_code_in_brackets_is_the_drug_beside_it(linker: DrugLinker) -> None:
    (links,) = linker.link(["Vardenafil (QZX-4711)"], ["DRUG"])
    assert [(link.text, link.method) for link in links] == [("Vardenafil", "exact"), ("QZX-4711", "context")]
    assert len({link.concept_id for link in links}) == 1


def test_an_abbreviation_that_the_text_defines_is_the_drug_later(linker: DrugLinker) -> None:
    text = "Hydroxychloroquine (HCLQ) is taken for a week; then HCLQ is stopped."
    (links,) = linker.link([text])
    assert [link.text for link in links if link.kind == "drug"] == ["Hydroxychloroquine", "HCLQ", "HCLQ"]


def test_what_is_absent_is_marked(linker: DrugLinker) -> None:
    (links,) = linker.link(["remdesivir without tocilizumab"])
    assert [(link.text, link.is_negated) for link in links] == [("remdesivir", False), ("tocilizumab", True)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Group B", "other"),
        ("250 mg twice daily for 7 days", "other"),
        ("Volunteers without symptoms", "population"),
        ("Telephone consultations once a week", "behavioural"),
        ("Proteomics of both cohorts", "diagnostic"),
        ("A register of all births in two cities: a retrospective cohort", "other"),
    ],
)
def test_an_entry_without_a_type_that_names_no_drug_says_what_it_is(linker: DrugLinker, text: str, kind: str) -> None:
    assert kinds(linker, text, None) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Patients take zorbanib daily",
        "Participants get 2 puffs of Wellmouth",
        "A cohort on herbal syrup",
        "QZX-4711 arm",
    ],
)
def test_an_entry_that_may_name_a_drug_is_not_set_apart(linker: DrugLinker, text: str) -> None:
    assert set(kinds(linker, text, None)) <= {"drug"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Live Zee cell-derived H5N1 vaccine", ["Influenza Vaccines"]),
        ("Conjugated rabies virus vaccine, lot 3", ["Rabies Vaccines"]),
        ("Placebo for H5N1 vaccine", []),
    ],
)
def test_a_vaccine_is_that_against_its_pathogen(
    linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert drugs(linker, concepts, text, "BIOLOGICAL") == expected


def test_a_treatment_by_drugs_stands_for_them_where_none_is_named(linker: DrugLinker, concepts: Concepts) -> None:
    assert drugs(linker, concepts, "estrogen replacement therapy") == ["Estrogen Replacement Therapy"]
    assert drugs(linker, concepts, "cisplatin, induction chemotherapy") == ["Cisplatin"]
    assert kinds(linker, "estrogen replacement therapy", None) == ["procedure"]


def test_cells_and_fluids_are_drugs_only_where_they_are_given(linker: DrugLinker, concepts: Concepts) -> None:
    assert drugs(linker, concepts, "autologous stem cells", "BIOLOGICAL") == ["Stem Cells"]
    assert linker.find(["Lymphocytes above 1,000 and stem cells below 20"]) == [[]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They receive 200 micrograms selenium daily for a week", ["Selenium"]),
        (
            "Each group gets three doses of MSCs over two hours",
            ["Mesenchymal Stromal Cells"],
        ),
        ("People who receive IVIG for two days", ["Human immunoglobulin G"]),
        ("Ara-c + 6-TG", ["Cytarabine", "Tioguanine"]),
        ("thymosin", ["Thymosin"]),
        ("Inj Zoledrinic acid infusion at 6 weeks", ["Zoledronic acid"]),
        ("Ashwagandha tablet", ["Withania"]),
        ("Terminalia tablets 500 mg", ["Terminalia"]),
        ("glucose", []),
        ("drinking water", []),
        ("MicroRNA", []),
        ("A garden with Terminalia and Withania is visited", []),
        ("Lymphocytes and insulin were counted in three samples of blood", []),
    ],
)
def test_prose_says_that_a_name_of_several_meanings_is_given(
    linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert sorted(drugs(linker, concepts, text, None)) == sorted(expected)


def test_a_group_is_not_said_again_beside_its_member(linker: DrugLinker, concepts: Concepts) -> None:
    text = "injection of alpha-interferon (each vial contains 180 micrograms of interferon)"
    assert "Interferons" not in drugs(linker, concepts, text, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Placebo (QZX4711)", ["placebo"]),
        ("Placebo - MCI/AD", ["placebo"]),
        ("Placebo for QZX4711 tablets", ["placebo"]),
        ("QZX4711 matching placebo", ["placebo"]),
        ("Placebo + QZX4711", ["placebo", "drug"]),
        ("QZX4711/placebo", ["drug", "placebo"]),
        ("Alprostadil in vehicle", ["drug"]),
        ("Vehicle", ["placebo"]),
        ("Mind-body therapy", ["behavioural"]),
        ("Bridging therapy", ["other"]),
        ("Any drug used to treat the fever", ["other"]),
        ("Treatment of fatigue", ["other"]),
        ("Venipuncture", ["diagnostic"]),
    ],
)
def test_a_code_that_a_placebo_imitates_is_no_drug(linker: DrugLinker, text: str, expected: list[str]) -> None:
    assert kinds(linker, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("Paracetemol 1 g", ["Acetaminophen"]), ("Vitamine Q", []), ("Hepatitis Q vaccine", [])]
)
def test_one_mistake_in_a_long_name_is_forgiven(
    linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert drugs(linker, concepts, text) == expected


def test_prose_names_the_same_drugs_as_an_entry_of_its_length(linker: DrugLinker) -> None:
    text = "No metformin (MTF) within a week; placebo for warfarin. " + "Nothing else is of interest here. " * 10
    (found,), (linked,) = linker.find([text]), linker.link([text])
    assert found == linked
    assert [(link.text, link.is_negated) for link in found if link.kind == "drug"] == [
        ("metformin", True),
        ("MTF", True),
    ]


def test_no_two_lines_of_the_everyday_names_say_different_things(concepts: Concepts) -> None:
    folder = resources.files("trialpanorama.ontologies") / "builtin"
    rows = [line.split("\t") for line in (folder / "everyday_drugs.tsv").read_text("utf-8").splitlines()[2:]]
    assert all(len(row) == 3 and row[0] == row[0].strip() for row in rows)
    names: dict[str, str] = {}
    for texts, id, name in rows:
        concept = concepts.get(id)
        assert (concept.name if concept else None) == name, id
        for text in texts.split("|"):
            assert names.setdefault(text.lower(), id) == id, text


WORDS = st.sampled_from(
    ["metformin", "placebo", "(", ")", "/", "+", "and", "hydrochloride", "10 mg", "μg", "FOLFOX", "Übung", "MK-3475",
     "\n", "vaccine", "insulin", "naïve", "β", "💊", "standard of care", "HCQ", ",", ".", "sodium", "BID"]
)  # fmt: skip
TYPES = st.sampled_from([None, "DRUG", "BIOLOGICAL", "DEVICE", "OTHER"])
NAMES = st.tuples(st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=30), TYPES)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(NAMES, max_size=6), st.randoms(use_true_random=False))
def test_offsets_are_exact_and_order_does_not_count(
    linker: DrugLinker, names: list[tuple[str, str | None]], shuffled: random.Random
) -> None:
    found = linker.link([text for text, _ in names], [type for _, type in names])
    for (text, type), links in zip(names, found, strict=True):
        for link in links:
            assert text[link.start : link.end] == link.text
            assert 0 <= link.score <= 1
        if type is not None and any(c.isalnum() for c in text):
            assert links
    order = list(range(len(names)))
    shuffled.shuffle(order)
    again = linker.link([names[i][0] for i in order], [names[i][1] for i in order])
    assert [again[order.index(i)] for i in range(len(names))] == found


# ---------------------------------------------------------------------------------------- vocabularies made for this
def installed(name: str, store: Path, concepts: list[Concept], mechanisms: list[Mechanism]) -> None:
    about = Installed(
        name=name, title=name, version="1", date=None, licence="none", is_open=True, concepts=len(concepts),
        mechanisms=len(mechanisms), inputs=[], installed="", tool="",
    )  # fmt: skip
    write(about, Release("1", concepts, mechanisms), store / f"{name}.parquet")


@pytest.fixture
def small(tmp_path: Path) -> Concepts:
    def drug(id: str, name: str, *more: Name, **attributes: str) -> Concept:
        return Concept(id=id, name=name, kind="drug", names=[Name(name, "preferred"), *more], attributes=attributes)

    installed(
        "drugbank", tmp_path,
        [drug("DRUGBANK:DB90001", "Zorbitane", Name("Zorbitan"), cas="1-1-1"), drug("DRUGBANK:DB90002", "Melvicor")],
        [],
    )  # fmt: skip
    installed(
        "rxnorm", tmp_path,
        [
            drug("RXCUI:1", "zorbitane", term_type="IN", fda_approved="true"),
            drug("RXCUI:2", "zorbitane besylate", term_type="PIN", salt_of="RXCUI:1"),
            drug("RXCUI:3", "Zorbix", term_type="BN", ingredient="RXCUI:1"),
            drug("RXCUI:4", "Duovance", term_type="BN", ingredient="RXCUI:1;RXCUI:5"),
            drug("RXCUI:5", "melvicor", term_type="IN"),
            drug("RXCUI:6", "zorbitane 10 MG Oral Tablet", term_type="SCD", ingredient="RXCUI:1"),
        ], [],
    )  # fmt: skip
    installed(
        "drugcentral", tmp_path,
        [drug("DrugCentral:7", "zorbitane", ema_approved="true")],
        [Mechanism(drug_id="DrugCentral:7", drug_name="zorbitane", target_name="Made-up kinase", gene="MADEUP1")],
    )  # fmt: skip
    installed(
        "atc", tmp_path,
        [
            drug("ATC:X01AB01", "zorbitane"), drug("ATC:X01AB51", "zorbitane and melvicor"),
            drug("ATC:X01AB", "Other agents"), drug("ATC:X01AC", "Zorbitane derivatives"),
        ], [],
    )  # fmt: skip
    return load(tmp_path, only={"drugbank", "rxnorm", "drugcentral", "atc"})


def test_salts_and_brands_become_ingredients(small: Concepts) -> None:
    linker = DrugLinker(small)
    for text, method in (("Zorbix 10 mg", "brand"), ("zorbitane besylate", "salt"), ("Zorbitan", "exact")):
        (links,) = linker.link([text], ["DRUG"])
        assert [(link.concept_id, link.method) for link in links] == [("DRUGBANK:DB90001", method)]
    (links,) = linker.link(["Duovance"], ["DRUG"])
    assert [link.concept_id for link in links] == ["DRUGBANK:DB90001", "DRUGBANK:DB90002"]
    assert {link.method for link in links} == {"combination"}


def test_a_classification_names_groups_and_never_hides_a_combination(small: Concepts) -> None:
    linker = DrugLinker(small)
    for text, ids in (
        ("zorbitane and melvicor", ["DRUGBANK:DB90001", "DRUGBANK:DB90002"]),
        ("zorbitane derivatives", ["ATC:X01AC"]),
        ("other agents", []),
    ):
        (links,) = linker.link([text], ["DRUG"])
        assert [link.concept_id for link in links if link.concept_id] == ids


def test_columns_and_mechanisms_of_a_linked_drug(small: Concepts) -> None:
    linker = DrugLinker(small)
    assert linker.columns("DRUGBANK:DB90001") == {
        "rx_normalized_name": "zorbitane", "rx_source": "RxNorm", "rx_mapping_id": 1.0, "drugbank_name": "Zorbitane",
        "drugbank_id": "DB90001", "drugbank_mesh_id": None, "fda_approved": True, "ema_approved": True,
        "pmda_approved": None, "drug_moa_id": "DrugCentral:7",
    }  # fmt: skip
    assert [mechanism.gene for mechanism in linker.mechanisms("DRUGBANK:DB90001")] == ["MADEUP1"]
    assert list(linker.mechanisms("DRUGBANK:DB90002")) == []


@pytest.mark.parametrize(
    "text",
    ["placebo " + "1 " * 400 + "for metformin", "metformin " + "(" * 3000, "a-" * 3000 + "insulin", "1" * 5000 + " mg",
     "placebo matching oral " * 300 + "aspirin", "metformin hydrochloride " * 500],
    ids=["numbers", "brackets", "hyphens", "digits", "placebos", "salts"],
)  # fmt: skip
def test_hostile_texts_take_no_long(linker: DrugLinker, text: str) -> None:
    begin = time.process_time()
    linker.link([text, text], ["DRUG", None])
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("antivirals (oseltamivir)", ["Oseltamivir"]),
        ("diuretics such as furosemide", ["Furosemide"]),
        ("Proton pump inhibitors (PPIs)", ["Proton Pump Inhibitors"]),
        ("diuretics and furosemide", ["Diuretics", "Furosemide"]),
    ],
)
def test_a_group_stands_for_its_members_where_they_are_told(
    linker: DrugLinker, concepts: Concepts, text: str, expected: list[str]
) -> None:
    assert drugs(linker, concepts, text) == expected
