"""The real run: the same program in the real interpreter (recorder, limited child process, truth of a run)."""
