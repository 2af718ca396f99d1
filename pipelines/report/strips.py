"""How is an interval drawn against its limit in one line of a table? Positions in percent of the line's width."""

from dataclasses import dataclass
from math import sqrt

LIMIT_AT = 35.0
MARGIN = 4.0


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Where value, ends of the interval and limit lie, each from 0 to 100."""

    value: float
    low: float
    high: float
    limit: float

    def width(self) -> float:
        """The length of the interval."""
        return max(self.high - self.low, 0.6)


def against_limit(
    *, value: float | None, low: float | None, high: float | None, limit: float | None, higher_is_better: bool
) -> Strip | None:
    """A strip whose limit lies at the same place in every line, with the good side on the right.

    Each line has its own scale: it shows which end of the interval decides, not how lines compare. None when there is
    no value or no limit.
    """
    if value is None or limit is None:
        return None
    ends = [value if end is None else end for end in (low, high)]
    sign = 1.0 if higher_is_better else -1.0
    distances = [sign * (end - limit) for end in (value, *ends)]
    right, left = max(*distances, 1e-12), max(*(-distance for distance in distances), 1e-12)
    room = min((100 - LIMIT_AT - MARGIN) / right, (LIMIT_AT - MARGIN) / left)
    placed = [LIMIT_AT + distance * room for distance in distances]
    return Strip(value=placed[0], low=min(placed[1:]), high=max(placed[1:]), limit=LIMIT_AT)


def from_zero(*, value: float, low: float, high: float, limit: float, largest: float) -> Strip:
    """A strip on a scale that all lines share, from 0 to `largest`, by the square root so that small values show."""

    def placed(one: float) -> float:
        return (100 - 2 * MARGIN) * sqrt(max(one, 0.0) / max(largest, limit, 1e-12)) + MARGIN

    return Strip(value=placed(value), low=placed(low), high=placed(high), limit=placed(limit))
