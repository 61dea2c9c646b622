"""A single machine becomes one of several while senders post, and goes on alone again: every notification is kept."""

from contextlib import contextmanager

import pytest

from tests.durability.support.commands import run_command
from tests.durability.support.load import Clients, check_all_is_kept
from tests.receiver.shared_spool.test_several_machines import count, figures, post, stored
from tests.support.processes import Receiver, running
from tests.support.waiting import until

HISTORY = 30
pytestmark = pytest.mark.slow


class Machine(Receiver):
    """A machine whose settings stand in its `.env`."""

    def put(self, **settings):
        """Write its settings, and have `serve` take them over."""
        (self.data_dir / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        done = run_command(self.data_dir, "upgrade")
        assert done.returncode == 0, done.stderr


@contextmanager
def posting(url):
    clients = Clients(url, rate=20, keep_alive=True)
    try:
        yield clients
    finally:
        clients.stop()


@pytest.mark.full
def test_a_running_machine_with_a_history_becomes_one_of_two_and_both_have_all(tmp_path, database):
    (tmp_path / "objects").mkdir()
    settings = {"CLC_SHARED_SPOOL": database, "CLC_OBJECTS": str(tmp_path / "objects")}
    with running(Machine, tmp_path / "one") as one:
        post(one, range(HISTORY))
        segments = list((tmp_path / "one" / "spool").glob("*.sqlite"))
        assert segments
    with running(Machine, tmp_path / "one") as one:
        until(lambda: not any(segment.exists() for segment in segments), what="the history to leave the spool")
        with posting(one.url) as clients:
            one.put(**settings)
            until(lambda: "shared_spool_rows" in figures(one), what="the shared spool")
            assert run_command(tmp_path / "one", "backup", str(tmp_path / "b.duckdb"), **settings).returncode == 0
            joined = run_command(tmp_path / "two", "join", **settings)
            assert joined.returncode == 0, joined.stderr
            with running(Receiver, tmp_path / "two", **settings) as two:
                post(two, range(HISTORY, 2 * HISTORY))
                clients.stop()
                total = len(clients.answers) + 2 * HISTORY
                until(lambda: count(one) == count(two) == total, what="all on both")
                assert clients.failed() == []
                assert stored(one) == stored(two)
                assert check_all_is_kept(two, clients.acknowledged()) == total + 1


@pytest.mark.full
def test_a_machine_that_shares_no_longer_goes_on_alone_while_senders_post(tmp_path, database):
    settings = {"CLC_SHARED_SPOOL": database}
    with running(Machine, tmp_path / "one") as one:
        with posting(one.url) as clients:
            one.put(**settings)
            with running(Receiver, tmp_path / "two", **settings) as two:
                post(two, range(HISTORY))
                assert two.stop() == 0
            sent = len(clients.answers)
            until(lambda: len(clients.answers) > sent + 20, what="more")
            one.put()
            until(lambda: "shared_spool_rows" not in figures(one), what="it alone")
            sent = len(clients.answers)
            until(lambda: len(clients.answers) > sent + 20, what="more")
        assert clients.failed() == []
        total = len(clients.answers) + HISTORY
        until(lambda: count(one) >= total, what="all")
        assert check_all_is_kept(one, clients.acknowledged()) == total + 1
        assert figures(one)["notifications_lost"]["state"] == "ok"
