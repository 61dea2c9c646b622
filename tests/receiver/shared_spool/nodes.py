"""Machines that share a spool, in this process: the test takes the turns of each shipper and store."""

from receiver.data_directory.node import begin_run, read_node_id
from receiver.database.opening import run
from receiver.shared_spool import Identity, Membership, SharedSpoolReader, Shipper, SpoolServer
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database

COUNT = "SELECT count(*) FROM notifications"


class Node:
    """A machine: its spool and shipper, and its store, which reads the shared spool."""

    def __init__(self, directory, database):
        directory.mkdir(exist_ok=True)
        self.directory, self.database = directory, database
        self.id = read_node_id(directory)
        self.writer = SpoolWriter(directory / "spool", rows_per_segment=9)
        self.shipper = Shipper(SpoolReader(directory / "spool"), SpoolServer(database, "sending"), {})
        self.identity = Identity(self.id, directory.name, runs=begin_run(directory))
        self.membership = Membership(SpoolServer(database, "sending"), self.identity)
        self.store = None

    def open(self):
        self.store = open_database(self.directory / "clc.duckdb")
        self.reader = SharedSpoolReader(SpoolServer(self.database, "reading", reads=True), self.identity)
        self.cursor = self.store.cursor()
        self.appender = Appender(self.cursor, self.reader, self.directory, duplicate_window_seconds=10)

    def append(self):
        if self.store is None:
            self.open()
        return self.appender.append_new()

    def settle(self):
        """Move all rows of its spool, append all that is shared, and say so."""
        while self.shipper.turn():
            pass
        while self.append():
            pass
        self.report()

    def report(self):
        self.beat()
        self.reader._report_at = 0
        self.append()
        self.beat()

    def beat(self):
        self.membership._next_at = 0
        self.membership.turn()
        return self.membership.latest

    def checkpoint(self):
        self.appender.checkpoint()
        self.report()

    def back_up(self):
        self.appender.checkpoint()
        self.reader.note_copy()()
        self.report()

    def count(self):
        return run(self.store, COUNT)[0][0]

    def end(self):
        if self.store:
            self.reader.close()
            self.cursor.close()
            self.store.close()
        self.store = None

    def close(self):
        self.writer.close()
        self.shipper.close()
        self.membership._server.close()
        self.end()
