"""A vLLM server: asking one, and starting one."""
