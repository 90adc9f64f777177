from spanledger_dashboard.page import Page
from dash import html
PAGE = Page("/spend" + ("/" if "spend"=="trace" else ""), "spend", lambda: html.Div("spend"), lambda a, d: None, icon="list-tree", section="Monitor")
