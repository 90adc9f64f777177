"""What runs on a schedule: registered in one place, run by one scheduler."""

from spanledger_analytics.jobs.registry import JOBS, Job
from spanledger_analytics.jobs.scheduler import Scheduler

__all__ = ["JOBS", "Job", "Scheduler"]
