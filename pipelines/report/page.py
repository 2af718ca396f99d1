"""What is on the page, in which order? The sections of a report, rendered into one file that needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from pipelines.decisions.drift import Bins, coarse, number_bins, value_bins, wilson
from pipelines.decisions.profile import Histogram, NumberSketch, Profile, TextSketch
from pipelines.record import Record
from pipelines.report import flow, logbook, plots, proof
from pipelines.report.facts import Facts, Place, Reference
from pipelines.report.lines import Line, drift_lines, moment, short, tone, trial_line, watch_lines
from serving.release import Schema

HERE = Path(__file__).parent
WATCHES, COLUMNS, TRIALS, BARS = 12, 3, 3, 9
VERDICTS = ("go", "hold", "back")
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The newest watch of one environment, with its figures."""

    place: str
    release: str
    verdict: str
    tone: str
    now: str
    rows: int
    lines: Sequence[Line]
    drift: Sequence[Line]
    quality: Sequence[plots.Figure]
    drift_map: plots.Figure | None
    scores: Sequence[plots.Figure]
    columns: Sequence[plots.Figure]

    def figures(self) -> list[plots.Figure]:
        """All figures of the watch."""
        mapped = [self.drift_map] if self.drift_map else []
        return [*self.quality, *mapped, *self.scores, *self.columns]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A release on trial in one environment, verdict by verdict."""

    place: str
    release: str
    verdict: str
    tone: str
    summary: str
    figure: plots.Figure | None
    lines: Sequence[Line]


def render(facts: Facts, title: str) -> str:
    """The page about `facts`, whole: style, script and plotting library are inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    watches = [watch for place in reversed(facts.places) if (watch := newest_watch(facts, place))]
    trials = [trial for place in reversed(facts.places) for trial in trials_of(place)]
    figures = [figure for one in watches for figure in one.figures()]
    figures += [one.figure for one in trials if one.figure]
    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = templates.get_template("page.html").render(
        title=title, at=moment(facts.at), owners=facts.owners, headline=flow.headline(facts), cards=flow.cards(facts),
        numbers=flow.figures(facts), releases=flow.releases(facts), places=[place.name for place in facts.places],
        evidence=proof.evidence(facts), watches=watches, trials=trials, versions=logbook.data_versions(facts),
        decisions=logbook.decisions(facts), tone=tone, style=read("page.css"), script=read("page.js"),
        plotly=get_plotlyjs() if figures else "", figures=as_json(figures),
    )  # fmt: skip
    return page.strip() + "\n"


def read(name: str) -> str:
    """A file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def as_json(figures: Sequence[plots.Figure]) -> str:
    """Figures for the script; `<` is written so that no text can end the element that holds them."""
    given = [{"id": one.id, "data": one.data, "layout": one.layout} for one in figures]
    return msgspec.json.encode(given).decode().replace("<", "\\u003c")


def newest_watch(facts: Facts, place: Place) -> Watch | None:
    """The watches of an environment, told by the newest one; None when nobody watched."""
    records = place.of("monitor")[-WATCHES:]
    if not records:
        return None
    last = records[-1]
    known = facts.references.get(last.subject)
    return Watch(
        place=place.name, release=short(last.subject), verdict=last.verdict, tone=tone(last.verdict),
        now=str(last.details["now"])[:10], rows=int(last.details["rows"]),
        lines=watch_lines(last), drift=drift_lines(last),
        quality=quality_figures(place.name, records), drift_map=drift_figure(place.name, records),
        scores=score_figures(place.name, known, last) if known else [],
        columns=column_figures(place.name, known, last) if known else [],
    )  # fmt: skip


def quality_figures(place: str, records: Sequence[Record]) -> list[plots.Figure]:
    """One figure for each metric that a watch could compare with its promise."""
    points: dict[str, list[plots.Point]] = {}
    for record in records:
        for one in record.details["findings"]:
            if one["kind"] == "quality" and None not in (one["value"], one["expected"], one["limit"]):
                points.setdefault(one["name"], []).append(point(record, one))
    return [prefixed(place, plots.quality(metric, found)) for metric, found in points.items()]


def point(record: Record, one: dict[str, Any]) -> plots.Point:
    """A finding on quality as a point in time."""
    return plots.Point(
        at=str(record.details["now"]), value=one["value"], low=one["low"], high=one["high"], expected=one["expected"],
        limit=one["limit"], rows=one["rows"], verdict=one["verdict"], release=short(record.subject),
    )  # fmt: skip


def drift_figure(place: str, records: Sequence[Record]) -> plots.Figure | None:
    """The map of distances; columns in the order of the newest watch."""
    names = [line.name for line in drift_lines(records[-1]) if line.group != "missing"]
    if not names:
        return None
    distances = [
        {one["name"]: one for one in record.details["findings"] if one["kind"] in ("data-drift", "prediction-drift")}
        for record in records
    ]
    values = [[found.get(name, {}).get("value") for found in distances] for name in names]
    limit = next((one["limit"] for one in distances[-1].values() if one["limit"]), 0.1)
    return prefixed(place, plots.drift_map(names, [str(one.details["now"]) for one in records], values, limit))


def score_figures(place: str, known: Reference, watch: Record) -> list[plots.Figure]:
    """Expected and live scores; the first of a binary task says nothing beyond the second."""
    live = msgspec.convert(watch.details["live"], Profile)
    figures: list[plots.Figure] = []
    for index, (reference, now) in enumerate(zip(known.profile.scores, live.scores, strict=False)):
        if sum(now.counts) and (known.schema.task != "binary" or index == 1):
            name = f"score of {known.schema.classes[index]}" if known.schema.classes else "score"
            figures.append(prefixed(place, plots.score(name, reference, now, ends(known.schema, reference))))
    return figures


def ends(schema: Schema, reference: Histogram) -> tuple[float, float]:
    """Between which scores a figure is drawn: probabilities, or a regression's range and a tenth of it on each side."""
    if schema.task != "regression" or not reference.edges:
        return 0.0, 1.0
    low, high = reference.edges[0], reference.edges[-1]
    room = (high - low) / 10 or 1.0
    return low - room, high + room


def column_figures(place: str, known: Reference, watch: Record) -> list[plots.Figure]:
    """The columns that drifted farthest, at training and live."""
    live = msgspec.convert(watch.details["live"], Profile)
    worst = [line.name for line in drift_lines(watch) if line.group == "input" and line.verdict == "drift"][:COLUMNS]
    columns = {column.name: column for column in known.schema.columns}
    figures: list[plots.Figure] = []
    for name in worst:
        bins = bins_of(known.profile.features[name], live.features[name], columns[name].values)
        if bins is not None:
            bins = coarse(bins, BARS)
            figures.append(prefixed(place, plots.bars(name, bins.labels, bins.reference.tolist(), bins.live.tolist())))
    return figures


def bins_of(
    reference: NumberSketch | TextSketch, live: NumberSketch | TextSketch, values: Sequence[Any] | None
) -> Bins | None:
    """The bins of a column; None when its kind changed."""
    if isinstance(reference, NumberSketch) and isinstance(live, NumberSketch):
        discrete = values is not None and set(reference.edges) <= set(values)
        return number_bins(reference.edges, reference.counts, live.counts, discrete=discrete)
    if isinstance(reference, TextSketch) and isinstance(live, TextSketch):
        return value_bins(reference.values, live.values)
    return None


def prefixed(place: str, figure: plots.Figure) -> plots.Figure:
    """The figure with an id that no other environment's has."""
    return replace(figure, id=f"{plots.slug(place)}-{figure.id}")


def trials_of(place: Place) -> list[Trial]:
    """The newest trials of an environment, each told by its last verdict."""
    by_release: dict[str, list[Record]] = {}
    for record in place.of("rollout"):
        if record.verdict in VERDICTS:
            by_release.setdefault(record.subject, []).append(record)
    newest = sorted(by_release.values(), key=lambda records: records[-1].at, reverse=True)[:TRIALS]
    return [trial(place.name, records) for records in newest]


def trial(place: str, records: Sequence[Record]) -> Trial:
    """One release's trial."""
    last = records[-1]
    rates = [rate for number, record in enumerate(records, start=1) for rate in rates_of(number, record)]
    figure = plots.trial(rates, id=f"{plots.slug(place)}-trial-{last.subject[:12]}", title="Failures by assigned track")
    return Trial(
        place=place, release=short(last.subject), verdict=last.verdict, tone=tone(last.verdict), summary=last.summary,
        figure=figure if rates else None, lines=[trial_line(one) for one in last.details["findings"]],
    )  # fmt: skip


def rates_of(number: int, record: Record) -> list[plots.Rate]:
    """Both tracks' failure rates at one verdict. A mirrored request that has no answer failed."""
    counts, percent = record.details["evidence"], record.details["traffic"]["candidate"]
    seen = {track: (counts[track]["failures"], counts[track]["judged"]) for track in ("stable", "candidate")}
    if mirror := counts["mirror"]:
        wanted = round(mirror["answered"] * mirror["share"])
        seen["candidate"] = max(wanted - mirror["mirrored"], 0), wanted
    step = f"{number}. {f'{percent} %' if percent else 'shadow'}: {record.verdict}"
    found: list[plots.Rate] = []
    for track, (failures, judged) in seen.items():
        if judged:
            rate = failures / judged
            low, high = wilson(rate, judged, ALPHA)
            found.append(
                plots.Rate(
                    step=step, verdict=record.verdict, track=track, value=rate, low=low, high=high, judged=judged
                )
            )
    return found
