"""What registers upload to WHO, and some give to anybody: one layout of XML, each register in its dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from trialpanorama.sample import mess as messing
from trialpanorama.sample._files import Archive, Output, Text
from trialpanorama.sample._native import Native
from trialpanorama.sample._xml import element, parent
from trialpanorama.sample.dialects import (
    COUNTRY_SPELLINGS,
    DIALECTS,
    conditions,
    date_words,
    interventions,
    native_status,
)
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Registration, Trial

_RESULTS = (
    "results_url_link", "results_summary", "results_date_posted", "results_date_first_publication",
    "results_baseline_char", "results_participant_flow", "results_adverse_events", "results_outcome_measures",
    "results_url_protocol",
)  # fmt: skip
_INTERVENTION_CODES = {
    "DRUG": "Treatment - Drugs", "BIOLOGICAL": "Treatment - Drugs", "DEVICE": "Treatment - Devices",
    "PROCEDURE": "Treatment - Surgery", "BEHAVIORAL": "Behavior",
}  # fmt: skip


def provider_trial(trial: Trial, registration: Registration, tag: str = "trial") -> str:
    """One trial as its register uploads it."""
    register = registration.register
    missing = registration.missing
    maximum = None if "maximum_age" in missing else trial.maximum_age
    least, greatest, none = DIALECTS[register].ages
    inclusion = "\n".join(f"- {line}" for line in trial.inclusion)
    if registration.contact_in_text:
        inclusion += "\n" + registration.contact_in_text
    sex = DIALECTS[register].sexes[("ALL", "FEMALE", "MALE").index(trial.sex)]
    spelling = COUNTRY_SPELLINGS.get(register, {})
    others = [] if "collaborators" in missing else [name for name, _ in trial.collaborators]
    return parent(
        tag,
        _main(trial, registration),
        _contacts(registration),
        _list("countries", "country2", [spelling.get(country, country) for country in registration.countries]),
        parent(
            "criteria",
            element("inclusion_criteria", inclusion),
            element("agemin", least.format(trial.minimum_age) if least and trial.minimum_age else none),
            element("agemax", greatest.format(maximum) if greatest and maximum else none),
            element("gender", sex),
            element("exclusion_criteria", "\n".join(f"- {line}" for line in trial.exclusion)),
        ),
        _list("health_condition_code", "hc_code", []),
        _list("health_condition_keyword", "hc_keyword", [] if register == "ChiCTR" else registration.conditions[:1]),
        _list("intervention_code", "i_code", _codes(trial, register)),
        _list("intervention_keyword", "i_keyword", []),
        _list("primary_outcome", "prim_outcome", _outcomes(trial.primary_outcomes, register)),
        _list(
            "secondary_outcome",
            "sec_outcome",
            [] if "secondary_outcomes" in missing else _outcomes(trial.secondary_outcomes, register),
        ),
        _list("secondary_sponsor", "sponsor_name", others),
        parent(
            "secondary_ids",
            *(
                parent(
                    "secondary_id",
                    element("sec_id", id),
                    element("issuing_authority", kind if kind not in ("ORG", "EXTENSION") else ""),
                )
                for kind, id in registration.secondary_ids
            ),
        ),
        _list("source_support", "source_name", [] if "collaborators" in missing else [registration.sponsor]),
        parent("ethics_reviews", parent("ethics_review", element("status", "Approved"))),
    )


def _main(trial: Trial, registration: Registration) -> str:
    register, missing = registration.register, registration.missing
    dialect = DIALECTS[register]
    over = registration.is_current and registration.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    has_names_as_codes = register == "PACTR"
    return parent(
        "main",
        element("trial_id", registration.id),
        element("utrn"),
        element("reg_name", dialect.source_register),
        element("date_registration", date_words(registration.registered, dialect.date)),
        element("primary_sponsor", registration.sponsor),
        element("public_title", registration.public_title),
        element("acronym", trial.acronym),
        element("scientific_title", "" if "official_title" in missing else registration.scientific_title),
        element("scientific_acronym"),
        element("date_enrolment", date_words(registration.start, dialect.date)),
        element("type_enrolment", "Actual" if registration.start <= SNAPSHOT else "Anticipated"),
        element("target_size", "" if "size" in missing else _size(trial, register)),
        element("recruitment_status", native_status(register, registration.status)),
        element("url", dialect.url.format(registration.id)),
        element("study_type", dialect.study_types[trial.study_type != "INTERVENTIONAL"]),
        element("study_design", dialect.design(trial)),
        element("phase", dialect.phase(trial)),
        element("hc_freetext", _conditions(registration)),
        element("i_freetext", "" if has_names_as_codes else interventions(trial, register, "\n")),
        element("results_actual_enrolment", trial.actual if over and trial.actual is not None else ""),
        element(
            "results_date_completed",
            "" if "completion" in missing else date_words(registration.completion, dialect.date),
        ),
        *map(element, _RESULTS),
        element("results_IPD_plan", "Undecided - It is not yet known if there will be a plan to make this available"),
        element("results_IPD_description"),
    )


def _conditions(registration: Registration) -> str:
    register = registration.register
    return (
        conditions(registration, register, "\n") if register in ("CTRI", "IRCT") else ";".join(registration.conditions)
    )


def _size(trial: Trial, register: str) -> str:
    if register != "ChiCTR":
        return str(trial.planned)
    share, rest = divmod(trial.planned, len(trial.arms))
    labels = [arm.label.replace(":", " ") for arm in trial.arms]
    return "".join(f"{label}:{share + (rest if at == 0 else 0)};" for at, label in enumerate(labels))


def _codes(trial: Trial, register: str) -> list[str]:
    if register == "PACTR":
        return [item.name for item in trial.interventions]
    if register == "IRCT":
        return [_INTERVENTION_CODES.get(item.type, "Treatment - Other") for item in trial.interventions]
    return []


def _outcomes(pairs: list[tuple[str, str]], register: str) -> list[str]:
    return [DIALECTS[register].outcome.format(m=measure, t=frame) for measure, frame in pairs]


def _contacts(registration: Registration) -> str:
    name, email, telephone = registration.contact or ("", "", "")
    if not name:
        return element("contacts")
    return parent(
        "contacts",
        parent(
            "contact",
            element("type", "public"),
            element("firstname"),
            element("middlename"),
            element("lastname", name),
            element("address", "1 Fictional Street"),
            element("city", "Fictionville"),
            element("country1", registration.countries[0] if registration.countries else ""),
            element("zip", "00000"),
            element("telephone", telephone),
            element("email", email),
            element("affiliation", registration.sponsor),
        ),
    )


def _list(group: str, name: str, values: list[str]) -> str:
    return parent(group, *(element(name, value) for value in values or [""]))


# --- what each register does to it


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, Any]]:
    text = provider_trial(trial, registration)
    draw = Random(f"{registration.id}/upload").random
    if registration.register == "CRIS" and draw() < mess.html_leftover:
        text = text.replace("</public_title>", "&#1;</public_title>")
    elif registration.register == "REPEC" and draw() < mess.doubled_entity:
        text = text.replace("&", "&amp;")
    elif registration.register == "TCTR":
        yield registration.id, text.encode("iso-8859-1", "xmlcharrefreplace")
        return
    elif registration.register == "IRCT":
        if draw() < mess.trailing_blanks:
            text = text.replace("</scientific_title>", f"{' ' * 200}</scientific_title>")
        yield registration.id, (f"{registration.id}.xml", f"{_DECLARATION}<trials>\n{text}</trials>\n")
        return
    elif draw() < mess.html_leftover:
        text = _with_breaks(text)
    yield registration.id, text


def _with_breaks(text: str) -> str:
    """The criteria with the line ends of a web page."""
    before, opening, rest = text.partition("<exclusion_criteria>")
    inside, closing, after = rest.partition("</exclusion_criteria>")
    broken = messing.with_html(inside).replace("&", "&amp;").replace("<", "&lt;")
    return before + opening + broken + closing + after


_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _one_file(path: Path, format: str, head: str = f"{_DECLARATION}<trials>\n", tail: str = "</trials>\n") -> Output:
    return Text(path, format, head, "", tail)


def _native(
    register: str, source: str, file: str, open: Callable[[Path, str], Output], share: int = 100, alone: int = 0
) -> Native:
    """Most of these registers have one or two trials in a window, so that all are written, and in the exports too."""
    path = f"registries/{source}/{file}"
    return Native(register, source, f"{source}-provider-xml", path, open, _entries, share, alone)


NATIVES = (
    _native("CRIS", "cris", "cris_{:03d}.xml", _one_file),
    _native("IRCT", "irct", "irct_{:03d}.zip", Archive, 60, 50),
    _native(
        "ReBEC",
        "rebec",
        "RBR-ictrp-ALL_{:03d}.xml",
        partial(_one_file, head=f"{_DECLARATION}<rebec>\n<trials>\n", tail="</trials>\n</rebec>\n"),
        share=50,
    ),
    _native("REPEC", "repec", "GenerarXMLALL_{:03d}.xml", _one_file),
    _native(
        "TCTR",
        "tctr",
        "tctr_{:03d}.xml",
        partial(_one_file, head='<?xml version="1.0" encoding="ISO-8859-1"?>\n<trials>\n'),
    ),
    _native("RPCEC", "rpcec", "rpcec_{:03d}.xml", _one_file),
    _native("CTRI", "ctri", "ctri_{:03d}.xml", _one_file, 60, 50),
    _native("jRCT", "jrct", "jrct_{:03d}.xml", _one_file),
    _native("NL-OMON", "nl_omon", "nl_omon_{:03d}.xml", _one_file),
    _native("PACTR", "pactr", "pactr_{:03d}.xml", _one_file),
    _native("SLCTR", "slctr", "slctr_{:03d}.xml", _one_file),
    _native("LBCTR", "lbctr", "lbctr_{:03d}.xml", _one_file),
)
