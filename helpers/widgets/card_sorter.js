// The view of the card sorter. A card is dragged onto a pile. Or it is picked up, and then put down: with two clicks, two
// taps, or two keys. (A menu on each card would not do: on some systems each arrow key in it would already move the card.)

function render({ model, el }) {
  const UNSORTED = "";
  // Each widget may load this module anew, so a counter would begin anew as well.
  const id = `cards-${Math.random().toString(36).slice(2)}`;
  const piles = model.get("piles");
  const lists = {}, cards = {}, places = [];
  let picked = null;

  const pick = (name) => {
    picked = name === picked ? null : name;
    for (const [other, card] of Object.entries(cards)) card.handle.setAttribute("aria-pressed", String(other === picked));
    for (const place of places) place.hidden = picked === null;
    if (picked) places[0].focus();
  };
  const drop = (card, pile) => {
    cards[card].handle.focus({ preventScroll: true });  // now, since the button that has it goes away
    pick(null);
    model.send({ action: "drop", card, pile });
  };
  const onKey = (element, keys, action) =>
    element.addEventListener("keydown", (event) => {
      if (!keys.includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    });

  const pileFor = (name, title) => {
    const list = make("ul", { role: "list", "aria-labelledby": `${id}-${name}` });
    const pile = make("section", { class: "pile" }, make("div", { class: "title", id: `${id}-${name}` }, title), list);
    lists[name] = list;
    if (name === UNSORTED) return pile;
    const place = make("button", { type: "button", id: `${id}-put-${name}`, "aria-labelledby": `${id}-put-${name} ${id}-${name}` }, "Put it here");
    place.hidden = true;
    place.addEventListener("click", () => drop(picked, name));
    places.push(place);
    list.before(place);
    // A drop is allowed where "dragover" is answered.
    pile.addEventListener("dragover", (event) => { event.preventDefault(); pile.classList.add("over"); });
    pile.addEventListener("dragleave", (event) => { if (!pile.contains(event.relatedTarget)) pile.classList.remove("over"); });
    pile.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();  // JupyterLab would take it for a file
      pile.classList.remove("over");
      const card = event.dataTransfer.getData("text/plain");
      if (card in cards) drop(card, name);
    });
    return pile;
  };

  const cardFor = (name) => {
    const mark = make("span"), word = make("span");
    // No <button>: in Firefox, what holds one cannot be dragged by it.
    const handle = make("div", { class: "handle", role: "button", tabindex: "0", "aria-pressed": "false" }, mark, name, word);
    handle.addEventListener("click", () => pick(name));
    onKey(handle, ["Enter", " "], () => pick(name));
    const item = make("li", { draggable: "true", class: "card" }, handle);
    item.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", name);
      event.dataTransfer.effectAllowed = "move";
    });
    cards[name] = { item, handle, mark, word, pile: UNSORTED };
    return item;
  };

  const how = make("p", {}, "Drag a card onto a pile. Or choose a card (click, tap, or Enter), and then the pile. Escape lays it back.");
  const unsorted = pileFor(UNSORTED, "Cards");
  const row = make("div", { class: "piles" });
  for (const [name, title] of Object.entries(piles)) row.append(pileFor(name, title));
  for (const name of model.get("cards")) lists[UNSORTED].append(cardFor(name));
  onKey(el, ["Escape"], () => {
    const back = picked && cards[picked].handle;
    pick(null);
    back?.focus();
  });
  // The region must exist, empty, before it is filled, or screen readers stay silent.
  const status = make("div", { class: "status", role: "status" });
  // For the eye, the same stands on the card that was moved last: there one looks.
  const explained = make("div", { class: "explained" }), next = make("button", { type: "button" }, "Next card");
  next.addEventListener("click", () => lists[UNSORTED].querySelector(".handle")?.focus());
  guard(make("div", {}, next));
  const count = make("p", { class: "count" });
  const summary = make("div", { class: "summary" });
  const again = make("button", { type: "button" }, "Start again");
  again.addEventListener("click", () => model.send({ action: "again" }));
  const foot = make("div", { class: "row" }, again, count);

  // Where each card lies is the widget's own affair, so that two views of it show the same.
  const lay = () => {
    const placed = model.get("placed");
    const focused = el.getRootNode().activeElement;
    for (const [name, card] of Object.entries(cards)) {
      const { pile, state } = placed[name] ?? { pile: UNSORTED, state: "" };
      if (card.pile !== pile && pile !== UNSORTED) lists[pile].append(card.item);
      card.pile = pile;
      card.item.className = `card ${state}`;
      card.mark.textContent = { right: "✔ ", wrong: "✘ " }[state] ?? "";
      card.word.textContent = { right: " (right)", wrong: " (not here)" }[state] ?? "";
      if (card.handle === focused) card.handle.focus();  // where the card goes, the focus goes
    }
    // Cards that come back lie in the same order as at first.
    const left = Object.values(cards).filter(({ pile }) => pile === UNSORTED);
    if (left.length > lists[UNSORTED].children.length) lists[UNSORTED].append(...left.map(({ item }) => item));
  };
  const show = () => {
    const said = model.get("said");
    count.textContent = said.count ?? count.textContent;
    if (!said.turn) return;
    withHtml(status, said.html);
    withHtml(explained, said.html);
    if (said.card && lists[UNSORTED].firstChild) explained.append(next);
    // What is about no card, such as a failure, must be seen as well.
    (cards[said.card]?.item ?? foot).append(explained);
    withHtml(summary, said.summary ?? "");
    guard(summary);
  };
  model.on("change:placed", lay);
  model.on("change:said", show);
  lay();
  show();

  el.classList.add("course-cards");
  el.append(how, unsorted, row, status, foot, summary);
  guard(el);
  return () => { model.off("change:placed", lay); model.off("change:said", show); };
}

export default { render };
