// What the views of all widgets share. It stands before each of them: see acting.py.

// JupyterLab takes arrow keys and letters ("d d" deletes the cell) unless the focused element says otherwise.
function guard(root) {
  for (const element of root.querySelectorAll("input, select, textarea, button, summary, a, [tabindex]")) {
    element.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// HTML comes from the helpers, which escape all that is not theirs.
function withHtml(element, html) {
  element.innerHTML = html;
  return element;
}

// Where the answer of a checker appears, and what asks for it.
function asking(model) {
  // The region must exist, empty, before it is filled, or screen readers stay silent. The report stands outside of it.
  const status = make("div", { class: "status", role: "status" });
  const report = make("div", { class: "report" });
  const begin = (message) => {
    report.replaceChildren();
    status.textContent = "Asked …";
    model.send(message);
  };
  const tell = (said) => {
    // Something went wrong in the kernel: then there is no message, and `html` says so.
    if (said.message) status.textContent = said.message;
    else withHtml(status, said.html);
    withHtml(report, said.message ? said.html : "");
    guard(report);
  };
  return { status, report, begin, tell };
}
