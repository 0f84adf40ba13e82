import{a as b,b as y,c as g}from"./chunk-OEUWJV3T.js";import{b as f}from"./chunk-TR4JMUSU.js";import{b as m,c as C,e as k,f as r,h as w}from"./chunk-QSNW235Q.js";var l=m(C(),1);var v=`query CompareBotVersions($botId: ID!, $oldVersionId: ID, $newVersionId: ID, $newSource: BalSource) {
  compareBotVersions(
    botId: $botId
    oldVersionId: $oldVersionId
    newVersionId: $newVersionId
    newSource: $newSource
  ) {
    summary
    changes { kind subject sentence }
    lines { kind old new text }
    linesAdded
    linesRemoved
    truncated
  }
}
`;var N=`query ImportDifference($id: ID!) {
  previewImport(bundleId: $id) {
    items {
      name
      comparison {
        changes { kind subject sentence }
        lines { kind old new text }
        linesAdded
        linesRemoved
        truncated
      }
    }
  }
}
`;var e=m(k(),1);async function R(t){if(t.bundleId){let{items:a}=(await f(N,{id:t.bundleId})).previewImport;return a.find(n=>n.name===t.name)?.comparison}return(await f(v,t)).compareBotVersions}var I=t=>/added$/.test(t)?"added":/removed$/.test(t)?"removed":"changed",q={added:"plus",removed:"minus",changed:"pen-line"};function E({changes:t}){return t?t.length?(0,e.jsx)("ul",{className:"diff-changes","aria-label":"What changed",children:t.map((a,n)=>(0,e.jsxs)("li",{"data-tone":I(a.kind),children:[(0,e.jsx)(r,{name:q[I(a.kind)]}),(0,e.jsx)("span",{children:(0,e.jsx)(w,{text:a.sentence})})]},n))}):(0,e.jsxs)("p",{className:"diff-note",children:[(0,e.jsx)(r,{name:"info"})," Both mean the same: only spelling, layout or remarks differ."]}):(0,e.jsxs)("p",{className:"diff-note",children:[(0,e.jsx)(r,{name:"info"})," One of the two texts has mistakes, so it is compared line by line only."]})}function u({parts:t}){return t.map((a,n)=>a.marked?(0,e.jsx)("mark",{children:a.text},n):a.text)}function F({rows:t,onUnfold:a}){return t.flatMap((n,s)=>n.fold?[(0,e.jsx)($,{row:n,span:3,onUnfold:a},s)]:n.changed?[...n.old?[(0,e.jsxs)("tr",{"data-kind":"removed",children:[(0,e.jsx)("th",{children:n.old.number}),(0,e.jsx)("th",{}),(0,e.jsxs)("td",{children:[(0,e.jsx)("span",{className:"sign",children:"−"}),(0,e.jsx)(u,{parts:n.old.parts})]})]},`${s}o`)]:[],...n.new?[(0,e.jsxs)("tr",{"data-kind":"added",children:[(0,e.jsx)("th",{}),(0,e.jsx)("th",{children:n.new.number}),(0,e.jsxs)("td",{children:[(0,e.jsx)("span",{className:"sign",children:"+"}),(0,e.jsx)(u,{parts:n.new.parts})]})]},`${s}n`)]:[]]:[(0,e.jsxs)("tr",{children:[(0,e.jsx)("th",{children:n.old.number}),(0,e.jsx)("th",{children:n.new.number}),(0,e.jsx)("td",{children:n.old.text})]},s)])}function S({side:t,kind:a,sign:n}){return t?(0,e.jsxs)(e.Fragment,{children:[(0,e.jsx)("th",{"data-kind":a,children:t.number}),(0,e.jsxs)("td",{"data-kind":a,children:[a?(0,e.jsx)("span",{className:"sign",children:n}):null,a?(0,e.jsx)(u,{parts:t.parts}):t.text]})]}):(0,e.jsxs)(e.Fragment,{children:[(0,e.jsx)("th",{className:"none"}),(0,e.jsx)("td",{className:"none"})]})}function H({rows:t,onUnfold:a}){return t.map((n,s)=>n.fold?(0,e.jsx)($,{row:n,span:4,onUnfold:a},s):(0,e.jsxs)("tr",{children:[(0,e.jsx)(S,{side:n.old,kind:n.changed?"removed":void 0,sign:"−"}),(0,e.jsx)(S,{side:n.new,kind:n.changed?"added":void 0,sign:"+"})]},s))}function $({row:t,span:a,onUnfold:n}){return(0,e.jsx)("tr",{className:"fold",children:(0,e.jsx)("td",{colSpan:a,children:(0,e.jsxs)("button",{type:"button","data-offline-ok":!0,onClick:()=>n(t.fold),children:[(0,e.jsx)(r,{name:"chevron-down"})," ",t.count," lines that are the same"]})})})}var J=()=>window.matchMedia("(max-width: 900px)").matches?"unified":localStorage.getItem("diff")||"split";function P({wanted:t,label:a="Difference"}){let n=JSON.stringify(t),[s,p]=(0,l.useState)({}),[c,x]=(0,l.useState)(J),[V,h]=(0,l.useState)(()=>new Set);(0,l.useEffect)(()=>{let o=!1;return h(new Set),R(JSON.parse(n)).then(d=>{o||p({comparison:d||null,key:n})},d=>{o||p({error:d.message,key:n})}),()=>{o=!0}},[n]);let D=o=>{x(o),localStorage.setItem("diff",o)};if(s.error)return(0,e.jsxs)("p",{className:"diff-note",role:"alert",children:[(0,e.jsx)(r,{name:"triangle-alert"})," ",s.error]});if(s.comparison===void 0)return(0,e.jsxs)("div",{className:"skeletons rows","aria-busy":"true",children:[(0,e.jsx)("div",{className:"skeleton row"}),(0,e.jsx)("div",{className:"skeleton row"}),(0,e.jsx)("div",{className:"skeleton row"})]});let{comparison:i}=s;if(!i||!i.lines.some(o=>o.kind!=="SAME"))return(0,e.jsxs)("p",{className:"diff-note",role:"status",children:[(0,e.jsx)(r,{name:"circle-check"})," The two texts are the same."]});let B=g(y(b(i.lines)),V),O=o=>h(d=>new Set(d).add(o)),A=c==="split"?H:F;return(0,e.jsxs)("div",{className:"difference","data-stale":s.key!==n||void 0,children:[(0,e.jsx)(E,{changes:i.changes}),(0,e.jsxs)("div",{className:"diff-bar",children:[(0,e.jsxs)("span",{className:"diff-count","data-kind":"added",children:["+",i.linesAdded]}),(0,e.jsxs)("span",{className:"diff-count","data-kind":"removed",children:["−",i.linesRemoved]}),(0,e.jsx)("span",{className:"visually-hidden",children:"lines added and removed"}),(0,e.jsx)("span",{className:"spacer"}),(0,e.jsx)("div",{className:"segmented",role:"group","aria-label":"How to show it",children:[["split","Side by side"],["unified","One column"]].map(([o,d])=>(0,e.jsx)("button",{type:"button","data-offline-ok":!0,"aria-pressed":c===o,onClick:()=>D(o),children:d},o))})]}),(0,e.jsx)("div",{className:"diff-scroll",tabIndex:0,role:"region","aria-label":a,children:(0,e.jsxs)("table",{className:"diff","data-view":c,children:[(0,e.jsx)("colgroup",{children:(c==="split"?["n","","n",""]:["n","n",""]).map((o,d)=>(0,e.jsx)("col",{className:o},d))}),(0,e.jsx)("tbody",{children:(0,e.jsx)(A,{rows:B,onUnfold:O})})]})}),i.truncated?(0,e.jsxs)("p",{className:"diff-note",children:[(0,e.jsx)(r,{name:"info"})," The texts are longer than what is shown here."]}):null]})}export{P as a};
