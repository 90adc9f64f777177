"use strict";

const Plotly = require("plotly.js/lib/core");

Plotly.register([
    require("plotly.js/src/traces/scattergl/strict"),
    require("plotly.js/lib/bar"),
    require("plotly.js/lib/heatmap"),
    require("plotly.js/lib/waterfall"),
]);

module.exports = Plotly;
