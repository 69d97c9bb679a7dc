"""Where documents are: those that ship with this project, and those in files and folders of the user."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import apptheory_fixtures
from apptheory_streaming.errors import UsageError
from apptheory_testkit.contract.document import SUFFIX

__all__ = ["find_documents", "shipped_documents"]


def shipped_documents() -> list[Path]:
    """Give the files of the contract's own documents, in order of name."""
    return sorted((Path(apptheory_fixtures.__file__).parent / "contract").glob(f"*{SUFFIX}"))


def find_documents(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Give files as they are named, and what folders hold of documents, in order of name; each once.

    Raises UsageError for a path that is not there, and for a folder without a document.
    """
    given: set[Path] = set()
    for path in _found(paths):
        file = path.resolve()
        if file not in given:
            given.add(file)
            yield path


def _found(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(path.rglob(f"*{SUFFIX}"))
            if not found:
                raise UsageError(f"{str(path)!r} holds no file that ends in {SUFFIX}")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"there is no file or folder {str(path)!r}")
