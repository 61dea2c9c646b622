"""Runs a scenario with one fault, or lists its calls: see the package."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.durability.shim import control
from tests.durability.shim.client import Servers
from tests.durability.shim.control import Fault
from tests.durability.shim.scenarios import SCENARIOS


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--list", action="store_true", help="list the calls, without a fault")
    parser.add_argument("--at", type=int, help="the number of the call")
    parser.add_argument("--kind", default="error", choices=control.KINDS[1:])
    parser.add_argument("--error", default="EIO", help="EIO, EMFILE, ENOSPC …")
    parser.add_argument("--lasting", action="store_true", help="all calls from that one on fail")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        library = control.build(Path(directory))
        with Servers(library, chosen.scenario, Path(directory)) as servers:
            if chosen.list:
                for call in servers.calls():
                    print(*call)
                return
            times = control.FOR_EVER if chosen.lasting else 1
            found = servers.run(Fault(chosen.at, chosen.kind, chosen.error, times=times))
    print(found["log"], f"hit: {found['hit']}", f"the run gave: {found['ran']}", *found["problems"], sep=os.linesep)
    sys.exit(bool(found["problems"]))


if __name__ == "__main__":
    main()
