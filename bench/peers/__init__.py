"""The tunnels under measurement: one class each, with the programs at both of its ends."""
