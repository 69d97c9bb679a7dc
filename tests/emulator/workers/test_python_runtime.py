"""Handlers in our Python runtime, in a process of their own, answer as they do in this one (rule W7)."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from apptheory_emulator import worker
from apptheory_streaming.streamify import is_streamified
from apptheory_streaming.target import load_target
from apptheory_testkit import StreamCapture, StreamClientFactory
from parity_cases import CASES, INSTANT, Case

pytestmark = pytest.mark.streaming(clock="real")

TESTS = Path(__file__).parents[2]

# A process a case would take ten times as long: two handlers, one of each kind, look for the case that is asked for.
HANDLERS = """
    import inspect
    from apptheory_streaming import streamify_response
    from apptheory_streaming.target import load_target
    from parity_cases import CASES

    def target(event):
        name = event["headers"]["x-parity-case"]
        found = next(case.target for case in CASES if case.name == name)
        return load_target(found) if isinstance(found, str) else found

    async def returned(event, context):
        value = target(event)(event, context)
        return await value if inspect.isawaitable(value) else value

    @streamify_response
    async def streamified(event, stream, context):
        value = target(event)(event, stream, context)
        return await value if inspect.isawaitable(value) else value
"""


OTHERWISE = {
    # The response was complete, and nothing can follow it to the Runtime API: the error is in the log alone.
    "streamify that writes after end",
    # A worker's head is committed when it is whole, so its first chunk comes after that.
    "first chunk over the limit",
}


@pytest.mark.parametrize("kind", ["returned", "streamified"])
async def test_every_case_looks_the_same_in_process_and_in_a_worker(
    stream_client: StreamClientFactory, tmp_path: Path, kind: str
) -> None:
    """W7: head, body and outcomes; borders are informative, and a timeout ends the process, so it is left out."""
    (tmp_path / "app.py").write_text(dedent(HANDLERS))
    function = worker(f"app.py:{kind}", cwd=tmp_path, env={"PYTHONPATH": str(TESTS), **INSTANT})
    cases = [case for case in CASES if "timeout" not in case.options and is_kind(case, kind)]
    cases = [case for case in cases if case.name not in OTHERWISE]
    assert len(cases) > 5

    beside = {case.name: seen(await ask(stream_client, function, case)) for case in cases}
    inside = {case.name: seen(await ask(stream_client, case.target, case)) for case in cases}

    for case in cases:
        assert beside[case.name] == inside[case.name], case.name


def is_kind(case: Case, kind: str) -> bool:
    target = load_target(case.target) if isinstance(case.target, str) else case.target
    return is_streamified(target) is (kind == "streamified")


async def ask(stream_client: StreamClientFactory, target: Any, case: Case) -> StreamCapture:
    """Send the request of a case."""
    options = {name: value for name, value in case.options.items() if name != "env"}
    if isinstance(target, str):
        options["env"] = INSTANT
    client = stream_client(target, strict=False, **options)
    headers = [*case.headers, ("x-parity-case", case.name), ("x-request-id", "req_parity")]
    return await client.request(case.method, case.path, headers=headers, content=case.body)


def seen(capture: StreamCapture) -> dict[str, Any]:
    """What must be equal."""
    return {
        "status": capture.status,
        "headers": {name: ",".join(values) for name, values in capture.headers.items()},
        "cookies": capture.cookies,
        "body": capture.body,
        "stream_error_code": capture.stream_error_code,
        "delivery": capture.delivery_outcome,
    }
