# ruff: noqa: E501 (templates)
"""ClinicalTrials.gov's formats before the API v2: the legacy XML, and the JSON of the old API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from trialpanorama.sample._words import (
    ALLOCATION_WORDS,
    CLASS_WORDS,
    INTERVENTION_WORDS,
    MODEL_WORDS,
    NON_INFERIORITY_WORDS,
    OBSERVATION_WORDS,
    PHASE_WORDS,
    STATUS_WORDS,
    in_words,
    long_date,
    masking_words,
    phase_words,
    plain,
)
from trialpanorama.sample.model import KEYWORD, SNAPSHOT

Study = dict[str, Any]

# --- legacy XML

_DATE_TYPE = {"ACTUAL": "Actual", "ESTIMATED": "Anticipated"}


def _tag(name: str, text: object, indent: str = "  ", attributes: str = "") -> str:
    return f"{indent}<{name}{attributes}>{escape(str(text))}</{name}>\n"


def _textblock(name: str, text: str, indent: str = "  ") -> str:
    """A long text, wrapped and indented by hand as the old exports have it."""
    lines: list[str] = []
    for paragraph in plain(text).split("\n"):
        bullet = paragraph.startswith("* ")
        line, prefix, hang = (
            "",
            indent + ("      -  " if bullet else "    "),
            indent + ("         " if bullet else "    "),
        )
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
    identification, status, design = (
        protocol["identificationModule"],
        protocol["statusModule"],
        protocol["designModule"],
    )
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
    for role, sponsor in (
        ("lead_sponsor", sponsors["leadSponsor"]),
        *(("collaborator", item) for item in sponsors.get("collaborators", ())),
    ):
        kind = CLASS_WORDS.get(sponsor["class"], "Other")
        yield f"    <{role}>\n{_tag('agency', sponsor['name'], '      ')}{_tag('agency_class', kind, '      ')}    </{role}>\n"
    yield "  </sponsors>\n" + _tag("source", identification["organization"]["fullName"])
    oversight = protocol["oversightModule"]
    yield "  <oversight_info>\n"
    for name, key in (
        ("has_dmc", "oversightHasDmc"),
        ("is_fda_regulated_drug", "isFdaRegulatedDrug"),
        ("is_fda_regulated_device", "isFdaRegulatedDevice"),
    ):
        yield _tag(name, "Yes" if oversight[key] else "No", "    ")
    yield "  </oversight_info>\n"
    yield _textblock("brief_summary", protocol["descriptionModule"]["briefSummary"])
    if "detailedDescription" in protocol["descriptionModule"]:
        yield _textblock("detailed_description", protocol["descriptionModule"]["detailedDescription"])
    yield _tag("overall_status", STATUS_WORDS[status["overallStatus"]])
    if "lastKnownStatus" in status:
        yield _tag("last_known_status", STATUS_WORDS[status["lastKnownStatus"]])
    if "whyStopped" in status:
        yield _tag("why_stopped", status["whyStopped"])
    for name, key in (
        ("start_date", "startDateStruct"),
        ("completion_date", "completionDateStruct"),
        ("primary_completion_date", "primaryCompletionDateStruct"),
    ):
        if key in status:
            struct = status[key]
            type = f' type="{_DATE_TYPE[struct["type"]]}"' if "type" in struct else ""
            yield _tag(name, long_date(struct["date"]), "  ", type)
    if design["studyType"] == "INTERVENTIONAL":
        yield _tag("phase", phase_words(design["phases"]))
    elif design["studyType"] == "OBSERVATIONAL":
        yield _tag("phase", "N/A")
    yield _tag(
        "study_type",
        "Observational [Patient Registry]" if design.get("patientRegistry") else in_words(design["studyType"]),
    )
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
        yield _tag(
            "number_of_arms" if design["studyType"] == "INTERVENTIONAL" else "number_of_groups", len(arms["armGroups"])
        )
    if "enrollmentInfo" in design:
        info = design["enrollmentInfo"]
        yield _tag("enrollment", info["count"], "  ", f' type="{_DATE_TYPE[info["type"]]}"')
    for condition in protocol["conditionsModule"]["conditions"]:
        yield _tag("condition", condition)
    for arm in arms.get("armGroups", ()):
        yield "  <arm_group>\n" + _tag("arm_group_label", arm["label"], "    ")
        if "type" in arm:
            yield _tag("arm_group_type", in_words(arm["type"]), "    ")
        if "description" in arm:
            yield _tag("description", arm["description"], "    ")
        yield "  </arm_group>\n"
    for item in arms["interventions"]:
        yield f"  <intervention>\n{_tag('intervention_type', INTERVENTION_WORDS[item['type']], '    ')}{_tag('intervention_name', item['name'], '    ')}{_tag('description', item['description'], '    ')}"
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
    for name, key in (
        ("study_first_submitted", "studyFirstSubmitDate"),
        ("study_first_submitted_qc", "studyFirstSubmitQcDate"),
    ):
        yield _tag(name, long_date(status[key]))
    yield _xml_posted("study_first_posted", status["studyFirstPostDateStruct"])
    if "resultsFirstSubmitDate" in status:
        yield _tag("results_first_submitted", long_date(status["resultsFirstSubmitDate"]))
        yield _tag("results_first_submitted_qc", long_date(status["resultsFirstSubmitQcDate"]))
        yield _xml_posted("results_first_posted", status["resultsFirstPostDateStruct"])
    yield _tag("last_update_submitted", long_date(status["lastUpdateSubmitDate"])) + _tag(
        "last_update_submitted_qc", long_date(status["lastUpdateSubmitDate"])
    )
    yield _xml_posted("last_update_posted", status["lastUpdatePostDateStruct"])
    party = sponsors["responsibleParty"]
    yield "  <responsible_party>\n" + _tag("responsible_party_type", in_words(party["type"]), "    ")
    for name, key in (
        ("investigator_affiliation", "investigatorAffiliation"),
        ("investigator_full_name", "investigatorFullName"),
        ("investigator_title", "investigatorTitle"),
    ):
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
        yield f"  <patient_data>\n{_tag('sharing_ipd', in_words(protocol['ipdSharingStatementModule']['ipdSharing']), '    ')}  </patient_data>\n"
    if "resultsSection" in document:
        yield from _xml_results(document["resultsSection"])
    else:
        yield "  <!-- Results have not yet been posted for this study                                          -->\n"
    yield "</clinical_study>\n"


def _xml_posted(name: str, struct: Study) -> str:
    return _tag(
        name, long_date(struct["date"]), "  ", f' type="{"Actual" if struct["type"] == "ACTUAL" else "Estimate"}"'
    )


def _xml_design(design: Study) -> Iterator[str]:
    info = design.get("designInfo", {})
    lines: list[str] = []
    if "allocation" in info:
        lines.append(_tag("allocation", ALLOCATION_WORDS[info["allocation"]], "    "))
    if "interventionModel" in info:
        lines.append(_tag("intervention_model", MODEL_WORDS[info["interventionModel"]], "    "))
    if "primaryPurpose" in info:
        lines.append(_tag("primary_purpose", in_words(info["primaryPurpose"]), "    "))
    if "maskingInfo" in info:
        lines.append(_tag("masking", masking_words(info["maskingInfo"]), "    "))
    for name, key in (("observational_model", "observationalModel"), ("time_perspective", "timePerspective")):
        if key in info:
            lines.append(_tag(name, OBSERVATION_WORDS.get(info[key]) or in_words(info[key]), "    "))
    if lines:
        yield f"  <study_design_info>\n{''.join(lines)}  </study_design_info>\n"


def _xml_eligibility(eligibility: Study) -> Iterator[str]:
    yield "  <eligibility>\n"
    if "studyPopulation" in eligibility:
        yield _textblock("study_pop", eligibility["studyPopulation"], "    ")
        yield _tag("sampling_method", "Non-Probability Sample", "    ")
    yield _textblock("criteria", eligibility["eligibilityCriteria"], "    ")
    yield _tag("gender", in_words(eligibility["sex"]), "    ")
    yield _tag("minimum_age", eligibility.get("minimumAge", "N/A"), "    ") + _tag(
        "maximum_age", eligibility.get("maximumAge", "N/A"), "    "
    )
    yield (
        _tag("healthy_volunteers", "Accepts Healthy Volunteers" if eligibility["healthyVolunteers"] else "No", "    ")
        + "  </eligibility>\n"
    )


def _xml_contact(name: str, contact: Study, indent: str) -> str:
    inner = indent + "  "
    return f"{indent}<{name}>\n{_tag('last_name', contact['name'], inner)}{_tag('phone', contact['phone'], inner)}{_tag('email', contact['email'], inner)}{indent}</{name}>\n"


def _xml_places(places: Study) -> Iterator[str]:
    for official in places.get("overallOfficials", ()):
        yield f"  <overall_official>\n{_tag('last_name', official['name'], '    ')}{_tag('role', in_words(official['role']), '    ')}{_tag('affiliation', official['affiliation'], '    ')}  </overall_official>\n"
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
            yield _tag("status", STATUS_WORDS[place["status"]], "    ")
        for contact in place.get("contacts", ()):
            yield _xml_contact("contact", contact, "    ")
        yield "  </location>\n"
    if countries:
        yield (
            "  <location_countries>\n"
            + "".join(_tag("country", country, "    ") for country in countries)
            + "  </location_countries>\n"
        )


def _xml_group_id(id: str) -> str:
    """FG000 is P1, OG001 is O2."""
    return f"{'P' if id[0] == 'F' else id[0]}{int(id[2:]) + 1}"


def _xml_groups(groups: list[Study], indent: str) -> str:
    inner = indent + "    "
    body = "".join(
        f'{indent}  <group group_id="{_xml_group_id(group["id"])}">\n{_tag("title", group["title"], inner)}{_tag("description", group["description"], inner)}{indent}  </group>\n'
        for group in groups
    )
    return f"{indent}<group_list>\n{body}{indent}</group_list>\n"


def _xml_participants(counts: list[Study], indent: str) -> str:
    body = "".join(
        f'{indent}  <participants group_id="{_xml_group_id(item["groupId"])}" count="{item["numSubjects"]}"/>\n'
        for item in counts
    )
    return f"{indent}<participants_list>\n{body}{indent}</participants_list>\n"


def _xml_analyzed(denoms: list[Study], indent: str) -> str:
    body = "".join(
        f"{indent}  <analyzed>\n{_tag('units', denom['units'], indent + '    ')}{_tag('scope', 'Overall', indent + '    ')}{indent}    <count_list>\n"
        + "".join(
            f'{indent}      <count group_id="{_xml_group_id(item["groupId"])}" value="{item["value"]}"/>\n'
            for item in denom["counts"]
        )
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
    parts.append(_tag("param", in_words(measure["paramType"]).replace(" Of ", " of "), inner))
    if "dispersionType" in measure:
        kind = measure["dispersionType"]
        parts.append(_tag("dispersion", in_words(kind) if kind.isupper() else kind, inner))
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
                    f' {name}="{item[key]}"'
                    for name, key in (
                        ("spread", "spread"),
                        ("lower_limit", "lowerLimit"),
                        ("upper_limit", "upperLimit"),
                    )
                    if key in item
                )
                parts.append(
                    f'{inner}          <measurement group_id="{_xml_group_id(item["groupId"])}" value="{item["value"]}"{extra}/>\n'
                )
            parts.append(f"{inner}        </measurement_list>\n{inner}      </category>\n")
        parts.append(f"{inner}    </category_list>\n{inner}  </class>\n")
    parts.append(f"{inner}</class_list>\n{indent}</measure>\n")
    return "".join(parts)


def _xml_results(results: Study) -> Iterator[str]:
    flow, baseline = results["participantFlowModule"], results["baselineCharacteristicsModule"]
    yield (
        "  <clinical_results>\n    <participant_flow>\n"
        + _xml_groups(flow["groups"], "      ")
        + "      <period_list>\n"
    )
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
    yield (
        _xml_groups(baseline["groups"], "      ")
        + _xml_analyzed(baseline["denoms"], "      ")
        + "      <measure_list>\n"
    )
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
    yield f"    <point_of_contact>\n{_tag('name_or_title', contact['title'], '      ')}{_tag('organization', contact['organization'], '      ')}"
    yield (
        "".join(_tag(key, contact[key], "      ") for key in ("phone", "email") if key in contact)
        + "    </point_of_contact>\n"
    )
    yield "  </clinical_results>\n"


def _xml_outcome(outcome: Study) -> Iterator[str]:
    yield f"      <outcome>\n{_tag('type', in_words(outcome['type']), '        ')}{_tag('title', outcome['title'], '        ')}{_tag('time_frame', outcome['timeFrame'], '        ')}"
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
            yield f"{inner}</group_id_list>\n" + _tag(
                "non_inferiority_type", NON_INFERIORITY_WORDS[analysis["nonInferiorityType"]], inner
            )
            for name, key in (
                ("p_value", "pValue"),
                ("method", "statisticalMethod"),
                ("param_type", "paramType"),
                ("param_value", "paramValue"),
                ("ci_percent", "ciPctValue"),
            ):
                yield _tag(name, analysis[key], inner)
            yield (
                _tag("ci_n_sides", "2-Sided", inner)
                + _tag("ci_lower_limit", analysis["ciLowerLimit"], inner)
                + _tag("ci_upper_limit", analysis["ciUpperLimit"], inner)
            )
            yield "          </analysis>\n"
        yield "        </analysis_list>\n"
    yield "      </outcome>\n"


def _xml_events(module: Study) -> Iterator[str]:
    yield (
        "    <reported_events>\n"
        + _tag("time_frame", module["timeFrame"], "      ")
        + _xml_groups(module["eventGroups"], "      ")
    )
    for name, key, total in (("serious_events", "seriousEvents", "serious"), ("other_events", "otherEvents", "other")):
        if key not in module:
            continue
        yield f"      <{name}>\n"
        if total == "other":
            yield _tag("frequency_threshold", module["frequencyThreshold"], "        ")
        yield (
            _tag("default_vocab", "MedDRA (26.0)", "        ")
            + _tag("default_assessment", "Systematic Assessment", "        ")
            + "        <category_list>\n"
        )
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
    identification, status, design = (
        protocol["identificationModule"],
        protocol["statusModule"],
        protocol["designModule"],
    )
    sponsors, eligibility, arms = (
        protocol["sponsorCollaboratorsModule"],
        protocol["eligibilityModule"],
        protocol["armsInterventionsModule"],
    )
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

    ids: Study = {
        "NCTId": identification["nctId"],
        "OrgStudyIdInfo": {"OrgStudyId": identification["orgStudyIdInfo"]["id"]},
    }
    if "secondaryIdInfos" in identification:
        words = {
            "EUDRACT_NUMBER": "EudraCT Number",
            "REGISTRY": "Registry Identifier",
            "OTHER": "Other Identifier",
            "CTIS": "Registry Identifier",
        }
        ids["SecondaryIdInfoList"] = {
            "SecondaryIdInfo": [
                {"SecondaryId": item["id"]}
                | ({"SecondaryIdType": words[item["type"]]} if "type" in item else {})
                | ({"SecondaryIdDomain": item["domain"]} if "domain" in item else {})
                for item in identification["secondaryIdInfos"]
            ]
        }
    ids |= {
        "Organization": {
            "OrgFullName": identification["organization"]["fullName"],
            "OrgClass": identification["organization"]["class"],
        },
        "BriefTitle": identification["briefTitle"],
    }
    if "officialTitle" in identification:
        ids["OfficialTitle"] = identification["officialTitle"]
    if "acronym" in identification:
        ids["Acronym"] = identification["acronym"]
    state: Study = {
        "StatusVerifiedDate": long_date(status["statusVerifiedDate"]),
        "OverallStatus": STATUS_WORDS[status["overallStatus"]],
    }
    if "lastKnownStatus" in status:
        state["LastKnownStatus"] = STATUS_WORDS[status["lastKnownStatus"]]
    if "whyStopped" in status:
        state["WhyStopped"] = status["whyStopped"]
    state["ExpandedAccessInfo"] = {"HasExpandedAccess": "No"}
    state |= (
        dated("Start", "startDateStruct")
        | dated("PrimaryCompletion", "primaryCompletionDateStruct")
        | dated("Completion", "completionDateStruct")
    )
    state |= {
        "StudyFirstSubmitDate": long_date(status["studyFirstSubmitDate"]),
        "StudyFirstSubmitQCDate": long_date(status["studyFirstSubmitQcDate"]),
    }
    state |= dated("StudyFirstPost", "studyFirstPostDateStruct")
    if "resultsFirstSubmitDate" in status:
        state["ResultsFirstSubmitDate"] = state["ResultsFirstSubmitQCDate"] = long_date(
            status["resultsFirstSubmitDate"]
        )
        state |= dated("ResultsFirstPost", "resultsFirstPostDateStruct")
    state |= {"LastUpdateSubmitDate": long_date(status["lastUpdateSubmitDate"])} | dated(
        "LastUpdatePost", "lastUpdatePostDateStruct"
    )
    parties: Study = {
        "ResponsibleParty": {"ResponsiblePartyType": in_words(sponsors["responsibleParty"]["type"])},
        "LeadSponsor": {
            "LeadSponsorName": sponsors["leadSponsor"]["name"],
            "LeadSponsorClass": sponsors["leadSponsor"]["class"],
        },
    }
    if "collaborators" in sponsors:
        parties["CollaboratorList"] = {
            "Collaborator": [
                {"CollaboratorName": item["name"], "CollaboratorClass": item["class"]}
                for item in sponsors["collaborators"]
            ]
        }
    plan: Study = {"StudyType": in_words(design["studyType"])}
    if "phases" in design:
        plan["PhaseList"] = {
            "Phase": [PHASE_WORDS[phase].replace("N/A", "Not Applicable") for phase in design["phases"]]
        }
    if "interventionModel" in info:
        details: Study = {}
        if "allocation" in info:
            details["DesignAllocation"] = ALLOCATION_WORDS[info["allocation"]]
        details["DesignInterventionModel"] = MODEL_WORDS[info["interventionModel"]]
        if "primaryPurpose" in info:
            details["DesignPrimaryPurpose"] = in_words(info["primaryPurpose"])
        if "maskingInfo" in info:
            masking = info["maskingInfo"]
            details["DesignMaskingInfo"] = {
                "DesignMasking": "None (Open Label)" if masking["masking"] == "NONE" else in_words(masking["masking"])
            }
            if "whoMasked" in masking:
                details["DesignMaskingInfo"]["DesignWhoMaskedList"] = {
                    "DesignWhoMasked": [in_words(role) for role in masking["whoMasked"]]
                }
        plan["DesignInfo"] = details
    elif info:
        plan["DesignInfo"] = {
            "DesignObservationalModelList": {
                "DesignObservationalModel": [
                    OBSERVATION_WORDS.get(info["observationalModel"]) or in_words(info["observationalModel"])
                ]
            },
            "DesignTimePerspectiveList": {
                "DesignTimePerspective": [
                    OBSERVATION_WORDS.get(info["timePerspective"]) or in_words(info["timePerspective"])
                ]
            },
        }
    if "enrollmentInfo" in design:
        plan["EnrollmentInfo"] = {
            "EnrollmentCount": str(design["enrollmentInfo"]["count"]),
            "EnrollmentType": _DATE_TYPE[design["enrollmentInfo"]["type"]],
        }
    treatments: Study = {}
    if "armGroups" in arms:
        treatments["ArmGroupList"] = {
            "ArmGroup": [
                {"ArmGroupLabel": arm["label"]}
                | ({"ArmGroupType": in_words(arm["type"])} if "type" in arm else {})
                | ({"ArmGroupDescription": arm["description"]} if "description" in arm else {})
                | (
                    {"ArmGroupInterventionList": {"ArmGroupInterventionName": arm["interventionNames"]}}
                    if "interventionNames" in arm
                    else {}
                )
                for arm in arms["armGroups"]
            ]
        }
    treatments["InterventionList"] = {
        "Intervention": [
            {
                "InterventionType": INTERVENTION_WORDS[item["type"]],
                "InterventionName": item["name"],
                "InterventionDescription": item["description"],
            }
            | (
                {"InterventionArmGroupLabelList": {"InterventionArmGroupLabel": item["armGroupLabels"]}}
                if "armGroupLabels" in item
                else {}
            )
            | (
                {"InterventionOtherNameList": {"InterventionOtherName": item["otherNames"]}}
                if "otherNames" in item
                else {}
            )
            for item in arms["interventions"]
        ]
    }
    section: Study = {
        "IdentificationModule": ids,
        "StatusModule": state,
        "SponsorCollaboratorsModule": parties,
        "OversightModule": {"OversightHasDMC": "Yes" if protocol["oversightModule"]["oversightHasDmc"] else "No"},
        "DescriptionModule": {"BriefSummary": plain(protocol["descriptionModule"]["briefSummary"])},
        "ConditionsModule": {
            "ConditionList": {"Condition": protocol["conditionsModule"]["conditions"]},
            "KeywordList": {"Keyword": protocol["conditionsModule"]["keywords"]},
        },
        "DesignModule": plan,
        "ArmsInterventionsModule": treatments,
    }
    if "detailedDescription" in protocol["descriptionModule"]:
        section["DescriptionModule"]["DetailedDescription"] = plain(
            protocol["descriptionModule"]["detailedDescription"]
        )
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
        "EligibilityCriteria": plain(eligibility["eligibilityCriteria"]),
        "HealthyVolunteers": "Accepts Healthy Volunteers" if eligibility["healthyVolunteers"] else "No",
        "Gender": in_words(eligibility["sex"]),
    }
    for name, key in (("MinimumAge", "minimumAge"), ("MaximumAge", "maximumAge")):
        if key in eligibility:
            who[name] = eligibility[key]
    section["EligibilityModule"] = who | {"StdAgeList": {"StdAge": [in_words(band) for band in eligibility["stdAges"]]}}
    locations = protocol.get("contactsLocationsModule", {}).get("locations", ())
    if locations:
        section["ContactsLocationsModule"] = {
            "LocationList": {
                "Location": [
                    {
                        f"Location{key.capitalize()}": place[key]
                        for key in ("facility", "city", "state", "zip", "country")
                        if key in place
                    }
                    for place in locations
                ]
            }
        }
    references = protocol.get("referencesModule", {}).get("references", ())
    if references:
        section["ReferencesModule"] = {
            "ReferenceList": {
                "Reference": [
                    {
                        "ReferencePMID": item["pmid"],
                        "ReferenceType": item["type"].lower(),
                        "ReferenceCitation": item["citation"],
                    }
                    for item in references
                ]
            }
        }
    meshes = document["derivedSection"]["conditionBrowseModule"]["meshes"]
    study = {"ProtocolSection": section}
    if "resultsSection" in document:
        study["ResultsSection"] = _v1_results(document["resultsSection"])
    return study | {
        "DerivedSection": {
            "MiscInfoModule": {"VersionHolder": long_date(SNAPSHOT.isoformat())},
            "ConditionBrowseModule": {
                "ConditionMeshList": {
                    "ConditionMesh": [
                        {"ConditionMeshId": mesh["id"], "ConditionMeshTerm": mesh["term"]} for mesh in meshes
                    ]
                }
            },
        },
    }


_V1_ITEMS = {
    "groups": "Group", "periods": "Period", "milestones": "Milestone", "achievements": "Achievement",
    "dropWithdraws": "DropWithdraw", "reasons": "Reason", "denoms": "Denom", "counts": "DenomCount", "measures": "Measure",
    "classes": "Class", "categories": "Category", "measurements": "Measurement", "outcomeMeasures": "Measure",
    "analyses": "Analysis", "groupIds": "AnalysisGroupId", "eventGroups": "Group", "seriousEvents": "SeriousEvent",
    "otherEvents": "OtherEvent",
}  # fmt: skip
"""What an item of a list is called, after the name of its module."""
_V1_TOKENS = ("paramType", "dispersionType", "reportingStatus", "assessmentType", "nonInferiorityType")


def _v1_results(results: Study) -> Study:
    more = results["moreInfoModule"]
    employee = "Yes" if more["certainAgreement"]["piSponsorEmployee"] else "No"
    contact = {"title": "Title", "organization": "Organization", "phone": "Phone", "email": "EMail"}
    sections: Study = {}
    for module, prefix in (
        ("participantFlowModule", "Flow"),
        ("baselineCharacteristicsModule", "Baseline"),
        ("outcomeMeasuresModule", "Outcome"),
        ("adverseEventsModule", "Event"),
    ):
        if module in results:
            own = "Events" if prefix == "Event" else prefix
            sections[module[0].upper() + module[1:]] = _v1_part(results[module], prefix, own)
    sections["MoreInfoModule"] = {
        "CertainAgreement": {"AgreementPISponsorEmployee": employee, "AgreementRestrictiveAgreement": "No"},
        "PointOfContact": {
            f"PointOfContact{name}": more["pointOfContact"][key]
            for key, name in contact.items()
            if key in more["pointOfContact"]
        },
    }
    return sections


def _v1_part(part: Study, module: str, name: str) -> Study:
    """A part of the results, whose fields are named after it and whose lists are named after the module."""
    named: Study = {}
    for key, value in part.items():
        if isinstance(value, list):
            item = (
                f"{name}Stats"
                if key == "stats"
                else _V1_ITEMS[key]
                if key.endswith("Events")
                else module + _V1_ITEMS[key]
            )
            if value:
                named[f"{item}List"] = {
                    item: [_v1_part(one, module, item) if isinstance(one, dict) else one for one in value]
                }
            continue
        text = str(value)
        if key == "ciNumSides":
            text = "2-Sided"
        elif (key in _V1_TOKENS and text.isupper()) or name + key == "OutcomeMeasuretype":
            text = in_words(text).replace(" Of ", " of ")
        field = f"CI{key[2:]}" if key.startswith("ci") else key[0].upper() + key[1:]
        named[name + field] = text
    return named
