"""The published TrialPanorama benchmark: its folders, its JSONL rows, and ours in the same form.

The benchmark is one folder a task, with `train.jsonl` and `test.jsonl`. Its documentation and its code name the folders
differently; both families are read, and a few names that stand between them. A row becomes a Sample of our task, so
that prompt, reader and scores are ours; what a row does not say (dates, trial groups) is empty, or the row's own
subject. The other way round, Samples of ours become rows with the published keys.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.tasks import SPLITS, AnySample, AnyTask, Sample, Split, task
from trialpanorama.tasks._choice import LETTERS, Choice, Chosen
from trialpanorama.tasks._replies import words
from trialpanorama.tasks._trials import Arm, PlanMask, Start

FAMILIES = ("code", "documentation")
"""Who names the folders."""

FOLDERS: dict[str, tuple[str, ...]] = {
    "study_search": ("study_search", "study_search"),
    "study_screening": ("study_screening", "study_screening"),
    "evidence_summary": ("evidence_summary", "evidence_summary_qa", "evidence_summarization", "review_qa"),
    "arm_design": ("arm_design", "design_arms_qa", "design_arm_qa", "arms_design"),
    "eligibility_design": (
        "eligibility_criteria_design",
        "design_criteria_qa",
        "eligibility_design",
        "criteria_design",
        "design_eligibility_qa",
    ),
    "endpoint_design": (
        "endpoint_design",
        "design_outcome_qa",
        "design_outcomes_qa",
        "design_endpoint_qa",
        "endpoints_design",
        "outcome_design",
    ),
    "sample_size": ("sample_size_estimation", "sample_size_estimation", "sample_size", "sample_size_qa"),
    "trial_completion": ("trial_completion_assessment", "trial_completion", "completion_assessment"),
}
"""Names of each task's folder: that of the published code, that of its documentation, then others that are read."""

_FILES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def folder(name: str, family: str = "code") -> str:
    """The published name of a task's folder; raises UnknownName for a task or family that there is not."""
    if name not in FOLDERS:
        raise UnknownName("published task", name, FOLDERS)
    if family not in FAMILIES:
        raise UnknownName("family", family, FAMILIES)
    return FOLDERS[name][FAMILIES.index(family)]


def files(path: Path) -> dict[str, dict[Split, Path]]:
    """The JSONL files of the benchmark by task and split: in its folder, or in the folder of one of its tasks.

    Raises UserError where there is none.
    """
    named = {_folded(known): name for name, all_known in FOLDERS.items() for known in all_known}
    found: dict[str, dict[Split, Path]] = {}
    for file in sorted(path.glob("*.jsonl")) + sorted(path.glob("*/*.jsonl")):
        name, split = named.get(_folded(file.absolute().parent.name)), _FILES.get(file.stem.lower())
        if name and split:
            if split in found.setdefault(name, {}):
                raise UserError(
                    f"{found[name][split]} and {file} are both the {split} split of {name}. Keep one of them."
                )
            found[name][split] = file
    if not found:
        raise UserError(
            f"{path} holds no file of the published benchmark: a folder such as {folder('arm_design')} or "
            f"{folder('arm_design', 'documentation')} with train.jsonl or test.jsonl."
        )
    return found


def samples(name: str, paths: Iterable[Path], split: Split) -> Iterator[AnySample]:
    """The Samples of a task in published files, in the benchmark's folder, or in the task's own folder there.

    Raises UserError where a folder holds no file of the task and split, or a row cannot be read.
    """
    for path in paths:
        if path.is_dir():
            found = files(path).get(name, {})
            if split not in found:
                held = ", ".join(found) or f"no {folder(name)}"
                raise UserError(f"{path} holds no {split} split of {name} ({held}). Name a file, or another --split.")
            path = found[split]
        yield from read(name, path, split)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


_ORIGIN = {"origin": "published"}


class _Read(msgspec.Struct):
    """What a row says."""

    subject: str
    inputs: Any
    gold: Any
    id: str | None = None
    entities: list[str] = []


def read(name: str, path: Path, split: Split, left_out: Counter[str] | None = None) -> Iterator[AnySample]:
    """The Samples of a published JSONL file, one a row, in its order.

    Raises UserError for a row that lacks a published key, with file and line; with `left_out`, counts it by reason.
    """
    chosen, convert = task(name), _converter(name).read
    if convert is None:
        for sample in chosen.samples_from([path], split):
            yield msgspec.structs.replace(sample, strata=_ORIGIN | sample.strata)
        return
    seen: Counter[str] = Counter()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                said = convert(msgspec.json.decode(line), chosen)
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError) as error:
                why = f"no {error}" if isinstance(error, KeyError) else str(error)
                if left_out is None:
                    raise UserError(
                        f"{path}, line {number}, is no published row of {name}: {why}. Take the line out, or mend it."
                    ) from None
                left_out[f"rows: {why}"] += 1
                continue
            id = said.id or said.subject
            seen[id] += 1
            yield Sample(
                id=f"{id}@{chosen.version}" + (f"#{seen[id]}" if seen[id] > 1 else ""),
                subject=said.subject,
                split=split,
                group=said.subject,
                date="",
                entities=said.entities,
                strata=_ORIGIN,
                inputs=said.inputs,
                gold=said.gold,
            )


def row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    """A Sample as a row with the published keys."""
    return _converter(chosen.name).row(sample, chosen)


def write(out: Path, chosen: AnyTask, samples: Iterable[AnySample], family: str = "code") -> dict[str, int]:
    """Write Samples as OUT/FOLDER/SPLIT.jsonl; how many rows each file has, by its path within OUT."""
    place, convert = folder(chosen.name, family), _converter(chosen.name)
    (out / place).mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    handles = {split: (out / place / f"{split}.jsonl").open("wb") for split in SPLITS}
    rows = ((sample.split, convert.row(sample, chosen)) for sample in samples)
    try:
        for split, one in convert.join(rows) if convert.join else rows:
            handles[split].write(msgspec.json.encode(one) + b"\n")
            path = f"{place}/{split}.jsonl"
            counts[path] = counts.get(path, 0) + 1
    finally:
        for handle in handles.values():
            handle.close()
    return counts


_Rows = Iterator[tuple[Split, dict[str, Any]]]


class _Converter(msgspec.Struct):
    read: Callable[[Mapping[str, Any], AnyTask], _Read] | None
    """None where the task itself reads published files (`Task.samples_from`)."""
    row: Callable[[AnySample, AnyTask], dict[str, Any]]
    join: Callable[[_Rows], _Rows] | None = None
    """Makes one row of several, where a row holds what several samples ask."""


def _converter(name: str) -> _Converter:
    if name not in _CONVERTERS:
        raise UnknownName("published task", name, _CONVERTERS)
    return _CONVERTERS[name]


# --- questions with letters

_SHORTEST_ID = 5


def _trial_id(said: Mapping[str, Any]) -> str:
    about = said.get("metadata") or {}
    found = said.get("trial_id") or about.get("trial_nctid") or about.get("study_nctid") or said.get("id")
    return str(found) if found else _no("trial_id")


def _no(key: str) -> str:
    raise KeyError(key)


def _unnamed(text: object, ids: Iterable[str]) -> str:
    """A question without the ids of what it is about, and without registry ids; else as it was published."""
    said = text if isinstance(text, str) else ""
    for id in ids:
        if len(id) >= _SHORTEST_ID and any(map(str.isdigit, id)):
            said = re.sub(rf"(?i)(?<![a-z0-9]){re.escape(id)}(?![a-z0-9])", "[id]", said)
    for found in reversed(identifiers.find(said)):
        said = f"{said[: found.start]}[id]{said[found.end :]}"
    return said or _no("question")


def _options(said: Mapping[str, Any]) -> tuple[list[str], Chosen]:
    """The options in the order of their letters, and the right letter."""
    options = said["options"]
    letters: tuple[str, ...] = LETTERS[: len(options)]
    if not 2 <= len(options) <= len(LETTERS) or sorted(options) != list(letters):
        raise ValueError(f"the options are not lettered {LETTERS[0]} to {LETTERS[-1]}")
    answer = str(said["answer"]).strip().upper()
    if answer not in letters:
        raise ValueError(f"the answer {said['answer']!r} is no letter of an option")
    return [str(options[letter]) for letter in letters], Chosen(LETTERS[letters.index(answer)])


def _read_design(said: Mapping[str, Any], chosen: AnyTask) -> _Read:
    trial = _trial_id(said)
    options, gold = _options(said)
    return _Read(
        subject=trial,
        id=str(said["id"]) if said.get("id") is not None else None,
        inputs=Choice(Start(title=""), options, asked=_unnamed(said["question"], [trial])),
        gold=gold,
    )


def _choice_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    return {
        "id": sample.id.rpartition("@")[0],
        "trial_id": sample.subject,
        # All that a model is asked, up to the options.
        "question": chosen.prompt(sample).rpartition(f"\n\n{LETTERS[0]}. {sample.inputs.options[0]}")[0],
        "options": dict(zip(LETTERS, sample.inputs.options, strict=False)),
        "answer": sample.gold.answer,
    }


def _read_evidence(said: Mapping[str, Any], chosen: AnyTask) -> _Read:
    trials = said.get("trials") or []
    ids = [
        str(trial.get("PMID") or trial.get("id") or "") if isinstance(trial, dict) else str(trial) for trial in trials
    ]
    options, gold = _options(said)
    subject = str(said.get("trial_id") or said.get("id") or (ids[0] if ids else "") or _no("id"))
    return _Read(
        subject=subject,
        id=str(said["id"]) if said.get("id") is not None else None,
        entities=[id for id in ids if id],
        inputs=chosen.inputs(text="", question=_unnamed(said["question"], [subject, *ids]), options=options),
        gold=gold,
    )


def _evidence_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    return _choice_row(sample, chosen) | {"trials": sample.entities or [sample.subject]}


# --- reviews


def _review_row(sample: AnySample, question: Any) -> dict[str, Any]:
    return {
        "metadata": {"review_pmid": sample.subject},
        "inputs": {
            "background": question.background or "",
            "objectives": question.objectives or question.title,
            "selection criteria": question.criteria or "",
        },
    }


def _search_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    ids = re.findall(r'"([^"]+)"\[uid\]', sample.gold.query)
    return _review_row(sample, sample.inputs) | {"labels": list(dict.fromkeys(ids))}


def _screening_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    """Samples do not tell which paper a candidate is: in its row, its number stands for its PMID."""
    verdicts = {"include": "included", "exclude": "excluded"}
    return _review_row(sample, sample.inputs.question) | {
        "context": [
            {"PMID": str(number), "title": candidate.title, "abstract": candidate.abstract or ""}
            for number, candidate in enumerate(sample.inputs.candidates, 1)
        ],
        "labels": [
            {"PMID": str(decision.candidate), "label": verdicts[decision.decision]}
            for decision in sample.gold.decisions
        ],
    }


def _whole_reviews(rows: _Rows) -> _Rows:
    """The rows of a review's batches as one, its candidates numbered through."""
    whole: dict[tuple[Split, str], dict[str, Any]] = {}
    for split, row in rows:
        first = whole.setdefault((split, row["metadata"]["review_pmid"]), row)
        if first is not row:
            before = len(first["context"])
            for part in ("context", "labels"):
                first[part] += [one | {"PMID": str(before + int(one["PMID"]))} for one in row[part]]
    yield from ((split, row) for (split, _), row in whole.items())


# --- sample size


def _read_size(said: Mapping[str, Any], chosen: AnyTask) -> _Read:
    subject = str(said.get("trial_id") or said.get("pmid") or said.get("id") or _no("trial_id"))
    kind = words(str(said.get("answer_type") or ""))
    unit = "events" if "event" in kind else "per_arm" if re.search(r"\b(?:per|each|arm|group)\b", kind) else "total"
    size = str(said["answer"]).replace(",", "").strip()
    if not re.fullmatch(r"\d+(?:\.0+)?", size):
        raise ValueError(f"the answer {said['answer']!r} is no whole number")
    about = [str(id) for id in (said.get("trial_id"), said.get("pmid")) if id]
    return _Read(
        subject=subject,
        id=str(said["id"]) if said.get("id") is not None else None,
        entities=about,
        inputs=chosen.inputs(text=_unnamed(said["question"], about), answer_type=unit),
        gold=chosen.answer(sample_size=int(float(size)), unit=unit),
    )


def _size_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    papers = [id for id in (sample.subject, *sample.entities) if id.isdigit() or id.startswith("PMC")]
    trials = [id for id in (sample.subject, *sample.entities) if id not in papers]
    return {
        "id": sample.id.rpartition("@")[0],
        # What is asked, without the form of the reply.
        "question": re.split(r"\n+(?:Reply with JSON|End your reply)", chosen.prompt(sample))[0],
        "answer": sample.gold.sample_size,
        "answer_type": sample.gold.unit,
        "explanation": "",
        "trial_id": trials[0] if trials else "",
        "pmid": papers[0] if papers else "",
    }


# --- completion

_FACTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "phase": ("phases", lambda said: list(vocabulary.phases(said))),
    "allocation": ("allocation", vocabulary.allocation),
    "intervention_model": ("intervention_model", vocabulary.intervention_model),
    "observational_model": ("observational_model", vocabulary.observational_model),
    "primary_purpose": ("primary_purpose", vocabulary.primary_purpose),
    "time_perspective": ("time_perspective", vocabulary.time_perspective),
    "masking": ("masking", vocabulary.masking),
}
"""Published keys of `inputs`, with the field that holds each and the folding of its words."""

_REASONS = {
    "enrollment": "enrollment issues",
    "feasibility": "feasibility",
    "efficacy": "lack of efficacy",
    "regulatory": "regulatory/approval",
    "safety": "safety issues",
    "other": "other",
}
"""Our reasons for a stop, in published words."""
_REASON_STEMS = (
    ("enrollment", ("enrol", "recruit", "accru")),
    ("safety", ("safety",)),
    ("efficacy", ("efficacy", "futil")),
    ("regulatory", ("regulat", "approv")),
    ("feasibility", ("feasib",)),
    ("other", ("",)),
)


def _read_completion(said: Mapping[str, Any], chosen: AnyTask) -> _Read:
    trial = str(said["metadata"]["study_nctid"])
    mask = PlanMask([trial])
    inputs, labels = said["inputs"], said["labels"]
    facts: dict[str, Any] = {"title": mask(inputs["title"]) or _no("title")}
    for key, (field, fold) in _FACTS.items():
        if inputs.get(key) and (found := fold(str(inputs[key]))):
            facts[field] = found
    if inputs.get("masking"):
        facts["masked_roles"] = list(vocabulary.masked_roles(inputs["masking"]))
    if str(inputs.get("number_of_arms") or "").isdigit():
        facts["number_of_arms"] = int(inputs["number_of_arms"])
    for part in said.get("context") or []:
        if part.get("type") == "eligibility_criteria":
            facts |= {
                "criteria": mask((part.get("criteria") or "").replace("~", "\n")),
                "sex": vocabulary.sex(part.get("gender")),
                "minimum_age_years": vocabulary.age_years(part.get("minimum_age")),
                "maximum_age_years": vocabulary.age_years(part.get("maximum_age"), is_maximum=True),
                "healthy_volunteers": _yes(part.get("healthy_volunteers")),
            }
        elif part.get("type") == "arm_design":
            facts["arms"] = [
                Arm(
                    label=mask(arm.get("title")),
                    type=vocabulary.arm_type(arm.get("group_type")),
                    description=mask(arm.get("description")),
                )
                for arm in part.get("arms") or []
            ]
    ends = {"complete": "complete", "completed": "complete", "terminate": "stopped", "terminated": "stopped"}
    outcome = ends[words(str(labels["outcome"]))]
    why = words(str(labels.get("terminate_type") or ""))
    reason = None
    if outcome == "stopped" and why:
        reason = next(reason for reason, stems in _REASON_STEMS if any(stem in why for stem in stems))
    gold = {"outcome": outcome, "probability": float(outcome == "complete"), "reason": reason}
    return _Read(subject=trial, inputs=Start(**facts), gold=msgspec.convert(gold, chosen.answer))


def _yes(said: object) -> bool | None:
    if isinstance(said, bool) or said is None:
        return said
    folded = words(str(said))
    return True if folded in ("yes", "true", "accepts healthy volunteers", "1") else False if folded else None


def _completion_row(sample: AnySample, chosen: AnyTask) -> dict[str, Any]:
    start, gold = sample.inputs, sample.gold
    said = {key: getattr(start, field) for key, (field, _) in _FACTS.items()}
    is_complete = gold.outcome == "complete"
    return {
        "metadata": {"study_nctid": sample.subject},
        "inputs": {
            "title": start.title,
            **said,
            "phase": "/".join(start.phases) or None,
            "number_of_arms": start.number_of_arms,
        },
        "context": [
            {
                "type": "eligibility_criteria",
                "criteria": (start.criteria or "").replace("\n", "~"),
                "gender": start.sex,
                "minimum_age": _years(start.minimum_age_years),
                "maximum_age": _years(start.maximum_age_years),
                "healthy_volunteers": {True: "Yes", False: "No", None: None}[start.healthy_volunteers],
            },
            {
                "type": "arm_design",
                "arms": [
                    {"title": arm.label, "group_type": arm.type, "description": arm.description} for arm in start.arms
                ],
            },
        ],
        "labels": {
            "outcome": "complete" if is_complete else "terminate",
            "terminate_type": None if is_complete or not gold.reason else _REASONS[gold.reason],
            "terminate_reason_desc": None,
        },
    }


def _years(years: float | None) -> str | None:
    # Ages of the newborn are tiny parts of a year: no exponent, which nobody reads.
    return None if years is None else f"{years:.9f}".rstrip("0").rstrip(".") + " Years"


_CONVERTERS: dict[str, _Converter] = {
    "study_search": _Converter(None, _search_row),
    "study_screening": _Converter(None, _screening_row, _whole_reviews),
    "evidence_summary": _Converter(_read_evidence, _evidence_row),
    "arm_design": _Converter(_read_design, _choice_row),
    "eligibility_design": _Converter(_read_design, _choice_row),
    "endpoint_design": _Converter(_read_design, _choice_row),
    "sample_size": _Converter(_read_size, _size_row),
    "trial_completion": _Converter(_read_completion, _completion_row),
}
"""How the rows of each task are read and written."""
