// Draws the cards as buttons, so that they can be reached and opened by keyboard, and tells which
// one was opened. Where several can be selected, each has a box besides; Space works it, Shift
// selects a range and Ctrl+A the whole page. Names come from data: they are set as text, never as
// markup.
const VIEW = "allscope-gallery" // size and brightness, which the browser keeps

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component
  const grid = parentElement.querySelector(".cells")
  const said = parentElement.querySelector(".said")
  tools(parentElement.querySelector(".tools"), grid, data)
  grid.onpointermove = zoom
  draw(grid, data)
  take(grid, data)
  for (const button of grid.querySelectorAll("button")) {
    if (button.dataset.id === data.current) button.setAttribute("aria-current", "true")
    else button.removeAttribute("aria-current")
  }
  mark(grid, said)
  grid.onclick = (event) => {
    const cell = event.target.closest("[data-id]")
    if (!cell) return
    const several = event.shiftKey || event.ctrlKey || event.metaKey
    if (grid.limit && (several || cell.matches("input"))) pick(cell.dataset.id, event.shiftKey)
    else setTriggerValue("opened", cell.dataset.id)
  }
  grid.onkeydown = (event) => {
    const cells = [...grid.querySelectorAll("button")]
    const at = cells.indexOf(event.target)
    if (at < 0) return
    if (event.key === " " && grid.limit) {
      event.preventDefault()
      pick(event.target.dataset.id)
      return
    }
    if (event.key === "a" && (event.ctrlKey || event.metaKey) && grid.limit) {
      event.preventDefault()
      choose(cells.map((each) => each.dataset.id), true)
      return
    }
    const next = place(event.key, at, cells.length, columns(grid))
    if (next === undefined) return
    event.preventDefault()
    cells[next].focus()
  }
  grid.onkeyup = (event) => {
    if (event.key === " " && grid.limit && event.target.matches("button")) event.preventDefault()
  }

  function pick(id, range = false) {
    const ids = [...grid.querySelectorAll("button")].map((each) => each.dataset.id)
    const ends = [ids.indexOf(grid.last), ids.indexOf(id)].sort((one, other) => one - other)
    const span = range && ends[0] >= 0 ? ids.slice(ends[0], ends[1] + 1) : [id]
    grid.last = id
    choose(span, !grid.chosen.includes(id))
  }

  function choose(ids, on) {
    const others = grid.chosen.filter((each) => !ids.includes(each))
    const kept = grid.chosen.filter((each) => ids.includes(each))
    grid.chosen = on ? [...new Set([...others, ...kept, ...ids])].slice(0, grid.limit) : others
    grid.count += 1
    mark(grid, said)
    // A trigger would be lost where the next run begins before this one was read.
    setStateValue("chosen", { ids: grid.chosen, count: grid.count })
  }
}

// Buttons of the size and a slider of the brightness; they change the view alone.
function tools(bar, grid, data) {
  const view = data.tools ? JSON.parse(localStorage.getItem(VIEW) || "{}") : {}
  const show = () => {
    const size = view.size || data.size || 132
    grid.style.setProperty("--cell", `${size}px`)
    grid.style.setProperty("--brightness", view.brightness || data.brightness || 1)
    for (const each of bar.querySelectorAll("button")) {
      each.setAttribute("aria-pressed", String(Number(each.value) === size))
    }
  }
  const keep = (name, value) => {
    view[name] = value
    localStorage.setItem(VIEW, JSON.stringify(view))
    show()
  }
  bar.hidden = !data.tools
  if (data.tools && !bar.children.length) {
    const sizes = Object.entries(data.sizes).map(([name, size]) => {
      const button = element("button", "size", name)
      button.type = "button"
      button.value = size
      button.title = button.ariaLabel = `${name} pictures`
      return button
    })
    const label = element("label", "", "Brightness ")
    const slider = element("input")
    Object.assign(slider, { type: "range", min: 1, max: 3, step: 0.1 })
    slider.value = view.brightness || 1
    label.append(slider)
    bar.replaceChildren(...sizes, label)
  }
  bar.onclick = (event) => event.target.value && event.target.matches("button")
    && keep("size", Number(event.target.value))
  bar.oninput = (event) => keep("brightness", Number(event.target.value))
  show()
}

// A picture under a resting pointer is enlarged at the place that is pointed at.
function zoom(event) {
  const field = event.target.closest(".field")
  const image = field && field.querySelector("img")
  if (!image || event.pointerType !== "mouse") return
  const box = field.getBoundingClientRect()
  const [x, y] = [event.clientX - box.left, event.clientY - box.top]
  image.style.transformOrigin = `${(100 * x) / box.width}% ${(100 * y) / box.height}%`
}

// New cards only where others are shown, so that the focus stays when one is chosen.
function draw(grid, data) {
  const cards = JSON.stringify([data.cards, Boolean(data.limit)])
  if (grid.drawn === cards) return
  grid.drawn = cards
  grid.replaceChildren(...data.cards.map((card) => figure(card, data)))
}

// What is chosen as the page has it, unless that is older than what was chosen here.
function take(grid, data) {
  grid.limit = data.limit || 0
  if (grid.count === undefined || data.count >= grid.count) {
    grid.chosen = data.chosen || []
    grid.count = data.count || 0
  }
}

function mark(grid, said) {
  const full = grid.chosen.length >= grid.limit
  for (const box of grid.querySelectorAll("input")) {
    box.checked = grid.chosen.includes(box.dataset.id)
    box.disabled = full && !box.checked
    box.parentElement.classList.toggle("chosen", box.checked)
  }
  said.textContent = grid.limit ? `${grid.chosen.length} selected${full ? ", the most" : ""}` : ""
}

function place(key, at, count, columns) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }
  if (key === "Home") return 0
  if (key === "End") return count - 1
  if (!(key in steps)) return undefined
  return Math.min(count - 1, Math.max(0, at + steps[key]))
}

function columns(grid) {
  return getComputedStyle(grid).gridTemplateColumns.split(" ").length
}

function figure(card, data) {
  const button = element("button", "cell")
  button.type = "button"
  button.dataset.id = card.id
  button.title = card.id
  button.append(field(card, data), caption(card))
  if (!data.limit) return button
  const both = element("div", "both")
  both.append(button, box(card))
  return both
}

function box(card) {
  const made = element("input", "box")
  made.type = "checkbox"
  made.dataset.id = card.id
  made.title = "Select (Space; with Shift a range)"
  made.tabIndex = -1
  made.setAttribute("aria-label", card.words.replace("Open", "Select"))
  return made
}

function field(card, data) {
  const box = element("div", "field")
  if (card.picture) {
    const image = element("img")
    image.alt = card.words.split(":")[0]  // the caption is part of the button's name too
    image.src = card.picture
    box.append(image)
    if (data.bar) {
      const bar = element("span", "bar", `${data.bar} px`)
      bar.style.width = `${data.barShare}%`
      box.append(bar)
    }
  } else {
    box.append(element("span", "none", data.bar ? "picture not on this machine" : "no picture"))
  }
  if (card.drawn) box.append(element("span", "drawn", "SYNTHETIC"))
  return box
}

function caption(card) {
  const box = element("div", "caption")
  const mark = element("span", "mark", card.mark)
  mark.style.color = card.colour
  box.append(mark, document.createTextNode(` ${card.title}`), element("div", "id", card.detail))
  return box
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (text) made.textContent = text
  return made
}
