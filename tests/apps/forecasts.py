"""A forecast for tests of the pages: fitted within seconds, on made-up outcomes of made-up trials."""

from __future__ import annotations

import shutil
from pathlib import Path


def fit_small(warehouse: Path, folder: Path) -> Path:
    """A copy of a warehouse in `folder` with a fitted forecast beside it."""
    from trialpanorama.baselines.forecaster import Settings
    from trialpanorama.forecast import fit
    from trialpanorama.warehouse import Warehouse

    copy = folder / "warehouse"
    shutil.copytree(warehouse, copy)
    opened = Warehouse.open(copy)
    with opened.connect() as connection:
        ids = connection.execute("SELECT DISTINCT id FROM identifiers WHERE id LIKE 'NCT%' ORDER BY id").fetchall()
    labels = folder / "labels.csv"
    labels.write_text("nct_id,label\n" + "".join(f"{id},{n % 2}\n" for n, (id,) in enumerate(ids)), encoding="utf-8")
    settings = Settings(trees=4, folds=2)
    fit(opened, folder / "warehouse.models" / "forecast", [labels], settings=settings, refits=2)
    return copy
