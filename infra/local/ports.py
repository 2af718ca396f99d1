"""Which ports of this machine are an environment's? A block that is allocated once per clone and environment, and kept.

Blocks lie below the ephemeral range (32768 on Linux, 49152 on macOS), so that no outgoing connection takes one. The
register is the user's, one per machine; it is changed under a lock. Where a search for a block begins follows from
clone and environment, so that a lost register is mostly restored as it was.
"""

import hashlib
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.errors import LocalError
from infra.local.listening import is_bound
from infra.local.locking import locked
from infra.local.whole import write_whole

FIRST, END, SIZE = 20_000, 32_000, 16
SERVERS = 13  # what is left of a block after gateway, admin and ui


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one environment; `ui` is MLflow's interface while somebody looks at it."""

    gateway: int
    admin: int
    ui: int
    servers: tuple[int, ...]


class Block(msgspec.Struct, kw_only=True):
    """Whose a block is, and which server each of its server ports had last; `turn` is the next port to give away."""

    clone: str
    environment: str
    servers: list[str]
    turn: int = 0


Register = dict[int, Block]


def block(clone: Path, environment: str) -> Ports:
    """The ports of `environment` in the checkout `clone`. Raises LocalError when no block is free."""
    with locked(register().with_suffix(".lock")):
        blocks = read()
        first = find(blocks, clone, environment)
        if first is None:
            first = allocate(blocks, clone, environment)
            write(blocks)
    return ports(first)


def server_ports(clone: Path, environment: str, names: Iterable[str]) -> dict[str, int]:
    """A port for each of the servers `names`: the one that it had, else that which is unused for longest.

    Several ports must pass before one comes round again: a new server starts while the one before still runs.
    Raises LocalError when there are more servers than ports.
    """
    block(clone, environment)
    with locked(register().with_suffix(".lock")):
        blocks = read()
        first = find(blocks, clone, environment)
        assert first is not None  # it was allocated above
        wanted = sorted(names)
        given = {name: ports(first).servers[place(blocks[first], name, wanted, first)] for name in wanted}
        write(blocks)
    return given


def release(clone: Path) -> None:
    """Give back all blocks of `clone`."""
    with locked(register().with_suffix(".lock")):
        write({first: taken for first, taken in read().items() if taken.clone != str(clone.resolve())})


def ports(first: int) -> Ports:
    """The block that begins at `first`."""
    servers = tuple(range(first + SIZE - SERVERS, first + SIZE))
    return Ports(gateway=first, admin=first + 1, ui=first + 2, servers=servers)


def find(blocks: Register, clone: Path, environment: str) -> int | None:
    """Where the block of `environment` in `clone` begins."""
    owner = (str(clone.resolve()), environment)
    return next((first for first, taken in blocks.items() if (taken.clone, taken.environment) == owner), None)


def allocate(blocks: Register, clone: Path, environment: str) -> int:
    """Take a free block: one that nobody registered, or whose clone is gone, and none of whose ports is in use."""
    for first in [first for first, taken in blocks.items() if not Path(taken.clone).is_dir()]:
        del blocks[first]
    count = (END - FIRST) // SIZE
    owner = str(clone.resolve())
    begin = int.from_bytes(hashlib.sha256(f"{owner}\0{environment}".encode()).digest()[:8]) % count
    for offset in range(count):
        first = FIRST + (begin + offset) % count * SIZE
        if first not in blocks and not any(is_bound(port) for port in range(first, first + SIZE)):
            blocks[first] = Block(clone=owner, environment=environment, servers=[""] * SERVERS)
            return first
    raise LocalError(
        f"all {count} blocks of {SIZE} ports from {FIRST} to {END - 1} are taken or in use. "
        f"Remove clones that you no longer need, or {register()} when none runs."
    )


def place(taken: Block, name: str, wanted: list[str], first: int) -> int:
    """The index of `name`'s port among a block's server ports; it is registered when it is new."""
    if name in taken.servers:
        return taken.servers.index(name)
    for offset in range(SERVERS):
        index = (taken.turn + offset) % SERVERS
        if taken.servers[index] not in wanted and not is_bound(ports(first).servers[index]):
            taken.servers[index], taken.turn = name, (index + 1) % SERVERS
            return index
    raise LocalError(f"no port is left for {name}: {SERVERS} servers of {taken.environment} run or are declared.")


def register() -> Path:
    """The file in which this user's blocks on this machine stand."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "mlops" / f"ports-{platform.node() or 'localhost'}.json"


def read() -> Register:
    """All blocks by their first port."""
    try:
        return msgspec.json.decode(register().read_bytes(), type=Register, strict=False)
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise LocalError(f"{register()} is no register of ports: {error}. Remove it, it is made again.") from None


def write(blocks: Register) -> None:
    """Replace the register."""
    write_whole(register(), msgspec.json.format(msgspec.json.encode(blocks), indent=1).decode() + "\n")
