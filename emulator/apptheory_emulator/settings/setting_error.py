"""A mistake at one key of a function's settings."""

from apptheory_streaming.errors import UsageError

__all__ = ["SettingError"]


class SettingError(UsageError):
    """What a function cannot have, and at which of its keys that stands."""

    def __init__(self, message: str, key: tuple[str, ...]) -> None:
        """Take both."""
        super().__init__(message)
        self.key = key
