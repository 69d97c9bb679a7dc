"""What the score card is made of: our own runtimes, and the emulators of others, each with the score handler."""

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import apptheory_fixtures
from benchmarks.emulated import require_node
from benchmarks.peers import CARGO_LAMBDA, SAM_CLI, installed, rie_command, versions_of
from benchmarks.program import free_port, program, wait_for_port
from benchmarks.stage import BOOTSTRAP, FUNCTIONS, MissingError
from benchmarks.worker_machine import runtime_versions

__all__ = ["SCORED", "Scored"]

HANDLERS = Path(apptheory_fixtures.__file__).parent / "handlers"
NODE = HANDLERS / "node"
READY_SECONDS = 60
NPM_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Something that serves the score handler: where, which versions, and how it was started."""

    title: str
    versions: str
    how: str
    url: str | None = None
    invoke: str | None = None
    function: str = "score"
    language: str | None = None
    fresh: bool = False
    """Whether each case gets a new start, since a case that fails leaves a runtime that answers no more."""


@contextmanager
def _ours(title: str, cwd: Path, *arguments: str, versions: str) -> Iterator[Scored]:
    command = (sys.executable, "-m", "apptheory_emulator", *arguments, "--name", "score")
    places = ("--port", "0", "--control-port", "0", "--ready-json")
    with program((*command, *places), cwd=cwd) as output:
        ready = json.loads(output.readline())
        shown = shlex.join(Path(each).name if os.sep in each else each for each in arguments)
        yield Scored(
            title=title,
            versions=f"apptheory-streaming {version('apptheory-streaming')}, {versions}",
            how=f"`apptheory-emulate {shown}`",
            url=ready["functions"][0]["url"],
            invoke=ready["control_url"],
        )


def _python_in_process(_packages: Path, _scratch: Path) -> AbstractContextManager[Scored]:
    arguments = ("score.py:handler", "--in-process")
    return _ours("ours, Python in-process", HANDLERS / "python", *arguments, versions=_python())


def _python_worker(_packages: Path, _scratch: Path) -> AbstractContextManager[Scored]:
    return _ours("ours, Python", HANDLERS / "python", "score.py:handler", versions=_python())


def _node_worker(_packages: Path, _scratch: Path) -> AbstractContextManager[Scored]:
    require_node()
    return _ours("ours, Node", NODE, "score.mjs:handler", versions=_node())


def _go_worker(_packages: Path, scratch: Path) -> AbstractContextManager[Scored]:
    """Build the program, which finds what to run in _HANDLER."""
    go = shutil.which("go")
    if go is None:
        raise MissingError("go is not on the PATH")
    built = scratch / "contract"
    command = (go, "build", "-trimpath", "-buildvcs=false", "-o", built, ".")
    done = subprocess.run(command, cwd=HANDLERS / "go", env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    if done.returncode:
        raise MissingError("its program cannot be built")
    versions = subprocess.run((go, "env", "GOVERSION"), capture_output=True, check=True, text=True).stdout
    return _ours(
        "ours, Go", HANDLERS / "go", "--exec", f"{built} score", versions=versions.strip().replace("go", "Go ", 1)
    )


@contextmanager
def _rie(packages: Path, _scratch: Path) -> Iterator[Scored]:
    """Run AWS's own emulator, which has no Function URLs, with a runtime client for Node below it."""
    command = rie_command(packages)
    port = free_port()
    addresses = (
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
    )
    env = {"LAMBDA_TASK_ROOT": str(NODE), "_HANDLER": "score.handler"}
    with program((command, *addresses, "node", BOOTSTRAP, "score.handler"), cwd=NODE, env=env):
        wait_for_port(port)
        yield Scored(
            title="AWS's Runtime Interface Emulator",
            versions=f"{versions_of(packages, SAM_CLI)}, {_node()}",
            how="the `aws-lambda-rie` of the wheel of SAM CLI; it has no Function URLs",
            invoke=f"http://127.0.0.1:{port}",
            function="function",
        )


@contextmanager
def _cargo_lambda(packages: Path, scratch: Path) -> Iterator[Scored]:
    """Run `cargo lambda watch`, and one runtime for Node that asks it for invocations."""
    folder = installed(packages, CARGO_LAMBDA)
    if shutil.which("cargo") is None:
        raise MissingError("cargo is not on the PATH")
    (scratch / "src").mkdir(exist_ok=True)
    (scratch / "Cargo.toml").write_text('[package]\nname = "score"\nversion = "0.1.0"\nedition = "2021"\n')
    (scratch / "src/main.rs").write_text("fn main() {}\n")
    port = free_port()
    watch = ("lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port", str(port))
    env = {
        "LAMBDA_TASK_ROOT": str(NODE),
        "_HANDLER": "score.handler",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}/.rt/score",
    }
    node = ("node", "--import", FUNCTIONS / "path_of_api.mjs", BOOTSTRAP)
    with program((folder / "bin/cargo-lambda", *watch), cwd=scratch):
        wait_for_port(port)
        with program(node, cwd=NODE, env=env):
            yield Scored(
                title="cargo-lambda",
                versions=f"{versions_of(packages, CARGO_LAMBDA)}, {_node()}",
                how="`cargo lambda watch --only-lambda-apis`, with one runtime for Node beside it",
                url=f"http://127.0.0.1:{port}/lambda-url/score",
                invoke=f"http://127.0.0.1:{port}",
                language="node",
                fresh=True,
            )


@contextmanager
def _serverless_offline(packages: Path, scratch: Path) -> Iterator[Scored]:
    """Run serverless-offline with an HTTP API for every path: it has no Function URLs."""
    folder = packages / "serverless-offline"
    wanted = ("osls@4", "serverless-offline@14")
    _npm_install(folder, *wanted)
    shutil.copy(NODE / "score.mjs", scratch)
    if not (scratch / "node_modules").exists():
        (scratch / "node_modules").symlink_to(folder / "node_modules")
    (scratch / "package.json").write_text('{"private": true}')
    (scratch / "serverless.yml").write_text(_SERVERLESS)
    port, lambdas = free_port(), free_port()
    ports = ("--host", "127.0.0.1", "--httpPort", str(port), "--lambdaPort", str(lambdas), "--noPrependStageInUrl")
    env = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off"}
    with program((folder / "node_modules/.bin/serverless", "offline", *ports), cwd=scratch, env=env):
        wait_for_port(port)
        yield Scored(
            title="serverless-offline",
            versions=f"{_npm_versions(folder, 'serverless-offline', 'osls')}, {_node()}",
            how="`serverless offline` with an `httpApi` event, as it serves no Function URLs",
            url=f"http://127.0.0.1:{port}/",
            invoke=f"http://127.0.0.1:{lambdas}",
            function="scored-dev-score",
            language="node",
        )


_SERVERLESS = """\
service: scored
provider:
  name: aws
  runtime: nodejs20.x
plugins: [serverless-offline]
functions:
  score:
    handler: score.handler
    url: {invokeMode: RESPONSE_STREAM}
    events: [{httpApi: "*"}]
"""


@contextmanager
def _ministack(packages: Path, scratch: Path) -> Iterator[Scored]:
    """Run MiniStack, and deploy the handler with a Function URL."""
    python = packages / "ministack/bin/python"
    if not python.is_file():
        venv.create(packages / "ministack", with_pip=True)
        _install((python, "-m", "pip", "install", "--quiet", "ministack"))
    port = free_port()
    env = {"GATEWAY_PORT": str(port), "LAMBDA_EXECUTOR": "local"}
    with program((python, "-m", "ministack"), cwd=scratch, env=env):
        wait_for_port(port)
        endpoint = f"http://127.0.0.1:{port}"
        url_id = _deployed(endpoint)
        asked = (python, "-c", "from importlib.metadata import version; print(version('ministack'))")
        told = subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()
        yield Scored(
            title="MiniStack",
            versions=f"ministack {told}, {_node()}",
            how="`LAMBDA_EXECUTOR=local`, a function of `provided.al2023` that runs our Node runtime (one of `nodejs22.x` has no "
            "`awslambda`), with a Function URL in `RESPONSE_STREAM` mode",
            url=f"{endpoint}/_aws/lambda-url/{url_id}",
            invoke=endpoint,
        )


def _deployed(endpoint: str) -> str:
    """Create the function; gives the id of its URL."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(NODE / "score.mjs", "score.mjs")
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        packed.writestr(bootstrap, f"#!/bin/sh\nexec node {shlex.quote(str(BOOTSTRAP))}\n")
    client: Any = boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"total_max_attempts": 3}),
    )
    try:
        client.create_function(
            FunctionName="score",
            Runtime="provided.al2023",
            Role="arn:aws:iam::000000000000:role/score",
            Handler="score.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=60,
        )
        made = client.create_function_url_config(FunctionName="score", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    except (BotoCoreError, ClientError) as error:
        raise MissingError(f"the function cannot be created: {error}") from error
    finally:
        client.close()
    return str(made["FunctionUrl"]).partition("//")[2].partition(".")[0]


def _npm_install(folder: Path, *packages: str) -> None:
    if (folder / "node_modules").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    options = ("--no-audit", "--no-fund", "--loglevel=error", "--legacy-peer-deps", "--prefix", folder)
    _install(("npm", "install", *options, *packages))


def _install(command: tuple[str | Path, ...]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=NPM_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingError(f"it cannot be installed: {error}") from error


def _npm_versions(folder: Path, *packages: str) -> str:
    found = (json.loads((folder / "node_modules" / each / "package.json").read_text()) for each in packages)
    return ", ".join(f"{each['name']} {each['version']}" for each in found)


def _python() -> str:
    return f"Python {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"


def _node() -> str:
    return runtime_versions().partition(",")[0]


SCORED: dict[str, Callable[[Path, Path], AbstractContextManager[Scored]]] = {
    "ours-in-process": _python_in_process,
    "ours-python": _python_worker,
    "ours-node": _node_worker,
    "ours-go": _go_worker,
    "aws-lambda-rie": _rie,
    "cargo-lambda": _cargo_lambda,
    "serverless-offline": _serverless_offline,
    "ministack": _ministack,
}
