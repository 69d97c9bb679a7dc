"""ASGI applications as handlers: `asgi(app)`."""
