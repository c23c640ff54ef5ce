"""A partial interpreter: computes the frames of a program by Python's own rules, and runs nothing of it.

It walks the program's bytecode over values of its own. What depends on the world (time, chance, input, modules that
are not there) is an `Unknown`; what is not supported ends the telling with its reason. Told and wrong is the one
thing that must not happen.
"""
