"""A process that logs thousands of entries a second and acknowledges each on standard output, until it is killed.

`python writer.py DIRECTORY PREFIX [REPEATED ...]`: the repeated ids come first, as a gateway's retries would.
"""

import os
import sys
import time
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from serving.predictions import Entry
from serving.spool import Spool

directory, prefix, *repeated = sys.argv[1:]
spool = Spool(Path(directory), 0.01, segment_bytes=100_000)
for request_id in chain(repeated, (f"{prefix}-{number}" for number in count())):
    rows = 1 + len(request_id) % 3
    spool.append(
        Entry(
            request_id=request_id, release="a" * 64, received_at=datetime.now(UTC),
            columns={"amount": [0.5] * rows}, scores=[[1.0]] * rows, decisions=[1.0] * rows,
        )
    )  # fmt: skip
    time.sleep(0.0002)
    os.write(1, f"{request_id} {rows}\n".encode())
