// Runs a Node handler against the Lambda Runtime API, as the Node runtime of AWS does. Node 20 or newer, no packages.
//
// It is started as `node bootstrap.mjs`, with these variables in its environment:
//   AWS_LAMBDA_RUNTIME_API   host:port
//   LAMBDA_TASK_ROOT         the folder that _HANDLER starts from
//   _HANDLER                 as on Lambda: `index.handler`, `folder/index.handler`, `index.nested.handler`;
//                            or with the ending of the file: `folder/index.mjs:handler` (.js .mjs .cjs .ts .mts .cts;
//                            the path may be absolute and may hold dots), which the handler then sees as on Lambda
// The other variables of a function (AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_LOG_FORMAT, ...) are read where Lambda reads
// them. Log lines go to stdout. It exits with 1 after an init error and when the Runtime API is gone, with 129 after an
// exception that nobody caught, and with 128 after a rejection that nobody handled.

import process from "node:process";

import { offerAwslambda } from "./awslambda.mjs";
import { logError, logFor, patchConsole } from "./console.mjs";
import { InitError, UnhandledRejection } from "./errors.mjs";
import { loadHandler } from "./handler.mjs";
import { answerInvocation } from "./invocation.mjs";
import { RuntimeApi } from "./runtime_api.mjs";

const UNCAUGHT_EXCEPTION = 129;
const UNHANDLED_REJECTION = 128;

async function main() {
  process.env.AWS_EXECUTION_ENV ??= `AWS_Lambda_nodejs${process.versions.node.split(".")[0]}.x`;
  patchConsole();
  const api = new RuntimeApi(variable("AWS_LAMBDA_RUNTIME_API"));
  exitOnStrayErrors(api);
  offerAwslambda();
  const handler = await load(api);
  for (;;) {
    const invocation = await api.next();
    logFor(invocation.requestId, invocation.tenantId);
    setTraceId(invocation.traceId);
    await answerInvocation(handler, invocation);
  }
}

async function load(api) {
  try {
    return await loadHandler(variable("LAMBDA_TASK_ROOT"), variable("_HANDLER"));
  } catch (error) {
    logError("Init Error", error);
    await api.initError(error);
    process.exit(1);
  }
}

function variable(name) {
  const value = process.env[name];
  if (!value) {
    throw new InitError("Runtime.PlatformError", `${name} is not set; see the top of bootstrap.mjs`);
  }
  return value;
}

// The tracing libraries read it from here, one invocation at a time.
function setTraceId(traceId) {
  if (traceId) {
    process.env._X_AMZN_TRACE_ID = traceId;
  } else {
    delete process.env._X_AMZN_TRACE_ID;
  }
}

// Whoever threw is gone, and so is the state of the process: it says why while it still may, and ends.
function exitOnStrayErrors(api) {
  process.on("uncaughtException", (error) => {
    logError("Uncaught Exception", error);
    exitWith(api, error, UNCAUGHT_EXCEPTION);
  });
  process.on("unhandledRejection", (reason) => {
    const error = new UnhandledRejection(reason);
    logError("Unhandled Promise Rejection", error);
    exitWith(api, error, UNHANDLED_REJECTION);
  });
}

function exitWith(api, error, status) {
  const exit = () => process.exit(status);
  api.lastWords(error).then(exit, exit);
}

main().catch((error) => {
  logError("Runtime Error", error);
  process.exit(1);
});
