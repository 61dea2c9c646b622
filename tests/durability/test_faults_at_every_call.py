"""Each call that the product makes about its files fails once: by an error, half done, or with the process's death.

After the fault the store starts again without one. Then each notification that was acknowledged is stored once, with
its bytes, and none is blamed. `shim/` says how. In full size each fault at each call is tried, otherwise every so many,
others each day; and every day only those of the spool, where rows are acknowledged.
"""

import os
import re
import shutil
from collections import Counter
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest

from tests.durability.shim import oracle
from tests.durability.shim.client import Servers
from tests.durability.shim.control import faults_at, lasting_faults_at
from tests.durability.shim.scenarios import SCENARIOS
from tests.support.sizes import size

_RUNS = {"append": 5, "spool": 4}
_RUNS_OF_OTHERS = 2
_LASTING = 1


def some_of(faults, most):
    """Take all of them in full size, otherwise so many: each day others."""
    step = size(max(len(faults) // most, 1), 1)
    return faults[datetime.now(UTC).toordinal() % step :: step]


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=() if name == "spool" else pytest.mark.full) for name in SCENARIOS]
)
def test_whatever_call_fails_what_was_acknowledged_is_stored_once(library, scenario, tmp_path, capsys):
    # Many at once, because a fault that lasts is waited out.
    with Servers(library, scenario, tmp_path, number=size(1, 6 * (os.cpu_count() or 1))) as servers:
        calls = servers.calls()
        once = some_of(list(chain.from_iterable(map(faults_at, calls))), _RUNS.get(scenario, _RUNS_OF_OTHERS))
        lasting = some_of(list(chain.from_iterable(map(lasting_faults_at, calls))), _LASTING)
        found = list(servers.run_all([*once, *lasting], log_of(scenario)))
    missed = [str(fault) for fault, each in found if not each["hit"]]
    wrong = [(fault, each) for fault, each in found if each["problems"] and not is_begun_anew_and_named(each)]
    with capsys.disabled():
        print(f"\n{scenario}: {len(calls)} calls, {len(once)} faults, {len(lasting)} that last, {len(wrong)} broke it")
    assert not wrong, describe(wrong)
    # Threads and the clock decide on a few calls at the end.
    assert len(missed) <= 2 + len(found) // 20, missed


@pytest.mark.full
def test_a_backup_is_not_passed_over_because_its_copy_could_not_be_looked_at_once(library, tmp_path):
    # DuckDB takes a file for missing if it can't look at it, and begins it anew. It calls plain `stat`.
    paths = {"/data/restoring.duckdb", "/data/clc.duckdb"}
    with Servers(library, "recover from a damaged database", tmp_path, number=1) as servers:
        looks = [call for call in servers.calls() if call.name == "stat" and call.path in paths]
        found = list(servers.run_all([fault for call in looks for fault in faults_at(call)]))
    assert paths <= {each["hit"].partition(" stat ")[2] for _, each in found}
    assert not [each["problems"] for _, each in found if each["problems"]]


def log_of(scenario):
    """The file in the directory DURABILITY_LOG with the results of a long run: run again, it goes on from there."""
    directory = os.environ.get("DURABILITY_LOG")
    return Path(directory) / f"{scenario.replace(' ', '-')}.jsonl" if directory else None


def is_begun_anew_and_named(found):
    """Say whether DuckDB could not look at its file, took it for missing, and emptied it: a loss that must be named.

    A backup that is made afterwards lacks the same. That `status` or `verify` says nothing of it would be a problem of
    its own.
    """
    is_look_at_database = re.search(r" stat\w* /data/clc\.duckdb$", found["hit"])
    return bool(is_look_at_database) and all(
        re.match(r"(\S+\.duckdb: )?lost: ", problem) for problem in found["problems"]
    )


SYSTEM_CALLS = {
    "open": "openat open creat",
    "read": "read pread64 readv preadv",
    "write": "write pwrite64 writev pwritev sendfile copy_file_range",
    "sync": "fsync fdatasync msync sync_file_range",
    "truncate": "ftruncate fallocate",
    "rename": "rename renameat renameat2 link linkat symlink symlinkat",
    "delete": "unlink unlinkat rmdir",
    "directory": "mkdir mkdirat",
    "mode": "chmod fchmod fchmodat",
    "lock": "flock",
    "map": "mmap",
}


@pytest.mark.full
def test_the_shim_sees_each_system_call_that_strace_sees(library, tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace, group_of = tmp_path / "trace", {}
    for group, names in SYSTEM_CALLS.items():
        group_of |= dict.fromkeys(names.split(), group)
    traced = ",".join([*group_of, "clone,clone3"])
    tracer = ["strace", "-f", "-y", "-qq", "-s", "256", "-o", str(trace), "-e", f"trace=?{traced.replace(',', ',?')}"]
    with Servers(library, "append", tmp_path, number=1, tracer=tracer) as servers:
        calls = servers.calls()
    called = (system_call_of(call.name) for call in calls if call.path.startswith("/data"))
    seen = Counter(group_of[name] for name in called if name in group_of)
    assert seen == Counter(group_of[name] for name in system_calls(trace.read_text(), tmp_path / "0" / "run"))


def system_call_of(name):
    plain = name.removesuffix("64")
    names = {"opendir": "open", "fopen": "open", "pread": "pread64", "pwrite": "pwrite64", "remove": "unlink"}
    return names.get(plain, plain)


def system_calls(trace, run):
    """Name the system calls on files below `data` of the process that attached the control file, and of its threads."""
    (process,) = re.findall(rf'^(\d+) +openat\([^"]*"{run}/control", O_RDWR\|O_CLOEXEC', trace, re.MULTILINE)
    # The end of a call has a line of its own if another thread called something meanwhile.
    begun = re.findall(r"^(\d+) +(?:<\.\.\. )?clone3?\b.*\) = (\d+)", trace, re.MULTILINE)
    beginner = {thread: by for by, thread in begun}

    def is_of_process(thread):
        return thread == process or (thread in beginner and is_of_process(beginner[thread]))

    for thread, name, arguments in re.findall(r"^(\d+) +(\w+)\((.*)", trace, re.MULTILINE):
        if is_of_process(thread) and re.search(rf"[\"<]{run}/data[/\">]", arguments):
            yield name


def test_what_is_lost_doubled_altered_or_blamed_is_found():
    promised = {"a": "1", "b": "2", "c": "3"}
    stored = [("a", "1"), ("a", "1"), ("b", "other")]
    assert [each.partition(":")[0] for each in oracle.broken(promised, stored)] == ["lost", "doubled", "altered"]
    assert oracle.broken(promised, list(promised.items())) == []


def describe(wrong):
    """Write down what went wrong: all faults in a line each, and the first at length."""
    lines = [f"{fault}: {each['hit']}: {', '.join(each['problems'])[:300]}" for fault, each in wrong]
    return "\n".join([*lines, "", wrong[0][1]["log"]])
