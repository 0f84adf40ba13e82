import{b as f}from"./chunk-FQK6MMFY.js";import{a as u}from"./chunk-TR4JMUSU.js";import{b as d,c as p}from"./chunk-QSNW235Q.js";var c=d(p(),1);var l=`subscription ExecutionsChanged {
  executionsChanged {
    ids
    resync
  }
}
`;var i=new Set,r=null;function x(){let t=async({ids:e,resync:o})=>{for(let s of[...i])(o||e.includes(s.id))&&await s.look()},n=()=>{r=null};return u().subscribe({query:l},{next:({data:e})=>{e&&t(e.executionsChanged)},error:e=>{n(),console.warn("Changes are not told:",e)},complete:n})}function y(t,n){let e={id:t,look:n};return i.add(e),r?n():r=x(),()=>{i.delete(e),!i.size&&(r?.(),r=null)}}function T(t,n){let e=(0,c.useRef)(t);e.current=t,(0,c.useEffect)(()=>{let o=0,s=()=>{o=0,f()&&e.current()},a=u().subscribe({query:l},{next:()=>{o||=setTimeout(s,n)},error:m=>console.warn("The list is not live:",m),complete:()=>{}});return()=>{clearTimeout(o),a()}},[])}export{y as a,T as b};
