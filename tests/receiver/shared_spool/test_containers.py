"""The compose file: what it starts works together, its settings are those of the program, and it holds no secret."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from analytics import connect
from analytics.cli import command as analytics_main
from receiver.cli import main as receiver_main
from receiver.settings import READING_SIDE, Settings, read_settings
from tests.support.compose import DIRECTORY, Stack, read_compose
from tests.support.postgres import find_program
from tests.support.waiting import until

SECRETS = {
    name: f"{name.lower().replace('_', '-')}-of-the-test"
    for name in ("POSTGRES_PASSWORD", "STANDBY_PASSWORD", "OBJECTS_SECRET", "CLC_QUERY_TOKEN", "CLC_URL_SECRET")
}
PATH = f"/webhooks/{SECRETS['CLC_URL_SECRET']}/User.Updated"
COPY = """#!/bin/sh
for word; do case "$word" in --pgdata=*) copy=${word#--pgdata=} ;; esac; done
[ ! -e "$copy" ] && mkdir "$copy" && echo 17 > "$copy/PG_VERSION" || exit 1
[ -e "$0.killed" ] || { touch "$0.killed"; kill -KILL $PPID; exit 1; }
touch "$copy/whole"
"""
BODY = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'


@pytest.fixture
def stack():
    if sys.platform != "linux":
        pytest.skip("the services have addresses of their own in Linux's loopback network")
    find_program("postgres")
    find_program("caddy")
    stack = Stack(**SECRETS, CLC_ACCOUNTS="ACME", SITE="of-the-test")
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def read_ids(client):
    return client.sql("SELECT id::VARCHAR AS id FROM notifications").column("id").to_pylist()


@pytest.mark.full
@pytest.mark.slow
def test_what_the_compose_file_starts_keeps_every_notification_though_a_receiver_dies(stack, monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", SECRETS["CLC_QUERY_TOKEN"])
    kept = []

    def post(number):
        answer = stack.post(PATH, BODY % number)
        if answer.status == 200:
            kept.append(answer.headers["Notification-Id"])
        return answer.status == 200

    assert all(map(post, range(10)))
    stack.processes["receiver-1"].process.kill()
    until(lambda: all(map(post, range(10, 20))), what="the proxy to leave the dead receiver out")
    with connect(f"http://{stack.addresses['store']}:8081") as client:
        until(lambda: set(kept) <= set(read_ids(client)), what="all in the store")
        assert len(read_ids(client)) == len(set(read_ids(client)))


def test_a_standby_that_was_killed_while_it_was_copied_is_copied_again(tmp_path):
    for name, script in {"pg_basebackup": COPY, "postgres": '#!/bin/sh\nls "$2"\n'}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    given = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PGDATA": str(tmp_path / "data"), "PRIMARY": "one"}
    start = ["sh", str(DIRECTORY / "start-postgres.sh")]
    killed, started = (
        subprocess.run(start, env=given, check=False, capture_output=True, text=True, timeout=60) for _ in range(2)
    )
    assert (killed.returncode, killed.stdout) == (-9, "")
    assert (started.stdout.split(), started.stderr) == (["PG_VERSION", "whole"], "")


def test_the_settings_of_the_services_are_settings_of_the_program():
    known = {f"CLC_{name.upper()}" for name in Settings.model_fields} | READING_SIDE
    given = {name for service in read_compose()["services"].values() for name in service.get("environment", {})}
    assert {name for name in given if name.startswith("CLC_")} - known == set()


def test_the_program_takes_the_commands_and_the_settings_of_the_services(monkeypatch):
    mains = {"clc-receiver": receiver_main, "clc-analytics": analytics_main}
    for service in read_compose(**SECRETS, CLC_ACCOUNTS="ACME")["services"].values():
        program, *words = service.get("command", [None])
        if main := mains.get(program):
            shown = CliRunner().invoke(main, [*words, "--help"])
            assert shown.exit_code == 0, shown.output
            with monkeypatch.context() as given:
                for name, value in service["environment"].items():
                    given.setenv(name, value)
                read_settings(env_file=None)


def test_the_file_of_the_proxy_is_right_for_caddy(tmp_path):
    command = [find_program("caddy"), "validate", "--config", str(DIRECTORY / "Caddyfile")]
    given = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SITE": "http://127.0.0.1:8088"}
    done = subprocess.run(command, env=given, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_secrets_are_no_part_of_the_file_and_must_be_given():
    endings = ("PASSWORD", "SECRET", "TOKEN", "ACCESS_KEY")
    settings = [service.get("environment", {}).items() for service in read_compose()["services"].values()]
    secret = {name: value for given in settings for name, value in given if name.endswith(endings)}
    assert len(secret) == 6
    assert {name for name, value in secret.items() if not value.startswith("${")} == set()


def test_a_service_may_write_to_its_volumes_alone_and_has_no_privileges():
    compose = read_compose()
    for service in compose["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges"]
        volumes = {volume.partition(":")[0] for volume in service["volumes"] if not volume.startswith("./")}
        assert volumes
        assert volumes <= compose["volumes"].keys()
