"""A virtual environment in which wheels of this tree are installed by pip, without a network."""

import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import receiver

_ROOT = Path(receiver.__file__).parents[1]
_NAME = "clc_webhook_analytics"
_PACKAGES = ("analytics", "receiver")
_SCRIPTS = "[console_scripts]\nclc-receiver = receiver.__main__:main\nclc-analytics = analytics.__main__:main\n"


class Installation:
    """An environment of its own; libraries come from that of the tests."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._python = directory / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory / "venv")], check=True)
        (site,) = (directory / "venv").glob("lib/python*/site-packages")
        # Of a directory in such a file Python reads no such files: the tree that the tests run on stays out.
        (site / "libraries.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")

    @property
    def program(self) -> tuple[str, ...]:
        """The command `clc-receiver` as it is installed here."""
        return (str(self._python.with_name("clc-receiver")),)

    def install(self, version: str) -> None:
        """Have pip install this tree as a version, in place of what is there."""
        options = ["--no-index", "--no-deps", "--force-reinstall", "--quiet", "--no-compile"]
        command = [sys.executable, "-m", "pip", "--python", str(self._python), "install", *options]
        done = subprocess.run([*command, str(self._wheel(version))], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _wheel(self, version: str) -> Path:
        """Pack the tree; pip does the rest as with any wheel."""
        wheel = self._directory / f"{_NAME}-{version}-py3-none-any.whl"
        about = f"{_NAME}-{version}.dist-info"
        files = [path for package in _PACKAGES for path in (_ROOT / package).rglob("*") if path.is_file()]
        with zipfile.ZipFile(wheel, "w") as archive:
            # The SQL files come last, so that they are missing for as long as an installation takes.
            for path in sorted(files, key=lambda path: (path.suffix == ".sql", path)):
                if "__pycache__" not in path.parts:
                    archive.writestr(str(path.relative_to(_ROOT)), _as_version(path, version))
            archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {version}\n")
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{about}/entry_points.txt", _SCRIPTS)
            archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in archive.namelist()))
        return wheel


def _as_version(path: Path, version: str) -> bytes:
    content = path.read_bytes()
    if path.relative_to(_ROOT) != Path("receiver/__init__.py"):
        return content
    return re.sub(rb'(?m)^__version__ = ".*"', b'__version__ = "%s"' % version.encode(), content)
