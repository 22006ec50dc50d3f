// The view of the login builder: native checkboxes, and what the run of the chosen login has shown.

function render({ model, el }) {
  const boxes = {};
  const boxFor = (value) => {
    const input = make("input", { type: "checkbox", value });
    boxes[value] = input;
    return make("label", {}, input, make("span", {}, value));
  };
  const methods = make("fieldset", {}, make("legend", {}, "Alice shows"), ...model.get("methods").map(boxFor));
  const name = make("input", { type: "checkbox" });
  name.checked = true;
  const other = make("fieldset", {}, make("legend", {}, "The bank shows its certificate"), make("label", {}, name, make("span", {}, model.get("checks_name"))));
  const examples = make("div", { class: "row", role: "group", "aria-label": "Examples" }, make("span", {}, "Or try:"));
  const { status, report } = asking(model);
  let late;

  // While a login runs, only the last change is kept: a fast hand must not queue up work.
  let running = false, waiting = false;
  const build = () => {
    waiting = running;
    if (running) return;
    running = true;
    const chosen = Object.keys(boxes).filter((value) => boxes[value].checked);
    // What is there stays until the new answer comes: the page must not jump at each change.
    model.send({ action: "build", chosen, checks_name: name.checked });
    late = setTimeout(() => { status.textContent = "Asked …"; }, 500);  // the kernel is busy with something else
  };
  const set = ({ chosen, checks_name }) => {
    for (const [value, box] of Object.entries(boxes)) box.checked = chosen.includes(value);
    name.checked = checks_name;
  };
  for (const [title, example] of Object.entries(model.get("examples"))) {
    const button = make("button", { type: "button" }, title);
    button.addEventListener("click", () => { set(example); build(); });
    examples.append(button);
  }
  for (const box of [...Object.values(boxes), name]) box.addEventListener("change", build);

  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    running = false;
    clearTimeout(late);
    if (waiting) return build();
    if (said.chosen) set(said);
    withHtml(status, said.html);
    const open = report.querySelector("details")?.open ?? false;
    withHtml(report, said.more ?? "");
    report.querySelector("details")?.toggleAttribute("open", open);
    guard(report);
  };
  model.on("change:said", show);
  show();

  el.classList.add("course-builder");
  el.append(methods, other, examples, status, report);
  guard(el);
  return () => model.off("change:said", show);
}

export default { render };
