"""What does a server say about itself? One JSON object per line on stderr, and nothing per request that went well."""

import logging
import sys
import traceback
from datetime import UTC, datetime

import msgspec


def line(event: str, **details: object) -> None:
    """Write one line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stderr.write(msgspec.json.encode({"at": now, "event": event, **details}).decode() + "\n")
    sys.stderr.flush()


class Lines(logging.Handler):
    """Libraries' warnings in the same form; where they say it, the place that raised is the last of `trace`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        problem = record.exc_info[1] if record.exc_info else None
        trace = [
            f"{place.filename}:{place.lineno}" for place in traceback.extract_tb(problem and problem.__traceback__)
        ]
        details = {"error": repr(problem)[:300], "trace": trace[-5:]} if problem else {}
        line(record.name, level=record.levelname, message=record.getMessage().partition("\n")[0][:300], **details)
