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
    // Rows load as one scrolls, so ids keep the selection where it was.
    grid.rowId = (params) => params.data.id;

    function open(row) {
        const holder = row.closest(".ag-root-wrapper")?.parentElement?.closest("[id]");
        const api = holder && window.dash_ag_grid?.getApi?.(holder.id);
        const href = api?.getDisplayedRowAtIndex(Number(row.getAttribute("row-index")))?.data?.href;
        if (href) window.spanledger.go(href);
    }
    document.addEventListener("click", (event) => {
        const row = event.target.closest?.(".ag-row");
        if (row && !event.target.closest("a,button") && !String(getSelection())) open(row);
    });
    window.spanledgerGrid = {
        open,
        // Moves the focus in the page's grid; false where there is none.
        step(by) {
            const holder = document.querySelector(".ag-root-wrapper")?.parentElement?.closest("[id]");
            const api = holder && window.dash_ag_grid?.getApi?.(holder.id);
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
