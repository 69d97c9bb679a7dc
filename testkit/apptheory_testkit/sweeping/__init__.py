"""The sweep: a fault at every event of a request, and what it leaves behind."""
