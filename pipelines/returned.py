"""Which live rows come back as training data? Those that have a label and that the head's data does not have yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.contract import Contract
from pipelines.environment import Environment
from pipelines.frames import data_columns, read_data
from pipelines.live import Log

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The head's present data, and the new labelled rows of each environment, in the columns of the data table."""

    present: "pd.DataFrame"
    new: Mapping[str, "pd.DataFrame"]

    def rows(self) -> dict[str, int]:
        """How many new rows each environment gives."""
        return {name: len(frame) for name, frame in self.new.items()}

    def united(self) -> "pd.DataFrame":
        """Old and new rows together."""
        import pandas as pd

        return pd.concat([self.present, *(frame for frame in self.new.values() if len(frame))], ignore_index=True)


def gather(head: Environment, contract: Contract, now: datetime) -> Returned:
    """The rows of all environments that `head` takes feedback from, whose label is known at `now`.

    An event that the data has already, or an environment named earlier, is not taken again. Columns that no request
    carries are missing.
    """
    _, present = read_data(head, contract)
    taken = set(events(contract, present))
    new: dict[str, pd.DataFrame] = {}
    for name in head.platform.feedback_from:
        answered = Log(head.other(name)).labelled(contract, now=now, limit=None)
        frame: Any = answered.reindex(columns=data_columns(contract))
        keys = events(contract, frame)
        fresh = [index for index, key in enumerate(keys) if key not in taken]
        first = {keys[index]: index for index in reversed(fresh)}
        new[name] = frame.iloc[sorted(first.values())].reset_index(drop=True)
        taken |= set(first)
    return Returned(present=present, new=new)


def events(contract: Contract, frame: "pd.DataFrame") -> list[tuple[str, int]]:
    """Entity and event time (microseconds since 1970) of each row."""
    moments = frame[contract.event_time].astype("datetime64[us, UTC]").astype("int64")
    return list(zip(frame[contract.entity].astype(str), moments.tolist(), strict=True))
