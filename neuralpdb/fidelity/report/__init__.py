"""Reports of a comparison: the forms in which figures are handed out. They know no model and no process."""
