"""A project of a user, to run pytest on."""

# Loaded here once: a run inside this process would load it anew each time.
import hypothesis.strategies  # noqa: F401
import pytest

import apptheory_emulator  # noqa: F401
import apptheory_testkit  # noqa: F401

HANDLERS = """
from apptheory_streaming import AppError, streamify_response, text_stream


async def good(event, context):
    yield "one"
    yield "two"


def good_sync(event, context):
    yield "one"
    yield "two"


async def mutates_late(event, context):
    response = text_stream(None)

    async def body():
        yield "one"
        response.headers["x-late"] = "1"

    response.body = body()
    return response


async def fails_late(event, context):
    yield "one"
    raise AppError("app.conflict", "taken")


@streamify_response
async def never_ends(event, stream, context):
    await stream.write("one")


async def hangs_late(event, context):
    import asyncio

    yield "one"
    await asyncio.Event().wait()
"""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = -p no:cacheprovider
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with handlers and a pytest.ini as a careful user has it: auto mode, warnings are errors."""
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(handlers=HANDLERS)
    return pytester


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest prints longer summaries where CI is set; what users see at home is tested."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
