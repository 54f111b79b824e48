"""What the reading commands show, each first as facts (the JSON document) and then as text for a person."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trialpanorama.apps.console import table
from trialpanorama.errors import REJECT_REASONS, UserError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from trialpanorama.evaluate import Row
    from trialpanorama.warehouse import Warehouse

FICTIONAL = "FICTIONAL: every trial here is made up."

# --- atlas


def atlas_facts(warehouse: Warehouse) -> dict[str, Any]:
    """What a warehouse holds."""
    manifest = warehouse.manifest
    connection = warehouse.connect()
    try:
        several, linked = _row(
            connection,
            """SELECT count(*) FILTER (WHERE len(registers) > 1), count(*) FILTER (WHERE number_of_records > 1)
               FROM studies WHERE kind = 'registration'""",
        )
        (papers,) = _row(connection, "SELECT count(*) FROM papers")
        (unregistered,) = _row(connection, "SELECT count(*) FROM studies WHERE kind = 'publication'")
        (tied,) = _row(
            connection,
            """SELECT count(DISTINCT tail_id) FROM relations
               WHERE tail_type = 'trial' AND head_type IN ('publication', 'review')""",
        )
        statuses = connection.execute(
            """SELECT coalesce(recruitment_status, 'not said'), count(*) FROM studies WHERE kind = 'registration'
               GROUP BY 1 ORDER BY 2 DESC, 1"""
        ).fetchall()
    finally:
        connection.close()
    facts: dict[str, Any] = msgspec.to_builtins(manifest)
    del facts["files"], facts["stage_seconds"], facts["reader"]
    return facts | {
        "warehouse": str(warehouse.path),
        "files": len(manifest.files),
        "trials_in_several_registers": several,
        "trials_of_several_records": linked,
        "trials_known_from_publications_alone": unregistered,
        "publications": papers,
        "trials_with_publications": tied,
        "statuses": dict(statuses),
    }


_MOST_SOURCES = 5


def atlas_text(facts: dict[str, Any]) -> str:
    """The same in about a dozen lines: the largest sources, and how many others there are."""
    statuses = ", ".join(
        f"{count:,} {name.lower().replace('_', ' ')}" for name, count in list(facts["statuses"].items())[:5]
    )
    lines = [
        f"{facts['warehouse']}: snapshot {facts['snapshot']}, built {facts['built'][:10]}"
        + (f". {FICTIONAL}" if facts["is_fictional"] else ""),
        f"  inputs        {facts['inputs']:,} = {facts['records']:,} records + {facts['rejects']:,} rejects, "
        f"in {facts['files']:,} files",
        f"  trials        {facts['trials']:,}; {facts['trials_in_several_registers']:,} of them in several registers, "
        f"{facts['trials_of_several_records']:,} of several records, "
        f"{facts['trials_known_from_publications_alone']:,} known from publications alone",
        f"  publications  {facts['publications']:,}, tied to {facts['trials_with_publications']:,} trials",
        f"  status        {statuses or 'no registered trial'}",
        "",
    ]
    largest = sorted(facts["sources"], key=lambda s: -s["records"])
    rows = [
        [s["name"], s["records"], s["rejects"], (s["newest"] or "")[:10], s["is_open"], _registers(s["registers"])]
        for s in largest[:_MOST_SOURCES]
    ]
    if others := largest[_MOST_SOURCES:]:
        records, rejects = (sum(s[key] for s in others) for key in ("records", "rejects"))
        named = ", ".join(s["name"] for s in others[:3])
        rows.append([f"{len(others)} others", records, rejects, None, None, f"{named} ...: see --json"])
    lines.append(table(["source", "records", "rejects", "newest", "open", "registers"], rows))
    return "\n".join(lines)


def _registers(counts: dict[str, int]) -> str:
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:3]]
    return ", ".join(shown) + (f" and {len(counts) - 3} more" if len(counts) > 3 else "")


# --- problems


def problems_facts(warehouse: Warehouse, source: str | None, *, places: int = 3) -> dict[str, Any]:
    """Rejects by reason and notes by field, each with the first `places` places; of one source if it is named."""
    if source is not None:
        from trialpanorama.sources import source as known

        known(source)
    connection = warehouse.connect()
    try:
        rejects = _dicts(
            connection,
            """SELECT source, reason, count(*) AS count,
                      list({'file': place.file, 'member': place.member, 'ordinal': place.ordinal, 'line': place.line,
                            'offset': place.offset, 'detail': detail}
                           ORDER BY place.file, place.member, place.ordinal)[:$places] AS places
               FROM rejects WHERE $source IS NULL OR source = $source
               GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2""",
            {"places": places, "source": source},
        )
        notes = _dicts(
            connection,
            """SELECT source, note.field AS field, note.note AS note, count(*) AS count,
                      list({'id': id, 'raw': note.raw, 'file': place.file, 'member': place.member,
                            'ordinal': place.ordinal} ORDER BY id, place.file, place.ordinal)[:$places] AS places
               FROM (SELECT source, id, place, unnest(notes) AS note FROM records
                     WHERE $source IS NULL OR source = $source)
               GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3""",
            {"places": places, "source": source},
        )
    finally:
        connection.close()
    for reject in rejects:
        reject["meaning"] = REJECT_REASONS[reject["reason"]]
    return {
        "source": source,
        "snapshot": warehouse.snapshot,
        "rejects": sum(reject["count"] for reject in rejects),
        "notes": sum(note["count"] for note in notes),
        "rejects_by_reason": rejects,
        "notes_by_field": notes,
    }


def problems_text(facts: dict[str, Any]) -> str:
    """The same for a person."""
    about = f" of {facts['source']}" if facts["source"] else ""
    lines = [f"Rejects{about}: {facts['rejects']:,} inputs could not be read."]
    for reject in facts["rejects_by_reason"]:
        lines.append(
            f"  {reject['count']:,} x {reject['reason']} ({reject['source'] or 'no source'}): {reject['meaning']}"
        )
        lines += [f"      {_place(place)}: {place['detail'] or ''}".rstrip(": ") for place in reject["places"]]
    lines.append(f"Notes{about}: {facts['notes']:,} values are doubtful, or were kept as text.")
    for note in facts["notes_by_field"]:
        lines.append(f"  {note['count']:,} x {note['field']} ({note['source']}): {note['note']}")
        lines += [
            f"      {place['id']} ({_place(place)}): {_clip(place['raw'])}".rstrip(": ") for place in note["places"]
        ]
    return "\n".join(lines)


def _place(place: dict[str, Any]) -> str:
    member = f" > {place['member']}" if place["member"] else ""
    if place.get("line"):
        where = f", line {place['line']}"
    else:
        where = f", entry {place['ordinal']}" if (place["ordinal"] or 1) > 1 else ""
    return f"{place['file']}{member}{where}"


def _clip(value: Any, longest: int = 100) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


# --- show

SAID = {
    "public_title": "public_title",
    "scientific_title": "scientific_title",
    "status": "status",
    "why_stopped": "why_stopped",
    "study_type": "study_type",
    "phases": "phases",
    "allocation": "allocation",
    "intervention_model": "intervention_model",
    "masking": "masking",
    "is_masked": "is_masked",
    "primary_purpose": "primary_purpose",
    "registration_date": "registration_date.date",
    "start_date": "start_date.date",
    "primary_completion_date": "primary_completion_date.date",
    "completion_date": "completion_date.date",
    "results_posted_date": "results_posted_date.date",
    "last_updated_date": "last_updated_date.date",
    "enrollment_target": "enrollment_target",
    "enrollment_actual": "enrollment_actual",
    "minimum_age_years": "minimum_age_years",
    "maximum_age_years": "maximum_age_years",
    "sex": "sex",
    "lead_sponsor": "[s.name for s in sponsors if coalesce(s.role, 'LEAD') = 'LEAD'][1]",
    "conditions": "[c.name for c in conditions]",
    "interventions": "[i.name for i in interventions]",
    "primary_outcomes": "[o.measure for o in outcomes if o.type = 'PRIMARY']",
    "countries": "[c.name for c in countries if not coalesce(c.is_removed, false)]",
    "has_results": "has_results",
}
"""What is compared between the Records of a Trial, as an expression over `records`."""


def show_facts(warehouse: Warehouse, asked: str) -> dict[str, Any]:
    """One Trial (or publication) by any of its ids: merged values, what each Record says, links, publications."""
    connection = warehouse.connect()
    try:
        study_id = _find_study(connection, asked)
        if study_id is None:
            return _paper_facts(connection, asked)
        study = _dicts(connection, "SELECT * FROM studies WHERE study_id = $id", {"id": study_id})[0]
        records = _dicts(
            connection,
            f"""SELECT t.precedence, r.record_id, r.id, r.register, r.source, r.url, r.licence, r.place,
                       {{{", ".join(f"'{name}': {expression}" for name, expression in SAID.items())}}} AS says
                FROM trial_records t JOIN records r USING (record_id) WHERE t.study_id = $id ORDER BY t.precedence""",
            {"id": study_id},
        )
        identifiers = _dicts(
            connection,
            """SELECT id, any_value(register) AS register, list(DISTINCT role ORDER BY role) AS roles,
                      list(DISTINCT record_id ORDER BY record_id) AS record_ids
               FROM identifiers WHERE study_id = $id GROUP BY id ORDER BY id""",
            {"id": study_id},
        )
        links = _dicts(
            connection,
            # three questions that an index answers, where one with "or" would read the whole table
            """SELECT id_a, register_a, id_b, register_b, method, score, is_accepted, reason, evidence,
                      record_a, record_b
               FROM (SELECT * FROM trial_links WHERE study_id = $id
                     UNION SELECT * FROM trial_links WHERE record_a IN (SELECT unnest($records))
                     UNION SELECT * FROM trial_links WHERE record_b IN (SELECT unnest($records)))
               ORDER BY is_accepted DESC, score DESC, record_a, record_b""",
            {"id": study_id, "records": [record["record_id"] for record in records]},
        )
        publications = _dicts(
            connection,
            """SELECT head_id AS id, any_value(p.title) AS title, any_value(p.first_published_date) AS date,
                      list(DISTINCT relation_type ORDER BY relation_type) AS relations
               FROM relations LEFT JOIN papers p ON p.paper_id = head_id
               WHERE tail_id = $id GROUP BY 1 ORDER BY 1""",
            {"id": study_id},
        )
    finally:
        connection.close()
    fields = {
        name: {
            "says": {
                record["record_id"]: record["says"][name] for record in records if record["says"][name] is not None
            },
            "agree": len({_folded(r["says"][name]) for r in records if r["says"][name] not in (None, [])}) <= 1,
        }
        for name in SAID
    }
    for record in records:
        del record["says"]
    return {
        "asked": asked,
        "kind": "trial",
        "id": study_id,
        "snapshot": warehouse.snapshot,
        "is_fictional": bool(study.get("is_fictional")),
        "study": {name: value for name, value in study.items() if value not in (None, [])},
        "records": records,
        "fields": {name: found for name, found in fields.items() if found["says"]},
        "identifiers": identifiers,
        "links": links,
        "publications": publications,
    }


def _find_study(connection: duckdb.DuckDBPyConnection, asked: str) -> str | None:
    for candidate in _candidates(asked):
        rows = connection.execute(
            """SELECT study_id FROM (
                   SELECT study_id, 0 AS rank FROM studies WHERE study_id = $id
                   UNION ALL SELECT study_id, 1 FROM trial_records WHERE record_id = $id
                   UNION ALL SELECT study_id, coalesce(list_position(['primary', 'alias', 'secondary'], role), 4) + 1
                   FROM identifiers WHERE id = $id)
               ORDER BY rank, study_id LIMIT 1""",
            {"id": candidate},
        ).fetchall()
        if rows:
            return str(rows[0][0])
    return None


def _candidates(asked: str) -> list[str]:
    from trialpanorama.identifiers import find

    return list(dict.fromkeys([*(found.id for found in find(asked)[:1]), asked.strip(), asked.strip().upper()]))


def _paper_facts(connection: duckdb.DuckDBPyConnection, asked: str) -> dict[str, Any]:
    number = asked.strip().upper().removeprefix("PMID").lstrip(": ")
    papers = _dicts(
        connection,
        "SELECT * FROM papers WHERE paper_id = $id OR paper_id = $asked ORDER BY paper_id = $id DESC LIMIT 1",
        {"id": number, "asked": asked.strip()},  # a DOI is not in capitals
    )
    if not papers:
        near = connection.execute(
            """SELECT id FROM (SELECT study_id AS id FROM studies UNION SELECT id FROM identifiers
                               UNION SELECT paper_id FROM papers)
               WHERE jaro_winkler_similarity(id, $id) > 0.85
               ORDER BY jaro_winkler_similarity(id, $id) DESC, id LIMIT 3""",
            {"id": number},
        ).fetchall()
        hint = f"Close: {', '.join(row[0] for row in near)}." if near else "Search titles with: trialpanorama query SQL"
        raise UserError(f'No trial or publication of this warehouse is called "{_clip(asked, 60)}". {hint}')
    number = papers[0]["paper_id"]
    about = _dicts(
        connection,
        """SELECT tail_id AS id, tail_type AS type, list(DISTINCT relation_type ORDER BY relation_type) AS relations
           FROM relations WHERE head_id = $id GROUP BY 1, 2 ORDER BY 1""",
        {"id": number},
    )
    paper = {name: value for name, value in papers[0].items() if value not in (None, [])}
    return {
        "asked": asked,
        "kind": "publication",
        "id": number,
        "is_fictional": bool(paper.get("is_fictional")),
        "publication": paper,
        "about": about,
    }


def _folded(value: Any) -> str:
    """A value as it is compared: case, spaces and the order of a list do not make a disagreement."""
    if isinstance(value, list):
        return "|".join(sorted(_folded(part) for part in value))
    return " ".join(str(value).casefold().split())


def show_text(facts: dict[str, Any]) -> str:
    """The same for a person."""
    mark = [FICTIONAL] if facts["is_fictional"] else []
    if facts["kind"] == "publication":
        paper = facts["publication"]
        lines = [f"{facts['id']}: {paper.get('title', '')}", *mark]
        lines += [f"  {name:<22} {_clip(paper[name], 160)}" for name in paper if name not in ("paper_id", "title")]
        lines += [f"  {', '.join(a['relations']):<22} {a['type']} {a['id']}" for a in facts["about"]]
        return "\n".join(lines)
    study, records = facts["study"], facts["records"]
    lines = [f"{facts['id']}: {study.get('title', '')}", *mark, ""]
    letters = {record["record_id"]: _letter(i) for i, record in enumerate(records)}
    lines.append(f"Records ({len(records)}), the first wins where they differ")
    lines += [f"  {letters[r['record_id']]}  {r['id']} ({r['source']}), {_place(r['place'])}" for r in records]
    lines += ["", "What they say (* where they differ)"]
    for name, found in facts["fields"].items():
        by_value: dict[str, list[str]] = {}
        for record_id, value in found["says"].items():
            by_value.setdefault(_plain(value), []).append(letters[record_id])
        star = " " if found["agree"] else "*"
        for i, (value, who) in enumerate(by_value.items()):
            label = f"{star} {name}" if i == 0 else ""
            lines.append(f"  {label:<26} {_clip(value, 110)}" + (f"  [{' '.join(who)}]" if len(records) > 1 else ""))
    others = [i for i in facts["identifiers"] if i["roles"] != ["primary"]]
    if others:
        lines += ["", "Other identifiers"]
        lines += [f"  {i['id']} ({', '.join(filter(None, [i['register'], *i['roles']]))})" for i in others[:20]]
    if facts["links"]:
        lines += ["", "Why they are held for one study, or not"]
        for link in facts["links"]:
            held = "one study" if link["is_accepted"] else f"not joined ({link['reason']})"
            lines.append(f"  {link['id_a']} - {link['id_b']}: {link['method']}, score {link['score']:.2f}, {held}")
            lines += [
                f"      {e['field']}: {_clip(e['value_a'], 50)} | {_clip(e['value_b'], 50)}"
                for e in link["evidence"] or []
            ]
    if facts["publications"]:
        lines += ["", "Publications"]
        lines += [
            f"  {p['id']} ({', '.join(p['relations'])}){': ' + _clip(p['title'], 90) if p['title'] else ''}"
            for p in facts["publications"][:20]
        ]
    return "\n".join(lines)


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"R{number + 1}"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- tasks


def results_text(rows: Sequence[Row], *, headline_only: bool = False) -> str:
    """The results table: each figure with its direction, its 95 % interval, n, and what was no answer."""
    from trialpanorama.tasks import task

    shown = [row for row in rows if not headline_only or row.metric == task(row.task).metrics[0].name]
    lines = [
        [
            f"{row.task}@{row.version}",
            f"{row.title} {row.arrow}",
            row.model,
            _figure(row.value),
            f"{_figure(row.low)} to {_figure(row.high)}" if row.low is not None else "",
            row.n,
            row.failed,
            row.refused,
            row.unreadable,
            row.truncated,
            _figure(row.floor),
        ]
        for row in shown
    ]
    headings = [
        "task",
        "metric",
        "model",
        "value",
        "95 % interval",
        "n",
        "failed",
        "refused",
        "unreadable",
        "truncated",
        "floor",
    ]
    mark = f"\n{FICTIONAL} No figure says anything about real ones." if any(row.is_fictional for row in shown) else ""
    return table(headings, lines) + mark


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


# --- rows


def cells(rows: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a query's answer; columns may share a name."""
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def objects(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows as objects; raises UserError where two columns share a name."""
    names = Counter(rows.column_names)
    if twice := [name for name, count in names.items() if count > 1]:
        raise UserError(f'Two columns are called "{twice[0]}": tell them apart in the query, with AS.')
    return rows.to_pylist()  # type: ignore[no-any-return]


def csv_text(rows: pa.Table) -> str:
    """The rows as CSV; lists and structs as JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.column_names)
    for row in cells(rows):
        writer.writerow(
            [msgspec.json.encode(v, enc_hook=str).decode() if isinstance(v, list | dict) else v for v in row]
        )
    return out.getvalue()


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return tuple(connection.execute(sql).fetchall()[0])


def _dicts(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, {name: value for name, value in parameters.items() if f"${name}" in sql})
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
