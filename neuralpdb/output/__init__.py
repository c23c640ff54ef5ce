"""What leaves the program safely: printable text, highlighted source, HTML, whole files, notes."""
