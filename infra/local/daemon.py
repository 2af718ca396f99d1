"""How does one supervisord per environment begin and end, and where can it be reached?

Its socket lies in a short folder of the user, named by a hash of the environment's folder: a path of a Unix socket has
at most 107 bytes. That folder does not follow TMPDIR or XDG_RUNTIME_DIR, which a shell, cron and a CI step set apart:
they would start a second supervisord for the same environment.
"""

import contextlib
import hashlib
import http.client
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

import psutil

from infra.local.errors import LocalError

MARK = "MLOPS_SUPERVISOR"
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
HEADER = """\
[supervisord]
pidfile=supervisord.pid
logfile=../log/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
umask=077

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
PATIENCE_SECONDS = 30.0


def sockets() -> Path:
    """The user's folder of sockets, made when it is missing. Raises LocalError when it belongs to somebody else."""
    folder = Path("/tmp") / f"mlops-{os.getuid()}"  # noqa: S108  # what stands there is checked below
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LocalError(
            f"{folder} must be a folder of user {os.getuid()} with mode 0700, because sockets in it start processes; "
            f"it is {stat.filemode(found.st_mode)} of user {found.st_uid}. Remove it and try again."
        )
    return folder


class Unix(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost", timeout=120)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(120)
        connection.sock.connect(str(self.path))
        return connection


class Daemon:
    """The supervisord of one folder; `run` holds its configuration."""

    def __init__(self, run: Path) -> None:
        self.run = run.resolve()  # one folder, one socket, whichever link leads there
        self.socket = sockets() / f"{hashlib.sha256(str(self.run).encode()).hexdigest()[:16]}.sock"

    @property
    def rpc(self) -> Any:
        """Its XML-RPC interface, https://supervisord.org/api.html. A call raises OSError when there is none."""
        return xmlrpc.client.ServerProxy("http://localhost", transport=Unix(self.socket)).supervisor

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            return self.rpc.getState()["statename"] == "RUNNING"
        except (OSError, http.client.HTTPException):
            return False

    def start(self) -> None:
        """Start it on its configuration, with an environment that holds none of the caller's secrets."""
        self.end_lost()
        (self.run.parent / "log").mkdir(mode=0o700, exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        started = subprocess.run(
            [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", "supervisord.conf"],
            cwd=self.run, env=kept | {MARK: str(self.socket)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if started.returncode:
            raise LocalError(f"supervisord refused {self.run}/supervisord.conf: {started.stdout.strip()}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.alive():
            if time.monotonic() > deadline:
                raise LocalError(f"supervisord does not answer; its log is {self.run.parent}/log/supervisord.log")
            time.sleep(0.02)

    def end(self) -> None:
        """End it, and remove its socket and its folder."""
        with contextlib.suppress(OSError, xmlrpc.client.Fault):
            found = psutil.Process(self.rpc.getPID())
            self.rpc.shutdown()
            with contextlib.suppress(psutil.TimeoutExpired):
                found.wait(PATIENCE_SECONDS)
        self.end_lost()
        self.socket.unlink(missing_ok=True)
        shutil.rmtree(self.run, ignore_errors=True)

    def end_lost(self) -> None:
        """End what an earlier supervisord of this folder left: itself without a socket, or its processes without it."""
        while lost := [process for process in psutil.process_iter() if self.owns(process)]:
            for process in lost:
                with contextlib.suppress(psutil.Error):
                    process.terminate()
            for process in psutil.wait_procs(lost, timeout=PATIENCE_SECONDS)[1]:
                with contextlib.suppress(psutil.Error):
                    process.kill()

    def owns(self, process: psutil.Process) -> bool:
        """Whether a process has the mark that this supervisord's processes inherit."""
        try:
            return process.uids().real == os.getuid() and process.environ().get(MARK) == str(self.socket)
        except (psutil.Error, OSError):
            return False
