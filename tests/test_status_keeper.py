"""The store's status as it is found out from time to time."""

import asyncio
import shutil

from prometheus_client import CollectorRegistry, generate_latest

from receiver.settings import Settings
from receiver.store.database import open_database
from receiver.store.status import StatusKeeper, StatusMetrics
from tests.keys import key_directory


def test_metrics_tell_no_old_status_where_a_new_one_cannot_be_found_out(tmp_path):
    key = shutil.copy(key_directory() / "public.pem", tmp_path / "public.pem")
    settings = Settings(data_dir=tmp_path, public_key=key)
    with open_database(settings.database) as store:
        keeper = StatusKeeper(settings, store)
        registry = CollectorRegistry()
        registry.register(StatusMetrics(keeper))
        keeper.refresh()
        assert b"clc_status{" in generate_latest(registry)
        key.unlink()

        async def fail_to_refresh():
            refreshing = asyncio.create_task(keeper.keep_fresh())
            async with asyncio.timeout(60):
                while keeper.latest:
                    await asyncio.sleep(0)
            refreshing.cancel()

        asyncio.run(fail_to_refresh())
        assert b"clc_status{" not in generate_latest(registry)
