"""Everything that is kept in Azure Cosmos DB: the streams, the dead letters, the read model, the feed's progress."""
