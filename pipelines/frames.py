"""How does a Delta table become what an estimator, a graph or a metric takes?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.contract import Contract
from pipelines.environment import Environment
from pipelines.errors import IntegrityError, InvalidInput, NotReady
from pipelines.store import content_digest

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable

DATA = "data"
DIGEST = "mlops.digest"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the data table, and the digest of its canonical rows."""

    number: int
    digest: str


def open_table(env: Environment, name: str, version: int | None = None) -> "DeltaTable | None":
    """Table `name` of `env` at `version` or the newest; None when the table is not there.

    Raises InvalidInput when the table has no such version.
    """
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(env.table(name)):
        return None
    table = DeltaTable(env.table(name))
    if version is not None:
        if not 0 <= version <= table.version():
            newest = table.version()
            raise InvalidInput(f"table '{name}' of {env.name} has no version {version}; the newest is {newest}.")
        table.load_as_version(version)
    return table


def read_table(env: Environment, name: str, version: int | None = None) -> "pd.DataFrame":
    """Table `name` of `env` as a frame. Raises NotReady when it is not there, InvalidInput on a wrong version."""
    table = open_table(env, name, version)
    if table is None:
        way = {"labels": "feedback", DATA: "data"}.get(name)
        hint = f"Run `mlops {way} --env {env.name}` first." if way else "It comes with the first scored request."
        raise NotReady(f"table '{name}' of {env.name} does not exist. {hint}")
    import pyarrow as pa

    try:
        return table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(
            f"table '{name}' of {env.name}: a file of version {table.version()} cannot be read: {error}. "
            "It was changed or lost; bring it back, or write the table again from its source."
        ) from None


def versions(env: Environment) -> list[Version]:
    """The versions of the data table of `env`, newest first."""
    table = open_table(env, DATA)
    if table is None:
        return []
    return [Version(number=one["version"], digest=one[DIGEST]) for one in table.history() if DIGEST in one]


def table_version(env: Environment) -> int:
    """The number of the newest version of the data table, whoever wrote it; -1 without one."""
    table = open_table(env, DATA)
    return -1 if table is None else table.version()


def read_data(env: Environment, contract: Contract, version: int | None = None) -> "tuple[Version, pd.DataFrame]":
    """A data version of `env` (the newest unless said) and its rows, proven to be those of its digest.

    Raises NotReady without data, InvalidInput on a wrong version, IntegrityError when the rows were changed.
    """
    frame = read_table(env, DATA, version)
    known = versions(env)
    wanted = table_version(env) if version is None else version
    found = next((one for one in known if one.number == wanted), None)
    if found is None:
        which = "the newest version" if version is None else f"version {version}"
        raise InvalidInput(f"{which} of the data of {env.name} was not written by `mlops data`. Run it again.")
    if (digest := data_digest(contract, frame)) != found.digest:
        raise IntegrityError(
            f"data version {found.number} of {env.name}: its rows have digest {digest[:12]}, it was written as "
            f"{found.digest[:12]}. The table's files were changed, or model.toml declares other columns; "
            "run `mlops data` again."
        )
    return found, frame


def data_columns(contract: Contract) -> list[str]:
    """The columns of the data table, in order."""
    return [*(feature.name for feature in contract.features), contract.target, contract.entity, contract.event_time]


def data_digest(contract: Contract, frame: "pd.DataFrame") -> str:
    """The SHA-256 of the declared columns' values, rows sorted by entity and event time.

    The order of the rows, the layout of the files and undeclared columns do not matter.
    """
    import msgspec

    ordered = frame.sort_values([contract.entity, contract.event_time], kind="stable")
    parts = [msgspec.json.encode(data_columns(contract))]
    for name in data_columns(contract):
        values = ordered[name]
        if values.dtype.kind == "M":
            parts.append(values.to_numpy(dtype="datetime64[us]").astype("<i8").tobytes())
        elif values.dtype.kind == "f":
            exact = values.to_numpy(dtype="<f8") + 0.0  # -0.0 and 0.0 are one value
            parts.append(np.where(np.isnan(exact), np.nan, exact).astype("<f8").tobytes())
        else:
            parts.append(msgspec.json.encode([value if isinstance(value, str) else None for value in values]))
    return content_digest("\n".join(content_digest(part) for part in parts).encode())


def columns(contract: Contract, frame: "pd.DataFrame") -> dict[str, np.ndarray]:
    """The inputs of the graph: float32 (NaN is missing) or text (empty is missing), each [rows]."""
    return {
        feature.name: numbers(frame[feature.name]) if feature.type == "number" else texts(frame[feature.name])
        for feature in contract.inputs()
    }


def numbers(values: Any) -> np.ndarray:
    """Numbers as float32 [rows]."""
    return values.to_numpy(dtype=np.float32)


def texts(values: Any) -> np.ndarray:
    """Texts as objects [rows], missing ones empty: the graph has no other way to say so."""
    return np.array([value if isinstance(value, str) else "" for value in values], dtype=object)


def estimator_frame(contract: Contract, frame: "pd.DataFrame") -> "pd.DataFrame":
    """What the estimator is fitted on: the same values as `columns`, numbers as float64.

    They pass through float32, because the graph sees them so; linear models still calculate in float64.
    """
    import pandas as pd

    values = columns(contract, frame)
    wide = {name: value if value.dtype == object else value.astype(np.float64) for name, value in values.items()}
    return pd.DataFrame(wide)


def truth(contract: Contract, frame: "pd.DataFrame") -> np.ndarray:
    """What really happened [rows]: the index of the class, or the value of a regression."""
    if contract.task == "regression":
        return frame[contract.target].to_numpy(dtype=np.float64)
    index = {name: number for number, name in enumerate(contract.classes)}
    return np.array([index[value] for value in frame[contract.target]], dtype=np.int64)


def main_score(contract: Contract, scores: np.ndarray) -> np.ndarray:
    """What metrics take of the graph's scores [rows, k]: [rows] for binary and regression, else all of them."""
    return scores if contract.task == "multiclass" else scores[:, -1]
