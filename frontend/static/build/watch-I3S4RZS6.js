import{a as s}from"./chunk-F5XAF3IO.js";import{b as f,c as p,d as a,e as n,f as i}from"./chunk-4RVDG23K.js";var e=f(p(),1);var c=`subscription ExecutionsChanged {
  executionsChanged {
    __typename
  }
}
`;function y({onChange:r}){let o=(0,e.useRef)(r);return o.current=r,(0,e.useEffect)(()=>{let t=0,m=()=>{t=0,i()&&n(o.current)},u=s().subscribe({query:c},{next:()=>{t||=setTimeout(m,1e3)},error:l=>console.warn("The list is not live:",l),complete:()=>{}});return()=>{clearTimeout(t),u()}},[]),null}export{y as Watch,a as bind};
