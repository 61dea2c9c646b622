"""The image of the containers, built without a daemon and on a Debian that is made here, takes a notification."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.compose import DIRECTORY
from tests.support.ports import free_address
from tests.support.postgres import find_program

ROOT = DIRECTORY.parents[2]
BASE = "localhost/base"
TAKES_ONE = """
set -e
[ "$(id -un):$(pwd)" = clc:/data ]
clc-receiver serve &
until answers "http://$CLC_LISTEN/readyz"; do kill -0 $!; done
clc-receiver simulate --to "http://$CLC_LISTEN" --event Account.Updated --quiet
until clc-analytics sql --format json 'SELECT count(*) AS n FROM notifications' | grep -q '"n":1}'; do kill -0 $!; done
kill $!
wait $!
"""


@pytest.fixture
def buildah(tmp_path):
    """Runs a command of buildah that keeps all it makes in a directory, and returns its output."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("an image is built without a daemon by root on Linux")
    store = tmp_path / "store"
    limits = [
        f"--ulimit={name}={hard}:{hard}"
        for name, (_, hard) in (
            ("nproc", resource.getrlimit(resource.RLIMIT_NPROC)),
            ("nofile", resource.getrlimit(resource.RLIMIT_NOFILE)),
        )
    ]
    command = [find_program("buildah"), f"--root={store}", f"--runroot={tmp_path / 'run'}", "--storage-driver=vfs"]

    def run(name: str, *words: str) -> str:
        more = limits if name in {"from", "build"} else []
        done = subprocess.run(
            [*command, name, *more, *words],
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yield run
    shutil.rmtree(store)


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_image_takes_a_notification_as_a_user_without_privileges(buildah, tmp_path):
    debian = tmp_path / "debian"
    packages = "--include=python3-venv,ca-certificates"
    subprocess.run([find_program("debootstrap"), "--variant=minbase", packages, "stable", debian], check=True)
    base = buildah("from", "scratch")
    buildah("copy", "--quiet", base, f"{debian}/", "/")
    buildah("commit", "--quiet", base, BASE)
    shutil.rmtree(debian)
    certificates = Path("/etc/ssl/certs")
    given = ["--build-arg", f"BASE={BASE}", "--volume", f"{certificates}:{certificates}:ro", "--tag", "localhost/clc"]
    buildah("build", *given, "--file", str(DIRECTORY / "Containerfile"), str(ROOT))
    settings = {"CLC_LISTEN": free_address(), "CLC_QUERY_LISTEN": free_address(), "CLC_SIGNATURES": "record"}
    variables = [f"--env={name}={value}" for name, value in settings.items()]
    buildah("run", *variables, buildah("from", "localhost/clc"), "sh", "-c", TAKES_ONE)
