"""What is this environment made of, beside its endpoint? Whatever its platform makes it of."""

from pathlib import Path

import pulumi

from environments.declaration import Platform
from infra.platform import local
from infra.program import declared, not_yet

ROOT = Path(__file__).resolve().parents[2]
platform = declared(ROOT, Platform)

match platform.platform:
    case "local":
        outputs = local.deploy(ROOT, pulumi.get_stack())
    case other:
        raise not_yet(other)

for name, value in outputs.items():
    pulumi.export(name, value)
