import{b as n}from"./chunk-FQK6MMFY.js";import{a as s}from"./chunk-TR4JMUSU.js";import{b as p,c as a}from"./chunk-QSNW235Q.js";var e=p(a(),1);var i=`subscription ExecutionsChanged {
  executionsChanged {
    __typename
  }
}
`;function g(o,c){let r=(0,e.useRef)(o);r.current=o,(0,e.useEffect)(()=>{let t=0,u=()=>{t=0,n()&&r.current()},m=s().subscribe({query:i},{next:()=>{t||=setTimeout(u,c)},error:f=>console.warn("The list is not live:",f),complete:()=>{}});return()=>{clearTimeout(t),m()}},[])}export{g as a};
