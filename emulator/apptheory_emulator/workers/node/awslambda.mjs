// The global `awslambda`, with which a handler says that it streams and what its head is.

import process from "node:process";

import { INTEGRATION_CONTENT_TYPE } from "./response_stream.mjs";

// The names are those of the official client, for code that marks its handlers without the global.
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const DELIMITER_BYTES = 8;

class HttpResponseStream {
  /** Send `prelude` (statusCode, headers, cookies) before the first byte; gives the same stream. */
  static from(stream, prelude) {
    stream.setContentType(INTEGRATION_CONTENT_TYPE);
    const head = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(head);
      write(new Uint8Array(DELIMITER_BYTES));
    };
    return stream;
  }
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = "response";
  if (typeof options?.highWaterMark === "number") {
    handler[HIGH_WATER_MARK] = options.highWaterMark;
  }
  return handler;
}

export function offerAwslambda() {
  if (!["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream };
  }
}

/** How a handler was marked: undefined for one that returns its answer. */
export function streamingMark(handler) {
  return handler[STREAMING] || undefined;
}

export function highWaterMark(handler) {
  const bytes = Number(handler[HIGH_WATER_MARK]);
  return Number.isInteger(bytes) && bytes >= 0 ? bytes : undefined;
}
