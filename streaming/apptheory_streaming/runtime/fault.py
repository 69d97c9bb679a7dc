"""What goes wrong before a handler runs, by the names that the official Python runtime gives it."""

from enum import StrEnum

__all__ = ["Fault", "FaultType"]


class FaultType(StrEnum):
    """Error types of the platform; users search for them."""

    BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
    CONTEXT_UNMARSHAL = "Runtime.LambdaContextUnmarshalError"
    HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
    IMPORT_MODULE = "Runtime.ImportModuleError"
    MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
    MARSHAL = "Runtime.MarshalError"
    UNMARSHAL = "Runtime.UnmarshalError"
    USER_CODE_SYNTAX = "Runtime.UserCodeSyntaxError"


class Fault(Exception):  # noqa: N818 - never leaves the runtime: it becomes the error that is reported
    """An error that has a type of the platform, and stack lines of its own."""

    def __init__(self, kind: FaultType, message: str, stack_trace: tuple[str, ...] = ()) -> None:
        """Keep what is reported."""
        super().__init__(message)
        self.kind = kind
        self.stack_trace = stack_trace
