"""Instructions: what each instruction of CPython's bytecode does, and how versions differ."""
