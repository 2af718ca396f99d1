"""What does a release say about a whole file? Scored in chunks, with the server's checks and the server's graph."""

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput, NotReady
from pipelines.options import environment_option, json_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent
from pipelines.store import find_release
from serving.columns import check
from serving.graph import Graph
from serving.refusal import Refusal
from serving.release import Schema

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 10_000  # of one chunk
SUFFIXES = (".csv", ".parquet")


def score(
    env: Environment, *, source: str, output: str, release: str | None = None,
    report: Callable[[str], None] = silent,
) -> Record:  # fmt: skip
    """Score the rows of `source` with `release` (the stable one unless given) into `output`; CSV or Parquet each.

    The output has entity and event time where the source has them, the decision, and one column per score. It appears
    whole or not at all. Raises InvalidInput on the first row that the server would refuse too.
    """
    digest = release or stable(env)
    refuse_paths(source, output)
    graph = Graph(env.release(digest))
    temporary = Path(output).with_name(f".{Path(output).name}.new")
    done = Progress(decisions=Counter())
    try:
        with writer(temporary, Path(output).suffix, result_schema(graph.schema, source)) as out:
            for chunk in chunks(source, graph.schema):
                out.write(scored(graph, chunk, source, done))
                report(f"{done.rows} rows")
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return keep(
        env, step="score", verdict="scored", subject=digest,
        summary=f"{done.rows} rows of {Path(source).name} are scored with release {digest[:12]} into {output}",
        rows=done.rows, source=source, output=output,
        decisions=dict(sorted(done.decisions.items())) if graph.schema.classes else {},
    )  # fmt: skip


@dataclass(kw_only=True)
class Progress:
    """How far a file is scored."""

    decisions: Counter[str]
    rows: int = 0


def stable(env: Environment) -> str:
    """The environment's stable release."""
    if found := env.endpoint().stable:
        return found
    raise NotReady(f"{env.name} declares no stable release. Promote one, or name one with --release.")


def refuse_paths(source: str, output: str) -> None:
    """Both files have to be of a kind that is known, and two."""
    for path in (source, output):
        if Path(path).suffix not in SUFFIXES:
            raise InvalidInput(f"{path}: it is a .csv or a .parquet file that can be scored or written.")
    if Path(source).resolve() == Path(output).resolve():
        raise InvalidInput(f"{output}: the output would replace the source. Give it another name.")
    if not Path(output).resolve().parent.is_dir():
        raise InvalidInput(f"{output}: its folder does not exist. Make it first.")


def chunks(source: str, schema: Schema) -> "Iterator[pa.RecordBatch]":
    """The columns of `source` that matter, some rows at a time. Raises InvalidInput when it cannot be read so."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    names = present(source, schema)
    try:
        if Path(source).suffix == ".parquet":
            yield from parquet.ParquetFile(source).iter_batches(batch_size=ROWS, columns=names)
            return
        numbers = {column.name for column in schema.columns if column.type == "number"}
        options = csv.ConvertOptions(
            column_types={name: pa.float64() if name in numbers else pa.string() for name in names},
            include_columns=names, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
        )  # fmt: skip
        for batch in csv.open_csv(source, convert_options=options):
            for start in range(0, batch.num_rows, ROWS):
                yield batch.slice(start, ROWS)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{source} cannot be read: {error}") from None


def columns_of(source: str) -> list[str]:
    """The names of the file's columns."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if Path(source).suffix == ".parquet":
            return list(parquet.read_schema(source).names)
        return list(csv.open_csv(source).schema.names)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{source} cannot be read: {error}") from None


def present(source: str, schema: Schema) -> list[str]:
    """The model's inputs, and entity and event time where the file has them. Raises InvalidInput on a missing input."""
    there = columns_of(source)
    for column in schema.columns:
        if column.name not in there:
            near = difflib.get_close_matches(column.name, there, n=1)
            hint = f"; the nearest it has is '{near[0]}'" if near else ""
            raise InvalidInput(f"{source} has no column '{column.name}', which the release needs{hint}.")
    return [*(column.name for column in schema.columns), *keys(schema, there)]


def keys(schema: Schema, there: list[str]) -> list[str]:
    """The columns of a file that say which event a row is."""
    return [name for name in (schema.entity, schema.event_time) if name in there]


def scored(graph: Graph, chunk: "pa.RecordBatch", source: str, done: Progress) -> "pa.RecordBatch":
    """The output's rows for one chunk."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    try:
        for column in graph.schema.columns:
            columns[column.name] = check(column)(chunk.column(column.name).to_pylist())
    except Refusal as refusal:
        raise InvalidInput(refused(source, refusal, done.rows)) from None
    try:
        scores = graph.score(columns)
    except Exception as error:  # noqa: BLE001  # ONNX Runtime's errors share no base class
        raise InvalidInput(f"{source}: the release fails among the rows from {done.rows} on: {error}") from None
    if not np.isfinite(scores).all():
        raise InvalidInput(f"{source}: the release answers with NaN among the rows from {done.rows} on.")
    decisions = graph.decide(scores)
    done.rows += chunk.num_rows
    done.decisions.update(map(str, decisions))
    names = keys(graph.schema, chunk.schema.names)
    arrays = [chunk.column(name).cast(pa.string()) for name in names]
    arrays += [pa.array(decisions), *(pa.array(scores[:, index]) for index in range(scores.shape[1]))]
    return pa.RecordBatch.from_arrays(arrays, names=[*names, *results(graph.schema)])


def refused(source: str, refusal: Refusal, before: int) -> str:
    """The server's words with the row of the file, counted from 0 behind a header."""
    row = refusal.row or 0
    return f"{source}: {str(refusal).replace(f'row {row}', f'row {before + row}', 1)}. Nothing was written."


def results(schema: Schema) -> list[str]:
    """The names of the decision and of the scores."""
    return ["decision", *(f"score_{name}" for name in schema.classes)] if schema.classes else ["decision", "score"]


def result_schema(schema: Schema, source: str) -> "pa.Schema":
    """The output's columns."""
    import pyarrow as pa

    decision, *scores = results(schema)
    return pa.schema([
        *((name, pa.string()) for name in keys(schema, columns_of(source))),
        (decision, pa.string() if schema.classes else pa.float64()), *((name, pa.float32()) for name in scores),
    ])  # fmt: skip


def writer(path: Path, suffix: str, schema: "pa.Schema") -> Any:
    """What takes chunks and writes them to `path`."""
    from pyarrow import csv, parquet

    return parquet.ParquetWriter(path, schema) if suffix == ".parquet" else csv.CSVWriter(path, schema)


@click.command(
    "score",
    help="Score a CSV or Parquet file with the environment's stable release, or another one of its store, by the same "
    "graph and the same checks as the model server. Memory does not grow with the file.",
    epilog="Example: mlops score --env local-prod --source rows.csv --output scores.parquet\n\n"
    "Exit codes: 0 done, 3 a row or column is refused (nothing is written), 6 bytes changed, 7 no release.",
)
@environment_option()
@click.option("--source", required=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="The rows.")
@click.option("--output", required=True, metavar="FILE", type=click.Path(dir_okay=False), help="Where scores go.")
@click.option("--release", metavar="DIGEST", help="Another release than the stable one.")
@json_option
def command(env: str, source: str, output: str, release: str | None, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    opened = open_environment(root(), env)
    chosen = find_release(opened.store, release) if release else None
    show(score(opened, source=source, output=output, release=chosen, report=progress), as_json)
