"""Reads what settings are written in: the file `.env`, values that have a form of their own, and directories."""

import os
import re
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from receiver.errors import SettingsError

LEAST_STORE_MEMORY = 700
"""Megabytes: with 250 for DuckDB, not even rows with bodies of 1.4 kB can be put side by side."""
LEAST_QUERY_MEMORY = 128
"""Megabytes: with 20 DuckDB can't put the rows of a small store side by side, with 32 it can."""
MOST_MEMORY = 1e9
"""Megabytes: DuckDB refuses much larger limits."""
_MOST = "1000TB"
_MEGABYTES = {"KB": 1e-3, "MB": 1.0, "GB": 1e3, "TB": 1e6} | {
    unit: 1024**power / 1e6 for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)
}
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_NEXT_SETTING = re.compile(r"[\r\n]\s*(export\s+)?CLC_\w+\s*=", re.IGNORECASE)
"""A setting on a later line of another's value."""

_POSTGRESQL_FORM = (
    "it must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with PostgreSQL's own parameters after a ?; in its user "
    "and password, characters such as % @ / and [ must be written as %25 %40 %2F and %5B"
)
_S3_OPTIONS = {"endpoint_override", "region", "scheme", "tls_ca_file_path"}


class NoLongerAllowedError(ValueError):
    """Raised for a value that an older version allowed.

    Args:
        why: what is allowed now.
        instead: the nearest value that is.
    """

    def __init__(self, why: str, instead: str) -> None:
        super().__init__(why)
        self.instead = instead


def read_dot_env(env_file: str | None) -> dict[str, str | None]:
    """Return the variables of a file; none where none is given, or there is no such file.

    Raises:
        SettingsError: it can't be read, or a line of it can't.
    """
    if env_file is None:
        return {}
    file = Path(env_file)
    try:
        if not (file.is_file() or file.is_fifo()):
            return {}
        return _parse(file, file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{file.absolute()} can't be read: line {line} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(
            f"{file.absolute()} can't be read ({error.strerror}); let this user read it, or remove it."
        ) from None


def _parse(file: Path, text: str) -> dict[str, str | None]:
    """Return the variables of a file's text.

    Raises:
        SettingsError: a line can't be read; without it the settings would be others than those that were written.
    """
    for binding in parse_stream(StringIO(text)):
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error:
            raise _make_line_error(file, line, "it must be NAME=VALUE, with a closing quote for each opening one")
        if binding.key and binding.key.upper().startswith("CLC_") and binding.value is None:
            raise _make_line_error(file, line, "it has no =")
        if binding.value and _NEXT_SETTING.search(written.lstrip()):
            raise _make_line_error(file, line, "its closing quote is missing")
    return dotenv_values(stream=StringIO(text))


def _make_line_error(file: Path, line: int, why: str) -> SettingsError:
    return SettingsError(f"{file.absolute()} can't be used: line {line} can't be read, {why}.")


def list_names(directory: Path, variable: str) -> list[str]:
    """Return the names in the directory of a setting, sorted; one that can't be read is no empty one.

    Raises:
        SettingsError: it is no directory, or can't be read.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
        is_open = os.access(directory, os.X_OK)
    except (FileNotFoundError, NotADirectoryError):
        raise SettingsError(f"{variable} is {str(directory)!r}: it must be a directory.") from None
    except OSError as error:
        raise SettingsError(f"{variable} is {str(directory)!r}: it can't be read ({error.strerror}).") from None
    if not is_open:
        raise SettingsError(f"{variable} is {str(directory)!r}: its files can't be read (Permission denied).")
    return names


def split_list(value: object) -> object:
    """Split a text at commas, semicolons and blanks, which no name has; another value stays."""
    if isinstance(value, str):
        return frozenset(part for part in re.split(r"[\s,;]+", value) if part)
    return value


def check_aliases(names: frozenset[str]) -> frozenset[str]:
    """Return account aliases in capitals, or raise ValueError where there is none."""
    if not names:
        raise ValueError("it must name an account, or be unset to accept all")
    return frozenset(name.upper() for name in names)


def check_query_token(text: str) -> str:
    """Return a token without blanks around it; raise ValueError where it can be guessed, or no header can hold it."""
    token = text.strip(" ")
    if not re.fullmatch(r"[ -~]{16,}", token):
        raise ValueError("it must be 16 characters of ASCII or more, as of `openssl rand -hex 24`")
    return token


def check_url_secret(text: str) -> str:
    """Return a part of a URL unchanged, or raise ValueError where it can be guessed, or can't stand in a URL."""
    if not re.fullmatch(r"[A-Za-z0-9._~-]{16,128}", text):
        raise ValueError("it must be 16 to 128 letters, digits or . _ ~ -, for example of `openssl rand -hex 16`")
    return text


def check_postgresql(text: str) -> str:
    """Return a URL unchanged, or raise ValueError where it is none of PostgreSQL."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must be a URL of PostgreSQL, for example postgresql://clc@db.example/clc")
    return text


def check_shared_spool(url: str | None) -> None:
    """Check that PostgreSQL's driver can read a URL; without the driver, which belongs to an extra, it is not read.

    Raises:
        SettingsError: it can't; the driver's own words would quote the password.
    """
    try:
        if url is not None and find_spec("psycopg"):
            parse_postgresql_url(url)
    except ValueError as error:
        raise SettingsError(f"CLC_SHARED_SPOOL is not usable: {error}.") from None


def parse_postgresql_url(text: str) -> dict[str, Any]:
    """Return the parts of a URL of PostgreSQL, as its driver names them.

    Raises:
        ValueError: the driver could not use them. Its own words are not kept, because they quote the password.
    """
    import psycopg.conninfo  # noqa: PLC0415 - psycopg belongs to an extra

    try:
        parts = psycopg.conninfo.conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise ValueError(_POSTGRESQL_FORM) from None
    ports = [port for port in str(parts.get("port", "")).split(",") if port]
    # A password with a bare / or @ leaves a part of itself there.
    hosts = str(parts.get("host", "")).split(",")
    are_ports = all(re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536 for port in ports)  # noqa: PLR2004 - 16 bits
    if not are_ports or any("@" in host[1:] for host in hosts):
        raise ValueError(_POSTGRESQL_FORM)
    return parts


class ObjectsUrl(NamedTuple):
    """A place in object storage: `s3` with bucket, prefix and the connection's options, or `file` with a path."""

    scheme: Literal["s3", "file"]
    path: str
    options: dict[str, str]


def check_objects(text: str) -> str:
    """Return a URL unchanged, or raise ValueError where it names no place in object storage."""
    split_objects_url(text)
    return text


def split_objects_url(text: str) -> ObjectsUrl:
    """Split `s3://BUCKET/PREFIX?OPTIONS`, `file:///DIRECTORY` or an absolute directory.

    Raises:
        ValueError: the text is none of them, has a part that would not count, or holds credentials.
    """
    if text.startswith("/"):
        return ObjectsUrl("file", text, {})
    parts = urlsplit(text)
    if "#" in text:
        raise NoLongerAllowedError("a # in its path must be written as %23", text.partition("#")[0])
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        if "?" in text:
            raise NoLongerAllowedError("a ? in its path must be written as %3F", text.partition("?")[0])
        return ObjectsUrl("file", unquote(parts.path), {})
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("it must be s3://BUCKET/PREFIX or an absolute directory")
    if "@" in parts.netloc:
        raise ValueError("it must hold no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
    options = _split_options(text, parts.query)
    if not options.keys() <= _S3_OPTIONS or options.get("scheme", "https") not in {"http", "https"}:
        raise ValueError(f"its options can be {', '.join(sorted(_S3_OPTIONS))}; `scheme` is http or https")
    return ObjectsUrl("s3", (parts.netloc + unquote(parts.path)).rstrip("/"), options)


def _split_options(text: str, query: str) -> dict[str, str]:
    """Return the options of a URL; each counts, or raise ValueError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    options = {name: value for name, value in pairs if value}
    if len(options) < query.count("&") + bool(query):
        instead = text.partition("?")[0] + (f"?{urlencode(options)}" if options else "")
        raise NoLongerAllowedError("each of its options must be NAME=VALUE, and be there once", instead)
    return options


def check_months(text: str) -> str:
    """Return a number of months unchanged, or raise ValueError where it is none."""
    if not re.fullmatch(r"[1-9]\d{0,3}mo", text):
        raise ValueError("it must be a whole number of months, for example 13mo")
    return text


def check_memory(text: str) -> str:
    """Return a memory limit of DuckDB's unchanged, or raise ValueError where the store can't work with it."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(%|[KMGT]i?B)", text)
    if not match:
        raise ValueError("it must be a size or a share of the machine's memory, for example 4GB or 50%")
    number, unit = float(match[1]), match[2]
    if unit == "%":
        if not 0 < number <= 100:  # noqa: PLR2004 - percent
            why = "it must be a share above 0% and up to 100%, for example 50%"
            raise NoLongerAllowedError(why, "100%" if number else f"{LEAST_QUERY_MEMORY}MB")
        size = number / 100 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1_000_000
    else:
        size = number * _MEGABYTES[unit]
    if not LEAST_QUERY_MEMORY <= size <= MOST_MEMORY:
        why = f"it must be {LEAST_QUERY_MEMORY}MB or more and 1,000TB at most, for example 4GB or 50%"
        raise NoLongerAllowedError(why, f"{LEAST_QUERY_MEMORY}MB" if size < LEAST_QUERY_MEMORY else _MOST)
    return text


def check_store_memory(text: str) -> str:
    """Return the memory of the store's process unchanged, or raise ValueError where the store can't work with it."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([MGT]B)", text)
    size = float(match[1]) * _MEGABYTES[match[2]] if match else 0.0
    if not LEAST_STORE_MEMORY <= size <= MOST_MEMORY:
        why = f"it must be a size of {LEAST_STORE_MEMORY}MB or more and 1,000TB at most, for example 2GB"
        raise NoLongerAllowedError(why, _MOST) if size > MOST_MEMORY else ValueError(why)
    return text


def parse_megabytes(size: str) -> int:
    """Read a size, such as 2GB, as megabytes."""
    return int(float(size[:-2]) * _MEGABYTES[size[-2:]])


def read_duration(value: object) -> object:
    """Read a number with a unit as seconds; a number alone is seconds already."""
    if isinstance(value, str):
        # Python writes a very short one with an exponent, and so it is passed on.
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?(?:e-[0-9]+$)?)\s*([smhd]?)", value.strip())
        if not match:
            raise ValueError("it must be a number and s, m, h or d, for example 1d or 6h")
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    return value


def read_period(value: object) -> object:
    """Read a number with a unit as seconds; a text without a unit could mean seconds, hours or days."""
    if isinstance(value, str) and not re.search(r"[smhd]\s*$", value):
        why = "it must be a number and s, m, h or d, for example 1d or 6h"
        # Older versions took it as seconds, and passed it on so.
        raise NoLongerAllowedError(why, f"{value}s") if _NUMBER.fullmatch(value) else ValueError(why)
    return read_duration(value)
