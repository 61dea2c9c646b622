"""Each figure of the status is ok, amber or red by its limit."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.data_directory import access
from receiver.data_directory.incidents import Incident
from receiver.keeping.care import LIMITS, Appending, Facts, Machine, SharedSpool, WalWatch, gather, judge
from receiver.keeping.care.facts import Stored
from receiver.keeping.care.files import SeenFiles
from receiver.keeping.care.limits import format_bytes, format_seconds
from receiver.keeping.scrub_loop import ScrubNote
from receiver.network.tls import Validity
from receiver.processes.state import ProcessState, ServeState
from receiver.settings import read_settings
from receiver.spool.looking import Backlog
from receiver.spool.owners import Former

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
GIB = 2**30
STORED = Stored(70, 60, 3600, 1, {"not_json": (5, 2)}, 0)
RUNNING = ServeState(
    pid=1,
    version="1.0",
    started_at=(NOW - timedelta(days=1)).isoformat(),
    processes={"listener 1": ProcessState(pid=2, state="running"), "store": ProcessState(pid=3, state="running")},
)
WELL = Facts(
    at=NOW,
    version="1.0",
    serving=True,
    serve=RUNNING,
    stored=STORED,
    unread=None,
    waiting=Backlog(0, None, 4096, 1),
    former_spools=[],
    wal_bytes=0,
    database_bytes=12 * 2**20,
    checkpointed_at=NOW - timedelta(hours=5),
    unsaved_since=None,
    backup={},
    backup_every=None,
    free={"data": 80 * GIB, "spool": 80 * GIB},
    appending=Appending(None, None, {}),
    incidents=[],
    files=SeenFiles(key_fingerprint="ab"),
)


def ago(**times):
    return NOW - timedelta(**times)


def figure(name, **changed):
    (found,) = [figure for figure in judge(WELL._replace(**changed)).figures if figure.name == name]
    return found


def made(**times):
    return {"made_at": ago(**times).isoformat(), "notifications": 70}


def uploaded(**times):
    return {"uploaded_at": ago(**times).isoformat(), "notifications": 70}


def process(**changed):
    return RUNNING.model_copy(update={"processes": {"store": ProcessState(**{"state": "running", **changed})}})


def in_lake(**times):
    return {"complete_at": ago(**times).isoformat(), "months": 3, "newest": "2026-02"}


def waiting_lake(**times):
    return {"looked_at": ago(**times).isoformat(), "waits_for": "another machine, which writes the lake"}


def started(**times):
    return RUNNING.model_copy(update={"started_at": ago(**times).isoformat()})


def files(**changed):
    return {"files": WELL.files._replace(**changed)}


def tls(*, days, left, **changed):
    ends = NOW + timedelta(days=left)
    serve = RUNNING.model_copy(update={"tls_files": ["cert.pem", "key.pem"]})
    return {"serve": serve, **files(certificate=Validity(ends - timedelta(days=days), ends), **changed)}


def shared(condition):
    return {"has_shared_spool": True, "shared": condition}


MACHINE = Machine("aaaaaaaa-1", "db1", "1.0", "all", 1.0, 0, 0.0, lacks_rows=False, is_holding=False, is_this=True)

HOLDING = MACHINE._replace(name="db2", unseen_seconds=432_000, is_holding=True)


def machines(*some, **changed):
    return shared(SharedSpool(None, None, 0, machines=some)._replace(**changed))


def incident(days, missing=None):
    return Incident(ago(days=days).isoformat(), "It was damaged.", None, missing)


def test_a_receiver_that_is_well_is_ok_in_every_figure():
    status = judge(WELL)
    assert {figure.name: figure.state for figure in status.figures if figure.state != "ok"} == {}
    assert status.state == "ok"
    assert status.find_value("rate_last_minute") == 1.0
    assert status.find_value("rate_last_hour") == 1.0
    assert status.refusals == [{"reason": "not_json", "kept": 5, "last_hour": 2}]


def test_of_what_can_not_be_read_nothing_is_listed_as_if_there_were_none():
    status = judge(WELL._replace(stored=None, serve=None))
    assert (status.refusals, status.silences) == (None, None)


@pytest.mark.parametrize(
    ("name", "changed", "state"),
    [
        ("lag_seconds", {"waiting": Backlog(9, ago(seconds=9), 0, 1)}, "ok"),
        ("lag_seconds", {"waiting": Backlog(9, ago(seconds=10), 0, 1)}, "amber"),
        ("lag_seconds", {"waiting": Backlog(9, ago(seconds=60), 0, 1)}, "red"),
        ("lag_seconds", {"waiting": Backlog(9, ago(seconds=-5), 0, 1)}, "ok"),
        ("lag_seconds", {"waiting": Backlog(9, ago(hours=-5), 0, 1)}, "amber"),
        ("spool_rows", {"waiting": Backlog(100_000, NOW, 0, 1)}, "amber"),
        ("segments_unreadable", {"waiting": Backlog(0, None, 0, 2, ("a.sqlite (no)",))}, "red"),
        ("former_spools", {"former_spools": [Former(Path("old"), None)]}, "red"),
        ("checkpointed_at", {"unsaved_since": ago(seconds=60)}, "amber"),
        ("checkpoint_due_seconds", {"unsaved_since": ago(minutes=10)}, "red"),
        ("wal_bytes", {"wal_bytes": 300 * 2**20}, "amber"),
        ("wal_bytes", {"wal_bytes": GIB}, "red"),
        ("data_free_bytes", {"free": {"data": 5 * GIB, "spool": 80 * GIB}}, "amber"),
        ("data_free_bytes", {"free": {"data": None, "spool": 80 * GIB}}, "amber"),
        ("spool_free_bytes", {"free": {"data": 80 * GIB, "spool": GIB}}, "red"),
        ("failed_last_hour", {"stored": STORED._replace(rejected={"internal_error": (9, 0)})}, "ok"),
        ("failed_last_hour", {"stored": STORED._replace(rejected={"internal_error": (9, 1)})}, "amber"),
        ("rows_set_aside", {"stored": STORED._replace(set_aside=1)}, "amber"),
        ("changes_missing", {"stored": STORED._replace(changes_missing=1)}, "amber"),
        ("uploaded_at", {"upload": uploaded(days=9)}, "ok"),
        ("uploaded_at", {"upload": uploaded(hours=36), "backup_every": 86_400.0}, "amber"),
        ("uploaded_at", {"upload": uploaded(days=3), "backup_every": 86_400.0}, "red"),
        ("uploaded_at", {"upload": uploaded(days=-900)}, "amber"),
        ("uploaded_at", {"upload": {}, "backup_every": 28_800.0}, "red"),
        ("uploaded_at", {"upload": {"failing_since": ago(minutes=1).isoformat()}}, "amber"),
        ("uploaded_at", {"upload": {"failing_since": ago(days=3).isoformat()}}, "red"),
        ("lake_failing_seconds", {"lake": {}}, "ok"),
        ("lake_failing_seconds", {"lake": {}, "serve": started(days=2)}, "amber"),
        ("lake_failing_seconds", {"lake": in_lake(hours=47)}, "ok"),
        ("lake_failing_seconds", {"lake": in_lake(days=2)}, "amber"),
        ("lake_failing_seconds", {"lake": in_lake(days=-9)}, "amber"),
        ("lake_failing_seconds", {"lake": waiting_lake(minutes=1), "serve": started(days=9)}, "ok"),
        ("lake_failing_seconds", {"lake": waiting_lake(days=2)}, "amber"),
        ("lake_failing_seconds", {"lake": {"failing_since": ago(days=-9).isoformat()}}, "amber"),
        ("lake_failing_seconds", {"lake": {"failing_since": ago(minutes=1).isoformat()}}, "amber"),
        ("lake_failing_seconds", {"lake": {"failing_since": ago(days=3).isoformat()}}, "red"),
        ("scrubbed_at", {}, "ok"),
        ("scrubbed_at", {"serve": started(days=14)}, "amber"),
        ("scrubbed_at", {"serve": started(days=56)}, "red"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(days=13), [])}, "ok"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(days=14), [])}, "amber"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(days=1), ["Block 7"])}, "red"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(days=1), [], "no room")}, "amber"),
        ("scrubbed_at", {"scrub": ScrubNote(None, [], "no room")}, "amber"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(seconds=-1), [])}, "ok"),
        ("scrubbed_at", {"scrub": ScrubNote(ago(days=-900), [])}, "amber"),
        ("append_error", {"appending": Appending(None, None, {})}, "ok"),
        ("append_error", {"appending": Appending("no space left on device", ago(seconds=1), {})}, "red"),
        ("tasks_failing", {"appending": Appending(None, None, {"the checkpoint": "no space left"})}, "amber"),
        ("shared_spool_away_seconds", shared(SharedSpool(None, None, 0)), "ok"),
        ("shared_spool_away_seconds", shared(SharedSpool("no route to host", ago(seconds=5), 0)), "amber"),
        ("shared_spool_away_seconds", shared(SharedSpool("no route to host", ago(seconds=60), 0)), "red"),
        ("shared_spool_away_seconds", shared(SharedSpool("no route to host", ago(hours=-2), 0)), "amber"),
        ("shared_spool_away_seconds", shared(None), "amber"),
        ("shared_spool_away_seconds", shared(SharedSpool(None, None, 0, "9 rows are deleted there")), "red"),
        ("shared_spool_rows", shared(SharedSpool(None, None, 100_000)), "amber"),
        ("shared_spool_kept_seconds", machines(MACHINE, kept_seconds=86_400), "ok"),
        ("shared_spool_kept_seconds", machines(MACHINE, kept_seconds=90_000), "amber"),
        ("shared_spool_kept_seconds", shared(SharedSpool(None, None, 0)), "amber"),
        ("machine_unseen_seconds", machines(MACHINE), "ok"),
        ("machine_unseen_seconds", machines(MACHINE, MACHINE._replace(unseen_seconds=60)), "amber"),
        ("machine_unseen_seconds", machines(MACHINE, MACHINE._replace(unseen_seconds=3_600)), "red"),
        ("machine_unseen_seconds", machines(MACHINE, MACHINE._replace(lacks_rows=True)), "red"),
        ("serving", {"serving": False}, "red"),
        ("learned_accounts", files(accounts_unread="disk I/O error"), "red"),
        ("key_fingerprint", {}, "ok"),
        ("key_fingerprint", files(key_unusable="The key file public.pem can't be read."), "amber"),
        (
            "key_fingerprint",
            files(key_fingerprint=None, key_unusable="public.pem can't be read."),
            "amber",
        ),
        ("certificate", tls(days=90, left=18.1), "ok"),
        ("certificate", tls(days=90, left=13.9), "amber"),
        ("certificate", tls(days=6, left=1.3), "ok"),
        ("certificate", tls(days=6, left=1.1), "amber"),
        ("certificate", tls(days=90, left=-0.1), "red"),
        ("certificate", tls(days=90, left=90.1), "red"),
        ("certificate", tls(days=90, left=50, tls_unusable="key.pem can't be read.", tls_copied=True), "amber"),
        ("certificate", tls(days=90, left=-1, tls_unusable="key.pem can't be read.", tls_copied=True), "red"),
        ("certificate", tls(days=90, left=50, tls_unusable="key.pem can't be read."), "red"),
        ("profiles_unusable", files(profiles_unusable=["acme.toml: it is no TOML."]), "red"),
        ("profiles_unusable", files(profiles_unusable=["acme.toml is gone."], profiles_copied=True), "amber"),
        ("secrets_unusable", files(secrets_unusable=["secrets/github can't be read."]), "red"),
        ("secrets_unusable", files(secrets_unusable=["secrets/github is gone."], secrets_copied=True), "amber"),
        ("store", {"stored": None, "unread": "it does not answer"}, "red"),
        ("processes_not_running", {"serve": process(state="waiting")}, "red"),
        ("processes_not_running", {"serve": process(silent_since=ago(seconds=4).isoformat())}, "red"),
        ("restarts_last_hour", {"serve": process(restarts=3, restarted_at=[ago(minutes=59).isoformat()])}, "amber"),
        ("restarts_last_hour", {"serve": process(restarts=3, restarted_at=[ago(minutes=61).isoformat()] * 9)}, "ok"),
        ("restarts_last_hour", {"serve": process(restarts=21, restarted_at=[ago(minutes=9).isoformat()] * 21)}, "red"),
        ("restarts_last_hour", {"serve": process(restarts=9, restarted_at=[ago(hours=-2).isoformat()] * 9)}, "ok"),
        ("query_listen", {"query_listen": "0.0.0.0:8081"}, "amber"),
        ("query_listen", {"query_listen": "store.example:8081"}, "amber"),
        ("query_listen", {"query_listen": "[::1]:8081"}, "ok"),
        ("query_listen", {"query_listen": "localhost:8081"}, "ok"),
        ("queries_overdue", {"queries_overdue": 1}, "red"),
        ("serving", {"serve": RUNNING.model_copy(update={"written_at": ago(seconds=31).isoformat()})}, "red"),
        ("serving", {"serve": RUNNING.model_copy(update={"written_at": ago(seconds=29).isoformat()})}, "ok"),
        ("serving", {"serve": RUNNING.model_copy(update={"written_at": ago(hours=-2).isoformat()})}, "amber"),
        ("recoveries_last_week", {"incidents": [incident(6)]}, "amber"),
        ("recoveries_last_week", {"incidents": [incident(8)]}, "ok"),
        ("recoveries_last_week", {"incidents": [incident(6, missing="seq 4 to 9")]}, "red"),
        ("recoveries_last_week", {"incidents": [incident(60, missing="seq 4 to 9")]}, "amber"),
        ("recoveries_last_week", {"incidents": [incident(60)]}, "ok"),
        ("recoveries_last_week", {"incidents": [incident(-60)]}, "ok"),
        ("recoveries_last_week", {"incidents": [incident(-60, missing="seq 4 to 9")]}, "amber"),
        ("backup_at", {"backup": made(days=30)}, "ok"),
        ("backup_at", {"backup": made(hours=35), "backup_every": 86400.0}, "ok"),
        ("backup_at", {"backup": made(hours=36), "backup_every": 86400.0}, "amber"),
        ("backup_at", {"backup": made(hours=72), "backup_every": 86400.0}, "red"),
        ("backup_at", {"backup": made(seconds=-1), "backup_every": 86400.0}, "ok"),
        ("backup_at", {"backup": made(days=-900)}, "amber"),
        ("backup_at", {"backup": made(days=-900), "backup_every": 86400.0}, "amber"),
        ("backup_at", {"backup": made(days=-900), "backup_every": 3600.0}, "red"),
        ("backup_at", {"backup": {**made(days=-9), "failed_at": ago(hours=1).isoformat(), "error": "no room"}}, "red"),
        ("backup_at", {"backup_every": 86400.0}, "ok"),
        ("backup_at", {"backup_every": 3600.0}, "red"),
        ("backup_at", {"backup": {**made(hours=2), "failed_at": ago(hours=1).isoformat(), "error": "no room"}}, "red"),
        ("backup_at", {"backup": {**made(hours=1), "failed_at": ago(hours=2).isoformat(), "error": "no room"}}, "ok"),
    ],
)
def test_a_figure_changes_its_state_at_its_limit(name, changed, state):
    assert figure(name, **changed).state == state


@pytest.mark.parametrize("wal", [None, WalWatch()], ids=["by the command", "by the store"])
def test_a_key_that_can_not_be_read_is_told_and_hides_no_other_figure(tmp_path: Path, wal):
    settings = read_settings(env_file=None, data_dir=tmp_path, public_key=tmp_path / "gone.pem")
    (key,) = [each for each in judge(gather(settings, None, wal=wal)).figures if each.name == "key_fingerprint"]
    assert (key.state, key.value) == ("amber", None)
    assert key.text.startswith(f"not known. The key file {tmp_path}/gone.pem can't be read")


def test_a_spool_that_takes_no_new_file_is_red_while_serve_runs(tmp_path: Path):
    def find():
        figures = judge(gather(read_settings(data_dir=tmp_path, spool_dir=tmp_path / "disk" / "spool"), None)).figures
        return [(figure.state, figure.text) for figure in figures if figure.name == "spool_unwritable"]

    with access.take(tmp_path) as lock:
        access.announce(lock, access.Running(1, "127.0.0.1:8080", "127.0.0.1:8081"))
        ((state, text),) = find()
        assert (state, "takes no new file (No such file or directory): notifications are refused" in text) == (
            "red",
            True,
        )
        (tmp_path / "disk" / "spool").mkdir(parents=True)
        assert find() == []
        assert list((tmp_path / "disk" / "spool").iterdir()) == []
    (tmp_path / "disk" / "spool").rmdir()
    assert find() == []


def test_a_time_in_the_future_is_told_and_not_as_an_age():
    words = "dated 2026-03-06 12:00 UTC, in the future: was the clock of this machine wrong?"
    assert figure("backup_at", backup=made(days=-2), backup_every=86400.0).text == f"{words}, 70 rows"
    assert figure("uploaded_at", upload=uploaded(days=-2)).text == f"{words}, 70 rows"
    assert figure("scrubbed_at", scrub=ScrubNote(ago(days=-2), [])).text == f"{words}, no damage"
    assert figure("checkpointed_at", checkpointed_at=ago(days=-2)).text == words
    assert figure("lag_seconds", waiting=Backlog(9, ago(days=-2), 0, 1)).text == words


def test_of_several_damages_or_unreadable_segments_the_first_are_named_and_it_is_said_that_there_are_more():
    assert figure("scrubbed_at", scrub=ScrubNote(NOW, ["It.", "That."])).text.endswith("; DAMAGED: It. And 1 more.")
    unreadable = [figure("segments_unreadable", waiting=Backlog(0, None, 0, 2, tuple("abcd"[:n]))) for n in (3, 4)]
    assert [each.text for each in unreadable] == ["a, b, c", "a, b, c and more"]


def test_a_store_that_dropped_months_while_the_clock_was_ahead_is_no_well_one():
    ahead = figure("complete_since_at", stored=STORED._replace(complete_since=ago(days=-2)))
    assert (ahead.state, "? Notifications that come before then show no changes, and" in ahead.text) == ("amber", True)
    past = figure("complete_since_at", stored=STORED._replace(complete_since=ago(days=3)))
    assert (past.state, past.text) == ("ok", "2026-03-01; earlier months are in the lake")


def test_a_lake_that_is_looked_at_no_more_is_told():
    assert figure("lake_failing_seconds", lake=in_lake(days=9)).text.endswith("; NOT looked at for 9 d")
    text = figure("lake_failing_seconds", lake={}, serve=started(days=3)).text
    assert text == "not written yet; NOT looked at for 3 d"


def test_the_worst_state_is_that_of_all():
    assert judge(WELL._replace(wal_bytes=300 * 2**20)).state == "amber"
    assert judge(WELL._replace(wal_bytes=300 * 2**20, serving=False)).state == "red"


def test_every_limit_is_that_of_a_figure():
    facts = WELL._replace(**shared(SharedSpool(None, None, 0)), upload={}, lake={})
    assert set(LIMITS) <= {figure.name for figure in judge(facts).figures}


@pytest.mark.parametrize(
    ("some", "changed", "text"),
    [
        ([MACHINE], {"kept_seconds": 0.0}, "none"),
        ([MACHINE], {"kept_seconds": 7_200, "has_backup": False}, "2 h old: no backup of any machine holds it"),
        ([MACHINE, HOLDING], {"kept_seconds": 7_200},
         "2 h old: not yet in the database file of db2, not seen for 5 d"),
        ([HOLDING, HOLDING._replace(id="bbbbbbbb-2", unseen_seconds=1.0)], {"kept_seconds": 7_200},
         "2 h old: not yet in the database file of db2 (aaaaaaaa), not seen for 5 d, db2 (bbbbbbbb)"),
    ],
)  # fmt: skip
def test_what_keeps_rows_in_the_shared_spool_is_named(some, changed, text):
    assert figure("shared_spool_kept_seconds", **machines(*some, **changed)).text == text


def test_a_machine_that_is_gone_is_to_be_forgotten_and_one_that_lacks_rows_is_to_be_restored():
    gone = MACHINE._replace(unseen_seconds=3_600, rows_behind=1_200, seconds_behind=3_500.0)
    status = judge(WELL._replace(**machines(MACHINE, gone, MACHINE._replace(lacks_rows=True))))
    assert [(each["state"], each["text"]) for each in status.machines] == [
        ("ok", "has all rows"),
        ("red", "1,200 rows behind, since 58 min; if it will not come back: `clc-receiver forget aaaaaaaa`"),
        ("red", "lacks rows that are deleted: restore a backup of another machine there"),
    ]


def test_without_a_store_nobody_knows_the_lag():
    changed = {"stored": None, "waiting": Backlog(9, ago(seconds=90), 0, 1)}
    assert (figure("lag_seconds", **changed).value, figure("spool_rows", **changed).value) == (None, None)
    assert figure("spool_rows", **changed).text == "at most 9"


def test_what_is_missing_since_a_recovery_is_said():
    assert ": seq 4 to 9" in figure("recoveries_last_week", incidents=[incident(1, missing="seq 4 to 9")]).text


def test_a_wal_is_unsaved_since_it_was_first_seen_after_a_checkpoint(tmp_path: Path):
    database, wal, watch = tmp_path / "clc.duckdb", tmp_path / "clc.duckdb.wal", WalWatch()
    database.touch()
    assert watch.find_unsaved_since(database, ago(seconds=9)) is None
    wal.write_bytes(b"rows")
    assert watch.find_unsaved_since(database, ago(seconds=8)) == ago(seconds=8)
    assert watch.find_unsaved_since(database, ago(seconds=7)) == ago(seconds=8)
    import os

    os.utime(database, (0, 0))
    assert watch.find_unsaved_since(database, ago(seconds=6)) == ago(seconds=6)
    wal.unlink()
    assert watch.find_unsaved_since(database, ago(seconds=5)) is None


def test_quantities_are_written_in_their_largest_unit():
    assert [format_seconds(value) for value in (0.04, 59, 119, 120, 7200, 200_000)] == [
        "0.0 s",
        "59.0 s",
        "119.0 s",
        "2 min",
        "2 h",
        "2 d",
    ]
    assert [format_bytes(value) for value in (0, 1023, 1536, 5 * GIB, 3 * 2**40)] == [
        "0 bytes",
        "1,023 bytes",
        "1.5 KiB",
        "5.0 GiB",
        "3.0 TiB",
    ]
