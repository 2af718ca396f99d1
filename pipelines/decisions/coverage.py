"""Is there anything to judge at all: do predictions still come, and do their labels arrive?"""

from datetime import date

from scipy.stats import beta

from pipelines.decisions.drift import wilson
from pipelines.decisions.findings import Finding


def judge_volume(*, rows: int, before: int, ratio: float, minimum: int, alpha: float) -> Finding:
    """`no-data` without a row, or when the rate is proven below `ratio` of the window before.

    `rows` and `before` are counts of two windows of equal length. The interval of the ratio of two Poisson rates is
    that of a binomial share given their sum (Przyborowski and Wilenski, Biometrika 31, 1940; Clopper and Pearson
    1934). Fewer than `minimum` rows before are no rate to compare with.
    """
    if rows == 0:
        message = f"no prediction in the window, {before} before it. Look at `mlops status` and the gateway's log."
        return Finding(kind="volume", name="predictions", verdict="no-data", message=message, rows=0, value=0.0)
    if before < minimum:
        message = f"{rows} predictions; {before} in the window before are too few to compare the rate."
        return Finding(kind="volume", name="predictions", verdict="ok", message=message, rows=rows)
    low, high = rate_ratio(rows, before, alpha)
    verdict = "no-data" if high < ratio else "ok"
    message = f"{rows} predictions, {before} in the window before: {rows / before:.2f} of the rate"
    message += f" [{low:.2f}, {high:.2f}], limit {ratio:.2f}."
    if verdict == "no-data":
        message += " Traffic fell away; look at the clients and the gateway."
    return Finding(
        kind="volume", name="predictions", verdict=verdict, message=message, rows=rows, value=rows / before,
        low=low, high=high, limit=ratio,
    )  # fmt: skip


def rate_ratio(rows: int, before: int, alpha: float) -> tuple[float, float]:
    """Bounds at level 1 - `alpha` of the ratio of two Poisson rates with these counts; both counts are positive."""
    low = float(beta.ppf(alpha / 2, rows, before + 1))
    high = float(beta.ppf(1 - alpha / 2, rows + 1, before))
    return low / (1 - low), high / (1 - high)


def judge_coverage(*, due: int, labelled: int, limit: float, minimum: int, alpha: float, first_due: date) -> Finding:
    """The share of predictions older than the label delay that have a label.

    `insufficient` when it is proven below `limit`, because then live quality says nothing; `pending` while fewer than
    `minimum` labels are due. Wilson's interval.
    """
    if due == 0:
        message = f"no label is due yet; the first ones are on {first_due:%Y-%m-%d}."
        return Finding(kind="coverage", name="labels", verdict="pending", message=message, rows=0, limit=limit)
    share = labelled / due
    low, high = wilson(share, due, alpha)
    text = f"{labelled} of {due} predictions whose label is due have one: {share:.1%} [{low:.1%}, {high:.1%}]"
    verdict = "insufficient" if high < limit else "pending" if due < minimum else "ok"
    text += f", limit {limit:.0%}. Bring labels in with `mlops feedback`." if verdict == "insufficient" else "."
    return Finding(
        kind="coverage", name="labels", verdict=verdict, message=text, rows=due, value=share, low=low, high=high,
        limit=limit,
    )  # fmt: skip
