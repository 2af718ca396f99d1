"""Which digests do the models end in, trained by the code and in the repository around the working directory?

`python -m tests.loop.train_here FOLDER...` prints one digest per model folder.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from pipelines.contract import load
from pipelines.environment import open_environment
from pipelines.steps.data import data
from pipelines.steps.train import train

NOW = datetime(2024, 7, 1, tzinfo=UTC)


def main() -> None:
    """Ingest and train each model."""
    env = open_environment(Path.cwd(), "local-dev")
    for folder in sys.argv[1:]:
        model = load(Path.cwd() / folder)
        data(env, model, now=NOW)
        print(train(env, model, seed=3).subject, flush=True)


if __name__ == "__main__":
    main()
