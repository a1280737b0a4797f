"""What these tests are written with: the whole payment processor in one process, and a clock that the tests move.

A test opens a World, does something as a merchant, lets the world work, and looks at what came of it:

    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_times_out_once")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1

What a world is made of, and in which module each part is:

    world        World. What a merchant or an operator does, and what a test looks at. Most tests need
      |          only this, and open it with a_world, a_world_behind_a_gateway or a_world_on.
      |  is a
    host         Host. Calls the product's verbs for every message and every page of the change feed, as the host of
      |          Azure Functions does, but one after another. It moves the clock to what is due next.
      |  has one at a time, and starts another when it has crashed
    worker       Worker. The product's own adapters and settings, wired as in production; made by a WorkerFactory.
      |  uses
      |-- bus         DirectBus. The rules of the local Service Bus, called directly: no sockets, no waiting.
      |-- backends    Backends. The local Cosmos DB and the local payment provider, over real sockets. Tests make them
      |                 fail, and ask them what they have seen.
      |-- telemetry   RecordedTelemetry. Keeps the metrics, spans and log lines for tests to look at.

What a test can add:

    gateway        Gateway. A proxy between the product and the provider, which answers as the test says.
    edge           Edge. The HTTP functions over a world: what a merchant or an operator is answered.
    failing_ports  Services whose ports raise when the test wants them to; given to a world as `alter`.
    scenarios      What can happen to a payment, from start to end. test_crashes.py runs each of them many times.
    both_buses     The same operations on DirectBus and on the real SDK over sockets; only for test_world.py.

From outside this package come tests/clock.py (time), tests/crashes.py (CrashPlan: a worker dies at a chosen call),
tests/facts.py (COMPLETED), tests/topologies.py (other components), tests/builders.py (events), tests/places.py.
"""
