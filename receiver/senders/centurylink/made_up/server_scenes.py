"""Scenes of servers and alerts: building, changing, deleting; each scene changes the world as it tells it."""

from collections.abc import Callable
from dataclasses import replace

from receiver.senders.centurylink.made_up import names
from receiver.senders.centurylink.made_up.people_scenes import active_account
from receiver.senders.centurylink.made_up.steps import Step, step
from receiver.senders.centurylink.made_up.world import (
    PUBLIC_NETWORKS,
    Account,
    Alert,
    AlertPolicy,
    CustomField,
    Partition,
    PublicAddress,
    Server,
    World,
)
from receiver.senders.made_up import HOUR, MINUTE

FEW_SERVERS = 15
"""A world with fewer servers builds some instead of changing one."""
MOST_EXTRA_DISKS = 4
MOST_PUBLIC_ADDRESSES = 2
SIZES = ((1, 1), (1, 2), (2, 4), (2, 8), (4, 8), (4, 16), (8, 32), (16, 64), (16, 128))
"""CPUs and memory in GB that are bought together."""


def make_server(world: World, account: Account, actor: str, size: tuple[int, int] | None = None) -> Server:
    """Make a server under construction and add it to the world."""
    rng = world.rng
    location = account.data_center if world.chance(0.8) else rng.choice(names.DATA_CENTERS)
    system = rng.choice(names.OPERATING_SYSTEMS)
    windows = system.os.startswith("windows")
    cpu, memory = size or rng.choice(SIZES[:6])
    server = Server(
        name=_free_name(world, location, account.alias),
        account_alias=account.alias,
        location=location,
        description=rng.choice(names.DESCRIPTIONS),
        group_id=world.new_id(),
        activity_id=world.new_id(),
        os_type=system.os_type,
        os=system.os,
        kind="hyperscale" if size else rng.choices(("standard", "hyperscale", "bareMetal"), (85, 12, 3))[0],
        storage_type=rng.choice(("standard", "premium")),
        created_by=actor,
        modified_by=actor,
        cpu=cpu,
        memory_gb=memory,
        internal_addresses=(internal_address(world),),
        disks_gb=(60,) if windows else (1, 2, 14),
        partitions=_partitions(windows=windows),
    )
    if world.chance(0.5):
        server.alert_policies = (AlertPolicy(world.new_id(), rng.choice(names.POLICY_NAMES)),)
    if world.chance(0.3):
        field_id, label, values = rng.choice(names.CUSTOM_FIELDS)
        server.custom_fields = (CustomField(field_id, label, rng.choice(values)),)
    if world.chance(0.1):
        server.autoscale_policy_id = world.new_id()
    world.servers.add(server)
    return server


def build_steps(world: World, server: Server, delay: float) -> list[Step]:
    """Return a server's creation and, minutes later, its completion."""
    created = step(delay, "Server.Created", server)
    server.status = "active"
    return [created, step(delay + world.rng.uniform(4 * MINUTE, 14 * MINUTE), "Server.Updated", server)]


def build(world: World) -> list[Step]:
    """Build one to three servers in an account, more likely in one that has many."""
    neighbour = world.servers.draw(world.rng, lambda server: works(world, server))
    grows = neighbour is not None and world.chance(0.6)
    account = world.account(neighbour.account_alias) if neighbour and grows else active_account(world)
    if account is None:
        return []
    actor = world.actor_for(account.alias)
    count = world.rng.choice((1, 1, 1, 2, 3))
    return [s for n in range(count) for s in build_steps(world, make_server(world, account, actor), n * MINUTE)]


def _build_if_young(world: World) -> list[Step]:
    return build(world) if len(world.servers) < FEW_SERVERS else []


def works(world: World, server: Server) -> bool:
    """Tell whether a server's account may do anything."""
    account = world.account(server.account_alias)
    return account is not None and account.status != "Disabled"


def _change(world: World, change: Callable[[World, Server], None], fits: Callable[[Server], bool]) -> list[Step]:
    server = world.servers.draw(world.rng, lambda server: works(world, server) and fits(server))
    if server is None:
        return _build_if_young(world)
    change(world, server)
    server.modified_by = world.actor_for(server.account_alias)
    return [step(0, "Server.Updated", server)]


def _is_active(server: Server) -> bool:
    return server.status == "active"


def resize(world: World) -> list[Step]:
    """Give a server another number of CPUs, another memory, or both."""
    return _change(world, resize_server, _is_active)


def resize_server(world: World, server: Server) -> None:
    """Give a server a size that differs from the present one."""
    before = (server.cpu, server.memory_gb)
    while (server.cpu, server.memory_gb) == before:
        if world.chance(0.7):
            server.cpu = world.rng.choice((1, 2, 4, 6, 8, 12, 16))
        else:
            server.memory_gb = world.rng.choice((1, 2, 4, 8, 16, 32, 64, 128))


def change_disks(world: World) -> list[Step]:
    """Add, enlarge or delete a disk beyond the base ones."""
    return _change(world, _change_disks, _is_active)


def _change_disks(world: World, server: Server) -> None:
    base = 1 if server.os.startswith("windows") else 3
    extra, rng = server.disks_gb[base:], world.rng
    if not extra or (len(extra) < MOST_EXTRA_DISKS and world.chance(0.5)):
        size = rng.choice((2, 4, 10, 20, 50, 100, 250))
        server.disks_gb += (size,)
        server.partitions += (Partition(f"{size}.0", f"/data{len(extra)}"),)
    elif world.chance(0.7):
        server.disks_gb = (*server.disks_gb[:-1], extra[-1] * 2)
    else:
        server.disks_gb = server.disks_gb[:-1]
        server.partitions = server.partitions[:-1]


def add_public_address(world: World) -> list[Step]:
    """Open a server to the internet."""
    return _change(
        world, publish, lambda server: _is_active(server) and len(server.public_addresses) < MOST_PUBLIC_ADDRESSES
    )


def publish(world: World, server: Server) -> None:
    """Give a server a public address that no other server has, while any is free."""
    rng = world.rng
    for _ in range(20):
        public = f"{rng.choice(PUBLIC_NETWORKS)}.{rng.randint(1, 254)}"
        if public not in world.public_in_use:
            break
    world.public_in_use.add(public)
    server.public_addresses += (PublicAddress(public, internal_address(world)),)


def remove_public_address(world: World) -> list[Step]:
    """Close a server to the internet again."""
    return _change(world, _unpublish, lambda server: _is_active(server) and bool(server.public_addresses))


def _unpublish(world: World, server: Server) -> None:
    world.public_in_use.discard(server.public_addresses[-1].public)
    server.public_addresses = server.public_addresses[:-1]


def change_description(world: World) -> list[Step]:
    """Change a server's description or its group; recent snapshots and maintenance mode show in the same body."""
    return _change(world, _change_description, _is_active)


def _change_description(world: World, server: Server) -> None:
    before, rng = server.description, world.rng
    # Neither fires an event of its own: both show in the next body.
    server.has_snapshot = world.chance(0.2)
    server.in_maintenance = world.chance(0.05)
    if world.chance(0.3):
        server.group_id = world.new_id()
        return
    while server.description == before:
        server.description = rng.choice(names.DESCRIPTIONS)


def make_template(world: World) -> list[Step]:
    """Convert a stopped server to a template, or back."""
    return _change(world, _make_template, lambda server: _is_active(server) and not server.public_addresses)


def _make_template(_world: World, server: Server) -> None:
    server.is_template = not server.is_template
    server.power_state = "stopped" if server.is_template else "started"


def switch_power(world: World) -> list[Step]:
    """Power a server off and, after half an hour to three hours, on again."""
    server = world.servers.draw(world.rng, lambda server: works(world, server) and _runs(server))
    if server is None:
        return _build_if_young(world)
    server.modified_by = world.actor_for(server.account_alias)
    server.power_state = "stopped"
    steps = [step(0, "Server.Updated", server)]
    server.power_state = "started"
    return [*steps, step(world.rng.uniform(0.5 * HOUR, 3 * HOUR), "Server.Updated", server)]


def _runs(server: Server) -> bool:
    return _is_active(server) and server.power_state == "started"


def archive_or_restore(world: World) -> list[Step]:
    """Put a server into the archive, or bring one back from it; each takes a few minutes."""
    server = world.servers.draw(world.rng, lambda server: works(world, server) and server.status == "archived", 40)
    if server is None or world.chance(0.4):
        server = world.servers.draw(world.rng, lambda server: works(world, server) and _runs(server))
    if server is None:
        return _build_if_young(world)
    archived = server.status == "archived"
    queued, done, power = (
        ("queuedForRestore", "active", "started") if archived else ("queuedForArchive", "archived", "stopped")
    )
    server.modified_by = world.actor_for(server.account_alias)
    server.status = queued
    steps = [step(0, "Server.Updated", server)]
    server.status, server.power_state = done, power
    return [*steps, step(world.rng.uniform(2 * MINUTE, 9 * MINUTE), "Server.Updated", server)]


def delete(world: World) -> list[Step]:
    """Delete a server: it is queued, and gone a minute or two later."""
    server = world.servers.draw(world.rng, lambda server: works(world, server) and server.status != "deleted")
    if server is None or len(world.servers) < FEW_SERVERS:
        return _build_if_young(world)
    return deletion_steps(world, server, 0, world.actor_for(server.account_alias))


def deletion_steps(world: World, server: Server, delay: float, actor: str) -> list[Step]:
    """Take a server out of the world: somebody queues it for deletion, and a minute or two later it is gone."""
    server.modified_by = actor
    server.status = "queuedForDelete"
    steps = [step(delay, "Server.Updated", server)]
    world.remove_server(server)
    return [*steps, step(delay + world.rng.uniform(MINUTE, 3 * MINUTE), "Server.Deleted", server)]


def alert(world: World) -> list[Step]:
    """Let a server cross a threshold, and return below it some minutes later."""
    server = world.servers.draw(world.rng, lambda server: _runs(server) and bool(server.alert_policies), 40)
    if server is None:
        return _build_if_young(world)
    fired = fire_alert(world, server)
    cleared = clear_alert(world, server, fired)
    delay = world.rng.uniform(4 * MINUTE, 35 * MINUTE)
    return [step(0, "Alert.Notification", fired), step(delay, "Alert.Notification", cleared)]


def fire_alert(world: World, server: Server) -> Alert:
    """Return the alert of a server that has crossed a threshold."""
    metric = world.rng.choice(("cpu", "cpu", "memory", "disk"))
    data = _reading(server, metric, world.rng.uniform(80, 99.9))
    return Alert(server.account_alias, server.name, metric, data, world.rng.choice((5, 5, 10, 15)), "triggered")


def clear_alert(world: World, server: Server, fired: Alert) -> Alert:
    """Return the alert that ends one that fired."""
    return replace(fired, data=_reading(server, fired.metric, world.rng.uniform(5, 60)), state="notTriggered")


def _reading(server: Server, metric: str, percent: float) -> dict[str, float]:
    percent = round(percent, 2)
    if metric == "cpu":
        return {"cpu": server.cpu, "cpuPercent": percent}
    if metric == "memory":
        return {"memoryMB": server.memory_gb * 1024, "memoryPercent": percent}
    return {"storageGB": sum(server.disks_gb), "diskPercent": percent}


def _free_name(world: World, location: str, alias: str) -> str:
    stem = f"{location}{alias}{world.rng.choice(names.SERVER_ROLES)}"
    number = world.server_numbers.get(stem, 0) + 1
    world.server_numbers[stem] = number
    return f"{stem}{number:02d}"


def internal_address(world: World) -> str:
    """Draw a private address of a server."""
    return f"10.{world.rng.randint(50, 140)}.{world.rng.randint(0, 255)}.{world.rng.randint(11, 250)}"


def _partitions(*, windows: bool) -> tuple[Partition, ...]:
    if windows:
        return (Partition("0.342", "(recovery)"), Partition("59.650", "C:\\"))
    return (Partition("0.0", "(swap)"), Partition("13.655", "/"), Partition("0.482", "/boot"))
