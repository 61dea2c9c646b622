"""How benchmarks ask a store."""

import os

from analytics import connect
from analytics.client import Client
from tests.processes import Receiver


def client_of(receiver: Receiver) -> Client:
    """Connect to a receiver's store, as a notebook does."""
    os.environ["CLC_QUERY_TOKEN"] = receiver.token
    return connect(receiver.query_url)
