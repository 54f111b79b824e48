"""Posted results of the EU Clinical Trials Register: the tree that its XML spells out, and that ctrdata keeps as JSON.

Enumerations read `GROUP.value` (`MEASURE_TYPE.arithmetic`), terms of the EMA are numbers (EUTCT), and dates are local
midnight with an offset, which is cut off. Attributes of the XML are plain names in the JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trialpanorama.record import (
    AdverseEvent,
    AdverseEvents,
    Analysis,
    Arm,
    Baseline,
    BaselineMeasure,
    Denominator,
    DenominatorCount,
    DropWithdraw,
    EventGroup,
    EventStat,
    FlowPeriod,
    GroupCount,
    MeasureCategory,
    MeasureClass,
    Measurement,
    Milestone,
    OutcomeMeasure,
    ParticipantFlow,
    ResultGroup,
    Results,
)
from trialpanorama.sources._eu import SYSTEM_ORGAN_CLASSES, plain
from trialpanorama.sources._native import Tree
from trialpanorama.sources._reading import fold
from trialpanorama.vocabulary import ArmType, OutcomeType

_TOTAL = "total"
_PARTICIPANTS = "Participants"

_PARAMETERS = {
    "arithmetic": "MEAN",
    "median": "MEDIAN",
    "geometric": "GEOMETRIC_MEAN",
    "leastSquares": "LEAST_SQUARES_MEAN",
    "log": "LOG_MEAN",
    "number": "NUMBER",
}
_DISPERSIONS = {
    "standardDeviation": "STANDARD_DEVIATION",
    "standardError": "STANDARD_ERROR",
    "fullRange": "FULL_RANGE",
    "interQuartile": "INTER_QUARTILE_RANGE",
    "interQuartileRange": "INTER_QUARTILE_RANGE",
    "geometricCoefficientVariation": "GEOMETRIC_COEFFICIENT_OF_VARIATION",
}
_SPREADS = frozenset({"standardDeviation", "standardError", "geometricCoefficientVariation"})
"""Dispersions that are one number; a stray second one stands beside some."""
_INTERVALS = frozenset({"confidenceInterval", "fullRange", "interQuartile", "interQuartileRange"})
_ARM_TYPES: dict[str, ArmType] = {
    "experimental": "EXPERIMENTAL",
    "activeComp": "ACTIVE_COMPARATOR",
    "placeboComp": "PLACEBO_COMPARATOR",
    "shamComp": "SHAM_COMPARATOR",
    "noImp": "NO_INTERVENTION",
    "other": "OTHER",
}
_OUTCOME_TYPES: dict[str, OutcomeType] = {
    "primary": "PRIMARY",
    "secondary": "SECONDARY",
    "otherPreSpecified": "OTHER_PRE_SPECIFIED",
    "postHoc": "POST_HOC",
}
_HYPOTHESES = {
    "superiority": "SUPERIORITY",
    "nonInferiority": "NON_INFERIORITY",
    "equivalence": "EQUIVALENCE",
    "other": "OTHER",
}
_ASSESSMENTS = {"systematic": "SYSTEMATIC_ASSESSMENT", "nonSystematic": "NON_SYSTEMATIC_ASSESSMENT"}
_SIDES = {"oneSided": "ONE_SIDED", "twoSided": "TWO_SIDED"}
_BASELINE_MEASURES = (
    "genderCategoricalCharacteristic",
    "ageCategoricalCharacteristic",
    "ageContinuousCharacteristic",
    "studyCategoricalCharacteristics/studyCategoricalCharacteristic",
    "studyContinuousCharacteristics/studyContinuousCharacteristic",
)


def text(tree: Tree, path: str = "") -> str | None:
    """A text with its lines."""
    return plain(tree.as_written(path))


def line(tree: Tree, path: str) -> str | None:
    """The same as one line."""
    return fold(text(tree, path))


def enumerated(tree: Tree, path: str = "") -> str | None:
    """What stands after the group in `GROUP.value`."""
    value = line(tree, f"{path}/value" if path else "value") or line(tree, path)
    return value.rpartition(".")[2] or None if value else None


def arms(tree: Tree) -> Iterator[tuple[Arm, Tree]]:
    """The arms of every period, each once by its name, with what the XML says of it."""
    seen: set[str] = set()
    for one in tree.each(f"{_PERIODS}/arms/arm"):
        label = line(one, "title")
        if label and label.lower() not in seen:
            seen.add(label.lower())
            raw = enumerated(one, "type")
            names = [name for name in (line(product, "name") for product in one.each("armProducts/armProduct")) if name]
            yield (
                Arm(
                    label=label,
                    type=_ARM_TYPES.get(raw or ""),
                    type_raw=line(one, "type/value"),
                    description=text(one, "description"),
                    intervention_names=[*dict.fromkeys(names)],
                ),
                one,
            )


_PERIODS = "subjectDisposition/postAssignmentPeriods/postAssignmentPeriod"


def results(tree: Tree) -> Results | None:
    """The four modules and the caveats; None if there is none of them."""
    titles = _titles(tree)
    found = Results(
        participant_flow=_participant_flow(tree),
        baseline=_baseline(tree.one("baselineCharacteristics"), titles),
        outcome_measures=[_outcome_measure(one, titles) for one in tree.each("endPoints/endPoint") if one],
        adverse_events=_adverse_events(tree.one("adverseEvents")),
        limitations=text(tree, "trialChanges/limitationsAndCaveats"),
    )
    has_any = found.participant_flow or found.baseline or found.outcome_measures or found.adverse_events
    return found if has_any or found.limitations else None


def _attribute(tree: Tree, name: str) -> str | None:
    return line(tree, f"@{name}") or line(tree, name)


def _titles(tree: Tree) -> dict[str, ResultGroup]:
    """Arms and analysis sets by their ids."""
    found: dict[str, ResultGroup] = {}
    for one in [*tree.each(f"{_PERIODS}/arms/arm"), *tree.each("subjectAnalysisSets/subjectAnalysisSet")]:
        id = _attribute(one, "id")
        if id:
            found[id] = ResultGroup(id=id, title=line(one, "title"), description=text(one, "description"))
    return found


def _group(id: str, titles: dict[str, ResultGroup]) -> ResultGroup:
    return titles.get(id) or ResultGroup(id=id)


# --- participant flow


def _participant_flow(tree: Tree) -> ParticipantFlow | None:
    disposition = tree.one("subjectDisposition")
    if not disposition:
        return None
    reasons: dict[str, str] = {}
    for kind in ("reasonsNotCompleted/reasonNotCompleted", "reasonsJoined/reasonJoined"):
        for one in disposition.each(kind):
            id = _attribute(one, "id")
            word = line(one, "otherReason") or _spelt_out(enumerated(one, "type"))
            if id and word:
                reasons[id] = word
    periods: list[FlowPeriod] = []
    groups: dict[str, ResultGroup] = {}
    for number, period in enumerate(tree.each(_PERIODS), 1):
        arms_ = [(id, arm) for arm in period.each("arms/arm") if (id := _attribute(arm, "id"))]
        groups |= {
            id: ResultGroup(id=id, title=line(arm, "title"), description=text(arm, "description")) for id, arm in arms_
        }
        periods.append(_period(period, line(period, "title") or f"Period {number}", arms_, reasons))
    return ParticipantFlow(
        recruitment_details=text(disposition, "recruitmentDetails"),
        pre_assignment_details=text(disposition, "screeningInformation"),
        groups=list(groups.values()),
        periods=periods,
    )


def _period(period: Tree, title: str, arms_: list[tuple[str, Tree]], reasons: dict[str, str]) -> FlowPeriod:
    others = {
        id: line(one, "title") or id
        for one in period.each("otherMilestones/otherMilestone")
        if (id := _attribute(one, "id"))
    }
    reached: dict[str, list[GroupCount]] = {"STARTED": [], **{name: [] for name in others.values()}, "COMPLETED": []}
    left: dict[str, list[GroupCount]] = {}
    joined: dict[str, list[GroupCount]] = {}
    for id, arm in arms_:
        for name, path in (("STARTED", "startedMilestoneAchievement"), ("COMPLETED", "completedMilestoneAchievement")):
            if arm.one(path):
                reached[name].append(_count(id, arm.one(path)))
        for one in arm.each("otherMilestoneAchievements/otherMilestoneAchievement"):
            if other := others.get(_attribute(one, "otherMilestoneId") or ""):
                reached[other].append(_count(id, one))
        for path, reason_id, counts in (
            ("notCompletedReasonDetails/reasonDetail", "reasonNotCompletedId", left),
            ("joinedReasonDetails/reasonDetail", "reasonJoinedId", joined),
        ):
            for one in arm.each(path):
                word = reasons.get(_attribute(one, reason_id) or "")
                if word:
                    counts.setdefault(word, []).append(_count(id, one))
    milestones = [Milestone(type=name, achievements=counts) for name, counts in reached.items() if counts]
    milestones += [Milestone(type="JOINED", comment=word, achievements=counts) for word, counts in joined.items()]
    return FlowPeriod(
        title=title,
        milestones=milestones,
        drop_withdraws=[DropWithdraw(type=word, reasons=counts) for word, counts in left.items()],
    )


def _count(group_id: str, tree: Tree) -> GroupCount:
    return GroupCount(group_id=group_id, num_subjects=line(tree, "subjects"))


# --- baseline


def _baseline(tree: Tree, titles: dict[str, ResultGroup]) -> Baseline | None:
    groups: list[ResultGroup] = []
    counts: list[DenominatorCount] = []
    for one in tree.each("baselineReportingGroups/baselineReportingGroup"):
        id = _attribute(one, "id")
        if id:
            arm = titles.get(_attribute(one, "armId") or "")
            title = line(one, "title") or (arm.title if arm else None)
            groups.append(ResultGroup(id=id, title=title, description=text(one, "description")))
            counts.append(DenominatorCount(group_id=id, value=line(one, "subjects")))
    measures: list[BaselineMeasure] = []
    total: str | None = None
    has_total = False
    for one in (one for path in _BASELINE_MEASURES for one in tree.each(path)):
        measure = _baseline_measure(one)
        if measure:
            measures.append(measure)
            has_total = has_total or bool(one.one("totalBaselineGroup"))
            total = total or line(one, "totalBaselineGroup/subjects")
    if not groups and not measures:
        return None
    if has_total:
        groups.append(ResultGroup(id=_TOTAL, title="Total"))
        if total:
            counts.append(DenominatorCount(group_id=_TOTAL, value=total))
    return Baseline(
        groups=groups,
        denoms=[Denominator(units=_PARTICIPANTS, counts=counts)] if counts else [],
        measures=measures,
    )


def _baseline_measure(tree: Tree) -> BaselineMeasure | None:
    names = _categories(tree)
    is_counted = enumerated(tree, "centralTendencyType") is None
    values: list[tuple[str | None, Measurement]] = []
    reported = [
        *((_attribute(one, "baselineReportingGroupId"), one) for one in tree.each("reportingGroups/reportingGroup")),
        *(
            (_attribute(one, "subjectAnalysisSetId"), one)
            for one in tree.each("subjectAnalysisSets/subjectAnalysisSet")
        ),
        *((_TOTAL, one) for one in tree.each("totalBaselineGroup")),
    ]
    for group_id, one in reported:
        if group_id:
            values.extend(_measurements(group_id, one, enumerated(tree, "dispersionType")))
    if not values:
        return None
    unit = line(tree, "unit")
    return BaselineMeasure(
        title=line(tree, "title"),
        description=text(tree, "description"),
        param_type=_count_type(unit) if is_counted else _parameter(tree),
        dispersion_type=_dispersion(tree),
        unit_of_measure=unit,
        classes=[MeasureClass(categories=_by_category(names, values))],
    )


# --- outcomes


def _outcome_measure(tree: Tree, titles: dict[str, ResultGroup]) -> OutcomeMeasure:
    unit = line(tree, "unit")
    groups: list[ResultGroup] = []
    counts: list[DenominatorCount] = []
    values: list[tuple[str | None, Measurement]] = []
    of_reporting_group: dict[str, str] = {}
    reported = [
        *((_attribute(one, "armId"), one) for one in tree.each("armReportingGroups/armReportingGroup")),
        *(
            (_attribute(one, "subjectAnalysisSetId"), one)
            for one in tree.each("subjectAnalysisSetReportingGroups/subjectAnalysisSetReportingGroup")
        ),
    ]
    for group_id, one in reported:
        if group_id:
            of_reporting_group[_attribute(one, "id") or group_id] = group_id
            groups.append(_group(group_id, titles))
            if subjects := line(one, "subjects"):
                counts.append(DenominatorCount(group_id=group_id, value=subjects))
            values.extend(_measurements(group_id, one, enumerated(tree, "dispersionType")))
    raw_type = enumerated(tree, "type")
    return OutcomeMeasure(
        type=_OUTCOME_TYPES.get(raw_type or ""),
        title=line(tree, "title"),
        description=text(tree, "description"),
        reporting_status="POSTED" if values else "NOT_POSTED",
        param_type=_count_type(unit) if line(tree, "countable") == "true" else _parameter(tree),
        dispersion_type=_dispersion(tree),
        unit_of_measure=unit,
        time_frame=line(tree, "timeFrame"),
        groups=groups,
        denoms=[Denominator(units=_PARTICIPANTS, counts=counts)] if counts else [],
        classes=[MeasureClass(categories=_by_category(_categories(tree), values))] if values else [],
        analyses=[
            _analysis(one, of_reporting_group) for one in tree.each("statisticalAnalyses/statisticalAnalysis") if one
        ],
    )


def _categories(tree: Tree) -> dict[str, str | None]:
    return {id: line(one, "name") for one in tree.each("categories/category") if (id := _attribute(one, "id"))}


def _measurements(group_id: str, tree: Tree, dispersion: str | None) -> Iterator[tuple[str | None, Measurement]]:
    """The values of one group, each with the id of its category."""
    comment = text(tree, "comment")
    for one in [*tree.each("countableValues/countableValue")]:
        if value := line(one, "value"):
            yield _attribute(one, "categoryId"), Measurement(group_id=group_id, value=value, comment=comment)
    spreads = {
        _attribute(one, "categoryId"): one
        for one in [*tree.each("dispersionValues/dispersionValue"), *tree.each("dispersionValue")]
    }
    for one in [*tree.each("tendencyValues/tendencyValue"), *tree.each("tendencyValue")]:
        category = _attribute(one, "categoryId")
        value = line(one, "value")
        spread = spreads.get(category, Tree(None))
        low, high = line(spread, "value"), line(spread, "highRangeValue")
        if value is None and low is None:
            continue
        measurement = Measurement(group_id=group_id, value=value, comment=comment)
        if dispersion in _INTERVALS or (high is not None and dispersion not in _SPREADS):
            measurement.lower_limit, measurement.upper_limit = low, high
        else:
            measurement.spread = low
        yield category, measurement


def _by_category(names: dict[str, str | None], values: list[tuple[str | None, Measurement]]) -> list[MeasureCategory]:
    found: dict[str | None, MeasureCategory] = {}
    order = [*names, *(category for category, _ in values if category not in names)]
    for category in order:
        found.setdefault(category, MeasureCategory(title=names.get(category or "")))
    for category, measurement in values:
        found[category].measurements.append(measurement)
    return [category for category in found.values() if category.measurements]


def _parameter(tree: Tree) -> str | None:
    word = enumerated(tree, "centralTendencyType")
    return _PARAMETERS.get(word or "") or line(tree, "centralTendencyType/value")


def _count_type(unit: str | None) -> str:
    is_people = unit is not None and re.fullmatch(r"(?:participants?|subjects?|patients?)", unit, re.I)
    return "COUNT_OF_PARTICIPANTS" if is_people else "NUMBER"


def _dispersion(tree: Tree) -> str | None:
    word = enumerated(tree, "dispersionType")
    if word in (None, "na"):
        return None
    if word == "confidenceInterval":
        percent = line(tree, "percentage")
        return f"{percent}% Confidence Interval" if percent else "Confidence Interval"
    return _DISPERSIONS.get(word) or line(tree, "dispersionType/value")


def _analysis(tree: Tree, of_reporting_group: dict[str, str]) -> Analysis:
    ids = [
        of_reporting_group[id]
        for path in ("armComparisonGroupId", "subjectAnalysisSetComparisonGroupId")
        for one in tree.each(path)
        if (id := line(one, "")) in of_reporting_group
    ]
    test, estimate = tree.one("statisticalHypothesisTest"), tree.one("parameterEstimate")
    interval = estimate.one("confidenceInterval")
    said = [part for part in (line(tree, "title"), text(tree, "description")) if part]
    p_value, relation = line(test, "value"), line(test, "valueEqualityRelation")
    variability = enumerated(estimate, "variabilityEstimate/type")
    return Analysis(
        group_ids=ids,
        group_description="\n".join(said) or None,
        non_inferiority_type=_HYPOTHESES.get(enumerated(tree, "type") or "") or line(tree, "type/value"),
        non_inferiority_comment=text(tree, "otherType") or text(tree, "comment"),
        p_value=f"{relation}{p_value}" if p_value and relation not in (None, "=") else p_value,
        statistical_method=line(test, "otherMethod") or _spelt_out(enumerated(test, "method")),
        statistical_comment=text(test, "comment"),
        param_type=line(estimate, "otherType") or _spelt_out(enumerated(estimate, "type")),
        param_value=line(estimate, "pointEstimate"),
        ci_pct_value=line(interval, "percentage"),
        ci_num_sides=_SIDES.get(enumerated(interval, "sides") or ""),
        ci_lower_limit=line(interval, "lowerLimit"),
        ci_upper_limit=line(interval, "upperLimit"),
        dispersion_type=_DISPERSIONS.get(variability or "") or _spelt_out(variability),
        dispersion_value=line(estimate, "variabilityEstimate/dispersionValue"),
        estimate_comment=text(estimate, "comment"),
    )


_WORDS = {
    "lostFollowup": "Lost to follow-up",
    "adverseNotSerious": "Adverse event, not serious",
    "adverseSeriousFatal": "Adverse event, serious, fatal",
    "adverseSeriousNonFatal": "Adverse event, serious, not fatal",
    "lackEfficacy": "Lack of efficacy",
    "ancova": "ANCOVA",
    "anova": "ANOVA",
    "cochranMantelHaenszel": "Cochran-Mantel-Haenszel",
    "logrank": "Log Rank",
    "meddra": "MedDRA",
}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _spelt_out(word: str | None) -> str | None:
    """`consentWithdrawn` becomes `Consent withdrawn`."""
    if not word or word in _WORDS:
        return _WORDS.get(word or "")
    return " ".join(part.lower() if at else part[:1].upper() + part[1:] for at, part in enumerate(_HUMP.split(word)))


# --- adverse events


def _adverse_events(tree: Tree) -> AdverseEvents | None:
    if not tree:
        return None
    vocabulary, assessment = _dictionary(tree), enumerated(tree, "assessmentMethod")
    return AdverseEvents(
        frequency_threshold=line(tree, "nonSeriousEventFrequencyThreshold"),
        time_frame=line(tree, "timeFrame"),
        description=text(tree, "description"),
        event_groups=[
            EventGroup(
                id=id,
                title=line(one, "title"),
                description=text(one, "description"),
                deaths_num_affected=_number(one, "deathsAllCauses"),
                deaths_num_at_risk=_number(one, "subjectsExposed"),
                serious_num_affected=_number(one, "subjectsAffectedBySeriousAdverseEvents"),
                serious_num_at_risk=_number(one, "subjectsExposed"),
                other_num_affected=_number(one, "subjectsAffectedByNonSeriousAdverseEvents"),
                other_num_at_risk=_number(one, "subjectsExposed"),
            )
            for one in tree.each("reportingGroups/reportingGroup")
            if (id := _attribute(one, "id"))
        ],
        serious_events=[
            _event(one, vocabulary, assessment) for one in tree.each("seriousAdverseEvents/seriousAdverseEvent") if one
        ],
        other_events=[
            _event(one, vocabulary, assessment)
            for one in tree.each("nonSeriousAdverseEvents/nonSeriousAdverseEvent")
            if one
        ],
    )


def _dictionary(tree: Tree) -> str | None:
    name = line(tree, "dictionary/otherName") or _spelt_out(enumerated(tree, "dictionary/name"))
    version = line(tree, "dictionary/version")
    return f"{name} {version}" if name and version else name


def _event(tree: Tree, vocabulary: str | None, assessment: str | None) -> AdverseEvent:
    """One kind of event; where it does not say how it was found and named, what is said of all events holds."""
    organ_system = line(tree, "organSystem/eutctId")
    return AdverseEvent(
        term=line(tree, "term"),
        organ_system=SYSTEM_ORGAN_CLASSES.get(organ_system or "", organ_system),
        source_vocabulary=_dictionary(tree) or vocabulary,
        assessment_type=_ASSESSMENTS.get(enumerated(tree, "assessmentMethod") or assessment or ""),
        notes=text(tree, "description"),
        stats=[
            EventStat(
                group_id=_attribute(one, "reportingGroupId"),
                num_events=_number(one, "occurrences"),
                num_affected=_number(one, "subjectsAffected"),
                num_at_risk=_number(one, "subjectsExposed"),
            )
            for one in tree.each("values/value")
            if one
        ],
    )


_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def _number(tree: Tree, path: str) -> int | None:
    value = line(tree, path)
    return int(value) if value and _WHOLE_NUMBER.fullmatch(value) else None
