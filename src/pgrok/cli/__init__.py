"""The commands: they parse what was typed, call a room, and print."""
