"""Is what a server says about itself one JSON object per line, without a trace over many?"""

import json
import logging
from collections.abc import Iterator

import pytest

from serving.log import Lines, line


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    library, lines = logging.getLogger("library"), Lines()
    library.addHandler(lines)
    yield library
    library.removeHandler(lines)


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    line("ready", port=1, note="two\nlines")
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["port"], said["note"]) == ("ready", 1, "two\nlines")


def test_a_librarys_error_is_one_line_with_the_place_that_raised(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise KeyError("x")
    except KeyError:
        logger.exception("first line\nsecond line")
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["level"], said["message"], said["error"]) == (
        "library", "ERROR", "first line", "KeyError('x')",
    )  # fmt: skip
    assert "test_log.py:" in said["trace"][-1]


def test_a_librarys_warning_has_neither_error_nor_trace(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.warning("careful")
    assert json.loads(capsys.readouterr().err).keys() == {"at", "event", "level", "message"}
