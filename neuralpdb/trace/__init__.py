"""What happened: frames, the call stack, values as repr texts and their parts."""
