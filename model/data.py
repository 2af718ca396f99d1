"""What do the published columns mean, and when does each client appear on the simulated clock?

The published data has neither a time column nor a drift: every client is observed once, in 2005. Both are SIMULATED
here, with real rows only and each of them once. `event_time` is a day of 2024, drawn from a hash of the client's id.
Clients with a low limit (up to 50,000 NT$: worse payers, and harder to tell apart) mostly come in the last three
months, as if the card had been opened to them in October: that is the population shift which monitoring has to find.
"""

import hashlib

import numpy as np
import pandas as pd

NAMES = {
    "ID": "client",
    "X1": "LIMIT_BAL", "X2": "SEX", "X3": "EDUCATION", "X4": "MARRIAGE", "X5": "AGE",
    "X6": "PAY_0", "X7": "PAY_2", "X8": "PAY_3", "X9": "PAY_4", "X10": "PAY_5", "X11": "PAY_6",
    "X12": "BILL_AMT1", "X13": "BILL_AMT2", "X14": "BILL_AMT3",
    "X15": "BILL_AMT4", "X16": "BILL_AMT5", "X17": "BILL_AMT6",
    "X18": "PAY_AMT1", "X19": "PAY_AMT2", "X20": "PAY_AMT3", "X21": "PAY_AMT4", "X22": "PAY_AMT5", "X23": "PAY_AMT6",
    "Y": "default_payment",
}  # fmt: skip
CODES = {
    "SEX": {1: "male", 2: "female"},
    "EDUCATION": {1: "graduate school", 2: "university", 3: "high school", 4: "others"},
    "MARRIAGE": {1: "married", 2: "single", 3: "others"},
    "default_payment": {0: "paid", 1: "default"},
}
UNDOCUMENTED = "undocumented"  # EDUCATION 0, 5, 6 and MARRIAGE 0, which the publication does not explain

YEAR = 2024
LOW_LIMIT = 50_000
MONTHS = {  # the simulated share of clients in each month, January to December
    False: [0.60 / 6] * 6 + [0.28 / 3] * 3 + [0.12 / 3] * 3,
    True: [0.08 / 6] * 6 + [0.04 / 3] * 3 + [0.88 / 3] * 3,
}


def read(source: str) -> pd.DataFrame:
    """One row per client of the CSV file `source`, with the simulated `event_time` (UTC)."""
    table = pd.read_csv(source).rename(columns=NAMES)
    for column, words in CODES.items():
        table[column] = table[column].map(words).fillna(UNDOCUMENTED).astype("str")
    table["client"] = table["client"].astype("str")
    table["event_time"] = event_time(table["client"], table["LIMIT_BAL"] <= LOW_LIMIT)
    return table


def event_time(clients: "pd.Series[str]", late: "pd.Series[bool]") -> pd.Series:
    """The simulated day of each client: a function of the id and of whether the client is one who mostly comes late."""
    drawn, day = uniform(clients, "month"), uniform(clients, "day")
    ends = {group: np.cumsum(shares)[:-1] for group, shares in MONTHS.items()}
    month = 1 + np.where(late, *(np.searchsorted(ends[group], drawn, side="right") for group in (True, False)))
    days = pd.to_datetime({"year": YEAR, "month": month, "day": 1 + (day * 28).astype(int)}, utc=True)
    return days.set_axis(clients.index)


def uniform(clients: "pd.Series[str]", purpose: str) -> np.ndarray:
    """A number in [0, 1) for each client, the same whenever and wherever it is asked."""
    hashes = [hashlib.sha256(f"{purpose}:{client}".encode()).digest()[:8] for client in clients]
    return np.frombuffer(b"".join(hashes), dtype=">u8") / 2.0**64
