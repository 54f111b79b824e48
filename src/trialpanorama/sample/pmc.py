# ruff: noqa: E501 (templates)
"""PubMed Central's format: JATS full texts of some of the fictional articles, the power calculation among their methods."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from xml.sax.saxutils import escape

from trialpanorama.sample import mess as messing
from trialpanorama.sample import pubmed
from trialpanorama.sample._drawing import in_sentence
from trialpanorama.sample._files import Archive
from trialpanorama.sample._native import Article
from trialpanorama.sample.mess import Mess
from trialpanorama.sample.model import KEYWORD, Paper, Trial

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and '
    'Interchange DTD v1.3 20210610//EN" "JATS-archivearticle1-3.dtd">\n'
)
_LICENCES = (
    ("https://creativecommons.org/licenses/by/4.0/", "Creative Commons Attribution 4.0 International License"),
    ("https://creativecommons.org/licenses/by-nc/4.0/", "Creative Commons Attribution-NonCommercial 4.0 License"),
    ("", ""),
)


def _entries(paper: Paper, reviewed: list[Trial], mess: Mess) -> Iterator[tuple[str, str]]:
    trial = paper.subject
    if trial is not None:
        yield f"PMC99{paper.pmid[2:]}.nxml", _article(pubmed.article(paper, reviewed, mess), trial, mess)


def _article(one: pubmed.Article, trial: Trial, mess: Mess) -> str:
    paper = one.paper
    rng = Random(f"jats/{paper.pmid}")
    day = paper.published
    people = []
    for at, (name, initials) in enumerate(one.authors):
        mail = f"<email>{messing.email(rng)}</email>" if at == 0 and rng.random() < mess.contact_field else ""
        people.append(
            f'<contrib contrib-type="author"><name><surname>Fictional</surname><given-names initials="{initials[0]}">{name}</given-names></name>{mail}<xref ref-type="aff" rid="aff1"/></contrib>'
        )
    affiliation = one.affiliation.partition(" Electronic address")[0].partition(". ")[0]
    address, words = _LICENCES[int(rng.random() * len(_LICENCES))]
    licence = (
        f'<license><ali:license_ref>{address}</ali:license_ref><license-p>Published under the <ext-link ext-link-type="uri" xlink:href="{address}">{words}</ext-link>.</license-p></license>'
        if address
        else ""
    )
    funders = [name for name, _ in trial.collaborators] or [trial.sponsor]
    awards = "".join(
        f"<award-group><funding-source>{escape(name)}</funding-source><award-id>FICT-{rng.randint(100, 999)}</award-id></award-group>"
        for name in funders
    )
    texts = _texts(rng, paper, trial)
    if rng.random() < mess.contact_in_text:
        title, kind, paragraphs = texts[-1]
        texts[-1] = (title, kind, [*paragraphs, messing.contact_sentence(rng)])
    body = "".join(_section(*section) for section in texts)
    return (
        f'{_HEAD}<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ali="http://www.niso.org/schemas/ali/1.0/" xml:lang="en" article-type="{"research-article" if paper.kind == "results" else "protocol"}">\n'
        f'<front><journal-meta><journal-id journal-id-type="nlm-ta">{one.journal[1]}</journal-id><journal-title-group><journal-title>{one.journal[0]}</journal-title></journal-title-group><issn pub-type="epub">9999-9994</issn></journal-meta>\n'
        f'<article-meta><article-id pub-id-type="pmid">{paper.pmid}</article-id><article-id pub-id-type="pmc">PMC99{paper.pmid[2:]}</article-id><article-id pub-id-type="doi">10.99999/fictional.{paper.pmid}</article-id>\n'
        f"<title-group><article-title>{escape(one.title)}</article-title></title-group>\n"
        f'<contrib-group>{"".join(people)}<aff id="aff1"><institution>{escape(affiliation)}</institution></aff></contrib-group>\n'
        f'<pub-date pub-type="epub"><day>{day.day}</day><month>{day.month}</month><year>{day.year}</year></pub-date><volume>{one.volume}</volume><issue>{day.month}</issue><fpage>{one.page}</fpage><lpage>{one.page + 9}</lpage>\n'
        f"<permissions><copyright-statement>© The Fictional Authors {day.year}</copyright-statement>{licence}</permissions>\n"
        f"{_abstract(one.sections)}<kwd-group><kwd>{KEYWORD}</kwd></kwd-group><funding-group>{awards}</funding-group></article-meta></front>\n"
        f"<body>{body}</body>\n"
        f'<back><ack><title>Acknowledgements</title><p>We thank the participants, all of them made up.</p></ack><ref-list><ref id="r1"><label>1</label><mixed-citation>Fictional A. On {escape(paper.condition.heading)}. <pub-id pub-id-type="pmid">99000001</pub-id></mixed-citation></ref></ref-list></back>\n'
        "</article>\n"
    )


def _abstract(sections: list[tuple[str, str]]) -> str:
    if not sections:
        return ""
    inner = "".join(
        f"<sec><title>{label.capitalize()}</title><p>{escape(text)}</p></sec>" if label else f"<p>{escape(text)}</p>"
        for label, text in sections
    )
    return f"<abstract>{inner}</abstract>"


def _section(title: str, kind: str, paragraphs: list[str]) -> str:
    """A section; a paragraph that begins with `<` is markup, one with `## ` the heading of a part."""
    mark = f' sec-type="{kind}"' if kind else ""
    parts, is_open = [f"<sec{mark}><title>{title}</title>"], False
    for paragraph in paragraphs:
        if paragraph.startswith("## "):
            parts.append(f"{'</sec>' if is_open else ''}<sec><title>{escape(paragraph[3:])}</title>")
            is_open = True
        else:
            parts.append(paragraph if paragraph.startswith("<") else f"<p>{escape(paragraph)}</p>")
    return "".join(parts) + ("</sec>" if is_open else "") + "</sec>\n"


def _texts(rng: Random, paper: Paper, trial: Trial) -> list[tuple[str, str, list[str]]]:
    is_plan = paper.kind == "protocol"
    be = "will be" if is_plan else "were"
    condition = paper.condition.mentions[0]
    arms = [arm.label for arm in trial.arms]
    methods = [
        "## Design and participants",
        f"This is a {_design(trial)} of people with {condition} at {len(trial.sites)} sites in {', '.join(trial.countries)}.",
        f"<p>People {be} eligible if they met all of these:</p>{_list(trial.inclusion)}",
        f"<p>They {be} excluded for any of these:</p>{_list(trial.exclusion)}",
        "## Interventions",
        *(f"{arm.label}: {arm.description}" for arm in trial.arms),
        "## Outcomes",
        *(f"The primary outcome {'is' if is_plan else 'was'} {in_sentence(m)} ({frame})." for m, frame in trial.primary_outcomes),
    ]  # fmt: skip
    if paper.abstract_ids:
        methods += [f"The trial is registered ({'; '.join(paper.abstract_ids)})."]
    if len(arms) > 1 and trial.allocation == "RANDOMIZED" and rng.random() < 0.7:
        methods += ["## Sample size", _power(rng, trial)]
    texts = [
        ("Introduction", "intro", [f"Whether {trial.interventions[0].name} helps people with {condition} is not known [1]."]),
        ("Methods", "methods", methods),
    ]  # fmt: skip
    if not is_plan:
        taking = f"Between {trial.start:%B %Y} and {trial.primary_completion:%B %Y}, {trial.actual} participants took part (Table 1)."
        finding = f"The standardised difference in the primary outcome was {trial.effect:.2f}."
        texts.append(("Results", "results", [taking, _table(arms, trial.actual or 0), finding]))
    texts.append(("Discussion", "discussion", ["This article and the trial in it are fictional."]))
    return texts


def _design(trial: Trial) -> str:
    words = ["randomised"] if trial.allocation == "RANDOMIZED" else []
    words += [trial.masking.lower() + "-blind"] if trial.masking not in (None, "NONE") else []
    return " ".join([*words, "trial" if trial.study_type == "INTERVENTIONAL" else "cohort study"])


def _power(rng: Random, trial: Trial) -> str:
    """How many participants the trial planned, and the difference that so many can show."""
    share, quantile = ((80, 0.8416), (85, 1.0364), (90, 1.2816))[int(rng.random() * 3)]
    each = max(trial.planned // len(trial.arms), 2)
    difference = math.sqrt(2 / each) * (1.96 + quantile)
    return (
        f"With {each} participants in each group ({each * len(trial.arms)} in all), the trial has a power of {share}% to show a standardised "
        f"difference of {difference:.2f} in the primary outcome at a two-sided significance level of 5%."
    )


def _list(items: list[str]) -> str:
    inner = "".join(f"<list-item><p>{escape(item)}</p></list-item>" for item in items)
    return f'<list list-type="bullet">{inner}</list>' if items else "<p>None.</p>"


def _table(arms: list[str], total: int) -> str:
    sizes = [total // len(arms) + (at < total % len(arms)) for at in range(len(arms))] if arms else []
    rows = "".join(f"<tr><td>{escape(arm)}</td><td>{size}</td></tr>" for arm, size in zip(arms, sizes, strict=True))
    return (
        '<table-wrap id="t1"><label>Table 1</label><caption><p>Participants.</p></caption><table><thead><tr><th>Group</th>'
        f"<th>Participants</th></tr></thead><tbody>{rows}</tbody></table></table-wrap>"
    )


ARTICLES = (
    Article(
        kinds=("results", "protocol"),
        format="pmc-jats",
        path="pubmed/pmc_full_texts_{:03d}.zip",
        open=Archive,
        entries=_entries,
    ),
)
