"""What clients connect to: checks tokens, claims names and ports, opens channels back."""
