"""Who says what AWS does: pages of AWS, code of its clients, captures and reports of users."""

from apptheory_emulator.score.case import Source

__all__ = [
    "CUSTOM_RUNTIME",
    "DIES",
    "EMPTY_LOST",
    "EVENT",
    "EVENT_CAPTURED",
    "FUNCTION_ERROR",
    "GONE_CLIENT",
    "INVOKE",
    "INVOKE_STREAM",
    "LATE_ERROR",
    "LIMITS",
    "LONG_HEAD",
    "MANY_VALUES",
    "MISSING_DELIMITER",
    "NODE_CHUNKS",
    "NO_STATUS",
    "PACE",
    "PRELUDE",
    "PRELUDE_IN_PAYLOAD",
    "REMAPPED",
    "REQUEST_ID",
    "RFC_9110",
    "SCALING",
    "SDK_CHUNKS",
    "SDK_LATE_ERROR",
    "SMALL_CHUNKS",
    "STREAMING",
]

_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/"
_API = "https://docs.aws.amazon.com/lambda/latest/api/"
_TRANSFER_MODE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html"
_RECORDED = "https://github.com/localstack/localstack/tree/main/tests/aws/services/lambda_"
_GITHUB = "https://github.com/"

STREAMING = Source("Lambda guide", f"{_GUIDE}configuration-response-streaming.html")
GONE_CLIENT = Source(
    "Lambda guide, and nodejs-runtime-interface-client #145", f"{_GUIDE}configuration-response-streaming.html"
)
PACE = Source("Lambda guide: 6 MB, then 2 MB a second", f"{_GUIDE}configuration-response-streaming.html")
SMALL_CHUNKS = Source(
    "Lambda guide; reports of small chunks that were held back",
    f"{_GITHUB}aws/aws-lambda-nodejs-runtime-interface-client/issues/102",
)
PRELUDE = Source("Lambda guide: writing handlers", f"{_GUIDE}config-rs-write-functions.html")
CUSTOM_RUNTIME = Source("Lambda guide: custom runtimes", f"{_GUIDE}runtimes-custom.html")
NODE_CHUNKS = Source(
    "the code of AWS's clients: that for Node promises no fidelity of chunks, that for .NET joins them",
    f"{_GITHUB}aws/aws-lambda-nodejs-runtime-interface-client",
)
NO_STATUS = Source("answers of AWS recorded by LocalStack", _RECORDED)
REQUEST_ID = Source("answers of AWS recorded by LocalStack", _RECORDED)
MANY_VALUES = Source(
    "documented for API Gateway alone",
    _TRANSFER_MODE,
)
MISSING_DELIMITER = Source(
    "API Gateway answers 500; of Function URLs nothing is written",
    _TRANSFER_MODE,
)
LONG_HEAD = Source(
    "API Gateway takes preludes up to 16 KB; of Function URLs nothing is written",
    _TRANSFER_MODE,
)
EMPTY_LOST = Source("a capture of AWS in middy #1189", f"{_GITHUB}middyjs/middy/issues/1189")
REMAPPED = Source("a capture of AWS in cargo-lambda #862", f"{_GITHUB}cargo-lambda/cargo-lambda/issues/862")
LIMITS = Source("Lambda quotas", f"{_GUIDE}gettingstarted-limits.html")
EVENT = Source("Lambda guide: format 2.0", f"{_GUIDE}urls-invocation.html")
EVENT_CAPTURED = Source(
    "Lambda guide, and events captured on AWS, which win where the two differ", f"{_GUIDE}urls-invocation.html"
)
FUNCTION_ERROR = Source("answers of AWS recorded by LocalStack", _RECORDED)
LATE_ERROR = Source("probed on AWS by voker", f"{_GITHUB}hotsock/voker")
DIES = Source(
    "API Gateway's is cut (curl 18); of Function URLs nothing is written", f"{_GUIDE}troubleshooting-invocation.html"
)
SCALING = Source("Lambda guide: an environment takes one request at a time", f"{_GUIDE}lambda-concurrency.html")
RFC_9110 = Source(
    "HTTP; what AWS does with a stream is not written", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2"
)
INVOKE = Source("API reference", f"{_API}API_Invoke.html")
INVOKE_STREAM = Source("API reference", f"{_API}API_InvokeWithResponseStream.html")
SDK_CHUNKS = Source(
    "API reference, and a test of AWS's SAM CLI against AWS", f"{_API}API_InvokeWithResponseStream.html"
)
SDK_LATE_ERROR = Source(
    "API reference, and a test of AWS's library for .NET against AWS",
    f"{_API}API_InvokeWithResponseStreamCompleteEvent.html",
)
PRELUDE_IN_PAYLOAD = Source("aws-lambda-web-adapter #476", f"{_GITHUB}awslabs/aws-lambda-web-adapter/issues/476")
