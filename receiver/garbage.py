"""When Python looks for garbage."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_switching = threading.Lock()


@contextmanager
def put_off_collection() -> Iterator[None]:
    """Look for no garbage meanwhile.

    Many rows are many objects and no garbage: each is freed once nothing refers to it. Otherwise Python would go
    through all of them again and again, in vain.
    """
    with _switching:  # else a thread could find it off, and switch it off once more when another has switched it on
        was_on = gc.isenabled()
        gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
