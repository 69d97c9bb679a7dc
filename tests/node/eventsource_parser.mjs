// Runs the npm package eventsource-parser: streams in base64 chunks as JSON on stdin, their events on stdout.
import { createParser } from "eventsource-parser";

const read = (chunks) => {
  const events = [];
  const retries = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => events.push({ id: id ?? null, event: event ?? "message", data }),
    onRetry: (milliseconds) => retries.push(milliseconds),
  });
  const decoder = new TextDecoder(); // which drops the BOM
  for (const chunk of chunks) parser.feed(decoder.decode(Buffer.from(chunk, "base64"), { stream: true }));
  return { events, retries };
};

const texts = [];
for await (const text of process.stdin) texts.push(text);
const streams = JSON.parse(Buffer.concat(texts).toString());
process.stdout.write(JSON.stringify(streams.map(read)));
