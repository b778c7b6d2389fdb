// Shows one picture of a list: the wheel or two fingers zoom at the pointer, dragging moves, arrow
// keys and buttons turn to the next picture. The pictures beside it are here already, so that it is
// seen at once while the page follows.
const VIEW = "allscope-gallery" // the brightness, shared with the gallery
const LARGEST = 10
const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=tab], [role=radio]"

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const stage = parentElement.querySelector(".stage")
  const image = stage.querySelector("img")
  const find = (name) => parentElement.querySelector(name)
  stage.data = data
  stage.tell = setStateValue
  if (stage.count === undefined || data.count >= stage.count) {
    stage.count = data.count
    show(data.at)
  } else if (data.ids.includes(stage.at)) show(stage.at)
  find(".before").onclick = () => step(-1)
  find(".after").onclick = () => step(1)
  find(".fit").onclick = () => fit()
  find(".brightness").oninput = (event) => {
    const view = JSON.parse(localStorage.getItem(VIEW) || "{}")
    localStorage.setItem(VIEW, JSON.stringify({ ...view, brightness: Number(event.target.value) }))
    brighten()
  }
  brighten()
  if (stage.ready) return
  stage.ready = true
  fit()
  const fingers = new Map()
  stage.addEventListener("wheel", (event) => {
    event.preventDefault()
    zoom(Math.exp(-event.deltaY * 0.002), event)
  }, { passive: false })
  stage.ondblclick = (event) => (stage.scale > 1 ? fit() : zoom(3, event))
  stage.onpointerdown = (event) => {
    fingers.set(event.pointerId, event)
    if (stage.scale > 1 || fingers.size > 1) stage.setPointerCapture(event.pointerId)
  }
  stage.onpointerup = stage.onpointercancel = (event) => fingers.delete(event.pointerId)
  stage.onpointermove = (event) => {
    const last = fingers.get(event.pointerId)
    if (!last) return
    const other = [...fingers.values()].find((each) => each.pointerId !== event.pointerId)
    fingers.set(event.pointerId, event)
    if (other) zoom(distance(event, other) / Math.max(1, distance(last, other)), event)
    else move(event.clientX - last.clientX, event.clientY - last.clientY)
  }
  const keys = (event) => {
    if (!stage.isConnected) {
      document.removeEventListener("keydown", keys, true)
      return
    }
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const target = event.composedPath()[0]
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return
    if (target.closest?.(TYPING) || target.closest?.("button.cell")) return
    event.preventDefault()
    stage.step(by)
  }
  document.addEventListener("keydown", keys, true)
  stage.step = step

  function step(by) {
    const { ids } = stage.data
    const next = ids[ids.indexOf(stage.at) + by]
    if (next === undefined) return
    stage.count += 1
    show(next)
    stage.tell("at", { id: next, count: stage.count })
  }

  function show(id) {
    const { ids, pictures, place, total } = stage.data
    if (stage.at !== id) fit()
    stage.at = id
    const at = ids.indexOf(id)
    const picture = pictures[id]
    image.hidden = !picture
    if (picture && image.src !== picture) image.src = picture
    image.alt = `Picture of ${id}`
    find(".none").textContent = picture === "" ? "picture not on this machine" : ""
    find(".place").textContent = total > 1 ? `${place + at - ids.indexOf(stage.data.at) + 1} of ${total}` : ""
    for (const [name, by] of [[".before", -1], [".after", 1]]) {
      find(name).hidden = total < 2
      find(name).disabled = ids[at + by] === undefined
    }
  }

  function brighten() {
    const { brightness = 1 } = JSON.parse(localStorage.getItem(VIEW) || "{}")
    find(".brightness").value = brightness
    image.style.filter = `brightness(${brightness})`
  }

  function fit() {
    Object.assign(stage, { scale: 1, x: 0, y: 0 })
    apply()
  }

  function zoom(factor, event) {
    const box = stage.getBoundingClientRect()
    const scale = Math.min(LARGEST, Math.max(1, stage.scale * factor))
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    stage.x = x - ((x - stage.x) * scale) / stage.scale
    stage.y = y - ((y - stage.y) * scale) / stage.scale
    stage.scale = scale
    apply()
  }

  function move(x, y) {
    stage.x += x
    stage.y += y
    apply()
  }

  function apply() {
    const room = stage.clientWidth * (1 - stage.scale)
    stage.x = Math.min(0, Math.max(room, stage.x))
    stage.y = Math.min(0, Math.max(room, stage.y))
    image.style.transform = `translate(${stage.x}px, ${stage.y}px) scale(${stage.scale})`
    image.style.imageRendering = stage.scale >= 3 ? "pixelated" : ""
    stage.style.touchAction = stage.scale > 1 ? "none" : "pan-y"
    bar()
  }

  // A round number of pixels of the original that takes at most a third of the width.
  function bar() {
    const side = Math.max(image.naturalWidth, image.naturalHeight)
    const length = [200, 100, 50, 20, 10, 5].find((each) => (each * stage.scale) / side < 0.34)
    const line = find(".bar")
    line.hidden = image.hidden || !side || !length
    line.style.width = `${(100 * length * stage.scale) / side}%`
    line.textContent = `${length} px`
  }
  image.onload = bar
}

function distance(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY)
}
