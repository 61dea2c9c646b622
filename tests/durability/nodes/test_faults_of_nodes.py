"""Whatever is killed, cut and wiped of machines that share a spool: no acknowledged notification is lost or doubled."""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from random import Random

import pytest

from tests.durability.nodes.agreement import (
    Report,
    check_promise,
    count_copies,
    count_findings,
    count_retried,
    read_agreed,
)
from tests.durability.nodes.cluster import Cluster
from tests.durability.nodes.faults import choose_faults, do_fault
from tests.support.object_storage import bucket, object_storage
from tests.support.postgres import find_program
from tests.support.sizes import size

__all__ = ["bucket", "object_storage"]

RATE = int(os.environ.get("RATE", size("30", "1000")))
SEED = int(os.environ.get("SEED", size(1, time.time_ns() % 1_000_000)))


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(size(600, 7200))
def test_all_stores_agree_on_all_that_was_acknowledged_after_faults_of_each_kind(
    tmp_path, object_storage, bucket, capsys
):
    find_program("initdb")
    random = Random(SEED)
    with capsys.disabled():
        print(f"\nfaults of nodes: SEED={SEED} RATE={RATE}", flush=True)
    with ExitStack() as ends:
        cluster = Cluster(tmp_path, object_storage, bucket, random, ends)
        cluster.send(tmp_path, RATE)
        began = time.monotonic()
        with capsys.disabled() if size(0, 1) else nullcontext():  # in full it takes long, and shows where it is
            for fault in choose_faults(random):
                cluster.let_stores_catch_up()  # not within a fault: one that is cut off can't
                do_fault(cluster, fault)
        cluster.stop_sending()
        seconds = time.monotonic() - began - cluster.paused
        report = Report(cluster.traffic.report)
        cluster.until_sent(*cluster.taking)
        cluster.until_stored()
        findings = count_findings(cluster.stores)
        for machine in cluster.machines.values():
            machine.stop()
        storing = [machine for machine in cluster.machines.values() if machine.stores]
        stored, changes = read_agreed([machine.directory for machine in storing])
        promised = check_promise(report, stored, cluster.wiped_at)
        retried, marked = count_retried(report, stored, cluster.proxy.count_retries())
        copies = count_copies(stored)
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda machine: machine.run("verify"), storing))
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(cluster.done).items())
    with capsys.disabled():
        print(
            f"{len(cluster.done)} faults ({kinds}) in {seconds:.0f} s at {promised / seconds:.0f}/s, and "
            f"{cluster.paused:.0f} s of pauses for the stores: {promised} acknowledged, 0 failed, 0 lost; "
            f"{len(stored)} stored, of these {retried} by a retry of the proxy, {marked} marked; "
            f"{copies} copies, {changes} changes and {findings} findings are the same on 3 stores"
        )
