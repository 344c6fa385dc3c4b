"""The reference implementation behind a guide to MCP authentication whose every example is run."""
