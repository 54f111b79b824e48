"""How full the thirty mapped fields are in real files, for each source and register.

    python benchmarks/coverage.py FOLDER... [--json]

Reads everything below the folders, as `trialpanorama build` would, and prints for each source and register the number
of records, how many of the fields at least one record has, and the share that a record has on average.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from trialpanorama.apps.coverage import MAPPED_FIELDS, Coverage
from trialpanorama.ingest import find_inputs, plan, read_piece
from trialpanorama.record import Record


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    counted: dict[tuple[str, str], Coverage] = defaultdict(Coverage)
    for unit in plan(find_inputs(options.folders), Path("unused"), keep_contacts=False):
        for piece in unit.pieces:
            for outcome in read_piece(piece):
                if isinstance(outcome, Record):
                    counted[outcome.source, outcome.register or "none"].add(outcome)
    found = dict(sorted(counted.items()))
    if options.json:
        rows = [
            {"source": source, "register": register, "records": one.records, "fields": one.fields, "shares": one.shares}
            for (source, register), one in found.items()
        ]
        print(json.dumps(rows, indent=1))
        return
    print(f"{'source':<20} {'register':<20} {'records':>8} {'fields':>7} {'mean':>6}")
    for (source, register), one in found.items():
        fields = f"{one.fields}/{len(MAPPED_FIELDS)}"
        print(f"{source:<20} {register:<20} {one.records:>8,} {fields:>7} {one.mean:>6.0%}")


if __name__ == "__main__":
    main()
