"""What is known of a program without running it: source, syntax, control flow, entry, possible transitions."""
