"""`serve`: runs listeners and the store as child processes, restarts those that die, and stops them in order.

A machine without a store runs a shipper instead; both take the rows out of the spool.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime

from receiver import __version__
from receiver.data_directory import access as data_directory
from receiver.data_directory.node import ALL_PARTS, has_listener, has_store
from receiver.errors import DataDirectoryError, ListenerError, UpgradeError
from receiver.logs import describe
from receiver.network.sockets import format_address, notify_systemd
from receiver.processes.state import RetiringState, ServeState, UpgradeState, read_state, recall, write_state
from receiver.settings import Settings, list_variables
from receiver.spool import owners as spools
from receiver.supervision import begin, handover
from receiver.supervision.children import Children, Report, Role, watch
from receiver.supervision.handover import Handover, Held, replace_all
from receiver.supervision.keeper import Keeper
from receiver.supervision.used_files import UsedFiles

_STOP_SECONDS = 40.0
# A signal that comes just before signals are held is heeded after so many turns of the event loop, else it is lost.
_TURNS = 5

_log = logging.getLogger(__name__)


def serve(settings: Settings, role: str = ALL_PARTS) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: the settings.
        role: the machine's, which says what to run.

    Raises:
        ReceiverError: a setting, the data directory or an address can't be used; nothing was started. Or a listener
            failed for good; all was stopped.
    """
    terminal_is_gone = handover.make_terminal_watch()
    # It waits until it is heeded: `clc-receiver upgrade` sends it as soon as the lock file names this process.
    handover.hold_signals([signal.SIGHUP])
    before = handover.read_handover()
    if before:
        settings = begin.keep_settings(settings, before)
        files = handover.insist(lambda: UsedFiles(settings))
    else:
        files = UsedFiles(settings)
    begin.check_role(settings, role)
    if before:
        held = handover.take_held(before)
        begin.keep_spool(settings, role)
    else:
        held = begin.take_hold(settings, role)
    with held.lock, spools.hold(settings, insist=before is None) if has_listener(role) else nullcontext():
        try:
            asyncio.run(_Supervisor(settings, files, role, held, before, terminal_is_gone).run())
        finally:
            data_directory.leave(held.lock)


class _Supervisor:
    def __init__(
        self,
        settings: Settings,
        files: UsedFiles,
        role: str,
        held: Held,
        before: Handover | None,
        terminal_is_gone: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._role = role
        self._held = held
        self._before = before
        self._started_at = before.started_at if before else datetime.now(UTC).isoformat(timespec="milliseconds")
        self._files = files
        self._silences = recall(read_state(settings.data_dir), datetime.now(UTC), upgraded=before is not None)
        self._upgrade = before.upgrade if before else UpgradeState()
        self._upgrade_again = before.upgrade_again if before else False
        self._upgrading: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._failure: str | None = None
        self._state_written = True
        self._systemd_knows = False
        self._terminal_is_gone = terminal_is_gone
        self._children = Children(self._list_variables, held.life)
        count = max(settings.listeners, len(held.listeners))
        sockets = [held.listeners[slot % len(held.listeners)] for slot in range(count if held.listeners else 0)]
        self._listeners = [
            self._make_keeper(
                Role(f"listener {number}", "receiver.listener.process", listening, role, self._files.descriptors),
                self._give_up,
            )
            for number, listening in enumerate(sockets, start=1)
        ]
        taker = (
            Role("store", "receiver.store.process", held.query, role, self._files.secret_descriptors)
            if has_store(role)
            else Role("shipper", "receiver.shipping.process", held.query, role)
        )
        self._taker = self._make_keeper(taker, None)

    async def run(self) -> None:
        """Run until a signal stops it.

        Raises:
            ListenerError: a listener failed for good.
        """
        if self._before:
            self._adopt(self._before)
        self._heed_signals()
        tasks = [asyncio.create_task(keeper.keep()) for keeper in (self._taker, *self._listeners)]
        tasks.append(asyncio.create_task(watch(self._children, self._settings.hang_seconds, self._publish_state)))
        if self._before:
            self._upgrading = asyncio.create_task(self._finish_upgrade(self._before))
        await self._stopping.wait()
        _log.info("stopping")
        notify_systemd("STOPPING=1")
        tasks += [self._upgrading] if self._upgrading else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._publish_state()
        await self._stop()
        _log.info("stopped")
        if self._failure:
            raise ListenerError(self._failure)

    async def _stop(self) -> None:
        alive = self._children.alive
        # The store, or the shipper, ends last, so that it takes the rows that the listeners have just acknowledged.
        await self._children.end([child for child in alive if child.name != self._taker.role.name], _STOP_SECONDS)
        await self._children.end([child for child in alive if child.name == self._taker.role.name], _STOP_SECONDS)
        self._publish_state()
        data_directory.leave(self._held.lock)

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        loop.add_signal_handler(signal.SIGCHLD, self._on_child)
        handover.heed_signals_again()
        self._on_child()

    def _on_child(self) -> None:
        self._children.reap()
        self._publish_state()

    def _on_hang_up(self) -> None:
        if self._terminal_is_gone():
            self._stopping.set()
        elif self._upgrading and not self._upgrading.done():
            _log.info("an upgrade is under way; another follows it")
            self._upgrade_again = True
        else:
            self._upgrading = asyncio.create_task(self._begin_upgrade())

    async def _begin_upgrade(self) -> None:
        """Try the installed version, and become it."""
        self._tell_upgrade("running", "The installed version is being tried.", number=self._upgrade.number + 1)
        try:
            version = await handover.try_installed(self._make_handover())
            _log.info("version %s takes over from %s", version, __version__)
            await self._become_installed()
        except (UpgradeError, OSError) as error:
            why = str(error) if isinstance(error, UpgradeError) else describe(error)
            _log.error("no upgrade, all goes on as before: %s", why)
            self._tell_upgrade("refused", why)
        await self._upgrade_once_more()

    async def _become_installed(self) -> None:
        """Go on as the installed version, unless a signal stops this one; returns only then.

        Raises:
            OSError: it failed, and nothing has changed.
        """
        handover.hold_signals()
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if not self._stopping.is_set():
                handover.become_installed(self._held, self._make_handover())
        finally:
            handover.heed_signals_again()

    async def _finish_upgrade(self, before: Handover) -> None:
        """Replace the children of the version before."""
        try:
            await replace_all(self._listeners, self._taker)
        except UpgradeError as error:
            _log.error("the upgrade failed: %s", error)
            self._tell_upgrade("failed", str(error))
        except Exception as error:  # noqa: BLE001 - whoever waits for the upgrade must hear of it
            _log.exception("the upgrade failed by a fault of the program")
            self._tell_upgrade("failed", f"The upgrade failed ({describe(error)}): the log says where.")
        else:
            done = before.describe_end(__version__)
            _log.info("the upgrade is done: %s", done)
            self._tell_upgrade("done", done)
        await self._upgrade_once_more()

    async def _upgrade_once_more(self) -> None:
        if self._upgrade_again:
            self._upgrade_again = False
            await self._begin_upgrade()

    def _tell_upgrade(self, state: str, detail: str, number: int | None = None) -> None:
        self._upgrade = UpgradeState(number=number or self._upgrade.number, state=state, detail=detail)
        self._publish_state()

    def _make_handover(self) -> Handover:
        return handover.make_handover(
            self._held,
            version=__version__,
            started_at=self._started_at,
            kept=self._settings.model_dump(mode="json", include=set(begin.KEPT)),
            children=[handover.describe_child(child) for child in self._children.alive],
            processes={keeper.role.name: keeper.describe_state() for keeper in (self._taker, *self._listeners)},
            upgrade=self._upgrade,
            upgrade_again=self._upgrade_again,
        )

    def _adopt(self, before: Handover) -> None:
        keepers = {keeper.role.name: keeper for keeper in (self._taker, *self._listeners)}
        for known in before.children:
            report = Report(known.ready, known.version, known.failure)
            child = self._children.adopt(known.name, known.pid, known.started_at, report, known.heartbeat)
            child.retiring = known.retiring
            if not child.retiring and child.name in keepers:
                keepers[child.name].current = child

    def _make_keeper(self, role: Role, give_up: Callable[[str], None] | None) -> Keeper:
        known = self._before.processes.get(role.name) if self._before else None
        return Keeper(role, self._children, self._publish_state, give_up, known)

    def _give_up(self, why: str) -> None:
        self._failure = why
        self._stopping.set()

    def _name_state(self) -> str:
        if not self._stopping.is_set():
            return "running"
        return "stopping" if self._children.alive else "stopped"

    def _list_variables(self) -> dict[str, str]:
        update: dict[str, object] = {"query_listen": format_address(self._held.query)} if self._held.query else {}
        variables = list_variables(self._settings.model_copy(update=update | self._files.list_copies()))
        variables.pop("NOTIFY_SOCKET", None)
        return variables | self._files.list_variables()

    def _publish_state(self) -> None:
        """Write the state to disk, and notify systemd once all listeners run, or without any the store."""
        awaited = self._listeners or [self._taker]
        if not self._systemd_knows and all(keeper.describe_state().state == "running" for keeper in awaited):
            self._systemd_knows = True
            notify_systemd("READY=1")
        now = datetime.now(UTC)
        processes = {keeper.role.name: keeper.describe_state() for keeper in (*self._listeners, self._taker)}
        self._silences.note(processes, now)
        state = ServeState(
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            written_at=now.isoformat(timespec="milliseconds"),
            state=self._name_state(),
            upgrade=self._upgrade,
            processes=processes,
            retiring=[
                RetiringState(pid=child.pid, name=child.name, version=child.version)
                for child in self._children.alive
                if child.retiring
            ],
            listen=self._describe_listen(),
            has_url_secret=self._settings.url_secret is not None,
            **self._files.describe_state().model_dump(),
            silences=self._silences.list_recent(now),
            role=self._role,
        )
        try:
            self._held = self._held._replace(lock=data_directory.keep(self._held.lock, self._settings.data_dir))
            write_state(self._settings.data_dir, state)
            self._state_written = True
        except (DataDirectoryError, OSError) as error:
            if self._state_written:
                _log.warning("serve.json can't be written: %s", describe(error))
            self._state_written = False

    def _describe_listen(self) -> str | None:
        scheme = "https" if self._settings.tls_cert else "http"
        return next((f"{scheme}://{format_address(listening)}" for listening in self._held.listeners), None)
