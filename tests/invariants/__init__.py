"""What must hold of every payment, whatever happens in whatever order: a property test over the product's own verbs.

Each run is a world in memory: the product's verbs over fakes of its ports. A seed decides what happens next: a message
is delivered, a worker dies between two awaits, the feed repeats, hours pass, operators race, the provider says nothing.
Then everything is mended, the world comes to rest, and the invariants are checked. A run takes a few milliseconds.

    python -m tests.invariants SEED          # one run, its story, and the shortest list of actions that still fails
    python -m tests.invariants --runs 5000   # as many seeds as that, from 0 or --first on

From the inside out, each module knows only those above it:

    loop        an asyncio loop whose time is the world's
    stage       what waits: every call of a port stops here until it is let go, with or without a fault
    luck        the only source of chance
    store, bus, boxes    the ports
    disputes    what banks take back, and the news of it
    provider    the port of all money
    limits      the numbers of the product that the worlds run with
    world       a function app, its merchants and its operators
    rest        how a world is mended and comes to rest
    going       how far jobs come
    wanted      what merchants and banks want
    actions     what can happen
    history     streams read without the product's own rules
    money       the invariants of charges
    books       the invariants of disputes, of the ledger and of what reconcile compares
    turns       who may call whom, and when
    checks      all invariants
    runs        a seed, its run, its shortest story
"""
