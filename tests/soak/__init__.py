"""A soak: everything at once for minutes, with faults, and nothing may be lost or left behind."""
