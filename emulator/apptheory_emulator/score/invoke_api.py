"""The Invoke APIs of an endpoint, asked as AWS's SDK for Python asks."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.events.function_url import FunctionUrl, function_url_event
from apptheory_streaming.wire.request import HttpRequest

__all__ = ["DELIMITER", "ApiAnswer", "ScoredApi"]

DELIMITER = bytes(8)
_URL = FunctionUrl(url_id="score", domain="score.lambda-url.us-east-1.on.aws", scheme="https", port=443)
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(slots=True)
class ApiAnswer:
    """What an operation gave: the payload with the seconds at which each part came, and how it ended.

    `problem` is what the SDK raised, `ended` the fields of InvokeComplete, None without one.
    """

    payloads: list[bytes] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ended: dict[str, Any] | None = None
    function_error: str | None = None
    log: str | None = None
    problem: str = ""
    error_code: str = ""
    left: bool = False
    """Whether nobody waits for the rest."""

    def so_far(self, problem: str) -> "ApiAnswer":
        """Leave it, and give what there is of it."""
        self.left = True
        payloads = [*self.payloads]
        return ApiAnswer(payloads, self.seconds[: len(payloads)], problem=problem)

    @property
    def payload(self) -> bytes:
        """All that came."""
        return b"".join(self.payloads)

    @property
    def body(self) -> bytes:
        """What came behind the prelude, or everything without one."""
        before, delimiter, behind = self.payload.partition(DELIMITER)
        return behind if delimiter else before

    def when(self, size: int) -> float | None:
        """Give the seconds until so many bytes of the body were there; None if they never were."""
        had = len(self.body) - len(self.payload)
        for payload, seconds in zip(self.payloads, self.seconds, strict=True):
            had += len(payload)
            if had >= size:
                return seconds
        return None

    def __str__(self) -> str:
        """Payload and end in one line."""
        payload = self.payload
        shown = repr(payload) if len(payload) <= 80 else f"{payload[:80]!r}… ({len(payload)} bytes)"
        parts = [f"payload {shown}"]
        if self.ended is not None:
            parts.append(f"InvokeComplete {self.ended}")
        if self.function_error:
            parts.append(f"FunctionError {self.function_error}")
        if self.problem:
            parts.append(self.problem)
        return ", ".join(parts)


class ScoredApi:
    """A function behind an Invoke API; raises UsageError for an endpoint that is none.

    At an endpoint of this machine the credentials mean nothing; elsewhere they are those of the environment.
    """

    def __init__(self, endpoint: str, name: str, *, timeout: float) -> None:
        """Ask at `endpoint` for the function `name`.

        `timeout` is in seconds, for each part of an answer; a whole one may take twice as long.
        """
        self.endpoint = endpoint
        self.name = name
        self._patience = 2 * timeout
        self._client = _client(endpoint, timeout)

    async def invoke(self, case: str, *, name: str | None = None, log: bool = False) -> ApiAnswer:
        """Call Invoke."""
        return await self._asked(self._invoke, case, "", name or self.name, log)

    async def stream(self, case: str, query: str = "", *, name: str | None = None, longer: float = 0) -> ApiAnswer:
        """Call InvokeWithResponseStream; `longer` are seconds that the handler takes on purpose."""
        return await self._asked(self._stream, case, query, name or self.name, False, longer=longer)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    async def _asked(
        self, ask: Callable[..., None], case: str, query: str, name: str, log: bool, *, longer: float = 0
    ) -> ApiAnswer:
        """Call an operation on a thread that nobody waits for: an answer without an end must not hold a process."""
        answer, done = ApiAnswer(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def call() -> None:
            self._call(answer, ask, case, query, name, log)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done.set)

        Thread(target=call, name="invoke-api", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience + longer):
                await done.wait()
        except TimeoutError:
            return answer.so_far(f"no end after {self._patience + longer:g} s")
        return answer

    def _call(self, answer: ApiAnswer, ask: Callable[..., None], case: str, query: str, name: str, log: bool) -> None:
        """Call an operation; whatever the SDK raises belongs to the answer."""
        try:
            ask(answer, FunctionName=name, Payload=_event(case, query), LogType="Tail" if log else "None")
        except Exception as error:  # noqa: BLE001 - of botocore, of urllib3, of parsers on what is no answer
            answer.problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
            response = getattr(error, "response", None)
            fields = response.get("Error", {}) if isinstance(response, dict) else {}
            answer.error_code = fields.get("Code", "")

    def _invoke(self, answer: ApiAnswer, **arguments: Any) -> None:
        response = self._client.invoke(**arguments)
        answer.function_error = response.get("FunctionError")
        answer.log = response.get("LogResult")
        answer.payloads, answer.seconds = [response["Payload"].read()], [0.0]

    def _stream(self, answer: ApiAnswer, **arguments: Any) -> None:
        began = time.monotonic()
        with closing(self._client.invoke_with_response_stream(**arguments)["EventStream"]) as events:
            for event in events:
                if answer.left:
                    return
                if "PayloadChunk" in event:
                    answer.seconds.append(time.monotonic() - began)
                    answer.payloads.append(event["PayloadChunk"]["Payload"])
                if "InvokeComplete" in event:
                    answer.ended = event["InvokeComplete"]


def _client(endpoint: str, timeout: float) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - takes its time to load
    from botocore.session import Session  # noqa: PLC0415

    session = Session()
    try:
        local = urlsplit(endpoint).hostname in _LOCAL
        key = "local" if local else None  # as the SDK finds them
        return session.create_client(
            "lambda",
            endpoint_url=endpoint,
            region_name=session.get_config_variable("region") or "us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=key,
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=timeout,
                connect_timeout=timeout,
                proxies={} if local else None,
            ),
        )
    except ValueError as error:
        raise UsageError(f"{endpoint!r} is no endpoint of an Invoke API, such as http://127.0.0.1:9000/") from error


def _event(case: str, query: str) -> bytes:
    request = HttpRequest(method="GET", path=f"/score/{case}", query=query, headers=(("host", _URL.domain),))
    event = function_url_event(
        request, _URL, request_id="score", epoch_ms=int(time.time() * 1000), trace_id="Root=1-00000000-0"
    )
    return json.dumps(event).encode()
