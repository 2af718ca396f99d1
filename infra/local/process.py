"""How does a `Process` resource come about? supervisord runs it, and it is there once it says that it is ready."""

import re
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psutil

from infra.local.errors import LocalError
from infra.local.kind import Properties, Property, differences
from infra.local.listening import described, is_bound, listener
from infra.local.supervisor import RUNNING, STARTING, Spec, Supervisor

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
POLL_SECONDS = 0.05
TAIL_BYTES = 2000


@dataclass(frozen=True)
class ProcessKind:
    """`local:index:Process`, named as the resource; its output `state` is RUNNING unless it was found otherwise."""

    cancelled: threading.Event = field(default_factory=threading.Event)

    inputs: ClassVar[dict[str, Property]] = {
        "home": Property(type=str, required=True, replaces=True),
        "command": Property(type=list, required=True),
        "directory": Property(type=str, required=True),
        "environment": Property(type=dict, default={}),
        "ports": Property(type=list, default=[]),
        "ready": Property(type=str, default=""),
        "start_seconds": Property(type=float, default=30.0),
        "stop_seconds": Property(type=float, default=15.0),
    }

    def problems(self, name: str, inputs: Properties) -> dict[str, str]:
        if not NAME.fullmatch(name):
            return {"": f"a process's name is of lower-case letters, digits and hyphens, not {name!r}"}
        return {}

    def changes(self, old: Properties, new: Properties) -> list[str]:
        return differences(self, old, new) + (["state"] if old.get("state") != RUNNING else [])

    def planned(self, inputs: Properties, old: Properties) -> Properties:
        return {**inputs, "state": RUNNING}

    def create(self, name: str, inputs: Properties) -> tuple[str, Properties]:
        try:
            self.run(name, inputs)
        except BaseException:
            Supervisor(Path(inputs["home"])).remove(name)
            raise
        return name, {**inputs, "state": RUNNING}

    def update(self, identity: str, old: Properties, inputs: Properties) -> Properties:
        try:
            self.run(identity, inputs)
        except LocalError:
            # What ran before is better than nothing; the engine keeps the old state, which is then true.
            Supervisor(Path(inputs["home"])).apply(identity, spec(old))
            raise
        return {**inputs, "state": RUNNING}

    def read(self, identity: str, state: Properties, inputs: Properties) -> tuple[Properties, Properties] | None:
        found, now = Supervisor(Path(state["home"])).read(identity)
        if found is None:
            return None
        told = {
            "command": found.command,
            "directory": found.directory,
            "environment": found.environment,
            "stop_seconds": found.stop_seconds,
        }
        return {**state, **told, "state": RUNNING if now == STARTING else now}, {**inputs, **told}

    def delete(self, identity: str, state: Properties) -> None:
        Supervisor(Path(state["home"])).remove(identity)

    def run(self, name: str, inputs: Properties) -> None:
        """Start `name` and wait until it is ready. Raises LocalError with the end of its log when it is not."""
        supervisor = Supervisor(Path(inputs["home"]))
        refuse_held_ports(supervisor, name, [int(port) for port in inputs["ports"]])
        before = supervisor.printed(name)
        supervisor.apply(name, spec(inputs))
        deadline = time.monotonic() + inputs["start_seconds"]
        while True:
            state = supervisor.state(name)
            if state not in (RUNNING, STARTING):
                raise LocalError(
                    f"{name} ended before it was ready ({state}). {words(supervisor.printed(name), before)}"
                )
            if is_ready(state, inputs["ready"]):
                return
            if time.monotonic() > deadline:
                limit = f"{inputs['start_seconds']:g} s ({inputs['ready'] or 'it ended within a second'})"
                raise LocalError(f"{name} was not ready within {limit}. {words(supervisor.printed(name), before)}")
            if self.cancelled.wait(POLL_SECONDS):
                raise LocalError(f"{name} was not waited for: the update was cancelled.")


def spec(inputs: Properties) -> Spec:
    """What supervisord is told."""
    return Spec(
        command=inputs["command"],
        directory=inputs["directory"],
        environment=inputs["environment"],
        stop_seconds=inputs["stop_seconds"],
    )


def is_ready(state: str, url: str) -> bool:
    """Whether the URL answers; without one, supervisord's word that the process stayed up is enough."""
    if not url:
        return state == RUNNING
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # a loopback URL that our programs declare
            return answer.status < 400
    except (OSError, ValueError):
        return False


def words(printed: bytes, before: bytes) -> str:
    """The end of what a process printed since `before`, as the end of an error."""
    tail = printed.removeprefix(before)[-TAIL_BYTES:].decode(errors="replace").strip()
    return f"It printed:\n{tail}" if tail else "It printed nothing."


def refuse_held_ports(supervisor: Supervisor, name: str, ports: list[int]) -> None:
    """Raise LocalError when somebody else listens on a port that `name` will need.

    It must come before the start: a stranger may answer a readiness URL, and Envoy shares its port silently.
    """
    own = family(supervisor.pid(name))
    for port in ports:
        if not is_bound(port):
            continue
        holder = listener(port)
        if own if holder is None else holder.pid in own or supervisor.daemon.owns(holder):
            continue
        raise LocalError(
            f"{name} needs port {port} of this machine, which {described(holder)} holds. "
            "End that process and try again."
        )


def family(pid: int | None) -> set[int]:
    """A process and its descendants."""
    if pid is None:
        return set()
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}
