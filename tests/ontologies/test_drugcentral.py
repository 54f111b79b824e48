"""How DrugCentral is read: native releases with made-up entries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ontologies.releases import FIXTURES, get, names, read
from trialpanorama.errors import UserError
from trialpanorama.ontologies import Mechanism, install


def test_names_and_approvals_per_agency(tmp_path: Path) -> None:
    drugs = read("drugcentral", tmp_path)
    first, second = get(drugs, "DrugCentral:99001"), get(drugs, "DrugCentral:99002")
    assert first.attributes == {
        "cas": "999001-01-1",
        "inchi_key": "AAAAAAAAAAAAAA-BBBBBBBBBB-N",
        "fda_approved": "true",
        "pmda_approved": "true",
    }
    assert second.attributes == {
        "inchi_key": "CCCCCCCCCCCCCC-DDDDDDDDDD-N",
        "pmda_approved": "true",
        "ema_approved": "true",
        "ema_approved_date": "1999-09-09",
    }
    assert names(drugs, second.id) == {"marsupine": "preferred", "marsupine, racemic": "exact", "marsupin": "exact"}


def test_targets_and_mechanisms(tmp_path: Path) -> None:
    drugs = read("drugcentral", tmp_path)
    known, other = drugs.mechanisms("DrugCentral:99001")
    assert known == Mechanism(
        drug_id="DrugCentral:99001",
        drug_name="zelvotinib",
        target_name="Zelvin receptor 1",
        target_class="Kinase",
        accession="Z99001|Z99002",
        gene="ZELV1|ZELV2",
        swissprot="ZEL1_HUMAN|ZEL2_HUMAN",
        act_value=8.25,
        act_type="IC50",
        act_comment='Inhibition of a made-up "receptor"',
        act_source="CHEMBL",
        relation="=",
        moa=True,
        moa_source="DRUG LABEL",
        moa_source_url="https://example.org/label",
        action_type="INHIBITOR",
        tdl="Tclin|Tclin",
        organism="Homo sapiens",
    )
    assert (other.moa, other.gene, other.act_value) == (None, None, None)
    assert drugs.versions["drugcentral"].mechanisms == 2


def test_a_list_of_several_agencies_says_of_none_that_it_approved(tmp_path: Path) -> None:
    path = tmp_path / "FDA+EMA+PMDA_Approved.csv"
    shutil.copy(FIXTURES / "drugcentral" / "PMDA_Approved.csv", path)
    drug = get(read("drugcentral", tmp_path / "store", path), "DrugCentral:99001")
    assert drug.attributes == {"approved_by_one_of": "FDA;EMA;PMDA"}


def test_the_release_is_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "2021_09_01"
    folder.mkdir()
    shutil.copy(FIXTURES / "drugcentral" / "structures.smiles.tsv", folder)
    (installed,) = install([tmp_path], tmp_path / "store")
    assert (installed.version, installed.date) == ("2021-09-01", "2021-09-01")


def test_a_list_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "EMA_Approved.csv"
    path.write_text("99001,zelvotinib\n99002\n")
    with pytest.raises(UserError, match="line 2"):
        install([path], tmp_path / "store")


def test_a_value_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "drug.target.interaction.tsv"
    path.write_text(
        (FIXTURES / "drugcentral" / path.name).read_text(encoding="utf-8").replace("8.25", "eight"), encoding="utf-8"
    )
    with pytest.raises(UserError, match="eight"):
        install([path], tmp_path / "store")
