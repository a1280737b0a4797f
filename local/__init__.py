"""Azure on a laptop, without Docker: stand-ins for Cosmos DB, Service Bus, the Functions host and a payment provider.

Never deployed, and never imported by what ships.
"""
