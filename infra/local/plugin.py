"""How does the engine speak with this provider? Over gRPC, in protobuf; the kinds behind it see plain values.

It serves Pulumi's protocol itself rather than through the SDK's `provider.experimental`, whose values cannot express an
unknown and whose errors carry a stack: https://pulumi-developer-docs.readthedocs.io/latest/docs/references/proto.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from infra.local.errors import LocalError
from infra.local.file import FileKind
from infra.local.kind import Kind, Properties, checked
from infra.local.process import ProcessKind

VERSION = "0.1.0"
LAST_WORDS = 4.0  # seconds for what is under way
MESSAGE_LIMIT = 400 << 20  # the engine's own
WORKERS = 32  # a create occupies one until its process is ready

T = TypeVar("T")


def plain(given: Any) -> Properties:
    """A protobuf structure as a dictionary."""
    return json_format.MessageToDict(given)


def struct(values: Properties) -> Any:
    """A dictionary as a protobuf structure."""
    return json_format.ParseDict(values, struct_pb2.Struct())


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's calls."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.kinds: dict[str, Kind] = {
            "local:index:Process": ProcessKind(self.cancelled),
            "local:index:File": FileKind(),
        }

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "local", "version": "{VERSION}"}}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)  # and accepts no secrets: see kind.py

    def Cancel(self, request: Any, context: Any) -> Any:
        self.cancelled.set()
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:
        kind = self.kinds.get(request.type)
        if kind is None:
            reason = f"unknown type {request.type}; known are {', '.join(self.kinds)}"
            return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(reason=reason)])
        inputs, wrong = checked(kind, plain(request.news))
        wrong = wrong or kind.problems(request.name, inputs)
        failures = [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in wrong.items()]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        kind = self.kinds[request.type]
        changed = kind.changes(plain(request.olds), plain(request.news))
        replaces = [name for name in changed if name in kind.inputs and kind.inputs[name].replaces]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces),
            hasDetailedDiff=True,
            detailedDiff={name: difference(kind, name, replaces) for name in changed},
        )

    def Create(self, request: Any, context: Any) -> Any:
        kind, inputs = self.kinds[request.type], plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(kind.planned(inputs, {})))
        identity, state = told(context, lambda: kind.create(request.name, inputs))
        return provider_pb2.CreateResponse(id=identity, properties=struct(state))

    def Update(self, request: Any, context: Any) -> Any:
        kind, old, inputs = self.kinds[request.type], plain(request.olds), plain(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(kind.planned(inputs, old)))
        state = told(context, lambda: kind.update(request.id, old, inputs))
        return provider_pb2.UpdateResponse(properties=struct(state))

    def Read(self, request: Any, context: Any) -> Any:
        kind = self.kinds[request.type]
        found = told(context, lambda: kind.read(request.id, plain(request.properties), plain(request.inputs)))
        if found is None:
            return provider_pb2.ReadResponse()
        state, inputs = found
        return provider_pb2.ReadResponse(id=request.id, properties=struct(state), inputs=struct(inputs))

    def Delete(self, request: Any, context: Any) -> Any:
        told(context, lambda: self.kinds[request.type].delete(request.id, plain(request.properties)))
        return empty_pb2.Empty()


def difference(kind: Kind, name: str, replaces: list[str]) -> Any:
    """How the engine shows the change of one property; one that is no input was found changed by a refresh."""
    response = provider_pb2.PropertyDiff
    how = response.UPDATE_REPLACE if name in replaces else response.UPDATE
    return response(kind=how, inputDiff=name in kind.inputs)


def told(context: Any, call: Callable[[], T]) -> T:
    """The result of `call`; an error becomes one message to the engine, without a stack."""
    try:
        return call()
    except LocalError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except OSError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"this machine refused: {error}")
    raise AssertionError("abort raises")


def leave_with_engine() -> None:
    """Wait for the engine's end of standard input to close, which it does however the engine ends."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until the engine is gone."""
    os.umask(0o077)
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=WORKERS), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine closes a plugin with SIGINT and waits five seconds before it kills; a terminal's Ctrl-C does not come
    # here, since the engine gives plugins a process group of their own and speaks through Cancel.
    signal.signal(signal.SIGINT, lambda _signal, _frame: server.stop(LAST_WORDS))
    print(port, flush=True)
    threading.Thread(target=leave_with_engine, daemon=True).start()
    server.wait_for_termination()
    os._exit(0)  # the thread on standard input would block the interpreter's end


if __name__ == "__main__":
    main()
