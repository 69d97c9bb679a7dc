"""A function whose handler runs in workers: an async callable, as every other handler."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from apptheory_emulator.keeper import Keeper
from apptheory_emulator.workers.answer import read_runtime_answer
from apptheory_emulator.workers.invocation_log import InvocationLog
from apptheory_emulator.workers.pool import WorkerPool
from apptheory_emulator.workers.program import WorkerProgram
from apptheory_emulator.workers.real_time import need_real_time
from apptheory_emulator.workers.time_limit import TimeLimit
from apptheory_emulator.workers.worker_call import WorkerCall
from apptheory_streaming.context import LambdaContext
from apptheory_streaming.errors import UsageError
from apptheory_streaming.shapes import StreamedAnswer
from apptheory_streaming.wire.marshal import BufferedPayload
from apptheory_streaming.wire.runtime_api import InvocationRequest

__all__ = ["WorkerFunction"]


class WorkerFunction:
    """Runs a program that speaks the Runtime API, in as many processes as there are requests at once.

    It is a handler: `stream_client`, `function_url` and the emulator take it.  The processes of a loop
    end with that loop, or by `aclose`.  It runs in real time only.
    """

    needs_real_time = True

    def __init__(
        self,
        program: WorkerProgram,
        *,
        concurrency: int,
        idle_seconds: float,
        timeout: float | None = None,
        reload: bool = False,
    ) -> None:
        """Start nothing yet; `timeout` is the function's own, for whoever serves it without another."""
        self.function_name = program.name
        self.function_timeout = timeout
        self.on_pool: Callable[[Keeper[WorkerPool]], object] = lambda _: None
        """Hears of the keeper of every pool."""
        self._program = program
        self._concurrency = concurrency
        self._idle_seconds = idle_seconds
        self._reload = reload
        self._pools: dict[asyncio.AbstractEventLoop, tuple[WorkerPool, Keeper[WorkerPool]]] = {}

    async def __call__(self, event: Any, context: LambdaContext) -> StreamedAnswer | BufferedPayload:
        """Give what the runtime answers once it begins to, as what a handler of its own would return.

        Raises Throttled when all workers are busy, RuntimeFailure for what a runtime reports,
        RuntimeExit for one that ends, and UsageError in virtual time.
        """
        need_real_time()
        limit = TimeLimit.of_context(context)
        request = _request(event, context)
        pool = self._pool()
        worker = await pool.acquire()
        log = InvocationLog(
            function_name=self.function_name, request_id=request.request_id, memory=self._program.memory
        )
        call = WorkerCall(pool, worker, request, log, limit)
        try:
            return await read_runtime_answer(await call.invoke(), call)
        except BaseException as error:
            call.over(error)
            raise

    @property
    def program(self) -> WorkerProgram:
        """What is run, in which environment."""
        return self._program

    def __repr__(self) -> str:
        return f"<worker {self.function_name}: {' '.join(self._program.command)}>"

    async def settled(self) -> None:
        """Wait until every worker of this loop is idle or gone; the log has all lines then."""
        known = self._pools.get(asyncio.get_running_loop())
        if known is not None:
            await known[0].settled()

    async def aclose(self) -> None:
        """End the processes of the running loop; a later request would start others."""
        known = self._pools.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known[1].end()

    def _pool(self) -> WorkerPool:
        """Give the pool of the running loop."""
        loop = asyncio.get_running_loop()
        known = self._pools.get(loop)
        if known is not None and not known[1].ended:
            return known[0]
        self._pools = {each: pool for each, pool in self._pools.items() if not pool[1].ended}
        pool = WorkerPool(
            self._program, concurrency=self._concurrency, idle_seconds=self._idle_seconds, reload=self._reload
        )
        keeper = Keeper(pool)
        self._pools[loop] = (pool, keeper)
        self.on_pool(keeper)
        return pool


def _request(event: Any, context: LambdaContext) -> InvocationRequest:
    remaining = context.get_remaining_time_in_millis()
    return InvocationRequest(
        request_id=context.aws_request_id,
        deadline_ms=time.time_ns() // 1_000_000 + remaining,
        payload=_payload(event),
        function_arn=context.invoked_function_arn,
        trace_id=_trace_id(event),
        client_context=_json(context.client_context),
        cognito_identity=_identity(context),
        tenant_id=context.tenant_id or "",
    )


def _payload(event: Any) -> bytes:
    try:
        return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"an event goes to a worker as JSON, and this one has no such form: {error}") from error


def _trace_id(event: Any) -> str:
    headers = event.get("headers") if isinstance(event, Mapping) else None
    value = headers.get("x-amzn-trace-id") if isinstance(headers, Mapping) else None
    return value if isinstance(value, str) else ""


def _identity(context: LambdaContext) -> str:
    known = context.identity
    if known.cognito_identity_id is None and known.cognito_identity_pool_id is None:
        return ""
    return _json(
        {"cognitoIdentityId": known.cognito_identity_id, "cognitoIdentityPoolId": known.cognito_identity_pool_id}
    )


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, default=vars, separators=(",", ":"))
