"""Keeps Python's search for garbage away from objects that are none: it goes through all of them again and again."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_switching = threading.Lock()


def spare_program() -> None:
    """Leave today's objects out of garbage collection: it would stop a listener for 10 ms, a large store for 0.3 s."""
    gc.collect()
    gc.freeze()


@contextmanager
def put_off_collection() -> Iterator[None]:
    """Search for no garbage meanwhile: many rows are many objects, and each is freed once nothing refers to it."""
    with _switching:  # else a thread could find it off, and switch it off once more when another has switched it on
        was_on = gc.isenabled()
        gc.disable()
    try:
        yield
    finally:
        with _switching:
            if was_on:
                gc.enable()
