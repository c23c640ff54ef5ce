"""The program as far as it is known without running it: source, syntax, control flow, entry, possible transitions."""
