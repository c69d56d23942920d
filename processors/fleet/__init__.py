"""How many chat gateways a region should have."""

from processors.fleet.fold import FleetFold

FLEET = FleetFold()
