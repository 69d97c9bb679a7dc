// Loaded before a runtime client whose Runtime API is not at the root of its host, as that of cargo-lambda.

import http from "node:http";

const { pathname } = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}`);
const request = http.request;
http.request = (options, ...others) => request({ ...options, path: pathname + options.path }, ...others);
