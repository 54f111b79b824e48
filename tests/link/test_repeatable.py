"""Links are the same in every process, in each of which Python orders sets of words in another way."""

from __future__ import annotations

import os
import subprocess
import sys

# names of words of the same numbers: those that share a word with the question stand equally near
_NEAREST = """
from trialpanorama.link.conditions import _Postings

postings = _Postings(f"first{i} second{i} third{i % 20} fourth{i % 6} fifth" for i in range(60))
for i in range(6):
    print(postings.nearest([f"fourth{i}"]))
"""


def test_the_nearest_names_do_not_depend_on_the_order_of_a_set() -> None:
    """Names that stand equally near are told apart by their place, and by no last digit of a sum."""
    found = {
        subprocess.run(
            [sys.executable, "-c", _NEAREST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
    assert found.pop().count("fourth5") == 6
