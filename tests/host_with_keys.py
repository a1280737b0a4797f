"""Our Functions host as Azure has it: callers bring a key. In place of `local host` for a platform of tests."""

import sys

from local.azure.host.command import main

FUNCTION_KEY, ADMIN_KEY = "a-function-key", "the-admin-key"

if __name__ == "__main__":
    keys = ["--enable-auth", "--function-key", FUNCTION_KEY, "--admin-key", ADMIN_KEY]
    sys.exit(main([*sys.argv[1:], *keys]))
