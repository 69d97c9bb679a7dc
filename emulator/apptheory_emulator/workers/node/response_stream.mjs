// The `responseStream` of a streaming handler: a Writable whose bytes are the body of the answer.

import process from "node:process";
import { Writable } from "node:stream";

import { InvalidStreamingOperation } from "./errors.mjs";
import { answerOf, errorTrailers, reportRefusal } from "./runtime_api.mjs";

export const INTEGRATION_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response";

export class ResponseStream extends Writable {
  /** Called with a function that writes, before the first byte; HttpResponseStream.from sets it, and some libraries do. */
  _onBeforeFirstWrite = undefined;

  #answer;
  #begun = false;

  constructor(answer, highWaterMark) {
    super({ highWaterMark });
    this.#answer = answer;
    answer.onLost((error) => this.destroy(error));
  }

  setContentType(contentType) {
    if (this.#begun) {
      throw new InvalidStreamingOperation("Cannot set content-type, too late.");
    }
    this.#answer.contentType = contentType;
  }

  write(chunk, encoding, callback) {
    if (this.writableEnded) {
      return this.#crashAfterEnd();
    }
    const bytes = asBytes(chunk);
    this.#begin();
    return super.write(bytes, encoding, callback);
  }

  // The official client runs the hook in `write` only, so that a stream that is ended without one loses its head.
  end(chunk, encoding, callback) {
    if (!this.#begun && typeof this._onBeforeFirstWrite === "function") {
      warnOfLostHead();
      this.#begin();
    }
    this.#begun = true;
    return typeof chunk === "function" ? super.end(chunk) : super.end(asBytes(chunk), encoding, callback);
  }

  /** End with an error in the trailers. A head that was not sent stays unsent: nothing has been promised yet. */
  fail(error) {
    this.#answer.trailers = errorTrailers(error);
    super.end();
  }

  #begin() {
    if (this.#begun) {
      return;
    }
    this.#begun = true;
    if (typeof this._onBeforeFirstWrite === "function") {
      this._onBeforeFirstWrite((bytes) => super.write(bytes));
    }
  }

  // As with the official client, the response has gone out whole, and the process dies of the mistake.
  #crashAfterEnd() {
    const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" });
    const crash = () => {
      this.emit("error", error);
      throw error;
    };
    if (this.writableFinished || this.destroyed) {
      process.nextTick(crash);
    } else {
      this.once("finish", crash);
    }
    return false;
  }

  _write(chunk, _encoding, done) {
    this.#answer.request.write(chunk, done);
  }

  // What piled up while the connection was busy goes out together, each write still a chunk.
  _writev(chunks, done) {
    const last = chunks.pop();
    for (const { chunk } of chunks) {
      this.#answer.request.write(chunk);
    }
    this.#answer.request.write(last.chunk, done);
  }

  _final(done) {
    this.#answer.end(done);
  }
}

/** The request that carries a stream. It is opened by the first byte or the end, so that an error may come before it. */
export class StreamedAnswer {
  contentType = "application/octet-stream";
  /** What comes behind the body: the error of a stream that failed. */
  trailers = {};

  #request = null;
  #lost = () => {};

  constructor(invocation) {
    this.invocation = invocation;
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.done.catch(() => {}); // it is awaited later, or the stream says it
  }

  get request() {
    if (this.#request === null) {
      this.#request = this.invocation.stream(this.contentType);
      this.#request.on("error", (error) => this.#lost(error));
      answerOf(this.#request).then(this.settle.resolve, this.settle.reject);
    }
    return this.#request;
  }

  /** Say whom to tell that the connection was lost. */
  onLost(callback) {
    this.#lost = callback;
  }

  end(done) {
    this.request.addTrailers(this.trailers);
    this.request.end(done);
  }

  /** Wait until the Runtime API has taken the whole of it. */
  async accepted() {
    reportRefusal("response", await this.done);
  }
}

// As the official client: what is neither text nor bytes is sent as JSON.
function asBytes(chunk) {
  const known = chunk === undefined || chunk === null || typeof chunk === "string" || chunk instanceof Uint8Array;
  return known ? chunk : JSON.stringify(chunk);
}

let warned = false;

function warnOfLostHead() {
  if (!warned) {
    warned = true;
    console.warn(
      "HttpResponseStream.from() and then end() without a write(): the Node runtime of AWS loses this head. " +
        "Call write(\"\") before end().",
    );
  }
}
