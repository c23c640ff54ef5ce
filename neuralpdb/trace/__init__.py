"""The trace of a program: frames, the call stack, values as repr texts and their parts."""
