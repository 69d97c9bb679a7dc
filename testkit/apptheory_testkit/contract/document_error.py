"""What is wrong with a contract document, and where."""

from apptheory_streaming.errors import UsageError

__all__ = ["DocumentError", "pointer_of"]


class DocumentError(UsageError):
    """A contract document that cannot be run: `file`, the JSON `pointer` of the place, and the `problem`."""

    name = "DocumentError"

    def __init__(self, problem: str, *, file: str, pointer: str = "") -> None:
        """Keep the three; the pointer is empty for the document as a whole."""
        super().__init__(f"{file}{f'#{pointer}' if pointer else ''}: {problem}")
        self.problem = problem
        self.file = file
        self.pointer = pointer


def pointer_of(*path: str | int) -> str:
    """Give the JSON pointer of a path of names and numbers (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
