from pathlib import Path
from tests.flow.world import a_world
import time

async def test_x(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
      for m in ("pm_ok","pm_settle_declined","pm_times_out_once","pm_fails_twice","pm_down"):
        t=time.perf_counter()
        p = await world.accept(m, notify="ok")
        await world.run()
        print(m, await world.events(p), await world.charges(p), world.faults, [ (l.step,l.reason) for l in await world.letters()], len(world.wire.calls), time.perf_counter()-t)
        print(world.seen.figure("step.retries"), world.clock.at)
