"""The CORS configuration of a Function URL: what it answers by itself, and what it adds to responses.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors and
https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html for the bounds.  What AWS answers to an
origin that is not allowed is not published: here it is a 200 without any of these headers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from apptheory_streaming.errors import UsageError
from apptheory_streaming.options import check_switch, is_count
from apptheory_streaming.wire.error_response import Answer
from apptheory_streaming.wire.head import Head
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["CORS_METHODS", "MAX_AGE_SECONDS", "CorsConfig", "CorsMerge"]

CORS_METHODS = ("GET", "PUT", "POST", "HEAD", "PATCH", "DELETE", "*")
"""What may be allowed; `OPTIONS` is the preflight itself."""

MAX_AGE_SECONDS = 86400

_MOST_METHODS = 6
_MOST_NAMES = 100
_LONGEST_ORIGIN = 253
_LONGEST_HEADER = 1024


class CorsMerge(StrEnum):
    """Which headers a client gets where the function sends some of those that the configuration adds."""

    BOTH = "both"
    """Those of both, duplicates included, as AWS's page says today."""
    CONFIGURED = "configured"
    """Those of the configuration, as the page said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsConfig:
    """Which pages of other origins may use a Function URL, and how.

    `max_age` is in seconds; None sends none.  Raises UsageError naming the field that AWS would refuse.
    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = None
    allow_credentials: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "allow_origins": (_MOST_NAMES, _LONGEST_ORIGIN),
            "allow_methods": (_MOST_METHODS, None),
            "allow_headers": (_MOST_NAMES, _LONGEST_HEADER),
            "expose_headers": (_MOST_NAMES, _LONGEST_HEADER),
        }
        for name, (most, longest) in bounds.items():
            object.__setattr__(self, name, _texts(name, getattr(self, name), most=most, longest=longest))
        for method in self.allow_methods:
            if method not in CORS_METHODS:
                raise UsageError(f"allow_methods: {method!r} is none of {', '.join(CORS_METHODS)}")
        if self.max_age is not None and not (is_count(self.max_age) and self.max_age <= MAX_AGE_SECONDS):
            raise UsageError(f"max_age must be from 0 to {MAX_AGE_SECONDS} seconds, not {self.max_age!r}")
        check_switch("allow_credentials", self.allow_credentials)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What AWS takes and no browser does."""
        if self.allow_credentials and "*" in self.allow_origins:
            return ("browsers refuse allow_origins * together with allow_credentials: name the origins",)
        return ()

    def preflight(self, request: HttpRequest) -> Answer | None:
        """Give the answer to a preflight, which no function sees; None for every other request."""
        asked = request.first("access-control-request-method")
        if request.method != "OPTIONS" or not asked or not request.first("origin"):
            return None
        headers = self._shared(request)
        if headers:
            allowed = {"methods": self.allow_methods, "headers": self.allow_headers}
            headers |= {f"access-control-allow-{name}": ",".join(values) for name, values in allowed.items() if values}
            if self.max_age is not None:
                headers["access-control-max-age"] = str(self.max_age)
        return Answer(Head(200, {name: (value,) for name, value in headers.items()}), b"")

    def added_to(self, request: HttpRequest) -> dict[str, str]:
        """Give the headers that any other response to this request gets."""
        headers = self._shared(request)
        if headers and self.expose_headers:
            headers["access-control-expose-headers"] = ",".join(self.expose_headers)
        return headers

    def _shared(self, request: HttpRequest) -> dict[str, str]:
        """What a preflight and the request behind it both get; nothing for an origin that is not allowed."""
        origin = request.first("origin")
        if not origin or not {"*", origin}.intersection(self.allow_origins):
            return {}
        anyone = "*" in self.allow_origins
        headers = {"access-control-allow-origin": "*" if anyone else origin}
        if not anyone:
            headers["vary"] = "Origin"  # or a cache would give this answer to a page of another origin
        if self.allow_credentials:
            headers["access-control-allow-credentials"] = "true"
        return headers


def _texts(name: str, values: object, *, most: int, longest: int | None) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UsageError(f"{name} must be a list of texts, not {values!r}")
    texts = tuple(values)
    if len(texts) > most:
        raise UsageError(f"{name} may have {most} entries at most, not {len(texts)}")
    for text in texts:
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text.strip():
            raise UsageError(f"{name}: {text!r} is no text that a header could hold")
        if longest is not None and len(text) > longest:
            raise UsageError(f"{name}: an entry may have {longest} characters at most, not {len(text)}")
    return texts
