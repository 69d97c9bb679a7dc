// The chunks as a streaming function. The empty `cookies` are for cargo-lambda, which reads no head without them.

import { writeChunks } from "./chunks.mjs";

const HEAD = { statusCode: 200, headers: { "content-type": "application/octet-stream" }, cookies: [] };

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  await writeChunks(awslambda.HttpResponseStream.from(responseStream, HEAD), event.rawPath);
});
