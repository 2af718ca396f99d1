"""How is DuckDB opened for questions to a log? In memory, bounded, and silent: standard output belongs to records."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"


def open_database() -> "duckdb.DuckDBPyConnection":
    """A database whose clock is UTC. What does not fit into the memory goes to a folder that DuckDB removes again."""
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"mlops-duckdb-{os.getpid()}"
    database = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)})
    # The progress bar of a long query would go to standard output, into the middle of `--json`.
    database.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return database
