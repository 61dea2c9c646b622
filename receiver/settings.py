"""Settings: environment variables (or a `.env` file), read once into one frozen object."""

import ipaddress
import logging
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from receiver.configuration import (
    check_aliases,
    check_memory,
    check_months,
    check_objects,
    check_postgresql,
    check_query_token,
    check_shared_spool,
    check_store_memory,
    check_url_secret,
    parse_megabytes,
    read_dot_env,
    read_duration,
    read_period,
    split_list,
)
from receiver.errors import SettingsError
from receiver.files import check_for_duckdb

_MIB = 1024 * 1024
_HOUR, _DAY = 3_600, 86_400
_BESIDE_DUCKDB = 400
"""The megabytes that a store takes beside DuckDB's while it appends: programs, entities, a batch of rows."""
READING_SIDE = {"CLC_DASHBOARD_HOSTS", "CLC_RULES", "CLC_TIME_ZONE", "CLC_WORKING_HOURS"}
"""Settings that only `clc-analytics` reads."""
SECRET_PREFIX = "CLC_SECRET_"  # noqa: S105 - the begin of names
"""Begins the variables with the secrets of senders, such as CLC_SECRET_GITHUB."""
LEARNED_ACCOUNTS = "accounts.sqlite"
"""The file in the data directory with the accounts that listeners have learned."""
OWN_DIRECTORIES = ("aside", "backups", "keys", "opening", "remembered_profiles", "secrets", "used_profiles")
"""Directories in the data directory, with files that come and go."""
_OF_SERVE = {"CLC_SERVE_HANDOVER", "CLC_SERVE_HEARTBEAT", "CLC_SERVE_SECRETS"}
"""Variables by which `serve` passes on what it holds, to its next version and to its children."""
_SECRETS = {"CLC_QUERY_TOKEN", "CLC_URL_SECRET", "CLC_SHARED_SPOOL", "CLC_OBJECTS"}

_log = logging.getLogger(__name__)


def split_address(text: str) -> tuple[str, int]:
    """Split `host:port` (`[::1]:8080` for IPv6).

    Raises:
        ValueError: the text is no such address.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ValueError("it must be HOST:PORT, for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address `host:port`."""
    host = split_address(address)[0]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(text: str) -> str:
    split_address(text)
    return text


DataDirectory = Annotated[Path, AfterValidator(check_for_duckdb)]
Address = Annotated[str, AfterValidator(_check_address)]
Names = Annotated[frozenset[str], NoDecode, BeforeValidator(split_list)]


class Settings(BaseSettings):
    """The settings. Each field is the environment variable `CLC_` plus its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="CLC_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: DataDirectory = Field(Path("data"), description="DuckDB file `clc.duckdb`, spool, backups, tokens")
    spool_dir: Path | None = Field(None, description="spool, where it should lie on another disk")
    shared_spool: Annotated[str, AfterValidator(check_postgresql)] | None = Field(
        None, description="URL of a PostgreSQL database through which several machines share their notifications"
    )
    acknowledge: Literal["synced", "replicated"] = Field(
        "synced", description="when a notification is answered: on this machine's disk; `replicated`: shared, too"
    )
    acknowledge_wait: Annotated[float, BeforeValidator(read_duration), Field(gt=0, le=60)] = Field(
        2, description="longest wait of an answer for the shared spool, with `replicated`"
    )
    listen: Address = Field("127.0.0.1:8080", description="listener address")
    listeners: int = Field(1, ge=1, le=64, description="listener processes sharing the port")
    query_listen: Address = Field("127.0.0.1:8081", description="query service address")
    query_token: Annotated[str, AfterValidator(check_query_token)] | None = Field(
        None, description="token of the query service"
    )
    public_key: Path | None = Field(None, description="PEM file to verify signatures with: RSA, of 2,048 bits or more")
    signatures: Literal["require", "record"] = Field(
        "require",
        description="`require`: unsigned or badly signed is refused (401); `record`: accepted and marked",
    )
    url_secret: Annotated[str, AfterValidator(check_url_secret)] | None = Field(
        None, description="a part of the target URLs that must match; others are refused (404)"
    )
    accounts: Annotated[Names, AfterValidator(check_aliases)] | None = Field(
        None, description="comma-separated account aliases that are accepted; others are refused (403)"
    )
    senders: Path | None = Field(None, description="directory with profiles of senders of your own")
    secrets_dir: Path | None = Field(None, description="directory with a file of secrets for each sender, one a line")
    duplicate_window_seconds: float = Field(
        10,
        ge=0,
        le=_DAY,
        description="how long a body identical to its entity's latest, of the same event, counts as a copy",
    )
    max_body_bytes: int = Field(_MIB, ge=1024, le=64 * _MIB, description="larger is refused (413)")
    tls_cert: Path | None = Field(None, description="certificate chain (PEM) to terminate TLS here")
    tls_key: Path | None = Field(None, description="private key (PEM) of the certificate")
    trusted_proxies: Names = Field(
        frozenset(),
        description="comma-separated addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
    )
    parser: Literal["quick", "tornado"] = Field(
        "quick", description="`quick`: ordinary requests are read by the receiver itself; `tornado`: none"
    )
    drain_seconds: float = Field(
        120, ge=0, le=_DAY, description="longest wait for kept-open connections when a listener retires"
    )
    hang_seconds: float = Field(
        60, ge=2, le=_DAY, description="how long a process may stand still before `serve` kills it and starts another"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines as text, or as a JSON object each")
    query_timeout_seconds: float = Field(30, gt=0, le=_HOUR, description="longest query")
    query_max_rows: int = Field(1_000_000, ge=1, le=1_000_000_000, description="most rows of one answer")
    store_memory: Annotated[str, AfterValidator(check_store_memory)] = Field(
        "1GB", description="memory for the store's process, 700MB or more"
    )
    query_memory: Annotated[str, AfterValidator(check_memory)] | None = Field(
        None, description="DuckDB's memory limit; by default 400MB less than `CLC_STORE_MEMORY`"
    )
    backup_every: Annotated[float, BeforeValidator(read_period), Field(ge=1, le=366 * _DAY)] | None = Field(
        None, description="how often a backup is made, for example `1d` or `6h`"
    )
    backup_keep: int = Field(7, ge=1, le=1_000_000, description="how many of the backups made by schedule are kept")
    objects: Annotated[str, AfterValidator(check_objects)] | None = Field(
        None, description="object storage (s3://BUCKET/PREFIX) or directory to which each backup is copied"
    )
    lake: Literal["off", "on"] = Field(
        "off", description="`on`: finished months are written there as Parquet, for other programs"
    )
    keep: Annotated[str, AfterValidator(check_months)] | None = Field(
        None, description="how many months stay in the database once the lake has older ones, for example `13mo`"
    )

    @property
    def spool_directory(self) -> Path:
        """The directory of the spool."""
        return self.spool_dir or self.data_dir / "spool"

    @property
    def months_kept(self) -> int | None:
        """How many months before the present one stay in the database; None if all do."""
        return int(self.keep.removesuffix("mo")) if self.keep else None

    @property
    def database_memory(self) -> str:
        """DuckDB's memory limit."""
        return self.query_memory or f"{parse_megabytes(self.store_memory) - _BESIDE_DUCKDB}MB"

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.data_dir / "clc.duckdb"

    @property
    def learned_accounts(self) -> Path:
        """The file with the accounts that listeners have learned."""
        return self.data_dir / LEARNED_ACCOUNTS


def read_settings(*, env_file: str | None = ".env", **flags: Any) -> Settings:
    """Read the settings: flags that are not None override the environment, which overrides the file `env_file`.

    Raises:
        SettingsError: values are not allowed (names each, its value and what is allowed), or the file can't be read.
    """
    read_dot_env(env_file)  # its error is a sentence
    try:
        overrides = {name: value for name, value in flags.items() if value is not None}
        settings = Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        raise _refuse(error) from None
    _check_spool(settings)
    check_shared_spool(settings.shared_spool)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("CLC_TLS_CERT and CLC_TLS_KEY belong together: set both, or neither.")
    if settings.acknowledge == "replicated" and settings.shared_spool is None:
        raise SettingsError("CLC_ACKNOWLEDGE is 'replicated', which needs a spool to share: set CLC_SHARED_SPOOL.")
    if settings.lake == "on" and settings.objects is None:
        raise SettingsError("CLC_LAKE is 'on', which needs a place for its files: set CLC_OBJECTS.")
    if settings.keep and settings.lake == "off":
        raise SettingsError(
            f"CLC_KEEP is {settings.keep!r}, which needs older months in the lake: set CLC_LAKE to 'on'."
        )
    return settings


def read_passed_settings() -> Settings:
    """Read the settings that the process before this one passes on by `environment`, and no file.

    That process has checked them, and may be of an older version: a value that is no longer allowed counts as the
    nearest that is, so that the children can be restarted until `upgrade` checks what the user wrote.

    Raises:
        SettingsError: values are not allowed, and no older version allowed them.
    """
    instead: dict[str, Any] = {}
    while True:
        try:
            settings = Settings(_env_file=None, **instead)
            break
        except ValidationError as error:
            nearest = {str(each["loc"][0]): _find_nearest(each) for each in error.errors()}
            known = {name: value for name, value in nearest.items() if value is not None}
            if known.items() <= instead.items():
                raise _refuse(error) from None
            instead |= known
    for name in instead:
        _log.warning("CLC_%s is no longer allowed as it is: it counts as %s", name.upper(), getattr(settings, name))
    return settings


def _find_nearest(error: ErrorDetails) -> object:
    """Return the allowed value that is nearest to a refused one; None where no version allowed that."""
    bounds = error.get("ctx", {})
    return getattr(bounds.get("error"), "instead", bounds.get("le", bounds.get("ge")))


def _check_spool(settings: Settings) -> None:
    """Check that the spool's files lie apart from those of the data directory.

    Raises:
        SettingsError: they don't.
    """
    if settings.spool_dir is None:
        return
    data, spool = (Path(os.path.realpath(path)) for path in (settings.data_dir, settings.spool_dir))
    others = {data, *(data / name for name in OWN_DIRECTORIES)}
    if spool == data or not others.isdisjoint({spool, *spool.parents} - {data}):
        raise SettingsError(
            f"CLC_SPOOL_DIR is {str(settings.spool_dir)!r}: it must be a directory that has no other files of "
            f"CLC_DATA_DIR, {str(settings.data_dir)!r}, for example its default {str(settings.data_dir / 'spool')!r}."
        )


def find_unknown_variables(env_file: str = ".env") -> list[str]:
    """Return a sentence for each variable `CLC_…` of the environment or the file that is no setting, and so ignored."""
    known = {f"CLC_{name.upper()}" for name in Settings.model_fields} | READING_SIDE
    given = {name.upper() for name in (*read_dot_env(env_file), *os.environ)} - known - _OF_SERVE
    sentences = []
    unknown = (name for name in given if re.match(r"CLC[\W_]", name) and not name.startswith(SECRET_PREFIX))
    for name in sorted(unknown):
        meant = re.sub(r"\W", "_", name)
        nearest = [meant] if meant.startswith(SECRET_PREFIX) else get_close_matches(name, known, 1)
        sentences.append(f"{name} is no setting and is ignored" + (f"; did you mean {nearest[0]}?" if nearest else "."))
    return sentences


def list_variables(settings: Settings) -> dict[str, str]:
    """Write the settings as variables, so that flags reach child processes too."""
    given = settings.model_dump(exclude_none=True)
    if settings.backup_every is not None:
        given["backup_every"] = f"{settings.backup_every}s"
    variables = {f"CLC_{name.upper()}": value for name, value in given.items()}
    return os.environ | {
        name: ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
        for name, value in variables.items()
    }


def _refuse(error: ValidationError) -> SettingsError:
    return SettingsError(" ".join(map(_describe_error, error.errors())))


def _describe_error(error: ErrorDetails) -> str:
    variable = "CLC_" + str(error["loc"][0]).upper()
    allowed = error["msg"].removeprefix("Value error, ")
    value = "not usable" if variable in _SECRETS else repr(error["input"])
    return f"{variable} is {value}: {allowed[:1].lower()}{allowed[1:]}."
