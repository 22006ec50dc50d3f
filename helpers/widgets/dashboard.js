// The view of the learner's progress.

function render({ model, el }) {
  el.classList.add("course-dashboard");
  el.innerHTML = `
    <div class="table"></div>
    <div class="buttons">
      <button type="button" class="refresh">Refresh</button>
      <button type="button" class="download">Download my progress</button>
      <label>Load a progress file: <input type="file" accept=".jsonl"></label>
    </div>
    <p role="status"></p>`;
  const table = el.querySelector(".table");
  const status = el.querySelector("[role=status]");
  const input = el.querySelector("input");

  const show = () => {
    const said = model.get("said");
    withHtml(table, said.html);
    status.textContent = said.message ?? "";
    guard(el);
  };
  el.querySelector(".refresh").addEventListener("click", () => model.send({ action: "refresh" }));
  el.querySelector(".download").addEventListener("click", () => model.send({ action: "download" }));
  const download = ({ file }) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file], { type: "application/jsonl" }));
    link.download = "progress.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  model.on("msg:custom", download);
  input.addEventListener("change", async () => {
    if (input.files.length) model.send({ action: "load", text: await input.files[0].text() });
    input.value = "";
  });
  model.on("change:said", show);
  show();
  return () => {
    model.off("change:said", show);
    model.off("msg:custom", download);
  };
}

export default { render };
