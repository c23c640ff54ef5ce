"""Training data for the embedded model: synthetic programs, harvested real code, argument fuzzing, coverage counts.

Nothing here is needed to debug a program; nothing here runs a program except `realcode`, in a subprocess.
"""
