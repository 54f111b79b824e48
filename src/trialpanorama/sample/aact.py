"""AACT: the API v2 documents of studies as rows of a database, exported as one zip of pipe-delimited tables.

Tables, columns and what goes into them are those of AACT's flat files of September 2026.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trialpanorama.sample import clinicaltrials_gov
from trialpanorama.sample._files import zip_member
from trialpanorama.sample._native import Native
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import Registration, Trial

Rows = dict[str, list[dict[str, Any]]]

_STUDIES = (
    "nct_id nlm_download_date_description study_first_submitted_date results_first_submitted_date "
    "disposition_first_submitted_date last_update_submitted_date study_first_submitted_qc_date study_first_posted_date "
    "study_first_posted_date_type results_first_submitted_qc_date results_first_posted_date "
    "results_first_posted_date_type disposition_first_submitted_qc_date disposition_first_posted_date "
    "disposition_first_posted_date_type last_update_submitted_qc_date last_update_posted_date "
    "last_update_posted_date_type start_month_year start_date_type start_date verification_month_year "
    "verification_date completion_month_year completion_date_type completion_date primary_completion_month_year "
    "primary_completion_date_type primary_completion_date target_duration study_type acronym baseline_population "
    "brief_title official_title overall_status last_known_status phase enrollment enrollment_type source "
    "limitations_and_caveats number_of_arms number_of_groups why_stopped has_expanded_access "
    "expanded_access_type_individual expanded_access_type_intermediate expanded_access_type_treatment has_dmc "
    "is_fda_regulated_drug is_fda_regulated_device is_unapproved_device is_ppsd is_us_export biospec_retention "
    "biospec_description ipd_time_frame ipd_access_criteria ipd_url plan_to_share_ipd plan_to_share_ipd_description "
    "created_at updated_at source_class delayed_posting expanded_access_nctid expanded_access_status_for_nctid "
    "fdaaa801_violation baseline_type_units_analyzed patient_registry"
)
_MEASURED = (
    "classification category title description units param_type param_value param_value_num dispersion_type "
    "dispersion_value dispersion_value_num dispersion_lower_limit dispersion_upper_limit explanation_of_na"
)
TABLES = {"studies": _STUDIES.split()} | {
    name: ["id", *columns.split()]
    for name, columns in {
        "baseline_counts": "nct_id result_group_id ctgov_group_code units scope count",
        "baseline_measurements": f"nct_id result_group_id ctgov_group_code {_MEASURED} number_analyzed "
        "number_analyzed_units population_description calculate_percentage",
        "brief_summaries": "nct_id description",
        "browse_conditions": "nct_id mesh_term downcase_mesh_term mesh_type",
        "browse_interventions": "nct_id mesh_term downcase_mesh_term mesh_type",
        "calculated_values": "nct_id number_of_facilities registered_in_calendar_year nlm_download_date "
        "were_results_reported has_single_facility",
        "central_contacts": "nct_id contact_type name phone email phone_extension role",
        "conditions": "nct_id name downcase_name",
        "countries": "nct_id name removed",
        "design_group_interventions": "nct_id design_group_id intervention_id",
        "design_groups": "nct_id group_type title description",
        "design_outcomes": "nct_id outcome_type measure time_frame population description",
        "designs": "nct_id allocation intervention_model observational_model primary_purpose time_perspective masking "
        "masking_description intervention_model_description subject_masked caregiver_masked investigator_masked "
        "outcomes_assessor_masked",
        "detailed_descriptions": "nct_id description",
        "documents": "nct_id document_id document_type url comment",
        "drop_withdrawals": "nct_id result_group_id ctgov_group_code period reason count drop_withdraw_comment "
        "reason_comment count_units",
        "eligibilities": "nct_id sampling_method gender minimum_age maximum_age healthy_volunteers population criteria "
        "gender_description gender_based adult child older_adult",
        "facilities": "nct_id status name city state zip country latitude longitude",
        "facility_contacts": "nct_id facility_id contact_type name email phone phone_extension",
        "facility_investigators": "nct_id facility_id role name",
        "id_information": "nct_id id_source id_value id_type id_type_description id_link",
        "intervention_other_names": "nct_id intervention_id name",
        "interventions": "nct_id intervention_type name description",
        "ipd_information_types": "nct_id name",
        "keywords": "nct_id name downcase_name",
        "links": "nct_id url description",
        "milestones": "nct_id result_group_id ctgov_group_code title period description count milestone_description "
        "count_units",
        "outcome_analyses": "nct_id outcome_id non_inferiority_type non_inferiority_description param_type param_value "
        "dispersion_type dispersion_value p_value_modifier p_value ci_n_sides ci_percent ci_lower_limit ci_upper_limit "
        "ci_upper_limit_na_comment p_value_description method method_description estimate_description "
        "groups_description other_analysis_description ci_upper_limit_raw ci_lower_limit_raw p_value_raw",
        "outcome_analysis_groups": "nct_id outcome_analysis_id result_group_id ctgov_group_code",
        "outcome_counts": "nct_id outcome_id result_group_id ctgov_group_code scope units count",
        "outcome_measurements": f"nct_id outcome_id result_group_id ctgov_group_code {_MEASURED} "
        "dispersion_upper_limit_raw dispersion_lower_limit_raw",
        "outcomes": "nct_id outcome_type title description time_frame population anticipated_posting_date "
        "anticipated_posting_month_year units units_analyzed dispersion_type param_type",
        "overall_officials": "nct_id role name affiliation",
        "participant_flows": "nct_id recruitment_details pre_assignment_details units_analyzed",
        "pending_results": "nct_id event event_date_description event_date",
        "provided_documents": "nct_id document_type has_protocol has_icf has_sap document_date url",
        "reported_event_totals": "nct_id ctgov_group_code event_type classification subjects_affected subjects_at_risk "
        "created_at updated_at",
        "reported_events": "nct_id result_group_id ctgov_group_code time_frame event_type default_vocab "
        "default_assessment subjects_affected subjects_at_risk description event_count organ_system "
        "adverse_event_term frequency_threshold vocab assessment",
        "responsible_parties": "nct_id responsible_party_type name title organization affiliation old_name_title",
        "result_agreements": "nct_id pi_employee agreement restriction_type other_details restrictive_agreement",
        "result_contacts": "nct_id organization name phone email extension",
        "result_groups": "nct_id ctgov_group_code result_type title description outcome_id",
        "retractions": "reference_id pmid source nct_id",
        "search_results": "nct_id name created_at updated_at grouping study_search_id",
        "sponsors": "nct_id agency_class lead_or_collaborator name",
        "study_references": "nct_id pmid reference_type citation",
    }.items()
}
"""The columns of each table."""


class Database:
    """The rows of one study, with ids that are unique in their table."""

    def __init__(self, nct_id: str) -> None:
        self.rows: Rows = {}
        self._nct_id = nct_id
        self._id = int(nct_id[3:]) * 100_000

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; returns its id."""
        rows = self.rows.setdefault(table, [])
        id = self._id + len(rows) + 1
        rows.append({"id": id, "nct_id": self._nct_id} | values)
        return id


def tables(document: dict[str, Any]) -> Rows:
    """The rows of an API v2 document, table by table."""
    protocol = document["protocolSection"]
    identification = protocol["identificationModule"]
    database = Database(identification["nctId"])
    derived = document.get("derivedSection", {})
    results = document.get("resultsSection", {})
    _study(database, document, protocol, results)
    _identification(database, identification)
    _people(database, protocol)
    description = protocol.get("descriptionModule", {})
    if "briefSummary" in description:
        database.insert("brief_summaries", description=description["briefSummary"])
    if "detailedDescription" in description:
        database.insert("detailed_descriptions", description=description["detailedDescription"])
    for table, key in (("conditions", "conditions"), ("keywords", "keywords")):
        for name in protocol.get("conditionsModule", {}).get(key, ()):
            database.insert(table, name=name, downcase_name=name.lower())
    _design(database, protocol)
    _eligibility(database, protocol.get("eligibilityModule", {}))
    _places(database, protocol.get("contactsLocationsModule", {}), derived.get("miscInfoModule", {}))
    _references(database, protocol.get("referencesModule", {}))
    for name in protocol.get("ipdSharingStatementModule", {}).get("infoTypes", ()):
        database.insert("ipd_information_types", name=name)
    for item in document.get("documentSection", {}).get("largeDocumentModule", {}).get("largeDocs", ()):
        database.insert(
            "provided_documents",
            document_type=item.get("label"),
            has_protocol=item.get("hasProtocol"),
            has_sap=item.get("hasSap"),
            has_icf=item.get("hasIcf"),
            document_date=item.get("date"),
            url=f"https://cdn.clinicaltrials.gov/large-docs/{identification['nctId'][-2:]}/"
            f"{identification['nctId']}/{item['filename']}"
            if "filename" in item
            else None,
        )
    for table, module in (
        ("browse_conditions", "conditionBrowseModule"),
        ("browse_interventions", "interventionBrowseModule"),
    ):
        for kind, key in (("mesh-list", "meshes"), ("mesh-ancestor", "ancestors")):
            for mesh in derived.get(module, {}).get(key, ()):
                term = mesh["term"]
                database.insert(table, mesh_term=term, downcase_mesh_term=term.lower(), mesh_type=kind)
    if results:
        _flow(database, results.get("participantFlowModule", {}))
        _baseline(database, results.get("baselineCharacteristicsModule", {}))
        for outcome in results.get("outcomeMeasuresModule", {}).get("outcomeMeasures", ()):
            _outcome(database, outcome)
        _adverse_events(database, results.get("adverseEventsModule", {}))
        more = results.get("moreInfoModule", {})
        if agreement := more.get("certainAgreement"):
            database.insert(
                "result_agreements",
                pi_employee="Yes" if agreement.get("piSponsorEmployee") else "No",
                restrictive_agreement=agreement.get("restrictiveAgreement"),
            )
        if point := more.get("pointOfContact"):
            database.insert(
                "result_contacts",
                organization=point.get("organization"),
                name=point.get("title"),
                phone=point.get("phone"),
                email=point.get("email"),
                extension=point.get("phoneExt"),
            )
    return database.rows


def _whole_day(date: str | None) -> str | None:
    """A date of a month as AACT keeps it in a column of days."""
    return f"{date}-01" if date and len(date) == 7 else date


def _study(database: Database, document: dict[str, Any], protocol: dict[str, Any], results: dict[str, Any]) -> None:
    identification, status = protocol["identificationModule"], protocol.get("statusModule", {})
    design, oversight = protocol.get("designModule", {}), protocol.get("oversightModule", {})
    sharing = protocol.get("ipdSharingStatementModule", {})
    enrollment = design.get("enrollmentInfo", {})
    arms = len(protocol.get("armsInterventionsModule", {}).get("armGroups", ()))
    baseline = results.get("baselineCharacteristicsModule", {})
    interventional = design.get("studyType") == "INTERVENTIONAL"
    values: dict[str, Any] = {
        "study_first_submitted_date": status.get("studyFirstSubmitDate"),
        "study_first_submitted_qc_date": status.get("studyFirstSubmitQcDate"),
        "results_first_submitted_date": status.get("resultsFirstSubmitDate"),
        "results_first_submitted_qc_date": status.get("resultsFirstSubmitQcDate"),
        "last_update_submitted_date": status.get("lastUpdateSubmitDate"),
        "verification_month_year": status.get("statusVerifiedDate"),
        "verification_date": _whole_day(status.get("statusVerifiedDate")),
        "target_duration": design.get("targetDuration"),
        "study_type": design.get("studyType"),
        "acronym": identification.get("acronym"),
        "baseline_population": baseline.get("populationDescription"),
        "baseline_type_units_analyzed": baseline.get("typeUnitsAnalyzed"),
        "brief_title": identification.get("briefTitle"),
        "official_title": identification.get("officialTitle"),
        "overall_status": status.get("overallStatus"),
        "last_known_status": status.get("lastKnownStatus"),
        "phase": "/".join(design.get("phases", ())),
        "enrollment": enrollment.get("count"),
        "enrollment_type": enrollment.get("type"),
        "source": identification.get("organization", {}).get("fullName"),
        "source_class": identification.get("organization", {}).get("class"),
        "limitations_and_caveats": results.get("moreInfoModule", {})
        .get("limitationsAndCaveats", {})
        .get("description"),
        "number_of_arms": arms if arms and interventional else None,
        "number_of_groups": arms if arms and not interventional else None,
        "why_stopped": status.get("whyStopped"),
        "has_expanded_access": status.get("expandedAccessInfo", {}).get("hasExpandedAccess"),
        "has_dmc": oversight.get("oversightHasDmc"),
        "is_fda_regulated_drug": oversight.get("isFdaRegulatedDrug"),
        "is_fda_regulated_device": oversight.get("isFdaRegulatedDevice"),
        "biospec_retention": design.get("bioSpec", {}).get("retention"),
        "biospec_description": design.get("bioSpec", {}).get("description"),
        "ipd_url": sharing.get("url"),
        "plan_to_share_ipd": sharing.get("ipdSharing"),
        "plan_to_share_ipd_description": sharing.get("description"),
        "patient_registry": design.get("patientRegistry"),
        "created_at": "2025-06-30 04:12:41.123456",
        "updated_at": "2025-06-30 04:12:41.123456",
    }
    for name, key in (
        ("start", "startDate"),
        ("completion", "completionDate"),
        ("primary_completion", "primaryCompletionDate"),
    ):
        struct = status.get(f"{key}Struct", {})
        values[f"{name}_month_year"] = struct.get("date")
        values[f"{name}_date"] = _whole_day(struct.get("date"))
        values[f"{name}_date_type"] = struct.get("type")
    for name, key in (("study_first", "studyFirst"), ("results_first", "resultsFirst"), ("last_update", "lastUpdate")):
        struct = status.get(f"{key}PostDateStruct", {})
        values[f"{name}_posted_date"] = struct.get("date")
        values[f"{name}_posted_date_type"] = struct.get("type")
    database.insert("studies", **values)
    database.insert(
        "calculated_values",
        number_of_facilities=len(protocol.get("contactsLocationsModule", {}).get("locations", ())) or None,
        nlm_download_date=document.get("derivedSection", {}).get("miscInfoModule", {}).get("versionHolder"),
        were_results_reported=bool(document.get("hasResults")),
    )


def _identification(database: Database, module: dict[str, Any]) -> None:
    given = [("org_study_id", module["orgStudyIdInfo"])] if "orgStudyIdInfo" in module else []
    given += [("secondary_id", item) for item in module.get("secondaryIdInfos", ())]
    given += [("nct_alias", {"id": alias}) for alias in module.get("nctIdAliases", ())]
    for source, item in given:
        database.insert(
            "id_information",
            id_source=source,
            id_value=item.get("id"),
            id_type=item.get("type"),
            id_type_description=item.get("domain"),
            id_link=item.get("link"),
        )


def _people(database: Database, protocol: dict[str, Any]) -> None:
    module = protocol.get("sponsorCollaboratorsModule", {})
    for role, agencies in (
        ("lead", [module["leadSponsor"]] if "leadSponsor" in module else []),
        ("collaborator", module.get("collaborators", ())),
    ):
        for agency in agencies:
            database.insert(
                "sponsors", agency_class=agency.get("class"), lead_or_collaborator=role, name=agency.get("name")
            )
    if party := module.get("responsibleParty"):
        database.insert(
            "responsible_parties",
            responsible_party_type=party.get("type"),
            name=party.get("investigatorFullName"),
            title=party.get("investigatorTitle"),
            affiliation=party.get("investigatorAffiliation"),
            old_name_title=party.get("oldNameTitle"),
            organization=party.get("oldOrganization"),
        )


def _design(database: Database, protocol: dict[str, Any]) -> None:
    info = protocol.get("designModule", {}).get("designInfo")
    if info is not None:
        masking = info.get("maskingInfo", {})
        masked = masking.get("whoMasked", ())
        database.insert(
            "designs",
            allocation=info.get("allocation"),
            intervention_model=info.get("interventionModel"),
            observational_model=info.get("observationalModel"),
            primary_purpose=info.get("primaryPurpose"),
            time_perspective=info.get("timePerspective"),
            masking=masking.get("masking"),
            masking_description=masking.get("maskingDescription"),
            intervention_model_description=info.get("interventionModelDescription"),
            subject_masked="PARTICIPANT" in masked or None,
            caregiver_masked="CARE_PROVIDER" in masked or None,
            investigator_masked="INVESTIGATOR" in masked or None,
            outcomes_assessor_masked="OUTCOMES_ASSESSOR" in masked or None,
        )
    module = protocol.get("armsInterventionsModule", {})
    groups = {
        arm.get("label"): database.insert(
            "design_groups", group_type=arm.get("type"), title=arm.get("label"), description=arm.get("description")
        )
        for arm in module.get("armGroups", ())
    }
    for item in module.get("interventions", ()):
        id = database.insert(
            "interventions",
            intervention_type=item.get("type"),
            name=item.get("name"),
            description=item.get("description"),
        )
        for label in item.get("armGroupLabels", ()):
            if label in groups:
                database.insert("design_group_interventions", design_group_id=groups[label], intervention_id=id)
        for name in item.get("otherNames", ()):
            database.insert("intervention_other_names", intervention_id=id, name=name)
    for kind in ("primary", "secondary", "other"):
        for outcome in protocol.get("outcomesModule", {}).get(f"{kind}Outcomes", ()):
            database.insert(
                "design_outcomes",
                outcome_type=kind,
                measure=outcome.get("measure"),
                time_frame=outcome.get("timeFrame"),
                description=outcome.get("description"),
            )


def _eligibility(database: Database, module: dict[str, Any]) -> None:
    ages = module.get("stdAges", ())
    database.insert(
        "eligibilities",
        sampling_method=module.get("samplingMethod"),
        gender=module.get("sex"),
        minimum_age=module.get("minimumAge", "N/A"),
        maximum_age=module.get("maximumAge", "N/A"),
        healthy_volunteers=module.get("healthyVolunteers"),
        population=module.get("studyPopulation"),
        criteria=module.get("eligibilityCriteria"),
        gender_description=module.get("genderDescription"),
        gender_based=module.get("genderBased"),
        adult="ADULT" in ages,
        child="CHILD" in ages,
        older_adult="OLDER_ADULT" in ages,
    )


def _places(database: Database, module: dict[str, Any], misc: dict[str, Any]) -> None:
    for number, contact in enumerate(module.get("centralContacts", ())):
        database.insert(
            "central_contacts",
            contact_type="backup" if number else "primary",
            name=contact.get("name"),
            phone=contact.get("phone"),
            email=contact.get("email"),
            phone_extension=contact.get("phoneExt"),
            role=contact.get("role"),
        )
    for official in module.get("overallOfficials", ()):
        database.insert(
            "overall_officials",
            role=official.get("role"),
            name=official.get("name"),
            affiliation=official.get("affiliation"),
        )
    locations = module.get("locations", ())
    for place in locations:
        point = place.get("geoPoint", {})
        id = database.insert(
            "facilities",
            status=place.get("status"),
            name=place.get("facility"),
            city=place.get("city"),
            state=place.get("state"),
            zip=place.get("zip"),
            country=place.get("country"),
            latitude=point.get("lat"),
            longitude=point.get("lon"),
        )
        for number, contact in enumerate(place.get("contacts", ())):
            if contact.get("role") in ("CONTACT", None):
                database.insert(
                    "facility_contacts",
                    facility_id=id,
                    contact_type="backup" if number else "primary",
                    name=contact.get("name"),
                    email=contact.get("email"),
                    phone=contact.get("phone"),
                    phone_extension=contact.get("phoneExt"),
                )
            else:
                database.insert(
                    "facility_investigators", facility_id=id, role=contact.get("role"), name=contact.get("name")
                )
    for name in dict.fromkeys(place["country"] for place in locations if "country" in place):
        database.insert("countries", name=name, removed=False)
    for name in misc.get("removedCountries", ()):
        database.insert("countries", name=name, removed=True)


def _references(database: Database, module: dict[str, Any]) -> None:
    for item in module.get("references", ()):
        id = database.insert(
            "study_references",
            pmid=item.get("pmid"),
            reference_type=item.get("type"),
            citation=item.get("citation"),
        )
        for retraction in item.get("retractions", ()):
            database.insert(
                "retractions", reference_id=id, pmid=retraction.get("pmid"), source=retraction.get("source")
            )
    for link in module.get("seeAlsoLinks", ()):
        database.insert("links", url=link.get("url"), description=link.get("label"))
    for data in module.get("availIpds", ()):
        database.insert(
            "documents",
            document_id=data.get("id"),
            document_type=data.get("type"),
            url=data.get("url"),
            comment=data.get("comment"),
        )


# --- posted results


def _groups(
    database: Database, kind: str, groups: Iterable[dict[str, Any]], outcome: int | None = None
) -> dict[str, int]:
    return {
        group["id"]: database.insert(
            "result_groups",
            ctgov_group_code=group["id"],
            result_type=kind,
            title=group.get("title"),
            description=group.get("description"),
            outcome_id=outcome,
        )
        for group in groups
    }


def _of_group(item: dict[str, Any], groups: dict[str, int]) -> dict[str, Any]:
    code = item.get("groupId")
    return {"ctgov_group_code": code, "result_group_id": groups.get(str(code))}


def _flow(database: Database, module: dict[str, Any]) -> None:
    if not module:
        return
    database.insert(
        "participant_flows",
        recruitment_details=module.get("recruitmentDetails"),
        pre_assignment_details=module.get("preAssignmentDetails"),
        units_analyzed=module.get("typeUnitsAnalyzed"),
    )
    groups = _groups(database, "Participant Flow", module.get("groups", ()))
    for period in module.get("periods", ()):
        for milestone in period.get("milestones", ()):
            for item in milestone.get("achievements", ()):
                database.insert(
                    "milestones",
                    **_of_group(item, groups),
                    title=milestone.get("type"),
                    period=period.get("title"),
                    description=item.get("comment"),
                    count=item.get("numSubjects"),
                    milestone_description=milestone.get("comment"),
                    count_units=item.get("numUnits"),
                )
        for reason in period.get("dropWithdraws", ()):
            for item in reason.get("reasons", ()):
                database.insert(
                    "drop_withdrawals",
                    **_of_group(item, groups),
                    period=period.get("title"),
                    reason=reason.get("type"),
                    count=item.get("numSubjects"),
                    drop_withdraw_comment=reason.get("comment"),
                    reason_comment=item.get("comment"),
                    count_units=item.get("numUnits"),
                )


def _float(text: str | None) -> float | None:
    with contextlib.suppress(ValueError):
        return float((text or "").replace(",", ""))
    return None


def _analysed(group: object, units: str, *denominators: Any) -> object:
    """How many of a group were analysed, by the first denominators that there are."""
    given = next((found for found in denominators if found), ())
    counts = (count for one in given if one.get("units") == units for count in one.get("counts", ()))
    return next((count.get("value") for count in counts if count.get("groupId") == group), None)


def _measured(measure: dict[str, Any], groups: dict[str, int]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The row of each value of a measure, and the value with the denominators of its class."""
    for one in measure.get("classes", ()):
        for category in one.get("categories", ()):
            for value in category.get("measurements", ()):
                yield (
                    _of_group(value, groups)
                    | {
                        "classification": one.get("title"),
                        "category": category.get("title"),
                        "title": measure.get("title"),
                        "description": measure.get("description"),
                        "units": measure.get("unitOfMeasure"),
                        "param_type": measure.get("paramType"),
                        "param_value": value.get("value"),
                        "param_value_num": _float(value.get("value")),
                        "dispersion_type": measure.get("dispersionType"),
                        "dispersion_value": value.get("spread"),
                        "dispersion_value_num": _float(value.get("spread")),
                        "dispersion_lower_limit": _float(value.get("lowerLimit")),
                        "dispersion_upper_limit": _float(value.get("upperLimit")),
                        "explanation_of_na": value.get("comment"),
                    },
                    value | {"denoms": one.get("denoms")},
                )


def _counts(denoms: Iterable[dict[str, Any]], groups: dict[str, int]) -> Iterator[dict[str, Any]]:
    for denominator in denoms:
        for count in denominator.get("counts", ()):
            yield _of_group(count, groups) | {"units": denominator.get("units"), "count": count.get("value")}


def _baseline(database: Database, module: dict[str, Any]) -> None:
    groups = _groups(database, "Baseline", module.get("groups", ()))
    for row in _counts(module.get("denoms", ()), groups):
        database.insert("baseline_counts", scope="overall", **row)
    for measure in module.get("measures", ()):
        units = measure.get("denomUnitsSelected", "Participants")
        for row, value in _measured(measure, groups):
            percentage = measure.get("calculatePct")
            database.insert(
                "baseline_measurements",
                **row,
                number_analyzed=_analysed(
                    value.get("groupId"), units, value["denoms"], measure.get("denoms"), module.get("denoms")
                ),
                number_analyzed_units=units,
                population_description=measure.get("populationDescription"),
                calculate_percentage=None if percentage is None else "Yes" if percentage else "No",
            )


_P_VALUE = re.compile(r"([^\d.]*)(\d*\.?\d+)")


def _outcome(database: Database, outcome: dict[str, Any]) -> None:
    posting = outcome.get("anticipatedPostingDate")
    id = database.insert(
        "outcomes",
        outcome_type=outcome.get("type"),
        title=outcome.get("title"),
        description=outcome.get("description"),
        time_frame=outcome.get("timeFrame"),
        population=outcome.get("populationDescription"),
        anticipated_posting_date=_whole_day(posting),
        anticipated_posting_month_year=posting,
        units=outcome.get("unitOfMeasure"),
        units_analyzed=outcome.get("typeUnitsAnalyzed"),
        dispersion_type=outcome.get("dispersionType"),
        param_type=outcome.get("paramType"),
    )
    groups = _groups(database, "Outcome", outcome.get("groups", ()), id)
    for row in _counts(outcome.get("denoms", ()), groups):
        database.insert("outcome_counts", outcome_id=id, scope="Measure", **row)
    for row, value in _measured(outcome, groups):
        database.insert(
            "outcome_measurements",
            outcome_id=id,
            **row,
            dispersion_lower_limit_raw=value.get("lowerLimit"),
            dispersion_upper_limit_raw=value.get("upperLimit"),
        )
    for analysis in outcome.get("analyses", ()):
        p_value = _P_VALUE.search(analysis.get("pValue", ""))
        analysis_id = database.insert(
            "outcome_analyses",
            outcome_id=id,
            non_inferiority_type=analysis.get("nonInferiorityType"),
            non_inferiority_description=analysis.get("nonInferiorityComment"),
            param_type=analysis.get("paramType"),
            param_value=analysis.get("paramValue"),
            dispersion_type=analysis.get("dispersionType"),
            dispersion_value=analysis.get("dispersionValue"),
            p_value_modifier=p_value[1].strip() if p_value else None,
            p_value=p_value[2] if p_value else None,
            p_value_raw=analysis.get("pValue"),
            p_value_description=analysis.get("pValueComment"),
            ci_n_sides=analysis.get("ciNumSides"),
            ci_percent=_float(analysis.get("ciPctValue")),
            ci_lower_limit=_float(analysis.get("ciLowerLimit")),
            ci_upper_limit=_float(analysis.get("ciUpperLimit")),
            ci_lower_limit_raw=analysis.get("ciLowerLimit"),
            ci_upper_limit_raw=analysis.get("ciUpperLimit"),
            ci_upper_limit_na_comment=analysis.get("ciUpperLimitComment"),
            method=analysis.get("statisticalMethod"),
            method_description=analysis.get("statisticalComment"),
            estimate_description=analysis.get("estimateComment"),
            groups_description=analysis.get("groupDescription"),
            other_analysis_description=analysis.get("otherAnalysisDescription"),
        )
        for code in analysis.get("groupIds", ()):
            database.insert(
                "outcome_analysis_groups",
                outcome_analysis_id=analysis_id,
                result_group_id=groups.get(code),
                ctgov_group_code=code,
            )


def _adverse_events(database: Database, module: dict[str, Any]) -> None:
    groups = _groups(database, "Reported Event", module.get("eventGroups", ()))
    for group in module.get("eventGroups", ()):
        for kind, classification in (
            ("serious", "Total, serious adverse events"),
            ("other", "Total, other adverse events"),
            ("deaths", "Total, all-cause mortality"),
        ):
            database.insert(
                "reported_event_totals",
                ctgov_group_code=group["id"],
                event_type=kind,
                classification=classification,
                subjects_affected=group.get(f"{kind}NumAffected"),
                subjects_at_risk=group.get(f"{kind}NumAtRisk"),
            )
    for kind in ("serious", "other"):
        for event in module.get(f"{kind}Events", ()):
            for count in event.get("stats", ()):
                database.insert(
                    "reported_events",
                    **_of_group(count, groups),
                    time_frame=module.get("timeFrame"),
                    event_type=kind,
                    subjects_affected=count.get("numAffected"),
                    subjects_at_risk=count.get("numAtRisk"),
                    description=module.get("description"),
                    event_count=count.get("numEvents"),
                    organ_system=event.get("organSystem"),
                    adverse_event_term=event.get("term"),
                    frequency_threshold=module.get("frequencyThreshold"),
                    vocab=event.get("sourceVocabulary"),
                    assessment=event.get("assessmentType"),
                )


# --- files


def line(cells: Iterable[Any]) -> str:
    """A row as the database copies it out: in quotation marks only where a cell needs them."""
    return "|".join(map(_cell, cells)) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    if any(sign in text for sign in '|"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def exported(row: str) -> str:
    """The row as AACT's export then changes it: no doubled quotation marks, and tildes for line breaks."""
    return re.sub(r"\n\s?", "~", row[:-1].replace('""', "")) + "\n"


class TablesArchive:
    """A zip with a text file for each table; a study is spread over many of them."""

    def __init__(self, path: Path, format: str, as_exported: bool = True) -> None:
        self.path, self.format, self.inputs, self.rejects = path, format, 0, 0
        self._as_exported = as_exported
        self._lines: dict[str, list[str]] = {table: [line(columns)] for table, columns in TABLES.items()}

    def add(self, entry: Rows) -> str:
        """Write the rows of one study; it stands where its row of `studies` does."""
        for table, rows in entry.items():
            for row in rows:
                text = line([row.get(column) for column in TABLES[table]])
                self._lines[table].append(exported(text) if self._as_exported else text)
        self.inputs += 1
        return "studies.txt"

    def close(self) -> None:
        """Write the zip."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for table, lines in self._lines.items():
                archive.writestr(zip_member(f"{table}.txt"), "".join(lines))


def _entries(trial: Trial, registration: Registration, _: Mess) -> Iterator[tuple[str, Rows]]:
    yield registration.id, tables(clinicaltrials_gov.study(trial, registration))


NATIVES = (
    Native(
        register="ClinicalTrials.gov",
        source="aact",
        format="aact-flat-files",
        path="registries/aact/{:03d}_export_ctgov.zip",
        open=TablesArchive,
        entries=_entries,
        share=5,
    ),
)
