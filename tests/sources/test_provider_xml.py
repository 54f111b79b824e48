"""WHO's data-provider XML: whose file it is, what each registry does to it, and that WHO's export says the same."""

from __future__ import annotations

import csv
import io
import time
from datetime import date
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama import sources
from trialpanorama.record import Contact, Country, Outcome, PartialDate, Record, Reject
from trialpanorama.sources import HEAD_BYTES, _provider_xml

EXAMPLES = {
    "ChiCTR9900000001": "chictr",
    "ITMCTR9900000001": "chictr",
    "KCT9900001": "cris",
    "IRCT999000000001N1": "irct",
    "RBR-99000a": "rebec",
    "PER-901-99": "repec",
    "TCTR20990101001": "tctr",
    "RPCEC99000001": "rpcec",
    "CTRI/2099/01/000001": "ctri",
    "JPRN-jRCT9900000001": "jrct",
    "jRCT9900000001": "jrct",
    "JapicCTI-990001": "jrct",
    "JMA-IIA99001": "jrct",
    "PACTR209901000000001": "pactr",
    "SLCTR/2099/001": "slctr",
    "SLCTR-2099-001": "slctr",
    "LBCTR2099010001": "lbctr",
    "NL-OMON99001": "nl_omon",
    "EUCTR2090-000001-10-DE": "ictrp",
    "ISRCTN99000001": "ictrp",
    "DRKS99000001": "ictrp",
    "NEW-REGISTRY-0001": "ictrp",
}
IRCT, REBEC, CRIS, TCTR = "IRCT999000000001N1", "RBR-99000a", "KCT9900001", "TCTR20990101001"


def trial(id: str, rest: str = "", tag: str = "trial", **leaves: str) -> str:
    """One trial; `leaves` of `main` are escaped, `rest` is XML beside `main`."""
    main = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in leaves.items())
    return f"<{tag}><main><trial_id>{escape(id)}</trial_id>{main}</main>{rest}</{tag}>"


def group(name: str, leaf: str, *values: str) -> str:
    return f"<{name}>{''.join(f'<{leaf}>{escape(value)}</{leaf}>' for value in values)}</{name}>"


def criteria(**leaves: str) -> str:
    return f"<criteria>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in leaves.items())}</criteria>"


def feed(*trials: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>', root: str = "trials") -> bytes:
    return f"{head}<{root}>{''.join(trials)}</{root}>".encode()


def claimed_by(data: bytes) -> str:
    (name,) = (s.name for s in sources.sources().values() for f in s.formats if f.recognise(data[:HEAD_BYTES]))
    return name


def read(data: bytes) -> list[Record | Reject]:
    """What the source that claims these bytes makes of them."""
    format = next(f for f in sources.source(claimed_by(data)).formats if f.name == "provider-xml")
    return list(format.outcomes(io.BytesIO(data)))


def one(id: str, rest: str = "", **leaves: str) -> Record:
    (outcome,) = read(feed(trial(id, rest, **leaves)))
    assert isinstance(outcome, Record), outcome
    return outcome


def noted(record: Record, field: str) -> list[str | None]:
    return [note.raw for note in record.notes if note.field == field]


# --- whose file it is


@pytest.mark.parametrize(("id", "source"), EXAMPLES.items())
def test_a_file_belongs_to_the_source_of_its_first_id(id: str, source: str) -> None:
    assert claimed_by(feed(trial(id))) == source


def test_attributes_of_the_number_do_not_matter() -> None:
    given = feed(trial(IRCT, public_title="FICTIONAL")).replace(b"<trial_id>", b'<trial_id type="irct">')
    assert claimed_by(given) == "irct"
    (record,) = read(given)
    assert isinstance(record, Record)
    assert record.id == IRCT


def test_without_an_id_the_name_of_the_register_tells() -> None:
    empty = trial("", reg_name="RPEC")
    assert claimed_by(feed(empty)) == "repec"
    assert claimed_by(feed(trial("", reg_name="some register"))) == "ictrp"
    (outcome,) = read(feed(empty))
    assert isinstance(outcome, Reject)
    assert outcome.reason == "missing_identifier"


def test_a_number_that_stands_for_no_trial_is_no_id() -> None:
    (outcome,) = read(feed(trial("U1111-9999-0001", reg_name="IRCT")))
    assert isinstance(outcome, Reject)
    assert outcome.reason == "missing_identifier"


def test_each_record_keeps_its_own_register_and_a_bad_one_harms_none() -> None:
    broken = f"<trial><main><trial_id>{IRCT}</trial_id></main><contacts></trial>"
    outcomes = read(feed(trial(REBEC), trial("NCT99000001"), broken, trial("A-new-registry-1"), trial(IRCT)))
    assert [getattr(outcome, "register", "rejected") for outcome in outcomes] == [
        "rebec", "clinicaltrials_gov", "rejected", None, "irct",
    ]  # fmt: skip
    assert isinstance(outcomes[2], Reject)
    assert outcomes[2].reason == "malformed_xml"
    assert [outcome.place.ordinal for outcome in outcomes] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("tag", ["trial", "Triall", "Trial"])
@pytest.mark.parametrize("root", ["trials", "Trials", "rebec", 'trials subjects="1"'])
def test_roots_and_spellings_do_not_matter(tag: str, root: str) -> None:
    data = f"<{root}><trials>{trial(IRCT, tag=tag)}{trial(REBEC, tag=tag)}</trials></{root.split()[0]}>".encode()
    assert [outcome.id for outcome in read(data) if isinstance(outcome, Record)] == [IRCT, REBEC]
    assert [outcome.id for outcome in read(trial(IRCT, tag=tag).encode()) if isinstance(outcome, Record)] == [IRCT]


def test_names_of_any_case_count_and_a_namespace_does_not() -> None:
    data = (
        f'<trials xmlns="urn:x"><trial><main><TRIAL_ID>{IRCT}</TRIAL_ID><Public_Title>T</Public_Title></main></trial>'
    )
    (outcome,) = read(f"{data}</trials>".encode())
    assert isinstance(outcome, Record)
    assert outcome.public_title == "T"


def test_a_file_in_utf_16_is_read() -> None:
    data = (
        feed(trial(IRCT, public_title="تب"), head='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16")
    )
    (outcome,) = read(data)
    assert isinstance(outcome, Record)
    assert (outcome.public_title, outcome.language) == ("تب", "fa")


def test_every_register_with_this_format_is_known_as_native() -> None:
    having = {
        register
        for source in sources.sources().values()
        for format in source.formats
        if format.name == "provider-xml" and source.name != "ictrp"
        for register in source.registers
    }
    assert having == _provider_xml.NATIVE


# --- what goes wrong on the way


def test_tctr_writes_windows_characters_as_latin_1() -> None:
    text = trial(TCTR, public_title="caf\u00e9 \u0093one\u0094 \u0096 two")
    data = f'<?xml version="1.0" encoding="ISO-8859-1"?><trials>{text}</trials>'.encode("latin-1")
    (outcome,) = read(data)
    assert isinstance(outcome, Record)
    assert outcome.public_title == "café \u201cone\u201d \u2013 two"


@pytest.mark.parametrize("junk", ["&#1;", "&#x1F;", "\x01", "\x0b"])
def test_cris_has_characters_that_xml_forbids(junk: str) -> None:
    data = feed(trial(CRIS, public_title="FICTIONAL one")).replace(b"FICTIONAL", f"FICTIONAL{junk}".encode())
    (outcome,) = read(data)
    assert isinstance(outcome, Record)
    assert outcome.public_title == "FICTIONAL one"


def test_repec_escapes_twice() -> None:
    rest = criteria(inclusion_criteria="Age &#8805;18 &amp;lt; 65<br/>Ni&#241;os", exclusion_criteria="&lt;br&gt;")
    record = one("PER-901-99", rest)
    assert record.inclusion_criteria == "Age ≥18 < 65\nNiños"
    assert record.exclusion_criteria is None


def test_markup_that_is_not_escaped_does_not_cost_the_text() -> None:
    for inside in ("<p>Heat<sub>2</sub> &lt; 1</p><p>Cough</p>", "Heat<sub>2</sub> &lt; 1<br/>Cough"):
        rest = f"<criteria><inclusion_criteria>{inside}</inclusion_criteria><agemin>18</agemin></criteria>"
        record = one(IRCT, rest)
        assert (record.inclusion_criteria, record.minimum_age_years) == ("Heat2 < 1\nCough", 18.0)


def test_rebec_writes_array_for_a_status() -> None:
    record = one(REBEC, recruitment_status="Array")
    assert (record.status, record.status_raw, noted(record, "status")) == ("UNKNOWN", "Array", ["Array"])
    assert one(REBEC, recruitment_status="data analysis completed").status == "COMPLETED"
    assert noted(one(REBEC, recruitment_status="no such word"), "status") == ["no such word"]


def test_rebec_has_its_own_words_for_no_limit_and_for_both_sexes() -> None:
    record = one(REBEC, criteria(agemin="18Y", agemax="0", gender="-"))
    assert (record.minimum_age_years, record.maximum_age_years, record.maximum_age_raw) == (18.0, None, "0")
    assert (record.sex, record.sex_raw) == ("ALL", "-")


def test_numbers_of_ethics_committees_are_no_registry_numbers() -> None:
    rows = "".join(
        f"<secondary_id><sec_id>{id}</sec_id><issuing_authority>{who}</issuing_authority></secondary_id>"
        for id, who in (("99000001.1.0000.0001", "Plataforma"), ("9.900.001", "CEP"), ("NCT99000001", ""), ("NIL", ""))
    )
    record = one(REBEC, f"<secondary_ids>{rows}</secondary_ids>", utrn="U1111-9999-0001")
    assert [(i.id, i.register, i.type_raw, i.issuer) for i in record.identifiers[1:]] == [
        ("U1111-9999-0001", "utn", None, None),
        ("99000001.1.0000.0001", None, "CAAE", "Plataforma"),
        ("9.900.001", None, "CEP", "CEP"),
        ("NCT99000001", "clinicaltrials_gov", None, None),
    ]


@pytest.mark.parametrize(
    ("leaf", "length", "is_cut"),
    [
        ("hc_freetext", 3000, True),
        ("hc_freetext", 2990, False),
        ("i_freetext", 3000, True),
        ("i_freetext", 4000, False),
    ],
)
def test_a_text_that_ends_where_uploads_end_is_noted(leaf: str, length: int, is_cut: bool) -> None:
    assert [note.field for note in one(IRCT, **{leaf: "x" * length}).notes] == [_CUT[leaf]] * is_cut


_CUT = {"hc_freetext": "conditions", "i_freetext": "interventions"}


def test_a_text_that_ends_in_dots_is_noted_once() -> None:
    text = "Adults who have had a fever for mo..."
    outcome = group("primary_outcome", "prim_outcome", text, "Heat", text)
    record = one(IRCT, criteria(inclusion_criteria=text) + outcome, results_summary=text)
    assert [(note.field, note.raw) for note in record.notes] == [
        ("inclusion_criteria", text), ("outcomes", text), ("outcomes", text),
    ]  # fmt: skip
    assert record.inclusion_criteria == text


def test_dates_of_results_are_believed_only_with_results() -> None:
    posted = {"results_date_posted": "15/08/2022"}
    assert one(REBEC, **posted).results_posted_date == PartialDate(raw="15/08/2022")
    with_results = one(REBEC, results_summary="Fewer had fever.", **posted)
    assert (with_results.has_results, with_results.results_posted_date) == (
        True, PartialDate(date="2022-08-15", raw="15/08/2022"),
    )  # fmt: skip
    of_cris = one(CRIS, results_summary="Fewer had fever.", results_date_posted="2022-08-15")
    assert of_cris.results_posted_date == PartialDate(raw="2022-08-15")
    assert one(REBEC).has_results is None
    assert one(REBEC, results_yes_no="No").has_results is False


@pytest.mark.parametrize(
    ("id", "written", "size"),
    [
        (IRCT, "58", 58),
        (IRCT, "0", 0),
        ("CTRI/2099/01/000001", "0", None),
        ("PACTR209901000000001", "01/12/2022", None),
        (IRCT, "٣", None),
    ],
)
def test_only_a_number_is_a_reached_size(id: str, written: str, size: int | None) -> None:
    assert one(id, results_actual_enrolment=written).enrollment_actual == size


def test_the_language_is_told_from_the_script_of_the_titles() -> None:
    titles = {"KCT9900001": ("가상 발열 연구", "ko"), "ChiCTR9900000001": ("虚构发热的研究", "zh")}
    titles |= {"jRCT9900000001": ("架空の発熱の試験", "ja"), "IRCT999000000001N1": ("تب خیالی", "fa")}
    for id, (title, language) in titles.items():
        assert one(id, public_title=title).language == language
        assert one(id, public_title=f"FICTIONAL {title} in English words").language is None
    # where a field is given in both languages the English text counts
    both = trial("ChiCTR9900000001").replace(
        "</main>", "<public_title>虚构发热</public_title><public_title>FICTIONAL fever</public_title></main>"
    )
    (record,) = read(feed(both))
    assert isinstance(record, Record)
    assert (record.public_title, record.language) == ("FICTIONAL fever", None)


# --- fields


def test_interventions_take_their_kind_from_codes_where_it_is_clear_whose_they_are() -> None:
    text = "Intervention 1: Intervention group: Fictamab. Intervention 2: Control group: Imaginary knife."
    codes = group("intervention_code", "i_code", "Treatment - Drugs", "Treatment - Surgery")
    record = one(IRCT, codes, i_freetext=text)
    assert [(i.type, i.type_raw) for i in record.interventions] == [
        ("DRUG", "Treatment - Drugs"), ("PROCEDURE", "Treatment - Surgery"),
    ]  # fmt: skip
    assert [arm.label for arm in record.arms] == ["Intervention 1: Intervention group", "Intervention 2: Control group"]
    assert record.number_of_arms == 2
    three = group("intervention_code", "i_code", "Treatment - Drugs", "Placebo", "Lifestyle")
    assert {i.type for i in one(IRCT, three, i_freetext=text).interventions} == {None}
    one_code = group("intervention_code", "i_code", "Drug")
    assert {i.type for i in one(REBEC, one_code, i_freetext="Group 1: Tea Group 2: Rest").interventions} == {None}
    same = group("intervention_code", "i_code", "Drug", "Drug", "Drug")
    assert {i.type for i in one(REBEC, same, i_freetext="Fictamab").interventions} == {"DRUG"}


def test_pactr_names_conditions_and_interventions_in_the_fields_for_keywords() -> None:
    rest = group("health_condition_keyword", "hc_keyword", "Fever") + group(
        "intervention_code", "i_code", "Fictaquine", "Tea"
    )
    record = one("PACTR209901000000001", rest)
    assert [condition.name for condition in record.conditions] == ["Fever"]
    assert [intervention.name for intervention in record.interventions] == ["Fictaquine", "Tea"]


def test_codes_go_to_the_registrys_own_terms() -> None:
    rest = group("health_condition_code", "hc_code", "R50.9", "R05") + group(
        "health_condition_keyword", "hc_keyword", "Fever", "Cough"
    )
    record = one(IRCT, rest, hc_freetext="Condition 1: Hot and coughing.")
    assert [(c.name, c.code) for c in record.conditions] == [
        ("Hot and coughing", None),
        ("Fever", "R50.9"),
        ("Cough", "R05"),
    ]
    chapter = one(REBEC, group("health_condition_code", "hc_code", "R50-R69", "C23.888.119"), hc_freetext="Fever")
    assert ([c.name for c in chapter.conditions], chapter.keywords) == (["Fever"], ["R50-R69", "C23.888.119"])


def test_both_dialects_of_repec_name_outcome_method_and_time() -> None:
    now = "Outcome name:Deaths<br>Measure:Register<br>Timepoints:5 months"
    then = (
        "Survival [ Time Frame: 8 years ] NAME OF THE RESULT: Survival USED MEASURING METHOD :Kaplan-Meier PERIOD OF "
        "TIME WHERE THE MEASUREMENT WILL BE CONDUCTED AND WHICH WILL ALLOW OBTAINING THE PRIMARY RESULT: 8 years"
    )
    rest = group("primary_outcome", "prim_outcome", now, then)
    assert one("PER-901-99", rest).outcomes == [
        Outcome("PRIMARY", "Deaths", "Register", "5 months"), Outcome("PRIMARY", "Survival", "Kaplan-Meier", "8 years"),
    ]  # fmt: skip


def test_labels_of_outcomes_are_found_where_line_breaks_were_lost() -> None:
    glued = "Outcome name:DeathsMeasure:registerTimepoints:5 monthsOutcome name:HeatMeasure:degreesTimepoints:day 7"
    assert one("PER-901-99", group("primary_outcome", "prim_outcome", glued)).outcomes == [
        Outcome("PRIMARY", "Deaths", "register", "5 months"), Outcome("PRIMARY", "Heat", "degrees", "day 7"),
    ]  # fmt: skip


def test_contacts_are_kept_together_and_nowhere_else() -> None:
    rest = (
        "<contacts><contact><type>Public</type><firstname>A</firstname><middlename>B</middlename><lastname>C</lastname>"
        "<address>Street</address><city>Town</city><country1>Iran</country1><zip>0</zip><telephone>000-0000</telephone>"
        "<email>a@example.org</email><affiliation>Hospital</affiliation></contact><contact><type>Scientific</type></contact>"
        "</contacts><ethics_reviews><ethics_review><status>Approved</status><contact_name>Committee</contact_name>"
        "<contact_email>e@example.org</contact_email></ethics_review></ethics_reviews>"
    )
    record = one(IRCT, rest)
    assert record.contacts == [
        Contact("public", "A B C", "Hospital", "Street, Town, 0, Iran", "a@example.org", "000-0000"),
        Contact("ethics", "Committee", email="e@example.org"),
    ]
    assert record.officials == []


def test_countries_are_folded_and_listed_once() -> None:
    rest = group("countries", "country2", "Nigeria", "Nigeria", "The Netherlands", "")
    assert one("PACTR209901000000001", rest).countries == [
        Country("Nigeria"),
        Country("Netherlands", "The Netherlands"),
    ]
    assert [c.name for c in one("SLCTR/2099/001", group("countries", "country2", "Sri Lanka, India")).countries] == [
        "Sri Lanka", "India",
    ]  # fmt: skip


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.dates(date(1990, 1, 1), date(2030, 12, 31)), st.sampled_from([*EXAMPLES]))
def test_each_register_has_its_order_of_day_and_month(day: date, id: str) -> None:
    from trialpanorama.vocabulary import date_order

    register = one(id).register
    written = day.isoformat() if register and date_order(register) == "ymd" else f"{day:%d/%m/%Y}"
    if register == "ctri":
        written = f"{day:%d-%m-%Y}"
    record = one(id, date_registration=written, date_enrolment=written, type_enrolment="actual")
    assert record.registration_date is not None
    assert record.start_date is not None
    assert record.registration_date.date == record.start_date.date == day.isoformat()
    assert record.start_date.type == "ACTUAL"


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="<>&"), min_size=1),
        max_size=5,
    )
)
def test_titles_come_through_whatever_they_are_made_of(words: list[str]) -> None:
    title = " ".join(["FICTIONAL", *words])
    assert one(IRCT, public_title=title).public_title == title


# --- WHO's export of the same trial


@pytest.mark.parametrize(
    ("id", "free", "terms", "codes", "treatment", "outcome"),
    [
        (IRCT, "Condition 1: Fever.", ["Fever, unspecified"], ["R50.9"],
         "Intervention 1: Intervention group: A. Intervention 2: Control group: B.",
         "Heat. Timepoint: Day 1. Method of measurement: Thermometer."),
        ("CTRI/2099/01/000001", "Health Condition 1: R509- Fever", [], [],
         "Intervention1: A: daily<br>Control Intervention1: B: NIL", "HeatTimepoint: Day 1"),
        ("LBCTR2099010001", "Fever", ["Heat"], ["2568"], "A", "Name: Heat;Timepoints: Day 1;Measure: Thermometer"),
        (TCTR, "Fever", ["Heat"], [], "A", "Heat [Timeframe Day 1 at noon]"),
        ("SLCTR/2099/001", "Fever", [], [], "A", "Heat [Day 1]"),
        ("PER-901-99", "-R509 Fever", ["Fever"], ["R509"],
         "Group name:G Type of group;1 N° of participants:2 Intervention(s) description:A",
         "Outcome name:Heat Measure:x Timepoints:Day 1"),
        (CRIS, "Fever", ["Symptoms"], [], "Drug : A", "Heat;Sleep"),
        ("PACTR209901000000001", "", ["Fever"], [], "A;B", "Heat"),
        ("jRCT9900000001", "Fever", ["Heat"], [], "A", "Heat"),
        ("ChiCTR9900000001", "Fever", [], [], "G1:A;G2:B;", "heat;sleep;"),
    ],
)  # fmt: skip
def test_what_a_register_uploads_reads_as_what_who_makes_of_it(
    id: str, free: str, terms: list[str], codes: list[str], treatment: str, outcome: str
) -> None:
    rest = (
        group("health_condition_keyword", "hc_keyword", *terms)
        + group("health_condition_code", "hc_code", *codes)
        + group("primary_outcome", "prim_outcome", outcome)
    )
    uploaded = one(id, rest, public_title="T", hc_freetext=free, i_freetext=treatment)
    text = io.StringIO()
    cells = {
        "TrialID": id, "Public title": "T", "Date registration": "", "Recruitment Status": "",
        "Intervention": treatment, "Condition": f"{free} <br>{';'.join([*terms, *codes])}", "Primary outcome": outcome,
    }  # fmt: skip
    csv.writer(text).writerows([cells.keys(), cells.values()])
    data = text.getvalue().encode()
    web = next(f for f in sources.source("ictrp").formats if f.recognise(data))
    (exported,) = web.outcomes(io.BytesIO(data))
    assert isinstance(exported, Record)
    assert uploaded.conditions == exported.conditions
    assert uploaded.keywords == exported.keywords
    assert uploaded.interventions == exported.interventions
    assert uploaded.arms == exported.arms
    assert uploaded.outcomes == exported.outcomes


def test_a_long_file_is_read_in_its_order() -> None:
    ids = [f"KCT99{n:05d}" for n in range(3000)]
    outcomes = read(feed(*(trial(id, public_title="FICTIONAL " * 20) for id in ids)))
    assert [outcome.id for outcome in outcomes if isinstance(outcome, Record)] == ids


def test_looking_at_a_file_takes_no_time_whatever_it_says() -> None:
    head = (b"<main><trial_id>x</trial_id>" + b"<trial>" * 10_000)[:HEAD_BYTES]
    begun = time.process_time()
    assert not any(f.recognise(head) for s in sources.sources().values() for f in s.formats if f.name == "provider-xml")
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("id", "raw", "read"),
    [
        (IRCT, "1398/03/10", "2019-05-31"),
        (IRCT, "1395-12-30", "2017-03-20"),
        (IRCT, "1399-07-01", "2020-09-22"),
        (IRCT, "1398/13/10", None),
        (IRCT, "2019-05-31", "2019-05-31"),
        (TCTR, "31/05/2562", "2019-05-31"),
        (TCTR, "2562-05-31", "2019-05-31"),
        (TCTR, "31/02/2562", None),
        (CRIS, "1398/03/10", None),
    ],
)
def test_dates_in_the_calendar_of_the_country_are_converted(id: str, raw: str, read: str | None) -> None:
    start = one(id, date_enrolment=raw).start_date
    assert start is not None
    assert start.date == read
    assert start.raw == (None if raw == read else raw)
    assert (raw in noted(one(id, date_enrolment=raw), "start_date")) == (raw != read)


def test_a_title_that_is_a_placeholder_is_none() -> None:
    record = one(REBEC, public_title="NULL", scientific_title="N/A")
    assert (record.public_title, record.scientific_title) == (None, None)


def test_labels_glued_to_capitals_are_found() -> None:
    outcome = group("primary_outcome", "prim_outcome", "Outcome name:PainMeasure:VASTimepoints:day 3")
    assert one("PER-901-99", outcome).outcomes == [Outcome("PRIMARY", "Pain", "VAS", "day 3")]
