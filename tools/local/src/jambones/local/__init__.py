"""The whole platform on one machine: servers, supervisor, demo tenant and demo call."""
