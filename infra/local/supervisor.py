"""Which processes does an environment run, and in which state is each?"""

import contextlib
import hashlib
import shlex
import sys
import xmlrpc.client
from collections.abc import Generator
from pathlib import Path

import msgspec

from infra.local.daemon import HEADER, Daemon
from infra.local.errors import LocalError
from infra.local.locking import locked
from infra.local.whole import write_whole

RUNNING = "RUNNING"
STARTING = "STARTING"
STOPPED = "STOPPED"
EDITED = "EDITED"
LAUNCH = Path(__file__).with_name("launch.py")
PROGRAM = """
[program:{name}]
command={command}
autorestart=true
startsecs=1
startretries=20
stopwaitsecs={stop_seconds:.0f}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=../log/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is."""

    command: list[str]
    directory: str
    environment: dict[str, str]
    stop_seconds: float


class Supervisor:
    """The processes of the environment in folder `home`: `run` describes them, `log` holds what they print."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.run = self.home / "run"
        self.programs = self.run / "programs"
        self.daemon = Daemon(self.run)

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Nobody else changes what runs here meanwhile."""
        with locked(self.run / "lock"):
            yield

    def apply(self, name: str, spec: Spec) -> None:
        """Run `name` as `spec` says; it is restarted when that is a change, and the others are left alone."""
        described = encoded(spec)
        if self.fragment(name) not in (None, program(name, described, spec)):
            self.stop(name)
        with self.alone():
            write_whole(self.programs / f"{name}.json", described)
            write_whole(self.programs / f"{name}.ini", program(name, described, spec))
            self.reread()
        if self.state(name) not in (RUNNING, STARTING):
            with contextlib.suppress(xmlrpc.client.Fault):
                self.daemon.rpc.startProcess(name, False)

    def remove(self, name: str) -> None:
        """Stop `name` and forget it; the last one's removal ends supervisord."""
        self.stop(name)
        with self.alone():
            for suffix in ("json", "ini"):
                (self.programs / f"{name}.{suffix}").unlink(missing_ok=True)
            if not any(self.programs.glob("*.ini")):
                self.daemon.end()
            elif self.daemon.alive():
                self.reread()

    def stop(self, name: str) -> None:
        """Stop `name` and wait until it ended; no complaint when it does not run."""
        with contextlib.suppress(OSError, xmlrpc.client.Fault):
            self.daemon.rpc.stopProcess(name)

    def read(self, name: str) -> tuple[Spec | None, str]:
        """What `name` was last told, None when it is not described here, and the state it is in."""
        try:
            described = (self.programs / f"{name}.json").read_text()
        except FileNotFoundError:
            return None, STOPPED
        try:
            spec = msgspec.json.decode(described, type=Spec)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Spec(command=[], directory="", environment={}, stop_seconds=0), EDITED
        return spec, self.state(name) if self.fragment(name) == program(name, described, spec) else EDITED

    def state(self, name: str) -> str:
        """supervisord's word for it; STOPPED when there is no supervisord or it does not know `name`."""
        return self.info(name)[0]

    def pid(self, name: str) -> int | None:
        """The process id of `name` while it runs."""
        return self.info(name)[1] or None

    def info(self, name: str) -> tuple[str, int]:
        """State and process id (0 when there is none) of `name`."""
        try:
            found = self.daemon.rpc.getProcessInfo(name)
        except (OSError, xmlrpc.client.Fault):
            return STOPPED, 0
        return found["statename"], found["pid"]

    def states(self) -> dict[str, str]:
        """All processes that supervisord knows, by name."""
        try:
            return {found["name"]: found["statename"] for found in self.daemon.rpc.getAllProcessInfo()}
        except OSError:
            return {}

    def printed(self, name: str) -> bytes:
        """What `name` printed, since its log was rotated."""
        try:
            return (self.home / "log" / f"{name}.log").read_bytes()
        except FileNotFoundError:
            return b""

    def fragment(self, name: str) -> str | None:
        """The part of the configuration that describes `name`."""
        try:
            return (self.programs / f"{name}.ini").read_text()
        except FileNotFoundError:
            return None

    def reread(self) -> None:
        """Make supervisord run what is described, as `supervisorctl update` would; start it when there is none."""
        programs = [file.read_text() for file in sorted(self.programs.glob("*.ini"))]
        header = HEADER.format(socket=self.daemon.socket)
        write_whole(self.run / "supervisord.conf", "".join([header, *programs]))
        if not self.daemon.alive():
            self.daemon.start()
            return
        rpc = self.daemon.rpc
        added, changed, removed = rpc.reloadConfig()[0]
        for group in (*changed, *removed):
            with contextlib.suppress(xmlrpc.client.Fault):
                rpc.stopProcessGroup(group)
            rpc.removeProcessGroup(group)
        for group in (*added, *changed):
            rpc.addProcessGroup(group)


def encoded(spec: Spec) -> str:
    """The JSON that `launch.py` reads."""
    return msgspec.json.format(msgspec.json.encode(spec, order="deterministic"), indent=1).decode() + "\n"


def program(name: str, described: str, spec: Spec) -> str:
    """The configuration's part for `name`; the digest in it makes supervisord see a changed description."""
    digest = hashlib.sha256(described.encode()).hexdigest()
    start = f"{quoted(sys.executable)} -IS {quoted(str(LAUNCH))} programs/{name}.json {digest}"
    return PROGRAM.format(name=name, command=start, stop_seconds=spec.stop_seconds)


def quoted(path: str) -> str:
    """A path as supervisord's configuration reads it. Raises LocalError for one that it cannot hold."""
    if any(mark in path for mark in (" ;", " #", "\n")):
        raise LocalError(f"supervisord reads a comment in {path!r} (' ;', ' #' or a line end). Move the clone.")
    return shlex.quote(path).replace("%", "%%")
