"""Tests of registry numbers: every register's shape, the careless ways to write it, and what must not be found."""

from __future__ import annotations

import csv
import gzip
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialpanorama import identifiers as ids

quick = settings(derandomize=True, max_examples=200, deadline=None)
SEARCHED = [name for name, register in ids.REGISTERS.items() if register.is_trial_register or name == "utn"]
JUNK = [
    "NCT00000000",
    "NCT11111111",
    "NCT12345678",
    "NCT87654321",
    "NCT99999999",
    "ISRCTN00000000",
    "ISRCTN12345678",
    "DRKS00000000",
    "UMIN000000000",
    "U1111-1111-1111",
]


@st.composite
def printed(draw: st.DrawFn, registers: list[str] | None = None) -> tuple[str, str]:
    """A register and an id as the module prints it, of made-up trials or of any shape."""
    name = draw(st.sampled_from(registers or SEARCHED))
    pattern = draw(st.sampled_from([ids.FICTIONAL_RANGES[name], ids.REGISTERS[name].canonical]))
    id = draw(st.from_regex(pattern.replace(r"\d", "[0-9]"), fullmatch=True))
    if name == "rebec" and not re.search("[0-9]", id.removeprefix("RBR-")):
        id = id[:-1] + "0"
    if name == "ntr" and id.startswith("NL") and len(id) < 5:
        id = "NL" + id[2:].zfill(3)
    return name, id


def is_issued(register: str, id: str) -> bool:
    """Whether it is no made-up number such as DRKS11111111, which no pattern can leave out."""
    return ids.normalise(id, register) is not None


@pytest.mark.parametrize(
    ("text", "id", "register"),
    [
        ("nct 99000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT: 99000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT No. 99000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT\u201199000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT #: 99000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT identifier: 99000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT\u06f9\u06f9\u06f0\u06f0\u06f0\u06f0\u06f0\u06f1", "NCT99000001", "clinicaltrials_gov"),
        ("NCT\u0e59\u0e59\u0e50\u0e50\u0e50\u0e50\u0e50\u0e51", "NCT99000001", "clinicaltrials_gov"),
        ("EudraCT 2090/000001/10", "2090-000001-10", "euctr"),
        ("EudraCT 2090.000001.10", "2090-000001-10", "euctr"),
        ("2090-\n000001-10", "2090-000001-10", "euctr"),
        ("Chi-CTR 9900000001", "ChiCTR9900000001", "chictr"),
        ("ChiCTR No. 9900000001", "ChiCTR9900000001", "chictr"),
        ("ChiCTR-OOh-99000001", "ChiCTR-OOH-99000001", "chictr"),
        ("ITMCTR No. 9900000001", "ITMCTR9900000001", "itmctr"),
        ("CTRI number 2099/01/000001", "CTRI/2099/01/000001", "ctri"),
        ("CTRI_2099_01_000001", "CTRI/2099/01/000001", "ctri"),
        ("CTRI 2099 091 000001", "CTRI/2099/091/000001", "ctri"),
        ("KCT No. 9900001", "KCT9900001", "cris"),
        ("IRCT No. 999000000001-N1", "IRCT999000000001N1", "irct"),
        ("UMIN-CTR ID: 999000001", "UMIN999000001", "umin"),
        ("UMIN No. 999000001", "UMIN999000001", "umin"),
        ("jRCT No. s999000001", "jRCTs999000001", "jrct"),
        ("JapicCTI-No. 990001", "JapicCTI-990001", "japiccti"),
        ("NTR number 0123", "NTR0123", "ntr"),
        ("PACTR No. 209901000000001", "PACTR209901000000001", "pactr"),
        ("TCTR ID 20990101001", "TCTR20990101001", "tctr"),
        ("RBR-99kxzw", "RBR-99kxzw", "rebec"),
        ("RBR-zzkxzw", "RBR-zzkxzw", "rebec"),
        ("PER901-99", "PER-901-99", "repec"),
        ("U 1111 9999 0001", "U1111-9999-0001", "utn"),
        ("U1111 - 9999 - 0001", "U1111-9999-0001", "utn"),
        ("\uff2e\uff23\uff3499000001", "NCT99000001", "clinicaltrials_gov"),
        ("NCT9900\u200b0001", "NCT99000001", "clinicaltrials_gov"),
        ("EUCTR2090-000001-10-ES", "2090-000001-10-ES", "euctr"),
        ("EUCTR2090-000001-10-3rd", "2090-000001-10-3RD", "euctr"),
        ("EUCTR2090-000001-10-Outside-EU/EEA", "2090-000001-10-3RD", "euctr"),
        ("EudraCT number: 2090-000001-10", "2090-000001-10", "euctr"),
        ("2090-000001-10", "2090-000001-10", "euctr"),
        ("CTIS2090-500001-10-00", "2090-500001-10-00", "ctis"),
        ("EUCT 2090-500001-10", "2090-500001-10", "ctis"),
        ("ISRCTN 99000001", "ISRCTN99000001", "isrctn"),
        ("ACTRN12699000000001P", "ACTRN12699000000001p", "anzctr"),
        ("ANZCTR12699000000001", "ACTRN12699000000001", "anzctr"),
        ("chictr-trc-99000001", "ChiCTR-TRC-99000001", "chictr"),
        ("CHICTR9900000001", "ChiCTR9900000001", "chictr"),
        ("ChiMCTR9900000001", "ChiMCTR9900000001", "itmctr"),
        ("CTRI-2099-01-000001", "CTRI/2099/01/000001", "ctri"),
        ("CTRI/2099/091/000001", "CTRI/2099/091/000001", "ctri"),
        ("IRCT999000000001 N 1", "IRCT999000000001N1", "irct"),
        ("JPRN-UMIN999000001", "UMIN999000001", "umin"),
        ("UMIN-CTR999000001", "UMIN999000001", "umin"),
        ("C000099001", "C000099001", "umin"),
        ("JPRN-jRCTS999000001", "jRCTs999000001", "jrct"),
        ("JPRN-JapicCTI-990001", "JapicCTI-990001", "japiccti"),
        ("jma-iia99001", "JMA-IIA99001", "jma"),
        ("OMON99001", "NL-OMON99001", "nl_omon"),
        ("RBR-99000A", "RBR-99000a", "rebec"),
        ("PER-901-99", "PER-901-99", "repec"),
        ("SLCTR-2099-001", "SLCTR/2099/001", "slctr"),
        ("1111-9999-0001", "U1111-9999-0001", "utn"),
        ("PMID: 99000001", "99000001", "pubmed"),
        ("https://doi.org/10.99999/Fictional.1.", "10.99999/fictional.1", "doi"),
        ("PMCID: PMC99000001", "PMC99000001", "pmc"),
    ],
)
def test_careless_writing_is_normalised(text: str, id: str, register: str) -> None:
    found = ids.normalise(text)
    assert found is not None
    assert (found.id, found.register) == (id, register)


@pytest.mark.parametrize("register", ids.REGISTERS.values(), ids=lambda register: register.name)
def test_every_register_is_complete(register: ids.Register) -> None:
    found = ids.normalise(register.example, register.name)
    assert found is not None
    assert found.id == register.example
    assert re.fullmatch(register.canonical, register.example)
    assert ids.is_fictional(register.example, register.name)
    address = ids.url(register.example, register.name)
    assert address is not None
    assert address.startswith("https://")
    assert register.example in address
    assert set(ids.FICTIONAL_RANGES) == set(ids.REGISTERS)


@quick
@given(printed(registers=list(ids.REGISTERS)))
def test_normalising_twice_changes_nothing(register_and_id: tuple[str, str]) -> None:
    register, id = register_and_id
    once = ids.normalise(id, register)
    if once is None:
        assert ids.is_junk(id)
        return
    assert once.id == id
    twice = ids.normalise(once.id, register)
    assert twice is not None
    assert twice[:2] == once[:2]
    key = ids.trial_key(id, register)
    assert ids.trial_key(key, register) == key
    assert id.startswith(key)


@quick
@given(st.text(max_size=60))
def test_whatever_is_normalised_stays_as_it_is(text: str) -> None:
    for register in (None, *ids.REGISTERS):
        once = ids.normalise(text, register)
        if once is not None:
            again = ids.normalise(once.id, once.register)
            assert again is not None
            assert again[:2] == once[:2]


@quick
@given(
    printed(),
    st.text(max_size=60),
    st.sampled_from([" ", "\n", "; ", ", ", " (", "<br>", " \u2013 ", ". "]),
    st.sampled_from([" ", "\n", "; ", ", ", ") ", "<br>", ". ", "."]),
    st.text(max_size=60),
)
@example(("ntr", "NTR1"), "", " ", ". ", "5 patients")
def test_a_printed_id_is_found_again_in_any_text(
    register_and_id: tuple[str, str], before: str, left: str, right: str, after: str
) -> None:
    register, id = register_and_id
    if not is_issued(register, id):
        return
    # a prefix without its number, or digits that could belong to the id, change what is written
    before = re.sub(r"[\w-]", "x", before, flags=re.UNICODE) + left
    after = right + re.sub(r"[\w-]", "x", after, flags=re.UNICODE)
    text = before + id + after
    found = ids.find(text)
    assert [(one.id, one.register) for one in found] == [(id, register)]
    again = ids.normalise(text[found[0].start : found[0].end], register)
    assert again is not None
    assert again.id == id


@quick
@given(st.lists(printed(), min_size=2, max_size=6))
def test_several_ids_are_found_in_their_order_without_overlap(several: list[tuple[str, str]]) -> None:
    several = [(register, id) for register, id in several if is_issued(register, id)]
    found = ids.find("Registered as " + " and ".join(id for _, id in several))
    assert [(one.register, one.id) for one in found] == several
    assert all(first.end <= second.start for first, second in pairwise(found))


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_never_found(junk: str) -> None:
    assert ids.find(f"see {junk}, please") == []
    assert ids.normalise(junk) is None
    assert ids.is_junk(junk)
    assert not ids.is_fictional(junk)


@pytest.mark.parametrize(
    "text",
    [
        "NL73848.000.21",
        "CCMO file NL73848.000.21 and nothing else",
        "NL-1105 AZ Nowhere",
        "one patient per 100-10 beds",
        "XNCT990000012",
        "NCT9900000123",
        "phone 2090 000001 10",
        "related RBR-related work",
        "IRCT number pending",
        "function 12345678 of the protocol",
        "codes 101, 001 and 1",
        "RBR-trials of the RBR-Study",
        "protocol PER-90199 and PER 901-99",
        "card 1111 9999 0001",
    ],
)
def test_what_only_looks_like_an_id_is_not_found(text: str) -> None:
    assert ids.find(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *("none", "NIL", "Nil known", "not applicable", "date 2020-01-01", "version 3.01", "v2.1.10", "1.0", "00000"),
        *("101", "??", "pending", "aangevraagd", "", None),
    ],
)
def test_empty_secondary_ids_are_junk(text: str | None) -> None:
    assert ids.is_junk(text)


@pytest.mark.parametrize("text", ["NTR12", "NL8578", "RBR-zzkxzw", "NCT99000001", "AB-12345", "V12345-07", "NILE-0012"])
def test_ids_and_protocol_codes_are_not_junk(text: str) -> None:
    assert not ids.is_junk(text)


def test_glued_and_invisible_text_keeps_its_places() -> None:
    text = "ClinicalTrials.govNCT99000001 and NCT9900\u200b0002\ufeff; (EudraCT 2090\u2010000001\u201010)"
    found = ids.find(text)
    assert [one.id for one in found] == ["NCT99000001", "NCT99000002", "2090-000001-10"]
    assert [text[one.start : one.end] for one in found] == [
        "NCT99000001",
        "NCT9900\u200b0002",
        "EudraCT 2090\u2010000001\u201010",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NCT99000001NCT99000002", ["NCT99000001", "NCT99000002"]),
        ("\u6ce8\u518c\u53f72090-000001-10\u3002", ["2090-000001-10"]),
        ("\u767b\u9332\u756a\u53f7U1111-9999-0001\u3001jRCTs999000001", ["U1111-9999-0001", "jRCTs999000001"]),
        ("file_2090-500001-10-00_2090-000001-10-3rd_v2", ["2090-500001-10-00", "2090-000001-10-3RD"]),
        ("UMIN-CTRID:999000001R:000099001", ["UMIN999000001"]),
    ],
)
def test_ids_without_a_blank_between_are_found(text: str, found: list[str]) -> None:
    assert [one.id for one in ids.find(text)] == found


def test_bare_digits_need_a_register() -> None:
    assert ids.normalise("99000001") is None
    isrctn, pmid = ids.normalise("99000001", "isrctn"), ids.normalise("99000001", "pubmed")
    assert isrctn is not None
    assert isrctn.id == "ISRCTN99000001"
    assert pmid is not None
    assert pmid.id == "99000001"
    assert ids.normalise("NCT99000001", "isrctn") is None
    assert ids.normalise("NCT99000001", "no such register") is None


def test_keys_of_trials() -> None:
    assert ids.trial_key("EUCTR2090-000001-10-DE") == "2090-000001-10"
    assert ids.trial_key("CTIS2090-500001-10-02") == ids.trial_key("2090-500001-10-00") == "2090-500001-10"
    assert ids.trial_key("ACTRN12699000000001p") == "ACTRN12699000000001"
    assert ids.trial_key("JPRN-UMIN999000001") == "UMIN999000001"
    assert ids.trial_key("ABC-1") == "ABC-1"
    assert ids.url("EUCTR2090-000001-10-DE") == ids.url("2090-000001-10")
    assert ids.url("ABC-1") is None


@pytest.mark.parametrize("id", ["NCT04136184", "2021-000037-14", "ISRCTN96912679", "ChiCTR2100050713", "KCT0000379"])
def test_issued_shapes_are_not_fictional(id: str) -> None:
    assert not ids.is_fictional(id)


def test_real_ids_of_eighteen_registers_are_all_known(shared_data: Path) -> None:
    """Every id of three files, in the normal form of a register that the file itself names."""
    files = {
        "full_export_rows": "TrialID",
        "human_extracted_fields": "TrialID",
        "COVID19-927-trials_7Apr2020": "TrialID",
    }
    names = {name: register.name for register in ids.REGISTERS.values() for name in register.ictrp_names}
    for file, column in files.items():
        path = shared_data / "registries" / "ictrp" / f"{file}.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as opened:
            for row in csv.DictReader(opened):
                found = ids.normalise(row[column])
                assert found is not None, row[column]
                assert [(one.id, one.register) for one in ids.find(f"({row[column]})")] == [(found.id, found.register)]
                source = row.get("Source Register", "")
                if source in names and source != "JPRN":
                    assert found.register == names[source], row[column]


@pytest.mark.parametrize("piece", ["NCT ", "2020-0", "1111-", "RBR-", "CTRI/2020/", "EudraCT number ", "JPRN-", "0"])
def test_long_hostile_text_does_not_hang(piece: str) -> None:
    assert ids.find(piece * 20_000) == []
    assert ids.normalise(piece * 20_000) is None
