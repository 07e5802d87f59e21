// Light or dark as it was chosen in the console, for the pages beside it.
const chosen = localStorage.getItem("adminTheme");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark", chosen === '"dark"' || (chosen !== '"light"' && dark));
