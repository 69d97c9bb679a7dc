"""Whoever has the plugin installed pays next to nothing for it until a test asks for a fixture."""

import subprocess
import sys

import pytest

HEAVY = [
    "aiohttp",
    "apptheory_emulator",
    "apptheory_streaming",
    "apptheory_testkit",
    "freezegun",
    "hypothesis",
    "multidict",
    "syrupy",
]


def loaded_by(script: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the script."""
    command = [sys.executable, "-c", f"{script}\nimport sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_plugin_loads_nothing_beyond_pytest() -> None:
    """Not even asyncio; only the plugin and its package are new."""
    with_pytest = loaded_by("import pytest")
    with_plugin = loaded_by("import pytest, apptheory_plugins.pytest_plugin")

    assert {name.partition(".")[0] for name in with_plugin - with_pytest} == {"apptheory_plugins"}


def test_a_run_without_its_fixtures_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    """Its hooks run for every test, and for a failing comparison; neither needs the testkit."""
    pytester.makepyfile(
        f"""
        import sys

        def test_fails():
            assert [b"a"] == [b"b"]

        def test_passes():
            assert not set({HEAVY}) & set(sys.modules)
        """
    )

    result = pytester.runpytest_subprocess(
        *("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest", "-p", "no:syrupy", "-p", "no:randomly")
    )

    result.assert_outcomes(passed=1, failed=1)


def test_stream_client_needs_no_server(project: pytest.Pytester) -> None:
    """The testkit works without the extra `emulator`."""
    project.makepyfile(
        """
        import sys

        async def handler(event, context):
            yield "one"

        def test_it(stream_client):
            assert stream_client(handler).sync.get().text == "one"
            assert not {"aiohttp", "multidict", "apptheory_emulator"} & set(sys.modules)
        """
    )

    project.runpytest_subprocess("-p", "no:syrupy").assert_outcomes(passed=1)


def test_the_plugin_loads_by_its_entry_point(project: pytest.Pytester) -> None:
    """And can be left out by its name."""
    project.makepyfile("def test_it(stream_client, function_url): pass")

    project.runpytest_subprocess().assert_outcomes(passed=1)
    project.runpytest_subprocess("-p", "no:apptheory_streaming").assert_outcomes(errors=1)


def test_its_fixtures_are_described(project: pytest.Pytester) -> None:
    """`pytest --fixtures` is where users look first."""
    result = project.runpytest("--fixtures")

    for name, first_line in {
        "stream_client": "Make clients for handlers; `await` a request of one to get a capture.",
        "function_url": "Serve handlers on an emulated Function URL, each on a free port; *",
        "stream_snapshot": "Compare captures with `.stream` files that syrupy keeps: *",
        "virtual_clock": "The virtual clock of the test: *",
    }.items():
        result.stdout.fnmatch_lines_random([f"{name} -- *", f"    {first_line}"])
