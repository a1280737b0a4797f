"""Topics of Azure Service Bus: what is sent, scheduled, parked and drained. Knows no rule of payments."""
