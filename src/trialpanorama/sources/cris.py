"""CRIS, Korea: the XML that its search page gives for download."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="cris",
    title="Clinical Research Information Service (Korea)",
    home_page="https://cris.nih.go.kr/cris/en/",
    licence="CRIS terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("cris",),
    obtain=(
        "Search at https://cris.nih.go.kr/cris/en/ and choose Download, XML: native, in the layout in which "
        "registries upload to WHO. Its Excel download and its bilingual pages are not read, for their layout is "
        "documented nowhere. WHO's exports carry CRIS too: see ictrp."
    ),
    formats=(provider_xml("cris"),),
    no_fetch=("the download belongs to a search in the browser and has no address of its own."),
)
