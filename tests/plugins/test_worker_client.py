"""The fixture `worker_client`: clients for functions in processes of their own, in real time, without a marker."""

import pytest

CODE = """
import os

def handler(event, context):
    yield os.environ.get("STAGE", "none")
    yield f" {os.getpid()}"
"""

OUTSIDE = """
def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
"""


def write(project: pytest.Pytester, test: str) -> None:
    """Write a handler and a test file."""
    project.makepyfile(app=CODE)
    project.makepyfile(test_it="import os, asyncio, pytest\n" + OUTSIDE + test)


def test_it_runs_in_real_time_and_its_processes_end_with_the_test(project: pytest.Pytester) -> None:
    """No marker is needed; worker options and client options are told apart."""
    write(
        project,
        """
from apptheory_testkit.virtual_time.loop import VirtualLoop
pids = []

async def test_one(worker_client):
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
    client = worker_client("app.py:handler", env={"STAGE": "test"}, on_disconnect="cancel", concurrency=1, timeout=20)
    stage, pid = (await client.get("/")).text.split()
    assert stage == "test"
    pids.append(int(pid))
    assert not gone(pids[0])

async def test_two(worker_client):
    assert gone(pids[0])
""",
    )

    project.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_processes_end_with_the_test_where_tests_share_a_loop(project: pytest.Pytester) -> None:
    """They would else live as long as that loop."""
    write(
        project,
        """
pytestmark = pytest.mark.asyncio(loop_scope="module")
pids = []

async def test_one(worker_client):
    pids.append(int((await worker_client("app.py:handler").get("/")).text.split()[1]))

async def test_two(worker_client):
    assert gone(pids[0])
""",
    )

    project.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_it_serves_a_test_that_is_not_async(project: pytest.Pytester) -> None:
    """Each call has a loop, and so a process, of its own."""
    write(
        project,
        """
def test_one(worker_client):
    client = worker_client("app.py:handler")
    first, second = client.sync.get("/").text, client.sync.get("/").text
    assert first != second
    assert gone(int(first.split()[1]))
""",
    )

    project.runpytest().assert_outcomes(passed=1)


def test_strict_mode_holds_for_it(project: pytest.Pytester) -> None:
    """An error behind the first chunk fails the test that does not look."""
    project.makepyfile(
        ends="import os\n\ndef handler(event, context):\n    yield 'first'\n    raise ValueError('late')\n"
    )
    write(
        project,
        """
async def test_one(worker_client):
    await worker_client("ends.py:handler").get("/")
""",
    )

    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*req_test_0001: *late*"])


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (
            '@pytest.mark.streaming(clock="virtual")\nasync def test_one(worker_client): pass',
            'worker_client needs a test in real time: @pytest.mark.streaming(clock="real"), or no marker',
        ),
        (
            "async def test_one(worker_client, virtual_clock): pass",
            'virtual_clock needs a test in virtual time: @pytest.mark.streaming(clock="virtual")',
        ),
        (
            """
from apptheory_emulator import worker
async def test_one(stream_client):
    stream_client(worker("app.py:handler"))
""",
            "or make the client with the fixture worker_client",
        ),
        (
            """
from apptheory_emulator import worker
async def test_one(function_url):
    await function_url(worker("app.py:handler"))
""",
            'mark it @pytest.mark.streaming(clock="real"), or let the fixture worker_client make its client',
        ),
    ],
    ids=["marker", "virtual_clock", "stream_client", "function_url"],
)
def test_the_wrong_mix_of_clocks_names_what_helps(project: pytest.Pytester, test: str, message: str) -> None:
    """A process knows nothing of virtual time."""
    write(project, test)

    result = project.runpytest()

    assert message in " ".join(str(result.stdout).replace("\nE  ", "").split())


def test_a_function_behind_a_url_ends_with_the_test(project: pytest.Pytester) -> None:
    """`function_url` takes a worker too, for every HTTP client there is."""
    write(
        project,
        """
from urllib.request import urlopen
from apptheory_emulator import worker
pytestmark = pytest.mark.streaming(clock="real")
pids = []

async def test_one(function_url):
    url = await function_url(worker("app.py:handler"))
    body = await asyncio.to_thread(lambda: urlopen(url).read())
    pids.append(int(body.split()[1]))

def test_two(function_url):
    assert gone(pids[0])
    with function_url.threaded(worker("app.py:handler")) as url:
        pids.append(int(urlopen(url).read().split()[1]))
    assert gone(pids[1])
""",
    )

    project.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_worker_behaves_the_same_over_http(project: pytest.Pytester) -> None:
    """The transport of a test is a choice for workers too."""
    write(
        project,
        """
@pytest.mark.streaming(transport="http")
async def test_one(worker_client, stream_transport):
    assert stream_transport == "http"
    capture = await worker_client("app.py:handler", env={"STAGE": "x"}).get("/")
    assert capture.text.startswith("x ")
""",
    )

    project.runpytest().assert_outcomes(passed=1)
