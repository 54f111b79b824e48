"""ChiCTR, China, and ITMCTR beside it: the XML behind the button on a trial's page (root element `Triall`, sic)."""

from __future__ import annotations

from trialpanorama.sources import Source
from trialpanorama.sources._provider_xml import provider_xml

SOURCE = Source(
    name="chictr",
    title="Chinese Clinical Trial Registry",
    home_page="https://www.chictr.org.cn/",
    licence="ChiCTR terms of use; the rights stay with the registrants",
    is_open=False,
    registers=("chictr", "itmctr"),
    obtain=(
        "Press the XML button on a trial's page at https://www.chictr.org.cn/: native, one trial a file. ITMCTR "
        "(traditional medicine) has the same fields. The pages themselves are not read; what they alone have (how "
        "chance decided, who was blinded, when outcomes are measured) is in no file. WHO's exports carry both "
        "registers: see ictrp."
    ),
    formats=(provider_xml("chictr", "itmctr"),),
    no_fetch=("a guard against robots stands before its pages, and there is no other interface."),
)
