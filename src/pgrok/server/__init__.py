"""The daemon: who may open tunnels, which are open, and what they are reached at."""
