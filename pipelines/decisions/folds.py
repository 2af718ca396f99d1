"""Is this row held back for validation? A function of its entity alone, which no data version changes."""

import hashlib
from collections.abc import Iterable

import numpy as np

from pipelines.contract import Folds

RANGE = 2**64


def is_validation(entity: str, folds: Folds) -> bool:
    """Does `entity` belong to the validation fold?

    The first 8 bytes of SHA-256("salt:entity"), read as a number in [0, 1), lie below `folds.validation`.
    """
    number = int.from_bytes(hashlib.sha256(f"{folds.salt}:{entity}".encode()).digest()[:8], "big")
    return number < folds.validation * RANGE


def split(entities: Iterable[str], folds: Folds) -> np.ndarray:
    """`is_validation` for each entity, as bool [rows]."""
    return np.fromiter((is_validation(entity, folds) for entity in entities), dtype=bool)
