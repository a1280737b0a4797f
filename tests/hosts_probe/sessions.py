"""All sessions, by their names."""

from tests.hosts_probe.faults import FAULTS
from tests.hosts_probe.questions import RUNNING, Session
from tests.hosts_probe.stopping import STOPPING

SESSIONS: dict[str, Session] = {**RUNNING, **STOPPING, **FAULTS}
