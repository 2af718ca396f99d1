"""What must every version of this model do?"""

from collections.abc import Mapping
from typing import Any, Literal

INVARIANCES: list[str] = []
DIRECTIONS: Mapping[str, Literal["increasing", "decreasing"]] = {"bmi": "increasing"}
EXAMPLES: list[tuple[Mapping[str, Any], str]] = []
