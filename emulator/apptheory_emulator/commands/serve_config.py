"""`apptheory-emulate --config FILE`: serve the functions that a file describes."""

import logging
from dataclasses import replace
from typing import Any

import click

from apptheory_emulator.commands.serve import serve, serve_functions
from apptheory_emulator.commands.stdio import set_up_logging
from apptheory_emulator.config import FunctionConfig, LateErrors
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.loading import load_settings
from apptheory_streaming.errors import UsageError
from apptheory_streaming.invocation import OnDisconnect
from apptheory_streaming.wire.pacing import PACES

__all__ = ["SETTINGS_ENDINGS", "serve_config"]

SETTINGS_ENDINGS = (".toml", ".yaml", ".yml", ".json", ".template")

_SHARED = {
    *("port", "host", "control_port", "timeout", "strict"),
    *("on_disconnect", "late_errors", "pace", "ready_json", "reload"),
}
"""What is said for all functions; the rest is said in the file, of each."""

_log = logging.getLogger("apptheory_emulator")


@click.command("serve-config", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file")
def serve_config(file: str, **options: Any) -> None:
    """Serve the functions of FILE: apptheory.toml, pyproject.toml, or a template of SAM or CloudFormation.

    Each front has a port of its own, and functions of one API share it. --timeout is for those that name none.
    """
    set_up_logging()
    shared = {name: options.pop(name) for name in ("timeout", "on_disconnect", "late_errors", "pace", "reload")}
    try:
        configs = [_config(each, **shared) for each in load_settings(file)]
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    serve_functions(configs, **options)


serve_config.params += [each for each in serve.params if each.name in _SHARED]


def _config(
    settings: FunctionSettings,
    *,
    timeout: float,
    on_disconnect: str,
    late_errors: str,
    pace: str | None,
    reload: bool,
) -> FunctionConfig:
    for note in settings.notes:
        _log.warning("%s", note)
    config = settings.function_config(reload=reload)
    return replace(
        config,
        timeout=timeout if config.timeout is None else config.timeout,
        on_disconnect=OnDisconnect(on_disconnect),
        late_errors=LateErrors(late_errors),
        pace=None if pace is None else PACES[pace],
    )
