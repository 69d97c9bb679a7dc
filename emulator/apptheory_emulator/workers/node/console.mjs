// console.* as on Lambda: a line with the time, the request id and the level, or a JSON object.

import process from "node:process";
import { format } from "node:util";

import { asError, errorDocument } from "./errors.mjs";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const JSON_FORMAT = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
const LEAST_LEVEL = LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()); // -1, which is all, for what is no level

const current = { requestId: "-", tenantId: "" };

/** Name the invocation that the next lines belong to. */
export function logFor(requestId, tenantId) {
  Object.assign(current, { requestId, tenantId });
}

export function patchConsole() {
  for (const level of LEVELS) {
    console[level.toLowerCase()] = writer(level);
  }
  console.log = console.info;
}

/** Log an error of the handler, or the runtime's own, with its stack. */
export function logError(title, thrown) {
  const error = asError(thrown);
  if (JSON_FORMAT) {
    console.error(error);
  } else {
    console.error(title, `\t${errorText(error)}`);
  }
}

function writer(level) {
  if (LEVELS.indexOf(level) < LEAST_LEVEL) {
    return () => {};
  }
  const line = JSON_FORMAT ? jsonLine : textLine;
  return (...values) => {
    process.stdout.write(`${line(level, values)}\n`);
  };
}

function textLine(level, values) {
  return [new Date().toISOString(), current.requestId, level, format(...values)].join("\t");
}

function jsonLine(level, values) {
  const fields = { timestamp: new Date().toISOString(), level, requestId: current.requestId };
  if (current.tenantId) {
    fields.tenantId = current.tenantId;
  }
  if (values.length === 1) {
    return oneValueLine(fields, values[0]);
  }
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify({ ...fields, message: format(...values), ...(error && namedFields(error)) });
}

// An object keeps its fields, so that they can be searched for; one that JSON cannot tell becomes text.
function oneValueLine(fields, value) {
  try {
    return JSON.stringify({ ...fields, message: value }, (_key, part) =>
      part instanceof Error ? { ...namedFields(part), ...part } : part,
    );
  } catch {
    return JSON.stringify({ ...fields, message: format(value) });
  }
}

function namedFields(error) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : [],
  };
}

// An error of an HTTP client holds on to its request, which leads back to it: it is shown without its fields.
function errorText(error) {
  try {
    return JSON.stringify(withStack(error), replaceErrors);
  } catch {
    return JSON.stringify(errorDocument(error));
  }
}

function withStack(error) {
  const { name, message, code, stack } = error;
  const lines = typeof stack === "string" ? stack.split("\n") : [];
  return { errorType: name, errorMessage: message, code, ...error, stack: lines };
}

// What hangs on an error may be anything: errors in it are shown, and what JSON refuses must not lose the error.
function replaceErrors(key, value) {
  if (key !== "" && value instanceof Error) {
    return withStack(value);
  }
  return typeof value === "bigint" ? String(value) : value;
}
