export { bind } from "./lib/bind.js";
export { Explorer } from "./explore/Explorer.jsx";
