import{b as c}from"./chunk-FQK6MMFY.js";import{a as s}from"./chunk-TR4JMUSU.js";import{b as f,c as l}from"./chunk-QSNW235Q.js";var r=f(l(),1);var i=`subscription ExecutionsChanged {
  executionsChanged {
    ids
  }
}
`;function g(o,t){return s().subscribe({query:i},{next:({data:e})=>{e?.executionsChanged.ids.includes(o)&&t()},error:e=>console.warn("Changes are not told:",e),complete:()=>{}})}function C(o,t){let e=(0,r.useRef)(o);e.current=o,(0,r.useEffect)(()=>{let n=0,u=()=>{n=0,c()&&e.current()},m=s().subscribe({query:i},{next:()=>{n||=setTimeout(u,t)},error:a=>console.warn("The list is not live:",a),complete:()=>{}});return()=>{clearTimeout(n),m()}},[])}export{g as a,C as b};
