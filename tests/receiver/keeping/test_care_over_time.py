"""What the status says of times: of what was a while ago, and of what a wrong clock has dated."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.database.reading import FileReader
from receiver.keeping.care import SharedSpool, gather, judge
from receiver.keeping.care.sharing import read_sharing_note, write_sharing_note
from receiver.processes.state import ProcessState
from receiver.settings import read_settings
from tests.receiver.keeping.test_care import RUNNING, ago, figure
from tests.support.readable_store import Refused, build_store, server


def test_restarts_of_the_last_hour_have_the_reason_of_one_of_them_and_of_no_earlier_one():
    earlier = ProcessState(state="running", restarts=1, restarted_at=[ago(days=3).isoformat()], failure="It hung.")
    now = ProcessState(state="running", restarts=1, restarted_at=[ago(minutes=5).isoformat()])
    serve = RUNNING.model_copy(update={"processes": {"listener 1": now, "store": earlier}})
    assert figure("restarts_last_hour", serve=serve).text == "1"
    serve.processes["listener 1"] = now.model_copy(update={"failure": "It found no memory."})
    assert figure("restarts_last_hour", serve=serve).text == "1; It found no memory."


def test_what_a_shipper_noted_counts_for_half_a_minute_also_where_its_clock_was_ahead(tmp_path: Path):
    write_sharing_note(tmp_path, SharedSpool(None, None, 0), None)
    note = read_sharing_note(tmp_path)
    known = [note.read_shared(note.at + timedelta(seconds=seconds)) is not None for seconds in (29, 31, -29, -31)]
    assert known == [True, False, True, False]


def test_what_a_wrong_clock_has_dated_ahead_is_not_of_the_last_hour(tmp_path: Path):
    now = datetime.now(UTC)
    times = (now - timedelta(minutes=1), now + timedelta(days=1))
    rows = [server("ACME", f"WA1ACME{number}", received_at=at) for number, at in enumerate(times)]
    refused = [Refused("internal_error", "/webhooks/User.Updated", b"{}", received_at=at) for at in times]
    settings = read_settings(env_file=None, data_dir=tmp_path)
    with closing(FileReader(build_store(settings.database, rows, refused))) as reader:
        status = judge(gather(settings, reader))
    names = ("notifications", "rate_last_hour", "failed_last_hour")
    assert [status.find_value(name) for name in names] == [2, 1 / 3600, 1]
