function e(n,t){n&&n(JSON.stringify(t??{}))}var o=()=>document.documentElement.dataset.online!=="no";export{e as a,o as b};
