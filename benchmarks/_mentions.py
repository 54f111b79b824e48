"""How well mentions of conditions and drugs are linked: audited sample, coverage, silver truth, other linkers.

    python benchmarks/_mentions.py [DATA] [--vocabularies FOLDER] [--peers --python PYTHON] [--seconds S] [--json]

DATA is a folder of release files (its `registries` are built, its `ontologies` installed into a scratch store), or a
warehouse; FOLDER holds release files of vocabularies where DATA has none. A mention is one entry of the conditions of a
registration's newest Record, or one of its interventions that may be a drug (`_mentions_sample.py`).

coverage   mentions with at least one concept, of all mentions of that kind; of drugs, those that the linker sets apart
           (placebo, procedure, device ...) are in neither number. Of those that name something: without the entries of
           no stated type in which the linker finds nothing, which are groups of people, questionnaires, durations ...,
           and a few drugs that it missed
audited    on the 300 + 300 mentions of judged/, where DATA has them with the same text. Precision: of the concepts
           linked (equivalent ones once), those that are a thing meant; a broader one is wrong, and counted apart.
           Recall: of the things meant that have a concept, those linked. Unlinked unlinkable: of the mentions left
           without a concept, those that have none. Set apart wrongly: of those set apart, those that name a linkable
           drug. Intervals: Wilson, 95 %; links of one mention, and a text that comes often, count as independent.
           On second thoughts: as some would be judged again, after the linker's first answers had been seen
second     the second sample, judged when the linkers stood: 150 + 150 uniform mentions, and 100 + 100 distinct texts
           that the linkers of that day left without a concept, of which those count that are still left so
third      the third sample: 100 distinct texts of conditions left without a concept by the linker of its day, of those
           that were not read while names and words were added; of them those count that are still left so
fourth     the fourth sample: 200 + 200 uniform mentions, drawn before more names and rules were added and judged after
fifth      the fifth sample: 100 + 60 distinct texts left without a concept by the linkers of that day, of those that
           were not read while names and rules were added; of them those count that are still left so
sixth,     the sixth and the seventh sample of interventions: 100 and 60 distinct texts drawn like the fifth, each after
seventh    more names and rules, the seventh after what the sixth had shown was mended; the sixth of conditions, of 95
uniform    the first, second and fourth sample's uniform mentions together: 650 of each kind
other,     names of conditions and of drugs in the data sets of trials' outcomes that the warehouse lacks, and 150
keywords   keywords, that no linker of their day gave a concept: of those still left so, the share that is unlinkable
silver     the MeSH terms that ClinicalTrials.gov itself attached (no ancestors), hidden from the linker, of
           registrations whose id's SHA-256 ends in an odd digit: the set of concepts linked in a registration against
           the set of its terms, equal by id, cross-reference or exact name. NLM derives them from condition names and
           keywords, and from intervention and other names and titles; it adds what is not in the names, and leaves out
           what it has no heading for, so neither figure can reach 1.
lookup     the baseline: the whole text, in lower case, is a vocabulary's name; all the same figures
peers      `_peers.py`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import _mentions_sample as sampling
from trialpanorama.ontologies import Concepts, install, load

DATA = Path(os.environ.get("TRIALPANORAMA_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
JUDGED = Path(__file__).parent / "judged"
FIELDS = {"condition": "conditions", "drug": "interventions"}
FILES = {"condition": "mentions_conditions.json", "drug": "mentions_drugs.json"}
SECOND = {"condition": "conditions", "drug": "drugs"}
LATER = {"third_unlinked": 3, "fourth_uniform": 4, "fifth_unlinked": 5, "sixth_unlinked": 6, "seventh_unlinked": 7}
SAMPLES = ("second", *(name.partition("_")[0] for name in LATER))
EXACT = ("preferred", "exact", "abbreviation", "brand", "code")


class Found(NamedTuple):
    """What a linker says of one mention: concepts, and whether it sets the mention apart as no drug."""

    concepts: tuple[str, ...]
    is_apart: bool = False
    is_silent: bool = False
    """Nothing was found in it, not even words that look like a drug."""


class Text(NamedTuple):
    """What a linker is given."""

    text: str
    type: str | None = None


Linker = Callable[[Sequence[Text]], list[Found]]


def wilson(part: int, whole: int) -> list[float] | None:
    """The 95 % interval of a share."""
    if not whole:
        return None
    share, square = part / whole, 1.959964**2
    middle = share + square / (2 * whole)
    half = 1.959964 * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    low, high = (middle - half) / (1 + square / whole), (middle + half) / (1 + square / whole)
    return [round(max(low, 0.0), 4), round(min(high, 1.0), 4)]


def share(part: int, whole: int) -> dict[str, Any]:
    """A share with its counts and interval."""
    return {"value": part / whole if whole else None, "of": [part, whole], "interval": wilson(part, whole)}


# --- linkers


def condition_linker(concepts: Concepts) -> Linker:
    """The package's."""
    from trialpanorama.link.conditions import ConditionLinker

    linker = ConditionLinker(concepts)

    def link(texts: Sequence[Text]) -> list[Found]:
        links = linker.link([text.text for text in texts])
        return [Found(tuple(one.concept_id for one in each if one.concept_id)) for each in links]

    return link


def drug_linker(concepts: Concepts) -> Linker:
    """The package's; what is linked as a procedure, placebo or device is set apart, and no drug."""
    from trialpanorama.link.drugs import DrugLinker

    linker = DrugLinker(concepts)

    def link(texts: Sequence[Text]) -> list[Found]:
        found = []
        for each in linker.link([text.text for text in texts], [text.type for text in texts]):
            drugs = [one for one in each if one.kind == "drug"]
            ids = tuple(one.concept_id for one in drugs if one.concept_id)
            found.append(Found(ids, is_apart=bool(each) and not drugs, is_silent=not each))
        return found

    return link


PACKAGE = {"condition": condition_linker, "drug": drug_linker}


def lexicon(concepts: Concepts, kind: str) -> dict[str, str]:
    """Every name of the kind's concepts, in lower case, with the concept of the vocabulary that comes first."""
    names: dict[str, str] = {}
    rank: dict[str, tuple[int, str]] = {}
    order = {"condition": ("MESH", "MONDO", "DOID"), "drug": ("DRUGBANK", "RXCUI", "CHEMBL.COMPOUND", "DrugCentral")}
    for concept in concepts.all():
        wanted = concept.kind == "drug" if kind == "drug" else concept.kind not in ("drug", "gene", "unit", "other")
        if not wanted or concept.is_obsolete:
            continue
        prefix = concept.id.partition(":")[0]
        place = order[kind].index(prefix) if prefix in order[kind] else len(order[kind])
        for name in concept.names:
            if name.kind in EXACT and (text := " ".join(name.text.casefold().split())):
                own = (2 * place + (name.kind != "preferred"), concept.id)
                if text not in rank or own < rank[text]:
                    rank[text], names[text] = own, concept.id
    return names


def lookup(names: Mapping[str, str]) -> Linker:
    """The baseline: a text that is a name."""

    def link(texts: Sequence[Text]) -> list[Found]:
        ids = (names.get(" ".join(text.text.casefold().split())) for text in texts)
        return [Found((id,) if id else ()) for id in ids]

    return link


# --- what is the same thing


class Sameness:
    """Whether two ids mean one thing."""

    def __init__(self, concepts: Concepts) -> None:
        self.concepts = concepts
        self._names: dict[str, frozenset[str]] = {}

    def group(self, id: str) -> frozenset[str]:
        """The id, its equivalents, and the ingredient it is a salt or product of."""
        ids = self.concepts.equivalents(id) | {id}
        for each in sorted(ids):
            if concept := self.concepts.get(each):
                for key in ("salt_of", "ingredient", "ingredients"):
                    for other in filter(None, re.split(r"[;|\s]+", concept.attributes.get(key, ""))):
                        if other in self.concepts:
                            ids |= self.concepts.equivalents(other) | {other}
        return frozenset(ids)

    def broader(self, ids: Iterable[str]) -> set[str]:
        """All that is above any of these."""
        return {above for id in ids for above, _ in self.concepts.ancestors(id)}

    def names(self, id: str) -> frozenset[str]:
        """The names of a concept and its equivalents, in lower case."""
        if id not in self._names:
            concepts = filter(None, map(self.concepts.get, self.group(id)))
            of = (name.text.casefold() for concept in concepts for name in concept.names if name.kind in EXACT)
            self._names[id] = frozenset(of)
        return self._names[id]


# --- the audit


def audit(judged: Sequence[Mapping[str, Any]], found: Sequence[Found], same: Sameness) -> dict[str, Any]:
    """The figures of a linker on judged mentions (`verdict`, `things`, `also`)."""
    count: dict[str, int] = defaultdict(int)
    for mention, answer in zip(judged, found, strict=True):
        verdict = mention["verdict"]
        things = [set().union(*map(same.group, thing)) for thing in mention.get("things", [])]
        also = set().union(*map(same.group, mention.get("also", [])))
        count["things"] += len(things)
        hit: set[int] = set()
        wrong: set[frozenset[str]] = set()
        for id in answer.concepts:
            group = same.group(id)
            right = {n for n, thing in enumerate(things) if group & thing}
            hit |= right
            if not right and not group & also:
                wrong.add(group)
        count["links"] += len(hit) + len(wrong)
        count["right"] += len(hit)
        meant = set().union(*things)
        above = same.broader(meant)
        for group in wrong:
            count["broader" if group & above else "narrower" if meant & same.broader(group) else "other_wrong"] += 1
        if not answer.concepts:
            if answer.is_apart:
                count["apart"] += 1
                count["apart_wrong"] += verdict == "linkable"
            else:
                count["unlinked"] += 1
                count["unlinked_right"] += verdict != "linkable"
        if verdict == "not_a_drug":
            count["not_a_drug"] += 1
            count["not_a_drug_linked"] += bool(wrong)
    precision = share(count["right"], count["links"])
    recall = share(count["right"], count["things"])
    both = (precision["value"] or 0) + (recall["value"] or 0)
    return {
        "mentions": len(judged),
        "precision": precision,
        "recall": recall,
        "f1": 2 * (precision["value"] or 0) * (recall["value"] or 0) / both if both else 0.0,
        "broader": count["broader"],
        "narrower": count["narrower"],
        "other_wrong": count["other_wrong"],
        "unlinked_unlinkable": share(count["unlinked_right"], count["unlinked"]),
        "set_apart_wrongly": share(count["apart_wrong"], count["apart"]),
        "not_a_drug_linked": share(count["not_a_drug_linked"], count["not_a_drug"]),
    }


def in_these_data(
    kind: str, judged: Iterable[Mapping[str, Any]], mentions: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The judged mentions of a kind that these data have with the same text, which is added, and the type."""
    places = {(one["register"], one["id"], one["position"]): one for one in mentions if one["field"] == FIELDS[kind]}
    found = []
    for each in judged:
        one = places.get((each["register"], each["id"], each["position"]))
        if one and sampling.sha256(one["text"]) == each["sha256"]:
            found.append({**each, "text": one["text"], "type": one["type"]})
    return found


def judged_mentions(kind: str, mentions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first sample of a kind, as far as these data have it."""
    judged = json.loads((JUDGED / FILES[kind]).read_text(encoding="utf-8"))["mentions"]
    return in_these_data(kind, judged, mentions)


def second_mentions(kind: str, mentions: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The second sample of a kind by stratum (`uniform`, `unlinked`), as far as these data have it."""
    judged = json.loads((JUDGED / f"mentions_{SECOND[kind]}_2.json").read_text(encoding="utf-8"))["mentions"]
    strata = json.loads((JUDGED / "mentions_2_strata.json").read_text(encoding="utf-8"))[SECOND[kind]]
    of_stratum: dict[str, list[Mapping[str, Any]]] = {"uniform": [], "unlinked": []}
    for mention, stratum in zip(judged, strata, strict=True):
        of_stratum[stratum].append(mention)
    return {stratum: in_these_data(kind, each, mentions) for stratum, each in of_stratum.items()}


def later_mentions(kind: str, number: int, mentions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The third (of conditions only) or a later sample of a kind, as far as these data have it."""
    path = JUDGED / f"mentions_{SECOND[kind]}_{number}.json"
    judged = json.loads(path.read_text(encoding="utf-8"))["mentions"] if path.exists() else []
    return in_these_data(kind, judged, mentions)


def on_second_thoughts(judged: Mapping[str, Any]) -> Mapping[str, Any]:
    """The judgement as it would be made again, where that was recorded; the figures to go by stay the first ones."""
    return judged | judged["second_thoughts"] if "second_thoughts" in judged else judged


# --- coverage


def coverage(mentions: Sequence[Mapping[str, Any]], answers: Mapping[Text, Found]) -> dict[str, Any]:
    """Mentions with a concept of all (without those set apart), in all and by source."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for mention in mentions:
        answer = answers[Text(mention["text"], mention["type"])]
        is_no_mention = answer.is_silent and mention["type"] is None
        for name in ("all", mention["source"], *(() if is_no_mention else ("all that name something",))):
            counts[name][0] += bool(answer.concepts)
            counts[name][1] += not (answer.is_apart and not answer.concepts)
            counts[name][2] += answer.is_apart and not answer.concepts
    return {
        name: {"value": part / whole if whole else None, "of": [part, whole], "set_apart": apart}
        for name, (part, whole, apart) in sorted(counts.items())
    }


# --- silver truth


SILVER = """
select source, place.format as format, id, conditions, interventions, mesh_terms
from read_parquet($records, union_by_name = true)
where kind = 'REGISTRATION' and not coalesce(is_fictional, false) and len(mesh_terms) > 0
    and source = 'clinicaltrials_gov'
qualify row_number() over (
    partition by coalesce(register, source), id
    order by greatest(coalesce(last_updated_date.date, ''), coalesce(exported_date.date, '')) desc, record_id
) = 1
order by id
"""


def silver_records(warehouse: Path) -> list[dict[str, Any]]:
    """The newest Records of ClinicalTrials.gov with attached MeSH terms whose id's hash is odd.

    What other registers call MeSH terms are branches of the tree that the sponsor chose."""
    import duckdb

    cursor = duckdb.connect().execute(SILVER, {"records": str(warehouse / "records/*/*.parquet")})
    names = [column[0] for column in cursor.description or ()]
    rows = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [row for row in rows if int(hashlib.sha256(row["id"].encode()).hexdigest()[-1], 16) % 2]


def silver_texts(record: Mapping[str, Any], kind: str) -> list[Text]:
    """What the linker is given of a record."""
    if kind == "condition":
        return [Text(one["name"]) for one in record["conditions"] or () if one["name"]]
    return [Text(one["name"], one["type"]) for one in record["interventions"] or () if one["name"]]


def silver(
    records: Sequence[Mapping[str, Any]], kind: str, answers: Mapping[Text, Found], same: Sameness
) -> dict[str, Any]:
    """Precision, recall and F1 of the sets of concepts, pooled over registrations, in all and by source and format."""
    about = {"condition": "condition", "drug": "intervention"}[kind]
    known = frozenset().union(*(same.names(concept.id) for concept in same.concepts.all()))
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 7)
    for record in records:
        terms = [term for term in record["mesh_terms"] if term["about"] == about and not term["is_ancestor"]]
        if not terms:
            continue
        truth = {(f"MESH:{term['id']}" if term["id"] else "", term["term"].casefold()) for term in terms}
        ids = sorted({id for text in silver_texts(record, kind) for id in answers[text].concepts})
        distinct = {same.group(id): id for id in reversed(ids)}
        matched: set[tuple[str, str]] = set()
        right = near = 0
        above = same.broader(id for id, _ in truth if id)
        for group, id in distinct.items():
            of = {one for one in truth if one[0] in group or one[1] in same.names(id)}
            matched |= of
            right += bool(of)
            near += not of and bool(group & above or {one[0] for one in truth} & same.broader(group))
        known_truth = sum(id in same.concepts or name in known for id, name in truth)
        for key in ("all", f"{record['source']} {record['format']}"):
            row = (1, right, len(distinct), len(matched), len(truth), near, known_truth)
            counts[key] = [have + more for have, more in zip(counts[key], row, strict=True)]
    result: dict[str, Any] = {}
    for key, (registrations, right, linked, matched_terms, of_truth, near, known_truth) in sorted(counts.items()):
        precision, recall = share(right, linked), share(matched_terms, of_truth)
        both = (precision["value"] or 0) + (recall["value"] or 0)
        result[key] = {
            "registrations": registrations,
            "precision": precision,
            "recall": recall,
            "f1": 2 * (precision["value"] or 0) * (recall["value"] or 0) / both if both else 0.0,
            "wrong_but_broader_or_narrower": near,
            "terms_that_the_vocabularies_have": known_truth,
        }
    return result


# --- what is left unlinked elsewhere


def left_unlinked(name: str, texts: Iterable[str], linkers: Mapping[str, Linker]) -> dict[str, Any]:
    """Of the judged texts of a file that no linker gives a concept or sets apart, those that are unlinkable."""
    by_hash = {sampling.sha256(text): text for text in texts}
    judged = json.loads((JUDGED / name).read_text(encoding="utf-8"))["mentions"]
    here = [one for one in judged if one["sha256"] in by_hash]
    types = {"condition": None, "drug": "DRUG"}
    answers = [linker([Text(by_hash[one["sha256"]], types[kind]) for one in here]) for kind, linker in linkers.items()]
    left = [
        one for one, *of in zip(here, *answers, strict=True) if not any(each.concepts or each.is_apart for each in of)
    ]
    right = sum(one["verdict"] != "linkable" for one in left)
    return {"judged": len(here), "unlinked_unlinkable": share(right, len(left))}


def elsewhere(warehouse: Path, mentions: list[dict[str, Any]], linkers: Mapping[str, Linker]) -> dict[str, Any]:
    """What is left unlinked of names in the data sets of trials' outcomes, where DATA has them, and of keywords."""
    names = {"condition": ("diseases", "condition"), "drug": ("drugs",)}
    figures = {
        f"{kind}_other": left_unlinked(
            f"{SECOND[kind]}_other.json",
            sampling.in_outcomes(DATA / "outcomes", columns),
            {kind: linkers[kind]},
        )
        for kind, columns in names.items()
    }
    return figures | {"keywords": left_unlinked("keywords.json", sampling.keywords(warehouse, mentions), linkers)}


# --- all of it


def warehouse_of(data: Path, scratch: Path) -> Path:
    """The warehouse that DATA is, or one built of its registries."""
    if (data / "records").is_dir():
        return data
    from trialpanorama.build import build

    build([data / "registries" if (data / "registries").is_dir() else data], scratch / "W", workers=2)
    return scratch / "W"


def prose(warehouse: Path, size: int = 1_000_000) -> list[str]:
    """Eligibility criteria of registrations in a fixed order, about this many bytes of them."""
    import duckdb

    rows = duckdb.execute(
        "select distinct eligibility_criteria from read_parquet($records, union_by_name = true)"
        " where kind = 'REGISTRATION' and not coalesce(is_fictional, false) and eligibility_criteria <> ''",
        {"records": str(warehouse / "records/*/*.parquet")},
    ).fetchall()
    texts = sorted((row[0] for row in rows), key=sampling.sha256)
    total, chosen = 0, []
    for text in texts:
        if total > size:
            break
        total += len(text.encode())
        chosen.append(text)
    return chosen


def run(warehouse: Path, concepts: Concepts, texts_for_peers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every figure; with `texts_for_peers`, what the peers need is put there."""
    same = Sameness(concepts)
    mentions = sampling.mentions(warehouse)
    records = silver_records(warehouse)
    result: dict[str, Any] = {
        "vocabularies": {name: installed.version for name, installed in sorted(concepts.versions.items())}
    }
    package = {kind: make(concepts) for kind, make in PACKAGE.items()}
    result["elsewhere"] = elsewhere(warehouse, mentions, package)
    for kind in ("condition", "drug"):
        own = [mention for mention in mentions if mention["field"] == FIELDS[kind]]
        judged = judged_mentions(kind, mentions)
        second = second_mentions(kind, mentions)
        later = {name: later_mentions(kind, number, mentions) for name, number in LATER.items()}
        texts = sorted(
            {Text(one["text"], one["type"]) for one in own}
            | {text for record in records for text in silver_texts(record, kind)},
            key=lambda one: hashlib.sha256(f"{one.type}\0{one.text}".encode()).hexdigest(),
        )
        names = lexicon(concepts, kind)
        if texts_for_peers is not None:
            read = {"texts": [one.text for one in texts], "prose": prose(warehouse)}
            texts_for_peers[kind] = {"lexicon": names, "judged": judged} | read
        linkers = {"package": package[kind], "lookup": lookup(names)}
        for name, linker in linkers.items():
            answers = dict(zip(texts, linker(texts), strict=True))
            found = [answers[Text(one["text"], one["type"])] for one in judged]
            sure = [n for n, one in enumerate(judged) if one["confidence"] == "sure"]
            unsure = [n for n in range(len(judged)) if n not in set(sure)]
            figures = {
                "coverage": coverage(own, answers),
                "audited": audit(judged, found, same),
                "audited_sure": audit([judged[n] for n in sure], [found[n] for n in sure], same),
                "audited_unsure": audit([judged[n] for n in unsure], [found[n] for n in unsure], same),
                "audited_on_second_thoughts": audit([*map(on_second_thoughts, judged)], found, same),
                "silver": silver(records, kind, answers, same),
            }
            uniform = [*judged, *second["uniform"], *later["fourth_uniform"]]
            found = [answers[Text(one["text"], one["type"])] for one in uniform]
            figures["audited_uniform"] = audit(uniform, found, same)
            for stratum, each in second.items():
                answered = [answers[Text(one["text"], one["type"])] for one in each]
                figures[f"second_{stratum}"] = audit(each, answered, same)
                again = [*map(on_second_thoughts, each)]
                figures[f"second_{stratum}_on_second_thoughts"] = audit(again, answered, same)
            for sample, each in later.items():
                if each:
                    answered = [answers[Text(one["text"], one["type"])] for one in each]
                    figures[sample] = audit(each, answered, same)
            if name == "lookup":
                result[f"{kind}_lookup"] = figures
                continue
            result[kind] = figures
            result[f"{kind}_coverage"] = figures["coverage"]["all"]["value"] if own else None
            result[f"{kind}_coverage_of_named"] = (
                figures["coverage"]["all that name something"]["value"] if own else None
            )
            result[f"{kind}_precision"] = figures["audited"]["precision"]["value"]
            result[f"{kind}_recall"] = figures["audited"]["recall"]["value"]
            result[f"{kind}_unlinked_unlinkable"] = figures["audited"]["unlinked_unlinkable"]["value"]
            for measure in ("precision", "recall", "unlinked_unlinkable"):
                result[f"{kind}_uniform_{measure}"] = figures["audited_uniform"][measure]["value"]
            for measure in ("precision", "recall"):
                result[f"{kind}_second_{measure}"] = figures["second_uniform"][measure]["value"]
            left = figures["second_unlinked"]["unlinked_unlinkable"]
            result[f"{kind}_second_unlinked_unlinkable"] = left["value"]
            for sample in ("third", "fifth", "sixth", "seventh"):
                if f"{sample}_unlinked" in figures:
                    left = figures[f"{sample}_unlinked"]["unlinked_unlinkable"]
                    result[f"{kind}_{sample}_unlinked_unlinkable"] = left["value"]
            for measure in ("precision", "recall"):
                if "fourth_uniform" in figures:
                    result[f"{kind}_fourth_{measure}"] = figures["fourth_uniform"][measure]["value"]
            for measure in ("precision", "recall"):
                pooled = figures["silver"].get("all")
                result[f"silver_{kind}_{measure}"] = pooled[measure]["value"] if pooled else None
            result[f"silver_{kind}_f1"] = figures["silver"]["all"]["f1"] if "all" in figures["silver"] else None
    return result


def text_of(result: Mapping[str, Any]) -> str:
    """The figures for a person."""
    lines = []

    def figure(name: str, value: Mapping[str, Any]) -> str:
        if value["value"] is None:
            return f"{name} -"
        low, high = value.get("interval") or (None, None)
        interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
        return f"{name} {value['value']:.3f}{interval} ({value['of'][0]:,}/{value['of'][1]:,})"

    for name, one in result["elsewhere"].items():
        lines.append(f"{name} ({one['judged']}): {figure('unlinked_unlinkable', one['unlinked_unlinkable'])}")
    for kind in ("condition", "drug"):
        for key in (kind, f"{kind}_lookup"):
            one = result[key]
            lines.append(f"\n{key}")
            for source, value in one["coverage"].items():
                lines.append(f"  coverage {source}: {figure('', value)}, set apart {value['set_apart']:,}")
            for part in (name for name in one if name.startswith(("audited", *SAMPLES))):
                audited = one[part]
                kinds = ("precision", "recall", "unlinked_unlinkable", "set_apart_wrongly", "not_a_drug_linked")
                shares = "; ".join(figure(name, audited[name]) for name in kinds)
                wrong = ", ".join(f"{name} {audited[name]}" for name in ("broader", "narrower", "other_wrong"))
                lines.append(f"  {part} ({audited['mentions']}): {shares}; F1 {audited['f1']:.3f}; {wrong}")
            for source, value in one["silver"].items():
                shares = "; ".join(figure(name, value[name]) for name in ("precision", "recall"))
                lines.append(f"  silver {source}: {shares}; F1 {value['f1']:.3f}")
    for kind, peers in result.get("peers", {}).items():
        for name, peer in peers.items():
            lines.append(f"peers {kind} {name}: {json.dumps(peer)}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=DATA)
    parser.add_argument("--vocabularies", type=Path, help="release files of vocabularies, if DATA has no `ontologies`")
    parser.add_argument("--peers", action="store_true", help="also run the other linkers that are installed")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the other linkers")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each other linker may read for its speed")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        releases = arguments.data / "ontologies"
        releases = arguments.vocabularies or (releases if releases.is_dir() else DATA / "ontologies")
        if releases.is_dir():
            install([releases], scratch / "vocabularies")
        concepts = load(scratch / "vocabularies")
        for_peers: dict[str, Any] | None = {} if arguments.peers else None
        result = run(warehouse_of(arguments.data, scratch), concepts, for_peers)
        if for_peers is not None:
            import _peers

            result["peers"] = _peers.run(for_peers, concepts, arguments.python, arguments.seconds, scratch)
    print(json.dumps(result, indent=1) if arguments.json else text_of(result))


if __name__ == "__main__":
    main()
