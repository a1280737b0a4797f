"""The rules of payments: pure, standard library only; no clock, no ids made here, no input or output, no logging."""
