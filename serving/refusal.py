"""Why was a request not answered? One exception for all bad input: what was refused, the value and the limit."""

from http import HTTPStatus
from typing import Any, Literal

Reason = Literal[
    "broken_body", "content_encoding", "content_type", "entity", "event_time", "header", "method", "missing_column",
    "no_rows", "not_allowed", "not_nullable", "out_of_range", "repeated_column", "row_counts", "too_many_bytes",
    "too_many_rows", "unknown_column", "unknown_model", "unknown_output", "unknown_path", "wrong_format", "wrong_shape",
    "wrong_type",
]  # fmt: skip

SHOWN = 120  # characters of a refused value that an answer repeats


class Refusal(Exception):
    """Bad input, with the HTTP status that says so; `reason` is the label of the metric."""

    def __init__(
        self, reason: Reason, message: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST, field: str | None = None,
        row: int | None = None, value: Any = None, limit: Any = None, headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.reason: Reason = reason
        self.status = status
        self.field = field
        self.row = row
        self.value = value
        self.limit = limit
        self.headers = headers

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        details = {"field": self.field, "row": self.row, "value": shown(self.value), "limit": self.limit}
        return {"error": str(self), **{name: detail for name, detail in details.items() if detail is not None}}


def shown(value: Any) -> Any:
    """A refused value as an answer repeats it: scalars as they are, everything else and long texts as short text."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 1 << 53):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
