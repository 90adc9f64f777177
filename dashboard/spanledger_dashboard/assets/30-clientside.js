// Clientside callbacks: routing, the view that callbacks read, and small forms that only change the URL.
(function () {
    "use strict";
    const {patch, carry, query} = window.spanledger;
    const same = () => window.dash_clientside.no_update;

    function matched(path, pages) {
        if (path in pages) return path;
        return Object.keys(pages).find((key) => key.endsWith("/") && key !== "/" && path.startsWith(key)) || "*";
    }

    window.dash_clientside = Object.assign({}, window.dash_clientside, {
        spanledger: {
            // The page's skeleton, without asking the server.
            route(path, pages) {
                const key = matched(path, pages);
                const {layout, title} = pages[key];
                document.documentElement.dataset.path = path;
                document.title = `${title} · Spanledger`;
                for (const link of document.querySelectorAll("a[data-nav]")) {
                    const home = link.dataset.nav;
                    const on = home === path || (link.dataset.also && path.startsWith(link.dataset.also));
                    if (on) link.setAttribute("aria-current", "page");
                    else link.removeAttribute("aria-current");
                }
                return layout;
            },
            // What callbacks read. The browser's zone goes into the URL, so that a copied link shows the same days.
            view(_href, tick) {
                const params = query();
                if (!params.get("tz")) {
                    params.set("tz", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
                    history.replaceState(history.state, "", `${location.pathname}?${params}${location.hash}`);
                }
                for (const link of document.querySelectorAll("a[data-nav]")) link.href = carry(link.dataset.nav);
                window.spanledgerTheme.apply();
                return {path: location.pathname, search: `?${params}`, tick: tick || 0};
            },
            scheme: () => window.spanledgerTheme.scheme(),
            // A brush over any chart of time becomes the range of everything.
            brush(changes) {
                const ids = window.dash_clientside.callback_context.triggered;
                for (const {value} of ids) {
                    const from = value?.["xaxis.range[0]"];
                    const to = value?.["xaxis.range[1]"];
                    if (from && to) patch({range: "", from: minute(from), to: minute(to)});
                }
                return same();
            },
            show: (clicks) => Boolean(clicks),
            absolute(clicks, from, to, zone) {
                if (clicks && from && to) {
                    const ordered = [minute(from), minute(to)].sort();
                    patch({range: "", from: ordered[0], to: ordered[1], tz: zone || query().get("tz")});
                    window.dash_clientside.set_props("absolute", {opened: false});
                }
                return same();
            },
            filter(value, dimension) {
                if (value && dimension) {
                    patch({[dimension]: [...new Set([...query().getAll(dimension), value])]});
                    window.dash_clientside.set_props("filter-pop", {opened: false});
                }
                return same();
            },
            search(text, seconds, usd) {
                const now = query();
                const wanted = {q: text || "", min_s: number(seconds), min_usd: number(usd)};
                if (Object.keys(wanted).some((key) => (now.get(key) || "") !== wanted[key])) patch(wanted);
                return same();
            },
            // The top of a page is there: what lies further down may be asked for.
            drawn: (_body, view) => (view ? {...view, drawn: Date.now()} : same()),
            // A mark of a chart leads to what it stands for.
            jump() {
                for (const {value} of window.dash_clientside.callback_context.triggered) {
                    const href = value?.points?.[0]?.customdata;
                    if (typeof href === "string") window.spanledger.go(href);
                }
                return same();
            },
            // The form of a scenario: whatever is not left as it is goes into the URL.
            scenario(price, volume, cache, model, from, to) {
                const now = query();
                const wanted = {
                    price: factor(price), volume: factor(volume), cache: cache === null || cache < 0 ? "" : String(cache),
                    of: model || "", swap: from && to && from !== to ? from : "", to: from && to && from !== to ? to : "",
                };
                if (Object.keys(wanted).some((key) => (now.get(key) || "") !== wanted[key])) patch(wanted);
                return same();
            },
            reload() {
                window.spanledgerGrid.reload("traces-grid", location.search);
                return same();
            },
            clusterMap(view) {
                if (view?.path === "/clusters") whenThere("clusters-map", () => window.spanledgerClusterMap.draw(view.tick));
                return same();
            },
            // The view as the list of clusters takes it: without what it does not depend on.
            clusterList(view, held) {
                if (view?.path !== "/clusters") return same();
                const params = new URLSearchParams(view.search);
                for (const key of ["colour", "cluster", "area", "seen"]) params.delete(key);
                const wanted = {...view, search: `?${params}`};
                return held && JSON.stringify(held) === JSON.stringify(wanted) ? same() : wanted;
            },
            clusterSearch(text) {
                if (document.getElementById("clusters-q") && (query().get("q") || "") !== (text || "")) patch({q: text || ""});
                return same();
            },
            waterfall() {
                const rows = window.spanledgerWaterfall.asked();
                whenThere("wf-rows", async () => window.spanledgerWaterfall.draw(await rows));
                return same();
            },
        },
    });

    // A callback learns of new content before React has put it into the document.
    function whenThere(id, act, frames = 120) {
        if (document.getElementById(id)) act();
        else if (frames) requestAnimationFrame(() => whenThere(id, act, frames - 1));
    }
    // "2026-11-01", "2026-11-01 06:30:12.5" -> "2026-11-01T06:30"
    const minute = (text) => `${text.replace(" ", "T")}T00:00`.slice(0, 16);
    const factor = (value) => (value === null || value === undefined || value === 100 ? "" : String(value));
    function number(value) {
        return value === null || value === undefined || value === "" || Number(value) === 0 ? "" : String(value);
    }
})();
