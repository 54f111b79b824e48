"""Every known flaw of the published system has its test here, or a reason why no code can have it."""

from __future__ import annotations

import re
from pathlib import Path

NOT_CODE = {
    30: "says that the published system's ingestion code is not public; ours is this repository",
    38: "is about the size that a mirror states for published weights",
}


def test_each_of_the_39_flaws_has_a_test_named_after_it() -> None:
    tested = {
        int(number)
        for path in Path(__file__).parent.glob("test_*.py")
        for number in re.findall(r"^(?:async )?def test_flaw_(\d\d)_\w+", path.read_text("utf-8"), re.MULTILINE)
    }
    assert tested | NOT_CODE.keys() == set(range(1, 40))
    assert not tested & NOT_CODE.keys()
