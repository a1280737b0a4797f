"""What wakes us: translate in, call one verb, translate out. No rule stands here."""
