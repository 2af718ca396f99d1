"""What does a program register? A stand-in for the engine's monitor keeps every request whole, options included."""

import asyncio
import contextvars
import json
import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

SIGNATURE = "4dabf18193072939515e22adb298388d"  # marks a wrapped value, a secret among others


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One resource as the program asked for it; `inputs` are plain, `secret` names those that hold a secret."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    secret_outputs: tuple[str, ...]
    depends_on: tuple[str, ...]


@dataclass(kw_only=True)
class Recorded:
    """What a program did."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def named(self, name: str, type_: str = "") -> Registered:
        (found,) = [one for one in self.resources if one.name == name and type_ in one.type]
        return found

    def before(self, resource: Registered) -> set[str]:
        """The names of all that must stand before `resource`, however indirectly."""
        found: set[str] = set()
        ahead = [resource]
        while ahead:
            for name in ahead.pop().depends_on:
                if name not in found:
                    found.add(name)
                    ahead += [one for one in self.resources if one.name == name]
        return found


class Nothing(pulumi.runtime.Mocks):
    """Never asked: the monitor below answers itself."""

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError


class Monitor(mocks.MockMonitor):
    """Answers as the provider would, for a stack on top of a platform with these outputs."""

    def __init__(self, platform: dict[str, str]) -> None:
        super().__init__(Nothing())
        self.platform = platform
        self.recorded = Recorded()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802  # the engine's word
        response = resource_pb2.ReadResourceResponse(urn=self.make_urn("", request.type, request.name))
        json_format.ParseDict({"name": request.id, "outputs": self.platform}, response.properties)
        return response

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the engine's word
        urn = self.make_urn(request.parent, request.type, request.name)
        given = json_format.MessageToDict(request.object)
        if request.type != "pulumi:pulumi:Stack":
            self.recorded.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    parent=last(request.parent),
                    inputs={name: plain(value) for name, value in given.items()},
                    secret=frozenset(name for name, value in given.items() if SIGNATURE in json.dumps(value)),
                    secret_outputs=tuple(request.additionalSecretOutputs),
                    depends_on=tuple(sorted({last(one) for one in request.dependencies})),
                )
            )
        state = given | {name: secret(f"generated {name}") for name in request.additionalSecretOutputs}
        response = resource_pb2.RegisterResourceResponse(urn=urn, id=request.name)
        json_format.ParseDict(state, response.object)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  # the engine's word
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.recorded.outputs = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


def last(urn: str) -> str:
    """The name in a URN."""
    return urn.rpartition("::")[2]


def secret(value: str) -> dict[str, str]:
    """A secret as it travels."""
    return {SIGNATURE: rpc._special_secret_sig, "value": value}


def plain(value: Any) -> Any:
    """A value without its marks."""
    if isinstance(value, dict):
        return plain(value["value"]) if SIGNATURE in value else {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def record(program: Path, *, project: str, stack: str, declaration: object, platform: dict[str, str]) -> Recorded:
    """Run a program on a declaration. Raises what the program raises."""

    def run() -> Recorded:
        monitor = Monitor(platform)
        settings = mocks.MockSettings(
            monitor=monitor, monitor_features=set(), engine=mocks.MockEngine(None), project=project, stack=stack,
            dry_run=False, organization="organization", callbacks=None,
        )  # fmt: skip
        pulumi.runtime.settings.configure(settings)
        set_all_config({f"mlops:{project}": json.dumps(declaration)})
        asyncio.run(run_in_stack(lambda: runpy.run_path(str(program / "__main__.py")) and None))
        return monitor.recorded

    return contextvars.copy_context().run(run)
