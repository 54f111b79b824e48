"""The sample generator: what it writes is well formed, fictional, repeatable, and as its truth says."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.sample.conftest import Written
from trialpanorama import identifiers, sample
from trialpanorama.errors import UserError
from trialpanorama.sample import windows, writing
from trialpanorama.sample._native import article_formats, natives
from trialpanorama.sample.registers import REGISTERS, ictrp_id, register_id


def _hashes(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


# --- repeatable


@pytest.mark.slow
def test_same_seed_gives_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("three", 2)):
        sample.write(tmp_path / name, 230, seed, hostile=True)
    program = "import sys, pathlib, trialpanorama.sample as s; s.write(pathlib.Path(sys.argv[1]), 230, 1, hostile=True)"
    other = {**os.environ, "PYTHONHASHSEED": "4711"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "two")], check=True, env=other)
    one, two, three = (_hashes(tmp_path / name) for name in ("one", "two", "three"))
    assert any(name.endswith(".xlsx") for name in one)
    assert one == two
    assert one["truth.json"] != three["truth.json"]


def test_a_window_is_the_same_whatever_was_made_before_it() -> None:
    mess = sample.Mess()
    alone = windows.window(5, 2, 60, mess)
    windows.window(5, 0, 30, mess)
    again = windows.window(5, 2, 60, mess)
    assert alone == again
    backwards = [windows.make_trial(5, index, mess) for index in range(459, 399, -1)][::-1]
    for trial, made in zip(alone.trials, backwards, strict=True):
        assert (trial.official_title, trial.registrations, trial.why_stopped) == (
            made.official_title,
            made.registrations,
            made.why_stopped,
        )


def test_a_larger_sample_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for name, trials in (("small", 40), ("large", 90)):
        sample.write(tmp_path / name, trials, 9)
    small, large = (json.loads((tmp_path / name / "truth.json").read_bytes()) for name in ("small", "large"))
    for one, other in zip(small["trials"], large["trials"], strict=False):
        assert {**one, "papers": [], "reviews": []} == {**other, "papers": [], "reviews": []}


def test_a_sample_replaces_a_sample_and_nothing_else(tmp_path: Path) -> None:
    first = sample.write(tmp_path / "s", 30, 1)
    assert sample.write(tmp_path / "s", 30, 1) == first
    (tmp_path / "s" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        sample.write(tmp_path / "s", 30, 1)
    assert (tmp_path / "s" / "mine.txt").read_text() == "mine"
    (tmp_path / "theirs" / "registries").mkdir(parents=True)
    (tmp_path / "theirs" / "truth.json").write_text("{}")
    with pytest.raises(UserError, match="not empty"):
        sample.write(tmp_path / "theirs", 30, 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        sample.write(tmp_path / "file", 30, 1)


@pytest.mark.parametrize("trials", [0, -1, sample.MAXIMUM_TRIALS + 1])
def test_impossible_numbers_of_trials_are_refused(tmp_path: Path, trials: int) -> None:
    with pytest.raises(UserError, match="--trials"):
        sample.write(tmp_path / "s", trials, 1)
    assert not (tmp_path / "s").exists()


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sample.write(tmp_path / "s", 450, 1, sample.CLEAN, lambda done, total: told.append((done, total)))
    assert told == [(200, 450), (400, 450), (450, 450)]


# --- fictional


def test_every_input_says_that_it_is_fictional(messy: Written) -> None:
    for file, id, text in messy.all_entries():
        assert "FICTIONAL" in text or "<DeleteCitation" in text, (file, id)
    assert (messy.directory / "README.txt").read_text().startswith("FICTIONAL")
    assert messy.truth["fictional"] is True


def test_every_id_lies_in_the_fictional_ranges_and_reads_back(messy: Written) -> None:
    registers: set[str] = set()
    for trial in messy.truth["trials"]:
        for record in trial["records"]:
            registers.add(record["register"])
            found = identifiers.normalise(record["id"])
            assert found is not None, record
            assert found.register == record["register"], record
            assert re.fullmatch(identifiers.FICTIONAL_RANGES[found.register], found.id), record
    assert registers == {register.key for register in REGISTERS.values()} <= set(identifiers.REGISTERS)
    for paper in messy.truth["papers"] + messy.truth["reviews"]:
        assert re.fullmatch(identifiers.FICTIONAL_RANGES["pubmed"], paper["pmid"])


@pytest.mark.slow
def test_every_id_in_any_text_is_fictional(messy: Written) -> None:
    seen = 0
    for file, id, text in messy.all_entries():
        for found in identifiers.find(text):
            seen += 1
            assert re.fullmatch(identifiers.FICTIONAL_RANGES[found.register], found.id), (file, id, found)
    assert seen > messy.summary.records


@pytest.mark.slow
def test_contacts_reach_nobody(messy: Written) -> None:
    addresses: Counter[str] = Counter()
    numbers = 0
    for file, id, text in messy.all_entries():
        for domain in re.findall(r"[\w.]+@([\w.]+\w)", text):
            addresses[domain] += 1
        for number in re.findall(r"(?:\+1 |\()?\b202\)?[ -]555[ -]\d{4}|(?:\+44 |0)20 7946 \d{4}", text):
            numbers += 1
            assert re.search(r"555[ -]01\d\d$|7946 0\d{3}$", number), (file, id, number)
    assert set(addresses) == {"example.org", "example.com"}
    assert numbers > 200


@pytest.mark.parametrize("name", REGISTERS)
def test_ids_of_a_register_never_repeat(name: str) -> None:
    register = REGISTERS[name]
    if register.capacity >= sample.MAXIMUM_TRIALS:
        indices = [*range(5000), *range(995_000, sample.MAXIMUM_TRIALS)]
    else:
        from trialpanorama.sample.registers import home_register

        indices = [index for index in range(6000) if home_register(11, index) == name]
        assert len(indices) == 30 * register.home
    ids = [register_id(11, name, index) for index in indices]
    assert len(set(ids)) == len(ids)
    for id in (ids[0], ids[-1]):
        found = identifiers.normalise(ictrp_id(name, id, "DE"))
        assert found is not None
        assert found.register == register.key
        assert re.fullmatch(identifiers.FICTIONAL_RANGES[register.key], found.id)


def test_it_stands_apart() -> None:
    code = "import sys, trialpanorama.sample; print([m for m in sys.modules if m.startswith('trialpanorama')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("sources", "vocabulary", "identifiers", "record", "warehouse", "ingest"):
        assert f"trialpanorama.{name}" not in loaded


# --- as its truth says


def test_counted_inputs_are_the_inputs_of_truth(messy: Written) -> None:
    counted: Counter[str] = Counter(file for file, _, _ in messy.all_entries())
    said = {item["file"]: item["inputs"] for item in messy.truth["inputs"] if not item["file"].startswith("hostile/")}
    assert counted == said
    inputs = sum(item["inputs"] for item in messy.truth["inputs"])
    rejects = sum(item["rejects"] for item in messy.truth["inputs"])
    assert (messy.summary.inputs, messy.summary.rejects) == (inputs, rejects)
    assert messy.summary.records == inputs - rejects
    on_disk = {
        path for path in _hashes(messy.directory) if path.startswith(("registries/", "pubmed/", "reviews/", "hostile/"))
    }
    assert on_disk == {item["file"] for item in messy.truth["inputs"]}
    assert messy.summary.files == len(on_disk) + 2


def test_records_of_truth_are_those_in_the_files(messy: Written) -> None:
    said = Counter((record["file"], record["id"]) for trial in messy.truth["trials"] for record in trial["records"])
    said += Counter(
        (record["file"], paper["pmid"])
        for paper in messy.truth["papers"] + messy.truth["reviews"]
        for record in paper["records"]
    )
    found = Counter((file, id) for file, id, text in messy.all_entries() if "<DeleteCitation" not in text)
    assert said == found


def test_all_formats_and_parts_are_there(messy: Written) -> None:
    formats = {item["format"] for item in messy.truth["inputs"] if not item["file"].startswith("hostile/")}
    assert formats == {
        "api-v2-json", "api-v2-json-array", "api-v2-ndjson", "api-v2-csv", "legacy-xml", "api-v1-json",
        "web-xml", "web-csv", "xlsx", "full-csv", "pubmed-xml", "medline",
        *(native.format for of_register in natives().values() for native in of_register),
        *(kind.format for kind in article_formats()),
    }  # fmt: skip
    kinds = Counter(paper["kind"] for paper in messy.truth["papers"])
    assert set(kinds) == {"results", "protocol", "secondary", "unrelated", "book"}
    assert len(messy.truth["reviews"]) >= 6
    assert any(len(review["abstract_ids"]) > 3 for review in messy.truth["reviews"])
    versions = Counter(record.get("version") for paper in messy.truth["papers"] for record in paper["records"])
    assert versions[2] >= 1
    texts = [text for file, _, text in messy.all_entries() if file.startswith("pubmed/")]
    assert any("<MedlineDate>" in text for text in texts)
    assert any("<PubmedBookArticle" in text for text in texts)
    assert any('Label="METHODS"' in text for text in texts)


def test_papers_cite_the_ids_that_truth_says(messy: Written) -> None:
    texts: dict[str, str] = {}
    for file, id, text in messy.all_entries():
        if file.startswith("pubmed/"):
            texts[id] = texts.get(id, "") + " ".join(text.split())
    cited = 0
    for paper in messy.truth["papers"] + messy.truth["reviews"]:
        for id in paper["databank_ids"] + paper["abstract_ids"]:
            assert id in texts[paper["pmid"]] or f"NCT {id[3:]}" in texts[paper["pmid"]]
            cited += 1
    assert cited > 100
    uncited = [p for p in messy.truth["papers"] if p["trials"] and not p["databank_ids"] and not p["abstract_ids"]]
    assert uncited, "some papers can only be found by their words"


def test_trials_and_papers_name_each_other(messy: Written) -> None:
    trials = {trial["trial"]: trial for trial in messy.truth["trials"]}
    assert len(trials) == 700
    for key in ("papers", "reviews"):
        for paper in messy.truth[key]:
            for name in paper["trials"]:
                assert paper["pmid"] in trials[name][key]
        assert sum(len(trial[key]) for trial in trials.values()) == sum(len(p["trials"]) for p in messy.truth[key])


def test_cross_registration_is_as_common_as_it_is_asserted(messy: Written) -> None:
    def registers(trial: dict[str, object]) -> set[str]:
        return {record["register"] for record in trial["records"]}  # type: ignore[attr-defined]

    crossed = [trial for trial in messy.truth["trials"] if len(registers(trial)) > 1]
    assert 0.13 < len(crossed) / 700 < 0.24
    silent = [trial for trial in crossed if not trial["asserted_ids"]]
    mutual = [
        trial
        for trial in crossed
        if len(registers(trial)) == 2 and len({quote["by"] for quote in trial["asserted_ids"]}) == 2
    ]
    assert 0.2 < len(silent) / len(crossed) < 0.6  # a quarter on purpose; and two formats have no secondary ids
    assert 0.05 < len(mutual) / len(crossed) < 0.3
    protocols = [
        trial
        for trial in messy.truth["trials"]
        if len({r["id"] for r in trial["records"] if r["register"] == "euctr"}) > 1
    ]
    assert protocols, "some trials have EU CTR records of several countries"
    dated = [
        trial
        for trial in messy.truth["trials"]
        if len({r["file"] for r in trial["records"] if r["format"] == "web-csv"}) > 1
    ]
    assert dated, "some rows stand in exports of two dates"


def test_an_extension_quotes_its_parent_and_is_another_trial(messy: Written) -> None:
    trials = {trial["trial"]: trial for trial in messy.truth["trials"]}
    texts: dict[str, str] = {}
    for _, id, text in messy.all_entries():
        texts[id] = texts.get(id, "") + text
    extensions = [trial for trial in trials.values() if trial["extension_of"]]
    quoting = 0
    for trial in extensions:
        parent = trials[trial["extension_of"]]
        parents_ids = {identifiers.trial_key(record["id"]) for record in parent["records"]}
        own_ids = {identifiers.trial_key(record["id"]) for record in trial["records"]}
        assert not parents_ids & own_ids
        quoting += any(id in texts[record["id"]] for id in parents_ids for record in trial["records"])
        assert trial["start"] > parent["start"]
    assert len(extensions) >= 4
    assert quoting >= len(extensions) / 3


def test_sizes_dates_and_reasons_fit_the_status(messy: Written) -> None:
    for trial in messy.truth["trials"]:
        assert trial["start"] <= trial["primary_completion"] <= trial["completion"]
        if trial["status"] == "WITHDRAWN":
            assert trial["actual_size"] == 0
        elif trial["outcome"]:
            assert trial["actual_size"] > 0
        assert (trial["stopped_reason"] is not None) == (trial["outcome"] == "stopped")
        if trial["outcome"]:
            assert trial["completion"] <= messy.truth["snapshot_date"]
        elif trial["study_type"] != "EXPANDED_ACCESS":
            assert trial["completion"] > messy.truth["snapshot_date"]
    reasons = Counter(trial["stopped_reason"] for trial in messy.truth["trials"] if trial["outcome"] == "stopped")
    assert set(reasons) == {
        "enrollment issues", "feasibility", "lack of efficacy", "regulatory/approval", "safety issues", "other",
    }  # fmt: skip
    years = {trial["start"][:4] for trial in messy.truth["trials"]}
    assert {"2005", "2010", "2015", "2020", "2024"} <= years


def test_mentions_of_truth_stand_in_a_record(messy: Written) -> None:
    texts: dict[str, str] = {}
    for _, id, text in messy.all_entries():
        texts[id] = texts.get(id, "") + text.replace("&amp;", "&").replace("&#8217;", "\u2019")
    absent = 0
    mentions = 0
    for trial in messy.truth["trials"]:
        own = "".join(texts[record["id"]] for record in trial["records"])
        for item in trial["conditions"]:
            mentions += 1
            absent += item["mention"] not in own
    assert absent <= 0.02 * mentions  # mess of whole rows (doubled entities) can change the look of a few


def test_a_study_exported_twice_agrees_in_json_and_csv(messy: Written) -> None:
    import csv

    documents: dict[str, dict[str, object]] = {}
    rows: dict[str, dict[str, str]] = {}
    for item in messy.truth["inputs"]:
        if item["format"] in ("api-v2-json", "api-v2-json-array", "api-v2-ndjson"):
            documents |= {id: json.loads(text) for id, text in messy.entries(item["file"], item["format"])}
        elif item["format"] == "api-v2-csv":
            with (messy.directory / item["file"]).open(newline="") as file:
                rows |= {row["NCT Number"]: row for row in csv.DictReader(file)}
    both = sorted(documents.keys() & rows.keys())
    assert both
    for id in both:
        protocol = documents[id]["protocolSection"]
        assert isinstance(protocol, dict)
        row = rows[id]
        assert row["Study Title"] == protocol["identificationModule"]["briefTitle"]
        assert row["Study Status"] == protocol["statusModule"]["overallStatus"]
        assert row["Start Date"] == protocol["statusModule"]["startDateStruct"]["date"]
        assert row["Conditions"].split("|") == protocol["conditionsModule"]["conditions"]
        assert row["Enrollment"] == str(protocol["designModule"].get("enrollmentInfo", {}).get("count", ""))


def test_posted_results_add_up(messy: Written) -> None:
    found = 0
    for item in messy.truth["inputs"]:
        if item["format"] != "api-v2-json":
            continue
        for _, text in messy.entries(item["file"], item["format"]):
            study = json.loads(text)
            assert study["hasResults"] == ("resultsSection" in study)
            if not study["hasResults"]:
                continue
            found += 1
            results = study["resultsSection"]
            enrolled = study["protocolSection"]["designModule"].get("enrollmentInfo", {}).get("count")
            period = results["participantFlowModule"]["periods"][0]
            started, completed, lost = (
                [int(a["numSubjects"]) for a in milestone["achievements"]] for milestone in period["milestones"]
            )
            assert enrolled in (None, sum(started))
            assert [a + b for a, b in zip(completed, lost, strict=True)] == started
            for measure in results["outcomeMeasuresModule"]["outcomeMeasures"]:
                ids = {group["id"] for group in measure["groups"]}
                for analysis in measure.get("analyses", ()):
                    assert set(analysis["groupIds"]) <= ids
                    assert (
                        float(analysis["ciLowerLimit"])
                        <= float(analysis["paramValue"])
                        <= float(analysis["ciUpperLimit"])
                    )
            for event in results["adverseEventsModule"]["otherEvents"]:
                assert all(stat["numAffected"] <= stat["numAtRisk"] for stat in event["stats"])
    assert found >= 15


# --- mess


def test_without_mess_the_records_are_clean(clean: Written) -> None:
    dirt = re.compile(r"<br>|&lt;br|&#x0D|&amp;amp|&amp;lt;|\u00e2\u0080|@|202[ )-]+555|7946")
    for file, id, text in clean.all_entries():
        assert not dirt.search(text), (file, id, dirt.search(text))
        if not file.endswith((".gz", ".zip")):
            assert "   \n" not in text.replace("          ", "")


def test_all_mess_at_once_shows(tmp_path: Path) -> None:
    everything = sample.Mess(**dict.fromkeys(sample.Mess.__struct_fields__, 1))
    sample.write(tmp_path / "s", 60, 4, everything)
    written = Written(tmp_path / "s", None, json.loads((tmp_path / "s" / "truth.json").read_bytes()))  # type: ignore[arg-type]
    rows = [text for file, _, text in written.all_entries() if "ICTRP" in file]
    assert rows
    for text in rows:
        assert "br>" in text or "br&gt;" in text
        assert "&amp;" in text or "&" in text
        assert re.search(r"@example\.(org|com)", text)
        assert ">=" not in text.split("Inclusion", 1)[-1].split("Condition", 1)[0] or "Scientific" in text


def test_the_rate_of_contacts_is_that_of_the_parameter(tmp_path: Path) -> None:
    mess = sample.Mess(**{**dict.fromkeys(sample.Mess.__struct_fields__, 0), "contact_in_text": 0.5})
    sample.write(tmp_path / "s", 400, 4, mess)
    written = Written(tmp_path / "s", None, json.loads((tmp_path / "s" / "truth.json").read_bytes()))  # type: ignore[arg-type]
    studies = [text for file, _, text in written.all_entries() if file.endswith(".json.zip")]
    share = sum(bool(re.search(r"@example\.(org|com)|555[ -]01|7946 0", text)) for text in studies) / len(studies)
    assert 0.35 < share < 0.65


@pytest.mark.parametrize("wrong", [{"typo_rate": 1.5}, {"mojibake": -0.1}, {"drifting_date_days": -1}])
def test_impossible_mess_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        sample.Mess(**wrong)  # type: ignore[arg-type]


# --- scale


_PEAK = """
import resource, sys
from pathlib import Path
from trialpanorama import sample
from trialpanorama.sample import writing
writing.PART = 400
sample.write(Path(sys.argv[1]), int(sys.argv[2]), 1)
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss of a child begins at that of its parent, a large pytest
    print(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sample(tmp_path: Path) -> None:
    """Four times the trials (some 20 kB each while they are made) take no more memory, in kB."""
    peaks: list[int] = []
    for trials in (800, 3200):
        command = [sys.executable, "-c", _PEAK, str(tmp_path / str(trials)), str(trials)]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert peaks[1] - peaks[0] < 16_000
    assert peaks[1] < 200_000


def test_parts_have_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART", 200)
    sample.write(tmp_path / "s", 450, 2)
    truth = json.loads((tmp_path / "s" / "truth.json").read_bytes())
    written = Written(tmp_path / "s", None, truth)  # type: ignore[arg-type]
    zips = [item["file"] for item in truth["inputs"] if item["format"] == "api-v2-json"]
    assert len(zips) == 3
    assert Counter(file for file, _, _ in written.all_entries()) == {i["file"]: i["inputs"] for i in truth["inputs"]}
    assert len({record["id"] for t in truth["trials"] for record in t["records"]}) >= 450


@pytest.mark.slow
def test_the_fate_of_a_trial_can_be_told_but_not_easily() -> None:
    """A linear model on what is known at the start, fitted on older trials, ranks newer ones with AUROC near 0.7."""
    import math

    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    trials = [trial for number in range(20) for trial in windows.window(8, number, 200, sample.CLEAN).trials]
    over = [
        t for t in trials if t.study_type == "INTERVENTIONAL" and t.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    ]
    over.sort(key=lambda trial: (trial.start, trial.index))
    features = [
        {
            f"condition {t.condition.mesh}": 1, f"phase {t.phases}": 1, f"class {t.sponsor_class}": 1,
            f"mask {t.masking}": 1, f"model {t.model}": 1, "size": math.log(t.planned),
            "sites": math.log(len(t.sites)), "strict": t.strict,
        }
        for t in over
    ]  # fmt: skip
    stopped = [t.status != "COMPLETED" for t in over]
    cut = int(0.7 * len(over))
    fitted = make_pipeline(DictVectorizer(), MaxAbsScaler(), LogisticRegression(max_iter=2000, C=0.5))
    fitted.fit(features[:cut], stopped[:cut])
    score = roc_auc_score(stopped[cut:], fitted.predict_proba(features[cut:])[:, 1])
    assert 0.64 < score < 0.80
    assert 0.12 < sum(stopped) / len(stopped) < 0.24


def test_endpoints_depend_on_the_disease() -> None:
    trials = [trial for number in range(3) for trial in windows.window(8, number, 200, sample.CLEAN).trials]
    by_endpoint: dict[str, set[str]] = {}
    for trial in trials:
        for measure, _ in trial.primary_outcomes:
            by_endpoint.setdefault(measure, set()).add(trial.condition.area)
    single = sum(len(areas) == 1 for areas in by_endpoint.values())
    assert single / len(by_endpoint) > 0.8


def test_asserted_ids_stand_in_a_record_of_who_asserts_them(messy: Written) -> None:
    texts: dict[str, str] = {}
    for _, id, text in messy.all_entries():
        texts[id] = texts.get(id, "") + text
    quotes = 0
    for trial in messy.truth["trials"]:
        own = {identifiers.trial_key(record["id"]): record["id"] for record in trial["records"]}
        for quote in trial["asserted_ids"]:
            quotes += 1
            assert quote["id"] in texts[own[identifiers.trial_key(quote["by"])]]
            assert identifiers.trial_key(quote["id"]) in own
    assert quotes > 40
