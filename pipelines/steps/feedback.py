"""How do labels that became known get in? Checked as a whole, and appended without what is there already."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.contract import Contract, Model, load
from pipelines.database import open_database
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput
from pipelines.frames import open_table
from pipelines.intake import as_text, times
from pipelines.options import environment_option, json_option, model_option, now_option, progress, root, show
from pipelines.record import Record, keep
from pipelines.steps.data import silent

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TABLE = "labels"
COLUMNS = ("entity", "event_time", "known_at", "value")

# What is new or corrects an older value; a file that was sent before adds nothing, whatever came in between.
NEW = """
    SELECT given.*, known.entity IS NOT NULL AS corrects
    FROM given LEFT JOIN (
        SELECT entity, event_time, arg_max(value, known_at) AS value, max(known_at) AS known_at,
               list(DISTINCT value) AS ever
        FROM labels GROUP BY entity, event_time
    ) known USING (entity, event_time)
    WHERE known.entity IS NULL
       OR (given.value != known.value AND given.known_at > known.known_at
           AND (given.dated OR NOT list_contains(known.ever, given.value)))
    ORDER BY event_time, entity
"""


def feedback(
    env: Environment, model: Model, source: str, *, now: datetime | None = None, report: Callable[[str], None] = silent
) -> Record:
    """Append the labels in `source`, a CSV or Parquet file, to the label table of `env`.

    Columns: `entity`, `event_time` and `value`, or the contract's names for them, and optionally `known_at` (now,
    where it is missing). A label that is there already is left out; another value for the same event is a correction
    and the newest one counts. Raises InvalidInput, before anything is written, on the first row that cannot be.
    """
    moment = now or env.now()
    report(f"reading {source}")
    frame = checked(model.contract, read(source), moment, source)
    new = unknown(env, frame)
    corrected = sum(new.column("corrects").to_pylist())
    if new.num_rows:
        append(env, new)
    rows, added = len(frame), new.num_rows - corrected
    return keep(
        env, step="feedback", verdict="written" if new.num_rows else "unchanged",
        summary=f"{env.name}: {added} labels are new, {corrected} correct an older one, "
        f"{rows - new.num_rows} of {rows} were there already",
        rows=rows, new=added, corrected=corrected, there=rows - new.num_rows, now=moment, source=Path(source).name,
    )  # fmt: skip


def read(source: str) -> "pd.DataFrame":
    """The file as a frame, a CSV's values as text. Raises InvalidInput when it cannot be read."""
    import pandas as pd

    readers: dict[str, Callable[[str], pd.DataFrame]] = {
        ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""]),
        ".parquet": pd.read_parquet,
    }
    if (suffix := Path(source).suffix) not in readers:
        raise InvalidInput(f"{source}: labels come as a .csv or .parquet file, not as '{suffix}'.")
    try:
        return readers[suffix](source)
    except Exception as error:  # noqa: BLE001  # the readers' errors share no base class
        raise InvalidInput(f"{source} cannot be read: {type(error).__name__}: {error}") from None


def checked(contract: Contract, frame: "pd.DataFrame", now: datetime, source: str) -> "pd.DataFrame":
    """Labels in the table's columns, and `dated`: does the file say when it was known? One row per event."""
    import pandas as pd

    names = {contract.entity: "entity", contract.event_time: "event_time", contract.target: "value"}
    given = frame.rename(columns={old: new for old, new in names.items() if new not in frame.columns})
    if lacking := [name for name in ("entity", "event_time", "value") if name not in given.columns]:
        own = {new: old for old, new in names.items()}[lacking[0]]
        raise InvalidInput(f"{source} has no column '{lacking[0]}' (or '{own}'); it has {', '.join(map(str, frame))}.")
    known_at = given["known_at"] if "known_at" in given.columns else pd.Series(pd.NaT, index=given.index)
    typed = pd.DataFrame({
        "entity": given["entity"].map(as_text), "event_time": times(given["event_time"]),
        "known_at": times(known_at), "value": given["value"].map(lambda value: as_value(contract, value)),
    })  # fmt: skip
    typed["dated"] = known_at.notna()
    refuse(typed["dated"] & typed["known_at"].isna(), given, source, "known_at", "is no ISO 8601 time")
    typed["known_at"] = typed["known_at"].fillna(pd.Timestamp(now))
    classes = f"is none of the classes {contract.classes}" if contract.classes else "is no finite number"
    refuse(typed["entity"].isna() | (typed["entity"] == ""), given, source, "entity", "is empty")
    refuse(typed["event_time"].isna(), given, source, "event_time", "is no ISO 8601 time")
    refuse(typed["value"].isna(), given, source, "value", classes)
    refuse(typed["event_time"] > now, given, source, "event_time", f"is later than now ({now:%Y-%m-%d %H:%M} UTC)")
    refuse(typed["known_at"] > now, given, source, "known_at", f"is later than now ({now:%Y-%m-%d %H:%M} UTC)")
    refuse(typed["known_at"] < typed["event_time"], given, source, "known_at", "is before the event")
    single = typed.drop_duplicates(["entity", "event_time", "value"])
    again = single.duplicated(["entity", "event_time"])
    refuse(again, given, source, "value", "contradicts an earlier row of the file")
    return single


def as_value(contract: Contract, value: Any) -> str | None:
    """A label as text: a class, or a finite number; None when it is neither."""
    if contract.task != "regression":
        text = as_text(value)
        return text if text in contract.classes else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return repr(number) if abs(number) < float("inf") else None


def refuse(bad: "pd.Series[bool]", given: "pd.DataFrame", source: str, column: str, why: str) -> None:
    """Name the first bad row with its value, and how many there are."""
    if not bad.any():
        return
    first = bad.index[bad][0]
    found = given[column][first] if column in given.columns else "(now)"
    raise InvalidInput(
        f"{source}, row {given.index.get_loc(first)}: {column} {found!r} {why}; {int(bad.sum())} rows are so. "
        "Nothing was written; correct the file and send it again."
    )


def unknown(env: Environment, frame: "pd.DataFrame") -> "pa.Table":
    """The rows of `frame` that the label table lacks, with `corrects` where it has another value for the event."""
    import pyarrow as pa

    table = open_table(env, TABLE)
    known: Any = schema().empty_table() if table is None else table.scan(columns=list(COLUMNS))
    database = open_database()
    database.register("labels", known)
    database.register("given", pa.Table.from_pandas(frame, preserve_index=False))
    return database.sql(NEW).to_arrow_table()


def append(env: Environment, new: "pa.Table") -> None:
    """Append to the Delta table."""
    from deltalake import write_deltalake

    write_deltalake(env.table(TABLE), new.select(list(COLUMNS)).cast(schema()), mode="append")


def schema() -> "pa.Schema":
    """The columns of the label table."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    return pa.schema([("entity", pa.string()), ("event_time", moment), ("known_at", moment), ("value", pa.string())])


@click.command(
    "feedback",
    help="Take in labels that became known: a CSV or Parquet file with the columns entity, event_time and value (or "
    "the model's own names for them), and optionally known_at. A file can be sent again; nothing is counted twice.",
    epilog="Example: mlops feedback --env local-prod --source labels.csv\n\n"
    "Exit codes: 0 done, 3 a row or column is not as it has to be (nothing was written).",
)
@environment_option()
@model_option
@click.option(
    "--source", required=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="The labels."
)
@now_option
@json_option
def command(env: str, model: Path | None, source: str, now: datetime | None, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    record = feedback(
        open_environment(root(), env), load(model or root() / "model"), source, now=now, report=progress
    )  # fmt: skip
    show(record, as_json)
