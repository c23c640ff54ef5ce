"""The same program in the real interpreter: recorder, child process with limits, the truth of a run."""
