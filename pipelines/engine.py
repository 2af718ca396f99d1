"""How do we run the Pulumi engine on this clone's local stacks? With its programs, its state, and nothing from outside.

`make shell` opens a shell in the same environment, so what a person types there and what `mlops up` does are one thing.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

from pipelines.errors import NotReady, ToolFailed

Project = Literal["platform", "endpoint"]

# Local stacks hold no secret that leaves this machine, so that their passphrase is published and their salts committed.
PASSPHRASE = "local"  # noqa: S105  # not a secret, see above
FOLDERS: dict[Project, str] = {"platform": ".", "endpoint": "infra/endpoint"}
LAST_LINES = 30
INTERRUPT_SECONDS = 60.0


def tools_folder(root: Path) -> Path:
    """Where `make setup` put the programs: MLOPS_TOOLS, else `.tools/` of the clone or of its packages' origin."""
    if given := os.environ.get("MLOPS_TOOLS"):
        return Path(given)
    own, shared = root / ".tools", Path(sys.prefix).resolve().parent / ".tools"
    return shared if shared.exists() and not own.exists() else own


def engine_folder(root: Path) -> Path:
    """The folder of the engine that `make setup` chose. Raises NotReady when there is none."""
    choice = tools_folder(root) / "engine"
    folder = Path(choice.read_text()) if choice.exists() else None
    if folder is None or not (folder / "pulumi").exists():
        raise NotReady(f"there is no Pulumi engine for {root}. Run `make setup`, or set MLOPS_TOOLS to its result.")
    return folder


def state_folder(root: Path) -> Path:
    """Where the state of this clone's local stacks lies, made if need be, readable by its owner only."""
    state = root / ".local" / "state"
    for folder in (state.parent, state):
        folder.mkdir(mode=0o700, exist_ok=True)
    return state


def engine_environment(root: Path) -> dict[str, str]:
    """Environment variables in which `pulumi` works on the local stacks of the clone at `root`.

    This interpreter's folder and the engine's lead PATH, and `root` leads PYTHONPATH: a scratch clone shares its
    origin's packages, and must import its own code. What the surrounding shell says about another clone is overruled.
    """
    folder = engine_folder(root)
    path = [str(folder), str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)]
    return os.environ | {
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(root),
        "PULUMI_BACKEND_URL": state_folder(root).as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "MLOPS_TOOLS": str(tools_folder(root)),
    }


def project_folder(root: Path, project: Project) -> Path:
    """The folder with the project's `Pulumi.yaml`."""
    return (root / FOLDERS[project]).resolve()


def has_stack(root: Path, project: Project, stack: str) -> bool:
    """Whether the state of this clone knows the stack."""
    return (root / ".local" / "state" / ".pulumi" / "stacks" / project / f"{stack}.json").exists()


def pulumi(root: Path, project: Project, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `pulumi <arguments> --stack <stack>` in the project's folder, making the stack first when it is new.

    For example `pulumi(root, "endpoint", "local-dev", "up", "--yes", "--skip-preview")`. Raises NotReady without an
    engine, ToolFailed with the engine's last lines when it fails.
    """
    environment = engine_environment(root)
    if not has_stack(root, project, stack):
        run(root, project, environment, "stack", "init", stack, "--no-select")
    return run(root, project, environment, *arguments, "--stack", stack)


def run(root: Path, project: Project, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of the engine, without questions and colours."""
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    process = subprocess.Popen(
        command, cwd=project_folder(root, project), env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate()
    except KeyboardInterrupt:
        # The engine got the same interrupt: let it end what it does and release the stack's lock.
        process.communicate(timeout=INTERRUPT_SECONDS)
        raise
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if done.returncode:
        raise ToolFailed(explain(root, project, arguments, done))
    return done


def explain(root: Path, project: Project, arguments: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> str:
    """What failed, the engine's last words, and how to go on."""
    said = done.stdout.rpartition("Diagnostics:")[2] + done.stderr  # before it, the same is said as progress
    lines = [line for line in said.splitlines() if line.strip()]
    tail = "\n".join(f"  | {line}" for line in lines[-LAST_LINES:])
    command = f"pulumi {' '.join(arguments)}"
    by_hand = f"`make shell`, `cd {FOLDERS[project]}`"
    way_out = f"Run it by hand: {by_hand}, `{command}`."
    if "currently locked" in tail:
        way_out = f"If no other update of the stack is running, release its lock: {by_hand}, `pulumi cancel`."
    return f"`{command}` failed in {project_folder(root, project)} (exit code {done.returncode}):\n{tail}\n{way_out}"
