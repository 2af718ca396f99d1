"""Does a `Process` come up, show its drift, get repaired and go away, with a real supervisord?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.local.daemon import Daemon
from infra.local.errors import LocalError
from infra.local.kind import Properties, checked
from infra.local.ports import Ports, block, release
from infra.local.process import ProcessKind
from infra.local.supervisor import Supervisor

pytestmark = pytest.mark.services
ANSWERING = str(Path(__file__).with_name("answering.py"))
KIND = ProcessKind()


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    """An environment's folder, whose name no shell and no configuration file likes."""
    folder = tmp_path / "a 100% [odd] $name" / "env"
    yield folder
    supervisor = Supervisor(folder)
    for name in supervisor.states():
        supervisor.remove(name)
    release(tmp_path)


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return block(tmp_path, "test")


def inputs(home: Path, port: int, *options: str, **changes: Any) -> Properties:
    """Checked inputs of an answering process."""
    given: Properties = {
        "home": str(home),
        "command": [sys.executable, ANSWERING, str(port), *options],
        "directory": str(home.parent.parent),
        "ports": [float(port)],
        "ready": f"http://127.0.0.1:{port}/",
        **changes,
    }
    result, wrong = checked(KIND, given)
    assert not wrong
    return result


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def found(home: Path, name: str, state: Properties) -> Properties:
    """What a refresh finds."""
    read = KIND.read(name, state, {})
    assert read is not None
    return read[0]


def test_a_created_process_is_ready_and_unchanged_for_a_refresh(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0])
    identity, state = KIND.create("web", given)
    assert identity == "web"
    assert KIND.changes(found(home, "web", state), given) == []


def test_what_it_prints_is_in_its_log(home: Path, ports: Ports) -> None:
    KIND.create("web", inputs(home, ports.servers[0]))
    assert (home / "log" / "web.log").read_text().startswith(f"answering on {ports.servers[0]}")


def test_a_process_that_dies_is_one_error_with_the_end_of_its_log_and_leaves_nothing(home: Path, ports: Ports) -> None:
    with pytest.raises(LocalError, match=r"(?s)web ended before it was ready.*there is no model here"):
        KIND.create("web", inputs(home, ports.servers[0], "die"))
    assert not (home / "run").exists()
    assert not Supervisor(home).daemon.socket.exists()


def test_an_error_repeats_nothing_that_was_printed_before(home: Path, ports: Ports) -> None:
    (home / "log").mkdir(parents=True)
    (home / "log" / "web.log").write_text("of another day\n")
    with pytest.raises(LocalError, match="there is no model here") as refused:
        KIND.create("web", inputs(home, ports.servers[0], "die"))
    assert "of another day" not in str(refused.value)


def test_a_process_that_never_answers_is_refused_after_its_time(home: Path, ports: Ports) -> None:
    with pytest.raises(LocalError, match=r"web was not ready within 1 s \(http://.*It printed"):
        KIND.create("web", inputs(home, ports.servers[0], "silent", start_seconds=1.0))
    assert not (home / "run").exists()


def test_a_held_port_is_named_with_its_holder_before_anything_starts(home: Path, ports: Ports) -> None:
    port = ports.servers[0]
    stranger = subprocess.Popen([sys.executable, ANSWERING, str(port)], stdout=subprocess.PIPE)
    assert stranger.stdout is not None
    try:
        stranger.stdout.readline()
        until(lambda: bool(psutil.Process(stranger.pid).net_connections()))
        with pytest.raises(LocalError, match=rf"web needs port {port}.*process {stranger.pid} of .*answering.py"):
            KIND.create("web", inputs(home, port))
    finally:
        stranger.kill()
        stranger.wait()
    assert not Supervisor(home).daemon.alive()


def test_a_killed_process_comes_back_by_itself_and_is_no_drift(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    before = Supervisor(home).pid("web")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: Supervisor(home).pid("web") not in (before, None))
    assert KIND.changes(found(home, "web", state), given) == []


def test_a_stopped_process_is_drift_and_an_update_repairs_it(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    Supervisor(home).stop("web")
    drifted = found(home, "web", state)
    assert KIND.changes(drifted, given) == ["state"]
    KIND.update("web", drifted, given)
    assert KIND.changes(found(home, "web", state), given) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_supervisor_is_drift_and_an_update_brings_its_processes_back_once(
    home: Path, ports: Ports, how: signal.Signals
) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    supervisor = Supervisor(home)
    daemon = psutil.Process(supervisor.daemon.rpc.getPID())
    daemon.send_signal(how)
    psutil.wait_procs([daemon], timeout=20)
    assert KIND.changes(found(home, "web", state), given) == ["state"]
    KIND.update("web", state, given)
    assert KIND.changes(found(home, "web", state), given) == []
    ours = [process for process in psutil.process_iter() if supervisor.daemon.owns(process)]
    assert len(ours) == 2, ours


def test_a_supervisor_whose_socket_was_removed_is_not_run_twice(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    supervisor = Supervisor(home)
    supervisor.daemon.socket.unlink()
    KIND.update("web", state, given)
    ours = [process for process in psutil.process_iter() if supervisor.daemon.owns(process)]
    assert len(ours) == 2, ours


def test_a_description_edited_by_hand_is_drift_and_an_update_repairs_it(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0], environment={"WHO": "declared"})
    _, state = KIND.create("web", given)
    spec = home / "run" / "programs" / "web.json"
    spec.write_text(spec.read_text().replace("declared", "edited"))
    assert "environment" in KIND.changes(found(home, "web", state), given)
    KIND.update("web", state, given)
    assert KIND.changes(found(home, "web", state), given) == []


@pytest.mark.parametrize("suffix", ["json", "ini"])
def test_a_description_that_was_broken_is_drift_and_an_update_repairs_it(home: Path, ports: Ports, suffix: str) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    (home / "run" / "programs" / f"web.{suffix}").write_text("broken")
    assert "state" in KIND.changes(found(home, "web", state), given)
    KIND.update("web", state, given)
    assert KIND.changes(found(home, "web", state), given) == []


def test_a_removed_description_is_a_process_that_is_gone(home: Path, ports: Ports) -> None:
    _, state = KIND.create("web", inputs(home, ports.servers[0]))
    (home / "run" / "programs" / "web.json").unlink()
    assert KIND.read("web", state, {}) is None


def test_an_update_restarts_only_the_process_that_changed(home: Path, ports: Ports) -> None:
    first, second = inputs(home, ports.servers[0]), inputs(home, ports.servers[1])
    _, state = KIND.create("first", first)
    KIND.create("second", second)
    supervisor = Supervisor(home)
    before = supervisor.pid("first"), supervisor.pid("second")
    KIND.update("first", state, inputs(home, ports.servers[0], environment={"NEW": "1"}))
    assert supervisor.pid("second") == before[1]
    assert supervisor.pid("first") != before[0]


def test_a_failed_update_leaves_the_former_process_running(home: Path, ports: Ports) -> None:
    given = inputs(home, ports.servers[0])
    _, state = KIND.create("web", given)
    with pytest.raises(LocalError, match="there is no model here"):
        KIND.update("web", state, inputs(home, ports.servers[0], "die"))
    assert KIND.changes(found(home, "web", state), given) == []


def test_the_last_removal_ends_the_supervisor_and_its_socket(home: Path, ports: Ports) -> None:
    _, state = KIND.create("first", inputs(home, ports.servers[0]))
    KIND.create("second", inputs(home, ports.servers[1]))
    supervisor = Supervisor(home)
    KIND.delete("first", state)
    assert list(supervisor.states()) == ["second"]
    KIND.delete("second", state)
    assert not supervisor.daemon.socket.exists()
    assert not (home / "run").exists()
    assert not [process for process in psutil.process_iter() if supervisor.daemon.owns(process)]


def test_its_description_is_private_and_the_caller_s_secrets_do_not_reach_it(
    home: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the caller")
    KIND.create("web", inputs(home, ports.servers[0], environment={"PASSWORD": "50% \"of\" $it; # 'quoted'"}))
    pid = Supervisor(home).pid("web")
    assert pid is not None
    environment = psutil.Process(pid).environ()
    assert environment["PASSWORD"] == "50% \"of\" $it; # 'quoted'"
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert (home / "run" / "programs" / "web.json").stat().st_mode & 0o077 == 0
    assert "quoted" not in " ".join(psutil.Process(pid).cmdline())


def test_the_socket_s_path_fits_however_deep_the_clone_lies(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    assert len(f"{Supervisor(deep).daemon.socket}.{2**22}") < 104  # of macOS; Linux has 107


def test_a_link_to_the_folder_leads_to_the_same_supervisor(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert Daemon(tmp_path / "link" / "env" / "run").socket == Supervisor(tmp_path / "env").daemon.socket


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"comand": []}, "unknown property; known are home, command"),
        ({"command": None}, "is required"),
        ({"command": "web"}, "must be of type list, not str"),
    ],
)
def test_wrong_inputs_are_named(change: Properties, reason: str) -> None:
    given: Properties = {"home": "/h", "command": ["web"], "directory": "/d"} | change
    assert reason in next(iter(checked(KIND, given)[1].values()))


def test_a_name_that_would_break_the_configuration_is_refused() -> None:
    assert KIND.problems("web]\ncommand=evil", {}) != {}
