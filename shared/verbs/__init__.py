"""What the system does, one verb a file: async functions over ports, each safe to run twice. No SDK, no HTTP."""
