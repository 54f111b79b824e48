"""WHO ICTRP's exports: web XML, web CSV and XLSX, and the headerless full export; with each register's own dialect."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from xml.sax.saxutils import escape

from trialpanorama.sample import mess as messing
from trialpanorama.sample.clinicaltrials_gov import criteria, design_sentence, long_date, phase_words
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

WEB_XML_FIELDS = (
    "Export_date", "Internal_Number", "TrialID", "Last_Refreshed_on", "Public_title", "Scientific_title", "Acronym",
    "Primary_sponsor", "Retrospective_flag", "Date_registration3", "Date_registration", "Source_Register", "web_address",
    "Recruitment_Status", "other_records", "Inclusion_agemin", "Inclusion_agemax", "Inclusion_gender", "Date_enrollement",
    "Target_size", "Study_type", "Study_design", "Phase", "Countries", "Contact_Firstname", "Contact_Lastname",
    "Contact_Address", "Contact_Email", "Contact_Tel", "Contact_Affiliation", "Inclusion_Criteria", "Exclusion_Criteria",
    "Condition", "Intervention", "Primary_outcome", "Secondary_outcome", "Secondary_ID", "Source_Support",
    "Secondary_Sponsor", "Ethics_review_status", "Ethics_review_approval_date", "Ethics_review_contact_name",
    "Ethics_review_contact_address", "Ethics_review_contact_phone", "Ethics_review_contact_email", "results_yes_no",
    "results_date_posted", "results_url_link", "results_date_completed", "results_ipd_plan",
)  # fmt: skip
CSV_COLUMNS = (
    "TrialID", "Last Refreshed on", "Public title", "Scientific title", "Acronym", "Primary sponsor", "Date registration",
    "Date registration3", "Export date", "Source Register", "web address", "Recruitment Status", "other records",
    "Inclusion agemin", "Inclusion agemax", "Inclusion gender", "Date enrollement", "Target size", "Study type",
    "Study design", "Phase", "Countries", "Contact Firstname", "Contact Lastname", "Contact Address", "Contact Email",
    "Contact Tel", "Contact Affiliation", "Inclusion Criteria", "Exclusion Criteria", "Condition", "Intervention",
    "Primary outcome", "results date posted", "results date completed", "results url link", "Retrospective flag",
    "Bridging flag truefalse", "Bridged type", "results yes no",
)  # fmt: skip
FULL_COLUMNS = 63

Row = dict[str, str]

# --- the registers' dialects


def _gap(rng: Random, mess: Mess) -> str:
    """What stands between the parts of a EUCTR field: a new line, or what is left of it."""
    if rng.random() < mess.html_leftover:
        return ("<br>", "<br>                ", "")[int(rng.random() * 3)]
    return "\n"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _design_europe(trial: Trial, gap: str) -> str:
    masking = trial.masking or "NONE"
    pairs = (
        ("Controlled", len(trial.arms) > 1),
        ("Randomised", trial.allocation == "RANDOMIZED"),
        ("Open", masking == "NONE"),
        ("Single blind", masking == "SINGLE"),
        ("Double blind", masking in ("DOUBLE", "TRIPLE", "QUADRUPLE")),
        ("Parallel group", trial.model in ("PARALLEL", "FACTORIAL")),
        ("Cross over", trial.model == "CROSSOVER"),
        ("Other", trial.model in ("SINGLE_GROUP", "SEQUENTIAL")),
    )
    parts = [f"{name}: {_yes(value)}" for name, value in pairs]
    parts += [f"If controlled, specify comparator, Placebo: {_yes(any(arm.type == 'PLACEBO_COMPARATOR' for arm in trial.arms))}", f"Number of treatment arms in the trial: {len(trial.arms)}"]
    return (gap or " ").join(parts)


def _phase_europe(trial: Trial, gap: str) -> str:
    names = (("Human pharmacology (Phase I)", "PHASE1"), ("Therapeutic exploratory (Phase II)", "PHASE2"), ("Therapeutic confirmatory - (Phase III)", "PHASE3"), ("Therapeutic use (Phase IV)", "PHASE4"))
    phases = {phase.removeprefix("EARLY_") for phase in trial.phases}
    return gap.join(f"{name}: {_yes(token in phases)}" for name, token in names)


_PURPOSE = {"TREATMENT": "Treatment", "PREVENTION": "Prevention", "DIAGNOSTIC": "Diagnosis", "SUPPORTIVE_CARE": "Supportive care", "BASIC_SCIENCE": "Basic science", "HEALTH_SERVICES_RESEARCH": "Health services research", "OTHER": "Other"}
_MODEL = {"SINGLE_GROUP": "Single group", "PARALLEL": "Parallel", "CROSSOVER": "Crossover", "FACTORIAL": "Factorial", "SEQUENTIAL": "Sequential"}


def _facts(trial: Trial) -> tuple[bool, str, str, str]:
    """Randomised, masking token, model in a word, purpose in a word."""
    return trial.allocation == "RANDOMIZED", trial.masking or "NONE", _MODEL[trial.model or "PARALLEL"], _PURPOSE[trial.purpose or "TREATMENT"]


def _design_anzctr(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Purpose: Natural history;Duration: Longitudinal;Selection: Defined population;Timing: Prospective;"
    randomised, masking, model, purpose = _facts(trial)
    allocation = "Randomised controlled trial" if randomised else "Non-randomised trial"
    mask = "Open (masking not used)" if masking == "NONE" else "Blinded (masking used)"
    return f"Purpose: {purpose}; Allocation: {allocation}; Masking: {mask};Assignment: {model};Type of endpoint: Efficacy;"


def _design_chictr(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Sequential" if len(trial.arms) > 1 else "Cross-sectional"
    return "Single arm" if trial.model == "SINGLE_GROUP" else _MODEL[trial.model or "PARALLEL"]


def _design_cris(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Observational Study Model : Cohort, Time Perspective : Prospective"
    randomised, masking, model, purpose = _facts(trial)
    mask = "Open" if masking == "NONE" else masking.capitalize()
    target = ", Blinding Target : Subject, Investigator" if masking != "NONE" else ""
    return f"Primary Purpose : {purpose}, Intervention Model : {model}, Blinding/Masking : {mask}{target}, Allocation : {'RCT' if randomised else 'Not applicable'}"


def _design_irct(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Randomization: Not applicable, Blinding: Not blinded, Placebo: Not used, Assignment: Other, Purpose: Other"
    randomised, masking, model, purpose = _facts(trial)
    blinding = "Not blinded" if masking == "NONE" else f"{masking.capitalize().replace('Quadruple', 'Triple')} blinded"
    placebo = "Used" if any(arm.type == "PLACEBO_COMPARATOR" for arm in trial.arms) else "Not used"
    return f"Randomization: {'Randomized' if randomised else 'Not randomized'}, Blinding: {blinding}, Placebo: {placebo}, Assignment: {model.replace('Single group', 'Single')}, Purpose: {purpose}, Randomization description: Blocks of four were drawn by a statistician."


def _design_drks(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Allocation: Other. Masking: Open (masking not used). Control: Other. Assignment: Other. Study design purpose: Prognosis;"
    randomised, masking, model, purpose = _facts(trial)
    allocation = "Randomized controlled study" if randomised else "Single arm study" if trial.model == "SINGLE_GROUP" else "Non-randomized controlled study"
    mask = "Open (masking not used)" if masking == "NONE" else "Blinded (masking used)"
    return f"Allocation: {allocation}. Masking: {mask}. Control: {'Placebo' if trial.arms[-1].label == 'Placebo' else 'Other'}. Assignment: {model.replace('Single group', 'Single')}. Study design purpose: {purpose.lower()}"


def _design_ctri(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Other Method of generating randomization sequence:Not Applicable  Method of allocation concealment:Not Applicable  Blinding and masking:Not Applicable"
    randomised, masking, model, _ = _facts(trial)
    head = f"{'Randomized' if randomised else 'Non-randomized'}, {model}{' Group' if model == 'Parallel' else ''}, {'Placebo' if trial.arms[-1].label == 'Placebo' else 'Active'} Controlled Trial"
    if trial.model == "SINGLE_GROUP":
        head = "Single Arm Trial"
    blind = "Open Label" if masking == "NONE" else "Participant Blinded" if masking == "SINGLE" else "Participant and Investigator Blinded" if masking == "DOUBLE" else "Participant, Investigator and Outcome Assessor Blinded"
    return f"{head} Method of generating randomization sequence:{'Computer generated randomization' if randomised else 'Not Applicable'}  Method of allocation concealment:{'Centralized' if randomised else 'Not Applicable'}  Blinding and masking:{blind}"


def _design_jrct(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "observational study"
    randomised, masking, model, purpose = _facts(trial)
    kind = "randomized controlled trial" if randomised else "single arm study" if trial.model == "SINGLE_GROUP" else "non-randomized controlled trial"
    mask = "open(masking not used)" if masking == "NONE" else f"{'single' if masking == 'SINGLE' else 'double'} blind"
    control = "placebo control" if trial.arms[-1].label == "Placebo" else "active control" if len(trial.arms) > 1 else "uncontrolled control"
    return f"{kind}, {mask}, {control}, {model.lower().replace('single group', 'single')} assignment, {purpose.lower()} purpose"


def _design_omon(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Open (masking not used)"
    randomised, masking, model, purpose = _facts(trial)
    return f"{'Randomized controlled trial' if randomised else 'Non-randomized trial'},  {'Open (masking not used)' if masking == 'NONE' else 'Blinded (masking used)'},  Active,  {model},  {purpose}"


def _design_isrctn(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Prospective cohort study (Other)"
    randomised, masking, model, purpose = _facts(trial)
    blind = {"NONE": "open-label", "SINGLE": "single-blind"}.get(masking, "double-blind")
    return f"Multi-centre {blind} {'randomised controlled' if randomised else 'non-randomised'} {model.lower()} trial ({purpose})"


def _design_pactr(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Cohort: a group of individuals with the same starting point followed up over time"
    randomised, masking, model, _ = _facts(trial)
    detail = {"Parallel": "different groups receive different interventions at same time during study", "Crossover": "all participants receive all interventions in different sequence during study", "Single group": "all participants receive the same intervention throughout the study"}.get(model, "several factors")
    mask = "Open-label(Masking Not Used)" if masking == "NONE" else "Masking/blinding used"
    return f"{model}: {detail},{'Randomised' if randomised else 'Non-randomised'},Simple randomization using a computer,Central randomisation,{mask}"


def _design_phrase(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Cohort"
    return "Randomized controlled trial" if trial.allocation == "RANDOMIZED" else "Single arm trial" if trial.model == "SINGLE_GROUP" else "Non-randomized controlled trial"


def _design_latin(trial: Trial) -> str:
    """Cuba, Brazil, Peru, Lebanon, Sri Lanka: a list of words."""
    if trial.study_type != "INTERVENTIONAL":
        return "Observational study, prospective"
    randomised, masking, model, _ = _facts(trial)
    return f"{'Randomized' if randomised else 'Non-randomized'}, {'open' if masking == 'NONE' else masking.lower() + '-blind'}, {model.lower()} trial, {len(trial.arms)} arm{'s' * (len(trial.arms) > 1)}"


_ROMAN = {"PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV", "EARLY_PHASE1": "0"}
_ARABIC = {"PHASE1": "1", "PHASE2": "2", "PHASE3": "3", "PHASE4": "4", "EARLY_PHASE1": "0"}


def _phases(roman: bool, prefix: str, between: str, none: str) -> Callable[[Trial], str]:
    numbers = _ROMAN if roman else _ARABIC

    def words(trial: Trial) -> str:
        if not trial.phases or trial.phases[0] == "NA":
            return none
        return prefix + between.join(numbers[phase] for phase in trial.phases)

    return words


@dataclass(frozen=True, slots=True)
class _Dialect:
    source_register: str
    url: str
    date: str
    """How the register prints dates: d/m/y, y-m-d or d-m-y."""
    study_types: tuple[str, str]
    """Words for interventional and observational."""
    design: Callable[[Trial], str]
    phase: Callable[[Trial], str]
    ages: tuple[str, str, str]
    """Format of the minimum and of the maximum, and the word for none."""
    sexes: tuple[str, str, str]
    """All, female, male."""
    outcome: str
    """How a measure (m) and its time frame (t) are joined."""
    separator: str = ";"


_BOTH = ("Both", "Female", "Male")
_WORD_TYPES = ("Interventional", "Observational")
_DIALECTS: dict[str, _Dialect] = {
    "ClinicalTrials.gov": _Dialect("ClinicalTrials.gov", "https://clinicaltrials.gov/show/{}", "d/m/y", _WORD_TYPES, design_sentence, lambda t: phase_words(t.phases) if t.phases else "", ("{} Years", "{} Years", "N/A"), ("All", "Female", "Male"), "{m}"),
    "EUCTR": _Dialect("EU Clinical Trials Register", "https://www.clinicaltrialsregister.eu/ctr-search/search?query=eudract_number:{}", "d/m/y", ("Interventional clinical trial of medicinal product",) * 2, lambda t: "", lambda t: "", ("", "", ""), _BOTH, "{m}"),
    "CTIS": _Dialect("Clinical Trials Information System", "https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT={}", "d/m/y", ("Interventional clinical trial of medicinal product",) * 2, lambda t: "", lambda t: "", ("{}", "{}", ""), _BOTH, "{m}"),
    "ISRCTN": _Dialect("ISRCTN", "https://www.isrctn.com/{}", "d/m/y", _WORD_TYPES, _design_isrctn, _phases(True, "Phase ", "/", "Not Applicable"), ("", "", ""), _BOTH, "{m} at {t}"),
    "ANZCTR": _Dialect("ANZCTR", "https://anzctr.org.au/{}.aspx", "d/m/y", _WORD_TYPES, _design_anzctr, _phases(False, "Phase ", " / Phase ", "Not Applicable"), ("{} Years", "{} Years", "No limit"), ("Both males and females", "Females", "Males"), "{m}[{t}]"),
    "ChiCTR": _Dialect("ChiCTR", "https://www.chictr.org.cn/showproj.aspx?proj={}", "y-m-d", ("Interventional study", "Observational study"), _design_chictr, _phases(False, "", "-", "0"), ("{}", "{}", ""), _BOTH, "{m};"),
    "DRKS": _Dialect("German Clinical Trials Register", "https://drks.de/search/en/trial/{}", "d/m/y", ("interventional", "observational"), _design_drks, _phases(True, "", "-", "N/A"), ("{} Years", "{} Years", "no maximum age"), ("Both, male and female", "Female", "Male"), "{m}, {t}"),
    "IRCT": _Dialect("IRCT", "https://en.irct.ir/trial/{}", "y-m-d", ("interventional", "observational"), _design_irct, _phases(False, "", "-", "N/A"), ("{} years", "{} years", "no limit"), _BOTH, "{m}. Timepoint: {t}. Method of measurement: Questionnaire."),
    "CRIS": _Dialect("CRIS", "https://cris.nih.go.kr/cris/search/detailSearch.do?seq={}", "y-m-d", ("Interventional Study", "Observational Study"), _design_cris, _phases(False, "Phase", "/Phase", "Not applicable"), ("{}(Year)", "{}(Year)", "No Limit"), _BOTH, "{m} ({t})"),
    "CTRI": _Dialect("CTRI", "https://www.ctri.nic.in/Clinicaltrials/pmaindet2.php?trialid={}", "d-m-y", _WORD_TYPES, _design_ctri, _phases(False, "Phase ", "/ Phase ", "N/A"), ("", "", ""), _BOTH, "{m}Timepoint: {t}"),
    "jRCT": _Dialect("JPRN", "https://jrct.niph.go.jp/latest-detail/{}", "d/m/y", _WORD_TYPES, _design_jrct, _phases(False, "", "-", "N/A"), (">= {}age old", "<= {}age old", "Not applicable"), _BOTH, "{m}"),
    "UMIN": _Dialect("JPRN", "https://center6.umin.ac.jp/cgi-open-bin/ctr_e/ctr_view.cgi?recptno={}", "d/m/y", _WORD_TYPES, _design_jrct, _phases(True, "Phase ", ",", "Not applicable"), ("{}years-old", "{}years-old", "Not applicable"), ("Male and Female", "Female", "Male"), "{m}"),
    "NL-OMON": _Dialect("NL-OMON", "https://onderzoekmetmensen.nl/en/trial/{}", "y-m-d", ("Interventional", "Observational non invasive"), _design_omon, _phases(False, "Phase ", "/", "N/A"), ("{}", "{}", ""), _BOTH, "{m}"),
    "PACTR": _Dialect("PACTR", "https://pactr.samrc.ac.za/TrialDisplay.aspx?TrialID={}", "d/m/y", _WORD_TYPES, _design_pactr, _phases(False, "Phase-", "/", "Not Applicable"), ("{} Year(s)", "{} Year(s)", ""), _BOTH, "{m}"),
    "ReBEC": _Dialect("REBEC", "https://ensaiosclinicos.gov.br/rg/{}", "d/m/y", ("Intervention", "Observational"), _design_latin, _phases(False, "", "-", "N/A"), ("{}Y", "{}Y", "0"), ("-", "F", "M"), "{m}"),
    "REPEC": _Dialect("REPEC", "https://ensayosclinicos-repec.ins.gob.pe/ver/{}", "d/m/y", _WORD_TYPES, _design_latin, _phases(True, "", "/", "N/A"), ("", "", ""), _BOTH, "Outcome name:{m}Measure:scoreTimepoints:{t}"),
    "SLCTR": _Dialect("SLCTR", "https://slctr.lk/trials/{}", "y-m-d", _WORD_TYPES, _design_latin, _phases(False, "Phase ", "-", "N/A"), ("{} years", "{} years", ""), ("Male and Female", "Female", "Male"), "{m} [{t}]"),
    "TCTR": _Dialect("TCTR", "https://www.thaiclinicaltrials.org/show/{}", "d/m/y", _WORD_TYPES, _design_phrase, _phases(False, "Phase ", "/Phase ", "N/A"), ("{} Years", "{} Years", "No limit"), _BOTH, "{m} [Timeframe {t}]"),
    "LBCTR": _Dialect("LBCTR", "https://lbctr.moph.gov.lb/Trials/Details/{}", "d/m/y", _WORD_TYPES, _design_latin, _phases(False, "", "-", "N/A"), ("{}", "{}", ""), _BOTH, "Name: {m};Timepoints: {t};Measure: score;"),
    "RPCEC": _Dialect("RPCEC", "https://rpcec.sld.cu/en/trials/{}-En", "d/m/y", _WORD_TYPES, _design_latin, _phases(False, "", "-", "N/A"), ("{} years", "{} years", "None"), ("Male/Female", "Female", "Male"), "{m} ({t})"),
}
_LISTS_OUTCOMES = ("ClinicalTrials.gov", "ChiCTR", "CRIS", "TCTR", "IRCT")

_NATIVE_STATUS: dict[str, dict[str, str]] = {
    "": {
        "NOT_YET_RECRUITING": "Not yet recruiting", "RECRUITING": "Recruiting", "ENROLLING_BY_INVITATION": "Recruiting",
        "ACTIVE_NOT_RECRUITING": "Not Recruiting", "SUSPENDED": "Suspended", "TERMINATED": "Terminated",
        "COMPLETED": "Completed", "WITHDRAWN": "Withdrawn", "UNKNOWN": "Unknown status",
        "AVAILABLE": "Available", "NO_LONGER_AVAILABLE": "No longer available",
    },
    "ClinicalTrials.gov": {"ENROLLING_BY_INVITATION": "Enrolling by invitation", "ACTIVE_NOT_RECRUITING": "Active, not recruiting"},
    "EUCTR": {"NOT_YET_RECRUITING": "Ongoing", "RECRUITING": "Ongoing", "ENROLLING_BY_INVITATION": "Ongoing", "ACTIVE_NOT_RECRUITING": "Ongoing", "SUSPENDED": "Temporarily Halted", "TERMINATED": "Prematurely Ended", "WITHDRAWN": "Not Authorised"},
    "CTIS": {"NOT_YET_RECRUITING": "Authorised, recruitment pending", "RECRUITING": "Authorised, recruiting", "ENROLLING_BY_INVITATION": "Authorised, recruiting", "ACTIVE_NOT_RECRUITING": "Ongoing, recruitment ended", "COMPLETED": "Ended", "TERMINATED": "Ended", "SUSPENDED": "Halted"},
    "ANZCTR": {"ACTIVE_NOT_RECRUITING": "Active, not recruiting", "TERMINATED": "Stopped early", "WITHDRAWN": "Withdrawn"},
    "ISRCTN": {"ACTIVE_NOT_RECRUITING": "Ongoing", "TERMINATED": "Stopped"},
    "ChiCTR": {"NOT_YET_RECRUITING": "Pending", "SUSPENDED": "Suspending", "TERMINATED": "Stopped"},
    "CTRI": {"RECRUITING": "Open to Recruitment", "ENROLLING_BY_INVITATION": "Open to Recruitment", "ACTIVE_NOT_RECRUITING": "Closed to Recruitment of Participants", "NOT_YET_RECRUITING": "Not Yet Recruiting"},
    "DRKS": {"ACTIVE_NOT_RECRUITING": "Recruiting complete, follow-up continuing", "COMPLETED": "Recruiting complete, study complete", "TERMINATED": "Recruiting stopped after recruiting started", "WITHDRAWN": "Recruiting withdrawn before recruiting started", "NOT_YET_RECRUITING": "Recruiting planned", "RECRUITING": "Recruiting ongoing", "ENROLLING_BY_INVITATION": "Recruiting ongoing"},
    "IRCT": {"ACTIVE_NOT_RECRUITING": "Recruitment complete", "COMPLETED": "Complete", "TERMINATED": "Stopped early"},
    "UMIN": {"RECRUITING": "Open public recruiting", "NOT_YET_RECRUITING": "Preinitiation", "ACTIVE_NOT_RECRUITING": "No longer recruiting", "COMPLETED": "Complete: follow-up complete", "ENROLLING_BY_INVITATION": "Enrolling by invitation"},
}  # fmt: skip
_COUNTRY_SPELLINGS = {
    "IRCT": {"Iran, Islamic Republic of": "Iran (Islamic Republic of)"},
    "NL-OMON": {"Netherlands": "The Netherlands"},
    "CRIS": {"Korea, Republic of": "Korea, Republic of"},
    "ANZCTR": {"Korea, Republic of": "Korea, Republic Of"},
    "PACTR": {},
}


def _date(day: datetime.date, style: str) -> str:
    if style == "y-m-d":
        return day.isoformat()
    return day.strftime("%d-%m-%Y" if style == "d-m-y" else "%d/%m/%Y")


def _native_status(register: str, status: str) -> str:
    return _NATIVE_STATUS.get(register, {}).get(status) or _NATIVE_STATUS[""][status]


def _rolled_up(register: str, status: str) -> str:
    """WHO's own word in the web exports: everything that does not recruit is one."""
    if status in ("RECRUITING", "ENROLLING_BY_INVITATION"):
        return "Authorised" if register in ("EUCTR", "CTIS") else "Recruiting"
    return "Not recruiting" if register == "ClinicalTrials.gov" else "Not Recruiting"


@dataclass(slots=True)
class Entry:
    """One row: a record id, the registration it comes from, and the day of its version."""

    trial: Trial
    registration: Registration
    id: str
    status: str
    refreshed: datetime.date
    family: list[str]
    """Record ids that WHO knows to be the same trial, the parent first; empty if it knows none."""


def row(entry: Entry, exported: datetime.date, mess: Mess) -> Row:
    """The row as the fields of the web exports, with the full export's own in lower case."""
    trial, registration = entry.trial, entry.registration
    register = registration.register
    dialect = _DIALECTS[register]
    rng = Random(f"{entry.id}/{entry.refreshed}")
    draw = rng.random
    missing = registration.missing
    gap = _gap(rng, mess)
    europe = register in ("EUCTR", "CTIS")
    prospective = registration.registered <= registration.start
    low, high = trial.minimum_age, None if "maximum_age" in missing else trial.maximum_age
    age_low, age_high, none = dialect.ages
    sex = {"ALL": dialect.sexes[0], "FEMALE": dialect.sexes[1], "MALE": dialect.sexes[2]}[trial.sex]
    if europe:
        sex = gap.join(("", f"Female: {_yes(trial.sex != 'MALE')}", f"Male: {_yes(trial.sex != 'FEMALE')}", "")).strip("\n")
    countries = ["Kenya"] if not registration.countries else registration.countries
    spelling = _COUNTRY_SPELLINGS.get(register, {})
    countries = [spelling.get(country, country) for country in countries]
    if register == "PACTR":
        countries = countries * min(3, len(trial.sites))
    inclusion, exclusion = _criteria_texts(trial, register)
    if registration.contact_in_text:
        inclusion += "\n" + registration.contact_in_text
    secondary = ";".join(_typed_id(kind, id) for kind, id in registration.secondary_ids)
    if register in ("ANZCTR", "ISRCTN") and not secondary:
        secondary = "Nil known"
    name, email, telephone = registration.contact or ("", "", "")
    results = trial.has_results and registration.is_current and register == "ClinicalTrials.gov"
    over = entry.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    fields: Row = {
        "TrialID": entry.id,
        "Last_Refreshed_on": f"{entry.refreshed.day} {entry.refreshed:%B %Y}",
        "Public_title": registration.public_title,
        "Scientific_title": "" if "official_title" in missing else registration.scientific_title,
        "Acronym": trial.acronym,
        "Primary_sponsor": registration.sponsor,
        "Retrospective_flag": "Yes" if prospective else "No",
        "Date_registration3": f"{registration.registered:%Y%m%d}",
        "Date_registration": _date(registration.registered, dialect.date),
        "Source_Register": dialect.source_register,
        "web_address": dialect.url.format(registration.id),
        "Recruitment_Status": _rolled_up(register, entry.status),
        "other_records": "Yes" if len(entry.family) > 1 else "No",
        "Inclusion_agemin": (age_low.format(low) if low else none) if age_low else "",
        "Inclusion_agemax": (age_high.format(high) if high else none) if age_high else "",
        "Inclusion_gender": sex,
        "Date_enrollement": _enrolment_date(registration, register, dialect.date, draw()),
        "Target_size": "" if "size" in missing else _size(trial, register, over and registration.is_current),
        "Study_type": dialect.study_types[trial.study_type != "INTERVENTIONAL"] if trial.study_type != "EXPANDED_ACCESS" else "Expanded Access",
        "Study_design": _design_europe(trial, gap) if europe else dialect.design(trial),
        "Phase": _phase_europe(trial, gap) if europe else dialect.phase(trial),
        "Countries": ";".join(countries),
        "Contact_Firstname": " " if name and register == "ClinicalTrials.gov" else "",
        "Contact_Lastname": name,
        "Contact_Address": "1 Fictional Street" if name and draw() < 0.5 else "",
        "Contact_Email": email,
        "Contact_Tel": telephone,
        "Contact_Affiliation": registration.sponsor if name else "",
        "Inclusion_Criteria": inclusion,
        "Exclusion_Criteria": exclusion,
        "Condition": _conditions(registration, register, gap),
        "Intervention": _interventions(trial, register, gap),
        "Primary_outcome": _outcomes(trial.primary_outcomes, register, dialect.outcome, main=True),
        "Secondary_outcome": "" if "secondary_outcomes" in missing else _outcomes(trial.secondary_outcomes, register, dialect.outcome, main=False),
        "Secondary_ID": secondary,
        "Source_Support": "Please refer to primary and secondary sponsors" if register == "ClinicalTrials.gov" else "" if "collaborators" in missing else registration.sponsor,
        "Secondary_Sponsor": "" if "collaborators" in missing else ";".join(other for other, _ in trial.collaborators),
        "Ethics_review_status": "Approved" if register not in ("ClinicalTrials.gov", "EUCTR") else "",
        "results_yes_no": "Yes" if results else "",
        "results_date_posted": _date(registration.updated, "d/m/y") if results else "",
        "results_url_link": f"https://clinicaltrials.gov/ct2/show/results/{registration.id}" if results else "",
        "results_date_completed": _date(registration.completion, dialect.date) if over and "completion" not in missing else "",
        "Bridging_flag_truefalse": "True " if len(entry.family) > 1 else "False",
        "Bridged_type": "          " if len(entry.family) < 2 else "parent    " if entry.family[0] == entry.id else "child     ",
        "Export_date": f"{exported.month}/{exported.day}/{exported.year} 10:40:56 AM",
        "Internal_Number": str(9_000_000 + trial.index),
        "native_status": _native_status(register, entry.status),
        "enrolment_type": "Actual" if registration.start <= SNAPSHOT else "Anticipated",
        "actual_enrolment": _actual_enrolment(trial, registration, register, over),
        "results_date_completed_iso": registration.completion.isoformat() if over and "completion" not in missing else "",
        "retrospective": "" if prospective else "1",
    }
    return _with_mess(fields, register, rng, mess)


_TEXTS = ("Inclusion_Criteria", "Exclusion_Criteria", "Intervention", "Primary_outcome", "Secondary_outcome", "Condition")


def _with_mess(fields: Row, register: str, rng: Random, mess: Mess) -> Row:
    if rng.random() < mess.lost_comparison_sign:
        for name in (*_TEXTS, "Inclusion_agemin", "Inclusion_agemax"):
            fields[name] = messing.without_comparison_signs(fields[name])
    if rng.random() < mess.doubled_entity:
        for name in _TEXTS:
            fields[name] = messing.with_doubled_entities(fields[name])
    if rng.random() < mess.html_leftover:
        for name in _TEXTS:
            fields[name] = messing.with_html(fields[name])
    if rng.random() < mess.mojibake:
        for name in ("Scientific_title", "Inclusion_Criteria"):
            fields[name] = messing.with_mojibake(fields[name])
    if rng.random() < mess.trailing_blanks:
        fields["Scientific_title"] = fields["Scientific_title"].ljust(1000)
    return fields


def _criteria_texts(trial: Trial, register: str) -> tuple[str, str]:
    if register == "ClinicalTrials.gov":
        return criteria(trial).replace("* ", "- "), ""
    mark = "{n}. " if register in ("ChiCTR", "ANZCTR", "jRCT") else "- " if register != "EUCTR" else ""
    texts = ["\n".join(mark.format(n=n) + line for n, line in enumerate(lines, 1)) for lines in (trial.inclusion, trial.exclusion)]
    return f"Inclusion criteria: {texts[0]}", f"Exclusion criteria: {texts[1]}"


def _typed_id(kind: str, id: str) -> str:
    return f"EudraCT {id}" if kind == "EUCTR" and id[-1] in "02468" else id


def _enrolment_date(registration: Registration, register: str, style: str, draw: float) -> str:
    day = registration.start
    if "start" in registration.missing:
        return ""
    if register == "ClinicalTrials.gov":
        return long_date(day.isoformat() if draw < 0.6 else day.isoformat()[:7])
    if register in ("jRCT", "UMIN"):
        return f"{day:%Y/%m/%d}" if draw < 0.5 else _date(day, "d/m/y")
    return _date(day, style)


def _size(trial: Trial, register: str, actual: bool) -> str:
    count = trial.actual if actual and register == "ClinicalTrials.gov" else trial.planned
    if register == "ChiCTR":
        share, rest = divmod(trial.planned, len(trial.arms))
        return "".join(f"{arm.label.replace(':', ' ')}:{share + (rest if at == 0 else 0)};" for at, arm in enumerate(trial.arms))
    return str(count)


def _actual_enrolment(trial: Trial, registration: Registration, register: str, over: bool) -> str:
    if register == "CTRI":
        return "0"
    if register == "PACTR" and over:
        return _date(registration.completion, "d/m/y")  # sic: a date stands in this column for this register
    return str(trial.actual) if over and registration.is_current and register in ("ANZCTR", "DRKS", "ISRCTN") else ""


def _conditions(registration: Registration, register: str, gap: str) -> str:
    names = registration.conditions
    if register == "CTRI":
        return "".join(f"Health Condition {n}: null- {name}" for n, name in enumerate(names, 1))
    if register == "EUCTR":
        return f"{'; '.join(names)} {gap}MedDRA version: 21.0;Therapeutic area: Diseases [C] - Fictional chapter"
    if register == "ANZCTR":
        return ";".join(f"{name}; {gap}{name}" for name in names)
    if register == "IRCT":
        return " ".join(f"Condition {n}: {name}." for n, name in enumerate(names, 1))
    if register in ("ReBEC", "PACTR"):
        return f"{';'.join(names)} {gap}{names[0]}"
    return ";".join(names)


def _interventions(trial: Trial, register: str, gap: str) -> str:
    items = trial.interventions
    if register == "ClinicalTrials.gov":
        return ";".join(f"{_TYPE_WORDS[item.type]}: {item.name}" for item in items)
    if register in ("EUCTR", "CTIS"):
        blocks = [
            gap.join(("", f"Product Name: {item.name}", "Pharmaceutical Form: Tablet", f"INN or Proposed INN: {item.concept or ''}", "CAS Number: ", "Concentration unit: mg milligram(s)", ""))
            for item in items
            if item.name not in ("Placebo", "Usual care")
        ]
        return (gap.join(blocks) or gap).strip("\n")
    if register == "CRIS":
        return " ".join(f"{_TYPE_WORDS[item.type]} : {item.description}" for item in items)
    if register == "CTRI":
        rest = "".join(f"Control Intervention{n}: {item.name}: {item.description}" for n, item in enumerate(items[1:], 1))
        return f"Intervention1: {items[0].name}: {items[0].description}{gap}{rest}"
    if register == "IRCT":
        return " ".join(f"Intervention {n}: {'Control' if n > 1 else 'Intervention'} group: {item.description}." for n, item in enumerate(items, 1))
    if register == "DRKS":
        return " ".join(f"Arm {n}: {arm.label}: {arm.description}" for n, arm in enumerate(trial.arms, 1))
    if register == "ChiCTR":
        return "".join(f"{arm.label.replace(':', ' ')}:{' + '.join(arm.interventions) or 'none'};" for arm in trial.arms)
    return "\n".join(f"{item.name}: {item.description}" for item in items)


_TYPE_WORDS = {
    "DRUG": "Drug", "BIOLOGICAL": "Biological", "DEVICE": "Device", "PROCEDURE": "Procedure", "RADIATION": "Radiation",
    "BEHAVIORAL": "Behavioral", "GENETIC": "Genetic", "DIETARY_SUPPLEMENT": "Dietary Supplement",
    "DIAGNOSTIC_TEST": "Diagnostic Test", "OTHER": "Other",
}  # fmt: skip


def _outcomes(pairs: list[tuple[str, str]], register: str, style: str, main: bool) -> str:
    if register in ("EUCTR", "CTIS"):
        if not main:
            return ";".join(f"Secondary end point(s): {measure};Timepoint(s) of evaluation of this end point: {frame}" for measure, frame in pairs[:1])
        measures, frames = "\n".join(measure for measure, _ in pairs), "; ".join(frame for _, frame in pairs)
        return f"Main Objective: To evaluate the effect on the primary end point;Secondary Objective: To evaluate safety;Primary end point(s): {measures};Timepoint(s) of evaluation of this end point: {frames}"
    texts = [style.format(m=measure, t=frame) for measure, frame in pairs]
    return ("" if register == "ChiCTR" else ";" if register in _LISTS_OUTCOMES or register == "ANZCTR" else "\n").join(texts)


# --- the four formats


def web_xml(fields: Row) -> str:
    """A `Trial` of the web XML export."""
    lines = ["  <Trial>\n"]
    for name in WEB_XML_FIELDS:
        value = fields.get(name, "")
        lines.append(f"    <{name}>{escape(value)}</{name}>\n" if value else f"    <{name} />\n")
    lines.append("  </Trial>\n")
    return "".join(lines)


def csv_cells(fields: Row) -> list[str]:
    """The 40 cells of the web CSV."""
    return [fields.get(name.replace(" ", "_"), "") for name in CSV_COLUMNS]


_SPREADSHEET_PHASES = {"1-2": (2, 1), "2-3": (3, 2)}


def xlsx_cells(fields: Row, registered: datetime.date, refreshed: datetime.date, draw: float, mess: Mess) -> list[object]:
    """The same cells as a spreadsheet holds them: dates as dates, whole numbers as numbers, blanks as nothing."""
    cells: list[object] = []
    for name, text in zip(CSV_COLUMNS, csv_cells(fields), strict=True):
        value: object = text or None
        if name == "Date registration":
            value = datetime.datetime.combine(registered, datetime.time())
        elif name == "Last Refreshed on":
            value = datetime.datetime.combine(refreshed, datetime.time())
        elif name in ("Date registration3", "Target size", "Inclusion agemin") and text.isdigit():
            value = int(text)
        elif name == "Phase" and text in _SPREADSHEET_PHASES and draw < mess.spreadsheet_date:
            month, day = _SPREADSHEET_PHASES[text]
            value = datetime.datetime(refreshed.year, month, day)
        elif name == "Bridging flag truefalse":
            value = text.strip() == "True"
        cells.append(value)
    return cells


_FULL_FIELDS: dict[int, str] = {
    2: "Secondary_ID", 3: "Public_title", 4: "Scientific_title", 5: "web_address", 7: "Contact_Lastname", 8: "Contact_Address",
    9: "Contact_Email", 10: "Contact_Tel", 11: "Contact_Affiliation", 18: "Study_type", 19: "Study_design", 20: "Phase",
    21: "Date_registration", 22: "Date_enrollement", 23: "Target_size", 24: "native_status", 25: "Primary_sponsor",
    26: "Secondary_Sponsor", 27: "Source_Support", 28: "Countries", 29: "Condition", 30: "Intervention",
    31: "Inclusion_agemin", 32: "Inclusion_agemax", 33: "Inclusion_gender", 34: "Inclusion_Criteria",
    35: "Exclusion_Criteria", 36: "Primary_outcome", 37: "Secondary_outcome", 41: "enrolment_type", 42: "retrospective",
    43: "actual_enrolment", 44: "results_url_link", 46: "results_date_posted", 55: "results_date_completed_iso",
    56: "results_yes_no", 57: "Ethics_review_status",
}  # fmt: skip


def full_cells(entry: Entry, fields: Row) -> list[str]:
    """The 63 cells of the full export: NULL for missing, and a pair of quote characters around every other value."""
    cells = ["NULL"] * FULL_COLUMNS
    for at, name in _FULL_FIELDS.items():
        if fields.get(name):
            cells[at] = fields[name]
    if entry.registration.register == "ClinicalTrials.gov":
        day = entry.registration.registered
        cells[21] = f"{day.day}/{day.month}/{day.year}"
    if len(entry.family) > 1:
        is_parent = entry.family[0] == entry.id
        cells[38], cells[39] = entry.family[0], "parent" if is_parent else "child"
        if is_parent:
            cells[40] = ";".join(entry.family[1:])
    cells[58] = f"{entry.registration.registered:%b %d %Y} 12:00AM" if cells[57] == "Approved" else "Jan  1 1900 12:00AM"
    wrapped = [cell if cell == "NULL" else f'"{cell}"' for cell in cells]
    wrapped[0] = entry.id
    wrapped[1] = f'"{fields["Last_Refreshed_on"]}"'
    return wrapped


