"""The program's own files, read once: an upgrade takes them away for a moment while a process runs."""

import importlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import receiver


@cache
def sql_files(package: str) -> dict[str, str]:
    """Read the SQL files of a package, by their names, without importing it.

    Raises:
        OSError: a file can't be read.
    """
    top, *inner = package.split(".")
    folder = resources.files(top).joinpath(*inner)
    files = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {file.name: file.read_text("utf-8") for file in files}


def sql_file(package: str, name: str) -> str:
    """Return a SQL file that lies beside a package's modules.

    Raises:
        OSError: it can't be read.
        KeyError: there is none of that name.
    """
    return sql_files(package)[name]


def load_program(*modules: str) -> None:
    """Read every SQL file of the program, and import modules that would otherwise be imported when they are first used.

    A process calls this before it takes its first row.

    Args:
        modules: full names; those that are not installed are left out.
    """
    for package in _packages(Path(receiver.__file__).parent):
        sql_files(package)
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue


def _packages(folder: Path) -> Iterator[str]:
    for path in sorted({file.parent for file in folder.rglob("*.sql")}):
        yield ".".join((folder.name, *path.relative_to(folder).parts))
