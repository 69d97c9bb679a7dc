"""`apptheory-emulate contract PATHS`: run contract documents on handlers of any language, and say what holds."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from apptheory_emulator.commands.stdio import stdout_for_tools
from apptheory_streaming.errors import UsageError

if TYPE_CHECKING:
    from apptheory_emulator.contract.handlers_place import HandlersPlace
    from apptheory_testkit.contract import ContractDocument, ContractTarget, Handlers, Verdict

__all__ = ["contract"]

_FAILED = 1
_UNREADABLE = 2


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: apptheory-emulate contract tests/contract --handlers app.main --target in-process --target http",
)
@click.argument("paths", metavar="[PATHS]...", nargs=-1)
@click.option(
    "--handlers",
    metavar="MODULE|DIR",
    help="A Python module or file with the handlers that documents name: its mapping HANDLERS, else its public "
    "functions, which are those that it defines and not those that it imports; or a folder "
    "with python/documents.py, node/documents.mjs and so on.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    default=["in-process"],
    show_default=True,
    metavar="TARGET",
    help="Where to run them: in-process, http, python, node, or exec=COMMAND for any program that speaks the "
    "Runtime API and takes the name of the handler from _HANDLER, or in the place of {handler}. May be repeated.",
)
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "junit"]),
    help="How to write what came.",
)
def contract(*, paths: tuple[str, ...], handlers: str | None, targets: tuple[str, ...], form: str) -> None:
    """Run contract documents (*.stream.json), and print a table of documents and targets.

    PATHS are files and folders; without them the documents of the streaming contract are run, which ship with this
    project. In the table a document is ok or FAILED; `not here` is one that this target cannot show, `not ours` one
    about AppTheory itself, and neither is run. The exit code is 0 when all that was run holds, 1 when something does
    not, 2 when a document or the handlers cannot be read.

    The format is in docs/reference/contract-documents.md.
    """
    from apptheory_emulator.contract.reports import ReportFormat, render_report  # noqa: PLC0415 - of this command alone

    with stdout_for_tools() as stdout, _quiet_log():
        verdicts, unreadable = _run(paths, handlers, targets)
        if verdicts:
            click.echo(render_report(verdicts, ReportFormat(form)), file=stdout)
    for message in unreadable:
        click.echo(f"apptheory-emulate contract: {message}", err=True)
    failed = any(verdict.failed for verdict in verdicts)
    raise SystemExit(_UNREADABLE if unreadable else _FAILED if failed else 0)


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """Say nothing of requests: documents let functions fail on purpose, and what differs is in the report."""
    log = logging.getLogger("apptheory_emulator")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _run(paths: Sequence[str], handlers: str | None, targets: Sequence[str]) -> tuple[list["Verdict"], list[str]]:
    from apptheory_emulator.contract.handlers_place import HandlersPlace, shipped_handlers  # noqa: PLC0415

    place = shipped_handlers() if handlers is None and not paths else HandlersPlace(handlers)
    try:
        documents, unreadable = _documents(paths)
        with _opened(targets, place) as opened:
            return _verdicts(documents, _handlers(place, opened), opened, unreadable), unreadable
    except UsageError as error:
        return [], [_line(error)]


def _documents(paths: Sequence[str]) -> tuple[list["ContractDocument"], list[str]]:
    """Read what can be read, and tell of the rest."""
    from apptheory_testkit.contract import (  # noqa: PLC0415
        DistinctIds,
        DocumentError,
        find_documents,
        read_document,
        shipped_documents,
    )

    ids = DistinctIds()
    documents: list[ContractDocument] = []
    unreadable: list[str] = []
    for path in find_documents(paths) if paths else shipped_documents():
        try:
            document = read_document(path)
            ids.add(document)
            documents.append(document)
        except DocumentError as error:
            unreadable.append(_line(error))
    return documents, unreadable


@contextlib.contextmanager
def _opened(targets: Sequence[str], place: "HandlersPlace") -> Iterator[list["ContractTarget"]]:
    from apptheory_emulator.contract.target_names import make_targets  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        opened = make_targets(targets, place)
        for target in opened:
            stack.callback(target.close)
        yield opened


def _handlers(place: "HandlersPlace", targets: Sequence["ContractTarget"]) -> "Handlers":
    """Load them if they run in this process."""
    from apptheory_testkit.contract import TargetKind  # noqa: PLC0415

    return place.load() if any(target.kind is not TargetKind.WORKER for target in targets) else {}


def _verdicts(
    documents: Sequence["ContractDocument"],
    handlers: "Handlers",
    targets: Sequence["ContractTarget"],
    unreadable: list[str],
) -> list["Verdict"]:
    from apptheory_testkit.contract import DocumentError, run_document  # noqa: PLC0415

    verdicts: list[Verdict] = []
    for document in documents:
        try:
            verdicts += [run_document(document, handlers, target) for target in targets]
        except DocumentError as error:  # names a handler that there is not
            unreadable.append(_line(error))
    return verdicts


def _line(error: UsageError) -> str:
    return " ".join(str(error).split())
