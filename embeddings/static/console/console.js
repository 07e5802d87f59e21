// What the console asks of htmx before it starts: nothing of it needs a relaxed policy.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;

// Unfold has controls that are neither links nor buttons, icons whose names are read aloud, and
// fields that nothing names.
const CONTROL = "[x-on\\:click]:not(a[href], button, input, select, label, :empty)";
const ICON = ".material-symbols-outlined";
const ICON_NAMES = {
  close: "Close", computer: "Colours", dark_mode: "Colours", hub: "Overview",
  light_mode: "Colours", search: "Search", visibility: "Show or hide the password",
};

function complete(root) {
  for (const control of root.querySelectorAll(CONTROL)) {
    control.role = "button";
    control.tabIndex = 0;
  }
  for (const icon of root.querySelectorAll(ICON)) {
    const control = icon.closest("a, button, [role=button]");
    const name = icon.textContent.trim();
    if (control !== icon) icon.ariaHidden = "true";
    if (control?.textContent.trim() === name && !control.title && !control.ariaLabel) {
      control.ariaLabel = ICON_NAMES[name] ?? "More";
    }
  }
  for (const box of root.querySelectorAll(".select2-selection")) {
    const label = box.closest(".select2")?.previousElementSibling?.labels?.[0];
    const name = label?.textContent.replace("*", "").trim() ?? "Choice";
    for (const part of [box, ...box.querySelectorAll("[role]")]) part.ariaLabel ??= name;
  }
  for (const field of root.querySelectorAll(".select2-search__field")) field.ariaLabel ??= "Search";
  for (const help of root.querySelectorAll(".help-tooltip[aria-label]")) help.role = "img";
  for (const link of root.querySelectorAll("#nav-sidebar a.active")) link.ariaCurrent = "page";
}

document.addEventListener("DOMContentLoaded", () => {
  complete(document);
  document.getElementById("content")?.setAttribute("role", "main");
  document.getElementById("content")?.setAttribute("tabindex", "-1");
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) if (addedNodes.length) complete(target);
  }).observe(document.body, { childList: true, subtree: true });
});

document.addEventListener("keydown", (event) => {
  const pressed = event.key === "Enter" || event.key === " ";
  if (pressed && event.target.matches(`[role=button]:is(${CONTROL})`)) {
    event.preventDefault();
    event.target.click();
  }
  // Unfold's palette opens nothing where nothing was found, and says so by an exception.
  if (event.key === "Enter" && event.target.id === "search-input-command" && !document.getElementById("command-results-list")) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

// What opens over the page is where the keyboard goes on.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.('[x-on\\:click="filterOpen = true"]')) return;
  setTimeout(() => document.querySelector("#changelist-filter :is(a[href], input, select)")?.focus(), 50);
});

// Names that are suggested while one types.
function suggest(input) {
  const list = document.createElement("datalist");
  list.id = `${input.id}_suggested`;
  input.after(list);
  input.setAttribute("list", list.id);
  const query = new URLSearchParams({
    app_label: "embeddings", model_name: "grant", field_name: input.dataset.suggest,
  });
  let waiting;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      query.set("term", input.value);
      const answer = await fetch(`/admin/autocomplete/?${query}`);
      if (!answer.ok) return;
      const { results } = await answer.json();
      list.replaceChildren(...results.map((each) => new Option(each.text, each.text)));
    }, 200);
  });
}

htmx.onLoad((root) => root.querySelectorAll("[data-suggest]").forEach(suggest));

// Buttons that copy the text or the field that they name, and say so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    // Without TLS there is no clipboard.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  document.getElementById(button.dataset.said).textContent = "Copied.";
});
