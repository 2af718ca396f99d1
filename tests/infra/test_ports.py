"""Do clones and environments keep out of each other's ports?"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local import ports
from infra.local.errors import LocalError
from infra.local.ports import SERVERS, Ports, block, release, server_ports


@pytest.fixture(autouse=True)
def own_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def clone(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    return folder


def every(given: Ports) -> set[int]:
    return {given.gateway, given.admin, given.ui, *given.servers}


@pytest.fixture
def held() -> Generator[socket.socket]:
    """A socket for a test to bind."""
    with socket.socket() as stranger:
        yield stranger


def test_two_clones_and_two_environments_share_no_port(tmp_path: Path) -> None:
    blocks = [block(clone(tmp_path, name), environment) for name in ("a", "b") for environment in ("dev", "prod")]
    assert len(set.union(*map(every, blocks))) == sum(len(every(given)) for given in blocks)


def test_a_block_is_kept(tmp_path: Path) -> None:
    first = block(clone(tmp_path, "a"), "dev")
    block(clone(tmp_path, "b"), "dev")
    assert block(tmp_path / "b" / ".." / "a", "dev") == first


def test_a_block_is_kept_while_its_own_processes_listen(tmp_path: Path, held: socket.socket) -> None:
    first = block(clone(tmp_path, "a"), "dev")
    held.bind(("127.0.0.1", first.gateway))
    held.listen()
    assert block(tmp_path / "a", "dev") == first


def test_a_block_that_somebody_else_listens_in_is_skipped(tmp_path: Path, held: socket.socket) -> None:
    would_be = block(clone(tmp_path, "a"), "dev")
    release(tmp_path / "a")
    held.bind(("127.0.0.1", would_be.servers[-1]))
    held.listen()
    assert not every(block(tmp_path / "a", "dev")) & every(would_be)


def test_ports_lie_below_the_ephemeral_range(tmp_path: Path) -> None:
    for number in range(20):
        assert all(1024 < port < 32768 for port in every(block(clone(tmp_path, str(number)), "dev")))


def test_a_lost_register_gives_the_same_block_again(tmp_path: Path) -> None:
    first = block(clone(tmp_path, "a"), "dev")
    shutil.rmtree(tmp_path / "state")
    assert block(tmp_path / "a", "dev") == first


def test_blocks_of_clones_that_are_gone_are_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "END", ports.FIRST + 2 * ports.SIZE)
    monkeypatch.setattr(ports, "is_bound", lambda _port: False)
    block(clone(tmp_path, "a"), "dev")
    stays = block(clone(tmp_path, "b"), "dev")
    (tmp_path / "a").rmdir()
    block(clone(tmp_path, "c"), "dev")
    assert block(tmp_path / "b", "dev") == stays


def test_when_all_are_taken_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "END", ports.FIRST + ports.SIZE)
    monkeypatch.setattr(ports, "is_bound", lambda _port: False)
    block(clone(tmp_path, "a"), "dev")
    with pytest.raises(LocalError, match=r"all 1 blocks .* Remove clones that you no longer need"):
        block(clone(tmp_path, "b"), "dev")


def test_released_blocks_are_free_and_others_stay(tmp_path: Path) -> None:
    block(clone(tmp_path, "a"), "dev")
    stays = block(clone(tmp_path, "b"), "dev")
    release(tmp_path / "a")
    assert [taken.clone for taken in ports.read().values()] == [str(tmp_path / "b")]
    assert block(tmp_path / "b", "dev") == stays


def test_no_block_is_given_twice_to_threads_and_processes_that_ask_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from infra.local.ports import block\n"
        "for n in range(5): block(Path(sys.argv[1]), f'{sys.argv[2]}-{n}')"
    )
    for name in ("a", "b"):
        clone(tmp_path, name)
    others = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / name), name]) for name in ("a", "b", "a")]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: block(tmp_path / "a", f"thread-{number % 5}"), range(20)))
    assert [other.wait() for other in others] == [0, 0, 0]
    assert len(ports.read()) == 15


def test_a_server_keeps_its_port_when_another_comes_and_goes(tmp_path: Path) -> None:
    root = clone(tmp_path, "a")
    stable = server_ports(root, "dev", ["stable"])["stable"]
    assert server_ports(root, "dev", ["candidate", "stable"])["stable"] == stable
    assert server_ports(root, "dev", ["stable"])["stable"] == stable


def test_a_promoted_server_keeps_its_port(tmp_path: Path) -> None:
    root = clone(tmp_path, "a")
    before = server_ports(root, "dev", ["old", "new"])
    assert server_ports(root, "dev", ["new"])["new"] == before["new"]


def test_a_new_server_gets_a_port_that_the_one_before_still_may_hold_least(tmp_path: Path) -> None:
    root = clone(tmp_path, "a")
    passed = [server_ports(root, "dev", [f"release-{number}"])[f"release-{number}"] for number in range(SERVERS)]
    assert len(set(passed)) == SERVERS
    assert server_ports(root, "dev", ["one-more"])["one-more"] == passed[0]


def test_a_server_s_port_is_never_the_gateway_s(tmp_path: Path) -> None:
    given = block(clone(tmp_path, "a"), "dev")
    assert server_ports(tmp_path / "a", "dev", ["x"])["x"] in given.servers


def test_more_servers_than_ports_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no port is left for"):
        server_ports(clone(tmp_path, "a"), "dev", [f"s{number}" for number in range(SERVERS + 1)])


def test_a_broken_register_says_what_to_do(tmp_path: Path) -> None:
    block(clone(tmp_path, "a"), "dev")
    ports.register().write_text("{")
    with pytest.raises(LocalError, match=r"is no register of ports.*Remove it"):
        block(tmp_path / "a", "dev")
