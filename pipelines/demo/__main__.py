"""Tell the story in the repository that this code lies in: `python -m pipelines.demo`."""

import sys
from pathlib import Path

from rich.console import Console

from pipelines.demo.display import Display
from pipelines.demo.story import Story
from pipelines.errors import MlopsError


def main() -> None:
    """Run all chapters; the first that does not end as it must ends the demo with its error."""
    try:
        Story.of(Path(__file__).resolve().parents[2], Display(console=Console())).run()
    except MlopsError as error:
        sys.stderr.write(f"demo: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
