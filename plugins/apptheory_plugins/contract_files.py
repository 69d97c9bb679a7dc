"""Contract documents as tests: each `*.stream.json` file, once for each target."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from apptheory_testkit.contract import ContractDocument, ContractTarget, Handlers

__all__ = ["add_contract_options", "check_contract_run", "collect_contract_file"]

SUFFIX = ".stream.json"
IN_PROCESS = "in-process"
_FOLDER_NEEDS = "a folder of handlers and targets other than in-process"
_MISSING = (
    "--contract-handlers is missing: it names the module, Python file or folder of the handlers that documents name"
)
_RUN = pytest.StashKey["_ContractRun"]()


def add_contract_options(parser: pytest.Parser) -> None:
    """Add the options of the command line, and that of the configuration file."""
    group = parser.getgroup("streaming")
    group.addoption(
        "--contract-handlers",
        metavar="MODULE|DIR",
        help="Collect contract documents (*.stream.json) as tests, with the handlers of this module, Python file or "
        "folder. Without it they are left alone.",
    )
    group.addoption(
        "--contract-target",
        action="append",
        metavar="TARGET",
        help="Where documents are run: in-process (the default), http, python, node or exec=COMMAND. May be repeated.",
    )
    parser.addini("contract_handlers", "The default of --contract-handlers, from the folder of this file.", default="")


def collect_contract_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Give the collector of a document, None for another file, and where there are no handlers for documents.

    One that is named on the command line is collected all the same, for a word about the handlers.
    """
    if not file_path.name.endswith(SUFFIX):
        return None
    if _handlers_of(parent.config) is None and not parent.session.isinitpath(file_path):
        return None
    return _ContractFile.from_parent(parent, path=file_path)


def check_contract_run(config: pytest.Config) -> None:
    """Raise pytest.UsageError, once for all documents, where their handlers or targets cannot be had."""
    run = config.stash.get(_RUN, None)
    if run is not None and run.mistake and not _is_distributed(config):
        raise pytest.UsageError(run.mistake)


def _is_distributed(config: pytest.Config) -> bool:
    """Whether this is a process of pytest-xdist."""
    return hasattr(config, "workerinput")


def _handlers_of(config: pytest.Config) -> str | None:
    """Give the place of the handlers; a path on the command line counts from there, one in a file from that."""
    given, folder = config.getoption("--contract-handlers"), config.invocation_params.dir
    if not given:
        given, folder = config.getini("contract_handlers"), config.rootpath
    if not given:
        return None
    file = folder / str(given)
    is_package = (file / "__init__.py").is_file()  # which is imported by its name
    return str(file) if file.exists() and not is_package else str(given)


class _ContractRun:
    """The handlers and the targets of one run of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        from apptheory_testkit.contract import DistinctIds  # noqa: PLC0415 - heavy

        self._place = _handlers_of(config) or ""
        self._names: list[str] = config.getoption("--contract-target") or [IN_PROCESS]
        self._add_cleanup = config.add_cleanup
        self.ids = DistinctIds()

    @cached_property
    def mistake(self) -> str:
        """What is wrong with the handlers or the targets, so that nothing can be run; empty for nothing."""
        from apptheory_streaming.errors import UsageError  # noqa: PLC0415 - heavy

        try:
            _ = self._place and (self.targets, self.handlers)
        except (UsageError, pytest.UsageError) as error:
            return str(error)
        return "" if self._place else _MISSING

    @cached_property
    def handlers(self) -> "Handlers":
        from apptheory_testkit.contract import TargetKind, load_handlers  # noqa: PLC0415 - heavy

        if all(target.kind is TargetKind.WORKER for target in self.targets):
            return {}
        return self._emulated.load() if Path(self._place).is_dir() else load_handlers(self._place)

    @cached_property
    def targets(self) -> "Sequence[ContractTarget]":
        from apptheory_testkit.contract import IN_PROCESS as HERE  # noqa: PLC0415 - heavy

        targets: Sequence[ContractTarget] = [HERE] if {*self._names} == {IN_PROCESS} else self._emulated_targets()
        for target in targets:
            self._add_cleanup(target.close)
        return targets

    def _emulated_targets(self) -> "list[ContractTarget]":
        place = self._emulated
        from apptheory_emulator.contract.target_names import make_targets  # noqa: PLC0415 - heavy

        return make_targets(self._names, place)

    @property
    def _emulated(self) -> Any:
        try:
            from apptheory_emulator.contract.handlers_place import HandlersPlace  # noqa: PLC0415 - heavy, may be missing
        except ModuleNotFoundError as error:
            raise pytest.UsageError(
                f"{_FOLDER_NEEDS} need {error.name}: pip install 'apptheory-streaming[emulator]'"
            ) from error
        return HandlersPlace(self._place)


class _ContractFile(pytest.File):
    """One document."""

    def collect(self) -> Iterator["_ContractItem"]:
        from apptheory_streaming.errors import UsageError  # noqa: PLC0415 - heavy
        from apptheory_testkit.contract import read_document  # noqa: PLC0415

        run = self.config.stash.get(_RUN, None) or _ContractRun(self.config)
        self.config.stash[_RUN] = run
        if run.mistake and _is_distributed(self.config):
            raise self.CollectError(run.mistake)  # which pytest-xdist shows once, and an error of usage never
        if run.mistake:
            return
        try:
            document = read_document(self.path)
            run.ids.add(document)
        except UsageError as error:
            raise self.CollectError(str(error)) from error
        for target in run.targets:
            name = f"{document.id}[{target.label}]"
            yield _ContractItem.from_parent(self, name=name, document=document, target=target, handlers=run.handlers)


class _ContractItem(pytest.Item):
    """One document on one target."""

    def __init__(
        self, *, document: "ContractDocument", target: "ContractTarget", handlers: "Handlers", **options: Any
    ) -> None:
        super().__init__(**options)
        self._document = document
        self._target = target
        self._handlers = handlers

    def runtest(self) -> None:
        from apptheory_streaming.errors import UsageError  # noqa: PLC0415 - heavy
        from apptheory_testkit.contract import run_document  # noqa: PLC0415

        try:
            verdict = run_document(self._document, self._handlers, self._target)
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)
        if verdict.failed:
            pytest.fail(verdict.explain(), pytrace=False)
        if verdict.reason:
            pytest.skip(f"{verdict.outcome}: {verdict.reason}")

    def reportinfo(self) -> tuple[Path, None, str]:
        # not the name: in a name pytest takes dots for those of a module
        return self.path, None, f"{self._document.id} ({self._target.label})"
