"""How does one look at the runs of an environment? MLflow's own interface, on this machine only, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing

import click

from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput, ToolFailed
from pipelines.options import environment_option, progress, root
from pipelines.tracking import QUIET, address, local_folder, shown

HOST = "127.0.0.1"
NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # six processes that only evaluations of prompts use
STOPPED = (0, -signal.SIGINT, -signal.SIGTERM, 130)


def ui(env: Environment, *, port: int = 0) -> None:
    """Serve MLflow's interface for `env` on the loopback address until it is interrupted; port 0 takes a free one.

    Raises InvalidInput when the port is taken or the user has a tracking server already, ToolFailed when MLflow fails.
    """
    where = address(env)
    folder = local_folder(where)
    if folder is None:
        raise InvalidInput(f"{env.name} uses the tracking server {shown(where)}. Open that address in a browser.")
    port = free_port(port)
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--backend-store-uri", where, "--default-artifact-root", (folder / "artifacts").as_uri(),
    ]  # fmt: skip
    progress(f"MLflow of {env.name}: http://{HOST}:{port} (Ctrl-C ends it)")
    signal.signal(signal.SIGTERM, interrupt)
    # A group of its own: MLflow starts its server as a child, and both have to end.
    with subprocess.Popen(command, env=os.environ | QUIET | NO_JOBS, process_group=0) as server:
        try:
            code = server.wait()
        except KeyboardInterrupt:
            os.killpg(server.pid, signal.SIGTERM)
            code = server.wait()
    if code not in STOPPED:
        raise ToolFailed(f"MLflow's server ended with {code}; what it said stands above.")


def interrupt(_number: int, _frame: object) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt


def free_port(port: int) -> int:
    """`port` when nobody listens there, any free one for 0. Raises InvalidInput."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidInput(f"--port {port}: {error.strerror}. Take another one, or leave it out.") from None
        return int(probe.getsockname()[1])


@click.command(
    "ui",
    help="Open MLflow's interface on an environment's runs and releases; it listens on this machine only.",
    epilog="Example: mlops ui --env local-dev --port 5000\n\n"
    "Exit codes: 0 ended by Ctrl-C, 3 the port is taken, 8 MLflow failed.",
)
@environment_option()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; default: a free one.")
def command(env: str, port: int) -> None:
    """Parse the options and serve."""
    ui(open_environment(root(), env), port=port)
