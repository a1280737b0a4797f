"""What the payment processor knows and does, whatever wakes it: rules, verbs, steps, ports and their adapters."""
