"""What ASGI servers do differently, and what a handler is told of it."""

from enum import StrEnum

__all__ = ["AsgiProfile", "LifespanMode"]


class AsgiProfile(StrEnum):
    """Whose behaviour an application meets once its client is gone (rule R9)."""

    UVICORN = "uvicorn"
    """`receive` gives `http.disconnect`, and `send` does nothing; so do hypercorn and granian."""
    ASGI_2_4 = "asgi-2.4"
    """`send` raises OSError, as version 2.4 of the specification wants it."""

    @property
    def spec_version(self) -> str:
        """The version of the specification in the scope, by which frameworks choose their ways."""
        return "2.4" if self is AsgiProfile.ASGI_2_4 else "2.3"


class LifespanMode(StrEnum):
    """What is done about the lifespan of an application."""

    AUTO = "auto"
    """It is run if the application has one: one that refuses the scope has none."""
    ON = "on"
    OFF = "off"
