"""What goes wrong between a trial and its records: named rates, fixed before anything was tuned on the sample."""

from __future__ import annotations

import datetime
from random import Random

import msgspec

from trialpanorama.errors import UserError


class Mess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messy the records are. Each rate is a share from 0 to 1; with every parameter at 0 the records are clean."""

    typo_rate: float = 0.03
    """Titles, condition names and sponsor names with one slip of the keyboard."""
    dropped_secondary_id: float = 0.25
    """Cross-registered trials of which no record names another of its ids."""
    mutual_secondary_id: float = 0.17
    """Cross-registered trials of which each record names another's id; of the rest, one record does."""
    reworded_title: float = 0.35
    """Further registrations with a title in other words."""
    drifting_date: float = 0.20
    """Further registrations whose start and end dates differ."""
    drifting_date_days: int = 45
    """Largest difference of a drifting date."""
    status_lag: float = 0.12
    """Records that still show an earlier status than the true one."""
    missing_field: float = 0.06
    """Optional fields that are left out, each by itself."""
    html_leftover: float = 0.35
    """ICTRP rows whose texts hold <br> and &#x0D; (most of those from EUCTR and ANZCTR do in reality)."""
    doubled_entity: float = 0.03
    """ICTRP rows whose texts hold doubly escaped entities, such as &amp;lt;"""
    mojibake: float = 0.02
    """ICTRP rows with UTF-8 read as Latin-1 in the title or criteria."""
    trailing_blanks: float = 0.05
    """ICTRP rows whose titles are padded with blanks."""
    contact_field: float = 0.45
    """Records with a contact person, e-mail address and telephone number in the fields for them."""
    contact_in_text: float = 0.04
    """Records with an e-mail address or telephone number in a free text."""
    lost_comparison_sign: float = 0.15
    """ICTRP rows whose texts print = for every >= and <=."""
    spreadsheet_date: float = 0.50
    """XLSX rows whose phase (such as 2-3) the spreadsheet took for a date."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name == "drifting_date_days":
                if value < 0:
                    raise UserError(
                        f"Mess: {name} is {value}, but cannot be negative. Give a number of days, such as 45."
                    )
            elif not 0 <= value <= 1:
                raise UserError(f"Mess: {name} is {value}, but is a share. Give a number from 0 to 1.")


CLEAN = Mess(**dict.fromkeys(Mess.__struct_fields__, 0))
"""No mess at all."""


def typo(text: str, rng: Random) -> str:
    """The text with one slip: two letters swapped, one dropped or one doubled."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    at = places[int(rng.random() * len(places))]
    kind = rng.random()
    if kind < 0.4:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind < 0.7:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def maybe_typo(text: str, rate: float, rng: Random) -> str:
    """The text, with one slip in a share of the calls."""
    return typo(text, rng) if rng.random() < rate else text


def drift(date: datetime.date, days: int, rng: Random) -> datetime.date:
    """A date up to so many days earlier or later."""
    return date + datetime.timedelta(days=rng.randint(-days, days))


def with_html(text: str) -> str:
    """Line ends as a register's web page leaves them behind."""
    return text.replace("\n\n", "<br><br>").replace("\n", "<br>&#x0D;")


def with_doubled_entities(text: str) -> str:
    """Characters escaped twice."""
    return text.replace("&", "&amp;amp;").replace("<", "&amp;lt;").replace(">", "&amp;gt;").replace("'", "&amp;apos;")


def with_mojibake(text: str) -> str:
    """UTF-8 read as Latin-1, as exports show typographic characters."""
    return text.replace("'", "\u2019").replace(" - ", " \u2013 ").replace("\u2265", ">=").encode().decode("latin-1")


def without_comparison_signs(text: str) -> str:
    """Comparison signs that fell to a bare equals sign on the way."""
    return text.replace(">=", "=").replace("<=", "=").replace("\u2265", "=").replace("\u2264", "=")


def email(rng: Random) -> str:
    """An e-mail address that can reach nobody (RFC 2606)."""
    domain = "example.org" if rng.random() < 0.5 else "example.com"
    return f"{_word(rng)}.{_word(rng)}{rng.randint(1, 99)}@{domain}"


def telephone(rng: Random) -> str:
    """A telephone number of the ranges that are kept for fiction in the United States and in London."""
    last = rng.randint(0, 99)
    kind = int(rng.random() * 4)
    if kind == 0:
        return f"+1 202 555 01{last:02d}"
    if kind == 1:
        return f"(202) 555-01{last:02d}"
    if kind == 2:
        return f"+44 20 7946 0{rng.randint(0, 999):03d}"
    return f"020 7946 0{rng.randint(0, 999):03d}"


def contact_sentence(rng: Random) -> str:
    """A sentence of the kind that slips into summaries and criteria."""
    kind = int(rng.random() * 5)
    if kind == 0:
        return f"For further information please contact {email(rng)}."
    if kind == 1:
        return f"Interested patients may call {telephone(rng)} or write to {email(rng)}."
    if kind == 2:
        return f"Questions: tel. {telephone(rng)}"
    if kind == 3:
        return f"Contact the study nurse ({email(rng)}, phone: {telephone(rng)}) to arrange a visit."
    return f"E-mail: {email(rng)}; Tel: {telephone(rng)}"


_WORDS = (
    "trial",
    "study",
    "office",
    "research",
    "alpha",
    "beta",
    "gamma",
    "delta",
    "clinic",
    "recruit",
    "sigma",
    "omega",
)


def _word(rng: Random) -> str:
    return _WORDS[int(rng.random() * len(_WORDS))]
