"""What programs find outside themselves: builtins, types, modules. Nothing here reaches the outside.

A module of the standard library is there in one of four ways, each registered in `registry`:
native functions that are allowed, functions that the machine has its own version of, definitions that are read from
the standard library's own source and interpreted, and a stand-in of ours in `sources/` that is interpreted.
"""
