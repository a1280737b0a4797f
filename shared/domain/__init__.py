"""The rules of payments: pure, standard library only. Reads no clock, makes no random ids, has no input or output."""
