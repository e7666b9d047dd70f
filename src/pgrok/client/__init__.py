"""The client: settings, targets, one connection's life, and what the terminal shows."""
