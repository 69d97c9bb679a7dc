// A handler that returns its answer, in the shapes that Node runtimes had over the years: async, callback, context.done.

import process from "node:process";

import { NeverSettled } from "./errors.mjs";

const CALLBACK_PARAMETERS = 3;

/** Call the handler and wait for its value; what it throws, or fails with, is thrown. */
export async function callBuffered(handler, event, context) {
  const call = new Call();
  process.on("beforeExit", call.idle);
  try {
    call.begin(handler, event, context);
    return await call.outcome;
  } finally {
    process.off("beforeExit", call.idle);
  }
}

class Call {
  #resolve;
  #reject;
  #calledBack = false;
  // A handler that has neither returned nor called back when nothing is left to wait for has nothing to say.
  #whenIdle = () => this.#resolve(null);

  idle = () => this.#whenIdle();
  outcome = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  begin(handler, event, context) {
    const full = {
      ...context,
      callbackWaitsForEmptyEventLoop: true,
      done: (error, value) => this.#settle(error, value),
      succeed: (value) => this.#resolve(value),
      fail: (error) => this.#reject(error ?? "handled"),
    };
    const result = handler(event, full, (error, value) => this.#callback(error, value, full));
    if (typeof result?.then === "function") {
      this.#whenIdle = () => this.#reject(new NeverSettled());
      result.then(this.#resolve, this.#reject);
    } else if (result !== undefined && handler.length < CALLBACK_PARAMETERS) {
      this.#resolve(result); // a handler with a callback may return anything, such as a timer
    }
  }

  #callback(error, value, context) {
    if (this.#calledBack) {
      return;
    }
    this.#calledBack = true;
    if (isError(error) || !context.callbackWaitsForEmptyEventLoop) {
      this.#settle(error, value);
    } else {
      this.#whenIdle = () => this.#resolve(value);
    }
  }

  #settle(error, value) {
    if (isError(error)) {
      this.#reject(error);
    } else {
      this.#resolve(value);
    }
  }
}

function isError(error) {
  return error !== undefined && error !== null;
}
