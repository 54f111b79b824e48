"""CTRI, India: the XML uploaded to WHO."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="ctri",
    title="Clinical Trials Registry - India",
    home_page="https://ctri.nic.in/",
    licence="CTRI terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("ctri",),
    obtain=(
        "For everyone: through WHO's exports, which carry every trial of this register: see ictrp. Native: only the "
        "XML that the register uploads to WHO and gives on request. Its web pages are not read: no layout of them is "
        "documented, and they change without notice."
    ),
    formats=(provider_xml("ctri"),),
    no_fetch=("the register offers web pages only, one trial each."),
)
