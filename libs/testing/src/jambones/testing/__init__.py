"""A pytest plugin that runs applications against a scripted caller, without a telephone."""
