"""A control port with functions behind it, and a client of AWS's SDK for it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from apptheory_emulator.config import FunctionConfig
from apptheory_emulator.control_server import ControlPort, ControlServer
from apptheory_emulator.front.request_handler import Exchange
from apptheory_emulator.workers.in_process import InProcessFunction

__all__ = ["EventStream", "LambdaApi", "control_port", "lambda_client", "lambda_functions", "log_of"]

WAIT_SECONDS = 60


def lambda_client(url: str) -> Any:
    """A client of boto3 that asks once and waits long."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=WAIT_SECONDS, proxies={})
    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


class EventStream:
    """The events of a response, one at a time, each waited for on a thread."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self._stream = response["EventStream"]
        self._events = iter(self._stream)

    async def next(self) -> Any:
        """The next event, None at the end."""
        return await asyncio.to_thread(next, self._events, None)

    async def chunk(self) -> bytes:
        """The payload of the next event, which is a chunk."""
        event = await self.next()
        payload = event["PayloadChunk"]["Payload"]
        assert isinstance(payload, bytes)
        return payload

    async def rest(self) -> list[Any]:
        """All that is still to come."""
        return [event async for event in self]

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (event := await self.next()) is not None:
            yield event

    def close(self) -> None:
        """Go away."""
        self._stream.close()


@dataclass
class LambdaApi:
    """The client, whose calls run on threads, and what happened on the port."""

    client: Any
    server: ControlServer
    exchanges: list[Exchange] = field(default_factory=list)

    async def call(self, operation: str, **arguments: Any) -> Any:
        """Call an operation of the client."""
        return await asyncio.to_thread(partial(getattr(self.client, operation), **arguments))

    async def invoke(self, name: str = "function", **arguments: Any) -> tuple[Any, bytes]:
        """Invoke a function, and read its whole payload."""
        response = await self.call("invoke", FunctionName=name, **arguments)
        return response, await asyncio.to_thread(response["Payload"].read)

    async def stream(self, name: str = "function", **arguments: Any) -> EventStream:
        """Invoke a function for a stream."""
        return EventStream(await self.call("invoke_with_response_stream", FunctionName=name, **arguments))

    async def payload(self, **arguments: Any) -> tuple[bytes, Any]:
        """Invoke for a stream, and give its bytes and what InvokeComplete says."""
        *chunks, last = await (await self.stream(**arguments)).rest()
        return b"".join(each["PayloadChunk"]["Payload"] for each in chunks), last["InvokeComplete"]


@asynccontextmanager
async def lambda_functions(*configs: FunctionConfig, shutdown_seconds: float = 0) -> AsyncIterator[LambdaApi]:
    """Serve functions on a control port alone."""
    functions = [InProcessFunction(config) for config in configs]
    exchanges: list[Exchange] = []
    async with ControlServer(
        functions, port=ControlPort(0), on_exchange=exchanges.append, shutdown_seconds=shutdown_seconds
    ) as server:
        client = lambda_client(server.url)
        try:
            yield LambdaApi(client, server, exchanges)
        finally:
            client.close()
    for function in functions:
        await function.close()


def control_port(target: str | Callable[..., Any], *, name: str = "chat", **options: Any) -> Any:
    """Serve one function."""
    return lambda_functions(FunctionConfig(name=name, target=target, **options))


def log_of(encoded: str) -> str:
    """The text of a log tail."""
    return base64.b64decode(encoded, validate=True).decode()


def document(payload: bytes) -> Any:
    """A JSON document."""
    return json.loads(payload)
