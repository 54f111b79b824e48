"""TCTR, Thailand: the zip of XML that its search page gave, in ISO-8859-1."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="tctr",
    title="Thai Clinical Trials Registry",
    home_page="https://www.thaiclinicaltrials.org/",
    licence="TCTR terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("tctr",),
    obtain=(
        "Search at https://www.thaiclinicaltrials.org/ and choose Export to XML (.zip), where the page offers it: "
        "native, in the layout in which registries upload to WHO. Its pages are not read. WHO's exports carry TCTR "
        "too: see ictrp."
    ),
    formats=(provider_xml("tctr"),),
    no_fetch=("the download belongs to a search in the browser and has no documented address."),
)
