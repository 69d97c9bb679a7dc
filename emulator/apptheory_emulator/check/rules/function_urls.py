"""Rules on Function URLs."""

from collections.abc import Iterator
from typing import ClassVar

from apptheory_emulator.check import base
from apptheory_emulator.check.parts import FunctionUrl, Permission
from apptheory_emulator.check.stack import Stack

__all__ = ["UrlBuffers", "UrlWithoutCors", "UrlWithoutPermissions"]


class UrlBuffers(base.StreamingRule):
    """A Function URL buffers unless it is told not to."""

    id = "E9510"
    shortdesc = "A streaming handler behind a Function URL that buffers"
    description = (
        "InvokeMode is BUFFERED when nothing is said: the response comes in one piece, and at most 6 MB of it."
    )
    fix: ClassVar[str] = "Set InvokeMode: RESPONSE_STREAM on the Function URL"
    source_url = f"{base.LAMBDA}config-rs-invoke-furls.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the Function URLs of streaming functions with another mode, or none."""
        for url in stack.urls:
            mode = url.properties.get("InvokeMode")
            why = stack.why_streaming(url.function)
            if why and not url.streams and "$" not in str(mode):
                said = f"says {mode}" if mode else "does not say how, and BUFFERED is the default"
                message = f"{url.function} streams ({why}), but its Function URL {said}"
                yield base.Problem(message, (*url.path, "InvokeMode"))


class UrlWithoutCors(base.StreamingRule):
    """A page of another origin needs CORS."""

    id = "W9511"
    shortdesc = "No CORS on a Function URL that browsers may read"
    description = (
        "A page of another origin cannot read a Function URL without CORS. A streaming one with AuthType NONE is taken "
        "to be for browsers; Metadata apptheory: {browser: true} or {browser: false} of the function says it."
    )
    fix: ClassVar[str] = "Set Cors with AllowOrigins, or say browser: false when no page of another origin reads it"
    source_url = f"{base.LAMBDA}urls-configuration.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the Function URLs for browsers without Cors."""
        for url in stack.urls:
            if url.properties.get("Cors") is None and _for_browsers(stack, url):
                where = f"of {url.function}" if url.function else "here"
                yield base.Problem(f"No page of another origin can read the Function URL {where}", url.path)


class UrlWithoutPermissions(base.StreamingRule):
    """A public Function URL needs two permissions."""

    id = "E9514"
    shortdesc = "A public Function URL without the permissions for it"
    description = (
        "AuthType NONE alone allows nothing: since October 2025 the function's policy has to allow everybody "
        "lambda:InvokeFunctionUrl (with FunctionUrlAuthType: NONE) and lambda:InvokeFunction (with "
        "InvokedViaFunctionUrl: true), or each request is answered 403. SAM adds both to its FunctionUrlConfig."
    )
    fix: ClassVar[str] = (
        'Add two AWS::Lambda::Permission for Principal "*": lambda:InvokeFunctionUrl with FunctionUrlAuthType: NONE, '
        "and lambda:InvokeFunction with InvokedViaFunctionUrl: true"
    )
    source_url = f"{base.LAMBDA}urls-auth.html"

    def find(self, stack: Stack) -> Iterator[base.Problem]:
        """Give the public Function URLs, not SAM's own, with what they lack."""
        for url in stack.urls:
            if url.sam or url.function is None or url.properties.get("AuthType") != "NONE":
                continue
            own = [each for each in stack.permissions if each.function == url.function]
            lacking = [action for action, allows in _NEEDED.items() if not any(map(allows, own))]
            if lacking:
                message = f"Everybody gets 403 from {url.function}: nothing allows {' and '.join(lacking)}"
                yield base.Problem(message, (*url.path, "AuthType"))


def _for_browsers(stack: Stack, url: FunctionUrl) -> bool:
    function = stack.functions.get(url.function or "")
    said = function.declared.get("browser") if function else None
    if said is not None:
        return str(said).lower() == "true"
    streams = url.streams or stack.why_streaming(url.function) is not None
    return streams and url.properties.get("AuthType") == "NONE"


def _allows_url(permission: Permission) -> bool:
    properties = permission.properties
    auth_type = properties.get("FunctionUrlAuthType")
    return properties.get("Action") == "lambda:InvokeFunctionUrl" and auth_type in (None, "NONE")


def _allows_call(permission: Permission) -> bool:
    properties = permission.properties
    return properties.get("Action") == "lambda:InvokeFunction" and properties.get("Principal") == "*"


_NEEDED = {"lambda:InvokeFunctionUrl": _allows_url, "lambda:InvokeFunction": _allows_call}
