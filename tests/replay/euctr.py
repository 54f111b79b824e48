"""The EU register: a web page that says how many are found, 20 trials to a page of text, results in zips."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, timedelta

from tests.replay import Asked, Reply, Run, Service
from trialpanorama.fetching import Wanted

_A_PAGE = 20
_COUNTRIES = {"ES": "Spain - AEMPS", "DE": "Germany - BfArM", "BE": "Belgium - FPS Health-DGM"}
TRIALS = {f"2090-{number:06d}-{number % 90 + 10}": number for number in range(1, 54)}
_INTRODUCTION = (
    "This file contains full details on each clinical trial selected for download. Where multi-state trials have been "
    "downloaded full information for each of the member states/countries involved in the trial are included separately."
)


def _title(place: int) -> str:
    return f"FICTIONAL trial of {('tea', 'coffee')[place % 2]} in sleepiness"


def _entered(place: int) -> date:
    return date(2004, 5, 1) + timedelta(days=place * 101)


def _protocols(number: str, place: int) -> dict[str, str]:
    """The protocols of a trial by the ids that they have as records."""
    return {
        f"{number}-{code}": (
            f"Summary\nEudraCT Number: {number}\nSponsor's Protocol Code Number: FICT-{place}\n"
            f"National Competent Authority: {_COUNTRIES[code]}\nClinical Trial Type: EEA CTA\nTrial Status: Ongoing\n"
            f"Date on which this record was first entered in the EudraCT database: {_entered(place)}\n"
            f"Link: https://www.clinicaltrialsregister.eu/ctr-search/trial/{number}/{code}/\n\n"
            f"A. Protocol Information\nA.1 Member State Concerned: {_COUNTRIES[code]}\nA.2 EudraCT number: {number}\n"
            f"A.3 Full title of the trial: {_title(place)}\n\nP. End of Trial\nP. End of Trial Status: Ongoing\n\n"
        )
        for code in list(_COUNTRIES)[: place % 3 + 1]
    }


def _has_results(place: int) -> bool:
    return place % 4 == 0


def _results(number: str, place: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo(f"EU-CTR {number} v1 - Results.xml"),
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ns2:result xmlns:ns2="http://eudract.ema.europa.eu/schema/clinical_trial_result"><trialInformation>'
            f"<sponsorProtocolCode>FICT-{place}</sponsorProtocolCode><fullTitle>{_title(place)}</fullTitle>"
            "<analysisStage><value>ANALYSIS_STAGE.final</value></analysisStage></trialInformation></ns2:result>\n",
        )
    return file.getvalue()


def _found(asked: dict[str, str]) -> dict[str, int]:
    query = asked["query"]
    numbers = re.split(r"\s+OR\s+", query)
    words = query.lower().split()
    return {
        number: place
        for number, place in TRIALS.items()
        if (number in numbers or all(word in _title(place).lower().split() for word in words))
        and _entered(place).isoformat() >= asked.get("dateFrom", "")
        and (asked.get("resultsstatus") != "trials-with-results" or _has_results(place))
    }


def answer(asked: Asked) -> Reply:
    """A page of the search, of its full details, or the zip of a trial."""
    if asked.path == "/ctr-search/search" and "query" in asked.parameters:
        total = len(_found(asked.parameters))
        page = (
            f'<html><head><title>Search</title></head><body><a href="#">Trials with a EudraCT protocol ({total:,})</a>'
        )
        return Reply(f"<!DOCTYPE html>\n{page}</body></html>\n".encode(), "text/html")
    if asked.path == "/ctr-search/rest/download/full" and asked.parameters.get("mode") == "current_page":
        start = (int(asked.parameters["page"]) - 1) * _A_PAGE
        trials = list(_found(asked.parameters).items())[start : start + _A_PAGE]
        texts = [text for number, place in trials for text in _protocols(number, place).values()]
        return Reply("\n".join([_INTRODUCTION + "\n", *texts]).encode(), "text/plain")
    number = asked.path.removeprefix("/ctr-search/rest/download/result/zip/xml/")
    if number in TRIALS and _has_results(TRIALS[number]):
        return Reply(_results(number, TRIALS[number]), "application/zip")
    return Reply(b"<html><title>Not found</title></html>", "text/html", status=404)


def _ids(found: dict[str, int], *, with_results: bool = False) -> tuple[str, ...]:
    protocols = [id for number, place in found.items() for id in _protocols(number, place)]
    return (*protocols, *found) if with_results else tuple(protocols)


_ADDRESS = "https://www.clinicaltrialsregister.eu/ctr-search/"
_SOME = list(TRIALS)[4:7]

SERVICE = Service(
    answer=answer,
    runs=(
        Run(
            Wanted(query=f"{_ADDRESS}search?query=tea&resultsstatus=trials-with-results&page=2"),
            _ids(_found({"query": "tea", "resultsstatus": "trials-with-results"}), with_results=True),
        ),
        Run(Wanted(), _ids(TRIALS)),
        Run(
            Wanted(query="coffee", since=date(2010, 1, 1)), _ids(_found({"query": "coffee", "dateFrom": "2010-01-01"}))
        ),
        Run(Wanted(query=", ".join(_SOME)), _ids({number: TRIALS[number] for number in _SOME})),
        Run(Wanted(query=f"{_ADDRESS}trial/{_SOME[0]}/ES"), _ids({_SOME[0]: TRIALS[_SOME[0]]})),
        Run(Wanted(query="cocoa"), ()),
    ),
)
