"use strict";
// Draws every figure of the report in the colours of the page, and again where these change.
(() => {
  const PRINTED = 640; // pixels: the width of a page of paper within its margins
  const SAVED = 900; // pixels: the width of a saved figure, whatever the screen's
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = [...document.querySelectorAll(".chart")].map((place) => ({
    place,
    figure: JSON.parse(place.nextElementSibling.textContent),
  }));

  function template(isDark) {
    const text = isDark ? "#ece9f3" : "#181522";
    const quiet = isDark ? "#b3acc2" : "#5c5669";
    const ground = isDark ? "#15121c" : "#ffffff";
    const line = isDark ? "#3b3450" : "#d9d4e5";
    const axis = {
      gridcolor: line, linecolor: line, zeroline: false, automargin: true,
      title: { standoff: 12 },
    };
    return {
      layout: {
        font: { color: text, family: "system-ui, 'Segoe UI', Roboto, sans-serif" },
        title: { font: { size: 16 }, subtitle: { font: { color: quiet } } },
        paper_bgcolor: ground, plot_bgcolor: ground,
        xaxis: axis, yaxis: axis,
        hoverlabel: { bgcolor: ground, font: { color: text } },
      },
    };
  }

  function draw({ place, figure }, isDark, width) {
    const layout = { ...figure.layout, template: template(isDark), autosize: !width, width };
    const save = (format) => (chart) =>
      Plotly.downloadImage(chart, {
        format, scale: 2, filename: place.dataset.name,
        width: SAVED, height: figure.layout.height || 450,
      });
    const config = {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d"],
      modeBarButtonsToAdd: [
        { name: "png", title: "Save as PNG", icon: Plotly.Icons.camera, click: save("png") },
        { name: "svg", title: "Save as SVG", icon: Plotly.Icons.disk, click: save("svg") },
      ],
    };
    Plotly.react(place, figure.data, layout, config);
  }

  const all = (isDark, width) => charts.forEach((chart) => draw(chart, isDark, width));
  all(dark.matches);
  dark.addEventListener("change", () => all(dark.matches));
  window.addEventListener("beforeprint", () => all(false, PRINTED));
  window.addEventListener("afterprint", () => all(dark.matches));
})();
