"""The requests of an editor: one table, one module for each group. Importing this fills the table."""
