"""Steps that tests of backups share: send notifications, count them, read an error."""

import os

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example","odd":1.50}'


def post(receiver, numbers):
    """Post, and return what was acknowledged: bodies' numbers by id."""
    answers = {number: receiver.sender.post("/webhooks/User.Updated", USER % number) for number in numbers}
    assert {answer.status for answer in answers.values()} == {200}
    return {answer.headers["Notification-Id"]: number for number, answer in answers.items()}


def count(receiver):
    return receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"]


def put_first_in_path(directory, script):
    """Make a `cp` that the store will find before the system's."""
    directory.mkdir()
    (directory / "cp").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "cp").chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def one_sentence(done):
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.returncode == 1
    assert len(lines) == 1, done.stderr
    return lines[0]
