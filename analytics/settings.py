"""Settings of the reading side, from the environment or a `.env` file, read once into a frozen object."""

import os
import re
from calendar import day_name
from datetime import time
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from analytics.base_directory import ENV_FILE, TOKEN_FILE, WORKING_DIRECTORY, find_base, read_dot_env
from analytics.errors import SettingsError, TokenError
from analytics.text import join_names

MAX_PORT = 65535
WILDCARDS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - an address to replace, not to listen on

SECRET_PREFIX = "CLC_SECRET_"  # noqa: S105 - the begin of names
"""Begins the variables with the secrets of senders, which only `clc-receiver` reads."""
RECEIVER = {
    f"CLC_{name}"
    for name in (
        *("ACCOUNTS", "ACKNOWLEDGE", "ACKNOWLEDGE_WAIT", "BACKUP_EVERY", "BACKUP_KEEP", "DRAIN_SECONDS"),
        *("DUPLICATE_WINDOW_SECONDS", "HANG_SECONDS", "KEEP", "LAKE", "LISTENERS", "LOG_FORMAT", "MAX_BODY_BYTES"),
        *("OBJECTS", "PARSER", "PUBLIC_KEY", "QUERY_MAX_ROWS", "QUERY_MEMORY", "SECRETS_DIR", "SENDERS"),
        *("SHARED_SPOOL", "SIGNATURES", "SPOOL_DIR", "STORE_MEMORY", "TLS_CERT", "TLS_KEY", "TRUSTED_PROXIES"),
    )
}
"""Settings that only `clc-receiver` reads."""
_OF_SERVE = {"CLC_SERVE_HANDOVER", "CLC_SERVE_HEARTBEAT", "CLC_SERVE_SECRETS"}
"""Variables by which `serve` passes on what it holds; a command that it starts has them, too."""
ALLOWED = {
    "dashboard_hosts": "comma-separated host names without port, like clc.example.com",
    "data_dir": "a directory",
    "listen": "host:port, like 127.0.0.1:8080",
    "query_listen": "host:port, like 127.0.0.1:8081",
    "query_timeout_seconds": "a number of seconds above 0 and up to 3600",
    "query_token": "a line of printable ASCII characters",
    "rules": "a directory",
    "time_zone": "the IANA name of a time zone, like Europe/Berlin",
    "working_hours": "days and times of day, like Mon-Fri 08:00-18:00",
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?P<days>[a-z,-]+)\s+(?P<begins>\d\d:\d\d)\s*-\s*(?P<ends>\d\d:\d\d)", re.IGNORECASE)
_MIDNIGHT = "24:00"


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port` (an IPv6 host in brackets) into its parts.

    Raises:
        ValueError: it is no such address.
    """
    host, colon, port = address.strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not int(port) <= MAX_PORT or "/" in host:
        raise ValueError(address)
    host.encode("idna")  # a ValueError where no name is like this, such as `a..b`
    return host.strip("[]"), int(port)


def check_address(address: str) -> str:
    """Return the address unchanged, or raise ValueError where it is not `host:port`."""
    split_address(address)
    return address


def check_directory(path: Path) -> Path:
    """Return the path unchanged, or raise ValueError where it is no directory."""
    try:
        is_directory = path.is_dir()
    except OSError:  # it is too long, or this user may not look there
        is_directory = False
    if not is_directory:
        raise ValueError(path)
    return path


def check_time_zone(name: str) -> str:
    """Return the name unchanged, or raise ValueError where no time zone has it."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(name) from None
    return name


def check_token(token: SecretStr) -> SecretStr:
    """Return the token without blanks around it, or raise ValueError where no HTTP header can hold it."""
    text = token.get_secret_value().strip(" ")
    if not is_sendable(text):
        raise ValueError("hidden")
    return SecretStr(text)


def is_sendable(token: str) -> bool:
    """Say whether an HTTP header can hold a token."""
    return token.isascii() and token.isprintable()


class WorkingHours(NamedTuple):
    """Days of the week (1 is Monday, 7 Sunday) and times of day, from `begins` to before `ends`, as `HH:MM`."""

    days: tuple[int, ...]
    begins: str
    ends: str


def parse_working_hours(text: str) -> WorkingHours:
    """Read working hours such as `Mon-Fri 08:00-18:00` or `Sun-Wed,Sat 07:30-24:00`, days in any letter case.

    Raises:
        ValueError: the text has another form, or its end is before its begin.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    begins, ends = match["begins"], match["ends"]
    time.fromisoformat(begins)
    if ends != _MIDNIGHT:
        time.fromisoformat(ends)
    if begins >= ends:
        raise ValueError(text)
    days = {day for part in match["days"].lower().split(",") for day in _list_days(part)}
    return WorkingHours(tuple(sorted(days)), begins, ends)


def _list_days(part: str) -> list[int]:
    """Return the days of `mon`, or of `fri-mon` across the weekend."""
    first, dash, last = part.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last if dash else first)
    return [(begin + step) % 7 + 1 for step in range((end - begin) % 7 + 1)]


def check_working_hours(text: str) -> str:
    """Return the text unchanged, or raise ValueError where it gives no working hours."""
    parse_working_hours(text)
    return text


def split_hosts(value: object) -> object:
    """Return the names of a list, in lower case. Commas, semicolons or blanks, which no name has, separate them."""
    if not isinstance(value, str):
        return value
    names = frozenset(name.lower() for name in re.split(r"[\s,;]+", value) if name)
    if any("/" in name or "*" in name or name.count(":") == 1 for name in names):
        raise ValueError(value)
    return frozenset(name.strip("[]") for name in names)


def as_url(address: str) -> str:
    """Return the URL under which this machine reaches a server that listens on the address."""
    host, port = split_address(address)
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Settings(BaseSettings):
    """The settings of the reading side."""

    model_config = SettingsConfigDict(
        env_prefix="CLC_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    dashboard_hosts: Annotated[frozenset[str], NoDecode, BeforeValidator(split_hosts)] = frozenset()
    data_dir: Path = Path("data")
    listen: Annotated[str, AfterValidator(check_address)] = "127.0.0.1:8080"
    query_listen: Annotated[str, AfterValidator(check_address)] = "127.0.0.1:8081"
    query_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    query_token: Annotated[SecretStr, AfterValidator(check_token)] | None = None
    rules: Annotated[Path, AfterValidator(check_directory)] | None = None
    url_secret: SecretStr | None = None
    time_zone: Annotated[str, AfterValidator(check_time_zone)] = "UTC"
    working_hours: Annotated[str, AfterValidator(check_working_hours)] = "Mon-Fri 08:00-18:00"

    @cached_property
    def query_url(self) -> str:
        """Return the URL of the query service."""
        return as_url(self.query_listen)

    @cached_property
    def hours(self) -> WorkingHours:
        """Return the working hours, in the time zone."""
        return parse_working_hours(self.working_hours)

    def describe_hours(self) -> str:
        """Return the working hours in words, such as `08:00 to 18:00 Europe/Berlin, Monday to Friday`."""
        days, begins, ends = self.hours
        names = [day_name[day - 1] for day in days]
        is_row = 1 < len(days) == days[-1] - days[0] + 1
        named = f"{names[0]} to {names[-1]}" if is_row else join_names(names, "and")
        return f"{begins} to {ends} {self.time_zone}, {named}"

    @property
    def token_file(self) -> Path:
        """Return the file to which the receiver writes its token."""
        return self.data_dir / TOKEN_FILE

    def read_token(self) -> str | None:
        """Return the token of the query service; None where none was set or made yet.

        Raises:
            TokenError: the token's file can't be read.
        """
        if self.query_token is not None and self.query_token.get_secret_value():
            return self.query_token.get_secret_value()
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise TokenError(
                f"The query token can't be read from {self.token_file} ({reason}); "
                "run this as the user who runs the receiver, or set CLC_QUERY_TOKEN."
            ) from error
        if not is_sendable(token):
            raise TokenError(f"The query token in {self.token_file} is no line of printable ASCII characters.")
        return token or None


def find_unknown_variables() -> list[str]:
    """Return a sentence for each variable `CLC_…` of the environment or `.env` that is no setting, and so ignored.

    Raises:
        SettingsError: `.env` can't be read.
    """
    known = {f"CLC_{name.upper()}" for name in Settings.model_fields} | RECEIVER
    given = {name.upper() for name in (*read_dot_env(find_base() / ENV_FILE), *os.environ)} - known - _OF_SERVE
    sentences = []
    unknown = (name for name in given if re.match(r"CLC[\W_]", name) and not name.startswith(SECRET_PREFIX))
    for name in sorted(unknown):
        meant = re.sub(r"\W", "_", name)
        nearest = [meant] if meant.startswith(SECRET_PREFIX) else get_close_matches(name, known, 1)
        sentences.append(f"{name} is no setting and is ignored" + (f"; did you mean {nearest[0]}?" if nearest else "."))
    return sentences


def list_variables(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables, with absolute paths."""
    variables = {}
    for name, value in settings.model_dump(exclude_none=True).items():
        if isinstance(value, Path):
            text = str(value.absolute())
        elif isinstance(value, frozenset):
            text = ",".join(sorted(value))
        else:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        variables[f"CLC_{name.upper()}"] = text
    return variables


def read_settings() -> Settings:
    """Read the settings; relative directories are in the directory that `find_base` returns.

    Raises:
        SettingsError: a setting has a value that is not allowed, or `.env` can't be read.
    """
    base = find_base()
    variables = tuple((name, value) for name, value in os.environ.items() if name.upper().startswith("CLC_"))
    return _read(base, variables, sign(WORKING_DIRECTORY), sign(base / ENV_FILE))


def sign(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a path leads to another file, or the file changes; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


# A page reads them for each of its lines, and reading takes some milliseconds.
@lru_cache(maxsize=8)
def _read(base: Path, variables: tuple[tuple[str, str], ...], *_files: Any) -> Settings:
    """Read the settings; the arguments are all that they come from, so that any change is seen."""
    read_dot_env(base / ENV_FILE)  # its error is a sentence
    try:
        # In the working directory, paths stay as they were written.
        if base == WORKING_DIRECTORY:
            return Settings()
        return Settings(_env_file=base / ENV_FILE, **resolve_directories(base))
    except ValidationError as error:
        raise SettingsError(" ".join(map(describe_wrong, error.errors()))) from None
    except UnicodeEncodeError as error:
        name = next((name for name, value in variables if value == error.object), "A setting")
        raise SettingsError(f"{name} is {error.object!r}, which is no UTF-8 text.") from None


def resolve_directories(base: Path) -> dict[str, Any]:
    """Return the settings that are directories, relative ones in `base`."""
    given = {name.upper(): value for name, value in (read_dot_env(base / ENV_FILE) | dict(os.environ)).items()}
    directories = {"data_dir": given.get("CLC_DATA_DIR") or "data", "rules": given.get("CLC_RULES")}
    return {name: base / value for name, value in directories.items() if value}


def describe_wrong(error: ErrorDetails) -> str:
    """Describe a wrong setting: its value, and what is allowed."""
    field = str(error["loc"][0]).lower()
    value = "(hidden)" if field == "query_token" else repr(error["input"])
    return f"CLC_{field.upper()} is {value}; it must be {ALLOWED.get(field, 'another value')}."
