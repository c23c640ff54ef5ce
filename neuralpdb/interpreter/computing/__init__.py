"""The interpreter in a child process: its parent's side, its own, and what goes between them."""
