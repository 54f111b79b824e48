"""SLCTR, Sri Lanka: the XML uploaded to WHO."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="slctr",
    title="Sri Lanka Clinical Trials Registry",
    home_page="https://slctr.lk/",
    licence="SLCTR terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("slctr",),
    obtain=(
        "For everyone: through WHO's exports, which carry every trial of this register: see ictrp. Native: only the "
        "XML that the register uploads to WHO and gives on request. Its web pages are not read: no layout of them is "
        "documented, and they change without notice."
    ),
    formats=(provider_xml("slctr"),),
    no_fetch=("the register offers web pages only."),
)
