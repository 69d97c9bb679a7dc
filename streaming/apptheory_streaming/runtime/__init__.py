"""The Lambda custom runtime for Python: `python -m apptheory_streaming.runtime module.handler`.

It speaks the Runtime API with the standard library alone, streams what handlers stream, and treats
buffered handlers as awslambdaric does.
"""
