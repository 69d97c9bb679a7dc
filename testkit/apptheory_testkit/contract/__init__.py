"""Contract documents (`*.stream.json`): read them, run them on any implementation, and see what differs."""

from apptheory_testkit.contract.distinct_ids import DistinctIds
from apptheory_testkit.contract.document import ContractCase, ContractDocument, parse_document, read_document
from apptheory_testkit.contract.document_error import DocumentError
from apptheory_testkit.contract.handler_names import Handlers, load_handlers
from apptheory_testkit.contract.runner import run_document, run_documents
from apptheory_testkit.contract.shipped import find_documents, shipped_documents
from apptheory_testkit.contract.table import render_table
from apptheory_testkit.contract.target_kind import TargetKind
from apptheory_testkit.contract.targets import IN_PROCESS, ContractTarget
from apptheory_testkit.contract.verdict import Outcome, Verdict

__all__ = [
    "IN_PROCESS",
    "ContractCase",
    "ContractDocument",
    "ContractTarget",
    "DistinctIds",
    "DocumentError",
    "Handlers",
    "Outcome",
    "TargetKind",
    "Verdict",
    "find_documents",
    "load_handlers",
    "parse_document",
    "read_document",
    "render_table",
    "run_document",
    "run_documents",
    "shipped_documents",
]
