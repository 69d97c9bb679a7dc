"""What one must know of the machine to read the figures."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["machine_facts"]

_LIBRARIES = ("aiohttp", "starlette", "httpx", "anyio")


def machine_facts() -> str:
    """Give Python, system, cores, load and library versions in one line, without a name of the machine."""
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {libraries}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
