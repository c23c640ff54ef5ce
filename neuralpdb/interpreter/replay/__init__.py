"""Running a program again with what a history says: edits, jumps, values that others filled in."""
