"""A content type: its type and its parameters, to compare."""

from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value

__all__ = ["MediaType"]


@dataclass(frozen=True, slots=True)
class MediaType:
    """The type in lower case, such as `text/html`, and its parameters by their lower-case names."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "MediaType":
        """Read the value of a header; what is no media type keeps its text as the name."""
        message = Message()
        message["content-type"] = text
        (name, _), *parameters = message.get_params([(text, "")])
        return cls(name.strip().lower(), {each.lower(): collapse_rfc2231_value(value) for each, value in parameters})

    @property
    def charset(self) -> str:
        """The charset of a text in lower case, UTF-8 where none is named."""
        return self.parameters.get("charset", "utf-8").lower()

    def matches(self, got: "MediaType") -> bool:
        """Whether `got` is of this type and has these parameters; it may have others."""
        return self.name == got.name and all(
            _same(name, value, got.parameters.get(name)) for name, value in self.parameters.items()
        )


def _same(name: str, expected: str, got: str | None) -> bool:
    if got is None:
        return False
    return expected.lower() == got.lower() if name == "charset" else expected == got
