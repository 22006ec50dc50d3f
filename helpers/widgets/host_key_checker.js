// The view of the host key checker.

function render({ model, el }) {
  // Each widget may load this module anew, so a counter would begin anew as well.
  const id = `host-key-${Math.random().toString(36).slice(2)}`;
  const plain = { spellcheck: "false", autocapitalize: "none", autocomplete: "off" };
  const fields = {
    known_hosts: make("textarea", { id: `${id}-list`, rows: "5", ...plain }),
    host: make("input", { id: `${id}-host`, type: "text", placeholder: "server.example", ...plain }),
    port: make("input", { id: `${id}-port`, type: "text", inputmode: "numeric", ...plain }),
    key: make("textarea", { id: `${id}-key`, rows: "3", ...plain }),
  };
  fields.port.value = "22";
  const labelled = (name, text, ...more) =>
    make("div", { class: name }, make("label", { for: fields[name].id }, text), fields[name], ...more);
  const code = (text) => make("code", {}, text);

  const about = make("p", {}, "What you paste goes to this notebook's kernel and to no other place. It is not stored. (On Binder, the kernel runs on Binder's computer.)");
  const own = make("p", { id: `${id}-own` }, "To see your own list, type ", code("cat ~/.ssh/known_hosts"), " in a terminal. For the lines of one host: ", code("ssh-keygen -F host"));
  const form_of_key = make("p", { id: `${id}-form` }, "One line, as in a file that ends in ", code(".pub"), ", or as ", code("ssh-keyscan"), " prints it.");
  fields.known_hosts.setAttribute("aria-describedby", own.id);
  fields.key.setAttribute("aria-describedby", form_of_key.id);

  const offer = make("div", { class: "row", role: "group", "aria-label": "Examples" }, make("span", {}, "Or try:"));
  for (const example of model.get("examples")) {
    const button = make("button", { type: "button" }, example);
    button.addEventListener("click", () => begin({ action: "try", example }));
    offer.append(button);
  }
  const check = make("button", { type: "submit", class: "primary" }, "Check");
  const form = make(
    "form", {}, about,
    labelled("known_hosts", "Your known_hosts list:", own),
    make("div", { class: "row" }, labelled("host", "Host name:"), labelled("port", "Port:")),
    labelled("key", "The public key or host certificate that the host shows:", form_of_key),
    make("div", { class: "row" }, check),
    offer,
  );
  const { status, report, begin, tell } = asking(model);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // One character more than is taken shows that it was too much. A really long message would end the connection.
    const cut = Object.entries(fields).map(([name, field]) => [name, field.value.slice(0, model.get("longest") + 1)]);
    begin({ action: "check", fields: Object.fromEntries(cut) });
  });
  // A private key must not leave the browser. So it goes as soon as it comes, before anything is sent.
  const isPrivate = new RegExp(model.get("private_key"));
  form.addEventListener("input", (event) => {
    if (!isPrivate.test(event.target.value)) return;
    event.target.value = "";
    report.replaceChildren();
    status.textContent = model.get("refused");
  });
  // In JupyterLab the Enter key neither submits a form by itself nor begins a new line.
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Enter" || event.isComposing || !field.matches("input, textarea")) return;
    event.preventDefault();
    if (field.matches("textarea")) field.setRangeText("\n", field.selectionStart, field.selectionEnd, "end");
    else form.requestSubmit();
  });

  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    for (const [name, text] of Object.entries(said.fields ?? {})) fields[name].value = text;
    tell(said);
  };
  model.on("change:said", show);
  show();

  el.classList.add("course-host-key");
  el.append(form, status, report);
  guard(el);
  return () => model.off("change:said", show);
}

export default { render };
