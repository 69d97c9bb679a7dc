"""How a request reaches a handler: the protocol, the in-process path, live streams."""
