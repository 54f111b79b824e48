"""OMON, the Netherlands: the XML uploaded to WHO."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="nl_omon",
    title="Overview of Medical Research in the Netherlands",
    home_page="https://onderzoekmetmensen.nl/en/",
    licence="OMON terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("nl_omon",),
    obtain=(
        "For everyone: through WHO's exports, which carry every trial of this register: see ictrp. Native: only the "
        "XML that the register uploads to WHO and gives on request. Its web pages are not read: no layout of them is "
        "documented, and they change without notice."
    ),
    formats=(provider_xml("nl_omon"),),
    no_fetch=("the register offers web pages only."),
)
