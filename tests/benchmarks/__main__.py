"""Run benchmarks; they report, and fail on nothing."""

from pathlib import Path

import click

from tests.benchmarks.accept import accept
from tests.benchmarks.alongside import alongside
from tests.benchmarks.appending import appending
from tests.benchmarks.attacks import attacks
from tests.benchmarks.audit import audit
from tests.benchmarks.browser import browser
from tests.benchmarks.machines import machines
from tests.benchmarks.operating import operating
from tests.benchmarks.query_attacks import query_attacks
from tests.benchmarks.reads import hundred_million, reads
from tests.benchmarks.report import Figure, as_json, as_table
from tests.benchmarks.seldom import seldom
from tests.benchmarks.shared_spool import shared_spool
from tests.benchmarks.silence import silence
from tests.benchmarks.sizes import sizes
from tests.benchmarks.sustained import sustained

BENCHMARKS = {
    "accept": accept,
    "alongside": alongside,
    "appending": appending,
    "attacks": attacks,
    "audit": audit,
    "browser": browser,
    "hundred_million": hundred_million,
    "machines": machines,
    "operating": operating,
    "query_attacks": query_attacks,
    "reads": reads,
    "seldom": seldom,
    "shared_spool": shared_spool,
    "silence": silence,
    "sizes": sizes,
    "sustained": sustained,
}
DATA = Path(__file__).parents[2] / "data" / "benchmarks"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, help="Where data is built once."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to this file, too.")
def main(names: tuple[str, ...], data: Path, json_file: Path | None) -> None:
    """Run the benchmarks NAMES, or all but `hundred_million`, and print what was measured beside what it should be."""
    figures: list[Figure] = []
    try:
        for name in names or [name for name in BENCHMARKS if name != "hundred_million"]:
            figures += BENCHMARKS[name](data)
    finally:
        click.echo(as_table(figures))
        if json_file:
            json_file.write_text(as_json(figures))


if __name__ == "__main__":
    main()
