"""The simulator as one object: an org that can be served over HTTP."""

import contextlib
from collections.abc import Iterator

from syncd.simulator.callbacks import Callbacks
from syncd.simulator.clock import SimulatorClock
from syncd.simulator.config import Config
from syncd.simulator.control import Control
from syncd.simulator.org import Org
from syncd.simulator.server import Application, serving
from syncd.simulator.service import Service
from syncd.simulator.traffic import Traffic


class Simulator(Org):
    """A simulated Zoho CRM. See the package's docstring for how to use it."""

    def __init__(self, config: Config | None = None, clock: SimulatorClock | None = None) -> None:
        super().__init__(config, clock)
        self.url = ""
        self.traffic = Traffic(self)
        self.callbacks = Callbacks(self)

    @contextlib.contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on 127.0.0.1 while the block runs; yields the base URL of accounts server and API alike.

        OSError if the port is taken.
        """
        control = Control(self, self.traffic, self.callbacks).answer if self.config.control else None
        application = Application(Service(self, control), self.clock.timestamp)
        with serving(application, port) as url:
            self.url = url
            self.callbacks.start()
            try:
                yield url
            finally:
                self.traffic.stop()
                self.callbacks.stop()
                self.close()
