"""Runs `python -m flowtrace ...` many times for the cost of one start: a server forks for each, and each ends as Python
ends.

What a run does to its process - closed pipes, full disks, signals, the flush at the end - is as real as in a process of
its own; only what is imported has been before.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

SERVER = r"""
import json, os, resource, runpy, signal, socket, sys
import flowtrace.cli, flowtrace._core, flowtrace.commands.export, flowtrace.commands.find, flowtrace.commands.query
import flowtrace.commands.report, sqlite3, csv  # and what these import

def become(asked, descriptors):
    os.setsid()
    for number, descriptor in enumerate(descriptors, 1):
        os.dup2(descriptor, number)
    os.closerange(len(descriptors) + 1, 64)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    if asked["file_size"] is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_size"], asked["file_size"]))
    sys.argv[1:] = asked["words"]
    exec(asked["before"], {})
    runpy.run_module("flowtrace", run_name="__main__", alter_sys=True)

signal.signal(signal.SIGINT, signal.default_int_handler)
client = socket.socket(fileno=int(sys.argv[1]))
while True:
    data, descriptors, _, _ = socket.recv_fds(client, 1 << 20, 3)
    if not data:
        break
    pid = os.fork()
    if not pid:
        client.close()
        become(json.loads(data), descriptors)
        sys.exit()
    for descriptor in descriptors:
        os.close(descriptor)
    client.sendall(b"%d\n" % pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    client.sendall(b"%d\n" % status)
"""


class Ended(NamedTuple):
    status: int  # negative: the signal
    err: str


class Run:
    """One that runs; it is killed when the next is started."""

    def __init__(self, answers: IO[bytes], errors: int) -> None:
        self.answers, self.errors = answers, errors
        self.pid = int(answers.readline())
        self.has_ended = False

    def kill(self) -> None:
        if not self.has_ended:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def wait(self) -> Ended:
        status = int(self.answers.readline())
        self.has_ended = True
        with open(self.errors, "rb") as errors:
            return Ended(status, errors.read().decode())


class Forked:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(60)
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(theirs.fileno())],
            cwd=folder,
            env=dict(environment),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.answers = self.socket.makefile("rb")
        self.running: Run | None = None

    def start(
        self,
        *words: str,
        stdout: int,
        more: tuple[int, ...] = (),
        folder: Path | None = None,
        before: str = "",
        file_size: int | None = None,
        **environment: str,
    ) -> Run:
        """`more`: is its descriptor 3; `before`: statements that it begins with; `file_size`: what a file may have."""
        if self.running:
            self.running.kill()
        errors, stderr = os.pipe()  # no file, whose size may be bounded
        asked = {
            "words": words,
            "folder": str(folder or self.folder),
            "environment": {**self.environment, **environment},
            "before": before,
            "file_size": file_size,
        }
        socket.send_fds(self.socket, [json.dumps(asked).encode()], [stdout, stderr, *more])
        os.close(stderr)
        self.running = Run(self.answers, errors)
        return self.running

    def run(self, *words: str, **settings: object) -> Ended:
        """Without a reader of what it answers."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            return self.start(*words, **{"stdout": nowhere, **settings}).wait()
        finally:
            os.close(nowhere)

    def close(self) -> None:
        if self.running:
            self.running.kill()
        self.answers.close()
        self.socket.close()
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(60)
