"""UMIN's file of the whole registry: a CSV headed in Japanese and English, texts in two columns, choices in both."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trialpanorama.sample._files import Output, Text
from trialpanorama.sample._native import Native
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import Registration, Trial

_COLUMNS = (
    "受付番号/Receipt No.", "UMIN試験ID/UMIN ID", "試験名/Official scientific title of the study",
    "試験簡略名/Title of the study (Brief title)", "試験実施地域/Region", "対象疾患名/Condition",
    "疾患区分1/Classification by specialty", "疾患区分2/Classification by malignancy", "目的1/Narrative objectives1",
    "目的2/Basic objectives2", "試験のフェーズ/Developmental phase", "主要アウトカム評価項目/Primary outcomes",
    "副次アウトカム評価項目/Key secondary outcomes", "試験の種類/Study type", "基本デザイン/Basic design",
    "ランダム化/Randomization", "ブラインド化/Blinding", "コントロール/Control", "割付コードを知る方法/Concealment",
    "群数/No. of arms", "介入の目的/Purpose of intervention", "介入の種類/Type of intervention",
    *(f"介入{n}/Interventions/Control_{n}" for n in range(1, 11)),
    "年齢（下限）/Age-lower limit", "年齢（上限）/Age-upper limit", "性別/Gender", "選択基準/Key inclusion criteria",
    "除外基準/Key exclusion criteria", "目標参加者数/Target sample size", "担当者/Name of contact person", "電話/TEL",
    "Email/Email", "機関名/Institute", "研究費提供組織/Funding Source", "共同実施組織/Co-sponsor",
    "試験ID1/Study ID_1", "ID発行機関1/Org. issuing International ID_1", "試験ID2/Study ID_2",
    "ID発行機関2/Org. issuing International ID_2",
    "一般公開日（本登録希望日）/Date of disclosure of the study information",
    "組み入れ参加者数/Number of participants that the trial has enrolled", "試験進捗状況/Recruitment status",
    "登録・組入れ開始（予定）日/Anticipated trial start date", "フォロー終了(予定)日/Last follow-up date",
    "登録日時/Registered date", "最終更新日/Last modified on",
)  # fmt: skip
_DOUBLE = frozenset(
    {
        "Official scientific title of the study", "Title of the study (Brief title)", "Condition",
        "Narrative objectives1", "Primary outcomes", "Key secondary outcomes", "Key inclusion criteria",
        "Key exclusion criteria", "Co-sponsor", *(f"Interventions/Control_{n}" for n in range(1, 11)),
    }
)  # fmt: skip
"""What is said in both languages has two columns of the same name, the Japanese text first."""

_STATUS = {
    "NOT_YET_RECRUITING": "開始前/Preinitiation", "RECRUITING": "一般募集中/Open public recruiting",
    "ENROLLING_BY_INVITATION": "限定募集中/Enrolling by invitation",
    "ACTIVE_NOT_RECRUITING": "参加者募集終了-試験継続中/No longer recruiting", "COMPLETED": "試験終了/Completed",
    "SUSPENDED": "参加者募集中断/Suspended", "TERMINATED": "試験中止/Terminated", "WITHDRAWN": "試験中止/Terminated",
}  # fmt: skip
_MODELS = {
    "SINGLE_GROUP": "単群/Single arm", "PARALLEL": "並行群間比較/Parallel", "CROSSOVER": "クロスオーバー/Cross-over",
    "FACTORIAL": "要因デザイン/Factorial", "SEQUENTIAL": "並行群間比較/Parallel",
}  # fmt: skip
_BLINDING = {
    "NONE": "オープン/Open -no one is blinded", "SINGLE": "単盲検/Single blind -participants are blinded",
}  # fmt: skip
_DOUBLE_BLIND = "二重盲検/Double blind -all involved are blinded"
_PURPOSES = {
    "TREATMENT": "治療・ケア/Treatment", "PREVENTION": "予防・検診・検査/Prevention", "DIAGNOSTIC": "診断/Diagnosis",
}  # fmt: skip
_KINDS = {
    "DRUG": "医薬品/Medicine", "DEVICE": "医療器具・機器/Device,equipment", "BIOLOGICAL": "ワクチン/Vaccine",
    "PROCEDURE": "手技/Maneuver", "BEHAVIORAL": "行動・習慣/Behavior,custom", "DIETARY_SUPPLEMENT": "食品/Food",
}  # fmt: skip
_SEXES = {"ALL": "男女両方/Male and Female", "FEMALE": "女/Female", "MALE": "男/Male"}
_PHASES = {"EARLY_PHASE1": ("0", "0"), "PHASE1": ("Ⅰ", "I"), "PHASE2": ("Ⅱ", "II"), "PHASE3": ("Ⅲ", "III")}
_PHASES["PHASE4"] = ("Ⅳ", "IV")
_IN_JAPANESE = "架空の記載"  # "fictional entry"


def _phase(phases: Sequence[str]) -> str:
    if not phases or phases[0] == "NA":
        return "該当せず/Not applicable"
    numbers = [_PHASES[phase] for phase in phases]
    return f"{','.join(f'第{one}相' for one, _ in numbers)}/Phase {','.join(other for _, other in numbers)}"


def _age(years: int | None, limit: str) -> str:
    return f"{years}歳/years-old{limit}" if years else "適用なし/Not applicable"


def row(trial: Trial, registration: Registration) -> list[str]:
    """The cells of a trial in the order of the columns."""
    missing = registration.missing
    interventional = trial.study_type == "INTERVENTIONAL"
    inclusion = "\n".join(trial.inclusion)
    if registration.contact_in_text:
        inclusion += "\n" + registration.contact_in_text
    name, email, telephone = registration.contact or ("", "", "")
    over = registration.is_current and registration.status in ("COMPLETED", "TERMINATED")
    others = [] if "collaborators" in missing else [other for other, _ in trial.collaborators]
    said = {
        "Receipt No.": f"R{registration.id[-9:]}",
        "UMIN ID": registration.id,
        "Official scientific title of the study": registration.scientific_title,
        "Title of the study (Brief title)": registration.public_title,
        "Region": "日本/Japan",
        "Condition": "; ".join(registration.conditions),
        "Classification by specialty": "内科学一般/Medicine in general",
        "Classification by malignancy": "悪性腫瘍以外/Others",
        "Narrative objectives1": trial.summary,
        "Basic objectives2": "有効性/Efficacy",
        "Developmental phase": _phase(trial.phases),
        "Primary outcomes": _numbered(trial.primary_outcomes),
        "Key secondary outcomes": "" if "secondary_outcomes" in missing else _numbered(trial.secondary_outcomes),
        "Study type": "介入/Interventional" if interventional else "観察/Observational",
        "Basic design": _MODELS[trial.model or "PARALLEL"] if interventional else "",
        "Randomization": _randomization(trial) if interventional and "allocation" not in missing else "",
        "Blinding": _BLINDING.get(trial.masking or "NONE", _DOUBLE_BLIND)
        if interventional and "masking" not in missing
        else "",
        "Control": "プラセボ・シャム対照/Placebo" if trial.arms[-1].label == "Placebo" else "",
        "No. of arms": str(len(trial.arms)),
        "Purpose of intervention": _PURPOSES.get(trial.purpose or "", "その他/Other")
        if interventional and "purpose" not in missing
        else "",
        "Type of intervention": ":".join(
            dict.fromkeys(_KINDS.get(item.type, "その他/Other") for item in trial.interventions)
        ),
        **{f"Interventions/Control_{n}": arm.description for n, arm in enumerate(trial.arms[:10], 1)},
        "Age-lower limit": _age(trial.minimum_age, "以上/<="),
        "Age-upper limit": _age(None if "maximum_age" in missing else trial.maximum_age, "以下/>="),
        "Gender": _SEXES[trial.sex],
        "Key inclusion criteria": inclusion,
        "Key exclusion criteria": "\n".join(trial.exclusion),
        "Target sample size": "" if "size" in missing else str(trial.planned),
        "Name of contact person": name,
        "TEL": telephone,
        "Email": email,
        "Institute": registration.sponsor,
        "Funding Source": registration.sponsor,
        "Co-sponsor": "; ".join(others),
        "Date of disclosure of the study information": f"{registration.registered:%Y/%m/%d}",
        "Number of participants that the trial has enrolled": str(trial.actual) if over and trial.actual else "",
        "Recruitment status": _STATUS.get(registration.status, "その他/Other"),
        "Anticipated trial start date": f"{registration.start:%Y/%m/%d}",
        "Last follow-up date": "" if "completion" in missing else f"{registration.completion:%Y/%m/%d}",
        "Registered date": f"{registration.registered:%Y/%m/%d}",
        "Last modified on": f"{registration.updated:%Y/%m/%d}",
    }
    for n, (kind, id) in enumerate(registration.secondary_ids[:2], 1):
        said[f"Study ID_{n}"] = id
        said[f"Org. issuing International ID_{n}"] = kind if kind not in ("ORG", "EXTENSION") else ""
    return _cells(said)


def _cells(said: Mapping[str, str]) -> list[str]:
    cells = []
    for column in _COLUMNS:
        name = column.partition("/")[2]
        text = said.get(name, "")
        cells += [_IN_JAPANESE if text else "", text] if name in _DOUBLE else [text]
    return cells


def _numbered(pairs: Sequence[tuple[str, str]]) -> str:
    texts = [f"{measure} ({frame})" for measure, frame in pairs]
    return texts[0] if len(texts) == 1 else "\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))


def _randomization(trial: Trial) -> str:
    return "ランダム化/Randomized" if trial.allocation == "RANDOMIZED" else "非ランダム化/Non-randomized"


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _open(path: Path, format: str) -> Output:
    """A file begins with two rows of headers: the names, and the languages of the double columns."""
    names, languages = [], []
    for column in _COLUMNS:
        is_double = column.partition("/")[2] in _DOUBLE
        names += [column] * (1 + is_double)
        languages += ["日本語", "英語"] if is_double else [""]
    return Text(path, format, _line(names) + _line(languages))


def _entries(trial: Trial, registration: Registration, mess: Mess) -> Iterator[tuple[str, str]]:
    del mess  # the file is made by a program
    yield registration.id, _line(row(trial, registration))


NATIVES = (
    # one or two of a window, so that all are written here, and in the exports too
    Native("UMIN", "umin", "bulk-csv", "registries/umin/ctr_data_j_{:03d}.csv.gz", _open, _entries, 100, 0),
)
