"""Files that are closed while another thread still reads them, as after Ctrl-C."""

import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from analytics.client.local import DuckDBSource
from analytics.errors import QueryError
from receiver.database.reading import FileReader
from receiver.errors import StoreError
from tests.support.waiting import until

BUSY_SECONDS = 0.3  # of processor time: only the query uses so much
LONG = "SELECT count(*) FROM range(100000000000)"


@pytest.fixture
def path(tmp_path):
    duckdb.connect(tmp_path / "s.duckdb").close()
    return tmp_path / "s.duckdb"


def close_while_it_reads(opened, read, error):
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        used = time.process_time()
        until(lambda: time.process_time() - used > BUSY_SECONDS, what="the query in DuckDB")
        opened.close()
        with pytest.raises(error):
            reading.result(60)


def test_a_reader_of_a_file_is_closed_while_it_reads(path):
    reader = FileReader(path)
    close_while_it_reads(reader, lambda: reader.read_rows(LONG, []), StoreError)


def test_a_client_of_a_file_is_closed_while_it_reads(path):
    source = DuckDBSource(str(path))
    close_while_it_reads(source, lambda: source.sql(LONG, None, None, None), QueryError)
