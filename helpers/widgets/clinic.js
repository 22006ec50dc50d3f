// The view of the error clinic.

function render({ model, el }) {
  // Each widget may load this module anew, so a counter would begin anew as well.
  const id = `clinic-${Math.random().toString(36).slice(2)}`;
  // An input of one line would join the lines of what is pasted, and with them the words at their ends.
  const field = make("textarea", { id, rows: "3", spellcheck: "false", autocapitalize: "none" });
  const find = make("button", { type: "submit", class: "primary" }, "Find");
  const all = make("button", { type: "button" }, "Show all entries");
  const label = make("label", { for: id }, "Paste an error text:");
  const form = make("form", {}, label, field, make("div", { class: "row" }, find, all));
  // The region must exist, empty, before it is filled, or screen readers stay silent. The entries stand outside of it.
  const status = make("div", { class: "status", role: "status" });
  const found = make("div", { class: "found" });
  const list = withHtml(make("div", { class: "all" }), model.get("html"));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    model.send({ action: "find", text: field.value });
  });
  // In JupyterLab the Enter key neither submits a form by itself nor, with Shift, begins a new line.
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (event.shiftKey) field.setRangeText("\n", field.selectionStart, field.selectionEnd, "end");
    else form.requestSubmit();
  });
  all.addEventListener("click", () => {
    showOnly([]);
    status.textContent = "All entries are shown.";
  });

  const showOnly = (ids) => {
    const entries = ids.map((name) => list.querySelector(`[data-entry="${CSS.escape(name)}"]`).cloneNode(true));
    entries.forEach((entry, index) => { entry.open = index === 0; });
    found.replaceChildren(...entries);
    list.hidden = ids.length > 0;
    guard(el);
  };
  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    // Something went wrong in the kernel: then `html` says so, and nothing was looked for.
    showOnly(said.found ?? []);
    if (said.html) withHtml(status, said.html);
    else status.textContent = said.message;
  };
  model.on("change:said", show);

  el.classList.add("course-clinic");
  el.append(form, status, found, list);
  guard(el);
  show();
  return () => model.off("change:said", show);
}

export default { render };
