"""Rules of thumb about the next frame, and expressions over predicted values; nothing is executed."""
