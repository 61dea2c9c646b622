"""The store's status as it is found out from time to time."""

import asyncio
import shutil

from prometheus_client import CollectorRegistry, generate_latest

from receiver.settings import Settings
from receiver.store.status import StatusKeeper, StatusMetrics
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.waiting import until


def test_metrics_tell_no_old_status_where_a_new_one_cannot_be_found_out(tmp_path):
    key = tmp_path / "public.pem"
    shutil.copy(key_directory() / "public.pem", key)
    settings = Settings(data_dir=tmp_path, public_key=key)
    with open_database(settings.database) as store:
        keeper = StatusKeeper(settings, store)
        registry = CollectorRegistry()
        registry.register(StatusMetrics(keeper))
        keeper.refresh()
        assert b"clc_status{" in generate_latest(registry)
        key.unlink()

        asyncio.run(refresh_until(keeper, lambda: not keeper.latest))
        assert b"clc_status{" not in generate_latest(registry)


async def refresh_until(keeper, condition):
    refreshing = asyncio.create_task(keeper.keep_fresh())
    await asyncio.to_thread(until, condition, what="the status to be dropped")
    refreshing.cancel()
