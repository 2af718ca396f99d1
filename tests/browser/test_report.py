"""Can a person open the report? In a real browser: nothing is fetched, nothing fails, everything is drawn."""

import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipelines.steps.monitor import monitor
from pipelines.steps.report import report
from tests.pipelines.test_report import longer, rolled_out
from tests.pipelines.watched import DAY, NOW, flowers

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report about an environment that was watched twice and had a trial."""
    world = flowers(tmp_path_factory.mktemp("world"))
    world.live(2000, end=NOW - 12 * DAY, days=15, labels=1.0)
    monitor(world.env, world.model, now=NOW - 3 * DAY)
    world.live(1500, prefix="shifted", change=longer, days=10)
    monitor(world.env, world.model, now=NOW)
    rolled_out(world, "c" * 64, "back", 30)
    report(world.env, world.model, out=world.root / "report.html")
    return world.root / "report.html"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Generator[Browser]:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS, env={"HOME": home})
        yield launched
        launched.close()


@dataclass
class Opened:
    """A page, what it asked for, and what went wrong on it."""

    page: Page
    requests: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light, wide", "dark, narrow"])
def opened(request: pytest.FixtureRequest, browser: Browser, file: Path) -> Generator[Opened]:
    scheme, width = request.param
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Opened(page)
    page.on("request", lambda one: seen.requests.append(one.url))
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("console", lambda message: seen.problems.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]", timeout=30_000)
    yield seen
    page.close()


def test_nothing_but_the_file_is_fetched_and_nothing_fails(opened: Opened, file: Path):
    assert opened.requests == [file.as_uri()]
    assert opened.problems == []


def test_every_figure_is_drawn(opened: Opened):
    figures = opened.page.locator(".plot").all()
    assert len(figures) >= 6
    for figure in figures:
        assert figure.locator("svg.main-svg").first.bounding_box()["width"] > 200
        assert figure.locator("svg .xtick, svg .ytick").count() > 0


def test_the_verdict_is_seen_without_scrolling(opened: Opened):
    heading = opened.page.locator("h1")
    assert heading.inner_text() == "local-dev: what comes in has changed."
    assert heading.bounding_box()["y"] < 400


def test_the_page_is_not_wider_than_the_window(opened: Opened):
    wide, window = opened.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window


def test_texts_are_readable_on_their_background(opened: Opened):
    assert opened.page.evaluate(CONTRAST) == []


def test_the_list_of_decisions_can_be_narrowed_down(opened: Opened):
    rows = opened.page.locator("#log tbody tr")
    before = rows.count()
    opened.page.fill("#filter", "rollout back")
    assert rows.locator("visible=true").count() == 1
    assert before > 1


def test_a_change_of_the_colour_scheme_redraws_the_figures(opened: Opened):
    read = "getComputedStyle(document.querySelector('.plot .gtitle, .plot .legendtext')).fill"
    before = opened.page.evaluate(read)
    other = "light" if opened.page.locator("html[data-drawn=dark]").count() else "dark"
    opened.page.emulate_media(color_scheme=other)
    opened.page.wait_for_selector(f"html[data-drawn={other}]")
    assert opened.page.evaluate(read) != before


# WCAG 2.1, success criterion 1.4.3: 4.5 for text, 3 for large text.
CONTRAST = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] > 0.99) return color;
    }
    return [255, 255, 255, 1];
  };
  const bad = [];
  for (const element of document.querySelectorAll("main *:not(svg *), header *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element), back = behind(element), front = parse(style.color);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const text = element.textContent.trim().slice(0, 40);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) bad.push(`${text}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
}"""
