// The search playground: a filter as rows, links that keep the form, copying, and keys.
"use strict";

(() => {
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const form = () => document.querySelector(".playground-form");
  const part = (root, name) => root.querySelector(`[data-part="${name}"]`);
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function say(message, failed = false) {
    const failure = document.getElementById("playground-failure");
    failure.hidden = !failed;
    (failed ? failure : document.getElementById("playground-status")).textContent = message;
  }

  // A value as a person writes it: JSON where it is any, else a text.
  function read(text) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  function spell(value) {
    const plain = typeof value === "string" && read(value) === value;
    return plain ? value : JSON.stringify(value);
  }

  function readFor(operator, text) {
    const value = read(text);
    const wantsList = operator === "$in" || operator === "$nin";
    if (!wantsList || Array.isArray(value)) return value;
    return text.split(",").map((each) => read(each.trim()));
  }

  // [field, operator, value] of each condition; null of a filter that is no list of conditions.
  function conditionsOf(filter, operators) {
    if (!isObject(filter)) return null;
    const found = [];
    for (const [key, asked] of Object.entries(filter)) {
      if (key === "$and" && Array.isArray(asked)) {
        for (const inner of asked) {
          const conditions = conditionsOf(inner, operators);
          if (conditions === null) return null;
          found.push(...conditions);
        }
      } else if (key.startsWith("$")) {
        return null;
      } else if (!isObject(asked)) {
        found.push([key, "$eq", asked]);
      } else {
        for (const [operator, value] of Object.entries(asked)) {
          if (!operators.includes(operator)) return null;
          found.push([key, operator, value]);
        }
      }
    }
    return found;
  }

  function filterOf(conditions) {
    const fields = new Map();
    for (const [field, operator, value] of conditions) {
      const asked = fields.get(field) ?? new Map();
      if (asked.has(operator)) {
        const each = conditions.map((condition) => filterOf([condition]));
        return { $and: each };
      }
      fields.set(field, asked.set(operator, value));
    }
    const spelled = ([field, asked]) => [
      field,
      asked.size === 1 && asked.has("$eq") ? asked.get("$eq") : Object.fromEntries(asked),
    ];
    return Object.fromEntries([...fields].map(spelled));
  }

  function prepareRows(builder) {
    const text = document.getElementById(builder.dataset.filter);
    const rows = part(builder, "rows");
    const note = part(builder, "note");
    const template = document.getElementById("playground-row");
    const operators = all(template.content, "option").map((option) => option.value);

    function add(field = "", operator = "$eq", value = "") {
      const row = template.content.cloneNode(true).firstElementChild;
      part(row, "field").value = field;
      part(row, "operator").value = operator;
      part(row, "value").value = value;
      rows.append(row);
      return row;
    }

    function show() {
      const filter = text.value.trim() === "" ? {} : read(text.value);
      const conditions = conditionsOf(filter, operators);
      rows.replaceChildren();
      part(builder, "add").hidden = conditions === null;
      if (filter === text.value) note.textContent = "This is not valid JSON yet.";
      else if (conditions === null) note.textContent = "Rows can't show this filter: edit its JSON.";
      else note.textContent = conditions.length ? "" : "Without a condition, all documents are searched.";
      for (const [field, operator, value] of conditions ?? []) add(field, operator, spell(value));
    }

    function write() {
      const conditions = [...rows.children]
        .map((row) => ["field", "operator", "value"].map((name) => part(row, name).value))
        .filter(([field]) => field.trim() !== "")
        .map(([field, operator, value]) => [field.trim(), operator, readFor(operator, value)]);
      text.value = conditions.length ? JSON.stringify(filterOf(conditions), null, 1) : "";
      note.textContent = "";
    }

    builder.addEventListener("input", write);
    builder.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act === "add") part(add(), "field").focus();
      if (act === "remove") {
        event.target.closest(".playground-row").remove();
        write();
        part(builder, "add").focus();
      }
    });
    text.addEventListener("input", show);
    show();
    builder.hidden = false;
  }

  // What the form holds stands behind the # of a link, which no browser sends to any server.
  function state() {
    const values = new FormData(form());
    values.delete("csrfmiddlewaretoken");
    return new URLSearchParams([...values].filter(([, value]) => value !== "")).toString();
  }

  function fill(values) {
    for (const control of form().elements) {
      if (!control.name || control.type === "hidden") continue;
      if (control.type === "checkbox") {
        control.checked = values.getAll(control.name).includes(control.value);
      } else {
        control.value = values.get(control.name) ?? "";
      }
    }
    for (const text of all(form(), "textarea")) text.dispatchEvent(new Event("input"));
  }

  function restore() {
    const values = new URLSearchParams(location.hash.slice(1));
    if (values.has("query") || values.has("a-collection")) fill(values);
  }

  function makeSame() {
    const values = new URLSearchParams(state());
    for (const name of new Set(values.keys())) if (name.startsWith("b-")) values.delete(name);
    for (const [name, value] of [...values]) {
      if (name.startsWith("a-")) values.append(`b-${name.slice(2)}`, value);
    }
    fill(values);
    say("Configuration B is the same as A.");
  }

  async function share() {
    history.replaceState(null, "", `#${state()}`);
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied.");
    } catch {
      say("The link is in the address bar: copy it there.", true); // without TLS
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.act === "share") share();
    if (button?.dataset.act === "same") makeSame();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form().contains(event.target)) {
      event.preventDefault();
      form().requestSubmit();
    }
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      document.getElementById("id_query").focus();
    }
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr, isError } = event.detail;
    if (target.id !== "playground" || isError) return;
    say("");
    if (!xhr.responseText.includes('id="playground"')) {
      event.detail.shouldSwap = false; // the session has ended: that is the login's page
      location.reload();
    }
  });
  document.addEventListener("htmx:responseError", (event) => {
    say(`The service answered ${event.detail.xhr.status}. Its log says why.`, true);
  });
  document.addEventListener("htmx:sendError", () => say("The service did not answer.", true));

  window.addEventListener("hashchange", restore);
  htmx.onLoad((loaded) => {
    for (const builder of all(loaded, ".playground-rows")) prepareRows(builder);
    if (loaded === document.body) restore();
  });
})();
