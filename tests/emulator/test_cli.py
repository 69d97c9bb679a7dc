"""The command `apptheory-emulate` as a process: its one line, its options, its signals, its exit codes."""

import asyncio
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from apptheory_emulator.cli import main
from emulate_command import emulate, run_to_end
from raw_http import Cut, connect, fetch

APP = '''
import asyncio, os, subprocess, sys, time
from apptheory_streaming import AppError

print("printed at import")

def handler(event, context):
    print("printed by the handler")
    os.write(1, b"written by the handler\\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    yield f"{context.function_name} {event['requestContext']['apiId']}"

def variables(event, context):
    yield " ".join(os.environ.get(name, "-") for name in ("ONE", "TWO", "THREE"))

async def gated(event, context):
    """Streams until the file `gate` is there."""
    if event["rawPath"] == "/other":
        return
    yield "first"
    try:
        while not os.path.exists("gate"):
            await asyncio.sleep(0.01)
        yield "last"
    finally:
        print("the stream is over")

async def late(event, context):
    yield "first"
    raise AppError("app.conflict", "late")

async def never(event, context):
    await asyncio.Event().wait()

async def remaining(event, context):
    yield str(context.get_remaining_time_in_millis())

async def holds_the_loop(event, context):
    print("holding", flush=True)
    while True:
        time.sleep(0.01)

async def closes(event, context):
    sys.stdout.close()
    sys.stderr.close()
    yield "closed"
    raise AppError("app.conflict", "after closing")
'''


@pytest.fixture(params=[(), ("--in-process",)], ids=["workers", "in process"])
def place(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Where a Python handler runs: the command behaves the same."""
    options: tuple[str, ...] = request.param
    return options


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an app."""
    (tmp_path / "own_app.py").write_text(APP)
    return tmp_path


async def test_ready_line_is_the_only_one_on_stdout(folder: Path, place: tuple[str, ...]) -> None:
    """What handlers, modules and their child processes print goes to stderr; tools read one line of JSON."""
    async with emulate("own_app.py:handler", *place, "--port", "0", "--ready-json", cwd=folder) as command:
        ready = await command.ready()
        url = ready["functions"][0]["url"]
        assert (await fetch(url)).body == b"own_app own_app"
        finished = await command.stop()

    assert (finished.code, finished.stdout) == (0, "")
    for text in ("at import", "by the handler", "by a child"):
        assert f"printed {text}" in finished.stderr
    assert "written by the handler" in finished.stderr
    assert sorted(ready) == ["control_url", "functions", "pid"]
    front = {"front": "function-url", "routes": []}
    assert ready["functions"] == [{"name": "own_app", "url": url, "invoke_mode": "RESPONSE_STREAM", **front}]
    assert urlsplit(url).hostname == "127.0.0.1"
    assert url.endswith("/")
    assert (urlsplit(ready["control_url"]).hostname, type(ready["pid"])) == ("127.0.0.1", int)
    assert f"serving own_app on {url}" in finished.stderr


async def test_without_ready_json_stdout_stays_empty(folder: Path) -> None:
    """People read the log on stderr."""
    async with emulate("own_app.py:handler", "--port", "0", cwd=folder) as command:
        await command.says("serving own_app on http://127.0.0.1:")
        finished = await command.stop()

    assert (finished.code, finished.stdout) == (0, "")


@pytest.mark.parametrize("target", ["own_app:handler", "./own_app.py:handler"])
async def test_target_is_a_module_or_a_file(folder: Path, place: tuple[str, ...], target: str) -> None:
    """Both forms are found from the current folder."""
    async with emulate(target, *place, "--port", "0", "--ready-json", cwd=folder) as command:
        assert (await fetch(await command.url())).body == b"own_app own_app"


async def test_name_is_the_functions(folder: Path, place: tuple[str, ...]) -> None:
    """`--name` shows in the ready line, the event and the context."""
    arguments = ("own_app.py:handler", *place, "--port", "0", "--ready-json", "--name", "chat")
    async with emulate(*arguments, cwd=folder) as command:
        (function,) = (await command.ready())["functions"]
        assert (function["name"], (await fetch(function["url"])).body) == ("chat", b"chat chat")


async def test_environment_comes_from_file_and_options(folder: Path, place: tuple[str, ...]) -> None:
    """`--env` wins over `--env-file`, and both over what was there."""
    (folder / "my.env").write_text("# a comment\nONE=from file\nexport TWO='also from file'\n")
    arguments = ("--env-file", "my.env", "--env", "ONE=a=b", "--env", "THREE=")

    async with emulate(
        "own_app.py:variables",
        *place,
        "--port",
        "0",
        "--ready-json",
        *arguments,
        cwd=folder,
        env={"TWO": "from outside"},
    ) as command:
        assert (await fetch(await command.url())).body == b"a=b also from file "


async def test_timeout_is_set_in_seconds(folder: Path, place: tuple[str, ...]) -> None:
    """E5: `--timeout` arms the deadline; without it there are 900 s."""
    async with emulate(
        "own_app.py:never", *place, "--port", "0", "--ready-json", "--timeout", "0.05", cwd=folder
    ) as command:
        assert (await fetch(await command.url())).status == 502
        await command.says("still running after 0.05 seconds")
    async with emulate("own_app.py:remaining", *place, "--port", "0", "--ready-json", cwd=folder) as command:
        assert 800_000 < int((await fetch(await command.url())).body) <= 900_000


@pytest.mark.parametrize(("choice", "cut"), [("aws", False), ("abort", True)])
async def test_late_errors_end_as_asked(folder: Path, place: tuple[str, ...], choice: str, cut: bool) -> None:
    """E3: `--late-errors aws` ends cleanly, `abort` cuts."""
    arguments = ("own_app.py:late", *place, "--port", "0", "--ready-json", "--late-errors", choice)
    async with emulate(*arguments, cwd=folder) as command:
        response = await fetch(await command.url())
        assert (response.frames, response.cut) == ([b"first"], cut)
        await command.says("app.conflict: AppError: late")


@pytest.mark.parametrize(("choice", "handler"), [("continue", "ended"), ("cancel", "cancelled")])
async def test_handler_of_a_client_that_left_does_as_asked(
    folder: Path, place: tuple[str, ...], choice: str, handler: str
) -> None:
    """E4: `--on-disconnect continue` lets it run on, `cancel` ends it."""
    arguments = ("own_app.py:gated", *place, "--port", "0", "--ready-json", "--on-disconnect", choice)
    async with emulate(*arguments, cwd=folder) as command:
        url = await command.url()
        async with connect(url) as client:
            await client.request("GET")
            await client.read_head()
            assert await client.read_frame() == b"first"
        await fetch(url, target="/other")  # by now the first client's leaving has been seen
        if choice == "cancel" and place:  # a worker is killed, and says nothing any more
            await command.says("the stream is over")
        (folder / "gate").touch()
        assert f"handler={handler} delivery=client_gone(after_5_bytes)" in await command.says("delivery=client_gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_signal_lets_streams_in_flight_finish_and_exits_with_0(
    folder: Path, place: tuple[str, ...], number: signal.Signals
) -> None:
    """Stopping accepts no more, waits for the response that streams, and is no failure."""
    async with emulate("own_app.py:gated", *place, "--port", "0", "--ready-json", cwd=folder) as command:
        url = await command.url()
        async with connect(url) as client:
            await client.request("GET")
            await client.read_head()
            assert await client.read_frame() == b"first"
            command.send(number)
            await command.says("stopping")
            (folder / "gate").touch()
            assert await client.read_frame() == b"last"
            assert await client.read_frame() is None
        finished = await command.finish()

    assert finished.code == 0
    assert "delivery=complete" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_signal_to_an_idle_command_exits_with_0(
    folder: Path, place: tuple[str, ...], number: signal.Signals
) -> None:
    """Nothing in flight, an idle connection open."""
    starting = emulate("own_app.py:gated", *place, "--port", "0", "--ready-json", cwd=folder)
    async with starting as command, connect(await command.url()):
        finished = await command.stop(number)

    assert finished.code == 0
    assert "Traceback" not in finished.stderr


async def test_second_signal_ends_a_command_whose_handler_holds_the_loop(folder: Path) -> None:
    """An async handler that blocks the command's own loop cannot lock a person out: Ctrl-C twice ends it."""
    starting = emulate("own_app.py:holds_the_loop", "--in-process", "--port", "0", "--ready-json", cwd=folder)
    async with starting as command, connect(await command.url()) as client:
        await client.request("GET")
        await command.says("holding")
        command.send(signal.SIGINT)
        await command.says("stopping; once more ends at once")
        finished = await command.stop(signal.SIGINT)
        with pytest.raises(Cut):
            await client.read_head()

    assert finished.code == 1
    assert "Traceback" not in finished.stderr


async def test_port_that_is_taken_is_one_line_and_exit_code_1(folder: Path) -> None:
    """The line names host and port."""
    async with emulate("own_app.py:handler", "--port", "0", "--ready-json", cwd=folder) as command:
        port = str(urlsplit(await command.url()).port)
        finished = await run_to_end("own_app.py:handler", "--port", port, "--ready-json", cwd=folder)

    assert (finished.code, finished.stdout) == (1, "")
    (line,) = (line for line in finished.stderr.splitlines() if "printed" not in line)
    assert line.startswith(f"Error: cannot listen on 127.0.0.1:{port}: ")
    assert "address already in use" in line


async def test_host_that_does_not_exist_is_exit_code_1(folder: Path) -> None:
    """A name nobody knows cannot be listened on."""
    finished = await run_to_end("own_app.py:handler", "--port", "0", "--host", "no.such.host.invalid", cwd=folder)

    assert finished.code == 1
    assert "Error: cannot listen on no.such.host.invalid:0: " in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_public_host_is_warned_of(folder: Path) -> None:
    """Every address but loopback lets others run the handler."""
    arguments = ("own_app.py:handler", "--port", "0", "--ready-json", "--host")
    async with emulate(*arguments, "0.0.0.0", cwd=folder) as command:
        url = await command.url()
        assert urlsplit(url).hostname == "0.0.0.0"
        assert (await fetch(url)).status == 200
        assert "WARNING" in await command.says("anyone who reaches this address can run the handler")
    async with emulate(*arguments, "127.0.0.1", cwd=folder) as command:
        await command.ready()
        assert "anyone" not in (await command.stop()).stderr


WRONG = {
    "nothing to run": ((), "name one thing to run: TARGET, --exec, --asgi or --web"),
    "two things to run": (("own_app.py:handler", "--exec", "./bootstrap"), "name one thing to run"),
    "Node in process": (("index.mjs:handler", "--in-process"), "--in-process is for a Python handler"),
    "a command in process": (("--exec", "./bootstrap", "--in-process"), "--in-process is for a Python handler"),
    "reload in process": (("own_app.py:handler", "--in-process", "--reload"), "--reload replaces workers"),
    "reload of an application": (("--asgi", "own_app:handler", "--reload"), "--reload replaces workers"),
    "no concurrency": (("own_app.py:handler", "--concurrency", "0"), "Invalid value for '--concurrency'"),
    "empty command": (("--exec", " "), "exec"),
    "no file": (("nowhere.py:handler",), "there is no file 'nowhere.py'"),
    "no file in process": (("nowhere.py:handler", "--in-process"), "there is no file 'nowhere.py'"),
    "no file of Node": (("nowhere.mjs:handler",), "nowhere.mjs"),
    "no attribute": (("own_app.py",), "names no attribute"),
    "no place": ((":handler",), "names no attribute"),
    "no Python": (("index.mjs/x:handler",), "is not a Python file"),
    "a file of neither": (("lib/app.rb:handler",), "or a file of Node such as `app/index.mjs:handler`"),
    "no name of an application": (("--asgi", "own_app"), "Invalid value for --asgi: 'own_app' names no attribute"),
    "unknown option": (("own_app.py:handler", "--prot", "1"), "No such option"),
    "port": (("own_app.py:handler", "--port", "70000"), "Invalid value for '--port'"),
    "empty host": (("own_app.py:handler", "--port", "0", "--host", ""), "Invalid value for '--host': it is empty"),
    "blank host": (("own_app.py:handler", "--port", "0", "--host", " "), "say 0.0.0.0 or :: if that is meant"),
    "zero timeout": (("own_app.py:handler", "--timeout", "0"), "Invalid value for '--timeout'"),
    "endless timeout": (("own_app.py:handler", "--timeout", "inf"), "is no number of seconds"),
    "timeout that is no number": (("own_app.py:handler", "--timeout", "nan"), "is no number of seconds"),
    "variable without a value": (("own_app.py:handler", "--env", "NAME"), "is not NAME=VALUE"),
    "variable without a name": (("own_app.py:handler", "--env", "=1"), "is not NAME=VALUE"),
    "no such env file": (("own_app.py:handler", "--env-file", "none.env"), "does not exist"),
    "unknown choice": (("own_app.py:handler", "--late-errors", "ignore"), "is not one of"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_usage_is_exit_code_2_and_says_what_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing is served, nothing imported, and stdout stays empty."""
    arguments, says = WRONG[kind]
    monkeypatch.chdir(folder)

    finished = CliRunner().invoke(main, arguments, prog_name="apptheory-emulate")

    assert (finished.exit_code, finished.stdout) == (2, "")
    assert says in finished.stderr
    assert "printed at import" not in finished.stderr


async def test_wrong_usage_ends_the_process_so_too(folder: Path) -> None:
    """Without a traceback."""
    arguments, says = WRONG["unknown option"]

    finished = await run_to_end(*arguments, cwd=folder)

    assert (finished.code, finished.stdout) == (2, "")
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_handler_that_closes_stdout_and_stderr_does_not_silence_the_log(
    folder: Path, place: tuple[str, ...]
) -> None:
    """What others write to is still open: the access line, the error, the last words."""
    async with emulate("own_app.py:closes", *place, "--port", "0", "--ready-json", cwd=folder) as command:
        url = await command.url()
        assert (await fetch(url)).body == b"closed"
        assert (await fetch(url, target="/second")).body == b"closed"
        await command.says("handler failed after 1 chunk: app.conflict: AppError: after closing")
        await command.says(" GET /second ")
        finished = await command.stop()
    assert (finished.code, finished.stdout) == (0, "")


@pytest.mark.parametrize("target", ["nowhere:handler", "own_app.py:nothing"])
async def test_handler_that_cannot_be_loaded_is_served_as_502(
    folder: Path, place: tuple[str, ...], target: str
) -> None:
    """A mistake in the code is mended while the command runs: it says what is missing and serves on."""
    async with emulate(target, *place, "--port", "0", "--ready-json", cwd=folder) as command:
        url = await command.url()
        for _ in range(2):
            assert (await fetch(url)).status == 502
        (folder / "nowhere.py").write_text(APP)
        (folder / "own_app.py").write_text(APP + "\nnothing = handler\n")
        assert (await fetch(url)).status == 200
        assert (await command.stop()).code == 0


async def test_help_and_version_go_to_stdout(folder: Path) -> None:
    """Both are what was asked for, so they are the output."""
    help_text = await run_to_end("--help", cwd=folder)
    version = await run_to_end("--version", cwd=folder)

    assert (help_text.code, help_text.stderr, version.code, version.stderr) == (0, "", 0, "")
    for option in ("--port", "--env-file", "--timeout", "--on-disconnect", "--late-errors", "--ready-json"):
        assert option in help_text.stdout
    assert "path/to/file.py:handler" in help_text.stdout
    assert version.stdout.startswith("apptheory-emulate, version ")


@pytest.mark.parametrize("missing", ["aiohttp", "click", "dotenv", "httptools", "multidict"])
async def test_missing_extra_is_named_with_the_command_that_installs_it(folder: Path, missing: str) -> None:
    """A stub that cannot be imported stands for a package that is not installed: no traceback, but what to do."""
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / f"{missing}.py").write_text(f"raise ModuleNotFoundError('No module named {missing}', name='{missing}')")

    finished = await run_to_end("own_app.py:handler", cwd=folder, env={"PYTHONPATH": str(blocked)})

    assert (finished.code, finished.stdout) == (1, "")
    assert finished.stderr.strip() == f"apptheory-emulate needs {missing}: pip install 'apptheory-streaming[emulator]'"


async def test_installed_script_is_the_same_command(folder: Path) -> None:
    """The entry point `apptheory-emulate` stands beside the interpreter."""
    script = Path(sys.executable).with_name("apptheory-emulate")
    if not script.exists():
        pytest.skip("the project is not installed with its scripts")
    process = await asyncio.create_subprocess_exec(script, "--version", stdout=asyncio.subprocess.PIPE)
    stdout, _ = await process.communicate()

    assert stdout.startswith(b"apptheory-emulate, version ")


RUNS = {
    "a command": (("--exec", f"{sys.executable} -m apptheory_streaming.runtime own_app.handler"), b""),
    "a web server": (("--web", f"{sys.executable} server.py"), b"from the server"),
    "an application": (("--asgi", "asgi_app:app"), b"from the application"),
    "a renamed command": (
        ("--exec", f"{sys.executable} -m apptheory_streaming.runtime own_app.handler", "--name", "two"),
        b"two",
    ),
}

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from the server")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"from the application"})
"""


@pytest.mark.parametrize("kind", RUNS)
async def test_anything_that_answers_requests_is_served(folder: Path, kind: str) -> None:
    """C15: `--exec`, `--web` and `--asgi` name what is no handler of Python or Node."""
    (folder / "server.py").write_text(SERVER)
    (folder / "asgi_app.py").write_text(ASGI)
    (folder / "own_app.py").write_text("def handler(event, context):\n    yield context.function_name\n")
    arguments, expected = RUNS[kind]

    async with emulate(*arguments, "--port", "0", "--ready-json", cwd=folder) as command:
        (function,) = (await command.ready())["functions"]
        body = (await fetch(function["url"])).body
        finished = await command.stop()

    assert finished.code == 0
    assert body == (function["name"].encode() if kind == "a command" else expected)


async def test_requests_above_the_concurrency_are_answered_429(folder: Path) -> None:
    """`--concurrency` bounds the workers, and so the requests at a time."""
    arguments = ("own_app.py:gated", "--port", "0", "--ready-json", "--concurrency", "1")
    async with emulate(*arguments, cwd=folder) as command:
        url = await command.url()
        async with connect(url) as client:
            await client.request("GET")
            await client.read_head()
            assert await client.read_frame() == b"first"
            assert (await fetch(url)).status == 429
            (folder / "gate").touch()
            assert await client.read_frame() == b"last"
            assert await client.read_frame() is None
        assert (await fetch(url)).body == b"firstlast"


async def test_an_interrupt_while_the_command_is_imported_ends_in_one_word(folder: Path) -> None:
    """Ctrl-C a moment after Enter: as later on, without a traceback."""
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "httptools.py").write_text("raise KeyboardInterrupt")

    finished = await run_to_end("own_app.py:handler", cwd=folder, env={"PYTHONPATH": str(blocked)})

    assert (finished.code, finished.stdout, finished.stderr.strip()) == (1, "", "Aborted!")
