"""Small warehouses made by hand out of fictional trials, table by table, for tests of tasks, baselines and runs."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from trialpanorama.tables import TABLES
from trialpanorama.warehouse import Manifest, Warehouse, write_catalogue

CONDITIONS = (
    ("Gloaming Fever", ("fever score", "hours without rash", "spleen size", "relapse of fever", "serum gloamin level")),
    ("Amber Lung", ("forced breath volume", "walked distance", "cough frequency", "oxygen need", "lung amber index")),
    (
        "Restless Ear Syndrome",
        ("hearing threshold", "ringing severity", "sleep quality", "balance score", "ear twitches"),
    ),
)
DRUGS = ("Fictumab", "Examplinib", "Placebolol", "Imaginast")
GIVEN = (
    ("weekly infusion", "nightly lozenge", "hourly spray", "monthly implant", "single bolus", "alternating patch"),
    ("with quiet walks", "beside warm lamps", "after salted broth", "plus humming lessons", "under blue light"),
    ("titrated upwards", "capped early", "tapered slowly", "doubled midway", "kept constant"),
)
LETS_IN = (
    "Speckled nails seen at two visits",
    "Copper in saliva above the upper limit",
    "Onset of symptoms less than ninety days ago",
    "Previous response to cold baths documented",
    "Three or more relapses since last winter",
    "Grade two lesions on lantern imaging",
)
KEEPS_OUT = (
    "Known intolerance of lamplight",
    "Surgery of the spleen planned",
    "Another experimental remedy taken recently",
    "Severe rust deficiency at screening",
    "Unstable humours despite rest",
    "Participation in night shifts",
)


class HandTrial(msgspec.Struct, kw_only=True):
    """A fictional trial; `studies` overrides columns of its row."""

    number: int
    status: str = "COMPLETED"
    why_stopped: str | None = None
    title: str = "A Study of Fictumab in Gloaming Fever"
    conditions: tuple[str, ...] = ("Gloaming Fever",)
    drug: str = "Fictumab"
    arms: tuple[tuple[str, str], ...] = (("Active", "EXPERIMENTAL"), ("Control", "PLACEBO_COMPARATOR"))
    primary: tuple[str, ...] = ("Change in fever score at week twelve",)
    secondary: tuple[str, ...] = ()
    registered: str = "2015-03-01"
    completed: str | None = None
    also: tuple[str, ...] = ()
    """Other registry ids that it carries."""
    criteria: tuple[str, str] | None = None
    """Who is let in and who is kept out; else what its conditions say, and pregnancy."""
    studies: dict[str, Any] = {}

    @property
    def study_id(self) -> str:
        """Its reserved, fictional NCT number."""
        return f"NCT99{self.number:06d}"


_OUTCOME = {
    "COMPLETED": "COMPLETED",
    "TERMINATED": "STOPPED",
    "WITHDRAWN": "STOPPED",
    "SUSPENDED": "UNDETERMINED",
    "UNKNOWN": "UNDETERMINED",
    "RECRUITING": "ONGOING",
}


def connection(trials: Iterable[HandTrial]) -> duckdb.DuckDBPyConnection:
    """The tables of these trials in memory, with the columns of the real ones."""
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for trial in trials:
        _add(rows, trial)
    con = duckdb.connect()
    for table in TABLES:
        columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        con.execute(f'CREATE TABLE "{table.name}" ({columns})')
        if rows[table.name]:
            keys = {key: None for row in rows[table.name] for key in row}
            given = pa.Table.from_pylist([{key: row.get(key) for key in keys} for row in rows[table.name]])
            con.register("given", given)
            con.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM given')
            con.unregister("given")
    return con


def _add(rows: dict[str, list[dict[str, Any]]], trial: HandTrial) -> None:
    study_id = trial.study_id
    is_final = _OUTCOME.get(trial.status) in ("COMPLETED", "STOPPED")
    let_in, kept_out = trial.criteria or (
        f"Adults with {trial.conditions[0] if trial.conditions else 'anything'}",
        "Pregnancy",
    )
    study = {
        "study_id": study_id,
        "study_source": "clinicaltrials_gov",
        "kind": "registration",
        "trial_type": "INTERVENTIONAL",
        "title": trial.title,
        "public_title": trial.title,
        "recruitment_status": trial.status,
        "why_stopped": trial.why_stopped,
        "phase": "PHASE2",
        "phases": ["PHASE2"],
        "allocation": "RANDOMIZED",
        "intervention_model": "PARALLEL",
        "masking": "DOUBLE",
        "masked_roles": ["PARTICIPANT"],
        "primary_purpose": "TREATMENT",
        "number_of_arms": len(trial.arms),
        "minimum_age_years": 18.0,
        "sex": "ALL",
        "healthy_volunteers": False,
        "inclusion_criteria": let_in,
        "exclusion_criteria": kept_out,
        "lead_sponsor_class": "INDUSTRY",
        "registration_date": datetime.date.fromisoformat(trial.registered),
        "start_date": datetime.date.fromisoformat(trial.registered),
        "completion_date": datetime.date.fromisoformat(trial.completed) if trial.completed else None,
        "enrollment_actual": 40 if is_final else None,
        "enrollment_target": None if is_final else 100,
        "is_fictional": True,
    }
    rows["studies"].append(study | trial.studies)
    rows["outcomes"].append(
        {
            "study_id": study_id,
            "overall_status": trial.status,
            "outcome_type": _OUTCOME.get(trial.status),
            "why_terminated": trial.why_stopped,
        }
    )
    rows["conditions"] += [
        {"study_id": study_id, "condition_name": name, "position": place}
        for place, name in enumerate(trial.conditions, 1)
    ]
    rows["identifiers"] += [
        {
            "study_id": study_id,
            "id": id,
            "register": "clinicaltrials_gov" if id.startswith("NCT") else "isrctn",
            "role": role,
        }
        for id, role in ((study_id, "primary"), *((id, "secondary") for id in trial.also))
    ]
    for place, (label, kind) in enumerate(trial.arms, 1):
        rows["disposition"].append(
            {
                "study_id": study_id,
                "arm_position": place,
                "arm_label": label,
                "group_type": kind,
                "arm_description": f"{label} group",
                "intervention_position": place,
                "intervention_name": trial.drug if kind == "EXPERIMENTAL" else "Placebo",
                "intervention_type": "DRUG",
                "intervention_description": "One tablet a day",
            }
        )
    for kind, measures in (("PRIMARY", trial.primary), ("SECONDARY", trial.secondary)):
        rows["endpoints"] += [
            {
                "study_id": study_id,
                "endpoint_type": kind,
                "measure": measure,
                "time_frame": "12 weeks",
                "position": place,
            }
            for place, measure in enumerate(measures, 1)
        ]


def many_trials(count: int = 240, seed: int = 7) -> list[HandTrial]:
    """Trials over fifteen years, a third of them stopped; in rural settings twice as often."""
    draw = random.Random(seed)
    detail = random.Random(seed + 1)
    trials = []
    for number in range(1, count + 1):
        condition, measures = CONDITIONS[number % len(CONDITIONS)]
        drug = DRUGS[draw.randrange(len(DRUGS))]
        place = draw.choice(("rural", "urban"))
        is_stopped = draw.random() < (0.55 if place == "rural" else 0.12)
        reason = ("Slow accrual", "Lack of funding", "Futility at the interim analysis")[draw.randrange(3)]
        measure = measures[draw.randrange(len(measures))]
        trials.append(
            HandTrial(
                number=number,
                status=draw.choice(("TERMINATED", "WITHDRAWN")) if is_stopped else "COMPLETED",
                why_stopped=reason if is_stopped else None,
                title=f"{drug} {draw.randrange(5, 500)} mg in {condition} at {place} sites number {number}",
                conditions=(condition,),
                drug=drug,
                arms=(
                    (f"{drug} {' '.join(detail.choice(ways) for ways in GIVEN)}", "EXPERIMENTAL"),
                    (f"Control {' '.join(detail.choice(ways) for ways in GIVEN[1:])}", "PLACEBO_COMPARATOR"),
                ),
                criteria=(
                    "\n".join(f"- {text}" for text in (f"Adults with {condition}", *detail.sample(LETS_IN, 2))),
                    "\n".join(f"- {text}" for text in ("Pregnancy", *detail.sample(KEEPS_OUT, 2))),
                ),
                primary=(f"{measure} under {drug} by method {number}",),
                registered=f"{2005 + number * 15 // (count + 1)}-{1 + number % 12:02d}-{1 + number % 28:02d}",
            )
        )
    return trials


def warehouse(
    folder: Path, trials: Iterable[HandTrial], is_fictional: bool = True, snapshot: str = "0123456789abcdef"
) -> Warehouse:
    """A warehouse on disk of these trials, as far as tasks and runs need one."""
    con = connection(trials)
    (folder / "tables").mkdir(parents=True)
    counts = {}
    for table in TABLES:
        con.execute(f"COPY \"{table.name}\" TO '{folder / 'tables' / table.name}.parquet' (FORMAT parquet)")
        found = con.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()
        counts[table.name] = int(found[0]) if found else 0
    con.close()
    for name in ("records", "rejects"):
        (folder / name).mkdir()
        with duckdb.connect() as empty:
            empty.execute(
                f"COPY (SELECT NULL AS source WHERE false) TO '{folder / name / 'none.parquet'}' (FORMAT parquet)"
            )
    write_catalogue(folder, [], {})
    manifest = Manifest(
        tool_version="0",
        reader="hand",
        built="2030-01-01T00:00:00Z",
        snapshot=snapshot,
        inputs=counts["studies"],
        records=counts["studies"],
        rejects=0,
        trials=counts["studies"],
        is_fictional=is_fictional,
        keep_contacts=False,
        tables=counts,
        rejects_by_reason={},
        sources=[],
        files=[],
        stage_seconds={},
    )
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return Warehouse.open(folder)
