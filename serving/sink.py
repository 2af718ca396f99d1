"""How far has each source been written to a Delta table? The table itself knows, so that no crash can disagree."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

if TYPE_CHECKING:
    import pyarrow as pa


class Sink:
    """A Delta table with one writer. Rows and the offsets of the sources that they came from are one commit.

    A commit carries an application transaction per source, its version the offset behind the last byte written.
    Repeating such a commit would duplicate the rows, therefore the offset is read from the table before anything else.
    """

    def __init__(self, url: str, schema: "pa.Schema", *, compact_every: int = 200) -> None:
        self.schema = schema
        self._table = DeltaTable.create(url, schema, mode="ignore")
        self._offsets: dict[str, int] = {}
        self._compact_every = compact_every

    def offset(self, source: str) -> int:
        """Up to which byte `source` is in the table; 0 for one that the table does not know."""
        if source not in self._offsets:
            self._offsets[source] = self._table.transaction_version(source) or 0
        return self._offsets[source]

    def commit(self, rows: "pa.Table", offsets: Mapping[str, int]) -> None:
        """Append `rows` and remember `offsets`, both or neither."""
        transactions = [Transaction(source, offset) for source, offset in offsets.items()]
        properties = CommitProperties(app_transactions=transactions)
        write_deltalake(self._table, rows, mode="append", commit_properties=properties)
        self._offsets |= offsets
        if self._table.version() % self._compact_every == 0:
            self._table.optimize.compact()
            self._table.vacuum(dry_run=False)

    def between(self, time: str, low: datetime, high: datetime | None, columns: list[str]) -> "pa.Table":
        """`columns` of the rows whose column `time` is in [low, high], in any order."""
        import pyarrow as pa

        chosen = f"{time} >= TIMESTAMP '{low.isoformat()}'"
        if high is not None:
            chosen += f" AND {time} <= TIMESTAMP '{high.isoformat()}'"
        # not to_pyarrow_dataset: pyarrow's reading threads over Delta's file system abort some processes at exit
        return pa.table(self._table.scan(columns=columns, predicate=chosen))

    def files(self) -> int:
        """Of how many files the table consists."""
        return len(self._table.file_uris())
