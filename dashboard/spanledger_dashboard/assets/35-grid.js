// What AG Grid calls: texts made by the server, so that money and times read the same everywhere.
(function () {
    "use strict";
    const grid = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

    grid.text = (params) => params.data?.[`${params.colDef.field}_text`] ?? params.value ?? "";
    grid.named = (params) => params.value || params.data?.none || "";
    grid.bar = (params) => {
        const share = Math.max(0, Math.min(1, params.data?.share || 0)) * 100;
        return {background: `linear-gradient(to left, var(--accent-bg) ${share}%, transparent 0)`};
    };

    const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
    cells.TraceStatus = (params) =>
        params.data && React.createElement("span", {className: `pill ${params.data.errors ? "bad" : "ok"}`}, params.value);

    const searches = {};
    // A grid that is not mounted yet has no API, and says so by throwing.
    function apiOf(id) {
        try {
            return window.dash_ag_grid.getApi(id);
        } catch {
            return null;
        }
    }
    function apiAround(node) {
        const holder = node?.closest(".ag-root-wrapper")?.parentElement?.closest("[id]");
        return holder ? apiOf(holder.id) : null;
    }
    function open(row) {
        const api = apiAround(row);
        const href = api?.getDisplayedRowAtIndex(Number(row.getAttribute("row-index")))?.data?.href;
        if (href) window.spanledger.go(href);
    }
    document.addEventListener("click", (event) => {
        const row = event.target.closest?.(".ag-row");
        if (row && !event.target.closest("a,button") && !String(getSelection())) open(row);
    });
    window.spanledgerGrid = {
        open,
        // Rows that were fetched for another URL are dropped; after a mere tick they are renewed in place.
        reload(id, search) {
            const before = searches[id];
            searches[id] = search;
            const api = before === undefined ? null : apiOf(id);
            if (api && before === search) api.refreshInfiniteCache();
            else if (api) api.purgeInfiniteCache();
        },
        // Moves the focus in the page's grid; false where there is none.
        step(by) {
            const api = apiAround(document.querySelector(".ag-root-wrapper"));
            if (!api) return false;
            const column = api.getAllDisplayedColumns()[0];
            const at = api.getFocusedCell();
            const next = Math.max(0, at ? at.rowIndex + by : 0);
            api.ensureIndexVisible(next);
            api.setFocusedCell(next, column);
            return true;
        },
    };
})();
