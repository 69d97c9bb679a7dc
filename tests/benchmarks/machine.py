"""What one must know of the machine to read the figures."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

__all__ = ["machine_facts"]

_LIBRARIES = ("aiohttp", "starlette", "httpx", "anyio", "orjson")


def machine_facts() -> str:
    """Give Python, system, cores, load and the versions of libraries and Go in one line, without a name of the machine."""
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {libraries}, {_go()}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        return "Go missing"
    asked = subprocess.run([go, "env", "GOVERSION"], capture_output=True, check=True, text=True)
    return asked.stdout.strip().replace("go", "Go ", 1)
