"""The place of a lake: a bucket of S3 with the credentials of AWS, or a directory."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from analytics.errors import LocationError

_OPTIONS = {"endpoint_override", "region", "scheme", "tls_ca_file_path"}
_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 30.0
_OF_S3 = re.compile(r".*AWS Error (\w+) during \w+ operation: (?:curlCode: \d+, )?(.*)")


def is_lake(location: str) -> bool:
    """Tell whether a location has the form of a lake's: a URL of S3 or of a directory, or an existing directory."""
    try:
        return location.startswith(("s3://", "file://")) or ("://" not in location and Path(location).is_dir())
    except PermissionError:  # a directory above it can't be entered, which opening it as a file reports
        return False


def open_system(location: str) -> tuple[Any, str]:
    """Return the file system of pyarrow for a location, and the path in it.

    Args:
        location: `s3://BUCKET/PREFIX?OPTIONS`, a directory or its URL, as in `CLC_OBJECTS`.

    Raises:
        LocationError: it is none of them, or holds credentials.
        OSError, ArrowException: the place can't be reached.
    """
    from pyarrow import fs  # noqa: PLC0415 - it takes a while, and other locations need none

    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise LocationError(f"This place can't be opened ({error}): a place in S3 is s3://BUCKET/PREFIX.") from None
    if parts.scheme != "s3":
        return fs.LocalFileSystem(), unquote(parts.path) if parts.scheme == "file" else location
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if not parts.netloc or "@" in parts.netloc or not options.keys() <= _OPTIONS:
        raise LocationError(
            "This place can't be opened: a place in S3 is s3://BUCKET/PREFIX, its options can be "
            f"{', '.join(sorted(_OPTIONS))}, and credentials are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if not options.keys() & {"region", "endpoint_override"}:
        options["region"] = fs.resolve_s3_region(parts.netloc)
    system = fs.S3FileSystem(**options, connect_timeout=_CONNECT_SECONDS, request_timeout=_ANSWER_SECONDS)
    return system, parts.netloc + unquote(parts.path)


def describe_failure(error: Exception) -> str:
    """Return the first line of an error of pyarrow, without what only S3 needs."""
    text = " ".join((str(error).splitlines() or [""])[0].split()).rstrip(".")
    text = re.sub(r"; Details: .*|\(Request ID: [^)]*\)", "", text).strip().rstrip(".")
    return _OF_S3.sub(r"\2 (\1)", text) or type(error).__name__
