"""Which figures does a report show? Plotly figures as plain data; colours are names that the page's style resolves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.decisions.profile import Histogram

EXPECTED, LIVE, LIMIT, BAD = "var(--expected)", "var(--live)", "var(--limit)", "var(--bad)"
TRACKS = {"stable": EXPECTED, "candidate": LIVE}
BINS = 24


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, what it shows in words, and its numbers as a table for those who cannot or will not see it."""

    id: str
    title: str
    summary: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    header: list[str] = field(default_factory=list[str])
    rows: list[list[str]] = field(default_factory=list[list[str]])


def layout(height: int, **more: Any) -> dict[str, Any]:
    """What all figures have in common."""
    axis = {
        "gridcolor": "var(--line)", "linecolor": "var(--line)", "zeroline": False, "automargin": True,
        "tickfont": {"color": "var(--muted)"}, "title": {"font": {"color": "var(--muted)", "size": 12}},
    }  # fmt: skip
    base: dict[str, Any] = {
        "height": height, "margin": {"l": 8, "r": 12, "t": 8, "b": 8}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "font": {"color": "var(--ink)", "size": 12.5, "family": "var(--sans)"},
        "xaxis": axis, "yaxis": axis, "hoverlabel": {"bgcolor": "var(--card)", "font": {"color": "var(--ink)"}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": "var(--ink)"}},
    }  # fmt: skip
    for key, value in more.items():
        base[key] = {**base.get(key, axis if "axis" in key else {}), **value} if isinstance(value, dict) else value
    return base


@dataclass(frozen=True, kw_only=True)
class Point:
    """One watch's answer about one metric; `promised` is the interval attested at release."""

    at: str
    value: float
    low: float
    high: float
    expected: float
    limit: float
    rows: int
    verdict: str
    release: str


def quality(metric: str, points: Sequence[Point]) -> Figure:
    """A metric on labelled live rows, watch by watch, with what was promised and the limit."""
    at = [point.at for point in points]
    hover = [f"{point.verdict}, {point.rows} labelled rows, release {point.release}" for point in points]
    bars = {
        "type": "data", "symmetric": False, "array": [point.high - point.value for point in points],
        "arrayminus": [point.value - point.low for point in points], "color": LIVE, "thickness": 2, "width": 5,
    }  # fmt: skip
    data = [
        line("promised", at, [point.expected for point in points], EXPECTED, dash="solid"),
        line("limit", at, [point.limit for point in points], LIMIT, dash="dot"),
        {
            "type": "scatter", "mode": "markers", "name": "live, with interval", "x": at, "text": hover,
            "y": [point.value for point in points], "error_y": bars,
            "marker": {"size": 10, "color": [LIVE if point.verdict != "worse" else BAD for point in points]},
        },
    ]  # fmt: skip
    last = points[-1]
    return Figure(
        id=f"quality-{slug(metric)}", title=metric, data=data,
        summary=f"{last.value:.4f} [{last.low:.4f}, {last.high:.4f}] live at {last.at[:10]}, "
        f"{last.expected:.4f} promised, limit {last.limit:.4f}: {last.verdict}.",
        layout=layout(280, xaxis={"type": "date", "title": {"text": ""}}, yaxis={"title": {"text": metric}}),
        header=["at", "release", "live", "interval", "promised", "limit", "labelled rows", "verdict"],
        rows=[
            [
                point.at[:10], point.release, f"{point.value:.4f}", f"{point.low:.4f} to {point.high:.4f}",
                f"{point.expected:.4f}", f"{point.limit:.4f}", str(point.rows), point.verdict,
            ]
            for point in points
        ],
    )  # fmt: skip


def line(name: str, x: Sequence[str], y: Sequence[float], color: str, dash: str) -> dict[str, Any]:
    """A line; its points are marked, so that one alone is seen, too."""
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": list(x), "y": list(y),
        "line": {"color": color, "width": 2, "dash": dash}, "marker": {"size": 9, "symbol": "line-ew-open"},
    }  # fmt: skip


def drift_map(
    names: Sequence[str], at: Sequence[str], values: Sequence[Sequence[float | None]], limit: float
) -> Figure:
    """The distance of each column and score by watch; `names` come worst first, `values` are [names, watches]."""
    shown = list(reversed(names))
    z = [[None if value is None else value / limit for value in row] for row in reversed(values)]
    text = [["" if value is None else f"{value:.2f}" for value in row] for row in reversed(values)]
    watches = [f"{moment[:10]} · {index + 1}" for index, moment in enumerate(at)]
    data = [{
        "type": "heatmap", "x": watches, "y": shown, "z": z, "text": text, "texttemplate": "%{text}",
        "zmin": 0, "zmax": 3, "showscale": False, "xgap": 3, "ygap": 3,
        "hovertemplate": "%{y}, watch of %{x}: PSI %{text}<extra></extra>",
        "colorscale": [[0, "var(--heat0)"], [0.3334, "var(--heat1)"], [0.3335, "var(--heat2)"], [1, "var(--heat3)"]],
    }]  # fmt: skip
    newest = [row[-1] for row in values]
    above = sum(1 for value in newest if value is not None and value > limit)
    return Figure(
        id="drift-map", title="Drift, watch by watch", data=data,
        summary=f"{above} of {len(names)} columns and scores are above PSI {limit:g} in the newest watch; "
        f"the worst is {names[0]}.",
        layout=layout(
            90 + 24 * len(names), xaxis={"type": "category", "showgrid": False},
            yaxis={"showgrid": False, "ticksuffix": "  "},
        ),
        header=["", *(moment[:10] for moment in at)],
        rows=[
            [name, *("–" if value is None else f"{value:.3f}" for value in row)]
            for name, row in zip(names, values, strict=True)
        ],
    )  # fmt: skip


def bars(name: str, labels: Sequence[str], reference: Sequence[int], live: Sequence[int]) -> Figure:
    """Shares of a column's bins or values, at training and live, the first label at the top."""
    before, now = shares(reference), shares(live)
    data = [
        {
            "type": "bar", "orientation": "h", "name": title, "y": list(labels), "x": values,
            "marker": {"color": color}, "hovertemplate": "%{y}: %{x:.1%}<extra>" + title + "</extra>",
        }
        for title, values, color in (("training", before, EXPECTED), ("live", now, LIVE))
    ]  # fmt: skip
    grown = int(np.argmax(np.array(now) - np.array(before)))
    return Figure(
        id=f"column-{slug(name)}", title=name, data=data,
        summary=f"{labels[grown]} grew most, from {before[grown]:.1%} to {now[grown]:.1%}.",
        layout=layout(
            110 + 26 * len(labels), bargap=0.3, xaxis={"tickformat": ".0%"},
            yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticksuffix": "  "},
        ),
        header=["", "training", "live"],
        rows=[[label, f"{a:.1%}", f"{b:.1%}"] for label, a, b in zip(labels, before, now, strict=True)],
    )  # fmt: skip


def score(name: str, reference: Histogram, live: Histogram, ends: tuple[float, float]) -> Figure:
    """A score's distribution on validation rows and live, in bins of equal width between `ends`."""
    edges = np.linspace(*ends, BINS + 1)
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    before, now = spread(reference, edges, ends), spread(live, edges, ends)
    data = [
        {
            "type": "bar", "name": "live", "x": middles, "y": now, "marker": {"color": LIVE, "opacity": 0.55},
            "hovertemplate": "%{x:.3g}: %{y:.1%}<extra>live</extra>",
        },
        {
            "type": "scatter", "mode": "lines", "name": "expected", "x": middles, "y": before,
            "line": {"color": EXPECTED, "width": 2.5, "shape": "hvh"},
            "hovertemplate": "%{x:.3g}: %{y:.1%}<extra>expected</extra>",
        },
    ]  # fmt: skip
    total = f"{sum(reference.counts)} validation rows against {sum(live.counts)} live rows"
    return Figure(
        id=f"score-{slug(name)}", title=name, data=data, summary=f"{total}.",
        layout=layout(260, bargap=0.02, xaxis={"showgrid": False}, yaxis={"tickformat": ".0%"}),
        header=["around", "expected", "live"],
        rows=[[f"{x:.4g}", f"{a:.1%}", f"{b:.1%}"] for x, a, b in zip(middles, before, now, strict=True)],
    )  # fmt: skip


def spread(histogram: Histogram, edges: np.ndarray, ends: tuple[float, float]) -> list[float]:
    """Shares in bins of `edges`, when each of the histogram's own bins is spread evenly over its width."""
    inner = [edge for edge in histogram.edges if ends[0] < edge < ends[1]]
    bounds = np.array([ends[0], *inner, ends[1]])
    counts = np.asarray(histogram.counts, dtype=float)
    skipped = int(np.searchsorted(histogram.edges, ends[0], side="right"))
    kept = np.append(counts[skipped : skipped + len(inner)], counts[skipped + len(inner) :].sum())
    kept[0] += counts[:skipped].sum()
    cumulated = np.concatenate([[0.0], np.cumsum(kept)])
    total = max(float(cumulated[-1]), 1.0)
    return (np.diff(np.interp(edges, bounds, cumulated)) / total).tolist()


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A track's failure rate at one verdict of a trial, with its interval."""

    step: str
    verdict: str
    track: str
    value: float
    low: float
    high: float
    judged: int


def trial(rates: Sequence[Rate], *, id: str, title: str) -> Figure:  # noqa: A002  # what HTML calls it
    """Failure rates by assigned track, verdict by verdict, with their intervals."""
    data = [
        track_markers(track, color, [rate for rate in rates if rate.track == track]) for track, color in TRACKS.items()
    ]
    last = [rate for rate in rates if rate.step == rates[-1].step]
    told = ", ".join(f"{rate.track} {rate.value:.1%} of {rate.judged} requests" for rate in last)
    return Figure(
        id=id, title=title, data=data, summary=f"Failed at the last verdict ({last[0].verdict}): {told}.",
        layout=layout(
            260, scattermode="group", xaxis={"type": "category", "showgrid": False},
            yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        ),
        header=["verdict", "track", "failed", "interval", "requests"],
        rows=[
            [rate.step, rate.track, f"{rate.value:.2%}", f"{rate.low:.2%} to {rate.high:.2%}", str(rate.judged)]
            for rate in rates
        ],
    )  # fmt: skip


def track_markers(track: str, color: str, rates: Sequence[Rate]) -> dict[str, Any]:
    """One track's rates as points with intervals."""
    return {
        "type": "scatter", "mode": "markers", "name": track, "cliponaxis": False, "x": [rate.step for rate in rates],
        "y": [rate.value for rate in rates], "text": [f"{rate.judged} requests" for rate in rates],
        "hovertemplate": "%{y:.2%} of %{text}<extra>" + track + "</extra>", "marker": {"size": 11, "color": color},
        "error_y": {
            "type": "data", "symmetric": False, "array": [rate.high - rate.value for rate in rates],
            "arrayminus": [rate.value - rate.low for rate in rates], "color": color, "thickness": 2, "width": 6,
        },
    }  # fmt: skip


def shares(counts: Sequence[int]) -> list[float]:
    """Counts as shares of their sum."""
    total = max(sum(counts), 1)
    return [count / total for count in counts]


def slug(name: str) -> str:
    """A name as an id of HTML."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
