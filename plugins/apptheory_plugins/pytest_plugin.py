"""The pytest plugin: fixtures and hooks, thin around the testkit.

Nothing heavy is imported before a test asks for a fixture.
"""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from apptheory_plugins.anyio_loop import hold_virtual_runner, releasing_runner
from apptheory_plugins.clocks import (
    add_clock_options,
    check_clock_options,
    clock_of,
    loop_factories,
    loop_factory,
    require_decided,
)
from apptheory_plugins.closing import closing
from apptheory_plugins.contract_files import add_contract_options, check_contract_run, collect_contract_file
from apptheory_plugins.examples import beginning_anew
from apptheory_plugins.marker import is_async, is_async_function, marked
from apptheory_plugins.properties import relax_hypothesis, restoring_hypothesis
from apptheory_plugins.sweep_marker import sweeping
from apptheory_plugins.transport_option import add_transport_options, check_transport_option, run_both, transport_of

if TYPE_CHECKING:
    from apptheory_emulator import FunctionUrlFactory, WorkerClientFactory
    from apptheory_plugins.servers import Servers
    from apptheory_plugins.snapshot import StreamSnapshot
    from apptheory_plugins.transports import RequestPath
    from apptheory_testkit import RequestIds, StreamCapture, StreamClient, StreamClientFactory
    from apptheory_testkit.virtual_time.loop import CurrentClock

_CAPTURES = pytest.StashKey[list["StreamCapture"]]()
_IDS: "pytest.StashKey[RequestIds]" = pytest.StashKey()
_SERVERS = pytest.StashKey["Servers"]()
_PATH = pytest.StashKey["RequestPath"]()
_SHOWN_PROBLEMS = 10  # of a test with thousands of requests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the clock and the transport of tests, and for contract documents."""
    add_clock_options(parser)
    add_transport_options(parser)
    add_contract_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and add the marker by which one test differs."""
    check_clock_options(config)
    check_transport_option(config)
    config.addinivalue_line(
        "markers",
        "streaming(clock='real', transport='in-process', sweep=disconnect, leaks=probe): run in 'real' or 'virtual' "
        "time; keep to one transport; run again with a fault at every event, and fail for what leaks",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect contract documents, once somebody names the handlers for them."""
    return collect_contract_file(file_path, parent)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Say once what is wrong with the handlers of all documents."""
    check_contract_run(config)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each transport, if it is to take both; first, so that this parameter is the first."""
    run_both(metafunc)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give a test in virtual time its loop, and every other one what it would have had without us."""
    usual = yield
    return loop_factories(item, usual)


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> "CurrentClock":
    """The virtual clock of the test: `now` in seconds, and `await advance(seconds)`."""
    require_decided(request.node, "virtual_clock")
    if clock_of(request.node) == "real":
        pytest.fail(
            'virtual_clock needs a test in virtual time: @pytest.mark.streaming(clock="virtual")', pytrace=False
        )
    from apptheory_testkit.virtual_time.loop import CurrentClock  # noqa: PLC0415 - heavy

    return CurrentClock()


@pytest.fixture
def stream_transport(request: pytest.FixtureRequest) -> str:
    """How the requests of this test reach its handlers: `in-process` or `http`."""
    return getattr(request, "param", None) or transport_of(request.node)


@pytest.fixture
def stream_client(request: pytest.FixtureRequest, stream_transport: str) -> "StreamClientFactory":
    """Make clients for handlers; `await` a request of one to get a capture.

    With `strict=False` the test does not fail for problems of a response that it never looked at.
    """
    from apptheory_plugins.transports import RequestPath  # noqa: PLC0415 - heavy
    from apptheory_streaming.options import check_switch  # noqa: PLC0415
    from apptheory_testkit import RequestIds, stream_client  # noqa: PLC0415

    item: pytest.Item = request.node
    require_decided(item, "stream_client")
    request_ids: RequestIds = RequestIds()
    captures: list[StreamCapture] = []
    item.stash[_CAPTURES] = captures
    item.stash[_IDS] = request_ids
    clock = clock_of(item)
    servers = _servers(item, "--stream-transport=http") if stream_transport == "http" else None
    path = item.stash[_PATH] = RequestPath(request, stream_transport, servers)

    def make(target: Any, *, strict: bool = True, **options: Any) -> "StreamClient":
        check_switch("strict", strict)
        options["loop_factory"] = loop_factory(item.config, options.get("clock", clock))
        if is_async(item):  # one that is not may run a loop of its own choice
            options.setdefault("clock", clock)
        options.setdefault("transport", path.transport)

        def hear(capture: "StreamCapture") -> None:
            path.hear(capture)
            if strict:
                captures.append(capture)

        return stream_client(target, request_ids=request_ids, on_capture=hear, **options)

    return make


@pytest.fixture
def function_url(request: pytest.FixtureRequest) -> "FunctionUrlFactory":
    """Serve handlers on an emulated Function URL, each on a free port; `await` the call to get its URL.

    The server runs on the test's own loop and ends with the test.
    """
    return cast("FunctionUrlFactory", _servers(request.node, "function_url"))  # which spells out the options


def _servers(item: pytest.Item, who: str) -> "Servers":
    """Give the servers of a test, of which there is one list; `who` needs them."""
    try:
        from apptheory_plugins.servers import Servers  # noqa: PLC0415 - heavy, and what it needs may be missing
    except ModuleNotFoundError as error:
        pytest.fail(f"{who} needs {error.name}: pip install 'apptheory-streaming[emulator]'", pytrace=False)
    return item.stash.setdefault(_SERVERS, Servers())


@pytest.fixture
def worker_client(request: pytest.FixtureRequest, stream_client: "StreamClientFactory") -> "WorkerClientFactory":
    """Make clients for functions in processes of their own: `worker_client("node", "app/index.mjs:handler")`.

    Takes what `apptheory_emulator.worker` and `stream_client` take.  The test runs in real time, and
    the processes end with it.
    """
    servers = _servers(request.node, "worker_client")
    if clock_of(request.node) == "virtual":
        pytest.fail(
            'worker_client needs a test in real time: @pytest.mark.streaming(clock="real"), or no marker', pytrace=False
        )
    from apptheory_plugins.worker_clients import worker_client_factory  # noqa: PLC0415 - heavy

    return worker_client_factory(stream_client, on_pool=servers.adopt)


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


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before anyio puts a function of its own in the place of an async one
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let syrupy's own `snapshot` hold captures without a loss, and anyio's async fixtures run on the virtual loop."""
    of_anyio = "anyio_backend" in request.fixturenames and is_async_function(fixturedef.func)
    if of_anyio and fixturedef.scope == "function":
        hold_virtual_runner(request.node, request.getfixturevalue("anyio_backend"))
    if fixturedef.argname == "snapshot" and request.config.pluginmanager.hasplugin("syrupy"):
        from apptheory_plugins.amber import teach_amber  # noqa: PLC0415 - heavy
        from apptheory_plugins.snapshot_names import share_snapshots  # noqa: PLC0415

        teach_amber()
        snapshot: Any = yield
        share_snapshots(snapshot, request.node)
        return snapshot
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the runner that anyio has for a test in virtual time up to the end of its fixtures, then tidy up."""
    with releasing_runner(item), restoring_hypothesis(item):
        outcome = yield
    if (rebinding := sys.modules.get("apptheory_testkit.virtual_time.rebinding")) is not None:
        rebinding.settle()  # what monkeypatch gave back just now
    return outcome


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check the marker, begin the time of the test, and let properties use our fixtures and take the time they take."""
    _check_marker(item)
    if (loop := sys.modules.get("apptheory_testkit.virtual_time.loop")) is not None:
        loop.begin_test()
    relax_hypothesis(item)


def _check_marker(item: pytest.Item) -> None:
    """Fail a test whose marker says what it cannot, alone: the others run."""
    try:
        clock_of(item)
        transport_of(item)
        marked(item, "sweep")
    except pytest.UsageError as error:
        wrong = str(error)
    else:
        return
    pytest.fail(wrong, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bring anyio's plugin to run a test in virtual time."""
    if (backend := pyfuncitem.funcargs.get("anyio_backend")) is not None:
        hold_virtual_runner(pyfuncitem, backend)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let an async test close its servers, and fail one that passed over a problem of a response."""
    with (
        sweeping(item),
        beginning_anew(item, item.stash.get(_IDS, None)),
        closing(item.stash.get(_SERVERS, None), item),
    ):
        outcome = yield
    _fail_for_unseen_problems(item)
    path: RequestPath | None = item.stash.get(_PATH, None)
    if path is not None:
        path.compare(item)
    return outcome


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
    from apptheory_testkit.rendering.explanation import explain_inequality  # noqa: PLC0415 - heavy

    return explain_inequality(left, right)
