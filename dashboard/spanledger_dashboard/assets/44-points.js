// Points drawn as one picture: fifty thousand in some tens of milliseconds, whether there is a GPU or not.
(function () {
    "use strict";

    // Pixels of a disc around (0, 0) and how much of each it covers, in columns: this is read millions of times.
    function disc(radius) {
        const reach = Math.ceil(radius);
        const found = [];
        for (let down = -reach; down <= reach; down += 1) {
            for (let across = -reach; across <= reach; across += 1) {
                const covered = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(across, down)));
                if (covered > 0) found.push([across, down, covered]);
            }
        }
        const column = (at, Kind) => Kind.from(found, (pixel) => pixel[at]);
        return {reach, across: column(0, Int32Array), down: column(1, Int32Array), covered: column(2, Float32Array)};
    }
    const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

    // Where a place lies, in pixels of the element; `edge` of them are left free around.
    function lens({xs, ys, edge}, wide, high) {
        const [across, up] = [(wide - 2 * edge) / (xs[1] - xs[0]), (high - 2 * edge) / (ys[1] - ys[0])];
        return {
            left: (x) => edge + (x - xs[0]) * across,
            top: (y) => edge + (ys[1] - y) * up,
        };
    }

    // `scene` is {layers: [{rows, color, opacity}], x, y, size, xs, ys, edge}: rows of x and y, later layers on top.
    function draw(canvas, scene) {
        const ratio = window.devicePixelRatio || 1;
        const [wide, high] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
        canvas.width = wide;
        canvas.height = high;
        if (!wide || !high) return;
        const {left, top} = lens(scene, canvas.clientWidth, canvas.clientHeight);
        const sums = new Float32Array(wide * high * 4); // red, green and blue times opacity, and opacity
        const {reach, across, down, covered} = disc((scene.size * ratio) / 2);
        for (const {rows, color, opacity} of scene.layers) {
            const [red, green, blue] = channels(color);
            for (let row = 0; row < rows.length; row += 1) {
                const x = Math.round(left(scene.x[rows[row]]) * ratio);
                const y = Math.round(top(scene.y[rows[row]]) * ratio);
                if (x < -reach || y < -reach || x >= wide + reach || y >= high + reach) continue;
                for (let at = 0; at < across.length; at += 1) {
                    const u = x + across[at];
                    const v = y + down[at];
                    if (u < 0 || v < 0 || u >= wide || v >= high) continue;
                    const part = opacity * covered[at];
                    const to = (v * wide + u) * 4;
                    sums[to] += (red - sums[to]) * part;
                    sums[to + 1] += (green - sums[to + 1]) * part;
                    sums[to + 2] += (blue - sums[to + 2]) * part;
                    sums[to + 3] += (1 - sums[to + 3]) * part;
                }
            }
        }
        const picture = new ImageData(wide, high);
        const {data} = picture;
        for (let to = 0; to < sums.length; to += 4) {
            const opacity = sums[to + 3];
            if (!opacity) continue;
            data[to] = sums[to] / opacity;
            data[to + 1] = sums[to + 1] / opacity;
            data[to + 2] = sums[to + 2] / opacity;
            data[to + 3] = opacity * 255;
        }
        canvas.getContext("2d").putImageData(picture, 0, 0);
    }

    // The row nearest to a pixel of the canvas, at most `reach` pixels away; the topmost of equals.
    function nearest(canvas, scene, px, py, reach) {
        const {left, top} = lens(scene, canvas.clientWidth, canvas.clientHeight);
        let best = reach * reach;
        let found;
        for (const {rows} of scene.layers) {
            for (const at of rows) {
                const [across, down] = [left(scene.x[at]) - px, top(scene.y[at]) - py];
                const away = across * across + down * down;
                if (away <= best) [best, found] = [away, at];
            }
        }
        return found;
    }

    window.spanledgerPoints = {draw, nearest};
})();
