"""IRCT, Iran: one XML a trial, under the consecutive numbers of its pages."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="irct",
    title="Iranian Registry of Clinical Trials",
    home_page="https://en.irct.ir/",
    licence="IRCT terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("irct",),
    obtain=(
        "Native: https://en.irct.ir/trial/NUMBER/xml, in the layout in which registries upload to WHO; fetch walks "
        "the numbers. WHO's exports carry IRCT too: see ictrp."
    ),
    formats=(provider_xml("irct"),),
    no_fetch=("the walk over its numbers is not built."),
)
