"""The commands of `apptheory-emulate`, one a file, and what they share."""
