"""What must every version of this model do?"""

from collections.abc import Mapping
from typing import Any, Literal

INVARIANCES: list[str] = ["origin"]
DIRECTIONS: Mapping[str, Literal["increasing", "decreasing"]] = {}
EXAMPLES: list[tuple[Mapping[str, Any], str]] = [
    (
        {
            "alcohol": 14.2,
            "malic_acid": 1.7,
            "color_intensity": 5.6,
            "flavanoids": 3.1,
            "proline": 1100,
            "origin": "north",
        },
        "class_0",
    ),
]
