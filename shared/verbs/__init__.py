"""What the system does: a file for each verb, a folder for recover. Each is safe to run twice. No SDK, no HTTP."""
