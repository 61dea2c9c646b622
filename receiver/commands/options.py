"""Options that several commands have."""

import os
from pathlib import Path

import click

EMPTY = "it is empty: name a path."


class NamedPath(click.Path):
    """A path that is not empty: an empty one, as of a variable that is not set, would be the current directory."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        """Take any path, or any but that of a directory."""
        super().__init__(dir_okay=dir_okay, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path, or refuse an empty one."""
        if value == "":
            is_needed = param is not None and param.required
            self.fail(EMPTY if is_needed else f"{EMPTY[:-1]}, or leave the option out.", param, ctx)
        return super().convert(value, param, ctx)


take_data_dir = click.option("--data-dir", type=NamedPath(), help="Overrides CLC_DATA_DIR.")
take_public_key = click.option("--public-key", type=NamedPath(), help="Overrides CLC_PUBLIC_KEY.")
