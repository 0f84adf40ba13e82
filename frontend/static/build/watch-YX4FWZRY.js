import{a,b as u}from"./chunk-FQK6MMFY.js";import{ea as p,fa as l}from"./chunk-7V4EH7I6.js";import{b as i,c as y,d as C,e as c}from"./chunk-KQCN2SGY.js";var e=i(y(),1);var m=`subscription ExecutionsChanged {
  executionsChanged {
    __typename
  }
}
`;var f=`query ApprovalsWaiting {
  approvals(first: 1) {
    totalCount
  }
}
`;var r=i(c(),1);function d(t,s){let n=(0,e.useRef)(t);n.current=t,(0,e.useEffect)(()=>{let o=0,h=()=>{o=0,u()&&n.current()},b=p().subscribe({query:m},{next:()=>{o||=setTimeout(h,s)},error:g=>console.warn("The list is not live:",g),complete:()=>{}});return()=>{clearTimeout(o),b()}},[])}function _({onChange:t}){return d(()=>a(t),1e3),null}function k(){let[t,s]=(0,e.useState)(0),n=async()=>{try{s((await l(f,{})).approvals.totalCount)}catch(o){console.warn("The questions could not be counted:",o)}};return(0,e.useEffect)(()=>{n()},[]),d(n,1500),t?(0,r.jsxs)("span",{className:"count",children:[t,(0,r.jsx)("span",{className:"visually-hidden",children:" waiting"})]}):null}export{k as WaitingCount,_ as Watch,C as bind};
