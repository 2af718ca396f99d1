"""Does the report say what the records say, first things first, and nothing that is not there?"""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.decisions.profile import Histogram
from pipelines.record import Record, keep
from pipelines.report import plots
from pipelines.report.strips import LIMIT_AT, against_limit, from_zero
from pipelines.steps.monitor import monitor
from pipelines.steps.report import report
from tests.pipelines.watched import DAY, NOW, Watched, flowers

NUMBERS = st.floats(-1e6, 1e6)


@pytest.fixture
def world(tmp_path: Path) -> Watched:
    return flowers(tmp_path)


def page(world: Watched) -> str:
    written: Record = report(world.env, world.model, out=world.root / "report.html")
    return Path(written.details["path"]).read_text(encoding="utf-8")


def text(html: str) -> str:
    """What a reader sees: no styles, no scripts, one space between words."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))


def longer(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"length": [value * 2 for value in given["length"]]}


def rolled_out(world: Watched, candidate: str, verdict: str, failures: int) -> None:
    """A verdict as `mlops rollout` keeps it."""
    finding = {
        "metric": "failures", "verdict": verdict, "message": "30.0% of 100 requests failed", "value": 0.3, "low": 0.2,
        "high": 0.4, "limit": 0.02, "needed": None,
    }  # fmt: skip
    keep(
        world.env, step="rollout", verdict=verdict, subject=candidate, summary=f"it is {verdict}",
        traffic={"candidate": 10, "shadow": 0}, judged=100, findings=[finding],
        evidence={
            "stable": {"judged": 900, "failures": 1}, "candidate": {"judged": 100, "failures": failures},
            "mirror": None,
        },
    )  # fmt: skip


def test_the_verdict_is_the_first_heading_and_the_title(world: Watched):
    world.live(1500, change=longer)
    monitor(world.env, world.model, now=NOW)
    html = page(world)
    assert re.findall(r"<h1[^>]*>([^<]+)<", html) == ["local-dev: what comes in has changed."]
    assert "<title>local-dev: what comes in has changed." in html


def test_an_environment_without_a_watch_says_which_command_watches(world: Watched):
    assert "mlops monitor --env local-dev" in text(page(world))


def test_the_farthest_drift_comes_first_with_its_interval_limit_and_requests(world: Watched):
    world.live(1500, change=longer)
    watch = monitor(world.env, world.model, now=NOW)
    shown = text(page(world))
    assert shown.index("length") < shown.index("width")
    (length,) = [one for one in watch.details["findings"] if (one["kind"], one["name"]) == ("data-drift", "length")]
    assert f"{length['low']:.4g} to {length['high']:.4g}" in shown
    assert length["part"]["examples"][0] in shown


def test_expected_and_actual_quality_stand_side_by_side_for_each_watch(world: Watched):
    world.live(2000, end=NOW - 12 * DAY, days=15, labels=1.0)
    for back in (5, 0):
        monitor(world.env, world.model, now=NOW - back * DAY)
    shown = text(page(world))
    assert "promised" in shown
    assert shown.count("2024-05-27") >= 1
    assert shown.count("2024-06-01") >= 1


def test_a_trial_shows_failures_by_assigned_track_and_counts_as_a_failed_change(world: Watched):
    rolled_out(world, "c" * 64, "hold", 25)
    rolled_out(world, "c" * 64, "back", 30)
    shown = text(page(world))
    assert "Failed at the last verdict (back): stable 0.1% of 900 requests, candidate 30.0% of 100 requests" in shown
    assert "1. 10 %: hold" in shown
    assert "2. 10 %: back" in shown


def test_every_figure_has_its_numbers_as_a_table_and_words_for_those_who_cannot_see_it(world: Watched):
    world.live(1500, change=longer)
    monitor(world.env, world.model, now=NOW)
    html = page(world)
    plotted = html.count('class="plot"')
    assert plotted >= 4
    assert html.count("<summary>The numbers</summary>") == plotted
    assert len(re.findall(r'class="plot" id="[^"]+" role="img" aria-label="[^"]{15,}"', html)) == plotted


def test_each_figure_has_an_id_of_its_own(world: Watched):
    world.live(1500, change=longer)
    monitor(world.env, world.model, now=NOW)
    ids = re.findall(r'\bid="([^"]+)"', re.sub(r"<script.*?</script>", "", page(world), flags=re.DOTALL))
    assert len(ids) == len(set(ids))


def test_the_page_names_nothing_that_a_browser_would_fetch(world: Watched):
    html = page(world)
    outside = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(?!#|data:)', outside)
    assert "default-src 'none'" in html


def test_text_from_a_log_cannot_become_markup(world: Watched):
    evil = "</script><img src=x onerror=alert(1)>"
    keep(world.env, step="train", verdict="trained", subject="d" * 64, summary=evil, version=0, metrics={})
    keep(world.env, step="data", verdict="written", summary=evil, version=1, digest="e" * 64, rows=1, quarantined=0,
         source=evil)  # fmt: skip
    html = page(world)
    assert "<img" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "&lt;img" in html


def test_a_changed_record_is_the_headline(world: Watched):
    world.live(300)
    monitor(world.env, world.model, now=NOW)
    (file,) = (world.root / ".local" / "local-dev" / "store" / "records" / "monitor").iterdir()
    file.write_bytes(file.read_bytes().replace(b'"verdict": "ok"', b'"verdict": "no"', 1))
    assert re.findall(r"<h1[^>]*>([^<]+)<", page(world)) == ["The record of local-dev was changed."]


def test_tags_are_closed_and_headings_do_not_skip_a_level(world: Watched):
    world.live(1500, change=longer)
    monitor(world.env, world.model, now=NOW)
    rolled_out(world, "c" * 64, "back", 30)
    checked = Nesting()
    checked.feed(re.sub(r"<script.*?</script>", "", page(world), flags=re.DOTALL))
    assert checked.open == []
    assert all(later - earlier <= 1 for earlier, later in zip(checked.levels, checked.levels[1:]))


class Nesting(HTMLParser):
    """Which elements are open, and the levels of the headings."""

    VOID = ("meta", "link", "input", "line", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.levels: list[int] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002  # what the parser calls it with
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_report_reads_only_and_leaves_no_entry_in_the_ledger(world: Watched):
    from pipelines import ledger

    before = ledger.head(world.env.store)
    page(world)
    assert ledger.head(world.env.store) == before


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_a_strip_keeps_the_good_side_right_of_a_limit_that_never_moves(
    value: float, low: float, high: float, limit: float, more: bool
):
    low, value, high = sorted((low, value, high))
    strip = against_limit(value=value, low=low, high=high, limit=limit, higher_is_better=more)
    assert strip.limit == LIMIT_AT
    assert 0 <= strip.low <= strip.value + 1e-9
    assert strip.value <= strip.high + 1e-9
    assert strip.high <= 100
    good = value >= limit if more else value <= limit
    assert strip.value >= LIMIT_AT - 1e-9 if good else strip.value <= LIMIT_AT + 1e-9


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0.001, 10))
def test_a_larger_distance_lies_farther_right(one: float, other: float, limit: float):
    low, high = sorted((one, other))
    strips = [from_zero(value=value, low=value, high=value, limit=limit, largest=100) for value in (low, high)]
    assert 0 <= strips[0].value <= strips[1].value <= 100


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20, unique=True), st.data())
def test_spreading_a_histogram_over_equal_bins_loses_nothing(edges: list[float], data: st.DataObject):
    counts = data.draw(st.lists(st.integers(0, 100), min_size=len(edges) + 1, max_size=len(edges) + 1))
    shares = plots.spread(Histogram(edges=sorted(edges), counts=counts), np.linspace(0, 1, 25), (0.0, 1.0))
    assert sum(shares) == pytest.approx(1.0 if sum(counts) else 0.0)
