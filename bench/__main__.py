"""`make bench`: the model server beside MLflow's own, on the same model, in the same run; about two minutes."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.machine import Watch, machine
from bench.page import page
from bench.result import Result, summary
from bench.run import CONNECTIONS, agree, logged, measure, servers
from bench.servers import cpu_seconds
from bench.subject import prepare
from pipelines.contract import load
from pipelines.errors import MlopsError
from serving.release import canonical

ROOT = Path(__file__).resolve().parent.parent


def say(message: str) -> None:
    """One line of progress."""
    click.echo(message, err=True)


@click.command(epilog="Example: python -m bench --rounds 1 --seconds 2 --output /tmp/bench")
@click.option("--model", type=click.Path(path_type=Path, exists=True), default=ROOT / "model", help="The model folder.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Medians are taken over these.")
@click.option("--seconds", type=click.FloatRange(0.1), default=4.0, show_default=True, help="Per server and round.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=ROOT, help="Where docs/ and bench/ are."
)
def main(model: Path, rounds: int, seconds: float, output: Path) -> None:
    """Measure, and write `docs/bench.md` and `bench/result.json`."""
    try:
        result = run(model, rounds, seconds)
    except MlopsError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    for path, content in (("bench/result.json", canonical(result)), ("docs/bench.md", page(result).encode())):
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(content)
        say(f"wrote {output / path}")
    click.echo(page(result))


def run(model: Path, rounds: int, seconds: float) -> Result:
    """One run from training to figures, in a folder that goes away."""
    at = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as scratch:
        say("training the model")
        subject = prepare(load(model), Path(scratch))
        say("starting the servers")
        folder = Path(scratch) / "run"
        folder.mkdir()
        with servers(subject, folder) as targets:
            agree(targets, subject.bodies[:20])
            everything = {process for target in targets for process in target.processes}
            watch = Watch(lambda: cpu_seconds(everything))
            rounds_of = measure(targets, subject.bodies, rounds=rounds, seconds=seconds, report=say)
            where = machine(watch.others())
        predictions = logged(folder / "spool", rounds_of)
    measured, ratios = summary(rounds_of)
    return Result(
        at=f"{at:%Y-%m-%d}", machine=where, model=subject.model, release=subject.digest, connections=CONNECTIONS,
        rounds=rounds, seconds=seconds, servers=measured, ratios=ratios, logged=predictions,
    )  # fmt: skip


if __name__ == "__main__":
    main()
