"""Why a request is not valid: all that `Verdict.detail` can say."""

from enum import StrEnum


class Detail(StrEnum):
    """The reason for which a request is not valid."""

    HEADER_MISSING = "header missing"
    HEADER_MALFORMED = "header malformed"
    SIGNATURE_MISSING = "signature missing in the body"
    SIGNATURE_MALFORMED = "signature malformed in the body"
    NO_SECRET = "no secret is known"  # noqa: S105 - a reason, no secret
    SIGNED_HEADER_MISSING = "a signed header is missing"
    ID_MISSING = "delivery id missing"
    NOT_A_FORM = "the body is no form"
    OTHER_LENGTH = "signature of another length"
    FITS_NO_SECRET = "the signature fits no secret"  # noqa: S105 - a reason, no secret
    TOKEN_FITS_NO_SECRET = "the token fits no secret"  # noqa: S105 - a reason, no secret
    OTHER_LINE_ENDS = "the body was altered on the way: its line ends were converted"
    OTHER_LAST_LINE_END = "the body was altered on the way: its last line end was added or removed"
    OTHER_JSON = "the body was altered on the way: its JSON was written anew"
    TIMESTAMP_MISSING = "timestamp missing"
    TIMESTAMP_MALFORMED = "timestamp malformed"
    STALE = "stale timestamp"
    FUTURE = "timestamp in the future"
