"""Is each prediction that the real server acknowledged in the table exactly once, whatever was killed when?"""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from serving.spool import segments
from tests.serving import process, releases
from tests.serving.entries import logged

pytestmark = pytest.mark.services

KILLS = 20
CLIENTS = 4


class Client(threading.Thread):
    """Asks one server until it dies, and asks again for what the one before did not acknowledge, under the same id."""

    def __init__(self, url: str, name: str, again: list[tuple[str, int]]) -> None:
        super().__init__(name=name)
        self.url = url
        self.again = again
        self.acknowledged: list[tuple[str, int]] = []
        self.open: list[tuple[str, int]] = []

    def run(self) -> None:
        sent = 0
        with httpx.Client(base_url=self.url, trust_env=False, timeout=10) as client:
            while True:
                self.open = [self.again.pop() if self.again else (f"{self.name}-{sent}", 1 + sent % 3)]
                request_id, rows = self.open[0]
                sent += 1
                try:
                    answer = client.post(
                        "/invocations", headers={"x-request-id": request_id},
                        json={"dataframe_records": [releases.BINARY_ROW] * rows},
                    )  # fmt: skip
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged += self.open


def start_shipper(root: Path, *more: str) -> subprocess.Popen[str]:
    options = ["--spool", str(root / "spool"), "--access-log", str(root / "access.jsonl"), "--interval", "0.05"]
    command = [sys.executable, "-m", "serving.shipper", *options, "--tables", (root / "tables").as_uri(), *more]
    return subprocess.Popen(command, cwd=process.ROOT, stderr=subprocess.PIPE, text=True)


def test_twenty_kills_under_load_lose_and_repeat_nothing(tmp_path: Path) -> None:
    chance = random.Random(20240601)
    made = [tmp_path / "stable", tmp_path / "candidate"]
    digests = [releases.binary(folder, bias=float(index)) for index, folder in enumerate(map(new, made))]
    acknowledged, unanswered = Counter[tuple[str, int, str]](), {digest: list[tuple[str, int]]() for digest in digests}
    shipping = start_shipper(tmp_path)
    for kill in range(KILLS):
        track = kill % 2 if kill < KILLS - 4 else 0  # the candidate is removed: nobody starts on its segments again
        digest = digests[track]
        with process.running(made[track], digest, tmp_path / "spool" / digest[:12]) as server:
            clients = [Client(server.url, f"k{kill}c{number}", unanswered[digest]) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(chance.uniform(0.02, 0.3))
            if kill % 4 == 1:
                shipping.kill()
                shipping.communicate()
                shipping = start_shipper(tmp_path)
            server.process.kill()
            for client in clients:
                client.join()
        for client in clients:
            acknowledged.update((name, row, digest) for name, rows in client.acknowledged for row in range(rows))
            unanswered[digest] += client.open
    shipping.kill()
    shipping.communicate()
    last = start_shipper(tmp_path, "--once")
    said = last.communicate(timeout=60)[1]
    assert last.returncode == 0, said
    found = logged(tmp_path / "tables")
    assert len(acknowledged) > 500
    assert set(acknowledged.values()) == {1}
    assert set(acknowledged) - set(found) == set()
    assert [key for key, times in found.items() if times > 1] == []
    assert segments(tmp_path / "spool") == []


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder
