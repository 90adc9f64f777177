from spanledger_dashboard.page import Page
from dash import html
PAGE = Page("/trace" + ("/" if "trace"=="trace" else ""), "trace", lambda: html.Div("trace"), lambda a, d: None, icon="list-tree", section="Monitor")
