"""One predicted frame: prompt, reply, line choice, drafts, look-ahead, confidence."""
