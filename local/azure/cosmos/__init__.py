"""A stand-in for Azure Cosmos DB (REST API, NoSQL) that the unmodified azure-cosmos SDK talks to over plain http.

`python -m local cosmos --port N --data DIR` runs it; `local.azure.cosmos.server.start(...)` runs it inside a process.
What is and is not covered: COVERAGE.md. The key is the public one of Microsoft's emulator, `auth.EMULATOR_KEY`.
"""
