// The chunks from Node's own server, with nothing between. Prints its port.

import http from "node:http";

import { writeChunks } from "./chunks.mjs";

const server = http.createServer(async (request, response) => {
  response.setHeader("content-type", "application/octet-stream");
  await writeChunks(response, request.url);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
