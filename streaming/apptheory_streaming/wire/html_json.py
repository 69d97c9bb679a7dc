"""JSON that may stand inside a script element of an HTML page."""

from apptheory_streaming.wire.json_text import encode_json

__all__ = ["html_json"]

_ESCAPES = {
    ord("<"): "\\u003c",  # no `</script>`, no `<!--`
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",  # line ends in the JavaScript of older browsers
    0x2029: "\\u2029",
}


def html_json(value: object) -> str:
    """Give the JSON text of a value, which no HTML parser takes for markup, for hydration of a page.

    It is JSON and JavaScript at once: put it into `<script type="application/json">`, or behind a
    `=`.  Not for attributes, whose quotes it has.  Raises InvalidResponse for no JSON form.
    """
    return encode_json(value, "the value for the page").decode().translate(_ESCAPES)
