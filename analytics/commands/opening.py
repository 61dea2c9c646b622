"""Opens the dashboard in the browser as soon as it answers, from a process of its own."""

import os
import sys
import time
import webbrowser
from http import HTTPStatus

import urllib3

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.2


def main(url: str) -> None:
    """Return at once; a child of this process waits for the dashboard and opens it."""
    if os.fork() == 0:
        open_when_it_answers(url)


def open_when_it_answers(url: str) -> None:
    """Open a dashboard in the browser; if it does not answer within a minute, its own messages say why."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if _answers(url):
            webbrowser.open(url)
            return
        time.sleep(_LOOK_SECONDS)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/_stcore/health", retries=False, timeout=2).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False


if __name__ == "__main__":
    main(sys.argv[1])
