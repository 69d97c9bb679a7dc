// Runs the AI SDK's own writers and readers: a JSON request on stdin, a JSON answer on stdout.
import { callChatApi, formatDataStreamPart, parseDataStreamPart, processDataStream } from "@ai-sdk/ui-utils";

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

const streamOf = (items) =>
  new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item);
      controller.close();
    },
  });

const attempt = async (work) => {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  }
};

// Every part of a data stream, by its name, as the reader of version 4 calls back for it.
const PARTS = {
  text: "onTextPart",
  data: "onDataPart",
  error: "onErrorPart",
  message_annotations: "onMessageAnnotationsPart",
  tool_call: "onToolCallPart",
  tool_result: "onToolResultPart",
  tool_call_streaming_start: "onToolCallStreamingStartPart",
  tool_call_delta: "onToolCallDeltaPart",
  finish_message: "onFinishMessagePart",
  finish_step: "onFinishStepPart",
  start_step: "onStartStepPart",
  reasoning: "onReasoningPart",
  source: "onSourcePart",
  redacted_reasoning: "onRedactedReasoningPart",
  reasoning_signature: "onReasoningSignaturePart",
  file: "onFilePart",
};

const readData = (chunks) =>
  attempt(async () => {
    const read = [];
    const callbacks = Object.entries(PARTS).map(([name, callback]) => [callback, (value) => void read.push([name, value])]);
    await processDataStream({ stream: streamOf(chunks.map(bytes)), ...Object.fromEntries(callbacks) });
    return read;
  });

// What useChat of version 4 makes of a response.
const chatData = (chunks) =>
  attempt(async () => {
    let message;
    await callChatApi({
      api: "/",
      body: {},
      fetch: async () => new Response(streamOf(chunks.map(bytes))),
      restoreMessagesOnFailure() {},
      onUpdate() {},
      onFinish: (last) => void (message = last),
      generateId: () => "id",
    });
    return message?.content ?? "";
  });

const readUi = async (sdk, chunks) =>
  attempt(async () => {
    const parts = [];
    const parsed = sdk.parseJsonEventStream({ stream: streamOf(chunks.map(bytes)), schema: sdk.uiMessageChunkSchema });
    const checked = parsed.pipeThrough(
      new TransformStream({
        transform(part, controller) {
          if (!part.success) throw part.error;
          parts.push(part.value);
          controller.enqueue(part.value);
        },
      }),
    );
    let message = null;
    let failure;
    const onError = (error) => (failure ??= error);
    for await (const state of sdk.readUIMessageStream({ stream: checked, onError, terminateOnError: true })) message = state;
    if (failure !== undefined) throw failure;
    return { parts, message };
  });

const writeUi = async (sdk, parts) => {
  const response = sdk.createUIMessageStreamResponse({ stream: streamOf(parts) });
  const body = Buffer.from(await response.arrayBuffer()).toString("base64");
  return { body, headers: Object.fromEntries(response.headers) };
};

// What useChat does since version 5: it posts the messages and reads the answer.
const chatUi = async (sdk, url, text) => {
  const messages = [{ id: "u1", role: "user", parts: [{ type: "text", text }] }];
  const transport = new sdk.DefaultChatTransport({ api: url });
  const parts = [];
  for await (const part of await transport.sendMessages({ chatId: "c1", messages, trigger: "submit-message" })) parts.push(part);
  return parts;
};

const OPERATIONS = {
  formatData: async ({ parts }) => parts.map(([name, value]) => formatDataStreamPart(name, value)),
  parseData: async ({ lines }) => Promise.all(lines.map((line) => attempt(() => parseDataStreamPart(line)))),
  readData: async ({ streams }) => Promise.all(streams.map(readData)),
  chatData: async ({ streams }) => Promise.all(streams.map(chatData)),
  readUi: async ({ version, streams }) => {
    const sdk = await import(`ai-v${version}`);
    return Promise.all(streams.map((chunks) => readUi(sdk, chunks)));
  },
  chatUi: async ({ version, url, text }) => chatUi(await import(`ai-v${version}`), url, text),
  writeUi: async ({ version, parts }) => writeUi(await import(`ai-v${version}`), parts),
};

const texts = [];
for await (const text of process.stdin) texts.push(text);
const request = JSON.parse(Buffer.concat(texts).toString());
process.stdout.write(JSON.stringify(await OPERATIONS[request.operation](request)));
