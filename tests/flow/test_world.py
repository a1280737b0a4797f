from pathlib import Path
from tests.flow.grounds import standing
from tests.flow.stories import ALL, end_of
from local.faults import Tripwire
from tests.flow.world import a_world_on
import time
async def test_x(tmp_path: Path) -> None:
    async with standing(tmp_path) as g:
      for m in ALL:
        t=time.perf_counter()
        w=Tripwire()
        async with a_world_on(g,wire=w,projects=m in ("paid", "lost_and_swept")) as world:
          p=await ALL[m](world)
          print(m, await end_of(world,p), world.faults, len(world.wire.calls), time.perf_counter()-t)
