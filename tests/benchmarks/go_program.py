"""The Go program beside this module: built where Go is on the PATH, and asked for its times."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["GoProgram", "go_program"]

STOP_SECONDS = 10.0
_SOURCES = Path(__file__).with_name("go")


class GoProgram:
    """Does the same works as the contenders here, when it is told to."""

    def __init__(self, asked: IO[str], answered: IO[str]) -> None:
        """Talk to a program that runs."""
        self._asked = asked
        self._answered = answered

    def nanoseconds(self, work: str, rounds: int) -> float:
        """Give what one round of a work takes, of so many one after the other."""
        self._asked.write(f"{work} {rounds}\n")
        self._asked.flush()
        answer = self._answered.readline()
        if not answer:
            raise RuntimeError(f"the Go program has ended at {work!r}; what it wrote to stderr says why")
        return float(answer)


@contextmanager
def go_program() -> Iterator[GoProgram | None]:
    """Build it and run it until the end of the block; None where there is no Go."""
    go = shutil.which("go")
    if go is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "formats"
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
        subprocess.run([go, "build", "-o", program, "."], cwd=_SOURCES, env=environment, check=True)
        with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield GoProgram(process.stdin, process.stdout)
            finally:
                process.stdin.close()  # its word to stop
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
