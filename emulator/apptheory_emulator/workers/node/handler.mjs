// Finds the handler: its file, its module, and the function in it.

import { statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { streamingMark } from "./awslambda.mjs";
import { InitError } from "./errors.mjs";

const ENDINGS = ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];
const FILE_FORM = /^(?<file>.+)\.(?<ending>[cm]?[jt]s):(?<name>.+)$/;
const LAMBDA_FORM = /^(?<folder>(?:.*\/)?)(?<module>[^./]*)\.(?<name>[^/]*)$/;
const UNKNOWN_TYPESCRIPT = /^ERR_UNKNOWN_FILE_EXTENSION .*"\.[cm]?ts"/;
const TYPESCRIPT_HELP =
  `Node ${process.versions.node} does not strip types; use Node 22.18 or newer, or Node 22.6 or newer with ` +
  "NODE_OPTIONS=--experimental-strip-types, or compile it (npx esbuild or tsc) and name the JavaScript file";
const NOT_FOUND = ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"];

/** Load a handler by its name below `root`; raises InitError, or whatever its module raises. */
export async function loadHandler(root, handlerName) {
  const { file, name } = locate(root, handlerName);
  const module = await load(file);
  const handler = find(module, name) ?? find(module.default, name);
  if (typeof handler !== "function") {
    throw new InitError("Runtime.HandlerNotFound", `${handlerName} is ${whyNot(handler, module)}`);
  }
  if (![undefined, "response"].includes(streamingMark(handler))) {
    throw new InitError("Runtime.MalformedStreamingHandler", "Only response streaming is supported.");
  }
  return handler;
}

function locate(root, handlerName) {
  const withEnding = FILE_FORM.exec(handlerName)?.groups;
  if (withEnding) {
    process.env._HANDLER = `${withEnding.file}.${withEnding.name}`; // as it will be on Lambda
    return { file: existing(path.resolve(root, `${withEnding.file}.${withEnding.ending}`)), name: withEnding.name };
  }
  const parts = LAMBDA_FORM.exec(handlerName)?.groups;
  if (!parts || handlerName.includes("..")) {
    const form = "write file.function, such as index.handler or folder/index.handler";
    throw new InitError("Runtime.MalformedHandlerName", `'${handlerName}' is not a valid handler name: ${form}`);
  }
  return { file: withAnyEnding(path.resolve(root, parts.folder, parts.module), root), name: parts.name };
}

function withAnyEnding(base, root) {
  const ending = ENDINGS.find((each) => isFile(base + each));
  return ending === undefined ? installed(base, root) : base + ending;
}

// A handler may also be a package, of a layer for example.
function installed(base, root) {
  try {
    return createRequire(path.join(root, "handler.js")).resolve(path.basename(base));
  } catch {
    throw missing(base, ` with one of the endings ${ENDINGS.slice(1).join(" ")}`);
  }
}

function existing(file) {
  if (!isFile(file)) {
    throw missing(file, "");
  }
  return file;
}

function missing(file, detail) {
  return new InitError("Runtime.ImportModuleError", `Error: Cannot find module '${file}'${detail}`);
}

function isFile(file) {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function load(file) {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw renamed("Runtime.UserCodeSyntaxError", error);
    }
    if (UNKNOWN_TYPESCRIPT.test(`${error?.code} ${error?.message}`)) {
      throw new InitError("Runtime.ImportModuleError", `${error.message}: ${TYPESCRIPT_HELP}`, { cause: error });
    }
    throw NOT_FOUND.includes(error?.code) ? renamed("Runtime.ImportModuleError", error) : error;
  }
}

function renamed(name, cause) {
  const error = new InitError(name, String(cause), { cause });
  error.stack = cause.stack; // which names the file and the line
  return error;
}

function find(module, name) {
  return name.split(".").reduce((inner, key) => (isObject(inner) ? inner[key] : undefined), module);
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function whyNot(found, module) {
  const names = Object.keys(module).filter((name) => name !== "module.exports");
  return found === undefined
    ? `undefined or not exported; its module exports ${names.join(", ") || "nothing"}`
    : "not a function";
}
