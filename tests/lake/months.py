"""Rows of two finished months, and the process that writes them into a lake."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from tests.support.object_storage import CREDENTIALS
from tests.support.processes import environment
from tests.support.rows import notification, rejection

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MONTHS = ["2026-03", "2026-04"]


def finished_row(number, **changed):
    """Make a notification of March or April; every fifth has no entity, and 40 entities have some each."""
    body = f'{{"userName": "user{number % 40}", "n": 1.50, "odd": "\\u00e9 \u00e9\\n{number}"}}'
    told = {
        "received_at": MARCH + timedelta(hours=7 * number),
        "entity_id": None if number % 5 == 0 else f"USER{number % 40}",
        "payload": body.encode(),
        **changed,
    }
    return notification(number, **told)


def finished_rows():
    """Make 200 notifications and three that were refused."""
    return [*(finished_row(number) for number in range(200)), *(rejection(number) for number in range(3))]


def start_writing(receiver, url, **settings):
    """Start the process that brings a lake up to date, as a receiver's store does."""
    settings = {"CLC_OBJECTS": url, "CLC_LAKE": "on", **CREDENTIALS, **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "receiver.keeping.lake.process"],
        env=environment(receiver.data_dir, **settings),
        stdout=subprocess.PIPE,
        text=True,
    )


def write(receiver, url, **settings):
    """Bring a lake up to date, and return the last line that the process says."""
    with start_writing(receiver, url, **settings) as process:
        said = process.communicate()[0]
    return json.loads(said.splitlines()[-1])
