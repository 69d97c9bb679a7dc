"""Breaks each rule of the contract in a scratch copy, and says which document sees it.

    python tests/mutations.py [RULE …]        all of them, or those of some rules

`mutations.json` lists them: the rule, what is broken, where, and the document that has to fail.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MUTATIONS", "Mutation", "Scratch", "scratch"]

ROOT = Path(__file__).parents[1]
ROOMS = ("streaming", "testkit", "emulator", "fixtures")
HANG_SECONDS = 60
RUN = """
import sys
from apptheory_testkit.contract import IN_PROCESS, load_handlers, read_document, run_document, shipped_documents

_, target, *documents = sys.argv
if target == "in-process":
    place = IN_PROCESS
else:
    from apptheory_emulator.contract.handlers_place import shipped_handlers
    from apptheory_emulator.contract.target_names import make_target

    place = make_target(target, shipped_handlers())
handlers = load_handlers(str(shipped_documents()[0].parents[1] / "handlers/python/documents.py"))
def fails(file):
    try:
        return run_document(read_document(file), handlers, place).failed
    except Exception:
        return True  # what is broken may fail in the middle of things

for file in shipped_documents():
    if file.name.removesuffix(".stream.json") in documents and fails(file):
        print(file.name.removesuffix(".stream.json"))
place.close()
"""
"""What runs in the scratch copy: it prints the documents that fail."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place in the code that is broken; `caught_by` is the id of a document, `target` where that is run."""

    rule: str
    what: str
    file: str
    old: str
    new: str
    target: str
    caught_by: str

    def __str__(self) -> str:
        """Name it in one line."""
        return f"{self.rule}: {self.what}"

    def applied(self) -> str:
        """Give the text of its file with the break; raises LookupError where the place is not there once."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise LookupError(f"{self}: its place is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


MUTATIONS = [Mutation(**fields) for fields in json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))]


class Scratch:
    """A copy of the rooms, in which one mutation at a time stands."""

    def __init__(self, folder: Path) -> None:
        """Copy the rooms with what is compiled of them."""
        self._folder = folder
        for room in ROOMS:
            shutil.copytree(ROOT / room, folder / room)

    def failing(self, documents: Sequence[str], *, target: str, mutation: Mutation | None = None) -> set[str]:
        """Give the ids of those documents that fail on a target; all of them where the run does not end."""
        if mutation is None:
            return self._run(documents, target)
        file = self._folder / mutation.file
        text = mutation.applied()
        before = file.stat()
        file.write_text(text, encoding="utf-8")
        try:
            return self._run(documents, target)
        finally:
            shutil.copyfile(ROOT / mutation.file, file)
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # so that what is compiled stays valid

    def _run(self, documents: Sequence[str], target: str) -> set[str]:
        environment = {"PYTHONPATH": os.pathsep.join(str(self._folder / room) for room in ROOMS)}
        try:
            done = subprocess.run(
                [sys.executable, "-c", RUN, target, *documents],
                env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                check=False,
                timeout=HANG_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return set(documents)
        if done.returncode != 0:
            raise LookupError(f"the scratch copy does not run: {done.stderr}")
        return set(done.stdout.split())


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Copy the rooms for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        yield Scratch(Path(folder))


def main(rules: Sequence[str]) -> int:
    """Try the mutations, and give 1 when a document did not see one."""
    missed = 0
    with scratch() as copy:
        for mutation in (each for each in MUTATIONS if not rules or each.rule in rules):
            seen = copy.failing([mutation.caught_by], target=mutation.target, mutation=mutation)
            missed += not seen
            print(f"{'seen  ' if seen else 'MISSED'} {mutation} ({mutation.caught_by})", flush=True)
    print(f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
