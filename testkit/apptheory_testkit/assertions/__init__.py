"""What can be said of a capture: assertions, the report, and what they measure."""
