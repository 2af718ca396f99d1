"""What must every version of this model do, whatever its figures say?"""

from collections.abc import Mapping
from typing import Any, Literal

INVARIANCES: list[str] = ["SEX", "MARRIAGE", "AGE"]
DIRECTIONS: Mapping[str, Literal["increasing", "decreasing"]] = {"LIMIT_BAL": "decreasing"}

PUNCTUAL = {
    "LIMIT_BAL": 300_000, "EDUCATION": "graduate school",
    "PAY_0": -1, "PAY_2": -1, "PAY_3": -1, "PAY_4": -1, "PAY_5": -1, "PAY_6": -1,
    "BILL_AMT1": 12_000, "BILL_AMT2": 9_000, "BILL_AMT3": 15_000,
    "BILL_AMT4": 8_000, "BILL_AMT5": 11_000, "BILL_AMT6": 10_000,
    "PAY_AMT1": 9_000, "PAY_AMT2": 15_000, "PAY_AMT3": 8_000,
    "PAY_AMT4": 11_000, "PAY_AMT5": 10_000, "PAY_AMT6": 12_000,
}  # fmt: skip
OVERDUE = {
    "LIMIT_BAL": 20_000, "EDUCATION": "university",
    "PAY_0": 3, "PAY_2": 3, "PAY_3": 2, "PAY_4": 2, "PAY_5": 2, "PAY_6": 2,
    "BILL_AMT1": 19_500, "BILL_AMT2": 19_000, "BILL_AMT3": 18_400,
    "BILL_AMT4": 18_000, "BILL_AMT5": 17_500, "BILL_AMT6": 17_000,
    "PAY_AMT1": 0, "PAY_AMT2": 0, "PAY_AMT3": 0, "PAY_AMT4": 0, "PAY_AMT5": 0, "PAY_AMT6": 0,
}  # fmt: skip
EXAMPLES: list[tuple[Mapping[str, Any], str]] = [(PUNCTUAL, "paid"), (OVERDUE, "default")]
