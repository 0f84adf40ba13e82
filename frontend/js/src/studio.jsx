export { bind } from "./lib/bind.js";
export { Studio } from "./bal/Studio.jsx";
