"""ClinicalTrials.gov's API v2: JSON and CSV.

A study is built once, as the v2 document; every other format is drawn from that document, as the register does.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from random import Random
from typing import Any

from trialpanorama.sample._words import INTERVENTION_WORDS
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
        "startDateStruct": _dated(
            registration.start, by_month, registration.start <= SNAPSHOT, "start" if by_month else ""
        ),
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
            info["maskingInfo"] = {"masking": trial.masking} | (
                {"whoMasked": list(trial.who_masked)} if trial.who_masked else {}
            )
        design["designInfo"] = info
    elif trial.study_type == "OBSERVATIONAL":
        design["patientRegistry"] = draw() < 0.15
        design["designInfo"] = {
            "observationalModel": ("COHORT", "COHORT", "CASE_CONTROL", "CASE_ONLY", "OTHER")[int(draw() * 5)],
            "timePerspective": ("PROSPECTIVE", "PROSPECTIVE", "RETROSPECTIVE", "CROSS_SECTIONAL")[int(draw() * 4)],
        }
    else:
        design["expandedAccessTypes"] = {"individual": True}
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
        arms = {
            "interventions": [{key: value for key, value in item.items() if key != "armGroupLabels"} for item in given]
        }

    protocol: Study = {
        "identificationModule": identification,
        "statusModule": status,
        "sponsorCollaboratorsModule": sponsors,
        "oversightModule": {
            "oversightHasDmc": trial.has_dmc,
            "isFdaRegulatedDrug": trial.start.year > 2016 and draw() < 0.4,
            "isFdaRegulatedDevice": False,
        },
        "descriptionModule": description,
        "conditionsModule": {
            "conditions": registration.conditions,
            "keywords": [KEYWORD, *trial.condition.mentions[: int(draw() * 3)]],
        },
        "designModule": design,
        "armsInterventionsModule": arms,
    }
    if trial.primary_outcomes:
        outcomes: Study = {
            "primaryOutcomes": [{"measure": measure, "timeFrame": frame} for measure, frame in trial.primary_outcomes]
        }
        if draw() < 0.6:
            outcomes["primaryOutcomes"][0]["description"] = (
                f"{trial.primary_outcomes[0][0]}, assessed by staff who do not know the assigned group"
            )
        if trial.secondary_outcomes and "secondary_outcomes" not in missing:
            outcomes["secondaryOutcomes"] = [
                {"measure": measure, "timeFrame": frame} for measure, frame in trial.secondary_outcomes
            ]
        protocol["outcomesModule"] = outcomes
    protocol["eligibilityModule"] = _eligibility(trial, registration)
    sites = _sites(rng, trial, registration)
    if sites:
        protocol["contactsLocationsModule"] = sites
    references = [
        {
            "pmid": paper.pmid,
            "type": _reference_type(paper.kind, bool(paper.databank_ids), draw()),
            "citation": f"Fictional A, Fictional B. {trial.brief_title}. J Fict Trials. {paper.published.year}.",
        }
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
        document["resultsSection"] = _results(trial, registration.contact)
    document["derivedSection"] = {
        "miscInfoModule": {"versionHolder": SNAPSHOT.isoformat()},
        "conditionBrowseModule": {
            "meshes": [{"id": f"D{int(item.mesh[1:]):09d}", "term": item.heading} for item in meshes]
        },
    }
    document["hasResults"] = with_results
    return document


def _marked(text: str) -> str:
    """Text as the API gives it, with the signs escaped that Markdown would take for its own."""
    return text.replace("^", "\\^").replace("<", "\\<").replace(">", "\\>")


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
    return f"{INTERVENTION_WORDS[kind]}: {name}"


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
    module: Study = {
        "eligibilityCriteria": _marked(criteria(trial)),
        "healthyVolunteers": trial.healthy,
        "sex": trial.sex,
    }
    low, high = trial.minimum_age, None if "maximum_age" in registration.missing else trial.maximum_age
    if low:
        module["minimumAge"] = f"{low} Years"
    if high:
        module["maximumAge"] = f"{high} Years"
    bands = (
        ("CHILD", (low or 0) < 18),
        ("ADULT", (high or 999) >= 18 and (low or 0) < 65),
        ("OLDER_ADULT", (high or 999) >= 65),
    )
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
            {
                "name": f"Fictional Investigator {rng.randint(1, 999)}",
                "affiliation": registration.sponsor,
                "role": _ROLES[int(rng.random() ** 2 * 3)],
            }
        ]
    if "locations" in registration.missing or trial.study_type == "EXPANDED_ACCESS":
        return module
    recruiting = registration.status in ("RECRUITING", "NOT_YET_RECRUITING")
    locations: list[Study] = []
    for number, site in enumerate(trial.sites):
        city, state, code, country, latitude, longitude = CITIES[site]
        place: Study = {
            "facility": f"Fictional Hospital {number + 1} of {city}" if number else f"Fictional Hospital of {city}"
        }
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


def _results(trial: Trial, contact: tuple[str, str, str] | None) -> Study:
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
            {
                "type": "Lost to Follow-up",
                "reasons": per_group("FG", "numSubjects", (a - b for a, b in zip(lost, adverse, strict=True))),
            },
        ]
    women = [
        size if trial.sex == "FEMALE" else 0 if trial.sex == "MALE" else int(size * (0.3 + 0.4 * rng.random()))
        for size in sizes
    ]
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
                "classes": [
                    {
                        "categories": [
                            {
                                "measurements": [
                                    m | {"spread": f"{8 + 4 * rng.random():.1f}"}
                                    for m in per_group("BG", "value", (f"{age + rng.gauss(0, 1):.1f}" for _ in arms))
                                ]
                            }
                        ]
                    }
                ],
            },
            {
                "title": "Sex: Female, Male",
                "paramType": "COUNT_OF_PARTICIPANTS",
                "unitOfMeasure": "Participants",
                "classes": [
                    {
                        "categories": [
                            {"title": "Female", "measurements": per_group("BG", "value", women)},
                            {
                                "title": "Male",
                                "measurements": per_group(
                                    "BG", "value", (s - w for s, w in zip(sizes, women, strict=True))
                                ),
                            },
                        ]
                    }
                ],
            },
        ],
    }
    measures = [
        _outcome(rng, trial, "PRIMARY", measure, frame, groups("OG"), finished, per_group)
        for measure, frame in trial.primary_outcomes
    ]
    measures += [
        _outcome(rng, trial, "SECONDARY", measure, frame, groups("OG"), finished, per_group)
        for measure, frame in trial.secondary_outcomes
    ]
    section: Study = {"participantFlowModule": flow, "baselineCharacteristicsModule": baseline}
    if measures:
        section["outcomeMeasuresModule"] = {"outcomeMeasures": measures}
    section["adverseEventsModule"] = _adverse_events(rng, trial, groups("EG"), sizes)
    reach = {"phone": contact[2], "email": contact[1]} if contact else {}
    section["moreInfoModule"] = {
        "certainAgreement": {"piSponsorEmployee": trial.sponsor_class == "INDUSTRY", "restrictiveAgreement": False},
        "pointOfContact": {"title": "Fictional Study Director", "organization": trial.sponsor} | reach,
    }
    return section


def _outcome(
    rng: Random,
    trial: Trial,
    type: str,
    measure: str,
    frame: str,
    groups: list[Study],
    sizes: list[int],
    per_group: Any,
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
        rows = [
            m | {"lowerLimit": f"{v * 0.8:.1f}", "upperLimit": "NA" if rng.random() < 0.2 else f"{v * 1.3:.1f}"}
            for m, v in zip(per_group("OG", "value", (f"{v:.1f}" for v in values)), values, strict=True)
        ]
        outcome |= {"paramType": parameter, "dispersionType": "95% Confidence Interval", "unitOfMeasure": unit}
    elif any(
        word in lower
        for word in (
            "number of participants",
            "response",
            "remission",
            "rate",
            "percentage of",
            "proportion",
            "abstinence",
            "conversion",
        )
    ):
        kind = "share"
        shares = [min(0.97, max(0.02, 0.35 + 0.2 * shift + rng.gauss(0, 0.05))) for shift in shifts]
        rows = per_group("OG", "value", (round(size * share) for size, share in zip(sizes, shares, strict=True)))
        outcome |= {"paramType": "COUNT_OF_PARTICIPANTS", "unitOfMeasure": "Participants"}
    else:
        kind = "mean"
        values = [-1.0 - shift + rng.gauss(0, 0.1) for shift in shifts]
        rows = [
            m | {"spread": f"{1 + 0.3 * rng.random():.2f}"}
            for m in per_group("OG", "value", (f"{v:.2f}" for v in values))
        ]
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
    method, parameter = {
        "time": ("Log Rank", "Hazard Ratio (HR)"),
        "share": ("Fisher Exact", "Odds Ratio (OR)"),
        "mean": ("ANCOVA", "Mean Difference (Final Values)"),
    }[kind]
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
                stats.append(
                    {
                        "groupId": f"EG{at:03d}",
                        "numEvents": affected + int(affected * rng.random()),
                        "numAffected": affected,
                        "numAtRisk": size,
                    }
                )
            listed.append(
                {
                    "term": term,
                    "organSystem": system,
                    "sourceVocabulary": "MedDRA (26.0)",
                    "assessmentType": "SYSTEMATIC_ASSESSMENT",
                    "stats": stats,
                }
            )
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
    identification, status, design = (
        protocol["identificationModule"],
        protocol["statusModule"],
        protocol["designModule"],
    )
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
        return "|".join(
            ", ".join(item[part] for part in ("measure", "description", "timeFrame") if part in item)
            for item in outcomes.get(key, ())
        )

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
        "|".join(
            [
                identification["orgStudyIdInfo"]["id"],
                *(item["id"] for item in identification.get("secondaryIdInfos", ())),
            ]
        ),
        date("startDateStruct"),
        date("primaryCompletionDateStruct"),
        date("completionDateStruct"),
        date("studyFirstPostDateStruct"),
        date("resultsFirstPostDateStruct"),
        date("lastUpdatePostDateStruct"),
        "|".join(
            ", ".join(
                [
                    place["facility"],
                    place["city"],
                    *([place["state"]] if "state" in place else []),
                    *([place["zip"]] if "zip" in place else []),
                    place["country"],
                ]
            )
            for place in places
        ),
        "",
    ]
