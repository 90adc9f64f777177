// Keys. Letters act only where nobody is typing.
(function () {
    "use strict";
    const typing = (node) => /^(input|textarea|select)$/i.test(node.tagName) || node.isContentEditable;

    function choose(list, by) {
        const items = [...list.querySelectorAll("a")];
        if (!items.length) return;
        const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
        const next = items[(at + by + items.length) % items.length];
        for (const item of items) item.setAttribute("aria-selected", item === next);
        next.scrollIntoView({block: "nearest"});
    }

    document.addEventListener("keydown", (event) => {
        if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
            event.preventDefault();
            window.spanledger.acts.palette();
            return;
        }
        const list = event.target.closest?.(".pal") && document.querySelector(".pal-list");
        if (list) {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                choose(list, event.key === "ArrowDown" ? 1 : -1);
            } else if (event.key === "Enter") {
                (list.querySelector('a[aria-selected="true"]') || list.querySelector("a"))?.click();
            }
            return;
        }
        if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
        if (document.querySelector('[role="dialog"]')) return;
        if (event.key === "/") {
            event.preventDefault();
            const field = document.getElementById("traces-q");
            if (field) field.focus();
            else window.spanledger.acts.palette();
        } else if (event.key === "?") window.spanledger.acts.keys();
        else if (event.key === "j" || event.key === "k") {
            const by = event.key === "j" ? 1 : -1;
            if (!window.spanledgerWaterfall.step(by)) window.spanledgerGrid.step(by);
        } else if (event.key === "Enter") {
            const row = event.target.closest?.(".ag-row");
            if (row) window.spanledgerGrid.open(row);
        } else if (event.key === "Escape" && location.pathname.startsWith("/trace/")) {
            window.spanledger.go(window.spanledger.carry("/traces"));
        }
    });

    // Attributes are searched in place: they are all here already.
    document.addEventListener("input", (event) => {
        if (event.target.id !== "attr-q") return;
        const wanted = event.target.value.toLowerCase();
        for (const row of document.querySelectorAll(".kv.attrs > div")) {
            row.hidden = !row.textContent.toLowerCase().includes(wanted);
        }
    });
})();
