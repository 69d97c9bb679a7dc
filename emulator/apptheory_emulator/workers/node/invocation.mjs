// One invocation: the handler is called, and its value, stream or error is the answer.

import process from "node:process";

import { highWaterMark, streamingMark } from "./awslambda.mjs";
import { callBuffered } from "./buffered.mjs";
import { logError } from "./console.mjs";
import { ResponseStream, StreamedAnswer } from "./response_stream.mjs";

const LONGER_THAN_ANY_INVOCATION_MS = 2 ** 31 - 1;

export async function answerInvocation(handler, invocation) {
  if (streamingMark(handler)) {
    await answerWithStream(handler, invocation);
  } else {
    await answerWithValue(handler, invocation);
  }
}

async function answerWithValue(handler, invocation) {
  let json;
  try {
    const value = await callBuffered(handler, JSON.parse(invocation.body), makeContext(invocation));
    json = JSON.stringify(value) ?? "null"; // what has no JSON, such as undefined, is null
  } catch (error) {
    logError("Invoke Error", error);
    await invocation.fail(error);
    return;
  }
  await invocation.respond(json);
}

async function answerWithStream(handler, invocation) {
  const answer = new StreamedAnswer(invocation);
  const stream = new ResponseStream(answer, highWaterMark(handler));
  crashWhenBroken(stream);
  // A stream that nobody ends waits for the timeout, also when nothing else keeps the process alive.
  const waiting = setInterval(() => {}, LONGER_THAN_ANY_INVOCATION_MS);
  try {
    await callStreaming(handler, invocation, stream);
  } catch (error) {
    logError("Invoke Error", error);
    if (!stream.writableEnded) {
      stream.fail(error);
    }
  }
  await answer.accepted();
  clearInterval(waiting);
}

async function callStreaming(handler, invocation, stream) {
  const context = { ...makeContext(invocation), callbackWaitsForEmptyEventLoop: true };
  const result = handler(JSON.parse(invocation.body), stream, context);
  if (typeof result?.then !== "function") {
    throw new Error("Streaming does not support non-async handlers.");
  }
  if ((await result) !== undefined) {
    console.warn("Streaming handlers ignore return values.");
  }
}

// A stream that breaks before its end takes the process with it, as with the official client: a half-sent body cannot
// be taken back, and the broken connection is all that says so.
function crashWhenBroken(stream) {
  let failure = new Error("the response stream was destroyed before its end");
  stream.on("error", (error) => {
    failure = error;
  });
  stream.on("close", () => {
    if (!stream.writableFinished) {
      throw failure;
    }
  });
}

function makeContext(invocation) {
  const { deadline } = invocation;
  return {
    awsRequestId: invocation.requestId,
    invokedFunctionArn: invocation.functionArn,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(invocation.clientContext),
    identity: parsed(invocation.identity),
    tenantId: invocation.tenantId,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function parsed(json) {
  return json ? JSON.parse(json) : undefined;
}
