"""RPCEC, Cuba: the XML that it uploads to WHO."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="rpcec",
    title="Cuban Public Registry of Clinical Trials",
    home_page="https://rpcec.sld.cu/",
    licence="RPCEC terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("rpcec",),
    obtain=(
        "Native: the XML that RPCEC uploads to WHO and gives on request. Its pages are not read, for their layout is "
        "not documented; publications, which stand on the Spanish pages only, are missing therefore. For present "
        "data use WHO's exports: see ictrp."
    ),
    formats=(provider_xml("rpcec"),),
    no_fetch=("the registry offers web pages only."),
)
