"""Does the provider keep secrets and give up cleanly, in any program of the real engine?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra.local.ports import block, release
from infra.local.supervisor import Supervisor
from pipelines.engine import engine_environment

pytestmark = pytest.mark.engine
ANSWERING = Path(__file__).with_name("answering.py")
PROJECT = """\
name: stub
runtime: python
plugins:
  providers:
    - name: local
      path: {binaries}
"""
PROGRAM = """\
import pulumi
from infra.local.resources import File, Process

key = File("key", path={home!r} + "/key", random=32)
Process(
    "web",
    home={home!r},
    command={command!r},
    directory={home!r},
    environment={{"KEY": key.content, "PASSWORD": pulumi.Output.secret("correct-horse")}},
    ready={ready!r},
)
"""


@dataclass(frozen=True, kw_only=True)
class Stub:
    """A project with one process, and the environment in which the engine runs it."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def declare(self, port: int, *options: str) -> None:
        """The process answers on `port`."""
        command = [sys.executable, str(ANSWERING), str(port), *options]
        program = PROGRAM.format(home=str(self.home), command=command, ready=f"http://127.0.0.1:{port}/")
        (self.folder / "__main__.py").write_text(program)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `pulumi` as a terminal does: in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--stack", "test"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run `pulumi` to its end, which must be good."""
        process = self.begin(*arguments)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        return said


def started(stub: Stub) -> Supervisor:
    """The stub's supervisor, once the process runs that an update waits for."""
    supervisor, deadline = Supervisor(stub.home), time.monotonic() + 60
    while not supervisor.pid("web"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return supervisor


@pytest.fixture
def stub(tmp_path: Path, repository: Path) -> Generator[Stub]:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT.format(binaries=Path(sys.prefix) / "bin"))
    (tmp_path / "home").mkdir()
    (tmp_path / "state").mkdir()
    environment = engine_environment(repository) | {"PULUMI_BACKEND_URL": (tmp_path / "state").as_uri()}
    made = Stub(folder=tmp_path, environment=environment)
    made.run("stack", "init")
    yield made
    supervisor = Supervisor(made.home)
    for name in supervisor.states():
        supervisor.remove(name)
    release(tmp_path)


@pytest.fixture
def port(tmp_path: Path) -> int:
    return block(tmp_path, "test").servers[0]


def test_secrets_reach_the_process_and_neither_the_state_nor_the_output(stub: Stub, port: int) -> None:
    stub.declare(port)
    said = stub.run("up", "--yes", "--diff")
    key = (stub.home / "key").read_text()
    pid = Supervisor(stub.home).pid("web")
    assert pid is not None
    environment = psutil.Process(pid).environ()
    assert (environment["KEY"], environment["PASSWORD"]) == (key, "correct-horse")
    written = "".join(file.read_text() for file in (stub.folder / "state").rglob("*.json"))
    for text in (said, written):
        assert key not in text
        assert "correct-horse" not in text
    assert "unchanged" in stub.run("preview", "--refresh", "--expect-no-changes")


def test_an_interrupted_update_leaves_no_process_behind(stub: Stub, port: int) -> None:
    stub.declare(port, "silent")
    update = stub.begin("up", "--yes", "--skip-preview")
    supervisor = started(stub)
    os.killpg(update.pid, signal.SIGINT)
    said = update.communicate(timeout=60)[0]
    assert update.returncode != 0
    assert "the update was cancelled" in said
    assert not supervisor.daemon.socket.exists()
    assert not [process for process in psutil.process_iter() if supervisor.daemon.owns(process)]


def test_a_killed_engine_takes_its_provider_with_it(stub: Stub, port: int) -> None:
    stub.declare(port, "silent")
    update = stub.begin("up", "--yes", "--skip-preview")
    started(stub)
    children = psutil.Process(update.pid).children(recursive=True)
    provider = [process for process in children if "pulumi-resource-local" in " ".join(process.cmdline())]
    update.kill()
    update.communicate()
    assert provider
    assert not psutil.wait_procs(provider, timeout=30)[1]
