// Fetches the dashboard anew every 15 seconds, unless it is paused or out of sight. Opened tables
// stay open, and what asks for attention is announced when it changes.
(() => {
    const EVERY_MS = 15_000;
    const PAUSED = "dashboardPaused";
    const ICONS = { true: "play_arrow", false: "pause" };

    document.addEventListener("DOMContentLoaded", () => {
        const panels = document.getElementById("dashboard-panels");
        const button = document.getElementById("dashboard-pause");
        const status = document.getElementById("dashboard-status");
        if (!panels) return;
        let opened = [];
        let focused = "";

        const isPaused = () => localStorage.getItem(PAUSED) === "1";

        // Only what is new is said: a status that is written anew is read out anew.
        const say = (text) => {
            if (status.textContent !== text) status.textContent = text;
        };

        const summary = () => {
            const named = [...panels.querySelectorAll("div[data-level]")]
                .filter((tile) => tile.dataset.level !== "good")
                .map((tile) => `${tile.querySelector("dt").textContent}: ${tile.dataset.level}`);
            return named.length ? `${named.join(", ")}.` : "";
        };

        const tell = () =>
            say(`${isPaused() ? "Paused." : "Refreshes every 15 seconds."} ${summary()}`.trim());

        const show = () => {
            button.setAttribute("aria-pressed", String(isPaused()));
            button.firstElementChild.textContent = ICONS[isPaused()];
            tell();
        };

        const refresh = () => {
            if (!isPaused() && !document.hidden) htmx.trigger(panels, "refresh");
        };

        button.hidden = false;
        button.addEventListener("click", () => {
            localStorage.setItem(PAUSED, isPaused() ? "0" : "1");
            show();
            refresh();
        });
        panels.addEventListener("htmx:beforeSwap", (event) => {
            // An ended session is answered with the page to log in, which is no part of this one.
            if (new URL(event.detail.xhr.responseURL).pathname !== location.pathname) {
                event.detail.shouldSwap = false;
                location.reload();
                return;
            }
            opened = [...panels.querySelectorAll("details[open]")].map((each) => each.id);
            const owner = document.activeElement.closest("#dashboard-panels details");
            focused = owner ? owner.id : "";
        });
        panels.addEventListener("htmx:afterSwap", () => {
            opened.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
            document.getElementById(focused)?.querySelector("summary").focus();
            tell();
        });
        for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
            panels.addEventListener(name, () => say("Not refreshed: the service did not answer."));
        }
        document.addEventListener("visibilitychange", refresh);
        setInterval(refresh, EVERY_MS);
        show();
    });
})();
