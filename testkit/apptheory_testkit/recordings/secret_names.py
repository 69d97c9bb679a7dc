"""Which names hold secrets, and what is left of their values."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote, unquote_plus

__all__ = [
    "REDACTED",
    "SECRET_WORDS",
    "SecretNames",
    "redact_addresses",
    "redact_cookies",
    "redact_credentials",
    "redact_set_cookie",
]

REDACTED = "REDACTED"
"""What stands in the place of a secret."""

SECRET_WORDS = frozenset(
    {"apikey", "auth", "authorization", "credential", "credentials", "jwt", "passwd", "password", "secret", "sig"}
    | {"signature", "token"}
)
"""A name with one of these words holds a secret."""

_PAIRS = frozenset({("access", "key"), ("api", "key"), ("private", "key"), ("subscription", "key")})
_ENDINGS = ("apikey", "password", "secret", "token")
"""Of words that are several, written as one: `accesstoken`."""
_USER = re.compile(r"(?<=://)([^/?#\s@:]*):([^/?#\s@]+)(?=@)")
_PARAMETER = re.compile(r"(?<=[?&#;])([^=?&#;\s<>\"']+)=([^&#;\s<>\"']+)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]+(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SecretNames:
    """The names whose values are secrets: those by their words, and more in any case."""

    more: frozenset[str] = frozenset()

    @classmethod
    def with_more(cls, names: Iterable[str]) -> "SecretNames":
        """Take these names too."""
        return cls(frozenset(name.lower() for name in names))

    def holds(self, name: str) -> bool:
        """Whether the value of this header, parameter or field is a secret."""
        words = [word.lower() for word in _WORD.findall(name)]
        pairs = pairwise(words)
        is_secret = not SECRET_WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(pairs)
        return is_secret or name.lower() in self.more or any(word.endswith(_ENDINGS) for word in words)

    def holds_in_query(self, name: str) -> bool:
        """Whether the value of this parameter is a secret; `key` is one in an address."""
        return name.lower() == "key" or self.holds(name)


def redact_credentials(value: str) -> tuple[str, tuple[str, ...]]:
    """Leave the scheme of an `Authorization` value; give what is left, and the secrets."""
    found = _SCHEME.fullmatch(value)
    if found is None:
        return REDACTED, (value,)
    return f"{found[1]} {REDACTED}", (found[2], *_user_and_password(found[1], found[2]))


def redact_addresses(value: str, names: SecretNames) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Take passwords and secret parameters out of the addresses in a text.

    Give what is left, the secrets, and what they were.  A parameter ends at white space or a quote too.
    """
    secrets: list[str] = []
    found: dict[str, None] = {}

    def of_user(match: re.Match[str]) -> str:
        found["the password of an address"] = None
        secrets.extend((match[2], unquote(match[2])))
        return f"{match[1]}:{REDACTED}"

    def of_parameter(match: re.Match[str]) -> str:
        name = unquote_plus(match[1])
        if not names.holds_in_query(name):
            return match[0]
        found[f"parameter {name}"] = None
        secrets.extend((match[2], unquote_plus(match[2])))
        return f"{match[1]}={REDACTED}"

    left = _PARAMETER.sub(of_parameter, _USER.sub(of_user, value))
    return left, tuple(secrets), tuple(found)


def redact_cookies(value: str) -> tuple[str, tuple[str, ...]]:
    """Leave the names of a `Cookie` value; give what is left, and the secrets."""
    left, secrets = [], []
    for pair in value.split(";"):
        name, equals, text = pair.strip().partition("=")
        left.append(f"{name}={REDACTED}" if equals else REDACTED)
        secrets.append(text if equals else name)
    return "; ".join(left), tuple(secrets)


def redact_set_cookie(value: str) -> tuple[str, tuple[str, ...]]:
    """Leave the name and the attributes of a `Set-Cookie` value; give what is left, and the secret."""
    pair, semicolon, attributes = value.partition(";")
    left, secrets = redact_cookies(pair)
    return left + semicolon + attributes, secrets


def _user_and_password(scheme: str, credentials: str) -> tuple[str, ...]:
    """What `Basic` credentials hold, which a response may repeat as it is."""
    if scheme.lower() != "basic":
        return ()
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return ()
    return (text, text.partition(":")[2])
