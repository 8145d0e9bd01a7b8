"""The behaviour in force. It is one object shared by all parts, so that a test can change it while they run."""

from dataclasses import dataclass, field

from syncd.simulator.behaviour import Behaviour


@dataclass(slots=True)
class Switches:
    """Holder of the current behaviour; parts read `behaviour` at each use and never keep it."""

    behaviour: Behaviour = field(default_factory=Behaviour)

    def play(self, **changes: object) -> None:
        """Set some switches anew; ValueError for an unknown one or a wrong value."""
        self.behaviour = self.behaviour.changed(changes)
