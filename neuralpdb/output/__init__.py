"""Output: text that leaves the program safely, as printable text, highlighted source, HTML, whole files, notes."""
