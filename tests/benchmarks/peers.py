"""The emulators of others that run a Node function without docker: where they are to be had, and how they are run."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.program import free_port, program, wait_for_port
from benchmarks.stage import BOOTSTRAP, FUNCTIONS, MissingError, Stage, get

__all__ = ["CARGO_LAMBDA", "PEERS", "RIE", "SAM_CLI", "installed", "peer_versions", "rie_command", "versions_of"]

RIE = "aws-lambda-rie, Node"
CARGO_LAMBDA = "cargo-lambda"
SAM_CLI = "aws-sam-cli"
_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
_INSTALL_SECONDS = 180
_CARGO_TOML = '[package]\nname = "stream"\nversion = "0.1.0"\nedition = "2021"\n'
_HANDLER = "stream.mjs:handler"


@contextmanager
def _cargo_lambda(packages: Path, scratch: Path) -> Iterator[Stage]:
    """Run `cargo lambda watch`, and a Node function of ours that asks it for invocations."""
    folder = installed(packages, CARGO_LAMBDA)
    if shutil.which("cargo") is None:
        raise MissingError("cargo is not on the PATH")
    project = scratch / "stream"
    (project / "src").mkdir(parents=True)
    (project / "Cargo.toml").write_text(_CARGO_TOML)
    (project / "src" / "main.rs").write_text("fn main() {}\n")
    port = free_port()
    watch = ("lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port", str(port))
    node = ("node", "--import", FUNCTIONS / "path_of_api.mjs", BOOTSTRAP)
    env = _environment(AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{port}/.rt/stream")
    with program((folder / "bin" / "cargo-lambda", *watch), cwd=project):
        wait_for_port(port)
        with program(node, cwd=FUNCTIONS, env=env):
            yield Stage(f"{CARGO_LAMBDA}, Node", port, get("/lambda-url/stream"))


@contextmanager
def _rie(packages: Path, scratch: Path) -> Iterator[Stage]:
    """Run the emulator of AWS's container images, which is also what SAM CLI runs, without a container."""
    command = rie_command(packages)
    port = free_port()
    addresses = (
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
    )
    with program((command, *addresses, "node", BOOTSTRAP, _HANDLER), cwd=FUNCTIONS, env=_environment()):
        wait_for_port(port)
        yield Stage(RIE, port, _invocation)


def rie_command(packages: Path) -> Path:
    """Give the program, which is part of SAM CLI."""
    command = (
        installed(packages, SAM_CLI) / "samcli/local/rapid" / f"aws-lambda-rie-{_MACHINES.get(platform.machine(), '')}"
    )
    if sys.platform != "linux" or not command.is_file():
        raise MissingError(f"there is none for {platform.system()} on {platform.machine()}")
    command.chmod(0o755)
    return command


PEERS = {CARGO_LAMBDA: _cargo_lambda, "aws-lambda-rie": _rie}


def peer_versions(packages: Path) -> str:
    """Give name and version of the packages that are there."""
    return ", ".join(filter(None, (versions_of(packages, name) for name in (CARGO_LAMBDA, SAM_CLI))))


def versions_of(packages: Path, name: str) -> str:
    """Give name and version of a package, nothing where it is not there."""
    return ", ".join(f"{each.name} {each.version}" for each in distributions(path=[str(packages / name)]))


def installed(packages: Path, name: str) -> Path:
    """Give the folder of a package, put there by the first who asks from where pip takes packages."""
    folder = packages / name
    if folder.is_dir():
        return folder
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "15")
    command = (*pip, "install", "--quiet", "--no-deps", "--target", folder, name)
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        raise MissingError(f"pip could not install it: {_last_line(error.stderr)}") from error
    except subprocess.TimeoutExpired as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise MissingError(f"pip did not install it in {_INSTALL_SECONDS} s") from error
    return folder


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "it said nothing")


def _environment(**others: str) -> dict[str, str]:
    return {**os.environ, "LAMBDA_TASK_ROOT": str(FUNCTIONS), "_HANDLER": _HANDLER, **others}


def _invocation(path: str) -> bytes:
    event = json.dumps({"rawPath": path}).encode()
    head = b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    return head % len(event) + event
