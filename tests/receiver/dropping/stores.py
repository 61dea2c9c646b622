"""A store whose old months can be dropped, without a running receiver."""

from analytics.charts.alarms import find_alarms
from analytics.queries import make_query
from receiver.database.opening import run
from receiver.deriving.tables import Rebuild, select_closed
from receiver.keeping.verification import check_spooled, check_whole, find_gaps, read_extent
from receiver.senders import load_senders
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.dropper import Dropper
from receiver.store.loop import AppendLoop
from tests.support.database import do_next, open_database
from tests.support.verifying import check_rows

STATES = "SELECT * EXCLUDE (first_received_at, notifications) FROM entities ORDER BY ALL"
ACCOUNTS = "FROM accounts ORDER BY ALL"
CHANGES = "FROM changes WHERE seq IN (SELECT unnest(?)) ORDER BY ALL"


class Store:
    """A store, its spool and its appender, which appends only when it is told to."""

    def __init__(self, directory):
        self.directory = directory
        self.spool = SpoolWriter(directory / "spool")
        self.connection = open_database(directory / "clc.duckdb")
        self.loop = AppendLoop(
            self.connection, SpoolReader(directory / "spool"), 10, on_fatal=lambda: None, data_dir=directory
        )
        # A drop would wait for an appender that looks at nothing.
        self.loop.pace.keeps_up = lambda: True  # type: ignore[method-assign]
        self.dropper = Dropper(self.connection, self.loop, load_senders())

    def append(self, rows):
        self.spool.append_all(rows)
        with self.loop.pause():
            pass
        while do_next(self.loop.counter):
            pass

    def drop(self, before):
        ((last_seq,),) = self.run("SELECT max(seq) FROM notifications")
        assert self.dropper.drop(before, last_seq)

    def rebuild(self):
        rebuild = Rebuild(self.connection.cursor())
        rebuild.begin()
        while rebuild.done is not None:
            rebuild.step()

    def open_seqs(self, since):
        """Return the notifications received since a moment whose changes are still derived."""
        query = f"SELECT seq FROM notifications WHERE received_at >= ? AND seq NOT IN ({select_closed()}) ORDER BY seq"
        return [seq for (seq,) in self.run(query, [since])]

    def list_alarms(self, since):
        """Return the alarms, as *Alerts* has them, that lasted at a moment or began later."""
        states = self.read_table(*make_query("alert_states", {"first": 1, "last": 10**9})).to_pandas()
        alarms = find_alarms(states)
        last = alarms[~(alarms["end"] <= since)].sort_values(["begin", "seq", "server", "metric"])
        return [tuple(map(str, alarm)) for alarm in last.itertuples(index=False)]

    def violations(self):
        spooled = check_spooled(self, self.directory / "spool")
        found = [*check_rows(self, {}), *check_whole(self, read_extent(self)), *spooled]
        # The rows are made by hand, so their signatures and columns do not hold.
        return [str(each) for each in found if each.what not in {"signature", "derived"}] + find_gaps(
            self, read_extent(self)
        )

    def read_rows(self, sql, parameters):
        return run(self.connection.cursor(), sql, parameters)

    def read_table(self, sql, parameters):
        return self.connection.cursor().sql(sql, params=parameters).to_arrow_table()

    def run(self, sql, parameters=None):
        return run(self.connection.cursor(), sql, parameters)

    def close(self):
        self.spool.close()
        self.connection.close()
