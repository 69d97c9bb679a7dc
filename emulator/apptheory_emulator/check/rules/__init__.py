"""The rules, for `cfn-lint --append-rules apptheory_emulator.check.rules`; no other class may stand in here."""

from apptheory_emulator.check.rules.api_gateway import (
    ApiCaching,
    ApiCompression,
    ApiWithoutCors,
    EdgeIdle,
    HttpApiCannotStream,
    IntegrationBuffers,
    WrongInvocationPath,
)
from apptheory_emulator.check.rules.function_urls import UrlBuffers, UrlWithoutCors, UrlWithoutPermissions
from apptheory_emulator.check.rules.functions import ManagedRuntimeCannotStream
from apptheory_emulator.check.rules.permissions import StreamingNotAllowed, WildcardResource
from apptheory_emulator.check.rules.times import FunctionTooShort, IntegrationTooLong, IntegrationTooShort

__all__ = [
    "ApiCaching",
    "ApiCompression",
    "ApiWithoutCors",
    "EdgeIdle",
    "FunctionTooShort",
    "HttpApiCannotStream",
    "IntegrationBuffers",
    "IntegrationTooLong",
    "IntegrationTooShort",
    "ManagedRuntimeCannotStream",
    "StreamingNotAllowed",
    "UrlBuffers",
    "UrlWithoutCors",
    "UrlWithoutPermissions",
    "WildcardResource",
    "WrongInvocationPath",
]
