"""Does a failing program of the setup leave a message that one can act on?"""

import sys

import pytest

from tools.commands import SetupError, run


def test_a_failure_shows_the_last_lines_and_the_way_out() -> None:
    program = "print('first'); [print(i) for i in range(40)]; print('no route to host'); raise SystemExit(3)"

    with pytest.raises(SetupError) as caught:
        run([sys.executable, "-c", program], way_out="Way out: plug the cable in.")

    message = str(caught.value)
    assert "exit code 3" in message
    assert "no route to host" in message
    assert "| first" not in message
    assert message.endswith("Way out: plug the cable in.")


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(SetupError, match=r"(?s)`no-such-program` cannot be run.*Way out"):
        run(["no-such-program"], way_out="Way out: install it.")


def test_each_line_is_seen_as_it_comes() -> None:
    seen: list[str] = []

    said = run([sys.executable, "-c", "print(1); print(2)"], way_out="", on_line=seen.append)

    assert seen == ["1", "2"]
    assert said == "1\n2"
