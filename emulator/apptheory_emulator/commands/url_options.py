"""The options that a Function URL itself has: its invoke mode, its authentication, its CORS configuration."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any

import click

from apptheory_emulator.config import FunctionConfig
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CORS_METHODS, MAX_AGE_SECONDS, CorsConfig, CorsMerge
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["UrlOptions", "url_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlOptions:
    """How a function is served on its URL."""

    invoke_mode: InvokeMode
    auth: AuthType
    cors: CorsConfig | None
    cors_merge: CorsMerge

    def apply(self, config: FunctionConfig) -> FunctionConfig:
        """Give the configuration with these options."""
        if self.auth is AuthType.AWS_IAM:
            import_module("botocore")  # what is missing is said now, not when the server starts
        return replace(config, invoke_mode=self.invoke_mode, auth=self.auth, cors=self.cors, cors_merge=self.cors_merge)


def url_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and call the command with them as `url`."""

    @functools.wraps(command)
    def called(
        *,
        invoke_mode: str,
        auth: str,
        cors_merge: str,
        **rest: Any,
    ) -> None:
        cors = _cors({name: rest.pop(f"cors_{name}") for name in _CORS_FIELDS})
        mode, merge = InvokeMode(invoke_mode), CorsMerge(cors_merge)
        command(url=UrlOptions(invoke_mode=mode, auth=AuthType(auth), cors=cors, cors_merge=merge), **rest)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _cors(options: dict[str, Any]) -> CorsConfig | None:
    given = {name: value for name, value in options.items() if value not in ((), None, False)}
    if not given:
        return None
    if "allow_origins" not in given:
        raise click.UsageError("CORS needs the origins that it allows: add --cors-allow-origin")
    try:
        return CorsConfig(**given)
    except UsageError as error:
        raise click.UsageError(f"CORS: {error}") from error


def _several(name: str, field: str, metavar: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, f"cors_{field}", multiple=True, metavar=metavar, help=f"{text}; may be repeated.")


_CORS_FIELDS = tuple(each.name for each in fields(CorsConfig))


_OPTIONS = (
    click.option(
        "--invoke-mode",
        default=InvokeMode.RESPONSE_STREAM.value,
        show_default=True,
        type=click.Choice([choice.value for choice in InvokeMode]),
        help="Send a response as it is made, or in one piece once it is whole.",
    ),
    click.option(
        "--auth",
        default=AuthType.NONE.value,
        show_default=True,
        type=click.Choice([choice.value for choice in AuthType]),
        help="Take requests of anyone, or those that are signed with the key of AWS_ACCESS_KEY_ID.",
    ),
    _several("--cors-allow-origin", "allow_origins", "ORIGIN", "Let pages of this origin in, * for all"),
    _several("--cors-allow-method", "allow_methods", "METHOD", f"Let them use it: one of {', '.join(CORS_METHODS)}"),
    _several("--cors-allow-header", "allow_headers", "NAME", "Let them send this header"),
    _several("--cors-expose-header", "expose_headers", "NAME", "Let them read this header"),
    click.option(
        "--cors-max-age",
        type=click.IntRange(0, MAX_AGE_SECONDS),
        metavar="SECONDS",
        help="How long a browser may keep the answer to a preflight.",
    ),
    click.option("--cors-allow-credentials", is_flag=True, help="Let them send cookies."),
    click.option(
        "--cors-merge",
        default=CorsMerge.BOTH.value,
        show_default=True,
        type=click.Choice([choice.value for choice in CorsMerge]),
        help="Where the function sends CORS headers too: both, or the configured ones only.",
    ),
)
