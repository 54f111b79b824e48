"""Same study? Same thing? All figures of resolution and of linking, in one document.

    python benchmarks/linking.py [DATA] [--json] [--python PYTHON] [--only PART ...]

DATA is a folder of release files (`registries` is built, `ontologies` installed into a scratch store). Needs
`pip install -r benchmarks/requirements.txt` for Splink and dedupe, and an interpreter with
`benchmarks/requirements-peers.txt` (PYTHON) for the other linkers; what is missing is named and left out.

resolution  `_resolution.py`: generated collections with truth (frozen seed), with ids and with all ids hidden, beside
            Splink and dedupe; real pairs judged by hand
mentions    `_mentions.py`: coverage, audited sample, silver truth, and other linkers with the same lexicon
literature  `_literature.py`: papers tied to trials, on generated and real pairs
speed       `_matching.py`: the whole linkers beside bare ahocorasick_rs on the same text

Each of the four runs by itself too, and says there what every figure means.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import _literature
import _matching
import _mentions
import _peers
import _resolution
from trialpanorama.link.conditions import ConditionLinker
from trialpanorama.link.drugs import DrugLinker
from trialpanorama.ontologies import install, load

MEGABYTES = 5.0
"""Of criteria and names of conditions, for the speed."""
PARTS = ("resolution", "mentions", "literature", "speed")


def benchmark(data: Path, parts: list[str], python: str, seconds: float) -> dict[str, Any]:
    """The figures of the parts that are asked for."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        warehouse = _mentions.warehouse_of(data, scratch) if (data / "registries").is_dir() else None
        releases = data / "ontologies"
        if releases.is_dir():
            install([releases], scratch / "vocabularies")
        concepts = load(scratch / "vocabularies")
        if "resolution" in parts:
            records = str(warehouse / "records" / "*" / "*.parquet") if warehouse else None
            figures |= _resolution.benchmark(data, records, None)
        if "mentions" in parts and warehouse:
            for_peers: dict[str, Any] = {}
            figures |= _mentions.run(warehouse, concepts, for_peers)
            figures["peers"] = _peers.run(for_peers, concepts, python, seconds, scratch)
        if "literature" in parts:
            frozen = _literature.FROZEN
            figures |= _literature.generated(scratch / "literature", frozen["seed"], frozen["trials"])
            if warehouse:
                figures |= _literature.real(warehouse, data, scratch / "literature")
        if "speed" in parts and warehouse:
            texts = _matching.real_texts(warehouse, MEGABYTES)
            figures["speed"] = _matching.measure(*texts, ConditionLinker(concepts))
            interventions = _matching.real_interventions(warehouse, MEGABYTES)
            figures["drug_speed"] = _matching.measure_drugs(texts[0], interventions, DrugLinker(concepts))
    return figures


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=_mentions.DATA)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be given several times")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the other linkers")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each other linker may read for its speed")
    options = parser.parse_args()
    figures = benchmark(options.data, options.only or list(PARTS), options.python, options.seconds)
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{key:<40} {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
