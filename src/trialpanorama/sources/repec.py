"""REPEC, Peru: one XML of all trials, which the former site generated."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="repec",
    title="Peruvian Clinical Trial Registry",
    home_page="https://ensayosclinicos-repec.ins.gob.pe/",
    licence="REPEC terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("repec",),
    obtain=(
        "Native: the XML of all trials that REPEC's former site generated and that the registry uploads to WHO. The "
        "present site documents no download, and its pages are not read. For present data use WHO's exports: see "
        "ictrp."
    ),
    formats=(provider_xml("repec"),),
    no_fetch=("the site that generated its XML is gone, and the present one documents no download."),
)
