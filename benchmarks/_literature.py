"""How well papers are tied to trials: generated papers with known truth, and real ones.

    python benchmarks/_literature.py [--warehouse DIR] [--data DIR] [--seed N] [--trials N] [--json]

generated   the collection of `judged/resolution_frozen.json` (or another seed), as it is, and with the ids hidden that
            papers and registers give of each other: databank ids, ids in texts, lists of references. A paper is found
            if a Trial that it is about is accepted for it; protocols and secondary analyses count as well as results.
real        with --warehouse (of the real files): the pairs that a person found for IntoValue, as far as both sides are
            here; pairs that an id or a register's list of results gives, with these hidden; and the judgements of
            `judged/literature_pairs.json` on pairs that only similarity gives, made while the weights were chosen

Intervals are 95 % (Wilson).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from trialpanorama import sample
from trialpanorama.build import build
from trialpanorama.identifiers import trial_key
from trialpanorama.link.literature import link_papers

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
JUDGED = Path(__file__).resolve().parent / "judged"
FROZEN = json.loads((JUDGED / "resolution_frozen.json").read_text())
ABOUT_ONE_TRIAL = ("results", "protocol", "secondary")

Links = list[tuple[str, str, str]]


def linked(warehouse: Path, out: Path, *, hidden: bool) -> duckdb.DuckDBPyConnection:
    """Papers tied to trials anew, on a connection with `records`, `trial_records` and `paper_links`."""
    con = duckdb.connect()
    con.execute(f"CREATE VIEW told AS FROM read_parquet('{warehouse}/records/**/*.parquet')")
    con.execute("CREATE TABLE source_licences AS SELECT DISTINCT source, true AS is_open FROM told")
    for name, where in (("trial_records", "true"), ("publication_links", str(not hidden))):
        con.execute(f"COPY (FROM '{warehouse}/tables/{name}.parquet' WHERE {where}) TO '{out}/{name}.parquet'")
    without = """CREATE VIEW records AS SELECT * REPLACE (
        CASE WHEN coalesce(kind, 'REGISTRATION') = 'REGISTRATION' THEN identifiers ELSE [] END AS identifiers,
        list_filter("references", lambda r: false) AS "references") FROM told"""
    con.execute(without if hidden else "CREATE VIEW records AS FROM told")
    link_papers(con, out)
    con.execute(f"CREATE OR REPLACE VIEW paper_links AS FROM '{out}/paper_links.parquet'")
    return con


def share(name: str, right: int, of: int) -> dict[str, Any]:
    """A share with its n and interval, under keys that begin with its name."""
    if not of:
        return {name: None, f"{name}_n": 0, f"{name}_interval": None}
    z, p = 1.959964, right / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    interval = [round((middle + sign * half) / (1 + z * z / of), 4) for sign in (-1, 1)]
    return {name: round(right / of, 4), f"{name}_n": of, f"{name}_interval": interval}


def generated(folder: Path, seed: int, trials: int) -> dict[str, Any]:
    """Precision and recall on generated papers, as they are and with ids hidden."""
    sample.write(folder / "sample", trials, seed, sample.Mess(**FROZEN["mess"]))
    build([one for one in sorted((folder / "sample").iterdir()) if one.is_dir()], folder / "warehouse", workers=1)
    truth = json.loads((folder / "sample" / "truth.json").read_bytes())
    names = {trial_key(record["id"]): trial["trial"] for trial in truth["trials"] for record in trial["records"]}
    about = {paper["pmid"]: set(paper["trials"]) for paper in truth["papers"]}
    wanted = {paper["pmid"] for paper in truth["papers"] if paper["kind"] in ABOUT_ONE_TRIAL}
    figures: dict[str, Any] = {"literature_generated_seed": seed, "literature_generated_trials": trials}
    for hidden in (False, True):
        with linked(folder / "warehouse", folder, hidden=hidden) as con:
            of_study: dict[str, set[str]] = {}
            for study, id in con.execute(
                "SELECT study_id, id FROM records JOIN trial_records USING (record_id)"
            ).fetchall():
                of_study.setdefault(study, set()).add(names.get(trial_key(id), study))
            rows = con.execute("SELECT paper_id, study_id, method FROM paper_links WHERE is_accepted").fetchall()
        figures |= scores(
            "hidden" if hidden else "ids", [row for row in rows if row[0] in about], about, wanted, of_study
        )
    return figures


def scores(
    setting: str, rows: Links, about: Mapping[str, set[str]], wanted: set[str], of_study: Mapping[str, set[str]]
) -> dict[str, Any]:
    """Precision over accepted pairs (all, and those of similarity alone), recall over papers."""
    judged = [(paper, study, method, bool(about[paper] & of_study[study])) for paper, study, method in rows]
    by_id = {(paper, study) for paper, study, method, _ in judged if method != "similarity"}
    pairs = {(paper, study): is_right for paper, study, _, is_right in judged}
    alike = {pair: is_right for pair, is_right in pairs.items() if pair not in by_id}
    found = {paper for (paper, _), is_right in pairs.items() if is_right}
    return (
        share(f"literature_precision_{setting}", sum(pairs.values()), len(pairs))
        | share(f"literature_similarity_precision_{setting}", sum(alike.values()), len(alike))
        | share(f"literature_recall_{setting}", len(found & wanted), len(wanted))
    )


def real(warehouse: Path, data: Path, folder: Path) -> dict[str, Any]:
    """What is known of real pairs."""
    into_value = data / "links" / "intovalue_trial_publication.csv.gz"
    with linked(warehouse, folder, hidden=False) as con:
        con.execute(f"CREATE TABLE by_hand AS FROM read_csv('{into_value}', all_varchar = true)")
        (trials,) = con.execute(
            "SELECT count(DISTINCT id) FROM by_hand WHERE id IN (SELECT id FROM records)"
        ).fetchone() or (0,)
        pairs = con.execute("""SELECT DISTINCT t.study_id, h.publication_pmid
            FROM by_hand h JOIN records r ON r.id = h.id JOIN trial_records t USING (record_id)
            WHERE h.publication_pmid IN (SELECT id FROM records WHERE kind = 'PUBLICATION')""").fetchall()
        accepted = set(con.execute("SELECT study_id, paper_id FROM paper_links WHERE is_accepted").fetchall())
        alike = set(
            con.execute(
                "SELECT study_id, paper_id FROM paper_links WHERE is_accepted AND method = 'similarity'"
            ).fetchall()
        )
        said = set(
            con.execute("""SELECT study_id, paper_id FROM paper_links WHERE is_accepted AND method <> 'similarity'
            AND paper_type IN ('results', 'protocol', 'secondary', 'other')""").fetchall()
        )
    with linked(warehouse, folder, hidden=True) as con:
        found = dict(
            con.execute("SELECT paper_id, list(study_id) FROM paper_links WHERE is_accepted GROUP BY 1").fetchall()
        )
    answered = [(study, paper) for study, paper in said if paper in found]
    judged = json.loads((JUDGED / "literature_pairs.json").read_text())["pairs"]
    known = {(one["study_id"], one["paper_id"]): one["is_about"] for one in judged}
    return (
        {"literature_into_value_trials_here": trials, "literature_similarity_not_judged": len(alike - known.keys())}
        | share("literature_into_value_recall", sum(pair in accepted for pair in pairs), len(pairs))
        | share("literature_real_hidden_recall", sum(study in found[paper] for study, paper in answered), len(said))
        | share(
            "literature_real_hidden_precision", sum(study in found[paper] for study, paper in answered), len(answered)
        )
        | share(
            "literature_judged_precision", sum(known[pair] for pair in alike & known.keys()), len(alike & known.keys())
        )
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seed", type=int, default=FROZEN["seed"])
    parser.add_argument("--trials", type=int, default=FROZEN["trials"])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = generated(Path(folder), given.seed, given.trials)
        if given.warehouse:
            figures |= real(given.warehouse, given.data, Path(folder))
    for name, value in figures.items() if not given.json else ():
        print(f"{name:<44} {value}")
    if given.json:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
