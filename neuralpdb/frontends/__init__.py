"""Faces of a session: text, the prompt, editors, agents, exports."""
