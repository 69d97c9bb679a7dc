"""What a handler's logging and errors look like in the log, in the two formats of Lambda."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from raw_runtime_api import MODULE, RunningRuntime, start_runtime

Serve = Callable[..., AbstractContextManager[RunningRuntime]]

HANDLER = """
import logging

log = logging.getLogger("shop")
logging.getLogger().setLevel(logging.INFO)
log.warning("loading")

def handler(event, context):
    if event == "broken":
        raise ValueError("no ä\\nline 2")
    log.info("order %d ä", 7)
    log.warning("more", extra={"order": 7, "odd": {1}})
    log.debug("not shown")
    try:
        {}["x"]
    except KeyError:
        log.exception("caught")
    log.error({"structured": True})
    print("printed", 1)
"""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


OFFICIAL = ("-m", "awslambdaric")


def log_of(folder: Path, command: Sequence[str], **environment: str) -> list[str]:
    """The lines that a runtime client wrote to stdout, with times replaced."""
    (folder / "app.py").write_text(HANDLER)
    with start_runtime("app.handler", folder, command=command, **environment) as runtime:
        runtime.api.invoke(b'"fine"', request_id="r-1", Lambda_Runtime_Aws_Tenant_Id="tenant-1")
        runtime.api.invoke(b'"broken"', request_id="r-2")
        runtime.api.read_next()
        return TIME.sub("TIME", runtime.log()).split("\n")


@pytest.mark.parametrize("level", ["", "INFO", "WARN", "DEBUG"])
def test_the_text_log_is_that_of_the_official_client(tmp_path: Path, level: str) -> None:
    """Line by line: level, time, request id; an error with its frames as one event.

    But for a record with an exception: the official client ends the line of its message, and not the last one.
    """
    pytest.importorskip("awslambdaric")
    environment = {"AWS_LAMBDA_LOG_LEVEL": level} if level else {}
    official = "\n".join(log_of(tmp_path, OFFICIAL, **environment))

    assert log_of(tmp_path, MODULE, **environment) == official.replace("KeyError: 'x'[", "KeyError: 'x'\n[").split("\n")


@pytest.mark.parametrize("level", ["", "ERROR", "TRACE", "nonsense"])
def test_the_json_log_has_the_fields_of_the_official_client(tmp_path: Path, level: str) -> None:
    """Record by record: the same members, in any order."""
    pytest.importorskip("awslambdaric")
    environment = {"AWS_LAMBDA_LOG_FORMAT": "JSON", **({"AWS_LAMBDA_LOG_LEVEL": level} if level else {})}
    ours, official = (
        [json.loads(line) if line.startswith("{") else line for line in log_of(tmp_path, command, **environment)]
        for command in (MODULE, OFFICIAL)
    )

    assert ours == official


def test_the_text_log(tmp_path: Path) -> None:
    """So that it is seen here what both write."""
    lines = [line.replace(str(tmp_path / "app.py"), "APP") for line in log_of(tmp_path, MODULE)]

    assert lines[0] == "[WARNING]\tTIME\t\tloading"
    assert lines[1] == "[INFO]\tTIME\tr-1\torder 7 ä"
    assert "printed 1" in lines
    assert lines[-3:-1] == [
        "[ERROR] ValueError: no ä",
        "\r".join(  # noqa: FLY002 - a line of the event each
            [
                "line 2",
                "Traceback (most recent call last):",
                '\xa0\xa0File "APP", line 10, in handler',
                '\xa0\xa0\xa0\xa0raise ValueError("no ä\\nline 2")',
            ]
        ),
    ]


def test_the_json_log(tmp_path: Path) -> None:
    """So that it is seen here what both write."""
    lines = log_of(tmp_path, MODULE, AWS_LAMBDA_LOG_FORMAT="json")
    records: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]

    assert records[1] == {
        "timestamp": "TIME",
        "level": "INFO",
        "message": "order 7 ä",
        "logger": "shop",
        "requestId": "r-1",
        "tenantId": "tenant-1",
    }
    assert (records[2]["order"], records[2]["odd"]) == (7, "{1}")
    assert records[3]["errorType"] == "KeyError"
    assert records[4]["message"] == {"structured": True}
    assert (records[-1]["level"], records[-1]["errorType"], records[-1]["requestId"]) == ("ERROR", "ValueError", "r-2")


def test_printed_lines_leave_at_once(serve: Serve, tmp_path: Path) -> None:
    """Also where stdout is a pipe: a line is there before the handler goes on."""
    source = """
        def handler(event, context):
            print("before")
            open(event, "w").close()
            while True:
                pass
        """
    mark = tmp_path / "mark"
    with serve(source) as runtime:
        runtime.api.read_next()
        runtime.api.hand_out(json.dumps(str(mark)).encode())
        assert runtime.process.stdout is not None

        assert runtime.process.stdout.readline() == b"before\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            """
            from apptheory_streaming import streamify_response

            @streamify_response
            def handler(event, stream, context):
                stream.write(b"one")
            """,
            "NotEnded: the handler returned without calling end",
        ),
        (
            """
            from apptheory_streaming import StreamingResponse

            def handler(event, context):
                response = StreamingResponse(status=200)

                def chunks():
                    yield b"one"
                    response.status = 500

                response.body = chunks()
                return response
            """,
            "late change of the head: status changed from 200 to 500 after chunk 0, at app.py:",
        ),
        (
            """
            from apptheory_streaming import AppError

            def handler(event, context):
                raise AppError("app.overloaded", "try later")
            """,
            "[ERROR] AppError: try later",
        ),
    ],
    ids=["not ended", "a late change", "a status of 503"],
)
def test_what_an_author_should_know_is_in_the_log(serve: Serve, source: str, expected: str) -> None:
    """Rules F3 and F4, and errors that clients see as the server's."""
    with serve(source) as runtime:
        runtime.api.invoke()
        runtime.api.read_next()

        assert expected in runtime.log()


def test_a_handler_without_stdout_and_stderr_has_no_log(serve: Serve) -> None:
    """Its error is reported all the same, and the next invocation is served."""
    source = """
        import sys

        sys.stdout = sys.stderr = None

        def handler(event, context):
            raise ValueError("nobody prints this")
        """
    with serve(source) as runtime:
        assert runtime.api.invoke().path.endswith("/error")
        runtime.api.read_next()

        assert runtime.log() == ""
