import{b as d,c as a}from"./chunk-NZVKD3LE.js";import{a as f,b as g}from"./chunk-FQK6MMFY.js";import{ea as u,fa as k}from"./chunk-7V4EH7I6.js";import{b as r,c as p,d as x,e as c}from"./chunk-KQCN2SGY.js";var n=r(p(),1);var T=`subscription ExecutionsChanged {
  executionsChanged {
    __typename
  }
}
`;var b=`query ApprovalsWaiting {
  approvals(first: 1) {
    totalCount
  }
}
`;var m=r(p(),1);var w=`subscription MetricsTick {
  metricsTick {
    queued
    running
    waiting
    started
    failed
    tokens
    cost
  }
}
`;var i=r(c(),1),W=[["Running",t=>t.running],["Queued",t=>t.queued],["Waiting",t=>t.waiting],["Started / min",t=>a(t.started)],["Failed / min",t=>a(t.failed)],["Tokens / min",t=>a(t.tokens)],["Cost / min",t=>d(t.cost)]];function E(){let[t,s]=(0,m.useState)(null);return(0,m.useEffect)(()=>u().subscribe({query:w},{next:e=>{e.data?.metricsTick&&s(e.data.metricsTick)},error:e=>console.warn("The figures are not live:",e),complete:()=>{}}),[]),(0,i.jsx)("dl",{className:"fact-strip","aria-label":"Now",children:W.map(([e,o])=>(0,i.jsxs)("div",{children:[(0,i.jsx)("dt",{children:e}),(0,i.jsx)("dd",{children:t?o(t):"…"})]},e))})}var l=r(c(),1);function h(t,s){let e=(0,n.useRef)(t);e.current=t,(0,n.useEffect)(()=>{let o=0,y=()=>{o=0,g()&&e.current()},v=u().subscribe({query:T},{next:()=>{o||=setTimeout(y,s)},error:C=>console.warn("The list is not live:",C),complete:()=>{}});return()=>{clearTimeout(o),v()}},[])}function I({onChange:t}){return h(()=>f(t),1e3),null}function J(){let[t,s]=(0,n.useState)(0),e=async()=>{try{s((await k(b,{})).approvals.totalCount)}catch(o){console.warn("The questions could not be counted:",o)}};return(0,n.useEffect)(()=>{e()},[]),h(e,1500),t?(0,l.jsxs)("span",{className:"count",children:[t,(0,l.jsx)("span",{className:"visually-hidden",children:" waiting"})]}):null}export{E as Now,J as WaitingCount,I as Watch,x as bind};
