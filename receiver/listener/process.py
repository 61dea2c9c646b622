"""A listener's process: takes notifications on a socket that `serve` holds open."""

import asyncio
import logging
from functools import partial

from receiver.admission import Admission
from receiver.data_directory.accounts import AllowedAccounts
from receiver.data_directory.node import has_store
from receiver.files import load_program
from receiver.listener import metrics
from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer
from receiver.listener.health import Replication
from receiver.listener.limits import Limits, fit_to_descriptors
from receiver.listener.quick_connection import Ordinary
from receiver.listener.rejections import BUDGET_FILE, BYTES_PER_HOUR, HourlyBudget
from receiver.listener.routes import Commits, Routes
from receiver.listener.sources import TrustedProxies
from receiver.listener.turns import Breath, come_first
from receiver.network.tls import make_tls_context
from receiver.processes.child import Child, run_child
from receiver.processes.garbage import spare_program
from receiver.processes.state import Restarts
from receiver.sender_admission import SenderAdmission
from receiver.senders import CENTURYLINK
from receiver.senders.copies import remember_profiles, save_later
from receiver.senders.keys import remember_key
from receiver.senders.set_up import load_usable
from receiver.settings import Settings
from receiver.spool import ShipperMetrics, SpoolWriter, read_shipped
from receiver.spool.owners import claim_if_possible

LIMITS = Limits()
"""The limits of clients."""

# When all stops, open connections may still bring a request that is on its way, and requests under way are answered.
# Others import these only when they are first used.
_USED_LATE = ("encodings.idna", "tornado.simple_httpclient")

_log = logging.getLogger(__name__)


def main() -> None:
    """Run a listener until it must end."""
    run_child(__doc__, _serve)


async def _serve(child: Child, settings: Settings) -> None:
    come_first(settings.listeners)
    load_program(*_USED_LATE)
    accounts = AllowedAccounts(settings.accounts, settings.learned_accounts)
    key = CENTURYLINK.verification.load_key(settings.public_key)
    remember_key(settings.data_dir, key)
    admission = Admission(key, settings.signatures, accounts)
    usable = load_usable(settings)
    senders = SenderAdmission(usable.profiles, usable.secrets, settings.signatures, usable.texts)
    saving = asyncio.create_task(save_later(remember_profiles(settings.data_dir, senders.set_up.values())))
    deliver = asyncio.get_running_loop().call_soon_threadsafe
    spool = SpoolWriter(
        settings.spool_directory, deliver=deliver, patient=True, mark=partial(claim_if_possible, settings, set())
    )
    metrics.REGISTRY.register(Restarts(settings.data_dir))
    if not has_store(child.role):
        metrics.REGISTRY.register(ShipperMetrics(lambda: read_shipped(settings.data_dir)))
    store = settings.query_listen if has_store(child.role) else None
    server = _make_server(settings, admission, senders, spool, store)
    Breath(server.has_strangers).start()
    spare_program()
    child.heed_signals()
    server.take_from(child.listening)
    _log.info("the listener takes notifications")
    await child.report_ready_and_wait()
    saving.cancel()
    _log.info("the listener takes no new connections and finishes those it has")
    await server.drain(child.stopping, settings.drain_seconds)
    await asyncio.to_thread(spool.close)
    accounts.close()
    _log.info("the listener has answered all that it accepted")


def _make_server(
    settings: Settings, admission: Admission, senders: SenderAdmission, spool: SpoolWriter, store: str | None
) -> GuardedServer:
    """Make the HTTP server, which listens to nothing yet; `store` is the address of the store, if there is one."""
    proxies = TrustedProxies(settings.trusted_proxies)
    # Twice the largest body, so that each reason has room for one.
    budget = HourlyBudget(settings.data_dir / BUDGET_FILE, max(BYTES_PER_HOUR, 2 * settings.max_body_bytes))
    routes = Routes(
        admission,
        senders,
        Commits(spool),
        proxies,
        store,
        settings.data_dir,
        budget,
        settings.url_secret,
        "https" if settings.tls_cert else "http",
        Replication(settings.data_dir, settings.acknowledge_wait) if settings.acknowledge == "replicated" else None,
    )
    limits = fit_to_descriptors(LIMITS)
    exchanges = ExchangeServer(routes.respond, settings.max_body_bytes, limits)
    ordinary = Ordinary(routes.respond, exchanges.turns, settings.max_body_bytes)
    server = GuardedServer(
        exchanges,
        ssl_options=make_tls_context(settings),
        limits=limits,
        is_exempt=proxies.shares,
        ordinary=ordinary if settings.parser == "quick" else None,
    )
    exchanges.prove, exchanges.is_proven = server.prove, server.is_proven
    return server


if __name__ == "__main__":
    main()
