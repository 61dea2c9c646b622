"""The services of the compose file as plain processes: their own commands, settings and health checks.

Each has an address of the loopback network and a directory, as a container has an address and a volume. The programs
are those of this machine.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

import receiver
from tests.support.keys import key_directory
from tests.support.postgres import find_program
from tests.support.processes import Process, Sender
from tests.support.waiting import until

DIRECTORY = Path(receiver.__file__).parent / "deploy" / "containers"
PROGRAMS = {
    "clc-receiver": [sys.executable, "-m", "receiver"],
    "clc-analytics": [sys.executable, "-m", "analytics"],
    "weed": [str(Path(sys.executable).with_name("weed"))],
}
OF_EVERY_ADDRESS = "0.0.0.0"
_VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")
_PORT = 8088


def read_compose(**values: str) -> dict[str, Any]:
    """Read the compose file; of its variables, those without a value have their default, or stay as they are."""

    def find_value(variable: re.Match[str]) -> str:
        return values.get(variable[1], variable[2] or variable[0])

    return yaml.safe_load(_VARIABLE.sub(find_value, (DIRECTORY / "compose.yaml").read_text()))


class Service(Process):
    """A service's process; that of PostgreSQL, which refuses to run as root, is of another user."""

    def __init__(self, command: list[str], env: dict[str, str], *, cwd: Path, is_postgres: bool) -> None:
        self._is_postgres = is_postgres
        super().__init__(command, env, cwd=cwd)

    def start(self, *given: Any, **named: Any) -> "subprocess.Popen[str]":
        if self._is_postgres and os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(named["cwd"], account.pw_uid, account.pw_gid)
            named |= {"user": account.pw_uid, "group": account.pw_gid}
        return subprocess.Popen(*given, **named)


class Stack:
    """The services of the compose file, running."""

    def __init__(self, **values: str) -> None:
        self.services: dict[str, Any] = read_compose(**values)["services"]
        net = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}"
        self.addresses = {name: f"{net}.{number}" for number, name in enumerate(self.services, start=2)}
        self.addresses["dashboard"] = self.addresses["store"]
        self.url = f"http://{self.addresses['caddy']}:{_PORT}"
        self.directory = Path(tempfile.mkdtemp(prefix="compose-"))
        self.directory.chmod(0o755)
        shutil.copy(DIRECTORY / "start-postgres.sh", self.directory)
        self.processes: dict[str, Service] = {}

    def start(self) -> None:
        """Start each service after those that it depends on, and wait until the health checks pass."""
        for name in sorted(self.services, key=self._rank):
            self._start(name)
        for name, service in self.services.items():
            if "healthcheck" in service:
                until(lambda name=name: self._is_healthy(name), seconds=120, what=f"{name} to be healthy")
        self.processes["caddy"].until_logged("serving initial configuration")

    def stop(self) -> None:
        """End all as a crash would."""
        for process in self.processes.values():
            process.process.kill()
            process.process.wait(60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def post(self, path: str, body: bytes) -> Any:
        """Post a notification to the proxy."""
        return Sender(self.url).post(path, body)

    def _rank(self, name: str) -> int:
        return 1 + max((self._rank(each) for each in self.services[name].get("depends_on", ())), default=0)

    def _is_postgres(self, name: str) -> bool:
        return self.services[name].get("user") == "postgres"

    def _start(self, name: str) -> None:
        service, data = self.services[name], self.directory / name
        data.mkdir()
        parts: list[str] = service.get("entrypoint", []) + service.get("command", []) + self._more_options(name)
        program, *words = parts
        command = [*PROGRAMS.get(program, [program]), *(self._as_here(word, name) for word in words)]
        self.processes[name] = Service(command, self._environment(name), cwd=data, is_postgres=self._is_postgres(name))

    def _more_options(self, name: str) -> list[str]:
        """Return what keeps apart what here has one network and one file system."""
        if self._is_postgres(name):
            sockets = f"unix_socket_directories={self.directory / name}"
            return ["-c", f"listen_addresses={OF_EVERY_ADDRESS}", "-c", sockets]
        return [f"-ip={OF_EVERY_ADDRESS}"] if name == "objects" else []

    def _environment(self, name: str) -> dict[str, str]:
        given = self.services[name].get("environment", {})
        places = [Path(sys.executable).parent, Path(find_program("postgres")).parent, "/usr/bin", "/bin"]
        return {
            "PATH": ":".join(map(str, places)),
            "HOME": str(self.directory / name),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PGHOST": self.addresses[name],
            **{each: self._as_here(self.addresses.get(value, value), name) for each, value in given.items()},
            **(self._settings_of_caddy() if name == "caddy" else self._settings_here(name)),
        }

    def _settings_of_caddy(self) -> dict[str, str]:
        receivers = " ".join(f"{self.addresses[name]}:8080" for name in ("receiver-1", "receiver-2"))
        home = str(self.directory / "caddy")
        return {"SITE": self.url, "RECEIVERS": receivers, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}

    def _settings_here(self, name: str) -> dict[str, str]:
        return {
            "CLC_DATA_DIR": str(self.directory / name),
            "CLC_PUBLIC_KEY": str(key_directory() / "public.pem"),
            "CLC_QUERY_LISTEN": f"{self.addresses['store']}:8081",
            "CLC_TRUSTED_PROXIES": "127.0.0.0/8",
            # A slow machine takes longer than the default, after which a notification may be on its receiver alone.
            "CLC_ACKNOWLEDGE_WAIT": "50",
        }

    def _as_here(self, text: str, of: str) -> str:
        """Return a text of the compose file with the addresses and paths of this machine."""
        for name, address in self.addresses.items():
            text = re.sub(rf"(?<=[@,=]){name}(?=[,:/])", address, text)
        text = text.replace(OF_EVERY_ADDRESS, self.addresses[of])
        places = {"/etc/caddy": DIRECTORY, "/start-postgres.sh": self.directory / "start-postgres.sh"}
        for place, here in {**places, "/data": self.directory / of}.items():
            text = re.sub(rf"(?<![^=]){place}(?![\w-])", str(here), text)
        return text

    def _is_healthy(self, name: str) -> bool:
        """Run the health check of a service."""
        self.processes[name].ended()
        _, program, *words = self.services[name]["healthcheck"]["test"]
        words = [word.replace("127.0.0.1", self.addresses[name]) for word in words]
        command = ["sh", str(DIRECTORY / program)] if (DIRECTORY / program).exists() else [program]
        done = subprocess.run([*command, *words], env=self._environment(name), check=False, capture_output=True)
        return done.returncode == 0
