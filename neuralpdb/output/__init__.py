"""Output: what leaves this process safely (printable text, highlighted source, HTML, whole files, notes, children)."""
