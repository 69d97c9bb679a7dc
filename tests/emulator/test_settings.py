"""Settings in `apptheory.toml` and `pyproject.toml`: what they become, and what is said of mistakes."""

import asyncio
import json
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest

from apptheory_emulator.server import Emulator
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.loading import load_settings
from apptheory_emulator.settings.schema import settings_schema
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

WHOLE = """
[functions.chat]
handler = "chat.py:handler"
timeout = 60
memory = 512
invoke_mode = "BUFFERED"
auth = "AWS_IAM"
port = 3001
concurrency = 4

[functions.chat.environment]
STAGE = "test"

[functions.chat.cors]
allow_origins = ["https://pages.example"]
allow_methods = ["GET", "POST"]
allow_headers = ["content-type"]
expose_headers = ["x-trace"]
max_age = 600
allow_credentials = true

[functions.go-chat]
exec = ["./bootstrap", "fast"]
handler = "main"
"""


def read(folder: Path, text: str, name: str = "apptheory.toml") -> tuple[FunctionSettings, ...]:
    """Write a file and read it."""
    (folder / name).write_text(text)
    return load_settings(folder / name)


def refusal(folder: Path, text: str, name: str = "apptheory.toml") -> str:
    """What is said of a file, without its folder."""
    with pytest.raises(UsageError) as refused:
        read(folder, text, name)
    return str(refused.value).removeprefix(f"{folder}/")


def test_every_setting_arrives(tmp_path: Path) -> None:
    """In the order of the file, found from its folder."""
    assert read(tmp_path, WHOLE) == (
        FunctionSettings(
            name="chat",
            folder=tmp_path,
            handler="chat.py:handler",
            environment={"STAGE": "test"},
            timeout=60,
            memory=512,
            invoke_mode=InvokeMode.BUFFERED,
            auth=AuthType.AWS_IAM,
            port=3001,
            concurrency=4,
            cors=CorsConfig(
                allow_origins=("https://pages.example",),
                allow_methods=("GET", "POST"),
                allow_headers=("content-type",),
                expose_headers=("x-trace",),
                max_age=600,
                allow_credentials=True,
            ),
        ),
        FunctionSettings(name="go-chat", folder=tmp_path, exec=("./bootstrap", "fast"), handler="main"),
    )


def test_pyproject_has_the_same_under_tool_apptheory(tmp_path: Path) -> None:
    """A project needs no file of its own for it."""
    text = '[project]\nname = "x"\n\n[tool.apptheory.functions.chat]\nhandler = "chat.py:handler"\n'

    (chat,) = read(tmp_path, text, "pyproject.toml")

    assert (chat.name, chat.handler) == ("chat", "chat.py:handler")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[functions.a]\nhandler = 'a.py:h'\n\ntimeuot = 3\n", "4: functions.a.timeuot: there is no such setting; did you mean timeout?"),
        ("[functions.a]\nhandler = 'a.py:h'\nxyz = 3\n", "3: functions.a.xyz: there is no such setting; there are handler, exec,"),
        ("[function.a]\nhandler = 'a.py:h'\n", "1: function: there is no such setting; did you mean functions?"),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = 'ten'\n", '3: functions.a.timeout: it must be a number, not "ten"'),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = 0\n", "3: functions.a.timeout: it must be more than 0, not 0"),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = nan\n", "3: functions.a.timeout: it must be more than 0, not nan"),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = true\n", "3: functions.a.timeout: it must be a number, not true"),
        ("[functions.a]\nhandler = 'a.py:h'\nmemory = 1.5\n", "3: functions.a.memory: it must be a whole number, not 1.5"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = 70000\n", "3: functions.a.port: it must be 65535 or less, not 70000"),
        ("[functions.a]\nhandler = 'a.py:h'\nconcurrency = 0\n", "3: functions.a.concurrency: it must be 1 or more, not 0"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = 1979-05-27\n", "3: functions.a.port: it must be a whole number, not a date"),
        ("[functions.a]\nhandler = ''\n", "2: functions.a.handler: it is empty"),
        ("[functions.a]\nexec = []\n", "2: functions.a.exec: it is empty"),
        ("[functions.a]\nexec = ['x', 1]\n", "2: functions.a.exec.1: it must be a text, not 1"),
        ("[functions.a]\nexec = 1\n", "2: functions.a.exec: it must be a text or a list, not 1"),
        ("[functions.a]\nport = 1\n", "1: functions.a: handler or exec is missing: it says what to run"),
        ("[functions]\n", "1: functions: it is empty"),
        ("", "1: the file: functions is missing"),
        ("functions = 1\n", "1: functions: it must be a table, not 1"),
        ("[functions.'a b']\nhandler = 'a.py:h'\n", "1: functions.a b: a name has letters, digits, - and _"),
        ("[functions.a]\nhandler = 'a.py:h'\ninvoke_mode = 'STREAM'\n", '3: functions.a.invoke_mode: it must be one of RESPONSE_STREAM, BUFFERED, not "STREAM"'),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.environment]\nX = 1\n", "4: functions.a.environment.X: it must be a text, not 1"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.cors]\nallow_methods = ['GET']\n", "3: functions.a.cors: allow_origins is missing"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.cors]\nallow_origins = ['*']\nallow_methods = ['OPTIONS']\n", "5: functions.a.cors.allow_methods.0: it must be one of GET, PUT,"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.cors]\nallow_origins = ['ä']\n", "3: functions.a.cors: allow_origins: 'ä' is no text that a header could hold"),
        ("functions.a.handler = 'a.py:h'\nfunctions.a.cors.max_age = 90000\n", "2: functions.a.cors.max_age: it must be 86400 or less, not 90000"),
        ("# none\n[functions.a.environment]\nX = 'y'\n", "2: functions.a: handler or exec is missing"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = true\n", "3: functions.a.port: it must be a whole number, not true"),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = inf\n", "3: functions.a.timeout: it must be more than 0, not inf"),
        ("functions.a = {handler = 'a.py:h', ports = 1}\n", "1: functions.a.ports: there is no such setting; did you mean port?"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = 0x" + "f" * 5000 + "\n", "3: functions.a.port: a whole number of TOML has 64 bits, and this one is beyond them"),
        ("[functions.a]\nhandler = 'a.py:h'\ntimeout = 0x" + "f" * 5000 + "\n", "3: functions.a.timeout: a whole number of TOML has 64 bits"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = -9223372036854775809\n", "3: functions.a.port: a whole number of TOML has 64 bits"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = -9223372036854775808\n", "3: functions.a.port: it must be 0 or more, not -9223372036854775808"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.environment]\nX = 'y'\n'A=B' = 'c'\n", "5: functions.a.environment.A=B: no variable has such a name: it is empty, or has = or a NUL in it"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.environment]\n\"A\\u0000\\nB\" = 'c'\n", "4: functions.a.environment.'A\\x00\\nB': no variable has such a name"),
        ("[functions.a]\nhandler = 'a.py:h'\n[functions.a.environment]\nX = \"y\\u0000\"\n", "4: functions.a.environment.X: it has a NUL in it, which no variable can have"),
        ("[functions.a]\nhandler = 'a.py:h'\nport = 3001\n[functions.b]\nhandler = 'a.py:h'\nport = 3001\n", "6: functions.b.port: 3001 is the port of a already"),
        ("[functions.a]\nhandler 'a.py:h'\n", "2:9: not TOML: Expected '=' after a key in a key/value pair"),
    ],
    ids=lambda value: value.partition(": ")[2][:60] if ": " in str(value) else None,
)  # fmt: skip
def test_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    """And with what would do."""
    assert refusal(tmp_path, text).startswith(f"apptheory.toml:{said}")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("handler = 'nosuch.py:handler'", "handler: there is no file 'nosuch.py'"),
        ("handler = 'chat.py'", "handler: 'chat.py' names no attribute"),
        ("handler = 'x.mjs:handler'", "handler: there is no file 'x.mjs'"),
        ("exec = './nosuch'", "exec: there is no program './nosuch' to be run"),
        ("exec = 'a \"b'", "exec: 'a \"b' is no command"),
        ("exec = 'ls'\nenvironment = {AWS_LAMBDA_RUNTIME_API = 'x'}", "environment: env: AWS_LAMBDA_RUNTIME_API is"),
    ],
    ids=["no file", "no attribute", "no file of Node", "no program", "no command", "environment"],
)
def test_what_cannot_be_run_is_told_with_file_line_and_key(tmp_path: Path, setting: str, said: str) -> None:
    """When a function is to be served: a file may be read before what it names is built."""
    (settings,) = read(tmp_path, f"[functions.a]\n\n{setting}\n")

    with pytest.raises(UsageError) as refused:
        settings.function_config()

    (line,) = str(refused.value).splitlines()
    number = 2 + len(setting.splitlines())
    assert line.startswith(f"{tmp_path}/apptheory.toml:{number}: functions.a.{said}")


def test_functions_of_one_api_have_one_port(tmp_path: Path) -> None:
    """And two on free ones do not share theirs."""
    api = "port = 3001\nrest_api = {api = 'shop', routes = ['GET /%s']}\n"
    text = f"[functions.a]\nhandler = 'a.py:h'\n{api % 'a'}[functions.b]\nhandler = 'a.py:h'\n{api % 'b'}"
    free = "".join(f"[functions.{name}]\nhandler = 'a.py:h'\nport = 0\n" for name in "ab")

    assert [each.port for each in read(tmp_path, text)] == [3001, 3001]
    assert [each.port for each in read(tmp_path, free)] == [0, 0]
    assert refusal(tmp_path, text.replace("'shop'", "'other'", 1)) == (
        "apptheory.toml:7: functions.b.port: 3001 is the port of a already"
    )


@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, "9" * 5000], ids=["levels", "digits"])
def test_toml_that_is_too_much_for_its_reader_is_said_to_be(tmp_path: Path, value: str) -> None:
    """No traceback, though what is wrong is no mistake of TOML."""
    assert refusal(tmp_path, f"[functions.a]\nhandler = 'a.py:h'\nport = {value}\n").startswith(
        "apptheory.toml: not TOML: "
    )


def test_line_in_pyproject_is_that_of_the_whole_file(tmp_path: Path) -> None:
    """The key is the dotted one, so that an editor finds it."""
    text = '[project]\nname = "x"\n\n[tool.apptheory.functions.chat]\nhandler = 1\n'

    assert refusal(tmp_path, text, "pyproject.toml").startswith(
        "pyproject.toml:5: tool.apptheory.functions.chat.handler:"
    )


def test_pyproject_without_settings_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[project]\n", "pyproject.toml") == "pyproject.toml: there is no [tool.apptheory]"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.toml", "no such file"),
        (".", "it is a folder; name the file in it"),
        ("settings.ini", "settings are a .toml file"),
    ],
)
def test_file_that_is_none_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "settings.ini").write_text("")

    with pytest.raises(UsageError, match=said):
        load_settings(tmp_path / name)


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "apptheory.toml").write_bytes(b"a = '\xff'")

    with pytest.raises(UsageError, match="not UTF-8, at byte 5"):
        load_settings(tmp_path / "apptheory.toml")


def test_schema_knows_the_fields_of_the_settings_and_no_others() -> None:
    """The two cannot drift apart; name, folder, kind, notes and places are not the file's to say."""
    function = settings_schema()["$defs"]["function"]["properties"]
    cors = settings_schema()["$defs"]["cors"]["properties"]
    own = {"name", "folder", "kind", "notes", "places", "gateway", "also"}
    fronts = {"front", "rest_api", "http_api", "alb"}  # tests/emulator/test_settings_fronts.py

    assert set(function) - fronts == set(FunctionSettings.__dataclass_fields__) - own
    assert set(cors) == set(CorsConfig.__dataclass_fields__)


def test_schema_says_what_other_validators_say(tmp_path: Path) -> None:
    """The file that an editor would be given is JSON Schema: cfn-lint's own validator agrees with ours."""
    from cfnlint.jsonschema import StandardValidator

    validator = StandardValidator(json.loads(json.dumps(settings_schema())))

    assert list(validator.iter_errors(tomllib.loads(WHOLE))) == []
    assert [
        list(error.path) for error in validator.iter_errors({"functions": {"a": {"handler": "x", "port": "y"}}})
    ] == [["functions", "a", "port"]]


async def answer(settings: FunctionSettings) -> bytes:
    """What the function answers when it is served."""

    def ask(url: str) -> bytes:
        with urllib.request.urlopen(url, timeout=30) as response:
            return bytes(response.read())

    async with Emulator([settings.function_config()]) as emulator:
        return await asyncio.to_thread(ask, emulator.functions[0].url)


async def test_settings_become_a_function_that_answers(tmp_path: Path) -> None:
    """`function_config` gives what the emulator serves; the variables are the function's."""
    (tmp_path / "app.py").write_text("import os\n\ndef handler(event, context):\n    yield os.environ['STAGE']\n")
    (app,) = read(tmp_path, "[functions.app]\nhandler = 'app.py:handler'\nenvironment = {STAGE = 'here'}\n")

    assert await answer(app) == b"here"


async def test_program_is_told_its_handler(tmp_path: Path) -> None:
    """With `exec`, `handler` is what the program finds in _HANDLER."""
    (tmp_path / "app.py").write_text("def hello(event, context):\n    yield 'told'\n")
    command = [sys.executable, "-m", "apptheory_streaming.runtime"]
    (app,) = read(tmp_path, f"[functions.app]\nexec = {command!r}\nhandler = 'app.hello'\n")

    assert await answer(app) == b"told"
