# ruff: noqa: E501 (tables of words)
"""How each register's rows in ICTRP say the same things in their own words."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from trialpanorama.sample._words import (
    ALLOCATION_WORDS,
    INTERVENTION_WORDS,
    MODEL_WORDS,
    in_words,
    masking_words,
    phase_words,
)
from trialpanorama.sample.model import Registration, Trial


def yes_or_no(value: bool) -> str:
    """The word for a truth value."""
    return "yes" if value else "no"


def _design_clinicaltrials_gov(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return ""
    parts = (
        [f"Allocation: {ALLOCATION_WORDS[trial.allocation]}. "] if trial.allocation and trial.allocation != "NA" else []
    )
    parts.append(f"Intervention model: {MODEL_WORDS[trial.model or 'PARALLEL']}. ")
    parts.append(f"Primary purpose: {in_words(trial.purpose or 'TREATMENT')}. ")
    parts.append(f"Masking: {masking_words({'masking': trial.masking, 'whoMasked': trial.who_masked})}. ")
    return "".join(parts)


def design_europe(trial: Trial, gap: str) -> str:
    """EUCTR's and CTIS's list of yes and no."""
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
    parts = [f"{name}: {yes_or_no(value)}" for name, value in pairs]
    parts += [
        f"If controlled, specify comparator, Placebo: {yes_or_no(any(arm.type == 'PLACEBO_COMPARATOR' for arm in trial.arms))}",
        f"Number of treatment arms in the trial: {len(trial.arms)}",
    ]
    return (gap or " ").join(parts)


def phase_europe(trial: Trial, gap: str) -> str:
    """EUCTR's and CTIS's sentence of four answers."""
    names = (
        ("Human pharmacology (Phase I)", "PHASE1"),
        ("Therapeutic exploratory (Phase II)", "PHASE2"),
        ("Therapeutic confirmatory - (Phase III)", "PHASE3"),
        ("Therapeutic use (Phase IV)", "PHASE4"),
    )
    phases = {phase.removeprefix("EARLY_") for phase in trial.phases}
    return gap.join(f"{name}: {yes_or_no(token in phases)}" for name, token in names)


_PURPOSE = {
    "TREATMENT": "Treatment",
    "PREVENTION": "Prevention",
    "DIAGNOSTIC": "Diagnosis",
    "SUPPORTIVE_CARE": "Supportive care",
    "BASIC_SCIENCE": "Basic science",
    "HEALTH_SERVICES_RESEARCH": "Health services research",
    "OTHER": "Other",
}
_MODEL = {
    "SINGLE_GROUP": "Single group",
    "PARALLEL": "Parallel",
    "CROSSOVER": "Crossover",
    "FACTORIAL": "Factorial",
    "SEQUENTIAL": "Sequential",
}


def _facts(trial: Trial) -> tuple[bool, str, str, str]:
    """Randomised, masking token, model in a word, purpose in a word."""
    return (
        trial.allocation == "RANDOMIZED",
        trial.masking or "NONE",
        _MODEL[trial.model or "PARALLEL"],
        _PURPOSE[trial.purpose or "TREATMENT"],
    )


def _design_anzctr(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Purpose: Natural history;Duration: Longitudinal;Selection: Defined population;Timing: Prospective;"
    randomised, masking, model, purpose = _facts(trial)
    allocation = "Randomised controlled trial" if randomised else "Non-randomised trial"
    mask = "Open (masking not used)" if masking == "NONE" else "Blinded (masking used)"
    return (
        f"Purpose: {purpose}; Allocation: {allocation}; Masking: {mask};Assignment: {model};Type of endpoint: Efficacy;"
    )


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
        return (
            "Randomization: Not applicable, Blinding: Not blinded, Placebo: Not used, Assignment: Other, Purpose: Other"
        )
    randomised, masking, model, purpose = _facts(trial)
    blinding = "Not blinded" if masking == "NONE" else f"{masking.capitalize().replace('Quadruple', 'Triple')} blinded"
    placebo = "Used" if any(arm.type == "PLACEBO_COMPARATOR" for arm in trial.arms) else "Not used"
    return f"Randomization: {'Randomized' if randomised else 'Not randomized'}, Blinding: {blinding}, Placebo: {placebo}, Assignment: {model.replace('Single group', 'Single')}, Purpose: {purpose}, Randomization description: Blocks of four were drawn by a statistician."


def _design_drks(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Allocation: Other. Masking: Open (masking not used). Control: Other. Assignment: Other. Study design purpose: Prognosis;"
    randomised, masking, model, purpose = _facts(trial)
    allocation = (
        "Randomized controlled study"
        if randomised
        else "Single arm study"
        if trial.model == "SINGLE_GROUP"
        else "Non-randomized controlled study"
    )
    mask = "Open (masking not used)" if masking == "NONE" else "Blinded (masking used)"
    return f"Allocation: {allocation}. Masking: {mask}. Control: {'Placebo' if trial.arms[-1].label == 'Placebo' else 'Other'}. Assignment: {model.replace('Single group', 'Single')}. Study design purpose: {purpose.lower()}"


def _design_ctri(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Other Method of generating randomization sequence:Not Applicable  Method of allocation concealment:Not Applicable  Blinding and masking:Not Applicable"
    randomised, masking, model, _ = _facts(trial)
    head = f"{'Randomized' if randomised else 'Non-randomized'}, {model}{' Group' if model == 'Parallel' else ''}, {'Placebo' if trial.arms[-1].label == 'Placebo' else 'Active'} Controlled Trial"
    if trial.model == "SINGLE_GROUP":
        head = "Single Arm Trial"
    blind = (
        "Open Label"
        if masking == "NONE"
        else "Participant Blinded"
        if masking == "SINGLE"
        else "Participant and Investigator Blinded"
        if masking == "DOUBLE"
        else "Participant, Investigator and Outcome Assessor Blinded"
    )
    return f"{head} Method of generating randomization sequence:{'Computer generated randomization' if randomised else 'Not Applicable'}  Method of allocation concealment:{'Centralized' if randomised else 'Not Applicable'}  Blinding and masking:{blind}"


def _design_jrct(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "observational study"
    randomised, masking, model, purpose = _facts(trial)
    kind = (
        "randomized controlled trial"
        if randomised
        else "single arm study"
        if trial.model == "SINGLE_GROUP"
        else "non-randomized controlled trial"
    )
    mask = "open(masking not used)" if masking == "NONE" else f"{'single' if masking == 'SINGLE' else 'double'} blind"
    control = (
        "placebo control"
        if trial.arms[-1].label == "Placebo"
        else "active control"
        if len(trial.arms) > 1
        else "uncontrolled control"
    )
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
    detail = {
        "Parallel": "different groups receive different interventions at same time during study",
        "Crossover": "all participants receive all interventions in different sequence during study",
        "Single group": "all participants receive the same intervention throughout the study",
    }.get(model, "several factors")
    mask = "Open-label(Masking Not Used)" if masking == "NONE" else "Masking/blinding used"
    return f"{model}: {detail},{'Randomised' if randomised else 'Non-randomised'},Simple randomization using a computer,Central randomisation,{mask}"


def _design_phrase(trial: Trial) -> str:
    if trial.study_type != "INTERVENTIONAL":
        return "Cohort"
    return (
        "Randomized controlled trial"
        if trial.allocation == "RANDOMIZED"
        else "Single arm trial"
        if trial.model == "SINGLE_GROUP"
        else "Non-randomized controlled trial"
    )


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
class Dialect:
    """A register's words."""

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


_BOTH = ("Both", "Female", "Male")
_WORD_TYPES = ("Interventional", "Observational")
# fmt: off
DIALECTS: dict[str, Dialect] = {
    "ClinicalTrials.gov": Dialect("ClinicalTrials.gov", "https://clinicaltrials.gov/show/{}", "d/m/y", _WORD_TYPES, _design_clinicaltrials_gov, lambda t: phase_words(t.phases) if t.phases else "", ("{} Years", "{} Years", "N/A"), ("All", "Female", "Male"), "{m}"),
    "EUCTR": Dialect("EU Clinical Trials Register", "https://www.clinicaltrialsregister.eu/ctr-search/search?query=eudract_number:{}", "d/m/y", ("Interventional clinical trial of medicinal product",) * 2, lambda t: "", lambda t: "", ("", "", ""), _BOTH, "{m}"),
    "CTIS": Dialect("Clinical Trials Information System", "https://euclinicaltrials.eu/search-for-clinical-trials/?lang=en&EUCT={}", "d/m/y", ("Interventional clinical trial of medicinal product",) * 2, lambda t: "", lambda t: "", ("{}", "{}", ""), _BOTH, "{m}"),
    "ISRCTN": Dialect("ISRCTN", "https://www.isrctn.com/{}", "d/m/y", _WORD_TYPES, _design_isrctn, _phases(True, "Phase ", "/", "Not Applicable"), ("", "", ""), _BOTH, "{m} at {t}"),
    "ANZCTR": Dialect("ANZCTR", "https://anzctr.org.au/{}.aspx", "d/m/y", _WORD_TYPES, _design_anzctr, _phases(False, "Phase ", " / Phase ", "Not Applicable"), ("{} Years", "{} Years", "No limit"), ("Both males and females", "Females", "Males"), "{m}[{t}]"),
    "ChiCTR": Dialect("ChiCTR", "https://www.chictr.org.cn/showproj.aspx?proj={}", "y-m-d", ("Interventional study", "Observational study"), _design_chictr, _phases(False, "", "-", "0"), ("{}", "{}", ""), _BOTH, "{m};"),
    "DRKS": Dialect("German Clinical Trials Register", "https://drks.de/search/en/trial/{}", "d/m/y", ("interventional", "observational"), _design_drks, _phases(True, "", "-", "N/A"), ("{} Years", "{} Years", "no maximum age"), ("Both, male and female", "Female", "Male"), "{m}, {t}"),
    "IRCT": Dialect("IRCT", "https://en.irct.ir/trial/{}", "y-m-d", ("interventional", "observational"), _design_irct, _phases(False, "", "-", "N/A"), ("{} years", "{} years", "no limit"), _BOTH, "{m}. Timepoint: {t}. Method of measurement: Questionnaire."),
    "CRIS": Dialect("CRIS", "https://cris.nih.go.kr/cris/search/detailSearch.do?seq={}", "y-m-d", ("Interventional Study", "Observational Study"), _design_cris, _phases(False, "Phase", "/Phase", "Not applicable"), ("{}(Year)", "{}(Year)", "No Limit"), _BOTH, "{m} ({t})"),
    "CTRI": Dialect("CTRI", "https://www.ctri.nic.in/Clinicaltrials/pmaindet2.php?trialid={}", "d-m-y", _WORD_TYPES, _design_ctri, _phases(False, "Phase ", "/ Phase ", "N/A"), ("", "", ""), _BOTH, "{m}Timepoint: {t}"),
    "jRCT": Dialect("JPRN", "https://jrct.niph.go.jp/latest-detail/{}", "d/m/y", _WORD_TYPES, _design_jrct, _phases(False, "", "-", "N/A"), (">= {}age old", "<= {}age old", "Not applicable"), _BOTH, "{m}"),
    "UMIN": Dialect("JPRN", "https://center6.umin.ac.jp/cgi-open-bin/ctr_e/ctr_view.cgi?recptno={}", "d/m/y", _WORD_TYPES, _design_jrct, _phases(True, "Phase ", ",", "Not applicable"), ("{}years-old", "{}years-old", "Not applicable"), ("Male and Female", "Female", "Male"), "{m}"),
    "NL-OMON": Dialect("NL-OMON", "https://onderzoekmetmensen.nl/en/trial/{}", "y-m-d", ("Interventional", "Observational non invasive"), _design_omon, _phases(False, "Phase ", "/", "N/A"), ("{}", "{}", ""), _BOTH, "{m}"),
    "PACTR": Dialect("PACTR", "https://pactr.samrc.ac.za/TrialDisplay.aspx?TrialID={}", "d/m/y", _WORD_TYPES, _design_pactr, _phases(False, "Phase-", "/", "Not Applicable"), ("{} Year(s)", "{} Year(s)", ""), _BOTH, "{m}"),
    "ReBEC": Dialect("REBEC", "https://ensaiosclinicos.gov.br/rg/{}", "d/m/y", ("Intervention", "Observational"), _design_latin, _phases(False, "", "-", "N/A"), ("{}Y", "{}Y", "0"), ("-", "F", "M"), "{m}"),
    "REPEC": Dialect("REPEC", "https://ensayosclinicos-repec.ins.gob.pe/ver/{}", "d/m/y", _WORD_TYPES, _design_latin, _phases(True, "", "/", "N/A"), ("", "", ""), _BOTH, "Outcome name:{m}Measure:scoreTimepoints:{t}"),
    "SLCTR": Dialect("SLCTR", "https://slctr.lk/trials/{}", "y-m-d", _WORD_TYPES, _design_latin, _phases(False, "Phase ", "-", "N/A"), ("{} years", "{} years", ""), ("Male and Female", "Female", "Male"), "{m} [{t}]"),
    "TCTR": Dialect("TCTR", "https://www.thaiclinicaltrials.org/show/{}", "d/m/y", _WORD_TYPES, _design_phrase, _phases(False, "Phase ", "/Phase ", "N/A"), ("{} Years", "{} Years", "No limit"), _BOTH, "{m} [Timeframe {t}]"),
    "LBCTR": Dialect("LBCTR", "https://lbctr.moph.gov.lb/Trials/Details/{}", "d/m/y", _WORD_TYPES, _design_latin, _phases(False, "", "-", "N/A"), ("{}", "{}", ""), _BOTH, "Name: {m};Timepoints: {t};Measure: score;"),
    "RPCEC": Dialect("RPCEC", "https://rpcec.sld.cu/en/trials/{}-En", "d/m/y", _WORD_TYPES, _design_latin, _phases(False, "", "-", "N/A"), ("{} years", "{} years", "None"), ("Male/Female", "Female", "Male"), "{m} ({t})"),
}
# fmt: on
_LISTED_OUTCOMES = ("ClinicalTrials.gov", "ChiCTR", "CRIS", "TCTR", "IRCT")

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
_COMMA_SPELLINGS = {"Iran, Islamic Republic of": "Iran", "Korea, Republic of": "South Korea"}
COMMA_LISTS = ("jRCT", "UMIN", "SLCTR")
"""Registers that list countries with commas; the others use semicolons."""
COUNTRY_SPELLINGS = {
    "jRCT": _COMMA_SPELLINGS,
    "UMIN": _COMMA_SPELLINGS,
    "SLCTR": _COMMA_SPELLINGS,
    "IRCT": {"Iran, Islamic Republic of": "Iran (Islamic Republic of)"},
    "NL-OMON": {"Netherlands": "The Netherlands"},
    "ANZCTR": {"Korea, Republic of": "Korea, Republic Of"},
}


def date_words(day: datetime.date, style: str) -> str:
    """A date as a register prints it."""
    if style == "y-m-d":
        return day.isoformat()
    return day.strftime("%d-%m-%Y" if style == "d-m-y" else "%d/%m/%Y")


def native_status(register: str, status: str) -> str:
    """The register's own word for a status."""
    return _NATIVE_STATUS.get(register, {}).get(status) or _NATIVE_STATUS[""][status]


def rolled_up_status(register: str, status: str) -> str:
    """WHO's own word in the web exports: everything that does not recruit is one."""
    if status in ("RECRUITING", "ENROLLING_BY_INVITATION"):
        return "Authorised" if register in ("EUCTR", "CTIS") else "Recruiting"
    return "Not recruiting" if register == "ClinicalTrials.gov" else "Not Recruiting"


def conditions(registration: Registration, register: str, gap: str) -> str:
    """The conditions, with what the register puts around them."""
    names = registration.conditions
    if register == "CTRI":
        return "".join(f"Health Condition {n}: null- {name}" for n, name in enumerate(names, 1))
    if register == "EUCTR":
        coded = f" {gap}MedDRA version: 21.0{gap}Level: LLT{gap}Term: {names[0]}" if "<br>" in gap else ""
        return f"{'; '.join(names)}{coded};Therapeutic area: Diseases [C] - Fictional chapter"
    if register == "ANZCTR":
        return ";".join(f"{name}; {gap}{name}" for name in names)
    if register == "IRCT":
        return " ".join(f"Condition {n}: {name}." for n, name in enumerate(names, 1))
    if register in ("ReBEC", "PACTR"):
        return f"{';'.join(names)} {gap}{names[0]}"
    return ";".join(names)


def interventions(trial: Trial, register: str, gap: str) -> str:
    """The interventions, numbered and named as the register does."""
    items = trial.interventions
    if register == "ClinicalTrials.gov":
        return ";".join(f"{INTERVENTION_WORDS[item.type]}: {item.name}" for item in items)
    if register in ("EUCTR", "CTIS"):
        blocks = [
            gap.join(
                (
                    "",
                    f"Product Name: {item.name}",
                    "Pharmaceutical Form: Tablet",
                    f"INN or Proposed INN: {item.concept or ''}",
                    "CAS Number: ",
                    "Concentration unit: mg milligram(s)",
                    "",
                )
            )
            for item in items
            if item.name not in ("Placebo", "Usual care")
        ]
        return (gap.join(blocks) or gap).strip("\n")
    if register == "CRIS":
        return " ".join(f"{INTERVENTION_WORDS[item.type]} : {item.description}" for item in items)
    if register == "CTRI":
        rest = "".join(
            f"Control Intervention{n}: {item.name}: {item.description}" for n, item in enumerate(items[1:], 1)
        )
        return f"Intervention1: {items[0].name}: {items[0].description}{gap}{rest}"
    if register == "IRCT":
        return " ".join(
            f"Intervention {n}: {'Control' if n > 1 else 'Intervention'} group: {item.description}."
            for n, item in enumerate(items, 1)
        )
    if register == "DRKS":
        return " ".join(f"Arm {n}: {arm.label}: {arm.description}" for n, arm in enumerate(trial.arms, 1))
    if register == "ChiCTR":
        return "".join(
            f"{arm.label.replace(':', ' ')}:{' + '.join(arm.interventions) or 'none'};" for arm in trial.arms
        )
    return "\n".join(f"{item.name}: {item.description}" for item in items)


def outcomes(pairs: list[tuple[str, str]], register: str, style: str, main: bool) -> str:
    """Primary (main) or secondary outcomes."""
    if register in ("EUCTR", "CTIS"):
        if not main:
            return ";".join(
                f"Secondary end point(s): {measure};Timepoint(s) of evaluation of this end point: {frame}"
                for measure, frame in pairs[:1]
            )
        measures, frames = "\n".join(measure for measure, _ in pairs), "; ".join(frame for _, frame in pairs)
        return f"Main Objective: To evaluate the effect on the primary end point;Secondary Objective: To evaluate safety;Primary end point(s): {measures};Timepoint(s) of evaluation of this end point: {frames}"
    texts = [style.format(m=measure, t=frame) for measure, frame in pairs]
    return ("" if register == "ChiCTR" else ";" if register in _LISTED_OUTCOMES or register == "ANZCTR" else "\n").join(
        texts
    )
