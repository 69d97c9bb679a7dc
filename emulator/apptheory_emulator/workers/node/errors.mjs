// The errors of a runtime by the names that Lambda knows, and any error as the Runtime API wants it.

export class InitError extends Error {
  constructor(name, message, options) {
    super(message, options);
    this.name = name;
  }
}

export class InvalidStreamingOperation extends Error {
  name = "Runtime.InvalidStreamingOperation";
}

export class UnhandledRejection extends Error {
  name = "Runtime.UnhandledPromiseRejection";

  constructor(reason) {
    super(reason instanceof Error ? String(reason) : `rejected with ${show(reason)}`);
    this.reason = reason;
    if (typeof reason?.stack === "string") {
      this.stack = reason.stack;
    }
  }
}

export class NeverSettled extends Error {
  name = "Runtime.NodeJsExit";

  constructor() {
    super("nothing is left to wait for, and the handler's promise was never settled");
  }
}

/** What a handler threw, which may be anything, as an Error. */
export function asError(thrown) {
  return thrown instanceof Error ? thrown : new Error(show(thrown));
}

/** The document of `…/error`; `trace` is what the Node runtime calls the lines of the stack. */
export function errorDocument(thrown) {
  if (!(thrown instanceof Error)) {
    return { errorType: typeof thrown, errorMessage: show(thrown), trace: [] };
  }
  return {
    errorType: textOf(thrown, "name") ?? "Error",
    errorMessage: textOf(thrown, "message") ?? show(thrown),
    trace: textOf(thrown, "stack")?.split("\n") ?? [],
  };
}

// Any of them may be a getter of the handler's, and `stack` fails where the name has no text.
function textOf(error, field) {
  try {
    return typeof error[field] === "string" ? error[field] : undefined;
  } catch {
    return undefined;
  }
}

/** An error type as a header or trailer: a name may hold anything, a header only printable ASCII. */
export function headerText(text) {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function show(value) {
  try {
    return String(value);
  } catch {
    return "something that has no text";
  }
}
