"""The command itself: help, wrong calls, signals, and a Runtime API that is not there."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from raw_runtime_api import MODULE, Gate, RunningRuntime, lambda_environment

Serve = Callable[..., AbstractContextManager[RunningRuntime]]


def call(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, *MODULE, *arguments],
        cwd=folder,
        env=lambda_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_help_names_the_forms_of_a_handler(tmp_path: Path) -> None:
    done = call("--help", folder=tmp_path)

    assert done.returncode == 0
    assert "`module.handler`" in done.stdout
    assert "AWS_LAMBDA_RUNTIME_API" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, "one handler is needed"),
        (["app.handler", "more"], {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, "one handler is needed"),
        (["--port"], {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, "one handler is needed"),
        (["app.handler"], {}, "AWS_LAMBDA_RUNTIME_API is not set"),
        (["app.handler"], {"AWS_LAMBDA_RUNTIME_API": "localhost"}, "'localhost' is not of the form host:port"),
        (["app.handler"], {"AWS_LAMBDA_RUNTIME_API": "localhost:http"}, "not of the form host:port"),
        (["app.handler"], {"AWS_LAMBDA_RUNTIME_API": "localhost:70000"}, "not of the form host:port"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(
    arguments: list[str], environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    """It says what is missing, and no traceback."""
    done = call(*arguments, folder=tmp_path, **environment)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("source", ["def handler(event, context): ...\n", "async def handler(event, context): ...\n"])
def test_a_runtime_api_that_is_not_there_is_one_line(source: str, tmp_path: Path) -> None:
    """Status 1 and the address, from either thread."""
    (tmp_path / "app.py").write_text(source)
    done = call("app.handler", folder=tmp_path, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert done.stderr.startswith("apptheory_streaming.runtime: the Runtime API at 127.0.0.1:")
    assert done.stderr.count("\n") == 1


def test_a_handler_that_cannot_be_loaded_and_no_runtime_api(tmp_path: Path) -> None:
    """The log says why it cannot be loaded, although nobody takes the report."""
    done = call("nosuch.handler", folder=tmp_path, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert "Runtime.ImportModuleError" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["async def", "def"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_an_idle_runtime_at_once(serve: Serve, kind: str, number: signal.Signals, status: int) -> None:
    """Without a traceback for Ctrl-C, and as programs end, so that what was registered for it runs."""
    source = f"""
        import atexit

        atexit.register(print, "the end")

        {kind} handler(event, context):
            return 1
        """
    with serve(source) as runtime:
        runtime.api.invoke()
        runtime.api.read_next()
        runtime.terminate(number)

        assert runtime.wait() == (status, "the end\n", "")


def test_a_signal_gives_up_a_stream_in_flight(serve: Serve, gate: Gate, tmp_path: Path) -> None:
    """After its grace the stream is cut, the handler's `finally` runs, and the status is 0."""
    source = """
        from gates import stand_async_at
        from pathlib import Path

        async def handler(event, context):
            try:
                yield b"one"
                await stand_async_at(event)
                yield b"two"
            finally:
                Path("left").write_text("by finally")
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(str(gate.port).encode())
        gate.wait()
        runtime.terminate()
        request = runtime.api.read_request()

        assert request.cut
        assert request.chunks[1:] == [b"one"]
        assert runtime.wait()[0] == 0
        assert (tmp_path / "left").read_text() == "by finally"


def test_a_stream_that_ends_within_the_grace_is_whole(serve: Serve, gate: Gate) -> None:
    """The invocation in flight is answered, and no other is asked for."""
    source = """
        from gates import stand_at

        def handler(event, context):
            yield b"one"
            stand_at(event)
            yield b"two"
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(str(gate.port).encode())
        gate.wait()
        runtime.terminate()
        gate.open()
        request = runtime.api.read_request()
        runtime.api.answer()

        assert not request.cut
        assert request.chunks[1:] == [b"one", b"two"]
        assert runtime.wait() == (0, "", "")


def test_a_handler_that_never_returns_does_not_keep_the_process(serve: Serve, gate: Gate) -> None:
    """It ends some seconds after the signal, whatever runs on its main thread."""
    source = """
        import time
        from gates import stand_at

        def handler(event, context):
            while True:
                stand_at(event)
                time.sleep(60)
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(str(gate.port).encode())
        gate.wait()
        gate.open()
        runtime.terminate()

        assert runtime.wait()[0] == 0


def test_a_signal_that_the_function_handles_itself_is_left_to_it(serve: Serve) -> None:
    """As functions with an extension do to clean up."""
    source = """
        import os
        import signal

        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))

        async def handler(event, context):
            return 1
        """
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.terminate()

        assert runtime.wait()[0] == 9


def test_only_what_it_needs_is_loaded(serve: Serve) -> None:
    """A cold start pays for asyncio and this package, and for no format or client that the handler does not use."""
    source = """
        import sys

        def handler(event, context):
            return sorted(sys.modules)
        """
    with serve(source) as runtime:
        loaded = set(json.loads(runtime.api.invoke().body))

    ours = {name for name in loaded if name.startswith("apptheory_")}
    assert not loaded & {"http.client", "urllib.request", "email", "importlib.metadata", "argparse", "xml", "ctypes"}
    assert "uuid" not in loaded  # nor what only some JSON needs
    formats = {name for name in ours if any(word in name for word in ("sse", "ndjson", "csv", "gai", "html", "sdk"))}
    assert formats <= {"apptheory_streaming.wire.sse_gap"}  # where heartbeats may stand
    assert not [name for name in ours if not name.startswith("apptheory_streaming")]
