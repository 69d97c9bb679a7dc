"""What pytest has to know before it looks into the folders."""

pytest_plugins = ["pytester"]
