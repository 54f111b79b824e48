"""One family of exceptions: what happened, where, and what to type next.

Everything a user can cause is a `UserError` (exit code 2, one line, no traceback).
`Unreadable` is not shown to a user: a reader raises it for one input, and ingest turns it into a Reject.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

RejectReason = Literal[
    "empty_file",
    "not_a_registry_export",
    "format_without_reader",
    "study_fragment",
    "missing_identifier",
    "malformed_json",
    "malformed_xml",
    "malformed_row",
    "malformed_text",
    "truncated",
    "invalid_encoding",
    "forbidden_xml_entities",
    "entry_too_large",
    "decompression_bomb",
    "broken_archive",
    "encrypted_archive",
    "nested_archive",
    "file_not_readable",
    "deletion_notice",
    "reader_fault",
]
"""Why an input could not become a Record. The list is closed; none of them means "unknown"."""

REJECT_REASONS: dict[RejectReason, str] = {
    "empty_file": "the file or archive member has no bytes, or no entry",
    "not_a_registry_export": "no source recognises the content as its own",
    "format_without_reader": "the content is a known format of the field that no source reads yet",
    "study_fragment": "the content is a part of a study (a single module), not a study",
    "missing_identifier": "the study, row or article carries no identifier of its own",
    "malformed_json": "the JSON of this entry is not well formed, or a value has a shape that its format lacks",
    "malformed_xml": "the XML of this entry is not well formed, or its root is not what the format says",
    "malformed_row": "the row has more or fewer cells than the header says",
    "malformed_text": "the tagged text of this entry does not follow its format",
    "truncated": "the input ends in the middle of this entry",
    "invalid_encoding": "the entry holds bytes that are not text in the encoding of the file",
    "forbidden_xml_entities": "the XML declares entities of its own, which can be made to expand without bound",
    "entry_too_large": "one entry is larger than any real study",
    "decompression_bomb": "the data expands far beyond what real registry data does",
    "broken_archive": "the archive or compressed stream is damaged",
    "encrypted_archive": "the archive member is protected by a password",
    "nested_archive": "an archive inside an archive: unpack it first",
    "file_not_readable": "the operating system refuses to open or read the file",
    "deletion_notice": "the entry announces that other entries were deleted, and describes no study",
    "reader_fault": "the reader itself failed on this entry: please report it, with the file",
}


class TrialPanoramaError(Exception):
    """What every error of the project is: a sentence, and the exit code of the command it ends."""

    exit_code = 1


class UserError(TrialPanoramaError):
    """The user's input cannot be used; the message says what, where, and what to type next."""

    exit_code = 2


class UnknownName(UserError):
    """A name that does not exist, with the nearest that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str], see: str = "") -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        if near:
            hint = f"Close: {', '.join(near)}."
        elif known:
            hint = f"There are: {', '.join(known[:20])}{' ...' if len(known) > 20 else '.'}"
        else:
            hint = "There are none."
        super().__init__(f'No {kind} is called "{name}". {hint}' + (f" All of them: {see}" if see else ""))


class Refused(UserError):
    """A register's server says no: the address or what was asked of it (`status` is the HTTP status, 400 to 499)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class FetchFailed(TrialPanoramaError):
    """A register's server cannot be reached, or keeps giving something else than data."""


class Unreadable(TrialPanoramaError):
    """One input cannot become a Record: the reason (of the closed list) and a detail for a person."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        self.reason: RejectReason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)
