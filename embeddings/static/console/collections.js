// Parts of a collection's page as tabs, and rows for its metadata schema. Without this file the
// parts stand below each other, and a schema is declared a field at a time.
(() => {
    const tabs = (root) => {
        const list = root.querySelector("[data-tabs-list]");
        const links = [...list.querySelectorAll("a")];
        const panel = (link) => document.getElementById(link.hash.slice(1));
        list.setAttribute("role", "tablist");

        const show = (chosen) => {
            for (const link of links) {
                const on = link === chosen;
                link.setAttribute("aria-selected", String(on));
                link.tabIndex = on ? 0 : -1;
                panel(link).hidden = !on;
            }
        };

        for (const link of links) {
            link.setAttribute("role", "tab");
            link.setAttribute("aria-controls", panel(link).id);
            link.id = `${panel(link).id}-tab`;
            panel(link).setAttribute("role", "tabpanel");
            panel(link).setAttribute("aria-labelledby", link.id);
            link.addEventListener("click", (event) => {
                event.preventDefault();
                history.replaceState(null, "", link.hash);
                show(link);
            });
        }
        list.addEventListener("keydown", (event) => {
            const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
            if (!step) return;
            const next = links[(links.indexOf(event.target) + step + links.length) % links.length];
            next.focus();
            next.click();
        });
        const faulty = links.find((link) => panel(link).querySelector(".errors, .errorlist, .errornote"));
        show(faulty || links.find((link) => link.hash === location.hash) || links[0]);
    };

    const schema = (root) => {
        const name = root.dataset.schema;
        const body = root.querySelector("tbody");
        const template = root.querySelector("template");
        let number = body.rows.length;
        const button = root.querySelector("[data-schema-add]");
        button.hidden = false;
        button.addEventListener("click", () => {
            const row = template.content.cloneNode(true);
            for (const input of row.querySelectorAll("[name]")) {
                input.name = input.name.replace(`${name}-NUMBER-`, `${name}-${number}-`);
            }
            number += 1;
            body.append(row);
            body.lastElementChild.querySelector("input[type=text]").focus();
        });
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-tabs]").forEach(tabs);
        document.querySelectorAll("[data-schema]").forEach(schema);
    });
})();
