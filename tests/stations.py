"""Load on a site: stations that scan each second, as long as a context lasts."""

from scans.simulation.session import Session
from scans.simulation.simulation import Simulation
from tests.serving import PASSWORD, Site


def stations_at(site: Site, count: int) -> Simulation:
    """They send again after a second, however often it failed: the load does not fall."""
    session = Session(site.url, "operator", PASSWORD)
    return Simulation(session, stations=count, rate=1.0, retry_seconds=(1,))
