"""The MCP server: a few tools with which an agent sees workers, and operates them if it may; light, one per agent."""
