"""Azure on a laptop: stand-ins that the unmodified SDKs talk to, and the host that Azure's runtime library runs in.

Each is a package that imports nothing else of ours but `local.base`. The same name means the same job in each:

    command   the command line, `python -m local NAME`
    server    the socket and the lifecycle: opens, listens, closes in order
    wire      the protocol: what goes over the line; decides nothing
    state     the rules; knows no protocol
    store     what is kept, in SQLite; decides nothing
    errors    what is refused, and how the real service says it
    admin     what tests and people look at and order, over HTTP; the app never comes here

The host keeps nothing of its own, so it has no store and no state, and nobody administers it.
"""
