"use strict";
// The live part of the page. What the server knows it renders; this file only moves it in and sends deeds out.
const here = document.body.dataset, base = `/as/${here.as}`;
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const CONTROLS = "input:not([type=file]):not([type=hidden]), select, textarea";

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function toast(words) {
  const shown = one("#toast");
  Object.assign(shown, { textContent: words, hidden: !words });
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { shown.hidden = true; }, 8000);
}

async function post(url, body, busy) {
  busy?.setAttribute("aria-busy", "true");
  const answer = await fetch(url, { method: "POST", body }).then((response) => response.json()).catch(() => ({
    error: "The stand-in does not answer. Is the demo still running?" }));
  busy?.removeAttribute("aria-busy");
  if (answer.error) toast(answer.error);
  return answer;
}

// -- what the server tells: each change is drawn after the one before, so that the newest stays
async function part(path) {
  const response = await fetch(`${base}/part/${path}`);
  return response.ok ? parse(await response.text()) : null;
}

function place(log, fresh, ts) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120, old = one(`.post[data-ts="${ts}"]`, log);
  if (old && fresh) old.replaceWith(fresh);
  else if (old) old.remove();
  else if (fresh) {
    one(".quiet", log)?.remove();
    log.insertBefore(fresh, all(".post", log).find((found) => Number(found.dataset.ts) > Number(ts)) ?? null);
  }
  if (atEnd) log.scrollTop = log.scrollHeight;
}

async function message({ channel, ts }) {
  if (channel !== here.channel) return one(`.places a[data-channel="${channel}"]`)?.classList.add("unread");
  const fresh = await part(`message/${channel}/${ts}`), root = fresh?.dataset.root, thread = one("#thread");
  if (thread && (!fresh || root === here.thread || ts === here.thread)) place(thread, fresh?.cloneNode(true), ts);
  if (root && root !== ts) return;
  if (fresh) fresh.id = `m-${ts}`;
  place(one("#log"), fresh, ts);
}

async function modal() {
  const box = one("#modal"), old = one("dialog.modal", box), fresh = await part("modal");
  if (old && fresh && old.dataset.view === fresh.dataset.view) keep(old, fresh);
  box.replaceChildren(...(fresh ? [fresh] : []));
  if (fresh) fresh.showModal();
  else if (old) one("#composer")?.focus();
}

// An updated form keeps what was typed where block and action are the same, as Slack's does.
function keep(old, fresh) {
  for (const field of all("[data-key]", fresh)) {
    const before = all("[data-key]", old).find((found) => found.dataset.key === field.dataset.key);
    if (!before) continue;
    if (one(".chips li", before)) one(".chips", field)?.replaceWith(one(".chips", before));
    const typed = all(CONTROLS, before);
    all(CONTROLS, field).forEach((control, index) => {
      control.value = typed[index]?.value ?? control.value;
      control.checked = typed[index]?.checked ?? control.checked;
    });
  }
}

const told = { message, view: modal, home: async () => one("#home")?.replaceChildren(await part("home")) };
const wire = new EventSource(`${base}/events?after=${here.after}`);
let queue = Promise.resolve();
for (const kind of Object.keys(told)) {
  wire.addEventListener(kind, (event) => { queue = queue.then(() => told[kind](JSON.parse(event.data))).catch(() => {}); });
}

// -- what a person does
const fieldsOf = (form) => new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));

function press(source, name, value) {
  const form = source.closest("form"), fields = fieldsOf(form);
  fields.append("pressed", name);
  if (value) fields.set(name, value);
  if (source.dataset.url) window.open(source.dataset.url, "_blank", "noopener");
  post(form.dataset.press, fields, source);
}

async function submit(form) {
  const answer = await post(form.dataset.submit, fieldsOf(form), one("[type=submit]", form));
  for (const field of [form, ...all("[data-block]", form)]) {
    const words = field === form ? answer.error : answer.errors?.[field.dataset.block];
    const shown = one(field === form ? "[data-form-error]" : ".error", field);
    Object.assign(shown, { textContent: words ?? "", hidden: !words });
    field.classList.toggle("wrong", field !== form && Boolean(words));
  }
  one(":is(.wrong input, .wrong textarea, .wrong select)", form)?.focus();
}

async function upload(box, files) {
  const send = one("[type=submit]", box.closest("form"));
  send.disabled = true;  // a form sent before its file is kept would lack it
  for (const file of files) {
    const named = new URLSearchParams({ name: file.name, field: box.dataset.field });
    const kept = await post(`${base}/upload?${named}`, file);
    if (kept.error) continue;
    one(".chips", box)[one("input[type=file]", box).multiple ? "append" : "replaceChildren"](parse(kept.html));
  }
  send.disabled = false;
}

document.addEventListener("submit", async (event) => {
  const form = event.target, fields = fieldsOf(form);
  event.preventDefault();
  if (form.dataset.submit) await submit(form);
  else if (form.dataset.deed) post(form.dataset.deed, fields).then(() => form.closest("section").remove());
  else if (form.dataset.say && (fields.get("text").trim() || fields.has("file"))) {
    form.reset();
    one(".chips", form).replaceChildren();
    post(form.dataset.say, fields);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), dialog = button?.closest("dialog.confirm");
  if (!button) return;
  if ("confirm" in button.dataset) button.nextElementSibling.showModal();
  else if ("dismiss" in button.dataset) dialog.close();
  else if ("unchip" in button.dataset) button.closest("li").remove();
  else if ("shut" in button.dataset) post(button.form.dataset.close, new URLSearchParams({ all: button.dataset.shut }));
  else if (button.dataset.pressed) {
    press(button, button.dataset.pressed, button.dataset.value);
    dialog?.close();
    button.closest("details")?.removeAttribute("open");
  }
});

document.addEventListener("change", ({ target }) => {
  if (target.type === "file") upload(target.closest(".files"), [...target.files]).then(() => { target.value = ""; });
  else if (target.dataset.change) press(target, target.dataset.change);
});

document.addEventListener("cancel", (event) => {
  if (!event.target.matches("dialog.modal")) return;
  event.preventDefault();
  post(one("form", event.target).dataset.close, new URLSearchParams({ all: "" }));
}, true);

for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => {
  event.preventDefault();
  const box = event.target.closest(".files") ?? one(".files[data-field=file]", event.target.closest("main, aside") ?? undefined);
  if (kind === "drop" && box) upload(box, [...event.dataTransfer.files]);
});

// -- the message box: Enter sends, and the command's verbs complete while they are typed
all("textarea[data-command]").forEach((box) => {
  const list = document.getElementById(box.getAttribute("aria-controls")), command = box.dataset.command;
  const visible = () => all("li:not([hidden])", list);
  let active = -1;
  const mark = (index) => {
    active = index;
    all("li", list).forEach((option) => option.setAttribute("aria-selected", String(option === visible()[index])));
    box.setAttribute("aria-activedescendant", visible()[index]?.id ?? "");
    visible()[index]?.scrollIntoView({ block: "nearest" });
  };
  const show = () => {
    const typed = box.value, word = typed.startsWith(`${command} `) ? typed.slice(command.length + 1) : "";
    const asks = typed[0] === "/" && (command.startsWith(typed) || typed === `${command} ${word}`) && !word.includes(" ");
    for (const option of list.children) option.hidden = !asks || !option.dataset.verb.startsWith(word.toLowerCase());
    box.setAttribute("aria-expanded", String(!(list.hidden = document.activeElement !== box || !visible().length)));
    box.rows = Math.min(8, typed.split("\n").length);
    mark(-1);
  };
  const take = (option) => { box.value = `${command} ${option.dataset.verb} `; show(); };
  for (const kind of ["input", "blur"]) box.addEventListener(kind, show);
  list.addEventListener("mousedown", (event) => { event.preventDefault(); take(event.target.closest("li")); });
  box.addEventListener("keydown", (event) => {
    const open = !list.hidden, count = visible().length, enters = event.key === "Enter" && !event.shiftKey;
    if (open && event.key === "ArrowDown") mark((active + 1) % count);
    else if (open && event.key === "ArrowUp") mark(active <= 0 ? count - 1 : active - 1);
    else if (open && ((event.key === "Tab" && !event.shiftKey) || (enters && active >= 0))) take(visible()[Math.max(active, 0)]);
    else if (open && event.key === "Escape") list.hidden = true;
    else if (enters && !event.isComposing) { box.form.requestSubmit(); show(); }
    else return;
    event.preventDefault();
  });
});

for (const log of all(".log")) if (!location.hash || log.id === "thread") log.scrollTop = log.scrollHeight;
if (one("dialog.modal")) one("dialog.modal").showModal();
else one("#composer")?.focus({ preventScroll: true });
