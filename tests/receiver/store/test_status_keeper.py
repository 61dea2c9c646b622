"""The store's status as it is found out from time to time."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, generate_latest

from receiver.settings import Settings
from receiver.store.appending.condition import Condition
from receiver.store.status import StatusKeeper, StatusMetrics
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.waiting import until


def test_metrics_tell_no_old_status_where_a_new_one_cannot_be_found_out(tmp_path):
    settings = Settings(data_dir=tmp_path, public_key=key_directory() / "public.pem")
    conditions = [Condition(None, None, {})]
    with open_database(settings.database) as store:
        keeper = StatusKeeper(settings, store, conditions.pop)
        registry = CollectorRegistry()
        registry.register(StatusMetrics(keeper))
        keeper.refresh()
        assert b"clc_status{" in generate_latest(registry)

        asyncio.run(refresh_until(keeper, lambda: not keeper.latest))
        assert b"clc_status{" not in generate_latest(registry)


def test_metrics_tell_each_figure_that_is_not_well(tmp_path):
    settings = Settings(data_dir=tmp_path, public_key=key_directory() / "public.pem", accounts=frozenset({"ACME"}))
    settings.learned_accounts.write_bytes(b"no SQLite file")
    with open_database(settings.database) as store:
        keeper = StatusKeeper(settings, store)
        registry = CollectorRegistry()
        registry.register(StatusMetrics(keeper))
        unwell = [figure.name for figure in keeper.refresh().figures if figure.state != "ok"]
        told = generate_latest(registry).decode()
    assert "learned_accounts" in unwell
    assert [name for name in unwell if f'clc_status{{figure="{name}"}} 0.0' in told or f'"{name}"' not in told] == []


async def refresh_until(keeper, condition):
    refreshing = asyncio.create_task(keeper.keep_fresh())
    await asyncio.to_thread(until, condition, what="the status to be dropped")
    refreshing.cancel()


def test_it_finishes_once_a_status_that_is_being_gathered_is_done(tmp_path):
    settings = Settings(data_dir=tmp_path, public_key=key_directory() / "public.pem")
    gathering, go_on, finished = threading.Event(), threading.Event(), threading.Event()

    def wait():
        gathering.set()
        go_on.wait(30)
        return Condition(None, None, {})

    with open_database(settings.database) as store, ThreadPoolExecutor() as threads:
        keeper = StatusKeeper(settings, store, wait)
        status = threads.submit(keeper.refresh)
        gathering.wait(30)
        threads.submit(keeper.finish).add_done_callback(lambda _: finished.set())
        assert not finished.wait(0.1)
        go_on.set()
        status.result(30)
        assert finished.wait(30)
