"""Writes a sample: which record goes to which file of which format, and what is true of each trial."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from trialpanorama.errors import UserError
from trialpanorama.sample import clinicaltrials_gov, clinicaltrials_gov_legacy, ictrp, pubmed
from trialpanorama.sample._files import Archive, Output, Spreadsheet, Table, Text
from trialpanorama.sample._native import Native, article_formats, natives
from trialpanorama.sample.hostile import write_broken_inputs
from trialpanorama.sample.lexicon import CONDITIONS
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import SNAPSHOT, Paper, Registration, Trial
from trialpanorama.sample.registers import MAXIMUM_TRIALS, PUBMED_RANGE, REGISTERS, WINDOW
from trialpanorama.sample.windows import window

PART = 100 * WINDOW
"""Trials whose records share one set of files, so that no archive's table of contents grows with the sample."""
EARLIER = datetime.date(2025, 3, 31)
"""The day of the earlier of the two web exports."""
_V1_MOST = 200
_README = """FICTIONAL clinical trials
=========================

Nothing in this folder is true. Every trial, sponsor, person and result was made by `trialpanorama sample`
({trials:,} trials, seed {seed}) to show and to test the program. Names of diseases and of generic drugs are real words;
what is said about them is not. Every title ends with (FICTIONAL), every sponsor has Fictional in its name, and all
ids lie in ranges that no register has issued:

{ranges}

E-mail addresses end in example.org or example.com, and telephone numbers lie in ranges kept for fiction.

registries/clinicaltrials_gov   API v2 JSON (zip, array, lines), v2 CSV, legacy XML, old v1 JSON
registries/ictrp                web XML, web CSV of two dates, XLSX, full export without a header
registries/...                  other registers in formats of their own
reviews                         systematic reviews: what they asked, included and excluded
pubmed                          PubmedArticleSet XML, MEDLINE tagged text
{hostile}truth.json                      what is true: which records are one trial, and what became of it
"""
_TRUTH_BEGINS = b'{"fictional":true,'
_OURS = ("registries", "pubmed", "reviews", "hostile", "truth.json", "README.txt")


class Summary(msgspec.Struct, frozen=True):
    """What was written."""

    directory: str
    trials: int
    records: int
    """Inputs that are meant to become a Record, papers included."""
    inputs: int
    rejects: int
    """Inputs that are meant to be refused."""
    papers: int
    reviews: int
    files: int
    bytes: int


def write(
    directory: Path,
    trials: int,
    seed: int,
    mess: Mess | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    hostile: bool = False,
) -> Summary:
    """Write a sample of so many fictional trials into a folder; the same arguments give the same bytes.

    `progress` is called with the trials done and their number. `hostile` adds a folder of broken inputs.
    Raises UserError for an impossible number of trials, and for a folder that holds something else.
    """
    mess = mess or Mess()
    if not 1 <= trials <= MAXIMUM_TRIALS:
        raise UserError(
            f"{trials:,} trials: the fictional ids suffice for 1 to {MAXIMUM_TRIALS:,}. Give --trials 500, say."
        )
    _prepare(directory)
    with _Sample(directory, seed, trials, mess) as sample:
        for first in range(0, trials, WINDOW):
            sample.write_window(first // WINDOW, min(WINDOW, trials - first))
            if progress:
                progress(min(first + WINDOW, trials), trials)
        if hostile:
            sample.add_inputs(write_broken_inputs(directory / "hostile"), "hostile")
    ranges = (
        "\n".join(f"  {register.name:<20}{register.range}" for register in REGISTERS.values())
        + f"\n  {'PubMed':<20}{PUBMED_RANGE}"
    )
    line = (
        "hostile                         broken files of many kinds: each gives rejects, none a crash\n"
        if hostile
        else ""
    )
    (directory / "README.txt").write_text(
        _README.format(trials=trials, seed=seed, ranges=ranges, hostile=line), encoding="utf-8"
    )
    return sample.summary()


def _prepare(directory: Path) -> None:
    if directory.exists():
        if not directory.is_dir():
            raise UserError(f"{directory} is a file. Give the name of a new folder.")
        found = {path.name for path in directory.iterdir()}
        if found and not (found <= set(_OURS) and _begins_as_truth(directory / "truth.json")):
            raise UserError(
                f"{directory} is not empty and holds something else than a sample. Give the name of a new folder."
            )
        for name in found:
            old = directory / name
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for folder in ("registries/clinicaltrials_gov", "registries/ictrp", "pubmed"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    paths = [native.path for of_register in natives().values() for native in of_register]
    for path in paths + [kind.path for kind in article_formats()]:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)


def _begins_as_truth(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_TRUTH_BEGINS)) == _TRUTH_BEGINS


class _Sample:
    """The open files of a sample."""

    def __init__(self, directory: Path, seed: int, trials: int, mess: Mess) -> None:
        self._directory, self._seed, self._trials, self._mess = directory, seed, trials, mess
        self._part = -1
        self._open: dict[str, Output] = {}
        self._v1: list[tuple[dict[str, Any], dict[str, str]]] = []
        self._inputs: list[dict[str, Any]] = []
        self._counts = {"papers": 0, "reviews": 0}

    def __enter__(self) -> _Sample:
        self._truth: IO[bytes] = (self._directory / "truth.json").open("wb")
        self._spools: dict[str, IO[bytes]] = {name: tempfile.TemporaryFile() for name in self._counts}  # noqa: SIM115 (closed at exit)
        head = {
            "fictional": True,
            "seed": self._seed,
            "parameters": {"trials": self._trials, "mess": msgspec.to_builtins(self._mess)},
            "snapshot_date": SNAPSHOT.isoformat(),
            "concepts": [{"concept": condition.heading, "mesh": condition.mesh} for condition in CONDITIONS],
        }
        self._truth.write(msgspec.json.encode(head)[:-1] + b',\n"trials":[\n')
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # half a sample gets no end of its truth; and a full disk refuses even what closing writes
            for file in (self._truth, *self._spools.values()):
                with contextlib.suppress(OSError):
                    file.close()
            return
        self._close_part()
        for name, spool in self._spools.items():
            self._truth.write(b'\n],\n"' + name.encode() + b'":[\n')
            spool.seek(0)
            shutil.copyfileobj(spool, self._truth)
            spool.close()
        lines = b",\n".join(msgspec.json.encode(item) for item in self._inputs)
        self._truth.write(b'\n],\n"inputs":[\n' + lines + b"\n]}\n")
        self._truth.close()

    def summary(self) -> Summary:
        """What was written, once all is closed."""
        files = [path for path in self._directory.rglob("*") if path.is_file()]
        inputs, rejects = (sum(item[key] for item in self._inputs) for key in ("inputs", "rejects"))
        return Summary(
            directory=str(self._directory),
            trials=self._trials,
            records=inputs - rejects,
            inputs=inputs,
            rejects=rejects,
            papers=self._counts["papers"],
            reviews=self._counts["reviews"],
            files=len(files),
            bytes=sum(path.stat().st_size for path in files),
        )

    def add_inputs(self, items: list[dict[str, Any]], folder: str) -> None:
        """Note the inputs of files that were written elsewhere."""
        self._inputs += [{**item, "file": f"{folder}/{item['file']}"} for item in items]

    def write_window(self, number: int, size: int) -> None:
        """Write the records, articles and truth of one window."""
        part = number * WINDOW // PART
        if part != self._part:
            self._close_part()
            self._part = part
        made = window(self._seed, number, size, self._mess)
        by_index = {trial.index: trial for trial in made.trials}
        for trial in made.trials:
            records = [record for registration in trial.registrations for record in self._records(trial, registration)]
            separator = b",\n" if trial.index else b""
            self._truth.write(separator + msgspec.json.encode(_trial_truth(trial, records)))
        for paper in made.articles:
            records = list(self._article(paper, [by_index[index] for index in paper.trials]))
            kind = "reviews" if paper.kind == "review" else "papers"
            spool = self._spools[kind]
            if self._counts[kind]:
                spool.write(b",\n")
            self._counts[kind] += 1
            spool.write(
                msgspec.json.encode(_paper_truth(paper, [by_index[index].name for index in paper.trials], records))
            )

    # --- files

    def _file(self, key: str, make: Callable[[Path, str], Output], path: str) -> Output:
        output = self._open.get(key)
        if output is None:
            output = self._open[key] = make(self._directory / path.format(self._part + 1), key)
        return output

    def _close_part(self) -> None:
        if self._v1:
            v1 = self._file("api-v1-json", Text, "registries/clinicaltrials_gov/FullStudiesResponse_{:03d}.json")
            v1.add(
                msgspec.json.format(
                    msgspec.json.encode(clinicaltrials_gov_legacy.v1_response([document for document, _ in self._v1])),
                    indent=2,
                )
            )
            v1.inputs = len(self._v1)
            self._v1 = []
        articles = self._open.get("pubmed-xml")
        if articles:
            articles.add(pubmed.delete_citation([f"99{999_999 - self._part:06d}"]))
            articles.rejects += 1
        for output in self._open.values():
            output.close()
            self._inputs.append(
                {
                    "file": self._relative(output.path),
                    "format": output.format,
                    "inputs": output.inputs,
                    "rejects": output.rejects,
                }
            )
        self._open = {}

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._directory).as_posix()

    def _record(
        self, source: str, registration: Registration, id: str, output: Output, member: str = ""
    ) -> dict[str, str]:
        record = {
            "source": source,
            "register": REGISTERS[registration.register].key,
            "id": id,
            "file": self._relative(output.path),
            "format": output.format,
        }
        if member:
            record["member"] = member
        return record

    # --- records

    def _records(self, trial: Trial, registration: Registration) -> Iterator[dict[str, str]]:
        mark = zlib.crc32(registration.id.encode())  # one number decides where a registration goes
        if registration.register == "ClinicalTrials.gov":
            yield from self._studies(trial, registration, mark)
        native = _native_format(registration, mark)
        beside = [one for one in natives().get(registration.register, ()) if one.is_beside]
        for one in [native, *beside] if native else beside:
            for id, entry in one.entries(trial, registration, self._mess):
                output = self._file(one.format, one.open, one.path)
                member = output.add(entry)
                yield self._record(one.source, registration, id, output, member)
        if registration.register == "ClinicalTrials.gov":
            is_in_ictrp = (mark >> 16) % 10 == 0
        else:
            is_in_ictrp = native is None or (mark >> 14) % 100 >= native.alone
        if is_in_ictrp:
            yield from self._rows(trial, registration, mark)

    def _studies(self, trial: Trial, registration: Registration, mark: int) -> Iterator[dict[str, str]]:
        document = clinicaltrials_gov.study(trial, registration)
        bucket = mark % 100
        kinds = [next(kind for limit, kind in _STUDY_SHARES if bucket < limit)]
        if (mark >> 8) % 100 < 4:  # a few are exported twice
            kinds.append("api-v2-csv" if kinds[0] != "api-v2-csv" else "api-v2-json")
        folder = "registries/clinicaltrials_gov/"
        for kind in kinds:
            if kind == "api-v1-json" and len(self._v1) >= _V1_MOST:
                kind = "api-v2-json"
            if kind == "api-v1-json":
                record = {
                    "source": "clinicaltrials_gov",
                    "register": REGISTERS[registration.register].key,
                    "id": registration.id,
                    "file": f"{folder}FullStudiesResponse_{self._part + 1:03d}.json",
                    "format": kind,
                }
                self._v1.append((document, record))
                yield record
                continue
            if kind == "api-v2-json":
                output = self._file(kind, Archive, folder + "ctg-studies_{:03d}.json.zip")
                member = output.add((f"{registration.id}.json", msgspec.json.encode(document)))
            elif kind == "api-v2-json-array":
                output = self._file(
                    kind,
                    lambda path, key: Text(path, key, "[\n", ",\n", "\n]\n"),
                    folder + "ctg-studies_array_{:03d}.json.gz",
                )
                member = output.add(msgspec.json.encode(document))
            elif kind == "api-v2-ndjson":
                output = self._file(kind, Text, folder + "ctg-studies_{:03d}.ndjson")
                member = output.add(msgspec.json.encode(document) + b"\n")
            elif kind == "api-v2-csv":
                output = self._file(
                    kind,
                    lambda path, key: Table(path, key, clinicaltrials_gov.CSV_COLUMNS),
                    folder + "ctg-studies_{:03d}.csv",
                )
                member = output.add(clinicaltrials_gov.csv_row(document))
            else:
                output = self._file(kind, Archive, folder + "AllPublicXML_{:03d}.zip")
                member = output.add(
                    (f"{registration.id[:7]}xxxx/{registration.id}.xml", clinicaltrials_gov_legacy.xml(document))
                )
            yield self._record("clinicaltrials_gov", registration, registration.id, output, member)

    def _rows(self, trial: Trial, registration: Registration, mark: int) -> Iterator[dict[str, str]]:
        bucket = mark % 100
        several = len(registration.ids) > 1
        kind = "full-csv" if several else next(kind for limit, kind in _ROW_SHARES if bucket < limit)
        family = registration.ids if several and bucket < 70 else []
        updated = registration.updated
        for id in registration.ids:
            refreshed = updated + datetime.timedelta(days=(mark >> 4) % 20)
            entry = ictrp.Entry(trial, registration, id, registration.status, min(refreshed, SNAPSHOT), family)
            yield self._row(entry, kind, SNAPSHOT)
            if kind == "web-csv" and (mark >> 8) % 100 < 12 and registration.registered < EARLIER:
                status = registration.status
                if registration.completion > EARLIER - datetime.timedelta(days=400) and status in (
                    "COMPLETED",
                    "TERMINATED",
                ):
                    status = "RECRUITING"
                earlier = ictrp.Entry(trial, registration, id, status, min(refreshed, EARLIER), family)
                yield self._row(earlier, kind, EARLIER)

    def _row(self, entry: ictrp.Entry, kind: str, exported: datetime.date) -> dict[str, str]:
        fields = ictrp.row(entry, exported, self._mess)
        folder = "registries/ictrp/"
        if kind == "web-xml":
            head = '<?xml version="1.0" encoding="UTF-8"?>\n<Trials_downloaded_from_ICTRP>\n'
            output = self._file(
                kind,
                lambda path, key: Text(path, key, head, "", "</Trials_downloaded_from_ICTRP>\n"),
                folder + "ICTRP-Results_{:03d}.xml.gz",
            )
            output.add(ictrp.web_xml(fields))
        elif kind == "web-csv":
            key = f"{kind} of {exported}"
            output = self._file(
                key,
                lambda path, _: Table(path, kind, ictrp.CSV_COLUMNS, quote_all=True),
                f"{folder}ICTRP-web_{exported}_{{:03d}}.csv",
            )
            output.add(ictrp.csv_cells(fields))
        elif kind == "xlsx":
            output = self._file(
                kind, lambda path, key: Spreadsheet(path, key, ictrp.CSV_COLUMNS), folder + "ICTRP-web_{:03d}.xlsx"
            )
            draw = zlib.crc32(entry.id.encode()[::-1]) / 2**32
            output.add(ictrp.xlsx_cells(fields, entry.registration.registered, entry.refreshed, draw, self._mess))
        else:
            output = self._file(kind, Table, folder + "ICTRPFullExport_{:03d}.csv.gz")
            output.add(ictrp.full_cells(entry, fields))
        return self._record("ictrp", entry.registration, entry.id, output)

    def _article(self, paper: Paper, reviewed: list[Trial]) -> Iterator[dict[str, Any]]:
        one = pubmed.article(paper, reviewed, self._mess)
        mark = zlib.crc32(paper.pmid.encode())
        for kind in article_formats():
            if paper.kind in kind.kinds and zlib.crc32(f"{kind.format}/{paper.pmid}".encode()) % 100 < kind.share:
                output = self._file(kind.format, kind.open, kind.path)
                for entry in kind.entries(paper, reviewed, self._mess):
                    output.add(entry)
                    yield {"file": self._relative(output.path), "format": output.format}
        if mark % 100 < 15 and paper.kind != "book":
            output = self._file("medline", Text, "pubmed/medline_{:03d}.txt")
            output.add(pubmed.medline(one))
            yield {"file": self._relative(output.path), "format": output.format}
            return
        output = self._file(
            "pubmed-xml",
            lambda path, key: Text(path, key, pubmed.XML_HEAD, "", pubmed.XML_TAIL),
            "pubmed/pubmed99n{:04d}.xml.gz",
        )
        for version in (1, 2) if mark % 50 == 17 and paper.kind != "book" else (1,):
            output.add(pubmed.xml(one, version))
            yield {"file": self._relative(output.path), "format": output.format, "version": version}


_STUDY_SHARES = (
    (44, "api-v2-json"),
    (56, "api-v2-json-array"),
    (66, "api-v2-ndjson"),
    (79, "api-v2-csv"),
    (97, "legacy-xml"),
    (100, "api-v1-json"),
)
_ROW_SHARES = ((33, "web-xml"), (68, "web-csv"), (74, "xlsx"), (100, "full-csv"))


def _native_format(registration: Registration, mark: int) -> Native | None:
    """The format of its own register that a registration is written in, for the share of them that is."""
    draw = (mark >> 7) % 100
    for native in natives().get(registration.register, ()):
        if not native.is_beside and draw < native.share:
            return native
        draw -= native.share
    return None


def _trial_truth(trial: Trial, records: list[dict[str, str]]) -> dict[str, Any]:
    """What is true of a trial, for a person to read."""
    mentions: dict[str, str] = {}
    for registration in trial.registrations:
        for mention, condition in zip(registration.conditions, (trial.condition, trial.second_condition), strict=False):
            if condition:
                mentions[mention] = condition.mesh
    headings = {
        condition.mesh: condition.heading for condition in (trial.condition, trial.second_condition) if condition
    }
    over = trial.status in ("COMPLETED", "TERMINATED", "WITHDRAWN")
    return {
        "trial": trial.name,
        "records": records,
        "title": trial.official_title,
        "conditions": [
            {"mention": mention, "concept": headings[mesh], "mesh": mesh} for mention, mesh in mentions.items()
        ],
        "drugs": [
            {"mention": item.name, "concept": item.concept}
            for item in trial.interventions
            if item.type in ("DRUG", "BIOLOGICAL")
        ],
        "study_type": trial.study_type,
        "phases": list(trial.phases),
        "allocation": trial.allocation,
        "intervention_model": trial.model,
        "masking": trial.masking,
        "primary_purpose": trial.purpose,
        "arms": len(trial.arms),
        "sites": len(trial.sites),
        "countries": trial.countries,
        "sponsor": trial.sponsor,
        "sponsor_class": trial.sponsor_class,
        "planned_size": trial.planned,
        "actual_size": trial.actual if over else None,
        "registered": trial.registered,
        "start": trial.start,
        "primary_completion": trial.primary_completion,
        "completion": trial.completion,
        "status": trial.status,
        "outcome": {"COMPLETED": "completed", "TERMINATED": "stopped", "WITHDRAWN": "stopped"}.get(trial.status),
        "fate": trial.fate,
        "stopped_reason": trial.reason,
        "why_stopped": trial.why_stopped,
        "primary_outcomes": [{"measure": measure, "time_frame": frame} for measure, frame in trial.primary_outcomes],
        "effect": round(trial.effect, 4),
        "has_results": trial.has_results,
        "extension_of": trial.parent.name if trial.parent else None,
        "asserted_ids": [
            {"by": registration.id, "id": id}
            for registration in trial.registrations
            for kind, id in registration.secondary_ids
            if kind not in ("ORG", "EXTENSION") and _shows_secondary_ids(registration, records)
        ],
        "papers": [paper.pmid for paper in trial.papers],
        "reviews": [paper.pmid for paper in trial.reviews],
    }


def _shows_secondary_ids(registration: Registration, records: list[dict[str, str]]) -> bool:
    """Whether one of its records is in a format that has a column for them."""
    return any(r["id"] in registration.ids and r["format"] not in ("web-csv", "xlsx") for r in records)


def _paper_truth(paper: Paper, trials: list[str], records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "pmid": paper.pmid,
        "kind": paper.kind,
        "trials": trials,
        "databank_ids": [id for _, id in paper.databank_ids],
        "abstract_ids": paper.abstract_ids,
        "published": paper.published,
        "records": records,
    }
