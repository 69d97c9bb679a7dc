"""The pure half of the contract: bytes and values in, bytes and values out.

Nothing below this package knows a loop, a clock, a socket or a source of randomness; times and
ids are arguments.
"""
