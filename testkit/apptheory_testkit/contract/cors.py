"""CORS as AppTheory does it in every tier but `p0`: what the runner adds to responses, and which it gives by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apptheory_streaming.wire.request import HttpRequest

__all__ = ["Cors", "first_value", "is_preflight"]

_ASKED_METHOD = "access-control-request-method"
_WITH_CREDENTIALS = ("Content-Type", "Authorization")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """`setup.cors`; without `allowed_origins` all are allowed, but none where credentials are."""

    allowed_origins: tuple[str, ...] | None = None
    allow_credentials: bool = False
    allow_headers: tuple[str, ...] = ()

    @classmethod
    def of(cls, setup: Mapping[str, Any]) -> "Cors":
        """Read it from the `setup` of a document that keeps to the schema."""
        given: Mapping[str, Any] = setup.get("cors", {})
        origins = given.get("allowed_origins")
        return cls(
            allowed_origins=None if origins is None else tuple(origins),
            allow_credentials=given.get("allow_credentials", False),
            allow_headers=tuple(given.get("allow_headers", ())),
        )

    def finish(self, headers: Mapping[str, Sequence[str]], request: HttpRequest) -> dict[str, Sequence[str]]:
        """Give the headers of a response to this request, with those that are added."""
        added: dict[str, Sequence[str]] = {}
        if is_preflight(request):
            added["access-control-allow-methods"] = [first_value(request, _ASKED_METHOD)]
        origin = first_value(request, "origin")
        if origin and self._allows(origin):
            added |= {"access-control-allow-origin": [origin], "vary": _with_origin(headers.get("vary", ()))}
            added |= self._of_configuration()
        return {**headers, **added}

    def _allows(self, origin: str) -> bool:
        if self.allowed_origins is None:
            return not self.allow_credentials
        return origin in self.allowed_origins or "*" in self.allowed_origins

    def _of_configuration(self) -> dict[str, Sequence[str]]:
        credentials = {"access-control-allow-credentials": ["true"]} if self.allow_credentials else {}
        names = self.allow_headers or (_WITH_CREDENTIALS if self.allow_credentials else ())
        return {**credentials, **({"access-control-allow-headers": [", ".join(names)]} if names else {})}


def is_preflight(request: HttpRequest) -> bool:
    """Whether a page asks if it may send a request."""
    return request.method == "OPTIONS" and bool(first_value(request, _ASKED_METHOD))


def first_value(request: HttpRequest, name: str) -> str:
    """Give the first value of a header by its lower-case name, empty where there is none."""
    return next((value for each, value in request.headers if each.lower() == name), "")


def _with_origin(vary: Sequence[str]) -> list[str]:
    """Sorted, in lower case, each once."""
    names = [name.strip().lower() for value in vary for name in value.split(",")]
    return sorted({*filter(None, names), "origin"})
