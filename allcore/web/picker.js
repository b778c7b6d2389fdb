// Draws the cards as buttons, so that they can be reached and opened by keyboard, and tells which
// one was opened. Names come from data: they are set as text, never as markup.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const grid = parentElement.querySelector(".cells")
  grid.replaceChildren(...data.cards.map((card) => figure(card, data)))
  const buttons = [...grid.querySelectorAll("button")]
  grid.onclick = (event) => {
    const button = event.target.closest("button")
    if (button) setTriggerValue("opened", button.dataset.id)
  }
  grid.onkeydown = (event) => {
    const step = steps(grid)[event.key]
    const at = buttons.indexOf(event.target)
    if (step === undefined || at < 0) return
    event.preventDefault()
    buttons[Math.min(buttons.length - 1, Math.max(0, at + step))].focus()
  }
}

function steps(grid) {
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }
}

function figure(card, data) {
  const button = element("button", "cell")
  button.type = "button"
  button.dataset.id = card.id
  button.title = card.id
  button.setAttribute("aria-label", card.words)
  button.append(field(card, data), caption(card))
  return button
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
