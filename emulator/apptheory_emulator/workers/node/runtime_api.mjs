// The runtime's side of the Lambda Runtime API: one connection, one invocation at a time.

import { createRequire } from "node:module";

import { logError } from "./console.mjs";
import { errorDocument, headerText } from "./errors.mjs";

// An `import` would read every export of it, and one of them loads what fetch needs: 35 ms of a cold start.
const http = createRequire(import.meta.url)("node:http");

const ROOT = "/2018-06-01/runtime";
const INVOCATION_ID = "lambda-runtime-invocation-id";
const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY = "Lambda-Runtime-Function-Error-Body";

export class RuntimeApi {
  #current = null;
  #ending = false;

  constructor(address) {
    const { hostname, port } = new URL(`http://${address}`);
    // One socket: the answer of an invocation is through before the next one is asked for.
    this.options = { hostname, port, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }) };
  }

  async next() {
    const { status, headers, body } = await this.exchange("GET", "/invocation/next");
    if (this.#ending) {
      await new Promise(() => {}); // a process that is about to exit answers nothing any more
    }
    if (status !== 200) {
      throw new Error(`the Runtime API answered ${status} to invocation/next: ${body}`);
    }
    this.#current = new Invocation(this, headers, body);
    return this.#current;
  }

  async initError(error) {
    await this.post("/init/error", errorDocument(error), errorHeaders(error));
  }

  /** Report what ends this process, where nothing else was said of the current invocation. */
  async lastWords(error) {
    this.#ending = true;
    if (this.#current === null) {
      this.options.agent.maxSockets = 2; // the one there is may wait for the first invocation
      await this.initError(error);
    } else if (!this.#current.answered) {
      await this.#current.fail(error);
    }
  }

  async post(path, document, headers = {}) {
    const body = typeof document === "string" ? document : JSON.stringify(document);
    const answer = await this.exchange("POST", path, body, { "Content-Type": "application/json", ...headers });
    reportRefusal(path, answer);
  }

  async exchange(method, path, body = "", headers = {}) {
    const request = this.request(method, path, body === "" ? headers : { ...headers, "Content-Length": Buffer.byteLength(body) });
    request.end(body);
    return await answerOf(request);
  }

  request(method, path, headers) {
    return http.request({ ...this.options, method, path: ROOT + path, headers });
  }
}

/** One invocation, which is answered once: by a value, an error, or a stream. */
class Invocation {
  /** True as soon as an answer has begun: an error can then no longer take its place. */
  answered = false;

  constructor(api, headers, body) {
    this.api = api;
    this.body = body;
    this.requestId = headers["lambda-runtime-aws-request-id"];
    this.deadline = Number(headers["lambda-runtime-deadline-ms"]);
    this.functionArn = headers["lambda-runtime-invoked-function-arn"];
    this.traceId = headers["lambda-runtime-trace-id"];
    this.tenantId = headers["lambda-runtime-aws-tenant-id"];
    this.clientContext = headers["lambda-runtime-client-context"];
    this.identity = headers["lambda-runtime-cognito-identity"];
    // Given back, it tells this attempt from a later one, so that a late answer is not taken for the next.
    this.echo = headers[INVOCATION_ID] === undefined ? {} : { [INVOCATION_ID]: headers[INVOCATION_ID] };
  }

  async respond(json) {
    this.answered = true;
    await this.api.post(this.#path("response"), json, this.echo);
  }

  async fail(error) {
    this.answered = true;
    await this.api.post(this.#path("error"), errorDocument(error), { ...errorHeaders(error), ...this.echo });
  }

  /** Open the request whose body is the stream. */
  stream(contentType) {
    this.answered = true;
    return this.api.request("POST", this.#path("response"), {
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      Trailer: [ERROR_TYPE, ERROR_BODY],
      "Content-Type": contentType,
      "Transfer-Encoding": "chunked",
      ...this.echo,
    });
  }

  #path(last) {
    return `/invocation/${encodeURIComponent(this.requestId)}/${last}`;
  }
}

/** The trailers that end a stream which failed. */
export function errorTrailers(error) {
  const body = Buffer.from(JSON.stringify(errorDocument(error))).toString("base64");
  return { ...errorHeaders(error), [ERROR_BODY]: body };
}

/** Wait for the answer to a request; what the Runtime API refused is logged, as nobody else would tell. */
export async function answerOf(request) {
  const response = await new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
  });
  const parts = [];
  for await (const part of response) {
    parts.push(part);
  }
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() };
}

export function reportRefusal(path, { status, body }) {
  if (status >= 300) {
    logError("Runtime Error", new Error(`the Runtime API answered ${status} to ${path}: ${body.trim()}`));
  }
}

function errorHeaders(error) {
  return { [ERROR_TYPE]: headerText(errorDocument(error).errorType) };
}
