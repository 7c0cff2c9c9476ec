"""The `jambones` command: what the REST API does, from a terminal or a script."""
