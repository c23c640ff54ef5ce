"""The prompt: commands typed at a session, and what is shown at every stop."""
