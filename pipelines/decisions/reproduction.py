"""Is the release that was trained again the same one, and in which sense?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

TOLERANCE = 1e-3
ELSEWHERE = "elsewhere (another platform or other versions of libraries)"

Scored = tuple[np.ndarray, list[str | float]]


@dataclass(frozen=True, kw_only=True)
class Sameness:
    """What was proved: equal bytes, equal answers, or neither.

    `difference` is the largest between two scores, in standard deviations for a regression (probabilities have 1);
    `flips` counts decisions that differ. `required` is what this platform has to show.
    """

    proved: Literal["bytes", "answers", "nothing"]
    required: Literal["bytes", "answers"]
    difference: float
    flips: int

    def holds(self) -> bool:
        """Is it as much as is required?"""
        return self.proved == "bytes" or (self.proved == "answers" and self.required == "answers")

    def sentence(self) -> str:
        """What was proved, in words."""
        apart = f"largest difference {self.difference:.2g}, {self.flips} decisions differ"
        if self.proved == "bytes":
            return "trained again, its bytes are equal"
        if self.holds():
            return f"trained again {ELSEWHERE}, its answers are equal within {TOLERANCE:g} ({apart})"
        if self.required == "bytes":
            return f"trained again on the platform that made it, its bytes differ ({apart})"
        return f"trained again {ELSEWHERE}, its answers differ by more than {TOLERANCE:g} ({apart})"


def sameness(*, equal_bytes: bool, same_platform: bool, scores: tuple[Scored, Scored]) -> Sameness:
    """Judge two releases by their digests and by their scores and decisions on the same rows."""
    (first, decided), (second, again) = scores
    regression = first.shape[1] == 1
    scale = float(np.std(first)) or 1.0 if regression else 1.0
    difference = float(np.max(np.abs(first - second))) / scale
    flips = 0 if regression else sum(a != b for a, b in zip(decided, again, strict=True))
    close = difference <= TOLERANCE and flips == 0
    return Sameness(
        proved="bytes" if equal_bytes else "answers" if close else "nothing",
        required="bytes" if same_platform else "answers", difference=difference, flips=flips,
    )  # fmt: skip


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Which distributions have another version now."""
    names = sorted({*before, *now})
    return [f"{name} {before.get(name)} -> {now.get(name)}" for name in names if before.get(name) != now.get(name)]
