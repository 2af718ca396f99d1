"""Which of two versions is newer? Enough for `1.26.6`, `v3.272.0-alpha.1` and `go1.26`; packages are not needed."""

import re

Version = tuple[int, ...]


def version(text: str) -> Version | None:
    """The first dotted number in `text`, padded to three parts; None when there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    if found is None:
        return None
    parts = [int(part) for part in found.group().split(".")]
    return tuple(parts + [0] * (3 - len(parts)))


def is_new_enough(text: str, minimum: Version) -> bool:
    """Whether `text` names a version, and one that is at least `minimum`."""
    found = version(text)
    return found is not None and found >= minimum


def shown(numbers: Version) -> str:
    """A version as people write it."""
    return ".".join(str(number) for number in numbers)
