"""One file per outside thing: each implements a port and turns its SDK's errors into ours. None imports another."""
