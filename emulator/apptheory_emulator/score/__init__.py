"""The score card: what holds of AWS's behaviour at an endpoint that serves the score handler."""
