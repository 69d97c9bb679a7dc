// What every Node contender sends for a path `/{size}x{count}` or, with a pause before each chunk but the first,
// `/{size}x{count}x{milliseconds}`: chunks that begin with the nanosecond of their writing, as 16 hexadecimal digits.

import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

export async function writeChunks(out, path) {
  const [size, count, milliseconds] = path.slice(1).split("x").map(Number);
  const same = Buffer.alloc(size, "x");
  for (let number = 0; number < count; number += 1) {
    if (milliseconds && number) {
      await pause(milliseconds);
    }
    if (!out.write(milliseconds ? stamped(size) : same)) {
      await once(out, "drain");
    }
  }
  out.end();
}

function stamped(size) {
  const chunk = Buffer.alloc(size, "x");
  chunk.write(process.hrtime.bigint().toString(16).padStart(16, "0"));
  return chunk;
}
