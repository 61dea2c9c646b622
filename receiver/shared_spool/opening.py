"""Opens what a node sends to the shared spool; no server is asked yet."""

from receiver.data_directory.incidents import report
from receiver.data_directory.node import machine_name, node_id
from receiver.settings import Settings
from receiver.shared_spool.nodes import Identity, Membership, Presence
from receiver.shared_spool.server import SpoolServer
from receiver.shared_spool.shipper import Shipper
from receiver.spool import SentNote, SpoolReader, Watermarks
from receiver.spool.owners import take_former


def open_shipper(settings: Settings, url: str, role: str, stored: Watermarks) -> tuple[Shipper, Membership]:
    """Open the shipper of this node's spool.

    Args:
        settings: where the spool is.
        url: of the shared spool.
        role: the node's.
        stored: see `Shipper`.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    spool = SpoolReader(
        settings.spool_directory,
        report=lambda what, moved_to, missing: report(settings.data_dir, what, moved_to=moved_to, missing=missing),
        former=lambda: take_former(settings),
    )
    server = SpoolServer(url, "sending")
    membership = _join(settings, server, role)
    note = SentNote(settings.data_dir, settings.spool_directory) if settings.acknowledge == "replicated" else None
    return Shipper(spool, server, stored, membership, note), membership


def open_presence(settings: Settings, url: str, role: str) -> tuple[Presence, Membership]:
    """Open what a node without a spool says of itself.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    server = SpoolServer(url, "telling that this machine lives")
    membership = _join(settings, server, role)
    return Presence(server, membership), membership


def _join(settings: Settings, server: SpoolServer, role: str) -> Membership:
    return Membership(server, Identity(node_id(settings.data_dir), machine_name(), role=role))
