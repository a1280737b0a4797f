"""A stand-in for Azure Service Bus topics (AMQP 1.0) that the unmodified azure-servicebus SDK talks to without TLS.

`python -m local servicebus --data DIR` runs it; `local.azure.servicebus.server.start(...)` runs it inside a process.
What is and is not covered: COVERAGE.md.
"""
