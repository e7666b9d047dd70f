"""The dashboard: sign-in, tokens, commands, live tunnels. The only user of the web framework."""
