"""How does data get in? Read, validated against the contract, and written as a new version of a Delta table."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.contract import Contract, Model, load
from pipelines.environment import Environment, open_environment
from pipelines.errors import InvalidInput
from pipelines.frames import DATA, DIGEST, data_columns, data_digest, open_table, read_table, versions
from pipelines.intake import Intake, counted, take_in, times
from pipelines.options import environment_option, json_option, model_option, now_option, progress, root, show, silent
from pipelines.record import Record, keep

if TYPE_CHECKING:
    import pandas as pd

QUARANTINE = "quarantine"


def data(
    env: Environment,
    model: Model,
    *,
    source: str | None = None,
    now: datetime | None = None,
    report: Callable[[str], None] = silent,
) -> Record:
    """Read `source` (the contract's unless given) and write the rows whose label is known at `now` as a data version.

    Raises InvalidInput when the source cannot be read or is refused as a whole.
    """
    source = source or model.contract.source
    report(f"reading {source}")
    frame = read(model, source)
    known = label_is_known(model.contract, frame, now or env.now())
    return write_data(env, model, frame[known], source, not_yet_known=int((~known).sum()), report=report)


def write_data(
    env: Environment,
    model: Model,
    frame: "pd.DataFrame",
    source: str,
    *,
    not_yet_known: int = 0,
    report: Callable[[str], None] = silent,
) -> Record:
    """Validate `frame`, quarantine its bad rows, and write the good ones as a new data version unless it is the newest.

    Raises InvalidInput outside of the head of a chain and when the frame is refused as a whole.
    """
    refuse_tail(env, "data")
    report(f"validating {len(frame)} rows")
    intake = take_in(model.contract, frame)
    quarantine(env, intake, source)
    digest = data_digest(model.contract, intake.good)
    newest = next(iter(versions(env)), None)
    unchanged = newest is not None and newest.digest == digest
    if not unchanged:
        report("writing the table")
        write_table(env, model.contract, intake.good, digest)
    version = versions(env)[0].number
    rows, refused = len(intake.good), len(intake.bad)
    return keep(
        env,
        step="data",
        verdict="unchanged" if unchanged else "written",
        subject=digest,
        summary=f"data version {version} of {env.name} {'is unchanged' if unchanged else 'is written'}: {rows} rows "
        f"({digest[:12]}), {refused} quarantined, {not_yet_known} without a known label yet",
        version=version, digest=digest, rows=rows, quarantined=refused, not_yet_known=not_yet_known,
        reasons=counted(intake.reasons), source=source,
    )  # fmt: skip


def refuse_tail(env: Environment, step: str) -> None:
    """Data and training belong to the head of a chain; everything behind it receives releases."""
    if (head := env.head()).name != env.name:
        raise InvalidInput(
            f"`mlops {step}` in {env.name}: it receives its releases from {env.platform.promotes_from}, and only the "
            f"head of the chain has data and trains. Use --env {head.name}, then promote."
        )


def read(model: Model, source: str) -> "pd.DataFrame":
    """The frame that the model's `read` returns for `source`; a path may be relative to the model folder."""
    inside = model.folder / source
    try:
        return model.data.read(str(inside) if inside.exists() else source)
    except Exception as error:  # whatever the model's own code raises
        raise InvalidInput(
            f"{model.folder / 'data.py'}: reading '{source}' failed: {type(error).__name__}: {error}. "
            "Check the path or URL; a relative path starts at the model folder or at the working directory."
        ) from error


def label_is_known(contract: Contract, frame: "pd.DataFrame", now: datetime) -> "pd.Series[bool]":
    """Has the label delay passed at `now`? True for rows without a valid time: validation names them."""
    import pandas as pd

    if contract.event_time not in frame:
        return pd.Series(True, index=frame.index)
    at = times(frame[contract.event_time])
    return (at + timedelta(days=contract.label_delay_days) <= now) | at.isna()


def write_table(env: Environment, contract: Contract, frame: "pd.DataFrame", digest: str) -> None:
    """Overwrite the data table; its digest stands in the commit's metadata."""
    from deltalake import CommitProperties, write_deltalake

    ordered = frame[data_columns(contract)].sort_values([contract.entity, contract.event_time], kind="stable")
    write_deltalake(
        env.table(DATA), arrow(ordered), mode="overwrite", schema_mode="overwrite",
        commit_properties=CommitProperties(custom_metadata={DIGEST: digest}),
    )  # fmt: skip


def arrow(frame: "pd.DataFrame") -> Any:
    """An Arrow table of float64, string and timestamp[us, UTC] columns."""
    import pyarrow as pa

    types = {"f": pa.float64(), "M": pa.timestamp("us", "UTC")}
    fields = [pa.field(str(name), types.get(frame[name].dtype.kind, pa.string())) for name in frame.columns]
    return pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)


def quarantine(env: Environment, intake: Intake, source: str) -> None:
    """Append the bad rows that are not there yet, as JSON, each with its reasons, source and the time of the look."""
    import pyarrow as pa
    from deltalake import write_deltalake

    lines = intake.bad.to_json(orient="records", lines=True, date_format="iso").splitlines()
    there = set(read_table(env, QUARANTINE)["row"]) if lines and open_table(env, QUARANTINE) else set[str]()
    new = {line: intake.reasons[index] for line, index in zip(lines, intake.bad.index) if line not in there}
    if not new:
        return
    rows = list(new)
    columns = {
        "row": pa.array(rows, pa.string()),
        "reasons": pa.array(list(new.values()), pa.list_(pa.string())),
        "source": pa.array([source] * len(rows), pa.string()),
        "at": pa.array([env.now()] * len(rows), pa.timestamp("us", "UTC")),
    }
    write_deltalake(env.table(QUARANTINE), pa.table(columns), mode="append")


@click.command(
    "data",
    help="Ingest and validate data into a new version of the data table. Rows that break the contract go to the "
    "table 'quarantine' with their reasons; the same rows again make no new version.",
    epilog="Example: mlops data --env local-dev --now 2024-07-01\n\n"
    "Exit codes: 0 done, 3 the data was refused as a whole.",
)
@environment_option()
@model_option
@click.option("--source", default=None, help="What data.py reads; default: `source` of model.toml.")
@now_option
@json_option
def command(env: str, model: Path | None, source: str | None, now: datetime | None, as_json: bool) -> None:
    """Parse the options, run the step, show the record."""
    loaded = load(model or root() / "model")
    record = data(open_environment(root(), env), loaded, source=source, now=now, report=progress)
    reasons = [
        f"  quarantined because of {column}: {count} rows" for column, count in record.details["reasons"].items()
    ]
    show(record, as_json, reasons)
