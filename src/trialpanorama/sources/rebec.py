"""ReBEC, Brazil: OpenTrials XML of selected trials, or of the whole registry (RBR-ictrp-ALL.xml)."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="rebec",
    title="Brazilian Clinical Trials Registry",
    home_page="https://ensaiosclinicos.gov.br/",
    licence="ReBEC terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("rebec",),
    obtain=(
        "At https://ensaiosclinicos.gov.br/ select trials in a list and choose Download selected as OpenTrials XML: "
        "native, in the layout in which registries upload to WHO. Its pages are not read. WHO's exports carry ReBEC "
        "too: see ictrp."
    ),
    formats=(provider_xml("rebec"),),
    no_fetch=("the registry documents no address for its XML: it is chosen trial by trial on the web page."),
)
