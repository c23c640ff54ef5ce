"""Reports of a comparison: figures, and the forms in which they are handed out. They know no model and no process."""
