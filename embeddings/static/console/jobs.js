// Jobs that refresh by themselves: not while paused, out of sight, or while the keyboard is in them.
const WATCHED = ["jobs-watch", "job-live"];
let isPaused = false;

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-pause]");
  if (!button) return;
  isPaused = !isPaused;
  show(button);
});

function show(button) {
  button.setAttribute("aria-pressed", String(isPaused));
  button.querySelector(".material-symbols-outlined").textContent = isPaused ? "play_arrow" : "pause";
  button.lastChild.textContent = isPaused ? " Go on" : " Pause";
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const holder = event.detail.elt;
  if (!WATCHED.includes(holder.id)) return;
  if (isPaused || document.hidden) event.preventDefault();
});

// What had the focus, or was scrolled, is the same afterwards.
let before = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "job-live") return;
  const boxes = [...event.detail.target.querySelectorAll(".console-scroll[id]")];
  before = {
    focused: document.activeElement?.id,
    onPause: document.activeElement?.matches("[data-pause]"),
    scrolled: boxes.map((box) => [box.id, box.scrollLeft, box.scrollTop]),
  };
});
document.addEventListener("htmx:afterSettle", () => {
  if (!before) return;
  const { focused, onPause, scrolled } = before;
  before = null;
  for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
  const found = document.querySelector(onPause ? "[data-pause]" : focused ? `#${CSS.escape(focused)}` : null);
  found?.focus({ preventScroll: true });
});
