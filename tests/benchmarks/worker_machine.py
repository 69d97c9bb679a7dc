"""Versions of the runtimes that run workers."""

import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

__all__ = ["runtime_versions"]


def runtime_versions() -> str:
    """Give those of Node, which the PATH names, and of AWS's Python client."""
    node = shutil.which("node")
    asked = (
        subprocess.run([node, "--version"], capture_output=True, check=True, text=True).stdout if node else "missing"
    )
    try:
        client = version("awslambdaric")
    except PackageNotFoundError:
        client = "missing"
    return f"Node {asked.strip().lstrip('v')}, awslambdaric {client}"
