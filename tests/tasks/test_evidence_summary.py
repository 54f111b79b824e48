"""Keys, reader and scores of evidence_summary."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handmade import HandTrial, connection
from trialpanorama.tasks import SPLITS, Sample, Unreadable
from trialpanorama.tasks._choice import LETTERS, Chosen
from trialpanorama.tasks.evidence_summary import ANSWERS, EFFECTS, TASK, Evidence, EvidenceSummary

OPTIONS = list(ANSWERS.values())


def sample(right: str = "B") -> Sample[Any, Chosen]:
    return Sample(
        id="90000001@1#1",
        subject="90000001",
        split="test",
        group="90000001",
        date="2030-01-01",
        inputs=Evidence("Fever fell.", "What did Fictumab do to fever?", OPTIONS),
        gold=Chosen(right),  # type: ignore[arg-type]
    )


# --- hand-made evidence


def measured(*values: str, title: str | None = None, spread: str | None = "4.0") -> dict[str, Any]:
    """A block of posted values, one a group."""
    return {
        "title": title,
        "denoms": None,
        "categories": [
            {
                "title": None,
                "measurements": [
                    {
                        "group_id": f"OG{n:03d}",
                        "value": value,
                        "spread": spread,
                        "lower_limit": None,
                        "upper_limit": None,
                        "comment": None,
                    }
                    for n, value in enumerate(values)
                ],
            }
        ],
    }


def analysis(number: int, **changes: Any) -> dict[str, Any]:
    """A fictional posted analysis of one trial: Fictumab 12.0 against placebo 10.0, difference 2.0 (1.0 to 3.0)."""
    return {
        "study_id": f"NCT99{number:06d}",
        "record_id": f"record{number}",
        "outcome_position": 1,
        "analysis_position": 1,
        "outcomes": "Fever score at week 12",
        "description": "Sum of ten items",
        "time_frame": "12 weeks",
        "measure_type": "MEAN",
        "unit_of_measure": "points",
        "group_ids": ["OG000", "OG001"],
        "non_inferiority_type": "SUPERIORITY",
        "statistical_method": "ANCOVA",
        "p_value": 0.001,
        "p_value_inequality": "=",
        "p_value_raw": "0.001",
        "estimate_type": "Mean Difference (Final Values)",
        "estimate": 2.0,
        "estimate_raw": "2.0",
        "ci_percent": 95.0,
        "ci_sides": "TWO_SIDED",
        "ci_lower": 1.0,
        "ci_upper": 3.0,
        "values": ("12.0", "10.0"),
        "blocks": None,
    } | changes


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    con.register("given", pa.Table.from_pylist(rows))
    con.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM given')
    con.unregister("given")


def posted(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A warehouse of trials that posted these analyses."""
    numbers = sorted({int(row["study_id"][5:]) for row in rows})
    con = connection(
        HandTrial(
            number=n,
            title=f"Fictumab of a kind {n} in Gloaming Fever of sort {n}",
            registered=f"{2001 + n % 20}-03-01",
        )
        for n in numbers
    )
    groups = [
        {"id": f"OG{n:03d}", "title": title, "description": f"{title} once a day"}
        for n, title in enumerate(("Fictumab", "Placebo", "Examplinib"))
    ]
    counts = [{"group_id": f"OG{n:03d}", "value": "50"} for n in range(3)]
    records: dict[str, list[Any]] = {}
    for row in rows:
        outcome = {
            "dispersion_type": "STANDARD_DEVIATION",
            "groups": groups,
            "denoms": [{"units": "Participants", "counts": counts}],
            "classes": row["blocks"] or [measured(*row["values"])],
        }
        records.setdefault(row["record_id"], []).append(outcome)
    con.register(
        "given",
        pa.Table.from_pylist(
            [{"record_id": id, "results": {"outcome_measures": outcomes}} for id, outcomes in records.items()]
        ),
    )
    con.execute("CREATE TABLE records AS SELECT * FROM given")
    con.unregister("given")
    _insert(con, "results", [{k: v for k, v in row.items() if k not in ("values", "blocks")} for row in rows])
    return con


HIGHER: dict[str, Any] = {}
LOWER: dict[str, Any] = {"values": ("10.0", "12.0"), "estimate": -2.0, "ci_lower": -3.0, "ci_upper": -1.0}
NONE: dict[str, Any] = {
    "values": ("10.5", "10.0"),
    "estimate": 0.5,
    "ci_lower": -1.0,
    "ci_upper": 2.0,
    "p_value": 0.5,
    "p_value_raw": "0.5",
}


def effects(con: duckdb.DuckDBPyConnection, left_out: Counter[str] | None = None) -> dict[str, str]:
    """The effect that each trial's or paper's questions have as their key."""
    found = {}
    for split in SPLITS:
        for made in TASK.samples(con, split, left_out):
            found[made.subject] = made.inputs.options[LETTERS.index(made.gold.answer)]
    return found


def _with_others(**changes: Any) -> tuple[dict[str, str], Counter[str]]:
    """What becomes of one changed analysis among three plain ones: the answers are equally many of each effect."""
    # All in one split: the trials are one group, by a shared title.
    rows = [analysis(1, **changes)]
    rows += [analysis(10 + n, **plain) for n, plain in enumerate((HIGHER, LOWER, NONE))]
    con = posted(rows)
    con.execute("UPDATE studies SET title = 'One long title that all of these trials share'")
    left_out: Counter[str] = Counter()
    return effects(con, left_out), left_out


def test_analyses_give_equally_many_questions_of_each_effect() -> None:
    found, _ = _with_others(**HIGHER)
    assert sorted(found.values()) == sorted(ANSWERS.values())


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "significantly increased"),
        (LOWER, "significantly decreased"),
        (NONE, "no significant difference"),
        # The estimate is placebo less Fictumab: the values tell the direction all the same.
        ({"estimate": -2.0, "ci_lower": -3.0, "ci_upper": -1.0}, "significantly increased"),
        # By the interval alone, and by the p-value alone.
        ({"p_value": None, "p_value_inequality": None, "p_value_raw": None}, "significantly increased"),
        ({"ci_lower": None, "ci_upper": None, "ci_percent": None}, "significantly increased"),
        ({"p_value": 0.05, "p_value_inequality": "<", "p_value_raw": "<0.05"}, "significantly increased"),
        # An interval of another confidence decides nothing.
        ({**NONE, "ci_percent": 90.0, "p_value": 0.2}, "no significant difference"),
        # Counts are compared as shares: 20 of 50 against 10 of 50.
        (
            {
                "measure_type": "NUMBER",
                "unit_of_measure": "participants",
                "values": ("20", "10"),
                "estimate_type": "Risk Ratio (RR)",
                "estimate": 2.0,
                "ci_lower": 1.2,
                "ci_upper": 3.4,
            },
            "significantly increased",
        ),
        (
            {
                "measure_type": "MEDIAN",
                "unit_of_measure": "months",
                "values": ("20.1", "12.2"),
                "estimate_type": "Hazard Ratio (HR)",
                "estimate": 0.6,
                "ci_lower": 0.4,
                "ci_upper": 0.9,
            },
            "significantly increased",
        ),
        # Of several blocks of values the one that the analysis names.
        (
            {
                "blocks": [measured("3", "9", title="Week 2"), measured("12.0", "10.0", title="Week 12")],
                "group_description": "Comparison at week 12",
            },
            "significantly increased",
        ),
    ],
)
def test_the_key_follows_from_the_posted_numbers(changes: dict[str, Any], answer: str) -> None:
    asked = _question(**changes)
    assert asked.effect == {text: effect for effect, text in ANSWERS.items()}[answer]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"p_value": 0.4, "p_value_raw": "0.4"}, "p-value and interval disagree"),
        ({**NONE, "p_value": 0.01}, "p-value and interval disagree"),
        # limits of 99 % that hold "no effect" make a p-value of less than 0.01 impossible
        (
            {**NONE, "p_value": 0.01, "p_value_inequality": "<", "p_value_raw": "<0.01", "ci_percent": 99.0},
            "p-value and interval disagree",
        ),
        ({"p_value": 0.04, "p_value_raw": "0.04", "ci_percent": 99.0}, "p-value and interval disagree"),
        ({"p_value": 0.05, "p_value_raw": "0.05", "ci_lower": 0.0}, "neither a p-value nor a 95 % interval decides"),
        (
            {"p_value": 0.1, "p_value_inequality": "<", "ci_lower": None, "ci_upper": None},
            "neither a p-value nor a 95 % interval decides",
        ),
        ({"estimate": 9.0}, "the estimate lies outside its interval"),
        ({"values": ("12.0", "11.8")}, "estimate and posted values disagree"),
        ({"non_inferiority_type": "NON_INFERIORITY_OR_EQUIVALENCE"}, "of non-inferiority or equivalence"),
        ({"ci_sides": "ONE_SIDED"}, "one-sided"),
        ({"statistical_method": "t-test, 1 sided"}, "one-sided"),
        ({"group_ids": ["OG000", "OG001", "OG002"]}, "not between two groups"),
        ({"group_ids": ["OG000"]}, "not between two groups"),
        ({"values": ("12.0", "NA")}, "a group without posted value"),
        (
            {"estimate_type": "Hazard Ratio (HR)", "estimate": -2.0, "ci_lower": -3.0, "ci_upper": -1.0},
            "a ratio below zero",
        ),
        (
            {"estimate_type": "Hazard Ratio (HR)", "values": ("10", "10")},
            "a significant difference between equal values",
        ),
        (
            {"blocks": [measured("3", "9", title="Week 2"), measured("12.0", "10.0", title="Week 12")]},
            "which of several posted values it compares is not told",
        ),
    ],
)
def test_what_the_numbers_do_not_decide_is_left_out_and_counted(changes: dict[str, Any], reason: str) -> None:
    found, left_out = _with_others(**changes)
    assert "NCT99000001" not in found
    assert left_out[f"analyses: {reason}"] == 1
    assert len(found) == 3


def test_no_more_trials_are_read_than_needed_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from trialpanorama.tasks import evidence_summary

    con = posted([analysis(n, **(HIGHER, LOWER, NONE)[n % 3]) for n in range(1, 61)])
    whole = [made.id for made in TASK.samples(con, "train")]
    monkeypatch.setattr(evidence_summary, "_AT_ONCE", 7)
    assert [made.id for made in TASK.samples(con, "train")] == whole
    monkeypatch.setattr(EvidenceSummary, "most_samples", {"train": 6, "validation": 6, "test": 6})
    left_out: Counter[str] = Counter()
    few = list(TASK.samples(con, "train", left_out))
    assert len(few) == 6
    trials = con.execute("SELECT count(*) FROM trial_splits WHERE split = 'train'").fetchall()[0][0]
    assert left_out.total() + len(few) == trials
    assert left_out["trials: more than the task asks for"] > 10


def _question(**changes: Any) -> Any:
    from trialpanorama.tasks._splits import split_all
    from trialpanorama.tasks.evidence_summary import _analyses

    con = posted([analysis(1, **changes)])
    split_all(con)
    (split,) = con.execute("SELECT split FROM trial_splits").fetchall()[0]
    (asked,) = _analyses(con, split, 10, Counter())
    return asked


def test_the_prompt_shows_values_and_interval_but_no_id_and_no_p_value_beside_an_interval() -> None:
    text = _question().text
    assert "12.0" in text
    assert "2.0 (95 % confidence interval 1 to 3)" in text
    assert "50 analysed" in text
    assert "NCT" not in text
    assert "0.001" not in text
    assert "p-value: 0.001" in _question(ci_lower=None, ci_upper=None, ci_percent=None).text
    assert "p-value: 0.001" in _question(ci_percent=90.0).text, "an interval of 90 % does not tell it"
    assert "p-value: 0.04" in _question(ci_lower=0.0, p_value=0.04, p_value_raw="0.04").text, "rounded to no effect"


def test_the_control_group_is_the_one_compared_with() -> None:
    asked = _question(group_ids=["OG001", "OG000"])
    assert 'Compared with the group "Placebo"' in asked.question
    assert asked.effect == "INCREASED"


# --- triples


def findings(paper: str, *answers: tuple[str, str, bool | None]) -> list[Any]:
    """Annotations of one comparison: direction, evidence, whether it was confirmed."""
    return [
        {
            "paper_id": paper,
            "question": f"{paper}/1",
            "intervention": "Fictumab",
            "comparator": "placebo",
            "outcome": "fever",
            "direction": direction,
            "direction_raw": direction,
            "evidence": evidence,
            "annotator": str(annotator),
            "is_confirmed": is_confirmed,
            "position": annotator,
        }
        for annotator, (direction, evidence, is_confirmed) in enumerate(answers)
    ]


TOLD = {
    "INCREASED": "Fever was significantly higher with Fictumab than with placebo (p = 0.01)",
    "DECREASED": "Fever was significantly lower with Fictumab than with placebo (p = 0.01)",
    "NO_DIFFERENCE": "Fever did not differ between Fictumab and placebo after the whole twelve weeks",
}


def paper(id: str, told: str, date: str | None = "2012-01-01", **changes: Any) -> dict[str, Any]:
    sections = [
        {"label": "METHODS", "category": None, "text": "We treated fifty people with Gloaming Fever."},
        {"label": "RESULTS", "category": None, "text": told + "."},
        {"label": "CONCLUSIONS", "category": None, "text": "Fictumab deserves larger trials."},
        {"label": "Trial registration", "category": None, "text": "ISRCTN90000007"},
    ]
    return {
        "paper_id": id,
        "pmcid": id if id.startswith("PMC") else None,
        "title": "A trial of Fictumab",
        "abstract": "\n".join(str(section["text"]) for section in sections),
        "abstract_sections": sections,
        "first_published_date": date,
        "is_fictional": True,
    } | changes


def papers(rows: list[dict[str, Any]], said: list[Any]) -> duckdb.DuckDBPyConnection:
    con = connection([])
    con.register("given", pa.Table.from_pylist(rows))
    con.execute(
        "INSERT INTO papers BY NAME "
        "SELECT * REPLACE (CAST(first_published_date AS DATE) AS first_published_date) FROM given"
    )
    con.unregister("given")
    _insert(con, "findings", said)
    return con


def _three_effects(first: int, date: str = "2001-01-01") -> tuple[list[Any], list[Any]]:
    """Three dated papers, one of each effect."""
    rows, said = [], []
    for number, effect in enumerate(EFFECTS, first):
        rows.append(paper(str(number), TOLD[effect], date))
        said += findings(str(number), (effect, TOLD[effect], True), (effect, TOLD[effect], True))
    return rows, said


def _many_papers(threes: int) -> duckdb.DuckDBPyConnection:
    rows, said = [], []
    for three in range(threes):
        more_rows, more_said = _three_effects(90000001 + 3 * three)
        rows += more_rows
        said += more_said
    return papers(rows, said)


def test_annotated_comparisons_are_asked_from_the_abstract_without_its_conclusion() -> None:
    rows, said = _three_effects(90000001)
    asked = [made for split in SPLITS for made in TASK.samples(papers(rows, said), split)]
    assert not asked, "no split has all three effects"
    con = _many_papers(20)
    made = [made for split in SPLITS for made in TASK.samples(con, split)]
    assert len(made) > 30
    for question in made:
        right = question.inputs.options[LETTERS.index(question.gold.answer)]
        shown = TASK.prompt(question)
        assert TOLD[next(effect for effect, text in ANSWERS.items() if text == right)] in shown
        assert "deserves larger trials" not in shown
        assert "ISRCTN" not in shown
        assert question.subject not in shown
        assert question.strata == {"evidence": "triple", "conclusion": "withheld", "date": "known"}


@pytest.mark.parametrize(
    ("changed", "answers", "reason"),
    [
        (
            {},
            (("INCREASED", TOLD["INCREASED"], True), ("NO_DIFFERENCE", "x", True)),
            "comparisons: annotators disagree",
        ),
        ({}, (("INCREASED", TOLD["INCREASED"], False),), "comparisons: no annotation was confirmed"),
        (
            {},
            (("INCREASED", "Words that stand in the body alone of the article", True),),
            "comparisons: the abstract does not hold the evidence",
        ),
        (
            {"abstract": None, "abstract_sections": None},
            (("INCREASED", TOLD["INCREASED"], True),),
            "papers: no abstract",
        ),
    ],
)
def test_comparisons_that_are_not_sure_are_left_out_and_counted(
    changed: dict[str, Any], answers: Any, reason: str
) -> None:
    con = papers([paper("90000009", TOLD["INCREASED"], **changed)], findings("90000009", *answers))
    left_out: Counter[str] = Counter()
    assert not effects(con, left_out)
    assert left_out[reason] == 1


def test_the_conclusion_is_shown_where_it_alone_holds_the_evidence() -> None:
    from trialpanorama.tasks._splits import split_all
    from trialpanorama.tasks.evidence_summary import _triples

    told = "Fictumab deserves larger trials"
    row = paper("90000009", TOLD["INCREASED"])
    con = papers([row], findings("90000009", ("INCREASED", told, True)))
    split_all(con)
    (asked,) = [asked for split in SPLITS for asked in _triples(con, split, Counter())]
    assert told in asked.text
    assert asked.strata["conclusion"] == "shown"


def test_papers_without_date_are_dated_and_cut_by_their_number() -> None:
    rows, said = [], []
    for number in range(1, 31):
        effect = EFFECTS[number % 3]
        id = f"PMC{9000000 + 10 * number}"
        rows.append(paper(id, TOLD[effect], None))
        said += findings(id, (effect, TOLD[effect], True))
        # Dated papers without comparisons, with numbers between.
        beside = f"PMC{9000001 + 10 * number}"
        rows.append(paper(f"9100{number:04d}", "Nothing.", f"{1990 + number}-06-01", pmcid=beside))
    con = papers(rows, said)
    last: dict[str, list[int]] = {}
    for split in SPLITS:
        made = list(TASK.samples(con, split))
        assert made
        assert all(question.strata["date"] == "estimated" for question in made)
        numbers = [int(question.subject[3:]) for question in made]
        for earlier, later in last.items():
            assert max(later) < min(numbers), f"{split} is older than {earlier}"
        last[split] = numbers
        assert all(abs(int(q.date[:4]) - 1990 - (int(q.subject[3:]) - 9000000) // 10) <= 6 for q in made)


def test_papers_without_date_are_asked_about_even_where_no_paper_has_one() -> None:
    rows, said = [], []
    for number in range(30):
        id, effect = f"PMC{9000000 + number}", EFFECTS[number % 3]
        rows.append(paper(id, TOLD[effect], None))
        said += findings(id, (effect, TOLD[effect], True))
    con = papers(rows, said)
    made = [question for split in SPLITS for question in TASK.samples(con, split)]
    assert len(made) > 20
    assert {(question.date, question.strata["date"]) for question in made} == {("", "unknown")}


def test_an_intervention_against_itself_is_left_out() -> None:
    row = findings("90000009", ("INCREASED", TOLD["INCREASED"], True))[0] | {"comparator": "Fictumab."}
    left_out: Counter[str] = Counter()
    assert not effects(papers([paper("90000009", TOLD["INCREASED"])], [row]), left_out)
    assert left_out["comparisons: intervention and comparator named alike"] == 1


def test_letters_and_effects_are_balanced() -> None:
    con = _many_papers(40)
    made = list(TASK.samples(con, "train"))
    letters = Counter(question.gold.answer for question in made)
    answers = Counter(question.inputs.options[LETTERS.index(question.gold.answer)] for question in made)
    assert len(set(letters.values())) == len(set(answers.values())) == 1
    assert len(letters) == len(answers) == 3
    assert [question.id for question in made] == [question.id for question in TASK.samples(con, "train")]


# --- reader and scores


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ('{"answer": "(C)"}', "C"),
        ("The answer is B.", "B"),
        ("no significant difference", "C"),
        ("It significantly decreased it.", "B"),
    ],
)
def test_replies_are_read(reply: str, letter: str) -> None:
    assert TASK.read(reply, sample()) == Chosen(letter)  # type: ignore[arg-type]


@pytest.mark.parametrize("reply", ["", "D", '{"answer": "D"}', "significantly increased or no significant difference"])
def test_replies_that_name_no_option_are_unreadable(reply: str) -> None:
    assert isinstance(TASK.read(reply, sample()), Unreadable)


def test_macro_f1_shows_a_lost_class() -> None:
    golds = ["A", "B", "C"] * 10
    always = [TASK.score(Chosen("A"), sample(gold)) for gold in golds]
    assert TASK.aggregate(always)["accuracy"] == pytest.approx(1 / 3)
    assert TASK.aggregate(always)["macro_f1"] == pytest.approx(0.5 / 3)
    right = [TASK.score(Chosen(gold), sample(gold)) for gold in golds]  # type: ignore[arg-type]
    assert TASK.aggregate(right) == {"accuracy": 1.0, "macro_f1": 1.0}


def test_an_unreadable_reply_is_wrong_and_of_no_class() -> None:
    scores = TASK.score(Unreadable("nothing"), sample())
    assert scores["correct"] == 0
    assert scores["unreadable"] == 1
    assert scores["chosen_effect"] == -1
    assert set(scores) == set(TASK.score(Chosen("B"), sample()))


@given(st.sampled_from(["A", "B", "C"]))
@settings(derandomize=True, max_examples=3)
def test_reply_and_read_are_inverse(letter: str) -> None:
    assert TASK.read(TASK.reply(Chosen(letter)), sample()) == Chosen(letter)  # type: ignore[arg-type]


def test_samples_survive_their_own_json() -> None:
    import msgspec

    assert TASK.decode(msgspec.json.encode(sample())) == sample()
