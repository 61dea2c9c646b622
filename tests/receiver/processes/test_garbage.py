"""Python looks for garbage again once nobody has put that off any more."""

import gc

from receiver.processes import garbage


def test_garbage_is_looked_for_again_whichever_of_two_threads_ends_first(monkeypatch):
    """If one switched it on between another's look and its switching off, it would stay off."""
    locked = []
    monkeypatch.setattr(gc, "enable", lambda: locked.append(garbage._switching.locked()))
    monkeypatch.setattr(gc, "disable", lambda: None)
    with garbage.put_off_collection():
        assert locked == []
    assert locked == [True]
