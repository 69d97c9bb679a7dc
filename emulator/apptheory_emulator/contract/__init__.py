"""Where contract documents are run beside the testkit's own process: over HTTP, and in workers."""
