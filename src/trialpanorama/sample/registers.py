"""The registers of the sample, and the id ranges that are kept for fiction.

No register has issued an id in these ranges, and none is about to: years from 2090, blocks that begin with 99.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

MAXIMUM_TRIALS = 999_999
"""The NCT range holds one id for each trial of this many (NCT99999999 is a well-known dummy, so it is left out)."""

WINDOW = 200
"""Trials that are planned together: every register is home to some of any 200 consecutive trials."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SCATTER = 617_411  # a prime above every factor of the ranges, so that a trial's ids in two registers do not resemble


@dataclass(frozen=True, slots=True)
class Register:
    """A register: how its fictional ids look, how many there are, and how many trials of a window are at home there."""

    name: str
    range: str
    capacity: int
    home: int
    print: Callable[[int], str]

    @property
    def key(self) -> str:
        """Its name in truth.json, such as clinicaltrials_gov."""
        return self.name.lower().replace(".", "_").replace("-", "_")


def _eudract(n: int) -> str:
    block = n % 100_000
    return f"{2090 + n // 100_000}-0{block:05d}-{block * 37 % 100:02d}"


def _ctis(n: int) -> str:
    block = n % 100_000
    return f"2099-5{block:05d}-{(block * 7 + n // 100_000) % 100:02d}-00"


def _rebec(n: int) -> str:
    tail = ""
    for _ in range(5):
        n, digit = divmod(n, 36)
        tail = _DIGITS[digit] + tail
    return f"RBR-99{tail}"


REGISTERS: dict[str, Register] = {
    register.name: register
    for register in (
        Register("ClinicalTrials.gov", "NCT99nnnnnn", MAXIMUM_TRIALS, 116, lambda n: f"NCT99{n:06d}"),
        Register("EUCTR", "2090-0nnnnn-cc to 2099-0nnnnn-cc", 1_000_000, 22, _eudract),
        Register("CTIS", "2099-5nnnnn-cc-00", 1_000_000, 3, _ctis),
        Register("ISRCTN", "ISRCTN99nnnnnn", MAXIMUM_TRIALS, 9, lambda n: f"ISRCTN99{n:06d}"),
        Register("ANZCTR", "ACTRN12699nnnnnnnnn", 1_000_000_000, 8, lambda n: f"ACTRN12699{n:09d}"),
        Register("ChiCTR", "ChiCTR99nnnnnnnn", 100_000_000, 14, lambda n: f"ChiCTR99{n:08d}"),
        Register("DRKS", "DRKS99nnnnnn", 1_000_000, 4, lambda n: f"DRKS99{n:06d}"),
        Register("IRCT", "IRCT9990nnnnnnnnN1", 100_000_000, 5, lambda n: f"IRCT9990{n:08d}N1"),
        Register("CRIS", "KCT99nnnnn", 100_000, 2, lambda n: f"KCT99{n:05d}"),
        Register(
            "CTRI",
            "CTRI/2099/mm/nnnnnn",
            1_000_000,
            6,
            lambda n: f"CTRI/2099/{n // 100_000 + 1:02d}/0{n % 100_000:05d}",
        ),
        Register("jRCT", "jRCT99nnnnnnnn", 100_000_000, 2, lambda n: f"jRCT99{n:08d}"),
        Register("UMIN", "UMIN999nnnnnn", 1_000_000, 1, lambda n: f"UMIN999{n:06d}"),
        Register("NL-OMON", "NL-OMON99nnn", 1_000, 1, lambda n: f"NL-OMON99{n:03d}"),
        Register("PACTR", "PACTR2099nnnnnnnnnnn", 1_000_000_000, 1, lambda n: f"PACTR209901{n:09d}"),
        Register("ReBEC", "RBR-99xxxxx", 36**5, 1, _rebec),
        Register("REPEC", "PER-9nn-99", 100, 1, lambda n: f"PER-9{n:02d}-99"),
        Register("SLCTR", "SLCTR/2099/nnn", 1_000, 1, lambda n: f"SLCTR/2099/{n:03d}"),
        Register("TCTR", "TCTR2099nnnnnnn", 10_000_000, 1, lambda n: f"TCTR2099{n:07d}"),
        Register("LBCTR", "LBCTR2099nnnnnn", 1_000_000, 1, lambda n: f"LBCTR2099{n:06d}"),
        Register("RPCEC", "RPCEC99nnnnnn", 1_000_000, 1, lambda n: f"RPCEC99{n:06d}"),
    )
}
PUBMED_RANGE = "99000000 to 99999999"
_FIRST_PMID = 99_000_000
_HOME_SLOTS = [register.name for register in REGISTERS.values() for _ in range(register.home)]


@lru_cache(maxsize=8)
def _homes(seed: int, window: int) -> list[str]:
    slots = list(_HOME_SLOTS)
    Random(f"{seed}/homes/{window}").shuffle(slots)
    return slots


def home_register(seed: int, index: int) -> str:
    """The register where a trial was first registered."""
    window, place = divmod(index, WINDOW)
    name = _homes(seed, window)[place]
    register = REGISTERS[name]
    if register.home == 1 and window >= register.capacity:
        return "ClinicalTrials.gov"  # the range of a small register is used up
    return name


def register_id(seed: int, name: str, index: int) -> str:
    """The id of a trial in a register, without ICTRP's additions (JPRN-, EUCTR, country)."""
    register = REGISTERS[name]
    if register.capacity < MAXIMUM_TRIALS:  # only its home trials have an id here: one or two for each window
        window, place = divmod(index, WINDOW)
        peers = [p for p, home in enumerate(_homes(seed, window)) if home == name]
        index = window * len(peers) + peers.index(place)
    offset = zlib.crc32(f"{seed}/{name}".encode())
    return register.print((index * _SCATTER + offset) % register.capacity)


def pmid(window: int, count: int) -> str:
    """The PMID of the count-th article (from 0) of a window; a window has as many as it has trials."""
    if count >= WINDOW:
        raise OverflowError("more articles than PMIDs in one window")
    return str(_FIRST_PMID + window * WINDOW + count)


def ictrp_id(name: str, id: str, country: str = "") -> str:
    """The id as ICTRP prints it: EUCTR with the country, CTIS and JPRN with their prefix."""
    if name == "EUCTR":
        return f"EUCTR{id}-{country}"
    if name == "CTIS":
        return f"CTIS{id}"
    if name in ("jRCT", "UMIN"):
        return f"JPRN-{id}"
    return id
