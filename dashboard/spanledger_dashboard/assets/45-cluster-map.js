// The map of clusters. Its points are fetched once for a range; colours, search, part of the range and selection are
// drawn here as the URL has them: points on a canvas (44-points.js), axes, names and areas by Plotly above it.
(function () {
    "use strict";
    const {patch, go, query} = window.spanledger;
    const PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js";
    const STEPS = 28; // parts of the range that the slider moves by
    const CORNERS = 60; // of a selection, at most
    const EDGE = 4; // pixels around the map
    const NEAR = 9; // pixels from a point to the pointer that is meant for it
    const FULL = 65535;
    const COLD = ["#4a6fb8", "#4b9aa6", "#79ab73", "#c0a53c", "#de8a33", "#d0482e"]; // from low to high
    const own = ["colour", "q", "cluster", "area", "seen", "sort", "group", "all", "cmp", "live"];
    let held = null; // {key, map}: what was fetched
    let scene = null; // what the canvas shows
    let tool = "lasso";
    let part = null; // while the slider is dragged: [from, to] in steps

    const place = () => document.getElementById("clusters-map");
    const canvas = () => document.getElementById("clusters-points");
    function element(tag, className, text) {
        const node = document.createElement(tag);
        if (className) node.className = className;
        if (text !== undefined) node.textContent = text;
        return node;
    }

    // Dash loads Plotly with its first chart; a map alone has to ask for it.
    let loading = null;
    function plotly() {
        if (window.Plotly) return Promise.resolve(window.Plotly);
        loading = loading || new Promise((done, failed) => {
            const script = document.createElement("script");
            script.src = PLOTLY;
            script.onload = () => done(window.Plotly);
            script.onerror = failed;
            document.head.append(script);
        });
        return loading;
    }

    function numbers(text, Kind) {
        const letters = atob(text);
        const bytes = new Uint8Array(letters.length);
        for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
        return new Kind(bytes.buffer);
    }
    function opened(raw) {
        const map = {...raw, t: numbers(raw.t, Uint16Array), cluster: numbers(raw.cluster, Uint16Array),
            usd: numbers(raw.usd, Float32Array), seconds: numbers(raw.seconds, Float32Array),
            failed: numbers(raw.failed, Uint8Array)};
        const [left, right, low, high] = raw.box;
        map.x = Float32Array.from(numbers(raw.x, Uint16Array), (level) => left + (level / FULL) * (right - left));
        map.y = Float32Array.from(numbers(raw.y, Uint16Array), (level) => low + (level / FULL) * (high - low));
        for (const name of ["model", "customer", "feature"]) map[name].codes = numbers(raw[name].codes, Uint8Array);
        if (raw.score) map.score.values = numbers(raw.score.values, Float32Array);
        return map;
    }
    function asked(tick) {
        const wanted = query();
        if (!wanted.get("tz")) wanted.set("tz", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
        const score = wanted.get("colour") === "score";
        for (const key of own) wanted.delete(key);
        if (score) wanted.set("colour", "score");
        return {key: `${wanted}#${tick || 0}`, url: `/ui/clusters/points?${wanted}`};
    }
    // A visit that begins here need not wait for the rest of the page before it asks for the points.
    let early = null; // {key, answer}
    if (location.pathname === "/clusters") {
        const {key, url} = asked();
        early = {key, answer: fetch(url)};
        early.answer.catch(() => {});
    }
    async function fetched(tick) {
        const {key, url} = asked(tick);
        if (held?.key === key) return held.map;
        const coming = early?.key === key ? early.answer : fetch(url);
        early = null;
        const answer = await coming;
        const map = answer.status === 200 ? opened(await answer.json()) : null;
        if (asked(tick).key === key) held = {key, map};
        return map;
    }

    async function draw(tick) {
        const div = place();
        if (!div) return;
        let map;
        try {
            const parsed = plotly();
            map = await fetched(tick);
            if (place() === div && map && !div.data) {
                compose(map);
                show(div);
            }
            await parsed;
        } catch {
            note("The map could not be loaded. What is beside it still holds.");
            return;
        }
        if (place() !== div) return;
        if (!map) {
            if (div.data) window.Plotly.purge(div);
            scene = null;
            canvas().width = 0;
            for (const id of ["clusters-legend", "clusters-time"]) document.getElementById(id).replaceChildren();
            note("");
            return;
        }
        paint(div, map);
        slider(map);
    }

    // --- what a point's colour means -------------------------------------------------------------------------------
    const named = (value) => value || "Unattributed";
    function scale(values, told) {
        const known = Array.from(values).filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
        const cuts = COLD.slice(1).map((_, at) => known[Math.floor(((at + 1) / COLD.length) * known.length)]);
        const edges = [...new Set(cuts)];
        const labels = [...edges, null].map((edge, at) => {
            if (!edges.length) return told(known[0] ?? 0);
            if (edge === null) return `from ${told(edges[edges.length - 1])}`;
            return at === 0 ? `below ${told(edge)}` : `${told(edges[at - 1])} to ${told(edge)}`;
        });
        const step = labels.length > 1 ? (COLD.length - 1) / (labels.length - 1) : 0;
        return {
            of(at) {
                const value = values[at];
                if (Number.isNaN(value)) return labels.length;
                let place_ = 0;
                while (place_ < edges.length && value >= edges[place_]) place_ += 1;
                return place_;
            },
            classes: [...labels.map((label, at) => ({label, tint: COLD[Math.round(at * step)]})), {label: "unknown", faint: true}],
        };
    }
    const dollars = (value) => (value >= 1 ? `$${value.toFixed(2)}` : `$${value.toPrecision(2)}`);
    const seconds = (value) => (value >= 1 ? `${value.toFixed(1)} s` : `${Math.round(value * 1000)} ms`);
    function colouring(map, by) {
        if (by === "feature" || by === "model" || by === "customer") {
            const {values, codes} = map[by];
            return {of: (at) => Math.min(codes[at], values.length), classes: [
                ...values.map((value, at) => ({label: named(value), tint: map.tints[at % map.tints.length]})),
                {label: "others", faint: true}]};
        }
        if (by === "spend") return scale(map.usd, dollars);
        if (by === "latency") return scale(map.seconds, seconds);
        if (by === "score") {
            if (!map.score) return {of: () => 0, classes: [{label: "no call of this range has a score", faint: true}]};
            return scale(map.score.values, (value) => value.toFixed(2));
        }
        if (by === "error") {
            return {of: (at) => map.failed[at], classes: [{label: "fine", faint: true}, {label: "failed", tint: "#d8532c"}]};
        }
        if (by === "new") {
            return {of: (at) => Number(map.clusters[map.cluster[at]].fresh), classes: [
                {label: "asked before", faint: true}, {label: "first asked within 7 days", tint: "#e08a2e"}]};
        }
        const tints = [...map.tints, map.other];
        return {
            of: (at) => tints.indexOf(map.clusters[map.cluster[at]].tint),
            classes: tints.map((tint) => ({label: "", tint, faint: tint === map.other})),
        };
    }

    // --- what is shown, and what of it stands out ------------------------------------------------------------------
    function window_(map) {
        if (part) return part.map((step) => (step / STEPS) * FULL);
        const [from, to] = (query().get("seen") || "").split("_").map(Number);
        if (!to) return [0, FULL];
        return [from, to].map((second) => ((second - map.start) / (map.end - map.start)) * FULL);
    }
    function corners() {
        const flat = (query().get("area") || "").split(",").map(Number);
        return flat.length >= 6 ? flat.reduce((all, value, at) => (at % 2 ? all : [...all, [value, flat[at + 1]]]), []) : [];
    }
    function within(x, y, area) {
        let inside = false;
        for (let at = 0, before = area.length - 1; at < area.length; before = at, at += 1) {
            const [x0, y0] = area[before];
            const [x1, y1] = area[at];
            if (y < y0 !== y < y1 && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside;
        }
        return inside;
    }
    function standing(map) {
        const area = corners();
        if (area.length) return (at) => within(map.x[at], map.y[at], area);
        const one = query().get("cluster");
        if (one) return (at) => String(map.clusters[map.cluster[at]].id) === one;
        const words = (query().get("q") || "").toLowerCase().trim();
        if (words) {
            const hit = map.clusters.map((each) => each.text.includes(words));
            return (at) => hit[map.cluster[at]];
        }
        return null;
    }

    // The scene that the URL asks for, with the classes of its colours and how many points there are.
    function compose(map) {
        const by = query().get("colour") || "cluster";
        const {of, classes} = colouring(map, by);
        const [from, to] = window_(map);
        const stands = standing(map);
        const ground = [];
        const groups = classes.map(() => []);
        let seen = 0;
        for (let at = 0; at < map.n; at += 1) {
            if (map.t[at] < from || map.t[at] > to) continue;
            seen += 1;
            if (stands && !stands(at)) ground.push(at);
            else groups[of(at)].push(at);
        }
        // What stands back lies below everything.
        const order = [...classes.keys()].sort((a, b) => Number(!classes[a].faint) - Number(!classes[b].faint));
        const layers = [[ground, map.other, 0.05], ...order.map((at) =>
            [groups[at], classes[at].tint || map.other, classes[at].faint ? 0.32 : 0.72])].filter(([rows]) => rows.length);
        scene = {
            layers: layers.map(([rows, color, opacity]) => ({rows, color, opacity})), x: map.x, y: map.y, edge: EDGE,
            size: seen > 20000 ? 3 : seen > 4000 ? 4 : 5, ...whole(map),
        };
        return {by, classes, groups, seen, named: groups.flat()};
    }
    function whole(map) {
        const [left, right, low, high] = map.box;
        const [dx, dy] = [(right - left) * 0.03, (high - low) * 0.03];
        return {xs: [left - dx, right + dx], ys: [low - dy, high + dy]};
    }
    // The canvas, as far as Plotly's axes show it; `moved` is what a drag under way has made of them.
    function show(div, moved) {
        if (!scene || !canvas()) return;
        const of = (axis, otherwise) => {
            const ends = [0, 1].map((end) => moved?.[`${axis}.range[${end}]`]);
            return ends.includes(undefined) ? div.layout?.[axis]?.range || otherwise : ends;
        };
        scene.xs = of("xaxis", scene.xs);
        scene.ys = of("yaxis", scene.ys);
        // Plotly tells of every change, also of those that leave the picture as it is.
        const looks = [scene.xs, scene.ys, div.clientWidth, div.clientHeight, window.devicePixelRatio].join();
        if (scene.looks === looks && scene.on === canvas()) return;
        Object.assign(scene, {looks, on: canvas()});
        window.spanledgerPoints.draw(canvas(), scene);
    }

    function paint(div, map) {
        const {by, classes, groups, seen, named: rows} = compose(map);
        const area = corners();
        const shapes = area.length ? [{
            type: "path", path: `M${area.map(([x, y]) => `${x},${y}`).join("L")}Z`, layer: "above",
            line: {color: "#6f8cff", width: 1.5}, fillcolor: "rgba(111,140,255,.07)",
        }] : [];
        const axis = {visible: false, zeroline: false, showgrid: false};
        window.Plotly.react(div, [], {
            margin: {l: EDGE, r: EDGE, t: EDGE, b: EDGE}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
            hovermode: false, dragmode: dragging(), showlegend: false, uirevision: held.key,
            xaxis: {...axis, range: [...scene.xs]}, yaxis: {...axis, range: [...scene.ys]},
            annotations: labels(div, map, rows), shapes, font: {size: 11},
        }, {displayModeBar: false, responsive: true, doubleClick: false, showSendToCloud: false, displayNotifier: false});
        if (!div.dataset.wired) wire(div);
        show(div);
        for (const row of document.querySelectorAll("#clusters-table tr[data-cluster]")) {
            row.classList.toggle("on", row.dataset.cluster === query().get("cluster"));
        }
        legend(by, classes, groups);
        const sample = map.of > map.n ? `A sample of ${count(map.n)} of ${count(map.of)} calls` : `All ${count(map.n)} calls`;
        const rest = seen < map.n ? `, ${count(seen)} of them in the part chosen below` : "";
        note(`${sample} on the map${rest}.`);
    }
    const count = (value) => value.toLocaleString("en-GB");
    function note(text) {
        const node = document.getElementById("clusters-note");
        if (node) node.textContent = text;
    }

    // Names of the largest clusters where there is room, each at the middle of its points.
    function labels(div, map, rows) {
        const members = new Map();
        for (const at of rows) {
            const cluster = map.cluster[at];
            if (!members.has(cluster)) members.set(cluster, []);
            members.get(cluster).push(at);
        }
        const [left, right, low, high] = map.box;
        const narrow = div.clientWidth < 560;
        const most = narrow ? 6 : 16;
        const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
        const kept = [];
        for (const [cluster, all] of [...members].sort((a, b) => b[1].length - a[1].length)) {
            const {id, name} = map.clusters[cluster];
            if (!id || kept.length >= most) continue;
            const x = middle(all.map((at) => map.x[at]));
            const y = middle(all.map((at) => map.y[at]));
            const text = name.length > 26 ? `${name.slice(0, 25)}…` : name;
            const [across, down] = [((x - left) / (right - left)) * div.clientWidth, ((y - low) / (high - low)) * div.clientHeight];
            const half = text.length * 3.1 + 6;
            if (kept.some((other) => Math.abs(other.across - across) < other.half + half && Math.abs(other.down - down) < 16)) continue;
            kept.push({x, y, text: text.replaceAll("<", "&lt;"), across, down, half});
        }
        const side = ({across, half}) => (across + half > div.clientWidth ? "right" : across < half ? "left" : "center");
        return kept.map((each) => ({x: each.x, y: each.y, text: each.text, xanchor: side(each), showarrow: false,
            captureevents: false, font: {size: 11}}));
    }

    function legend(by, classes, groups) {
        const box = document.getElementById("clusters-legend");
        if (by === "cluster") {
            box.replaceChildren();
            return;
        }
        const rows = classes.map(({label, tint, faint}, at) => ({label, tint, faint, calls: groups[at].length})).filter((row) => row.calls);
        if (["feature", "customer", "model"].includes(by)) rows.sort((a, b) => Number(Boolean(a.faint)) - Number(Boolean(b.faint)) || b.calls - a.calls);
        box.replaceChildren(...rows.map(({label, tint, calls}) => {
            const row = element("span");
            const dot = element("i", "dot");
            dot.style.background = tint || held.map.other;
            row.append(dot, label, element("small", "num", count(calls)));
            return row;
        }));
    }

    // --- pointing, choosing ----------------------------------------------------------------------------------------
    function wire(div) {
        div.dataset.wired = "1";
        const tip = document.getElementById("clusters-tip");
        const under = (event) => {
            const box = div.getBoundingClientRect();
            return scene ? window.spanledgerPoints.nearest(canvas(), scene, event.clientX - box.left, event.clientY - box.top, NEAR) : undefined;
        };
        const tell = (event) => {
            const at = event.buttons || event.pointerType === "touch" ? undefined : under(event);
            tip.classList.toggle("on", at !== undefined);
            if (at === undefined) return;
            const {map} = held;
            const {name, example, id, tint} = map.clusters[map.cluster[at]];
            const head = element("b", "", name);
            const dot = element("i", "dot");
            dot.style.background = tint;
            head.prepend(dot);
            const when = new Date((map.start + (map.t[at] / FULL) * (map.end - map.start)) * 1000);
            const facts = [
                Number.isNaN(map.usd[at]) ? "unpriced" : dollars(map.usd[at]),
                Number.isNaN(map.seconds[at]) ? "" : seconds(map.seconds[at]),
                map.failed[at] ? "failed" : "",
                ...["customer", "model"].map((by) => map[by].values[map[by].codes[at]]),
                when.toLocaleString("en-GB", {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
                    timeZone: query().get("tz") || undefined}),
            ].filter(Boolean);
            tip.replaceChildren(head, ...(id && example ? [element("q", "", example)] : []), element("small", "num", facts.join(" · ")));
            const box = div.getBoundingClientRect();
            const x = event.clientX - box.left;
            const y = event.clientY - box.top;
            tip.style.left = `${Math.max(4, Math.min(x + 14, box.width - tip.offsetWidth - 4))}px`;
            tip.style.top = `${y + 18 + tip.offsetHeight > box.height ? Math.max(4, y - tip.offsetHeight - 12) : y + 18}px`;
        };
        let asked_ = 0;
        div.addEventListener("pointermove", (event) => {
            cancelAnimationFrame(asked_);
            asked_ = requestAnimationFrame(() => place() === div && tell(event));
        });
        div.addEventListener("pointerleave", () => {
            cancelAnimationFrame(asked_);
            tip.classList.remove("on");
        });
        let down = null;
        div.addEventListener("pointerdown", (event) => {
            down = event.button ? null : event;
        });
        window.addEventListener("pointerup", (event) => {
            const from = down;
            down = null;
            if (!from || Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > 3) return;
            const at = under(event);
            if (at !== undefined) patch({cluster: String(held.map.clusters[held.map.cluster[at]].id), area: ""});
        });
        div.on("plotly_afterplot", () => show(div));
        div.on("plotly_relayouting", (moved) => show(div, moved));
        draws(div);
    }
    // Drawing around points is the page's own: Plotly would look for what lies inside at every move.
    const dragging = () => (tool === "lasso" || tool === "select" ? false : tool);
    function draws(div) {
        const space = "http://www.w3.org/2000/svg";
        const sheet = document.createElementNS(space, "svg");
        sheet.setAttribute("class", "map-lasso");
        const path = document.createElementNS(space, "path");
        sheet.append(path);
        div.parentElement.append(sheet);
        let line = null;
        const at = (event) => {
            const box = div.getBoundingClientRect();
            return [event.clientX - box.left, event.clientY - box.top];
        };
        const shape = () => {
            if (tool === "lasso") return line;
            const [[x0, y0], [x1, y1]] = [line[0], line[line.length - 1]];
            return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
        };
        div.addEventListener("pointerdown", (event) => {
            if (dragging() || event.button || event.pointerType === "touch") return;
            line = [at(event)];
        });
        window.addEventListener("pointermove", (event) => {
            if (!line) return;
            const [x, y] = at(event);
            const [u, v] = line[line.length - 1];
            if (Math.abs(x - u) + Math.abs(y - v) < 3) return;
            line.push([x, y]);
            document.getElementById("clusters-tip").classList.remove("on");
            path.setAttribute("d", `M${shape().map((point) => point.join(",")).join("L")}Z`);
        });
        window.addEventListener("pointerup", () => {
            if (!line) return;
            const area = line.length > 2 ? outline(div, shape()) : "";
            line = null;
            path.removeAttribute("d");
            if (area) patch({area, cluster: ""});
        });
    }
    function outline(div, pixels) {
        const {xaxis, yaxis} = div.layout;
        const [wide, high] = [div.clientWidth - 2 * EDGE, div.clientHeight - 2 * EDGE];
        const every = Math.max(1, Math.ceil(pixels.length / CORNERS));
        const [x0, x1] = xaxis.range;
        const [y0, y1] = yaxis.range;
        return pixels.filter((_, at) => at % every === 0).map(([x, y]) =>
            `${(x0 + ((x - EDGE) / wide) * (x1 - x0)).toFixed(4)},${(y1 - ((y - EDGE) / high) * (y1 - y0)).toFixed(4)}`).join(",");
    }
    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-map-tool]");
        const div = place();
        if (!button || !div?.data) return;
        const wanted = button.dataset.mapTool;
        if (wanted === "whole") {
            const {xs, ys} = whole(held.map);
            window.Plotly.relayout(div, {"xaxis.range": xs, "yaxis.range": ys});
            return;
        }
        tool = wanted;
        for (const other of button.parentElement.querySelectorAll("[aria-pressed]")) {
            other.setAttribute("aria-pressed", String(other === button));
        }
        window.Plotly.relayout(div, {dragmode: dragging()});
    });

    // --- which part of the range is shown --------------------------------------------------------------------------
    function slider(map) {
        const box = document.getElementById("clusters-time");
        const [from, to] = window_(map).map((level) => Math.round((level / FULL) * STEPS));
        const calls = new Array(STEPS).fill(0);
        for (const level of map.t) calls[Math.min(STEPS - 1, Math.floor((level / FULL) * STEPS))] += 1;
        const most = Math.max(...calls, 1);
        const bars = element("div", "bars");
        bars.setAttribute("aria-hidden", "true");
        bars.append(...calls.map((each, at) => {
            const bar = element("i", at >= from && at < to ? "on" : "");
            bar.style.height = `${Math.max(each ? 6 : 0, (each / most) * 100)}%`;
            return bar;
        }));
        const ends = [["From", from], ["To", to]].map(([label, value]) => {
            const input = element("input");
            Object.assign(input, {type: "range", min: 0, max: STEPS, step: 1, value});
            input.setAttribute("aria-label", `${label}: part of the range that the map shows`);
            return input;
        });
        const told = element("div", "told num");
        const moment = (step) => new Date((map.start + (step / STEPS) * (map.end - map.start)) * 1000).toLocaleString("en-GB",
            {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: query().get("tz") || undefined});
        const read = () => {
            const [a, b] = ends.map((input) => Number(input.value)).sort((left, right) => left - right);
            return [Math.min(a, STEPS - 1), Math.max(b, Math.min(a, STEPS - 1) + 1)];
        };
        const say = ([a, b]) => told.replaceChildren(element("span", "", moment(a)), element("span", "", moment(b)));
        say([from, to]);
        let asked_ = 0;
        for (const input of ends) {
            input.addEventListener("input", () => {
                part = read();
                say(part);
                [...bars.children].forEach((bar, at) => bar.classList.toggle("on", at >= part[0] && at < part[1]));
                cancelAnimationFrame(asked_);
                asked_ = requestAnimationFrame(() => place() && paint(place(), map));
            });
            input.addEventListener("change", () => {
                const [a, b] = read();
                part = null;
                const second = (step) => Math.round(map.start + (step / STEPS) * (map.end - map.start));
                const next = query();
                next.delete("seen");
                if (a > 0 || b < STEPS) next.set("seen", `${second(a)}_${second(b)}`);
                go(`${location.pathname}?${next}`, {replace: true});
            });
        }
        const focused = [...box.querySelectorAll("input")].indexOf(document.activeElement);
        const rail = element("div", "rail");
        rail.append(bars, ...ends);
        box.replaceChildren(rail, told);
        if (focused >= 0) ends[focused].focus();
    }

    window.spanledgerClusterMap = {draw};
})();
