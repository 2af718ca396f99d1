#!/usr/bin/env python3
"""How does an engine built from its Go module run Python programs? This is its language host.

Pulumi's own host comes only with the official command line. The engine starts this one from the folder that it lies in
itself (`tools/engine.py` copies both there), reads a port from its standard output, and calls it over gRPC. A program
runs in this process: `preview` and the update of one `pulumi up` share it. Installed SDKs are deliberately not reported
by `GetRequiredPackages` (inherited, empty): the engine would fetch each one's plugin, for a local stack, too.
"""

import os
import runpy
import signal
import subprocess
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent import futures
from importlib.metadata import distributions
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi import RunError
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

MESSAGE_LIMIT = 400 << 20  # the engine's own; gRPC's default of 4 MiB is less than a large resource
LIBRARY = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def is_ours(module: ModuleType | None) -> bool:
    """Whether `module` is the project's code, so that the next run must import it again."""
    file = getattr(module, "__file__", None)
    return file is not None and not str(Path(file).resolve()).startswith(LIBRARY)


def own_frames(trace: TracebackType | None, folder: str) -> TracebackType | None:
    """The part of a traceback that starts in the program's `folder`; all of it when no frame does."""
    frame = trace
    while frame is not None:
        if frame.tb_frame.f_code.co_filename.startswith(folder):
            return frame
        frame = frame.tb_next
    return trace


def program(folder: str, entry_point: str) -> Callable[[], None]:
    """The Pulumi program in `folder`; a call runs it once and leaves none of its modules behind.

    Without the last, resources that a module registers when it is imported would be missing from a second run, and the
    update after a preview would delete them.
    """

    def run() -> None:
        before = set(sys.modules)
        sys.path.insert(0, folder)
        try:
            runpy.run_path(str(Path(folder, entry_point)), run_name="__main__")
        except (RunError, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, the engine shows it to the user
            trace = own_frames(error.__traceback__, folder)
            text = "".join(traceback.format_exception(type(error), error.with_traceback(trace), trace))
            raise RunError(f"Program failed with an unhandled exception:\n{text}") from None
        finally:
            sys.path.remove(folder)
            for name in set(sys.modules) - before:
                if is_ours(sys.modules[name]):
                    del sys.modules[name]

    return run


class Host(LanguageServer):
    """The engine's calls; `Run` is the SDK's own, which the automation API uses, too."""

    def __init__(self) -> None:
        super().__init__(program=lambda: None)
        self.running = threading.Lock()
        self.plugins: list[subprocess.Popen[bytes]] = []

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End this process and the plugins that it started."""
        for plugin in self.plugins:
            plugin.terminate()
        os._exit(0)

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def Run(self, request: Any, context: Any) -> Any:
        folder = request.info.program_directory
        with self.running:
            os.chdir(folder)
            self.program = program(folder, request.info.entry_point)
            result = super().Run(request, context)
        # The SDK has logged the error; returned as well, the engine would print it twice.
        return language_pb2.RunResponse(bail=True) if result.error else result

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        installed = [language_pb2.DependencyInfo(name=d.name, version=d.version) for d in distributions()]
        return language_pb2.GetProgramDependenciesResponse(dependencies=installed)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        yield language_pb2.InstallDependenciesResponse(stdout=b"Dependencies come from `make setup`.\n")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a provider or policy pack that is a folder of Python code, and hand on what it prints."""
        folder = request.info.program_directory
        policy = request.kind == "analyzer"
        what = ["-m", "pulumi.policy", *request.args, folder] if policy else [folder, *request.args]
        plugin = subprocess.Popen(
            [sys.executable, "-u", *what],
            cwd=folder if policy else request.pwd, env=dict(entry.split("=", 1) for entry in request.env),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr,
        )  # fmt: skip
        self.plugins.append(plugin)
        context.add_callback(plugin.terminate)
        assert plugin.stdout is not None  # it was asked for above
        for line in plugin.stdout:
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def stop_with_engine(host: Host) -> None:
    """Wait for the engine's end of standard input to close, which it does however the engine ends."""
    sys.stdin.buffer.read()
    host.stop()


def main() -> None:
    """Serve until the engine is gone."""
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=limits)
    host = Host()
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    signal.signal(signal.SIGINT, host.stop)
    threading.Thread(target=stop_with_engine, args=(host,), daemon=True).start()
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
