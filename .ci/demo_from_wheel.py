"""Run the demonstration from an installed wheel in an empty directory: are pages, SQL files and key in it?"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

LONGEST_SECONDS = 300


def main() -> None:
    """Start the demonstration, look at it from outside, and end it; one that never comes up ends this, too."""
    signal.alarm(LONGEST_SECONDS)
    programs, directory = Path(sys.argv[1]), Path(sys.argv[2])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLC_", "PYTHON"))}
    demo = subprocess.Popen(
        [programs / "clc-receiver", "demo", "--no-browser", "--days", "3", "--data-dir", directory / "shown"],
        cwd=directory,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = _until_it_is_up(demo)
        dashboard = re.search(r"Dashboard\s+(\S+)", said)[1]
        query = re.search(r"Query service\s+http://(\S+)/query", said)[1]
        with urllib.request.urlopen(dashboard) as answer:
            assert answer.status == 200
        settings = environment | {"CLC_DATA_DIR": str(directory / "shown"), "CLC_QUERY_LISTEN": query}
        ask = [programs / "clc-analytics", "sql", "--format", "json", "SELECT count(*) AS n FROM events"]
        asked = subprocess.run(ask, cwd=directory, env=settings, check=True, capture_output=True, text=True)
        (row,) = json.loads(asked.stdout)
        assert row["n"] > 100, row
        print(f"the demonstration from the wheel shows {row['n']} events")
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(60)
    assert code == 0, f"the demonstration ended with {code}"


def _until_it_is_up(demo: subprocess.Popen[str]) -> str:
    said = ""
    for line in demo.stderr:
        said += line
        if "Press Ctrl-C to stop the demo." in line:
            return said
    raise SystemExit(f"the demonstration did not come up:\n{said}")


if __name__ == "__main__":
    main()
