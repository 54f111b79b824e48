"""Any seed and any trial: what has to hold whatever is drawn."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama import identifiers
from trialpanorama.sample import (
    CLEAN,
    MAXIMUM_TRIALS,
    Mess,
    clinicaltrials_gov,
    clinicaltrials_gov_legacy,
    ictrp,
    model,
    pubmed,
    windows,
)

seeds = st.integers(0, 2**63)
indices = st.integers(0, MAXIMUM_TRIALS - 1)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(seeds, indices, st.booleans())
def test_any_trial_can_be_written_in_every_format(seed: int, index: int, is_clean: bool) -> None:
    mess = CLEAN if is_clean else Mess()
    trial = windows.make_trial(seed, index, mess)
    assert trial.registrations
    for registration in trial.registrations:
        if registration.register == "ClinicalTrials.gov":
            document = clinicaltrials_gov.study(trial, registration)
            assert (
                json.loads(msgspec.json.encode(document))["protocolSection"]["identificationModule"]["nctId"]
                == registration.id
            )
            root = ET.fromstring(clinicaltrials_gov_legacy.xml(document))
            assert root.findtext("id_info/nct_id") == registration.id
            assert len(clinicaltrials_gov.csv_row(document)) == len(clinicaltrials_gov.CSV_COLUMNS)
            json.dumps(clinicaltrials_gov_legacy.v1_response([document]))
        for id in registration.ids:
            found = identifiers.normalise(id)
            assert found is not None
            assert re.fullmatch(identifiers.FICTIONAL_RANGES[found.register], found.id)
            entry = ictrp.Entry(trial, registration, id, registration.status, registration.updated, registration.ids)
            fields = ictrp.row(entry, model.SNAPSHOT, mess)
            assert ET.fromstring(ictrp.web_xml(fields)).findtext("TrialID") == id
            assert len(ictrp.csv_cells(fields)) == len(ictrp.CSV_COLUMNS)
            assert len(ictrp.full_cells(entry, fields)) == ictrp.FULL_COLUMNS
            assert "FICTIONAL" in fields["Public_title"]
        for _, quoted in registration.secondary_ids:
            for found in identifiers.find(quoted):
                assert re.fullmatch(identifiers.FICTIONAL_RANGES[found.register], found.id)


@settings(derandomize=True, max_examples=8, deadline=None)
@given(seeds, st.integers(0, MAXIMUM_TRIALS // 200 - 1), st.integers(1, 60))
def test_any_window_has_sound_articles(seed: int, number: int, size: int) -> None:
    made = windows.window(seed, number, size, Mess())
    assert len({paper.pmid for paper in made.articles}) == len(made.articles)
    by_index = {trial.index: trial for trial in made.trials}
    for paper in made.articles:
        article = pubmed.article(paper, [by_index[index] for index in paper.trials], Mess())
        assert paper.published <= model.SNAPSHOT
        assert next(ET.fromstring(pubmed.xml(article)).iter("PMID")).text == paper.pmid
        lines = pubmed.medline(article).splitlines()
        assert lines[0] == f"PMID- {paper.pmid}"
        assert all(re.match(r"[A-Z]+ *- |      \S", line) for line in lines[:-1])
