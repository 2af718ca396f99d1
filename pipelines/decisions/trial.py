"""What was seen of a candidate on trial, and what does one question about it find?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Verdict = Literal["go", "hold", "back"]
Answer = Literal["go", "hold", "back", "unasked"]

ENOUGH = 20  # judged requests from which on a candidate may be sent back


@dataclass(frozen=True, kw_only=True)
class Group:
    """The requests that Envoy assigned to one track, whoever answered them in the end.

    A failure is a status from 500 on, another release's answer, or a second attempt: failover hides it from clients,
    not from the track that it was assigned to. Statuses from 400 to 499 are the client's and in neither count.
    `milliseconds` are the answer times of the requests that did not fail.
    """

    judged: int = 0
    failures: int = 0
    milliseconds: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Requests that the stable release answered, how many of them the candidate answered too, and the mirrored share.

    No access log has a line for a mirrored request, so that an answer that is missing is the failure.
    """

    answered: int
    mirrored: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The stable release where no request of a step is assigned to it: its counts of the step before.

    `p95` are a lower and an upper bound of its 95th percentile in milliseconds.
    """

    judged: int
    failures: int
    p95: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Shift:
    """By how much the candidate's scores differ from the stable release's, each list with one number per score column.

    `expected` and `scale` (the standard deviation of the stable release's scores) were measured at validation, `live`
    now, with standard error `error`. `clusters` is the number of independent observations: entities, or requests.
    """

    expected: Sequence[float]
    scale: Sequence[float]
    live: Sequence[float]
    error: Sequence[float]
    clusters: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything about one step of a trial.

    `looks` are the candidate's judged requests at the earlier verdicts on this step. `shift` is None when no shift
    against the present stable release was attested, or `percent` is 100 and there is nothing to compare with.
    """

    percent: int
    stable: Group
    candidate: Group
    mirror: Mirror | None = None
    before: Baseline | None = None
    shift: Shift | None = None
    looks: Sequence[int] = ()

    def judged(self) -> int:
        """The candidate's judged requests."""
        return round(self.mirror.answered * self.mirror.share) if self.mirror else self.candidate.judged


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Error probabilities of one look.

    `back` is what one question may spend on sending a good candidate back; `go` is what each question may spend on
    letting a bad one on, since all of them have to agree; `go_next` is `go` of the next look.
    """

    back: float
    go: float
    go_next: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One answer: `value` between the bounds that decide, and the `limit` they are held against.

    `needed` are the candidate's judged requests after which the same rates would let it on; None when no number would.
    """

    metric: str
    verdict: Answer
    message: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    needed: int | None = None
