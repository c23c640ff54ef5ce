"""Objects of the program: unknowns, functions, classes and their instances, generators, and what is done with them."""
