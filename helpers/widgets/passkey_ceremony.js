// The view of the passkey ceremony: what the page of a site does, with the browser's own WebAuthn.

// Why no passkey can be made on this page, or nothing where one can.
function obstacle() {
  const code = (text) => make("code", {}, text);
  if (/^\[|^\d+(\.\d+){3}$/.test(location.hostname)) {
    // What stands behind the path may be a secret: Jupyter's token.
    const named = `${location.protocol}//localhost${location.port && ":"}${location.port}${location.pathname}`;
    return make(
      "p", {}, "Not on this page: a passkey belongs to a name, and the address of this page is a number, ", code(location.hostname),
      ". If JupyterLab runs on this computer, open this address instead: ", code(named), " (If it asks for a token: JupyterLab printed one in its terminal when it started.)",
    );
  }
  if (!window.isSecureContext) {
    return make("p", {}, "Not on this page: browsers have passkeys only for pages that come over ", code("https"), ", or from ", code("http://localhost"), ".");
  }
  if (!window.PublicKeyCredential || !navigator.credentials) {
    return make("p", {}, "Not in this browser: it has no passkeys (WebAuthn), or they are switched off.");
  }
  return null;
}

// WebAuthn takes and gives bytes, the kernel takes and gives base64url. Newer browsers have this themselves (WebAuthn
// Level 3, section 5.1). The rest is for those that do not.
function toBytes(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
}

function toText(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function fromJson(call, options) {
  const parse = call === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (PublicKeyCredential[parse]) return PublicKeyCredential[parse](options);
  const withBytes = (named) => ({ ...named, id: toBytes(named.id) });
  const parsed = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) parsed.user = withBytes(options.user);
  for (const list of ["allowCredentials", "excludeCredentials"]) parsed[list] = (options[list] ?? []).map(withBytes);
  return parsed;
}

function toJson(credential) {
  if (credential.toJSON) return credential.toJSON();
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = toText(credential.response[part]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}

function render({ model, el }) {
  // Each widget may load this module anew, so a counter would begin anew as well.
  const id = `passkey-${Math.random().toString(36).slice(2)}`;
  const { status, report, begin, tell } = asking(model);
  const about = withHtml(make("div", { class: "about" }), model.get("about"));
  const address = make("input", { id: `${id}-address`, type: "text", spellcheck: "false", autocapitalize: "none", autocomplete: "off", "aria-describedby": `${id}-empty` });
  const unlock = make("select", { id: `${id}-unlock`, "aria-describedby": `${id}-untold` });
  for (const [value, text] of model.get("unlocks")) unlock.append(make("option", { value }, text));

  // `token` is the newest request of this view. `pressed` is its button. `waiting` ends it while the browser is busy with it.
  let token = "";
  let waiting = null;
  let pressed = null;
  const button = (kind, text, attributes = {}) => {
    const made = make("button", { type: "button", ...attributes }, text);
    made.addEventListener("click", () => {
      if (waiting) {
        status.textContent = "Your browser still waits for your device. Answer there, or press “Cancel” first.";
        return;
      }
      token = `${id}-${Math.random()}`;
      pressed = made;
      begin({ action: "begin", kind, token, address: address.value, host: location.hostname, unlock: unlock.value });
    });
    return made;
  };
  const cancel = make("button", { type: "button", disabled: "" }, "Cancel");
  cancel.addEventListener("click", () => waiting?.abort());
  const clock = make("span", { class: "clock" });
  const actions = [button("register", "Create a passkey", { class: "primary" }), button("sign in", "Sign in", { class: "primary" })];
  const experiments = [
    button("another site", "Ask for another site's passkey"),
    button("another port", "Sign in, but the server expects another port"),
  ];
  const controls = make(
    "div", { class: "controls" },
    make("label", { for: address.id }, "Type the beginning of the address in your address bar, as in http://localhost:8888"),
    address,
    make("p", { id: `${id}-empty` }, "The server then expects this address, and no other. Left empty, it trusts on first use: it expects the address at which the passkey was made."),
    make("label", { for: unlock.id }, "How does your device check that it is you?"),
    unlock,
    make("p", { id: `${id}-untold` }, "Only for the picture below: a passkey does not tell it to the server."),
    make("div", { class: "row" }, ...actions, cancel, clock),
    make("div", { class: "row", role: "group", "aria-label": "Experiments" }, make("span", {}, "Two experiments:"), ...experiments),
  );

  const ceremony = async ({ call, options }) => {
    const mine = token;
    const controller = new AbortController();
    const end = Date.now() + model.get("seconds") * 1000;
    let over = false;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      clock.textContent = `${Math.max(left, 0)} s left`;
      if (left > 0) return;
      over = true;
      controller.abort();
    };
    waiting = controller;
    cancel.disabled = false;
    status.textContent = `Your browser and your device ask you now. They have ${model.get("seconds")} seconds.`;
    tick();
    const timer = setInterval(tick, 250);
    let answer;
    try {
      const publicKey = fromJson(call, options);
      const credential = await navigator.credentials[call]({ publicKey, signal: controller.signal });
      answer = { action: "answer", response: toJson(credential) };
    } catch (error) {
      answer = { action: "failed", error: over ? "TimeoutError" : error.name };
    }
    clearInterval(timer);
    clock.textContent = "";
    waiting = null;
    // A disabled button would lose the focus, and with it the place of somebody who uses the keyboard.
    if (document.activeElement === cancel) pressed.focus();
    cancel.disabled = true;
    if (mine === token) model.send({ ...answer, token });
  };
  const onMessage = async (message) => {
    if (message.token === token) {
      // A browser does one request at a time, so another view must have ended its own before.
      await null;
      ceremony(message);
    } else if (waiting) {
      token = "";
      waiting.abort();
      status.textContent = "Stopped: a newer request was made elsewhere. One request at a time.";
    }
  };
  model.on("msg:custom", onMessage);

  const show = () => {
    const said = model.get("said");
    if (!said.turn) return;
    tell(said);
  };
  model.on("change:said", show);
  show();

  el.classList.add("course-passkey");
  const hindered = obstacle();
  if (hindered) {
    hindered.className = "obstacle";
    about.append(hindered);
    for (const control of controls.querySelectorAll("input, select, button")) control.disabled = true;
  }
  el.append(about, controls, status, report);
  guard(el);
  return () => {
    token = "";
    waiting?.abort();
    model.off("change:said", show);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
