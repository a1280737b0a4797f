"""What the payment processor knows and does: rules, verbs, steps, ports and their adapters. Knows no trigger."""
