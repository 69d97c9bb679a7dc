"""What the documents take from the code is what the code says now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_blocks_of_the_documents_are_up_to_date() -> None:
    """`make generate` would change nothing: the lifecycle's diagram and the limits are the tables'."""
    command = [sys.executable, str(ROOT / "scripts" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
