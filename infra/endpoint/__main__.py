"""What does one model's endpoint consist of? Whatever its environment's platform makes it of."""

from pathlib import Path

import pulumi

from environments.declaration import Endpoint
from infra.endpoint import local
from infra.program import carrier, declared, not_yet

ROOT = Path(__file__).resolve().parents[2]
endpoint = declared(ROOT, Endpoint)

match carrier(ROOT):
    case "local":
        outputs = local.deploy(ROOT, pulumi.get_stack(), endpoint)
    case other:
        raise not_yet(other)

for name, value in outputs.items():
    pulumi.export(name, value)
