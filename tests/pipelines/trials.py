"""Trials whose truth is known: evidence that is drawn, and how a candidate fares that is judged again and again."""

from collections.abc import Callable

import numpy as np

from environments.declaration import Rollout
from pipelines.decisions.rollout import judge
from pipelines.decisions.trial import Evidence, Group, Shift, Verdict

DECLARED = Rollout()


def group(judged: int, failures: int = 0, *, p95: float = 20.0, random: np.random.Generator | None = None) -> Group:
    """A track whose answer times have about this 95th percentile."""
    random = random or np.random.default_rng(0)
    times = random.lognormal(np.log(p95) - 1.645 * 0.5, 0.5, judged - failures)
    return Group(judged=judged, failures=failures, milliseconds=times)


def shift(distance: float = 0.0, *, error: float = 0.02, clusters: int = 400, columns: int = 2) -> Shift:
    """Predictions this many standard deviations away from the validated shift."""
    return Shift(
        expected=[0.1] * columns, scale=[0.5] * columns, live=[0.1 + distance * 0.5] * columns,
        error=[error * 0.5] * columns, clusters=clusters,
    )  # fmt: skip


def canary(
    failures: int = 0, judged: int = 400, *, stable: Group | None = None, p95: float = 20.0, percent: int = 10,
    distance: float = 0.0, looks: tuple[int, ...] = (),
) -> Evidence:  # fmt: skip
    """A canary step beside a stable release that answered 3,600 requests."""
    return Evidence(
        percent=percent, stable=stable or group(3600), candidate=group(judged, failures, p95=p95),
        shift=shift(distance, clusters=judged), looks=looks,
    )  # fmt: skip


def watched(random: np.random.Generator, draw: Callable[[int], tuple[Group, Group, Shift]], *, step: int = 100,
            longest: int = 40) -> Verdict:  # fmt: skip
    """The first verdict that is no hold, when a trial is judged after each `step` of the candidate's requests.

    `draw(n)` gives the candidate's and the stable release's requests and predictions of such a step.
    """
    looks: list[int] = []
    candidate, stable, seen = group(0), group(0), list[Shift]()
    for _ in range(longest):
        more, beside, shifted = draw(step)
        candidate, stable = joined(candidate, more), joined(stable, beside)
        seen.append(shifted)
        evidence = Evidence(percent=10, stable=stable, candidate=candidate, shift=pooled(seen), looks=tuple(looks))
        verdict = judge(evidence, DECLARED).verdict
        if verdict != "hold":
            return verdict
        looks.append(candidate.judged)
    return "hold"


def joined(one: Group, other: Group) -> Group:
    """Both together."""
    return Group(
        judged=one.judged + other.judged, failures=one.failures + other.failures,
        milliseconds=np.concatenate([one.milliseconds, other.milliseconds]),
    )  # fmt: skip


def pooled(seen: list[Shift]) -> Shift:
    """All steps together, each of the same size."""
    live = np.mean([one.live for one in seen], axis=0)
    error = np.linalg.norm([one.error for one in seen], axis=0) / len(seen)
    first = seen[0]
    return Shift(expected=first.expected, scale=first.scale, live=live.tolist(), error=error.tolist(),
                 clusters=sum(one.clusters for one in seen))  # fmt: skip
