// The view of a question: native controls, so that keyboard and screen reader work as people know them.

// Each kind gives its controls and a function that reads the answer off them.
function choice(question, type, name) {
  const rows = question.options.map((option) => {
    const input = make("input", { type, name, value: option.value });
    const label = make("label", {}, input, withHtml(make("span"), option.label));
    return { row: make("div", { class: "option" }, label), input };
  });
  const read = () => rows.filter(({ input }) => input.checked).map(({ input }) => input.value);
  return { elements: rows.map(({ row }) => row), read };
}

function classes(question, name) {
  const rows = question.options.map((option, index) => {
    const id = `${name}-${index}`;
    const select = make("select", { id }, make("option", { value: "" }, "choose …"));
    for (const category of question.categories) select.append(make("option", { value: category }, category));
    const label = withHtml(make("label", { for: id }), option.label);
    return { row: make("div", { class: "option pair" }, label, select), select, value: option.value };
  });
  const read = () => Object.fromEntries(rows.map(({ select, value }) => [value, select.value]));
  return { elements: rows.map(({ row }) => row), read };
}

function order(question) {
  const list = make("ol", { class: "sortable" });
  for (const option of question.options) {
    const item = make("li", { "data-value": option.value });
    const text = withHtml(make("span"), option.label);
    item.append(text);
    for (const [word, step] of [["up", -1], ["down", 1]]) {
      const button = make("button", { type: "button", "aria-label": `${text.textContent}: move ${word}` }, word);
      button.addEventListener("click", () => {
        const items = [...list.children];
        const other = items[items.indexOf(item) + step];
        if (!other) return;
        list.insertBefore(step < 0 ? item : other, step < 0 ? other : item);
        button.focus();
      });
      item.append(" ", button);
    }
    list.append(item);
  }
  return { elements: [list], read: () => [...list.children].map((item) => item.dataset.value) };
}

function controls(question, name) {
  if (question.kind === "classify") return classes(question, name);
  if (question.kind === "order") return order(question);
  return choice(question, question.kind === "choose all" ? "checkbox" : "radio", name);
}

function render({ model, el }) {
  const question = model.get("question");
  // Each widget may load this module anew, so a counter would begin anew as well.
  const name = `question-${Math.random().toString(36).slice(2)}`;
  const { elements, read } = controls(question, name);
  const legend = make("legend", {}, withHtml(make("span", { class: "prompt" }), question.prompt));
  const check = make("button", { type: "submit", class: "primary" }, question.runs ? "Run and compare" : "Check");
  const hint = make("button", { type: "button" });
  const hints = make("div", { class: "hints" });
  // The region must exist, empty, before it is filled, or screen readers stay silent.
  const feedback = make("div", { class: "feedback", role: "status" });
  // The picture of a run stands outside: a screen reader should say the verdict at once, and not the whole table.
  const run = make("div", { class: "run" });
  const earlier = make("p", { class: "earlier" }, question.earlier);
  const form = make("form", {}, make("fieldset", {}, legend, ...elements), earlier, make("div", { class: "buttons" }, check, hint), hints, feedback, run);

  const nameHint = (left) => {
    hint.textContent = left ? `Hint (${left} left)` : "No more hints";
    hint.disabled = !left;
  };
  nameHint(question.hints);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    model.send({ action: "check", answer: read() });
  });
  hint.addEventListener("click", () => model.send({ action: "hint" }));

  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    if (said.hint) {
      hints.append(withHtml(make("p", { role: "status" }), said.hint));
      // A disabled button would lose the focus, and with it the place of somebody who uses the keyboard.
      if (!said.hints_left) check.focus();
      nameHint(said.hints_left);
      return;
    }
    feedback.className = `feedback ${said.state.replace(" ", "-")}`;
    withHtml(feedback, said.html);
    withHtml(run, said.run ?? "");
    earlier.hidden = true;
    guard(feedback);
    guard(run);
  };
  model.on("change:said", show);
  show();

  el.classList.add("course-question");
  el.append(form);
  guard(el);
  return () => model.off("change:said", show);
}

export default { render };
