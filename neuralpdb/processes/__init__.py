"""Child processes of our own: how they are started, fenced in and ended. They know no programs and no frames."""
