"""Fronts in `apptheory.toml`: which ones a function has, and what is said of mistakes."""

from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.loading import load_settings
from apptheory_emulator.settings.schema import settings_schema
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.iam import AuthType
from apptheory_streaming.wire.throttle import Throttle

REST = """
[functions.chat]
handler = "chat.py:handler"

[functions.chat.rest_api]
api = "shop"
stage = "live"
routes = ["GET /chat/{room}", "POST /chat"]
transfer_mode = "STREAM"
binary_media_types = ["image/png"]
stage_variables = {table = "rooms"}
throttle = {burst = 20, rate = 0.5}
integration_timeout = 60
stream_idle = 30
"""


def read(folder: Path, text: str) -> FunctionSettings:
    """Write a file with one function and read it."""
    (folder / "apptheory.toml").write_text(text)
    (function,) = load_settings(folder / "apptheory.toml")
    return function


def test_every_option_of_a_rest_api_arrives(tmp_path: Path) -> None:
    """A table makes the front; it is the only one then."""
    (tmp_path / "chat.py").write_text("def handler(event, context): ...\n")
    chat = read(tmp_path, REST)

    assert chat.gateway == Gateway(
        kind=FrontKind.REST_API,
        api="shop",
        stage="live",
        routes=("GET /chat/{room}", "POST /chat"),
        transfer_mode=TransferMode.STREAM,
        binary_media_types=("image/png",),
        stage_variables={"table": "rooms"},
        throttle=Throttle(20, 0.5),
        timeout=60,
        idle_seconds=30,
    )
    assert chat.also == ()
    assert chat.function_config().gateway == chat.gateway


@pytest.mark.parametrize(
    ("text", "gateway", "also"),
    [
        ("", None, []),
        ('front = "function-url"', None, []),
        ('front = "alb"', Gateway(kind=FrontKind.ALB), []),
        ("alb = {multi_value_headers = true}", Gateway(kind=FrontKind.ALB, multi_value=True), []),
        ('front = "function-url"\nauth = "AWS_IAM"\nrest_api = {}', None, [Gateway(kind=FrontKind.REST_API)]),
        (
            'http_api = {routes = ["$default"]}\nrest_api = {}\nfront = "http-api"',
            Gateway(kind=FrontKind.HTTP_API, routes=("$default",)),
            [Gateway(kind=FrontKind.REST_API)],
        ),
    ],
    ids=["nothing", "url", "front alone", "table alone", "url and table", "two tables"],
)
def test_which_fronts_a_function_has(tmp_path: Path, text: str, gateway: Gateway | None, also: list[Gateway]) -> None:
    """The one that `front` names first, then those with a table; a Function URL without either."""
    found = read(tmp_path, f"[functions.a]\nhandler = 'a.py:h'\n{text}\n")

    assert (found.gateway, found.also) == (gateway, tuple(also))
    assert found.auth is (AuthType.AWS_IAM if "AWS_IAM" in text else AuthType.NONE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("front = 'cloudfront'", "3: functions.a.front: it must be one of function-url, rest-api, http-api, alb"),
        ("rest_api = {stagge = 'x'}", "3: functions.a.rest_api.stagge: there is no such setting; did you mean stage?"),
        ("http_api = {transfer_mode = 'STREAM'}", "3: functions.a.http_api.transfer_mode: there is no such setting"),
        ("rest_api.transfer_mode = 'stream'", "3: functions.a.rest_api.transfer_mode: it must be one of BUFFERED, STREAM"),
        ("rest_api.throttle = {burst = 1}", "3: functions.a.rest_api.throttle: rate is missing"),
        ("http_api.throttle = {burst = 1, rate = 0}", "3: functions.a.http_api.throttle.rate: it must be more than 0"),
        ("[functions.a.rest_api]\nstage = 'a/b'", "3: functions.a.rest_api: a stage is a name such as 'prod', not 'a/b'"),
        ("[functions.a.rest_api]\nroutes = ['$default']", "3: functions.a.rest_api: a route is such as 'GET /users/{id}'"),
        ("rest_api.integration_timeout = 901", "3: functions.a.rest_api.integration_timeout: it must be 900 or less"),
        ("rest_api = {}\nauth = 'AWS_IAM'", "4: functions.a.auth: this is of a Function URL, which it has with front ="),
        ("front = 'alb'\ncors = {allow_origins = ['*']}", "4: functions.a.cors: this is of a Function URL"),
    ],
    ids=lambda value: value.replace("\n", " ") if not value[0].isdigit() else None,
)  # fmt: skip
def test_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    """As for every other setting."""
    with pytest.raises(UsageError) as refused:
        read(tmp_path, f"[functions.a]\nhandler = 'a.py:h'\n{text}\n")
    assert str(refused.value).removeprefix(f"{tmp_path}/apptheory.toml:").startswith(said)


def test_schema_knows_the_options_of_the_fronts_and_no_others() -> None:
    """Each table has what its kind takes: no more, for Gateway refuses it, and no less."""
    definitions: Any = settings_schema()["$defs"]
    spelled = {"multi_value": "multi_value_headers", "timeout": "integration_timeout", "idle_seconds": "stream_idle"}
    fields = {spelled.get(name, name) for name in Gateway.__dataclass_fields__} - {"kind"}
    stream = {"transfer_mode", "binary_media_types", "stream_idle"}

    assert set(definitions["rest_api"]["properties"]) == fields - {"multi_value_headers"}
    assert set(definitions["http_api"]["properties"]) == fields - {"multi_value_headers"} - stream
    assert set(definitions["alb"]["properties"]) == {"multi_value_headers"}
