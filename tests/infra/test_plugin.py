"""Does the provider's process come and go as the engine expects of a plugin?"""

import signal
import subprocess
import sys
from collections.abc import Generator

import pytest

QUICKLY = 4.0  # the engine kills a plugin five seconds after it asked it to end


@pytest.fixture
def plugin() -> Generator[subprocess.Popen[str]]:
    """The provider, once it has said its port."""
    command = [sys.executable, "-m", "infra.local.plugin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        yield process
        process.kill()


def test_a_plugin_that_the_engine_closes_ends_at_once_and_in_silence(plugin: subprocess.Popen[str]) -> None:
    plugin.send_signal(signal.SIGINT)

    assert plugin.wait(timeout=QUICKLY) == 0
    assert plugin.stderr is not None
    assert plugin.stderr.read() == ""


def test_a_plugin_whose_engine_is_gone_ends(plugin: subprocess.Popen[str]) -> None:
    assert plugin.stdin is not None

    plugin.stdin.close()

    assert plugin.wait(timeout=QUICKLY) == 0
