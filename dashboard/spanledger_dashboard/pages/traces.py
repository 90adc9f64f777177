from spanledger_dashboard.page import Page
from dash import html
PAGE = Page("/traces" + ("/" if "traces"=="trace" else ""), "traces", lambda: html.Div("traces"), lambda a, d: None, icon="list-tree", section="Monitor")
