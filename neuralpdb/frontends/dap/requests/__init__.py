"""The requests of an editor: one module for each group, all imported here, for each fills the table of requests."""

from neuralpdb.frontends.dap.requests import breakpoints, exceptions, inspection, lifecycle, movement, sources

__all__ = ["breakpoints", "exceptions", "inspection", "lifecycle", "movement", "sources"]
