// Draws outlines over a picture as buttons of an SVG, so that they can be reached and opened by
// keyboard. Where cells can be added, a click beside them tells its place in pixels of the picture.
const SVG = "http://www.w3.org/2000/svg"
const BADGE = 11 // radius of a number in pixels of the screen

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const field = parentElement.querySelector(".field-picture")
  const image = field.querySelector("img")
  const [width, height] = data.size
  field.style.aspectRatio = `${width} / ${height}`
  field.classList.toggle("adding", data.adding)
  if (image.src !== data.picture) image.src = data.picture
  image.alt = data.alt
  const drawn = JSON.stringify([data.cells, data.size])
  if (field.drawn !== drawn) {
    field.drawn = drawn
    field.querySelector("svg")?.remove()
    field.append(outlines(data, width, height))
  }
  const svg = field.querySelector("svg")
  for (const cell of svg.querySelectorAll(".cell")) {
    const current = Number(cell.dataset.number) === data.current
    cell.classList.toggle("current", current)
    cell.setAttribute("aria-pressed", String(current))
  }
  scale(svg, width)
  field.observer?.disconnect()
  field.observer = new ResizeObserver(() => scale(svg, width))
  field.observer.observe(field)
  svg.onclick = (event) => {
    const cell = event.target.closest(".cell")
    if (cell) {
      setTriggerValue("opened", Number(cell.dataset.number))
    } else if (data.adding) {
      const box = svg.getBoundingClientRect()
      const x = ((event.clientX - box.left) / box.width) * width
      const y = ((event.clientY - box.top) / box.height) * height
      setTriggerValue("marked", [Math.floor(x), Math.floor(y)])
    }
  }
  svg.onkeydown = (event) => {
    const cells = [...svg.querySelectorAll(".cell")]
    const at = cells.indexOf(event.target)
    if (at < 0) return
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (step) cells[Math.min(cells.length - 1, Math.max(0, at + step))].focus()
    else if (event.key === "Enter" || event.key === " ")
      setTriggerValue("opened", Number(event.target.dataset.number))
    else return
    event.preventDefault()
  }
  return () => field.observer?.disconnect()
}

function outlines(data, width, height) {
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "group" })
  svg.setAttribute("aria-label", "Outlines of the white cells")
  for (const cell of data.cells) {
    const group = element("g", {
      class: `cell ${cell.kind}${cell.border ? " border" : ""}`,
      role: "button", tabindex: 0, "aria-label": cell.words, "data-number": cell.number,
    })
    const title = element("title", {})
    title.textContent = cell.words
    const badge = element("g", { class: "badge", "data-at": cell.corner.join(" ") })
    const text = element("text", { fill: "#fff" })
    text.textContent = String(cell.number)
    const fill = cell.kind === "all" ? "#A84600" : cell.kind === "hem" ? cell.colour : "#5E5E5E"
    badge.append(element("circle", { fill, stroke: "#fff" }), text)
    group.append(
      title,
      element("polygon", { class: "halo", points: cell.points }),
      element("polygon", { class: "line", points: cell.points, stroke: cell.colour }),
      badge,
    )
    svg.append(group)
  }
  return svg
}

// Numbers keep one size on the screen, and stay inside the picture.
function scale(svg, width) {
  const unit = width / (svg.clientWidth || width)
  const [right, bottom] = svg.getAttribute("viewBox").split(" ").slice(2).map(Number)
  const radius = BADGE * unit
  for (const badge of svg.querySelectorAll(".badge")) {
    const [x, y] = badge.dataset.at.split(" ").map(Number)
    const inside = (value, end) => Math.min(Math.max(value, radius), end - radius)
    badge.setAttribute("transform", `translate(${inside(x, right)} ${inside(y, bottom)})`)
    badge.querySelector("circle").setAttribute("r", radius)
    badge.querySelector("text").setAttribute("font-size", 12 * unit)
  }
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}
