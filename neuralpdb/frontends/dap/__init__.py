"""`neuralpdb dap`: a session for editors, by the Debug Adapter Protocol (docs/dap.md says what each request means)."""
