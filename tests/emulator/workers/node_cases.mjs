// What handlers of the Node runtime do to their response stream: `event.case` names one.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const { HttpResponseStream, streamifyResponse } = awslambda;
const HEAD = { statusCode: 201, headers: { "content-type": "text/plain" }, cookies: ["a=b"] };

export const handler = streamifyResponse((event, responseStream) => cases[event.case](responseStream, event));

const cases = {
  writes: async (stream) => {
    const out = from(stream);
    out.write("a");
    out.write("b");
    out.end();
  },
  end_only: async (stream) => {
    from(stream).end();
  },
  end_with_data: async (stream) => {
    from(stream).end("hello");
  },
  empty_write: async (stream) => {
    const out = from(stream);
    out.write("");
    out.end();
  },
  pipeline: async (stream) => {
    await pipeline(Readable.from(["a", Buffer.from("b")]), from(stream));
  },
  pipeline_of_nothing: async (stream) => {
    await pipeline(Readable.from([]), from(stream));
  },
  head_given_twice: async (stream) => {
    HttpResponseStream.from(from(stream), { statusCode: 404 }).write("a");
    stream.end();
  },
  content_type: async (stream) => {
    stream.setContentType("text/html");
    stream.write("<p>");
    stream.end();
  },
  no_head: async (stream) => {
    stream.end("plain");
  },
  late_content_type: async (stream) => {
    stream.write("a");
    stream.setContentType("text/html");
  },
  late_head: async (stream) => {
    stream.write("a");
    from(stream);
  },
  own_hook: async (stream) => {
    stream.setContentType("text/plain");
    stream._onBeforeFirstWrite = (write) => write("hook ");
    stream.write("a");
    stream.end();
  },
  json_writes: async (stream) => {
    stream.write({ a: 1 });
    stream.write([1]);
    stream.write("AAE=", "base64");
    stream.end();
  },
  json_end: async (stream) => {
    stream.end({ a: 1 });
  },
  null_write: async (stream) => {
    stream.write(null);
  },
  corked: async (stream) => {
    const out = from(stream);
    out.cork();
    out.write("a");
    out.write("b");
    out.uncork();
    out.end();
  },
  drained: async (stream) => {
    for (let n = 0; n < 100; n += 1) {
      if (!stream.write("0123456789".repeat(1000))) {
        await new Promise((resolve) => stream.once("drain", resolve));
      }
    }
    stream.end();
  },
  callbacks: async (stream) => {
    const said = [];
    await new Promise((resolve) => stream.write("a", resolve));
    said.push("written");
    stream.on("finish", () => said.push("finished"));
    stream.end(`${said} `, () => console.log(String(said)));
  },
  returns_a_value: async (stream) => {
    stream.end("a");
    return { statusCode: 500 };
  },
  ends_later: async (stream) => {
    Readable.from(["a", "b"]).pipe(from(stream));
  },
  throws_before: async () => {
    throw new TypeError("boom");
  },
  throws_with_head: async (stream) => {
    from(stream);
    throw new TypeError("boom");
  },
  throws_after: async (stream) => {
    from(stream).write("a");
    throw new TypeError("boom");
  },
  throws_after_end: async (stream) => {
    stream.write("a");
    stream.end();
    throw new TypeError("boom");
  },
  throws_text: async (stream) => {
    stream.write("a");
    throw "no error";
  },
  throws_undefined: async (stream) => {
    stream.write("a");
    throw undefined;
  },
  throws_strange_name: async (stream) => {
    await sent(stream, "a");
    throw Object.assign(new Error("über\n"), { name: "Ärger\n" });
  },
  throws_long_message: async (stream) => {
    stream.write("a");
    throw new Error("x".repeat(100_000));
  },
  not_async: (stream) => {
    stream.write("a");
  },
  not_async_but_ended: (stream) => {
    stream.end("a");
  },
  write_after_end: async (stream) => {
    await sent(stream, "a");
    stream.end();
    stream.write("b");
  },
  write_after_end_at_once: async (stream) => {
    stream.write("a");
    stream.end();
    stream.write("b");
  },
  failing_pipeline: async (stream) => {
    await pipeline(failingSource(stream), from(stream));
  },
  destroyed: async (stream) => {
    stream.write("a", () => stream.destroy());
  },
  destroyed_at_once: async (stream) => {
    stream.destroy();
  },
  uncaught: async (stream) => {
    stream.write("a", () => {
      setTimeout(() => {
        throw new Error("nobody catches this");
      });
    });
    await forever();
  },
  uncaught_before: async () => {
    setTimeout(() => {
      throw new Error("nobody catches this");
    });
    await forever();
  },
  unhandled: async (stream) => {
    stream.write("a", () => {
      setTimeout(() => Promise.reject(new Error("nobody handles this")));
    });
    await forever();
  },
  exits: async (stream) => {
    stream.write("a", () => setTimeout(() => process.exit(0)));
    await forever();
  },
  never_ends: async (stream, event) => {
    stream.write("a");
    await fetch(event.gate);
  },
  does_nothing: async (_stream, event) => {
    await fetch(event.gate);
  },
};

function from(stream) {
  return HttpResponseStream.from(stream, HEAD);
}

// Fails when its first piece is on its way.
async function* failingSource(stream) {
  yield "a";
  while (stream.writableLength > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new RangeError("the source failed");
}

function sent(stream, chunk) {
  return new Promise((resolve) => {
    stream.write(chunk, resolve);
  });
}

function forever() {
  return new Promise(() => {});
}
