"""Writes the table `senders`, from which pages learn of senders: their words, their colours, and how to set them up."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import duckdb

from receiver.database.opening import run, transaction
from receiver.database.rows import insert
from receiver.senders import Senders
from receiver.senders.profile import Profile
from receiver.senders.schemes import describe_places
from receiver.senders.sender import Sender
from receiver.senders.set_up import Secrets, load_usable, name_variable
from receiver.settings import Settings

_log = logging.getLogger(__name__)


class _Described(NamedTuple):
    """A row of `senders`; the description is JSON."""

    name: str
    title: str
    description: str


def write_senders(connection: duckdb.DuckDBPyConnection, senders: Senders, settings: Settings) -> None:
    """Write what the pages need to know of each sender, if it is not there already; log why it can't be written."""
    secrets = load_usable(settings).secrets
    rows = [_Described(each.name, each.title, json.dumps(_describe(each, secrets))) for each in senders.values()]
    try:
        known = run(connection, "SELECT name, title, description FROM senders")
        if sorted(rows) == sorted(known):
            return
        with transaction(connection):
            run(connection, "DELETE FROM senders")
            insert(connection, "senders", _Described, rows)
    except duckdb.Error as error:
        _log.error("what pages should know of the senders can't be written: %s", error)


def _describe(sender: Sender, secrets: Secrets) -> Mapping[str, Any]:
    if not isinstance(sender, Profile):
        return {"is_set_up": True, "proof": "third-party"}
    words = sender.words
    signs = sender.scheme.proof != "none"
    return {
        "account_category": sender.account_category,
        "account": words.account,
        "accounts": words.accounts,
        "entities": words.entities,
        "events": [{name: value for name, value in each._asdict().items() if value} for each in words.events],
        "sayings": list(sender.rules.list_sayings()),
        "trouble": words.trouble,
        "setup": sender.setup,
        "documentation": sender.documentation,
        "proof": sender.scheme.proof,
        "places": describe_places(sender.scheme),
        "is_set_up": not signs or sender.name in secrets,
        "secret_variable": name_variable(sender.name) if signs else "",
    }
