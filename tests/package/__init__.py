"""The package as it ships, run: unzipped, with nothing on the path but what is in it, and telemetry on as in Azure."""
