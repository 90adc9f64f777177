// The URL is the state. Controls change it here; Dash's Location reports the change; callbacks draw.
(function () {
    "use strict";
    const carried = ["project", "range", "from", "to", "tz", "cmp", "live", "customer", "feature", "team", "provider",
        "model", "prompt_version", "release", "environment", "user", "status", "tag"];

    const query = () => new URLSearchParams(location.search);

    function go(href, {replace = false} = {}) {
        const target = new URL(href, location.href);
        if (target.href === location.href) return;
        window.spanledgerWaterfall.ask(target);
        history[replace ? "replaceState" : "pushState"]({}, "", target);
        window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
        if (!replace && target.pathname !== document.documentElement.dataset.path) window.scrollTo(0, 0);
    }
    // Sets parameters; "" or null removes one, an array repeats it.
    function patch(changes, path) {
        const next = query();
        for (const [key, value] of Object.entries(changes)) {
            next.delete(key);
            for (const item of Array.isArray(value) ? value : [value]) if (item) next.append(key, item);
        }
        go(`${path || location.pathname}?${next}`);
    }
    function carry(path) {
        const kept = new URLSearchParams();
        for (const [key, value] of query()) if (carried.includes(key)) kept.append(key, value);
        return kept.size ? `${path}?${kept}` : path;
    }
    function toast(text) {
        const box = document.getElementById("toast");
        box.textContent = text;
        box.classList.add("on");
        clearTimeout(toast.timer);
        toast.timer = setTimeout(() => box.classList.remove("on"), 1600);
    }
    async function copy(text, said) {
        try {
            await navigator.clipboard.writeText(text);
            toast(said);
        } catch {
            toast("Copying is not allowed here");
        }
    }

    document.addEventListener("click", (event) => {
        const actor = event.target.closest("[data-patch],[data-toggle],[data-copy],[data-copy-link],[data-act]");
        if (actor) {
            const {patch: changes, toggle, copy: text, act} = actor.dataset;
            if (changes !== undefined) patch(Object.fromEntries(new URLSearchParams(changes)));
            else if (toggle !== undefined) {
                const [key, value] = toggle.split("=");
                patch({[key]: query().get(key) === value ? "" : value});
            } else if (text !== undefined) copy(text, "Copied");
            else if (actor.dataset.copyLink !== undefined) copy(location.href, "Link copied");
            else if (act) window.spanledger.acts[act]?.(actor);
            return;
        }
        const link = event.target.closest("a[href]");
        if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
        if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
        if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
        event.preventDefault();
        go(link.href);
        window.dash_clientside.set_props("palette", {opened: false});
    });

    // Live: a tick only while somebody can see it.
    let last = Date.now();
    setInterval(() => {
        const now = Date.now();
        const every = Number(query().get("live")) * 1000;
        if (every >= 5000 && !document.hidden && now - last >= every) window.spanledger.refresh();
        for (const age of document.querySelectorAll("[data-updated]")) {
            const seconds = Math.max(0, Math.round((now - Number(age.dataset.updated)) / 1000));
            age.textContent = seconds < 60 ? `updated ${seconds} s ago` : `updated ${Math.floor(seconds / 60)} min ago`;
        }
    }, 1000);

    window.spanledger = {
        go, patch, carry, query, toast, copy,
        refresh() {
            last = Date.now();
            window.dash_clientside.set_props("tick", {data: last});
        },
        acts: {
            theme: () => window.spanledgerTheme.next(),
            palette: () => window.dash_clientside.set_props("palette", {opened: true}),
            keys: () => window.dash_clientside.set_props("keys", {opened: true}),
            refresh: () => window.spanledger.refresh(),
            "clear-filters": () => patch(Object.fromEntries(
                [...carried.slice(7), "q", "errors", "min_s", "min_usd", "cluster"].map((key) => [key, ""]))),
        },
    };
})();
