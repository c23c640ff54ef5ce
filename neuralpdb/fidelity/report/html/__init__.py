"""HTML report: the report as one self-contained page."""
