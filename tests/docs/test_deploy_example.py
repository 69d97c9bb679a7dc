"""The files of docs/examples/deploy, as far as they can be tried without an AWS account."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raw_runtime_api import start_program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
DEPLOY = EXAMPLES / "deploy"

EVENT = {
    "rawPath": "/chat",
    "rawQueryString": "q=hello",
    "queryStringParameters": {"q": "hello"},
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/chat"}},
    "isBase64Encoded": False,
}


@pytest.fixture(scope="module")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Lambda unpacks it: what `pip install --target` makes, the handler, and a Python of its own."""
    folder = tmp_path_factory.mktemp("task")
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", str(folder))
    done = subprocess.run([sys.executable, *install, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in (EXAMPLES / "chat.py", EXAMPLES / "chat.html", DEPLOY / "bootstrap"):
        shutil.copy(path, folder)
    (folder / "python" / "bin").mkdir(parents=True)
    base = getattr(sys, "_base_executable", sys.executable)  # the one without the packages of this environment
    (folder / "python" / "bin" / "python3").write_text(f'#!/bin/sh\nexec {base} "$@"\n')
    (folder / "python" / "bin" / "python3").chmod(0o755)
    return folder


def test_bootstrap_answers_with_what_is_in_the_zip_alone(task_root: Path, tmp_path: Path) -> None:
    """Its Python, its packages and its handler are those of LAMBDA_TASK_ROOT, wherever it is started."""
    (task_root / "where.py").write_text(
        "import apptheory_streaming\n\ndef handler(event, context):\n    return apptheory_streaming.__file__\n"
    )
    environment = {"LAMBDA_TASK_ROOT": str(task_root), "_HANDLER": "where.handler"}
    with start_program([str(task_root / "bootstrap")], tmp_path, **environment) as runtime:
        assert json.loads(runtime.api.invoke().body) == str(task_root / "apptheory_streaming" / "__init__.py")


def test_bootstrap_streams_the_chat(task_root: Path, tmp_path: Path) -> None:
    """Event by event, and the last says that the answer is whole."""
    environment = {"LAMBDA_TASK_ROOT": str(task_root), "_HANDLER": "chat.handler", "CHAT_TOKEN_SECONDS": "0"}
    with start_program([str(task_root / "bootstrap")], tmp_path, **environment) as runtime:
        request = runtime.api.invoke(json.dumps(EVENT).encode())

        assert json.loads(request.chunks[0][:-8])["headers"]["content-type"].startswith("text/event-stream")
        assert len(request.chunks) > 3
        assert request.chunks[1].startswith(b"event: start")
        assert request.chunks[-1].startswith(b"event: done")


def test_bootstrap_as_a_wrapper_leaves_the_other_runtime_out(task_root: Path, tmp_path: Path) -> None:
    """Lambda gives a wrapper script the command that it stands for."""
    environment = {"LAMBDA_TASK_ROOT": str(task_root), "_HANDLER": "where.handler"}
    (task_root / "where.py").write_text("def handler(event, context):\n    return 'ours'\n")
    command = [str(task_root / "bootstrap"), "/var/lang/bin/python3.13", "/var/runtime/bootstrap.py"]
    with start_program(command, tmp_path, **environment) as runtime:
        assert runtime.api.invoke().body == b'"ours"'


def test_bootstrap_can_be_run() -> None:
    """A zip keeps the mode, and Lambda starts nothing without it."""
    assert os.access(DEPLOY / "bootstrap", os.X_OK)


def test_the_image_starts_what_is_there() -> None:
    """Files that are copied exist, and entry point and command are those that the runtime takes."""
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.*) \./$", text, re.MULTILINE) for name in line.split()]
    entry, command = (
        json.loads(re.findall(rf"^{word} (.*)$", text, re.MULTILINE)[0]) for word in ("ENTRYPOINT", "CMD")
    )

    assert copied == ["deploy/requirements.txt", "chat.py", "chat.html"]
    assert all((EXAMPLES / name).is_file() for name in copied)
    assert entry == ["python", "-m", "apptheory_streaming.runtime"]
    module, handler = command[0].split(".")
    assert f"def {handler}(" in (EXAMPLES / f"{module}.py").read_text()


def test_the_template_streams_from_each_function() -> None:
    """The keys without which nothing would stream, or be called."""
    template = load(DEPLOY / "template.yaml")
    resources = {name: each["Properties"] for name, each in template["Resources"].items()}
    url = template["Globals"]["Function"]["FunctionUrlConfig"]

    assert template["Transform"] == "AWS::Serverless-2016-10-31"
    assert {each["Type"] for each in template["Resources"].values()} == {"AWS::Serverless::Function"}
    assert url == {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"}
    assert resources["ChatManaged"]["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/bootstrap"
    assert resources["ChatProvided"]["Runtime"] == "provided.al2023"
    assert resources["ChatImage"] == {"PackageType": "Image", "ImageUri": "chat:latest"}
    assert {value["Value"] for value in template["Outputs"].values()} == {
        f"{name}Url.FunctionUrl" for name in resources
    }


def load(path: Path) -> Any:
    """The template, with the values of CloudFormation's own tags as they stand."""
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]  # of a library without types
        pass

    Loader.add_constructor("!GetAtt", lambda loader, node: loader.construct_scalar(node))
    return yaml.load(path.read_text(), Loader)
