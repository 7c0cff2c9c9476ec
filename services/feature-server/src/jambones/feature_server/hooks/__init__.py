"""The application behind a call, by transport."""
