"""The ids of the documents of one run."""

from apptheory_testkit.contract.document import ContractDocument
from apptheory_testkit.contract.document_error import DocumentError, pointer_of

__all__ = ["DistinctIds"]


class DistinctIds:
    """Remembers which file has which id: reports name documents by their ids."""

    def __init__(self) -> None:
        """Begin without any."""
        self._files: dict[str, str] = {}

    def add(self, document: ContractDocument) -> None:
        """Add a document; raises DocumentError for the id of another file."""
        first = self._files.setdefault(document.id, document.file)
        if first != document.file:
            problem = f"{document.id!r} is the id of {first} too: give each document of a run one of its own"
            raise DocumentError(problem, file=document.file, pointer=pointer_of("id"))
