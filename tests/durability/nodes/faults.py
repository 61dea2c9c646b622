"""The faults: each happens under load, and is over when what it hit is well again."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from tests.durability.nodes.cluster import LONGEST, Cluster
from tests.durability.nodes.machines import Machine
from tests.support.sizes import size
from tests.support.waiting import until

CUT_SECONDS, OBJECTS_AWAY_SECONDS = size(3, 30), 60
BACKED_UP = "SELECT coalesce(max(backed_up), 0) FROM clc_spool.nodes"
AN_HOUR_PASSES = "UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 hour'"


def kill_listener(cluster: Cluster) -> None:
    """Kill a listener; its machine starts another."""
    cluster.random.choice(cluster.taking).kill_part("listener")


def kill_store(cluster: Cluster) -> None:
    """Kill a store; on a whole machine the shipper is a thread of it."""
    cluster.random.choice([machine for machine in cluster.machines.values() if machine.stores]).kill_part("store")


def kill_shipper(cluster: Cluster) -> None:
    """Kill the shipper of the machine without a store."""
    cluster.machines["four"].kill_part("shipper")


def kill_machine(cluster: Cluster) -> None:
    """Kill all processes of a machine at once, and start it a while later."""
    machine = cluster.random.choice(list(cluster.machines.values()))
    machine.kill()
    cluster.until_accepted(cluster.random.randint(1, cluster.rate))
    machine.start()


def restart_postgresql(cluster: Cluster) -> None:
    """Crash the primary or the standby, and start it again."""
    cluster.postgres.restart(standby=cluster.random.random() < 0.3)


def fail_over(cluster: Cluster) -> None:
    """Lose the primary."""
    cluster.postgres.fail_over()


def cut_network(cluster: Cluster) -> None:
    """Cut the machines off from PostgreSQL for a while."""
    cluster.postgres.cut()
    stay_so(cluster, CUT_SECONDS)
    cluster.postgres.mend()


def lose_objects(cluster: Cluster) -> None:
    """Let object storage be away for a while, and wait until it has a new backup."""
    cluster.storage.stop()
    stay_so(cluster, OBJECTS_AWAY_SECONDS)
    before = cluster.postgres.primary.read(BACKED_UP)
    cluster.storage.start()
    until(lambda: cluster.postgres.primary.read(BACKED_UP) > before, seconds=LONGEST, what="a new backup")


def wipe_disk(cluster: Cluster) -> None:
    """Lose a machine with its disk, and let a new one join in its place."""
    primary, one = cluster.postgres.primary, cluster.machines["one"]
    with cluster.pause():  # a backup gives way to what is sent, and there are too few processors for both
        one.run("backup", str(one.directory / f"{len(cluster.done)}.duckdb"))
        until(lambda: primary.read(BACKED_UP) > [(0,)], seconds=LONGEST, what="a backup")
    cluster.until_accepted(cluster.rate)
    primary.execute(AN_HOUR_PASSES)
    machine = cluster.random.choice(list(cluster.machines.values()))
    if machine.takes:  # what was answered after the longest wait is on that disk alone, until it is sent
        cluster.until_sent(machine)
        cluster.wiped_at.append(datetime.now(UTC))
    node = machine.wipe()
    _begin_anew(machine)
    machine.run("forget", node, "--force")


def _begin_anew(machine: Machine) -> None:
    if machine.stores:
        machine.run("join")
    machine.start()


KILLS = [kill_listener, kill_store, kill_shipper, kill_machine]
COUNTS: dict[Callable[[Cluster], None], tuple[int, int]] = {
    kill_listener: (1, 24),
    kill_store: (1, 20),
    kill_shipper: (1, 12),
    kill_machine: (1, 16),
    restart_postgresql: (1, 8),
    fail_over: (1, 5),
    cut_network: (1, 5),
    lose_objects: (0, 1),
    wipe_disk: (1, 5),
}
"""How many of each there are in CI, and in full."""


def choose_faults(random: Random) -> list[Callable[[Cluster], None]]:
    """Return the faults in an order by chance."""
    faults = [fault for fault, counts in COUNTS.items() for _ in range(size(*counts))]
    random.shuffle(faults)
    return faults


def do_fault(cluster: Cluster, fault: Callable[[Cluster], None]) -> None:
    """Do a fault under load, and count it."""
    cluster.until_accepted(cluster.random.randint(1, cluster.rate))
    kind, began = fault.__name__.replace("_", " "), time.monotonic()
    cluster.done.append(kind)
    print(f"{len(cluster.done)} {kind} after {cluster.traffic.accepted()} notifications", flush=True)
    fault(cluster)
    print(f"{kind} took {time.monotonic() - began:.1f} s", flush=True)


def stay_so(cluster: Cluster, seconds: int) -> None:
    """Let the load of so many seconds come in; in full, some processes are killed meanwhile."""
    until_over = seconds * cluster.rate
    for _ in range(size(0, 2)):
        cluster.until_accepted(until_over // 4)
        do_fault(cluster, cluster.random.choice(KILLS))
    cluster.until_accepted(until_over // size(1, 2))
