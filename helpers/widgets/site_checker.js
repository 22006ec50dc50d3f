// The view of the site checker.

function render({ model, el }) {
  // Each widget may load this module anew, so a counter would begin anew as well.
  const id = `site-${Math.random().toString(36).slice(2)}`;
  const host = make("input", { id, type: "text", spellcheck: "false", autocapitalize: "none", placeholder: "www.example.com" });
  const check = make("button", { type: "submit", class: "primary" }, "Check this site");
  const label = make("label", { for: id }, "Host name of a real site, or name:port (this needs the internet):");
  const form = make("form", {}, label, make("div", { class: "row" }, host, check));
  const lab = model.get("lab_sites").map((site) => {
    const button = make("button", { type: "button" }, site);
    button.addEventListener("click", () => begin({ action: "visit", site }));
    return button;
  });
  const offer = make("div", { class: "row", role: "group", "aria-label": "The lab's own sites" }, make("span", {}, "Or one of the lab's own sites:"), ...lab);
  const { status, report, begin } = asking(model);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin({ action: "check", host: host.value });
  });

  // In JupyterLab the Enter key does not submit the form of a text field by itself.
  host.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    form.requestSubmit();
  });

  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    const works = said.step !== undefined;
    // No button is disabled meanwhile: it would lose the focus.
    el.setAttribute("aria-busy", String(works));
    status.textContent = works ? `${said.step[0].toUpperCase()}${said.step.slice(1)} …` : (said.message ?? "");
    withHtml(report, said.html ?? "");
    guard(report);
  };
  model.on("change:said", show);
  show();

  el.classList.add("course-site");
  el.append(form, offer, status, report);
  guard(el);
  return () => model.off("change:said", show);
}

export default { render };
