"""What every service shares: settings, logs, metrics, bus, database, verbs and hooks as data."""
