// The spans of one trace as a tree of plain rows. The server has worked out order, depth and position.
(function () {
    "use strict";
    const icons = {
        agent: "bot", llm: "sparkles", chain: "layers", tool: "wrench", retrieval: "database", embedding: "hash",
        guardrail: "shield-check",
    };
    const FOLD_ABOVE = 2000; // beyond so many spans, only the first two levels are open at first
    const ALL_BELOW = 300; // up to so many open rows all are in the page; of more, those near the window
    const MARGIN = 30; // rows kept above and below the window
    const HEIGHT = 29; // of a row, as 40-trace.css has it
    let rows = [];
    let shown = []; // rows that no closed one hides
    let drawn = [0, 0]; // those of them that are in the page: from, to
    let closed = new Set();
    let chosen = null;

    function element(tag, className, text) {
        const node = document.createElement(tag);
        if (className) node.className = className;
        if (text !== undefined) node.textContent = text;
        return node;
    }
    function label(row) {
        const node = element("span", "lbl num", row.duration);
        if (row.left + row.width < 84) node.style.left = `${row.left + row.width}%`;
        else if (row.left > 14) node.style.right = `${100 - row.left}%`;
        else {
            node.style.left = `${row.left}%`;
            node.classList.add("in");
        }
        return node;
    }
    function line(row) {
        const node = element("div", `sp-r k-${row.error ? "error" : row.kind}`);
        node.dataset.span = row.id;
        node.setAttribute("role", "treeitem");
        node.setAttribute("aria-level", row.depth + 1);
        node.setAttribute("aria-posinset", row.place);
        node.setAttribute("aria-setsize", row.siblings.length);
        node.setAttribute("aria-selected", row.id === chosen);
        node.tabIndex = row.id === chosen ? 0 : -1;
        if (row.children) node.setAttribute("aria-expanded", !closed.has(row.id));

        const name = element("span", "nm");
        for (let level = 0; level < row.depth; level++) name.append(element("span", "ind"));
        name.append(element("span", `i i-chevron-right tw${row.children ? "" : " leaf"}`));
        const kind = element("span", "ik");
        kind.append(element("span", `i i-${icons[row.kind] || "arrow-up-right"}`));
        const title = element("b", "", row.name);
        title.title = row.note ? `${row.name} · ${row.note}` : row.name;
        name.append(kind, title);
        if (row.error) name.append(element("span", "pill bad", row.error));
        if (row.note) name.append(element("span", "pill warn", row.note));

        const lane = element("span", "lane");
        const bar = element("span", row.open ? "bar open" : "bar");
        bar.style.left = `${row.left}%`;
        bar.style.width = `${row.width}%`;
        if (row.ttft) {
            const wait = element("em");
            wait.style.width = `${row.ttft}%`;
            bar.append(wait);
        }
        lane.append(bar, label(row));
        node.append(name, lane, element("span", "c num", row.tokens), element("span", "c num", row.cost));
        return node;
    }
    function numbered({names, rows: sent}) {
        const fresh = sent.map((values) => Object.fromEntries(names.map((name, at) => [name, values[at]])));
        const above = [];
        const roots = [];
        for (const row of fresh) {
            above.length = row.depth;
            row.below = [];
            row.siblings = row.depth ? above[row.depth - 1].below : roots;
            row.place = row.siblings.push(row);
            above.push(row);
        }
        return fresh;
    }
    function visible() {
        const found = [];
        let hiddenBelow = Infinity;
        for (const row of rows) {
            if (row.depth > hiddenBelow) continue;
            hiddenBelow = closed.has(row.id) ? row.depth : Infinity;
            found.push(row);
        }
        return found;
    }
    function paint() {
        shown = visible();
        place(true);
    }
    function place(anew = false) {
        const tree = document.getElementById("wf-rows");
        if (!tree) return;
        let [from, to] = [0, shown.length];
        if (shown.length > ALL_BELOW) {
            const top = tree.getBoundingClientRect().top;
            from = Math.min(to, Math.max(0, Math.floor(-top / HEIGHT) - MARGIN));
            to = Math.max(from, Math.min(to, Math.ceil((innerHeight - top) / HEIGHT) + MARGIN));
        }
        if (!anew && from === drawn[0] && to === drawn[1]) return;
        drawn = [from, to];
        const focused = tree.contains(document.activeElement);
        const all = document.createDocumentFragment();
        for (const row of shown.slice(from, to)) all.append(line(row));
        tree.replaceChildren(all);
        tree.style.paddingTop = `${from * HEIGHT}px`;
        tree.style.paddingBottom = `${(shown.length - to) * HEIGHT}px`;
        // Where the chosen row has been scrolled out of the page, the tree itself takes the keys for it.
        const chosenNode = tree.querySelector('[aria-selected="true"]');
        tree.tabIndex = chosenNode ? -1 : 0;
        if (focused) (chosenNode || tree).focus({preventScroll: true});
    }
    function reveal(id) {
        const tree = document.getElementById("wf-rows");
        const at = shown.findIndex((row) => row.id === id);
        if (!tree || at < 0 || (at >= drawn[0] && at < drawn[1])) return;
        const y = tree.getBoundingClientRect().top + at * HEIGHT;
        window.scrollBy({top: y - innerHeight / 2, behavior: "instant"});
        place();
    }
    function select(id, {focus = false} = {}) {
        chosen = id;
        reveal(id);
        for (const node of document.querySelectorAll("#wf-rows .sp-r")) {
            const on = node.dataset.span === id;
            node.setAttribute("aria-selected", on);
            node.tabIndex = on ? 0 : -1;
            if (on) {
                node.scrollIntoView({block: "nearest"});
                if (focus) node.focus({preventScroll: true});
            }
        }
        const params = window.spanledger.query();
        if (params.get("span") !== id) {
            // The choice belongs into the link, but is no step of the browser's history.
            params.set("span", id);
            history.replaceState(history.state, "", `${location.pathname}?${params}`);
        }
        window.dash_clientside.set_props("trace-span", {data: id});
    }
    function toggle(id, close = !closed.has(id)) {
        if (!rows.find((row) => row.id === id)?.children) return false;
        if (close) closed.add(id);
        else closed.delete(id);
        paint();
        return true;
    }
    function step(by) {
        if (!shown.length || !document.getElementById("wf-rows")) return false;
        const at = shown.findIndex((row) => row.id === chosen);
        select(shown[Math.max(0, Math.min(shown.length - 1, at + by))].id, {focus: true});
        return true;
    }

    document.addEventListener("click", (event) => {
        const row = event.target.closest?.("#wf-rows .sp-r");
        if (!row) return;
        if (event.target.closest(".tw")) toggle(row.dataset.span);
        else select(row.dataset.span, {focus: true});
    });
    document.addEventListener("keydown", (event) => {
        if (!event.target.closest?.("#wf-rows")) return;
        const acts = {
            ArrowDown: () => step(1),
            ArrowUp: () => step(-1),
            ArrowRight: () => toggle(chosen, false),
            ArrowLeft: () => toggle(chosen, true),
            Enter: () => toggle(chosen),
        };
        if (acts[event.key]) {
            event.preventDefault();
            acts[event.key]();
        }
    });

    let waiting = false;
    function moved() {
        if (waiting || shown.length <= ALL_BELOW) return;
        waiting = true;
        requestAnimationFrame(() => {
            waiting = false;
            place();
        });
    }
    addEventListener("scroll", moved, {passive: true, capture: true});
    addEventListener("resize", moved, {passive: true});

    // The rows are asked for when the address is known, and are on their way while the page is still being put up.
    const PREFIX = "/trace/";
    let under = {}; // what has been asked for and not been drawn yet: {address, rows}
    function address(target) {
        const project = new URLSearchParams(target.search).get("project");
        return `/ui${target.pathname}/rows${project ? `?${new URLSearchParams({project})}` : ""}`;
    }
    function ask(target) {
        if (!target.pathname.startsWith(PREFIX)) return;
        const wanted = address(target);
        under = {
            address: wanted,
            rows: fetch(wanted).then((answer) => (answer.status === 200 ? answer.json() : null)).catch(() => null),
        };
    }
    ask(location);

    window.spanledgerWaterfall = {
        step,
        ask,
        asked() {
            const wanted = address(location);
            if (under.address !== wanted) ask(location);
            const {rows: found} = under;
            under = {};
            // Who has gone on to another trace meanwhile must not see this one's rows there.
            return found?.then((data) => (address(location) === wanted ? data : undefined));
        },
        draw(data) {
            const tree = document.getElementById("wf-rows");
            if (!tree || data === undefined) return;
            if (data === null) {
                tree.textContent = "The spans could not be read. Reload the page to try again.";
                return;
            }
            const before = rows[0]?.id;
            rows = numbered(data);
            const fresh = before === undefined || before !== rows[0]?.id;
            if (fresh) {
                closed = new Set(
                    rows.length > FOLD_ABOVE ? rows.filter((row) => row.depth >= 1 && row.children).map((row) => row.id) : [],
                );
                const asked = window.spanledger.query().get("span");
                chosen = rows.some((row) => row.id === asked) ? asked : data.first;
            }
            paint();
            if (chosen) select(chosen);
        },
    };
})();
