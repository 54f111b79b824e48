"""UMIN-CTR, Japan: the whole registry as one CSV file, one row a trial, headed in Japanese and English.

A header is `Japanese/English`, such as `試験のフェーズ/Developmental phase`; a choice in a cell is written alike
(`第Ⅱ相/Phase II`), several choices are joined by colons, and what can be said in both languages has two columns of the
same name. Columns are found by either half of their header, never by their place.

Verified in what others have published of files of 2018 to 2024: the headers of titles, condition, specialty,
objectives, outcomes, study type, number of arms, interventions, criteria, target size, co-sponsor, further funders,
issuers of secondary ids, results and all dates; the double columns, the colons, the second header row of newer files,
sizes such as 9999999999. Not verified: the other headers, which are the labels of the registry's web page, and how ages
are worded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import BinaryIO

from trialpanorama import identifiers, vocabulary
from trialpanorama.errors import Unreadable, UserError
from trialpanorama.fetching import Fetch, Session, Wanted
from trialpanorama.record import (
    Arm,
    Condition,
    Contact,
    Identifier,
    Intervention,
    Official,
    PartialDate,
    Record,
    Reject,
    Sponsor,
)
from trialpanorama.sources import Format, Source
from trialpanorama.sources import _dialects as dialects
from trialpanorama.sources._native import Notes, outcomes
from trialpanorama.sources._reading import Entry, csv_rows, each, fold, from_html, table_header
from trialpanorama.vocabulary import InterventionType, SponsorClass, is_placeholder

_NAMES = {
    "id": "UMIN試験ID|UMIN ID|Unique ID issued by UMIN",
    "receipt": "受付番号|Receipt No.|Receipt number",
    "public_title": "試験簡略名|一般向け試験名|Title of the study (Brief title)|Public title",
    "scientific_title": "試験名|科学的試験名|Official scientific title of the study|Scientific Title",
    "acronym": "一般向け試験名略称|Acronym",
    "region": "試験実施地域|Region",
    "condition": "対象疾患名|Condition",
    "specialty": "疾患区分1|Classification by specialty",
    "malignancy": "疾患区分2|Classification by malignancy",
    "objectives": "目的1|Narrative objectives1",
    "basic_objectives": "目的2|Basic objectives2",
    "phase": "試験のフェーズ|Developmental phase",
    "primary_outcome": "主要アウトカム評価項目|Primary outcomes",
    "secondary_outcome": "副次アウトカム評価項目|Key secondary outcomes",
    "study_type": "試験の種類|Study type",
    "design": "基本デザイン|Basic design",
    "randomization": "ランダム化|Randomization",
    "blinding": "ブラインド化|Blinding",
    "control": "コントロール|Control",
    "concealment": "割付コードを知る方法|Concealment",
    "arms": "群数|No. of arms",
    "purpose": "介入の目的|Purpose of intervention",
    "kinds": "介入の種類|Type of intervention",
    **{f"intervention_{n}": f"介入{n}|Interventions/Control_{n}" for n in range(1, 11)},
    "age_min": "年齢（下限）|Age-lower limit",
    "age_max": "年齢（上限）|Age-upper limit",
    "sex": "性別|Gender",
    "inclusion": "選択基準|Key inclusion criteria",
    "exclusion": "除外基準|Key exclusion criteria",
    "target_size": "目標参加者数|Target sample size",
    "investigator": "責任研究者|Name of lead principal investigator",
    "contact": "担当者|試験問い合わせ窓口担当者|Name of contact person",
    "affiliation": "所属組織",
    "address": "住所|Address",
    "phone": "電話|TEL",
    "email": "Email",
    "sponsor": "Institute",
    "sponsor_person": "Personal name",
    "funder": "研究費提供組織|Funding Source",
    "funder_class": "組織の区分|Category of Funding Organization",
    "co_sponsor": "共同実施組織|Co-sponsor",
    "other_funder": "その他の研究費提供組織|Name of secondary funder(s)",
    **{f"secondary_id_{n}": f"試験ID{n}|Study ID_{n}" for n in (1, 2)},
    **{f"issuer_{n}": f"ID発行機関{n}|Org. issuing International ID_{n}|Org. issuing Study ID_{n}" for n in (1, 2)},
    "ind": "治験届|IND to MHLW",
    "disclosed": "一般公開日（本登録希望日）|Date of disclosure of the study information",
    "protocol_url": "プロトコル掲載URL|URL releasing protocol",
    "results_url": "結果掲載URL|URL releasing results|URL related to results and publications",
    "actual_size": "組み入れ参加者数|Number of participants that the trial has enrolled",
    "results": "主な結果|Results",
    "baseline": "参加者背景|Baseline Characteristics",
    "flow": "参加者の流れ|Participant flow",
    "adverse_events": "有害事象|Adverse events",
    "measures": "評価項目|Outcome measures",
    "ipd_plan": "Plan to share IPD",
    "ipd_description": "IPD sharing Plan description",
    "status": "試験進捗状況|Recruitment status",
    "start": "登録・組入れ開始（予定）日|Anticipated trial start date",
    "completed": "フォロー終了(予定)日|Last follow-up date",
    "submitted": "登録日時|Registered date",
    "updated": "最終更新日|Last modified on",
    "page": "英語URL|日本語URL|URL(English)|URL(Japanese)",
}


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.translate(_WIDE)).casefold()


_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # the registry writes `funｄer(s)`
_COLUMN_OF = {_key(name): column for column, names in _NAMES.items() for name in names.split("|")}
_OF_UMIN_ALONE = frozenset(
    {"objectives", "basic_objectives", "phase", "specialty", "malignancy", "concealment", "intervention_1", "kinds"}
)


@lru_cache(1024)
def _column(header: str) -> str | None:
    """The column of a header by its Japanese half, its English half, or the whole."""
    japanese, _, english = header.partition("/")
    # the whole first: an English header may have a slash of its own (Interventions/Control_1)
    return _COLUMN_OF.get(_key(header)) or _COLUMN_OF.get(_key(japanese)) or _COLUMN_OF.get(_key(english))


_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9d]")
_UNIT_OF_AGE = (("months", re.compile("month|月")), ("weeks", re.compile("week|週")), ("days", re.compile("day|日")))
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,2})?")
_KINDS: dict[str, InterventionType] = {
    "deviceequipment": "DEVICE",
    "gene": "GENETIC",
    "behaviorcustom": "BEHAVIORAL",
    "maneuver": "PROCEDURE",
    "food": "DIETARY_SUPPLEMENT",
}
_CLASSES: dict[str, SponsorClass] = {
    "profitorganization": "INDUSTRY",
    "nonprofitfoundation": "OTHER",
    "japanesegovernmentaloffice": "OTHER_GOV",
    "governmentofficesofothercountries": "OTHER_GOV",
    "localgovernment": "OTHER_GOV",
}


_ANSWERED = ("phase", "randomization", "blinding")
"""Where `Not applicable` is an answer."""


class _Row:
    """The texts of one row by column, and the Notes that reading it gives."""

    def __init__(self, entry: Entry) -> None:
        self.notes = Notes()
        self._cells: dict[str, list[str | None]] = {}
        for header, cell in (entry.row or {}).items():
            if column := _column(header.partition("\0")[0]):
                text = from_html(cell)
                is_said = column in _ANSWERED or not is_placeholder(text)
                self._cells.setdefault(column, []).append(text if is_said else None)

    def cells(self, column: str) -> list[str | None]:
        """What stands in the columns of this name, None where nothing does; no cell where there is no such column."""
        return self._cells.get(column, [])

    def texts(self, column: str) -> list[str]:
        return [text for text in self.cells(column) if text]

    def text(self, column: str) -> str | None:
        """The English text, else the Japanese one."""
        found = self.texts(column)
        return next((text for text in found if not _JAPANESE.search(text)), next(iter(found), None))

    def line(self, column: str) -> str | None:
        return fold(self.text(column))

    def choices(self, column: str) -> list[str]:
        """The English halves of the chosen items; an item that has none as it is."""
        pieces = (self.line(column) or "").split(":")
        return [english for piece in pieces if (english := _english(piece)) and not is_placeholder(english)]

    def choice(self, column: str) -> str | None:
        """The same, of a column of which one item is chosen."""
        text = self.line(column)
        return _english(text) if text else None

    def date(self, column: str, field: str) -> PartialDate | None:
        return self.notes.date(self.line(column), field)


def _english(item: str) -> str:
    japanese, _, english = item.strip().partition("/")
    return english.strip() if english and _JAPANESE.search(japanese) else item.strip()


def _to_record(entry: Entry) -> Record:
    row = _Row(entry)
    named = _identifiers(row)
    status_raw, phase_raw = row.choice("status"), row.choice("phase")
    study_type_raw, size_raw = row.choice("study_type"), row.line("target_size")
    design, random, blinding = (row.choice(column) for column in ("design", "randomization", "blinding"))
    model, allocation = vocabulary.intervention_model(design), vocabulary.allocation(random)
    purpose_raw, sex_raw = row.choice("purpose"), row.choice("sex")
    masking = vocabulary.masking(blinding)
    interventions, arms = _interventions(row)
    number_of_arms, actual_size = row.line("arms") or "", row.line("actual_size") or ""
    links, references = dialects.links(row.text("results_url"), row.text("protocol_url"), None)
    results = dialects.results(*map(row.text, ("results", "baseline", "flow", "adverse_events", "measures")))
    titles = row.line("public_title"), row.line("scientific_title")
    record = Record(
        register="umin",
        id=named[0].id,
        url=row.line("page") or identifiers.url(named[0].id),
        identifiers=named,
        language="ja" if any(titles) and all(_JAPANESE.search(title) for title in titles if title) else None,
        public_title=titles[0],
        scientific_title=titles[1],
        acronym=row.line("acronym"),
        detailed_description=row.text("objectives"),
        keywords=[*dict.fromkeys(row.choices("specialty"))],
        status=row.notes.status(status_raw, "umin"),
        status_raw=status_raw,
        first_submitted_date=row.date("submitted", "first_submitted_date"),
        registration_date=row.date("disclosed", "registration_date"),
        start_date=row.date("start", "start_date"),
        completion_date=row.date("completed", "completion_date"),
        last_updated_date=row.date("updated", "last_updated_date"),
        study_type=vocabulary.study_type(study_type_raw),
        study_type_raw=study_type_raw,
        phases=list(vocabulary.phases(phase_raw)),
        phase_raw=phase_raw,
        study_design_raw=", ".join(said for said in (design, random, blinding, row.choice("control")) if said) or None,
        allocation="NA" if model == "SINGLE_GROUP" and allocation != "RANDOMIZED" else allocation,
        allocation_raw=random,
        intervention_model=model,
        intervention_model_raw=design,
        masking=masking,
        masking_raw=blinding,
        is_masked=None if masking is None else masking != "NONE",
        masked_roles=list(vocabulary.masked_roles(blinding)) if masking != "NONE" else [],
        primary_purpose=vocabulary.primary_purpose(purpose_raw),
        primary_purpose_raw=purpose_raw,
        number_of_arms=int(number_of_arms) or None if re.fullmatch("[0-9]{1,3}", number_of_arms) else None,
        enrollment_target=row.notes.enrollment(size_raw, "enrollment_target"),
        enrollment_actual=int(actual_size) if re.fullmatch("[0-9]{1,8}", actual_size) else None,
        inclusion_criteria=row.text("inclusion"),
        exclusion_criteria=row.text("exclusion"),
        minimum_age_raw=row.line("age_min"),
        minimum_age_years=_age(row.line("age_min")),
        maximum_age_raw=row.line("age_max"),
        maximum_age_years=_age(row.line("age_max"), is_maximum=True),
        sex=vocabulary.sex(sex_raw),
        sex_raw=sex_raw,
        conditions=[Condition(name=condition)] if (condition := row.line("condition")) else [],
        interventions=interventions,
        arms=arms,
        outcomes=[
            *outcomes(row.text("primary_outcome"), "PRIMARY"),
            *outcomes(row.text("secondary_outcome"), "SECONDARY"),
        ],
        sponsors=_sponsors(row),
        officials=_officials(row),
        contacts=_contacts(row),
        countries=dialects.countries(";".join(row.choices("region")), "umin"),
        ipd_sharing=dialects.ipd_sharing(row.choice("ipd_plan")),
        ipd_description=row.text("ipd_description"),
        references=references,
        links=links,
        has_results=True if results else None,
        results=results,
    )
    record.enrollment_raw = size_raw if str(record.enrollment_target) != size_raw else None
    record.notes = [*row.notes]
    return record


def _identifiers(row: _Row) -> list[Identifier]:
    raw = row.line("id") or ""
    own = identifiers.normalise(raw, "umin")
    if own is None:
        raise Unreadable("missing_identifier", f"{raw[:60]!r} is no number of UMIN" if raw else "the row has no number")
    field = "UMIN ID"
    named = {own.id: Identifier(own.id, "umin", "primary", raw=raw if raw != own.id else None, field=field)}
    if receipt := row.line("receipt"):
        named.setdefault(receipt, Identifier(receipt, None, "alias", type_raw="Receipt No.", field="Receipt No."))
    for n in ("1", "2"):
        given = row.line(f"secondary_id_{n}") or ""
        if identifiers.is_junk(given):
            continue
        found: list[tuple[str, str | None]] = [(one.id, one.register) for one in identifiers.find(given)]
        for id, register in found or [(given, None)]:
            other = given if given != id else None
            issuer = row.line(f"issuer_{n}")
            named.setdefault(id, Identifier(id, register, "secondary", other, None, issuer, f"Study ID_{n}"))
    return [*named.values()]


def _age(text: str | None, is_maximum: bool = False) -> float | None:
    """`20歳/years-old以上/<=` and `20 years-old <=`; whether the limit itself is meant stays in the raw text."""
    number = _NUMBER.search(text or "")
    if not number or text is None:
        return None
    unit = next((unit for unit, pattern in _UNIT_OF_AGE if pattern.search(text)), "years")
    return vocabulary.age_years(f"{number[0]} {unit}", is_maximum)


def _interventions(row: _Row) -> tuple[list[Intervention], list[Arm]]:
    """One arm for each of the ten columns that is filled; its kind, where the row has only one."""
    kinds = row.choices("kinds")
    kind = kinds[0] if len(kinds) == 1 else None
    type = (_KINDS.get(_key(kind)) or vocabulary.intervention_type(kind)) if kind else None
    found: dict[str, Intervention] = {}
    arms = []
    for n in range(1, 11):
        label, text = f"Interventions/Control_{n}", row.text(f"intervention_{n}")
        if not text:
            continue
        ((one,), _) = dialects.interventions(text, None)
        known = found.setdefault(one.name.lower(), one)
        known.type, known.type_raw = type, kind if type else None
        known.arm_labels.append(label)
        arms.append(Arm(label=label, description=text, intervention_names=[one.name]))
    return [*found.values()], arms


def _sponsors(row: _Row) -> list[Sponsor]:
    found = dialects.sponsors(
        row.line("sponsor") or row.line("sponsor_person"),
        _named(row, "co_sponsor"),
        [*_named(row, "funder"), *_named(row, "other_funder")],
    )
    funder, raw = row.line("funder"), row.choice("funder_class")
    for one in found:
        if raw and one.role == "FUNDER" and one.name == funder:
            one.sponsor_class, one.sponsor_class_raw = _CLASSES.get(_key(raw)) or one.sponsor_class, raw
    return found


def _named(row: _Row, column: str) -> Iterable[str]:
    return re.split(r"[;\n]", row.text(column) or "")


def _officials(row: _Row) -> list[Official]:
    name, affiliation = row.choice("investigator"), next(iter(row.cells("affiliation")), None)
    affiliation = _english(affiliation) if affiliation else None
    return [Official(name=name, role="PRINCIPAL_INVESTIGATOR", affiliation=affiliation)] if name else []


def _contacts(row: _Row) -> list[Contact]:
    """The research contact and the public one: their columns have the same names and come in this order."""
    kinds = (("research", "investigator"), ("public", "contact"))
    contacts = []
    for place, (kind, column) in enumerate((kind, column) for kind, column in kinds if row.cells(column)):
        given = [[*row.cells(part), None, None][place] for part in ("affiliation", "address", "email", "phone")]
        parts = [_english(text) if text else None for text in given]
        name = row.choice(column)
        if name or any(parts):
            contacts.append(Contact(kind, name, *parts))
    return contacts


# --- the file

_ROW_START = re.compile(r'"?[A-Z]?\d{0,12}"?[,;\t]\s*"?(?:UMIN|C)\d{9}"?[,;\t]')


def _is_header(headers: list[str]) -> bool:
    columns = set(map(_column, headers))
    return len(columns & _OF_UMIN_ALONE) >= 4 and not columns.isdisjoint({"public_title", "scientific_title"})


def _is_bulk_csv(head: bytes) -> bool:
    return table_header(head, _is_header) is not None


def _read_bulk_csv(stream: BinaryIO) -> Iterator[Record | Reject]:
    return each(_rows(stream), _to_record)


def _names(headers: list[str]) -> list[str]:
    """The names of the columns, each repeated header with a number of its own."""
    seen: dict[str, int] = {}
    names = []
    for position, header in enumerate(headers):
        # the number is in column 2, whatever its header says
        is_number = position == 1 and _column(header) is None and "id" not in map(_column, headers)
        name = "UMIN ID" if is_number else header
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name}\0{seen[name]}")
    return names


def _rows(stream: BinaryIO) -> Iterator[Entry | Reject]:
    """The rows; newer files have a second header row."""
    skipped = 0
    for entry in csv_rows(stream, _is_header, _ROW_START, _names):
        if isinstance(entry, Reject):
            entry.place.ordinal -= skipped
        elif entry.ordinal == 1 and _is_second_header(entry):
            skipped = 1
            continue
        else:
            entry.ordinal -= skipped
        yield entry


def _is_second_header(entry: Entry) -> bool:
    """Whether a row has neither a number nor a date."""
    row = _Row(entry)
    dated = any(vocabulary.parse_date(row.line(column)) for column in ("disclosed", "start", "submitted", "updated"))
    return not dated and identifiers.normalise(row.line("id"), "umin") is None


def _fetch(session: Session, wanted: Wanted) -> None:
    if wanted.query or wanted.since:
        raise UserError("UMIN gives one file of the whole registry. Leave out --query and --since.")
    session.expect(1, "files")
    session.save("ctr_data_j.csv.gz", "https://upload.umin.ac.jp/ctr_csv/ctr_data_j.csv.gz", kind="gzip")


SOURCE = Source(
    name="umin",
    title="UMIN Clinical Trials Registry (Japan)",
    home_page="https://www.umin.ac.jp/ctr/",
    licence="UMIN-CTR terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("umin",),
    obtain=(
        "Native: the whole registry as CSV, https://upload.umin.ac.jp/ctr_csv/ctr_data_j.csv.gz (described at "
        "https://www.umin.ac.jp/ctr/csvdata.html). Its web pages are not read. WHO's exports carry UMIN too, with less "
        "said of the design: see ictrp."
    ),
    formats=(
        Format("bulk-csv", "CSV of the whole registry, headed in Japanese and English", _is_bulk_csv, _read_bulk_csv),
    ),
    fetch=Fetch(
        run=_fetch,
        hosts=("upload.umin.ac.jp",),
        requests_per_minute=6,
        takes_since=False,
        terms=(
            "UMIN offers the file for download (https://www.umin.ac.jp/ctr/csvdata.html); the rights in the entries "
            "stay with those who registered them."
        ),
        queries="There is one file of the whole registry, renewed daily: neither --query nor --since is possible.",
    ),
)
