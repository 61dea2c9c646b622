"""Gives a running store a command, and follows its progress."""

import json
from collections.abc import Iterator
from typing import Any

import urllib3

from receiver.data_directory.access import control_token, find_running_serve, query_address
from receiver.errors import StoreError
from receiver.settings import Settings

_SECONDS = 3600.0


def ask_store(settings: Settings, command: str, why: str) -> Iterator[dict[str, Any]]:
    """Give a command, and return the store's messages: its progress, and at last its end.

    Args:
        settings: where the data directory is.
        command: `backup` or `rebuild`.
        why: completes the error for a `serve` that does not run: "start it, since …".

    Raises:
        StoreError: nothing runs, or it does not answer.
    """
    running = find_running_serve(settings.data_dir)
    if running is None:
        raise StoreError(f"No `clc-receiver serve` is using {settings.data_dir}: start it, since {why}.")
    address = query_address(settings.data_dir, running)
    try:
        response = urllib3.request(
            "POST",
            f"http://{address}/{command}",
            headers={"Authorization": f"Bearer {control_token(settings)}", "Content-Type": "application/json"},
            timeout=_SECONDS,
            retries=False,
            preload_content=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise _no_answer(address, error) from None
    return _parse_lines(response, address)


def _parse_lines(response: urllib3.BaseHTTPResponse, address: str) -> Iterator[dict[str, Any]]:
    try:
        yield from map(json.loads, _lines(response))
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise _no_answer(address, error) from None


def _no_answer(address: str, error: Exception) -> StoreError:
    return StoreError(f"The store at {address} does not answer ({error}): try again.")


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for piece in response.stream(65536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest
