// Choosing documents of a list, and files that are looked at before they are imported.
function choose(form) {
    const all = form.querySelector("[data-choose-all]");
    const act = form.querySelector("[data-choose-act]");
    const boxes = [...form.querySelectorAll("input[name=id]")];
    const update = () => {
        const chosen = boxes.filter((box) => box.checked).length;
        if (act) act.disabled = chosen === 0;
        all.checked = chosen > 0 && chosen === boxes.length;
        all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    all?.addEventListener("change", () => {
        for (const box of boxes) box.checked = all.checked;
        update();
    });
    if (all) form.addEventListener("change", update);
}

function imports(form) {
    const file = document.getElementById("id_file");
    const preview = document.getElementById("preview");
    const fault = document.getElementById("import-fault");
    const start = document.getElementById("import-start");
    const progress = document.getElementById("import-progress");
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const head = Number(form.dataset.head);
    let asked = 0;
    // Or Unfold writes the file's name into the form's first text field.
    file.hasChangeListener = true;

    // What nobody changed is told by the names of the columns.
    function columns() {
        const text = document.getElementById("column-text");
        if (!text?.value) return null;
        const id = document.getElementById("column-id").value;
        const metadata = [...preview.querySelectorAll("[data-column]:checked")]
            .map((box) => box.value).filter((name) => name !== text.value && name !== id);
        return JSON.stringify({ text: text.value, id: id || null, metadata });
    }

    function query(chosen) {
        const values = new URLSearchParams({
            collection: form.collection.value, name: file.files[0].name,
            on_conflict: form.elements.on_conflict.value,
        });
        if (chosen) values.set("columns", chosen);
        return values;
    }

    function tell(text) {
        fault.textContent = text;
        fault.hidden = !text;
    }

    async function look(chosen) {
        tell("");
        start.disabled = true;
        const [one] = file.files;
        if (!one || !form.collection.value) return;
        const turn = ++asked;
        const values = query(chosen);
        if (one.size <= head) values.set("whole", "1");
        try {
            const answer = await fetch(`${form.dataset.preview}?${values}`, {
                method: "POST", body: one.slice(0, head),
                headers: { "X-CSRFToken": token, "Content-Type": "application/octet-stream" },
            });
            if (turn !== asked) return;
            if (!answer.ok) throw new Error();
            const focused = document.activeElement?.id;
            preview.innerHTML = await answer.text();
            if (focused) document.getElementById(focused)?.focus();
            start.disabled = !preview.querySelector("table");
        } catch {
            tell("The file could not be looked at. Choose it again.");
        }
    }

    function upload() {
        tell("");
        start.disabled = true;
        progress.hidden = false;
        const request = new XMLHttpRequest();
        request.open("POST", `?${query(columns())}`);
        request.setRequestHeader("X-CSRFToken", token);
        request.setRequestHeader("Content-Type", "application/octet-stream");
        request.responseType = "json";
        request.upload.addEventListener("progress", (event) => {
            if (event.lengthComputable) progress.value = event.loaded / event.total;
        });
        request.addEventListener("loadend", () => {
            if (request.status === 201) {
                location.assign(request.response.location);
                return;
            }
            progress.hidden = true;
            start.disabled = false;
            tell(request.response?.detail ?? "The upload broke off. Nothing was imported.");
        });
        request.send(file.files[0]);
    }

    file.addEventListener("change", () => look(null));
    form.collection.addEventListener("change", () => look(columns()));
    preview.addEventListener("change", () => look(columns()));
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        upload();
    });
    if (file.files.length) look(null);
}

document.querySelectorAll("[data-choose]").forEach(choose);
document.querySelectorAll("#import").forEach(imports);
