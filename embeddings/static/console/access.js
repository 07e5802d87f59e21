// Names that are suggested while one types, and buttons that copy.
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

async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const said = document.getElementById(`${source.id}_said`);
    try {
        await navigator.clipboard.writeText(source.value);
    } catch {
        // Without TLS there is no clipboard.
        source.select();
        document.execCommand("copy");
    }
    said.textContent = "Copied.";
}

document.querySelectorAll("[data-suggest]").forEach(suggest);
document.querySelectorAll("[data-copy]").forEach((button) => {
    button.addEventListener("click", () => copy(button));
});
