// Draws the cards as buttons, so that they can be reached and opened by keyboard, and tells which
// one was opened. Where several can be chosen, each has a box besides, and Space works it.
// Names come from data: they are set as text, never as markup.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".cells")
  draw(grid, data)
  take(grid, data)
  mark(grid, parentElement.querySelector(".said"))
  grid.onclick = (event) => {
    const button = event.target.closest("button")
    if (button) setTriggerValue("opened", button.dataset.id)
  }
  grid.onchange = (event) => toggle(event.target.dataset.id)
  grid.onkeydown = (event) => {
    const cells = [...grid.querySelectorAll("button")]
    const at = cells.indexOf(event.target)
    if (at < 0) return
    if (event.key === " " && grid.limit) {
      event.preventDefault()
      toggle(event.target.dataset.id)
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

  function toggle(id) {
    const without = grid.chosen.filter((each) => each !== id)
    const taken = without.length < grid.chosen.length
    if (!taken && without.length >= grid.limit) return
    grid.chosen = taken ? without : [...without, id]
    grid.count += 1
    mark(grid, parentElement.querySelector(".said"))
    setTriggerValue("chosen", { ids: grid.chosen, count: grid.count })
  }
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
  said.textContent = grid.limit ? `${grid.chosen.length} of ${grid.limit} chosen` : ""
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
  button.setAttribute("aria-label", card.words)
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
  made.title = "Choose for comparing (Space)"
  made.tabIndex = -1
  made.setAttribute("aria-label", card.words.replace("Open", "Choose for comparing"))
  return made
}

function field(card, data) {
  const box = element("div", "field")
  if (card.picture) {
    const image = element("img")
    image.alt = ""
    image.src = card.picture
    const bar = element("span", "bar", `${data.bar} px`)
    bar.style.width = `${data.barShare}%`
    box.append(image, bar)
  } else {
    box.append(element("span", "none", "picture not on this machine"))
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
