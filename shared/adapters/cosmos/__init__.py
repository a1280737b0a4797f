"""What is kept in Azure Cosmos DB: streams, dead letters, the read model, the feed's progress. Knows no rule."""
