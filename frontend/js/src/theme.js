// Runs before the first paint, so that a chosen theme never flashes the other one.
const choice = localStorage.getItem("theme");
if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
