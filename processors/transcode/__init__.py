"""Which sessions are transcoded, into what, and by whom."""

from processors.transcode.demand import DemandFold
from processors.transcode.regions import RegionsFold
from processors.transcode.scheduler import SchedulerFold

DEMAND = DemandFold()
REGIONS = RegionsFold()
SCHEDULER = SchedulerFold()
