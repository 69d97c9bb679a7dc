"""Request to event, one module an adapter."""
