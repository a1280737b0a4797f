"""The operator's command, against a scripted app and against the running platform."""
