"""The environment of a worker: what Lambda gives a function, over what the user has.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from apptheory_emulator.workers.program import WorkerProgram

__all__ = ["MARK", "RUNTIME_API", "worker_environment"]

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
MARK = "APPTHEORY_EMULATOR"
"""A variable of ours, by which every process that a worker has started can be found."""

DEFAULT_REGION = "us-east-1"
_XRAY = ("127.0.0.1", "2000")
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "test",
}
_CREDENTIAL_SOURCES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
_OF_ANOTHER = ("AWS_EXECUTION_ENV", "_X_AMZN_TRACE_ID")
"""What an emulator that itself runs on Lambda must not hand on."""


def worker_environment(
    program: WorkerProgram, *, runtime_api: str, user: Mapping[str, str], mark: str = ""
) -> dict[str, str]:
    """Give all variables of a new worker: the user's, over them Lambda's, over them the function's own.

    The address of the Runtime API is always ours.  Region and credentials are the user's where there
    are any.
    """
    kept = {name: value for name, value in user.items() if name not in _OF_ANOTHER}
    return {
        **_missing_credentials(user),
        **kept,
        **_region(user, program.env),
        **_function(program),
        **_process(program),
        **program.env,
        **({MARK: mark} if mark else {}),
        RUNTIME_API: runtime_api,
    }


def _function(program: WorkerProgram) -> dict[str, str]:
    started = datetime.now(UTC)
    return {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(program.memory),
        "AWS_LAMBDA_FUNCTION_NAME": program.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{program.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{started:%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}",
        "LAMBDA_TASK_ROOT": str(program.task_root),
        "_HANDLER": program.handler,
    }


def _process(program: WorkerProgram) -> dict[str, str]:
    address, port = _XRAY
    found = {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{address}:{port}",
        "LANG": "en_US.UTF-8",
        "PYTHONUNBUFFERED": "1",  # not Lambda's: what a handler prints is seen at once
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": address,
        "_AWS_XRAY_DAEMON_PORT": port,
    }
    return found | ({"AWS_EXECUTION_ENV": program.execution_env} if program.execution_env else {})


def _region(user: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """One region under both names, as on Lambda; the function's own may name another."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    region = next((source[name] for source in (own, user) for name in names if source.get(name)), DEFAULT_REGION)
    return dict.fromkeys(names, region)


def _missing_credentials(user: Mapping[str, str]) -> dict[str, str]:
    """Those of a test for a user who has none, so that an SDK does not search for some."""
    folder = Path(user.get("HOME") or "/nonexistent", ".aws")
    has_some = not _CREDENTIAL_SOURCES.isdisjoint(user) or any(
        (folder / name).is_file() for name in ("credentials", "config")
    )
    return {} if has_some else _CREDENTIALS
