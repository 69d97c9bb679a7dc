"""A web server behind API Gateway and a load balancer: it gets the request that the client sent (C15)."""

import json
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator import Emulator, FunctionConfig
from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from raw_http import fetch
from web_servers import serving

pytestmark = pytest.mark.streaming(clock="real")

SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        found = {"method": self.command, "target": self.path, "headers": self.headers.items(), "body": body.hex()}
        answer = json.dumps(found).encode()
        self.send_response(203)
        self.send_header("content-length", str(len(answer)))
        self.send_header("set-cookie", "a=1")
        self.send_header("set-cookie", "b=2")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Echo).serve_forever()
"""
REST = Gateway(kind=FrontKind.REST_API, transfer_mode=TransferMode.STREAM, binary_media_types=("image/png",))
FRONTS = {
    "rest": REST,
    "http": Gateway(kind=FrontKind.HTTP_API),
    "alb": Gateway(kind=FrontKind.ALB),
    "alb multi-value": Gateway(kind=FrontKind.ALB, multi_value=True),
}


async def test_c15_one_request_is_the_same_behind_every_front(tmp_path: Path) -> None:
    """R9: method, path with its escapes, parameters, headers, cookies and bytes, of one server behind four fronts."""
    async with serving(tmp_path, SERVER) as function:
        config = FunctionConfig(name="app", target=function, gateway=FRONTS["rest"], also=tuple(FRONTS.values())[1:])
        async with Emulator([config]) as emulator:
            found = {}
            for name, served in zip(FRONTS, emulator.functions, strict=True):
                response = await fetch(
                    served.url,
                    "POST",
                    "/" + served.url.split("/", 3)[3] + "caf%C3%A9/a?x=%20b&x=c%2Bd&empty=",
                    [
                        ("Content-Type", "image/png"),
                        ("X-Tag", "one"),
                        ("x-tag", "two"),
                        ("Cookie", "a=1; b=2"),
                    ],
                    b"\x89PNG\xff",
                )
                assert (response.status, response.head.values("set-cookie")) == (203, ["a=1", "b=2"])
                found[name] = json.loads(response.body)

    assert {each["method"] for each in found.values()} == {"POST"}
    assert {bytes.fromhex(each["body"]) for each in found.values()} == {b"\x89PNG\xff"}
    assert {name: each["target"] for name, each in found.items()} == {
        "rest": "/caf%C3%A9/a?x=+b&x=c%2Bd&empty=",  # the event has them decoded
        "http": "/caf%C3%A9/a?x=%20b&x=c%2Bd&empty=",
        "alb": "/caf%C3%A9/a?x=c%2Bd&empty=",  # single values: the last of each
        "alb multi-value": "/caf%C3%A9/a?x=%20b&x=c%2Bd&empty=",
    }
    assert {name: values(each, "x-tag") for name, each in found.items()} == {
        "rest": ["one", "two"],
        "http": ["one,two"],
        "alb": ["two"],
        "alb multi-value": ["one", "two"],
    }
    assert {name: values(each, "cookie") for name, each in found.items()} == {name: ["a=1; b=2"] for name in FRONTS}
    for name, each in found.items():
        (context,), (called,) = values(each, "x-amzn-request-context"), values(each, "x-amzn-lambda-context")
        (trace,) = values(each, "x-amzn-trace-id")
        assert ("elb" in json.loads(context)) is name.startswith("alb")
        assert json.loads(called)["xray_trace_id"] == trace


def values(found: Any, name: str) -> list[str]:
    """The lines of a header that the server got."""
    return [value for key, value in found["headers"] if key.lower() == name]
