"""Builds the shim, and tells it what shall fail."""

import ctypes
import errno
import mmap
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")
OPEN, READ, WRITE, SYNC, NAME, LOOK, LOCK, MAP, CLOSE, MAKE = (1 << bit for bit in range(10))
_ANY = (1 << 10) - 1
KINDS = ("pass", "error", "kill", "torn error", "torn kill")
_TEXT = 512
FOR_EVER = 1 << 40


class Fault(NamedTuple):
    """What befalls the call of a number, or the next one after it that is of the fault's classes."""

    at: int
    kind: str
    error: str = "EIO"
    classes: int = _ANY
    times: int = 1

    def __str__(self) -> str:
        """Return it in words."""
        lasting = " from then on" if self.times > 1 else ""
        return f"{self.kind}{'' if self.kind == 'kill' else ' ' + self.error}{lasting} at call {self.at}"


class Call(NamedTuple):
    """A call as the shim's log tells it."""

    number: int
    classes: int
    name: str
    path: str


class Control(ctypes.Structure):
    """`struct control` of the shim, in a file that all processes of a run share."""

    _fields_ = (
        ("calls", ctypes.c_long),
        ("hits", ctypes.c_long),
        ("at", ctypes.c_long),
        ("times", ctypes.c_long),
        ("kind", ctypes.c_int),
        ("error", ctypes.c_int),
        ("classes", ctypes.c_int),
        ("is_logging", ctypes.c_int),
        ("hit", ctypes.c_char * _TEXT),
        ("directory", ctypes.c_char * _TEXT),
        ("package", ctypes.c_char * _TEXT),
        ("log", ctypes.c_char * _TEXT),
    )


def build(directory: Path) -> Path:
    """Compile the shim."""
    library = directory / "shim.so"
    command = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*command, str(SOURCE), "-ldl"], check=True)
    return library


def arm(path: Path, directory: Path, package: Path, fault: Fault | None, log: Path | None) -> Control:
    """Write down what shall fail, and return the figures that the shim keeps there."""
    with path.open("w+b") as file:
        file.truncate(ctypes.sizeof(Control))
        control = Control.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Control)))
    control.directory, control.package = bytes(directory), bytes(package)
    if log:
        control.is_logging, control.log = 1, bytes(log)
    if fault:
        control.at, control.times, control.classes = fault.at, fault.times, fault.classes
        control.kind, control.error = KINDS.index(fault.kind), getattr(errno, fault.error)
    return control


def read_log(log: Path) -> list[Call]:
    """Read which calls there were."""
    lines = (line.split(" ", 3) for line in log.read_text(errors="replace").splitlines())
    return [Call(int(number), int(classes), name, path) for number, classes, name, path in lines]


def faults_at(call: Call) -> Iterator[Fault]:
    """List what can befall a call: EIO, and by its kind EMFILE, ENOSPC, a part of it done, or death before it.

    A process that dies before a call which changes nothing leaves the same files as one that dies before the next that
    does.
    """
    if call.classes & (WRITE | SYNC | NAME | MAKE):
        yield Fault(call.number, "kill")
    yield Fault(call.number, "error", "EIO")
    if call.classes & OPEN:
        yield Fault(call.number, "error", "EMFILE", OPEN)
    if call.classes & (WRITE | MAKE):
        yield Fault(call.number, "error", "ENOSPC", WRITE | MAKE)
    if call.classes & WRITE:
        yield Fault(call.number, "torn error", "ENOSPC", WRITE)
        yield Fault(call.number, "torn kill", "EIO", WRITE)


def lasting_faults_at(call: Call) -> Iterator[Fault]:
    """List the faults that begin at a call and last until the next start."""
    yield Fault(call.number, "error", "EIO", times=FOR_EVER)
    if call.classes & OPEN:
        yield Fault(call.number, "error", "EMFILE", OPEN, FOR_EVER)
    if call.classes & (WRITE | MAKE):
        yield Fault(call.number, "error", "ENOSPC", WRITE | MAKE, FOR_EVER)
