"""`apptheory-emulate probe`: one request, what came of it, and an exit code (features B30, B36)."""

import sys
from pathlib import Path

import pytest

from emulate_command import run_to_end

APP = """
import asyncio
from apptheory_streaming import AppError, StreamingResponse, html_stream, streamify_response

async def page(event, context):
    return html_stream(["<p>", event["rawPath"], event.get("body", "")], headers={"x-a": ["1", "2"]}, cookies=["c=1"])

def rows(event, context):
    yield "a,b\\n"

async def ticks(event, context):
    yield b"tick"

@streamify_response
async def chat(event, stream, context):
    await stream.write("x" * 300)
    await stream.end()

class Handler:
    def __call__(self, event, context):
        return {"statusCode": 200}

thing = Handler()

async def early(event, context):
    raise ValueError("too early")

async def late(event, context):
    yield "one"
    raise AppError("app.conflict", "too late")

async def mutates(event, context):
    async def body():
        yield "one"
        response.headers["x-late"] = "1"
        yield "two"
    response = StreamingResponse(body())
    return response

async def never(event, context):
    await asyncio.Event().wait()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an app."""
    (tmp_path / "own_app.py").write_text(APP)
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    return tmp_path


@pytest.mark.parametrize("place", [(), ("--in-process",)], ids=["worker", "in process"])
async def test_what_came_is_shown_part_by_part(folder: Path, place: tuple[str, ...]) -> None:
    """B36: shape, head, cookies, body; the request is the one that was asked for."""
    request = ("--method", "POST", "--path", "/a?b=1", "--header", "content-type: text/plain", "--data", "hi")

    finished = await run_to_end("probe", "own_app.py:page", *place, *request, cwd=folder)

    assert finished.code == 0, finished.stderr
    *lines, body, begins = finished.stdout.splitlines()
    assert lines == [
        "handler   own_app.py:page, an async function",
        "request   POST /a?b=1",
        "status    200",
        "header    content-type: text/html; charset=utf-8",
        "header    x-a: 1,2",
        "cookie    c=1",
    ]
    assert body.startswith("body      streamed: ")  # how a worker's bytes are cut says nothing (rule W7)
    assert body.endswith(", 7 bytes")
    assert begins == "begins    b'<p>/ahi'"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rows", "a generator"),
        ("ticks", "an async generator"),
        ("chat", "a streamify_response handler"),
        ("thing", "of type Handler"),
    ],
)
async def test_kind_of_a_python_handler_is_named(folder: Path, name: str, kind: str) -> None:
    """B36: which of the shapes it is."""
    finished = await run_to_end("probe", f"own_app.py:{name}", "--in-process", cwd=folder)

    assert finished.code == 0
    assert finished.stdout.splitlines()[0] == f"handler   own_app.py:{name}, {kind}"


async def test_long_body_is_shown_as_far_as_it_says_something(folder: Path) -> None:
    """Two hundred bytes are enough to know it by."""
    finished = await run_to_end("probe", "own_app.py:chat", "--in-process", cwd=folder)

    assert finished.stdout.splitlines()[-1] == f"begins    b'{'x' * 200}'…"


async def test_answer_in_one_piece_is_called_that(folder: Path) -> None:
    """B30: who expected a stream reads that there is none, and why."""
    finished = await run_to_end("probe", "own_app.py:thing", "--in-process", cwd=folder)

    assert "body      in one piece: 1 chunk, 19 bytes" in finished.stdout
    assert "note      the handler answered in buffered mode" in finished.stdout


@pytest.mark.parametrize("place", [(), ("--in-process",)], ids=["worker", "in process"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("early", ("status    502", "error     app.internal: ValueError: too early")),
        ("late", ("status    200", "error     app.conflict: AppError: too late")),
    ],
)
async def test_handler_that_fails_is_exit_code_1(
    folder: Path, place: tuple[str, ...], name: str, shown: tuple[str, ...]
) -> None:
    """E2b, E3: what the client would see, and the error that it would not."""
    finished = await run_to_end("probe", f"own_app.py:{name}", *place, cwd=folder)

    assert finished.code == 1
    for line in shown:
        assert line in finished.stdout.splitlines()


async def test_late_mutation_is_shown(folder: Path) -> None:
    """F3: a header that is set too late never reaches the client."""
    finished = await run_to_end("probe", "own_app.py:mutates", "--in-process", cwd=folder)

    assert "late      header 'x-late' changed from nothing to ['1'] after chunk 0, at own_app.py:" in finished.stdout


async def test_timeout_bounds_it(folder: Path) -> None:
    """E5: a handler that hangs does not hang the probe."""
    finished = await run_to_end("probe", "own_app.py:never", "--in-process", "--timeout", "0.05", cwd=folder)

    assert finished.code == 1
    assert "still running after 0.05 seconds" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("broken.py:handler",), 1, "nothing_of_that_name"),
        (("own_app.py:nothing",), 1, "there is no 'nothing' in it"),
        (("nowhere:handler",), 1, "there is no module 'nowhere'"),
        (("nowhere.py:handler",), 2, "there is no file 'nowhere.py'"),
        ((), 2, "name one thing to run"),
        (("own_app.py:page", "--header", "x"), 2, "is not NAME: VALUE"),
        (("own_app.py:page", "--method", "A B"), 1, "A B"),
    ],
)
async def test_what_cannot_be_asked_is_one_clear_line(
    folder: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """B36: a handler that cannot be loaded is 1, wrong usage 2; no traceback."""
    finished = await run_to_end("probe", *arguments, cwd=folder)

    assert (finished.code, finished.stdout) == (code, "")
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_program_of_any_kind_is_probed(folder: Path) -> None:
    """`--exec` runs whatever speaks the Runtime API."""
    command = f"{sys.executable} -m apptheory_streaming.runtime own_app:page"

    finished = await run_to_end("probe", "--exec", command, cwd=folder)

    assert finished.code == 0, finished.stderr
    assert finished.stdout.splitlines()[0] == f"handler   {command}"


async def test_program_that_ends_says_why_on_stderr(folder: Path) -> None:
    """What a worker prints is what its author needs to see."""
    finished = await run_to_end("probe", "--exec", f"{sys.executable} -c 'print(6 * 7); exit(3)'", cwd=folder)

    assert finished.code == 1
    assert "exit status 3" in finished.stdout
    assert "42" in finished.stderr
