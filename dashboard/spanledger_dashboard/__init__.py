"""The dashboard: Dash pages over the ledger and the spans."""

from spanledger_dashboard.app import create_app
from spanledger_dashboard.settings import DashboardSettings

__all__ = ["DashboardSettings", "create_app"]
