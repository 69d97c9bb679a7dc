"""`apptheory-emulate --config FILE`: the functions of a file, each on a port of its own."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulate_command import emulate, run_to_end
from raw_http import fetch

APP = """
import asyncio, os

def name(event, context):
    yield f"{context.function_name} {os.environ.get('STAGE', '-')} {context.memory_limit_in_mb}"

async def never(event, context):
    await asyncio.Event().wait()
"""

TOML = """
[functions.first]
handler = "app.py:name"
environment = { STAGE = "test" }
memory = 256

[functions.second]
handler = "app.py:name"
invoke_mode = "BUFFERED"

[functions.waits]
handler = "app.py:never"
timeout = 0.05
"""

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.name
      CodeUri: .
      MemorySize: 512
      Timeout: 30
      Environment: {Variables: {STAGE: cloud}}
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
"""


API_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, CodeUri: ., Timeout: 30}}
Resources:
  Read:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.name
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
      Events: {Get: {Type: Api, Properties: {Path: "/items/{id}", Method: get, ResponseTransferMode: STREAM}}}
  Write:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.name
      Events: {Put: {Type: Api, Properties: {Path: "/items/{id}", Method: put, ResponseTransferMode: STREAM}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an app and its settings."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "apptheory.toml").write_text(TOML)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [("--config", "apptheory.toml"), ("serve", "--config=apptheory.toml"), ("apptheory.toml",)]
)
async def test_functions_of_a_file_are_served_in_its_order(folder: Path, arguments: tuple[str, ...]) -> None:
    """Each has a URL of its own, its environment, its memory and its invoke mode."""
    async with emulate(*arguments, "--port", "0", "--ready-json", cwd=folder) as command:
        functions = (await command.ready())["functions"]
        bodies = [(await fetch(each["url"])).body for each in functions[:2]]
        assert (await fetch(functions[2]["url"])).status == 502
        await command.says("still running after 0.05 seconds")
        finished = await command.stop()

    assert finished.code == 0
    assert [(each["name"], each["invoke_mode"]) for each in functions] == [
        ("first", "RESPONSE_STREAM"),
        ("second", "BUFFERED"),
        ("waits", "RESPONSE_STREAM"),
    ]
    assert bodies == [b"first test 256", b"second - 1024"]


async def test_template_is_served(folder: Path) -> None:
    """Name, environment, memory and mode are those that would be deployed."""
    async with emulate("template.yaml", "--port", "0", "--ready-json", cwd=folder) as command:
        (function,) = (await command.ready())["functions"]

        assert function["name"] == "Chat"
        assert (await fetch(function["url"])).body == b"Chat cloud 512"


async def test_what_a_template_has_and_only_aws_knows_is_one_line_that_names_the_function_once(folder: Path) -> None:
    """File and line first, as in errors."""
    (folder / "template.yaml").write_text(TEMPLATE.replace("STAGE: cloud", "STAGE: !GetAtt Table.Arn"))
    async with emulate("template.yaml", "--port", "0", "--ready-json", cwd=folder) as command:
        await command.ready()
        finished = await command.stop()

    (note,) = (line for line in finished.stderr.splitlines() if "only AWS knows" in line)
    assert note.endswith(
        "template.yaml:12: Chat: the variable STAGE is ${Table.Arn}, which only AWS knows: it is left out"
    )
    assert note.count("Chat") == 1


async def test_routes_of_a_template_are_served_behind_their_api(folder: Path) -> None:
    """One address for both functions of the API, another for the URL; the log and the ready line have every one."""
    (folder / "template.yaml").write_text(API_TEMPLATE)
    async with emulate("template.yaml", "--port", "0", "--ready-json", cwd=folder) as command:
        url, read, write = (await command.ready())["functions"]
        await command.says(f"serving Write on {write['url']} (rest-api, PUT /items/{{id}}, RESPONSE_STREAM)")
        answers = [
            (await fetch(read["url"], method, f"/Prod/items/{method}")).body for method in ("GET", "PUT", "POST")
        ]
        answers.append((await fetch(url["url"])).body)

    assert [(each["name"], each["front"], each["routes"]) for each in (url, read, write)] == [
        ("Read", "function-url", []),
        ("Read", "rest-api", ["GET /items/{id}"]),
        ("Write", "rest-api", ["PUT /items/{id}"]),
    ]
    assert read["url"] == write["url"]
    assert read["url"].endswith("/Prod/")
    assert answers[:2] == [b"Read - 128", b"Write - 128"]
    assert answers[2:] == [b'{"message":"Missing Authentication Token"}', b"Read - 128"]


async def test_port_of_a_function_is_its_own_and_the_first_without_one_gets_the_command_s(folder: Path) -> None:
    """`port` in the file wins; `--port` is for the first function that names none."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        named, given = one.getsockname()[1], other.getsockname()[1]
    (folder / "apptheory.toml").write_text(TOML.replace("memory = 256", f"port = {named}"))

    async with emulate("--config", "apptheory.toml", "--port", str(given), "--ready-json", cwd=folder) as command:
        functions = (await command.ready())["functions"]

    ports = [urlsplit(each["url"]).port for each in functions]
    assert ports[:2] == [named, given]
    assert ports[2] not in (named, given)


async def test_port_that_is_taken_is_named(folder: Path) -> None:
    """Which of several it is, is what a person needs to know."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "apptheory.toml").write_text(TOML.replace('invoke_mode = "BUFFERED"', f"port = {port}"))
        finished = await run_to_end("--config", "apptheory.toml", "--port", "0", cwd=folder)

    assert finished.code == 1
    assert f"Error: cannot listen on 127.0.0.1:{port}: " in finished.stderr
    assert "address already in use" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--config",), "Missing argument 'FILE'"),
        (("--config", "nowhere.toml"), "nowhere.toml: there is no such file"),
        (("--config", "app.py"), "settings are a .toml file, or a template"),
        (("--config", "wrong.toml"), "wrong.toml:3: functions.first.memry"),
        (("--config", "apptheory.toml", "--name", "x"), "No such option"),
        (("--config", "apptheory.toml", "app.py:name"), "unexpected extra argument"),
        (("--config", "missing.toml"), "missing.toml:2: functions.first.handler: there is no file 'nowhere.py'"),
        (("exec", "missing.toml", "--", "true"), "missing.toml:2: functions.first.handler: there is no file"),
        (("--config", "."), ".: it is a folder"),
        (("--config", "shared.toml"), "first and second both have the route ANY / of one API"),
    ],
)
async def test_what_a_file_cannot_say_is_one_clear_line(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    """Wrong usage is 2, with the place of it; what belongs to one function is no option for all."""
    (folder / "wrong.toml").write_text('[functions.first]\nhandler = "app.py:name"\nmemry = 5\n')
    shared = 'handler = "app.py:name"\nrest_api = {api = "shop"}\n'
    (folder / "shared.toml").write_text(f"[functions.first]\n{shared}[functions.second]\n{shared}")
    (folder / "missing.toml").write_text('[functions.first]\nhandler = "nowhere.py:name"\n')

    finished = await run_to_end(*arguments, cwd=folder)

    assert (finished.code, finished.stdout) == (2, "")
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr
