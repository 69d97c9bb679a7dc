"""The pytest plugin: fixtures and hooks, thin around the testkit.

Nothing heavy is imported before a test asks for a fixture.
"""

import inspect
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    import asyncio

    from apptheory_emulator import FunctionUrlFactory
    from apptheory_plugins.servers import Servers
    from apptheory_plugins.snapshot import StreamSnapshot
    from apptheory_testkit import StreamCapture, StreamClient, StreamClientFactory
    from apptheory_testkit.loop import CurrentClock

pytest.register_assert_rewrite("apptheory_testkit.assertions")

_CAPTURES = pytest.StashKey[list["StreamCapture"]]()
_SERVERS = pytest.StashKey["Servers"]()
_SHOWN_PROBLEMS = 10  # of a test with thousands of requests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the configuration file for the clock of tests."""
    parser.addini("streaming_clock", "Time of tests that use stream_client: real or virtual.", default="real")


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker for the clock of one test."""
    config.addinivalue_line("markers", "streaming(clock='virtual'): run in virtual time, or in 'real' time")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give a test in virtual time its loop, and every other one what it would have had without us.

    pytest-asyncio takes no None once any plugin has this hook.
    """
    factories = yield
    if not _is_virtual(item):
        return factories or {"asyncio": _new_event_loop}
    from apptheory_testkit.loop import VirtualLoop  # noqa: PLC0415 - heavy

    return {"virtual": VirtualLoop}


def _new_event_loop() -> "asyncio.AbstractEventLoop":
    import asyncio  # noqa: PLC0415 - heavy

    return asyncio.new_event_loop()


def _is_virtual(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("streaming")
    clock = marker.kwargs.get("clock") if marker is not None else None
    if clock is None and {"stream_client", "virtual_clock"}.isdisjoint(getattr(item, "fixturenames", ())):
        return False
    clock = clock or item.config.getini("streaming_clock")
    if clock not in ("real", "virtual"):
        raise pytest.UsageError(f"the clock of {item.nodeid} must be 'real' or 'virtual', not {clock!r}")
    return bool(clock == "virtual")


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> "CurrentClock":
    """The virtual clock of the test: `now` in seconds, and `await advance(seconds)`."""
    if not _is_virtual(request.node):
        pytest.fail(
            'virtual_clock needs a test in virtual time: @pytest.mark.streaming(clock="virtual")', pytrace=False
        )
    from apptheory_testkit.loop import CurrentClock  # noqa: PLC0415 - heavy

    return CurrentClock()


@pytest.fixture
def stream_client(request: pytest.FixtureRequest) -> "StreamClientFactory":
    """Make clients for handlers; `await` a request of one to get a capture.

    With `strict=False` the test does not fail for problems of a response that it never looked at.
    """
    from apptheory_testkit import RequestIds, stream_client  # noqa: PLC0415 - heavy

    request_ids: RequestIds = RequestIds()
    captures: list[StreamCapture] = []
    request.node.stash[_CAPTURES] = captures

    clock = "virtual" if _is_virtual(request.node) else "real"

    def make(target: Any, *, strict: bool = True, **options: Any) -> "StreamClient":
        options.setdefault("clock", clock)
        return stream_client(target, request_ids=request_ids, on_capture=captures.append if strict else None, **options)

    return make


@pytest.fixture
def function_url(request: pytest.FixtureRequest) -> "FunctionUrlFactory":
    """Serve handlers on an emulated Function URL, each on a free port; `await` the call to get its URL.

    The server runs on the test's own loop and ends with the test.
    """
    try:
        from apptheory_plugins.servers import Servers  # noqa: PLC0415 - heavy, and what it needs may be missing
    except ModuleNotFoundError as error:
        pytest.fail(f"function_url needs {error.name}: pip install 'apptheory-streaming[emulator]'", pytrace=False)

    servers: Servers = Servers()
    request.node.stash[_SERVERS] = servers
    return cast("FunctionUrlFactory", servers)  # which spells out the options


@pytest.fixture
def stream_snapshot(request: pytest.FixtureRequest) -> "StreamSnapshot":
    """Compare captures with `.stream` files that syrupy keeps: `assert capture == stream_snapshot`.

    `stream_snapshot(view="events")` shows another view of a response, `redact=` replaces ids and dates in it.
    """
    try:
        from apptheory_plugins.snapshot import make_stream_snapshot  # noqa: PLC0415 - heavy, and it may be missing
    except ModuleNotFoundError as error:
        pytest.fail(f"stream_snapshot needs {error.name}: pip install 'apptheory-streaming[testkit]'", pytrace=False)
    if not request.config.pluginmanager.hasplugin("syrupy"):
        pytest.fail("stream_snapshot needs syrupy's plugin, which is switched off here", pytrace=False)
    return make_stream_snapshot(request.getfixturevalue("snapshot"))


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Let syrupy's own `snapshot` hold captures without a loss."""
    if fixturedef.argname == "snapshot" and request.config.pluginmanager.hasplugin("syrupy"):
        from apptheory_plugins.amber import teach_amber  # noqa: PLC0415 - heavy

        teach_amber()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let an async test close its servers, and fail one that passed over a problem of a response."""
    servers = item.stash.get(_SERVERS, None)
    if servers is None or not isinstance(item, pytest.Function):
        outcome = yield
    else:
        with _closing(servers, item):
            outcome = yield
    _fail_for_unseen_problems(item)
    return outcome


@contextmanager
def _closing(servers: "Servers", item: pytest.Function) -> Iterator[None]:
    """Make an async test close its servers itself, on its own loop, before that loop is closed."""
    holder, name = _async_test(item)
    test = getattr(holder, name)
    if not inspect.iscoroutinefunction(test):
        _fail_for_stuck_servers(servers)
        yield
        return
    before = servers.started if holder is not item else 0  # a fixture's outlive the examples of hypothesis

    @wraps(test)
    async def closing(*arguments: Any, **fixtures: Any) -> Any:
        _fail_for_stuck_servers(servers)
        try:
            return await test(*arguments, **fixtures)
        finally:
            await servers.close(keep=before)

    setattr(holder, name, closing)
    try:
        yield
    finally:
        setattr(holder, name, test)


def _fail_for_stuck_servers(servers: "Servers") -> None:
    if servers.stuck:
        pytest.fail(
            "a fixture of this test serves on a loop that does not run while the test does, so no request would "
            "be answered: call function_url in the test itself, as an `async def`",
            pytrace=False,
        )


def _async_test(item: pytest.Function) -> tuple[Any, str]:
    """Where the coroutine function of a test is kept: hypothesis wraps it into a function of its own."""
    wrapped = getattr(item.obj, "hypothesis", None)
    return (item, "obj") if wrapped is None else (wrapped, "inner_test")


def _fail_for_unseen_problems(item: pytest.Item) -> None:
    problems = [
        f"{capture.request_id}: {problem}"
        for capture in item.stash.get(_CAPTURES, [])
        for problem in capture.unseen_problems()
    ]
    if len(problems) > _SHOWN_PROBLEMS:
        problems[_SHOWN_PROBLEMS:] = [f"… {len(problems) - _SHOWN_PROBLEMS} more"]
    if problems:
        pytest.fail(
            "a response had problems that this test did not look at:\n"
            + "".join(f"  {problem}\n" for problem in problems)
            + "Assert on `late_mutations`, `error` or `stream_error_code` of its capture, "
            "or make the client with `strict=False`.",
            pytrace=False,
        )


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain two lists of chunks as aligned chunks, two captures field by field, and a snapshot as a diff."""
    if op != "==" or "apptheory_testkit" not in sys.modules:  # then neither side can be one of a capture's
        return None
    if "apptheory_plugins.snapshot" in sys.modules:
        from apptheory_plugins.snapshot import StreamSnapshot  # noqa: PLC0415 - heavy

        for side in (left, right):
            if isinstance(side, StreamSnapshot):
                return side.explain()
    from apptheory_testkit.explanation import explain_inequality  # noqa: PLC0415 - heavy

    return explain_inequality(left, right)
