"""The command `python -m apptheory_streaming.runtime HANDLER`."""

import asyncio
import os
import sys

from apptheory_streaming.handlers import Handler
from apptheory_streaming.runtime.client import RuntimeClient
from apptheory_streaming.runtime.connection import Address
from apptheory_streaming.runtime.error_report import ErrorReport
from apptheory_streaming.runtime.handler_name import load_handler, put_task_root_on_path
from apptheory_streaming.runtime.log import RuntimeLog
from apptheory_streaming.runtime.process import RuntimeProcess

__all__ = ["main"]

_NAME = "apptheory_streaming.runtime"
_HELP = f"""\
usage: python -m {_NAME} HANDLER

Serve a Python function to the Lambda Runtime API, with response streaming.

HANDLER is `module.handler` or `folder/module.handler`, as in the configuration of a Lambda function,
or `module:attribute`, or `path/file.py:attribute`.  Without it, the variable _HANDLER says which.

environment:
  AWS_LAMBDA_RUNTIME_API  host:port of the Runtime API; Lambda sets it
  LAMBDA_TASK_ROOT        the folder of the function's code; without it, the current folder
  AWS_LAMBDA_LOG_FORMAT   JSON for structured logs, otherwise text
  AWS_LAMBDA_LOG_LEVEL    the level of the root logger, such as INFO

exit status: 0 when told to stop, 1 when the handler cannot be loaded or the Runtime API goes away,
2 for a wrong call, or what the handler gave to sys.exit
"""


def main() -> int:
    """Run the command with the arguments of the process."""
    try:
        return _run(sys.argv[1:])
    except KeyboardInterrupt:  # while a handler was being loaded
        return 130
    except ConnectionError as error:
        _say(f"the Runtime API at {os.environ['AWS_LAMBDA_RUNTIME_API']}: {error}")
        return 1


def _run(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        sys.stdout.write(_HELP)
        return 0
    names = arguments or [name for name in [os.environ.get("_HANDLER")] if name]
    if len(names) != 1 or names[0].startswith("-"):
        return _wrong_call("one handler is needed, as in `module.handler`; --help says more")
    text = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not text:
        return _wrong_call("AWS_LAMBDA_RUNTIME_API is not set; Lambda sets it, and so does `apptheory-emulate`")
    try:
        address = Address.parse(text)
    except ValueError as error:
        return _wrong_call(f"AWS_LAMBDA_RUNTIME_API: {error}")
    log = RuntimeLog(
        json_format=os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON",
        level=os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""),
    )
    log.install()
    handler = _load(names[0], address, log)
    return 1 if handler is None else RuntimeProcess(handler, address, log).run()


def _load(name: str, address: Address, log: RuntimeLog) -> Handler | None:
    """Give the handler; None when it cannot be loaded, which the log and the Runtime API then know."""
    put_task_root_on_path()
    try:
        return load_handler(name)
    except Exception as error:  # noqa: BLE001 - whatever a module raises while it is imported is reported
        report = ErrorReport.of(error)
    log.error(report)
    asyncio.run(_report(address, report))
    return None


async def _report(address: Address, report: ErrorReport) -> None:
    client = RuntimeClient(address)
    try:
        await client.init_error(report)
    finally:
        client.connection.abort()


def _wrong_call(message: str) -> int:
    _say(message)
    return 2


def _say(message: str) -> None:
    sys.stderr.write(f"{_NAME}: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
