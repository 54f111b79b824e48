"""ClinicalTrials.gov's formats: API v2 JSON and CSV, the old v1 JSON, and the legacy XML.

A study is built once, as the v2 document; the other formats are drawn from that document, as the register does.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from trialpanorama.sample.lexicon import AREAS, CITIES
from trialpanorama.sample.model import KEYWORD, SNAPSHOT, Registration, Trial

Study = dict[str, Any]

CSV_COLUMNS = (
    "NCT Number", "Study Title", "Study URL", "Acronym", "Study Status", "Brief Summary", "Study Results", "Conditions",
    "Interventions", "Primary Outcome Measures", "Secondary Outcome Measures", "Other Outcome Measures", "Sponsor",
    "Collaborators", "Sex", "Age", "Phases", "Enrollment", "Funder Type", "Study Type", "Study Design", "Other IDs",
    "Start Date", "Primary Completion Date", "Completion Date", "First Posted", "Results First Posted",
    "Last Update Posted", "Locations", "Study Documents",
)  # fmt: skip

_ID_TYPES = {"EUCTR": ("EUDRACT_NUMBER", ""), "CTIS": ("CTIS", ""), "ORG": ("OTHER", "Fictional sponsor")}
_ROLES = ("PRINCIPAL_INVESTIGATOR", "STUDY_DIRECTOR", "STUDY_CHAIR")


def study(trial: Trial, registration: Registration) -> Study:
    """The API v2 document of a registration."""
    rng = Random(registration.id)
    draw = rng.random
    missing = registration.missing
    over = registration.status in ("COMPLETED", "TERMINATED", "WITHDRAWN", "NO_LONGER_AVAILABLE")
    interventional = trial.study_type == "INTERVENTIONAL"
    by_month = trial.start.year < 2017 and draw() < 0.45

    identification: Study = {
        "nctId": registration.id,
        "orgStudyIdInfo": {"id": trial.protocol_code},
        "organization": {"fullName": registration.sponsor, "class": trial.sponsor_class},
        "briefTitle": registration.public_title,
    }
    secondary = [_secondary_id(rng, kind, id) for kind, id in registration.secondary_ids]
    if secondary:
        identification["secondaryIdInfos"] = secondary
    if "official_title" not in missing:
        identification["officialTitle"] = registration.scientific_title
    if trial.acronym:
        identification["acronym"] = trial.acronym

    status: Study = {
        "statusVerifiedDate": registration.updated.isoformat()[:7],
        "overallStatus": registration.status,
        "expandedAccessInfo": {"hasExpandedAccess": False},
        "startDateStruct": _dated(registration.start, by_month, registration.start <= SNAPSHOT, "start" if by_month else ""),
    }
    if registration.status == "UNKNOWN":
        status["lastKnownStatus"] = "RECRUITING"
    if registration.is_current and trial.why_stopped:
        status["whyStopped"] = trial.why_stopped
    if "completion" not in missing and trial.study_type != "EXPANDED_ACCESS":
        status["primaryCompletionDateStruct"] = _dated(registration.primary_completion, by_month, over)
        status["completionDateStruct"] = _dated(registration.completion, by_month, over)
    posted = registration.registered + datetime.timedelta(days=int(draw() * 6))
    when = "ACTUAL" if registration.registered.year >= 2017 else "ESTIMATED"
    status |= {
        "studyFirstSubmitDate": registration.registered.isoformat(),
        "studyFirstSubmitQcDate": registration.registered.isoformat(),
        "studyFirstPostDateStruct": {"date": posted.isoformat(), "type": when},
        "lastUpdateSubmitDate": registration.updated.isoformat(),
        "lastUpdatePostDateStruct": {"date": registration.updated.isoformat(), "type": "ACTUAL"},
    }
    with_results = trial.has_results and registration.is_current and bool(trial.actual)
    if with_results:
        day = min(registration.completion + datetime.timedelta(days=200 + int(draw() * 400)), SNAPSHOT)
        status["resultsFirstSubmitDate"] = status["resultsFirstSubmitQcDate"] = day.isoformat()
        status["resultsFirstPostDateStruct"] = {"date": day.isoformat(), "type": "ACTUAL"}

    sponsors: Study = {"leadSponsor": {"name": registration.sponsor, "class": trial.sponsor_class}}
    if trial.collaborators and "collaborators" not in missing:
        sponsors["collaborators"] = [{"name": name, "class": kind} for name, kind in trial.collaborators]
    if trial.sponsor_class == "INDUSTRY" or draw() < 0.4:
        sponsors["responsibleParty"] = {"type": "SPONSOR"}
    else:
        sponsors["responsibleParty"] = {
            "type": "PRINCIPAL_INVESTIGATOR",
            "investigatorFullName": f"Fictional Investigator {rng.randint(1, 999)}",
            "investigatorTitle": "Professor",
            "investigatorAffiliation": registration.sponsor,
        }

    summary = trial.summary
    if registration.contact_in_text and draw() < 0.5:
        summary += " " + registration.contact_in_text
    description: Study = {"briefSummary": _marked(summary)}
    if trial.description and "detailed_description" not in missing:
        text = trial.description
        if registration.contact_in_text and summary == trial.summary:
            text += "\n\n" + registration.contact_in_text
        description["detailedDescription"] = _marked(text)
    elif registration.contact_in_text and summary == trial.summary:
        description["briefSummary"] = _marked(summary + " " + registration.contact_in_text)

    design: Study = {"studyType": trial.study_type}
    if interventional:
        design["phases"] = list(trial.phases)
        info: Study = {}
        if trial.allocation and "allocation" not in missing:
            info["allocation"] = trial.allocation
        info["interventionModel"] = trial.model
        if "purpose" not in missing:
            info["primaryPurpose"] = trial.purpose
        if "masking" not in missing:
            info["maskingInfo"] = {"masking": trial.masking} | ({"whoMasked": list(trial.who_masked)} if trial.who_masked else {})
        design["designInfo"] = info
    elif trial.study_type == "OBSERVATIONAL":
        design["patientRegistry"] = draw() < 0.15
        design["designInfo"] = {
            "observationalModel": ("COHORT", "COHORT", "CASE_CONTROL", "CASE_ONLY", "OTHER")[int(draw() * 5)],
            "timePerspective": ("PROSPECTIVE", "PROSPECTIVE", "RETROSPECTIVE", "CROSS_SECTIONAL")[int(draw() * 4)],
        }
    if trial.study_type != "EXPANDED_ACCESS" and "size" not in missing:
        count = trial.actual if over else trial.planned
        design["enrollmentInfo"] = {"count": count, "type": "ACTUAL" if over else "ESTIMATED"}

    groups = [
        {"label": arm.label}
        | ({"type": arm.type} if interventional else {})
        | ({} if "arm_descriptions" in missing else {"description": arm.description})
        | ({"interventionNames": [_typed(trial, name) for name in arm.interventions]} if arm.interventions else {})
        for arm in trial.arms
    ]
    given = [
        {"type": item.type, "name": item.name, "description": item.description, "armGroupLabels": item.arms}
        | ({"otherNames": item.other_names} if item.other_names else {})
        for item in trial.interventions
    ]
    arms: Study = {"armGroups": groups, "interventions": given}
    if trial.study_type == "EXPANDED_ACCESS":
        arms = {"interventions": [{key: value for key, value in item.items() if key != "armGroupLabels"} for item in given]}

    protocol: Study = {
        "identificationModule": identification,
        "statusModule": status,
        "sponsorCollaboratorsModule": sponsors,
        "oversightModule": {"oversightHasDmc": trial.has_dmc, "isFdaRegulatedDrug": trial.start.year > 2016 and draw() < 0.4, "isFdaRegulatedDevice": False},
        "descriptionModule": description,
        "conditionsModule": {"conditions": registration.conditions, "keywords": [KEYWORD, *trial.condition.mentions[: int(draw() * 3)]]},
        "designModule": design,
        "armsInterventionsModule": arms,
    }
    if trial.primary_outcomes:
        outcomes: Study = {"primaryOutcomes": [{"measure": measure, "timeFrame": frame} for measure, frame in trial.primary_outcomes]}
        if draw() < 0.6:
            outcomes["primaryOutcomes"][0]["description"] = f"{trial.primary_outcomes[0][0]}, assessed by staff who do not know the assigned group"
        if trial.secondary_outcomes and "secondary_outcomes" not in missing:
            outcomes["secondaryOutcomes"] = [{"measure": measure, "timeFrame": frame} for measure, frame in trial.secondary_outcomes]
        protocol["outcomesModule"] = outcomes
    protocol["eligibilityModule"] = _eligibility(trial, registration)
    sites = _sites(rng, trial, registration)
    if sites:
        protocol["contactsLocationsModule"] = sites
    references = [
        {"pmid": paper.pmid, "type": _reference_type(paper.kind, bool(paper.databank_ids), draw()), "citation": f"Fictional A, Fictional B. {trial.brief_title}. J Fict Trials. {paper.published.year}."}
        for paper in trial.papers
        if paper.databank_ids or draw() < 0.4
    ]
    if references:
        protocol["referencesModule"] = {"references": references}
    if draw() < 0.36:
        protocol["ipdSharingStatementModule"] = {"ipdSharing": ("NO", "NO", "UNDECIDED", "YES")[int(draw() * 4)]}

    meshes = [item for item in (trial.condition, trial.second_condition) if item]
    document: Study = {"protocolSection": protocol}
    if with_results:
        document["resultsSection"] = _results(trial)
    document["derivedSection"] = {
        "miscInfoModule": {"versionHolder": SNAPSHOT.isoformat()},
        "conditionBrowseModule": {"meshes": [{"id": f"D{int(item.mesh[1:]):09d}", "term": item.heading} for item in meshes]},
    }
    document["hasResults"] = with_results
    return document


def _marked(text: str) -> str:
    """Text as the API gives it, with the signs escaped that Markdown would take for its own."""
    return text.replace("^", "\\^").replace("<", "\\<").replace(">", "\\>")


def _plain(text: str) -> str:
    return text.replace("\\^", "^").replace("\\<", "<").replace("\\>", ">")


def _dated(day: datetime.date, by_month: bool, happened: bool, untyped: str = "") -> Study:
    date = day.isoformat()
    struct: Study = {"date": date[:7] if by_month else date}
    if not untyped:  # start dates of old studies have no type
        struct["type"] = "ACTUAL" if happened else "ESTIMATED"
    return struct


def _secondary_id(rng: Random, kind: str, id: str) -> Study:
    type, domain = _ID_TYPES.get(kind, ("REGISTRY", kind))
    if kind == "EXTENSION":
        type, domain = "OTHER", "Parent study"
    elif kind == "EUCTR" and rng.random() < 0.35:
        return {"id": id, "type": "REGISTRY", "domain": "EudraCT"} if rng.random() < 0.5 else {"id": f"EudraCT {id}"}
    return {"id": id, "type": type} | ({"domain": domain} if domain else {})


def _typed(trial: Trial, name: str) -> str:
    kind = next(item.type for item in trial.interventions if item.name == name)
    return f"{_INTERVENTION_WORDS[kind]}: {name}"


def _reference_type(kind: str, in_databank: bool, draw: float) -> str:
    if kind == "results" and draw < 0.4:
        return "RESULT"
    return "DERIVED" if in_databank else "BACKGROUND"


def criteria(trial: Trial) -> str:
    """Inclusion and exclusion criteria as one text, as this register keeps them."""
    return (
        "Inclusion Criteria:\n\n" + "\n".join(f"* {line}" for line in trial.inclusion)
        + "\n\nExclusion Criteria:\n\n" + "\n".join(f"* {line}" for line in trial.exclusion)
    )  # fmt: skip


def _eligibility(trial: Trial, registration: Registration) -> Study:
    module: Study = {"eligibilityCriteria": _marked(criteria(trial)), "healthyVolunteers": trial.healthy, "sex": trial.sex}
    low, high = trial.minimum_age, None if "maximum_age" in registration.missing else trial.maximum_age
    if low:
        module["minimumAge"] = f"{low} Years"
    if high:
        module["maximumAge"] = f"{high} Years"
    bands = (("CHILD", (low or 0) < 18), ("ADULT", (high or 999) >= 18 and (low or 0) < 65), ("OLDER_ADULT", (high or 999) >= 65))
    module["stdAges"] = [band for band, is_in in bands if is_in]
    if trial.study_type == "OBSERVATIONAL":
        module["studyPopulation"] = "Patients of the participating centres."
        module["samplingMethod"] = "NON_PROBABILITY_SAMPLE"
    return module


def _sites(rng: Random, trial: Trial, registration: Registration) -> Study:
    module: Study = {}
    contact = registration.contact
    if contact:
        module["centralContacts"] = [{"name": contact[0], "role": "CONTACT", "phone": contact[2], "email": contact[1]}]
    if rng.random() < 0.8:
        module["overallOfficials"] = [
            {"name": f"Fictional Investigator {rng.randint(1, 999)}", "affiliation": registration.sponsor, "role": _ROLES[int(rng.random() ** 2 * 3)]}
        ]
    if "locations" in registration.missing or trial.study_type == "EXPANDED_ACCESS":
        return module
    recruiting = registration.status in ("RECRUITING", "NOT_YET_RECRUITING")
    locations: list[Study] = []
    for number, site in enumerate(trial.sites):
        city, state, code, country, latitude, longitude = CITIES[site]
        place: Study = {"facility": f"Fictional Hospital {number + 1} of {city}" if number else f"Fictional Hospital of {city}"}
        if recruiting:
            place["status"] = registration.status
        place["city"] = city
        if state:
            place["state"] = state
        if code:
            place["zip"] = code
        place["country"] = country
        if recruiting and contact and number == 0:
            place["contacts"] = [{"name": contact[0], "role": "CONTACT", "phone": contact[2], "email": contact[1]}]
        place["geoPoint"] = {"lat": latitude, "lon": longitude}
        locations.append(place)
    if locations:
        module["locations"] = locations
    return module


# --- posted results


def _results(trial: Trial) -> Study:
    rng = Random(f"{trial.registrations[0].id}/results")
    assert trial.actual  # only studies with participants post results
    arms = trial.arms if trial.actual >= len(trial.arms) else trial.arms[:1]
    sizes = [trial.actual // len(arms) + (1 if at < trial.actual % len(arms) else 0) for at in range(len(arms))]
    finished = [max(0, size - int(size * rng.random() * 0.3)) for size in sizes]
    titles = [{"title": arm.label, "description": arm.description} for arm in arms]

    def groups(prefix: str) -> list[Study]:
        return [{"id": f"{prefix}{at:03d}"} | title for at, title in enumerate(titles)]

    def per_group(prefix: str, key: str, values: Iterable[object]) -> list[Study]:
        return [{"groupId": f"{prefix}{at:03d}", key: str(value)} for at, value in enumerate(values)]

    lost = [size - done for size, done in zip(sizes, finished, strict=True)]
    adverse = [int(one * rng.random() * 0.6) for one in lost]
    flow: Study = {
        "groups": groups("FG"),
        "periods": [
            {
                "title": "Overall Study",
                "milestones": [
                    {"type": "STARTED", "achievements": per_group("FG", "numSubjects", sizes)},
                    {"type": "COMPLETED", "achievements": per_group("FG", "numSubjects", finished)},
                    {"type": "NOT COMPLETED", "achievements": per_group("FG", "numSubjects", lost)},
                ],
            }
        ],
    }
    if sum(lost):
        flow["periods"][0]["dropWithdraws"] = [
            {"type": "Adverse Event", "reasons": per_group("FG", "numSubjects", adverse)},
            {"type": "Lost to Follow-up", "reasons": per_group("FG", "numSubjects", (a - b for a, b in zip(lost, adverse, strict=True)))},
        ]
    women = [size if trial.sex == "FEMALE" else 0 if trial.sex == "MALE" else int(size * (0.3 + 0.4 * rng.random())) for size in sizes]
    age = (trial.minimum_age or 8) + 8 + 30 * rng.random()
    baseline: Study = {
        "groups": groups("BG"),
        "denoms": [{"units": "Participants", "counts": per_group("BG", "value", sizes)}],
        "measures": [
            {
                "title": "Age, Continuous",
                "paramType": "MEAN",
                "dispersionType": "STANDARD_DEVIATION",
                "unitOfMeasure": "years",
                "classes": [{"categories": [{"measurements": [m | {"spread": f"{8 + 4 * rng.random():.1f}"} for m in per_group("BG", "value", (f"{age + rng.gauss(0, 1):.1f}" for _ in arms))]}]}],
            },
            {
                "title": "Sex: Female, Male",
                "paramType": "COUNT_OF_PARTICIPANTS",
                "unitOfMeasure": "Participants",
                "classes": [
                    {
                        "categories": [
                            {"title": "Female", "measurements": per_group("BG", "value", women)},
                            {"title": "Male", "measurements": per_group("BG", "value", (s - w for s, w in zip(sizes, women, strict=True)))},
                        ]
                    }
                ],
            },
        ],
    }
    measures = [_outcome(rng, trial, "PRIMARY", measure, frame, groups("OG"), finished, per_group) for measure, frame in trial.primary_outcomes]
    measures += [_outcome(rng, trial, "SECONDARY", measure, frame, groups("OG"), finished, per_group) for measure, frame in trial.secondary_outcomes]
    section: Study = {"participantFlowModule": flow, "baselineCharacteristicsModule": baseline}
    if measures:
        section["outcomeMeasuresModule"] = {"outcomeMeasures": measures}
    section["adverseEventsModule"] = _adverse_events(rng, trial, groups("EG"), sizes)
    section["moreInfoModule"] = {
        "certainAgreement": {"piSponsorEmployee": trial.sponsor_class == "INDUSTRY", "restrictiveAgreement": False},
        "pointOfContact": {"title": "Fictional Study Director", "organization": trial.sponsor, "email": "results@example.org", "phone": "+1 202 555 0100"},
    }
    return section


def _outcome(
    rng: Random, trial: Trial, type: str, measure: str, frame: str, groups: list[Study], sizes: list[int], per_group: Any
) -> Study:
    outcome: Study = {
        "type": type,
        "title": measure,
        "populationDescription": "All participants with a value after baseline",
        "reportingStatus": "POSTED",
        "timeFrame": frame,
        "groups": groups,
        "denoms": [{"units": "Participants", "counts": per_group("OG", "value", sizes)}],
    }
    if rng.random() < 0.05:
        return outcome | {"reportingStatus": "NOT_POSTED", "groups": [], "denoms": []}
    lower = measure.lower()
    shifts = [trial.effect if at < len(sizes) - 1 or len(sizes) == 1 else 0.0 for at in range(len(sizes))]
    if "survival" in lower or "time to" in lower or "duration" in lower:
        kind, parameter, unit = "time", "MEDIAN", "months" if "survival" in lower else "days"
        values = [max(0.5, 12 * math.exp(0.5 * shift + rng.gauss(0, 0.15))) for shift in shifts]
        rows = [m | {"lowerLimit": f"{v * 0.8:.1f}", "upperLimit": "NA" if rng.random() < 0.2 else f"{v * 1.3:.1f}"} for m, v in zip(per_group("OG", "value", (f"{v:.1f}" for v in values)), values, strict=True)]
        outcome |= {"paramType": parameter, "dispersionType": "95% Confidence Interval", "unitOfMeasure": unit}
    elif any(word in lower for word in ("number of participants", "response", "remission", "rate", "percentage of", "proportion", "abstinence", "conversion")):
        kind = "share"
        shares = [min(0.97, max(0.02, 0.35 + 0.2 * shift + rng.gauss(0, 0.05))) for shift in shifts]
        rows = per_group("OG", "value", (round(size * share) for size, share in zip(sizes, shares, strict=True)))
        outcome |= {"paramType": "COUNT_OF_PARTICIPANTS", "unitOfMeasure": "Participants"}
    else:
        kind = "mean"
        values = [-1.0 - shift + rng.gauss(0, 0.1) for shift in shifts]
        rows = [m | {"spread": f"{1 + 0.3 * rng.random():.2f}"} for m in per_group("OG", "value", (f"{v:.2f}" for v in values))]
        outcome |= {"paramType": "MEAN", "dispersionType": "Standard Deviation", "unitOfMeasure": "units on a scale"}
    outcome["classes"] = [{"categories": [{"measurements": rows}]}]
    if len(sizes) > 1 and trial.allocation == "RANDOMIZED" and rng.random() < 0.75:
        outcome["analyses"] = [_analysis(rng, trial, kind, sizes)]
    return outcome


def _analysis(rng: Random, trial: Trial, kind: str, sizes: list[int]) -> Study:
    error = 2 / math.sqrt(max(4, sum(sizes)))
    estimate = trial.effect + rng.gauss(0, error)
    p = math.erfc(abs(estimate / error) / math.sqrt(2))
    low, high = estimate - 1.96 * error, estimate + 1.96 * error
    method, parameter = {"time": ("Log Rank", "Hazard Ratio (HR)"), "share": ("Fisher Exact", "Odds Ratio (OR)"), "mean": ("ANCOVA", "Mean Difference (Final Values)")}[kind]
    if kind == "time":
        estimate, low, high = (math.exp(-value) for value in (estimate, high, low))
    elif kind == "share":
        estimate, low, high = (math.exp(value) for value in (estimate, low, high))
    return {
        "groupIds": ["OG000", f"OG{len(sizes) - 1:03d}"],
        "nonInferiorityType": "SUPERIORITY",
        "pValue": "<0.001" if p < 0.001 else f"{'= ' if rng.random() < 0.1 else ''}{p:.3f}",
        "statisticalMethod": method,
        "paramType": parameter,
        "paramValue": f"{estimate:.2f}",
        "ciPctValue": "95",
        "ciNumSides": "TWO_SIDED",
        "ciLowerLimit": f"{low:.2f}",
        "ciUpperLimit": f"{high:.2f}",
    }


def _adverse_events(rng: Random, trial: Trial, groups: list[Study], sizes: list[int]) -> Study:
    terms = AREAS[trial.condition.area].events

    def events(share: float, some: Iterable[tuple[str, str]]) -> list[Study]:
        listed: list[Study] = []
        for term, system in some:
            stats: list[Study] = []
            for at, size in enumerate(sizes):
                affected = int(size * share * rng.random())
                stats.append({"groupId": f"EG{at:03d}", "numEvents": affected + int(affected * rng.random()), "numAffected": affected, "numAtRisk": size})
            listed.append({"term": term, "organSystem": system, "sourceVocabulary": "MedDRA (26.0)", "assessmentType": "SYSTEMATIC_ASSESSMENT", "stats": stats})
        return listed

    serious = events(0.08, terms[:2]) if rng.random() < 0.6 else []
    other = events(0.35, terms)
    module: Study = {"frequencyThreshold": "5", "timeFrame": "From the first dose to 30 days after the last dose"}
    module["eventGroups"] = [
        group
        | {
            "deathsNumAffected": int(size * 0.03 * rng.random()),
            "deathsNumAtRisk": size,
            "seriousNumAffected": min(size, sum(event["stats"][at]["numAffected"] for event in serious)),
            "seriousNumAtRisk": size,
            "otherNumAffected": min(size, sum(event["stats"][at]["numAffected"] for event in other)),
            "otherNumAtRisk": size,
        }
        for at, (group, size) in enumerate(zip(groups, sizes, strict=True))
    ]
    if serious:
        module["seriousEvents"] = serious
    module["otherEvents"] = other
    return module


# --- API v2 CSV


def csv_row(document: Study) -> list[str]:
    """The row of a study in the API's CSV, in the order of CSV_COLUMNS."""
    protocol = document["protocolSection"]
    identification, status, design = protocol["identificationModule"], protocol["statusModule"], protocol["designModule"]
    sponsors, outcomes = protocol["sponsorCollaboratorsModule"], protocol.get("outcomesModule", {})
    eligibility = protocol["eligibilityModule"]
    info = design.get("designInfo", {})
    if design["studyType"] == "INTERVENTIONAL":
        masking = info.get("maskingInfo", {})
        who = f" ({', '.join(masking['whoMasked'])})" if masking.get("whoMasked") else ""
        study_design = (
            f"Allocation: {info.get('allocation', 'NA')}|Intervention Model: {info.get('interventionModel', '')}|"
            f"Masking: {masking.get('masking', '')}{who}|Primary Purpose: {info.get('primaryPurpose', '')}"
        )
    elif design["studyType"] == "OBSERVATIONAL":
        study_design = "Observational Model: |Time Perspective: p"  # as the register prints it, values and all
    else:
        study_design = ""

    def measures(key: str) -> str:
        return "|".join(", ".join(item[part] for part in ("measure", "description", "timeFrame") if part in item) for item in outcomes.get(key, ()))

    def date(key: str) -> str:
        return str(status.get(key, {}).get("date", ""))

    places = protocol.get("contactsLocationsModule", {}).get("locations", ())
    return [
        identification["nctId"],
        identification["briefTitle"],
        f"https://clinicaltrials.gov/study/{identification['nctId']}",
        identification.get("acronym", ""),
        status["overallStatus"],
        protocol["descriptionModule"]["briefSummary"],
        "YES" if document["hasResults"] else "NO",
        "|".join(protocol["conditionsModule"]["conditions"]),
        "|".join(f"{item['type']}: {item['name']}" for item in protocol["armsInterventionsModule"]["interventions"]),
        measures("primaryOutcomes"),
        measures("secondaryOutcomes"),
        "",
        sponsors["leadSponsor"]["name"],
        "|".join(item["name"] for item in sponsors.get("collaborators", ())),
        eligibility["sex"],
        ", ".join(eligibility["stdAges"]),
        "|".join(design.get("phases", ())),
        str(design["enrollmentInfo"]["count"]) if "enrollmentInfo" in design else "",
        sponsors["leadSponsor"]["class"],
        design["studyType"],
        study_design,
        "|".join([identification["orgStudyIdInfo"]["id"], *(item["id"] for item in identification.get("secondaryIdInfos", ()))]),
        date("startDateStruct"),
        date("primaryCompletionDateStruct"),
        date("completionDateStruct"),
        date("studyFirstPostDateStruct"),
        date("resultsFirstPostDateStruct"),
        date("lastUpdatePostDateStruct"),
        "|".join(", ".join([place["facility"], place["city"], *([place["state"]] if "state" in place else []), *([place["zip"]] if "zip" in place else []), place["country"]]) for place in places),
        "",
    ]


# --- words of the formats before the API v2

_INTERVENTION_WORDS = {
    "DRUG": "Drug", "BIOLOGICAL": "Biological", "DEVICE": "Device", "PROCEDURE": "Procedure", "RADIATION": "Radiation",
    "BEHAVIORAL": "Behavioral", "GENETIC": "Genetic", "DIETARY_SUPPLEMENT": "Dietary Supplement",
    "DIAGNOSTIC_TEST": "Diagnostic Test", "OTHER": "Other",
}  # fmt: skip
_STATUS_WORDS = {
    "NOT_YET_RECRUITING": "Not yet recruiting", "RECRUITING": "Recruiting", "ENROLLING_BY_INVITATION": "Enrolling by invitation",
    "ACTIVE_NOT_RECRUITING": "Active, not recruiting", "SUSPENDED": "Suspended", "TERMINATED": "Terminated",
    "COMPLETED": "Completed", "WITHDRAWN": "Withdrawn", "UNKNOWN": "Unknown status", "AVAILABLE": "Available",
    "NO_LONGER_AVAILABLE": "No longer available",
}  # fmt: skip
_PHASE_WORDS = {"EARLY_PHASE1": "Early Phase 1", "PHASE1": "Phase 1", "PHASE2": "Phase 2", "PHASE3": "Phase 3", "PHASE4": "Phase 4", "NA": "N/A"}
_PHASE_PAIRS = {("PHASE1", "PHASE2"): "Phase 1/Phase 2", ("PHASE2", "PHASE3"): "Phase 2/Phase 3"}
_CLASS_WORDS = {"NIH": "NIH", "FED": "U.S. Fed", "INDUSTRY": "Industry"}
_MODEL_WORDS = {
    "SINGLE_GROUP": "Single Group Assignment", "PARALLEL": "Parallel Assignment", "CROSSOVER": "Crossover Assignment",
    "FACTORIAL": "Factorial Assignment", "SEQUENTIAL": "Sequential Assignment",
}  # fmt: skip
_ALLOCATION_WORDS = {"RANDOMIZED": "Randomized", "NON_RANDOMIZED": "Non-Randomized", "NA": "N/A"}
_OBSERVATION_WORDS = {"CASE_CONTROL": "Case-Control", "CASE_ONLY": "Case-Only", "CROSS_SECTIONAL": "Cross-Sectional"}
_NON_INFERIORITY_WORDS = {"SUPERIORITY": "Superiority"}


def _words(token: str) -> str:
    """A token in words: STUDY_CHAIR is Study Chair."""
    return token.replace("_", " ").title()


def _masking_words(info: Study) -> str:
    if info["masking"] == "NONE":
        return "None (Open Label)"
    who = ", ".join(_words(role) for role in info.get("whoMasked", ())).replace("Outcomes Assessor", "Outcomes Assessor")
    return _words(info["masking"]) + (f" ({who})" if who else "")


def phase_words(phases: tuple[str, ...] | list[str]) -> str:
    """Phase 1/Phase 2 and the like."""
    return _PHASE_PAIRS.get(tuple(phases)) or _PHASE_WORDS[phases[0]]


def design_sentence(trial: Trial) -> str:
    """The design as this register's rows in ICTRP tell it."""
    if trial.study_type != "INTERVENTIONAL":
        return ""
    parts = [f"Allocation: {_ALLOCATION_WORDS[trial.allocation]}. "] if trial.allocation and trial.allocation != "NA" else []
    parts.append(f"Intervention model: {_MODEL_WORDS[trial.model or 'PARALLEL']}. ")
    parts.append(f"Primary purpose: {_words(trial.purpose or 'TREATMENT').replace('Diagnostic', 'Diagnostic')}. ")
    parts.append(f"Masking: {_masking_words({'masking': trial.masking, 'whoMasked': trial.who_masked})}. ")
    return "".join(parts)


def long_date(iso: str) -> str:
    """2019-05-31 is May 31, 2019; 2019-05 is May 2019."""
    if len(iso) == 7:
        return datetime.date.fromisoformat(iso + "-01").strftime("%B %Y")
    day = datetime.date.fromisoformat(iso)
    return f"{day.strftime('%B')} {day.day}, {day.year}"


# --- legacy XML

_XML_DATE_TYPE = {"ACTUAL": "Actual", "ESTIMATED": "Anticipated"}


def _tag(name: str, text: object, indent: str = "  ", attributes: str = "") -> str:
    return f"{indent}<{name}{attributes}>{escape(str(text))}</{name}>\n"


def _textblock(name: str, text: str, indent: str = "  ") -> str:
    """A long text, wrapped and indented by hand as the old exports have it."""
    lines: list[str] = []
    for paragraph in _plain(text).split("\n"):
        bullet = paragraph.startswith("* ")
        line, prefix, hang = "", indent + ("      -  " if bullet else "    "), indent + ("         " if bullet else "    ")
        if not paragraph:
            lines.append("")
            continue
        for word in paragraph[2 * bullet :].split(" "):
            if line and len(prefix) + len(line) + len(word) > 98:
                lines.append(prefix + line)
                prefix, line = hang, word
            else:
                line = f"{line} {word}" if line else word
        lines.append(prefix + line)
    body = escape("\n".join(lines))
    return f"{indent}<{name}>\n{indent}  <textblock>\n{body}\n{indent}  </textblock>\n{indent}</{name}>\n"


def xml(document: Study) -> str:
    """The study as legacy XML."""
    return "".join(_xml(document))


def _xml(document: Study) -> Iterator[str]:
    protocol = document["protocolSection"]
    identification, status, design = protocol["identificationModule"], protocol["statusModule"], protocol["designModule"]
    sponsors, eligibility = protocol["sponsorCollaboratorsModule"], protocol["eligibilityModule"]
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<clinical_study>\n'
    yield "  <!-- This xml conforms to an XML Schema at:\n    https://clinicaltrials.gov/ct2/html/images/info/public.xsd -->\n"
    yield f"  <required_header>\n    <download_date>ClinicalTrials.gov processed this data on {long_date(SNAPSHOT.isoformat())}</download_date>\n"
    yield "    <link_text>Link to the current ClinicalTrials.gov record.</link_text>\n"
    yield f"    <url>https://clinicaltrials.gov/show/{identification['nctId']}</url>\n  </required_header>\n  <id_info>\n"
    yield _tag("org_study_id", identification["orgStudyIdInfo"]["id"], "    ")
    for item in identification.get("secondaryIdInfos", ()):
        yield _tag("secondary_id", item["id"], "    ")
    yield _tag("nct_id", identification["nctId"], "    ") + "  </id_info>\n"
    yield _tag("brief_title", identification["briefTitle"])
    if "acronym" in identification:
        yield _tag("acronym", identification["acronym"])
    if "officialTitle" in identification:
        yield _tag("official_title", identification["officialTitle"])
    yield "  <sponsors>\n"
    for role, sponsor in (("lead_sponsor", sponsors["leadSponsor"]), *(("collaborator", item) for item in sponsors.get("collaborators", ()))):
        kind = _CLASS_WORDS.get(sponsor["class"], "Other")
        yield f"    <{role}>\n{_tag('agency', sponsor['name'], '      ')}{_tag('agency_class', kind, '      ')}    </{role}>\n"
    yield "  </sponsors>\n" + _tag("source", identification["organization"]["fullName"])
    oversight = protocol["oversightModule"]
    yield "  <oversight_info>\n"
    for name, key in (("has_dmc", "oversightHasDmc"), ("is_fda_regulated_drug", "isFdaRegulatedDrug"), ("is_fda_regulated_device", "isFdaRegulatedDevice")):
        yield _tag(name, "Yes" if oversight[key] else "No", "    ")
    yield "  </oversight_info>\n"
    yield _textblock("brief_summary", protocol["descriptionModule"]["briefSummary"])
    if "detailedDescription" in protocol["descriptionModule"]:
        yield _textblock("detailed_description", protocol["descriptionModule"]["detailedDescription"])
    yield _tag("overall_status", _STATUS_WORDS[status["overallStatus"]])
    if "lastKnownStatus" in status:
        yield _tag("last_known_status", _STATUS_WORDS[status["lastKnownStatus"]])
    if "whyStopped" in status:
        yield _tag("why_stopped", status["whyStopped"])
    for name, key in (("start_date", "startDateStruct"), ("completion_date", "completionDateStruct"), ("primary_completion_date", "primaryCompletionDateStruct")):
        if key in status:
            struct = status[key]
            type = f' type="{_XML_DATE_TYPE[struct["type"]]}"' if "type" in struct else ""
            yield _tag(name, long_date(struct["date"]), "  ", type)
    if design["studyType"] == "INTERVENTIONAL":
        yield _tag("phase", phase_words(design["phases"]))
    elif design["studyType"] == "OBSERVATIONAL":
        yield _tag("phase", "N/A")
    yield _tag("study_type", "Observational [Patient Registry]" if design.get("patientRegistry") else _words(design["studyType"]))
    yield _tag("has_expanded_access", "No")
    yield from _xml_design(design)
    outcomes = protocol.get("outcomesModule", {})
    for name, key in (("primary_outcome", "primaryOutcomes"), ("secondary_outcome", "secondaryOutcomes")):
        for item in outcomes.get(key, ()):
            yield f"  <{name}>\n{_tag('measure', item['measure'], '    ')}{_tag('time_frame', item['timeFrame'], '    ')}"
            if "description" in item:
                yield _tag("description", item["description"], "    ")
            yield f"  </{name}>\n"
    arms = protocol["armsInterventionsModule"]
    if "armGroups" in arms:
        yield _tag("number_of_arms" if design["studyType"] == "INTERVENTIONAL" else "number_of_groups", len(arms["armGroups"]))
    if "enrollmentInfo" in design:
        info = design["enrollmentInfo"]
        yield _tag("enrollment", info["count"], "  ", f' type="{_XML_DATE_TYPE[info["type"]]}"')
    for condition in protocol["conditionsModule"]["conditions"]:
        yield _tag("condition", condition)
    for arm in arms.get("armGroups", ()):
        yield "  <arm_group>\n" + _tag("arm_group_label", arm["label"], "    ")
        if "type" in arm:
            yield _tag("arm_group_type", _words(arm["type"]), "    ")
        if "description" in arm:
            yield _tag("description", arm["description"], "    ")
        yield "  </arm_group>\n"
    for item in arms["interventions"]:
        yield f"  <intervention>\n{_tag('intervention_type', _INTERVENTION_WORDS[item['type']], '    ')}{_tag('intervention_name', item['name'], '    ')}{_tag('description', item['description'], '    ')}"
        for label in item.get("armGroupLabels", ()):
            yield _tag("arm_group_label", label, "    ")
        for name in item.get("otherNames", ()):
            yield _tag("other_name", name, "    ")
        yield "  </intervention>\n"
    yield from _xml_eligibility(eligibility)
    yield from _xml_places(protocol.get("contactsLocationsModule", {}))
    references = protocol.get("referencesModule", {}).get("references", ())
    for name, is_result in (("reference", False), ("results_reference", True)):
        for reference in references:
            if (reference["type"] == "RESULT") is is_result:
                yield f"  <{name}>\n{_tag('citation', reference['citation'], '    ')}{_tag('PMID', reference['pmid'], '    ')}  </{name}>\n"
    yield _tag("verification_date", long_date(status["statusVerifiedDate"]))
    for name, key in (("study_first_submitted", "studyFirstSubmitDate"), ("study_first_submitted_qc", "studyFirstSubmitQcDate")):
        yield _tag(name, long_date(status[key]))
    yield _xml_posted("study_first_posted", status["studyFirstPostDateStruct"])
    if "resultsFirstSubmitDate" in status:
        yield _tag("results_first_submitted", long_date(status["resultsFirstSubmitDate"]))
        yield _tag("results_first_submitted_qc", long_date(status["resultsFirstSubmitQcDate"]))
        yield _xml_posted("results_first_posted", status["resultsFirstPostDateStruct"])
    yield _tag("last_update_submitted", long_date(status["lastUpdateSubmitDate"])) + _tag("last_update_submitted_qc", long_date(status["lastUpdateSubmitDate"]))
    yield _xml_posted("last_update_posted", status["lastUpdatePostDateStruct"])
    party = sponsors["responsibleParty"]
    yield "  <responsible_party>\n" + _tag("responsible_party_type", _words(party["type"]), "    ")
    for name, key in (("investigator_affiliation", "investigatorAffiliation"), ("investigator_full_name", "investigatorFullName"), ("investigator_title", "investigatorTitle")):
        if key in party:
            yield _tag(name, party[key], "    ")
    yield "  </responsible_party>\n"
    for keyword in protocol["conditionsModule"]["keywords"]:
        yield _tag("keyword", keyword)
    yield "  <condition_browse>\n    <!-- CAUTION:  The following MeSH terms are assigned with an imperfect algorithm            -->\n"
    for mesh in document["derivedSection"]["conditionBrowseModule"]["meshes"]:
        yield _tag("mesh_term", mesh["term"], "    ")
    yield "  </condition_browse>\n"
    if "ipdSharingStatementModule" in protocol:
        yield f"  <patient_data>\n{_tag('sharing_ipd', _words(protocol['ipdSharingStatementModule']['ipdSharing']), '    ')}  </patient_data>\n"
    if "resultsSection" in document:
        yield from _xml_results(document["resultsSection"])
    else:
        yield "  <!-- Results have not yet been posted for this study                                          -->\n"
    yield "</clinical_study>\n"


def _xml_posted(name: str, struct: Study) -> str:
    return _tag(name, long_date(struct["date"]), "  ", f' type="{"Actual" if struct["type"] == "ACTUAL" else "Estimate"}"')


def _xml_design(design: Study) -> Iterator[str]:
    info = design.get("designInfo", {})
    lines: list[str] = []
    if "allocation" in info:
        lines.append(_tag("allocation", _ALLOCATION_WORDS[info["allocation"]], "    "))
    if "interventionModel" in info:
        lines.append(_tag("intervention_model", _MODEL_WORDS[info["interventionModel"]], "    "))
    if "primaryPurpose" in info:
        lines.append(_tag("primary_purpose", _words(info["primaryPurpose"]), "    "))
    if "maskingInfo" in info:
        lines.append(_tag("masking", _masking_words(info["maskingInfo"]), "    "))
    for name, key in (("observational_model", "observationalModel"), ("time_perspective", "timePerspective")):
        if key in info:
            lines.append(_tag(name, _OBSERVATION_WORDS.get(info[key]) or _words(info[key]), "    "))
    if lines:
        yield f"  <study_design_info>\n{''.join(lines)}  </study_design_info>\n"


def _xml_eligibility(eligibility: Study) -> Iterator[str]:
    yield "  <eligibility>\n"
    if "studyPopulation" in eligibility:
        yield _textblock("study_pop", eligibility["studyPopulation"], "    ")
        yield _tag("sampling_method", "Non-Probability Sample", "    ")
    yield _textblock("criteria", eligibility["eligibilityCriteria"], "    ")
    yield _tag("gender", _words(eligibility["sex"]), "    ")
    yield _tag("minimum_age", eligibility.get("minimumAge", "N/A"), "    ") + _tag("maximum_age", eligibility.get("maximumAge", "N/A"), "    ")
    yield _tag("healthy_volunteers", "Accepts Healthy Volunteers" if eligibility["healthyVolunteers"] else "No", "    ") + "  </eligibility>\n"


def _xml_contact(name: str, contact: Study, indent: str) -> str:
    inner = indent + "  "
    return f"{indent}<{name}>\n{_tag('last_name', contact['name'], inner)}{_tag('phone', contact['phone'], inner)}{_tag('email', contact['email'], inner)}{indent}</{name}>\n"


def _xml_places(places: Study) -> Iterator[str]:
    for official in places.get("overallOfficials", ()):
        yield f"  <overall_official>\n{_tag('last_name', official['name'], '    ')}{_tag('role', _words(official['role']), '    ')}{_tag('affiliation', official['affiliation'], '    ')}  </overall_official>\n"
    for contact in places.get("centralContacts", ()):
        yield _xml_contact("overall_contact", contact, "  ")
    countries: dict[str, None] = {}
    for place in places.get("locations", ()):
        countries[place["country"]] = None
        yield f"  <location>\n    <facility>\n{_tag('name', place['facility'], '      ')}      <address>\n"
        for key in ("city", "state", "zip", "country"):
            if key in place:
                yield _tag(key, place[key], "        ")
        yield "      </address>\n    </facility>\n"
        if "status" in place:
            yield _tag("status", _STATUS_WORDS[place["status"]], "    ")
        for contact in place.get("contacts", ()):
            yield _xml_contact("contact", contact, "    ")
        yield "  </location>\n"
    if countries:
        yield "  <location_countries>\n" + "".join(_tag("country", country, "    ") for country in countries) + "  </location_countries>\n"


def _xml_group_id(id: str) -> str:
    return f"{id[0]}{int(id[2:]) + 1}".replace("F", "P", 1) if id[0] == "F" else f"{id[0]}{int(id[2:]) + 1}"


def _xml_groups(groups: list[Study], indent: str) -> str:
    inner = indent + "    "
    body = "".join(
        f'{indent}  <group group_id="{_xml_group_id(group["id"])}">\n{_tag("title", group["title"], inner)}{_tag("description", group["description"], inner)}{indent}  </group>\n'
        for group in groups
    )
    return f"{indent}<group_list>\n{body}{indent}</group_list>\n"


def _xml_participants(counts: list[Study], indent: str) -> str:
    body = "".join(f'{indent}  <participants group_id="{_xml_group_id(item["groupId"])}" count="{item["numSubjects"]}"/>\n' for item in counts)
    return f"{indent}<participants_list>\n{body}{indent}</participants_list>\n"


def _xml_analyzed(denoms: list[Study], indent: str) -> str:
    body = "".join(
        f"{indent}  <analyzed>\n{_tag('units', denom['units'], indent + '    ')}{_tag('scope', 'Overall', indent + '    ')}{indent}    <count_list>\n"
        + "".join(f'{indent}      <count group_id="{_xml_group_id(item["groupId"])}" value="{item["value"]}"/>\n' for item in denom["counts"])
        + f"{indent}    </count_list>\n{indent}  </analyzed>\n"
        for denom in denoms
    )
    return f"{indent}<analyzed_list>\n{body}{indent}</analyzed_list>\n"


def _xml_measure(measure: Study, indent: str) -> str:
    """Title, units, parameter, dispersion and values of a baseline characteristic or outcome."""
    inner = indent + "  "
    parts = [f"{indent}<measure>\n", _tag("title", measure["title"], inner)]
    if "populationDescription" in measure:
        parts.append(_tag("population", measure["populationDescription"], inner))
    parts.append(_tag("units", measure["unitOfMeasure"], inner))
    parts.append(_tag("param", _words(measure["paramType"]).replace(" Of ", " of "), inner))
    if "dispersionType" in measure:
        kind = measure["dispersionType"]
        parts.append(_tag("dispersion", _words(kind) if kind.isupper() else kind, inner))
    if measure.get("denoms"):
        parts.append(_xml_analyzed(measure["denoms"], inner))
    parts.append(f"{inner}<class_list>\n")
    for block in measure["classes"]:
        parts.append(f"{inner}  <class>\n{inner}    <category_list>\n")
        for category in block["categories"]:
            parts.append(f"{inner}      <category>\n")
            if "title" in category:
                parts.append(_tag("title", category["title"], inner + "        "))
            parts.append(f"{inner}        <measurement_list>\n")
            for item in category["measurements"]:
                extra = "".join(
                    f' {name}="{item[key]}"' for name, key in (("spread", "spread"), ("lower_limit", "lowerLimit"), ("upper_limit", "upperLimit")) if key in item
                )
                parts.append(f'{inner}          <measurement group_id="{_xml_group_id(item["groupId"])}" value="{item["value"]}"{extra}/>\n')
            parts.append(f"{inner}        </measurement_list>\n{inner}      </category>\n")
        parts.append(f"{inner}    </category_list>\n{inner}  </class>\n")
    parts.append(f"{inner}</class_list>\n{indent}</measure>\n")
    return "".join(parts)


def _xml_results(results: Study) -> Iterator[str]:
    flow, baseline = results["participantFlowModule"], results["baselineCharacteristicsModule"]
    yield "  <clinical_results>\n    <participant_flow>\n" + _xml_groups(flow["groups"], "      ") + "      <period_list>\n"
    for period in flow["periods"]:
        yield f"        <period>\n{_tag('title', period['title'], '          ')}          <milestone_list>\n"
        for milestone in period["milestones"]:
            yield f"            <milestone>\n{_tag('title', milestone['type'], '              ')}{_xml_participants(milestone['achievements'], '              ')}            </milestone>\n"
        yield "          </milestone_list>\n"
        if "dropWithdraws" in period:
            yield "          <drop_withdraw_reason_list>\n"
            for drop in period["dropWithdraws"]:
                yield f"            <drop_withdraw_reason>\n{_tag('title', drop['type'], '              ')}{_xml_participants(drop['reasons'], '              ')}            </drop_withdraw_reason>\n"
            yield "          </drop_withdraw_reason_list>\n"
        yield "        </period>\n"
    yield "      </period_list>\n    </participant_flow>\n    <baseline>\n"
    yield _xml_groups(baseline["groups"], "      ") + _xml_analyzed(baseline["denoms"], "      ") + "      <measure_list>\n"
    for measure in baseline["measures"]:
        yield _xml_measure(measure, "        ")
    yield "      </measure_list>\n    </baseline>\n"
    if "outcomeMeasuresModule" in results:
        yield "    <outcome_list>\n"
        for outcome in results["outcomeMeasuresModule"]["outcomeMeasures"]:
            yield from _xml_outcome(outcome)
        yield "    </outcome_list>\n"
    yield from _xml_events(results["adverseEventsModule"])
    more = results["moreInfoModule"]
    employed = "employed" if more["certainAgreement"]["piSponsorEmployee"] else "NOT employed"
    yield f"    <certain_agreements>\n{_tag('pi_employee', f'Principal Investigators are {employed} by the organization sponsoring the study.', '      ')}    </certain_agreements>\n"
    contact = more["pointOfContact"]
    yield f"    <point_of_contact>\n{_tag('name_or_title', contact['title'], '      ')}{_tag('organization', contact['organization'], '      ')}{_tag('phone', contact['phone'], '      ')}{_tag('email', contact['email'], '      ')}    </point_of_contact>\n"
    yield "  </clinical_results>\n"


def _xml_outcome(outcome: Study) -> Iterator[str]:
    yield f"      <outcome>\n{_tag('type', _words(outcome['type']), '        ')}{_tag('title', outcome['title'], '        ')}{_tag('time_frame', outcome['timeFrame'], '        ')}"
    yield _tag("population", outcome["populationDescription"], "        ")
    if outcome["reportingStatus"] == "NOT_POSTED":
        yield "      </outcome>\n"
        return
    yield _xml_groups(outcome["groups"], "        ") + _xml_measure(outcome, "        ")
    if "analyses" in outcome:
        yield "        <analysis_list>\n"
        for analysis in outcome["analyses"]:
            inner = "            "
            yield "          <analysis>\n" + f"{inner}<group_id_list>\n"
            for id in analysis["groupIds"]:
                yield _tag("group_id", _xml_group_id(id), inner + "  ")
            yield f"{inner}</group_id_list>\n" + _tag("non_inferiority_type", _NON_INFERIORITY_WORDS[analysis["nonInferiorityType"]], inner)
            for name, key in (("p_value", "pValue"), ("method", "statisticalMethod"), ("param_type", "paramType"), ("param_value", "paramValue"), ("ci_percent", "ciPctValue")):
                yield _tag(name, analysis[key], inner)
            yield _tag("ci_n_sides", "2-Sided", inner) + _tag("ci_lower_limit", analysis["ciLowerLimit"], inner) + _tag("ci_upper_limit", analysis["ciUpperLimit"], inner)
            yield "          </analysis>\n"
        yield "        </analysis_list>\n"
    yield "      </outcome>\n"


def _xml_events(module: Study) -> Iterator[str]:
    yield "    <reported_events>\n" + _tag("time_frame", module["timeFrame"], "      ") + _xml_groups(module["eventGroups"], "      ")
    for name, key, total in (("serious_events", "seriousEvents", "serious"), ("other_events", "otherEvents", "other")):
        if key not in module:
            continue
        yield f"      <{name}>\n"
        if total == "other":
            yield _tag("frequency_threshold", module["frequencyThreshold"], "        ")
        yield _tag("default_vocab", "MedDRA (26.0)", "        ") + _tag("default_assessment", "Systematic Assessment", "        ") + "        <category_list>\n"
        counts = "".join(
            f'                <counts group_id="{_xml_group_id(group["id"])}" subjects_affected="{group[total + "NumAffected"]}" subjects_at_risk="{group[total + "NumAtRisk"]}"/>\n'
            for group in module["eventGroups"]
        )
        yield f"          <category>\n            <title>Total</title>\n            <event_list>\n              <event>\n                <sub_title>Total, {total} adverse events</sub_title>\n{counts}              </event>\n            </event_list>\n          </category>\n"
        systems: dict[str, list[Study]] = {}
        for event in module[key]:
            systems.setdefault(event["organSystem"], []).append(event)
        for system, events in sorted(systems.items()):
            yield f"          <category>\n{_tag('title', system, '            ')}            <event_list>\n"
            for event in events:
                yield "              <event>\n" + _tag("sub_title", event["term"], "                ")
                for stat in event["stats"]:
                    yield f'                <counts group_id="{_xml_group_id(stat["groupId"])}" events="{stat["numEvents"]}" subjects_affected="{stat["numAffected"]}" subjects_at_risk="{stat["numAtRisk"]}"/>\n'
                yield "              </event>\n"
            yield "            </event_list>\n          </category>\n"
        yield f"        </category_list>\n      </{name}>\n"
    yield "    </reported_events>\n"


# --- the API before v2


def v1_response(documents: list[Study]) -> Study:
    """What the old API answered to a search: names in PascalCase, words for tokens, lists in wrappers."""
    count = len(documents)
    return {
        "FullStudiesResponse": {
            "APIVrs": "1.01.05",
            "DataVrs": "2023:10:17 23:49:37.236",
            "Expression": KEYWORD,
            "NStudiesAvail": count,
            "NStudiesFound": count,
            "MinRank": 1,
            "MaxRank": count,
            "NStudiesReturned": count,
            "FullStudies": [{"Rank": rank, "Study": _v1(document)} for rank, document in enumerate(documents, 1)],
        }
    }


def _v1(document: Study) -> Study:
    protocol = document["protocolSection"]
    identification, status, design = protocol["identificationModule"], protocol["statusModule"], protocol["designModule"]
    sponsors, eligibility, arms = protocol["sponsorCollaboratorsModule"], protocol["eligibilityModule"], protocol["armsInterventionsModule"]
    info = design.get("designInfo", {})

    def dated(name: str, key: str) -> Study:
        struct = status.get(key)
        if not struct:
            return {}
        inner = {f"{name}Date": long_date(struct["date"])}
        if "type" in struct:
            estimated = "Estimate" if name.endswith("Post") else "Anticipated"
            inner[f"{name}DateType"] = "Actual" if struct["type"] == "ACTUAL" else estimated
        return {f"{name}DateStruct": inner}

    ids: Study = {"NCTId": identification["nctId"], "OrgStudyIdInfo": {"OrgStudyId": identification["orgStudyIdInfo"]["id"]}}
    if "secondaryIdInfos" in identification:
        words = {"EUDRACT_NUMBER": "EudraCT Number", "REGISTRY": "Registry Identifier", "OTHER": "Other Identifier", "CTIS": "Registry Identifier"}
        ids["SecondaryIdInfoList"] = {
            "SecondaryIdInfo": [
                {"SecondaryId": item["id"]}
                | ({"SecondaryIdType": words[item["type"]]} if "type" in item else {})
                | ({"SecondaryIdDomain": item["domain"]} if "domain" in item else {})
                for item in identification["secondaryIdInfos"]
            ]
        }
    ids |= {"Organization": {"OrgFullName": identification["organization"]["fullName"], "OrgClass": identification["organization"]["class"]}, "BriefTitle": identification["briefTitle"]}
    if "officialTitle" in identification:
        ids["OfficialTitle"] = identification["officialTitle"]
    if "acronym" in identification:
        ids["Acronym"] = identification["acronym"]
    state: Study = {"StatusVerifiedDate": long_date(status["statusVerifiedDate"]), "OverallStatus": _STATUS_WORDS[status["overallStatus"]]}
    if "lastKnownStatus" in status:
        state["LastKnownStatus"] = _STATUS_WORDS[status["lastKnownStatus"]]
    if "whyStopped" in status:
        state["WhyStopped"] = status["whyStopped"]
    state["ExpandedAccessInfo"] = {"HasExpandedAccess": "No"}
    state |= dated("Start", "startDateStruct") | dated("PrimaryCompletion", "primaryCompletionDateStruct") | dated("Completion", "completionDateStruct")
    state |= {"StudyFirstSubmitDate": long_date(status["studyFirstSubmitDate"]), "StudyFirstSubmitQCDate": long_date(status["studyFirstSubmitQcDate"])}
    state |= dated("StudyFirstPost", "studyFirstPostDateStruct")
    state |= {"LastUpdateSubmitDate": long_date(status["lastUpdateSubmitDate"])} | dated("LastUpdatePost", "lastUpdatePostDateStruct")
    parties: Study = {
        "ResponsibleParty": {"ResponsiblePartyType": _words(sponsors["responsibleParty"]["type"])},
        "LeadSponsor": {"LeadSponsorName": sponsors["leadSponsor"]["name"], "LeadSponsorClass": sponsors["leadSponsor"]["class"]},
    }
    if "collaborators" in sponsors:
        parties["CollaboratorList"] = {"Collaborator": [{"CollaboratorName": item["name"], "CollaboratorClass": item["class"]} for item in sponsors["collaborators"]]}
    plan: Study = {"StudyType": _words(design["studyType"])}
    if "phases" in design:
        plan["PhaseList"] = {"Phase": [_PHASE_WORDS[phase].replace("N/A", "Not Applicable") for phase in design["phases"]]}
    if "interventionModel" in info:
        details: Study = {}
        if "allocation" in info:
            details["DesignAllocation"] = _ALLOCATION_WORDS[info["allocation"]]
        details["DesignInterventionModel"] = _MODEL_WORDS[info["interventionModel"]]
        if "primaryPurpose" in info:
            details["DesignPrimaryPurpose"] = _words(info["primaryPurpose"])
        if "maskingInfo" in info:
            masking = info["maskingInfo"]
            details["DesignMaskingInfo"] = {"DesignMasking": "None (Open Label)" if masking["masking"] == "NONE" else _words(masking["masking"])}
            if "whoMasked" in masking:
                details["DesignMaskingInfo"]["DesignWhoMaskedList"] = {"DesignWhoMasked": [_words(role) for role in masking["whoMasked"]]}
        plan["DesignInfo"] = details
    elif info:
        plan["DesignInfo"] = {
            "DesignObservationalModelList": {"DesignObservationalModel": [_OBSERVATION_WORDS.get(info["observationalModel"]) or _words(info["observationalModel"])]},
            "DesignTimePerspectiveList": {"DesignTimePerspective": [_OBSERVATION_WORDS.get(info["timePerspective"]) or _words(info["timePerspective"])]},
        }
    if "enrollmentInfo" in design:
        plan["EnrollmentInfo"] = {"EnrollmentCount": str(design["enrollmentInfo"]["count"]), "EnrollmentType": _XML_DATE_TYPE[design["enrollmentInfo"]["type"]]}
    treatments: Study = {}
    if "armGroups" in arms:
        treatments["ArmGroupList"] = {
            "ArmGroup": [
                {"ArmGroupLabel": arm["label"]}
                | ({"ArmGroupType": _words(arm["type"])} if "type" in arm else {})
                | ({"ArmGroupDescription": arm["description"]} if "description" in arm else {})
                | ({"ArmGroupInterventionList": {"ArmGroupInterventionName": arm["interventionNames"]}} if "interventionNames" in arm else {})
                for arm in arms["armGroups"]
            ]
        }
    treatments["InterventionList"] = {
        "Intervention": [
            {"InterventionType": _INTERVENTION_WORDS[item["type"]], "InterventionName": item["name"], "InterventionDescription": item["description"]}
            | ({"InterventionArmGroupLabelList": {"InterventionArmGroupLabel": item["armGroupLabels"]}} if "armGroupLabels" in item else {})
            | ({"InterventionOtherNameList": {"InterventionOtherName": item["otherNames"]}} if "otherNames" in item else {})
            for item in arms["interventions"]
        ]
    }
    section: Study = {
        "IdentificationModule": ids,
        "StatusModule": state,
        "SponsorCollaboratorsModule": parties,
        "OversightModule": {"OversightHasDMC": "Yes" if protocol["oversightModule"]["oversightHasDmc"] else "No"},
        "DescriptionModule": {"BriefSummary": _plain(protocol["descriptionModule"]["briefSummary"])},
        "ConditionsModule": {"ConditionList": {"Condition": protocol["conditionsModule"]["conditions"]}, "KeywordList": {"Keyword": protocol["conditionsModule"]["keywords"]}},
        "DesignModule": plan,
        "ArmsInterventionsModule": treatments,
    }
    if "detailedDescription" in protocol["descriptionModule"]:
        section["DescriptionModule"]["DetailedDescription"] = _plain(protocol["descriptionModule"]["detailedDescription"])
    if "outcomesModule" in protocol:
        section["OutcomesModule"] = {}
        for kind in ("Primary", "Secondary"):
            items = protocol["outcomesModule"].get(f"{kind.lower()}Outcomes")
            if items:
                section["OutcomesModule"][f"{kind}OutcomeList"] = {
                    f"{kind}Outcome": [
                        {f"{kind}OutcomeMeasure": item["measure"], f"{kind}OutcomeTimeFrame": item["timeFrame"]}
                        | ({f"{kind}OutcomeDescription": item["description"]} if "description" in item else {})
                        for item in items
                    ]
                }
    who: Study = {
        "EligibilityCriteria": _plain(eligibility["eligibilityCriteria"]),
        "HealthyVolunteers": "Accepts Healthy Volunteers" if eligibility["healthyVolunteers"] else "No",
        "Gender": _words(eligibility["sex"]),
    }
    for name, key in (("MinimumAge", "minimumAge"), ("MaximumAge", "maximumAge")):
        if key in eligibility:
            who[name] = eligibility[key]
    section["EligibilityModule"] = who | {"StdAgeList": {"StdAge": [_words(band) for band in eligibility["stdAges"]]}}
    locations = protocol.get("contactsLocationsModule", {}).get("locations", ())
    if locations:
        section["ContactsLocationsModule"] = {
            "LocationList": {"Location": [{f"Location{key.capitalize()}": place[key] for key in ("facility", "city", "state", "zip", "country") if key in place} for place in locations]}
        }
    meshes = document["derivedSection"]["conditionBrowseModule"]["meshes"]
    return {
        "ProtocolSection": section,
        "DerivedSection": {
            "MiscInfoModule": {"VersionHolder": long_date(SNAPSHOT.isoformat())},
            "ConditionBrowseModule": {"ConditionMeshList": {"ConditionMesh": [{"ConditionMeshId": mesh["id"], "ConditionMeshTerm": mesh["term"]} for mesh in meshes]}},
        },
    }
