"""Are versions compared as numbers, whatever stands around them?"""

import pytest

from tools.versions import is_new_enough, version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v3.274.1", (3, 274, 1)), ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)), ("go1.26", (1, 26, 0)),
        ("3.272.0-alpha.1", (3, 272, 0)), ("", None), ("devel", None),
    ],
)  # fmt: skip
def test_the_first_dotted_number_is_the_version(text: str, expected: tuple[int, ...] | None) -> None:
    assert version(text) == expected


def test_parts_are_compared_as_numbers_and_not_as_text() -> None:
    assert is_new_enough("v3.1000.0", (3, 272, 0))
    assert not is_new_enough("v3.99.9", (3, 272, 0))


def test_a_program_that_says_no_version_is_not_new_enough() -> None:
    assert not is_new_enough("", (0, 0, 0))
