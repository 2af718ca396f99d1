"""Who listens on a port of this machine?"""

import contextlib
import socket
from typing import Any

import psutil


def is_bound(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def listener(port: int) -> psutil.Process | None:
    """The process that listens on `port`, None when this user may not know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            local: tuple[Any, ...] = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local[1] == port and connection.pid:
                return psutil.Process(connection.pid)
    return None


def described(holder: psutil.Process | None) -> str:
    """A process as a person finds it."""
    if holder is None:
        return "a process of another user"
    try:
        return f"process {holder.pid} of {holder.username()} ({' '.join(holder.cmdline())[:120]})"
    except psutil.Error:
        return f"process {holder.pid}"
