"""Which tiers of tests can this machine run? Each function says what is missing and the way out, or None."""

import functools
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

from pipelines.engine import engine_folder
from pipelines.errors import NotReady

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@functools.cache
def no_engine() -> str | None:
    """Why the real Pulumi engine cannot be used."""
    try:
        engine_folder(Path(__file__).resolve().parent.parent)
    except NotReady as error:
        return str(error)
    return None


@functools.cache
def no_services() -> str | None:
    """Why real servers cannot be started."""
    if importlib.util.find_spec("envoy") or shutil.which("envoy"):
        return None
    return "there is no Envoy. Run `make setup`; its wheel needs glibc 2.31 or macOS 15."


@functools.cache
def chromium() -> str | None:
    """The program of a Chromium-like browser."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@functools.cache
def no_browser() -> str | None:
    """Why no page can be opened."""
    return None if chromium() else "there is no Chromium on PATH. `apt-get install chromium`, or install Chrome."


MISSING: dict[str, Callable[[], str | None]] = {
    "engine": no_engine,
    "services": no_services,
    "browser": no_browser,
}
