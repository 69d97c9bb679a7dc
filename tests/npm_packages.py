"""A way to the npm packages of tests/node: a script of that folder, asked in JSON."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

__all__ = ["ask_node"]

FOLDER = Path(__file__).parent / "node"
WAIT_SECONDS = 60


def ask_node(script: str, request: object) -> Any:
    """Run a script with a request; skips where Node or the packages are missing, and fails where Node is required."""
    node = shutil.which("node")
    missing = "no node on the PATH" if node is None else "no node_modules: run scripts/runtimes"
    if node is None or not (FOLDER / "node_modules").is_dir():
        if "node" in os.environ.get("REQUIRE_RUNTIMES", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run(
        [node, FOLDER / script],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
