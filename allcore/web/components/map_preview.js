// Shows the picture of the cell under the pointer on the chart beside it, and tells which cell was
// clicked. Pictures that are not here yet are asked for, together with those around them.
const REST = 80 // milliseconds for which the pointer rests before a picture is asked for

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const box = parentElement.querySelector(".preview")
  box.pictures = { ...box.pictures, ...data.pictures }
  box.tell = setTriggerValue
  box.querySelector("span").textContent = data.drawn ? "SYNTHETIC" : ""
  if (box.wanted) show(box, box.wanted)
  if (box.timer) return
  box.timer = setInterval(() => {
    if (!box.isConnected) clearInterval(box.timer)
    else attach(box, parentElement.host)
  }, 300)
}

// Charts are drawn later than this, and anew when they change.
function attach(box, host) {
  let around = host
  while (around && !around.querySelector(".js-plotly-plot")) around = around.parentElement
  const chart = around && around.querySelector(".js-plotly-plot")
  if (!chart || !chart.on || chart === box.chart) return
  box.chart = chart
  chart.on("plotly_hover", (event) => {
    const id = event.points[0].customdata
    if (typeof id !== "string") return
    box.wanted = id
    box.style.left = `${Math.min(event.event.clientX + 18, innerWidth - 180)}px`
    box.style.top = `${Math.min(event.event.clientY + 18, innerHeight - 190)}px`
    show(box, id)
    clearTimeout(box.asking)
    if (!(id in box.pictures)) box.asking = setTimeout(() => box.tell("pointed", id), REST)
  })
  chart.on("plotly_unhover", () => {
    clearTimeout(box.asking)
    box.wanted = undefined
    box.hidden = true
  })
  chart.on("plotly_click", (event) => {
    const id = event.points[0].customdata
    if (typeof id === "string") box.tell("opened", id)
  })
}

function show(box, id) {
  const picture = box.pictures[id]
  box.hidden = !picture
  if (picture) box.querySelector("img").src = picture
}
